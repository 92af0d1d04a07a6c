"""The page under a finger: real touch events, as chromium gets them from a screen."""

from __future__ import annotations

import pytest
from playwright.sync_api import CDPSession, Locator, Page, expect

from tests.browsing import CHROMIUM, Visit, number

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")

UP, SIDEWAYS = (2, -200), (60, 2)


def swipe(page: Page, start: Locator, by: tuple[int, int], at: float = 0.5) -> float:
    """Swipe with a finger, from a part of the width of an element; how far the page scrolled."""
    start.evaluate("e => e.scrollIntoView({block: 'center', behavior: 'instant'})")
    box, before = start.bounding_box(), page.evaluate("scrollY")
    x, y = box["x"] + at * box["width"], box["y"] + box["height"] / 2
    touch(
        page.context.new_cdp_session(page),
        [(x + by[0] * k / 10, y + by[1] * k / 10) for k in range(11)],
    )
    page.wait_for_timeout(300)  # what is let go rolls on
    return float(page.evaluate("scrollY")) - before


def touch(session: CDPSession, points: list[tuple[float, float]]) -> None:
    kinds = ["touchStart", *["touchMove"] * (len(points) - 1)]
    for kind, (x, y) in zip(kinds, points, strict=True):
        event = {"type": kind, "touchPoints": [{"x": x, "y": y}]}
        session.send("Input.dispatchTouchEvent", event)
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


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
    assert abs(swipe(page, weight, SIDEWAYS, at=0.3)) < 20
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
