"""Enlarging a picture along the contours of the photo that it is painted from.

Two things make an enlarged picture look blurred, and each is mended by what is known of it.

The contours of the photo are there in full size. Around every pixel the picture is taken as a
linear function of the photo's luminance (the guided filter of He, Sun and Tang 2013; its
coefficients are found at the small size, as in He and Sun 2015). What the photo has of detail
beyond the small size is carried into the picture by the slope of that function: all of it where
the picture follows the photo, nothing where it does not.

Strokes, which the photo knows nothing of, are enlarged by doubling. After every doubling their
edges, now soft, are steepened, but never beyond the values around them: so no halo arises.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

# Window of the linear functions: pixels of the small picture to either side.
RADIUS = 2
# Variance of luminance (0 to 1) below which the photo counts as flat, so that its noise stays out.
FLAT = 1e-3
# Detail is never carried over stronger than it is in the photo.
STEEPEST = 1.0
# How much of the difference to its surroundings is added to a pixel of an edge.
STEEPEN = 1.0
LUMINANCE = (0.299, 0.587, 0.114)


def enlarge(picture: Tensor, small_photo: Tensor, photo: Tensor) -> Tensor:
    """The picture (1, 3, h, w) at the size of `photo` (1, 3, H, W), channels_last.

    Args:
        picture, small_photo: of the same size; all values 0 to 1.
        photo: not smaller on either side.
    """
    guide, full_guide = _luminance(small_photo), _luminance(photo)
    detail = full_guide - _resize(guide, full_guide, "bicubic")
    result = torch.empty_like(photo, memory_format=torch.channels_last)
    for channel in range(3):  # one by one, to save memory
        plane = picture[:, channel : channel + 1].contiguous()
        slope, strokes = _fit(plane, guide)
        slope = _resize(slope, detail, "bilinear")
        result[:, channel : channel + 1] = _double(plane, strokes, detail).addcmul_(slope, detail)
    return result.clamp_(0, 1)


def _luminance(image: Tensor) -> Tensor:
    """Of an image (1, 3, H, W): (1, 1, H, W)."""
    red, green, blue = image.split(1, dim=1)
    luminance: Tensor = LUMINANCE[0] * red + LUMINANCE[1] * green + LUMINANCE[2] * blue
    return luminance


def _resize(x: Tensor, like: Tensor, mode: str) -> Tensor:
    return F.interpolate(x, like.shape[2:], mode=mode, align_corners=False)


def _mean(x: Tensor, radius: int) -> Tensor:
    """Mean over the window around every pixel; windows are cut at the border."""
    return F.avg_pool2d(x, 2 * radius + 1, 1, radius, count_include_pad=False)


def _fit(plane: Tensor, guide: Tensor) -> tuple[Tensor, Tensor]:
    """The linear function of `guide` that is next to `plane`, around every pixel.

    Returns:
        Its slope, and the part (0 to 1) of the variance of `plane` that it does not explain.
    """
    means = _mean(plane, RADIUS), _mean(guide, RADIUS)
    covariance = _mean(plane * guide, RADIUS) - means[0] * means[1]
    variance = _mean(guide * guide, RADIUS) - means[1] ** 2 + FLAT
    total = _mean(plane * plane, RADIUS) - means[0] ** 2
    explained = _mean(covariance**2 / variance / total.clamp(min=1e-6), RADIUS)
    slope = _mean(covariance / variance, RADIUS).clamp(-STEEPEST, STEEPEST)
    return slope, (1 - explained).clamp(0, 1)


def _double(plane: Tensor, strokes: Tensor, like: Tensor) -> Tensor:
    """`plane` at the size of `like`, by doubling, with steep edges where there are `strokes`."""
    while plane.shape != like.shape:
        sides = [min(2 * a, b) for a, b in zip(plane.shape[2:], like.shape[2:], strict=True)]
        low, high = -F.max_pool2d(-plane, 3, 1, 1), F.max_pool2d(plane, 3, 1, 1)
        low, high, strokes, plane = (
            F.interpolate(x, sides, mode=mode, align_corners=False)
            for x, mode in (
                (low, "bilinear"),
                (high, "bilinear"),
                (strokes, "bilinear"),
                (plane, "bicubic"),
            )
        )
        plane = plane.addcmul(strokes, plane - _mean(plane, 1), value=STEEPEN).clamp(low, high)
    return plane
