"""`python -m nst_core`, in this process or in one of its own, and what it must answer."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tests.corpus import assert_sentence

ROOT = Path(__file__).parents[1]
# Takes the arguments of `python -m nst_core`, and runs it in this process; see the fixture.
CommandLine = Callable[..., subprocess.CompletedProcess[str]]


def run_process(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run Python with these arguments."""
    command = [sys.executable, *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)


def assert_quiet(done: subprocess.CompletedProcess[str]) -> None:
    """The command did what was asked, and had nothing to say."""
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def assert_refused(done: subprocess.CompletedProcess[str], *patterns: str) -> None:
    """The command ended with code 2 and one sentence on stderr, in which all patterns are."""
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert done.stderr.endswith("\n")
    for pattern in patterns or ("",):
        assert_sentence(done.stderr[:-1], pattern)
