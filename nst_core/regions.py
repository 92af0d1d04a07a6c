"""Masks: regions of the photo that stay photo, or get a style of their own."""

from __future__ import annotations

from os import PathLike
from typing import BinaryIO

from PIL import Image, ImageChops, ImageFilter, ImageOps

from .errors import ImageError
from .images import load_image

# Width of the soft edge of a protected region, as a part of the long side of the picture.
SOFT_EDGE = 0.01
# The soft edge is made at this long side at most: an edge is smooth, and a small mask is fast.
EDGE_SIDE = 1024
# The aspect ratios of photo and mask may differ by this: rounding changes that of a small mask.
ASPECT_TOLERANCE = 0.03


def load_mask(
    source: str | PathLike[str] | BinaryIO | Image.Image, size: tuple[int, int]
) -> Image.Image | None:
    """Read the mask for a photo of `size` (width, height).

    White is the region. Black and transparent pixels do not belong to it.

    Returns:
        An image in mode L and of `size`, or None if nothing of it is white.

    Raises:
        ImageError: as `load_image`, or the mask has another shape than the photo.
    """
    mask = load_image(source)
    if abs(mask.width * size[1] / (mask.height * size[0]) - 1) > ASPECT_TOLERANCE:
        raise ImageError(
            f"The mask ({mask.width} x {mask.height}) does not have the shape of the photo "
            f"({size[0]} x {size[1]}): make it as large as the photo."
        )
    if mask.mode == "RGBA":
        mask = Image.alpha_composite(Image.new("RGBA", mask.size, "black"), mask)
    return fit_mask(mask.convert("L"), size)


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
