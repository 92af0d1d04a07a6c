"""Fixtures: bundled pictures, a small pair, and one real server for all tests of the app."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from nst_core import load_image

ROOT = Path(__file__).parents[1]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.fixture(scope="session")
def photo_path() -> Path:
    return ROOT / "examples" / "contents" / "chelsea.jpg"


@pytest.fixture(scope="session")
def painting_path() -> Path:
    return ROOT / "examples" / "styles" / "flow_strokes.jpg"


@pytest.fixture(scope="session")
def photo(photo_path: Path) -> Image.Image:
    return load_image(photo_path)


@pytest.fixture(scope="session")
def painting(painting_path: Path) -> Image.Image:
    return load_image(painting_path)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of the app, launched the way `python app.py` does it."""
    os.environ["GRADIO_TEMP_DIR"] = str(tmp_path_factory.mktemp("gradio"))
    import app

    running, url, _ = app.serve(prevent_thread_lock=True, server_port=None, quiet=True)
    yield url
    running.get_blocks().close()
