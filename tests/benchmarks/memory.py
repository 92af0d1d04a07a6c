"""The peak memory of a run, beside the estimate that the plan makes before it.

    python tests/benchmarks/memory.py [SIZE ...]

Every size runs in a process of its own, on a photo of 4:3. All steps are made at that size, because
smaller sizes need less memory, and there are as many as fill the history of L-BFGS. Without
arguments the sizes are 512, 1024, 2048 and 4096; the last takes five minutes on two cores.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

EXAMPLES = Path(__file__).parents[2] / "examples"


def measure(size: int) -> None:
    """Run one size in this process, and print a line of the table."""
    from nst_core import Settings, load_image, stylize
    from nst_core.plan import make_plan

    shape = (size, size * 3 // 4)
    photo = load_image(EXAMPLES / "contents" / "coffee.jpg").resize(shape)
    painting = load_image(EXAMPLES / "styles" / "starry_night.jpg")
    (stage,) = make_plan(Settings(size=size, coarse_to_fine=False), photo.size)
    settings = Settings(size=size, steps=stage.history + 1, coarse_to_fine=False)
    (stage,) = make_plan(settings, photo.size)
    start = time.perf_counter()
    for _ in stylize(photo, painting, settings, every=1e9):
        pass
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
    kind = "strips" if stage.in_strips else "whole"
    print(
        f"| {shape[0]} x {shape[1]} | {kind} | {stage.history} | {peak:.2f} GB "
        f"| {stage.memory:.2f} GB | {seconds:.0f} s |",
        flush=True,
    )


def main(sizes: list[int]) -> None:
    print("| picture | first blocks | history | peak | planned | time |")
    print("|---|---|---|---|---|---|", flush=True)
    for size in sizes:
        subprocess.run([sys.executable, __file__, "--one", str(size)], check=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        measure(int(sys.argv[2]))
    else:
        main([int(size) for size in sys.argv[1:]] or [512, 1024, 2048, 4096])
