"""The two optimisers: L-BFGS and Adam, one gradient a step, no wait for the device.

Both propose the next image from the present one and its gradient. The loop evaluates the proposal
and calls `accept` to go on from it, or `reject` where the proposal is worse: the loop then stays at
the present image, and the optimiser proposes a shorter step.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

from .pairs import Pairs, flat

# Gain of each level of the pyramid against the next finer one, and the number of levels.
PYRAMID_GAIN = 0.4
PYRAMID_LEVELS = 5


def precondition(grad: Tensor) -> Tensor:
    """Blur a gradient (N, C, H, W) so that large shapes move first; L-BFGS's first inverse Hessian.

    Pixels are poor variables: to change the colour of a region, thousands of them must move
    together. In a pyramid z_0 + U z_1 + U U z_2 + ..., where U enlarges bilinearly by two, one
    variable moves a region. The gradient by all z, put back into pixels, is the sum of
    U^k (U^T)^k g. Gains that fall by `PYRAMID_GAIN` a level give about the 1 / f spectrum of
    natural images. The map is symmetric and positive definite, as L-BFGS requires.
    """
    levels = [grad]
    while len(levels) <= PYRAMID_LEVELS and min(levels[-1].shape[2:]) >= 4:
        levels.append(PYRAMID_GAIN * shrink(levels[-1]))
    total = levels.pop()
    for level in reversed(levels):
        height, width = level.shape[2:]
        total = level + grow(total)[..., :height, :width]
    return total


def grow(x: Tensor) -> Tensor:
    """Enlarge (N, C, H, W) bilinearly to twice its height and width."""
    kernel = _bilinear(x.shape[1], x.dtype, str(x.device))
    x = F.pad(x, (1, 1, 1, 1), mode="replicate")
    return F.conv_transpose2d(x, kernel, stride=2, padding=3, groups=x.shape[1])


def shrink(x: Tensor) -> Tensor:
    """The transpose of `grow`: halve (N, C, H, W), of which odd sides are filled up with a zero.

    Both are convolutions, which oneDNN does five times as fast as PyTorch's interpolation. On a
    GPU the transpose of that adds in an order that changes from call to call, and no run would
    make the same picture twice.
    """
    kernel = _bilinear(x.shape[1], x.dtype, str(x.device))
    height, width = x.shape[2:]
    x = F.pad(x, (0, width % 2, 0, height % 2))
    x = F.pad(x, (1, 1, 1, 1), mode="replicate")
    return F.conv2d(x, kernel, stride=2, groups=x.shape[1])


@lru_cache(maxsize=4)
def _bilinear(channels: int, dtype: torch.dtype, device: str) -> Tensor:
    """The kernel of `grow` and `shrink` (C, 1, 4, 4): weights 1, 3, 3, 1 along both axes."""
    line = torch.tensor([0.25, 0.75, 0.75, 0.25], dtype=dtype)
    return torch.outer(line, line).expand(channels, 1, 4, 4).contiguous().to(device)


class LBFGS:
    """Limited-memory BFGS (Nocedal and Wright 2006, section 7.2); `Pairs` has its memory.

    The optimiser works on images (N, C, H, W). `enlarge` carries what it has learnt to a larger
    size of the same picture.

    Values stay within 0 to 1 by two-metric projection (Bertsekas 1982, section 2): a value at a
    limit that the gradient pushes outwards is left out before the step is computed. If such values
    were clamped afterwards, the other values would move as if these had followed; where there are
    many of them, no step, however short, would reduce the loss.

    There is no line search: the full quasi-Newton step is nearly always good here, and costs one
    evaluation. All scalars stay on the device as tensors. A pair of changes whose curvature is not
    positive gets the weight 0; a branch would have to wait for the device.

    Args:
        history: number of pairs of changes to remember.
        precondition: the inverse Hessian before anything is learnt.
        radius: mean change of a pixel in the first step. The loss is of fourth order in the image,
            so that a step too long does harm: the limit grows to twice the longest step that was
            accepted, and falls to a quarter of a step that was rejected.
    """

    # A step is accepted if it makes the loss at most this many times as large.
    tolerance = 1.0

    def __init__(
        self,
        history: int = 20,
        precondition: Callable[[Tensor], Tensor] = precondition,
        radius: float | Tensor = 0.01,
    ) -> None:
        self.precondition = precondition
        self.radius = radius
        self.length = torch.tensor(0.0)  # of the last proposal
        self.pairs = Pairs(history)
        self.scale: float | Tensor = 1.0
        # As long as the loss has nowhere curved upwards, each step is twice as long as the one
        # before: at the length of the first one, half of a run would be over before it gets going.
        self.gain: float | Tensor = 2.0

    def propose(self, image: Tensor, grad: Tensor) -> Tensor:
        """Return the next image to try, from `image` and the gradient of the loss there."""
        held = ((image <= 0) & (grad > 0)) | ((image >= 1) & (grad < 0))
        q = self.pairs.apply(grad.masked_fill(held, 0), self._first)
        q.masked_fill_(held, 0)
        length = q.abs().mean()
        self.length = length.clamp(max=self.radius)
        return image - q * (self.length / length.clamp(min=1e-30))

    def accept(self, moved: Tensor, change: Tensor) -> None:
        """Learn from the last proposal: the image has `moved`, and the gradient made a `change`."""
        self._remember(moved, change)
        self.radius = (2 * self.length).clamp(min=self.radius)

    def reject(self) -> None:
        """Make the next step shorter, as the last one was worse."""
        self.radius = self.length / 4

    def enlarge(self, image: Tensor, history: int) -> LBFGS:
        """Make an optimiser for `image`, the picture at a larger size, that knows the same pairs.

        The balanced loss is the same function of the picture at every size: changes of the image
        grow with it, and changes of the gradient are shared by more pixels. The new optimiser has
        no preconditioner, as large shapes have moved by now and fine ones are left.
        """
        if not self.pairs:
            return LBFGS(history)
        larger = LBFGS(history, _unchanged, self.radius)
        for moved, change in self.pairs.latest(history):
            moved, change = (
                F.interpolate(x, image.shape[2:], mode="bilinear", align_corners=False)
                for x in (moved, change * (moved.numel() / image.numel()))
            )
            larger._remember(moved, change)
        return larger

    def _first(self, grad: Tensor) -> Tensor:
        """Multiply a gradient by the inverse Hessian before anything is learnt."""
        step = self.precondition(grad)
        if not self.pairs:
            self.scale = self.radius / step.abs().mean().clamp(min=1e-30)
        return step * self.scale

    def _remember(self, moved: Tensor, change: Tensor) -> None:
        """Add a pair of changes, of the image and of the gradient."""
        curvature = torch.dot(flat(moved), flat(change))
        size = torch.dot(flat(change), flat(self.precondition(change)))
        usable = curvature > 1e-10 * size
        self.pairs.add(moved, change, torch.where(usable, 1 / curvature, 0))
        self.scale = torch.where(usable, curvature / size, self.gain * self.scale)
        self.gain = torch.where(usable, 1.0, self.gain)


def _unchanged(grad: Tensor) -> Tensor:
    return grad


class Adam:
    """Adam (Kingma and Ba 2015, algorithm 1) with the paper's betas."""

    # Adam finds its way back from steps that are a little worse, so that only blow-ups are undone.
    tolerance = 2.0

    def __init__(self, rate: float, beta1: float = 0.9, beta2: float = 0.999) -> None:
        self.rate, self.beta1, self.beta2 = rate, beta1, beta2
        self.steps = 0
        self.first = self.second = torch.tensor(0.0)

    def propose(self, image: Tensor, grad: Tensor) -> Tensor:
        """Return the next image to try, from `image` and the gradient of the loss there."""
        self.steps += 1
        if self.steps == 1:
            self.first, self.second = torch.zeros_like(grad), torch.zeros_like(grad)
        self.first = torch.lerp(grad, self.first, self.beta1)
        self.second = torch.lerp(grad * grad, self.second, self.beta2)
        first = self.first / (1 - self.beta1**self.steps)
        second = self.second / (1 - self.beta2**self.steps)
        return image - self.rate * first / (second.sqrt() + 1e-8)

    def accept(self, moved: Tensor, change: Tensor) -> None:
        """Do nothing: `propose` has learnt from the gradient already."""

    def reject(self) -> None:
        """Forget the moments and use a smaller rate, as the last step was worse."""
        self.steps = 0
        self.rate *= 0.25
