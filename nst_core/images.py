"""Any image file as clean sRGB pixels, and the sizes that images are worked at."""

from __future__ import annotations

import warnings
from functools import cache
from io import BytesIO
from os import PathLike
from pathlib import Path
from typing import IO, BinaryIO

import numpy as np
from PIL import ExifTags, Image, ImageCms, ImageFile, UnidentifiedImageError

from .errors import ImageError

# Pillow warns of large files and odd metadata; `load_image` refuses what can't be used.
warnings.filterwarnings("ignore", module=r"PIL\.")

# Pillow opens the MPO files of phones as JPEG.
FORMATS = ("PNG", "JPEG", "WEBP", "AVIF", "HEIF", "GIF", "BMP", "TIFF")
MAX_PIXELS = 50_000_000
MIN_SIDE = 16
# A longer strip would be less than two pixels wide in thumbnails.
MAX_ASPECT = 100
# Progressive files of phones and web programs have about a dozen scans.
MAX_JPEG_SCANS = 100
MAX_NAME = 60
# The network halves its feature maps four times, and one pixel must be left.
MIN_WORKING_SIDE = 16

_SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
_WHITE = (255, 255, 255)
# The turn that makes an image upright, by its EXIF orientation.
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def load_image(source: str | PathLike[str] | BinaryIO | Image.Image) -> Image.Image:
    """Decode an image file, or convert an open image, to 8-bit sRGB.

    The result is upright, as the EXIF orientation says. An embedded colour profile is converted to
    sRGB; a broken one is ignored, as browsers do. An animation gives its first frame. Values of 16
    bits become 8 bits. Nothing of the file but its pixels is kept.

    Returns:
        An image in mode RGB, or RGBA where some of it is transparent; `info` is empty.

    Raises:
        ImageError: the file is missing, is no image, is damaged, or has a size that can't be used.
    """
    if not isinstance(source, Image.Image):
        _learn_heif()
    try:
        if isinstance(source, Image.Image):
            _check_size(source.size)
            return _decode(source)
        with Image.open(source, formats=FORMATS) as image:
            _check_size(image.size)
            _check_work(image)
            return _decode(image)
    except ImageError:
        raise
    except Image.DecompressionBombError as error:
        raise ImageError(_too_large()) from error
    except UnidentifiedImageError as error:
        raise ImageError(
            f"{_name(source)} is not an image this program can read: use PNG, JPEG, WebP, AVIF, "
            "HEIC, GIF, BMP or TIFF."
        ) from error
    # The decoders of a dozen formats raise nearly anything when a file is damaged.
    except Exception as error:
        # Errors of the operating system have a number, those of decoders do not.
        if getattr(error, "errno", None) or "\0" in str(source):
            raise ImageError(
                f"{_name(source)} can't be opened: check that it is a file you may read."
            ) from error
        raise ImageError(
            f"{_name(source)} is damaged or cut off: save it again, or use another image."
        ) from error


@cache
def _learn_heif() -> None:
    """Let Pillow read HEIC files. Runs on open images do without the library for it."""
    from pillow_heif import register_heif_opener

    register_heif_opener()


def working_size(size: tuple[int, int], long_side: int) -> tuple[int, int]:
    """Scale width and height to `long_side`; the short side gets `MIN_WORKING_SIDE` at least."""
    scale = long_side / max(size)
    width, height = (max(MIN_WORKING_SIDE, round(side * scale)) for side in size)
    return width, height


def on_white(image: Image.Image) -> Image.Image:
    """Lay a transparent image over white; the result is in mode RGB."""
    if image.mode == "RGBA":
        ground = Image.new("RGBA", image.size, (*_WHITE, 255))
        image = Image.alpha_composite(ground, image)
    return image.convert("RGB")


def _check_size(size: tuple[int, int]) -> None:
    width, height = size
    if width * height > MAX_PIXELS:
        raise ImageError(_too_large(f" ({width} x {height} pixels)"))
    if min(size) < MIN_SIDE:
        raise ImageError(
            f"The image is too small ({width} x {height} pixels): use one of at least {MIN_SIDE} "
            "pixels on each side."
        )
    if max(size) > MAX_ASPECT * min(size):
        raise ImageError(
            f"The image is too narrow ({width} x {height} pixels): crop it until the long side is "
            f"at most {MAX_ASPECT} times the short one."
        )


