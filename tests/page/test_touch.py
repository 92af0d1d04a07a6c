"""The page under a finger: real touch events, as chromium gets them from a screen."""

from __future__ import annotations

import pytest
from playwright.sync_api import CDPSession, Locator, Page, expect

from tests.browsing import CHROMIUM, Visit, number

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")

UP, SIDEWAYS = (2, -200), (60, 2)
# How far the page is scrolled when it has stood still for 20 frames: what is let go rolls on.
STILL = """() => new Promise((resolve) => {
  let [place, frames] = [scrollY, 0];
  requestAnimationFrame(function look() {
    [place, frames] = [scrollY, scrollY === place ? frames + 1 : 0];
    if (frames < 20) requestAnimationFrame(look);
    else resolve(place);
  });
})"""


def swipe(page: Page, start: Locator, by: tuple[int, int], at: float = 0.5) -> float:
    """Swipe with a finger, from a part of the width of an element; how far the page scrolled."""
    start.evaluate("e => e.scrollIntoView({block: 'center', behavior: 'instant'})")
    before = page.evaluate(STILL)
    box = start.bounding_box()
    x, y = box["x"] + at * box["width"], box["y"] + box["height"] / 2
    touch(page.context.new_cdp_session(page), line((x, y), by))
    return float(page.evaluate(STILL)) - before


def line(start: tuple[float, float], by: tuple[int, int]) -> list[tuple[float, float]]:
    return [(start[0] + by[0] * k / 10, start[1] + by[1] * k / 10) for k in range(11)]


def touch(session: CDPSession, points: list[tuple[float, float]]) -> None:
    kinds = ["touchStart", *["touchMove"] * (len(points) - 1)]
    for kind, (x, y) in zip(kinds, points, strict=True):
        event = {"type": kind, "touchPoints": [{"x": x, "y": y}]}
        session.send("Input.dispatchTouchEvent", event)
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


def test_a_painting_that_is_chosen_with_live_preview_is_seen(visit: Visit) -> None:
    """The strips are above the picture, which would be painted out of view."""
    page = visit("touch")
    line = page.locator("#result .status").first
    expect(line).not_to_be_in_viewport()
    page.get_by_label("Live preview").check()
    page.evaluate("scrollTo(0, 0)")
    page.locator("#paintings").get_by_role("button", name="Ejiri").tap()
    expect(page.locator("#compare")).to_be_in_viewport(ratio=0.99)
    expect(page.locator("#paintings")).to_be_in_viewport(ratio=0.99)
    expect(line).to_contain_text("Preview")


def test_a_swipe_up_scrolls_and_changes_nothing(visit: Visit) -> None:
    page = visit("touch")
    expect(page.locator("#compare img").first).to_be_visible()
    page.get_by_role("button", name="Fine tuning").tap()
    weight = page.get_by_label("range slider for Stroke size")
    field = number(page, "Stroke size")
    before = field.input_value()
    assert swipe(page, weight, UP, at=0.8) > 100
    assert field.input_value() == before
    assert weight.input_value() == before
    assert abs(swipe(page, weight, SIDEWAYS, at=0.3)) < 5  # no line grows above it
    expect(field).not_to_have_value(before)

    # The comparison, beside its divider and on it. A swipe to the side moves the divider.
    compare = page.locator("#compare")
    divider = compare.get_by_test_id("slider").locator("> *").first
    place = divider.bounding_box()["x"]
    for at in (0.2, 0.5):
        assert swipe(page, compare, UP, at) > 100
        assert divider.bounding_box()["x"] == place
    assert abs(swipe(page, compare, SIDEWAYS)) < 20
    assert divider.bounding_box()["x"] > place + 40

    # A finger that stops the page while it rolls moves the divider, and nothing is in the console.
    compare.evaluate("e => e.scrollIntoView({block: 'center', behavior: 'instant'})")
    page.evaluate(STILL)
    place = divider.bounding_box()["x"]
    x, y = place + divider.bounding_box()["width"] / 2, compare.bounding_box()["y"] + 60
    session = page.context.new_cdp_session(page)
    touch(session, line((x, y), UP))
    touch(session, line((x, y + UP[1]), (-SIDEWAYS[0], 2)))
    assert divider.bounding_box()["x"] < place - 40
