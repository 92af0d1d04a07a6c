"""The weighted terms of the loss, with their targets: of features, and of pixels."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from .features import Grams, Statistics
from .layers import level_of
from .losses import (
    WEAVE_FLOOR,
    ContentLoss,
    Guide,
    StyleLoss,
    TotalVariationLoss,
    range_excess,
    share_of,
    total_variation,
    variance,
    weave,
)
from .settings import Settings
from .tensors import blend

# Balanced terms are both about 1 for a fresh image, but a picture looks good where the style
# counts for more. These factors make 1.0 a good weight, in the middle of the sliders.
STYLE_PER_CONTENT = 75.0
TV_PER_CONTENT = 0.5
# Takes the weave out of flat areas, and leaves as many fine lines as the painting has.
WEAVE_WEIGHT = 0.5
# Keeps results from having more black and white than their paintings.
RANGE_WEIGHT = 1500.0

# Weights of the style layers by level. Gatys et al. weigh all layers alike. More weight on the
# shallow layers takes on colours and strokes and keeps faces and contours. With 0.6 and 0.1 on the
# deepest two, motifs of the painting (faces, lamps, a second pair of eyes) appeared as ghosts in
# flat skies and on faces.
STYLE_WEIGHTS_BY_LEVEL = (4.0, 2.0, 1.6, 0.2, 0.02)

# Scalars by the name of the term, such as "content" or "content relu4_2".
Terms = dict[str, Tensor]


class FeatureTerms:
    """The content and style terms at one scale, with their targets.

    Args:
        statistics: what computes feature maps and Gram matrices.
        content: image (1, 3, H, W), values 0 to 1.
        styles: such images, of any sizes.
        mask: (1, 1, H, W), values 0 to 1; the second style is wanted where it is 1, the others
            elsewhere.
        in_strips: compute the first blocks of the network in strips.
        weight: factor of both terms.
    """

    def __init__(
        self,
        statistics: Statistics,
        content: Tensor,
        styles: Sequence[Tensor],
        settings: Settings,
        mask: Tensor | None = None,
        *,
        in_strips: bool = False,
        weight: float = 1.0,
    ) -> None:
        self.statistics = statistics
        self.in_strips = in_strips
        self.guides: list[Guide | None] = [None] if mask is None else [Guide(1 - mask), Guide(mask)]
        balanced = settings.weighting == "balanced"
        variances: list[dict[str, float]] = []
        paintings: list[Grams] = []
        for style in styles:
            # Targets need no gradient, so that strips cost no time and save memory at any size.
            maps, grams = statistics.of(
                style,
                settings.content_layers if balanced else (),
                settings.style_layers,
                in_strips=True,
            )
            variances.append({layer: variance(x) for layer, x in maps.items()})
            paintings.append(grams)
        photo, _ = statistics.of(content, settings.content_layers, (), in_strips=True)
        mix = _mix(settings, len(styles))
        regions = [mix] if mask is None else _mix_by_region(settings, len(styles))
        self.content = {
            layer: ContentLoss(
                target, blend([x[layer] for x in variances], mix) if balanced else None
            )
            for layer, target in photo.items()
        }
        self.style = {
            layer: [
                StyleLoss(blend([x[layer][0] for x in paintings], shares), balanced)
                for shares in regions
            ]
            for layer in settings.style_layers
        }
        self.content_weight = settings.content_weight
        self.style_weights = dict.fromkeys(settings.style_layers, settings.style_weight)
        if balanced:
            levels = {layer: STYLE_WEIGHTS_BY_LEVEL[level_of(layer)] for layer in self.style}
            self.content_weight /= len(self.content)
            for layer, share in levels.items():
                self.style_weights[layer] *= STYLE_PER_CONTENT * share / sum(levels.values())
        self.content_weight *= weight
        self.style_weights = {layer: x * weight for layer, x in self.style_weights.items()}

    def __call__(self, image: Tensor) -> tuple[Terms, Terms]:
        """Return the weighted terms for `image` (1, 3, H, W), and their parts by layer."""
        maps, grams = self.statistics.of(
            image, self.content, self.style, self.guides, in_strips=self.in_strips
        )
        content = {
            f"content {layer}": self.content_weight * loss(maps[layer])
            for layer, loss in self.content.items()
        }
        style = {}
        for layer, losses in self.style.items():
            # Weighted by its share of the image, every position counts alike in any region.
            regions = (
                share_of(guide, level_of(layer)) * loss(gram)
                for guide, loss, gram in zip(self.guides, losses, grams[layer], strict=True)
            )
            style[f"style {layer}"] = self.style_weights[layer] * sum(regions)
        return {"content": sum(content.values()), "style": sum(style.values())}, content | style


class PixelTerms:
    """Total variation, weave and range: the terms of the pixels.

    Weave and range belong to the style weight: it is the style that causes both artefacts.

    Args:
        styles: paintings (1, 3, H, W), values 0 to 1; their own total variation and weave are the
            measure of those of the picture.
    """

    def __init__(self, styles: Sequence[Tensor], settings: Settings) -> None:
        balanced = settings.weighting == "balanced"
        mix = _mix(settings, len(styles))
        variations = [total_variation(style).item() for style in styles]
        lines = blend([weave(style).item() for style in styles], mix)
        self.total_variation = TotalVariationLoss(blend(variations, mix) if balanced else None)
        artefacts = settings.style_weight if balanced else 0.0
        self.tv_weight = settings.tv_weight * (TV_PER_CONTENT if balanced else 1.0)
        self.weave_weight = artefacts * WEAVE_WEIGHT / max(lines, WEAVE_FLOOR)
        self.range_weight = artefacts * RANGE_WEIGHT

    def __call__(self, image: Tensor) -> Terms:
        """Return the weighted terms for `image` (1, 3, H, W)."""
        measures: dict[str, tuple[float, Callable[[Tensor], Tensor]]] = {
            "total_variation": (self.tv_weight, self.total_variation),
            "weave": (self.weave_weight, weave),
            "range": (self.range_weight, range_excess),
        }
        return {
            name: weight * measure(image) if weight else image.new_zeros(())
            for name, (weight, measure) in measures.items()
        }


def _mix(settings: Settings, count: int) -> Tensor:
    """The share of each of `count` styles; their sum is 1."""
    weights = torch.tensor(settings.style_mix[:count], dtype=torch.float64)
    return weights / weights.sum()


def _mix_by_region(settings: Settings, count: int) -> list[Tensor]:
    """The shares outside of the mask (all styles but the second) and inside (the second alone)."""
    second = torch.eye(count, dtype=torch.float64)[1]
    first = torch.tensor(settings.style_mix[:count], dtype=torch.float64) * (1 - second)
    return [first / first.sum(), second]
