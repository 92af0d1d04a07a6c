"""Finishing: from the picture of the loop to the result, in the photo's own size."""

from __future__ import annotations

from PIL import Image

from .images import on_white
from .regions import protect
from .settings import Settings


def finish(
    picture: Image.Image,
    content: Image.Image,
    settings: Settings,
    mask: Image.Image | None = None,
) -> Image.Image:
    """Make the result of a run from its picture.

    The picture is brought to the size of the content image. Then the settings decide on the colours
    of the photo, the protected region and the strength, and the photo's transparency comes back.

    Args:
        picture: the image of a `Frame`, RGB, of any size.
        content: the content image as `load_image` returns it.
        settings: the settings of the run.
        mask: the mask of the run as `load_mask` returns it.
    """
    if settings.full_detail and max(content.size) > max(picture.size):
        result = _enlarge(picture, content)
    elif picture.size != content.size:
        result = picture.resize(content.size, Image.Resampling.LANCZOS)
    else:
        result = picture.copy()
    photo = on_white(content)
    if settings.color == "content":
        result = keep_colors(result, photo, settings.color_amount)
    if mask is not None and settings.region == "protect":
        result = protect(result, photo, mask.resize(result.size))
    return strengthen(result, content, settings.strength)


def preview(
    picture: Image.Image,
    content: Image.Image,
    settings: Settings,
    mask: Image.Image | None = None,
) -> Image.Image:
    """Make the result in the size of `picture`, to be shown during the run."""
    return finish(picture, content.resize(picture.size), settings, mask)


def strengthen(result: Image.Image, content: Image.Image, strength: float) -> Image.Image:
    """Blend the photo (strength 0) with the result (1), and put the photo's transparency back.

    Args:
        result: RGB or RGBA.
        content: RGB or RGBA, of the same size.
    """
    blended = Image.blend(on_white(content), result.convert("RGB"), strength)
    if content.mode == "RGBA":
        blended.putalpha(content.getchannel("A"))
    return blended


def keep_colors(picture: Image.Image, photo: Image.Image, amount: float = 1.0) -> Image.Image:
    """Keep the luminance of the picture and take the chroma of the photo.

    Section 5 of Gatys et al. 2016, "Preserving Color in Neural Artistic Style Transfer".

    Args:
        picture, photo: RGB, of one size.
        amount: 0 leaves the picture as it is, 1 takes all chroma from the photo.
    """
    luminance, *own = picture.convert("YCbCr").split()
    _, *other = photo.convert("YCbCr").split()
    chroma = [Image.blend(a, b, amount) for a, b in zip(own, other, strict=True)]
    return Image.merge("YCbCr", (luminance, *chroma)).convert("RGB")


def _enlarge(picture: Image.Image, content: Image.Image) -> Image.Image:
    from .tensors import to_image, to_tensor  # not above: PyTorch is imported when it is needed
    from .upscale import enlarge

    small, full = (to_tensor(content, size) for size in (picture.size, content.size))
    return to_image(enlarge(to_tensor(picture, picture.size), small, full))
