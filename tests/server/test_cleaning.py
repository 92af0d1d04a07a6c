"""Old files go, whoever wrote them, and nothing beside our own folder is touched."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from nst_core.server.cleaning import clean, delete_old_files, start_cleaning
from nst_core.server.limits import Limits
from nst_core.server.service import Service, make_folder


def write(path: Path, age: float) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("x")
    then = time.time() - age
    os.utime(path, (then, then))
    return path


def nothing(*_: object) -> Iterator[object]:
    yield from ()


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "operator"))
    made = Service(Limits(keep=100), make_folder(), nothing, nothing)  # type: ignore[arg-type]
    yield made
    made.close()


def test_files_older_than_the_limit_go_and_younger_ones_stay(tmp_path: Path) -> None:
    old = write(tmp_path / "a" / "tmp123", 200)
    young = write(tmp_path / "b" / "photo.png", 10)
    delete_old_files(tmp_path, 100)
    assert not old.exists()
    assert young.exists()


def test_folders_left_empty_go_too_when_they_are_old(tmp_path: Path) -> None:
    folder = write(tmp_path / "a" / "b" / "photo.png", 200).parent
    (folder / "photo.png").unlink()
    for path in (folder, folder.parent):
        os.utime(path, (0, 0))
    delete_old_files(tmp_path, 100)
    # The folder above has changed when the one below went, and so counts as young.
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert not folder.exists()


def test_what_a_link_points_to_stays(tmp_path: Path) -> None:
    target = write(tmp_path / "elsewhere" / "precious.txt", 200)
    files = tmp_path / "files"
    files.mkdir()
    (files / "link").symlink_to(target.parent)
    delete_old_files(files, -10)
    assert target.exists()
    assert not (files / "link").is_symlink()


def test_the_folder_lies_below_the_operators_and_only_it_is_deleted(
    service: Service, tmp_path: Path
) -> None:
    theirs = write(tmp_path / "operator" / "theirs.txt", 500)
    ours = write(service.files / "ours.txt", 500)
    assert service.files.parent == tmp_path / "operator"
    clean(service)
    assert not ours.exists()
    assert theirs.exists()
    service.close()
    clean(service)  # a thread may be on its way
    assert not service.files.exists()
    assert theirs.read_text() == "x"


def test_the_thread_ends_with_the_service(service: Service) -> None:
    before = set(threading.enumerate())
    start_cleaning(service)
    (thread,) = set(threading.enumerate()) - before
    service.close()
    thread.join(10)
    assert not thread.is_alive()
