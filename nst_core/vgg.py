"""VGG as a feature extractor (Simonyan and Zisserman 2014)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from .layers import Convolution, block_of, convolutions, layer_names
from .weights import load_weights

# Mean and standard deviation of ImageNet's colours, by which torchvision normalises the input.
MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)

# The head of the network are the first blocks: their feature maps are the large ones.
HEAD_BLOCKS = 2

# A function that is called several times during a step, and ends the step by an exception.
Check = Callable[[], None]


class _Convolution(torch.autograd.Function):
    """3 x 3 convolution of feature maps (N, C, H, W) to (N, C', H, W), with a ReLU if `rectify`.

    The border of the map is repeated around it. The zeros that the network was trained with would
    show as stripes along the edges of the image.

    Padding, convolution and ReLU are one function, because each pass over maps of this size takes
    time: the ReLU works in place in both directions, and so does the gradient of the padding. No
    gradient of the weights is formed.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, rectify: bool) -> Tensor:
        y = F.conv2d(F.pad(x, (1, 1, 1, 1), mode="replicate"), weight, bias)
        if rectify:
            y.relu_()
        ctx.rectify = rectify
        ctx.save_for_backward(weight, y if rectify else None)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None, None]:
        weight, y = ctx.saved_tensors
        if ctx.rectify:
            # A gradient that is expanded from a smaller tensor can't be written to.
            own = grad.is_contiguous(memory_format=torch.channels_last)
            grad = torch.ops.aten.threshold_backward.grad_input(
                grad, y, 0, grad_input=grad if own else torch.empty_like(y)
            )
        grad = F.conv_transpose2d(grad, weight)
        grad[..., 1, :].add_(grad[..., 0, :])
        grad[..., -2, :].add_(grad[..., -1, :])
        grad[..., 1].add_(grad[..., 0])
        grad[..., -2].add_(grad[..., -1])
        return grad[..., 1:-1, 1:-1], None, None, None


class _MaxPool(torch.autograd.Function):
    """2 x 2 max pooling of feature maps (N, C, H, W).

    On processors, PyTorch's gradient of max pooling uses one thread for each image, and keeps the
    large map. This one keeps the places of the maxima, and uses all threads.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        y, places = F.max_pool2d(x, 2, return_indices=True)
        ctx.size = x.shape[-2:]
        ctx.save_for_backward(places)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        (places,) = ctx.saved_tensors
        return F.max_unpool2d(grad, places, [2, 2], output_size=ctx.size)


def _max_pool(x: Tensor) -> Tensor:
    # Where a program asks for deterministic algorithms, PyTorch refuses `max_unpool2d`: its places
    # may occur twice. Those of a pooling without overlap do not.
    if x.device.type != "cpu" or torch.are_deterministic_algorithms_enabled():
        return F.max_pool2d(x, 2)
    y: Tensor = _MaxPool.apply(x)
    return y


class VGGFeatures(nn.Module):
    """Feature maps of the layers asked for. The network ends at the deepest of them.

    The weights are frozen: autograd forms the gradient of the image alone.

    Args:
        network: "vgg16" or "vgg19".
        layers: names such as "conv4_1" (before the ReLU) or "relu4_1" (behind it).
        pooling: "max", or "avg" as Gatys et al. 2016 (section 2) prefer.

    Raises:
        WeightsError: the weights are missing, or do not fit the network.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, network: str, layers: Iterable[str], pooling: str = "max") -> None:
        super().__init__()
        self.layers = frozenset(layers)
        self.pooling = pooling
        names = layer_names(network)
        deepest = names[max(names.index(layer) for layer in self.layers)]
        self.convs = nn.ModuleDict()
        used: list[Convolution] = []
        weights = load_weights(network)
        for place in convolutions(network):
            # Without values, which would be drawn at random and then replaced.
            conv = nn.Conv2d(place.channels_in, place.channels, kernel_size=3, device="meta")
            conv.load_state_dict(
                {"weight": weights[place.weight_key], "bias": weights[place.bias_key]}, assign=True
            )
            self.convs[place.conv] = conv
            used.append(place)
            if deepest in (place.conv, place.relu):
                break
        self.head_convs = [place for place in used if place.block <= HEAD_BLOCKS]
        self.tail_convs = [place for place in used if place.block > HEAD_BLOCKS]
        self.pooled = {place for place, after in pairwise(used) if place.block < after.block}
        self.register_buffer("mean", torch.tensor(MEAN).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(STD).view(1, 3, 1, 1))
        self.requires_grad_(False)
        self.eval()

    @property
    def head_layers(self) -> frozenset[str]:
        """Those of `layers` that belong to `head`."""
        return frozenset(layer for layer in self.layers if block_of(layer) <= HEAD_BLOCKS)

    @property
    def dtype(self) -> torch.dtype:
        """The type that the convolutions compute in, and that features have."""
        return next(self.convs.parameters()).dtype

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        """Map an image (N, 3, H, W), values 0 to 1, to feature maps (N, C, H', W') by name."""
        features, x = self.head(image)
        return {**features, **self.tail(x)}

    def head(self, image: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        """The layers of the first blocks, by name, and the input of the block after them."""
        x = (image - self.mean) / self.std
        return self._run(x.to(self.dtype), self.head_convs)

    def tail(self, x: Tensor, check: Check = lambda: None) -> dict[str, Tensor]:
        """The layers behind `head`, by name.

        `check` is called at each convolution, in the forward and in the backward pass.
        """
        return self._run(x, self.tail_convs, check)[0]

    def _run(
        self, x: Tensor, places: Sequence[Convolution], check: Check = lambda: None
    ) -> tuple[dict[str, Tensor], Tensor]:
        features: dict[str, Tensor] = {}
        for place in places:
            check()
            if x.requires_grad:
                x.register_hook(lambda _: check())
            pool = place in self.pooled
            # The ReLU gives the same behind max pooling, where there are a quarter of the values.
            late = pool and self.pooling == "max" and place.relu not in self.layers
            tapped = place.conv in self.layers
            conv = self.convs[place.conv]
            x = _Convolution.apply(x, conv.weight, conv.bias, not (tapped or late))
            if tapped:
                features[place.conv] = x
                x = x if late else x.relu()
            if place.relu in self.layers:
                features[place.relu] = x
            if pool:
                x = _max_pool(x) if self.pooling == "max" else F.avg_pool2d(x, 2)
            if late:
                x = x.relu_()
        return features, x


@lru_cache(maxsize=4)
def load_vgg(
    network: str, layers: tuple[str, ...], pooling: str, precision: str, device: str
) -> VGGFeatures:
    """A `VGGFeatures` on `device`. The next run may use it too: its only state are the weights."""
    vgg = VGGFeatures(network, layers, pooling).to(device).to(memory_format=torch.channels_last)
    vgg.convs.to(getattr(torch, precision))
    return vgg
