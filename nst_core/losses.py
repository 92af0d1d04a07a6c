"""The terms of the loss (Gatys, Ecker, Bethge 2016, section 2), each with its target.

Every module maps the present state (feature maps, or the image itself) to a scalar: a sum of
squared differences to its target times a factor that is fixed when the target is made. With
`balanced=True` that factor divides by the size of the target itself, so that a weight of 1.0
means the same for every image, size, layer and network; with `balanced=False` the terms are
those of the textbook.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.grad import conv2d_weight

# Flat images have targets of size zero. These floors, far below the sizes that photos and
# paintings have (about 0.1 to 10), keep the division harmless.
CONTENT_FLOOR = 1e-2
STYLE_FLOOR = 1e-4
TV_FLOOR = 1e-4
WEAVE_FLOOR = 1e-5
# Length of the lines that the weave term looks for, in pixels.
WEAVE_LENGTH = 6
# How near to black and white the range term begins.
RANGE_MARGIN = 0.02
# The contrast of a photo against that of the painting counts up to this factor.
RATIO_LIMIT = 8.0


class Guide:
    """How much every position of the feature maps counts for a region (Gatys et al. 2017).

    Args:
        mask: (1, 1, H, W), values 0 to 1, in the size of the image.
    """

    def __init__(self, mask: Tensor) -> None:
        self._levels = [mask]
        self._shares = [mask.mean().item()]

    def at(self, level: int) -> Tensor:
        """The mask in the size of the image halved `level` times, rounded down as poolings do."""
        while len(self._levels) <= level:
            self._levels.append(F.avg_pool2d(self._levels[-1], 2))
            self._shares.append(self._levels[-1].mean().item())
        return self._levels[level]

    def share(self, level: int) -> float:
        """Part of all positions that belong to the region."""
        self.at(level)
        return self._shares[level]


def share_of(guide: Guide | None, level: int) -> float:
    """The share of a region as `Guide.share` has it; without a guide the region is everything."""
    return 1.0 if guide is None else guide.share(level)


class _Gram(torch.autograd.Function):
    """Gram matrix of feature maps (1, C, H, W), by one product each way.

    A Gram matrix is symmetric, so that one product serves for the gradient, where autograd of
    `x @ x.T` takes two. On the CPU both products are written as convolutions with 1 x 1 kernels
    (the matrix is what the gradient of such a kernel is): oneDNN does them at twice the speed of
    the matrix product, in the memory layout that the network works in.
    """

    @staticmethod
    def forward(ctx: Any, features: Tensor) -> Tensor:
        ctx.save_for_backward(features)
        channels = features.shape[1]
        if features.device.type == "cpu":
            kernel = (channels, channels, 1, 1)
            return conv2d_weight(features, kernel, features).view(channels, channels)
        flat = features.flatten(2)[0]
        return flat @ flat.T

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        (features,) = ctx.saved_tensors
        return F.conv2d(features, (grad + grad.T)[:, :, None, None])


def gram_matrix(features: Tensor, guide: Tensor | None = None) -> Tensor:
    """Gram matrix (C, C) of feature maps (1, C, H, W), not normalised: sums over positions.

    Args:
        guide: how much every position counts, (1, 1, H, W), values 0 to 1 (the spatial guidance
            of Gatys et al. 2017, section 4.1).
    """
    return _Gram.apply(features if guide is None else features * guide.sqrt())


class ContentLoss(nn.Module):
    """Mean squared difference of feature maps (1, C, H, W) to `target`.

    Balanced, if the variance of the style image's feature maps is given: times the variance of
    `target` over the square of that one. What a style image has of contrast must be put
    into the photo: the scale of the differences is its variance. And a photo that is rich against
    the painting (a face) holds on to its shapes, while a flat one (a sky) gives way to strokes.
    """

    def __init__(self, target: Tensor, style_variance: float | None = None) -> None:
        super().__init__()
        self.register_buffer("target", target)
        self.scale = 1.0
        if style_variance is not None:
            own, other = (max(x, CONTENT_FLOOR) for x in (variance(target), style_variance))
            self.scale = min(max(own / other, 1 / RATIO_LIMIT), RATIO_LIMIT) / other

    def forward(self, features: Tensor) -> Tensor:
        return F.mse_loss(features, self.target) * self.scale


def variance(features: Tensor) -> float:
    """Variance of all values of feature maps."""
    return features.var(correction=0).item()


class StyleLoss(nn.Module):
    """Mean squared difference of Gram matrices (C, C); balanced: over the target's mean square.

    Balanced ones are Gram matrices over the number of positions.
    """

    def __init__(self, target: Tensor, balanced: bool = True) -> None:
        super().__init__()
        self.register_buffer("target", target)
        self.scale = 1.0
        if balanced:
            self.scale = 1 / max(target.square().mean().item(), STYLE_FLOOR)

    def forward(self, gram: Tensor) -> Tensor:
        return F.mse_loss(gram, self.target) * self.scale


def total_variation(image: Tensor) -> Tensor:
    """Mean squared difference of neighbouring pixels of an image (1, 3, H, W).

    The form with exponent beta = 2 of Mahendran and Vedaldi 2015, section 3.
    """
    across = (image[..., :, 1:] - image[..., :, :-1]).square().mean()
    down = (image[..., 1:, :] - image[..., :-1, :]).square().mean()
    return across + down


def weave(image: Tensor) -> Tensor:
    """How much an image (1, 3, H, W) has of fine lines that run exactly across or down.

    The mean square of second differences, of means along the other axis. The loss of the features
    likes such lines with a period of two to five pixels, which no painter makes and which show as a
    weave in flat areas: they answer the filters of the first layer, whose axes are those of the
    pixels, better than strokes in other directions. Total variation would take the strokes out,
    too, and those in diagonal direction first.
    """
    down = F.avg_pool2d(image, (WEAVE_LENGTH, 1), stride=1)
    across = F.avg_pool2d(image, (1, WEAVE_LENGTH), stride=1)
    down = down[..., 2:] - 2 * down[..., 1:-1] + down[..., :-2]
    across = across[..., 2:, :] - 2 * across[..., 1:-1, :] + across[..., :-2, :]
    return down.square().mean() + across.square().mean()


def range_excess(image: Tensor) -> Tensor:
    """Mean square of what the values of an image (1, 3, H, W) have beyond 0.02 to 0.98.

    Pixels that the other terms would push out of 0 to 1 come to rest inside, and not in burnt
    patches at the limits.
    """
    return ((image - 0.5).abs() - (0.5 - RANGE_MARGIN)).clamp(min=0).square().mean()


class TotalVariationLoss(nn.Module):
    """Total variation of an image; balanced: over that of the style image."""

    def __init__(self, style_variation: float | None = None) -> None:
        super().__init__()
        self.scale = 1.0
        if style_variation is not None:
            self.scale = 1 / max(style_variation, TV_FLOOR)

    def forward(self, image: Tensor) -> Tensor:
        return total_variation(image) * self.scale
