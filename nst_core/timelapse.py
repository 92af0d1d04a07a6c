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
from .images import on_white, printable

ENDINGS = (".mp4", ".webp")
# Long side in pixels, and frames a second, of each format.
MP4_SIDE, MP4_RATE = 640, 24
WEBP_SIDE, WEBP_RATE = 400, 12
# Seconds of film for each frame of the run, the limits of their sum, and those of the result.
SECONDS_A_FRAME, SHORTEST, LONGEST = 0.08, 2.0, 6.0
STANDS_SECONDS = 1.5
# Frames that are kept; when there are so many, every second one is dropped.
MOST_FRAMES = 100
# A film of this many frames is smooth.
LEAST_FRAMES = 24


class TimeLapse:
    """The frames of a run as a film.

    Frames are kept as JPEG and thinned out, so that a run of any length takes a few megabytes.

    Args:
        size: width and height of the photo; the film has its shape.
    """

    def __init__(self, size: tuple[int, int]) -> None:
        self.size = _even(size, MP4_SIDE)
        self.frames: list[bytes] = []
        self.every = 1
        self.seen = 0
        self.last = b""

    def add(self, image: Image.Image) -> None:
        """Add the next frame, of any size; a transparent one is laid over white."""
        small = on_white(image).resize(self.size, Image.Resampling.BICUBIC)
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
        """Write the film in the format of the ending: MP4 (H.264) or animated WebP.

        Raises:
            StyleTransferError: `path` has another ending, or there are no frames.
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
        """The images of the film; each frame of the run dissolves into the next one."""
        frames = self.frames if self.frames[-1] is self.last else [*self.frames, self.last]
        seconds = min(max(SECONDS_A_FRAME * len(frames), SHORTEST), LONGEST)
        count = round(seconds * MP4_RATE)
        for k in range(count):
            index, part = divmod(k * (len(frames) - 1) / (count - 1), 1)
            here, after = frames[int(index)], frames[min(int(index) + 1, len(frames) - 1)]
            yield Image.blend(Image.open(BytesIO(here)), Image.open(BytesIO(after)), part)
        for _ in range(round(STANDS_SECONDS * MP4_RATE)):
            yield Image.open(BytesIO(self.last))

    def _save_mp4(self, path: str | PathLike[str]) -> None:
        # With its index in front (faststart), a browser plays the film while it loads.
        with av.open(str(path), "w", format="mp4", options={"movflags": "faststart"}) as film:
            stream = film.add_stream("libx264", rate=Fraction(MP4_RATE))
            stream.width, stream.height = self.size
            stream.pix_fmt = "yuv420p"  # every browser plays this format
            stream.options = {"preset": "veryfast", "crf": "20"}
            for image in self._images():
                film.mux(stream.encode(av.VideoFrame.from_image(image)))
            film.mux(stream.encode())


def to_webp(film: str | PathLike[str], path: str | PathLike[str]) -> None:
    """Convert a film that `TimeLapse` wrote as MP4 to an animated WebP, one image at a time."""
    with av.open(str(film)) as video:
        frames = islice(video.decode(video=0), 0, None, MP4_RATE // WEBP_RATE)
        images = (frame.to_image() for frame in frames)
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
    """Refuse, before a run, a name that a film can't be written under.

    Raises:
        StyleTransferError: the name does not end in one of `ENDINGS`.
    """
    name = printable(Path(path).name)
    if Path(path).suffix.lower() not in ENDINGS:
        raise StyleTransferError(
            f"{name} does not end in one of {', '.join(ENDINGS)}: name it like FILM.mp4."
        )


def _even(size: tuple[int, int], side: int) -> tuple[int, int]:
    """Scale a size to `side` at most; width and height are even, as H.264 requires."""
    scale = min(1.0, side / max(size))
    width, height = (max(16, 2 * round(length * scale / 2)) for length in size)
    return width, height
