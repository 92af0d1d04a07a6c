"""Photos and paintings of the visitor: checked, shown, and replaced by what comes after them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.browsing import status

# The box and the place of the result show a photo of this name, 90 pixels wide.
SHOWN = """name => ["#content img", "#compare img"].every((place) => {
  const image = document.querySelector(place);
  return decodeURIComponent(image?.src).endsWith(`/${name}`) && image.naturalWidth == 90;
})"""


def test_photos_of_phones_are_taken_whatever_they_are_called(page: Page, tmp_path: Path) -> None:
    """Browsers know no kind for a name in capitals, and show no HEIC."""
    made = tmp_path / "made.heic"
    Image.new("RGB", (90, 60), "red").save(made, "HEIF")
    for name in ("Mom's cat (1).HEIC", "renamed.jpg"):
        photo = made.with_name(name)
        photo.write_bytes(made.read_bytes())
        page.locator("#content input[type=file]").set_input_files(photo)
        page.wait_for_function(SHOWN, arg=f"{photo.stem}.png")
        expect(page.locator("#photos-heading .chosen")).to_have_text("Your photo")
    expect(page.get_by_text("Invalid file")).to_have_count(0)


def test_the_check_of_an_upload_changes_nothing_that_came_after_it(
    page: Page, tmp_path: Path
) -> None:
    """It takes seconds for a large photo of a phone."""
    slow, small, text = (tmp_path / name for name in ("slow.heic", "small.png", "text.png"))
    Image.effect_noise((4000, 3000), 60).convert("RGB").save(slow, "HEIF")
    Image.new("RGB", (90, 60), "red").save(small)
    text.write_text("no picture")
    chooser, photo = page.locator("#content input[type=file]"), page.locator("#content img")
    photos = page.locator("#photos")
    own = photos.get_by_role("button", name="Your photo")

    def begin() -> None:
        chooser.set_input_files(slow)
        expect(photo).to_have_attribute("src", re.compile(r"slow\.heic$"))

    begin()
    chooser.set_input_files(small)
    expect(page.locator("#compare img").first).to_have_attribute("src", re.compile("small"))
    expect(photo).to_have_attribute("src", re.compile("small"))
    expect(own.locator("img")).to_have_attribute("src", re.compile("small"))

    begin()
    chooser.set_input_files(text)
    expect(page.get_by_text("text.png is not an image")).to_be_visible()
    expect(photo).to_have_attribute("src", re.compile(r"slow\.png$"))

    begin()
    photos.get_by_role("button", name="Coffee").click()
    expect(own.locator("img")).to_have_attribute("src", re.compile("slow"))
    expect(page.locator("#photos-heading .chosen")).to_have_text("Coffee")
    expect(page.locator("#compare img").first).to_have_attribute("src", re.compile("coffee"))
    page.locator("#region button").first.click()
    page.wait_for_function("document.querySelector('#painter img')?.naturalWidth > 0")
    shape = "(image => image.naturalWidth / image.naturalHeight)"
    board, shown = (
        page.locator(f"{box} img").first.evaluate(shape) for box in ("#painter", "#content")
    )
    assert board == pytest.approx(shown, abs=0.02)


def test_the_line_says_when_the_picture_is_up_to_date_again(page: Page) -> None:
    page.locator("#content").get_by_label("Remove Image").click()
    expect(status(page)).to_contain_text("There is no photo yet")
    page.locator("#photos").get_by_role("button", name="Cat").click()
    expect(status(page)).to_contain_text("This picture is up to date")
    page.locator("#paintings").get_by_role("button", name="Poppies").click()
    expect(status(page)).to_contain_text("This is the old picture")
    page.locator("#paintings").get_by_role("button", name="The Great Wave").click()
    expect(status(page)).to_contain_text("This picture is up to date")


def test_an_upload_is_checked_at_once(page: Page, tmp_path: Path) -> None:
    """Chromium can't show a HEIC photo, the page can; a text file is a message."""
    heic, text = tmp_path / "photo.heic", tmp_path / "notes.png"
    Image.new("RGB", (90, 60), "red").save(heic, "HEIF")
    text.write_text("no picture")
    chooser = page.locator("#content input[type=file]")
    page.locator("#content").get_by_label("Remove Image").click()
    chooser.set_input_files(heic)
    image = page.locator("#content img")
    expect(image).to_have_attribute("src", re.compile(r"photo\.png$"))
    expect(status(page)).to_contain_text("Ready")
    page.locator("#region button").first.click()
    page.wait_for_function("document.querySelector('#painter img')?.naturalWidth == 90")
    page.wait_for_function("image => image.naturalWidth == 90", arg=image.element_handle())
    page.locator("#content").get_by_label("Remove Image").click()
    chooser.set_input_files(text)
    expect(page.get_by_text("notes.png is not an image")).to_be_visible()
    expect(page.locator("#content").get_by_text("Click to Upload")).to_be_visible()


def test_a_photo_of_the_camera_is_ready_to_be_painted(page: Page) -> None:
    page.context.grant_permissions(["camera"])
    photo = page.locator("#content")
    photo.get_by_label("Remove Image").click()
    photo.get_by_label("Capture from camera").click()
    photo.get_by_text("Click to Access Webcam").click()
    photo.get_by_label("capture photo").click()
    expect(status(page)).to_contain_text("Ready")
    widths = "[...document.querySelectorAll('#compare img')].map(x => x.naturalWidth)"
    assert page.evaluate(widths) == [1920, 1920]


def test_a_file_that_is_refused_leaves_the_pictures_as_they_were(
    page: Page, tmp_path: Path
) -> None:
    own, text, dot = (tmp_path / name for name in ("own.png", "notes.png", "dot.png"))
    Image.new("RGB", (90, 60), "red").save(own)
    text.write_text("no picture")
    Image.new("RGB", (1, 1)).save(dot)
    for box in ("content", "style"):
        chooser = page.locator(f"#{box} input[type=file]")
        image = page.locator(f"#{box} img")
        chooser.set_input_files(own)
        expect(image).to_have_attribute("src", re.compile(r"own\.png$"))
        expect(status(page)).to_contain_text("Ready")
        for refused, words in ((text, "notes.png is not an image"), (dot, "too small")):
            chooser.set_input_files(refused)
            expect(page.get_by_text(words).first).to_be_visible()
            expect(image).to_have_attribute("src", re.compile(r"own\.png$"))
            expect(status(page)).to_contain_text("Ready")
    widths = "[...document.querySelectorAll('#compare img')].map(x => x.naturalWidth)"
    assert page.evaluate(widths) == [90, 90]
    page.locator("#content").get_by_label("Remove Image").click()
    expect(status(page)).to_contain_text("There is no photo yet")
