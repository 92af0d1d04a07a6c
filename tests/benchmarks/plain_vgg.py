"""VGG-16 as tutorials write it, with max pooling and plain autograd.

The baselines and the metrics use it, so that they do not depend on `nst_core.vgg`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

sys.path.insert(0, str(Path(__file__).parents[2]))

from nst_core.layers import convolutions
from nst_core.vgg import MEAN, STD
from nst_core.weights import load_weights


class PlainVGG:
    """Gives the feature maps of `layers` for an image (N, 3, H, W) of values 0 to 1.

    The network ends behind the deepest of `layers`.

    Args:
        border: the padding of every feature map: "constant" (zeros) or "replicate".
        image_border: the padding of the image; as `border`, if left out.
    """

    def __init__(
        self,
        layers: Iterable[str],
        border: str = "constant",
        image_border: str | None = None,
    ) -> None:
        self.layers = set(layers)
        self.border, self.image_border = border, image_border or border
        self.places = convolutions("vgg16")
        tensors = load_weights("vgg16")
        self.weights = [
            (
                tensors[place.weight_key].contiguous(memory_format=torch.channels_last),
                tensors[place.bias_key],
            )
            for place in self.places
        ]

    def __call__(self, image: Tensor) -> dict[str, Tensor]:
        mean, std = (torch.tensor(x).view(1, 3, 1, 1) for x in (MEAN, STD))
        x = (image - mean) / std
        found: dict[str, Tensor] = {}
        block = 1
        for place, (weight, bias) in zip(self.places, self.weights, strict=True):
            if place.block > block:
                x, block = F.max_pool2d(x, 2), place.block
            border = self.image_border if place is self.places[0] else self.border
            if border == "constant":
                x = F.conv2d(x, weight, bias, padding=1)
            else:
                x = F.conv2d(F.pad(x, (1, 1, 1, 1), mode=border), weight, bias)
            if place.conv in self.layers:
                found[place.conv] = x
            x = x.relu()
            if place.relu in self.layers:
                found[place.relu] = x
            if found.keys() == self.layers:
                break
        return found
