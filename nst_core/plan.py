"""The plan of a run, made before it starts: sizes, steps, memory, work."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import pairwise

from .errors import SettingsError
from .images import working_size
from .settings import MOST_STYLES, SIZES, Settings

# The first size is the last one divided by sqrt 2, but within these limits. A larger first size
# keeps more of the photo, takes on less of the painting, and costs more.
FIRST_SIZE_LEAST, FIRST_SIZE_MOST = 181, 224
# A size is at most this factor larger than the one before. Few sizes with many steps each get
# further than many sizes with few steps.
GROWTH = 2.4
# The last size, where the brush strokes get their edges, has this part of all steps; the other
# sizes share the rest evenly.
LAST_PART = 1 / 3

# Long side of the second scale, and the least long side of a picture that has one (`Objective`).
SECOND_SCALE, SECOND_SCALE_FROM = 256, 384

# Features are weaker at the border, so that a picture comes out duller there. Each picture is
# painted with a margin that is cut off: this part of the long side, and at most so many pixels.
MARGIN_PART, MARGIN_MOST = 1 / 64, 8

# Pairs of changes that L-BFGS remembers: at most, at least, and megapixels of all together.
HISTORY, HISTORY_LEAST, HISTORY_MEGAPIXELS = 20, 3, 20

# Larger pictures are computed in strips, which costs about a tenth more time; smaller ones, where
# strips cost more, only if the memory budget asks for it.
STRIPS_MEGAPIXELS = 1.5

# Bytes a pixel takes at the peak of a step, as tests/benchmarks/memory.py measures them, by the
# precision: feature maps whole, and in strips.
BYTES_WHOLE = {"float32": 2800, "bfloat16": 1700}
BYTES_IN_STRIPS = {"float32": 1120, "bfloat16": 720}
# One pair of the history of L-BFGS, in float32 always.
BYTES_PAIR = 24
# Bytes a pixel takes on top where two regions are painted and nothing is in strips.
BYTES_GUIDED = 900
BYTES_OF_PROCESS = 0.7e9
# Bytes a pixel of the photo takes: during the steps, and at the most, where the photo is read and
# where the result is made in its size, both with transparency.
BYTES_HELD, BYTES_FULL_SIZE = 4, 16


@dataclass(frozen=True)
class Stage:
    """The steps at one size.

    Attributes:
        size: long side in pixels.
        steps: number of steps.
        width, height: size of the content image in pixels.
        margin: pixels that are painted around the content image and cut off.
        in_strips: whether the first blocks of the network are computed in strips.
        history: pairs of changes that L-BFGS remembers.
        guided: whether two regions get a style of their own each.
        has_second_scale: whether the loss is also taken at `SECOND_SCALE` pixels.
        precision: what the network computes in, "float32" or "bfloat16".
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
    precision: str = "float32"

    @property
    def megapixels(self) -> float:
        """Megapixels of the picture with its margin."""
        return (self.width + 2 * self.margin) * (self.height + 2 * self.margin) / 1e6

    @property
    def work(self) -> float:
        """Megapixels of gradient evaluations; the time a stage takes is proportional to them."""
        # On top of the steps come the first evaluation and the targets, which cost one more.
        return (self.steps + 2) * self.work_of_step

    @property
    def work_of_step(self) -> float:
        """Megapixels of one gradient evaluation."""
        second = (SECOND_SCALE / self.size) ** 2 if self.has_second_scale else 0.0
        return self.megapixels * (1 + second)

    @property
    def memory(self) -> float:
        """Estimate of the memory of the process at its peak, in GB of 10^9 bytes."""
        maps = (BYTES_IN_STRIPS if self.in_strips else BYTES_WHOLE)[self.precision]
        maps += BYTES_GUIDED * (self.guided and not self.in_strips)
        each = maps + BYTES_PAIR * self.history
        return (BYTES_OF_PROCESS + each * self.megapixels * 1e6) / 1e9


