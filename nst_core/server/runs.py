"""The runs of a server: one at a time has the device, whoever started it can end it.

Each leaves one line in the log when it ends: numbers and a word, nothing of images or addresses.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

log = logging.getLogger("nst")

# How often a run that waits for the device looks whether it has been stopped.
LOOK_SECONDS = 0.05


@dataclass
class Run:
    """A run that is going on.

    Attributes:
        name: of this run alone.
        owner: who may end it: the session of a page, or a client.
        kept: whether its result can be fetched by an owner who has left and comes back.
        stop: is set to end it after the step in hand.
        discarded: nobody wants its result.
        left: its owner is not there any more.
        facts: what the log tells of it.
    """

    name: str
    owner: str
    kept: bool
    seconds: float
    stop: threading.Event = field(default_factory=threading.Event)
    discarded: bool = False
    left: bool = False
    facts: dict[str, Any] = field(default_factory=dict)
    began: float = field(default_factory=time.monotonic)

    @property
    def late(self) -> bool:
        """Whether it has had all the seconds it may have."""
        return time.monotonic() - self.began > self.seconds

    def ends(self) -> bool:
        """Whether it is to end now."""
        return self.stop.is_set() or self.late


class Runs:
    """All runs of a process.

    Args:
        seconds: the longest a run may take.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._device = threading.Lock()
        self._going: dict[str, Run] = {}
        self._count = 0

    def __len__(self) -> int:
        return len(self._going)

    def get(self, name: str) -> Run | None:
        """The run of that name; in a forked process there is none."""
        return self._going.get(name)

    @contextmanager
    def enter(self, owner: str, kept: bool = False) -> Iterator[Run]:
        """A run that has the device to itself, from when it is free.

        Gradio's queue sends one run at a time, but lets go of one that it has cancelled while the
        step in hand still computes.
        """
        self._count += 1
        run = Run(str(self._count), owner, kept, self.seconds)
        self._going[run.name] = run
        try:
            while not self._device.acquire(timeout=LOOK_SECONDS):
                if run.stop.is_set():
                    self._log(run, "stopped")
                    yield run
                    return
            run.began = time.monotonic()
            outcome = "failed"
            try:
                yield run
                outcome = "finished"
            except GeneratorExit:
                outcome = "left"
                raise
            finally:
                self._device.release()
                if outcome == "finished" and run.stop.is_set():
                    outcome = "discarded" if run.discarded else "stopped"
                elif outcome == "finished" and run.late:
                    outcome = "out of time"
                self._log(run, outcome)
        finally:
            del self._going[run.name]

    def stop(self, owner: str, discard: bool = False) -> None:
        """End all runs of an owner after the step in hand."""
        for run in list(self._going.values()):
            if run.owner == owner:
                run.discarded |= discard
                run.stop.set()

    def leave(self, owner: str) -> None:
        """The owner's connection is gone: end the runs, keep what can be fetched later."""
        for run in list(self._going.values()):
            if run.owner == owner:
                run.left = True
                run.discarded |= not run.kept
                run.stop.set()

    def close(self, most: float = 20.0) -> None:
        """End all runs, of whomever, and wait for the steps in hand, at most so many seconds.

        A process that exits while a thread of it computes is aborted.
        """
        for run in list(self._going.values()):
            run.discarded = True
            run.stop.set()
        if self._device.acquire(timeout=most):
            self._device.release()

    @staticmethod
    def _log(run: Run, outcome: str) -> None:
        facts = {
            "time": datetime.now(timezone.utc).isoformat(timespec="seconds"),
            "event": "run",
            **run.facts,
            "seconds": round(time.monotonic() - run.began, 2),
            "outcome": outcome,
        }
        log.info(json.dumps(facts))
