"""A run that is ready to start: its images are read, its settings checked, its stages planned."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from os import PathLike
from typing import BinaryIO, NamedTuple, TypeVar

from PIL import Image

from .images import load_image
from .plan import Stage, check_inputs, is_guided, make_plan
from .recipe import Recipe
from .regions import load_mask
from .settings import Settings

Source = str | PathLike[str] | BinaryIO | Image.Image
Load = Callable[[Source], Image.Image]
Plan = TypeVar("Plan")


@dataclass(frozen=True)
class Transfer:
    """A prepared run.

    Attributes:
        content, styles, start: images as `load_image` returns them.
        mask: as `load_mask` returns it, in the size of the content image.
        settings: all settings.
        plan: the stages, small to large.
    """

    content: Image.Image
    styles: tuple[Image.Image, ...]
    settings: Settings
    plan: tuple[Stage, ...]
    mask: Image.Image | None = None
    start: Image.Image | None = None

    @property
    def guided(self) -> bool:
        """Whether the mask sends the second style to its region."""
        return is_guided(self.settings, len(self.styles), self.mask is not None)

    @property
    def work(self) -> float:
        """Megapixels of gradient evaluations; the time a run takes is proportional to them."""
        return sum(stage.work for stage in self.plan)

    def recipe(self) -> Recipe:
        """The settings, and what identifies the images."""
        return Recipe.of(self.settings, self.content, self.styles, self.mask, self.start)


class Images(NamedTuple):
    """The images of a run, as `Transfer` describes them."""

    content: Image.Image
    styles: tuple[Image.Image, ...]
    mask: Image.Image | None
    start: Image.Image | None


def prepare(
    content: Source,
    styles: Source | Sequence[Source],
    settings: Settings,
    *,
    mask: Source | None = None,
    start: Source | None = None,
    device: str | None = None,
    load: Load | None = None,
) -> Transfer:
    """Read the images of a run, check that they fit the settings, and plan the stages.

    Args:
        content: the photo; like all images a path, an open binary file or an image.
        styles: one painting, or a sequence of up to four.
        mask: white where the region is that `settings.region` speaks of.
        start: the image to start from; only where `settings.init` is "image".
        device: decides on the precision where that is "auto": "cuda", "mps" or "cpu"; by default
            the best one of this machine.
        load: reads photo and paintings; `load_image` by default.

    Raises:
        StyleTransferError: an image is missing or can't be used, or the settings do not fit the
            images or the memory budget.
    """
    settings = with_precision(settings, device)

    def plan(photo: Image.Image, guided: bool) -> tuple[Stage, ...]:
        return make_plan(settings, photo.size, guided)

    images, stages = read_images(content, styles, settings, plan, mask=mask, start=start, load=load)
    return Transfer(images.content, images.styles, settings, stages, images.mask, images.start)


def with_precision(settings: Settings, device: str | None = None) -> Settings:
    """Settle the precision, so that a recipe has what the picture was made with."""
    from .devices import resolve_precision  # not above: PyTorch is imported when it is needed

    return replace(settings, precision=resolve_precision(settings.precision, device))


def read_images(
    content: Source,
    styles: Source | Sequence[Source],
    settings: Settings,
    plan: Callable[[Image.Image, bool], Plan],
    *,
    mask: Source | None = None,
    start: Source | None = None,
    load: Load | None = None,
) -> tuple[Images, Plan]:
    """Read the images of a run, and plan it between the photo and the rest.

    The cheapest checks come first: a run that needs too much memory is refused before the styles
    are read.

    Args:
        content, styles, settings, mask, start, load: as `prepare` takes them.
        plan: makes a plan of the photo, and of whether the mask sends the second style to its
            region; may raise `SettingsError`.

    Raises:
        StyleTransferError: as `prepare`.
    """
    load = load or load_image
    sources = as_sources(styles)
    check_inputs(settings, len(sources), start is not None)
    photo = load(content)
    region = None if mask is None else load_mask(mask, photo.size)
    planned = plan(photo, is_guided(settings, len(sources), region is not None))
    # A photo that is also the painting, as where a layer is shown, is decoded once.
    paintings = tuple(photo if source is content else load(source) for source in sources)
    first = None if start is None else load_image(start)
    return Images(photo, paintings, region, first), planned


def as_sources(styles: Source | Sequence[Source]) -> tuple[Source, ...]:
    """Make a tuple of one style or a sequence of them; a path is one style, not a sequence."""
    if isinstance(styles, Sequence) and not isinstance(styles, str):
        return tuple(styles)
    return (styles,)
