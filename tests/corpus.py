"""A corpus of bad, odd and hostile input, with what each must end in.

python -m tests.corpus FOLDER    writes all files into FOLDER
"""

from __future__ import annotations

import re
import struct
import sys
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms
from PIL.PngImagePlugin import PngInfo
from pillow_heif import register_heif_opener

register_heif_opener()

RED, BLUE, WHITE = (220, 30, 20), (20, 40, 200), (255, 255, 255)
WIDTH, HEIGHT = SIZE = (64, 48)
ORIENTATION = 0x0112
# How an upright image is stored, by its EXIF orientation.
STORED = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
Check = Callable[[Image.Image], None]
# What is said of a file that is none, or only a part of one.
NO_IMAGE, DAMAGED = "is not an image", "is damaged or cut off"
UNREADABLE = f"{NO_IMAGE}|{DAMAGED}"


@dataclass(frozen=True)
class Case:
    """A file, and what the product makes of it: a picture or a sentence, one of them is given.

    Attributes:
        name: of the file.
        make: gives what is in it; None is no file at all.
        picture: fails if an image is not the right one.
        sentence: regular expression for what the sentence must say.
    """

    name: str
    make: Callable[[], bytes | None]
    picture: Check | None = None
    sentence: str = ""

    def write(self, folder: Path) -> Path:
        """Write the file, if there is one to write, and return its path."""
        path = folder / self.name
        if self.name not in {file.name for file in folder.iterdir()}:
            data = self.make()
            if data is not None:
                path.write_bytes(data)
        return path


def assert_sentence(text: str, pattern: str = "") -> None:
    """One sentence for a user: no trace, no folder of the server, no line of its own making."""
    assert text.endswith("."), text
    assert text.isprintable(), text
    assert len(text) <= 250, text
    assert not re.search(r"[.!?] [A-Z]", text), text
    for bad in ("Traceback", "Error", 'File "', "/tmp", "site-packages"):
        assert bad not in text, text
    assert re.search(pattern, text), f"{pattern!r} is not in {text!r}"


# What the right picture is. Each part of an image is looked at in its middle.


