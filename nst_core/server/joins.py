"""The way into Gradio's queue and out of it: who may join, and what ends since nobody reads it."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import secrets
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .answers import Refusal, gone
from .limits import Limits
from .visitors import Event, Session, Visitors, address_of

log = logging.getLogger("nst")

# How often the events are looked through.
SWEEP_SECONDS = 1.0
DATA = "/gradio_api/queue/data"
# Gradio's tools call the app over HTTP, with the headers of the call that came in. The gate adds
# one to those: it tells the address of the caller, and a word that no caller knows.
CALLER = b"x-nst-caller"


@dataclass(frozen=True)
class Function:
    """A function of the page or of the API.

    Attributes:
        number: of the function in the app.
        takes: how many values.
        queued: whether it waits in the queue.
        private: whether it is one of the page, which programs do not see.
        is_run: whether it needs the device.
        selects: whether it takes what was clicked.
    """

    number: int
    takes: int
    queued: bool = True
    selects: bool = False
    private: bool = False
    is_run: bool = False


@dataclass(frozen=True)
class Call:
    """A call that the gate has judged.

    Attributes:
        session: the name of its session, if it has one.
        files: uploads that it names.
        joins: whether it joins the queue.
    """

    function: Function
    session: str | None
    files: tuple[Path, ...]
    joins: bool


class Joins:
    """Passes calls on to the queue, and streams of events back.

    Args:
        app: what is behind the gate.
        left: is called with a session whose events nobody reads any more.
    """

    def __init__(self, app: ASGIApp, limits: Limits, left: Callable[[str], None]) -> None:
        self.app, self.left = app, left
        self.visitors = Visitors(limits)
        self._word = secrets.token_urlsafe(16)

    def with_caller(self, scope: Scope) -> Scope:
        """The scope of a call of a tool, which tells Gradio's own calls whose they are."""
        headers = [(name, value) for name, value in scope["headers"] if name != CALLER]
        headers.append((CALLER, f"{self._word} {_address(scope)}".encode()))
        return {**scope, "headers": headers}

    def _caller(self, scope: Scope) -> tuple[str, bool]:
        """The address that a call comes from, and whether it is the call of a tool."""
        word, _, address = dict(scope["headers"]).get(CALLER, b"").decode("latin-1").partition(" ")
        if address and secrets.compare_digest(word.encode(), self._word.encode()):
            return address, True
        return _address(scope), False

    async def call(self, scope: Scope, receive: Receive, send: Send, call: Call) -> None:
        """Pass a call on.

        Raises:
            Refusal: its sender has asked for enough already.
        """
        address, tool = self._caller(scope)
        if not call.joins:
            if call.session:
                await self.visitors.enter(call.session, address)
            await self.app(scope, receive, send)
            return
        if not call.function.queued:
            raise Refusal(422, "This function is not one of the queue: call it by its name.")
        ticket = secrets.token_hex(8)
        try:
            name, session = await self._admit(call, ticket, address, tool)
        except Refusal as refusal:
            # Programs show the sentence of a 422 alone.
            raise refusal if call.function.private else Refusal(422, refusal.text) from None
        event = Event(address, call.function.is_run, call.files, self.visitors.clock(), tool)
        session.events[ticket] = event
        answer = _Answer(send, lambda number: self._joined(name, ticket, number))
        try:
            await self.app(scope, receive, answer)
        finally:
            self.visitors.ended(name, ticket)
            if not call.session:
                self.visitors.sessions.pop(name, None)

    async def _admit(
        self, call: Call, ticket: str, address: str, tool: bool
    ) -> tuple[str, Session]:
        visitors = self.visitors
        known = await visitors.enter(call.session, address) if call.session else None
        visitors.check(known, address, call.function.is_run, tool)
        name = call.session or ticket
        return name, known or await visitors.enter(name, address)

    def _joined(self, name: str, ticket: str, number: str) -> None:
        """Rename an event to the number that the queue gave it, and a nameless session with it."""
        session = self.visitors.sessions.get(name)
        if session is None or ticket not in session.events:
            return
        session.events[number] = session.events.pop(ticket)
        if name == ticket:
            self.visitors.sessions[number] = self.visitors.sessions.pop(name)

    async def page(self, scope: Scope, receive: Receive, send: Send, name: str) -> None:
        """Pass on the connection that a page has open.

        Raises:
            Refusal: its address has opened too many.
        """
        session = await self.visitors.enter(name, _address(scope), page=True)
        session.pages += 1
        try:
            await self.app(scope, receive, send)
        finally:
            session.pages -= 1
            session.seen = self.visitors.clock()

    async def stream(
        self, scope: Scope, receive: Receive, send: Send, name: str | None, number: str | None
    ) -> None:
        """Pass on a stream of events: of a session, or of an event alone."""
        name = name or (number and (self.visitors.session_of(number) or number)) or ""
        session = self.visitors.sessions.get(name)
        if session is None:
            await gone(number is not None)(scope, receive, send)
            return
        session.readers += 1
        cut = False

        async def watched() -> Message:
            nonlocal cut
            message = await receive()
            if message["type"] == "http.disconnect":
                cut = True
                self.left(name)
            return message

        async def noted(message: Message) -> None:
            for done in _completed(message.get("body", b"")):
                session.events.pop(done, None)
            await send(message)

        try:
            await self.app(scope, watched, noted)
        finally:
            session.readers -= 1
            session.seen = self.visitors.clock()
            if number is not None:
                session.events.pop(number, None)
            if cut and not session.readers:
                session.events.clear()

    async def sweep_forever(self) -> None:
        """Sweep until the server ends."""
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            try:
                await self.sweep()
            except Exception as error:
                log.error("failed: sweep: %.200r", error)

    async def sweep(self) -> None:
        """End the events that nobody reads, and keep the files young that are still to be read."""
        visitors = self.visitors
        for path in visitors.files():
            with suppress(OSError):
                os.utime(path)
        ends: list[Awaitable[None]] = []
        for name in visitors.unread():
            session = visitors.sessions[name]
            if not session.is_page:
                del visitors.sessions[name]
            session.events.clear()
            ends.append(self._end(name))
        visitors.forget()
        await asyncio.gather(*ends)

    async def _end(self, name: str) -> None:
        """End a session: open its stream as its client would, and leave.

        Gradio then removes the events of the session from the queue, and the session from its table
        of 2,000. It takes two visits: the first may end with results that were still to be sent.
        """
        self.left(name)
        for _ in range(2):
            with suppress(Exception):  # Gradio knows no such session any more
                await self._visit(name)

    async def _visit(self, name: str) -> None:
        begun = asyncio.Event()

        async def receive() -> Message:
            # Gradio asks in between whether the client has gone, and does not wait for the answer.
            await asyncio.sleep(0)
            await begun.wait()
            await asyncio.sleep(0.05)
            return {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            begun.set()

        await self.app(request_to(DATA, f"session_hash={name}"), receive, send)


class _Answer:
    """A `send` that reads the number of an event from the answer to a call."""

    def __init__(self, send: Send, joined: Callable[[str], None]) -> None:
        self._send, self._joined = send, joined
        self._body = b""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.body":
            self._body += message.get("body", b"")
            if not message.get("more_body"):
                with suppress(ValueError, TypeError, KeyError):
                    self._joined(json.loads(self._body)["event_id"])
        await self._send(message)


def request_to(path: str, query: str = "") -> Scope:
    """The scope of a request that the gate itself makes."""
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(b"host", b"localhost")],
        "client": ("127.0.0.1", 0),
        "server": ("127.0.0.1", 80),
        "state": {},
    }


def _address(scope: Scope) -> str:
    client: Any = scope.get("client")
    return address_of(client[0]) if client else ""


def _completed(body: bytes) -> list[str]:
    """The events that have come to their end, by a piece of a stream of events."""
    found = []
    if b'"process_completed"' in body:
        for line in body.splitlines():
            with suppress(ValueError, AttributeError):
                message = json.loads(line.removeprefix(b"data: "))
                if message.get("msg") == "process_completed":
                    found.append(str(message.get("event_id")))
    return found
