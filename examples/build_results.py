"""Make `results/` and `thumbnails/` from the pairs in `examples.json`, with default settings.

    python examples/build_results.py [TITLE ...]

The first pair also gives `run.jpg`, the picture at the top of the README. Without titles the script
makes all pairs, in about 20 seconds each on two cores.
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

MAX_BYTES = 200_000
STRIP_STEPS = (1, 4, 10, 20)  # shown in `run.jpg`, between the photo and the result
STRIP_HEIGHT = 240
THUMBNAIL_SIDE = 240


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


def strip(photo: Image.Image, frames: list[Frame]) -> Image.Image:
    """The photo, the frames after `STRIP_STEPS`, and the last frame, side by side."""
    images = [photo, *(frames[step - 1].image for step in STRIP_STEPS), frames[-1].image]
    width = round(photo.width * STRIP_HEIGHT / photo.height)
    paper = Image.new("RGB", (width * len(images), STRIP_HEIGHT))
    for index, image in enumerate(images):
        scaled = image.resize((width, STRIP_HEIGHT), Image.Resampling.LANCZOS)
        paper.paste(scaled, (width * index, 0))
    return paper


def main() -> None:
    pairs = json.loads((FOLDER / "examples.json").read_text())["pairs"]
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("titles", nargs="*", metavar="TITLE")
    titles = parser.parse_args().titles
    for pair in pairs:
        if titles and pair["title"] not in titles:
            continue
        content = load_image(FOLDER / "contents" / f"{pair['content']}.jpg")
        style = load_image(FOLDER / "styles" / f"{pair['style']}.jpg")
        settings = Settings()
        frames = list(stylize(content, style, settings))
        frame = frames[-1]
        data = jpeg(finish(frame.image, content, settings))
        if pair is pairs[0]:
            (FOLDER / "run.jpg").write_bytes(jpeg(strip(content, frames)))
        name = f"{pair['content']}-{pair['style']}.jpg"
        (FOLDER / "results" / name).write_bytes(data)
        save_thumbnail(name)
        print(f"{pair['title']}: {frame.elapsed:.0f} s, {len(data) / 1000:.0f} kB", flush=True)


if __name__ == "__main__":
    main()
