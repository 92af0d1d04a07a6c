"""Names of files that are made from the names of other files."""

from __future__ import annotations

import unicodedata
from os import PathLike
from pathlib import Path

# Bytes of a stem. The name of a result has two of them and an ending: that stays far below the 255
# bytes of most file systems, and below the 200 that Gradio keeps of a name.
MOST_BYTES = 80
# Bytes of an ending, with its dot; what is longer is no ending, but a name with a dot in it.
ENDING_BYTES = 10


def stem_of(path: str | PathLike[str]) -> str:
    """The name of a file without its ending, cut to `MOST_BYTES`."""
    return _cut(_split(path)[0], MOST_BYTES)


def name_of(path: str | PathLike[str]) -> str:
    """The name of a file with its ending, cut to `MOST_BYTES` and the ending."""
    return stem_of(path) + _split(path)[1]


def result_name(content: str | PathLike[str], style: str | PathLike[str]) -> str:
    """What the picture of a photo and its first painting is called, without an ending."""
    return f"{stem_of(content)}-{stem_of(style)}"


def _split(path: str | PathLike[str]) -> tuple[str, str]:
    path = Path(path)
    if _bytes(path.suffix) > ENDING_BYTES:
        return path.name, ""
    return path.stem, path.suffix


def _bytes(text: str) -> int:
    # A name on a disk need not be UTF-8: Python has its other bytes as surrogates, a byte each.
    return len(text.encode("utf-8", "surrogateescape"))


def _cut(text: str, most: int) -> str:
    """The beginning of a text, in at most so many bytes; accents stay with their letters."""
    kept = len(text)
    while _bytes(text[:kept]) > most or (
        0 < kept < len(text) and _joins(text[kept - 1], text[kept])
    ):
        kept -= 1
    return text[:kept]


def _joins(left: str, right: str) -> bool:
    """Whether two characters are drawn as one: accents, and the parts of an emoji."""
    joiner, skin_tones = "\u200d", range(0x1F3FB, 0x1F400)
    is_mark = unicodedata.category(right).startswith("M")
    return is_mark or joiner in (left, right) or ord(right) in skin_tones
