"""Links that carry a set-up, and the button that copies one."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import expect

from nst_core.settings import DEFAULTS
from tests.browsing import (
    CHROMIUM,
    ROOT,
    Visit,
    number,
    picture_address,
    set_number,
    start_long_run,
    status,
    stop,
    unfold,
)

EXAMPLES = ROOT / "examples"


@pytest.fixture
def links(server: str) -> ModuleType:
    """The module; with the server, since Gradio reads its folder when it is imported."""
    return import_module("nst_core.page.links")


@pytest.fixture
def pairs(server: str) -> list[Any]:
    return import_module("nst_core.page.examples").load_examples()


def test_every_example_has_a_link_of_its_own(links: ModuleType, pairs: list[Any]) -> None:
    assert len({pair.slug for pair in pairs}) == len(pairs)
    for pair in pairs:
        found = links.read_link(f"?example={pair.slug}", pairs)
        assert (found.example, found.notes, found.status) == (pair, [], pair.title)
        files = [pair.content, pair.style, pair.result, pair.thumbnail]
        assert all(Path(file).is_file() for file in files)


def fields(content: Path | None, style: Path | None, **values: Any) -> dict[str, Any]:
    boxes = {
        "content": content,
        "style_0": style,
        **dict.fromkeys(("style_1", "style_2", "style_3")),
    }
    sent = {name: {"path": str(path)} if path else None for name, path in boxes.items()}
    mix = dict.fromkeys(("mix_0", "mix_1", "mix_2", "mix_3"), 1)
    return {**DEFAULTS.as_dict(), **sent, **mix, "mask": None, "start_image": None, **values}


def test_a_link_that_is_written_is_read_again(links: ModuleType, pairs: list[Any]) -> None:
    content, style = EXAMPLES / "contents" / "coffee.jpg", EXAMPLES / "styles" / "starry_night.jpg"
    sent = fields(content, style, style_weight=2.5, size=256, color="match", steps="40")
    query = links.write_link(sent, pairs)
    assert query.startswith("?photo=coffee&style=starry-night&")
    found = links.read_link(query, pairs)
    assert (found.content, found.style) == (str(content), str(style))
    assert found.values == {"style_weight": 2.5, "size": 256, "color": "match", "steps": 40}
    assert found.notes == []
    pair = pairs[2]
    query = links.write_link(fields(Path(pair.content), Path(pair.style)), pairs)
    assert query == f"?example={pair.slug}"


def test_a_link_names_no_picture_of_the_visitor(
    links: ModuleType, pairs: list[Any], tmp_path: Path
) -> None:
    own = tmp_path / "contents" / "coffee.jpg"
    sent = fields(own, EXAMPLES / "styles" / "mosaic.jpg", size=128)
    assert links.write_link(sent, pairs) == "?style=mosaic&size=128"
    assert links.left_out(sent) == "Not in the link: your own photo."
    assert links.write_link(fields(own, own), pairs) == "?"


def test_what_a_link_leaves_out_is_said_and_an_empty_box_leaves_nothing_out(
    links: ModuleType, tmp_path: Path
) -> None:
    coffee, mosaic = EXAMPLES / "contents" / "coffee.jpg", EXAMPLES / "styles" / "mosaic.jpg"
    for content, style in ((coffee, mosaic), (None, mosaic), (coffee, None), (None, None)):
        assert links.left_out(fields(content, style)) == ""
    own = tmp_path / "coffee.jpg"
    more = {"style_1": {"path": str(mosaic)}, "mask": "board", "start_image": {"path": str(own)}}
    # A start image is in use, and in view, where the run starts from it.
    assert links.left_out(fields(coffee, mosaic, start_image=more["start_image"])) == ""
    assert links.left_out(fields(own, own, **more, init="image")) == (
        "Not in the link: your own photo, your own painting, further paintings, "
        "the painted region, the image to start from."
    )


def test_an_example_with_other_settings_says_that_the_picture_is_not_painted_with_them(
    links: ModuleType, pairs: list[Any]
) -> None:
    slug, title = pairs[0].slug, pairs[0].title
    assert links.read_link(f"?example={slug}", pairs).status == title
    status = links.read_link(f"?example={slug}&size=256", pairs).status
    assert status.startswith(f"{title}. The link has settings of its own: press Stylize")


@pytest.mark.parametrize(
    ("query", "note"),
    [
        ("?example=nobody", "There is no example 'nobody' here."),
        ("?photo=../../app", "There is no photo '../../app' here."),
        ("?size=9999", "size must be between 64 and 4096, not '9999'."),
        ("?size=4096&style_scale=2", "makes the painting larger"),
        ("?memory_budget=64", "'memory_budget' in the link means nothing here."),
        ("?<b>=1", "'&lt;b&gt;' in the link means nothing here."),
        ("?seed=" + "9" * 5000, "seed must be"),
        ("?steps=\udcff%00", "steps must be a number"),
        ("?size=" + "9" * 3000, "The link is cut off after 2000 characters."),
        ("?example=oil-cat&photo=nobody", ". There is no photo 'nobody' here."),
        ("?style=great_wave", ""),
        ("?utm_source=x&__theme=dark&fbclid=1", ""),
    ],
)
def test_what_a_link_may_not_say_is_left_out_with_a_word(
    links: ModuleType, pairs: list[Any], query: str, note: str
) -> None:
    found = links.read_link(f"{query}&style_weight=2", pairs)
    assert note in found.status
    assert bool(found.notes) == bool(note)
    assert "style_weight" in found.values or len(query) > links.LONGEST
    assert "<" not in found.status


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
def test_a_page_opens_as_its_link_says_and_gives_one(
    visit: Visit, server: str, tmp_path: Path
) -> None:
    page = visit(url=f"{server}?style=mosaic&photo=chelsea&style_weight=2&size=256&seed=x")
    expect(status(page)).to_contain_text("Set up by the link")
    expect(status(page)).to_contain_text("seed must be a number, not 'x'.")
    unfold(page, "Fine tuning")
    expect(number(page, "Size")).to_have_value("256")
    expect(number(page, "Style weight")).to_have_value("2")
    expect(page.locator("#style img")).to_have_attribute("src", re.compile(r"mosaic\.jpg$"))
    page.get_by_role("tab", name="Picture").click()
    assert "contents/chelsea" in picture_address(page)  # no pair has these two

    own = tmp_path / "mine.png"
    Image.new("RGB", (60, 40), "red").save(own)
    page.locator("#content").get_by_label("Remove Image").click()
    page.locator("#content input[type=file]").set_input_files(own)
    expect(page.locator("#content img")).to_be_visible()
    set_number(page, "Steps", 12)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.locator("#copy-link").click()
    expect(page.locator("#hint")).to_contain_text("Copied: ")
    expect(page.locator("#hint")).to_contain_text("Not in the link: your own photo.")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == f"{server}?style=mosaic&style_weight=2&steps=12&size=256"


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
def test_a_link_that_is_copied_during_a_run_stays_in_view_beside_the_progress(
    visit: Visit,
) -> None:
    page = visit()
    start_long_run(page)
    page.locator("#copy-link").click()
    expect(page.locator("#hint")).to_contain_text("example=")
    seen = status(page).text_content() or ""
    expect(status(page)).not_to_have_text(seen)  # a later step
    expect(status(page)).to_contain_text("Step")
    expect(page.locator("#hint")).to_contain_text("example=")
    stop(page)


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
def test_an_example_that_a_link_names_shows_its_film(visit: Visit, server: str) -> None:
    page = visit(url=f"{server}?example=starry-lift-off")
    expect(status(page)).to_have_text("Lift-off under stars")
    page.get_by_role("tab", name="Time-lapse").click()
    page.wait_for_function("document.querySelector('#film video')?.readyState >= 2")
    assert "rocket-starry_night.mp4" in page.locator("#film video").evaluate("e => e.currentSrc")
