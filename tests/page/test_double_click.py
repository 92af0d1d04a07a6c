"""Two clicks before the page has disabled its button."""

from __future__ import annotations

import json
import logging

import pytest
from playwright.sync_api import Page, expect

from tests.browsing import CHROMIUM, set_number, status, stop, thumbnails
from tests.serving import health, wait_until_idle

# Collects what the page says beside the picture: the next progress of the run may soon replace it.
LISTEN = """result => {
  window.said = [];
  const note = () => window.said.push(result.querySelector('.status')?.innerText ?? '');
  new MutationObserver(note).observe(result, {childList: true, subtree: true, characterData: true});
}"""

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")


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
