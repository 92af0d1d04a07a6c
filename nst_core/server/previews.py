"""Previews: what a page sees of a picture that is being painted, and the frames of its film."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

from PIL import Image

from ..finishing import preview
from ..frame import Frame
from ..images import contained, on_white
from ..timelapse import TimeLapse
from ..transfer import Transfer
from .device import runs_on_zerogpu

# Seconds between two previews, and until the first one.
PREVIEW_SECONDS = 1.0
FIRST_PREVIEW_SECONDS = 0.6
# Long side of a preview. Previews are sent once a second, perhaps to a phone.
PREVIEW_SIDE = 1024


class Previews:
    """Makes previews of frames: all go into the film, and one a second into a file."""

    def __init__(self, transfer: Transfer, folder: Path) -> None:
        self.transfer, self.settings, self.folder = transfer, transfer.settings, folder
        self.photo, self.mask = transfer.content, transfer.mask
        if max(self.photo.size) > PREVIEW_SIDE:
            self.photo = contained(self.photo, PREVIEW_SIDE)
            self.mask = self.mask and self.mask.resize(self.photo.size)
        self.film = TimeLapse(self.photo.size)
        self.due = 0.0

    def first(self) -> str:
        """What the run starts from, before anything is painted; the film begins with the photo."""
        self.film.add(on_white(self.photo))
        self.due = time.monotonic() + FIRST_PREVIEW_SECONDS
        return self.save_start()

    def save_start(self) -> str:
        """The file of what the run starts from."""
        return self._save(self._start(), 0)

    def add(self, frame: Frame) -> Image.Image:
        """Add a frame to the film; returns it as the page shows it."""
        image = self._shown(frame.image)
        self.film.add(image)
        return image

    def take(self, frame: Frame) -> str | None:
        """Add a frame to the film; the file of its preview, where the next one is due."""
        image = self.add(frame)
        if frame.done or time.monotonic() < self.due:
            return None
        self.due = time.monotonic() + PREVIEW_SECONDS
        return self._save(image, frame.step)

    def save(self, frame: Frame) -> str:
        """The file of the preview of a frame."""
        return self._save(self._shown(frame.image), frame.step)

    def _start(self) -> Image.Image:
        """The picture that the first step starts from; the photo in place of noise."""
        # On ZeroGPU nothing may compute before a fork.
        if self.settings.init == "noise" or runs_on_zerogpu():
            return self.photo
        from ..start import start_image  # not above: PyTorch is imported when it is needed

        image = start_image(replace(self.transfer, content=self.photo), self.photo.size)
        return self._shown(image)

    def _shown(self, image: Image.Image) -> Image.Image:
        return preview(image, self.photo, self.settings, self.mask)

    def _save(self, image: Image.Image, step: int) -> str:
        """Save a preview in the shape of the result, so that nothing jumps on the screen."""
        path = self.folder / f"preview-{step}.jpg"
        small = on_white(image).resize(self.photo.size, Image.Resampling.BICUBIC)
        small.save(path, quality=85)
        return str(path)
