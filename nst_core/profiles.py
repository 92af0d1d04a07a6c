"""How a file says its colours: ICC profiles, nclx of AVIF and HEIF, gAMA and cHRM of PNG."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import Any, BinaryIO

from PIL import Image, ImageCms

from .encodings import SRGB, Encoding, encoding_of_gamma, encoding_of_numbers, to_srgb_from

# An ICC profile as its file holds it, or another description of colours.
Description = bytes | Encoding

_SRGB_PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
# The modes that a profile of this colour space describes.
_SPACES = {"GRAY": "L", "RGB": "RGB", "CMYK": "CMYK", "Lab": "LAB"}
# In nclx, browsers take the curves of television, and what is unspecified, as sRGB.
_TELEVISION = (1, 2, 6, 11, 14, 15)
# Profiles have about twenty tags.
MOST_TAGS = 100
_UNSPECIFIED, _BT709, _SRGB_CURVE = 2, 1, 13


def descriptions_of(image: Image.Image, file: BinaryIO | None = None) -> tuple[Description, ...]:
    """Return what an open image says of its colours; of several, the first counts.

    Args:
        file: where the image comes from, if it comes from a file.
    """
    info = image.info
    nclx = info.get("nclx_profile")
    if image.format == "AVIF" and file is not None and "icc_profile" not in info:
        nclx = _nclx_of_avif(file)
    found = [
        info.get("icc_profile"),
        _encoding_of_nclx(nclx) if nclx else None,
        # Of a PNG, Pillow keeps sRGB, gAMA and cHRM, which its specification ranks in this order.
        SRGB if "srgb" in info else None,
        encoding_of_gamma(info["gamma"], info.get("chromaticity")) if "gamma" in info else None,
    ]
    return tuple(x for x in found if x)


def to_srgb(image: Image.Image, descriptions: Sequence[Description]) -> Image.Image:
    """Convert an image to sRGB by the first description that can be used.

    A broken ICC profile, or one for another kind of image, is ignored, as browsers do.

    Args:
        image: mode L, RGB, CMYK or LAB; it may be changed in place.

    Returns:
        An image in mode RGB.
    """
    for description in descriptions:
        converted = None
        if isinstance(description, bytes):
            description = _encoding_in(description) or description
        if isinstance(description, bytes):
            converted = _from_icc(image, description)
        elif image.mode in ("L", "RGB"):
            converted = to_srgb_from(_rgb(image), description)
        if converted is not None:
            return converted
    return _rgb(image)


def _rgb(image: Image.Image) -> Image.Image:
    return image if image.mode == "RGB" else image.convert("RGB")


def _from_icc(image: Image.Image, profile: bytes) -> Image.Image | None:
    """Convert an image by its ICC profile; None if the profile is not for such an image."""
    try:
        source = ImageCms.ImageCmsProfile(BytesIO(profile))
        mode = _SPACES.get(source.profile.xcolor_space.strip())
        if mode == "RGB" and image.mode == "L":
            image = image.convert("RGB")
        if mode != image.mode:
            return None
        if mode == "RGB":
            ImageCms.profileToProfile(image, source, _SRGB_PROFILE, inPlace=True)
            return image
        return ImageCms.profileToProfile(image, source, _SRGB_PROFILE, outputMode="RGB")
    except (OSError, ImageCms.PyCMSError):
        return None


def _encoding_in(profile: bytes) -> Encoding | None:
    """Return the encoding that an ICC profile of HDR has in its tag `cicp`."""
    count = min(int.from_bytes(profile[128:132], "big"), MOST_TAGS, (len(profile) - 132) // 12)
    for name, offset, size in struct.iter_unpack(">4sII", profile[132 : 132 + 12 * max(count, 0)]):
        if name == b"cicp" and size >= 12 and offset + 12 <= len(profile):
            return encoding_of_numbers(profile[offset + 8], profile[offset + 9])
    return None


def _nclx_of_avif(file: BinaryIO) -> Mapping[str, Any] | None:
    """Read nclx of an AVIF file, which Pillow keeps to itself."""
    import pillow_heif  # not above: it is rarely needed

    try:
        file.seek(0)
        nclx: Mapping[str, Any] | None = pillow_heif.open_heif(file).info.get("nclx_profile")
        return nclx
    # As for decoders: nearly anything is raised where a file is odd, and Pillow may still read it.
    except Exception:
        return None


def _encoding_of_nclx(nclx: Mapping[str, Any]) -> Encoding | None:
    primaries, transfer = nclx["color_primaries"], nclx["transfer_characteristics"]
    return encoding_of_numbers(
        _BT709 if primaries == _UNSPECIFIED else primaries,
        _SRGB_CURVE if transfer in _TELEVISION else transfer,
    )
