"""The two optimisers of the image: one gradient a step, nothing read back from the device.

Both propose the next image from the present one and its gradient. The loop evaluates the
proposal, lets the optimiser learn from it, and goes on from there or, where it turns out to be
worse, from the old image with a shorter step.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

# Gain of every level of the pyramid against the finer one, and the number of levels.
PYRAMID_GAIN = 0.4
PYRAMID_LEVELS = 5


def precondition(grad: Tensor) -> Tensor:
    """A symmetric positive definite blur of a gradient (N, C, H, W) that favours large shapes.

    Pixels are a poor choice of variables: to change the colour of a region, thousands of them
    must move together. Were the image the sum of a pyramid, z_0 + U z_1 + U U z_2 + ..., with U
    for bilinear enlargement by two, one variable would do; the gradient by all z, put back into
    pixels, is the sum of U^k (U^T)^k g. With gains that fall by `PYRAMID_GAIN` a level it stands
    for the inverse Hessian in L-BFGS, for about the power 1 / f of natural images.
    """
    levels = [grad]
    while len(levels) <= PYRAMID_LEVELS and min(levels[-1].shape[2:]) >= 4:
        shape = levels[-1].shape
        smaller = [*shape[:2], *((side + 1) // 2 for side in shape[2:])]
        levels.append(
            torch.ops.aten.upsample_bilinear2d_backward(
                levels[-1] * PYRAMID_GAIN, shape[2:], smaller, False, None, None
            )
        )
    total = levels.pop()
    for level in reversed(levels):
        total = level + F.interpolate(total, level.shape[2:], mode="bilinear", align_corners=False)
    return total


class LBFGS:
    """Limited-memory BFGS by the two-loop recursion (Nocedal and Wright 2006, algorithm 7.4).

    It works on images (N, C, H, W), and starts from `precondition` for the inverse Hessian. For
    the same picture at a larger size it goes on from what it has learnt (`enlarge`).

    Values stay within 0 to 1 by two-metric projection (Bertsekas 1982, section 2): those at a
    limit that the gradient would push beyond it are left out before the step is computed. Were
    they only clamped afterwards, the others would move as if they had followed, and where there
    are many no step, however short, would make the loss smaller.

    There is no line search: the full quasi-Newton step is nearly always a good one here, and
    costs one evaluation. Scalars stay on the device as tensors; a pair of changes whose
    curvature is not positive gets the weight 0 in place of a branch, which would have to wait
    for the device.

    Args:
        history: pairs of changes to remember.
        precondition: for the inverse Hessian before anything is learnt.
        radius: mean change of a pixel in the first step. The loss is of fourth order in the image,
            so that a step too long is worse than none: no step is longer than twice the longest
            that was good, or than a quarter of one that was not.
    """

    # A step may make the loss larger by this factor.
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
        self.pairs: deque[tuple[Tensor, Tensor, Tensor]] = deque(maxlen=history)
        self.scale: float | Tensor = 1.0

    def propose(self, image: Tensor, grad: Tensor) -> Tensor:
        """The next image to try, from `image` and the gradient of the loss there."""
        held = ((image <= 0) & (grad > 0)) | ((image >= 1) & (grad < 0))
        q = grad.masked_fill(held, 0)
        alphas = []
        for s, y, rho in reversed(self.pairs):
            alpha = rho * _dot(s, q)
            alphas.append(alpha)
            q.addcmul_(y, alpha, value=-1)
        q = self.precondition(q)
        if not self.pairs:
            self.scale = self.radius / q.abs().mean().clamp(min=1e-30)
        q *= self.scale
        for (s, y, rho), alpha in zip(self.pairs, reversed(alphas), strict=True):
            q.addcmul_(s, alpha - rho * _dot(y, q))
        q.masked_fill_(held, 0)
        length = q.abs().mean()
        self.length = length.clamp(max=self.radius)
        return image - q * (self.length / length.clamp(min=1e-30))

    def accept(self, moved: Tensor, change: Tensor) -> None:
        """The last proposal was taken: the image has `moved`, and the gradient made a `change`."""
        self._remember(moved, change)
        self.radius = (2 * self.length).clamp(min=self.radius)

    def reject(self) -> None:
        """The last proposal was not taken: try a shorter step."""
        self.radius = self.length / 4

    def enlarge(self, image: Tensor, history: int) -> LBFGS:
        """An optimiser for `image`, the picture at a larger size, that knows what this one does.

        If the loss is the same function of the picture at every size, changes of the image are
        enlarged with it, and those of the gradient are shared by more pixels. Large shapes have
        moved by now, and what is left to be done is fine: there is no preconditioner.
        """
        if not self.pairs:
            return LBFGS(history)
        larger = LBFGS(history, _unchanged, self.radius)
        for moved, change, _ in list(self.pairs)[-history:]:
            moved, change = (
                F.interpolate(x, image.shape[2:], mode="bilinear", align_corners=False)
                for x in (moved, change * (moved.numel() / image.numel()))
            )
            larger._remember(moved, change)
        return larger

    def _remember(self, moved: Tensor, change: Tensor) -> None:
        """A pair of changes, of the image and of the gradient."""
        curvature, size = _dot(moved, change), _dot(change, self.precondition(change))
        usable = curvature > 1e-10 * size
        self.pairs.append((moved, change, torch.where(usable, 1 / curvature, 0)))
        self.scale = torch.where(usable, curvature / size, self.scale)


def _unchanged(grad: Tensor) -> Tensor:
    return grad


def _dot(a: Tensor, b: Tensor) -> Tensor:
    """Inner product of two images (N, C, H, W); of channels_last ones the flat views are free."""
    return torch.dot(a.permute(0, 2, 3, 1).flatten(), b.permute(0, 2, 3, 1).flatten())


class Adam:
    """Adam (Kingma and Ba 2015, algorithm 1) with the paper's betas."""

    # It finds its way back from steps that are worse.
    tolerance = 2.0

    def __init__(self, rate: float, beta1: float = 0.9, beta2: float = 0.999) -> None:
        self.rate, self.beta1, self.beta2 = rate, beta1, beta2
        self.steps = 0
        self.first = self.second = torch.tensor(0.0)

    def propose(self, image: Tensor, grad: Tensor) -> Tensor:
        """The next image to try, from `image` and the gradient of the loss there."""
        self.steps += 1
        if self.steps == 1:
            self.first, self.second = torch.zeros_like(grad), torch.zeros_like(grad)
        self.first = torch.lerp(grad, self.first, self.beta1)
        self.second = torch.lerp(grad * grad, self.second, self.beta2)
        first = self.first / (1 - self.beta1**self.steps)
        second = self.second / (1 - self.beta2**self.steps)
        return image - self.rate * first / (second.sqrt() + 1e-8)

    def accept(self, moved: Tensor, change: Tensor) -> None:
        """The last proposal was taken."""

    def reject(self) -> None:
        """The last proposal was not taken: forget the moments, and use a smaller rate."""
        self.steps = 0
        self.rate *= 0.25
