"""The two optimisers of the image: one gradient a step, nothing read back from the device.

Both propose the next image from the present one and its gradient. The loop evaluates the
proposal, and calls `reject` where it turns out to be worse than useless.
"""

from __future__ import annotations

from collections import deque

import torch
from torch import Tensor


class LBFGS:
    """Limited-memory BFGS by the two-loop recursion (Nocedal and Wright 2006, algorithm 7.4).

    It works on images (N, C, H, W).

    There is no line search: the full quasi-Newton step is nearly always a good one here, and
    costs one evaluation. Scalars stay on the device as tensors; a pair of changes whose
    curvature is not positive gets the weight 0 in place of a branch, which would have to wait
    for the device.

    Args:
        history: pairs of changes to remember.
        first_move: mean change of a pixel in the very first step, which knows no curvature yet.
    """

    def __init__(self, history: int = 20, first_move: float = 0.01) -> None:
        self.first_move = first_move
        self.pairs: deque[tuple[Tensor, Tensor, Tensor]] = deque(maxlen=history)
        self.last: tuple[Tensor, Tensor] | None = None
        self.shrink = 1.0

    def propose(self, image: Tensor, grad: Tensor) -> Tensor:
        """The next image to try, from `image` and the gradient of the loss there."""
        if self.last is not None:
            s, y = image - self.last[0], grad - self.last[1]
            curvature = _dot(s, y)
            usable = curvature > 1e-10 * _dot(y, y)
            self.pairs.append((s, y, torch.where(usable, 1 / curvature, 0)))
            self.shrink = min(1.0, 2 * self.shrink)
        self.last = (image, grad)
        if not self.pairs:
            return image - grad * (self.shrink * self.first_move / grad.abs().mean())
        return image - self.shrink * self._newton(grad)

    def reject(self) -> None:
        """Forget the curvature, and start again with a smaller step from the last image."""
        self.pairs.clear()
        self.last = None
        self.shrink *= 0.25

    def _newton(self, grad: Tensor) -> Tensor:
        """The inverse Hessian's estimate times `grad`."""
        q = grad.clone()
        alphas = []
        for s, y, rho in reversed(self.pairs):
            alpha = rho * _dot(s, q)
            alphas.append(alpha)
            q.addcmul_(y, alpha, value=-1)
        s, y, rho = self.pairs[-1]
        q *= _dot(s, y) / _dot(y, y)
        for (s, y, rho), alpha in zip(self.pairs, reversed(alphas), strict=True):
            q.addcmul_(s, alpha - rho * _dot(y, q))
        return q


def _dot(a: Tensor, b: Tensor) -> Tensor:
    """Inner product of two images (N, C, H, W); of channels_last ones the flat views are free."""
    return torch.dot(a.permute(0, 2, 3, 1).flatten(), b.permute(0, 2, 3, 1).flatten())


class Adam:
    """Adam (Kingma and Ba 2015, algorithm 1) with the paper's betas."""

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

    def reject(self) -> None:
        """Forget the moments, and go on with a smaller rate."""
        self.steps = 0
        self.rate *= 0.25
