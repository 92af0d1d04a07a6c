"""Enlarging a picture along the contours of its photo.

An enlarged picture looks blurred for two reasons, and each has a remedy.

Contours of the photo are soft. The photo has them in full size: around every pixel the picture is
taken as a linear function of the photo's luminance (the guided filter of He, Sun and Tang 2013,
fitted at the small size as in He and Sun 2015). The slope of that function carries the photo's fine
detail into the picture: all of it where the picture follows the photo, none where it does not.

Strokes are soft, and the photo does not have them. The picture is enlarged by doubling, and edges
that the photo does not explain are steepened after each doubling, but never beyond the values
around them. So no halo arises.

A photo can have a hundred times the pixels of the picture. So the result is computed in strips of
rows, each from the few rows of the picture around it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

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
# The parameter of the cubic kernel (Keys 1981), as `F.interpolate` has it.
CUBIC = -0.75


def enlarge(picture: Tensor, small_photo: Tensor, photo: Tensor) -> Tensor:
    """Enlarge a picture to the size of its photo; all values are 0 to 1.

    Args:
        picture, small_photo: (1, 3, h, w).
        photo: (1, 3, H, W), not smaller on either side.

    Returns:
        The picture (1, 3, H, W), channels_last.
    """
    height, width = photo.shape[2:]
    rows = Enlargement(picture, small_photo, (height, width)).rows(0, height, photo)
    return rows.contiguous(memory_format=torch.channels_last)


class Enlargement:
    """A picture that is enlarged to the size of its photo, some rows at a time.

    A row of the result does not depend on which rows are asked for together with it.

    Args:
        picture, small_photo: (1, 3, h, w), values 0 to 1.
        size: height and width of the photo, not smaller on either side.
    """

    def __init__(self, picture: Tensor, small_photo: Tensor, size: tuple[int, int]) -> None:
        self._picture, self._guide = picture.contiguous(), _luminance(small_photo)
        self._slope, self._strokes = _fit(self._picture, self._guide)
        self._sizes = _sizes((picture.shape[2], picture.shape[3]), size)

    def rows(self, first: int, last: int, photo: Tensor) -> Tensor:
        """Rows `first` to `last` (exclusive) of the enlarged picture.

        Args:
            photo: the same rows of the photo, (1, 3, last - first, W), values 0 to 1.

        Returns:
            (1, 3, last - first, W), values 0 to 1.
        """
        level, rows = len(self._sizes) - 1, torch.arange(first, last)
        detail = _luminance(photo) - self._from_small(self._guide, level, rows, "bicubic")
        slope = self._from_small(self._slope, level, rows, "bilinear")
        return self._plain_rows(level, first, last).addcmul(slope, detail).clamp_(0, 1)

    def _plain_rows(self, level: int, first: int, last: int) -> Tensor:
        """Rows of the picture in one of its sizes, with steep edges, but without detail."""
        if level == 0:
            return self._picture[:, :, first:last]
        height, width = self._sizes[level]
        # Rows of the size below that bicubic interpolation reads, and one more on either side.
        around = torch.arange(first - 1, last + 1).clamp(0, height - 1)
        below = self._sizes[level - 1][0]
        taps = _taps(below, height, around, "bicubic")
        read = torch.arange(int(taps.source.min()) - 1, int(taps.source.max()) + 2)
        start, end = max(0, int(read[0])), min(below, int(read[-1]) + 1)
        small = self._plain_rows(level - 1, start, end)
        plane = _interpolate(small, start, taps, width, "bicubic")
        mean = _slide(plane, 1, torch.add).div_(9)
        plane = plane[:, :, 1:-1]
        strokes = self._from_small(self._strokes, level, around[1:-1], "bilinear")
        plane = plane.addcmul(strokes, plane - mean, value=STEEPEN)
        # Never beyond the values around: no halo.
        framed = small.index_select(2, (read.clamp(0, below - 1) - start).to(small.device))
        taps = _taps(below, height, around[1:-1], "bilinear")
        low, high = (
            _interpolate(_slide(framed, 1, f), int(read[1]), taps, width, "bilinear")
            for f in (torch.minimum, torch.maximum)
        )
        return torch.clamp(plane, low, high, out=plane)

    def _from_small(self, x: Tensor, level: int, rows: Tensor, mode: str) -> Tensor:
        """Interpolate some rows of one of the sizes from `x` (1, C, h, w)."""
        height, width = self._sizes[level]
        taps = _taps(x.shape[2], height, rows, mode)
        start, end = int(taps.source.min()), int(taps.source.max()) + 1
        return _interpolate(x[:, :, start:end], start, taps, width, mode)


def _luminance(image: Tensor) -> Tensor:
    """The luminance (1, 1, H, W) of an image (1, 3, H, W)."""
    red, green, blue = image.split(1, dim=1)
    luminance: Tensor = LUMINANCE[0] * red + LUMINANCE[1] * green + LUMINANCE[2] * blue
    return luminance


def _sizes(small: tuple[int, int], full: tuple[int, int]) -> list[tuple[int, int]]:
    """The sizes on the way from `small` to `full`: each but the first doubles the one before it."""
    doublings = math.ceil(math.log2(max(b / a for a, b in zip(small, full, strict=True))))
    (h, w), (height, width) = small, full
    halved = [2**k for k in reversed(range(doublings))]
    return [small, *((max(h, -(-height // k)), max(w, -(-width // k))) for k in halved)]


class _Taps(NamedTuple):
    """How rows are interpolated: as sums of the rows `source` (taps, rows), times `weight`."""

    source: Tensor
    weight: Tensor


def _taps(small: int, large: int, rows: Tensor, mode: str) -> _Taps:
    """How to interpolate `rows` of a picture of height `large` from one of height `small`."""
    center = (rows.double() + 0.5) * (small / large) - 0.5
    reach = 2 if mode == "bicubic" else 1
    index = center.floor() + torch.arange(1 - reach, reach + 1)[:, None]
    x = (index - center).abs()
    if mode == "bicubic":
        near, far = ((CUBIC + 2) * x - (CUBIC + 3)) * x**2 + 1, ((x - 5) * x + 8) * x - 4
        weight = torch.where(x < 1, near, CUBIC * far)
    else:
        weight = 1 - x
    return _Taps(index.long().clamp(0, small - 1), weight.float()[:, :, None])


def _interpolate(x: Tensor, start: int, taps: _Taps, width: int, mode: str) -> Tensor:
    """Interpolate rows of `width` pixels from `x` (1, C, h, w), whose first row has number `start`.

    `F.interpolate` could do rows too, but not some of them.
    """
    if x.shape[3] != width:
        x = F.interpolate(x, (x.shape[2], width), mode=mode, align_corners=False)
    result: Tensor | None = None
    indices, weights = (taps.source - start).to(x.device), taps.weight.to(x.device)
    for index, weight in zip(indices, weights, strict=True):
        rows = x.index_select(2, index)
        result = rows.mul_(weight) if result is None else result.addcmul_(rows, weight)
    assert result is not None
    return result


def _slide(x: Tensor, radius: int, combine: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    """Combine all values in the square window around every pixel.

    Args:
        x: (1, C, h + 2 * radius, w): with the rows around it; columns repeat at the border.

    Returns:
        (1, C, h, w).
    """
    reach = 2 * radius
    height, width = x.shape[2] - reach, x.shape[3]
    rows = combine(x[:, :, :height], x[:, :, 1 : 1 + height])
    for k in range(2, reach + 1):
        rows = combine(rows, x[:, :, k : k + height])
    rows = torch.cat([*[rows[..., :1]] * radius, rows, *[rows[..., -1:]] * radius], dim=3)
    result = combine(rows[..., :width], rows[..., 1 : 1 + width])
    for k in range(2, reach + 1):
        result = combine(result, rows[..., k : k + width])
    return result


def _mean(x: Tensor) -> Tensor:
    """The mean over the window of `RADIUS` around every pixel; the border is repeated."""
    rows = torch.arange(-RADIUS, x.shape[2] + RADIUS, device=x.device).clamp(0, x.shape[2] - 1)
    return _slide(x.index_select(2, rows), RADIUS, torch.add).div_((2 * RADIUS + 1) ** 2)


def _fit(picture: Tensor, guide: Tensor) -> tuple[Tensor, Tensor]:
    """Fit the channels of `picture` by linear functions of `guide` around every pixel.

    Returns:
        The slopes (1, 3, h, w), and the part (0 to 1) of the variance of the picture that the fit
        leaves unexplained, (1, 1, h, w).
    """
    means = _mean(picture), _mean(guide)
    covariance = _mean(picture * guide) - means[0] * means[1]
    variance = _mean(guide * guide) - means[1] ** 2 + FLAT
    total = (_mean(picture * picture) - means[0] ** 2).sum(dim=1, keepdim=True)
    explained = (covariance**2).sum(dim=1, keepdim=True) / variance / total.clamp(min=1e-6)
    slope = _mean(covariance / variance).clamp(-STEEPEST, STEEPEST)
    return slope, (1 - _mean(explained)).clamp(0, 1)
