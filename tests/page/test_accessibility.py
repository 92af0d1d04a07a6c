"""Everybody can use the page: axe-core, names, keyboard alone, light and dark."""

from __future__ import annotations

from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from conftest import CHROMIUM, SIZES, Visit, keep, small_run
from PIL import Image
from playwright.sync_api import Locator, Page, expect

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")

ACCORDIONS = ("Paint a region", "Try nine at once", "Advanced")

# What is Gradio's own, and out of reach from here: rule, and how the element begins.
NOT_OURS = {
    # An image component without an image: a label on a div without a role.
    ("aria-prohibited-attr", '<div aria-label="Empty value" class="empty '),
}
# A control has its name from itself, a label, its text, or the image in it.
UNNAMED = """[...document.querySelectorAll('input, select, textarea, button, video')]
  .filter(e => e.checkVisibility() && e.tabIndex >= 0)
  .filter(e => !(e.ariaLabel || e.labels?.length || e.innerText?.trim() || e.title
    || e.querySelector('img')?.alt
    || (e.getAttribute('aria-labelledby') || '').split(' ')
      .some(id => id && document.getElementById(id))))
  .map(e => e.outerHTML.slice(0, 150))"""
NO_ALT = "[...document.images].filter(i => !i.alt.trim()).map(i => i.outerHTML.slice(0, 150))"


def check(page: Page, name: str) -> None:
    """No serious violation, no control without a name, no image without a text, light or dark."""
    # Colours on their way from light to dark would be measured.
    page.add_style_tag(content="* { transition: none !important; }")
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.wait_for_function(f"document.body.matches('.dark') == {int(scheme == 'dark')}")
        serious = [
            (violation["id"], node["html"], node["failureSummary"])
            for violation in Axe().run(page).response["violations"]
            if violation["impact"] in ("serious", "critical")
            for node in violation["nodes"]
            if not any(
                violation["id"] == rule and node["html"].startswith(start)
                for rule, start in NOT_OURS
            )
        ]
        assert serious == []
        keep(page, f"{name}-{scheme}")
    assert page.evaluate(UNNAMED) == []
    assert page.evaluate(NO_ALT) == []


@pytest.mark.parametrize("size", SIZES)
def test_every_view_passes(visit: Visit, size: str) -> None:
    page = visit(size)
    expect(page.locator("#compare img")).to_have_count(2)
    check(page, f"open-{size}")
    for accordion in ACCORDIONS:
        page.get_by_role("button", name=accordion).click()
    page.locator("#add-style").click()
    small_run(page, 64, 4)
    expect(page.locator("#history button.thumbnail-item")).to_have_attribute("aria-label", "64 px")
    check(page, f"run-{size}")
    page.get_by_role("tab", name="Time-lapse").click()
    expect(page.locator("#film video")).to_be_visible()
    check(page, f"film-{size}")
    page.get_by_role("tab", name="What the network sees").click()
    expect(page.get_by_role("cell", name="relu4_2")).to_be_visible()
    check(page, f"second-{size}")
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def tab_to(page: Page, target: Locator) -> None:
    """Press Tab until the target has the focus, which can be seen."""
    for _ in range(120):
        page.keyboard.press("Tab")
        if target.evaluate("e => e === document.activeElement"):
            break
    expect(target).to_be_focused()
    ring = "(e => (s => s.outlineStyle + s.boxShadow)(getComputedStyle(e)))"
    assert page.evaluate(f"{ring}(document.activeElement)") != "nonenone"


def test_the_whole_journey_by_keyboard(visit: Visit, tmp_path: Path) -> None:
    page = visit()
    button = page.get_by_role("button", name="Lift-off under stars", exact=True)
    tab_to(page, button)
    page.keyboard.press("Enter")
    status = page.locator("#result .status").first
    expect(status).to_contain_text("Lift-off under stars")

    # A photo of one's own.
    tab_to(page, page.locator("#content").get_by_label("Remove Image"))
    page.keyboard.press("Enter")
    own = tmp_path / "own.png"
    Image.effect_noise((120, 80), 90).convert("RGB").save(own)
    expect(page.locator("#content").get_by_text("Click to Upload")).to_be_visible()
    upload = page.locator("#content button.upload-container, #content button[aria-label*='Drop']")
    # On the way to the button already: asked for just before the key, the chooser may be missed.
    with page.expect_file_chooser() as chooser:
        tab_to(page, upload.first)
        page.keyboard.press("Enter")
    chooser.value.set_files(own)
    expect(page.locator("#content img")).to_be_visible()

    # A preset, a slider, a choice, an accordion.
    tab_to(page, page.get_by_role("button", name="Keep colours", exact=True))
    page.keyboard.press("Enter")
    expect(page.locator("#controls").get_by_label("The photo's", exact=True)).to_be_checked()
    slider = page.get_by_label("range slider for Stroke size")
    tab_to(page, slider)
    before = float(slider.input_value())
    page.keyboard.press("ArrowLeft")
    expect(page.get_by_label("number input for Stroke size")).not_to_have_value(f"{before:g}")
    steps = page.get_by_label("number input for Steps")
    for field, value in ((steps, "2000"), (page.get_by_label("number input for Size"), "64")):
        tab_to(page, field)
        page.keyboard.press("Control+a")
        page.keyboard.type(value)
    tab_to(page, page.get_by_role("button", name="Advanced"))
    page.keyboard.press("Space")
    tab_to(page, page.get_by_label("adam"))
    page.keyboard.press("Space")
    expect(page.get_by_label("adam")).to_be_checked()

    tab_to(page, page.locator("#start"))
    page.keyboard.press("Enter")
    expect(status).to_contain_text("Step", timeout=20_000)
    tab_to(page, page.locator("#stop"))
    page.keyboard.press("Enter")
    expect(status).to_contain_text("Stopped at step", timeout=10_000)
    expect(page.locator("#start")).to_have_text("Stylize", timeout=20_000)

    tab_to(page, steps)
    page.keyboard.press("Control+a")
    page.keyboard.type("3")
    tab_to(page, page.locator("#refine"))
    page.keyboard.press("Enter")
    expect(status).to_contain_text("Finished: 3 steps", timeout=30_000)
    expect(page.locator("#start")).to_have_text("Stylize", timeout=20_000)
    tab_to(page, page.locator("#download"))
    with page.expect_download() as download:
        page.keyboard.press("Enter")
    assert Image.open(download.value.path()).size == (120, 80)
    expect(page.locator("#history button.thumbnail-item")).to_have_count(2)
    tab_to(page, page.locator("#history button.thumbnail-item").last)
    page.keyboard.press("Enter")
    expect(status).to_contain_text("From your results")
