"""The first blocks of the network in strips: the same values and gradients in little memory.

Feature maps of the first two blocks, kept for the backward pass, take most of the memory of a step.
Here the image goes through these blocks in strips of rows. Only what the rest of the loss needs is
kept: Gram matrices, which are sums over positions, and the input of the third block. The backward
pass computes each strip once more. Strips overlap by as much as the convolutions reach, so that
values and gradients do not depend on where the image is cut.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from .layers import level_of
from .losses import Guide, gram_matrix
from .vgg import HEAD_BLOCKS, Check, VGGFeatures

# Rows that a strip sees beyond its own. Four convolutions and a pooling reach six rows far; a
# multiple of four keeps both poolings in step with those of the whole image.
OVERLAP = 8
# Pixels of a strip: few enough to need little memory, many enough to hide the cost of the overlap.
STRIP_PIXELS = 2**19


class Strip(NamedTuple):
    """Rows of an image: a strip sees rows `first` to `last`, and owns `start` to `end` of them."""

    first: int
    start: int
    end: int
    last: int

    def own(self, rows: Tensor, level: int) -> Tensor:
        """Cut a feature map (1, C, H', W') of the rows seen, halved `level` times, to its own."""
        skipped = self.first >> level
        return rows[:, :, (self.start >> level) - skipped : (self.end >> level) - skipped]


def cut(height: int, width: int) -> list[Strip]:
    """Cut an image into strips of about `STRIP_PIXELS` pixels."""
    rows = max(4, STRIP_PIXELS // width // 4 * 4)
    # Fewer than four rows can't be pooled twice: such a rest belongs to the strip before it.
    starts = [start for start in range(0, height, rows) if height - start >= 4]
    return [
        Strip(max(0, start - OVERLAP), start, end, min(height, end + OVERLAP))
        for start, end in zip(starts, [*starts[1:], height], strict=True)
    ]


def head_in_strips(
    vgg: VGGFeatures,
    image: Tensor,
    content_layers: list[str],
    style_layers: list[str],
    guides: Sequence[Guide | None],
    check: Check = lambda: None,
) -> tuple[dict[str, Tensor], dict[str, list[Tensor]], Tensor | None]:
    """Compute what the loss needs of `vgg.head`, strip by strip.

    Args:
        image: (1, 3, H, W), values 0 to 1.
        content_layers, style_layers: layers of the head.
        guides: the regions; each style layer gets one Gram matrix a region.
        check: called before each strip, forward and backward; may raise to end the step.

    Returns:
        Feature maps (1, C, H', W') of `content_layers` by name; Gram matrices (C, C) of
        `style_layers` by name, one for each guide; and the input of the next block, if there is
        one.
    """
    levels = [level_of(layer) for layer in content_layers]
    if vgg.tail_convs:
        levels.append(HEAD_BLOCKS)

    def compute(rows: Tensor, strip: Strip) -> list[Tensor]:
        check()
        features, x = vgg.head(rows)
        maps = [features[layer] for layer in content_layers]
        if vgg.tail_convs:
            maps.append(x)
        maps = [strip.own(x, level) for x, level in zip(maps, levels, strict=True)]
        grams = []
        for layer in style_layers:
            level = level_of(layer)
            own = strip.own(features[layer], level)
            for guide in guides:
                seen = None if guide is None else guide.at(level)
                if seen is not None:
                    seen = seen[:, :, strip.start >> level :][:, :, : own.shape[2]]
                grams.append(gram_matrix(own, seen))
        return [*maps, *grams]

    found = _Head.apply(image, compute, levels)
    maps, grams = list(found[: len(levels)]), found[len(levels) :]
    following = maps.pop() if vgg.tail_convs else None
    count = len(guides)
    return (
        dict(zip(content_layers, maps, strict=True)),
        {layer: list(grams[k * count : (k + 1) * count]) for k, layer in enumerate(style_layers)},
        following,
    )


class _Head(torch.autograd.Function):
    """Applies `compute` to each strip: first results are maps, joined by rows, the rest is summed.

    `levels` has an entry for each map: how many times it has been halved.
    """

    @staticmethod
    def forward(
        ctx: Any,
        image: Tensor,
        compute: Callable[[Tensor, Strip], list[Tensor]],
        levels: list[int],
    ) -> tuple[Tensor, ...]:
        ctx.save_for_backward(image)
        ctx.compute, ctx.levels = compute, levels
        height, width = image.shape[2:]
        maps: list[Tensor] = []
        sums: list[list[Tensor]] = []
        for s in cut(height, width):
            found = compute(image[:, :, s.first : s.last], s)
            pieces = found[: len(levels)]
            # Pieces that were kept until the last strip would lie between the freed memory of the
            # strips, which the larger maps of the next blocks could then not use.
            maps = maps or [
                torch.empty(
                    (*piece.shape[:2], height >> level, width >> level),
                    dtype=piece.dtype,
                    device=piece.device,
                    memory_format=torch.channels_last,
                )
                for piece, level in zip(pieces, levels, strict=True)
            ]
            for x, piece, level in zip(maps, pieces, levels, strict=True):
                x[:, :, s.start >> level : s.end >> level] = piece
            sums.append(found[len(levels) :])
        return (*maps, *(torch.stack(column).sum(dim=0) for column in zip(*sums, strict=True)))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None]:
        (image,) = ctx.saved_tensors
        total = torch.zeros_like(image)
        count = len(ctx.levels)
        for s in cut(*image.shape[2:]):
            with torch.enable_grad():
                rows = image[:, :, s.first : s.last].detach().requires_grad_()
                pieces = ctx.compute(rows, s)
            own = [
                grad[:, :, s.start >> level : s.end >> level]
                for grad, level in zip(grads[:count], ctx.levels, strict=True)
            ]
            (grad,) = torch.autograd.grad(pieces, rows, [*own, *grads[count:]])
            total[:, :, s.first : s.last] += grad
        return total, None, None
