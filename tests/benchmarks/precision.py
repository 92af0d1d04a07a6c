"""What bfloat16 in the network changes, against float32.

    python tests/benchmarks/precision.py [losses] [pictures]

`losses` prints the errors of losses and gradient at 256 pixels. `pictures` makes results of the
default settings in both precisions at several sizes, prints their S and C, and saves parts of them
side by side in `precision.jpg`. Without words both are made; on a processor without bfloat16 units
the pictures take an hour.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from baselines import PAIRS, load_pair
from metrics import Quality, at_side
from PIL import Image, ImageChops, ImageStat
from quality import HERE, SIDE, SIZES, run

from nst_core import Settings
from nst_core.objective import Objective

PRECISIONS = ("float32", "bfloat16")
# Pairs, and the left and upper border of the part that is shown, as parts of the picture: a face,
# a flat sky, the mosaic.
SHOWN = {
    ("astronaut", "starry_night"): (0.31, 0.06),
    ("rocket", "woodcut_waves"): (0.62, 0.1),
    ("coffee", "mosaic"): (0.3, 0.1),
}
# Width and height of that part, of the long side; and of its tile, in pixels.
PART, TILE = 0.28, 280


def losses() -> None:
    """The errors of the terms, and of the gradient, of pictures between photo and photo."""
    print("\n| photo, painting | content | style | total | gradient: size of the error | cosine |")
    print("|---|---|---|---|---|---|")
    for pair in PAIRS:
        photo, painting = (at_side(image, SIDE) for image in load_pair(*pair))
        image = 0.7 * photo + 0.3 * photo.flip(3)  # the photo alone has no content loss
        (whole, grad), (terms, half) = (
            Objective(photo, [painting], Settings(precision=precision)).evaluate(image)
            for precision in PRECISIONS
        )
        errors = [abs(terms[k] / whole[k] - 1).item() for k in ("content", "style", "total")]
        error = ((half - grad).norm() / grad.norm()).item()
        cosine = ((half * grad).sum() / half.norm() / grad.norm()).item()
        print(
            f"| {', '.join(pair)} |",
            " | ".join(f"{100 * e:.2f} %" for e in errors),
            f"| {100 * error:.1f} % | {cosine:.4f} |",
            flush=True,
        )


def pictures() -> None:
    """S and C of results in both precisions; parts of them side by side in `precision.jpg`."""
    print("\n| photo, painting | size | S in float32, bfloat16 | C | levels apart, mean |")
    print("|---|---|---|---|---|")
    rows = [list(_tiles(pair)) for pair in SHOWN]
    sheet = Image.new("RGB", (len(rows[0]) * TILE, len(rows) * TILE))
    for y, row in enumerate(rows):
        for x, tile in enumerate(row):
            sheet.paste(tile, (x * TILE, y * TILE))
    sheet.save(HERE / "precision.jpg", quality=88)


def _tiles(pair: tuple[str, str]) -> Iterator[Image.Image]:
    """Parts of the results of a pair, by size and precision; prints a row for each size."""
    photo, painting = load_pair(*pair)
    quality = Quality(photo, painting)
    for size in SIZES:
        found = [
            run(photo, painting, Settings(size=size, precision=precision)).image
            for precision in PRECISIONS
        ]
        s, c = zip(*map(quality, found), strict=True)
        apart = sum(ImageStat.Stat(ImageChops.difference(*found)).mean) / 3
        print(
            f"| {', '.join(pair)} | {size} | {s[0]:.3f}, {s[1]:.3f} | {c[0]:.3f}, {c[1]:.3f} "
            f"| {apart:.1f} |",
            flush=True,
        )
        for image in found:
            left, upper = (round(k * n) for k, n in zip(SHOWN[pair], image.size, strict=True))
            side = round(PART * size)
            part = image.crop((left, upper, left + side, upper + side))
            yield part.resize((TILE, TILE), Image.Resampling.BICUBIC)


TABLES = {"losses": losses, "pictures": pictures}

if __name__ == "__main__":
    for word in sys.argv[1:] or TABLES:
        TABLES[word]()
