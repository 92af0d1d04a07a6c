"""A gate in front of the web server, for what a server on the open internet has to refuse.

Gradio has routes that this program does not use, fetches addresses that a request names, and
answers what it does not understand with "Internal Server Error". Here only the routes in use are
open, so that one which a later Gradio adds is closed. What is refused, and what Gradio fails at, is
answered by one sentence.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .answers import FAILED, Refusal, Told
from .bodies import (
    LONGEST_BODY,
    LONGEST_PATH,
    LONGEST_TOOL_CALL,
    Folders,
    judge,
    parse,
    read,
)

log = logging.getLogger("nst")

API = "/gradio_api"
HEALTH = "/health"
UPLOAD = f"{API}/upload"
CALL = re.compile(rf"{API}/(queue/join|run/(?P<run>\w+)|call/(?P<v2>v2/)?(?P<name>\w+))")
STREAM = re.compile(rf"{API}/(queue/data|call/(v2/)?\w+/(?P<event>[\w-]+))")
FILE = re.compile(rf"{API}/file=(?P<path>.+)", re.DOTALL)
TOOLS = re.compile(rf"{API}/mcp(/http)?")
# Every route in use, without a slash at its end.
OPEN = {
    "GET": (
        # What a browser loads for the page.
        re.compile(r"|/config|/theme\.css|/favicon\.ico|/robots\.txt|/manifest\.json|/card\.jpg"),
        re.compile(r"/pwa_icon(/\d+)?|/(assets|static)/.+"),
        # What the page and the clients of programs ask for later.
        re.compile(rf"{API}/(info|openapi\.json|app_id|startup-events)"),
        re.compile(rf"{API}/(heartbeat/[\w-]+|upload_progress|mcp/schema)"),
        *(STREAM, FILE, TOOLS),
    ),
    "POST": (re.compile(rf"{API}/(upload|cancel|reset)"), CALL, TOOLS),
    "DELETE": (TOOLS,),
}
# Gradio offers neither prompts nor resources here, but runs a tool in the place of any prompt.
CLOSED_METHODS = ("prompts/get", "resources/read", "resources/subscribe")


class Gate:
    """ASGI middleware.

    Args:
        app: what is behind the gate.
        folders: where uploads and examples are, the only files that a request may name.
        left: is called with the session of a client whose stream of events has been cut.
        health: gives what the health endpoint answers, but for how many requests wait.
    """

    def __init__(
        self,
        app: ASGIApp,
        folders: Sequence[Path],
        left: Callable[[str], None],
        health: Callable[[], dict[str, Any]],
    ) -> None:
        self.app, self.left, self.health = app, left, health
        self.folders = Folders(folders)
        # How many values each function takes, by its number and by its name.
        self._counts: dict[int | str, int] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close"})
            return
        if scope["type"] != "http":  # the start and the end of the server
            await self.app(scope, receive, send)
            return
        path = scope["path"].rstrip("/")
        try:
            if path == HEALTH:
                status = await self._ask(scope, f"{API}/queue/status")
                answer = JSONResponse({**self.health(), "waiting": status["queue_size"]})
                await answer(scope, receive, send)
                return
            self._check_route(scope, path)
            if scope["method"] == "POST" and path != UPLOAD:
                scope, receive = await self._judge_body(scope, path, receive)
        except Refusal as refusal:
            await refusal.response()(scope, receive, send)
            return
        await self._pass(scope, path, receive, send)

    def _check_route(self, scope: Scope, path: str) -> None:
        if max(len(path) - len(f"{API}/file="), len(scope["query_string"])) > LONGEST_PATH:
            raise Refusal(414, "This address is too long.")
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        if not any(route.fullmatch(path) for route in OPEN.get(method, ())):
            raise Refusal(404, "There is nothing here.")
        file = FILE.fullmatch(path)
        if file and not self.folders.have(file["path"]):
            raise Refusal(403, "This file is not served.")

    async def _judge_body(self, scope: Scope, path: str, receive: Receive) -> tuple[Scope, Receive]:
        """A request whose body is what was judged, however another parser reads the one that came.

        Raises:
            Refusal: it is no body for the app.
        """
        tools = TOOLS.fullmatch(path) is not None
        data = parse(await read(receive, LONGEST_TOOL_CALL if tools else LONGEST_BODY))
        try:
            if tools and isinstance(data, dict) and data.get("method") in CLOSED_METHODS:
                raise Refusal(404, "There are tools alone here.")
            judge(data, self.folders, addresses=tools)
            await self._check_call(scope, path, data)
        except Refusal as refusal:
            if tools and isinstance(data, dict):
                raise Refusal(refusal.status, refusal.text, data) from None
            raise
        body = json.dumps(data).encode()
        changed = (b"content-length", b"transfer-encoding")
        headers = [(name, value) for name, value in scope["headers"] if name not in changed]
        headers.append((b"content-length", str(len(body)).encode()))
        given = False

        async def again() -> Message:
            nonlocal given
            if given:
                return await receive()
            given = True
            return {"type": "http.request", "body": body, "more_body": False}

        return {**scope, "headers": headers}, again

    async def _check_call(self, scope: Scope, path: str, data: Any) -> None:
        """Refuse a call of a function that there is not, or with too few values or too many."""
        found = CALL.fullmatch(path)
        if found is None:
            return
        if not isinstance(data, dict):
            raise Refusal(422, "A call is an object with the values in data.")
        if not self._counts:
            for function in (await self._ask(scope, "/config"))["dependencies"]:
                takes = len(function["inputs"])
                self._counts |= {function["id"]: takes, str(function["api_name"]): takes}
        name = found["name"] or data.get("fn_index", found["run"])
        count = self._counts.get(name) if isinstance(name, (int, str)) else None
        if count is None:
            raise Refusal(404, "There is no such function here: the API page lists them.")
        values = data.get("data")
        if not found["v2"] and not (isinstance(values, list) and len(values) == count):
            raise Refusal(422, "This is not the number of values that the API page asks for.")

    async def _ask(self, scope: Scope, path: str) -> Any:
        """The JSON that a route of the app answers; no visitor need be let in there.

        What came with the request of `scope` does not go along.
        """
        body = bytearray()

        async def receive() -> Message:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Message) -> None:
            body.extend(message.get("body", b""))

        asked = {"method": "GET", "path": path, "raw_path": path.encode(), "query_string": b""}
        headers = [(b"host", b"localhost")]
        await self.app({**scope, **asked, "headers": headers}, receive, send)
        return json.loads(body)

    async def _pass(self, scope: Scope, path: str, receive: Receive, send: Send) -> None:
        stream = STREAM.fullmatch(path) if scope["method"] == "GET" else None
        if stream is not None:
            query = parse_qs(scope["query_string"].decode("latin-1"))
            session = stream["event"] or query.get("session_hash", [""])[0]
            receive = self._watched(receive, session)
        told = Told(send, call=scope["method"] == "POST" or stream is not None)
        try:
            await self.app(scope, receive, told)
        except Exception as error:
            if told.started:
                raise
            log.error("failed: %s %.80s: %.200r", scope["method"], path, error)
            status = 422 if scope["method"] == "POST" else 500
            await Refusal(status, FAILED).response()(scope, receive, send)

    def _watched(self, receive: Receive, session: str) -> Receive:
        """A `receive` that reports when the client of a stream of events has gone."""

        async def watched() -> Message:
            message = await receive()
            if message["type"] == "http.disconnect" and session:
                self.left(session)
            return message

        return watched
