"""The page in a real browser: Debian's chromium, driven by playwright."""

from __future__ import annotations

import io
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageChops
from playwright.sync_api import Page, expect

from nst_core import PRESETS, Settings, read_recipe
from tests.browsing import (
    CHROMIUM,
    difference,
    downloaded,
    expect_ready,
    finish_run,
    number,
    paint_stroke,
    picture_address,
    press_apart,
    set_number,
    small_run,
    start_long_run,
    status,
    thumbnails,
    unfold,
)
from tests.serving import wait_until_idle

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")


def test_an_example_and_a_run(page: Page, tmp_path: Path) -> None:
    page.locator("#examples button").nth(2).click()
    expect(status(page)).to_contain_text("Astronaut, in leaded glass")
    page.get_by_role("tab", name="Picture").click()
    bundled = downloaded(page, tmp_path).rename(tmp_path / "bundled.jpg")
    Image.open(bundled).resize((512, 512)).save(bundled)  # larger than its photo
    assert "astronaut-stained_glass" in picture_address(page)

    small_run(page, 64, 3)
    expect(status(page)).to_contain_text("Finished: 3 steps")
    page.get_by_role("button", name="Loss curve").click()
    expect(page.locator("#curve canvas, #curve svg.marks").first).to_be_visible()
    for part in ("content", "style", "weave", "total"):
        expect(page.locator("#curve").get_by_text(part, exact=True)).to_be_visible()
    assert "astronaut-stained_glass.jpg" not in picture_address(page)
    path = downloaded(page, tmp_path)
    assert path.name == "astronaut-stained_glass.png"
    assert Image.open(path).size == (512, 512)
    assert difference(path, bundled).mean() > 5  # the picture is the new one


def test_stop_stays_in_view_and_an_example_takes_over(phone: Page, server: str) -> None:
    start_long_run(phone)
    for selector in ("#result", "#examples", "#controls"):
        phone.locator(selector).evaluate("e => e.scrollIntoView({behavior: 'instant'})")
        expect(phone.locator("#stop")).to_be_in_viewport(ratio=1)
    phone.locator("#examples button").nth(2).click()
    expect_ready(phone)
    expect(status(phone)).to_contain_text("Astronaut, in leaded glass")
    assert "astronaut-stained_glass" in picture_address(phone)
    assert phone.locator("#result").bounding_box()["y"] < 200  # scrolled into view
    wait_until_idle(server)


def test_a_closed_tab_ends_the_work(page: Page, server: str) -> None:
    start_long_run(page)
    page.close()
    wait_until_idle(server, most=10)


def test_what_is_refused_is_a_message_and_leaves_the_picture(page: Page) -> None:
    page.locator("#style").get_by_label("Remove Image").click()
    page.locator("#start").click()
    # The line below the picture has said so since the painting was removed.
    expect(page.locator(".toast-wrap")).to_contain_text("There is no painting yet")
    expect_ready(page)

    page.locator("#examples button").first.click()
    expect(page.locator("#style img")).to_be_visible()
    page.locator("#region button").first.click()
    paint_stroke(page, (0.3, 0.3), (0.5, 0.3))
    page.get_by_label("Gets the second painting").check()
    page.locator("#start").click()
    expect(status(page)).to_contain_text("add another")
    expect_ready(page)
    page.get_by_role("tab", name="Picture").click()
    assert "chelsea-great_wave" in picture_address(page)


# How many pixels of the board have colour.
PAINTED = """(canvas => canvas.getContext('2d')
  .getImageData(0, 0, canvas.width, canvas.height).data.filter((x, k) => k % 4 == 3 && x).length
)(document.querySelector('#painter canvas'))"""


def test_a_painted_region_stays_photo(phone: Page, photo_path: Path, tmp_path: Path) -> None:
    """The photo of the first example is the one of the fixture."""
    phone.locator("#region button").first.click()
    for _ in range(2):
        paint_stroke(phone, (0.3, 0.5), (0.6, 0.5))
    small_run(phone)
    found = difference(downloaded(phone, tmp_path), photo_path)
    height, width = found.shape
    inside = found[int(0.48 * height) : int(0.52 * height), int(0.3 * width) : int(0.6 * width)]
    assert inside.mean() <= 2
    assert found[: int(0.3 * height)].mean() > 8

    # A result that is brought back after a reload has its region; another photo clears it.
    phone.reload()
    thumbnails(phone).first.click()
    expect(phone.locator("#refine")).to_be_visible()
    phone.locator("#region button").first.click()
    phone.wait_for_function(f"{PAINTED} > 1000")
    phone.locator("#examples button").nth(2).click()
    phone.wait_for_function(f"{PAINTED} == 0")


def saturation(path: Path) -> float:
    return np.asarray(Image.open(path).convert("HSV"))[..., 1].mean()


