"""The page in a real browser: Debian's chromium, driven by playwright."""

from __future__ import annotations

import re
import time
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from conftest import CHROMIUM, Visit, downloaded, finish_run, set_number, small_run
from PIL import Image
from playwright.sync_api import Page, expect

from nst_core import Settings, read_recipe

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")


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
    expect(page.locator("#result .status")).to_contain_text("Astronaut, in leaded glass")
    page.get_by_role("tab", name="Picture").click()
    bundled = picture_address(page)
    assert "astronaut-stained_glass" in bundled

    set_number(page, "Size", 128)
    set_number(page, "Steps", 60)
    page.locator("#start").click()
    seen = set()
    status = page.locator("#result .status")
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
    expect(page.locator("#result .status")).to_contain_text("Step", timeout=20_000)
    page.locator("#stop").click()
    expect(page.locator("#result .status")).to_contain_text("Stopped at step", timeout=5_000)
    expect(page.locator("#stop")).to_be_disabled()
    expect(page.locator("#download")).to_be_visible()
    assert picture_address(page).endswith(".png")


def test_an_example_takes_over_from_a_run(page: Page) -> None:
    set_number(page, "Steps", 2000)
    page.locator("#start").click()
    expect(page.locator("#result .status")).to_contain_text("Step", timeout=20_000)
    page.locator("#examples button").nth(2).click()
    expect(page.locator("#start")).to_be_enabled(timeout=10_000)
    expect(page.locator("#start")).to_have_text("Stylize")
    expect(page.locator("#result .status")).to_contain_text("Astronaut, in leaded glass")
    assert "astronaut-stained_glass" in picture_address(page)
    assert page.locator("#result").bounding_box()["y"] < 200  # scrolled into view


def test_others_wait_in_a_visible_queue(page: Page, visit: Visit) -> None:
    set_number(page, "Steps", 2000)
    page.locator("#start").click()
    expect(page.locator("#result .status")).to_contain_text("Step", timeout=20_000)
    other = visit()
    for _ in range(2):  # leaves the queue, and joins it again
        other.locator("#start").click()
        expect(other.get_by_text("queue: 1/1").first).to_be_visible(timeout=10_000)
        expect(other.locator("#start")).to_have_text("Waiting ...")
        other.locator("#leave").click()
        expect(other.locator("#start")).to_have_text("Stylize")
        expect(other.locator("#start")).to_be_enabled()
    other.locator("#start").click()
    page.locator("#stop").click()
    expect(other.locator("#result .status")).to_contain_text("Step", timeout=20_000)
    expect(other.locator("#stop")).to_be_enabled()
    other.locator("#stop").click()
    expect(other.locator("#result .status")).to_contain_text("Stopped", timeout=5_000)


def test_a_closed_tab_ends_the_work(visit: Visit) -> None:
    import app

    page = visit()
    set_number(page, "Steps", 2000)
    page.locator("#start").click()
    expect(page.locator("#result .status")).to_contain_text("Step", timeout=20_000)
    assert len(app._runs) == 1
    page.close()
    deadline = time.monotonic() + 10
    while len(app._runs) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert len(app._runs) == 0


def test_missing_images_are_a_message(page: Page) -> None:
    page.locator("#style").get_by_label("Remove Image").click()
    page.locator("#start").click()
    expect(page.get_by_text("There is no painting yet").first).to_be_visible()
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
    page.locator("#region button").first.click()
    page.wait_for_function("document.querySelector('#painter img').naturalWidth == 90")
    page.wait_for_function("image => image.naturalWidth == 90", arg=image.element_handle())
    page.locator("#content").get_by_label("Remove Image").click()
    chooser.set_input_files(text)
    expect(page.get_by_text("notes.png is not an image")).to_be_visible()
    expect(page.locator("#content").get_by_text("Click to Upload")).to_be_visible()


def test_a_preset_sets_the_sliders(page: Page) -> None:
    set_number(page, "Size", 256)
    page.locator("#presets button").filter(has_text="Classic").click()
    expect(page.get_by_label("number input for Steps")).to_have_value("150")
    expect(page.get_by_label("number input for Size")).to_have_value("256")
    page.locator("#presets button").filter(has_text="Keep colours").click()
    expect(page.get_by_label("number input for Steps")).to_have_value(str(Settings().steps))
    expect(page.locator("#controls").get_by_label("The photo's", exact=True)).to_be_checked()


def difference(first: Path, second: Path) -> np.ndarray:
    a, b = (np.asarray(Image.open(path).convert("RGB"), dtype=float) for path in (first, second))
    return np.abs(a - b).mean(axis=2)


