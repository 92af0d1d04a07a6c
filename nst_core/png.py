"""What Pillow does not tell of a PNG: colours by numbers (cICP), and exact transparent values."""

from __future__ import annotations

import struct
from typing import BinaryIO

import numpy as np
from PIL import Image, ImageChops

from .depth import to_eight_bit
from .encodings import PEAK, Encoding, encoding_of_numbers

# An honest PNG has far fewer chunks; the search through a hostile one ends here.
MOST_CHUNKS = 10_000
GREY, COLOUR = 0, 2
_HEADER = struct.Struct(">IIBB")


def chunks_before_pixels(file: BinaryIO) -> dict[bytes, bytes]:
    """Read the short chunks of a PNG that come before its pixels, by their names."""
    chunks: dict[bytes, bytes] = {}
    file.seek(8)
    for _ in range(MOST_CHUNKS):
        head = file.read(8)
        length, name = int.from_bytes(head[:4], "big"), head[4:]
        if len(head) < 8 or name == b"IDAT":
            break
        if length <= 64:
            chunks.setdefault(name, file.read(length))
            file.seek(4, 1)
        else:
            file.seek(length + 4, 1)
    return chunks


def encoding_of(chunks: dict[bytes, bytes]) -> Encoding | None:
    """Return the encoding that cICP names, if it is one that browsers know."""
    numbers = chunks.get(b"cICP", b"")
    # RGB in full range; browsers ignore the chunk where it says something else.
    if len(numbers) != 4 or numbers[2:] != b"\0\1":
        return None
    peak = PEAK
    if len(light := chunks.get(b"cLLI", b"")) == 8:
        peak = int.from_bytes(light[:4], "big") / 10_000
    elif len(display := chunks.get(b"mDCV", b"")) == 24:
        peak = int.from_bytes(display[16:20], "big") / 10_000
    return encoding_of_numbers(numbers[0], numbers[1], peak or PEAK)


def alpha_of(image: Image.Image, chunks: dict[bytes, bytes], file: BinaryIO) -> Image.Image | None:
    """Make the opacity of a grey or coloured PNG that has one transparent value.

    Pillow compares this value with pixels that it has brought to 8 bits before.

    Returns:
        An image in mode L, or None where the PNG has no such value.
    """
    _, _, depth, kind = _HEADER.unpack(chunks[b"IHDR"][:10])
    value = chunks.get(b"tRNS", b"")
    if kind == GREY and len(value) == 2:
        clear = int.from_bytes(value, "big") & (2**depth - 1)
        if depth == 16:
            return Image.fromarray(np.where(np.asarray(image) == clear, 0, 255).astype(np.uint8))
        return _differs(image.convert("L"), clear * 255 // (2**depth - 1))
    if kind == COLOUR and len(value) == 6:
        if depth == 16:
            return _alpha_of_sixteen_bits(file)
        clear_colour = (x & 255 for x in struct.unpack(">3H", value))
        red, green, blue = map(_differs, image.split(), clear_colour)
        return ImageChops.lighter(ImageChops.lighter(red, green), blue)
    return None


def _differs(channel: Image.Image, value: int) -> Image.Image:
    """255 where a channel in mode L has another value, else 0."""
    return channel.point([0 if x == value else 255 for x in range(256)])


def _alpha_of_sixteen_bits(file: BinaryIO) -> Image.Image:
    """Decode colours once more in 16 bits, of which Pillow has the upper 8 alone."""
    import imagecodecs  # not above: it is rarely needed

    file.seek(0)
    pixels = imagecodecs.png_decode(file.read())
    return Image.fromarray(to_eight_bit(pixels[..., 3], 65_535))
