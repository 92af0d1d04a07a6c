"""Limits of the operator: read from the environment, and kept before a run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from nst_core.errors import SettingsError
from nst_core.server.limits import Limits
from nst_core.settings import Settings


def test_limits_come_from_the_environment() -> None:
    assert Limits.from_environment({}) == Limits()
    found = Limits.from_environment({"NST_QUEUE": "3", "NST_SECONDS": "12.5", "NST_OTHER": "x"})
    assert (found.queue, found.seconds) == (3, 12.5)


@pytest.mark.parametrize("value", ["many", "0", "-1", "nan", "inf", ""])
def test_a_limit_that_is_none_is_a_sentence(value: str) -> None:
    with pytest.raises(SettingsError, match="NST_SECONDS must be a number between"):
        Limits.from_environment({"NST_SECONDS": value})


@pytest.mark.parametrize("value", ["1.9", "3.0", "1e3", "nan", "0", ""])
def test_a_count_is_a_whole_number(value: str) -> None:
    with pytest.raises(SettingsError, match="NST_RUNS must be a whole number between 1 and 10000"):
        Limits.from_environment({"NST_RUNS": value})


def test_too_much_is_refused_before_a_run() -> None:
    limits = Limits(work=10, memory=8)
    modest = Settings(size=256, memory_budget=8)
    limits.check(modest, work=10)
    with pytest.raises(SettingsError, match=r"1\.2 times what this server allows.*fewer steps"):
        limits.check(modest, work=12)
    with pytest.raises(SettingsError, match=r"sweep of 9 pictures is 1\.2 times.*single pictures"):
        limits.check(modest, work=12, tiles=9)
    with pytest.raises(SettingsError, match="at most 8, not 9"):
        limits.check(Settings(size=256, memory_budget=9), work=1)


@pytest.mark.parametrize("value", ["http", "0", "70000", ""])
def test_a_port_that_is_none_is_a_sentence(value: str) -> None:
    found = subprocess.run(
        [sys.executable, "app.py"],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "GRADIO_SERVER_PORT": value},
        capture_output=True,
        text=True,
    )
    assert found.returncode == 2
    sentence = f"(--port or GRADIO_SERVER_PORT) is a number from 1 to 65535, not {value!r}"
    assert sentence in found.stderr
    assert "Traceback" not in found.stderr