# How many pixels of the board have colour.
PAINTED = """(canvas => canvas.getContext('2d')
  .getImageData(0, 0, canvas.width, canvas.height).data.filter((x, k) => k % 4 == 3 && x).length
)(document.querySelector('#painter canvas'))"""


def test_a_painted_region_stays_photo(page: Page, photo_path: Path, tmp_path: Path) -> None:
    page.locator("#region button").first.click()
    board = page.locator("#painter canvas")
    board.scroll_into_view_if_needed()
    box = board.bounding_box()
    left, top = box["x"] + 0.3 * box["width"], box["y"] + 0.5 * box["height"]
    for _ in range(2):
        page.mouse.move(left, top)
        page.mouse.down()
        page.mouse.move(left + 0.3 * box["width"], top, steps=4)
        page.mouse.up()
    small_run(page)
    # (The first example: its photo is the one of the fixture.)
    found = difference(downloaded(page, tmp_path), photo_path)
    height, width = found.shape
    inside = found[int(0.48 * height) : int(0.52 * height), int(0.3 * width) : int(0.6 * width)]
    assert inside.mean() <= 2
    assert found[: int(0.3 * height)].mean() > 8
    # Brought back after a reload, the region is still there; another photo clears it.
    page.reload()
    page.locator("#history button.thumbnail-item").first.click()
    expect(page.locator("#refine")).to_be_visible()
    page.locator("#region button").first.click()
    page.wait_for_function(f"{PAINTED} > 1000")
    page.locator("#examples button").nth(2).click()
    page.wait_for_function(f"{PAINTED} == 0")


def test_a_second_painting_counts_and_goes_away(page: Page, tmp_path: Path) -> None:
    def saturation() -> float:
        small_run(page)
        return np.asarray(Image.open(downloaded(page, tmp_path)).convert("HSV"))[..., 1].mean()

    page.locator("#add-style").click()
    grey = tmp_path / "grey.png"
    Image.effect_noise((96, 96), 90).convert("RGB").save(grey)
    page.locator("#style-2 input[type=file]").set_input_files(grey)
    expect(page.locator("#style-2 img")).to_be_visible()
    set_number(page, "Weight of the painting", 0)
    with_grey = saturation()
    page.locator("#remove-style").click()
    expect(page.locator("#style-2")).to_be_hidden()
    expect(page.locator("#remove-style")).to_be_hidden()
    assert saturation() > 1.25 * with_grey


def test_colours_strength_and_recipe(page: Page, photo_path: Path, tmp_path: Path) -> None:
    page.locator("#presets button").filter(has_text="Keep colours").click()
    page.wait_for_timeout(300)
    small_run(page)
    kept = downloaded(page, tmp_path)
    first = kept.rename(tmp_path / "first.png")
    chroma = [
        np.asarray(Image.open(path).convert("YCbCr"), dtype=float)[..., 1:]
        for path in (first, photo_path)
    ]
    assert np.abs(chroma[0] - chroma[1]).mean() < 5

    set_number(page, "Strength", 0)
    expect(page.locator("#download")).to_be_enabled()
    page.wait_for_timeout(1500)
    assert difference(downloaded(page, tmp_path), photo_path).mean() < 0.01

    page.locator("#presets button").filter(has_text="Balanced").click()
    set_number(page, "Steps", 77)
    page.locator("#recipe input[type=file]").set_input_files(first)
    expect(page.get_by_text("All settings are as they were").first).to_be_visible()
    expect(page.get_by_label("number input for Steps")).to_have_value("4")
    expect(page.get_by_label("number input for Strength")).to_have_value("1")
    finish_run(page)
    assert downloaded(page, tmp_path).read_bytes() == first.read_bytes()

    broken = tmp_path / "broken.png"
    Image.new("RGB", (32, 32)).save(broken)
    page.locator("#recipe input[type=file]").set_input_files(broken)
    expect(page.get_by_text("This picture has no recipe").first).to_be_visible()
    expect(page.get_by_label("number input for Steps")).to_have_value("4")