def check_inputs(settings: Settings, styles: int, start: bool) -> None:
    """Check the settings against the number of images, before any image is read.

    Args:
        styles: number of style images.
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
        raise SettingsError(
            "There is no image to start from yet: add one, or start from the photo (init content)."
        )


def is_guided(settings: Settings, styles: int, mask: bool) -> bool:
    """Whether the mask sends the second style to its region, and the others elsewhere.

    Args:
        styles: number of style images.
        mask: whether there is a mask with something white in it.

    Raises:
        SettingsError: one of the two regions has no style.
    """
    guided = mask and settings.region == "style"
    if guided and styles < 2:
        raise SettingsError(
            "The painted region is to get the second painting, and there is only one: add another."
        )
    elsewhere = [x for index, x in enumerate(settings.style_mix[:styles]) if index != 1]
    if guided and not any(elsewhere):
        raise SettingsError(
            "The second painting is for the painted region alone, and all others have the weight 0 "
            "in style_mix: raise one of them."
        )
    return guided


def check_photo(settings: Settings, size: tuple[int, int]) -> None:
    """Check that a photo can be read, and its result made, whatever size it is painted at.

    Args:
        size: width and height of the photo in pixels.

    Raises:
        SettingsError: this takes more memory than `settings.memory_budget`.
    """
    budget, pixels = settings.memory_budget, size[0] * size[1]
    needed = BYTES_OF_PROCESS + BYTES_FULL_SIZE * pixels
    if needed > budget * 1e9:
        most = math.floor((budget * 1e9 - BYTES_OF_PROCESS) / BYTES_FULL_SIZE / 1e6)
        raise SettingsError(
            f"A photo of {math.ceil(pixels / 1e6)} megapixels takes about "
            f"{math.ceil(needed / 1e8) / 10:.1f} GB, and memory_budget is {budget:g} GB: use one "
            f"of at most {most} megapixels, or raise the budget."
        )


def has_second_scale(settings: Settings, size: int) -> bool:
    """Whether the loss of an image of this long side is also taken at the second scale."""
    return settings.weighting == "balanced" and size >= SECOND_SCALE_FROM


def make_plan(
    settings: Settings, content_size: tuple[int, int], guided: bool = False
) -> tuple[Stage, ...]:
    """Plan the stages of a run, small to large.

    The plan depends on the settings and the shape of the photo alone, never on the machine: the
    same recipe makes the same picture everywhere.

    Args:
        settings: `with_precision` settles the precision, which the memory depends on.
        content_size: width and height of the content image in pixels.
        guided: whether two regions get a style of their own each.

    Raises:
        SettingsError: the run takes more memory than `settings.memory_budget`.
    """
    check_photo(settings, content_size)
    held = BYTES_HELD * content_size[0] * content_size[1] / 1e9
    budget = settings.memory_budget - held
    # Where it is not settled yet, the one that takes more memory.
    precision = "bfloat16" if settings.precision == "bfloat16" else "float32"

    def stage(size: int, steps: int) -> Stage:
        width, height = working_size(content_size, size)
        # The textbook, and so the classic weighting, has no margin.
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
            precision=precision,
        )
        if megapixels <= STRIPS_MEGAPIXELS and whole.memory <= budget:
            return whole
        return replace(whole, in_strips=True)

    stages = tuple(map(stage, *_sizes_and_steps(settings)))
    needed, steps = stages[-1].memory, stages[-1].steps
    if needed > budget:
        sizes = range(settings.size, int(SIZES.low) - 1, -1)
        largest = next(size for size in sizes if stage(size, steps).memory <= budget)
        # Rounded up, so that it never reads like the budget.
        needed = math.ceil(10 * (needed + held)) / 10
        raise SettingsError(
            f"Size {settings.size} takes about {needed:.1f} GB, and memory_budget is "
            f"{settings.memory_budget:g} GB: choose a size of at most {largest}, or raise the "
            "budget."
        )
    return stages


def _sizes_and_steps(settings: Settings) -> tuple[list[int], list[int]]:
    """The long side of each stage in pixels, and its number of steps."""
    first = min(max(FIRST_SIZE_LEAST, settings.size / math.sqrt(2)), FIRST_SIZE_MOST)
    rungs = 1
    if settings.coarse_to_fine and settings.size >= 1.25 * first:
        rungs += math.ceil(math.log(settings.size / first, GROWTH))
    rungs = min(rungs, settings.steps)  # every size has one step at least
    growth = (settings.size / first) ** (1 / max(1, rungs - 1))
    sizes = [round(settings.size / growth**k) for k in reversed(range(rungs))]
    part = LAST_PART if rungs > 1 else 1.0
    last = min(max(1, round(part * settings.steps)), settings.steps - (rungs - 1))
    ends = [(settings.steps - last) * k // max(1, rungs - 1) for k in range(rungs)]
    return sizes, [*(end - start for start, end in pairwise(ends)), last]
