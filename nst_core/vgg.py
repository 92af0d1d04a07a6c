"""VGG as a feature extractor (Simonyan and Zisserman 2014)."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from .errors import WeightsError
from .settings import NETWORKS, layer_names
from .weights import load_weights

# Statistics of ImageNet, by which the input is normalised (torchvision's convention).
MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)


class _Convolution(torch.autograd.Function):
    """3 x 3 convolution of feature maps with repeated borders, (N, C, H, W)
    to (N, C', H, W), and a ReLU behind it if `rectify`.

    One function in place of three, because at the size of these feature maps every pass over
    memory costs: the ReLU works in place both ways, and the gradient of the border is folded back
    in place too. Weights get no gradient.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, rectify: bool) -> Tensor:
        # The network was trained with zeros around every feature map; repeated borders leave no
        # stripes along the edges of the picture.
        padded = F.pad(x, (1, 1, 1, 1), mode="replicate")
        y = F.conv2d(padded, weight, bias)
        if rectify:
            y.relu_()
        ctx.rectify = rectify
        ctx.save_for_backward(weight, y)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None, None]:
        weight, y = ctx.saved_tensors
        if ctx.rectify:
            own = grad.is_contiguous(memory_format=torch.channels_last)  # not a view of another's
            grad = torch.ops.aten.threshold_backward.grad_input(
                grad, y, 0, grad_input=grad if own else torch.empty_like(y)
            )
        grad = F.conv_transpose2d(grad, weight)
        grad[..., 1, :] += grad[..., 0, :]
        grad[..., -2, :] += grad[..., -1, :]
        grad[..., 1] += grad[..., 0]
        grad[..., -2] += grad[..., -1]
        return grad[..., 1:-1, 1:-1], None, None, None


class VGGFeatures(nn.Module):
    """Feature maps of the layers asked for; the network behind the deepest of them is cut off.

    The weights are frozen: autograd forms gradients of the image alone.

    Args:
        network: "vgg16" or "vgg19".
        layers: names such as "conv4_1" (before the ReLU) or "relu4_1" (behind it).
        pooling: "max", or "avg" as Gatys et al. 2016 (section 2) prefer.

    Raises:
        WeightsError: the weights are not there, or do not fit the network.
    """

    def __init__(self, network: str, layers: Iterable[str], pooling: str = "max") -> None:
        super().__init__()
        self.layers = frozenset(layers)
        self.pooling = pooling
        names = layer_names(network)
        deepest = max(names.index(layer) for layer in self.layers)
        self.convs = nn.ModuleDict()
        weights = load_weights(network)
        index, channels = 0, 3
        for block, depth in enumerate(NETWORKS[network], start=1):
            for number in range(1, depth + 1):
                name = f"conv{block}_{number}"
                if name not in names or names.index(name) > deepest:
                    break
                width = 64 * 2 ** min(block - 1, 3)
                conv = nn.Conv2d(channels, width, kernel_size=3)
                try:
                    conv.load_state_dict(
                        {key: weights[f"features.{index}.{key}"] for key in ("weight", "bias")}
                    )
                except (KeyError, RuntimeError) as error:
                    raise WeightsError(
                        f"The weights of {network} do not fit at {name}: put the file of "
                        "torchvision in its place."
                    ) from error
                self.convs[name] = conv
                channels = width
                index += 2  # a convolution and its ReLU
            index += 1  # the pooling
        self.register_buffer("mean", torch.tensor(MEAN).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(STD).view(1, 3, 1, 1))
        self.requires_grad_(False)
        self.eval()

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        """Map an image (N, 3, H, W), values 0 to 1, to feature maps (N, C, H', W') by name."""
        features: dict[str, Tensor] = {}
        x = (image - self.mean) / self.std
        for name, conv in self.convs.items():
            if name.endswith("_1") and name != "conv1_1":
                x = F.max_pool2d(x, 2) if self.pooling == "max" else F.avg_pool2d(x, 2)
            relu = name.replace("conv", "relu")
            before_relu = name in self.layers
            x = _Convolution.apply(x, conv.weight, conv.bias, not before_relu)
            if before_relu:
                features[name] = x
                x = x.relu()
            if relu in self.layers:
                features[relu] = x
        return features


@lru_cache(maxsize=4)
def load_vgg(network: str, layers: tuple[str, ...], pooling: str, device: str) -> VGGFeatures:
    """A `VGGFeatures` on `device`, kept for the next run: it has no state but its weights."""
    vgg = VGGFeatures(network, layers, pooling)
    return vgg.to(device=device, memory_format=torch.channels_last)
