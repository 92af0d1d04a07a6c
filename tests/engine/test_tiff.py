"""TIFF: every kind comes out right, or is refused by name; never a preview, nothing on stderr."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from io import BytesIO
from itertools import product
from typing import Any

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms

from nst_core import ImageError, load_image
from tests.corpus import (
    BLUE,
    RED,
    assert_sentence,
    base,
    bomb,
    jpeg_of_size,
    many_scans,
    noise,
    profile,
    saved,
    tiff,
)

SIZE = WIDTH, HEIGHT = 64, 48
DARK, BRIGHT = 40, 210
COLOURS = np.asarray(base(size=SIZE), float)
GREY = np.where(np.arange(WIDTH) < WIDTH // 2, DARK, BRIGHT) * np.ones((HEIGHT, 1))
# Transparent on the left.
ALPHA = np.where(np.arange(WIDTH) < WIDTH // 2, 0, 255) * np.ones((HEIGHT, 1))
INKS = np.dstack([255 - COLOURS, 0 * ALPHA])

# By the kind: values of 8 bits, what they are, and what the last channel is.
KINDS: dict[str, tuple[np.ndarray, str, str | None]] = {
    "grey": (GREY, "minisblack", None),
    "white is zero": (255 - GREY, "miniswhite", None),
    "grey and alpha": (np.dstack([GREY, ALPHA]), "minisblack", "unassalpha"),
    "grey times alpha": (np.dstack([GREY * ALPHA / 255, ALPHA]), "minisblack", "assocalpha"),
    "colours": (COLOURS, "rgb", None),
    "colours and alpha": (np.dstack([COLOURS, ALPHA]), "rgb", "unassalpha"),
    "colours times alpha": (
        np.dstack([COLOURS * ALPHA[..., None] / 255, ALPHA]),
        "rgb",
        "assocalpha",
    ),
    "colours and something": (np.dstack([COLOURS, ALPHA]), "rgb", "unspecified"),
    "inks": (INKS, "separated", None),
    "inks and alpha": (np.dstack([INKS, ALPHA]), "separated", "unassalpha"),
}
TYPES = ("u1", "u2", "u4", "f4")


def typed(values: np.ndarray, dtype: str) -> np.ndarray:
    """Values from 0 to 255 in the whole range of a type; floating point is 0 to 1."""
    most = 1.0 if dtype[0] == "f" else float(np.iinfo(dtype).max)
    return np.round(values / 255 * most, 6 if dtype[0] == "f" else 0).astype(dtype)


def written(values: np.ndarray, photometric: str, **options: Any) -> bytes:
    file = BytesIO()
    tifffile.imwrite(file, values, photometric=photometric, metadata=None, **options)
    return file.getvalue()


PACKINGS = (None, "lzw", "deflate", "packbits")


def ways(kind: str, dtype: str, packings: Sequence[str | None]) -> Iterator[bytes]:
    """A kind of TIFF in every byte order, as planes and not, in tiles and strips, compressed."""
    values, photometric, extra = KINDS[kind]
    values = typed(values, dtype)
    planes = ("contig", "separate") if values.ndim == 3 else (None,)
    for order, plane, tile, packing in product("<>", planes, (None, (16, 32)), packings):
        yield written(
            np.moveaxis(values, -1, 0) if plane == "separate" else values,
            photometric,
            byteorder=order,
            planarconfig=plane,
            tile=tile,
            rowsperstrip=None if tile else 10,
            compression=packing,
            predictor=packing in ("lzw", "deflate"),
            extrasamples=[extra] if extra else None,
        )


def assert_looks(data: bytes, *colours: tuple[int, ...], tolerance: int = 2) -> None:
    """Columns of these colours; of transparent ones nothing but that."""
    image = load_image(BytesIO(data))
    assert image.info == {}
    for k, colour in enumerate(colours):
        x = (2 * k + 1) * image.width // (2 * len(colours))
        got = image.convert("RGBA").getpixel((x, image.height // 2))
        assert got[3] == (colour[3] if len(colour) == 4 else 255)
        if got[3]:
            assert np.allclose(got[:3], colour[:3], atol=tolerance), (got, colour)


def refusal(data: bytes) -> str:
    with pytest.raises(ImageError) as caught:
        load_image(BytesIO(data))
    assert_sentence(str(caught.value))
    return str(caught.value)


def assert_kind(kind: str, data: bytes) -> None:
    is_grey = "grey" in kind or "white" in kind
    left, right = ((DARK,) * 3, (BRIGHT,) * 3) if is_grey else (RED, BLUE)
    assert_looks(data, (0, 0, 0, 0) if "alpha" in kind else left, right)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind(kind: str) -> None:
    for number, dtype in enumerate(TYPES):
        for data in ways(kind, dtype, [PACKINGS[number]]):
            assert_kind(kind, data)


@pytest.mark.full
@pytest.mark.parametrize("dtype", [*TYPES, "f2", "f8"])
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_in_every_way(kind: str, dtype: str) -> None:
    for data in ways(kind, dtype, PACKINGS):
        assert_kind(kind, data)


@pytest.mark.parametrize("bits", [1, 2, 4])
@pytest.mark.parametrize("photometric", ["minisblack", "miniswhite", "palette"])
def test_few_bits(bits: int, photometric: str) -> None:
    """Rows are whole bytes; the left half has the lowest value, the right half the highest."""
    row = bytes(WIDTH // 2 * bits // 8) + b"\xff" * (WIDTH // 2 * bits // 8)
    number = ("miniswhite", "minisblack", "rgb", "palette").index(photometric)
    tags = {256: [WIDTH], 257: [HEIGHT], 258: [bits], 259: [1], 262: [number], 277: [1]}
    if photometric == "palette":
        channels = ((RED[k] * 257, *[0] * (2**bits - 2), BLUE[k] * 257) for k in range(3))
        tags[320] = [value for channel in channels for value in channel]
    data = tiff({**tags, 278: [HEIGHT]}, row * HEIGHT)
    black, white = (0, 0, 0), (255, 255, 255)
    want = {"minisblack": (black, white), "miniswhite": (white, black), "palette": (RED, BLUE)}
    assert_looks(data, *want[photometric], tolerance=0)


def test_other_ways_to_say_colours() -> None:
    lab = ImageCms.profileToProfile(
        base(size=SIZE),
        ImageCms.createProfile("sRGB"),
        ImageCms.createProfile("LAB"),
        outputMode="LAB",
    )
    codes = np.asarray(lab)
    assert_looks(saved(lab, "TIFF"), RED, BLUE, tolerance=14)
    wide = (codes.astype(np.uint16) << 8).astype("u2")
    assert_looks(written(wide, "cielab"), RED, BLUE, tolerance=14)
    assert_looks(saved(base("YCbCr", SIZE), "TIFF"), RED, BLUE, tolerance=3)
    assert_looks(saved(base("P", SIZE), "TIFF"), RED, BLUE, tolerance=12)
    assert_looks(saved(base(size=SIZE), "TIFF", icc_profile=profile()), RED, BLUE)
    for tile in (None, (16, 32)):
        codes = COLOURS.astype("u1")
        made = written(codes, "rgb", compression="jpeg", tile=tile, rowsperstrip=None)
        assert_looks(made, RED, BLUE, tolerance=9)
    for name in ("lzma", "zstd"):
        assert_looks(written(COLOURS.astype("u2") * 257, "rgb", compression=name), RED, BLUE)


def test_values_that_use_a_part_of_their_range() -> None:
    """What is white is taken from the values, where a file can't say it."""
    for full, dtype in (
        *((255, "u4"), (65_535, "u4"), (2**24 - 1, "u4"), (2**31 - 1, "i4"), (32_767, "i2")),
        *((127, "i1"), (255, "f4"), (65_535, "f4"), (1, "f4")),
    ):
        values = GREY / 255 * full
        values[0, 0] = full
        assert_looks(written(values.astype(dtype), "minisblack"), (DARK,) * 3, (BRIGHT,) * 3)
    values = COLOURS / 255
    for odd in (1.0001, 1.4, -0.5):
        values[0, 0] = odd
        assert_looks(written(values.astype("f4"), "rgb"), RED, BLUE)


