"""VGG-16 as any tutorial writes it: for baselines and metrics that owe nothing to `nst_core.vgg`.

Max pooling, autograd without any help.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

sys.path.insert(0, str(Path(__file__).parents[2]))

from nst_core.layers import layer_names
from nst_core.vgg import MEAN, STD
from nst_core.weights import load_weights


class PlainVGG:
    """Feature maps of `layers` of an image (N, 3, H, W), values 0 to 1, cut behind the deepest.

    Args:
        border: what is put around every feature map: "constant" (zeros) or "replicate".
        image_border: the same for the image.
    """

    def __init__(
        self,
        layers: Iterable[str],
        border: str = "constant",
        image_border: str | None = None,
    ) -> None:
        self.layers = set(layers)
        self.border, self.image_border = border, image_border or border
        self.names = [name for name in layer_names("vgg16") if name.startswith("conv")]
        tensors = list(load_weights("vgg16").items())
        # Sorted by the number in "features.24.bias"; the bias stands before the weight.
        tensors.sort(key=lambda item: (int(item[0].split(".")[1]), item[0]))
        values = [
            value.contiguous(memory_format=torch.channels_last) if value.ndim == 4 else value
            for _, value in tensors
        ]
        self.weights = list(zip(values[1::2], values[::2], strict=True))

    def __call__(self, image: Tensor) -> dict[str, Tensor]:
        mean, std = (torch.tensor(x).view(1, 3, 1, 1) for x in (MEAN, STD))
        x = (image - mean) / std
        found: dict[str, Tensor] = {}
        for name, (weight, bias) in zip(self.names, self.weights, strict=False):
            if name.endswith("_1") and name != "conv1_1":
                x = F.max_pool2d(x, 2)
            border = self.image_border if name == "conv1_1" else self.border
            if border == "constant":
                x = F.conv2d(x, weight, bias, padding=1)
            else:
                x = F.conv2d(F.pad(x, (1, 1, 1, 1), mode=border), weight, bias)
            relu = name.replace("conv", "relu")
            if name in self.layers:
                found[name] = x
            x = x.relu()
            if relu in self.layers:
                found[relu] = x
            if found.keys() == self.layers:
                break
        return found
