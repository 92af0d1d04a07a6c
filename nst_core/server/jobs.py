"""One job of a server: from files and values that somebody sent, over previews, to an outcome.

Job -> Transfer (read, checked, planned) -> Progress, Progress, ... -> Outcome
"""

from __future__ import annotations

import base64
import os
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image, ImageOps

from ..errors import StyleTransferError
from ..finishing import finish, preview, strengthen
from ..frame import Frame
from ..images import on_white
from ..recipe import Recipe, save_with_recipe
from ..settings import Settings
from ..sweep import Sweep, prepare_sweep
from ..timelapse import TimeLapse
from ..transfer import Transfer, prepare
from .limits import Limits
from .runs import Run, Runs, Stop

# Seconds between two previews, and until the first one.
PREVIEW_SECONDS = 1.0
FIRST_PREVIEW_SECONDS = 0.6
# Long side of a preview. Previews are sent once a second, perhaps to a phone.
PREVIEW_SIDE = 1024
# Long side of what a page shows of a result. The download is the full picture.
SHOWN_SIDE = 2048
# A region painted in a page is a PNG as data URL, of at most so many characters.
PAINTED_PREFIX = "data:image/png;base64,"
PAINTED_LENGTH = 2_000_000

# Computes the frames of a run; `Stop` tells it when to end.
Paint = Callable[[Transfer, Stop], Generator[Frame]]


@dataclass(frozen=True)
class Job:
    """What a run is asked to do, as it was sent: nothing of it is checked yet.

    Attributes:
        content, styles, mask, start: paths of files.
        values: settings by their names.
        painted: a region painted in a page, as data URL; it counts more than `mask`.
    """

    content: str | None
    styles: Sequence[str]
    values: Mapping[str, Any]
    mask: str | None = None
    start: str | None = None
    painted: str | None = None

    @property
    def name(self) -> str:
        """What its result is called."""
        return f"{Path(str(self.content)).stem}-{Path(self.styles[0]).stem}"


@dataclass(frozen=True)
class Outcome:
    """What a run came to, at its end or where it was stopped.

    Attributes:
        transfer: what it worked on.
        frame: the last one.
        result: in the size of the photo, at full strength.
        film: previews of all steps.
        seconds: all that it took.
        timed_out: it was ended because it took too long.
        discarded: its owner looks at something else by now.
    """

    transfer: Transfer
    frame: Frame
    result: Image.Image
    film: TimeLapse
    seconds: float
    timed_out: bool = False
    discarded: bool = False


@dataclass(frozen=True)
class Progress:
    """How far a run is.

    Attributes:
        picture: the file of a preview; None where the one before still stands.
        frame: the frame it was made from; None before the first step.
        finishing: all steps are made, and the result is brought to the size of the photo.
        outcome: at the end.
    """

    picture: str | None
    frame: Frame | None = None
    finishing: bool = False
    outcome: Outcome | None = None


def prepare_job(job: Job, limits: Limits) -> Transfer:
    """Read, check and plan a job, so that whatever is wrong is said before it waits or runs.

    Raises:
        StyleTransferError: something is missing, can't be used, or is not allowed.
    """
    settings = Settings.from_values(job.values)
    _check_files(job)
    transfer = prepare(
        _content(job), job.styles, settings, mask=_mask_file(job), start=job.start or None
    )
    limits.check(settings, transfer.work)
    return transfer


def prepare_sweep_job(job: Job, limits: Limits) -> Sweep:
    """Read, check and plan a sweep; its tiles are small, whatever size the job asks for.

    Raises:
        StyleTransferError: as `prepare_job`.
    """
    settings = Settings.from_values(job.values)
    _check_files(job)
    sweep = prepare_sweep(
        _content(job), job.styles, settings, mask=_mask_file(job), start=job.start or None
    )
    limits.check(settings, sweep.work)
    return sweep


def _check_files(job: Job) -> None:
    """Say which file is gone: uploads are kept for a while, and a visitor may come back later."""
    files = {"photo": job.content, "region": job.mask, "image to start from": job.start}
    files |= {f"painting {job.styles.index(path) + 1}": path for path in job.styles}
    for what, path in files.items():
        if path and not os.path.exists(path):
            raise StyleTransferError(
                f"The {what} is not here any more: uploads are kept for a while. Upload it again."
            )


