"""TIFF files of all kinds, read by tifffile: Pillow reads some wrongly, and some not at all.

A TIFF is a chain of pages, each of which may have pages of its own below it. Photos of cameras and
previews of large pictures are stored in this way; the full picture is looked for.
"""

from __future__ import annotations

import logging
import math
import struct
import warnings
from collections.abc import Callable, Iterator
from io import BytesIO
from itertools import islice
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .depth import ROWS, Values, full_value, to_eight_bit
from .errors import ImageError
from .jpeg import MOST_SCANS, count_scans, size_of
from .stored import Stored

if TYPE_CHECKING:
    from tifffile import TiffPage

Bytes = NDArray[np.uint8]
# tifffile speaks of odd files; what can't be used is refused in a sentence.
logging.getLogger("tifffile").setLevel(logging.CRITICAL + 1)
warnings.filterwarnings("ignore", module="tifffile")

MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
# Camera files that are no TIFF, or that are one with a picture of their own kind.
RAW_MAGIC = (b"II*\0\x10\0\0\0CR", b"IIRO", b"IIRS", b"MMOR", b"IIU\0", b"FUJIFILMCCD-RAW", b"FOVb")
RAW = "is a raw file of a camera: export it as JPEG or TIFF, and use that."
TOO_MUCH = "The image is stored in a way that takes too much to open: save it as PNG, and use that."

MOST_PAGES = 16
# Bytes of all values: 50 megapixels with four channels of 16 bits.
MOST_BYTES = 400_000_000
# Pixels of a part that is larger than its picture: the tiles of a small picture are whole.
LARGE_PART = 2**22
MOST_PARTS = 100_000
MOST_TAGS = 1000

WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE, SEPARATED, YCBCR, CIELAB = 0, 1, 2, 3, 5, 6, 8
RAW_PHOTOMETRICS = (32_803, 34_892)
GREYS = (WHITE_IS_ZERO, BLACK_IS_ZERO)
CHANNELS = {**dict.fromkeys((*GREYS, PALETTE), 1), RGB: 3, SEPARATED: 4, YCBCR: 3, CIELAB: 3}
MODES = {RGB: "RGB", SEPARATED: "CMYK", YCBCR: "YCbCr", CIELAB: "LAB"}
# None, fax, LZW, JPEG, Deflate (twice), PackBits, LZMA and Zstandard.
JPEG = 7
COMPRESSIONS = (1, 2, 3, 4, 5, JPEG, 8, 32_946, 32_773, 34_925, 50_000)
# Numbers of tags.
OLD_SUBFILE, MAKE, ORIENTATION, INK_SET, PROFILE = 255, 271, 274, 332, 34_675
# BitsPerSample, ColorMap, ExtraSamples, SampleFormat: by default they are other than in most files.
CRUCIAL = (258, 320, 338, 339)
DNG_VERSION, SONY_RAW = 50_706, 28_672
ASSOCIATED, UNASSOCIATED = 1, 2


def is_raw(head: bytes) -> bool:
    """Whether a file that starts with `head` is a raw file of a camera, by its signature."""
    return head.startswith(RAW_MAGIC) or head[4:12] == b"ftypcrx "


def read_tiff(file: BinaryIO, name: str, check_size: Callable[[tuple[int, int]], None]) -> Stored:
    """Decode the full picture of a TIFF.

    Args:
        name: what a sentence calls the file.
        check_size: refuses width and height that can't be used.

    Raises:
        ImageError: the file is of a kind or a size that can't be used.
        Exception: tifffile raises many things where a file is damaged.
    """
    from tifffile import TiffFile  # not above: it takes a while to import, and is rarely needed

    file.seek(0)
    with TiffFile(file) as pages:
        page = _full_picture(pages, name)
        _check_tags(page, file)
        if not _area(page):
            raise ValueError("The picture has no pixels.")
        check_size((page.imagewidth, page.imagelength))
        _check_kind(page, name)
        _check_parts(page, file)
        values = page.asarray(squeeze=False, maxworkers=1)
        # (planes, depth, H, W, channels) becomes (H, W, channels): one of the two has them.
        values = np.moveaxis(values[:, 0], 0, -2).reshape(*values.shape[2:4], -1)
        alpha = _alpha(page, values)
        profile = page.tags.valueof(PROFILE)
        return Stored(
            _pixels(page, values, alpha),
            None if alpha is None else Image.fromarray(alpha),
            (profile,) if isinstance(profile, bytes) else (),
            page.tags.valueof(ORIENTATION, 1),
        )


