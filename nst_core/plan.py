"""What a run will do, known before it starts: sizes, steps, memory, work."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import pairwise

from .errors import SettingsError
from .images import working_size
from .settings import MOST_STYLES, OPTIONS, Settings

# The first size is the last one by sqrt 2, within these. A larger one keeps more of the photo; the
# painting then comes less near, and costs more.
FIRST_SIZE_LEAST, FIRST_SIZE_MOST = 181, 224
# From size to size at most this factor: steps at few sizes reach further than as many at more.
GROWTH = 2.4
# The last size, where the brush strokes get their edges, has this part of all steps; the others
# share the rest evenly.
LAST_PART = 1 / 3

# Long side at which every picture has to have the look that is asked for, and the least long side
# of those that are looked at both in full and so.
SECOND_SCALE, SECOND_SCALE_FROM = 256, 384

# A picture is painted with a margin, which is cut off at the end: the features of its outermost
# pixels are less than those of others, and what is painted there is duller. Part of the long side,
# and pixels at most.
MARGIN_PART, MARGIN_MOST = 1 / 64, 8

# Pairs of changes that L-BFGS remembers, and the megapixels of all of them together.
HISTORY, HISTORY_LEAST, HISTORY_MEGAPIXELS = 20, 3, 20

# Above this number of megapixels the first blocks of the network are computed in strips, which
# costs a third of the time more; below, where the budget asks for it.
STRIPS_MEGAPIXELS = 1.5

# Bytes of memory a pixel takes at the peak of a step, as measured by tests/benchmarks/memory.py:
# feature maps kept whole or in strips, and one pair of the history of L-BFGS.
BYTES_WHOLE, BYTES_IN_STRIPS, BYTES_PAIR = 2700, 1120, 24
# And what two regions take on top where nothing is in strips: their share of the feature maps.
BYTES_GUIDED = 900
BYTES_OF_PROCESS = 0.7e9


@dataclass(frozen=True)
class Stage:
    """Some steps at one size of the ladder.

    Attributes:
        size: long side in pixels.
        steps: how many.
        width, height: of the content image at this size, in pixels.
        margin: pixels around it that are painted and cut off.
        in_strips: whether the first blocks of the network are computed in strips.
        history: pairs of changes that L-BFGS remembers.
        guided: whether there are two regions, each in a style of its own.
        has_second_scale: whether the picture is also looked at at `SECOND_SCALE`.
    """

    size: int
    steps: int
    width: int
    height: int
    margin: int
    in_strips: bool
    history: int
    guided: bool = False
    has_second_scale: bool = False

    @property
    def megapixels(self) -> float:
        """That are worked on, margin and all."""
        return (self.width + 2 * self.margin) * (self.height + 2 * self.margin) / 1e6

    @property
    def work(self) -> float:
        """Megapixels of gradient evaluations; time is proportional to it."""
        # One evaluation more than steps, and two without gradient for the targets.
        small = (SECOND_SCALE / self.size) ** 2 if self.has_second_scale else 0.0
        return (self.steps + 2) * self.megapixels * (1 + small)

    @property
    def memory(self) -> float:
        """Estimate of the peak of the process, in GB of 10^9 bytes."""
        maps = BYTES_IN_STRIPS if self.in_strips else BYTES_WHOLE + BYTES_GUIDED * self.guided
        each = maps + BYTES_PAIR * self.history
        return (BYTES_OF_PROCESS + each * self.megapixels * 1e6) / 1e9


def check_inputs(settings: Settings, styles: int, start: bool) -> None:
    """Say what can't be done before any image is read.

    Args:
        styles: how many style images there are.
        start: whether there is an image to start from.

    Raises:
        SettingsError: the settings do not fit the images.
    """
    if not 1 <= styles <= MOST_STYLES:
        raise SettingsError(f"A run takes 1 to {MOST_STYLES} paintings, not {styles}.")
    if len(settings.style_mix) < styles:
        raise SettingsError(
            f"style_mix has {len(settings.style_mix)} weights for {styles} paintings: give one "
            "for each."
        )
    if not any(settings.style_mix[:styles]):
        raise SettingsError("All paintings have the weight 0 in style_mix: raise one of them.")
    if start and settings.init != "image":
        raise SettingsError("There is an image to start from: set init to image, or leave it out.")
    if settings.init == "image" and not start:
        raise SettingsError("There is no image to start from yet: add one, or change init.")


def is_guided(settings: Settings, styles: int, mask: bool) -> bool:
    """Whether there are two regions, each in a style of its own.

    Args:
        styles: how many style images there are.
        mask: whether there is a mask, with something white in it.

    Raises:
        SettingsError: there is no style for the second one.
    """
    guided = mask and settings.region == "style"
    if guided and styles < 2:
        raise SettingsError(
            "The painted region is to get the second painting, and there is only one: add another."
        )
    return guided


def has_second_scale(settings: Settings, size: int) -> bool:
    """Whether the loss of an image of this long side is that of two sizes (`Objective`)."""
    return settings.weighting == "balanced" and size >= SECOND_SCALE_FROM


def make_plan(
    settings: Settings, content_size: tuple[int, int], guided: bool = False
) -> tuple[Stage, ...]:
    """The stages of a run, small to large.

    They follow from the settings and the shape of the photo alone, never from what a machine has.

    Args:
        content_size: width and height of the content image in pixels.
        guided: whether there are two regions, each in a style of its own.

    Raises:
        SettingsError: it takes more memory than `settings.memory_budget`.
    """
    budget = settings.memory_budget

    def stage(size: int, steps: int) -> Stage:
        width, height = working_size(content_size, size)
        # The textbook has none.
        part = MARGIN_PART if settings.weighting == "balanced" else 0
        margin = min(round(part * size), MARGIN_MOST)
        megapixels = width * height / 1e6
        history = round(min(HISTORY, max(HISTORY_LEAST, HISTORY_MEGAPIXELS / megapixels)))
        whole = Stage(
            size,
            steps,
            width,
            height,
            margin,
            in_strips=False,
            history=history,
            guided=guided,
            has_second_scale=has_second_scale(settings, size + 2 * margin),
        )
        if megapixels <= STRIPS_MEGAPIXELS and whole.memory <= budget:
            return whole
        return replace(whole, in_strips=True)

    stages = tuple(map(stage, *_sizes_and_steps(settings)))
    needed, steps = stages[-1].memory, stages[-1].steps
    if needed > budget:
        sizes = range(settings.size, OPTIONS["size"].low - 1, -1)
        largest = next(size for size in sizes if stage(size, steps).memory <= budget)
        needed = math.ceil(10 * needed) / 10  # never what looks like the budget
        raise SettingsError(
            f"Size {settings.size} takes about {needed:.1f} GB, and memory_budget is {budget:g} "
            f"GB: choose a size of at most {largest}, or raise the budget."
        )
    return stages


def _sizes_and_steps(settings: Settings) -> tuple[list[int], list[int]]:
    first = min(max(FIRST_SIZE_LEAST, settings.size / math.sqrt(2)), FIRST_SIZE_MOST)
    rungs = 1
    if settings.coarse_to_fine and settings.size >= 1.25 * first:
        rungs += math.ceil(math.log(settings.size / first, GROWTH))
    rungs = min(rungs, settings.steps)  # one step at least on every rung
    growth = (settings.size / first) ** (1 / max(1, rungs - 1))
    sizes = [round(settings.size / growth**k) for k in reversed(range(rungs))]
    part = LAST_PART if rungs > 1 else 1.0
    last = min(max(1, round(part * settings.steps)), settings.steps - (rungs - 1))
    ends = [(settings.steps - last) * k // max(1, rungs - 1) for k in range(rungs)]
    return sizes, [*(end - start for start, end in pairwise(ends)), last]
