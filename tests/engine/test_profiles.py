"""Colours: what a file says of them is heeded as Chromium does.

The colours here are what Chromium 156 shows; `tests/full/test_colours_in_a_browser.py` asks the
browser of this machine.
"""

from __future__ import annotations

import struct
import zlib
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from nst_core import load_image
from tests.corpus import chunk, png, saved, swapped_profile

SIZE = WIDTH, HEIGHT = 40, 24
CASES = Path(__file__).parent / "cases"
SRGB = chunk(b"sRGB", b"\0")
P3 = (0.3127, 0.329, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06)
ORANGE, GREY = (200, 80, 60), (148, 148, 148)


def cicp(primaries: int, transfer: int, matrix: int = 0, full_range: int = 1) -> bytes:
    return chunk(b"cICP", bytes([primaries, transfer, matrix, full_range]))


def gama(gamma: float) -> bytes:
    return chunk(b"gAMA", struct.pack(">I", round(gamma * 100_000)))


def chrm(*values: float) -> bytes:
    return chunk(b"cHRM", struct.pack(">8I", *(round(x * 100_000) for x in values)))


def iccp(profile: bytes) -> bytes:
    return chunk(b"iCCP", b"name\0\0" + zlib.compress(profile))


def flat(colour: tuple[int, ...], *extra: bytes, depth: int = 8) -> bytes:
    """A PNG of one colour: grey, grey and alpha, RGB or RGBA, as the colour has channels."""
    pixel = np.array(colour, ">u2" if depth == 16 else "u1").tobytes()
    return png(SIZE, depth, (0, 4, 2, 6)[len(colour) - 1], pixel * WIDTH * HEIGHT, *extra)


def profile_of(name: str) -> bytes:
    return Image.open(CASES / name).info["icc_profile"]


