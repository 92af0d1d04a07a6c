from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from PIL import Image

from nst_core.server.history import History, Record

PICTURE = Image.new("RGB", (40, 30), "teal")


@pytest.fixture
def history() -> History:
    return History(seconds=60)


def keep(history: History, owner: str, photo: Path, **values: object) -> Record:
    return history.add(history.reserve(owner), PICTURE, PICTURE, photo, [photo], values)


def test_a_record_has_all_that_it_was_made_from(history: History, photo_path: Path) -> None:
    record = keep(history, "me", photo_path, title="first")
    found = history.get(record.name)
    assert found == record
    assert record.values == {"title": "first"}
    assert record.content.read_bytes() == photo_path.read_bytes()
    assert record.content.name == photo_path.name
    assert Image.open(record.result).size == PICTURE.size
    assert record.film.name == "chelsea-chelsea.mp4"


def test_everybody_finds_his_own_newest_first(history: History, photo_path: Path) -> None:
    for title in ("one", "two"):
        keep(history, "me", photo_path, title=title)
    keep(history, "you", photo_path, title="yours")
    assert [record.values["title"] for record in history.of("me")] == ["two", "one"]
    assert [record.values["title"] for record in history.of("you")] == ["yours"]
    assert history.of("somebody else") == []


def test_what_is_reserved_is_awaited_until_it_comes_or_does_not(
    history: History, photo_path: Path
) -> None:
    name = history.reserve("me")
    assert history.is_awaited("me")
    assert not history.is_awaited("you")
    assert history.get(name) is None
    history.add(name, PICTURE, PICTURE, photo_path, [photo_path], {})
    history.release(name)  # it is there: it stays
    assert not history.is_awaited("me")
    assert history.get(name) is not None
    other = history.reserve("me")
    history.release(other)
    assert not history.is_awaited("me")
    assert not (history.root / other).exists()


def test_what_is_too_old_is_forgotten(history: History, photo_path: Path) -> None:
    old, new = (keep(history, "me", photo_path) for _ in range(2))
    past = time.time() - 61
    os.utime(old.folder, (past, past))
    history.forget()
    assert not old.folder.exists()
    assert history.of("me") == [new]


def test_a_run_that_takes_longer_than_results_are_kept_keeps_its_result(
    history: History, photo_path: Path
) -> None:
    name = history.reserve("me")
    long_ago = time.time() - 2 * history.seconds
    os.utime(history.root / name, (long_ago, long_ago))
    keep(history, "you", photo_path)
    assert history.is_awaited("me")
    assert history.add(name, PICTURE, PICTURE, photo_path, [photo_path], {}) in history.of("me")


@pytest.mark.parametrize("name", ["", "..", "/etc", "../x", "x" * 1000, None, 7, ["a"]])
def test_names_from_outside_find_nothing(history: History, name: object) -> None:
    assert history.get(name) is None


def test_long_names_are_cut(history: History, photo_path: Path, tmp_path: Path) -> None:
    photo, painting = (tmp_path / f"{x * 120}.jpg" for x in "ab")
    for path in (photo, painting):
        path.write_bytes(photo_path.read_bytes())
    name = history.reserve("me")
    record = history.add(name, PICTURE, PICTURE, photo, [painting], {})
    assert record.content.read_bytes() == photo.read_bytes()
    assert record.content.name.endswith("aaa.jpg")
    record.film.write_bytes(b"film")
    assert len(record.film.name) < 200
    assert record.film.stem.endswith("bbb")


def test_a_result_that_is_saved_already_is_copied(
    history: History, photo_path: Path, tmp_path: Path
) -> None:
    saved = tmp_path / "saved.png"
    PICTURE.save(saved)
    name = history.reserve("me")
    record = history.add(name, PICTURE, PICTURE, photo_path, [photo_path], {}, saved=saved)
    assert record.result.read_bytes() == saved.read_bytes()
