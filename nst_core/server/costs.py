"""How long a run will take, before it starts: from its plan, and from the runs before it."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from ..errors import StyleTransferError
from ..plan import make_plan
from ..settings import Settings
from ..sweep import SIZE, STEPS
from .device import is_fast_device
from .preparing import Job

# Seconds for a megapixel of gradient evaluations (`Transfer.work`), until some have been timed.
FAST_PACE, SLOW_PACE = 1.0, 7.0
# Seconds for a megapixel of the photo, in whose size the picture is finished, until one was timed.
FINISHING_PACE = 0.25
# The least megapixels that say something of that pace.
LEAST_FINISHED = 2.0
# Seconds of a run, until there has been one.
FIRST_TYPICAL = 20.0
# The least work that says something of the pace: that of a preview is larger.
LEAST_WORK = 0.3
# How much the last run counts against the ones before.
NEWEST = 0.4


class Costs:
    """The pace of this server, learned from its runs."""

    def __init__(self) -> None:
        # As measured at the start, and as learned from runs.
        self._first_pace: float | None = None
        self._pace: float | None = None
        self._finishing = FINISHING_PACE
        # Seconds of a run, about.
        self.typical = FIRST_TYPICAL

    def begin(self, pace: float) -> None:
        """Take a pace that was measured at the start; it counts until a run has been timed."""
        self._first_pace = pace

    def learn(self, work: float, seconds: float) -> None:
        """Remember how long a run took, unless it was so small that its start took most of it.

        Args:
            work: megapixels of gradient evaluations.
        """
        if work < LEAST_WORK:
            return
        pace = seconds / work
        self._pace = pace if self._pace is None else (1 - NEWEST) * self._pace + NEWEST * pace

    def learn_finishing(self, megapixels: float, seconds: float) -> None:
        """Remember how long the finishing took in the size of a photo, unless that is small."""
        if megapixels >= LEAST_FINISHED:
            latest = NEWEST * seconds / megapixels
            self._finishing = (1 - NEWEST) * self._finishing + latest

    def learn_run(self, seconds: float) -> None:
        """Remember how long somebody's run took, whatever it did."""
        self.typical = (1 - NEWEST) * self.typical + NEWEST * seconds

    def seconds(self, work: float) -> float:
        """How long a run with so much work will take."""
        pace = self._first_pace if self._pace is None else self._pace
        if pace is None:
            pace = FAST_PACE if is_fast_device() else SLOW_PACE
        return work * pace

    def of_run(self, job: Job) -> float | None:
        """Seconds of a run; None where it would be refused."""
        return self._of(job, {}, 1, finished=True)

    def of_finishing(self, job: Job) -> float:
        """Seconds of the finishing in the size of the photo, about; 0 where nobody can say."""
        return self._finishing_of(_photo_size(job) or (0, 0))

    def of_tiles(self, job: Job, count: int) -> float | None:
        """Seconds of so many tiles of a sweep; None where it would be refused."""
        return self._of(job, {"size": SIZE, "steps": STEPS}, count)

    def _of(
        self, job: Job, changed: dict[str, int], count: int, finished: bool = False
    ) -> float | None:
        size = _photo_size(job)
        if size is None:
            return None
        try:
            plan = make_plan(Settings.from_values({**job.values, **changed}), size)
        except StyleTransferError:
            return None
        finishing = self._finishing_of(size) if finished else 0.0
        return self.seconds(count * sum(stage.work for stage in plan)) + finishing

    def _finishing_of(self, size: tuple[int, int]) -> float:
        width, height = size
        return self._finishing * width * height / 1e6


def _photo_size(job: Job) -> tuple[int, int] | None:
    """Width and height of the photo, from the header of its file; None where there are none."""
    try:
        with Image.open(Path(str(job.content))) as photo:
            return photo.size
    except (OSError, ValueError):
        return None
