"""The runs of a server: one at a time has the device, and whoever started it can end it.

A preview has the device only while nobody wants it for a run. Each run, but no preview, leaves one
line in the log when it ends: numbers and a word, nothing of pictures, names or addresses.
"""

from __future__ import annotations

import json
import logging
import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

log = logging.getLogger("nst")

# How often a run that waits for the device looks whether it has been stopped.
POLL_SECONDS = 0.05
# A double click on Stop stops the run, and does not skip its finishing too.
DOUBLE_CLICK_SECONDS = 0.5


class Stop:
    """Asked by the loop, after every step, whether the run is to end.

    A copy in another process never says so. ZeroGPU computes in a forked process, which does not
    see the flags of this one: the server closes the generator of such a run.

    Attributes:
        asked: says whether the run is to end; without it nothing ends the run.
    """

    def __init__(self, asked: Callable[[], bool] | None = None) -> None:
        self.asked = asked

    def __call__(self) -> bool:
        return self.asked is not None and self.asked()

    def __getstate__(self) -> dict[str, None]:
        return {"asked": None}


@dataclass
class Run:
    """A run that is going on.

    Attributes:
        owner: who may end it: the session of a page, or of a client.
        kept: whether an owner who has left can come back and fetch the result.
        seconds: the longest it may take.
        stopped: is set to end it after the step in hand.
        stopped_at: when that was, by the monotonic clock.
        finishing: its steps are made, and the result is brought to the size of the photo.
        hurried: the result is wanted at once, though it has less detail then.
        discarded: nobody wants its result.
        disconnected: the connection of its owner is cut.
        log_fields: what the log tells of it.
        seconds_left: that it will still take, about, if anybody knows.
        began: when it got the device, by the monotonic clock.
    """

    owner: str
    kept: bool
    seconds: float
    stopped: threading.Event = field(default_factory=threading.Event)
    stopped_at: float = -math.inf
    finishing: bool = False
    hurried: bool = False
    discarded: bool = False
    disconnected: bool = False
    log_fields: dict[str, Any] = field(default_factory=dict)
    seconds_left: float | None = None
    began: float = field(default_factory=time.monotonic)

    @property
    def elapsed(self) -> float:
        """Seconds since it got the device."""
        return time.monotonic() - self.began

    @property
    def timed_out(self) -> bool:
        """Whether it has had all the seconds it may have."""
        return self.elapsed > self.seconds

    def ends(self) -> bool:
        """Whether it is to end now."""
        return self.stopped.is_set() or self.timed_out

    def end(self, discard: bool = False) -> None:
        """End it after the step in hand."""
        self.discarded |= discard
        if not self.stopped.is_set():
            self.stopped_at = time.monotonic()
        self.stopped.set()

    def hurry(self) -> None:
        """Have the result at once, though it has less detail then."""
        self.hurried |= time.monotonic() - self.stopped_at > DOUBLE_CLICK_SECONDS


class Runs:
    """All runs of a server.

    Args:
        seconds: the longest a run may take.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._device = threading.Lock()
        self._going: list[Run] = []
        self._previews: list[Run] = []

    def __len__(self) -> int:
        return len(self._going)

    @contextmanager
    def enter(self, owner: str, kept: bool = False) -> Iterator[Run]:
        """A run that has the device to itself, from when the device is free.

        Gradio's queue sends one run at a time, but forgets a run that it has cancelled while that
        run's last step still computes. The lock keeps the next run waiting until then.
        """
        run = Run(owner, kept, self.seconds)
        self._going.append(run)
        for preview in list(self._previews):
            preview.end(discard=True)
        try:
            while not self._device.acquire(timeout=POLL_SECONDS):
                if run.stopped.is_set():
                    _log(run, _outcome(run))
                    yield run
                    return
            run.began = time.monotonic()
            outcome = "failed"
            try:
                yield run
                outcome = _outcome(run)
            except GeneratorExit:
                outcome = "left"
                raise
            finally:
                self._device.release()
                _log(run, outcome)
        finally:
            self._going.remove(run)

    def end_previews(self, owner: str) -> bool:
        """End the previews of an owner after the step in hand; whether there was one."""
        found = [preview for preview in list(self._previews) if preview.owner == owner]
        for preview in found:
            preview.end(discard=True)
        return bool(found)

    @contextmanager
    def announce_preview(self, owner: str) -> Iterator[Run]:
        """A preview that is to come; an older one of the same owner ends."""
        self.end_previews(owner)
        preview = Run(owner, kept=False, seconds=self.seconds)
        self._previews.append(preview)
        try:
            yield preview
        finally:
            self._previews.remove(preview)

    @contextmanager
    def enter_preview(self, preview: Run) -> Iterator[bool]:
        """Give the device to a preview; False where a run or a newer preview comes first.

        A preview waits for the last step of an older one, but never for a run.
        """
        while not self._device.acquire(timeout=POLL_SECONDS):
            if self._going or preview.stopped.is_set():
                yield False
                return
        try:
            preview.began = time.monotonic()
            # A run that comes later finds the preview in the list, and ends it.
            yield not self._going and not preview.stopped.is_set()
        finally:
            self._device.release()

    def going(self) -> list[tuple[str, float | None]]:
        """The runs that are going on: their owners, and the seconds left, if anybody knows."""
        return [(run.owner, run.seconds_left) for run in list(self._going)]

    def stop(self, owner: str, discard: bool = False) -> None:
        """End all runs and previews of an owner after the step in hand.

        Runs whose result is being finished are hurried.
        """
        for run in self._of(owner):
            if run.finishing and not discard:
                run.hurry()
            else:
                run.end(discard)

    def leave(self, owner: str) -> None:
        """The owner's connection is cut: end the runs, keep what can be fetched later."""
        for run in self._of(owner):
            run.disconnected = True
            run.end(discard=not run.kept)

    def close(self, most: float = 20.0) -> None:
        """End all runs and wait for the steps in hand, at most so many seconds.

        Python aborts a process that exits while one of its threads computes.
        """
        for run in [*self._going, *self._previews]:
            run.end(discard=True)
        if self._device.acquire(timeout=most):
            self._device.release()

    def _of(self, owner: str) -> list[Run]:
        return [run for run in [*self._going, *self._previews] if run.owner == owner]


def _outcome(run: Run) -> str:
    """How a run ended that did not fail, for the log."""
    if run.stopped.is_set():
        return "discarded" if run.discarded else "stopped"
    return "out of time" if run.timed_out else "finished"


def _log(run: Run, outcome: str) -> None:
    fields = {
        "time": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "event": "run",
        **run.log_fields,
        "seconds": round(run.elapsed, 2),
        "outcome": outcome,
    }
    log.info(json.dumps(fields))
