"""What the page looks like where a test can tell: typefaces, widths, and that nothing jumps."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browsing import CHROMIUM, WINDOWS, Visit, keep

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")

# Adds up the layout shifts that nobody asked for, as browsers report them to sites.
WATCH_SHIFTS = """window.shift = 0;
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shift += entry.value;
}).observe({ type: "layout-shift", buffered: true });"""
# The texts among these that are drawn with another typeface than that of the theme.
OTHER_FACES = """() => [...document.querySelectorAll('h1, h2, #start, [role=tab], .status, label')]
  .filter(e => e.checkVisibility() && e.textContent.trim())
  .filter(e => !getComputedStyle(e).fontFamily.startsWith('"Source Sans Pro"'))
  .map(e => e.outerHTML.slice(0, 100))"""
# How wide a bold word is in the theme's typeface, and in what a browser has in its place.
WIDTHS = """async () => {
  await document.fonts.load('600 40px "Source Sans Pro"');
  const paint = document.createElement('canvas').getContext('2d');
  return ['"Source Sans Pro", monospace', 'monospace'].map(face => {
    paint.font = `600 40px ${face}`;
    return paint.measureText('Stylize').width;
  });
}"""
# What is cut off at the sides: thumbnails and captions that end outside of their strip.
CUT = """() => [...document.querySelectorAll('.strip')].filter(e => e.checkVisibility())
  .filter(e => getComputedStyle(e.querySelector('.grid-wrap')).overflowX !== 'auto'
    || e.id === 'presets')
  .flatMap(e => [...e.querySelectorAll('button')]
    .filter(b => b.getBoundingClientRect().right > e.getBoundingClientRect().right + 1))
  .map(b => b.outerHTML.slice(0, 100))"""

LINES = """e => {
  const range = document.createRange();
  range.selectNodeContents(e);
  return new Set([...range.getClientRects()].map(r => Math.round(r.y))).size;
}"""


def open_page(visit: Visit, size: str, server: str) -> Page:
    """A page that has watched its own layout from the start."""
    page = visit(size, url="about:blank")
    page.add_init_script(WATCH_SHIFTS)
    page.goto(server)
    expect(page.locator("#examples img").first).to_be_visible()
    page.wait_for_function("[...document.querySelectorAll('#compare img')].every(i => i.complete)")
    page.wait_for_timeout(500)
    return page


@pytest.mark.parametrize(
    "size", ["touch", *(pytest.param(x, marks=pytest.mark.full) for x in ("tablet", "desktop"))]
)
def test_the_page_opens_without_a_jump(visit: Visit, server: str, size: str) -> None:
    page = open_page(visit, size, server)
    assert page.evaluate("shift") < 0.02
    keep(page, f"first-{size}")


def test_nothing_is_cut_and_headings_are_in_the_typeface(page: Page) -> None:
    expect(page.locator("#examples img").first).to_be_visible()
    assert page.evaluate(OTHER_FACES) == []
    ours, fallback = page.evaluate(WIDTHS)
    assert abs(ours - fallback) > 5
    # One button stands out, and a caption can be read in full.
    assert page.locator("button.primary:visible").count() == 1
    example = page.locator("#examples button").nth(2)
    example.hover()
    caption = example.locator(".caption-label")
    assert caption.evaluate("e => e.scrollWidth <= e.clientWidth + 1")
    expect(caption).to_have_css("white-space", "normal")
    expect(caption).to_have_css("opacity", "1")
    for width, height in WINDOWS.values():
        page.set_viewport_size({"width": width, "height": height})
        assert page.evaluate(CUT) == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert page.locator("h1").evaluate(LINES) == 1


def test_the_picture_is_in_view_while_one_moves_the_slider(page: Page) -> None:
    expect(page.locator("#compare img").first).to_be_visible()
    page.locator("#look").evaluate("e => e.scrollIntoView({block: 'end', behavior: 'instant'})")
    picture, stylize = (page.locator(name).bounding_box() for name in ("#compare", "#start"))
    beside = stylize["x"] + stylize["width"] <= picture["x"]
    assert picture["y"] >= (0 if beside else stylize["y"] + stylize["height"])


def test_a_click_on_an_example_leaves_no_mark(page: Page) -> None:
    """It would stay when something else is in view, since Gradio marks what was clicked last."""
    page.locator("#examples button").nth(1).click()
    marked = page.locator("#examples .thumbnail-item.selected")
    expect(marked).to_have_count(1)
    page.mouse.move(1, 1)
    for name in ("outline-style", "border-color", "box-shadow"):
        other = page.locator("#examples .thumbnail-item").first
        value = other.evaluate("(e, name) => getComputedStyle(e).getPropertyValue(name)", name)
        expect(marked).to_have_css(name, value)
