"""Previews that a page paints by itself: the first size of a run, while nobody runs anything."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from ..frame import Frame
from ..plan import FIRST_SIZE_MOST, Stage, make_plan
from ..settings import DEFAULTS
from ..transfer import Transfer
from .begun import Begun
from .device import runs_on_zerogpu
from .jobs import Progress
from .previews import Previews
from .runs import Run

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


def paint_preview(begun: Begun, run: Run, folder: Path) -> Iterator[Progress]:
    """The frames of a preview, some of them as files in a folder; the last one is `done`.

    Before them comes a progress without a frame, with what the run starts from.

    Raises:
        StyleTransferError: as `paint`.
    """
    transfer = begun.transfer
    previews, stage = Previews(transfer, folder), _stage(transfer)
    yield Progress(previews.save_start())
    due = time.monotonic()
    for frame in begun.preview(stage.steps):
        if run.ends():
            return
        done = frame.done or frame.step >= stage.steps
        if done or time.monotonic() >= due:
            due = time.monotonic() + FRAME_SECONDS
            yield Progress(previews.save(frame), _as_preview(frame, transfer, stage, done))


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
