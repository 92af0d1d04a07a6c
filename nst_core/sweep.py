"""A sweep: small pictures to choose from.

Nine, by style weight and size of the brush strokes; or one for each of many paintings.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product

from PIL import Image, ImageDraw, ImageFont

from .finishing import preview
from .images import load_image, on_white, working_size
from .plan import Stage, check_photo, make_plan
from .recipe import Recipe
from .regions import fit_mask
from .settings import SIZES, Settings
from .transfer import Load, Source, Transfer, read_images, with_precision

STYLE_WEIGHTS = (0.2, 1.0, 5.0)
STYLE_SCALES = (0.5, 1.0, 2.0)
TILES = len(STYLE_WEIGHTS) * len(STYLE_SCALES)
SIZE, STEPS = 160, 24
CAPTION_HEIGHT, GAP = 16, 4


@dataclass(frozen=True)
class Tile:
    """One picture of a sweep, with the settings that make a large picture like it."""

    image: Image.Image
    settings: Settings

    @property
    def caption(self) -> str:
        return caption_of(self.settings.style_weight, self.settings.style_scale)


def caption_of(style_weight: float, style_scale: float) -> str:
    """What stands below a tile."""
    return f"style {style_weight:g}, strokes {style_scale:g}"


@dataclass(frozen=True)
class Sweep:
    """A prepared sweep.

    Attributes:
        runs: a small run for each tile, row by row.
        chosen: for each tile the settings that make a large picture like it.
        content, mask: in full size; the runs have them in the size of a tile.
    """

    runs: tuple[Transfer, ...]
    chosen: tuple[Settings, ...]
    content: Image.Image
    mask: Image.Image | None = None

    @property
    def work(self) -> float:
        """Megapixels of gradient evaluations, of all tiles."""
        return sum(run.work for run in self.runs)

    def recipe(self, settings: Settings) -> Recipe:
        """The recipe of the large picture that `settings` make of these images."""
        run = self.runs[0]
        return Recipe.of(settings, self.content, run.styles, self.mask, run.start)


def prepare_sweep(
    content: Source,
    styles: Source | Sequence[Source],
    settings: Settings,
    *,
    mask: Source | None = None,
    start: Source | None = None,
    device: str | None = None,
    load: Load | None = None,
) -> Sweep:
    """Read the images of a sweep, check that they fit the settings, and plan its tiles.

    Only the tiles are planned, so that `settings` may ask for any size.

    Args:
        content, styles, mask, start, device, load: as `prepare` takes them.
        settings: what the tiles have in common; their size and steps are smaller.

    Raises:
        StyleTransferError: as `prepare`.
    """
    settings = with_precision(settings, device)
    chosen = _chosen(settings)
    tiles = [replace(large, size=SIZE, steps=STEPS, strength=1.0) for large in chosen]

    def plan(photo: Image.Image, guided: bool) -> list[tuple[Stage, ...]]:
        check_photo(settings, photo.size)
        size = working_size(photo.size, SIZE)
        return [make_plan(tile, size, guided) for tile in tiles]

    images, plans = read_images(content, styles, settings, plan, mask=mask, start=start, load=load)
    small = images.content.resize(working_size(images.content.size, SIZE))
    region = None if images.mask is None else fit_mask(images.mask, small.size)
    runs = [
        Transfer(small, images.styles, tile, stages, region, images.start)
        for tile, stages in zip(tiles, plans, strict=True)
    ]
    return Sweep(tuple(runs), chosen, images.content, images.mask)


def _chosen(settings: Settings) -> tuple[Settings, ...]:
    """The settings of the large picture that each tile stands for."""
    chosen = []
    for weight, scale in product(STYLE_WEIGHTS, STYLE_SCALES):
        # Large strokes need a large painting, whose size is limited.
        size = min(settings.size, int(SIZES.high / scale))
        chosen.append(replace(settings, size=size, style_weight=weight, style_scale=scale))
    return tuple(chosen)


def prepare_gallery(
    content: Source,
    paintings: Sequence[Source],
    settings: Settings,
    load: Load | None = None,
) -> Sweep:
    """Read a photo and paintings, and plan a small picture of the photo in each of them.

    Args:
        content, paintings: as `prepare` takes the photo and a painting.
        settings: what the tiles have in common; their size and steps are smaller. They start from
            the photo, and have no region.
        load: reads the photo; `load_image` by default.

    Raises:
        StyleTransferError: as `prepare`.
    """
    settings = with_precision(settings)
    photo = (load or load_image)(content)
    check_photo(settings, photo.size)
    small = photo.resize(working_size(photo.size, SIZE))
    tile = replace(settings, size=SIZE, steps=STEPS, strength=1.0, init="content")
    plan = make_plan(tile, small.size)
    runs = tuple(Transfer(small, (load_image(source),), tile, plan) for source in paintings)
    return Sweep(runs, (settings,) * len(runs), photo)


def paint_sweep(sweep: Sweep, *, stop: Callable[[], bool] = lambda: False) -> Iterator[Tile]:
    """Paint the tiles of a prepared sweep, row by row.

    Style weight grows downwards, strokes grow to the right.

    Args:
        stop: as `paint` takes it; the tile in hand is not yielded.

    Raises:
        StyleTransferError: as `paint`.
    """
    from .optimize import paint  # not above: PyTorch is imported when it is needed

    for run, chosen in zip(sweep.runs, sweep.chosen, strict=True):
        frames = list(paint(run, every=math.inf, stop=stop))
        if not frames or stop():
            return
        yield Tile(preview(frames[-1].image, run.content, run.settings, run.mask), chosen)


def sweep(
    content: Source,
    style: Source | Sequence[Source],
    settings: Settings,
    *,
    mask: Source | None = None,
    start: Source | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> Iterator[Tile]:
    """Paint nine small pictures to choose from.

    Args:
        content, style, settings, mask, start: as `prepare_sweep` takes them.
        stop: as `paint_sweep` takes it.

    Raises:
        StyleTransferError: as `prepare_sweep` and `paint_sweep`.
    """
    prepared = prepare_sweep(content, style, settings, mask=mask, start=start)
    yield from paint_sweep(prepared, stop=stop)


def sheet(tiles: Sequence[Tile]) -> Image.Image:
    """Put the tiles of a sweep into one picture, each with its caption below."""
    width, height = tiles[0].image.size
    columns = len(STYLE_SCALES)
    across, down = width + GAP, height + CAPTION_HEIGHT + GAP
    rows = -(-len(tiles) // columns)
    paper = Image.new("RGB", (columns * across + GAP, rows * down + GAP), "white")
    draw, font = ImageDraw.Draw(paper), ImageFont.load_default(11)
    for index, tile in enumerate(tiles):
        row, column = divmod(index, columns)
        corner = GAP + column * across, GAP + row * down
        paper.paste(on_white(tile.image), corner)
        draw.text((corner[0], corner[1] + height + 1), tile.caption, "black", font)
    return paper
