"""The error of losses and gradient where the network computes in bfloat16, against float32.

python tests/benchmarks/precision.py [SIZE]
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from baselines import PAIRS, load_pair
from metrics import at_side

from nst_core import Settings
from nst_core.objective import Objective


def main(size: int) -> None:
    print("| photo, painting | content | style | total | gradient: size of the error | cosine |")
    print("|---|---|---|---|---|---|")
    for pair in PAIRS:
        photo, painting = (at_side(image, size) for image in load_pair(*pair))
        image = 0.7 * photo + 0.3 * photo.flip(3)  # the photo alone has no content loss
        (whole, grad), (terms, half) = (
            Objective(photo, [painting], Settings(precision=precision)).evaluate(image)
            for precision in ("float32", "bfloat16")
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


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else 256)
