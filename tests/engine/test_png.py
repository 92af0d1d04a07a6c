"""Transparency of PNG and GIF, and where an orientation is looked for."""

from __future__ import annotations

import struct
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from nst_core import ImageError, load_image
from tests.corpus import BLUE, RED, STORED, assert_sentence, base, chunk, exif, looks, png, saved

SIZE = WIDTH, HEIGHT = 64, 48
GREY, COLOUR, PALETTE = 0, 2, 3


def packed(left: int, right: int, depth: int) -> bytes:
    """Rows of grey values or places in a palette: two columns."""
    values = np.where(np.arange(WIDTH) < WIDTH // 2, left, right)
    bits = (values[:, None] >> np.arange(depth - 1, -1, -1)) & 1
    return np.packbits(bits.astype(bool)).tobytes() * HEIGHT


def coloured(left: tuple[int, ...], right: tuple[int, ...], depth: int) -> bytes:
    columns = np.array([left] * (WIDTH // 2) + [right] * (WIDTH // 2), f">u{depth // 8}")
    return columns.tobytes() * HEIGHT


def clear(*values: int) -> bytes:
    return chunk(b"tRNS", struct.pack(f">{len(values)}H", *values))


def check(data: bytes, left: tuple[int, ...], right: tuple[int, ...]) -> None:
    looks(left, right, tolerance=1)(load_image(BytesIO(data)))


@pytest.mark.parametrize("depth", [1, 2, 4, 8, 16])
def test_a_transparent_grey_value(depth: int) -> None:
    """The highest, the lowest and one in between; its neighbour is opaque."""
    most = 2**depth - 1

    def shown(value: int) -> tuple[int, ...]:
        return (*[round(value / most * 255)] * 3, 255)

    for value, other in ((most, most - 1), (0, most), (most // 2, most // 2 + 1)):
        if value != other:
            data = png(SIZE, depth, GREY, packed(value, other, depth), clear(value))
            check(data, (0, 0, 0, 0), shown(other))
    data = png(SIZE, depth, GREY, packed(0, most, depth))
    check(data, shown(0), shown(most))


def test_a_transparent_colour() -> None:
    near = (1001, 2000, 3000)
    check(
        png(SIZE, 16, COLOUR, coloured((1000, 2000, 3000), near, 16), clear(1000, 2000, 3000)),
        (0, 0, 0, 0),
        (4, 8, 12, 255),
    )
    check(png(SIZE, 8, COLOUR, coloured(RED, BLUE, 8), clear(*RED)), (0, 0, 0, 0), (*BLUE, 255))
    # Only the lower 8 bits of a value count where pixels have 8.
    high = [value + 256 for value in RED]
    check(png(SIZE, 8, COLOUR, coloured(RED, BLUE, 8), clear(*high)), (0, 0, 0, 0), (*BLUE, 255))
    close = (RED[0], RED[1], RED[2] + 1)
    check(png(SIZE, 8, COLOUR, coloured(RED, close, 8), clear(*RED)), (0, 0, 0, 0), (*close, 255))


@pytest.mark.parametrize("depth", [1, 2, 4, 8])
def test_a_palette_with_opacities(depth: int) -> None:
    palette = chunk(b"PLTE", bytes((*RED, *BLUE)))
    for opacities, left, right in (
        (b"\0", (0, 0, 0, 0), (*BLUE, 255)),
        (b"\xff\0", (*RED, 255), (0, 0, 0, 0)),
        (b"\x80\xc0", (*RED, 128), (*BLUE, 192)),
    ):
        extra = palette, chunk(b"tRNS", opacities)
        check(png(SIZE, depth, PALETTE, packed(0, 1, depth), *extra), left, right)


def test_damaged_pixels_of_a_picture_with_a_transparent_value() -> None:
    good = png(SIZE, 16, COLOUR, coloured((1, 2, 3), (4, 5, 6), 16), clear(1, 2, 3))
    for end in range(40, len(good) - 20, 9):
        with pytest.raises(ImageError) as caught:
            load_image(BytesIO(good[:end]))
        assert_sentence(str(caught.value))


def gif(frame: tuple[int, int, int, int], transparent: bool = False) -> bytes:
    """A GIF whose only frame covers a part of the canvas: left, top, width, height."""
    left, top, width, height = frame
    image = Image.new("RGB", (width, height), BLUE).quantize(2)
    options = {"transparency": image.getpixel((0, 0))} if transparent else {}
    data = bytearray(saved(image, "GIF", **options))
    data[6:10] = struct.pack("<HH", WIDTH, HEIGHT)
    place = data.index(b",", 13 + 3 * 2 ** (1 + (data[10] & 7)))
    data[place + 1 : place + 5] = struct.pack("<HH", left, top)
    return bytes(data)


@pytest.mark.parametrize(
    "frame", [(32, 0, 32, 48), (0, 0, 20, 20), (10, 30, 54, 18), (63, 47, 1, 1), (0, 0, 64, 48)]
)
def test_a_frame_covers_a_part_of_its_canvas(frame: tuple[int, int, int, int]) -> None:
    left, top, width, height = frame
    image = load_image(BytesIO(gif(frame)))
    assert image.size == SIZE
    want = Image.new("L", SIZE)
    want.paste(255, (left, top, left + width, top + height))
    assert image.convert("RGBA").getchannel("A").tobytes() == want.tobytes()
    assert image.convert("RGB").getpixel((left, top)) == BLUE
    image = load_image(BytesIO(gif(frame, transparent=True)))
    assert image.getchannel("A").getextrema() == (0, 0)


XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
    b'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description '
    b'xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="%d"/></rdf:RDF></x:xmpmeta>'
)


@pytest.mark.parametrize("file_format", ["JPEG", "WEBP", "PNG", "TIFF"])
def test_an_orientation_in_xmp_alone_is_left_alone(file_format: str) -> None:
    """As browsers do; the one in EXIF counts, whatever XMP says."""
    xmp = XMP % 6
    if file_format == "TIFF":
        options = {"tiffinfo": {700: xmp}}
    elif file_format == "PNG":
        options = {}
    else:
        options = {"xmp": xmp}

    def made(image: Image.Image, **more: object) -> bytes:
        data = saved(image, file_format, **options, **more)
        if file_format == "PNG":
            text = chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + xmp)
            data = data[:33] + text + data[33:]
        return data

    looks(RED, BLUE, tolerance=30)(load_image(BytesIO(made(base()))))
    if file_format != "TIFF":
        stored = base().transpose(STORED[3])
        image = load_image(BytesIO(made(stored, exif=exif(3))))
        looks(RED, BLUE, tolerance=30)(image)
