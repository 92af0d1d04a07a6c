"""Make what the page shows besides results: films, pictures of layers, and the card of a link.

    python examples/build_previews.py [films] [layers] [card] [--missing]

`films` are the time-lapses of the pairs in `examples.json`, `layers` the pictures of the second
tab, and `card` is the preview of a link, put together from the first pair and its result. Without
names the script makes all of them, in a quarter of an hour on two cores.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path

from PIL import Image, ImageOps

FOLDER = Path(__file__).parent
sys.path.insert(0, str(FOLDER.parent))

from nst_core import Settings, TimeLapse, insights, load_image, stylize

PAIRS = json.loads((FOLDER / "examples.json").read_text(encoding="utf-8"))["pairs"]
MOST_FILM_BYTES = 300_000
FILM = Settings(size=320, steps=20)
# Long sides of a film; the first one that fits into `MOST_FILM_BYTES` is taken.
FILM_SIDES = (480, 432, 384, 336, 288)
# The photo and the painting of the second tab.
LAYERS_OF = ("chelsea", "starry_night")
LAYER_SIZE = 320
CARD, CARD_GAP = (1200, 630), 8
CARD_LEFT = 396


def photo(name: str) -> Image.Image:
    return load_image(FOLDER / "contents" / f"{name}.jpg")


def painting(name: str) -> Image.Image:
    return load_image(FOLDER / "styles" / f"{name}.jpg")


def save_jpeg(image: Image.Image, path: Path, quality: int = 80) -> None:
    image.save(path, "JPEG", quality=quality, optimize=True, progressive=True)


def films(missing: bool) -> None:
    """The time-lapse of each pair."""
    folder = FOLDER / "films"
    folder.mkdir(exist_ok=True)
    for pair in PAIRS:
        path = folder / f"{pair['content']}-{pair['style']}.mp4"
        if missing and path.exists():
            continue
        content = photo(pair["content"])
        frames = list(stylize(content, painting(pair["style"]), FILM))
        for side in FILM_SIDES:
            film = TimeLapse(ImageOps.contain(content, (side, side)).size)
            for frame in frames:
                film.add(frame.image)
            film.save(path)
            if path.stat().st_size <= MOST_FILM_BYTES:
                break
        print(f"{path.name}: {side} px, {path.stat().st_size / 1000:.0f} kB", flush=True)


def layers(missing: bool) -> None:
    """The photo from each layer alone, and the painting as a texture up to each layer."""
    folder = FOLDER / "layers"
    folder.mkdir(exist_ok=True)
    halves = (
        ("content", photo(LAYERS_OF[0]), insights.reconstruction),
        ("style", painting(LAYERS_OF[1]), insights.texture),
    )
    for name, image, settings_for in halves:
        for layer in insights.LAYERS:
            path = folder / f"{name}-{layer}.jpg"
            if missing and path.exists():
                continue
            settings = Settings.from_values({"size": LAYER_SIZE}, settings_for(layer))
            *_, frame = stylize(image, image, settings, every=1e9)
            save_jpeg(frame.image, path)
            print(path.name, flush=True)


def card(missing: bool) -> None:
    """The photo above the painting, and the result beside them."""
    path = FOLDER / "card.jpg"
    if missing and path.exists():
        return
    pair = PAIRS[0]
    width, height = CARD
    half = (height - CARD_GAP) // 2
    left = (CARD_LEFT, half)
    result = load_image(FOLDER / "results" / f"{pair['content']}-{pair['style']}.jpg")
    paper = Image.new("RGB", CARD, "white")
    paper.paste(ImageOps.fit(photo(pair["content"]), left), (0, 0))
    paper.paste(ImageOps.fit(painting(pair["style"]), left), (0, height - half))
    right = (width - CARD_LEFT - CARD_GAP, height)
    paper.paste(ImageOps.fit(result, right), (CARD_LEFT + CARD_GAP, 0))
    save_jpeg(paper, path, quality=85)
    print(path.name, flush=True)


PREVIEWS: dict[str, Callable[[bool], None]] = {f.__name__: f for f in (films, layers, card)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--missing", action="store_true", help="make only files that are not there")
    arguments = parser.parse_args()
    names = arguments.names or [*PREVIEWS]
    if not set(names) <= set(PREVIEWS):
        parser.error(f"names are {', '.join(PREVIEWS)}")
    for name in names:
        PREVIEWS[name](arguments.missing)


if __name__ == "__main__":
    main()
