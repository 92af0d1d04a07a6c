"""Enlarging a picture along the contours of its photo.

An enlarged picture looks blurred for two reasons, and each has a remedy.

Contours of the photo are soft. The photo has them in full size: around every pixel the picture is
taken as a linear function of the photo's luminance (the guided filter of He, Sun and Tang 2013,
fitted at the small size as in He and Sun 2015). The slope of that function carries the photo's fine
detail into the picture: all of it where the picture follows the photo, none where it does not.

Strokes are soft, and the photo does not have them. The picture is enlarged by doubling, and edges
that the photo does not explain are steepened after each doubling, but never beyond the values
around them. So no halo arises.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

# The window of a linear function: so many pixels of the small picture to either side.
RADIUS = 2
# A photo whose luminance (0 to 1) varies less counts as flat, so that its noise stays out.
FLAT = 1e-3
# Detail is never stronger than in the photo.
STEEPEST = 1.0
# This part of its difference to the surroundings is added to a pixel of an edge.
STEEPEN = 1.0
LUMINANCE = (0.299, 0.587, 0.114)


def enlarge(picture: Tensor, small_photo: Tensor, photo: Tensor) -> Tensor:
    """Enlarge a picture to the size of its photo; all values are 0 to 1.

    Args:
        picture, small_photo: (1, 3, h, w).
        photo: (1, 3, H, W), not smaller on either side.

    Returns:
        The picture (1, 3, H, W), channels_last.
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
    """The luminance (1, 1, H, W) of an image (1, 3, H, W)."""
    red, green, blue = image.split(1, dim=1)
    luminance: Tensor = LUMINANCE[0] * red + LUMINANCE[1] * green + LUMINANCE[2] * blue
    return luminance


def _resize(x: Tensor, like: Tensor, mode: str) -> Tensor:
    return F.interpolate(x, like.shape[2:], mode=mode, align_corners=False)


def _mean(x: Tensor, radius: int) -> Tensor:
    """The mean over the window around every pixel; windows end at the border."""
    return F.avg_pool2d(x, 2 * radius + 1, 1, radius, count_include_pad=False)


def _fit(plane: Tensor, guide: Tensor) -> tuple[Tensor, Tensor]:
    """Fit `plane` by a linear function of `guide` around every pixel.

    Returns:
        The slope, and the part (0 to 1) of the variance of `plane` that the fit leaves unexplained.
    """
    means = _mean(plane, RADIUS), _mean(guide, RADIUS)
    covariance = _mean(plane * guide, RADIUS) - means[0] * means[1]
    variance = _mean(guide * guide, RADIUS) - means[1] ** 2 + FLAT
    total = _mean(plane * plane, RADIUS) - means[0] ** 2
    explained = _mean(covariance**2 / variance / total.clamp(min=1e-6), RADIUS)
    slope = _mean(covariance / variance, RADIUS).clamp(-STEEPEST, STEEPEST)
    return slope, (1 - explained).clamp(0, 1)


def _double(plane: Tensor, strokes: Tensor, like: Tensor) -> Tensor:
    """Enlarge `plane` to the size of `like` by doubling, with steep edges where `strokes` is 1."""
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
