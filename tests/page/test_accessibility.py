"""Everybody can use the page: on a phone, in the dark, with a screen reader, by keyboard alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from tests.browsing import (
    CHROMIUM,
    DOUBLE_CLICK,
    SIZES,
    Visit,
    expect_ready,
    number,
    set_number,
    small_run,
    status,
    thumbnails,
    unfold,
)

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")

ACCORDIONS = (
    "Paint a region",
    "Your photo in every painting",
    "Nine versions of this picture",
    "More examples",
    "Fine tuning",
    "Advanced",
    "Take the settings of a saved picture",
)

# Violations in Gradio's own elements: the rule, and how the element begins.
NOT_OURS = {
    # An image component without an image is a div that has a label, but no role.
    ("aria-prohibited-attr", '<div aria-label="Empty value" class="empty '),
}
# Controls that a screen reader can't name: a name comes from the control itself, from a label, from
# the text, or from the image in it.
UNNAMED = """[...document.querySelectorAll('input, select, textarea, button, video')]
  .filter(e => e.checkVisibility() && e.tabIndex >= 0)
  .filter(e => !(e.ariaLabel || e.labels?.length || e.innerText?.trim() || e.title
    || e.querySelector('img')?.alt
    || (e.getAttribute('aria-labelledby') || '').split(' ')
      .some(id => id && document.getElementById(id))))
  .map(e => e.outerHTML.slice(0, 150))"""
COLOURS = {"runOnly": {"type": "rule", "values": ["color-contrast"]}}
# One size for what does not depend on it.
DARK = "desktop"
NO_ALT = "[...document.images].filter(i => !i.alt.trim()).map(i => i.outerHTML.slice(0, 150))"


def violations(page: Page, **options: Any) -> list[tuple[str, str, str]]:
    """What axe finds that is serious, but for what is Gradio's."""
    found = Axe().run(page, options={"resultTypes": ["violations"], **options}).response
    return [
        (violation["id"], node["html"], node["failureSummary"])
        for violation in found["violations"]
        if violation["impact"] in ("serious", "critical")
        for node in violation["nodes"]
        if not any(
            violation["id"] == rule and node["html"].startswith(start) for rule, start in NOT_OURS
        )
    ]


def check(page: Page, dark: bool) -> None:
    """Fail on a serious violation, a nameless control or image, or a page wider than the window.

    Args:
        dark: whether to look at the colours of the dark page, too.
    """
    # Without this, axe would measure colours that are still on their way from light to dark.
    page.add_style_tag(content="* { transition: none !important; }")
    assert violations(page) == []
    if dark:
        page.emulate_media(color_scheme="dark")
        page.wait_for_function("document.body.matches('.dark')")
        assert violations(page, **COLOURS) == []  # nothing else is different in the dark
        page.emulate_media(color_scheme="light")
        page.wait_for_function("!document.body.matches('.dark')")
    assert page.evaluate(UNNAMED) == []
    assert page.evaluate(NO_ALT) == []
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


@pytest.mark.parametrize("size", SIZES)
def test_every_view_passes(visit: Visit, size: str) -> None:
    page, dark = visit(size), size == DARK
    # A finished picture is there before any click.
    compared = page.locator("#compare img")
    expect(compared).to_have_count(2)
    for image in compared.all():
        page.wait_for_function("image => image.naturalWidth > 100", arg=image.element_handle())
    check(page, dark)
    for accordion in ACCORDIONS:
        unfold(page, accordion)
    page.locator("#add-style").click()
    small_run(page)
    expect(thumbnails(page)).to_have_attribute("aria-label", "Cat, The Great Wave, 64 px")
    check(page, dark)
    page.get_by_role("tab", name="Time-lapse").click()
    expect(page.locator("#film video")).to_be_visible()
    check(page, dark)
    page.get_by_role("tab", name="What the network sees").click()
    for accordion in ("The formulas", "The loss of the last run"):
        page.get_by_role("button", name=accordion).click()
    expect(page.get_by_role("cell", name="relu4_2")).to_be_visible()
    check(page, dark)


