"""Playing with the page: strips, one slider, previews, sweeps, and what it says of its runs."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from nst_core.page.catalogue import catalogue
from nst_core.presets import PRESET_HELP, PRESETS
from tests.browsing import (
    CHROMIUM,
    expect_ready,
    finish_run,
    number,
    press_apart,
    set_number,
    small_run,
    start_long_run,
    status,
    stop,
    thumbnails,
    unfold,
)
from tests.serving import health, wait_until_idle

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")

# What stands on the right side of the divider.
LABEL = "getComputedStyle(document.querySelector('#compare .slider-wrap'), '::after').content"
# The divider moves by itself.
SWEEPS = "document.querySelector('#compare img.fixed')?.getAnimations().length == 1"
# Drops a file onto an element as a browser does when a hand lets it go.
DROP = """async (element, name) => {
  const canvas = new OffscreenCanvas(90, 60);
  canvas.getContext("2d").fillRect(0, 0, 45, 60);
  const transfer = new DataTransfer();
  transfer.items.add(new File([await canvas.convertToBlob()], name, {type: "image/png"}));
  const options = {dataTransfer: transfer, bubbles: true, cancelable: true};
  element.dispatchEvent(new DragEvent("dragenter", options));
  const zone = document.querySelector(".drop-zones [data-box=style]");
  window.zoneWasVisible = zone.checkVisibility();
  zone.dispatchEvent(new DragEvent("dragover", options));
  zone.dispatchEvent(new DragEvent("drop", options));
}"""


@pytest.fixture
def own_photo(tmp_path: Path) -> Path:
    path = tmp_path / "golden_gate.png"
    gradient = Image.linear_gradient("L").resize((150, 100))
    Image.merge("RGB", (gradient, gradient.rotate(180), gradient)).save(path)
    return path


def choose_own_photo(page: Page, path: Path) -> None:
    """A click on the photo opens the chooser, also where there is a photo already."""
    with page.expect_file_chooser() as chooser:
        page.locator("#content img").click()
    chooser.value.set_files(path)
    expect(page.locator("#content img")).to_have_attribute("src", re.compile(path.stem))


def painting(page: Page, name: str) -> Locator:
    return page.locator("#paintings").get_by_role("button", name=name, exact=True)


def expect_chosen(page: Page, strip: str, *names: str) -> None:
    """These pictures of a strip are marked, and its heading names them."""
    expect(page.locator(f"#{strip}-heading .chosen")).to_have_text(", ".join(names))
    marked = page.locator(f"#{strip} button[aria-current=true]")
    assert [button.get_attribute("aria-label") for button in marked.all()] == [*names]


def test_ones_own_photo_in_a_painting(page: Page, own_photo: Path) -> None:
    """The photo is in view at once, stays when a painting is chosen, and names the result."""
    expect_chosen(page, "photos", "Cat")
    expect_chosen(page, "paintings", "The Great Wave")
    choose_own_photo(page, own_photo)
    expect_chosen(page, "photos", "Your photo")
    expect(status(page)).to_contain_text("Ready")
    expect(page.locator("#compare img").first).to_have_attribute("src", re.compile("golden_gate"))
    expect(page.locator("#download")).to_be_disabled()
    assert page.evaluate(LABEL) == '"Not painted yet"'
    painting(page, "Poppies").click()
    expect_chosen(page, "paintings", "Poppies")
    expect(page.locator("#style img")).to_have_attribute("src", re.compile("poppies"))
    expect(page.locator("#content img")).to_have_attribute("src", re.compile("golden_gate"))
    page.emulate_media(reduced_motion="no-preference")
    small_run(page)
    expect(thumbnails(page)).to_have_attribute("aria-label", "Golden gate, Poppies, 64 px")
    expect(page.locator("#save-film")).to_be_visible()
    page.wait_for_function(SWEEPS)
    assert page.evaluate(LABEL) == '"After"'
    expect(page.locator("#refine")).to_be_enabled()
    # Another photo: there is nothing to refine.
    page.locator("#photos").get_by_role("button", name="Pagoda").click()
    expect(page.locator("#compare img").first).to_have_attribute("src", re.compile("summer_palace"))
    expect(page.locator("#refine")).to_be_hidden()
    thumbnails(page).first.click()
    expect(status(page)).to_contain_text("From your results: Golden gate, Poppies")
    expect_chosen(page, "paintings", "Poppies")
    expect(page.locator("#content img")).to_have_attribute("src", re.compile("golden_gate"))
    expect(page.locator("#refine")).to_be_visible()
    expect(page.locator("#download")).to_be_enabled()


def test_ones_own_photo_comes_back_from_its_strip(page: Page, own_photo: Path) -> None:
    """An example takes its place, and so does another photo of the strip."""
    row = page.locator("#photos .grid-container")
    height = row.bounding_box()["height"]
    choose_own_photo(page, own_photo)
    expect_chosen(page, "photos", "Your photo")
    assert row.bounding_box()["height"] == pytest.approx(height, abs=3)
    page.locator("#examples button").nth(1).click()
    expect(page.locator("#photos-heading .chosen")).not_to_have_text("Your photo")
    page.locator("#photos").get_by_role("button", name="Cat").click()
    expect_chosen(page, "photos", "Cat")
    page.locator("#photos").get_by_role("button", name="Your photo").click()
    expect_chosen(page, "photos", "Your photo")
    expect(page.locator("#content img")).to_have_attribute("src", re.compile("golden_gate"))
    expect(page.locator("#compare img").first).to_have_attribute("src", re.compile("golden_gate"))
    expect(status(page)).to_contain_text("Ready")


def test_ones_own_painting_comes_back_from_its_strip(page: Page, own_photo: Path) -> None:
    row = page.locator("#paintings .grid-container")
    height = row.bounding_box()["height"]
    page.locator("#style input[type=file]").set_input_files(own_photo)
    expect_chosen(page, "paintings", "Your painting")
    assert row.bounding_box()["height"] == pytest.approx(height, abs=6)
    painting(page, "Poppies").click()
    expect_chosen(page, "paintings", "Poppies")
    painting(page, "Your painting").click()
    expect_chosen(page, "paintings", "Your painting")
    expect(page.locator("#style img")).to_have_attribute("src", re.compile("golden_gate"))
    # That of a further box follows.
    page.locator("#add-style").click()
    other = own_photo.with_stem("other")
    Image.new("RGB", (80, 60), "teal").save(other)
    page.locator("#style-2 input[type=file]").set_input_files(other)
    expect(page.locator("#paintings img").first).to_have_attribute("src", re.compile("other"))
    expect_chosen(page, "paintings", "Your painting")
    small_run(page)
    expect(thumbnails(page)).to_have_attribute("aria-label", re.compile("2 paintings"))


def test_files_are_dropped_anywhere(page: Page) -> None:
    page.locator("#examples").evaluate(DROP, "dropped.png")
    assert page.evaluate("zoneWasVisible")
    expect(page.locator("#style img")).to_have_attribute("src", re.compile("dropped"))
    expect(page.locator(".drop-zones")).to_be_hidden()
    with page.expect_file_chooser():
        page.locator(".own:has(#style)").get_by_role("button", name="Use your own").click()


def test_one_slider_sets_both_weights_and_follows_them(page: Page) -> None:
    balance = page.get_by_label("From photo to painting")
    balance.focus()
    for _ in range(6):
        page.keyboard.press("ArrowRight")
    expect(number(page, "Style weight")).to_have_value("2")
    expect(number(page, "Content weight")).to_have_value("1")
    page.locator("#presets button").filter(has_text="Faithful photo").click()
    expect(number(page, "Content weight")).to_have_value("4")
    expect(balance).to_have_value("-0.6")
    # The weights have 1 in the middle of their sliders.
    weight = page.get_by_label("range slider for Style weight")
    expect(weight).to_have_value("0")
    set_number(page, "Style weight", 10)
    expect(weight).to_have_value("1")
    # Sizes and steps beyond the slider are typed; what is out of range goes to its end.
    set_number(page, "Steps", 1500)
    expect(number(page, "Steps")).to_have_value("1500")
    expect(page.get_by_label("range slider for Steps")).to_have_value("300")
    set_number(page, "Size", 9999)
    expect(number(page, "Size")).to_have_value("4096")


def test_a_quality_has_its_seconds_and_a_long_run_asks_first(page: Page, server: str) -> None:
    quality = page.locator("#quality")
    expect(quality.get_by_label("Quick, ")).to_be_visible()
    expect(page.locator("#cost")).to_contain_text("About")
    quality.get_by_label("Large").check()
    expect(number(page, "Size")).to_have_value("1024")
    expect(quality.get_by_label("Large")).to_be_checked()
    set_number(page, "Steps", 2000)
    expect(page.locator("#cost")).to_contain_text("hour")
    expect(quality.get_by_label("Large")).not_to_be_checked()
    page.locator("#start").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("This will take about")
    dialog.get_by_role("button", name="Not now").click()
    expect_ready(page)
    assert health(server)["running"] == 0
    page.locator("#start").click()
    dialog.get_by_role("button", name="Paint it").click()
    expect(status(page)).to_contain_text("Starting")
    press_apart(page.locator("#stop"))
    expect(status(page)).to_contain_text("Stopped", timeout=60_000)
    wait_until_idle(server)


def test_a_preview_follows_the_hand(page: Page, server: str) -> None:
    set_number(page, "Size", 256)
    set_number(page, "Steps", 3)
    page.get_by_label("Live preview").check()
    painted = page.locator("#compare img.fixed")
    before = painted.get_attribute("src") or ""
    painting(page, "Ejiri").click()
    expect(status(page)).to_have_text(re.compile("Preview, (about|under) .* left"), timeout=60_000)
    expect(status(page)).to_contain_text("Preview: press Stylize", timeout=60_000)
    expect(painted).not_to_have_attribute("src", before)
    expect(page.locator("#download")).to_be_disabled()
    second = painted.get_attribute("src") or ""
    set_number(page, "Stroke size", 0.5)
    expect(painted).not_to_have_attribute("src", second, timeout=60_000)
    assert health(server) == {"status": "ok", "running": 0, "waiting": 0}
    # An example is a result, and is not painted anew.
    page.locator("#examples button").nth(1).click()
    expect(status(page)).to_contain_text("Lift-off under stars")
    page.wait_for_timeout(700)
    expect(status(page)).to_contain_text("Lift-off under stars")
    expect(thumbnails(page)).to_have_count(0)


def test_stylize_takes_over_from_a_preview(page: Page) -> None:
    page.get_by_label("Live preview").check()
    painting(page, "Ejiri").click()
    expect(status(page)).to_contain_text("Preview")
    set_number(page, "Size", 64)
    set_number(page, "Steps", 60)
    finish_run(page)
    expect(thumbnails(page)).to_have_attribute("aria-label", "Cat, Ejiri, 64 px")
    expect(status(page)).to_contain_text("Finished")


@pytest.mark.full  # `test_live` tries it without a browser
def test_a_preview_ends_when_the_switch_is_turned_off(page: Page) -> None:
    set_number(page, "Size", 1024)
    set_number(page, "Steps", 2000)  # the first size would go on for a minute
    page.get_by_label("Live preview").check()
    painting(page, "Ejiri").click()
    expect(status(page)).to_contain_text("left", timeout=60_000)
    page.get_by_label("Live preview").uncheck()
    expect(status(page)).to_contain_text("Ready: press Stylize")
    page.wait_for_timeout(1500)
    expect(status(page)).to_contain_text("Ready: press Stylize")


def test_a_run_of_somebody_else_ends_a_preview(page: Page, server: str) -> None:
    other = page.context.new_page()
    other.goto(server)
    other.get_by_label("Live preview").check()
    painting(other, "Ejiri").click()
    expect(status(other)).to_contain_text("Preview")
    start_long_run(page)  # does not wait until the preview is finished
    painting(other, "Poppies").click()
    expect(other.locator("#style img")).to_have_attribute("src", re.compile("poppies"))
    expect(status(other)).to_contain_text("A run has the device now")
    other.wait_for_timeout(1000)
    assert health(server) == {"status": "ok", "running": 1, "waiting": 0}
    expect(status(other)).to_contain_text("A run has the device now")
    stop(page)
    assert other.locator(".toast-wrap").inner_text().strip() == ""
    # What is in view is not the whole preview, which goes on.
    other.get_by_label("Live preview").uncheck()
    expect(status(other)).to_contain_text("Ready: press Stylize")
    other.get_by_label("Live preview").check()
    expect(status(other)).to_contain_text("Preview")
    set_number(other, "Size", 64)  # ends soon
    set_number(other, "Steps", 2)
    expect(status(other)).to_contain_text("Preview: press Stylize", timeout=60_000)


def test_a_preview_is_that_of_the_size_that_is_asked_for(page: Page) -> None:
    """The run of another size would begin anew."""
    set_number(page, "Steps", 3)
    page.get_by_label("Live preview").check()
    painting(page, "Ejiri").click()
    expect(status(page)).to_contain_text("Preview: press Stylize", timeout=60_000)
    painted = page.locator("#compare img.fixed")
    before = painted.get_attribute("src") or ""
    set_number(page, "Size", 64)
    expect(painted).not_to_have_attribute("src", before, timeout=60_000)
    expect(status(page)).to_contain_text("Preview: press Stylize", timeout=60_000)


def test_a_preview_ends_with_its_photo(page: Page) -> None:
    page.get_by_label("Live preview").check()
    painting(page, "Ejiri").click()
    expect(status(page)).to_contain_text("left", timeout=60_000)
    page.locator("#content").get_by_label("Remove Image").click()
    expect(status(page)).to_contain_text("no photo yet")
    page.wait_for_timeout(2000)
    expect(status(page)).to_contain_text("no photo yet")


@pytest.mark.usefixtures("tiny_tiles")
def test_the_photo_in_every_painting(
    page: Page, monkeypatch: pytest.MonkeyPatch, server: str
) -> None:
    unfold(page, "Your photo in every painting")
    page.locator("#gallery").click()
    tiles = page.locator("#gallery-tiles button.thumbnail-item")
    expect(tiles).to_have_count(16, timeout=90_000)
    expect(page.locator("#gallery")).to_be_visible()
    tile = tiles.filter(has_text="Composition VIII")
    tile.click()
    expect(page.locator("#style img")).to_have_attribute("src", re.compile("composition_viii"))
    # The tile is in view, and stays.
    number_of_tile = list(catalogue().styles).index("composition_viii")
    painted = page.locator("#compare img.fixed")
    expect(painted).to_have_attribute("src", re.compile(f"/{number_of_tile}.png"))
    expect(status(page)).to_have_text("Composition VIII: press Stylize to paint it.")
    page.wait_for_timeout(1000)
    expect(status(page)).to_have_text("Composition VIII: press Stylize to paint it.")
    expect(painted).to_have_attribute("src", re.compile(f"/{number_of_tile}.png"))
    assert page.evaluate(LABEL) == '"After"'
    # It is none of another photo.
    page.locator("#photos").get_by_role("button", name="Pagoda").click()
    expect(page.locator("#compare img").first).to_have_attribute("src", re.compile("summer_palace"))
    tiles.filter(has_text="Ejiri").click()
    expect(status(page)).to_contain_text("press Stylize")
    page.wait_for_timeout(500)
    expect(painted).to_have_attribute("src", re.compile("summer_palace"))
    # Stop says where it ended.
    monkeypatch.setattr(import_module("nst_core.sweep"), "STEPS", 40)
    page.locator("#gallery").click()
    panel = page.locator("#result").get_by_text(re.compile(r"^Tile \d+ of 16, about .* left"))
    expect(panel).to_be_visible()
    press_apart(page.get_by_role("button", name="Stop").filter(visible=True))
    expect(page.get_by_text(re.compile(r"Stopped at tile \d+ of 16"))).to_be_visible()
    wait_until_idle(server)


def test_every_preset_says_what_it_does(page: Page) -> None:
    assert list(PRESET_HELP) == list(PRESETS)
    for place, (preset, text) in enumerate(PRESET_HELP.items()):
        page.locator("#presets button").nth(place).click()
        expect(page.locator("#preset-text")).to_have_text(f"{preset}: {text}.")
    # Beside the line below the picture, which tells of the change itself.
    expect(status(page)).to_contain_text("Ready: press Stylize")
    expect(page.locator("#preset-text")).to_have_text(f"{preset}: {text}.")
    set_number(page, "Stroke size", 0.7)
    expect(page.locator("#preset-text")).to_have_text("Click one to begin with its settings.")


def test_a_choice_in_the_midst_of_a_run_is_for_the_next_one(page: Page) -> None:
    set_number(page, "Steps", 60)
    set_number(page, "Size", 200)
    page.locator("#start").click()
    expect(status(page)).to_contain_text("Step", timeout=60_000)
    expect(page.locator("#save-film")).to_be_disabled()
    expect(page.locator("#cost .note")).to_have_text("")
    painting(page, "Poppies").click()
    expect(page.locator("#cost .note")).to_have_text("Your changes are for the next run.")
    press_apart(page.locator("#stop"))
    expect(status(page)).to_contain_text("Stopped at step", timeout=60_000)
    expect_ready(page)
    expect(page.locator("#save-film")).to_be_enabled()
    expect(page.locator("#cost .note")).to_have_text("Your changes are for the next run.")
    painting(page, "The Great Wave").click()
    expect(page.locator("#cost .note")).to_have_text("")


def test_an_example_says_where_the_run_is(page: Page) -> None:
    set_number(page, "Steps", 40)
    set_number(page, "Size", 200)
    page.locator("#start").click()
    expect(status(page)).to_contain_text(re.compile(r"Step (1[2-9]|[23]\d) of 40"), timeout=60_000)
    page.locator("#examples button").nth(1).click()
    expect(page.get_by_text("What your run came to is among your results")).to_be_visible()
    expect(thumbnails(page)).to_have_count(1)
    expect_ready(page)
