"""Who waits for what: the sessions of pages and programs, and what each address may have.

A session is the name that a page or a program gives itself. It costs nothing to make up a new one,
so sessions are counted by the address that they come from. Many people may share an address: a
school, or all visitors of a server behind a proxy that tells nothing of them. So a page, which has
a connection open for as long as it is open, is counted by itself; only programs without such a
connection, and pages that were never loaded, share what their address may have.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from ipaddress import IPv6Address, ip_address, ip_network
from pathlib import Path

from .answers import Refusal
from .limits import Limits

# Seconds after which a run ends whose events nobody reads: else one client could start thousands.
# The unread run of a program ends sooner where another run has a reader. A page gets the longer
# time: it may be slow to begin to read, and its open connection shows that a visitor is there.
UNREAD_SECONDS = 30.0
GIVE_WAY_SECONDS = 4.0
# Events of a session that need no device: a page sends one for each upload.
MOST_EVENTS = 20
# Seconds in which an address may open `Limits.clients` sessions.
CLIENTS_SECONDS = 600.0
# A browser opens the connection of a page and sends the page's first call at the same time.
PAGE_SECONDS = 0.1

TOO_MANY_RUNS = "You have {} runs waiting or going on, which is the most here: let one end first."
TOO_MANY_HERE = "Your network has too many runs waiting here: try again when some have ended."
TOO_MANY_EVENTS = "This page asks for too much at once: wait for its answers."
TOO_MANY_CLIENTS = "Too many pages or programs of your network came in a short time: wait a minute."


@dataclass(frozen=True)
class Event:
    """A call that waits in the queue, or is worked on.

    Attributes:
        address: of whoever asked for it.
        is_run: whether it needs the device.
        files: uploads that it is going to read.
        began: when it joined the queue, by the monotonic clock.
        tool: whether it is the call of a tool: all of these share one session.
    """

    address: str
    is_run: bool
    files: tuple[Path, ...]
    began: float
    tool: bool = False


@dataclass
class Session:
    """A page or a program.

    Attributes:
        pages: connections that are open for as long as the page is.
        readers: streams of events that are open.
        events: what it waits for, by the number of the event.
        seen: when it was last heard of, by the monotonic clock.
    """

    seen: float
    pages: int = 0
    readers: int = 0
    events: dict[str, Event] = field(default_factory=dict)

    @property
    def is_page(self) -> bool:
        return self.pages > 0


class Visitors:
    """The sessions of a server.

    Args:
        clock: gives seconds.
    """

    def __init__(self, limits: Limits, clock: Callable[[], float] = time.monotonic) -> None:
        self.limits, self.clock = limits, clock
        self.sessions: dict[str, Session] = {}
        # When each address has opened sessions: those of pages apart, so that programs of the same
        # address do not close the door to them.
        self._opened: dict[tuple[str, bool], deque[float]] = {}

    async def enter(self, name: str, address: str, page: bool = False) -> Session:
        """The session of a request.

        Args:
            page: whether the request is the connection of a page.

        Raises:
            Refusal: the address has opened too many.
        """
        if name not in self.sessions and not page and self._has_enough(address, page):
            await asyncio.sleep(PAGE_SECONDS)
        session = self.sessions.get(name)
        if session is None:
            if self._has_enough(address, page):
                raise Refusal(429, TOO_MANY_CLIENTS)
            self._opened.setdefault((address, page), deque()).append(self.clock())
            session = self.sessions[name] = Session(self.clock())
        session.seen = self.clock()
        return session

    def _has_enough(self, address: str, page: bool) -> bool:
        return self._opened_lately(address, page) >= self.limits.clients

    def _opened_lately(self, address: str, page: bool) -> int:
        """How many sessions an address has opened in `CLIENTS_SECONDS`; older ones are dropped."""
        opened = self._opened.get((address, page), deque())
        while opened and opened[0] < self.clock() - CLIENTS_SECONDS:
            opened.popleft()
        return len(opened)

    def check(self, session: Session | None, address: str, is_run: bool, tool: bool) -> None:
        """Refuse a call where its address, or its page, has enough in the queue.

        Args:
            session: None for a call that is a session by itself.

        Raises:
            Refusal: it may not join the queue now.
        """
        if not is_run:
            if session is not None and len(session.events) >= MOST_EVENTS and not tool:
                raise Refusal(429, TOO_MANY_EVENTS)
            return
        if session is not None and session.is_page and not tool:
            own = sum(event.is_run for event in session.events.values())
        else:
            own = sum(
                event.address == address
                for other in self.sessions.values()
                for event in other.events.values()
                if event.is_run and (event.tool or not other.is_page)
            )
        if own >= self.limits.runs:
            raise Refusal(429, TOO_MANY_RUNS.format(own))
        # Half of the queue is left to others.
        if self._runs_of(address) >= max(self.limits.runs, self.limits.queue // 2):
            raise Refusal(429, TOO_MANY_HERE)

    def _runs_of(self, address: str) -> int:
        events = (event for x in self.sessions.values() for event in x.events.values())
        return sum(event.is_run and event.address == address for event in events)

    def ended(self, name: str, event: str) -> None:
        """Remove an event that has ended."""
        if name in self.sessions:
            self.sessions[name].events.pop(event, None)

    def session_of(self, event: str) -> str | None:
        """The name of the session that waits for an event."""
        return next((name for name, x in self.sessions.items() if event in x.events), None)

    def files(self) -> Iterator[Path]:
        """The uploads that are still going to be read."""
        for session in self.sessions.values():
            for event in session.events.values():
                yield from event.files

    def unread(self) -> list[str]:
        """The sessions that are to end.

        Nobody reads the events of such a session, though there was time to begin; or it waits for
        nothing, belongs to no page, and was last seen `UNREAD_SECONDS` ago.
        """
        now = self.clock()
        read = any(
            session.readers and event.is_run
            for session in self.sessions.values()
            for event in session.events.values()
        )
        found = []
        for name, session in list(self.sessions.items()):
            if session.readers:
                continue
            if session.events:
                most = GIVE_WAY_SECONDS if read and not session.is_page else UNREAD_SECONDS
                began = min(event.began for event in session.events.values())
                if now - began > most:
                    found.append(name)
            elif not session.is_page and now - session.seen > UNREAD_SECONDS:
                found.append(name)
        return found

    def forget(self) -> None:
        """Drop the addresses that have opened nothing for a while."""
        for key in [key for key in self._opened if not self._opened_lately(*key)]:
            del self._opened[key]


def address_of(host: str) -> str:
    """What counts as one address: of IPv6 the network, since every visitor has a whole one."""
    try:
        address = ip_address(host)
    except ValueError:
        return host
    if isinstance(address, IPv6Address):
        mapped = address.ipv4_mapped
        return str(mapped or ip_network((address, 64), strict=False))
    return str(address)
