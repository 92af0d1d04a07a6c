"""From the first upload to the opened file; a reload in between; two tabs at once."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from conftest import CHROMIUM, downloaded, finish_run, set_number, small_run
from PIL import Image
from playwright.sync_api import Page, expect

from nst_core import read_recipe

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")


def upload(page: Page, box: str, path: Path) -> None:
    page.locator(box).get_by_label("Remove Image").click()
    page.locator(f"{box} input[type=file]").set_input_files(path)
    expect(page.locator(f"{box} img")).to_have_attribute("src", re.compile(path.stem))


def test_upload_stylize_watch_stop_refine_download_open(
    page: Page, painting_path: Path, tmp_path: Path
) -> None:
    photo = tmp_path / "my photo.jpg"
    gradient = Image.linear_gradient("L").resize((150, 100))
    Image.merge("RGB", (gradient, gradient.rotate(180), gradient)).save(photo)
    painting = tmp_path / "mine.png"
    Image.open(painting_path).resize((96, 96)).save(painting)
    upload(page, "#content", Path(photo).rename(tmp_path / "mine.jpg"))
    upload(page, "#style", painting)

    set_number(page, "Size", 128)
    set_number(page, "Steps", 2000)
    status = page.locator("#result .status").first
    page.locator("#start").click()
    expect(status).to_contain_text("Step", timeout=20_000)
    bar = status.locator("progress")
    first = int(bar.get_attribute("value"))
    look = page.locator("#picture img").get_attribute("src")
    expect(bar).not_to_have_attribute("value", str(first))
    expect(page.locator("#picture img")).not_to_have_attribute("src", look)
    page.locator("#stop").click()
    expect(status).to_contain_text("Stopped at step", timeout=5_000)
    expect(page.locator("#start")).to_have_text("Stylize", timeout=20_000)

    set_number(page, "Steps", 3)
    finish_run(page, "#refine")
    path = downloaded(page, tmp_path)
    assert path.name == "mine-mine.png"
    picture = Image.open(path)
    picture.load()
    assert (picture.format, picture.size) == ("PNG", (150, 100))
    assert len(picture.convert("L").resize((50, 50)).getcolors(2500)) > 20
    assert read_recipe(path).settings.init == "image"


def test_reload_during_a_run(page: Page, console_errors: list[str]) -> None:
    import app

    small_run(page, 64, 3)
    set_number(page, "Steps", 2000)
    page.locator("#start").click()
    expect(page.locator("#result .status").first).to_contain_text("Step", timeout=20_000)
    assert len(app._runs) == 1
    page.reload()
    expect(page.locator("#start")).to_be_enabled()
    # What the page that is left says of its cut stream, which nobody sees.
    assert all("AbortError" in x or "Connection errored out" in x for x in console_errors)
    console_errors.clear()
    expect(page.locator("#start")).to_have_text("Stylize")
    expect(page.locator("#stop")).to_be_disabled()
    # The one before, and what the run came to.
    expect(page.locator("#history button.thumbnail-item")).to_have_count(2)
    deadline = time.monotonic() + 10
    while app._runs and time.monotonic() < deadline:
        page.wait_for_timeout(50)
    assert not app._runs
    small_run(page, 64, 3)
    expect(page.locator("#history button.thumbnail-item")).to_have_count(3)


def test_two_tabs_of_one_browser(page: Page, tmp_path: Path, server: str) -> None:
    """Each gets its own picture; the second waits, and says so."""
    other = page.context.new_page()
    other.goto(server)
    other.locator("#examples button").nth(2).click()
    expect(other.locator("#result .status").first).to_contain_text("Astronaut")
    set_number(page, "Steps", 2000)
    set_number(page, "Size", 64)
    page.locator("#start").click()
    expect(page.locator("#result .status").first).to_contain_text("Step", timeout=20_000)
    set_number(other, "Size", 64)
    set_number(other, "Steps", 3)
    other.locator("#start").click()
    expect(other.get_by_text("queue: 1/1").first).to_be_visible(timeout=10_000)
    page.locator("#stop").click()
    expect(page.locator("#result .status").first).to_contain_text("Stopped", timeout=5_000)
    expect(other.locator("#result .status").first).to_contain_text(
        "Finished: 3 steps", timeout=20_000
    )
    expect(other.locator("#start")).to_have_text("Stylize", timeout=20_000)
    expect(page.locator("#start")).to_have_text("Stylize", timeout=20_000)
    mine, others = downloaded(page, tmp_path), downloaded(other, tmp_path)
    assert mine.name.startswith("chelsea-")
    assert Image.open(mine).size == (451, 300)
    assert others.name.startswith("astronaut-")
    other.reload()
    expect(other.locator("#history button.thumbnail-item")).to_have_count(2)
    assert Image.open(others).size == (512, 512)
