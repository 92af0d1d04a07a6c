"""The quality of our runs against time, beside four published methods.

    python tests/benchmarks/quality.py [time] [baselines] [slider] [sizes] [looks]
        [--precision float32|bfloat16]

Each word makes a table. Without words all are made, in half an hour on two cores. `metrics.py`
defines S and C. `baselines.py` has the published methods: their results are read from
`baselines.json`, and the cost of their steps is measured here, in turns with our own run.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parents[2]))

from baselines import EXAMPLES, METHODS, PAIRS, RESULTS, key, load_pair
from metrics import Quality
from PIL import Image

from nst_core import Frame, Settings, finish, stylize
from nst_core.allocator import keep_freed_memory

if TYPE_CHECKING:
    from matplotlib.figure import Figure

HERE = Path(__file__).parent
SIDE = 256
SIZES = (256, 512, 1024)
# What all runs of ours have in common; `--precision` changes it.
COMMON = Settings()
PAIRS_OF_SIZES = (PAIRS[0], PAIRS[1], PAIRS[3])


def run(content: Image.Image, style: Image.Image, settings: Settings) -> Frame:
    *_, frame = stylize(content, style, settings, every=1e9)
    return frame


def seconds_of_steps(method: str, photo: Image.Image, painting: Image.Image, size: int) -> float:
    """The median seconds of a baseline's steps at `size`, without the first, which prepares."""
    seconds = []
    start = time.perf_counter()
    for side, _ in METHODS[method](photo, painting, size, steps=5):
        if side == size:
            seconds.append(time.perf_counter() - start)
        start = time.perf_counter()
    return statistics.median(seconds[1:])


def seconds_of_baseline(method: str, pair: tuple[str, str], size: int, points: list) -> float:
    """What all steps of a baseline would take now, by a few steps at every size."""
    photo, painting = load_pair(*pair)
    counts = points[-1][0]
    return sum(
        count * seconds_of_steps(method, photo, painting, int(side))
        for side, count in counts.items()
    )


