"""The seconds of a step and of a megapixel at several sizes, whole and in strips.

    python tests/benchmarks/scaling.py [SIZE ...]

A step is one evaluation of loss and gradient, and the proposal that L-BFGS makes from it. "Whole"
and "in strips" is how the first blocks of the network are computed. All sizes take turns in one
process. The ratio compares a megapixel with one at the first size, whole, in the same turn.
"""

from __future__ import annotations

import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from nst_core import Settings, load_image
from nst_core.allocator import keep_freed_memory
from nst_core.objective import Objective
from nst_core.optimizers import LBFGS
from nst_core.tensors import to_tensor

EXAMPLES = Path(__file__).parents[2] / "examples"
TURNS = 3
WHOLE_UP_TO = 2048  # a larger picture takes more memory, whole, than most machines have


class Run:
    """Steps of one kind at one size."""

    def __init__(self, size: int, in_strips: bool) -> None:
        self.size, self.in_strips = size, in_strips
        self.megapixels = size * (size * 3 // 4) / 1e6
        self.seconds: list[float] = []

    def turn(self) -> None:
        """Measure one step. The objective is made anew for it, so that memory holds one alone."""
        shape = (self.size, self.size * 3 // 4)
        photo = to_tensor(load_image(EXAMPLES / "contents" / "coffee.jpg"), shape)
        painting = to_tensor(load_image(EXAMPLES / "styles" / "starry_night.jpg"), shape)
        objective = Objective(photo, [painting], Settings(), in_strips=self.in_strips)
        optimizer, image = LBFGS(history=4), photo
        _, grad = objective.evaluate(image)
        for _ in range(2):  # the first step, with an empty history, is not measured
            start = time.perf_counter()
            trial = optimizer.propose(image, grad).clamp(0, 1)
            terms, new_grad = objective.evaluate(trial)
            terms["total"].item()
            optimizer.accept(trial - image, new_grad - grad)
            image, grad = trial, new_grad
            seconds = time.perf_counter() - start
        self.seconds.append(seconds)


def main(sizes: list[int]) -> None:
    keep_freed_memory()
    runs = [
        Run(size, in_strips)
        for size in sizes
        for in_strips in (False, True)
        if in_strips or size <= WHOLE_UP_TO
    ]
    for _ in range(TURNS):
        for run in runs:
            run.turn()
    print("| size | first blocks | a step | a megapixel | ratio |")
    print("|---|---|---|---|---|")
    first = [s / runs[0].megapixels for s in runs[0].seconds]
    for run in runs:
        each = [s / run.megapixels for s in run.seconds]
        ratio = statistics.median(a / b for a, b in zip(each, first, strict=True))
        print(
            f"| {run.size} | {'strips' if run.in_strips else 'whole'} "
            f"| {statistics.median(run.seconds):.2f} s | {statistics.median(each):.2f} s "
            f"| {ratio:.2f} |"
        )


if __name__ == "__main__":
    main([int(size) for size in sys.argv[1:]] or [512, 1024, 2048])