def tab_to(page: Page, target: Locator) -> None:
    """Press Tab until the target has the focus, and check that the focus can be seen."""
    element = target.element_handle()  # to look for it anew takes longer than a key
    for _ in range(200):
        page.keyboard.press("Tab")
        if element.evaluate("e => e === document.activeElement"):
            break
    expect(target).to_be_focused()
    ring = "(e => (s => s.outlineStyle + s.boxShadow)(getComputedStyle(e)))"
    assert page.evaluate(f"{ring}(document.activeElement)") != "nonenone"


def press(page: Page, target: Locator, key: str = "Enter") -> None:
    tab_to(page, target)
    page.keyboard.press(key)


def type_over(page: Page, field: Locator, text: str) -> None:
    press(page, field, "Control+a")
    page.keyboard.type(text)


def test_the_focus_goes_on_to_the_button_that_comes(page: Page) -> None:
    set_number(page, "Size", 64)
    set_number(page, "Steps", 2000)
    page.locator("#start").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#stop")).to_be_focused()
    expect(status(page)).to_contain_text("Step")
    page.keyboard.press("Space")
    expect(status(page)).to_contain_text("Stopped at step")
    expect(page.locator("#start")).to_be_focused()


def test_the_whole_journey_by_keyboard(page: Page, tmp_path: Path) -> None:
    press(page, page.get_by_role("button", name="Lift-off under stars", exact=True))
    expect(status(page)).to_contain_text("Lift-off under stars")

    # A photo of one's own.
    press(page, page.locator("#content").get_by_label("Remove Image"))
    own = tmp_path / "own.png"
    Image.effect_noise((120, 80), 90).convert("RGB").save(own)
    expect(page.locator("#content").get_by_text("Click to Upload")).to_be_visible()
    upload = page.locator("#content button.upload-container, #content button[aria-label*='Drop']")
    # Playwright may miss a chooser that opens as soon as playwright begins to wait for it.
    with page.expect_file_chooser() as chooser:
        press(page, upload.first)
    chooser.value.set_files(own)
    expect(page.locator("#content img")).to_be_visible()

    # A preset, a slider, a choice, an accordion.
    press(page, page.get_by_role("button", name="Keep colours", exact=True))
    expect(page.locator("#look").get_by_label("The photo's", exact=True)).to_be_checked()
    press(page, page.get_by_role("button", name="Fine tuning"), "Space")
    slider = page.get_by_label("range slider for Stroke size")
    before = float(slider.input_value())
    press(page, slider, "ArrowLeft")
    expect(number(page, "Stroke size")).not_to_have_value(f"{before:g}")
    type_over(page, number(page, "Steps"), "2000")
    type_over(page, number(page, "Size"), "64")
    press(page, page.get_by_role("button", name="Advanced"), "Space")
    press(page, page.get_by_label("adam"), "Space")
    expect(page.get_by_label("adam")).to_be_checked()

    press(page, page.locator("#start"))
    expect(status(page)).to_contain_text("Step")
    page.wait_for_timeout(DOUBLE_CLICK)
    press(page, page.locator("#stop"))
    expect(status(page)).to_contain_text("Stopped at step")
    expect_ready(page)

    type_over(page, number(page, "Steps"), "3")
    press(page, page.locator("#refine"))
    expect(status(page)).to_contain_text("Finished: 3 steps")
    expect_ready(page)
    tab_to(page, page.locator("#download"))
    with page.expect_download() as download:
        page.keyboard.press("Enter")
    assert Image.open(download.value.path()).size == (120, 80)
    expect(thumbnails(page)).to_have_count(2)
    press(page, thumbnails(page).last)
    expect(status(page)).to_contain_text("From your results")
