"""Previews that a page paints by itself: the first size of a run, while nobody runs anything.

A preview is the beginning of a run, which waits where the preview ends. A run of the same pictures
and settings goes on from there, so that no step is made twice.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import replace
from itertools import chain
from pathlib import Path

from ..frame import Frame
from ..plan import FIRST_SIZE_MOST, Stage, make_plan
from ..settings import DEFAULTS
from ..transfer import Transfer
from .device import runs_on_zerogpu
from .jobs import Paint, Progress
from .previews import Previews
from .runs import Run, Stop

# Seconds between two frames of a preview; the first one is that of the first step.
FRAME_SECONDS = 0.4


def previewed(transfer: Transfer) -> Transfer:
    """The run whose beginning is the preview of a run: nearly always the run itself.

    A run whose first size is large, as without coarse to fine, gets a small one. On ZeroGPU a
    worker computes ahead of its consumer, so that the preview has to be a run of its own.
    """
    if transfer.plan[0].size > FIRST_SIZE_MOST:
        small = replace(transfer.settings, size=FIRST_SIZE_MOST)
        plan = make_plan(small, transfer.content.size, transfer.guided)
        transfer = replace(transfer, settings=small, plan=plan)
    return replace(transfer, plan=(_stage(transfer),)) if runs_on_zerogpu() else transfer


def work_of_preview(transfer: Transfer) -> float:
    """Megapixels of gradient evaluations, as `Transfer.work`."""
    return _stage(transfer).work


def _stage(transfer: Transfer) -> Stage:
    """The first size, but with at most as many steps as the default: a preview is for the eye."""
    first = transfer.plan[0]
    return replace(first, steps=min(first.steps, DEFAULTS.steps))


class Begun:
    """A run that makes its steps when it is asked for their frames, by a preview or as a run.

    Args:
        paint: computes the frames.

    Attributes:
        owner: whose preview it was last.
    """

    def __init__(self, transfer: Transfer, owner: str, paint: Paint) -> None:
        self.transfer, self.owner = transfer, owner
        self._stop = Stop()
        self._frames = paint(transfer, self._stop)
        self._kept: list[Frame] = []
        # Seconds that the run has waited for somebody who asks for frames, and its latest frame.
        self._waited, self._latest = 0.0, 0.0

    def preview(self) -> Iterator[Frame]:
        """The frames of its preview; those that an earlier preview made come first."""
        steps = _stage(self.transfer).steps
        for frame in chain(list(self._kept), self._next_frames(keep=True)):
            yield frame
            if frame.done or frame.step >= steps:
                return

    def run(self, stop: Stop) -> Generator[Frame]:
        """All of its frames; those that a preview made come first. To close this ends the run."""
        self._stop.asked = stop
        with closing(self._frames):
            yield from self._kept
            for frame in self._next_frames(keep=False):
                yield frame
                if runs_on_zerogpu() and stop():  # which the worker does not know
                    return

    def _next_frames(self, keep: bool) -> Iterator[Frame]:
        if self._latest:
            self._waited += time.perf_counter() - self._latest
        for frame in self._frames:
            self._latest = time.perf_counter()
            frame = replace(frame, elapsed=frame.elapsed - self._waited)
            if keep:
                self._kept.append(frame)
            yield frame


def paint_preview(begun: Begun, run: Run, folder: Path) -> Iterator[Progress]:
    """The frames of a preview, some of them as files in a folder; the last one is `done`.

    Before them comes a progress without a frame, with what the run starts from.

    Raises:
        StyleTransferError: as `paint`.
    """
    transfer = begun.transfer
    previews, stage = Previews(transfer, folder), _stage(transfer)
    yield Progress(previews.save(previews.start(), 0))
    due = time.monotonic()
    for frame in begun.preview():
        if run.ends():
            return
        done = frame.done or frame.step >= stage.steps
        if done or time.monotonic() >= due:
            due = time.monotonic() + FRAME_SECONDS
            path = previews.save(previews.picture(frame.image), frame.step)
            yield Progress(path, _as_preview(frame, transfer, stage, done))


def _as_preview(frame: Frame, transfer: Transfer, stage: Stage, done: bool) -> Frame:
    """A frame of a run as that of its preview, which is one stage long."""
    left = (stage.steps - frame.step) * stage.work_of_step
    part = left / (transfer.work - frame.step * stage.work_of_step)
    return replace(
        frame,
        plan=(stage,),
        total_steps=stage.steps,
        remaining=0.0 if done else frame.remaining * part,
        done=done,
    )
