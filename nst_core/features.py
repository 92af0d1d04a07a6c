"""What the loss compares: feature maps and Gram matrices, of an image whole or in strips."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from torch import Tensor

from .layers import level_of
from .losses import Guide, gram_matrix, share_of
from .strips import head_in_strips
from .vgg import Check, VGGFeatures

# Feature maps (1, C, H, W) by layer, and Gram matrices (C, C) by layer, one for each region.
Maps = dict[str, Tensor]
Grams = dict[str, list[Tensor]]


@dataclass(frozen=True)
class Statistics:
    """Computes what the loss compares: feature maps and Gram matrices.

    Attributes:
        vgg: the network that extracts features.
        normalised: whether Gram matrices are divided by the number of positions.
        check: called several times a step where the image is in strips; may raise to end the step.
    """

    vgg: VGGFeatures
    normalised: bool
    check: Check

    def of(
        self,
        image: Tensor,
        content_layers: Iterable[str],
        style_layers: Iterable[str],
        guides: Sequence[Guide | None] = (None,),
        *,
        in_strips: bool,
    ) -> tuple[Maps, Grams]:
        """Compute the statistics of an image (1, 3, H, W).

        Args:
            guides: the regions; each style layer gets one Gram matrix a region.
            in_strips: compute the first blocks of the network in strips, to save memory.

        Returns:
            Feature maps (1, C, H', W') of `content_layers` and Gram matrices (C, C) of
            `style_layers`, by name of the layer.
        """
        maps: Maps = {}
        grams: Grams = {}
        features: Maps = {}
        if in_strips:
            content_head, style_head = (
                [layer for layer in layers if layer in self.vgg.head_layers]
                for layers in (content_layers, style_layers)
            )
            maps, grams, x = head_in_strips(
                self.vgg, image, content_head, style_head, guides, self.check
            )
            if x is not None:
                features = self.vgg.tail(x, self.check)
        else:
            features = self.vgg(image)
        maps |= {layer: features[layer] for layer in content_layers if layer in features}
        for layer in style_layers:
            level = level_of(layer)
            if layer in features:
                grams[layer] = [
                    gram_matrix(features[layer], None if guide is None else guide.at(level))
                    for guide in guides
                ]
            height, width = (side >> level for side in image.shape[2:])
            positions = height * width if self.normalised else 1
            grams[layer] = [
                gram / (positions * max(share_of(guide, level), 1e-6))
                for gram, guide in zip(grams[layer], guides, strict=True)
            ]
        return maps, grams
