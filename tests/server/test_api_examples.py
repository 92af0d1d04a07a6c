"""The examples for programs in the README, word for word, but at a smaller size."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from nst_core import read_recipe
from tests.browsing import difference

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
ADDRESS = "http://127.0.0.1:7860"


def example(language: str, what: str, server: str) -> str:
    """The block of the README that has `what` in it, with the address of the tests' server."""
    blocks = re.findall(rf"```{language}\n(.*?)```", README, re.S)
    code = next(block for block in blocks if what in block)
    assert ADDRESS in code
    assert "256" in code
    return code.replace(ADDRESS, server.rstrip("/")).replace("256", "64")


@pytest.fixture
def folder(tmp_path: Path, photo_path: Path, painting_path: Path) -> Path:
    """A folder with the two files that the examples name."""
    shutil.copy(photo_path, tmp_path / "photo.jpg")
    shutil.copy(painting_path, tmp_path / "painting.jpg")
    return tmp_path


def run(command: list[str], folder: Path) -> str:
    done = subprocess.run(
        command, cwd=folder, capture_output=True, encoding="utf-8", timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def check(path: Path, photo: Path) -> None:
    """The result has the shape of the photo, and is another picture."""
    picture, before = Image.open(path), Image.open(photo)
    assert (picture.format, picture.size) == ("PNG", before.size)
    assert read_recipe(path).settings.size == 64
    assert difference(path, photo).mean() > 5


def test_python(server: str, folder: Path) -> None:
    (folder / "example.py").write_text(example("python", "gradio_client", server))
    result = run([sys.executable, "example.py"], folder).strip().splitlines()[-1]
    check(Path(result), folder / "photo.jpg")


@pytest.mark.full
def test_javascript(server: str, folder: Path) -> None:
    if not (shutil.which("npm") and shutil.which("node")):
        pytest.skip("node and npm are not installed")
    install = ["npm", "install", "--no-audit", "--no-fund", "@gradio/client"]
    got = subprocess.run(install, cwd=folder, capture_output=True, timeout=60, check=False)
    if got.returncode:
        pytest.skip("@gradio/client can't be fetched from npm")
    (folder / "example.mjs").write_text(example("js", "@gradio/client", server))
    run(["node", "example.mjs"], folder)
    check(folder / "result.png", folder / "photo.jpg")


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")
def test_curl(server: str, folder: Path) -> None:
    run(["bash", "-eu", "-c", example("bash", "curl", server)], folder)
    check(folder / "result.png", folder / "photo.jpg")
