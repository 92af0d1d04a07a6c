"""The peak memory of a run, beside the estimate that the plan makes before it.

    python tests/benchmarks/memory.py [--precision PRECISION] [SIZE ...]

Every size runs in a process of its own, on a photo of 4:3. All steps are made at that size, because
smaller sizes need less memory, and there are as many as fill the history of L-BFGS. Without
arguments the sizes are 512, 1024, 2048 and 4096; the last takes 17 minutes on two cores in float32.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

EXAMPLES = Path(__file__).parents[2] / "examples"


def measure(size: int, precision: str) -> None:
    """Run one size in this process, and print a line of the table."""
    from nst_core import Settings, load_image, stylize
    from nst_core.plan import make_plan
    from nst_core.transfer import with_precision

    shape = (size, size * 3 // 4)
    photo = load_image(EXAMPLES / "contents" / "coffee.jpg").resize(shape)
    painting = load_image(EXAMPLES / "styles" / "starry_night.jpg")
    settings = with_precision(Settings(size=size, coarse_to_fine=False, precision=precision))
    (stage,) = make_plan(settings, photo.size)
    settings = replace(settings, steps=stage.history + 1)
    start = time.perf_counter()
    for _ in stylize(photo, painting, settings, every=1e9):
        pass
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
    kind = "strips" if stage.in_strips else "whole"
    print(
        f"| {shape[0]} x {shape[1]} | {settings.precision} | {kind} | {stage.history} "
        f"| {peak:.2f} GB | {stage.memory:.2f} GB | {seconds:.0f} s |",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("sizes", nargs="*", type=int, default=[512, 1024, 2048, 4096])
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--one", action="store_true", help="in this process, without a heading")
    options = parser.parse_args()
    if options.one:
        measure(options.sizes[0], options.precision)
        return
    print("| picture | precision | first blocks | history | peak | planned | time |")
    print("|---|---|---|---|---|---|---|", flush=True)
    for size in options.sizes:
        command = [sys.executable, __file__, "--one", "--precision", options.precision, str(size)]
        subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