def _content(job: Job) -> str:
    """The file of the photo, where photo and painting are there."""
    if not job.content or not job.styles:
        missing = "photo" if not job.content else "painting"
        raise StyleTransferError(f"There is no {missing} yet: add one, or click an example.")
    return job.content


def _mask_file(job: Job) -> str | BytesIO | None:
    """The file of the region: painted in a page, or given."""
    if not job.painted:
        return job.mask or None
    data = job.painted.removeprefix(PAINTED_PREFIX)
    try:
        if data == job.painted or len(data) > PAINTED_LENGTH:
            raise ValueError
        return BytesIO(base64.b64decode(data, validate=True))
    except ValueError as error:  # binascii.Error is one
        raise StyleTransferError("The painted region can't be read: clear it.") from error


def run_job(
    transfer: Transfer, runs: Runs, owner: str, folder: Path, paint: Paint, kept: bool = False
) -> Iterator[Progress]:
    """Run what was prepared, and tell how far it is.

    There is no outcome of a run that is stopped before its first step, or that is discarded and
    not kept.

    Args:
        owner: who may stop it.
        folder: previews are written there.
        paint: computes the frames.
        kept: whether an owner whose connection is cut can come back for the outcome.

    Raises:
        StyleTransferError: as `paint`.
    """
    previews = _Previews(transfer, folder)
    settings = transfer.settings
    with runs.enter(owner, kept) as run:
        run.log_fields.update(size=settings.size, steps=settings.steps)
        if run.stopped.is_set():
            return
        yield Progress(previews.first())
        frame = None
        with closing(paint(transfer, Stop(run.ends))) as frames:
            for frame in frames:
                path = previews.take(frame)
                if frame.done or run.ends():
                    break
                if path is not None:
                    yield Progress(path, frame)
        if frame is None or (run.discarded and not kept):
            return
        run.log_fields.update(made=frame.step)
        if not (run.discarded or run.disconnected):
            yield Progress(None, frame, finishing=True)
        outcome = _outcome(transfer, frame, previews.film, run)
    yield Progress(None, frame, outcome=outcome)


def _outcome(transfer: Transfer, frame: Frame, film: TimeLapse, run: Run) -> Outcome:
    full = replace(transfer.settings, strength=1.0)
    return Outcome(
        transfer,
        frame,
        finish(frame.image, transfer.content, full, transfer.mask),
        film,
        seconds=run.elapsed,
        timed_out=run.timed_out and not run.stopped.is_set() and frame.step < frame.total_steps,
        discarded=run.discarded,
    )


class _Previews:
    """Makes previews of frames: all go into the film, and one a second into a file."""

    def __init__(self, transfer: Transfer, folder: Path) -> None:
        self.settings, self.folder = transfer.settings, folder
        self.photo, self.mask = transfer.content, transfer.mask
        if max(self.photo.size) > PREVIEW_SIDE:
            self.photo = ImageOps.contain(self.photo, (PREVIEW_SIDE, PREVIEW_SIDE))
            self.mask = self.mask and self.mask.resize(self.photo.size)
        self.film = TimeLapse(self.photo.size)
        self.due = 0.0

    def first(self) -> str:
        """The photo, before anything is painted."""
        self.film.add(on_white(self.photo))
        self.due = time.monotonic() + FIRST_PREVIEW_SECONDS
        return self._save(self.photo, 0)

    def take(self, frame: Frame) -> str | None:
        """Add a frame to the film; the file of its preview, where the next one is due."""
        image = preview(frame.image, self.photo, self.settings, self.mask)
        self.film.add(image)
        if frame.done or time.monotonic() < self.due:
            return None
        self.due = time.monotonic() + PREVIEW_SECONDS
        return self._save(image, frame.step)

    def _save(self, image: Image.Image, step: int) -> str:
        """Save a preview in the shape of the result, so that nothing jumps on the screen."""
        path = self.folder / f"preview-{step}.jpg"
        small = on_white(image).resize(self.photo.size, Image.Resampling.BICUBIC)
        small.save(path, quality=85)
        return str(path)


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
    if max(image.size) > SHOWN_SIDE:
        image = ImageOps.contain(image, (SHOWN_SIDE, SHOWN_SIDE))
    on_white(image).save(path, quality=92)
    return str(path)