def test_a_second_painting_counts_comes_back_and_goes_away(page: Page, tmp_path: Path) -> None:
    grey = tmp_path / "grey.png"
    Image.effect_noise((96, 96), 90).convert("RGB").save(grey)
    # The most colourful painting.
    page.locator("#paintings").get_by_role("button", name="Gilded Robe", exact=True).click()
    expect(page.locator("#style img")).to_have_attribute("src", re.compile("gilded_spirals"))
    page.locator("#add-style").click()
    page.locator("#style-2 input[type=file]").set_input_files(grey)
    expect(page.locator("#style-2 img")).to_be_visible()
    set_number(page, "Weight of the painting", 0)
    small_run(page)
    with_grey = saturation(downloaded(page, tmp_path))

    page.reload()
    expect(page.locator("#style-2")).to_be_hidden()
    result = thumbnails(page).first
    expect(result).to_contain_text("2 paintings")
    result.click()
    expect(page.locator("#style-2 img")).to_be_visible()
    page.locator("#remove-style").click()
    expect(page.locator("#style-2")).to_be_hidden()
    expect(page.locator("#remove-style")).to_be_hidden()
    small_run(page)
    alone = downloaded(page, tmp_path)
    assert len(read_recipe(alone).styles) == 1
    assert saturation(alone) > 1.25 * with_grey

    # An example takes all but one painting away.
    thumbnails(page).last.click()
    expect(page.locator("#style-2 img")).to_be_visible()
    page.locator("#examples button").nth(2).click()
    expect(page.locator("#style-2")).to_be_hidden()
    page.locator("#add-style").click()
    expect(page.locator("#style-2").get_by_text("Click to Upload")).to_be_visible()


def test_presets_strength_and_recipe(page: Page, photo_path: Path, tmp_path: Path) -> None:
    preset = page.locator("#presets button")
    set_number(page, "Size", 64)
    preset.filter(has_text="Classic").click()
    expect(number(page, "Steps")).to_have_value(str(PRESETS["Classic"].steps))
    expect(number(page, "Size")).to_have_value("64")
    preset.filter(has_text="Keep colours").click()
    expect(number(page, "Steps")).to_have_value(str(Settings().steps))
    expect(page.locator("#look").get_by_label("The photo's", exact=True)).to_be_checked()
    expect(page.locator("#presets .selected")).to_have_attribute("aria-label", "Keep colours")
    small_run(page, 64, 4)
    # With other steps it is no preset any more.
    expect(page.locator("#presets .selected")).to_have_count(0)
    first = downloaded(page, tmp_path).rename(tmp_path / "first.png")
    chroma = [
        np.asarray(Image.open(path).convert("YCbCr"), dtype=float)[..., 1:]
        for path in (first, photo_path)
    ]
    assert np.abs(chroma[0] - chroma[1]).mean() < 5

    # Without strength the picture is the photo.
    before = picture_address(page)
    set_number(page, "Strength", 0)
    expect(page.locator("#picture img")).not_to_have_attribute("src", before)
    expect(status(page)).to_have_text("Shown at strength 0")
    expect_ready(page)
    assert difference(downloaded(page, tmp_path), photo_path).mean() < 0.01

    # A run with another strength says so: its picture is not what was painted.
    set_number(page, "Strength", 0.5)
    finish_run(page)
    expect(status(page)).to_contain_text("shown at strength 0.5")

    # The recipe in the first picture makes the same picture again.
    preset.filter(has_text="Balanced").click()
    set_number(page, "Steps", 77)
    unfold(page, "Take the settings of a saved picture")
    page.locator("#recipe input[type=file]").set_input_files(first)
    expect(page.get_by_text("All settings are as they were").first).to_be_visible()
    expect(number(page, "Steps")).to_have_value("4")
    expect(number(page, "Strength")).to_have_value("1")
    expect(page.locator("#presets .selected")).to_have_count(0)
    finish_run(page)
    assert downloaded(page, tmp_path).read_bytes() == first.read_bytes()

    plain = tmp_path / "plain.png"
    Image.new("RGB", (32, 32)).save(plain)
    page.locator("#recipe input[type=file]").set_input_files(plain)
    expect(page.get_by_text("This picture has no recipe").first).to_be_visible()
    expect(number(page, "Steps")).to_have_value("4")


