"""Make the pictures of the presets (`presets/`) and those of the README (`features/`).

    python examples/build_features.py [NAME ...]

A name is that of a file in `features/`, without its ending; `presets` makes all of `presets/`, too.
Without names the script makes all pictures, in a few minutes.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from PIL import Image, ImageDraw, ImageOps

FOLDER = Path(__file__).parent
sys.path.insert(0, str(FOLDER.parent))

from nst_core import PRESETS, Settings, TimeLapse, finish, insights, load_image, stylize, sweep
from nst_core.sweep import sheet

PRESET_SIDE = 160
HEIGHT, GAP = 200, 6
SMALL = Settings(size=320)


def photo(name: str) -> Image.Image:
    return load_image(FOLDER / "contents" / f"{name}.jpg")


def painting(name: str) -> Image.Image:
    return load_image(FOLDER / "styles" / f"{name}.jpg")


def run(
    content: Image.Image,
    styles: Image.Image | Sequence[Image.Image],
    settings: Settings = SMALL,
    mask: Image.Image | None = None,
) -> Image.Image:
    *_, frame = stylize(content, styles, settings, mask=mask, every=1e9)
    return finish(frame.image, content, settings, mask)


def row(*images: Image.Image) -> Image.Image:
    """The images side by side, all of the same height."""
    scaled = [
        image.convert("RGB").resize(
            (round(image.width * HEIGHT / image.height), HEIGHT), Image.Resampling.LANCZOS
        )
        for image in images
    ]
    width = sum(image.width for image in scaled) + GAP * (len(scaled) - 1)
    paper = Image.new("RGB", (width, HEIGHT), "white")
    left = 0
    for image in scaled:
        paper.paste(image, (left, 0))
        left += image.width + GAP
    return paper


def column(*images: Image.Image) -> Image.Image:
    """The images one below the other."""
    height = sum(image.height for image in images) + GAP * (len(images) - 1)
    paper = Image.new("RGB", (max(image.width for image in images), height), "white")
    top = 0
    for image in images:
        paper.paste(image, (0, top))
        top += image.height + GAP
    return paper


def face() -> Image.Image:
    """A mask over the face of the astronaut."""
    mask = Image.new("L", photo("astronaut").size)
    width, height = mask.size
    box = (0.36 * width, 0.03 * height, 0.57 * width, 0.36 * height)
    ImageDraw.Draw(mask).ellipse(box, fill=255)
    return mask


def colours() -> Image.Image:
    content, style = photo("coffee"), painting("starry_night")
    modes = (run(content, style, replace(SMALL, color=mode)) for mode in ("style", "content"))
    return row(content, *modes, run(content, style, replace(SMALL, color="match")))


def several() -> Image.Image:
    content = photo("chelsea")
    styles = [painting("starry_night"), painting("mosaic")]
    mixes = ("1,0", "0.5,0.5", "0,1")
    return row(*(run(content, styles, replace(SMALL, style_mix=mix)) for mix in mixes))


def regions() -> Image.Image:
    content, mask = photo("astronaut"), face()
    styles = [painting("flow_strokes"), painting("mosaic")]
    red = Image.new("RGB", content.size, "crimson")
    marked = Image.composite(Image.blend(content, red, 0.5), content, mask)
    both = run(content, styles, replace(SMALL, region="style"), mask)
    return row(marked, run(content, styles[:1], SMALL, mask), both)


def strokes() -> Image.Image:
    content, style = photo("chelsea"), painting("flow_strokes")
    return row(*(run(content, style, replace(SMALL, style_scale=x)) for x in (0.5, 1, 2)))


def start() -> Image.Image:
    content, style = photo("coffee"), painting("woodcut_waves")
    kinds = ("content", "style", "noise")
    return row(*(run(content, style, replace(SMALL, init=kind)) for kind in kinds))


def strength() -> Image.Image:
    content, style = photo("rocket"), painting("starry_night")
    *_, frame = stylize(content, style, SMALL, every=1e9)
    return row(*(finish(frame.image, content, replace(SMALL, strength=x)) for x in (0.3, 0.6, 1)))


def refine() -> Image.Image:
    """A result, the result refined with more style, and then with another painting."""
    content = photo("chelsea")
    *_, first = stylize(content, painting("flow_strokes"), SMALL, every=1e9)
    again = replace(SMALL, init="image", coarse_to_fine=False, steps=30)
    results = [first.image]
    for name, weight in (("flow_strokes", 5.0), ("ink_marbling", 1.0)):
        settings = replace(again, style_weight=weight)
        *_, frame = stylize(content, painting(name), settings, start=results[-1], every=1e9)
        results.append(frame.image)
    return row(*results)


def nine() -> Image.Image:
    return sheet(list(sweep(photo("chelsea"), painting("flow_strokes"), Settings())))


def network() -> Image.Image:
    """The photo rebuilt from each layer, above the painting as a texture up to each layer."""
    content, style = photo("astronaut"), painting("starry_night")
    return column(
        *(
            row(*(last_frame(image, make(layer)) for layer in insights.LAYERS))
            for image, make in ((content, insights.reconstruction), (style, insights.texture))
        )
    )


def last_frame(image: Image.Image, settings: Settings) -> Image.Image:
    *_, frame = stylize(image, image, settings, every=1e9)
    return frame.image


def presets() -> Image.Image:
    """Save the picture of every preset, and return all of them in one."""
    # A calm sky beside rich shapes: presets differ most there.
    content, style = photo("summer_palace"), painting("starry_night")
    side = PRESET_SIDE
    tiles = []
    for preset, settings in PRESETS.items():
        tile = ImageOps.fit(run(content, style, replace(settings, size=256)), (side, side))
        name = preset.lower().replace(" ", "_")
        tile.save(FOLDER / "presets" / f"{name}.jpg", quality=80, optimize=True)
        tiles.append(tile)
    return column(row(*tiles[:4]), row(*tiles[4:]))


def timelapse() -> None:
    content, style = photo("rocket"), painting("flow_strokes")
    film = TimeLapse(content.size)
    for frame in stylize(content, style, SMALL):
        film.add(frame.image)
    film.save(FOLDER / "features" / "timelapse.webp")


FEATURES: dict[str, Callable[[], Image.Image | None]] = {
    f.__name__: f
    for f in (
        *(colours, several, regions, strokes, start, strength, refine, nine, network),
        *(presets, timelapse),
    )
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME")
    names = parser.parse_args().names or [*FEATURES]
    if not set(names) <= set(FEATURES):
        parser.error(f"names are {', '.join(FEATURES)}")
    for folder in ("presets", "features"):
        (FOLDER / folder).mkdir(exist_ok=True)
    for name in names:
        image = FEATURES[name]()
        if image is not None:
            path = FOLDER / "features" / f"{name}.jpg"
            image.save(path, quality=85, optimize=True, progressive=True)
        print(name, flush=True)


if __name__ == "__main__":
    main()
