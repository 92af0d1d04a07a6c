"""A gate in front of the web server, for what a server on the open internet has to refuse.

Gradio has routes that this program does not use, fetches addresses that a request names, and
answers what it does not understand with "Internal Server Error". Here only the routes in use are
open, so that one which a later Gradio adds is closed. What is refused, and what Gradio fails at, is
answered by one sentence.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
import shutil
from collections.abc import Callable, Collection, Sequence
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
    in_time,
    judge,
    parse,
    read,
)
from .joins import Call, Function, Joins, request_to
from .limits import Limits

log = logging.getLogger("nst")

API = "/gradio_api"
HEALTH = "/health"
UPLOAD = f"{API}/upload"
CALL = re.compile(rf"{API}/(queue/join|run/(?P<run>\w+)|call/(?P<v2>v2/)?(?P<name>\w+))")
STREAM = re.compile(rf"{API}/(queue/data|call/(v2/)?\w+/(?P<event>[\w-]+))")
FILE = re.compile(rf"{API}/file=(?P<path>.+)", re.DOTALL)
PAGE = re.compile(rf"{API}/heartbeat/(?P<session>[\w-]+)")
TOOLS = re.compile(rf"{API}/mcp(/http)?")
# Every route in use, without a slash at its end.
OPEN = {
    "GET": (
        # What a browser loads for the page.
        re.compile(r"|/config|/theme\.css|/favicon\.ico|/robots\.txt|/manifest\.json|/card\.jpg"),
        re.compile(r"/pwa_icon(/\d+)?|/(assets|static)/.+"),
        # What the page and the clients of programs ask for later.
        re.compile(rf"{API}/(info|openapi\.json|app_id|startup-events)"),
        re.compile(rf"{API}/(upload_progress|mcp/schema)"),
        *(PAGE, STREAM, FILE, TOOLS),
    ),
    "POST": (re.compile(rf"{API}/(upload|cancel|reset)"), CALL, TOOLS),
    "DELETE": (TOOLS,),
}
# Pages and clients of Gradio use ten letters, programs without one the number of their event.
SESSION = re.compile(r"[\w-]{1,60}", re.ASCII)
DEFAULTS = Limits()
# Gradio offers neither prompts nor resources here, but runs a tool in the place of any prompt.
CLOSED_METHODS = ("prompts/get", "resources/read", "resources/subscribe")


class Gate:
    """ASGI middleware.

    Args:
        app: what is behind the gate.
        folders: where uploads and examples are, the only files that a request may name; uploads
            are in the first.
        left: is called with the session of a client that does not read its events any more.
        health: gives what the health endpoint answers, but for how many requests wait.
        limits: what the operator allows.
        runs: the numbers of the functions that need the device.
        usable: whether the app can use these values for the function of this number. The app would
            write what it can't use into the log.
    """

    def __init__(
        self,
        app: ASGIApp,
        folders: Sequence[Path],
        left: Callable[[str], None],
        health: Callable[[], dict[str, Any]],
        limits: Limits = DEFAULTS,
        runs: Collection[int] = (),
        usable: Callable[[int, Sequence[Any]], bool] = lambda number, values: True,
    ) -> None:
        self.app, self.health, self.limits = app, health, limits
        self.runs, self.usable = runs, usable
        self.uploads, self.folders = folders[0].resolve(), Folders(folders)
        self.joins = Joins(app, limits, left)
        # The functions by their numbers and by their names.
        self._functions: dict[int | str, Function] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close"})
        elif scope["type"] == "http":
            told = Told(send, call=scope["method"] == "POST")
            try:
                await self._answer(scope, scope["path"].rstrip("/"), receive, told)
            except Refusal as refusal:
                await self._refuse(refusal, scope, receive, told)
            except Exception as error:
                if told.started:
                    raise
                log.error("failed: %s %.80s: %.200r", scope["method"], scope["path"], error)
                status = 422 if scope["method"] == "POST" else 500
                await self._refuse(Refusal(status, FAILED), scope, receive, told)
        else:  # from the start of the server to its end
            sweeping = asyncio.create_task(self.joins.sweep_forever())
            try:
                await self.app(scope, receive, send)
            finally:
                sweeping.cancel()

    async def _refuse(self, refusal: Refusal, scope: Scope, receive: Receive, told: Told) -> None:
        if not told.started:
            await refusal.response()(scope, receive, told)

    async def _answer(self, scope: Scope, path: str, receive: Receive, told: Told) -> None:
        """Answer a request, or pass it on.

        Raises:
            Refusal: it goes no further.
        """
        if path == HEALTH:
            status = await self._ask(f"{API}/queue/status")
            answer = JSONResponse({**self.health(), "waiting": status["queue_size"]})
            await answer(scope, receive, told)
            return
        self._check_route(scope, path)
        if scope["method"] == "POST":
            await self._answer_post(scope, path, receive, told)
        elif scope["method"] == "GET" and (found := PAGE.fullmatch(path)):
            await self.joins.page(scope, receive, told, found["session"])
        elif scope["method"] == "GET" and (found := STREAM.fullmatch(path)):
            told.call = True
            query = parse_qs(scope["query_string"].decode("latin-1"))
            session = query.get("session_hash", [None])[0] if found["event"] is None else None
            await self.joins.stream(scope, receive, told, session, found["event"])
        else:
            await self.app(scope, receive, told)

    async def _answer_post(self, scope: Scope, path: str, receive: Receive, told: Told) -> None:
        if path == UPLOAD:
            if shutil.disk_usage(self.uploads).free < self.limits.room * 1e6:
                raise Refusal(507, "This server has no room for uploads now: try again later.")
            await self.app(scope, in_time(receive), told)
            return
        scope, receive, call = await self._judge_body(scope, path, receive)
        if call is not None:
            await self.joins.call(scope, receive, told, call)
        else:
            tools = TOOLS.fullmatch(path) is not None
            await self.app(self.joins.with_caller(scope) if tools else scope, receive, told)

    def _check_route(self, scope: Scope, path: str) -> None:
        if max(len(path) - len(f"{API}/file="), len(scope["query_string"])) > LONGEST_PATH:
            raise Refusal(414, "This address is too long.")
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        if not any(route.fullmatch(path) for route in OPEN.get(method, ())):
            raise Refusal(404, "There is nothing here.")
        file = FILE.fullmatch(path)
        if file and not self.folders.have(file["path"]):
            raise Refusal(403, "This file is not served.")

    async def _judge_body(
        self, scope: Scope, path: str, receive: Receive
    ) -> tuple[Scope, Receive, Call | None]:
        """A request whose body is what was judged, however another parser reads the one that came.

        Raises:
            Refusal: it is no body for the app.
        """
        tools = TOOLS.fullmatch(path) is not None
        data = parse(await read(receive, LONGEST_TOOL_CALL if tools else LONGEST_BODY))
        try:
            if tools and isinstance(data, dict) and data.get("method") in CLOSED_METHODS:
                raise Refusal(404, "There are tools alone here.")
            files = judge(data, self.folders, addresses=tools)
            call = await self._call(path, data, files)
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

        return {**scope, "headers": headers}, again, call

    async def _call(self, path: str, data: Any, files: Sequence[str]) -> Call | None:
        """The call of a function; None for a request of another kind.

        Raises:
            Refusal: there is no such function, or there are too few values for it or too many.
        """
        found = CALL.fullmatch(path)
        if found is None:
            return None
        if not isinstance(data, dict):
            raise Refusal(422, "A call is an object with the values in data.")
        if not self._functions:
            await self._learn_functions()
        name = found["name"] or data.get("fn_index", found["run"])
        function = self._functions.get(name) if isinstance(name, (int, str)) else None
        if function is None:
            raise Refusal(404, "There is no such function here: the API page lists them.")
        values = data.get("data")
        if not found["v2"]:
            if not (isinstance(values, list) and len(values) == function.takes):
                raise Refusal(422, "This is not the number of values that the API page asks for.")
            if not self.usable(function.number, values):
                raise Refusal(422, FAILED)
        clicked = data.get("event_data")
        if function.selects and not (
            isinstance(clicked, dict) and {"index", "value"} <= {*clicked}
        ):
            raise Refusal(422, "The event_data of a click has its index and its value.")
        # By its second form a call names parameters, and none of them is a session.
        session = None if found["v2"] else data.get("session_hash")
        if not (session is None or (isinstance(session, str) and SESSION.fullmatch(session))):
            raise Refusal(422, "A session_hash has at most 60 letters and digits.")
        paths = (Path(file).resolve() for file in files)
        uploads = tuple(path for path in paths if path.is_relative_to(self.uploads))
        return Call(function, session, uploads, joins=found["run"] is None)

    async def _learn_functions(self) -> None:
        for each in (await self._ask("/config"))["dependencies"]:
            if each.get("backend_fn") is False:  # is done in the browser
                continue
            function = Function(
                number=each["id"],
                takes=len(each["inputs"]),
                queued=each.get("queue") is not False,
                private=each.get("api_visibility") == "private",
                is_run=each["id"] in self.runs,
                selects=bool(each.get("collects_event_data")),
            )
            self._functions[each["id"]] = function
            # Names of the page's own functions are those of its handlers, and not unique.
            self._functions.setdefault(str(each["api_name"]), function)

    async def _ask(self, path: str) -> Any:
        """The JSON that a route of the app answers; no visitor need be let in there."""
        body = bytearray()

        async def receive() -> Message:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Message) -> None:
            body.extend(message.get("body", b""))

        await self.app(request_to(path), receive, send)
        return json.loads(body)
