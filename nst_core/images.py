"""Any image file as clean sRGB pixels, and the sizes that images are worked at."""

from __future__ import annotations

import warnings
from functools import cache
from os import PathLike
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
from PIL import ExifTags, Image, ImageFile, UnidentifiedImageError

from .depth import full_value, to_eight_bit
from .errors import ImageError
from .jpeg import MOST_SCANS, count_scans
from .png import alpha_of, chunks_before_pixels, encoding_of
from .profiles import descriptions_of
from .stored import Stored
from .tiff import MAGIC as TIFF
from .tiff import RAW, TOO_MUCH, is_raw, read_tiff

# Pillow warns of large files and odd metadata; `load_image` refuses what can't be used.
warnings.filterwarnings("ignore", module=r"PIL\.")

# Formats that `Image.open` may try. That of JPEG includes the MPO files of phones, whose format
# Pillow then calls MPO.
FORMATS = ("PNG", "JPEG", "WEBP", "AVIF", "HEIF", "GIF", "BMP")
MAX_PIXELS = 50_000_000
MIN_SIDE = 16
# A longer strip would be less than two pixels wide in thumbnails.
MAX_ASPECT = 100
MAX_NAME = 60
# Bytes at the start of a file that tell TIFF and raw files of cameras.
HEAD = 16
# The network halves its feature maps four times, and one pixel must be left.
MIN_WORKING_SIDE = 16

_WHITE = (255, 255, 255)


def load_image(source: str | PathLike[str] | BinaryIO | Image.Image) -> Image.Image:
    """Decode an image file, or convert an open image, to 8-bit sRGB.

    The result is upright, as the EXIF orientation says. Colours are converted to sRGB from what the
    file says of them; where that is broken it is ignored, as browsers do. An animation gives its
    first frame, a file of several pages the first that is no preview. Values of 16 bits become 8
    bits. Nothing of the file but its pixels is kept.

    Returns:
        An image in mode RGB, or RGBA where some of it is transparent; `info` is empty.

    Raises:
        ImageError: the file is missing, is no image, is damaged, or is of a kind or a size that
            can't be used.
    """
    if not isinstance(source, Image.Image):
        _learn_heif()
    try:
        if isinstance(source, Image.Image):
            _check_size(source.size)
            if file := _unread(source):
                return _read(file, _name(source)).clean()
            return _stored(source.copy()).clean()
        if isinstance(source, (str, PathLike)):
            with open(source, "rb") as file:
                return _read(file, _name(source)).clean()
        return _read(source, _name(source)).clean()
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


def contained(image: Image.Image, long_side: int) -> Image.Image:
    """Make an image smaller until its long side is at most `long_side`, to be shown.

    A large photo is first reduced by a whole number, which takes a third of the time.
    """
    if max(image.size) <= long_side:
        return image
    size = working_size(image.size, long_side)
    return image.resize(size, Image.Resampling.BICUBIC, reducing_gap=2.0)


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


def _too_large(size: str = "") -> str:
    return f"The image is too large{size}: use one of at most {MAX_PIXELS // 1_000_000} megapixels."


def _name(source: object) -> str:
    return printable(Path(source).name) if isinstance(source, (str, PathLike)) else "The file"


def printable(text: str, most: int = MAX_NAME) -> str:
    """Make a user's text fit for a message: one line, at most `most` characters, all printable."""
    text = "".join(c if c.isprintable() else "?" for c in text)
    return text if len(text) <= most else f"{text[: most - 13]}...{text[-10:]}"


def _read(file: BinaryIO, name: str) -> Stored:
    """Decode an open file; `name` is what a sentence calls it."""
    file.seek(0)
    head = file.read(HEAD)
    if is_raw(head):
        raise ImageError(f"{name} {RAW}")
    if head.startswith(TIFF):
        return read_tiff(file, name, _check_size)
    with Image.open(file, formats=FORMATS) as image:
        _check_size(image.size)
        # A progressive JPEG can have any number of scans over its pixels.
        if "progressive" in image.info and count_scans(file) > MOST_SCANS:
            raise ImageError(TOO_MUCH)
        return _stored(image, file)


def _unread(image: Image.Image) -> BinaryIO | None:
    """The file of an open image whose pixels Pillow has not read yet; None for any other image.

    Such an image is decoded from its file, since Pillow drops a part of what the file says of its
    colours.
    """
    if not isinstance(image, ImageFile.ImageFile) or image.format not in (*FORMATS, "MPO", "TIFF"):
        return None
    return cast(BinaryIO, image.fp) if image.fp and image.tile and image.tell() == 0 else None


def _stored(image: Image.Image, file: BinaryIO | None = None) -> Stored:
    """Decode an image that is open; `file` is where it comes from."""
    descriptions = descriptions_of(image, file)
    covered = _covered(image)
    alpha = None
    if image.format == "PNG" and file is not None:
        chunks = chunks_before_pixels(file)
        if encoding := encoding_of(chunks):
            descriptions = (encoding, *descriptions)
        image.load()
        alpha = alpha_of(image, chunks, file)
    image.load()
    orientation = _orientation(image)
    if alpha is not None:
        image.info.pop("transparency", None)
    if image.mode.startswith(("I", "F")):
        image = _eight_bit(image)
    elif image.has_transparency_data:
        if image.mode not in ("LA", "RGBA"):
            image = image.convert("RGBA")
        alpha = image.getchannel("A")
        image = image.convert("L" if image.mode == "LA" else "RGB")
    if covered is not None:
        alpha = Image.composite(alpha, covered, covered) if alpha else covered
    if image.mode not in ("L", "RGB", "CMYK", "LAB"):
        image = image.convert("L" if image.mode == "1" else "RGB")
    return Stored(image, alpha, descriptions, orientation)


def _covered(image: Image.Image) -> Image.Image | None:
    """What the first frame of a GIF covers of its canvas; None if that is everything."""
    if image.format != "GIF" or not isinstance(image, ImageFile.ImageFile) or not image.tile:
        return None
    frame = image.tile[0].extents
    if frame is None or frame == (0, 0, *image.size):
        return None
    covered = Image.new("L", image.size)
    covered.paste(255, frame)
    return covered


def _orientation(image: Image.Image) -> int:
    """The orientation in EXIF, 1 to 8; browsers do not look for one in XMP, which Pillow does."""
    exif = Image.Exif()
    try:
        exif.load(image.info.get("exif", b""))
        return int(exif.get(ExifTags.Base.Orientation, 1))
    except Exception:  # Pillow raises many things for broken EXIF, and the pixels are good
        return 1


def _eight_bit(image: Image.Image) -> Image.Image:
    """Scale grey values of 16 bits, 32 bits or floating point to 0 to 255."""
    values = np.asarray(image)
    if image.mode.startswith("I;16"):
        return Image.fromarray(to_eight_bit(values, 65_535))
    return Image.fromarray(to_eight_bit(values, full_value(values)))
