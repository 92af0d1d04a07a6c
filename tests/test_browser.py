"""The page in a real browser: Debian's chromium, driven by playwright."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import CHROMIUM, ROOT
from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")

ARTIFACTS = ROOT / "artifacts"
SIZES = {"desktop": (1440, 900), "phone": (390, 844)}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        options = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=options)
        yield chromium
        chromium.close()


@pytest.fixture(params=SIZES)
def page(request: pytest.FixtureRequest, browser: Browser, server: str) -> Iterator[Page]:
    """The page at both widths; no request may leave the machine, no error reach the console."""
    width, height = SIZES[request.param]
    page = browser.new_page(viewport={"width": width, "height": height}, accept_downloads=True)
    foreign, errors = [], []
    page.on("request", lambda r: None if r.url.startswith(local) else foreign.append(r.url))
    page.on("console", lambda m: errors.append(m.text) if m.type == "error" else None)
    local = (server, "data:", "blob:")
    page.goto(server)
    expect(page.locator("#start")).to_be_visible()
    yield page
    ARTIFACTS.mkdir(exist_ok=True)
    page.screenshot(path=ARTIFACTS / f"{request.node.name}.png", full_page=True)
    page.close()
    assert foreign == []
    assert errors == []


def set_number(page: Page, label: str, value: int) -> None:
    field = page.get_by_label(f"number input for {label}")
    field.fill(str(value))
    field.press("Enter")


def picture_address(page: Page) -> str:
    return page.locator("#picture img").get_attribute("src")


def test_a_finished_picture_is_there_before_any_click(page: Page) -> None:
    images = page.locator("#compare img")
    expect(images).to_have_count(2)
    for image in images.all():
        page.wait_for_function("image => image.naturalWidth > 100", arg=image.element_handle())
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_an_example_and_a_run(page: Page, tmp_path: Path) -> None:
    page.locator("#examples button").nth(2).click()
    expect(page.locator(".status")).to_contain_text("Astronaut, in leaded glass")
    page.get_by_role("tab", name="Picture").click()
    bundled = picture_address(page)
    assert "astronaut-stained_glass" in bundled

    set_number(page, "Size", 128)
    set_number(page, "Steps", 60)
    page.locator("#start").click()
    seen = set()
    status = page.locator(".status")
    deadline = time.monotonic() + 60
    while "Finished" not in status.inner_text() and time.monotonic() < deadline:
        seen.add(picture_address(page))
        page.wait_for_timeout(50)
    expect(status).to_contain_text("Finished: 60 steps")
    assert len(seen - {bundled}) >= 3
    expect(page.locator("#curve")).to_be_visible()

    with page.expect_download() as download:
        page.locator("#download").click()
    path = tmp_path / download.value.suggested_filename
    download.value.save_as(path)
    assert path.name == "astronaut-stained_glass.png"
    assert Image.open(path).size == (512, 512)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_stop_keeps_what_is_there(page: Page) -> None:
    set_number(page, "Size", 256)
    set_number(page, "Steps", 2000)
    page.locator("#start").click()
    expect(page.locator(".status")).to_contain_text("Step", timeout=20_000)
    page.locator("#stop").click()
    expect(page.locator(".status")).to_contain_text("Stopped at step", timeout=5_000)
    expect(page.locator("#stop")).to_be_disabled()
    expect(page.locator("#download")).to_be_visible()
    assert picture_address(page).endswith(".png")


def test_an_example_takes_over_from_a_run(page: Page) -> None:
    set_number(page, "Steps", 2000)
    page.locator("#start").click()
    expect(page.locator(".status")).to_contain_text("Step", timeout=20_000)
    page.locator("#examples button").nth(2).click()
    expect(page.locator("#start")).to_be_enabled(timeout=10_000)
    expect(page.locator("#start")).to_have_text("Stylize")
    expect(page.locator(".status")).to_contain_text("Astronaut, in leaded glass")
    assert "astronaut-stained_glass" in picture_address(page)
    assert page.locator("#result").bounding_box()["y"] < 200  # scrolled into view


def test_others_wait_in_a_visible_queue(page: Page, browser: Browser, server: str) -> None:
    set_number(page, "Steps", 2000)
    page.locator("#start").click()
    expect(page.locator(".status")).to_contain_text("Step", timeout=20_000)
    other = browser.new_page()
    other.goto(server)
    other.locator("#start").click()
    expect(other.get_by_text("queue: 1/1").first).to_be_visible(timeout=10_000)
    page.locator("#stop").click()
    expect(other.locator(".status")).to_contain_text("Step", timeout=20_000)
    other.close()


def test_a_closed_tab_ends_the_work(browser: Browser, server: str) -> None:
    import app

    page = browser.new_page()
    page.goto(server)
    set_number(page, "Steps", 2000)
    page.locator("#start").click()
    expect(page.locator(".status")).to_contain_text("Step", timeout=20_000)
    assert len(app._runs) == 1
    page.close()
    deadline = time.monotonic() + 10
    while app._runs and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not app._runs


def test_missing_images_are_a_message(page: Page) -> None:
    page.locator("#style").get_by_label("Remove Image").click()
    page.locator("#start").click()
    expect(page.get_by_text("There is no painting yet")).to_be_visible()
    expect(page.locator("#stop")).to_be_disabled()


def test_uploads_are_looked_at_at_once(page: Page, tmp_path: Path) -> None:
    """A HEIC photo, which chromium can't show, is shown; a text file is a message."""
    heic, text = tmp_path / "photo.heic", tmp_path / "notes.png"
    Image.new("RGB", (90, 60), "red").save(heic, "HEIF")
    text.write_text("no picture")
    chooser = page.locator("#content input[type=file]")
    page.locator("#content").get_by_label("Remove Image").click()
    chooser.set_input_files(heic)
    image = page.locator("#content img")
    expect(image).to_have_attribute("src", re.compile(r"\.png$"))
    page.wait_for_function("image => image.naturalWidth == 90", arg=image.element_handle())
    page.locator("#content").get_by_label("Remove Image").click()
    chooser.set_input_files(text)
    expect(page.get_by_text("notes.png is not an image")).to_be_visible()
    expect(page.locator("#content").get_by_text("Click to Upload")).to_be_visible()


def test_a_preset_sets_the_sliders(page: Page) -> None:
    set_number(page, "Size", 256)
    page.get_by_label("Classic").click()
    expect(page.get_by_label("number input for Steps")).to_have_value("150")
    expect(page.get_by_label("number input for Size")).to_have_value("256")
