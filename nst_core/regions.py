"""Masks: regions of the photo that stay photo, or get a style of their own."""

from __future__ import annotations

from os import PathLike
from typing import BinaryIO

import numpy as np
from PIL import Image, ImageChops, ImageFilter, ImageOps, ImageStat

from .errors import ImageError
from .images import load_image

# Width of the soft edge of a protected region, as a part of the long side of the picture.
SOFT_EDGE = 0.01
# The soft edge is made at this long side at most: an edge is smooth, and a small mask is fast.
EDGE_SIDE = 1024
# The aspect ratios of photo and mask may differ by this: rounding changes that of a small mask.
ASPECT_TOLERANCE = 0.03

# Values that differ by less are the same: JPEG makes such noise.
NOISE = 16
# From this difference between its channels on, a colour is no grey, and its image is a label map.
COLOURFUL = 60
# A grey mask without anything this bright is a label map: its values are numbers of labels.
BRIGHT = 200


def load_mask(
    source: str | PathLike[str] | BinaryIO | Image.Image, size: tuple[int, int]
) -> Image.Image:
    """Read the mask for a photo of `size` (width, height).

    White is the region, black and transparent pixels do not belong to it. Masks of other programs
    are understood too: one colour on transparent, even if it is black; label maps, in which all
    that is not background is the region.

    Returns:
        An image in mode L and of `size`.

    Raises:
        ImageError: as `load_image`, or the mask has another shape than the photo, or is empty.
    """
    mask = load_image(source)
    if abs(mask.width * size[1] / (mask.height * size[0]) - 1) > ASPECT_TOLERANCE:
        raise ImageError(
            f"The mask ({mask.width} x {mask.height}) does not have the shape of the photo "
            f"({size[0]} x {size[1]}): make it as large as the photo."
        )
    fitted = fit_mask(_painted(mask), size)
    if fitted is None:
        raise ImageError("The mask has nothing in it: paint the region white on black.")
    return fitted


def _painted(image: Image.Image) -> Image.Image:
    """Make a mask in mode L of an image; 255 where something is painted."""
    if image.mode == "RGBA":
        alpha = image.getchannel("A")
        opaque = alpha.point([255 * (value > 127) for value in range(256)])
        extrema = ImageStat.Stat(image.convert("RGB"), opaque).extrema
        if all(high - low < NOISE for low, high in extrema):
            return alpha  # one colour, of which only the shape counts
        image = Image.alpha_composite(Image.new("RGBA", image.size, "black"), image)
    red, green, blue = image.convert("RGB").split()
    high = ImageChops.lighter(ImageChops.lighter(red, green), blue)
    low = ImageChops.darker(ImageChops.darker(red, green), blue)
    if np.asarray(ImageChops.difference(high, low)).max() >= COLOURFUL:
        if np.asarray(high).min() >= NOISE:
            return _unlike_corner(image.convert("RGB"))
        return high.point([255 * (value >= NOISE) for value in range(256)])
    if np.asarray(high).max() < BRIGHT:
        return high.point([255 * (value > 0) for value in range(256)])
    return high


def _unlike_corner(image: Image.Image) -> Image.Image:
    """Make a mask of a label map without black: its background has the colour of a corner."""
    background = Image.new("RGB", image.size, image.getpixel((0, 0)))
    red, green, blue = ImageChops.difference(image, background).split()
    most = ImageChops.lighter(ImageChops.lighter(red, green), blue)
    return most.point([255 * (value >= NOISE) for value in range(256)])


def fit_mask(mask: Image.Image, size: tuple[int, int]) -> Image.Image | None:
    """Resize a mask in mode L to `size` (width, height); None if nothing of it is white."""
    mask = mask.resize(size, Image.Resampling.BILINEAR)
    return mask if mask.getbbox() else None


def soften(mask: Image.Image) -> Image.Image:
    """Give the mask of a protected region a soft edge.

    The edge lies inside the mask, so that the picture outside of it does not change.
    """
    inner = ImageOps.contain(mask, (EDGE_SIDE, EDGE_SIDE)) if max(mask.size) > EDGE_SIDE else mask
    reach = max(1, round(SOFT_EDGE * max(inner.size)))
    for _ in range(reach):
        inner = inner.filter(ImageFilter.MinFilter(3))
    # Both blurs together spread the mask by as much as the filter took off.
    inner = inner.filter(ImageFilter.BoxBlur(reach / 2)).filter(ImageFilter.BoxBlur(reach / 2))
    return ImageChops.darker(inner.resize(mask.size, Image.Resampling.BILINEAR), mask)
