"""Visitors: what one page and one address may have, and what ends since nobody reads it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from nst_core.server.answers import Refusal
from nst_core.server.limits import Limits
from nst_core.server.visitors import (
    CLIENTS_SECONDS,
    GIVE_WAY_SECONDS,
    MOST_EVENTS,
    UNREAD_SECONDS,
    Event,
    Session,
    Visitors,
    address_of,
)

HERE, THERE = "203.0.113.1", "203.0.113.2"


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def visitors(clock: Clock) -> Visitors:
    return Visitors(Limits(queue=20, clients=30), clock)


def enter(visitors: Visitors, name: str, address: str = HERE, page: bool = False) -> Session:
    session = asyncio.run(visitors.enter(name, address, page))
    if page:
        session.pages += 1
    return session


def join(
    visitors: Visitors,
    session: Session,
    address: str = HERE,
    is_run: bool = True,
    tool: bool = False,
    files: tuple[Path, ...] = (),
) -> str:
    """Join the queue, if it is allowed; the number of the event."""
    visitors.check(session, address, is_run, tool)
    number = f"event {id(session)} {len(session.events)}"
    session.events[number] = Event(address, is_run, files, visitors.clock(), tool)
    return number


def refused(visitors: Visitors, session: Session, **call: object) -> str:
    with pytest.raises(Refusal) as caught:
        join(visitors, session, **call)  # type: ignore[arg-type]
    assert caught.value.status == 429
    return caught.value.text


def test_programs_of_one_address_share_three_runs(visitors: Visitors) -> None:
    numbers = [join(visitors, enter(visitors, f"program {k}")) for k in range(3)]
    late = enter(visitors, "late")
    assert "You have 3 runs" in refused(visitors, late)
    join(visitors, enter(visitors, "elsewhere", THERE), THERE)
    visitors.ended("program 0", numbers[0])
    join(visitors, late)


def test_a_call_without_a_session_is_one_of_its_address(visitors: Visitors) -> None:
    for k in range(3):
        join(visitors, enter(visitors, f"program {k}"))
    with pytest.raises(Refusal, match="You have 3"):
        visitors.check(None, HERE, True, False)


def test_each_page_of_an_address_has_three_runs_of_its_own(visitors: Visitors) -> None:
    for k in range(3):
        join(visitors, enter(visitors, f"program {k}"))
    first, second = (enter(visitors, f"page {k}", page=True) for k in range(2))
    for _ in range(3):
        join(visitors, first)
    assert "You have 3 runs" in refused(visitors, first)
    join(visitors, second)


def test_one_address_has_half_of_the_queue_at_most(visitors: Visitors) -> None:
    for k in range(10):
        join(visitors, enter(visitors, f"page {k}", page=True))
    assert "Your network" in refused(visitors, enter(visitors, "page 10", page=True))
    join(visitors, enter(visitors, "page 11", THERE, page=True), THERE)


def test_thirty_pages_of_a_school_are_served_by_default(clock: Clock) -> None:
    visitors = Visitors(Limits(), clock)
    for k in range(30):
        join(visitors, enter(visitors, f"page {k}", page=True))


def test_tools_share_a_session_and_are_counted_by_their_callers(visitors: Visitors) -> None:
    shared = enter(visitors, "tools", "127.0.0.1", page=True)
    for _ in range(3):
        join(visitors, shared, HERE, tool=True)
    assert "You have 3 runs" in refused(visitors, shared, address=HERE, tool=True)
    assert "You have 3 runs" in refused(visitors, enter(visitors, "program"), address=HERE)
    join(visitors, shared, THERE, tool=True)


def test_what_needs_no_device_is_counted_by_itself(visitors: Visitors) -> None:
    page = enter(visitors, "page", page=True)
    for _ in range(MOST_EVENTS - 1):
        join(visitors, page, is_run=False)
    join(visitors, page)
    assert "at once" in refused(visitors, page, is_run=False)


def test_an_address_opens_so_many_sessions_and_pages_in_a_while(
    visitors: Visitors, clock: Clock
) -> None:
    for k in range(30):
        enter(visitors, f"program {k}")
    for name, address in (("program 30", HERE),):
        with pytest.raises(Refusal, match="wait a minute"):
            enter(visitors, name, address)
    enter(visitors, "program 3")  # is known
    enter(visitors, "page", page=True)  # pages are counted apart
    enter(visitors, "elsewhere", THERE)
    clock.now += CLIENTS_SECONDS + 1
    enter(visitors, "program 30")
    visitors.forget()
    assert len(visitors._opened) == 1


def test_the_first_call_of_a_page_waits_for_its_connection(visitors: Visitors) -> None:
    for k in range(30):
        enter(visitors, f"program {k}")

    async def both() -> None:
        call = asyncio.create_task(visitors.enter("page", HERE))
        await asyncio.sleep(0.02)
        await visitors.enter("page", HERE, page=True)
        await call

    asyncio.run(both())


def test_what_nobody_reads_ends(visitors: Visitors, clock: Clock) -> None:
    unread, page = enter(visitors, "unread"), enter(visitors, "page", page=True)
    join(visitors, unread)
    join(visitors, page, is_run=False)
    clock.now += UNREAD_SECONDS - 1
    assert visitors.unread() == []
    clock.now += 2
    assert visitors.unread() == ["unread", "page"]
    page.readers += 1
    assert visitors.unread() == ["unread"]


def test_what_nobody_reads_gives_way_to_who_reads(visitors: Visitors, clock: Clock) -> None:
    unread, reads = enter(visitors, "unread"), enter(visitors, "reads", THERE)
    join(visitors, unread)
    join(visitors, enter(visitors, "page that is slow", page=True))
    clock.now += GIVE_WAY_SECONDS + 1
    assert visitors.unread() == []
    reads.readers += 1
    number = join(visitors, reads, THERE)
    assert visitors.unread() == ["unread"]
    visitors.ended("reads", number)
    assert visitors.unread() == []


def test_sessions_that_wait_for_nothing_are_forgotten_and_open_pages_are_not(
    visitors: Visitors, clock: Clock
) -> None:
    enter(visitors, "program")
    enter(visitors, "page", page=True)
    clock.now += UNREAD_SECONDS + 1
    assert visitors.unread() == ["program"]


def test_the_files_of_all_that_waits_are_known(visitors: Visitors) -> None:
    session = enter(visitors, "page", page=True)
    number = join(visitors, session, files=(Path("a"), Path("b")))
    assert list(visitors.files()) == [Path("a"), Path("b")]
    assert visitors.session_of(number) == "page"
    visitors.ended("page", number)
    assert list(visitors.files()) == []
    assert visitors.session_of(number) is None


def test_an_address_is_a_host_or_a_network_of_ipv6() -> None:
    assert address_of("203.0.113.1") == address_of("::ffff:203.0.113.1") == "203.0.113.1"
    assert address_of("2001:db8:1:2::1") == address_of("2001:db8:1:2:ffff::9")
    assert address_of("2001:db8:1:2::1") != address_of("2001:db8:1:3::1")
    assert address_of("testclient") == "testclient"
