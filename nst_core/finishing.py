"""From the picture of the loop to the one that is handed out, in the photo's own shape."""

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
    """Give a stylised picture the pixel size of the content image, and its transparency.

    Colours of the photo, the protected region and the strength are put in here too.

    Args:
        picture: of a `Frame`, RGB, of any size.
        content: the content image as `load_image` gave it.
        settings: those of the run.
        mask: of the run, as `load_mask` gave it.
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
    """What `finish` would give, in the size of `picture`."""
    return finish(picture, content.resize(picture.size), settings, mask)


def strengthen(result: Image.Image, content: Image.Image, strength: float) -> Image.Image:
    """The result (1) blended with the photo (0), with the transparency of the photo.

    Args:
        result: RGB or RGBA.
        content: of the same size.
    """
    blended = Image.blend(on_white(content), result.convert("RGB"), strength)
    if content.mode == "RGBA":
        blended.putalpha(content.getchannel("A"))
    return blended


def keep_colors(picture: Image.Image, photo: Image.Image, amount: float = 1.0) -> Image.Image:
    """The luminance of the picture with the chroma of the photo (section 5 of Gatys et al.
    2016, "Preserving Color in Neural Artistic Style Transfer").

    Args:
        picture, photo: RGB, of one size.
        amount: 0 leaves the picture as it is, 1 takes all chroma from the photo.
    """
    luminance, *own = picture.convert("YCbCr").split()
    _, *other = photo.convert("YCbCr").split()
    chroma = [Image.blend(a, b, amount) for a, b in zip(own, other, strict=True)]
    return Image.merge("YCbCr", (luminance, *chroma)).convert("RGB")


def _enlarge(picture: Image.Image, content: Image.Image) -> Image.Image:
    from .tensors import to_image, to_tensor  # not above: see `nst_core`
    from .upscale import enlarge

    small, full = (to_tensor(content, size) for size in (picture.size, content.size))
    return to_image(enlarge(to_tensor(picture, picture.size), small, full))
