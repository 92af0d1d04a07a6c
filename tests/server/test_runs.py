"""Runs: one at a time has the device, its owner ends it, and one line of the log tells of it."""

from __future__ import annotations

import json
import pickle
import threading
import time
from collections.abc import Callable

import pytest

from nst_core.server.runs import Run, Runs, Stop


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    caplog.set_level("INFO", "nst")
    return lambda: [json.loads(record.message)["outcome"] for record in caplog.records]


def test_the_second_run_waits_until_the_first_has_ended(log: Callable[[], list[str]]) -> None:
    runs = Runs(60)
    order = []

    def second() -> None:
        with runs.enter("b"):
            order.append("second begins")

    with runs.enter("a"):
        thread = threading.Thread(target=second)
        thread.start()
        wait_until(lambda: len(runs) == 2)
        time.sleep(0.2)
        order.append("first ends")
    thread.join(10)
    assert order == ["first ends", "second begins"]
    assert len(runs) == 0
    assert log() == ["finished", "finished"]


@pytest.mark.parametrize(("discard", "outcome"), [(False, "stopped"), (True, "discarded")])
def test_a_run_that_waits_is_stopped_without_the_device(
    log: Callable[[], list[str]], discard: bool, outcome: str
) -> None:
    runs = Runs(60)
    entered: list[Run] = []

    def waits() -> None:
        with runs.enter("b") as run:
            entered.append(run)

    with runs.enter("a") as first:
        thread = threading.Thread(target=waits)
        thread.start()
        wait_until(lambda: len(runs) == 2)
        runs.stop("b", discard)
        thread.join(10)
        assert not thread.is_alive()
        assert entered[0].stopped.is_set()
        assert not first.stopped.is_set()
    assert log() == [outcome, "finished"]


@pytest.mark.parametrize(
    ("end", "outcome"),
    [
        (lambda runs: None, "finished"),
        (lambda runs: runs.stop("a"), "stopped"),
        (lambda runs: runs.stop("a", discard=True), "discarded"),
        (lambda runs: runs.leave("a"), "discarded"),
        (lambda runs: runs.stop("somebody else", discard=True), "finished"),
    ],
)
def test_the_log_tells_how_a_run_ended(
    log: Callable[[], list[str]], end: Callable[[Runs], None], outcome: str
) -> None:
    runs = Runs(60)
    with runs.enter("a"):
        end(runs)
    assert log() == [outcome]


def test_a_run_that_can_be_fetched_later_is_stopped_and_kept(log: Callable[[], list[str]]) -> None:
    runs = Runs(60)
    with runs.enter("a", kept=True) as run:
        runs.leave("a")
        assert run.ends()
        assert run.disconnected
        assert not run.discarded
    assert log() == ["stopped"]


def test_a_run_ends_when_its_seconds_are_over(log: Callable[[], list[str]]) -> None:
    runs = Runs(0.05)
    with runs.enter("a") as run:
        assert not run.ends()
        time.sleep(0.1)
        assert run.timed_out
        assert run.ends()
    assert log() == ["out of time"]


def test_a_run_that_raises_frees_the_device_and_says_failed(log: Callable[[], list[str]]) -> None:
    runs = Runs(60)
    with pytest.raises(ValueError, match="broken"), runs.enter("a"):
        raise ValueError("broken")
    with runs.enter("b"):
        pass
    assert log() == ["failed", "finished"]


def test_close_ends_all_runs_and_waits_for_the_step_in_hand() -> None:
    runs = Runs(60)
    ended = threading.Event()

    def works() -> None:
        with runs.enter("a") as run:
            run.stopped.wait(10)
            time.sleep(0.2)  # the step in hand
            ended.set()

    thread = threading.Thread(target=works)
    thread.start()
    wait_until(lambda: len(runs) == 1)
    runs.close()
    assert ended.is_set()
    thread.join(10)


def test_a_stop_says_so_here_and_never_in_another_process() -> None:
    run = Run("a", kept=False, seconds=60)
    stop = Stop(run.ends)
    copy = pickle.loads(pickle.dumps(stop))
    assert not stop()
    run.end()
    assert stop()
    assert not copy()
