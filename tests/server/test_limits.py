from __future__ import annotations

import json
import logging
import threading
import time

import pytest

from nst_core.errors import SettingsError
from nst_core.plan import make_plan
from nst_core.server.limits import Limits
from nst_core.server.runs import Runs
from nst_core.settings import Settings


def test_limits_come_from_the_environment() -> None:
    assert Limits.from_environment({}) == Limits()
    found = Limits.from_environment({"NST_QUEUE": "3", "NST_SECONDS": "12.5", "NST_OTHER": "x"})
    assert (found.queue, found.seconds) == (3, 12.5)


@pytest.mark.parametrize("value", ["many", "0", "-1", "nan", "inf", ""])
def test_a_limit_that_is_none_is_a_sentence(value: str) -> None:
    with pytest.raises(SettingsError, match="NST_SECONDS must be a number between"):
        Limits.from_environment({"NST_SECONDS": value})


def test_too_much_is_refused_before_a_run() -> None:
    limits = Limits(work=10, memory=8)
    small, large = Settings(size=256, memory_budget=8), Settings(size=1024, memory_budget=8)
    limits.check(small, make_plan(small, (800, 600)))
    with pytest.raises(SettingsError, match=r"\d times what this server allows.*fewer steps"):
        limits.check(large, make_plan(large, (800, 600)))
    greedy = Settings(size=256, memory_budget=9)
    with pytest.raises(SettingsError, match="at most 8, not 9"):
        limits.check(greedy, make_plan(greedy, (800, 600)))


def test_one_run_has_the_device(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "nst")
    runs = Runs(seconds=60)
    order: list[str] = []

    def wait_and_run() -> None:
        with runs.enter("second") as run:
            order.append("stopped" if run.stop.is_set() else "second")

    with runs.enter("first") as first:
        for stops in (False, True):
            waiting = threading.Thread(target=wait_and_run)
            waiting.start()
            time.sleep(0.2)
            assert order == ["stopped"] * stops
            runs.stop("second")
            waiting.join(5)
        assert order == ["stopped", "stopped"]
        assert not first.ends()
    wait_and_run()
    assert order[-1] == "second"
    assert len(runs) == 0
    lines = [json.loads(record.message) for record in caplog.records]
    assert [line["outcome"] for line in lines] == ["stopped", "stopped", "finished", "finished"]


def test_who_leaves_loses_what_nobody_can_fetch() -> None:
    runs = Runs(seconds=60)
    with runs.enter("client") as run:
        runs.leave("another")
        assert not run.stop.is_set()
        runs.leave("client")
        assert run.stop.is_set()
        assert run.discarded
    with runs.enter("page", kept=True) as run:
        runs.leave("page")
        assert run.stop.is_set()
        assert not run.discarded


def test_a_run_out_of_time_ends(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "nst")
    runs = Runs(seconds=0.05)
    with runs.enter("client") as run:
        assert not run.ends()
        time.sleep(0.1)
        assert run.ends()
    assert json.loads(caplog.records[-1].message)["outcome"] == "out of time"
