"""A picture on the command line: painted and finished with progress bars, then written."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from PIL import Image
from tqdm import tqdm

from . import timelapse
from .finishing import finish, finish_in_strips, preview
from .frame import Frame
from .images import contained
from .interrupts import Interrupts
from .output import replacing
from .recipe import save_with_recipe
from .timelapse import TimeLapse
from .transfer import Transfer

# Seconds between two frames: often enough for the progress bar.
FRAME_SECONDS = 0.2
# A bar for the finishing is shown where it takes longer than this.
FINISHING_SECONDS = 0.5


@dataclass(frozen=True)
class Painting:
    """What a run came to, at its end or at Ctrl-C.

    Attributes:
        transfer: what it was; its settings are those that the result was made with.
        frame: the last one.
        result: in the size of the photo.
        hurried: it was enlarged plainly, because Ctrl-C came while it was finished.
    """

    transfer: Transfer
    frame: Frame
    result: Image.Image
    hurried: bool = False

    @property
    def is_complete(self) -> bool:
        """Whether all steps were made, and the result has its detail."""
        return self.frame.step == self.frame.total_steps and not self.hurried

    def save(self, path: Path) -> None:
        """Write the result; a file that was there stays as it was where this fails.

        Raises:
            OSError: it can't be written.
        """
        with replacing(path) as beside:
            save_with_recipe(self.result, beside, self.transfer.recipe())


def paint_with_bar(
    transfer: Transfer, interrupts: Interrupts, bar: tqdm[None], film: TimeLapse | None = None
) -> Painting | None:
    """Paint and finish a prepared run; Ctrl-C ends it with what it has.

    Args:
        bar: counts the steps.
        film: takes the previews.

    Returns:
        The painting; None where there was no time for a step.

    Raises:
        StyleTransferError: as `paint`.
    """
    from .optimize import paint  # not above: PyTorch is imported when it is needed

    frame, made = None, 0
    photo, mask = transfer.content, transfer.mask
    if film is not None and max(photo.size) > max(film.size):
        photo = contained(photo, max(film.size))  # a large photo is not resized for each preview
        mask = mask and mask.resize(photo.size)
    least = 0 if film is None else timelapse.LEAST_FRAMES
    for frame in paint(transfer, every=FRAME_SECONDS, at_least=least, stop=interrupts):
        if film is not None:
            film.add(preview(frame.image, photo, transfer.settings, mask))
        bar.update(frame.step - made)
        made = frame.step
        bar.set_postfix(size=frame.size, loss=f"{frame.losses['total']:.3g}")
    interrupts.clean_up_first()
    if frame is None or frame.step == 0:
        return None
    return _finish(transfer, frame, interrupts)


def _finish(transfer: Transfer, frame: Frame, interrupts: Interrupts) -> Painting:
    """Bring a frame to the size of the photo; Ctrl-C skips the detail of the photo."""
    content, settings, mask = transfer.content, transfer.settings, transfer.mask
    asked_before = interrupts.asked
    text = "Finishing in the size of your photo"
    with tqdm(
        total=100, desc=text, unit="%", leave=False, delay=FINISHING_SECONDS, disable=None
    ) as bar:
        for finishing in finish_in_strips(frame.image, content, settings, mask):
            bar.update(round(100 * finishing.part) - bar.n)
            if interrupts.asked and not asked_before and settings.full_detail:
                plain = replace(settings, full_detail=False)
                result = finish(frame.image, content, plain, mask)
                return Painting(replace(transfer, settings=plain), frame, result, hurried=True)
    return Painting(transfer, frame, finishing.result)
