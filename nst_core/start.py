"""The picture that a run starts from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from PIL import Image, ImageOps
from torch import Tensor

from .color import is_plain, match_colors
from .settings import Settings
from .tensors import blend, to_tensor


def first_picture(
    photo: Tensor,
    paintings: Sequence[Tensor],
    images: Mapping[str, Image.Image | None],
    settings: Settings,
) -> Tensor:
    """Make the picture that `settings.init` asks for, in the shape of `photo`.

    Args:
        photo: (1, 3, H, W), values 0 to 1.
        paintings: such tensors, of any sizes.
        images: the images that a run can start from, by the value of `init` that asks for them;
            they are cropped to the shape of the photo.
    """
    height, width = photo.shape[2:]
    image = images.get(settings.init)
    if image is not None:
        return to_tensor(ImageOps.fit(image, (width, height)), (width, height)).to(photo.device)
    if settings.init == "content":
        return _recoloured(photo, paintings, settings)
    # The CPU makes the noise, so that a seed means the same on every device.
    generator = torch.Generator().manual_seed(settings.seed)
    noise = 0.5 + 0.2 * torch.randn(photo.shape, generator=generator)
    return noise.clamp(0, 1).to(photo.device).contiguous(memory_format=torch.channels_last)


def _recoloured(photo: Tensor, paintings: Sequence[Tensor], settings: Settings) -> Tensor:
    """The photo, brought nearer to the colours of the paintings by the share of the style weight.

    Steps are saved, most of all for dark photos. The classic weighting starts from the photo as
    it is, as the textbook does.
    """
    both = settings.style_weight + settings.content_weight
    if settings.weighting == "classic" or not both:
        return photo
    amount = settings.style_weight / both
    recoloured = [
        # A plain painting has no contrast to give; matching it would take the photo's contrast.
        photo if is_plain(painting) else match_colors(photo, painting, amount)
        for painting in paintings
    ]
    mix = torch.tensor(settings.style_mix[: len(paintings)])
    return blend(recoloured, mix / mix.sum())
