"""A frame: what the loop reports of a run."""

from __future__ import annotations

from dataclasses import dataclass

from PIL import Image

from .plan import Stage


@dataclass(frozen=True)
class Frame:
    """The state of a run after a step.

    Attributes:
        image: the picture, RGB, in the size of the present stage.
        step, total_steps: steps made, and steps in all.
        size: long side of `image` in pixels.
        plan: all stages of the run.
        losses: the weighted terms "content", "style", "total_variation", "weave" (fine lines
            across and down) and "range" (values too near to black or white), and their "total".
        layers: the content and style terms by layer, such as "content relu4_2".
        elapsed: seconds since the start.
        remaining: estimated seconds to the end.
        done: whether this is the last frame, whose image is the best one found.
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
