"""What a server needs around runs, in one object that the page and the API are handed."""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from ..errors import StyleTransferError
from ..sweep import SIZE as TILE_SIZE
from ..sweep import STEPS, Sweep, Tile
from ..transfer import Transfer
from .begun import Begun, Paint
from .costs import Costs
from .device import runs_on_zerogpu
from .history import History
from .jobs import OUT_OF_TIME, Outcome, Progress, run_job
from .limits import Limits
from .live import paint_preview, previewed, work_of_preview
from .loaded import Loaded
from .preparing import Job, prepare_gallery_job, prepare_job, prepare_sweep_job
from .runs import Runs, Stop
from .turns import Turns

# Computes the tiles of a sweep, as `Paint` the frames of a run.
PaintSweep = Callable[[Sweep, Stop], Iterator[Tile]]


class Place(NamedTuple):
    """A place in the queue.

    Attributes:
        before: how many runs come before.
        own: how many of them are of the same page.
        seconds: what they will take together, about.
    """

    before: int
    own: int
    seconds: float


def make_folder() -> Path:
    """A new folder for uploads, previews and results.

    It lies below `GRADIO_TEMP_DIR`, where the operator has set that variable. The server shows
    every file of its folder to visitors, and deletes the folder when it ends: that must not happen
    to files of the operator.
    """
    parent = os.environ.get("GRADIO_TEMP_DIR")
    if parent:
        Path(parent).mkdir(parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(prefix="nst-", dir=parent or None))


class Service:
    """Runs, results, limits and folders of one server.

    Args:
        limits: what the operator allows.
        files: a folder that belongs to this server alone; `close` deletes it.
        paint, paint_sweep: compute the frames of a run and the tiles of a sweep.
    """

    def __init__(self, limits: Limits, files: Path, paint: Paint, paint_sweep: PaintSweep) -> None:
        self.limits = limits
        self.files = files
        self.runs = Runs(limits.seconds)
        self.turns = Turns()
        self.history = History(limits.keep)
        self.costs = Costs()
        self.loaded = Loaded()
        # Is set when the service ends.
        self.closed = threading.Event()
        self._paint = paint
        self._paint_sweep = paint_sweep
        # What the last preview has begun; whoever has the device takes it.
        self._begun: Begun | None = None

    def paint(self, job: Job, owner: str, folder: Path, kept: bool = False) -> Iterator[Progress]:
        """Run a job from its files to its outcome.

        Args:
            owner: who may stop it.
            folder: previews are written there.
            kept: whether an owner whose connection is cut can come back for the outcome.

        Raises:
            StyleTransferError: something is missing, can't be used, or is not allowed.
        """
        transfer = prepare_job(job, self.limits, self.loaded.load)
        begin = partial(self._take, owner=owner)
        for progress in run_job(transfer, self.runs, owner, folder, begin, kept):
            done = progress.outcome
            if done is not None:
                self._learn(transfer, done)
            yield progress

    def _learn(self, transfer: Transfer, done: Outcome) -> None:
        self.costs.learn_run(done.seconds)
        if done.frame.step == done.frame.total_steps:
            self.costs.learn(transfer.work, done.frame.elapsed)
        if transfer.settings.full_detail and not done.hurried:
            width, height = transfer.content.size
            self.costs.learn_finishing(width * height / 1e6, done.finishing)

    def preview(self, job: Job, owner: str, folder: Path) -> Iterator[Progress]:
        """The first size of a run; nothing where the device is wanted for a run.

        An older preview of the owner ends at once. The run stays suspended after its preview; the
        next run or preview goes on with it where it is the same run, and drops it otherwise.

        Args:
            owner, folder: as `paint` takes them.

        Raises:
            StyleTransferError: as `paint`.
        """
        with self.runs.announce_preview(owner) as run:
            transfer = previewed(prepare_job(job, self.limits, self.loaded.load))
            with self.runs.enter_preview(run) as entered:
                if entered:
                    begun = self._take(transfer, owner)
                    for progress in paint_preview(begun, run, folder):
                        frame = progress.frame
                        if frame is not None and frame.done:
                            self.costs.learn(work_of_preview(transfer), frame.elapsed)
                        yield progress
                    if not (run.disconnected or runs_on_zerogpu()):
                        self._begun = begun

    def _take(self, transfer: Transfer, owner: str) -> Begun:
        """The run that a preview of `transfer` has begun, or a new one, for who has the device."""
        begun, self._begun = self._begun, None
        # Images are compared by their pixels.
        if begun is None or begun.transfer != transfer:
            return Begun(transfer, owner, self._paint)
        begun.owner = owner
        return begun

    def paint_sweep(self, job: Job, owner: str) -> Iterator[Tile | None]:
        """The tiles of a sweep; none where it is stopped before its turn.

        None comes before the first one: from then on the sweep can be stopped.

        Raises:
            StyleTransferError: as `paint`.
        """
        yield from self._tiles(prepare_sweep_job(job, self.limits, self.loaded.load), owner)

    def paint_gallery(
        self, job: Job, paintings: Sequence[str], owner: str
    ) -> Iterator[Tile | None]:
        """The photo of a job in each of these paintings, small; none as `paint_sweep`.

        Raises:
            StyleTransferError: as `paint`.
        """
        sweep = prepare_gallery_job(job, paintings, self.limits, self.loaded.load)
        yield from self._tiles(sweep, owner)

    def _tiles(self, sweep: Sweep, owner: str) -> Iterator[Tile | None]:
        with self.runs.enter(owner) as run:
            run.log_fields.update(size=TILE_SIZE, steps=len(sweep.runs) * STEPS)
            run.seconds_left = self.costs.seconds(sweep.work)
            yield None
            if run.stopped.is_set():
                return
            tile, count = None, len(sweep.runs)
            for made, tile in enumerate(self._paint_sweep(sweep, Stop(run.ends)), 1):
                run.seconds_left = run.elapsed / made * (count - made)
                yield tile
                if run.ends():
                    return
            if tile is None and run.timed_out and not run.stopped.is_set():
                raise StyleTransferError(OUT_OF_TIME.format(what="picture"))

    def place(self, session: str, kind: str) -> Place | None:
        """What comes before a run that a page waits for; None where the page waits for none.

        Clients of the API are counted when they run.
        """
        waiting = self.turns.before(session, kind)
        if waiting is None:
            return None
        going = self.runs.going()
        left = [self.costs.typical if x is None else x for _, x in going]
        owners = [*(owner for owner, _ in going), *waiting]
        return Place(
            len(owners),
            owners.count(session),
            sum(left) + len(waiting) * self.costs.typical,
        )

    def close_page(self, session: str) -> None:
        """A page is closed for good: its session never comes back."""
        self.runs.leave(session)
        self.turns.leave(session)
        begun = self._begun
        if begun is not None and begun.owner == session:
            self._begun = None

    def health(self) -> dict[str, Any]:
        """How the server is, for whoever watches it."""
        return {"status": "ok", "running": len(self.runs)}

    def close(self) -> None:
        """End all runs and delete all files."""
        self.closed.set()
        self.runs.close()
        self.history.close()
        shutil.rmtree(self.files, ignore_errors=True)
