"""The picture that a run starts from."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from PIL import Image, ImageOps
from torch import Tensor

from .color import is_plain, match_colors
from .images import working_size
from .plan import FIRST_SIZE_MOST
from .settings import Settings
from .tensors import blend, to_image, to_tensor
from .transfer import Transfer


def paintings_at(size: int, transfer: Transfer, photo: Tensor) -> list[Tensor]:
    """The paintings as tensors, in the size that gives strokes of the wanted size.

    Args:
        size: long side of the picture that is painted, in pixels.
        photo: (1, 3, H, W), values 0 to 1, of any size.

    Returns:
        For each painting (1, 3, H, W), values 0 to 1, with a long side of `style_scale * size`
        pixels, on the device of `photo`; where `color` is match, in the colours of the photo.
    """
    settings = transfer.settings
    stroke_size = round(settings.style_scale * size)
    paintings = [
        to_tensor(style, working_size(style.size, stroke_size)).to(photo.device)
        for style in transfer.styles
    ]
    if settings.color == "match":
        return [match_colors(x, photo, settings.color_amount) for x in paintings]
    return paintings


def first_picture(photo: Tensor, paintings: Sequence[Tensor], transfer: Transfer) -> Tensor:
    """Make the picture that `settings.init` asks for, in the shape of `photo`.

    Args:
        photo: (1, 3, H, W), values 0 to 1.
        paintings: as `paintings_at` gives them.
    """
    height, width = photo.shape[2:]
    settings = transfer.settings
    image = {"style": transfer.styles[0], "image": transfer.start}.get(settings.init)
    if image is not None:
        return to_tensor(ImageOps.fit(image, (width, height)), (width, height)).to(photo.device)
    if settings.init == "content":
        return _recoloured(photo, paintings, settings)
    # The CPU makes the noise, so that a seed means the same on every device.
    generator = torch.Generator().manual_seed(settings.seed)
    noise = 0.5 + 0.2 * torch.randn(photo.shape, generator=generator)
    return noise.clamp(0, 1).to(photo.device).contiguous(memory_format=torch.channels_last)


def start_image(transfer: Transfer, size: tuple[int, int]) -> Image.Image:
    """What a run starts from, RGB, in any size (width, height).

    It takes some hundredths of a second: by default a page can answer a click with the photo in the
    colours of the painting, long before the first step is made.
    """
    photo = to_tensor(transfer.content, size)
    paintings = paintings_at(FIRST_SIZE_MOST, transfer, photo)
    return to_image(first_picture(photo, paintings, transfer))


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
