"""Insights: what the network keeps of an image, shown by one term of the loss alone.

Both insights are ordinary runs that start from noise (Gatys et al. 2016, figure 1).
"""

from __future__ import annotations

from .settings import Settings

# The layers of figure 1.
LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
SIZE = 192
RECONSTRUCTION_STEPS, TEXTURE_STEPS = 40, 60


def reconstruction(layer: str) -> Settings:
    """Settings of a run that rebuilds the photo from the feature maps of one layer.

    What differs from the photo is what the layer does not know (section 2.1 of the paper).
    """
    return Settings(
        content_layers=(layer,),
        style_weight=0.0,
        tv_weight=0.1,
        init="noise",
        size=SIZE,
        steps=RECONSTRUCTION_STEPS,
    )


def texture(layer: str) -> Settings:
    """Settings of a run that rebuilds the painting from Gram matrices of `LAYERS` up to `layer`.

    The picture has the correlations of the painting, arranged by chance (section 2.2).
    """
    return Settings(
        style_layers=LAYERS[: LAYERS.index(layer) + 1],
        content_weight=0.0,
        tv_weight=0.5,
        init="noise",
        size=SIZE,
        steps=TEXTURE_STEPS,
    )
