"""The loop: pixels move until features and Gram matrices are those asked for.

A run goes from coarse to fine. The first steps run at small sizes, where they cost little and
move large shapes; the steps at the final size add the brush strokes.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from traceback import clear_frames

import torch
from PIL import Image

from .allocator import keep_freed_memory, release_freed_memory
from .descent import Descent, Picture
from .devices import best_device
from .errors import DeviceMemoryError
from .frame import Frame
from .objective import TERMS
from .plan import FIRST_SIZE_MOST, Stage
from .settings import DEFAULTS, Settings
from .tensors import cut_margin, to_image
from .transfer import Source, Transfer, prepare

# The first frame comes after this part of the time between two frames.
FIRST_FRAME = 0.6
# Parts of what is said where memory is short: by the CPU, by CUDA and MPS, by cuDNN and cuBLAS.
NO_MEMORY = ("allocate memory", "out of memory", "ALLOC_FAILED")


def stylize(
    content: Source,
    style: Source | Sequence[Source],
    settings: Settings = DEFAULTS,
    *,
    mask: Source | None = None,
    start: Source | None = None,
    every: float = 0.0,
    at_least: int = 0,
    stop: Callable[[], bool] = lambda: False,
    device: str | None = None,
) -> Iterator[Frame]:
    """Repaint `content` in the style of `style`, and yield frames on the way.

    The result depends on the images and the settings alone, not on when frames are yielded.
    Closing the generator ends the work.

    Args:
        content, style, settings, mask, start: as `prepare` takes them.
        every, at_least, stop, device: as `paint` takes them.

    Yields:
        Frames; the last one has `done` and the best picture found.

    Raises:
        StyleTransferError: as `prepare` and `paint`.
    """
    yield from paint(
        prepare(content, style, settings, mask=mask, start=start, device=device),
        every=every,
        at_least=at_least,
        stop=stop,
        device=device,
    )


def paint(
    transfer: Transfer,
    *,
    every: float = 0.0,
    at_least: int = 0,
    stop: Callable[[], bool] = lambda: False,
    device: str | None = None,
) -> Iterator[Frame]:
    """Carry out a prepared run, and yield frames on the way.

    Args:
        every: least seconds between two frames; 0 yields one after every step. There is one at the
            end of every size too, where a consumer can wait with the rest of the run.
        at_least: yield about this many frames, evenly over the steps, however fast they are made.
        stop: asked after every step and every frame, and within the steps of large pictures. When
            it returns true, the best picture so far becomes the last frame; without any picture
            there is no frame.
        device: "cuda", "mps" or "cpu"; by default the best one of this machine.

    Yields:
        Frames; the last one has `done` and the best picture found.

    Raises:
        StyleTransferError: weights are missing, or the device has too little memory.
    """
    device = device or best_device()
    if device == "cpu":
        keep_freed_memory()
    else:
        torch.set_float32_matmul_precision("high")  # TF32, on devices that have it
        # Some of cuDNN's kernels add in an order that changes: a recipe would make other bytes.
        torch.backends.cudnn.deterministic = True
        # Products of bfloat16 are added in float32, also where cuBLAS cuts a long sum into parts.
        torch.backends.cuda.matmul.allow_bf16_reduced_precision_reduction = False
    try:
        yield from _frames(transfer, _Clock(transfer, every, at_least), stop, device)
    except DeviceMemoryError as error:
        # Whoever keeps the error keeps its frames, and with them the tensors that fill the memory.
        for each in (error, error.__cause__):
            clear_frames(each.__traceback__ if each else None)
        release_freed_memory()
        raise


def _frames(
    transfer: Transfer, clock: _Clock, stop: Callable[[], bool], device: str
) -> Iterator[Frame]:
    """The frames of `paint`, one size after the other."""

    def check() -> None:
        if stop():
            raise _Stopped

    descent: Descent | None = None
    try:
        for stage in transfer.plan:
            with _computing(transfer.settings, device):
                descent = Descent(transfer, stage, device, check, descent)
            clock.resume()
            for made in range(1, stage.steps + 1):
                with _computing(transfer.settings, device):
                    descent.step()
                clock.count_step(stage)
                if clock.step == transfer.settings.steps:
                    break
                check()
                if clock.is_frame_due() or made == stage.steps:
                    yield clock.frame(descent.now)
                    check()  # the consumer may have taken its time
                    clock.resume()
    except _Stopped:
        pass
    if descent is not None:
        yield clock.frame(descent.best, done=True)


def warm_up() -> float:
    """Go the whole path once, so that the first user does not wait for it.

    Returns:
        The pace of this machine: seconds for a megapixel of gradient evaluations. It is that of
        the fastest step at the first size: while a server starts, others slow some steps down.
    """
    grey = Image.new("RGB", (FIRST_SIZE_MOST, FIRST_SIZE_MOST), "grey")
    transfer = prepare(grey, grey, Settings(size=FIRST_SIZE_MOST, steps=4))
    ends = [frame.elapsed for frame in paint(transfer)]
    (stage,) = transfer.plan
    return min(end - start for start, end in pairwise(ends)) / stage.work_of_step


class _Stopped(Exception):
    """Ends a run between two steps, or in the midst of one."""


class _Clock:
    """Counts the steps of a run, decides which frames are due, and estimates the time left."""

    def __init__(self, transfer: Transfer, every: float, at_least: int) -> None:
        self.transfer = transfer
        self.every = every
        self.gap = transfer.settings.steps / at_least if at_least else math.inf
        self.began = self.since = time.perf_counter()
        self.due = self.began + FIRST_FRAME * every
        self.step = 0
        self.work_left = transfer.work
        self.pace = 0.0  # seconds for a unit of work, at the present size
        self.stage: Stage | None = None

    def resume(self) -> None:
        """Let the next step begin now: the time before it was the consumer's, or a preparation."""
        self.since = time.perf_counter()

    def count_step(self, stage: Stage) -> None:
        """Count a step that ends now."""
        now, work = time.perf_counter(), stage.work / stage.steps
        latest = (now - self.since) / work
        if stage is not self.stage:  # a unit of work takes longer at some sizes than at others
            self.stage, self.pace = stage, 0.0
        self.pace = 0.8 * self.pace + 0.2 * latest if self.pace else latest
        self.since = now
        self.step += 1
        self.work_left -= work

    def is_frame_due(self) -> bool:
        """Whether the picture after the last step is to be yielded."""
        due = self.since >= self.due or self.step % self.gap < 1
        if due:
            self.due = self.since + self.every
        return due

    def frame(self, picture: Picture, done: bool = False) -> Frame:
        """Report a picture of the run."""
        with _memory_errors(self.transfer.settings):
            # All terms at once: every copy from a device waits for it.
            values = torch.stack(list(picture.terms.values())).tolist()
            image = to_image(cut_margin(picture.image, picture.stage.margin))
        losses: dict[str, float] = dict(zip(picture.terms, values, strict=True))
        return Frame(
            image=image,
            step=self.step,
            total_steps=self.transfer.settings.steps,
            size=picture.stage.size,
            plan=self.transfer.plan,
            losses={name: losses.pop(name) for name in TERMS},
            layers=losses,
            elapsed=time.perf_counter() - self.began,
            remaining=0.0 if done else self.pace * self.work_left,
            done=done,
        )


@contextmanager
def _computing(settings: Settings, device: str) -> Iterator[None]:
    """Compute in the precision of the settings, and say in a sentence where memory is short.

    In the midst of a program's autocast, losses would be of 16 bits, and so would be what a later
    run finds in a cache.
    """
    with torch.autocast(torch.device(device).type, enabled=False), _memory_errors(settings):
        yield


@contextmanager
def _memory_errors(settings: Settings) -> Iterator[None]:
    """Turn the device's complaints about memory into a sentence."""
    try:
        yield
    # `torch.OutOfMemoryError` is a RuntimeError; libraries and the CPU raise plain ones.
    except RuntimeError as error:
        if isinstance(error, torch.OutOfMemoryError) or any(x in str(error) for x in NO_MEMORY):
            raise DeviceMemoryError(
                f"The device has too little memory for size {settings.size}: choose a smaller size."
            ) from error
        raise
