"""One run of a server: from what was prepared, over previews, to an outcome.

Transfer -> Progress, Progress, ... -> Outcome
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from PIL import Image

from ..errors import StyleTransferError
from ..finishing import finish, finish_in_strips, strengthen
from ..frame import Frame
from ..images import contained, on_white
from ..recipe import Recipe, save_with_recipe
from ..settings import Settings
from ..timelapse import TimeLapse
from ..transfer import Transfer
from .begun import Begun
from .previews import Previews
from .runs import Run, Runs, Stop

# Seconds between two words on how far the finishing is.
FINISHING_SECONDS = 0.5
# Long side of what a page shows of a result. The download is the full picture.
SHOWN_SIDE = 2048

OUT_OF_TIME = (
    "The time that this server gives a run was over before its first {what} was made: choose a "
    "smaller size, or try again when the server has less to do."
)


@dataclass(frozen=True)
class Outcome:
    """What a run came to, at its end or where it was stopped.

    Attributes:
        transfer: what it worked on.
        frame: the last one.
        result: in the size of the photo, at full strength.
        film: previews of all steps.
        seconds: all that it took.
        finishing: seconds of it after the last step.
        timed_out: it was ended because it took too long.
        hurried: the picture was enlarged plainly, because the visitor did not want to wait; the
            settings of `transfer` say so too.
        discarded: its owner looks at something else by now.
        disconnected: the connection of its owner was cut, as by a reload of the page.
    """

    transfer: Transfer
    frame: Frame
    result: Image.Image
    film: TimeLapse
    seconds: float
    finishing: float
    timed_out: bool = False
    hurried: bool = False
    discarded: bool = False
    disconnected: bool = False


@dataclass(frozen=True)
class Progress:
    """How far a run is.

    Attributes:
        picture: the file of a preview; None where the one before still stands.
        frame: the frame it was made from; None before the first step, when it is what the run
            starts from.
        finished: after the last step, the part (0 to 1) of the result that is made.
        outcome: at the end.
        losses: of all frames so far, also of those without a preview: step, and loss by terms.
    """

    picture: str | None
    frame: Frame | None = None
    finished: float | None = None
    outcome: Outcome | None = None
    losses: Sequence[tuple[int, Mapping[str, float]]] = ()


def run_job(
    transfer: Transfer,
    runs: Runs,
    owner: str,
    folder: Path,
    begin: Callable[[Transfer], Begun],
    kept: bool = False,
) -> Iterator[Progress]:
    """Run what was prepared, and tell how far it is.

    There is no outcome of a run that is stopped before its first step, or that is discarded and
    not kept.

    Args:
        owner: who may stop it.
        folder: previews are written there.
        begin: begins the run, or finds what a preview has begun; is called when the run has the
            device.
        kept: whether an owner whose connection is cut can come back for the outcome.

    Raises:
        StyleTransferError: as `paint`; or its time was over before the first step.
    """
    previews = Previews(transfer, folder)
    settings = transfer.settings
    with runs.enter(owner, kept) as run:
        run.log_fields.update(size=settings.size, steps=settings.steps)
        if run.stopped.is_set():
            return
        yield Progress(previews.first())
        losses: list[tuple[int, Mapping[str, float]]] = []
        frame = yield from _show(begin(transfer), run, previews, losses)
        if frame is None and run.timed_out and not run.stopped.is_set():
            raise StyleTransferError(OUT_OF_TIME.format(what="step"))
        if frame is None or (run.discarded and not kept):
            return
        run.log_fields.update(made=frame.step)
        timed_out = run.timed_out and not run.stopped.is_set() and frame.step < frame.total_steps
        made = run.elapsed
        result = yield from _finish(transfer, frame, run)
        if run.discarded and not kept:
            return
        hurried = result is None
        if result is None:
            transfer = replace(transfer, settings=replace(settings, full_detail=False))
            result = finish(frame.image, transfer.content, _full(transfer), transfer.mask)
        outcome = Outcome(
            *(transfer, frame, result, previews.film),
            seconds=run.elapsed,
            finishing=run.elapsed - made,
            timed_out=timed_out,
            hurried=hurried,
            discarded=run.discarded,
            disconnected=run.disconnected,
        )
    yield Progress(None, frame, outcome=outcome, losses=losses)


def _show(
    begun: Begun, run: Run, previews: Previews, losses: list[tuple[int, Mapping[str, float]]]
) -> Generator[Progress, None, Frame | None]:
    """Show the frames of a run, and add their losses; return the last one, if there is any."""
    frame = None
    for frame in begun.made:
        losses.append((frame.step, frame.losses))
        previews.add(frame)
    if frame is not None:
        yield Progress(previews.save(frame), frame, losses=losses)
    with closing(begun.run(Stop(run.ends))) as frames:
        for frame in frames:
            run.seconds_left = frame.remaining
            losses.append((frame.step, frame.losses))
            path = previews.take(frame)
            if path is not None:
                yield Progress(path, frame, losses=losses)
    return frame


def _finish(
    transfer: Transfer, frame: Frame, run: Run
) -> Generator[Progress, None, Image.Image | None]:
    """Bring the picture to the size of the photo, at full strength; tell how far it is.

    Returns:
        The result; None where nobody wants to wait for it.
    """
    run.finishing, due = True, time.monotonic() + FINISHING_SECONDS
    if not (run.discarded or run.disconnected):
        yield Progress(None, frame, finished=0.0)
    for finishing in finish_in_strips(
        frame.image, transfer.content, _full(transfer), transfer.mask
    ):
        hurried = run.hurried and transfer.settings.full_detail and finishing.part < 1
        if hurried or (run.discarded and not run.kept):
            return None
        is_due = finishing.part == 1 or time.monotonic() >= due
        # A generator that waits at a `yield` is closed with its connection, and the result is lost.
        if is_due and not (run.discarded or run.disconnected):
            due = time.monotonic() + FINISHING_SECONDS
            yield Progress(None, frame, finished=finishing.part)
    return finishing.result


def _full(transfer: Transfer) -> Settings:
    """The settings at full strength: a page changes the strength of a result afterwards."""
    return replace(transfer.settings, strength=1.0)


def save_result(
    result: Image.Image, content: Image.Image, recipe: Recipe, path: Path
) -> tuple[str, str]:
    """Save a result at the strength of its recipe.

    Args:
        result: at full strength.
        path: of the PNG.

    Returns:
        The file that a page shows, and the PNG to download; often they are the same.
    """
    blended = strengthen(result, content, recipe.settings.strength)
    save_with_recipe(blended, path, recipe)
    if max(blended.size) <= SHOWN_SIDE:
        return str(path), str(path)
    return save_shown(blended, path.with_suffix(".shown.jpg")), str(path)


def save_shown(image: Image.Image, path: Path) -> str:
    """Save what a page shows of a picture: a JPEG of at most `SHOWN_SIDE`."""
    on_white(contained(image, SHOWN_SIDE)).save(path, quality=92)
    return str(path)
