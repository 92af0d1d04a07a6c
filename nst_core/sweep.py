"""Nine small pictures to choose from: style weight by size of the brush strokes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product

from PIL import Image, ImageDraw, ImageFont

from .finishing import preview
from .images import load_image, working_size
from .regions import load_mask
from .settings import OPTIONS, Settings

STYLE_WEIGHTS = (0.2, 1.0, 5.0)
STYLE_SCALES = (0.5, 1.0, 2.0)
SIZE, STEPS = 160, 24
CAPTION_HEIGHT, GAP = 16, 4


@dataclass(frozen=True)
class Tile:
    """One picture of a sweep, with the settings that make a large one like it."""

    image: Image.Image
    settings: Settings

    @property
    def caption(self) -> str:
        return f"style {self.settings.style_weight:g}, strokes {self.settings.style_scale:g}"


def sweep(
    content: Image.Image,
    style: Image.Image | Sequence[Image.Image],
    settings: Settings,
    *,
    mask: Image.Image | None = None,
    start: Image.Image | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> Iterator[Tile]:
    """The nine tiles, row by row: style weight grows downwards, strokes to the right.

    Args:
        settings: all that the tiles have in common; their size and steps are smaller.
        content, style, mask, start, stop: as `stylize` takes them.

    Raises:
        StyleTransferError: as `stylize`.
    """
    from .optimize import stylize  # not above: see `nst_core`

    content = load_image(content)
    small = content.resize(working_size(content.size, SIZE))
    small_mask = None if mask is None else load_mask(mask, small.size)
    for weight, scale in product(STYLE_WEIGHTS, STYLE_SCALES):
        # Large strokes take a large painting, which has a limit.
        size = min(settings.size, int(OPTIONS["size"].high / scale))
        chosen = replace(settings, size=size, style_weight=weight, style_scale=scale)
        run = replace(chosen, size=SIZE, steps=STEPS, strength=1.0)
        looks = stylize(small, style, run, mask=small_mask, start=start, every=1e9, stop=stop)
        *_, frame = looks
        if stop():
            return
        yield Tile(preview(frame.image, small, run, small_mask), chosen)


def sheet(tiles: Sequence[Tile]) -> Image.Image:
    """The tiles of a sweep in one picture, each with its caption below."""
    width, height = tiles[0].image.size
    columns = len(STYLE_SCALES)
    across, down = width + GAP, height + CAPTION_HEIGHT + GAP
    rows = -(-len(tiles) // columns)
    paper = Image.new("RGB", (columns * across + GAP, rows * down + GAP), "white")
    draw, font = ImageDraw.Draw(paper), ImageFont.load_default(11)
    for index, tile in enumerate(tiles):
        row, column = divmod(index, columns)
        corner = GAP + column * across, GAP + row * down
        paper.paste(tile.image.convert("RGB"), corner)
        draw.text((corner[0], corner[1] + height + 1), tile.caption, "black", font)
    return paper