def _check_work(image: ImageFile.ImageFile) -> None:
    """Refuse files that take far more time or memory to decode than their size suggests.

    A progressive JPEG can have any number of scans over its pixels. A tile of a TIFF is decoded as
    a whole, and can be much larger than the image.
    """
    tags = getattr(image, "tag_v2", {})
    area = tags.get(ExifTags.Base.TileWidth, 0) * tags.get(ExifTags.Base.TileLength, 0)
    scans = _scans(image.fp) if image.fp and "progressive" in image.info else 1
    if area > MAX_PIXELS or scans > MAX_JPEG_SCANS:
        raise ImageError(
            "The image is stored in a way that takes too much to open: save it as PNG, and use "
            "that."
        )


def _scans(file: IO[bytes]) -> int:
    """Count the scans of a JPEG, those of embedded previews among them."""
    place = file.tell()
    file.seek(0)
    count, last = 0, b""
    while piece := file.read(2**20):
        count += (last + piece).count(b"\xff\xda")
        last = piece[-1:]
    file.seek(place)
    return count


def _too_large(size: str = "") -> str:
    return f"The image is too large{size}: use one of at most {MAX_PIXELS // 1_000_000} megapixels."


def _name(source: object) -> str:
    return printable(Path(source).name) if isinstance(source, (str, PathLike)) else "The file"


def printable(text: str, most: int = MAX_NAME) -> str:
    """Make a user's text fit for a message: one line, at most `most` characters, all printable."""
    text = "".join(c if c.isprintable() else "?" for c in text)
    return text if len(text) <= most else f"{text[: most - 13]}...{text[-10:]}"


def _decode(image: Image.Image) -> Image.Image:
    """Convert an image to upright 8-bit sRGB without metadata; `image` itself does not change."""
    profile = image.info.get("icc_profile")
    image = _eight_bit(_upright(image))
    alpha = None
    if image.has_transparency_data:
        if image.mode != "RGBA":
            image = image.convert("RGBA")
        alpha = image.getchannel("A")
        if alpha.getextrema() == (255, 255):
            alpha = None
    clean = _to_srgb(image, profile)
    clean.info = {}
    if alpha is not None:
        clean.putalpha(alpha)
    return clean


def _upright(image: Image.Image) -> Image.Image:
    """Turn an image as its EXIF orientation says; broken EXIF is ignored."""
    image.load()
    try:
        turn = TURNS.get(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # Pillow raises many things for broken EXIF, and the pixels are good
        return image
    return image if turn is None else image.transpose(turn)


def _eight_bit(image: Image.Image) -> Image.Image:
    """Scale grey values of 16 bits, 32 bits or floating point to 0 to 255."""
    if not image.mode.startswith(("I", "F")):
        return image
    values = image.convert("F")
    values.info.pop("transparency", None)  # a grey value in the range before scaling
    pixels = np.asarray(values)
    if not np.isfinite(pixels).all():
        raise ImageError("The image holds values that are not finite: save it as an 8-bit file.")
    high = float(pixels.max())
    if image.mode == "F" and high <= 1:
        full = 1.0
    elif image.mode.startswith("I;16") or 255 < high <= 65535:
        full = 65535.0
    else:
        full = max(high, 255.0)
    return values.point(lambda value: value * (255 / full) + 0).convert("L")


def _to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Convert an image to mode RGB, from its colour profile if that can be used."""
    if image.mode not in ("L", "RGB", "CMYK"):
        image = image.convert("RGB")
    if profile:
        try:
            source = ImageCms.ImageCmsProfile(BytesIO(profile))
            converted = ImageCms.profileToProfile(image, source, _SRGB, outputMode="RGB")
            assert converted is not None  # only `inPlace=True` gives None
            return converted
        except (OSError, ImageCms.PyCMSError):
            pass  # a broken profile, or one that is not for this kind of image
    return image.convert("RGB")
