"""Images that were read last are not read again, as long as their files are the same."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from PIL import Image

from nst_core import ImageError
from nst_core.server import loaded
from nst_core.server.loaded import Loaded


def save(path: Path, color: str, side: int = 32) -> str:
    Image.new("RGB", (side, side), color).save(path)
    return str(path)


def test_a_file_is_read_once(tmp_path: Path) -> None:
    images = Loaded()
    photo, painting = save(tmp_path / "photo.png", "red"), save(tmp_path / "painting.png", "blue")
    first = images.load(photo)
    assert images.load(painting).getpixel((0, 0)) == (0, 0, 255)
    assert images.load(photo) is first


def test_a_file_that_has_changed_is_read_again(tmp_path: Path) -> None:
    images = Loaded()
    photo = save(tmp_path / "photo.png", "red")
    images.load(photo)
    save(tmp_path / "photo.png", "blue")
    os.utime(photo, ns=(1, 1))
    assert images.load(photo).getpixel((0, 0)) == (0, 0, 255)


def test_a_file_that_is_gone_is_missing(tmp_path: Path) -> None:
    images = Loaded()
    photo = save(tmp_path / "photo.png", "red")
    images.load(photo)
    os.remove(photo)
    with pytest.raises(ImageError):
        images.load(photo)


def test_few_pixels_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loaded, "MOST_PIXELS", 2 * 32 * 32)
    images = Loaded()
    paths = [save(tmp_path / f"{color}.png", color) for color in ("red", "green", "blue")]
    red, _, blue = map(images.load, paths)
    assert images.load(paths[2]) is blue
    assert images.load(paths[0]) is not red
    # One is always kept.
    large = save(tmp_path / "large.png", "white", side=100)
    assert images.load(large) is images.load(large)


def test_images_that_nobody_uses_are_let_go(tmp_path: Path) -> None:
    images = Loaded()
    photo = save(tmp_path / "photo.png", "red")
    first = images.load(photo)
    images.forget(seconds=60)
    assert images.load(photo) is first
    images.forget(seconds=0)
    assert images.load(photo) is not first
