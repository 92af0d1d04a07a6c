"""The colours that the tests expect are those that the browser of this machine shows."""

from __future__ import annotations

import base64
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import sync_playwright

from tests.browsing import CHROMIUM
from tests.engine.test_cases import FOLDER, TABLE
from tests.engine.test_profiles import ALL

pytestmark = [
    pytest.mark.full,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium"),
]
TYPES = {".png": "png", ".jpg": "jpeg", ".webp": "webp", ".avif": "avif", ".gif": "gif"}


def shown(files: dict[str, bytes]) -> dict[str, Image.Image]:
    """What Chromium shows of files on white, on an ordinary screen."""
    pictures = {}
    with sync_playwright() as playwright:
        options = ["--no-sandbox", "--disable-gpu", "--force-color-profile=srgb"]
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=options)
        page = chromium.new_page(viewport={"width": 200, "height": 100})
        for name, data in files.items():
            kind = TYPES[Path(name).suffix]
            url = f"data:image/{kind};base64,{base64.b64encode(data).decode()}"
            page.set_content(f"<body style='margin: 0; background: white'><img src='{url}'>")
            page.wait_for_function("document.images[0].complete && document.images[0].width > 0")
            pictures[name] = Image.open(BytesIO(page.screenshot())).convert("RGB")
        chromium.close()
    return pictures


def test_colours_of_the_tests() -> None:
    pictures = shown({name: data for name, (data, _) in ALL.items()})
    wrong = {
        name: (pictures[name].getpixel((10, 10)), colour)
        for name, (_, colour) in ALL.items()
        if abs(np.subtract(pictures[name].getpixel((10, 10)), colour)).max() > 3
    }
    assert wrong == {}


def test_colours_of_the_table() -> None:
    """On white, as far as a browser shows the kind of file at all."""
    names = [name for name, case in TABLE.items() if "left" in case and Path(name).suffix in TYPES]
    assert len(names) >= 12
    pictures = shown({name: (FOLDER / name).read_bytes() for name in names})
    for name in names:
        for side, x in (("left", 10), ("right", 50)):
            *colour, alpha = TABLE[name][side]
            want = colour if alpha else [255] * 3
            got = pictures[name].getpixel((x, 20))
            assert abs(np.subtract(got, want)).max() <= TABLE[name].get("tolerance", 3), name
