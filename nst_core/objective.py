"""What the loop minimises at one size: the loss of Gatys et al. 2016 (equation 7).

A layer sees a smaller part of a large picture than of a small one. With its full size alone, a
large picture would keep the shapes of the first sizes and get another appearance. So the content
and style terms of a large picture are the mean of those at two scales, the full size and a
second scale of `SECOND_SCALE` pixels, and the appearance is the same at every size.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from .devices import resolve_precision
from .features import Statistics
from .plan import SECOND_SCALE, has_second_scale
from .settings import Settings
from .tensors import reduce
from .terms import FeatureTerms, PixelTerms, Terms
from .vgg import Check, load_vgg

# The terms that every frame reports.
TERMS = ("content", "style", "total_variation", "weave", "range", "total")


class Objective:
    """The loss at one size, and its gradient.

    Args:
        content, styles, mask: as `FeatureTerms` takes them, on the device to work on.
        in_strips: compute the first blocks of the network in strips, to save memory.
        check: called several times a step where there are strips; may raise to end the step.
    """

    def __init__(
        self,
        content: Tensor,
        styles: Sequence[Tensor],
        settings: Settings,
        mask: Tensor | None = None,
        in_strips: bool = False,
        check: Check = lambda: None,
    ) -> None:
        self.balanced = settings.weighting == "balanced"
        side = max(content.shape[2:])
        two_scales = has_second_scale(settings, side)
        self.scale = SECOND_SCALE / side
        self.second: FeatureTerms | None = None
        # Tensors made in inference mode can't meet gradients later, and the caller may be in it.
        with torch.inference_mode(False), torch.no_grad():
            layers = tuple(sorted({*settings.content_layers, *settings.style_layers}))
            vgg = load_vgg(
                settings.network,
                layers,
                settings.pooling,
                resolve_precision(settings.precision, content.device.type),
                str(content.device),
            )
            statistics = Statistics(vgg, self.balanced, check)
            self.pixels = PixelTerms(styles, settings)
            self.full = FeatureTerms(
                statistics,
                content,
                styles,
                settings,
                mask,
                in_strips=in_strips,
                weight=0.5 if two_scales else 1.0,
            )
            if two_scales:
                content, *styles = (reduce(x, self.scale) for x in (content, *styles))
                mask = None if mask is None else reduce(mask, self.scale).clamp(0, 1)
                self.second = FeatureTerms(statistics, content, styles, settings, mask, weight=0.5)

    def evaluate(self, image: Tensor) -> tuple[Terms, Tensor]:
        """Return the terms, their "total" and their parts by layer, and the gradient for `image`.

        Args:
            image: (1, 3, H, W).
        """
        with torch.inference_mode(False), torch.enable_grad():
            pixels = image.clone().requires_grad_()
            terms, layers = self.full(pixels)
            found, grad = _differentiate(terms | self.pixels(pixels), layers, pixels)
            if self.second is not None:
                # The graph of the full size is freed by now: memory holds one graph at a time.
                reduced = reduce(pixels, self.scale)
                leaf = reduced.detach().requires_grad_()
                others, grad_reduced = _differentiate(*self.second(leaf), leaf)
                (grad_enlarged,) = torch.autograd.grad(reduced, pixels, grad_reduced)
                found |= {name: found[name] + term for name, term in others.items()}
                grad = grad + grad_enlarged
        return found, grad


def _differentiate(terms: Terms, layers: Terms, image: Tensor) -> tuple[Terms, Tensor]:
    """Add the "total" to the terms, detach all, and return the gradient of the total."""
    total = torch.stack(list(terms.values())).sum()
    (grad,) = torch.autograd.grad(total, image)
    found = terms | {"total": total} | layers
    return {name: term.detach() for name, term in found.items()}, grad
