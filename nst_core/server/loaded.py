"""The images that were read last: a preview after a preview reads no file twice."""

from __future__ import annotations

import os
import threading
import time
from collections import OrderedDict

from PIL import Image

from ..images import load_image
from ..transfer import Source

# Pixels of all images that are kept; a photo of a phone has 12 million. The last one is kept
# whatever its size.
MOST_PIXELS = 60_000_000

_Key = tuple[str, int, int]


class Loaded:
    """Images by their files; an image that is kept is the same object each time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._images: OrderedDict[_Key, Image.Image] = OrderedDict()
        self._used = time.monotonic()

    def load(self, source: Source) -> Image.Image:
        """Read an image as `load_image` does, unless it is kept.

        Raises:
            ImageError: as `load_image`.
        """
        try:
            key = _key_of(source)
        except (OSError, ValueError):  # `load_image` says what is wrong
            key = None
        if key is None:
            return load_image(source)
        with self._lock:
            self._used = time.monotonic()
            image = self._images.pop(key, None)
            if image is not None:
                self._images[key] = image
                return image
        image = load_image(source)
        with self._lock:
            self._images[key] = image
            while len(self._images) > 1 and self._pixels() > MOST_PIXELS:
                self._images.popitem(last=False)
        return image

    def forget(self, seconds: float) -> None:
        """Let all images go, if none has been read for so long."""
        with self._lock:
            if time.monotonic() - self._used > seconds:
                self._images.clear()

    def _pixels(self) -> int:
        return sum(image.width * image.height for image in self._images.values())


def _key_of(source: Source) -> _Key | None:
    """What tells a file from others, and from itself after a change; None for what is no path."""
    if not isinstance(source, str):
        return None
    stat = os.stat(source)
    return source, stat.st_mtime_ns, stat.st_size
