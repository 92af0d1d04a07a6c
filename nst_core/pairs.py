"""The memory of L-BFGS: pairs of changes, and what they say of the inverse Hessian."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor


class Pairs:
    """The last pairs of changes, of an image (N, C, H, W) and of the gradient there.

    The changes are the rows of two matrices. The two-loop recursion (Nocedal and Wright 2006,
    algorithm 7.4) goes over all pairs one by one; here the same numbers come from four products of
    these matrices with a vector and two small triangular systems, which takes a fifth of the time.

    Args:
        most: number of pairs to remember.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.count = 0
        self._newest = -1
        self._shape = torch.Size()
        self._moved = self._changes = self._weights = self._products = torch.empty(0)

    def __len__(self) -> int:
        return self.count

    def add(self, moved: Tensor, change: Tensor, weight: Tensor) -> None:
        """Remember a pair, in place of the oldest one where there is no room.

        Args:
            moved, change: (N, C, H, W), the changes of the image and of the gradient.
            weight: one over their inner product; 0 for a pair that is not to count.
        """
        if not self.count:
            self._shape = moved.shape
            self._moved, self._changes = (
                moved.new_empty(self.most, moved.numel()) for _ in range(2)
            )
            self._weights = moved.new_zeros(self.most)
            self._products = moved.new_zeros(self.most, self.most)
        self._newest = row = (self._newest + 1) % self.most
        self.count = min(self.count + 1, self.most)
        self._moved[row], self._changes[row], self._weights[row] = flat(moved), flat(change), weight
        self._products[: self.count, row] = self._moved[: self.count] @ self._changes[row]

    def apply(self, grad: Tensor, first: Callable[[Tensor], Tensor]) -> Tensor:
        """Multiply a gradient (N, C, H, W) by the inverse Hessian that the pairs tell.

        Args:
            first: the inverse Hessian before anything is learnt; may write to what it gets.
        """
        if not self.count:
            return first(grad)
        moved, changes = self._moved[: self.count], self._changes[: self.count]
        weights = self._oldest_first(self._weights[: self.count])
        # Products of older changes of the image with newer changes of the gradient.
        products = self._products[: self.count, : self.count]
        products = self._oldest_first(self._oldest_first(products).T).T.triu(1)
        one = torch.eye(self.count, dtype=grad.dtype, device=grad.device)

        alpha = torch.linalg.solve_triangular(
            one + weights[:, None] * products,
            (weights * self._oldest_first(moved @ flat(grad)))[:, None],
            upper=True,
        )[:, 0]
        rest = torch.addmv(flat(grad), changes.T, self._as_stored(alpha), alpha=-1)
        step = first(_as_image(rest, grad.shape))
        shares = torch.linalg.solve_triangular(
            one + weights[:, None] * products.T,
            (alpha - weights * self._oldest_first(changes @ flat(step)))[:, None],
            upper=False,
        )[:, 0]
        return _as_image(torch.addmv(flat(step), moved.T, self._as_stored(shares)), grad.shape)

    def latest(self, number: int) -> Iterator[tuple[Tensor, Tensor]]:
        """The last pairs as images, oldest first."""
        for age in reversed(range(min(number, self.count))):
            row = (self._newest - age) % self.most
            moved, change = self._moved[row], self._changes[row]
            yield _as_image(moved, self._shape), _as_image(change, self._shape)

    def _oldest_first(self, values: Tensor) -> Tensor:
        """Rotate rows from the order of the ring buffer to oldest first.

        `roll` needs no tensor of indices, for which the CPU would wait for the device.
        """
        return values.roll(-(self._newest + 1), dims=0) if self.count == self.most else values

    def _as_stored(self, values: Tensor) -> Tensor:
        return values.roll(self._newest + 1, dims=0) if self.count == self.most else values


def flat(image: Tensor) -> Tensor:
    """All values of an image (N, C, H, W) as a vector; in channels_last that is a free view."""
    return image.permute(0, 2, 3, 1).flatten()


def _as_image(values: Tensor, shape: torch.Size) -> Tensor:
    """Undo `flat`."""
    batch, channels, height, width = shape
    return values.view(batch, height, width, channels).permute(0, 3, 1, 2)
