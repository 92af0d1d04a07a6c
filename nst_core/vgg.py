"""VGG as a feature extractor (Simonyan and Zisserman 2014)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from itertools import pairwise
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from .errors import WeightsError
from .layers import NETWORKS, layer_names
from .weights import load_weights

# Statistics of ImageNet, by which the input is normalised (torchvision's convention).
MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)

# The first blocks, whose feature maps are near the size of the image, are the head of the network.
HEAD_BLOCKS = 2


# What is called now and then during a step, and may end it by an exception.
Check = Callable[[], None]


class _Convolution(torch.autograd.Function):
    """3 x 3 convolution of feature maps (N, C, H, W) to (N, C', H, W), of the same size.

    Around the map its border is repeated: the zeros that the network was trained with show as
    stripes along the edges of the image. A ReLU may follow (`rectify`). One function in place of
    three, because at the size of these maps every pass over memory costs: the ReLU works in place
    both ways, and so is the gradient of the repeated border folded back. Weights get no gradient.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, rectify: bool) -> Tensor:
        y = F.conv2d(F.pad(x, (1, 1, 1, 1), mode="replicate"), weight, bias)
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
                conv = nn.utils.skip_init(nn.Conv2d, channels, width, kernel_size=3)
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
        names = [*self.convs]
        self.pooled = {name for name, after in pairwise(names) if after.endswith("_1")}
        self.head_convs = [name for name in names if int(name[4]) <= HEAD_BLOCKS]
        self.tail_convs = names[len(self.head_convs) :]

    @property
    def head_layers(self) -> frozenset[str]:
        """Those of `layers` that belong to `head`."""
        return frozenset(layer for layer in self.layers if f"conv{layer[4:]}" in self.head_convs)

    @property
    def dtype(self) -> torch.dtype:
        """What the network computes in; features are always given in float32."""
        return next(self.convs.parameters()).dtype

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        """Map an image (N, 3, H, W), values 0 to 1, to feature maps (N, C, H', W') by name."""
        features, x = self.head(image)
        return {**features, **self.tail(x)}

    def head(self, image: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        """The layers of the first blocks, by name, and what the next block starts from."""
        x = (image - self.mean) / self.std
        return self._run(x.to(self.dtype), self.head_convs)

    def tail(self, x: Tensor, check: Check = lambda: None) -> dict[str, Tensor]:
        """The layers behind `head`, by name; `check` is called at each of them, both ways."""
        return self._run(x, self.tail_convs, check)[0]

    def _run(
        self, x: Tensor, names: list[str], check: Check = lambda: None
    ) -> tuple[dict[str, Tensor], Tensor]:
        features: dict[str, Tensor] = {}
        for name in names:
            check()
            if x.requires_grad:
                x.register_hook(lambda _: check())
            conv, relu = self.convs[name], name.replace("conv", "relu")
            pool = name in self.pooled
            # The maximum of rectified values is the rectified maximum, of a quarter the size.
            late = pool and self.pooling == "max" and relu not in self.layers
            tapped = name in self.layers
            rectify = not (tapped or late)
            x = _Convolution.apply(x, conv.weight, conv.bias, rectify)
            if tapped:
                features[name] = _wide(x)
                x = x if late else x.relu()
            if relu in self.layers:
                features[relu] = _wide(x)
            if pool:
                x = F.max_pool2d(x, 2) if self.pooling == "max" else F.avg_pool2d(x, 2)
            if late:
                x = x.relu_()
        return features, x


def _wide(x: Tensor) -> Tensor:
    """In float32 at least."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


@lru_cache(maxsize=4)
def load_vgg(
    network: str, layers: tuple[str, ...], pooling: str, precision: str, device: str
) -> VGGFeatures:
    """A `VGGFeatures` on `device`, kept for the next run: it has no state but its weights."""
    vgg = VGGFeatures(network, layers, pooling).to(device, memory_format=torch.channels_last)
    vgg.convs.to(getattr(torch, precision))
    return vgg
