"""The terms of the loss (Gatys, Ecker, Bethge 2016, section 2), each with its target.

Every term maps feature maps, a Gram matrix or the image itself to a scalar: a mean of squared
differences times a scale. The scale is fixed when the target is made. A balanced term divides by
the size of its target, so that a weight of 1.0 means the same for every image, size, layer and
network. The other terms are those of the textbook.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn.grad import conv2d_weight

# Flat images have targets of size zero. The division stays harmless by these floors, which lie far
# below the targets of photos and paintings (about 0.1 to 10).
CONTENT_FLOOR = 1e-2
STYLE_FLOOR = 1e-4
TV_FLOOR = 1e-4
WEAVE_FLOOR = 1e-5
# Length of the lines that the weave term looks for, in pixels.
WEAVE_LENGTH = 6
# The range term begins at this distance from black and white.
RANGE_MARGIN = 0.02
# The ratio of the photo's contrast to the painting's counts up to this factor, and down to its
# inverse.
RATIO_LIMIT = 8.0


def wide(values: Tensor) -> Tensor:
    """Convert to float32 what is narrower, as losses of bfloat16 values would be too coarse."""
    return values.to(torch.promote_types(values.dtype, torch.float32))


class _MeanSquare(torch.autograd.Function):
    """Mean square of values, or of their difference to a target, which needs no gradient.

    In channels_last, PyTorch's own gradient of a mean takes two to five times as long.
    """

    @staticmethod
    def forward(ctx: Any, values: Tensor, target: Tensor | None) -> Tensor:
        difference = values if target is None else values - target
        ctx.save_for_backward(difference)
        ctx.dtype = values.dtype
        return difference.square().mean()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        (difference,) = ctx.saved_tensors
        return (difference * (grad * (2 / difference.numel()))).to(ctx.dtype), None


def mean_square(values: Tensor, target: Tensor | None = None) -> Tensor:
    """The mean square of `values`, or of their difference to `target`, of the same shape."""
    found: Tensor = _MeanSquare.apply(values, target)
    return found


class Guide:
    """How much every position of the feature maps belongs to a region (Gatys et al. 2017).

    Args:
        mask: (1, 1, H, W), values 0 to 1, in the size of the image.
    """

    def __init__(self, mask: Tensor) -> None:
        self._levels = [mask]
        self._shares = [mask.mean().item()]

    def at(self, level: int) -> Tensor:
        """The mask halved `level` times, with sizes rounded down as the poolings of VGG do."""
        while len(self._levels) <= level:
            self._levels.append(F.avg_pool2d(self._levels[-1], 2))
            self._shares.append(self._levels[-1].mean().item())
        return self._levels[level]

    def share(self, level: int) -> float:
        """The share of all positions that belongs to the region."""
        self.at(level)
        return self._shares[level]


def share_of(guide: Guide | None, level: int) -> float:
    """The share of a region as `Guide.share` has it; without a guide the region is everything."""
    return 1.0 if guide is None else guide.share(level)


class _Gram(torch.autograd.Function):
    """Gram matrix of feature maps (1, C, H, W), by one product forward and one backward.

    Autograd of `x @ x.T` takes two products backward; the symmetry of the matrix saves one.

    In channels_last, feature maps are a matrix (H * W, C) without a copy. On the CPU in float32
    both products are convolutions with 1 x 1 kernels (a Gram matrix is the gradient of such a
    kernel): oneDNN does them twice as fast as matrix products. In bfloat16 the matrix products are
    the faster ones. They add in float32, and round the sums to bfloat16.
    """

    @staticmethod
    def forward(ctx: Any, features: Tensor) -> Tensor:
        ctx.save_for_backward(features)
        channels = features.shape[1]
        if _by_convolutions(features):
            kernel = (channels, channels, 1, 1)
            gram: Tensor = conv2d_weight(features, kernel, features)
            return gram.view(channels, channels)
        rows = _rows(features)
        return wide(rows.T @ rows)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        (features,) = ctx.saved_tensors
        twice = (grad + grad.T).to(features.dtype)
        if _by_convolutions(features):
            return F.conv2d(features, twice[:, :, None, None])
        # Autograd adds the gradients of the layer in place, but not into a view of a product.
        product = torch.empty_like(features, memory_format=torch.channels_last)
        torch.mm(_rows(features), twice, out=_rows(product))
        return product


def _by_convolutions(features: Tensor) -> bool:
    return features.device.type == "cpu" and features.dtype != torch.bfloat16


def _rows(features: Tensor) -> Tensor:
    """Feature maps (1, C, H, W) as a matrix (H * W, C)."""
    return features.permute(0, 2, 3, 1).flatten(0, 2)


def gram_matrix(features: Tensor, guide: Tensor | None = None) -> Tensor:
    """Sum the products of all pairs of channels over the positions.

    Args:
        features: feature maps (1, C, H, W).
        guide: how much every position counts, (1, 1, H, W), values 0 to 1 (the spatial guidance
            of Gatys et al. 2017, section 4.1).

    Returns:
        The Gram matrix (C, C), float32 at least, not normalised.
    """
    weighted = features if guide is None else features * guide.sqrt().to(features.dtype)
    gram: Tensor = _Gram.apply(weighted)
    return gram


class ContentLoss(nn.Module):
    """Mean squared difference of feature maps (1, C, H, W) to `target`.

    With `style_variance`, the variance of the style image's feature maps, the term is balanced. It
    is divided by `style_variance`, the size of the differences that the style's contrast causes.
    And it is multiplied by the ratio of the photo's variance to the style's: a photo with rich
    shapes (a face) keeps them, a flat one (a sky) gives way to strokes.
    """

    target: Tensor

    def __init__(self, target: Tensor, style_variance: float | None = None) -> None:
        super().__init__()
        self.register_buffer("target", wide(target))
        self.scale = 1.0
        if style_variance is not None:
            own, other = (max(x, CONTENT_FLOOR) for x in (variance(target), style_variance))
            self.scale = min(max(own / other, 1 / RATIO_LIMIT), RATIO_LIMIT) / other

    def forward(self, features: Tensor) -> Tensor:
        return mean_square(features, self.target) * self.scale


def variance(features: Tensor) -> float:
    """The variance of all values of feature maps."""
    return wide(features).var(correction=0).item()


class StyleLoss(nn.Module):
    """Mean squared difference of a Gram matrix (C, C) to `target`.

    The balanced term is divided by the mean square of the target; its Gram matrices are divided by
    the number of positions.
    """

    target: Tensor

    def __init__(self, target: Tensor, balanced: bool = True) -> None:
        super().__init__()
        self.register_buffer("target", target)
        self.scale = 1.0
        if balanced:
            self.scale = 1 / max(target.square().mean().item(), STYLE_FLOOR)

    def forward(self, gram: Tensor) -> Tensor:
        return mean_square(gram, self.target) * self.scale


def total_variation(image: Tensor) -> Tensor:
    """Mean squared difference of neighbouring pixels of an image (1, 3, H, W).

    The form with exponent beta = 2 of Mahendran and Vedaldi 2015, section 3.
    """
    across = (image[..., :, 1:] - image[..., :, :-1]).square().mean()
    down = (image[..., 1:, :] - image[..., :-1, :]).square().mean()
    return across + down


def weave(image: Tensor) -> Tensor:
    """Measure the fine lines of an image (1, 3, H, W) that run exactly across or down.

    The style term alone fills flat areas with a weave of such lines, two to five pixels apart: the
    filters of the first layer have the axes of the pixels, and respond to these lines more than to
    strokes in other directions. No painter makes such a weave. Total variation would remove the
    strokes, too, and diagonal ones first.

    The measure is the mean square of second differences along one axis, after a mean over
    `WEAVE_LENGTH` pixels along the other. Convolutions with one kernel for all colours take both
    in one pass, three times as fast as pooling and differences of slices.
    """
    kernel = _lines(image.dtype, str(image.device))
    across, down = (F.conv2d(image, x.expand(3, 1, *x.shape), groups=3) for x in (kernel, kernel.T))
    return mean_square(across) + mean_square(down)


@lru_cache(maxsize=4)
def _lines(dtype: torch.dtype, device: str) -> Tensor:
    """The kernel of `weave`: a mean down, second differences across."""
    with torch.inference_mode(False):  # a gradient will meet it
        mean = torch.full((WEAVE_LENGTH, 1), 1 / WEAVE_LENGTH, dtype=dtype)
        return (mean @ torch.tensor([[1.0, -2.0, 1.0]], dtype=dtype)).to(device)


def range_excess(image: Tensor) -> Tensor:
    """Mean square of the excess of an image's values (1, 3, H, W) over the range 0.02 to 0.98.

    Other terms push some pixels beyond 0 or 1. With this term they come to rest inside, without it
    they end as burnt patches of pure black and white.
    """
    return mean_square(F.softshrink(image - 0.5, 0.5 - RANGE_MARGIN))


class TotalVariationLoss(nn.Module):
    """Total variation of an image; the balanced term is divided by that of the style image."""

    def __init__(self, style_variation: float | None = None) -> None:
        super().__init__()
        self.scale = 1.0
        if style_variation is not None:
            self.scale = 1 / max(style_variation, TV_FLOOR)

    def forward(self, image: Tensor) -> Tensor:
        return total_variation(image) * self.scale
