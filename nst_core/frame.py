"""What the loop tells of itself."""

from __future__ import annotations

from dataclasses import dataclass

from PIL import Image

from .plan import Stage


@dataclass(frozen=True)
class Frame:
    """One look at the picture while it is made.

    Attributes:
        image: RGB, in the size worked at (its long side is `size`).
        step, total_steps: steps made, and steps in all.
        size: long side of the present scale, in pixels.
        plan: all stages of the run, the present one among them.
        losses: weighted terms "content", "style", "total_variation", "weave" (fine lines across
            and down), "range" (what is too near to black or white), and their "total".
        layers: the parts of the first two by layer, such as "content relu4_2".
        elapsed: seconds since the start.
        remaining: estimate of the seconds to the end.
        done: whether this is the last frame; its image is then the best one found.
    """

    image: Image.Image
    step: int
    total_steps: int
    size: int
    plan: tuple[Stage, ...]
    losses: dict[str, float]
    layers: dict[str, float]
    elapsed: float
    remaining: float
    done: bool
