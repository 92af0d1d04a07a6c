"""Results that are kept for a while, each in a folder of its own.

The name of a folder cannot be guessed. An owner is known by a browser token, a word that only
that browser has.
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

from PIL import Image

from ..images import contained, on_white
from ..names import name_of, result_name

THUMBNAIL_SIDE = 160
RECORD_FILE = "record.json"
NAME_BYTES = 16


@dataclass(frozen=True)
class Record:
    """One result, with all that is needed to go on from it.

    Attributes:
        name: `History.get` finds the record by it.
        folder: holds all files of the record.
        content, styles: copies of the files that the user gave, with their names (`name_of`).
        values: what else describes the result, as JSON can hold it.
    """

    name: str
    folder: Path
    content: Path
    styles: tuple[Path, ...]
    values: dict[str, Any]

    @property
    def picture(self) -> Path:
        """The picture of the loop, in the size it was painted at."""
        return self.folder / "picture.png"

    @property
    def result(self) -> Path:
        """The result in the size of the photo, at full strength."""
        return self.folder / "result.png"

    @property
    def film(self) -> Path:
        """The time-lapse, if it has been written."""
        return self.folder / f"{result_name(self.content, self.styles[0])}.mp4"

    @property
    def thumbnail(self) -> Path:
        """A small picture of the result."""
        return self.folder / "thumbnail.jpg"


class History:
    """Records in a temporary folder; each is deleted when it is older than `seconds`.

    An owner reserves a name before a run, and the record comes when the run has ended. A page that
    is reloaded in the meantime can thus wait for it.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._folder = tempfile.TemporaryDirectory(prefix="pictures-")
        self.root = Path(self._folder.name)
        # Owners by the names of their records, oldest first.
        self._owners: dict[str, str] = {}
        # Names whose record is still to come: pages that wait ask ten times a second.
        self._awaited: set[str] = set()

    def reserve(self, owner: str) -> str:
        """A name for a record that is to come."""
        self.forget()
        folder = self.root / secrets.token_urlsafe(NAME_BYTES)
        folder.mkdir(mode=0o700)
        self._owners[folder.name] = owner
        self._awaited.add(folder.name)
        return folder.name

    def release(self, name: str) -> None:
        """Give a reserved name back; a record that has come under it stays."""
        self._awaited.discard(name)
        if self.get(name) is None:
            self._owners.pop(name, None)
            shutil.rmtree(self.root / name, ignore_errors=True)

    def of(self, owner: str) -> list[Record]:
        """The records of an owner, newest first."""
        found = map(self.get, reversed(self._names(owner)))
        return [record for record in found if record is not None]

    def is_awaited(self, owner: str) -> bool:
        """Whether a record of this owner is still to come."""
        return any(name in self._awaited for name in self._names(owner))

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
        saved: str | PathLike[str] | None = None,
    ) -> Record:
        """Keep a result under a reserved name, with copies of the files it was made from.

        Args:
            picture: of the loop.
            result: in the size of the photo, at full strength.
            content, styles: files; the copies keep their names, which the page shows.
            values: whatever JSON can hold.
            saved: a PNG of `result`, if there is one: a large picture is compressed once.
        """
        folder = self.root / name
        files = [
            str(_copy(source, folder / part).relative_to(folder))
            for part, source in [
                ("content", content),
                *((f"style-{number}", style) for number, style in enumerate(styles)),
            ]
        ]
        thumbnail = contained(result, THUMBNAIL_SIDE)
        on_white(thumbnail).save(folder / "thumbnail.jpg", quality=85)
        picture.save(folder / "picture.png", compress_level=1)
        if saved is None:
            result.save(folder / "result.png", compress_level=1)
        else:
            shutil.copyfile(saved, folder / "result.png")
        text = json.dumps({"files": files, "values": dict(values)})
        (folder / RECORD_FILE).write_text(text, encoding="utf-8")
        self._awaited.discard(name)
        record = self.get(name)
        assert record is not None
        return record

    def get(self, name: object) -> Record | None:
        """The record of that name, if it is still there; the name may be anything."""
        if not isinstance(name, str) or name not in self._owners:
            return None
        folder = self.root / name
        try:
            data = json.loads((folder / RECORD_FILE).read_text(encoding="utf-8"))
        except OSError:
            return None
        content, *styles = (folder / file for file in data["files"])
        return Record(name, folder, content, tuple(styles), data["values"])

    def forget(self) -> None:
        """Delete the records that are too old; a reserved name waits for its record."""
        for folder in self.root.glob("*"):  # none, where another thread has closed the history
            try:
                age = time.time() - folder.stat().st_mtime
            except OSError:  # another thread was faster
                continue
            if age > self.seconds and folder.name not in self._awaited:
                self._owners.pop(folder.name, None)
                shutil.rmtree(folder, ignore_errors=True)

    def close(self) -> None:
        """Delete all records."""
        self._folder.cleanup()


def _copy(source: str | PathLike[str], folder: Path) -> Path:
    copy = folder / name_of(source)
    folder.mkdir()
    shutil.copyfile(source, copy)
    return copy