def test_refine_history_and_film(page: Page, tmp_path: Path) -> None:
    small_run(page, 96, 4)
    set_number(page, "Steps", 6)
    finish_run(page, "#refine")
    expect(page.locator("#result .status").first).to_contain_text("6 steps")
    thumbnails = page.locator("#history button.thumbnail-item")
    expect(thumbnails).to_have_count(2)
    refined = read_recipe(downloaded(page, tmp_path))
    assert (refined.settings.init, refined.settings.coarse_to_fine) == ("image", False)
    assert refined.start is not None

    page.get_by_role("tab", name="Time-lapse").click()
    page.wait_for_function("document.querySelector('#film video')?.readyState >= 2")
    seconds = page.evaluate("document.querySelector('#film video').duration")
    assert 2 <= seconds <= 8
    page.get_by_role("button", name="Make an animated WebP").click()
    webp = page.get_by_role("button", name="Download the WebP")
    expect(webp).to_be_visible(timeout=20_000)
    with page.expect_download() as download:
        webp.click()
    assert Image.open(download.value.path()).n_frames > 10

    page.reload()
    expect(thumbnails).to_have_count(2)
    expect(page.locator("#refine")).to_be_hidden()
    page.wait_for_timeout(500)
    thumbnails.nth(1).click()
    expect(page.get_by_label("number input for Steps")).to_have_value("4")
    expect(page.locator("#refine")).to_be_visible()
    assert read_recipe(downloaded(page, tmp_path)).settings.init == "content"
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_a_result_brings_back_its_paintings_and_an_example_clears_them(
    page: Page, painting_path: Path, tmp_path: Path
) -> None:
    page.locator("#add-style").click()
    page.locator("#style-2 input[type=file]").set_input_files(painting_path)
    expect(page.locator("#style-2 img")).to_be_visible()
    small_run(page)
    page.reload()
    expect(page.locator("#style-2")).to_be_hidden()
    result = page.locator("#history button.thumbnail-item").first
    expect(result).to_contain_text("2 paintings")
    result.click()
    expect(page.locator("#style-2 img")).to_be_visible()
    page.locator("#examples button").nth(2).click()
    expect(page.locator("#style-2")).to_be_hidden()
    small_run(page)
    assert len(read_recipe(downloaded(page, tmp_path)).styles) == 1


def test_what_is_refused_leaves_the_picture(page: Page) -> None:
    page.locator("#region button").first.click()
    board = page.locator("#painter canvas")
    board.scroll_into_view_if_needed()
    box = board.bounding_box()
    page.mouse.move(box["x"] + 60, box["y"] + 60)
    page.mouse.down()
    page.mouse.move(box["x"] + 90, box["y"] + 60, steps=3)
    page.mouse.up()
    page.get_by_label("Gets the second painting").check()
    page.locator("#start").click()
    expect(page.locator("#result .status")).to_contain_text("add another")
    expect(page.locator("#start")).to_have_text("Stylize")
    page.get_by_role("tab", name="Picture").click()
    assert "chelsea-flow_strokes" in picture_address(page)


def test_nine_tiles_and_the_dice(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_module("nst_core.sweep"), "STEPS", 1)
    page.get_by_role("button", name="Try nine at once").click()
    page.locator("#sweep").click()
    tiles = page.locator("#tiles button.thumbnail-item")
    expect(tiles).to_have_count(9, timeout=60_000)
    expect(page.locator("#sweep")).to_be_enabled()
    tiles.nth(8).click()
    expect(page.get_by_label("number input for Style weight")).to_have_value("5")
    expect(page.get_by_label("number input for Stroke size")).to_have_value("2")

    page.get_by_role("button", name="Advanced").click()
    page.locator("#dice").click()
    expect(page.get_by_label("Seed", exact=True)).not_to_have_value("0")
    expect(page.get_by_label("Noise", exact=True)).to_be_checked()
    page.get_by_label("An image of your own", exact=True).check()
    expect(page.get_by_text("Start image")).to_be_visible()
    page.locator("#start").click()
    expect(page.get_by_text("no image to start from").first).to_be_visible()


def test_what_the_network_sees(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nst_core.insights.RECONSTRUCTION_STEPS", 4)
    monkeypatch.setattr("nst_core.insights.TEXTURE_STEPS", 6)
    small_run(page)
    page.get_by_role("tab", name="What the network sees").click()
    expect(page.get_by_role("cell", name="relu4_2")).to_be_visible()
    expect(page.locator(".katex").first).to_be_visible()
    page.get_by_label("up to relu2_1").check()
    expect(page.get_by_text("With the second block come short marks.")).to_be_visible()
    for action in ("Rebuild the photo", "Make the texture"):
        page.get_by_role("button", name=action).click()
    made = page.get_by_role("tabpanel").filter(has=page.get_by_text("Rebuild the photo"))
    expect(made.get_by_text("Finished: 4 steps")).to_be_visible(timeout=60_000)
    expect(made.get_by_text("Finished: 6 steps")).to_be_visible(timeout=60_000)