def time_to_quality() -> None:
    """The seconds until the default run is as good as a baseline at its end."""
    # Imported before all runs, so that nobody waits for them in vain where Matplotlib is missing.
    from matplotlib.figure import Figure

    known = json.loads(RESULTS.read_text())
    print("\n| photo, painting | S | C | time |", end="")
    print(" S of a | C of a | a's time / ours to there |", end="")
    print(" S of c | C of c | c's time / ours to there |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    curves = {}
    for pair in PAIRS:
        photo, painting = load_pair(*pair)
        quality = Quality(photo, painting)
        settings = replace(COMMON, size=SIDE)
        run(photo, painting, replace(COMMON, size=SIDE, steps=2))  # loads the network
        frames = list(stylize(photo, painting, settings))
        curve = [(frame.elapsed, *quality(frame.image)) for frame in frames if frame.size == SIDE]
        curves[pair] = curve
        seconds, s, c = curve[-1]
        row = f"| {pair[0]}, {pair[1]} | {s:.3f} | {c:.3f} | {seconds:.1f} s |"
        for method in "ac":
            found = known.get(key(method, *pair, SIDE))
            if found is None:
                row += " | | |"
                continue
            _, its_s, its_c = found["points"][-1]
            there = [t for t, s, c in curve if s <= its_s and c >= its_c]
            times = seconds_of_baseline(method, pair, SIDE, found["points"])
            ratio = f"{times / there[0]:.0f}" if there else "not reached"
            row += f" {its_s:.3f} | {its_c:.3f} | {ratio} |"
        print(row)
    plot(Figure(figsize=(3 * len(PAIRS), 6)), curves, known)


def plot(figure: Figure, curves: dict, known: dict) -> None:
    """Draw S and C of all pairs against seconds, into `quality.png`."""
    axes = figure.subplots(2, len(PAIRS), sharex=True)
    for column, pair in zip(axes.T, PAIRS, strict=True):
        for axis, index, name in zip(column, (1, 2), "SC", strict=True):
            curve = curves[pair]
            axis.plot([p[0] for p in curve], [p[index] for p in curve], label="ours")
            for number, method in enumerate(METHODS, start=1):
                found = known.get(key(method, *pair, SIDE))
                if found is None:
                    continue
                step = seconds_of_steps(method, *load_pair(*pair), SIDE)
                # Method c is drawn without the steps at its smaller sizes.
                at = [step * counts[str(SIDE)] for counts, _, _ in found["points"]]
                axis.plot(at, [p[index] for p in found["points"]], f".-C{number}", label=method)
            axis.set_xscale("log")
            axis.set_ylabel(name)
        column[0].set_title(", ".join(pair), fontsize=8)
        column[1].set_xlabel("seconds")
    axes[0, 0].legend()
    figure.tight_layout()
    figure.savefig(HERE / "quality.png", dpi=70)
    print("\nquality.png: S and C against seconds")


def all_baselines() -> None:
    """S and C of every baseline at its end."""
    print("\n| photo, painting, size | method | steps | S | C |")
    print("|---|---|---|---|---|")
    for name, found in sorted(json.loads(RESULTS.read_text()).items()):
        content, style, size, method = name.split()
        counts, s, c = found["points"][-1]
        steps = " + ".join(map(str, counts.values()))
        print(f"| {content}, {style}, {size} | {method} | {steps} | {s:.3f} | {c:.3f} |")


def slider() -> None:
    """S and C over content and style weight, for the six pairs and all other examples."""
    weights = ((1, 1), (4, 1), (10, 1), (10, 0.4), (10, 0.1))
    print("\n| S / C |", " | ".join(f"content {c}, style {s}" for c, s in weights), "|")
    print("|---|" + "---|" * len(weights))
    examples = json.loads((EXAMPLES / "examples.json").read_text())["pairs"]
    for pair in dict.fromkeys([*PAIRS, *((x["content"], x["style"]) for x in examples)]):
        photo, painting = load_pair(*pair)
        quality = Quality(photo, painting)
        row = [
            quality(
                run(
                    photo, painting, replace(COMMON, size=SIDE, content_weight=c, style_weight=s)
                ).image
            )
            for c, s in weights
        ]
        print(f"| {', '.join(pair)} |", " | ".join(f"{s:.2f} / {c:.2f}" for s, c in row), "|")


def same_look() -> None:
    """S and C at 256 pixels of results made at several sizes, and their difference to 512."""
    print("\n| photo, painting | made at | S | to 512 | C | to 512 |")
    print("|---|---|---|---|---|---|")
    for pair in PAIRS_OF_SIZES:
        photo, painting = load_pair(*pair)
        quality = Quality(photo, painting)
        rows = {
            size: quality(run(photo, painting, replace(COMMON, size=size)).image) for size in SIZES
        }
        for size, (s, c) in rows.items():
            ds, dc = (rows[size][k] / rows[512][k] - 1 for k in (0, 1))
            print(
                f"| {', '.join(pair)} | {size} | {s:.3f} | {100 * ds:+.0f} % "
                f"| {c:.3f} | {100 * dc:+.0f} % |",
                flush=True,
            )


def clipped(image: Image.Image) -> float:
    """The part of the channel values that are 0 or 255."""
    counts = image.convert("RGB").histogram()
    return sum(counts[k * 256] + counts[k * 256 + 255] for k in range(3)) / sum(counts)


def looks() -> None:
    """The frame along the border and the clipped values of the results; saves `looks.jpg`."""
    print("\n| photo, painting | strip / centre | the same in pieces of the painting |", end="")
    print(" clipped | in the painting |")
    print("|---|---|---|---|---|")
    tiles = []
    for pair in PAIRS:
        photo, painting = load_pair(*pair)
        result = run(photo, painting, COMMON).image
        quality = Quality(photo, painting)
        pieces = quality.frames_of_pieces()
        print(
            f"| {', '.join(pair)} | {quality.frame(result):.2f} "
            f"| {min(pieces):.2f} to {max(pieces):.2f} "
            f"| {100 * clipped(result):.1f} % | {100 * clipped(painting):.1f} % |",
            flush=True,
        )
        tiles.append(result)
    sheet = Image.new("RGB", (3 * 400, 2 * 400), "white")
    for index, tile in enumerate(tiles):
        tile.thumbnail((396, 396), Image.Resampling.LANCZOS)
        sheet.paste(tile, (index % 3 * 400 + 2, index // 3 * 400 + 2))
    sheet.save(HERE / "looks.jpg", quality=88)
    full_detail()


def full_detail() -> None:
    """Save `full_detail.jpg`: a photo, its picture plainly enlarged, and along the contours."""
    photo, painting = load_pair("astronaut", "flow_strokes")
    settings = replace(COMMON, size=192)
    picture = run(photo, painting, settings).image
    versions = [
        photo,
        *(finish(picture, photo, replace(settings, full_detail=x)) for x in (False, True)),
    ]
    sheet = Image.new("RGB", (3 * 400, 400))
    for index, version in enumerate(versions):
        crop = version.crop((120, 20, 320, 220)).resize((400, 400), Image.Resampling.NEAREST)
        sheet.paste(crop, (400 * index, 0))
    sheet.save(HERE / "full_detail.jpg", quality=88)


TABLES = {
    "time": time_to_quality,
    "baselines": all_baselines,
    "slider": slider,
    "sizes": same_look,
    "looks": looks,
}

if __name__ == "__main__":
    keep_freed_memory()
    sys.stdout.reconfigure(line_buffering=True)  # shows every line at once, also in a file
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("tables", nargs="*", choices=[*TABLES, []], metavar="table")
    parser.add_argument("--precision", default=COMMON.precision)
    arguments = parser.parse_args()
    COMMON = replace(COMMON, precision=arguments.precision)
    for word in arguments.tables or TABLES:
        TABLES[word]()
