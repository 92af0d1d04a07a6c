"""What a JPEG would take to decode, read from its bytes alone."""

from __future__ import annotations

from typing import IO

# Progressive files of phones and web programs have about a dozen scans.
MOST_SCANS = 100
_SCAN = b"\xff\xda"


def count_scans(file: IO[bytes]) -> int:
    """Count the scans of a JPEG, those of embedded previews among them."""
    place = file.tell()
    file.seek(0)
    count, last = 0, b""
    while piece := file.read(2**20):
        count += (last + piece).count(_SCAN)
        last = piece[-1:]
    file.seek(place)
    return count


def size_of(data: bytes) -> tuple[int, int]:
    """Return width and height of a JPEG, which may lack its tables as those in a TIFF do.

    Raises:
        ValueError: there is no size.
    """
    place = 2
    while place + 9 <= len(data):
        kind, length = data[place + 1], int.from_bytes(data[place + 2 : place + 4], "big")
        # The markers of frames, with three others among them.
        if 0xC0 <= kind <= 0xCF and kind not in (0xC4, 0xC8, 0xCC):
            height, width = (int.from_bytes(data[place + k : place + k + 2], "big") for k in (5, 7))
            return width, height
        place += 2 + length
    raise ValueError("A JPEG has no size.")
