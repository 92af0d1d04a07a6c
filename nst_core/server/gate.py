"""A gate in front of the web server, for what a server on the open internet has to refuse.

Gradio fetches addresses that are named in a request, serves a number of things that this program
does not use, and answers what it does not understand with "Internal Server Error". Here such
requests end with one sentence, before they reach it.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
import uuid
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from . import tool_calls

log = logging.getLogger("nst")

API = "/gradio_api"
HEALTH = "/health"
# Parts of Gradio that serve no purpose here: links that save a page's values for ever, recordings,
# a code editor, functions of components, proxies for other Spaces, records of runs, MCP's old way.
CLOSED = re.compile(
    rf"({API})?/(api/|deep_link|process_recording|component_server|custom_component|stream/|proxy=|file/"
    r"|vibe|undo-vibe|dev/|runs|run-history|profiling|monitoring|login$|logout"
    r"|mcp/(?!(?:http|schema)?/?$))"
)
CALL = re.compile(rf"{API}/(?:queue/join|run/\w+|call/(?P<v2>v2/)?(?P<name>[^/]+))/?")
STREAM = re.compile(rf"{API}/(?:queue/data|call/(?:v2/)?[^/]+/(?P<event>\w+))/?")
# A request that is not an upload: settings, names of files, at most a painted region.
LONGEST_BODY = 4_000_000
# Fields of file data that are never opened: the address by which a browser sees the file.
HARMLESS = ("url", "orig_name")


class Guard:
    """ASGI middleware.

    Args:
        app: what is behind the gate.
        folders: where uploads and examples are, the only files that a request may name.
        inputs: how many values each function takes, by number and by name; there may be several
            ways to call one.
        left: is told the session of a client whose stream of events has been cut.
        health: what the health endpoint tells.
        callers: is kept up to date with the calls of MCP tools whose client is still there.
    """

    def __init__(
        self,
        app: ASGIApp,
        folders: Sequence[Path],
        inputs: Mapping[int | str, Container[int]],
        left: Callable[[str], None],
        health: Callable[[], dict[str, Any]],
        callers: set[str],
    ) -> None:
        self.app, self.inputs, self.left, self.health = app, inputs, left, health
        self.callers, self.calls = callers, 0
        self.folders = [folder.resolve() for folder in folders]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = False

        async def watched_send(message: Message) -> None:
            nonlocal started
            started |= message["type"] == "http.response.start"
            await send(message)

        refusal = self._refuse_path(scope["path"])
        pass_on = self._pass
        if refusal is None and scope["method"] == "POST" and not _is_upload(scope):
            refusal, receive, data = await self._read_body(scope["path"], receive)
            if tool_calls.is_tool_call(scope["path"], data):
                pass_on = self._pass_tool_call
        if refusal is not None:
            await refusal(scope, receive, send)
            return
        try:
            await pass_on(scope, receive, watched_send)
        except Exception:
            if started:
                raise
            log.exception("request failed: %s %s", scope["method"], scope["path"])
            text = "This request can't be answered: compare it with what the API page asks for."
            await _sentence(500, text)(scope, receive, send)

    async def _pass(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, self._watched(scope, receive), send)

    async def _pass_tool_call(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A call of an MCP tool, whose run ends when its client goes; it counts until then."""
        name = tool_calls.PREFIX + uuid.uuid4().hex
        # Gradio hands the headers on, to a request of another length.
        ours = (tool_calls.HEADER.encode(), b"transfer-encoding")
        headers = [(key, value) for key, value in scope["headers"] if key not in ours]
        headers.append((tool_calls.HEADER.encode(), name.encode()))

        async def watched() -> Message:
            message = await receive()
            if message["type"] == "http.disconnect":
                self.callers.discard(name)
                self.left(name)
                await asyncio.Event().wait()  # until the call has ended
            return message

        self.calls += 1
        self.callers.add(name)
        try:
            await self.app({**scope, "headers": headers}, watched, send)
        finally:
            self.calls -= 1
            self.callers.discard(name)

    def _refuse_path(self, path: str) -> Response | None:
        if path.rstrip("/") == HEALTH:
            return JSONResponse(self.health())
        if CLOSED.match(path):
            return _sentence(404, "There is nothing here.")
        file = path.partition("/file=")[2]
        if file and not self._may_name(file):  # links and .. are followed first
            return _sentence(403, "This file is not served.")
        return None

    async def _read_body(self, path: str, receive: Receive) -> tuple[Response | None, Receive, Any]:
        """The refusal of a body, if it has to be, what gives it to the app again, and its JSON."""
        body, data = b"", None
        while True:
            message = await receive()
            if message["type"] != "http.request":
                return _sentence(400, "The request was cut off."), receive, data
            body += message.get("body", b"")
            if len(body) > LONGEST_BODY:
                text = "This request is too long: upload pictures as files."
                return _sentence(413, text), receive, data
            if not message.get("more_body"):
                break
        try:
            data = json.loads(body)
            if self._put_files(data):
                body = json.dumps(data).encode()
            refusal = self._refuse_mcp(path, data)
            refusal = refusal or self._refuse_call(path, data) or self._refuse_values(path, data)
        except (ValueError, RecursionError):
            refusal = _sentence(400, "This request is not JSON.")
        given = False

        async def again() -> Message:
            nonlocal given
            if given:
                return await receive()
            given = True
            return {"type": "http.request", "body": body, "more_body": False}

        return refusal, again, data

    def _put_files(self, data: Any) -> bool:
        """Put files of this server in the place of their addresses; whether there are any."""
        if isinstance(data, list):
            return sum(self._put_files(value) for value in data) > 0
        if not isinstance(data, dict):
            return False
        path = data.get("path")
        if isinstance(path, str) and self._names_upload(path):
            data["path"] = tool_calls.uploaded(path)
            return True
        return sum(self._put_files(value) for value in data.values()) > 0

    def _refuse_mcp(self, path: str, data: Any) -> Response | None:
        if not tool_calls.is_mcp(path, data):
            return None
        if data.get("method") in tool_calls.CLOSED:
            return tool_calls.answer(data, "There are tools alone here.")
        if not tool_calls.is_tool_call(path, data):
            return None
        text = tool_calls.refusal(data, self._may_name)
        if text is None and self.calls >= tool_calls.MOST_CALLS:
            text = "This server has as many calls as it can take: try again in a minute."
        return text and tool_calls.answer(data, text)

    def _refuse_values(self, path: str, data: Any) -> Response | None:
        call = tool_calls.is_tool_call(path, data)
        refuse = partial(tool_calls.answer, data) if tool_calls.is_mcp(path, data) else _unfit
        for key, value in _values(data):
            if key in HARMLESS or (
                call and key in tool_calls.PICTURES and self._names_upload(value)
            ):
                continue
            if _is_address(value):
                return refuse(
                    "Addresses of other servers are not fetched: upload the file instead."
                )
            if key == "path" and not self._may_name(value):
                return refuse("This file is not an upload that is still here: upload it.")
        return None

    def _names_upload(self, address: str) -> bool:
        file = tool_calls.uploaded(address)
        return file is not None and self._may_name(file)

    def _refuse_call(self, path: str, data: Any) -> Response | None:
        """The refusal of a call to a function that there is not, or with too few values."""
        found = CALL.fullmatch(path)
        if found is None:
            return None
        if not isinstance(data, dict):
            return _unfit("A call is an object with the values in data.")
        name = found["name"] or data.get("fn_index", data.get("api_name"))
        known = isinstance(name, (int, str)) and name in self.inputs
        if not known:
            return _sentence(404, "There is no such function here: the API page lists them.")
        values = data.get("data")
        if not found["v2"] and not (isinstance(values, list) and len(values) in self.inputs[name]):
            return _unfit("This is not the number of values that the API page asks for.")
        return None

    def _may_name(self, path: str) -> bool:
        try:
            found = Path(path).resolve()
            return found.is_file() and any(found.is_relative_to(x) for x in self.folders)
        except (OSError, ValueError):
            return False

    def _watched(self, scope: Scope, receive: Receive) -> Receive:
        """`receive`, which tells when the client of a stream of events has gone."""
        found = STREAM.fullmatch(scope["path"]) if scope["method"] == "GET" else None
        if found is None:
            return receive
        query = parse_qs(scope["query_string"].decode("latin-1"))
        session = found["event"] or query.get("session_hash", [""])[0]

        async def watched() -> Message:
            message = await receive()
            if message["type"] == "http.disconnect" and session:
                self.left(session)
            return message

        return watched


def _is_upload(scope: Scope) -> bool:
    return bool(re.fullmatch(rf"{API}/upload/?", scope["path"]))


def _is_address(text: str) -> bool:
    return bool(re.match(r"\s*(\w[\w+.-]*:)?/[/\\]|\s*https?:", text, re.IGNORECASE))


def _values(data: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """All texts in JSON data, each with the key it stands at."""
    if isinstance(data, dict):
        for name, value in data.items():
            yield from _values(value, name)
    elif isinstance(data, list):
        for value in data:
            yield from _values(value, key)
    elif isinstance(data, str):
        yield key, data


def _unfit(text: str) -> JSONResponse:
    """What Gradio answers where a value is not valid: its clients show the text."""
    why = {"__type__": "validate", "is_valid": False, "message": text}
    return JSONResponse({"detail": [why], "error": text}, 422)


def _sentence(status: int, text: str) -> JSONResponse:
    return JSONResponse({"detail": text, "error": text}, status)
