"""The bundled photos, paintings and pairs, as `examples.json` names them."""

from __future__ import annotations

import filecmp
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

EXAMPLES = Path(__file__).parents[2] / "examples"
# Folders whose pictures the page shows.
PICTURE_FOLDERS = [
    EXAMPLES / name
    for name in (
        *("contents", "styles", "results", "thumbnails", "films"),
        *("presets", "strips", "layers"),
    )
]


@dataclass(frozen=True)
class Bundled:
    """A bundled photo or painting.

    Attributes:
        name: what the page calls it.
        credit: who made it, and its licence.
        path: its file.
        thumbnail: the file of a small square picture of it.
    """

    name: str
    credit: str
    path: str
    thumbnail: str


@dataclass(frozen=True)
class Pair:
    """A bundled pair with its result.

    Attributes:
        id: names the pair in addresses.
        title: names it on the page.
        content, style: keys of `Catalogue.contents` and `Catalogue.styles`.
    """

    id: str
    title: str
    content: str
    style: str


@dataclass(frozen=True)
class Catalogue:
    """All that is bundled; photos and paintings by the stems of their files."""

    contents: Mapping[str, Bundled]
    styles: Mapping[str, Bundled]
    pairs: tuple[Pair, ...]

    def original(self, path: Path) -> str:
        """The bundled file that a file is a copy of; the file itself where there is none."""
        for pictures in (self.contents, self.styles):
            bundled = pictures.get(path.stem)
            if bundled and filecmp.cmp(bundled.path, path, shallow=False):
                return bundled.path
        return str(path)

    def name_of(self, path: str) -> str:
        """What the page calls a photo or a painting: of one's own, the name of its file."""
        stem = Path(path).stem
        known = self.contents.get(stem) or self.styles.get(stem)
        if known is not None:
            return known.name
        words = stem.replace("_", " ").replace("-", " ").strip()[:LONGEST_NAME]
        return words[:1].upper() + words[1:] or "Picture"


# Names of files are cut to so many characters where the page shows them.
LONGEST_NAME = 30


@cache
def catalogue() -> Catalogue:
    """What `examples.json` says."""
    table = json.loads((EXAMPLES / "examples.json").read_text(encoding="utf-8"))
    return Catalogue(
        _bundled(table, "contents"),
        _bundled(table, "styles"),
        tuple(Pair(**pair) for pair in table["pairs"]),
    )


def _bundled(table: Mapping[str, Mapping[str, Mapping[str, str]]], kind: str) -> dict[str, Bundled]:
    return {
        stem: Bundled(
            entry["name"],
            entry["credit"],
            str(EXAMPLES / kind / f"{stem}.jpg"),
            str(EXAMPLES / "strips" / kind / f"{stem}.jpg"),
        )
        for stem, entry in table[kind].items()
    }