def test_light_without_an_upper_end_is_refused() -> None:
    light = COLOURS / 255
    light[:5] *= 20
    said = refusal(written(light.astype("f4"), "rgb"))
    assert "values up to 17.25 where 1 is white: save it as a file of 8 or 16 bits" in said
    for odd in (np.inf, -np.inf, np.nan):
        light[3, 3] = odd
        assert "not finite" in refusal(written(light.astype("f4"), "rgb"))


def test_an_orientation_is_heeded() -> None:
    turned = np.rot90(COLOURS, 1).astype("u1")
    tag = (274, 3, 1, 6, True)
    assert_looks(written(turned, "rgb", extratags=[tag]), RED, BLUE)


# Which page is the picture.


def pages(*each: dict[str, Any]) -> bytes:
    """A TIFF of pages, each with the options of tifffile and with `subifds` below it."""
    file = BytesIO()
    with tifffile.TiffWriter(file) as writer:
        for options in each:
            writer.write(**{"photometric": "rgb", "metadata": None, **options})
    return file.getvalue()


FULL = {"data": np.repeat(np.repeat(COLOURS.astype("u1"), 2, 0), 2, 1)}
SMALL = {"data": np.full((24, 32, 3), 90, "u1"), "subfiletype": 1}
OLD_SMALL = {**SMALL, "subfiletype": None, "extratags": [(255, 3, 1, 2, True)]}
SAME_SMALL = {**SMALL, "subfiletype": None}
MASK = {"data": np.zeros((96, 128), bool), "subfiletype": 4, "photometric": "mask"}
PAGES = {
    "preview first": pages(SMALL, FULL),
    "two previews": pages(SMALL, SMALL, FULL),
    "preview by the old tag": pages(OLD_SMALL, FULL),
    "mask first": pages(MASK, FULL),
    "picture below a preview": pages({**SMALL, "subifds": 1}, FULL),
    "picture below a page": pages({**SAME_SMALL, "subifds": 1}, FULL),
    "preview below the picture": pages({**FULL, "subifds": 1}, SMALL),
    "two pages": pages(FULL, {"data": np.full((200, 300, 3), 90, "u1")}),
    "preview alone": pages({**FULL, "subfiletype": 1}),
}


