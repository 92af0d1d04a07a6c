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

# The network was trained with zeros around every feature map. In the blocks whose maps are near
# the size of the image, these zeros show as stripes along its edges: there the border is repeated.
REPEATED_BLOCKS = 2


class _Convolution(torch.autograd.Function):
    """3 x 3 convolution of feature maps (N, C, H, W) to (N, C', H, W), of the same size.

    Around the map its border is repeated (`repeat`) or zeros are added; a ReLU may follow
    (`rectify`). One function in place of three, because at the size of these maps every pass
    over memory costs: the ReLU works in place both ways, and the gradient of the repeated border
    is folded back in place too. Weights get no gradient.
    """

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, repeat: bool, rectify: bool
    ) -> Tensor:
        if repeat:
            y = F.conv2d(F.pad(x, (1, 1, 1, 1), mode="replicate"), weight, bias)
        else:
            y = F.conv2d(x, weight, bias, padding=1)
        if rectify:
            y.relu_()
        ctx.repeat, ctx.rectify = repeat, rectify
        ctx.save_for_backward(weight, y)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None, None, None]:
        weight, y = ctx.saved_tensors
        if ctx.rectify:
            own = grad.is_contiguous(memory_format=torch.channels_last)  # not a view of another's
            grad = torch.ops.aten.threshold_backward.grad_input(
                grad, y, 0, grad_input=grad if own else torch.empty_like(y)
            )
        if ctx.repeat:
            grad = F.conv_transpose2d(grad, weight)
            grad[..., 1, :] += grad[..., 0, :]
            grad[..., -2, :] += grad[..., -1, :]
            grad[..., 1] += grad[..., 0]
            grad[..., -2] += grad[..., -1]
            grad = grad[..., 1:-1, 1:-1]
        else:
            grad = F.conv_transpose2d(grad, weight, padding=1)
        return grad, None, None, None, None


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
        following = [*[*self.convs][1:], ""]
        for (name, conv), after in zip(self.convs.items(), following, strict=True):
            relu = name.replace("conv", "relu")
            repeat = int(name[4]) <= REPEATED_BLOCKS
            pool = after.endswith("_1")
            # The maximum of rectified values is the rectified maximum, of a quarter the size.
            late = pool and self.pooling == "max" and relu not in self.layers
            tapped = name in self.layers
            rectify = not (tapped or late)
            x = _Convolution.apply(x, conv.weight, conv.bias, repeat, rectify)
            if tapped:
                features[name] = x
                x = x if late else x.relu()
            if relu in self.layers:
                features[relu] = x
            if pool:
                x = F.max_pool2d(x, 2) if self.pooling == "max" else F.avg_pool2d(x, 2)
            if late:
                x = x.relu_()
        return features


@lru_cache(maxsize=4)
def load_vgg(network: str, layers: tuple[str, ...], pooling: str, device: str) -> VGGFeatures:
    """A `VGGFeatures` on `device`, kept for the next run: it has no state but its weights."""
    vgg = VGGFeatures(network, layers, pooling)
    return vgg.to(device=device, memory_format=torch.channels_last)
