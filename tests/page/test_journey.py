"""From the first upload to the opened file; a reload in between; two tabs at once."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from nst_core import read_recipe
from nst_core.finishing import Finishing
from tests.browsing import (
    CHROMIUM,
    downloaded,
    expect_ready,
    finish_run,
    picture_address,
    press_apart,
    set_number,
    small_run,
    start_long_run,
    status,
    stop,
    thumbnails,
)
from tests.serving import health, wait_until_idle

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")


def upload(page: Page, box: str, path: Path) -> None:
    page.locator(box).get_by_label("Remove Image").click()
    page.locator(f"{box} input[type=file]").set_input_files(path)
    expect(page.locator(f"{box} img")).to_have_attribute("src", re.compile(path.stem))


def test_upload_stylize_watch_stop_refine_download_open(
    page: Page, painting_path: Path, tmp_path: Path
) -> None:
    photo, painting = tmp_path / "mine.jpg", tmp_path / "mine.png"
    gradient = Image.linear_gradient("L").resize((150, 100))
    Image.merge("RGB", (gradient, gradient.rotate(180), gradient)).save(photo)
    Image.open(painting_path).resize((96, 96)).save(painting)
    upload(page, "#content", photo)
    upload(page, "#style", painting)

    start_long_run(page)
    picture, bar = page.locator("#picture img"), status(page).locator("progress")
    step = int(bar.get_attribute("value"))
    previews = [picture_address(page)]
    while len(previews) < 4:
        expect(picture).not_to_have_attribute("src", previews[-1])
        previews.append(picture_address(page))
    assert len(set(previews)) == 4
    assert int(bar.get_attribute("value")) > step
    stop(page)
    expect(page.locator("#download")).to_be_visible()
    assert picture_address(page).endswith(".png")

    set_number(page, "Steps", 3)
    finish_run(page, "#refine")
    path = downloaded(page, tmp_path)
    assert path.name == "mine-mine.png"
    result = Image.open(path)
    assert (result.format, result.size) == ("PNG", (150, 100))
    assert len(result.convert("L").resize((50, 50)).getcolors(2500)) > 20
    assert read_recipe(path).settings.init == "image"


def test_reload_during_a_run(phone: Page, console_errors: list[str], server: str) -> None:
    small_run(phone)
    start_long_run(phone)
    assert health(server)["running"] == 1
    phone.reload()
    expect_ready(phone)
    # The page that is left complains about its cut stream, which nobody sees.
    assert all("AbortError" in x or "Connection errored out" in x for x in console_errors)
    console_errors.clear()
    expect(status(phone)).to_contain_text("Your run ended when the page was loaded anew")
    # The result of before, and what the cut run came to.
    expect(thumbnails(phone)).to_have_count(2)
    wait_until_idle(server, most=10)
    small_run(phone)
    expect(thumbnails(phone)).to_have_count(3)


def test_two_tabs_of_one_browser(page: Page, tmp_path: Path, server: str) -> None:
    """Each tab gets its own picture; the second one waits, says so, and may leave the queue."""
    other = page.context.new_page()
    other.goto(server)
    other.locator("#examples button").nth(2).click()
    expect(status(other)).to_contain_text("Astronaut")
    set_number(other, "Size", 64)
    set_number(other, "Steps", 2000)
    start_long_run(page)
    other.locator("#start").click()
    expect(status(other)).to_contain_text("1 before you, about")
    expect(other.locator("#start")).to_be_hidden()
    press_apart(other.locator("#cancel"))
    expect_ready(other)
    expect(status(other)).to_have_text("Cancelled.")
    press_apart(other.locator("#start"))  # joins the queue again
    expect(status(other)).to_contain_text("1 before you, about")
    stop(page)
    expect(status(other)).to_contain_text("Step")
    stop(other)

    mine, others = downloaded(page, tmp_path), downloaded(other, tmp_path)
    assert mine.name.startswith("chelsea-")
    assert Image.open(mine).size == (451, 300)
    assert others.name.startswith("astronaut-")
    assert Image.open(others).size == (512, 512)
    other.reload()
    expect(thumbnails(other)).to_have_count(2)


def test_long_names_and_the_finishing_of_a_large_photo_that_nobody_waits_for(
    page: Page, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stop ends the steps, and a second time the finishing; the result has the photo's size."""
    jobs = import_module("nst_core.server.jobs")
    strips = jobs.finish_in_strips

    def slow_strips(*arguments: Any) -> Iterator[Finishing]:
        for finishing in strips(*arguments):
            time.sleep(0.4)
            yield finishing

    monkeypatch.setattr(jobs, "finish_in_strips", slow_strips)
    monkeypatch.setattr("nst_core.finishing.STRIP_PIXELS", 2**14)
    photo, painting = (tmp_path / f"{word * 21}.png" for word in ("写真", "絵画"))
    for path, size in ((photo, (1200, 800)), (painting, (96, 96))):
        Image.linear_gradient("L").resize(size).convert("RGB").save(path)
    for box, path in (("#content", photo), ("#style", painting)):
        page.locator(box).get_by_label("Remove Image").click()
        page.locator(f"{box} input[type=file]").set_input_files(path)
        expect(page.locator(f"{box} img")).to_have_attribute("src", re.compile(quote(path.stem)))

    start_long_run(page)
    press_apart(page.locator("#stop"))
    expect(status(page)).to_contain_text("Finishing in the size of your photo")
    bar = status(page).locator("progress")
    expect(page.locator("#stop")).to_have_text("Finish at once")
    expect(bar).to_have_attribute("value", re.compile(r"^[1-9]\d?$"))
    page.locator("#stop").click()
    expect(status(page)).to_contain_text("enlarged without the detail of your photo")
    expect_ready(page)
    result = downloaded(page, tmp_path)
    assert result.stem.startswith("写真")
    assert "-絵画" in result.stem
    assert len(result.name.encode()) < 200
    assert Image.open(result).size == (1200, 800)
    assert not read_recipe(result).settings.full_detail
