"""A run as a short film: MP4 for sending, animated WebP for pages."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from fractions import Fraction
from io import BytesIO
from itertools import islice
from os import PathLike
from pathlib import Path

import av
from PIL import Image

from .errors import StyleTransferError
from .images import printable

ENDINGS = (".mp4", ".webp")
# Long sides in pixels, and frames a second.
MP4_SIDE, MP4_RATE = 640, 24
WEBP_SIDE, WEBP_RATE = 400, 12
# The film grows by this with every frame of the run, between these limits; then the result stands.
SECONDS_A_FRAME, SHORTEST, LONGEST = 0.08, 2.0, 6.0
STANDS_SECONDS = 1.5
# Looks at a run that are kept; of more, every second one is dropped.
MOST_FRAMES = 100
# A film of this many frames is smooth.
LEAST_FRAMES = 24


class TimeLapse:
    """Looks at a run, kept as JPEG: at most a few megabytes, however long it takes.

    Args:
        size: width and height of the photo, whose shape the film has.
    """

    def __init__(self, size: tuple[int, int]) -> None:
        self.size = _even(size, MP4_SIDE)
        self.frames: list[bytes] = []
        self.every = 1
        self.seen = 0
        self.last = b""

    def add(self, image: Image.Image) -> None:
        """Take the next look, of any size."""
        small = image.convert("RGB").resize(self.size, Image.Resampling.BICUBIC)
        buffer = BytesIO()
        small.save(buffer, "JPEG", quality=92)
        self.last = buffer.getvalue()
        if self.seen % self.every == 0:
            self.frames.append(self.last)
        self.seen += 1
        if len(self.frames) == MOST_FRAMES:
            del self.frames[1::2]
            self.every *= 2

    def save(self, path: str | PathLike[str]) -> None:
        """Write the film, as its ending says: MP4 (H.264) or animated WebP.

        Raises:
            StyleTransferError: it has another ending, or there are no frames.
        """
        check_ending(path)
        if not self.frames:
            raise StyleTransferError("There is nothing to show yet: make a picture first.")
        if Path(path).suffix.lower() == ".mp4":
            self._save_mp4(path)
            return
        with tempfile.TemporaryDirectory() as folder:
            film = Path(folder) / "film.mp4"
            self._save_mp4(film)
            to_webp(film, path)

    def _images(self) -> Iterator[Image.Image]:
        """The images of the film, each look dissolving into the next one."""
        frames = self.frames if self.frames[-1] is self.last else [*self.frames, self.last]
        seconds = min(max(SECONDS_A_FRAME * len(frames), SHORTEST), LONGEST)
        count = round(seconds * MP4_RATE)
        for k in range(count):
            index, part = divmod(k * (len(frames) - 1) / (count - 1), 1)
            near = (Image.open(BytesIO(x)) for x in (frames[int(index) :] * 2)[:2])
            yield Image.blend(*near, part)
        for _ in range(round(STANDS_SECONDS * MP4_RATE)):
            yield Image.open(BytesIO(self.last))

    def _save_mp4(self, path: str | PathLike[str]) -> None:
        # The index in front (faststart): a browser plays it while it loads.
        with av.open(str(path), "w", format="mp4", options={"movflags": "faststart"}) as film:
            stream = film.add_stream("libx264", rate=Fraction(MP4_RATE))
            stream.width, stream.height = self.size
            stream.pix_fmt = "yuv420p"  # the one that every browser plays
            stream.options = {"preset": "veryfast", "crf": "20"}
            for image in self._images():
                film.mux(stream.encode(av.VideoFrame.from_image(image)))
            film.mux(stream.encode())


def to_webp(film: str | PathLike[str], path: str | PathLike[str]) -> None:
    """Make an animated WebP of a film that `TimeLapse` wrote as MP4; one image at a time."""
    with av.open(str(film)) as video:
        looks = islice(video.decode(video=0), 0, None, MP4_RATE // WEBP_RATE)
        images = (look.to_image() for look in looks)
        first = next(images)
        size = _even(first.size, WEBP_SIDE)
        first.resize(size).save(
            path,
            save_all=True,
            append_images=(image.resize(size) for image in images),
            duration=round(1000 / WEBP_RATE),
            loop=0,
            quality=70,
            method=1,
        )


def check_ending(path: str | PathLike[str]) -> None:
    """Say before a run that a film can't be written under this name.

    Raises:
        StyleTransferError: it does not end in one of `ENDINGS`.
    """
    name = printable(Path(path).name)
    if Path(path).suffix.lower() not in ENDINGS:
        raise StyleTransferError(
            f"{name} does not end in one of {', '.join(ENDINGS)}: name it like FILM.mp4."
        )


def _even(size: tuple[int, int], side: int) -> tuple[int, int]:
    """Width and height with at most `side`, both even as H.264 wants them."""
    scale = min(1.0, side / max(size))
    width, height = (max(16, 2 * round(length * scale / 2)) for length in size)
    return width, height
