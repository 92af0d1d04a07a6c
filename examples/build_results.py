"""Make `results/`, `thumbnails/` and `strips/` from what is in `examples.json`.

    python examples/build_results.py [--side 1024] [--size 512] [--steps 30] [ID ...]

A result has the long side `--side`: its photo is enlarged to it first. It is painted at `--size`,
and enlarged along the contours of the photo. The first pair also gives `run.jpg`, the picture at
the top of the README. Without ids the script makes all pairs. `strips/` has the small pictures of
photos and paintings that the page offers.
"""

from __future__ import annotations

import argparse
import json
import sys
from io import BytesIO
from pathlib import Path

from PIL import Image, ImageOps

FOLDER = Path(__file__).parent
sys.path.insert(0, str(FOLDER.parent))

from nst_core import Frame, Settings, finish, load_image, stylize
from nst_core.settings import DEFAULTS

MAX_BYTES = 300_000
RUN_STEPS = (1, 4, 10, 20)  # shown in `run.jpg`, between the photo and the result
RUN_HEIGHT = 240
THUMBNAIL_SIDE = 240
STRIP_SIDE = 128


def jpeg(image: Image.Image) -> bytes:
    """The image as a JPEG, in the best quality that fits into `MAX_BYTES`."""
    for quality in range(92, 40, -2):
        file = BytesIO()
        image.save(file, "JPEG", quality=quality, optimize=True, progressive=True)
        if file.tell() <= MAX_BYTES:
            break
    return file.getvalue()


def save_thumbnail(name: str) -> None:
    """Make the small square picture for the page from the result of this name."""
    with Image.open(FOLDER / "results" / name) as result:
        small = ImageOps.fit(result, (THUMBNAIL_SIDE, THUMBNAIL_SIDE))
    small.save(FOLDER / "thumbnails" / name, quality=75, optimize=True)


def save_strip_pictures(table: dict[str, dict[str, object]]) -> None:
    """Make the small square pictures of all photos and paintings that the page offers."""
    for kind in ("contents", "styles"):
        (FOLDER / "strips" / kind).mkdir(parents=True, exist_ok=True)
        for name in table[kind]:
            small = ImageOps.fit(
                load_image(FOLDER / kind / f"{name}.jpg"), (STRIP_SIDE, STRIP_SIDE)
            )
            small.save(FOLDER / "strips" / kind / f"{name}.jpg", quality=80, optimize=True)


def strip(photo: Image.Image, frames: list[Frame]) -> Image.Image:
    """The photo, the frames after `RUN_STEPS`, and the last frame, side by side."""
    images = [photo, *(frames[step - 1].image for step in RUN_STEPS), frames[-1].image]
    width = round(photo.width * RUN_HEIGHT / photo.height)
    paper = Image.new("RGB", (width * len(images), RUN_HEIGHT))
    for index, image in enumerate(images):
        scaled = image.resize((width, RUN_HEIGHT), Image.Resampling.LANCZOS)
        paper.paste(scaled, (width * index, 0))
    return paper


def main() -> None:
    table = json.loads((FOLDER / "examples.json").read_text())
    pairs = table["pairs"]
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("ids", nargs="*", metavar="ID")
    parser.add_argument("--side", type=int, default=1024, help="long side of a result in pixels")
    parser.add_argument("--size", type=int, default=DEFAULTS.size, help="size it is painted at")
    parser.add_argument("--steps", type=int, default=DEFAULTS.steps, help="steps of a run")
    arguments = parser.parse_args()
    save_strip_pictures(table)
    for pair in pairs:
        if arguments.ids and pair["id"] not in arguments.ids:
            continue
        photo = load_image(FOLDER / "contents" / f"{pair['content']}.jpg")
        content = ImageOps.contain(
            photo, (arguments.side, arguments.side), Image.Resampling.LANCZOS
        )
        style = load_image(FOLDER / "styles" / f"{pair['style']}.jpg")
        settings = Settings(size=arguments.size, steps=arguments.steps)
        frames = list(stylize(content, style, settings))
        frame = frames[-1]
        data = jpeg(finish(frame.image, content, settings))
        if pair is pairs[0] and frame.step > RUN_STEPS[-1]:
            (FOLDER / "run.jpg").write_bytes(jpeg(strip(content, frames)))
        name = f"{pair['content']}-{pair['style']}.jpg"
        (FOLDER / "results" / name).write_bytes(data)
        save_thumbnail(name)
        print(f"{pair['id']}: {frame.elapsed:.0f} s, {len(data) / 1000:.0f} kB", flush=True)


if __name__ == "__main__":
    main()
