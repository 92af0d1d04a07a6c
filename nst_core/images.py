"""From any image file to clean sRGB pixels, to tensors, and back to the photo's own shape."""

from __future__ import annotations

import warnings
from io import BytesIO
from os import PathLike
from pathlib import Path
from typing import BinaryIO

import torch
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError
from pillow_heif import register_heif_opener
from torch import Tensor

from .errors import ImageError

register_heif_opener()
# Pillow warns above 89 megapixels; such files are refused here before they are decoded.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)

# (Pillow takes the MPO files of phones for JPEG, and opens them as that.)
FORMATS = ("PNG", "JPEG", "WEBP", "AVIF", "HEIF", "GIF", "BMP", "TIFF")
MAX_PIXELS = 50_000_000
MIN_SIDE = 16
# The network halves its feature maps four times; one pixel must be left.
MIN_WORKING_SIDE = 16

_SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
_WHITE = (255, 255, 255)


def load_image(source: str | PathLike[str] | BinaryIO | Image.Image) -> Image.Image:
    """Decode an image file (or take an open image) to 8-bit sRGB.

    The orientation of the camera is applied, an embedded colour profile is converted to sRGB
    (one that is broken is ignored, as browsers do), of an animation the first frame is taken,
    and 16-bit values are reduced to 8. Nothing of the file but its pixels is kept.

    Returns:
        An image in mode RGB, or RGBA where some of it is transparent; `info` is empty.

    Raises:
        ImageError: no such file, not an image, damaged, or its size is not usable.
    """
    if isinstance(source, Image.Image):
        _check_size(source.size)
        return _decode(source)
    try:
        with Image.open(source, formats=FORMATS) as image:
            _check_size(image.size)
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
    except (FileNotFoundError, IsADirectoryError, PermissionError) as error:
        raise ImageError(
            f"{_name(source)} can't be opened: check that it is a file you may read."
        ) from error
    # The decoders of a dozen formats raise nearly anything when a file is damaged.
    except Exception as error:
        raise ImageError(
            f"{_name(source)} is damaged or cut off: save it again, or use another image."
        ) from error


def working_size(size: tuple[int, int], long_side: int) -> tuple[int, int]:
    """Width and height scaled to `long_side`; of a very long image the short side is widened."""
    scale = long_side / max(size)
    width, height = (max(MIN_WORKING_SIDE, round(side * scale)) for side in size)
    return width, height


def on_white(image: Image.Image) -> Image.Image:
    """The image in mode RGB, what is transparent over white."""
    if image.mode == "RGBA":
        ground = Image.new("RGBA", image.size, (*_WHITE, 255))
        image = Image.alpha_composite(ground, image)
    return image.convert("RGB")


def to_tensor(image: Image.Image, size: tuple[int, int]) -> Tensor:
    """The image over white, resized to `size` (width, height): (1, 3, H, W), 0 to 1, float32."""
    image = on_white(image).resize(size, Image.Resampling.LANCZOS)
    pixels = torch.frombuffer(bytearray(image.tobytes()), dtype=torch.uint8)
    # In memory this is (H, W, 3), which is what channels_last means.
    return pixels.view(1, image.height, image.width, 3).permute(0, 3, 1, 2) / 255


def to_image(tensor: Tensor) -> Image.Image:
    """The RGB image of a tensor (1, 3, H, W); values are clipped to 0 to 1."""
    pixels = tensor.detach()[0].clamp(0, 1).mul(255).round().to(torch.uint8)
    return Image.fromarray(pixels.permute(1, 2, 0).contiguous().cpu().numpy())


def _check_size(size: tuple[int, int]) -> None:
    width, height = size
    if width * height > MAX_PIXELS:
        raise ImageError(_too_large(f" ({width} x {height} pixels)"))
    if min(size) < MIN_SIDE:
        raise ImageError(
            f"The image is too small ({width} x {height} pixels): use one of at least {MIN_SIDE} "
            "pixels on each side."
        )


def _too_large(size: str = "") -> str:
    return f"The image is too large{size}: use one of at most {MAX_PIXELS // 1_000_000} megapixels."


def _name(source: object) -> str:
    return Path(source).name if isinstance(source, (str, PathLike)) else "The file"


def _decode(image: Image.Image) -> Image.Image:
    """Upright 8-bit RGB or RGBA in sRGB, with nothing else attached."""
    profile = image.info.get("icc_profile")
    image = _eight_bit(_upright(image))
    alpha = None
    if image.has_transparency_data:
        image = image.convert("RGBA")
        alpha = image.getchannel("A")
        if alpha.getextrema() == (255, 255):
            alpha = None
    image = _to_srgb(image, profile)
    clean = Image.frombytes("RGB", image.size, image.tobytes())
    if alpha is not None:
        clean.putalpha(alpha)
    return clean


def _upright(image: Image.Image) -> Image.Image:
    """The image turned as its EXIF orientation says; broken EXIF says nothing."""
    image.load()
    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # its parser raises many things, and the pixels are good
        return image


def _eight_bit(image: Image.Image) -> Image.Image:
    """Grey values of 16 or 32 bits, or floating point, brought to 0 to 255."""
    if not image.mode.startswith(("I", "F")):
        return image
    image.info.pop("transparency", None)  # a grey value in the old range
    values = image.convert("F")
    _, high = values.getextrema()
    if not high < float("inf"):  # also catches NaN
        raise ImageError("The image holds values that are not finite: save it as an 8-bit file.")
    if image.mode == "F" and high <= 1:
        full = 1.0
    elif image.mode.startswith("I;16") or 255 < high <= 65535:
        full = 65535.0
    else:
        full = max(high, 255.0)
    return values.point(lambda value: value * (255 / full) + 0).convert("L")


def _to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
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