def with_cicp_tag(primaries: int, transfer: int) -> bytes:
    """An ICC profile that has numbers of H.273, as those of HDR have."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    count = int.from_bytes(profile[128:132], "big")
    table, rest = profile[132 : 132 + 12 * count], profile[132 + 12 * count :]
    entries = [(name, place + 12, size) for name, place, size in struct.iter_unpack(">4sII", table)]
    entries.append((b"cicp", len(profile) + 12, 12))
    table = b"".join(struct.pack(">4sII", *entry) for entry in entries)
    tag = b"cicp\0\0\0\0" + bytes([primaries, transfer, 0, 1])
    whole = profile[4:128] + struct.pack(">I", count + 1) + table + rest + tag
    return struct.pack(">I", len(whole) + 4) + whole


LINEAR_GREY, LINEAR_RGB = profile_of("grey_icc_LA.png"), profile_of("icc_rgbprofile_on_L.jpg")
SWAPPED = swapped_profile()


def still(mode: str, colour: tuple[int, ...] | int) -> Image.Image:
    return Image.new(mode, SIZE, colour)


def nclx_avif(primaries: int, transfer: int) -> bytes:
    """An AVIF of the table with other numbers in its nclx."""
    data = (CASES / "avif_p3_nclx.avif").read_bytes()
    place = data.index(b"nclx") + 4
    return data[:place] + struct.pack(">HH", primaries, transfer) + data[place + 4 :]


def nclx_heif(primaries: int, transfer: int) -> bytes:
    return saved(
        still("RGB", ORANGE),
        "HEIF",
        quality=-1,
        chroma=444,
        color_primaries=primaries,
        transfer_characteristics=transfer,
        save_nclx_profile=True,
    )


# By the name of a file: what is in it, and the colour that a browser shows.
PROFILES = {
    "grey.jpg": (saved(still("L", 55), "JPEG", icc_profile=LINEAR_GREY), (128, 128, 128)),
    "grey_16.png": (flat((55 * 257,), iccp(LINEAR_GREY), depth=16), (128, 128, 128)),
    "grey_alpha.png": (flat((55, 255), iccp(LINEAR_GREY)), (128, 128, 128)),
    "grey_rgb_profile.png": (flat((55,), iccp(LINEAR_RGB)), (128, 128, 128)),
    "grey_alpha_rgb_profile.png": (flat((55, 255), iccp(LINEAR_RGB)), (128, 128, 128)),
    "palette.png": (
        saved(still("RGB", ORANGE).quantize(4), "PNG", icc_profile=SWAPPED),
        (60, 80, 200),
    ),
    "alpha.png": (flat((*ORANGE, 255), iccp(SWAPPED)), (60, 80, 200)),
    "colour.webp": (
        saved(still("RGB", ORANGE), "WEBP", lossless=True, icc_profile=SWAPPED),
        (60, 80, 200),
    ),
    "cicp_tag.png": (flat(GREY, iccp(with_cicp_tag(9, 16))), (187, 187, 187)),
    "cicp_tag.jpg": (
        saved(still("RGB", GREY), "JPEG", icc_profile=with_cicp_tag(9, 16)),
        (187, 187, 187),
    ),
}
NUMBERS = {
    "p3.png": (flat(ORANGE, cicp(12, 13)), (216, 69, 50)),
    "linear.png": (flat(ORANGE, cicp(1, 8)), (229, 152, 133)),
    "television.png": (flat(ORANGE, cicp(9, 14)), (242, 1, 37)),
    "cinema.png": (flat(ORANGE, cicp(11, 17)), (213, 50, 30)),
    "ntsc.png": (flat(ORANGE, cicp(4, 4)), (236, 71, 44)),
    "grey_linear.png": (flat((55,), cicp(1, 8)), (128, 128, 128)),
    "alpha_p3.png": (flat((*ORANGE, 255), cicp(12, 13)), (216, 69, 50)),
    "wide_p3.png": (flat(tuple(257 * x for x in ORANGE), cicp(12, 13), depth=16), (216, 69, 50)),
}
HDR = {
    "pq_dark.png": (flat((90, 90, 90), cicp(9, 16)), (61, 61, 61)),
    "pq_bright.png": (flat((170, 170, 170), cicp(9, 16)), (229, 229, 229)),
    "pq_colour.png": (flat((160, 120, 90), cicp(9, 16)), (255, 80, 37)),
    "pq_red.png": (flat((170, 60, 60), cicp(9, 16)), (255, 0, 0)),
    "pq_p3.png": (flat((160, 120, 90), cicp(12, 16)), (240, 103, 41)),
    "pq_4000_nits.png": (
        flat(
            (180, 180, 180), cicp(9, 16), chunk(b"cLLI", struct.pack(">II", 40_000_000, 4_000_000))
        ),
        (217, 217, 217),
    ),
    "pq_display.png": (
        flat(
            (180, 180, 180),
            cicp(9, 16),
            chunk(b"mDCV", bytes(16) + struct.pack(">II", 40_000_000, 50)),
        ),
        (217, 217, 217),
    ),
    "hlg_white.png": (flat((191, 191, 191), cicp(9, 18)), (187, 187, 187)),
    "hlg_bright.png": (flat((225, 225, 225), cicp(9, 18)), (229, 229, 229)),
    "hlg_colour.png": (flat((190, 140, 90), cicp(9, 18)), (205, 104, 65)),
    "hlg_p3.png": (flat((190, 140, 90), cicp(12, 18)), (185, 110, 65)),
}
GAMMA = {
    "gamma_1.png": (flat(ORANGE, gama(1)), (229, 152, 133)),
    "gamma_half.png": (flat(ORANGE, gama(0.5)), (206, 88, 67)),
    "p3_linear.png": (flat(ORANGE, gama(1), chrm(*P3)), (242, 148, 129)),
    "p3.png": (flat(ORANGE, gama(0.45455), chrm(*P3)), (218, 67, 47)),
    "white_of_5000_kelvin.png": (
        flat(ORANGE, gama(0.45455), chrm(0.3457, 0.3585, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06)),
        (209, 80, 62),
    ),
    "grey.png": (flat((55,), gama(1)), (128, 128, 128)),
    "grey_alpha.png": (flat((55, 255), gama(1)), (128, 128, 128)),
}
NCLX = {
    "p3.avif": (nclx_avif(12, 13), (216, 69, 49)),
    "p3_television.avif": (nclx_avif(12, 1), (216, 69, 49)),
    "p3_unspecified.avif": (nclx_avif(12, 2), (216, 69, 49)),
    "linear.avif": (nclx_avif(1, 8), (229, 152, 132)),
    "hlg.avif": (nclx_avif(9, 18), (230, 0, 35)),
    "pq.avif": (nclx_avif(9, 16), (255, 0, 0)),
    "bt2020.avif": (nclx_avif(9, 14), (244, 37, 49)),
}
# What a browser does not heed.
IGNORED = {
    "chromaticities_alone.png": flat(ORANGE, chrm(*P3)),
    "gamma_of_srgb.png": flat(ORANGE, gama(0.45455)),
    "gamma_0.png": flat(ORANGE, gama(0)),
    "primaries_on_a_line.png": flat(
        ORANGE, gama(1), chrm(0.3127, 0.329, 0.64, 0.33, 0.64, 0.33, 0.64, 0.33)
    ),
    "no_white.png": flat(ORANGE, gama(1), chrm(*[0] * 8)),
    "video_range.png": flat(ORANGE, cicp(12, 13, 0, 0)),
    "unknown_primaries.png": flat(ORANGE, cicp(3, 13)),
    "unspecified.png": flat(ORANGE, cicp(2, 2)),
    "logarithmic.png": flat(ORANGE, cicp(1, 9)),
    "grey_profile.png": flat(ORANGE, iccp(LINEAR_GREY)),
    "grey_profile_in_palette.png": saved(
        still("RGB", ORANGE).quantize(4), "PNG", icc_profile=LINEAR_GREY
    ),
    "unspecified.avif": nclx_avif(2, 2),
    "television.avif": nclx_avif(1, 1),
}
# The order of the PNG specification: cICP, ICC, sRGB, gAMA and cHRM. What is broken does not count.
FIRST = {
    "cicp_icc.png": (flat(ORANGE, cicp(12, 13), iccp(SWAPPED)), (216, 69, 50)),
    "cicp_srgb.png": (flat(ORANGE, SRGB, cicp(12, 13), gama(1)), (216, 69, 50)),
    "icc_srgb.png": (flat(ORANGE, SRGB, iccp(SWAPPED), gama(1)), (60, 80, 200)),
    "icc_gamma.png": (flat(ORANGE, gama(1), iccp(SWAPPED)), (60, 80, 200)),
    "srgb_gamma.png": (flat(ORANGE, gama(1), SRGB, chrm(*P3)), ORANGE),
    "unknown_cicp_icc.png": (flat(ORANGE, cicp(2, 2), iccp(SWAPPED)), (60, 80, 200)),
    "broken_icc_gamma.png": (flat(ORANGE, iccp(b"junk"), gama(1)), (229, 152, 133)),
}
ALL = {
    **{f"{kind}/{name}": file for kind, files in (
        ("icc", PROFILES), ("cicp", NUMBERS), ("hdr", HDR), ("gamma", GAMMA), ("nclx", NCLX),
        ("first", FIRST), ("ignored", {name: (data, ORANGE) for name, data in IGNORED.items()}),
    ) for name, file in files.items()}
}  # fmt: skip


def assert_flat(data: bytes, colour: tuple[int, ...], tolerance: int = 3) -> None:
    """One colour everywhere, and nothing transparent."""
    image = load_image(BytesIO(data))
    assert (image.mode, image.info) == ("RGB", {})
    assert abs(np.asarray(image, int) - colour).max() <= tolerance, (image.getpixel((0, 0)), colour)


@pytest.mark.parametrize("name", ALL)
def test_colours_are_those_of_a_browser(name: str) -> None:
    assert_flat(*ALL[name])


@pytest.mark.parametrize(
    ("numbers", "colour"), [((12, 13), (216, 69, 50)), ((1, 8), (229, 152, 133))], ids=str
)
def test_nclx_of_heif(numbers: tuple[int, int], colour: tuple[int, ...]) -> None:
    assert_flat(nclx_heif(*numbers), colour)


def test_hdr_of_heif() -> None:
    """As the same values in a PNG."""
    want = load_image(BytesIO(flat(ORANGE, cicp(9, 18)))).getpixel((0, 0))
    assert want != ORANGE
    assert_flat(nclx_heif(9, 18), want)


def test_icc_counts_more_than_nclx() -> None:
    options = {"color_primaries": 9, "transfer_characteristics": 16, "save_nclx_profile": True}
    made = saved(
        still("RGB", ORANGE), "HEIF", quality=-1, chroma=444, icc_profile=SWAPPED, **options
    )
    assert_flat(made, (60, 80, 200))


def test_transparent_values_and_profiles_go_together() -> None:
    """The transparent value is one of the file, and the colours of the others are converted."""
    values = np.zeros((HEIGHT, WIDTH), np.uint8)
    values[:, WIDTH // 2 :] = 55
    for extra in (iccp(LINEAR_GREY), iccp(LINEAR_RGB), gama(1), cicp(1, 8)):
        clear = chunk(b"tRNS", b"\0\0")
        image = load_image(BytesIO(png(SIZE, 8, 0, values.tobytes(), extra, clear)))
        assert image.mode == "RGBA"
        assert image.getpixel((5, 5))[3] == 0
        assert image.getpixel((WIDTH - 5, 5)) == (128, 128, 128, 255)


def test_the_whole_range_of_hdr_rises_to_white_and_stays_there() -> None:
    """No colour is turned round: brighter light is never darker on the screen."""
    ramp = np.repeat(np.arange(256, dtype=np.uint8), 3).tobytes() * 16
    for transfer in (16, 18):
        image = load_image(BytesIO(png((256, 16), 8, 2, ramp, cicp(9, transfer))))
        line = np.asarray(image, int)[3]
        assert (np.diff(line, axis=0) >= 0).all()
        assert line[0].tolist() == [0, 0, 0]
        assert line[-1].tolist() == [255, 255, 255]


@pytest.mark.parametrize("count", [0, 5, 2**16, 2**32 - 1])
def test_a_profile_that_lies_about_its_tags_is_ignored(count: int) -> None:
    """Also cut in the midst of its tag of HDR."""
    profile = bytearray(with_cicp_tag(9, 16))
    whole = bytes(profile)
    profile[128:132] = struct.pack(">I", count)
    for data in (bytes(profile), whole[:131], whole[:200], whole[:-6], whole[:132] + b"\xff" * 60):
        assert load_image(BytesIO(flat(ORANGE, iccp(data)))).size == SIZE
