"""Finishing: from the picture of the loop to the result, in the photo's own size.

A photo may have fifty megapixels. So all that is done to it is done in strips of rows: it takes
little more memory than photo and result, and tells how far it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from PIL import Image, ImageChops

from .images import on_white
from .regions import soften
from .settings import Settings

# Pixels of a strip: few enough for the caches of a processor, many enough to hide the cost of the
# rows that two strips both need.
STRIP_PIXELS = 2**18
LEAST_ROWS = 16

# Maps opacity to a mask of all that is not fully transparent.
_SEEN = [0, *[255] * 255]

# Left, upper, right and lower border of a strip.
Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class Finishing:
    """How far a result is.

    Attributes:
        part: the share of its rows that is made, up to 1.
        result: the same image every time; it is complete when `part` is 1.
    """

    part: float
    result: Image.Image


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
    *_, last = finish_in_strips(picture, content, settings, mask)
    return last.result


def finish_in_strips(
    picture: Image.Image,
    content: Image.Image,
    settings: Settings,
    mask: Image.Image | None = None,
) -> Iterator[Finishing]:
    """Make the result as `finish` does, and tell after each strip of rows how far it is."""
    if settings.full_detail and max(content.size) > max(picture.size):
        rows_of = _enlarged(picture, content)
    else:
        rows_of = _resized(picture, content.size)
    protected = None
    if mask is not None and settings.region == "protect":
        protected = soften(mask.resize(content.size))
    result = Image.new(content.mode, content.size)
    for box in _strips(content.size):
        own = content.crop(box)
        photo = on_white(own)
        rows = rows_of(box, photo)
        if settings.color == "content":
            rows = keep_colors(rows, photo, settings.color_amount)
        if own.mode == "RGBA":
            rows = off_white(rows, own.getchannel("A"))
        if protected is not None:
            rows = Image.composite(_colors(own), rows, protected.crop(box))
        result.paste(_strengthened(rows, own, settings.strength), box)
        yield Finishing(box[3] / content.height, result)


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
        result: RGB, or RGBA as `finish` makes it.
        content: RGB or RGBA, of the same size.
    """
    if strength == 1 and result.mode == content.mode == "RGB":
        return result  # a large picture is not copied
    blended = Image.new(content.mode, content.size)
    for box in _strips(content.size):
        blended.paste(_strengthened(result.crop(box), content.crop(box), strength), box)
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


def off_white(picture: Image.Image, alpha: Image.Image) -> Image.Image:
    """Take the white out of the colours of a picture that was painted from a photo on white.

    With its opacity back, the picture lies on white once more. With white in its colours, too, soft
    edges and shadows would come out pale, with a white fringe on dark ground.

    Args:
        picture: RGB.
        alpha: L, of the same size.

    Returns:
        RGB; what is fully transparent stays as it was.
    """
    white = ImageChops.invert(alpha)
    premultiplied = [ImageChops.subtract(channel, white) for channel in picture.split()]
    colours = Image.merge("RGBa", (*premultiplied, alpha)).convert("RGBA").convert("RGB")
    return Image.composite(colours, picture, alpha.point(_SEEN))


def _colors(photo: Image.Image) -> Image.Image:
    """The colours of a photo without its opacity; what is fully transparent is white."""
    if photo.mode == "RGB":
        return photo
    return Image.composite(
        photo.convert("RGB"), on_white(photo), photo.getchannel("A").point(_SEEN)
    )


def _strips(size: tuple[int, int]) -> Iterator[Box]:
    width, height = size
    rows = max(LEAST_ROWS, STRIP_PIXELS // width)
    for first in range(0, height, rows):
        yield 0, first, width, min(height, first + rows)


def _strengthened(rows: Image.Image, content: Image.Image, strength: float) -> Image.Image:
    blended = Image.blend(_colors(content), rows.convert("RGB"), strength)
    if content.mode == "RGBA":
        blended.putalpha(content.getchannel("A"))
    return blended


def _resized(
    picture: Image.Image, size: tuple[int, int]
) -> Callable[[Box, Image.Image], Image.Image]:
    """Resize a picture; the function gives a strip of it."""
    full = picture.resize(size, Image.Resampling.LANCZOS)
    return lambda box, photo: full.crop(box)


def _enlarged(
    picture: Image.Image, content: Image.Image
) -> Callable[[Box, Image.Image], Image.Image]:
    """Enlarge a picture along the contours of its photo; the function computes a strip of it."""
    from .tensors import to_image, to_tensor  # not above: PyTorch is imported when it is needed
    from .upscale import Enlargement

    small, guide = (to_tensor(image, picture.size) for image in (picture, content))
    enlargement = Enlargement(small, guide, (content.height, content.width))

    def rows(box: Box, photo: Image.Image) -> Image.Image:
        return to_image(enlargement.rows(box[1], box[3], to_tensor(photo, photo.size)))

    return rows
