"""A decoded picture as its file stores it, on its way to upright sRGB."""

from __future__ import annotations

from dataclasses import dataclass

from PIL import Image

from .profiles import Description, to_srgb

# The turn that makes an image upright, by its EXIF orientation.
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@dataclass(frozen=True)
class Stored:
    """A picture as its file stores it.

    Attributes:
        pixels: colours in mode L, RGB, CMYK or LAB; nobody else uses this image.
        alpha: opacity in mode L; None where everything is opaque.
        descriptions: what the file says of its colours; the first that can be used counts.
        orientation: as in EXIF, 1 to 8; others mean nothing.
    """

    pixels: Image.Image
    alpha: Image.Image | None = None
    descriptions: tuple[Description, ...] = ()
    orientation: int = 1

    def clean(self) -> Image.Image:
        """Return the picture as upright sRGB, RGB or RGBA, without anything else of the file."""
        image = to_srgb(self.pixels, self.descriptions)
        image.info = {}
        if self.alpha is not None and self.alpha.getextrema() != (255, 255):
            image.putalpha(self.alpha)
        turn = TURNS.get(self.orientation)
        return image if turn is None else image.transpose(turn)
