"""Results that are kept for a while, each in a folder of its own, under a name nobody can guess.

An owner is a word that nobody else knows, such as a browser has.
"""

from __future__ import annotations

import json
import secrets
import shutil
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

from PIL import Image, ImageOps

THUMBNAIL_SIDE = 160
RECORD = "record.json"
NAME_BYTES = 16


@dataclass(frozen=True)
class Record:
    """One result, with all that is needed to go on from it.

    Attributes:
        name: by which `History.get` finds it.
        folder: where its files are.
        content, styles: the files the user gave.
        values: whatever else describes it, as it can be written in JSON.
    """

    name: str
    folder: Path
    content: Path
    styles: tuple[Path, ...]
    values: dict[str, Any]

    @property
    def picture(self) -> Path:
        """Of the loop, in the size worked at."""
        return self.folder / "picture.png"

    @property
    def result(self) -> Path:
        """In the photo's own size, at full strength."""
        return self.folder / "result.png"

    @property
    def film(self) -> Path:
        return self.folder / f"{self.content.stem}-{self.styles[0].stem}.mp4"

    @property
    def thumbnail(self) -> Path:
        return self.folder / "thumbnail.jpg"


class History:
    """Records in a temporary folder, each deleted when it is older than `seconds`."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._folder = tempfile.TemporaryDirectory(prefix="pictures-")
        self.root = Path(self._folder.name)
        self._owners: dict[str, str] = {}  # by name, in the order of the records

    def reserve(self, owner: str) -> str:
        """The name of a record that is to come; until then its owner can wait for it."""
        self.forget()
        folder = self.root / secrets.token_urlsafe(NAME_BYTES)
        folder.mkdir(mode=0o700)
        self._owners[folder.name] = owner
        return folder.name

    def release(self, name: str) -> None:
        """Nothing comes under this name, unless it already has."""
        if self.get(name) is None:
            self._owners.pop(name, None)
            shutil.rmtree(self.root / name, ignore_errors=True)

    def of(self, owner: str) -> list[Record]:
        """The records of an owner, newest first."""
        found = map(self.get, reversed(self._names(owner)))
        return [record for record in found if record is not None]

    def is_awaited(self, owner: str) -> bool:
        """Whether a record of this owner is to come."""
        return any(self.get(name) is None for name in self._names(owner))

    def _names(self, owner: str) -> list[str]:
        return [name for name, other in list(self._owners.items()) if other == owner]

    def add(
        self,
        name: str,
        picture: Image.Image,
        result: Image.Image,
        content: str | PathLike[str],
        styles: Sequence[str | PathLike[str]],
        values: Mapping[str, Any],
    ) -> Record:
        """Keep a result under a reserved name, and copies of the files it was made from."""
        folder = self.root / name
        files = []
        for part, source in (("content", content), *(("style", style) for style in styles)):
            # A folder of its own for each file, which keeps its name: the page shows it.
            copy = folder / f"{part}-{len(files)}" / Path(source).name
            copy.parent.mkdir()
            shutil.copyfile(source, copy)
            files.append(str(copy.relative_to(folder)))
        thumbnail = ImageOps.contain(result.convert("RGB"), (THUMBNAIL_SIDE, THUMBNAIL_SIDE))
        thumbnail.save(folder / "thumbnail.jpg", quality=85)
        picture.save(folder / "picture.png", compress_level=1)
        result.save(folder / "result.png", compress_level=1)
        text = json.dumps({"files": files, "values": dict(values)})
        (folder / RECORD).write_text(text, encoding="utf-8")
        record = self.get(name)
        assert record is not None
        return record

    def get(self, name: object) -> Record | None:
        """The record of that name, if it is still there; names come from the outside."""
        if not isinstance(name, str) or name not in self._owners:
            return None
        folder = self.root / name
        try:
            data = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        except OSError:
            return None
        content, *styles = (folder / file for file in data["files"])
        return Record(name, folder, content, tuple(styles), data["values"])

    def forget(self) -> None:
        """Delete what is too old."""
        for folder in self.root.iterdir():
            try:
                age = time.time() - folder.stat().st_mtime
            except OSError:  # another thread was faster
                continue
            if age > self.seconds:
                self._owners.pop(folder.name, None)
                shutil.rmtree(folder, ignore_errors=True)
