"""Matching the colours of one image to another.

Gatys et al. 2016, "Preserving Color in Neural Artistic Style Transfer".
"""

from __future__ import annotations

import torch
from torch import Tensor

# Colours with a deviation below 2.5 of 255 count as noise, which must not be stretched.
LEAST_VARIANCE = 1e-4


def match_colors(style: Tensor, content: Tensor, amount: float = 1.0) -> Tensor:
    """Give the style image the mean and covariance of the content image's colours (section 4).

    The map is linear: the inverse symmetric root of the style's covariance, then the symmetric root
    of the content's. Other maps to the same covariance turn colours further than needed.

    Args:
        style, content: (1, 3, H, W), values 0 to 1, of any two sizes.
        amount: 0 leaves the style image as it is, 1 matches its colours.
    """
    mean, covariance = _statistics(style)
    wanted_mean, wanted_covariance = _statistics(content)
    matrix = _power(wanted_covariance, 0.5) @ _power(covariance, -0.5)
    matrix = torch.lerp(torch.eye(3, dtype=torch.float64), matrix, amount)
    offset = torch.lerp(mean, wanted_mean, amount) - matrix @ mean
    matrix, offset = matrix.to(style), offset.to(style)
    matched = torch.einsum("ij,njhw->nihw", matrix, style) + offset.view(1, 3, 1, 1)
    return matched.clamp(0, 1).contiguous(memory_format=torch.channels_last)


def is_plain(image: Tensor) -> bool:
    """Whether an image (1, 3, H, W) has one colour, but for noise."""
    _, covariance = _statistics(image)
    return covariance.diagonal().max().item() < LEAST_VARIANCE


def _statistics(image: Tensor) -> tuple[Tensor, Tensor]:
    """Mean (3) and covariance (3, 3) of an image's colours, in float64 on the CPU."""
    colors = image[0].flatten(1)
    mean = colors.mean(dim=1, keepdim=True)
    covariance = (colors - mean) @ (colors - mean).T / colors.shape[1]
    return mean[:, 0].cpu().double(), covariance.cpu().double()


def _power(covariance: Tensor, exponent: float) -> Tensor:
    """Raise a symmetric matrix to a power, by its eigenvalues."""
    values, vectors = torch.linalg.eigh(covariance)
    floor = LEAST_VARIANCE if exponent < 0 else 0.0
    power: Tensor = vectors * values.clamp(min=floor) ** exponent @ vectors.T
    return power