def _full_picture(pages: Any, name: str) -> TiffPage:
    """Return the page with the full picture, where others may be previews or masks of it."""
    first: TiffPage = pages.pages[0]
    # Pages below the first one are previews of it, or what it is a preview of.
    below = list(islice(_walk(first.pages), MOST_PAGES))
    found = [first, *below, *islice(_walk(pages.pages, 1), MOST_PAGES)]
    full: list[TiffPage] = [page for page in found if not _is_reduced(page)]
    for page in found:
        tags = page.tags
        if page.photometric in RAW_PHOTOMETRICS or DNG_VERSION in tags or SONY_RAW in tags:
            raise ImageError(f"{name} {RAW}")
    if not full and MAKE in first.tags:
        raise ImageError(f"{name} {RAW}")
    if full and full[0] is first:
        return max([first, *(page for page in below if page in full)], key=_area)
    return full[0] if full else max(found, key=_area)


def _walk(pages: Any, start: int = 0) -> Iterator[TiffPage]:
    """Give pages, each before those below it; a damaged one is the last."""
    for number in range(start, MOST_PAGES):
        # The chain may end, lead to nowhere, or lead back.
        try:
            page = pages[number]
            below = page.pages
        except Exception:
            return
        yield page
        yield from _walk(below)


def _area(page: TiffPage) -> int:
    return page.imagewidth * page.imagelength


def _is_reduced(page: TiffPage) -> bool:
    """Whether a page is a preview or a mask of another one."""
    return bool(page.subfiletype & 0b101) or page.tags.valueof(OLD_SUBFILE) == 2


def _check_kind(page: TiffPage, name: str) -> None:
    """Refuse kinds of TIFF that would not come out right."""
    kind = ""
    channels = CHANNELS.get(page.photometric, 0)
    if page.compression not in COMPRESSIONS:
        kind = f"compressed as {_word(page.compression)}"
    elif not channels:
        kind = f"with colours as {_word(page.photometric)}"
    elif page.photometric == SEPARATED and page.tags.valueof(INK_SET, 1) != 1:
        kind = "with inks other than CMYK"
    elif page.dtype is None or page.dtype.kind not in "bufi":
        kind = f"with {page.bitspersample} bits of a kind that is hardly used"
    elif page.samplesperpixel < channels or page.imagedepth != 1:
        kind = "whose channels do not fit its colours"
    elif page.photometric == CIELAB and page.dtype.kind == "f":
        kind = "with floating-point CIELAB"
    if kind:
        raise ImageError(f"{name} is a TIFF {kind}: save it as PNG, and use that.")


def _word(number: object) -> str:
    """The name that tifffile has for the value of a tag."""
    return str(getattr(number, "name", "something unknown")).replace("_", " ")


def _check_tags(page: TiffPage, file: BinaryIO) -> None:
    """Refuse a page whose tags are not all in the file: tifffile takes the default for a lost one.

    Without BitsPerSample, tifffile would read channels of 8 bits as such of 1 bit.
    """
    big, order = page.parent.is_bigtiff, page.parent.byteorder
    size, count = (20, "Q") if big else (12, "H")
    file.seek(page.offset)
    (number,) = struct.unpack(order + count, file.read(struct.calcsize(count)))
    entries = file.read(min(number, MOST_TAGS) * size)
    for (code,) in struct.iter_unpack(f"{order}H{size - 2}x", entries):
        if code in CRUCIAL and code not in page.tags:
            raise ValueError("A tag is not in the file.")


