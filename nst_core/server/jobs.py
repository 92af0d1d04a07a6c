"""A job of a server: from files and values that somebody sent, over previews, to an outcome."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image, ImageOps

from ..errors import StyleTransferError
from ..finishing import finish, preview, strengthen
from ..frame import Frame
from ..images import load_image, on_white
from ..plan import check_inputs, is_guided, make_plan
from ..recipe import Recipe, save_with_recipe
from ..regions import load_mask
from ..settings import Settings
from ..timelapse import TimeLapse
from .limits import Limits
from .runs import Runs

PREVIEW_SECONDS = 1.0
FIRST_PREVIEW_SECONDS = 0.6
# Previews travel once a second, maybe to a phone: at most this long a side, as JPEG.
PREVIEW_SIDE = 1024
# Larger results are shown as a JPEG of this side; the download is always the full PNG.
SHOWN_SIDE = 2048
# A region painted in the page: a PNG as data URL, of at most so many characters.
PAINTED = "data:image/png;base64,"
PAINTED_LENGTH = 2_000_000


@dataclass(frozen=True)
class Job:
    """What a run is asked to do: files by their paths, settings by their names.

    Attributes:
        mask: a file; `painted` is a region painted in a page, as data URL, in its place.
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
class Images:
    """What a run works on."""

    content: Image.Image
    styles: tuple[Image.Image, ...]
    mask: Image.Image | None = None
    start: Image.Image | None = None

    def recipe(self, settings: Settings) -> Recipe:
        return Recipe.of(settings, self.content, self.styles, self.mask, self.start)


@dataclass(frozen=True)
class Outcome:
    """A finished or stopped run: the last frame, and what comes of it at full strength.

    Attributes:
        seconds: all that it took.
        late: it was ended because it took too long.
        discarded: its owner looks at something else by now.
    """

    images: Images
    settings: Settings
    frame: Frame
    result: Image.Image
    film: TimeLapse
    seconds: float
    late: bool = False
    discarded: bool = False


@dataclass(frozen=True)
class Shown:
    """What one look at a run puts on the screen: a file, the frame it was made from, the end.

    Attributes:
        picture: the file, or nothing where it stays as it is.
        finishing: no more steps are made, the result is brought to the size of the photo.
    """

    picture: str
    frame: Frame | None = None
    outcome: Outcome | None = None
    finishing: bool = False


# How frames are made of images and settings, and of the name of a run.
Frames = Callable[[Images, Settings, str], Iterator[Frame]]


def open_job(job: Job, limits: Limits) -> tuple[Images, Settings]:
    """Load and check all that a run needs, so that whatever is wrong is said before it.

    Raises:
        StyleTransferError: something is missing, can't be used, or is not allowed.
    """
    if not job.content or not job.styles:
        missing = "photo" if not job.content else "painting"
        raise StyleTransferError(f"There is no {missing} yet: add one, or click an example.")
    settings = Settings.from_values(job.values)
    check_inputs(settings, len(job.styles), job.start is not None)
    content = load_image(job.content)
    mask = load_mask(job.mask, content.size) if job.mask else None
    if job.painted:
        mask = _painted_mask(job.painted, content.size)
    guided = is_guided(settings, len(job.styles), mask is not None)
    limits.check(settings, make_plan(settings, content.size, guided))
    images = Images(
        content,
        tuple(load_image(style) for style in job.styles),
        mask,
        load_image(job.start) if job.start else None,
    )
    return images, settings


def _painted_mask(painted: str, size: tuple[int, int]) -> Image.Image | None:
    try:
        if not painted.startswith(PAINTED) or len(painted) > PAINTED_LENGTH:
            raise ValueError
        data = base64.b64decode(painted.removeprefix(PAINTED), validate=True)
        return load_mask(BytesIO(data), size)
    except ValueError as error:  # binascii.Error is one
        raise StyleTransferError("The painted region can't be read: clear it.") from error


def run_job(
    job: Job,
    runs: Runs,
    owner: str,
    folder: Path,
    limits: Limits,
    frames: Frames,
    kept: bool = False,
) -> Iterator[Shown]:
    """One run, from files to the outcome.

    There is none of a run that is stopped before its first step, or discarded and not kept.

    Args:
        owner: who may stop it.
        folder: what it shows is written there.
        kept: whether its outcome is of use to an owner whose connection is gone.

    Raises:
        StyleTransferError: as `open_job` and `stylize`.
    """
    images, settings = open_job(job, limits)
    photo, mask = _smaller(images)
    film = TimeLapse(photo.size)
    film.add(on_white(photo))
    frame = None
    with runs.enter(owner, kept) as run:
        run.facts.update(size=settings.size, steps=settings.steps)
        if run.stop.is_set():  # before its turn came
            return
        yield Shown(_save_preview(photo, photo.size, folder / "preview-0.jpg"))
        due = time.monotonic() + FIRST_PREVIEW_SECONDS
        looks = frames(images, settings, run.name)
        for frame in looks:
            look = preview(frame.image, photo, settings, mask)
            film.add(look)
            if frame.done or run.ends():
                break
            if time.monotonic() >= due:
                due = time.monotonic() + PREVIEW_SECONDS
                path = folder / f"preview-{frame.step}.jpg"
                yield Shown(_save_preview(look, photo.size, path), frame)
        looks.close()
        if frame is None or (run.discarded and not kept):
            return
        run.facts.update(made=frame.step)
        if not (run.discarded or run.left):  # else nobody would ask for what comes then
            yield Shown("", frame, finishing=True)
        result = finish(frame.image, images.content, replace(settings, strength=1.0), images.mask)
        seconds = time.monotonic() - run.began
        late = run.late and not run.stop.is_set() and frame.step < frame.total_steps
        outcome = Outcome(images, settings, frame, result, film, seconds, late, run.discarded)
    yield Shown("", frame, outcome)


def _smaller(images: Images) -> tuple[Image.Image, Image.Image | None]:
    """Photo and mask in the size of previews."""
    photo, mask = images.content, images.mask
    if max(photo.size) > PREVIEW_SIDE:
        photo = ImageOps.contain(photo, (PREVIEW_SIDE, PREVIEW_SIDE))
    return photo, mask and mask.resize(photo.size)


def _save_preview(image: Image.Image, size: tuple[int, int], path: Path) -> str:
    """Save a preview in the shape the result will have on the screen, so that nothing jumps."""
    on_white(image).resize(size, Image.Resampling.BICUBIC).save(path, quality=85)
    return str(path)


def save_result(
    result: Image.Image, content: Image.Image, recipe: Recipe, path: Path
) -> tuple[str, str]:
    """Save the PNG to download, and what the page shows of it; the paths of both."""
    blended = strengthen(result, content, recipe.settings.strength)
    save_with_recipe(blended, path, recipe)
    return _shown_file(blended, path), str(path)


def _shown_file(image: Image.Image, path: Path) -> str:
    """`path`, or a smaller copy of the image where it is too large for a page."""
    if max(image.size) <= SHOWN_SIDE:
        return str(path)
    smaller = on_white(ImageOps.contain(image, (SHOWN_SIDE, SHOWN_SIDE)))
    smaller.save(path.with_suffix(".shown.jpg"), quality=92)
    return str(path.with_suffix(".shown.jpg"))
