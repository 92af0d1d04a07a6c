"""What the gate answers, in place of the app behind it: one sentence."""

from __future__ import annotations

import json
import re
from typing import Any

from starlette.responses import JSONResponse, Response
from starlette.types import Message, Send

FAILED = "This request can't be answered: compare it with what the API page asks for."
# Gradio's answer to a request that it failed at, for a reason that it does not tell.
_UNTOLD = re.compile(rb'"error": ?null')
_TOLD = b'"error": ' + json.dumps(FAILED).encode()
_INVALID_PARAMS = -32602  # of JSON-RPC
GONE = "There is no such run here: it has ended, or nobody asked for its events in time."


class Refusal(Exception):
    """A request that goes no further; the text is the sentence for its sender.

    Args:
        status: of HTTP.
        call: the JSON of the request, if it is one of MCP.
    """

    def __init__(self, status: int, text: str, call: dict[str, Any] | None = None) -> None:
        super().__init__(text)
        self.status, self.text, self.call = status, text, call

    def response(self) -> JSONResponse:
        if self.call is not None:
            return JSONResponse(_tool_answer(self.call, self.text))
        detail: Any = self.text
        if self.status == 422:
            # The form in which Gradio refuses a value: its clients show the message.
            detail = [{"__type__": "validate", "is_valid": False, "message": self.text}]
        # What is left of a body that came too slowly, or is too long, is not waited for.
        headers = {"connection": "close"} if self.status in (408, 413) else None
        return JSONResponse({"detail": detail, "error": self.text}, self.status, headers)


def _tool_answer(call: dict[str, Any], text: str) -> dict[str, Any]:
    """An error in MCP. The error of a tool is its result, so that a model gets to read it."""
    if call.get("method") == "tools/call":
        result = {"content": [{"type": "text", "text": text}], "isError": True}
        return {"jsonrpc": "2.0", "id": call.get("id"), "result": result}
    error = {"code": _INVALID_PARAMS, "message": text}
    return {"jsonrpc": "2.0", "id": call.get("id"), "error": error}


def gone(single: bool) -> Response:
    """The answer to who asks for the events of a session that is not there.

    Args:
        single: whether the events of one call are asked for, or those of a page.
    """
    if single:
        text = f"event: error\ndata: {json.dumps({'error': GONE})}\n\n"
    else:
        # By `session_not_found` the page knows that it has to be loaded anew.
        message = {"msg": "unexpected_error", "message": GONE, "success": False}
        text = f"data: {json.dumps({**message, 'session_not_found': True})}\n\n"
    return Response(text, media_type="text/event-stream")


class Told:
    """A `send` that puts a sentence where Gradio does not tell why it failed.

    A call that Gradio fails at is one with values that Gradio can't use, and is answered as such.
    No browser is to guess what an answer is: an upload could be a script.

    Attributes:
        call: whether it is the answer to a call; pages and files pass as they are.
        started: whether anything has been sent.
    """

    def __init__(self, send: Send, call: bool) -> None:
        self.started = False
        self.call, self._send = call, send

    async def __call__(self, message: Message) -> None:
        self.started = True
        if message["type"] == "http.response.start":
            headers = [*message.get("headers", []), (b"x-content-type-options", b"nosniff")]
            status = message["status"]
            if self.call and status == 500:
                # The length of the body may change.
                headers = [header for header in headers if header[0] != b"content-length"]
                status = 422
            message = {**message, "status": status, "headers": headers}
        elif self.call and message.get("body"):
            message = {**message, "body": _UNTOLD.sub(_TOLD, message["body"])}
        await self._send(message)