def looks(*colours: tuple[int, ...], size: tuple[int, int] = SIZE, tolerance: int = 14) -> Check:
    """Columns of these colours, from left to right; of transparent ones nothing but that."""

    def check(image: Image.Image) -> None:
        assert image.size == size
        pixels = image.convert("RGBA")
        for k, colour in enumerate(colours):
            x = (2 * k + 1) * image.width // (2 * len(colours))
            got = pixels.getpixel((x, image.height // 2))
            if len(colour) == 4:
                assert got[3] == colour[3], got
            if got[3]:
                pairs = zip(got, colour, strict=False)
                assert all(abs(a - b) <= tolerance for a, b in pairs), (got, colour)

    return check


two_colours = looks(RED, BLUE)
# Where the file keeps less of the colours than the eye would notice in a photo.
about_two_colours = looks(RED, BLUE, tolerance=30)
black_white = looks((0, 0, 0), WHITE, tolerance=2)
half_clear = looks((0, 0, 0, 0), (*BLUE, 255))


# How files are made.


def base(mode: str = "RGB", size: tuple[int, int] = SIZE) -> Image.Image:
    """Red on the left and blue on the right."""
    image = Image.new("RGB", size, RED)
    image.paste(BLUE, (size[0] // 2, 0, *size))
    return image.quantize(8) if mode == "P" else image.convert(mode)


def grey(mode: str = "L") -> Image.Image:
    """Black on the left and white on the right."""
    image = Image.new("L", SIZE)
    image.paste(255, (WIDTH // 2, 0, WIDTH, HEIGHT))
    return image.convert(mode)


def clear() -> Image.Image:
    """Transparent on the left."""
    image = base("RGBA")
    image.paste((0, 0, 0, 0), (0, 0, WIDTH // 2, HEIGHT))
    return image


def noise(side: int = 150) -> Image.Image:
    values = np.random.default_rng(0).integers(0, 256, (side, side, 3), np.uint8)
    return Image.fromarray(values)


def saved(image: Image.Image, file_format: str, **options: object) -> bytes:
    file = BytesIO()
    image.save(file, file_format, **options)
    return file.getvalue()


def swapped_profile() -> bytes:
    """A profile that calls red blue."""
    srgb = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    tags = int.from_bytes(srgb[128:132], "big")
    places = {bytes(srgb[132 + 12 * k : 136 + 12 * k]): 136 + 12 * k for k in range(tags)}
    red, blue = places[b"rXYZ"], places[b"bXYZ"]
    srgb[red : red + 4], srgb[blue : blue + 4] = srgb[blue : blue + 4], srgb[red : red + 4]
    return bytes(srgb)


def chunk(kind: bytes, data: bytes) -> bytes:
    """One chunk of a PNG."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(size: tuple[int, int], depth: int, kind: int, data: bytes, *extra: bytes) -> bytes:
    """A PNG of raw rows without their filter bytes; Pillow can't write all the modes it reads."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", *size, depth, kind, 0, 0, 0))
    row = len(data) // size[1]
    rows = b"".join(b"\0" + data[k * row : (k + 1) * row] for k in range(size[1]))
    parts = (header, *extra, chunk(b"IDAT", zlib.compress(rows, 9)), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def png_of(values: np.ndarray, kind: int) -> bytes:
    """A PNG with 16 bits of each channel, from an array (H, W, C) of 8-bit values."""
    wide = values.astype(">u2") * 257
    return png((values.shape[1], values.shape[0]), 16, kind, wide.astype(">u2").tobytes())


def bomb(size: tuple[int, int], depth: int = 1, kind: int = 0, *extra: bytes) -> bytes:
    """A PNG of nothing, made row by row."""
    packer = zlib.compressobj(9)
    row = bytes(1 + (size[0] * depth + 7) // 8)
    data = b"".join(packer.compress(row) for _ in range(size[1])) + packer.flush()
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", *size, depth, kind, 0, 0, 0))
    parts = (header, *extra, chunk(b"IDAT", data), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def header_only(side: int) -> bytes:
    """A PNG that promises a lot and has nothing."""
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"")


def with_chunk(data: bytes, extra: bytes) -> bytes:
    """A PNG with one chunk more, right behind its header."""
    return data[:33] + extra + data[33:]


def tiff(tags: dict[int, list[int]], data: bytes, order: str = "<", kind: int = 4) -> bytes:
    """A TIFF of one strip or tile; all its tags are numbers of 16 or 32 bits."""
    offsets, counts = (324, 325) if 322 in tags else (273, 279)
    tags = dict(sorted({**tags, offsets: [0], counts: [len(data)]}.items()))
    end = 8 + 2 + 12 * len(tags) + 4
    behind = sum(4 * len(v) for v in tags.values() if len(v) > 1)
    tags[offsets] = [end + behind]
    entries = extra = b""
    for tag, values in tags.items():
        raw = struct.pack(f"{order}{len(values)}I", *values)
        if len(values) > 1:
            raw, extra = struct.pack(f"{order}I", end + len(extra)), extra + raw
        entries += struct.pack(f"{order}HHI", tag, kind, len(values)) + raw
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}IH", 8, len(tags))
    return head + entries + bytes(4) + extra + data


def tiff_of_grey(values: np.ndarray, bits: int, sample: int, order: str = "<") -> bytes:
    """A TIFF of one channel (H, W) as it is; `sample` is 1 unsigned, 2 signed, 3 floating."""
    height, width = values.shape
    tags = {256: [width], 257: [height], 258: [bits], 259: [1], 262: [1], 277: [1], 278: [height]}
    return tiff({**tags, 339: [sample]}, values.tobytes(), order)


def tiff_of_colours(values: np.ndarray) -> bytes:
    """A TIFF of red, green and blue (H, W, 3), in floating point of 32 bits."""
    height, width = values.shape[:2]
    tags = {256: [width], 257: [height], 258: [32] * 3, 259: [1], 262: [2], 277: [3]}
    return tiff({**tags, 278: [height], 339: [3] * 3}, values.tobytes())


def float_tiff(*odd: float) -> bytes:
    """0 to 1 in floating point; the last pixels are `odd`."""
    values = np.asarray(grey(), np.float32) / 255
    values[-1, -1 - len(odd) : -1] = odd
    return tiff_of_grey(values, 32, 3)


def tiled_tiff(tile: int) -> bytes:
    """Of 64 x 64 pixels, in a tile that may be much larger."""
    packer = zlib.compressobj(9)
    data = b"".join(packer.compress(bytes(3 * tile)) for _ in range(tile)) + packer.flush()
    tags = {256: [64], 257: [64], 258: [8, 8, 8], 259: [8], 262: [2], 277: [3], 284: [1]}
    return tiff({**tags, 322: [tile], 323: [tile]}, data)


def many_scans(count: int) -> bytes:
    """A progressive JPEG that goes over its pixels `count` times more than it has to."""
    data = saved(Image.new("RGB", (2000, 2000), "grey"), "JPEG", progressive=True)
    last = data.rindex(b"\xff\xda")
    return data[:last] + data[last:-2] * count + data[-2:]


def exif(orientation: object, kind: int = 3, junk: bool = False) -> bytes:
    """EXIF with nothing but an orientation, and a tag that leads nowhere."""
    value = struct.pack("<I", orientation) if isinstance(orientation, int) else orientation
    entries = [struct.pack("<HHI", ORIENTATION, kind, 1) + value]
    if junk:
        entries.append(struct.pack("<HHII", 0x8769, 4, 1, 0xFFFFFFF0))
        entries.append(struct.pack("<HHII", 0x8825, 4, 1, 8))
        entries.append(struct.pack("<HHII", 0x9286, 7, 0x7FFFFFFF, 16))
    head = b"Exif\0\0II*\0" + struct.pack("<IH", 8, len(entries))
    return head + b"".join(entries) + bytes(4)


def turned(orientation: int, file_format: str, **options: object) -> bytes:
    """Stored so that it comes out upright where the orientation is heeded."""
    turn = STORED.get(orientation)
    image = base() if turn is None else base().transpose(turn)
    options = {"exif": exif(orientation), **options}
    if file_format != "TIFF":
        options["quality"] = 95
    return saved(image, file_format, **options)


def animated(file_format: str, **options: object) -> bytes:
    """The picture, then something else."""
    others = [Image.new("RGB", SIZE, colour) for colour in ("white", "green")]
    return saved(base(), file_format, save_all=True, append_images=others, **options)


def gif_with_a_large_frame() -> bytes:
    """The frame is larger than the canvas, which Pillow then enlarges."""
    data = saved(base(), "GIF")
    return data[:6] + struct.pack("<HH", 20, 20) + data[10:]


def profile(space: str = "sRGB") -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile(space)).tobytes()


def png_with_text(size: int) -> bytes:
    info = PngInfo()
    info.add_text("Comment", "A" * size, zip=True)
    return saved(base(), "PNG", pnginfo=info)


def huge_icc() -> bytes:
    data = b"icc\0\0" + zlib.compress(bytes(100_000_000), 9)
    return with_chunk(saved(base(), "PNG"), chunk(b"iCCP", data))


def bad_crc() -> bytes:
    data = bytearray(saved(base(), "PNG"))
    place = data.index(b"IDAT")
    data[place + 8] ^= 0xFF
    return bytes(data)


def jpeg_of_size(width: int, height: int) -> bytes:
    """A small JPEG whose header says something else."""
    data = saved(base(), "JPEG")
    place = data.index(b"\xff\xc0") + 5
    return data[:place] + struct.pack(">HH", height, width) + data[place + 4 :]


def still(data: bytes | None) -> Callable[[], bytes | None]:
    return lambda: data


def picture(name: str, make: Callable[[], bytes], check: Check = two_colours) -> Case:
    return Case(name, make, picture=check)


def refused(name: str, make: Callable[[], bytes | None], sentence: str = UNREADABLE) -> Case:
    return Case(name, make, sentence=sentence)


def _no_images() -> Iterator[Case]:
    yield refused("missing.png", still(None), "missing.png can't be opened")
    yield refused("empty.png", still(b""), NO_IMAGE)
    yield refused("one_byte.jpg", still(b"\xff"), NO_IMAGE)
    yield refused("signature.png", still(b"\x89PNG\r\n\x1a\n"))
    yield refused("text.png", still(b"A text that says it is a picture.\n" * 40), NO_IMAGE)
    yield refused("page.jpg", still(b"<!doctype html><title>404</title>"), NO_IMAGE)
    yield refused("drawing.png", still(b'<svg xmlns="http://www.w3.org/2000/svg"/>'), NO_IMAGE)
    yield refused("paper.png", still(b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n"), NO_IMAGE)
    yield refused("zeros.tif", still(bytes(100_000)), NO_IMAGE)
    yield refused("random.webp", still(np.random.default_rng(1).bytes(50_000)), NO_IMAGE)
    yield refused("archive.jpg", still(b"PK\x03\x04" + bytes(500)), NO_IMAGE)
    yield refused("program.png", still(b"\x7fELF" + bytes(500)), NO_IMAGE)
    yield refused("icon.png", lambda: saved(base(), "ICO"), NO_IMAGE)
    yield refused("loop.tif", still(b"II*\0" + struct.pack("<IHI", 8, 0, 8)))
    yield refused("bad_sum.png", bad_crc, DAMAGED)
    yield refused("long_chunk.png", lambda: png(SIZE, 8, 2, bytes(9216), b"\x7f\xff\xff\xffteXt"))


def _other_tiffs() -> Iterator[Case]:
    """Kinds of TIFF that are no picture, or none that this program reads."""
    tags = {256: [WIDTH], 257: [HEIGHT], 258: [8, 8, 8], 262: [2], 277: [3], 278: [HEIGHT]}
    pixels = base().tobytes()
    raw = "is a raw file of a camera: export it"
    yield refused("camera.dng", lambda: tiff({**tags, 259: [1], 262: [32_803]}, pixels), raw)
    yield refused("camera.cr2", still(b"II*\0\x10\0\0\0CR\2\0" + bytes(900)), raw)
    yield refused("camera.orf", still(b"IIRO\x08\0\0\0" + bytes(900)), raw)
    yield refused("webp_in_tiff.tif", lambda: tiff(
        {**tags, 259: [50_001]}, saved(base(), "WEBP")
    ), "is a TIFF compressed as WEBP: save it as PNG")  # fmt: skip
    yield refused("part_behind_the_end.tif", lambda: tiff(
        {**tags, 259: [1]}, pixels
    )[:-900], DAMAGED)  # fmt: skip
    yield refused("large_jpeg_in_tiff.tif", lambda: tiff(
        {**tags, 259: [7]}, jpeg_of_size(20_000, 20_000)
    ), DAMAGED)  # fmt: skip


def _shapes() -> Iterator[Case]:
    for width, height in ((1, 1), (1, 5000), (5000, 1), (15, 400), (0, 40)):
        sentence = "too small" if width else UNREADABLE
        yield refused(f"{width}x{height}.png", partial(bomb, (width, height)), sentence)
    for width, height in ((16, 5000), (5000, 16)):
        yield refused(f"{width}x{height}.png", partial(bomb, (width, height)), "too narrow")
    for size in ((16, 16), (16, 1600), (1600, 16), (17, 31)):
        check = looks(RED, BLUE, size=size)
        name = f"{size[0]}x{size[1]}.png"
        yield picture(name, partial(saved, base(size=size), "PNG"), check)


def _bombs() -> Iterator[Case]:
    """What is small as a file, and would be huge or endless if it were decoded."""
    large = "too large"
    yield refused("bomb_60.png", lambda: bomb((10_000, 6_000)), large)
    palette = (chunk(b"PLTE", bytes(6)), chunk(b"tRNS", b"\0"))
    yield refused("bomb_palette.png", lambda: bomb((10_000, 6_000), 1, 3, *palette), large)
    yield refused("bomb_400.png", lambda: bomb((20_000, 20_000)), large)
    yield refused("bomb_most.png", partial(header_only, 2**31 - 1), large)
    yield refused("bomb.jpg", lambda: jpeg_of_size(65_500, 65_500), large)
    yield refused("bomb.gif", lambda: b"GIF89a\xff\xff\xff\xff\0\0\0;", UNREADABLE)
    yield refused("bomb_frame.gif", lambda: b"GIF89a\xff\xff\xff\xff\0\0\0,"
        b"\0\0\0\0\xff\xff\xff\xff\0\x02\x02D\x01\0;", large)  # fmt: skip
    yield refused("bomb.webp", lambda: saved(
        Image.new("RGB", (7_200, 7_200)), "WEBP", lossless=True, method=0
    ), large)  # fmt: skip
    yield refused("bomb.tif", lambda: tiff_of_grey(np.zeros((1, 1), np.uint8), 8, 1).replace(
        struct.pack("<HHII", 256, 4, 1, 1), struct.pack("<HHII", 256, 4, 1, 90_000_000)
    ), large)  # fmt: skip
    yield refused("bomb_tile.tif", lambda: tiled_tiff(8_000), "takes too much to open")
    yield refused("bomb_scans.jpg", lambda: many_scans(2_000), "takes too much to open")
    yield refused("bomb_text.png", lambda: png_with_text(30_000_000))
    yield refused("bomb_profile.png", huge_icc)


def _formats() -> Iterator[Case]:
    for file_format in ("PNG", "JPEG", "WEBP", "AVIF", "HEIF", "GIF", "BMP", "TIFF", "MPO"):
        name = f"plain.{file_format.lower()}"
        yield picture(name, partial(saved, base(), file_format), about_two_colours)
    # The name says nothing.
    yield picture("jpeg_inside.png", lambda: saved(base(), "JPEG"))
    yield picture("png_inside.jpg", lambda: saved(base(), "PNG"))
    yield picture("webp_inside.tif", lambda: saved(base(), "WEBP"), about_two_colours)
    yield picture("png_inside.txt", lambda: saved(base(), "PNG"))
    yield picture("no_ending", lambda: saved(base(), "PNG"))
    yield picture("progressive.jpg", lambda: saved(base(), "JPEG", progressive=True))
    yield picture(
        "worst.jpg", lambda: saved(base(), "JPEG", quality=1), looks(RED, BLUE, tolerance=70)
    )
    yield picture("grey.jpg", lambda: saved(grey(), "JPEG"), black_white)
    yield picture("rest_behind.jpg", lambda: saved(base(), "JPEG") + b"\xff\xd8rest" * 99)
    yield picture("rest_behind.png", lambda: saved(base(), "PNG") + bytes(5000))
    yield picture("no_end.png", lambda: saved(base(), "PNG")[:-12])
    for kind in ("tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg"):
        make = partial(saved, base(), "TIFF", compression=kind)
        yield picture(f"{kind}.tif", make, about_two_colours)
    yield picture("one_tile.tif", lambda: tiled_tiff(64), looks((0, 0, 0), size=(64, 64)))
    # Animations and files of several pages.
    for file_format in ("GIF", "WEBP", "PNG", "TIFF", "AVIF"):
        name = f"animated.{file_format.lower()}"
        yield picture(name, partial(animated, file_format), about_two_colours)
    yield picture("large_frame.gif", gif_with_a_large_frame)


def _modes() -> Iterator[Case]:
    yield picture("cmyk.jpg", lambda: saved(base("CMYK"), "JPEG"), about_two_colours)
    yield picture("cmyk.tif", lambda: saved(base("CMYK"), "TIFF"))
    yield picture("lab.tif", lambda: saved(
        ImageCms.profileToProfile(
            base(), ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), outputMode="LAB"
        ),
        "TIFF",
    ))  # fmt: skip
    yield picture("ycbcr.tif", lambda: saved(base("YCbCr"), "TIFF", compression="jpeg"))
    for kind, name in (("RGB", "rgb"), ("RGBA", "rgba"), ("L", "grey"), ("LA", "grey_alpha")):
        image = grey(kind) if kind.startswith("L") else base(kind)
        values = np.asarray(image).reshape(HEIGHT, WIDTH, -1)
        number = {"L": 0, "RGB": 2, "LA": 4, "RGBA": 6}[kind]
        check = black_white if kind.startswith("L") else two_colours
        yield picture(f"16_bit_{name}.png", partial(png_of, values, number), check)
    wide = np.asarray(grey(), np.uint16) * 257
    yield picture("16_bit.tif", lambda: tiff_of_grey(wide.astype("<u2"), 16, 1), black_white)
    yield picture(
        "16_bit_big.tif", lambda: tiff_of_grey(wide.astype(">u2"), 16, 1, ">"), black_white
    )
    long = np.asarray(grey(), np.int32) * 257 * 256
    yield picture("32_bit.tif", lambda: tiff_of_grey(long.astype("<i4"), 32, 2), black_white)
    yield picture("float.tif", float_tiff, black_white)
    yield picture("float_colours.tif", lambda: tiff_of_colours(np.asarray(base(), "<f4") / 255))
    yield picture("negative.tif", lambda: float_tiff(-5.0), black_white)
    not_finite = "not finite"
    yield refused("infinite.tif", lambda: float_tiff(float("inf")), not_finite)
    yield refused("minus_infinite.tif", lambda: float_tiff(float("-inf")), not_finite)
    yield refused("not_a_number.tif", lambda: float_tiff(float("nan")), not_finite)
    yield picture("1_bit.png", lambda: saved(grey("1"), "PNG"), black_white)
    yield picture("1_bit.bmp", lambda: saved(grey("1"), "BMP"), black_white)
    yield picture("fax.tif", lambda: saved(grey("1"), "TIFF", compression="group4"), black_white)
    yield picture("grey_alpha.png", lambda: saved(grey("LA"), "PNG"), black_white)
    yield picture("palette.png", lambda: saved(base("P"), "PNG"))
    for file_format in ("PNG", "GIF"):
        image = base("P")
        make = partial(saved, image, file_format, transparency=image.getpixel((0, 0)))
        yield picture(f"palette_clear.{file_format.lower()}", make, half_clear)
    yield picture("palette_alpha.tif", lambda: saved(base("P").convert("PA"), "TIFF"))
    yield picture("colour_clear.png", lambda: saved(base(), "PNG", transparency=RED), half_clear)
    yield picture("clear.png", lambda: saved(clear(), "PNG"), half_clear)
    yield picture("clear.webp", lambda: saved(clear(), "WEBP", lossless=True), half_clear)
    yield picture("all_clear.png", lambda: saved(Image.new("RGBA", SIZE), "PNG"), looks((0,) * 4))


def _metadata() -> Iterator[Case]:
    for number in range(1, 9):
        yield picture(f"orientation_{number}.jpg", partial(turned, number, "JPEG"))
    for number in (0, 9, 255, 65_535):
        yield picture(f"orientation_{number}.jpg", partial(turned, number, "JPEG"))
    for file_format in ("PNG", "WEBP", "AVIF", "HEIF", "TIFF"):
        options = {"lossless": True} if file_format == "WEBP" else {}
        if file_format == "TIFF":
            options = {"tiffinfo": {ORIENTATION: 6}, "exif": b"", "compression": "tiff_lzw"}
        make = partial(turned, 6, file_format, **options)
        yield picture(f"orientation_6.{file_format.lower()}", make, about_two_colours)
    words = exif(b"six\0", kind=2)
    yield picture("orientation_word.jpg", lambda: saved(base(), "JPEG", exif=words))
    broken = {
        "junk": b"Exif\0\0junk",
        "empty": b"Exif\0\0",
        "cut": exif(1)[:18],
        "endless": b"Exif\0\0II*\0" + struct.pack("<IH", 8, 65_535),
    }
    for name, data in broken.items():
        for ending in ("JPEG", "PNG", "WEBP"):
            make = partial(saved, base(), ending, exif=data)
            yield picture(f"exif_{name}.{ending.lower()}", make, about_two_colours)
    yield picture("exif_broken_turned.jpg", lambda: turned(6, "JPEG", exif=exif(6, junk=True)))
    profiles = {
        "junk": b"no profile",
        "cut": profile()[:200],
        "other": profile("LAB"),
        "good": profile(),
        "zeros": bytes(2000),
    }
    for name, data in profiles.items():
        yield picture(f"icc_{name}.png", partial(saved, base(), "PNG", icc_profile=data))
        yield picture(f"icc_{name}.jpg", partial(saved, base(), "JPEG", icc_profile=data))


def _names() -> Iterator[Case]:
    """Names that would spoil a message."""
    for name in (
        f"{'long' * 60}.png",
        "two\nlines.png",
        "bell\x07 and escape\x1b[31m.png",
        "<img src=x onerror=alert(1)>.png",
        "right\u202eleft.png",
        "Bild ä \U0001f5bc.png",
        "-o.png",
    ):
        yield refused(name, still(b"no picture"), NO_IMAGE)
    yield refused(f"{'n' * 300}.png", still(None), "can't be opened")


def _plain_pictures() -> Iterator[Case]:
    """Files nothing is wrong with, of which a bad program makes something that is no number."""
    for name, colour in (("black", (0, 0, 0)), ("white", WHITE), ("grey", (128, 128, 128))):
        make = partial(saved, Image.new("RGB", SIZE, colour), "PNG")
        yield picture(f"all_{name}.png", make, looks(colour))
    yield picture("noise.png", lambda: saved(noise(), "PNG"), looks(size=(150, 150)))


def cases() -> list[Case]:
    """All files but those that are cut off."""
    groups = (
        *(_no_images(), _other_tiffs(), _shapes(), _bombs(), _formats()),
        *(_modes(), _metadata(), _names(), _plain_pictures()),
    )
    return [case for group in groups for case in group]


def cut_off() -> list[Case]:
    """A picture of noise in every format, cut at every kilobyte."""
    found = []
    for file_format in ("PNG", "JPEG", "WEBP", "AVIF", "HEIF", "GIF", "BMP", "TIFF"):
        side = 70 if file_format in ("BMP", "TIFF", "PNG") else 120
        whole = saved(noise(side), file_format)
        for end in range(0, len(whole), 1024):
            name = f"cut_{end // 1024:03}.{file_format.lower()}"
            found.append(refused(name, still(whole[:end])))
    return found


CASES = cases()
PICTURES = [case for case in CASES if case.picture]
REFUSED = [case for case in CASES if case.sentence]
BOMBS = [case for case in REFUSED if case.name.startswith("bomb")]
BY_NAME = {case.name: case for case in CASES}
# One file of each kind, for ways in that take longer.
SOME_PICTURES = [
    *("jpeg_inside.png", "16x1600.png", "animated.gif", "cmyk.jpg", "16_bit_rgb.png", "1_bit.png"),
    *("palette_clear.png", "orientation_6.jpg", "exif_junk.jpeg", "icc_junk.png", "noise.png"),
]
SOME_REFUSED = [
    *("empty.png", "text.png", "bad_sum.png", "1x5000.png", "5000x16.png", "bomb_60.png"),
    *("bomb_tile.tif", "bomb_scans.jpg", "infinite.tif", "camera.dng"),
    "<img src=x onerror=alert(1)>.png",
]

# Settings that can't be used: name, value, and what the sentence must say.
SETTINGS: list[tuple[str, object, str]] = [
    *(("size", x, "size") for x in (0, -1, 63, 4097, 100.5, 1e400, float("nan"), "NaN", "inf")),
    *(("size", x, "size") for x in ("1e400", "-1e400", "many", "", " ", "5 12", "0x200", "1,5")),
    *(("size", x, "size") for x in (None, True, [], [512], {}, {"size": 512}, [[[[]]]])),
    *(("size", x, "size") for x in (10**300, 10**4000, "9" * 5000, "5\n12", "<b>512</b>")),
    *(("seed", x, "seed") for x in (-1, 2**32, 2**64, 1.5, "abc", float("inf"), [1], {})),
    *(("steps", x, "steps") for x in (0, -5, 2001, 1e9, "some", float("-inf"))),
    *(("style_weight", x, "style_weight") for x in (-1, 1e30, "heavy", float("nan"))),
    *(("memory_budget", x, "memory_budget") for x in (0, 1e9, "all")),
    *(("color", x, "color") for x in ("red", "", 1, None, ["style"], {"style": 1}, "STYLE")),
    *(("network", x, "network") for x in ("resnet", "../../etc/passwd", ["vgg16"])),
    *(("full_detail", x, "full_detail") for x in ("maybe", 3, None, [], {})),
    *(("style_layers", x, "style_layers") for x in ("relu9_1", [], {}, [[]], [{}], [1], None)),
    *(("style_layers", x, "style_layers") for x in ({"relu1_1": 1}, ["relu1_1", ["relu1_1"]])),
    *(("style_mix", x, "style_mix") for x in ("0", "", "1,2", "1,1,1,1,1", "nan", "inf")),
]


def main() -> None:
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    found = [*cases(), *cut_off()]
    for case in found:
        case.write(folder)
    print(f"{len(found)} cases, {len(list(folder.iterdir()))} files in {folder}.")


if __name__ == "__main__":
    main()