def _check_parts(page: TiffPage, file: BinaryIO) -> None:
    """Refuse parts (strips or tiles) that are not in the file, or that take far too much."""
    width, height = page.imagewidth, page.imagelength
    if page.is_tiled:
        width, height = page.tilewidth, page.tilelength
    too_large = width * height > 4 * _area(page) + LARGE_PART
    if page.nbytes > MOST_BYTES or too_large or len(page.dataoffsets) > MOST_PARTS:
        raise ImageError(TOO_MUCH)
    end = file.seek(0, 2)
    parts = list(zip(page.dataoffsets, page.databytecounts, strict=True))
    if len(parts) < math.prod(page.chunked):
        raise ValueError("Some parts are missing.")
    for offset, count in parts:
        if count <= 0 or offset + count > end:
            raise ValueError("A part is not in the file.")
        if page.compression == JPEG:
            file.seek(offset)
            _check_jpeg(file.read(count), (width, height))


def _check_jpeg(data: bytes, size: tuple[int, int]) -> None:
    """Refuse a JPEG in a TIFF that has too many scans, or is larger than its part of `size`."""
    if count_scans(BytesIO(data)) > MOST_SCANS:
        raise ImageError(TOO_MUCH)
    width, height = size_of(data)
    if width > size[0] or height > size[1]:
        raise ValueError("A JPEG is larger than its part.")


def _pixels(page: TiffPage, values: Values, alpha: Bytes | None) -> Image.Image:
    """Make an 8-bit image in mode L, RGB, CMYK or LAB of values (H, W, channels)."""
    kind = page.photometric
    values = values[..., : CHANNELS[kind]]
    if kind == PALETTE:
        return Image.fromarray(_palette(page)[values[..., 0].astype(np.uint16)])
    if kind == CIELAB:
        # L*, and the signed a* and b*; their upper 8 bits count.
        size = values.dtype.itemsize
        codes = (values.view(f"u{size}") >> (8 * (size - 1))).astype(np.uint8)
    else:
        codes = to_eight_bit(values, _full(page, values))
    if kind == WHITE_IS_ZERO:
        codes = 255 - codes
    if alpha is not None and _is_premultiplied(page):
        codes = _divided(codes, alpha)
    if kind in GREYS:
        return Image.fromarray(codes[..., 0])
    mode = "RGB" if page.compression == JPEG and kind == YCBCR else MODES[kind]
    shape = (codes.shape[1], codes.shape[0])
    image = Image.frombuffer(mode, shape, np.ascontiguousarray(codes), "raw", mode, 0, 1)
    return image.convert("RGB") if mode == "YCbCr" else image


def _full(page: TiffPage, values: Values) -> float:
    """The value of white."""
    if values.dtype.kind in "bu" and page.bitspersample <= 16:
        return float(2**page.bitspersample - 1)
    return full_value(values)


def _palette(page: TiffPage) -> Bytes:
    """The colours (65536, 3) of a palette; those that the file does not have are black."""
    colours = np.asarray(page.colormap)
    # Some programs write 8 bits where 16 are asked for.
    colours = to_eight_bit(colours, 65_535 if colours.max() > 255 else 255).T
    return np.pad(colours, ((0, 2**16 - len(colours)), (0, 0)))


def _alpha(page: TiffPage, values: Values) -> Bytes | None:
    """The opacity (H, W), where a channel behind the colours is said to be that."""
    channels = CHANNELS[page.photometric]
    place = channels
    if page.extrasamples:
        kinds = [x in (ASSOCIATED, UNASSOCIATED) for x in page.extrasamples]
        if True not in kinds:
            return None
        place += kinds.index(True)
    if place >= values.shape[2]:
        return None
    alpha = values[..., place]
    if alpha.dtype.kind in "bu" and page.bitspersample <= 16:
        return to_eight_bit(alpha, 2**page.bitspersample - 1)
    return to_eight_bit(alpha, 1 if alpha.dtype.kind == "f" else np.iinfo(alpha.dtype).max)


def _is_premultiplied(page: TiffPage) -> bool:
    return ASSOCIATED in page.extrasamples and page.photometric in (*GREYS, RGB)


def _divided(codes: Bytes, alpha: Bytes) -> Bytes:
    """Colours (H, W, channels) that were multiplied with their opacity, as they were before."""
    result = np.empty_like(codes)
    for top in range(0, len(codes), ROWS):
        part = alpha[top : top + ROWS, :, None].astype(np.uint16)
        rows = codes[top : top + ROWS].astype(np.uint16) * 255 + part // 2
        result[top : top + ROWS] = np.minimum(rows // np.maximum(part, 1), 255)
    return result
