"""Previews that a page paints by itself: the first size of a run, while nobody runs anything."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from ..plan import FIRST_SIZE_MOST, make_plan
from ..settings import DEFAULTS
from ..transfer import Transfer
from .jobs import Paint, Progress
from .previews import Previews
from .runs import Run, Stop

# Seconds between two frames of a preview; the first one is that of the first step.
FRAME_SECONDS = 0.4


def first_size(transfer: Transfer) -> Transfer:
    """The same run, but only the first of its sizes.

    A run whose first size is large, as without coarse to fine, gets a small one, and at most as
    many steps as the default has: a preview is for the eye.
    """
    settings = transfer.settings
    if transfer.plan[0].size > FIRST_SIZE_MOST:
        small = replace(settings, size=FIRST_SIZE_MOST)
        plan = make_plan(small, transfer.content.size, transfer.guided)
        transfer = replace(transfer, settings=small, plan=plan)
    first = transfer.plan[0]
    return replace(transfer, plan=(replace(first, steps=min(first.steps, DEFAULTS.steps)),))


def paint_preview(transfer: Transfer, run: Run, folder: Path, paint: Paint) -> Iterator[Progress]:
    """The frames of a preview, some of them as files in a folder; the last one is `done`.

    Before them comes a progress without a frame: the preview has the device.

    Raises:
        StyleTransferError: as `paint`.
    """
    yield Progress(None)
    previews = Previews(transfer, folder)
    due = time.monotonic()
    with closing(paint(transfer, Stop(run.ends))) as frames:
        for frame in frames:
            if run.ends():
                return
            if frame.done or time.monotonic() >= due:
                due = time.monotonic() + FRAME_SECONDS
                yield Progress(previews.save(previews.picture(frame), frame.step), frame)
