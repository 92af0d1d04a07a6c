"""Two clicks before the page has disabled its button."""

from __future__ import annotations

import json
import logging

import pytest
from playwright.sync_api import Page, expect

from nst_core.page.status import progress_bar, status_line
from nst_core.page.widgets import static
from tests.browsing import CHROMIUM, set_number, status, stop, thumbnails
from tests.serving import health, wait_until_idle

# Collects what the page says beside the picture: the next progress of the run may soon replace it.
LISTEN = """result => {
  window.said = [];
  const note = () => window.said.push(result.querySelector('.status')?.innerText ?? '');
  new MutationObserver(note).observe(result, {childList: true, subtree: true, characterData: true});
}"""

# What all events say of their time: on a slow machine two presses would be far apart.
CLOCK = "Object.defineProperty(Event.prototype, 'timeStamp', {{get: () => {}, configurable: true}})"

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")


def test_the_second_of_two_presses_does_not_cancel_the_run(page: Page, server: str) -> None:
    """Cancel has come to the place of Stylize in between."""
    wait_until_idle(server)
    set_number(page, "Size", 64)
    set_number(page, "Steps", 2000)
    page.locator("#start").scroll_into_view_if_needed()
    button = page.locator("#start").bounding_box()
    place = button["x"] + button["width"] / 2, button["y"] + button["height"] / 2
    page.evaluate(CLOCK.format("7"))
    page.mouse.click(*place)
    expect(page.locator("#start")).to_be_hidden()
    page.mouse.click(*place)
    expect(status(page)).to_contain_text("Step")
    page.wait_for_timeout(1000)
    page.evaluate(CLOCK.format("performance.now()"))
    stop(page)
    expect(thumbnails(page)).to_have_count(1)


def test_work_that_was_cancelled_leaves_no_progress_in_its_line(page: Page) -> None:
    """The first progress of a run may come after its end."""
    for line, text in (
        (status_line("Starting", progress_bar(0, 1)), "Ended without a result."),
        (status_line("Finished: 3 steps"), "Finished: 3 steps"),
    ):
        assert page.evaluate(f"({static('ended.js')})({json.dumps(line)})") == status_line(text)


def test_a_double_click_starts_one_run(
    page: Page, server: str, caplog: pytest.LogCaptureFixture, console_errors: list[str]
) -> None:
    wait_until_idle(server)
    caplog.set_level(logging.INFO, "nst")
    set_number(page, "Size", 64)
    set_number(page, "Steps", 2000)
    page.locator("#result").evaluate(LISTEN)
    page.locator("#start").evaluate("button => { button.click(); button.click(); }")
    page.wait_for_function("said.some(text => text.includes('has begun already'))")
    expect(status(page)).to_contain_text("Step")
    assert (health(server)["running"], health(server)["waiting"]) == (1, 0)
    stop(page)
    wait_until_idle(server)
    lines = [json.loads(record.message) for record in caplog.records if record.name == "nst"]
    assert [line["outcome"] for line in lines] == ["stopped"]
    expect(thumbnails(page)).to_have_count(1)
    (refused,) = console_errors
    assert "422" in refused
    console_errors.clear()
