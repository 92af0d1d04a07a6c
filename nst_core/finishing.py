"""From the picture of the loop to the one that is handed out, in the photo's own shape."""

from __future__ import annotations

from PIL import Image

from .color import keep_colors
from .images import on_white, to_image, to_tensor
from .regions import protect
from .settings import Settings
from .upscale import enlarge


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
        small, full = (to_tensor(content, size) for size in (picture.size, content.size))
        result = to_image(enlarge(to_tensor(picture, picture.size), small, full))
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