@pytest.mark.parametrize("name", PAGES)
def test_the_full_picture_is_taken(name: str) -> None:
    assert load_image(BytesIO(PAGES[name])).size == (2 * WIDTH, 2 * HEIGHT)
    assert_looks(PAGES[name], RED, BLUE)


CFA = {"data": np.zeros((96, 128), "u2"), "photometric": "cfa"}
VERSION = (50_706, 1, 4, b"\1\4\0\0", True)
RAW = {
    "DNG": pages({**SMALL, "extratags": [VERSION], "subifds": 1}, CFA),
    "DNG of one page": pages({**FULL, "extratags": [VERSION]}),
    "CFA below": pages({**SMALL, "subifds": 1}, CFA),
    "CFA behind": pages(FULL, CFA),
    "linear": pages({**SMALL, "subifds": 1}, {**FULL, "photometric": "linear_raw"}),
    "Sony": pages({**SAME_SMALL, "extratags": [(28_672, 3, 1, 0, True)]}),
    "previews alone": pages({**SMALL, "extratags": [(271, 2, None, "Maker", True)]}),
    "Canon": b"II*\0\x10\0\0\0CR\2\0" + saved(base(), "TIFF")[8:],
    "Olympus": b"IIRO" + saved(base(), "TIFF")[4:],
    "Panasonic": b"IIU\0" + saved(base(), "TIFF")[4:],
    "Fujifilm": b"FUJIFILMCCD-RAW 0201" + saved(base(), "JPEG"),
    "newer Canon": b"\0\0\0\x18ftypcrx \0\0\0\1" + bytes(200),
}


@pytest.mark.parametrize("name", RAW)
def test_raw_files_of_cameras_are_refused_by_name(name: str) -> None:
    assert "is a raw file of a camera: export it as JPEG or TIFF" in refusal(RAW[name])


# What is refused, and what is hostile.


def one_part(data: bytes, packing: int, kind: int = 2) -> bytes:
    tags = {256: [WIDTH], 257: [HEIGHT], 258: [8, 8, 8], 259: [packing], 262: [kind], 277: [3]}
    return tiff({**tags, 278: [HEIGHT]}, data)