def test_refine_history_and_film(page: Page, tmp_path: Path) -> None:
    small_run(page, 64, 4)
    set_number(page, "Steps", 5)
    finish_run(page, "#refine")
    expect(status(page)).to_contain_text("5 steps")
    expect(thumbnails(page)).to_have_count(2)
    path = downloaded(page, tmp_path)
    refined = read_recipe(path)
    assert (refined.settings.init, refined.settings.coarse_to_fine) == ("image", False)
    assert refined.start is not None

    page.get_by_role("tab", name="Time-lapse").click()
    page.wait_for_function("document.querySelector('#film video')?.readyState >= 2")
    seconds = page.evaluate("document.querySelector('#film video').duration")
    assert 2 <= seconds <= 8
    page.get_by_role("button", name="Make an animated WebP").click()
    button = page.get_by_role("button", name="Download the WebP")
    expect(button).to_be_visible()
    webp = Image.open(downloaded(page, tmp_path, button))
    assert webp.format == "WEBP"
    assert webp.n_frames > 10
    webp.seek(webp.n_frames - 1)  # the film ends with the picture
    picture = Image.open(path).convert("RGB").resize(webp.size)
    assert np.asarray(ImageChops.difference(webp.convert("RGB"), picture)).mean() < 12

    page.reload()
    expect(thumbnails(page)).to_have_count(2)
    expect(page.locator("#refine")).to_be_hidden()
    thumbnails(page).nth(1).click()
    expect(number(page, "Steps")).to_have_value("4")
    expect(page.locator("#refine")).to_be_visible()
    assert read_recipe(downloaded(page, tmp_path)).settings.init == "content"


@pytest.mark.usefixtures("tiny_tiles")
def test_nine_tiles_and_the_dice(page: Page) -> None:
    page.get_by_role("button", name="Nine versions of this picture").click()
    page.locator("#sweep").click()
    tiles = page.locator("#tiles button.thumbnail-item")
    expect(tiles).to_have_count(9, timeout=60_000)
    expect(page.locator("#sweep")).to_be_enabled()
    pictures = {
        Image.open(io.BytesIO(page.request.get(image.get_attribute("src")).body())).tobytes()
        for image in page.locator("#tiles button.thumbnail-item img").all()
    }
    assert len(pictures) == 9
    tiles.nth(8).click()
    expect(number(page, "Style weight")).to_have_value("5")
    expect(number(page, "Stroke size")).to_have_value("2")

    unfold(page, "Fine tuning")
    unfold(page, "Advanced")
    page.locator("#dice").click()
    expect(page.get_by_label("Seed", exact=True)).not_to_have_value("0")
    expect(page.get_by_label("Noise", exact=True)).to_be_checked()
    page.get_by_label("An image of your own", exact=True).check()
    expect(page.get_by_text("Start image")).to_be_visible()
    page.locator("#start").click()
    expect(page.get_by_text("no image to start from").first).to_be_visible()


def test_what_the_network_sees(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nst_core.insights.RECONSTRUCTION_STEPS", 2)
    monkeypatch.setattr("nst_core.insights.TEXTURE_STEPS", 3)
    small_run(page)
    page.get_by_role("tab", name="What the network sees").click()
    made = page.get_by_role("tabpanel").filter(has=page.get_by_text("Rebuild my photo"))
    # There is a picture of every layer before any run; a click shows one large.
    expect(made.locator(".layers button.thumbnail-item")).to_have_count(10)
    made.get_by_role("button", name="Marks", exact=True).click()
    expect(page.get_by_text("With the second block come short marks.")).to_be_visible()
    large = made.locator(".picture img")
    expect(large.last).to_have_attribute("src", re.compile("style-relu2_1.jpg"))
    heights = {round(image.bounding_box()["height"]) for image in large.all()}
    assert len(heights) == 1
    page.get_by_role("button", name="The formulas").click()
    expect(page.locator(".katex").first).to_be_visible()
    page.get_by_role("button", name="The loss of the last run").click()
    expect(page.get_by_role("cell", name="relu4_2")).to_be_visible()
    for action in ("Rebuild my photo", "Make a texture of my painting"):
        button = page.get_by_role("button", name=action)
        button.click()
        expect(button).to_be_hidden()
    expect(made.get_by_text("Finished: 2 steps")).to_be_visible(timeout=60_000)
    expect(made.get_by_text("Finished: 3 steps")).to_be_visible(timeout=60_000)


def test_no_other_layer_is_chosen_while_one_is_made(page: Page) -> None:
    """The picture that is made would stand below the name of the other one."""
    page.get_by_role("tab", name="What the network sees").click()
    made = page.locator(".halves")
    page.get_by_role("button", name="Rebuild my photo").click()
    layers = made.locator(".layers").first
    expect(made.get_by_text(re.compile(r"Step \d+ of"))).to_be_visible(timeout=60_000)
    expect(layers).to_have_css("pointer-events", "none")
    expect(made.locator(".layers").last).to_have_css("pointer-events", "auto")
    press_apart(made.get_by_role("button", name="Stop"))
    expect(made.get_by_text("Stopped at step")).to_be_visible(timeout=60_000)
    expect(layers).to_have_css("pointer-events", "auto")
