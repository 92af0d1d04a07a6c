"""A run that a preview has begun, and that goes on from there: no step is made twice."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import replace
from itertools import chain

from ..frame import Frame
from ..transfer import Transfer
from .device import runs_on_zerogpu
from .runs import Stop

# Computes the frames of a run; `Stop` tells it when to end.
Paint = Callable[[Transfer, Stop], Generator[Frame]]


class Begun:
    """A run that makes its steps when it is asked for their frames, by a preview or as a run.

    Args:
        paint: computes the frames.

    Attributes:
        owner: whose preview it was last.
        made: the frames that previews have asked for.
    """

    def __init__(self, transfer: Transfer, owner: str, paint: Paint) -> None:
        self.transfer, self.owner = transfer, owner
        self.made: list[Frame] = []
        self._stop = Stop()
        self._frames = paint(transfer, self._stop)
        # Seconds in which nobody asked for frames, and when the latest frame came.
        self._waited, self._latest = 0.0, 0.0

    def preview(self, steps: int) -> Iterator[Frame]:
        """The frames of so many steps; those that an earlier preview made come first."""
        for frame in chain(list(self.made), self._next_frames(keep=True)):
            yield frame
            if frame.done or frame.step >= steps:
                return

    def run(self, stop: Stop) -> Generator[Frame]:
        """The frames that come after those in `made`; closing the generator ends the run."""
        self._stop.asked = stop
        with closing(self._frames):
            for frame in self._next_frames(keep=False):
                yield frame
                if runs_on_zerogpu() and stop():  # the worker's copy of `stop` never says so
                    return

    def _next_frames(self, keep: bool) -> Iterator[Frame]:
        if self._latest:
            self._waited += time.perf_counter() - self._latest
        for frame in self._frames:
            self._latest = time.perf_counter()
            frame = replace(frame, elapsed=frame.elapsed - self._waited)
            if keep:
                self.made.append(frame)
            yield frame
