"""How soon a warm server answers a change with a preview, and a click with a run.

    python tests/benchmarks/answers.py [PHOTO]

Times are those of the server alone, without browser and network. Every preview is of another style
weight. By turns the images are read anew, as the first time, and are those that were read last.
The photo has 18 megapixels by default, larger than those of most phones.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from PIL import Image

import app
from nst_core.server.jobs import Progress
from nst_core.server.preparing import Job
from tests.serving import ROOT

PAINTING = ROOT / "examples/styles/starry_night.jpg"
SIZE = (5184, 3456)
TURNS = 3


def photo(folder: Path) -> str:
    path = folder / "photo.jpg"
    with Image.open(ROOT / "examples/contents/coffee.jpg") as small:
        small.resize(SIZE).save(path, quality=90)
    return str(path)


def seconds(frames: Iterator[Progress], count: int | None) -> list[float]:
    """When each of the first progresses came; of all where `count` is None."""
    start = time.perf_counter()
    return [time.perf_counter() - start for _ in islice(frames, count)]


def main() -> None:
    service = app.make_service()
    app.warm_up(service)
    print("| images | preview: start | first frame | last frame | its run: start | first frame |")
    print("|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        content = sys.argv[1] if len(sys.argv) > 1 else photo(folder)
        for turn in range(2 * TURNS):
            anew = turn % 2 == 0
            job = Job(content, [os.fspath(PAINTING)], {"style_weight": 1 + turn / 10})
            columns = []
            for frames, count in (
                (service.preview(job, "page", folder), None),
                (service.paint(job, "page", folder), 2),
            ):
                if anew:
                    service.loaded.forget(0)
                columns += seconds(frames, count)
                frames.close()  # type: ignore[attr-defined]  # a generator
            start, first, *_, last, run, step = columns
            cells = (f"{x:.2f} s" for x in (start, first, last, run, step))
            print(f"| {'read anew' if anew else 'kept'} | {' | '.join(cells)} |", flush=True)
    service.close()


if __name__ == "__main__":
    main()