def test_kinds_that_are_refused_by_name() -> None:
    codes = COLOURS.astype("u1")
    logarithmic = one_part(codes.tobytes(), 1, 32_845)
    inks = written(INKS.astype("u1"), "separated", extratags=[(332, 3, 1, 2, True)])
    complex_ = written(GREY.astype("c8"), "minisblack")
    for data, words in (
        (one_part(saved(base(size=SIZE), "WEBP"), 50_001), "a TIFF compressed as WEBP: save it"),
        (one_part(imagecodecs.jpeg2k_encode(codes), 34_712), "a TIFF compressed as JPEG2000"),
        (one_part(codes.tobytes(), 60_000), "a TIFF compressed as something unknown"),
        (logarithmic, "a TIFF with colours as LOGLUV"),
        (inks, "a TIFF with inks other than CMYK"),
        (complex_, "a TIFF with 64 bits of a kind that is hardly used"),
        (one_part(codes.tobytes(), 1, 5), "a TIFF whose channels do not fit its colours"),
    ):
        assert words in refusal(data)


def test_hostile_files_take_neither_time_nor_memory(capfd: pytest.CaptureFixture[str]) -> None:
    whole = written(COLOURS.astype("u1"), "rgb", rowsperstrip=8)
    two = pages(FULL, FULL)
    with tifffile.TiffFile(BytesIO(two)) as file:
        first, second = (page.offset for page in file.pages)
    back = two.replace(struct.pack("<I", second), struct.pack("<I", first))
    assert_looks(back, RED, BLUE)  # its pages go round in a circle
    below = pages({**SMALL, "subifds": 1}, FULL)
    with tifffile.TiffFile(BytesIO(below)) as file:
        (under,) = file.pages[0].subifds
        circle = below.replace(struct.pack("<I", under), struct.pack("<I", file.pages[0].offset))
    load_image(BytesIO(circle))
    nowhere = two.replace(struct.pack("<I", second), b"\xf0\xff\xff\x7f")
    assert_looks(nowhere, RED, BLUE)
    damaged, too_much = "damaged or cut off", "takes too much to open"
    tags = {256: [7_000], 257: [7_000], 258: [64, 64, 64], 259: [1], 262: [2], 277: [3]}
    for data, words in (
        (whole[: len(whole) - 100], damaged),
        (one_part(jpeg_of_size(20_000, 20_000), 7), damaged),
        (one_part(many_scans(300), 7), too_much),
        (tiff({**tags, 278: [7_000], 339: [3, 3, 3]}, bytes(9)), too_much),
        (tiff({**tags, 258: [8, 8, 8], 278: [7_000]}, bytes(9)), damaged),
        (tiff({**tags, 258: [8, 8, 8], 256: [90_000], 278: [7_000]}, bytes(9)), "too large"),
        (bomb((10_000, 6_000)).replace(b"\x89PNG", b"II*\0"), damaged),
    ):
        assert words in refusal(data)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    "packing", ["tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg", "group4", "lzma"]
)
def test_damage_is_said_in_a_sentence_and_nowhere_else(
    packing: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """Pillow's libtiff writes lines to stderr for all of these."""
    image = noise(80).convert("1") if packing == "group4" else noise(80)
    whole = saved(image, "TIFF", compression=packing)
    for step in (7, 31, 97, 401):
        data = bytearray(whole)
        for place in range(200, len(data) - 300, step):
            data[place] ^= 0xFF
        try:
            assert load_image(BytesIO(data)).size == (80, 80)
        except ImageError as error:
            assert_sentence(str(error))
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("packing", ["tiff_lzw", "tiff_adobe_deflate", "packbits", "raw"])
def test_a_file_that_has_lost_its_last_bytes_is_refused(packing: str) -> None:
    """Behind its pixels, libtiff writes how many bits they have."""
    whole = saved(noise(80), "TIFF", compression=packing)
    right = np.asarray(load_image(BytesIO(whole)))
    for lost in range(1, 30):
        try:
            found = load_image(BytesIO(whole[:-lost]))
        except ImageError as error:
            assert_sentence(str(error))
        else:
            assert (np.asarray(found) == right).all()


def test_a_caller_keeps_the_file(tmp_path: Any) -> None:
    path = tmp_path / "picture.tif"
    Image.fromarray(COLOURS.astype("u1")).save(path)
    with path.open("rb") as file:
        load_image(file)
        assert not file.closed
        assert load_image(file).size == SIZE
