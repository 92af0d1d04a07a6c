"""The app in somebody else's page, at another address, by the snippets of the README."""

from __future__ import annotations

import mimetypes
import re
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Route, expect

from tests.browsing import (
    CHROMIUM,
    ROOT,
    App,
    Visit,
    downloaded,
    keep,
    paint_stroke,
    small_run,
    status,
    thumbnails,
)

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")

SNIPPETS = re.findall(r"```html\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.S)
CDN = "https://gradio.s3-us-west-2.amazonaws.com/"
VERSION = version("gradio")
BUILD = Path(find_spec("gradio").origin).parent / "templates" / "frontend"

# A page with its own styles, elements that have the names of some of ours, and much above the app.
BLOG = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>A blog</title>
<meta name="viewport" content="width=device-width, initial-scale=1"></head>
<body style="font-family: serif; margin: 1em"><h1>A blog</h1>
<p id="result" class="line">Today in the news.</p>
<nav class="studio" id="controls"><h2 class="heading own">Of late</h2>
<button role="tab" class="selected">All</button> <input type="range" class="number"></nav>
<div style="height: 1500px"></div>
%s
<div style="height: 1500px"></div></body></html>
"""


# How the blog looks, as far as rules of ours could change it.
LOOKS = """() => [...document.querySelectorAll("body > p, body > nav, nav > *")].map(e => {
  if (e.matches("input")) e.focus();
  const style = getComputedStyle(e);
  return ["display", "position", "gridArea", "gap", "color", "fontWeight", "fontSize", "padding",
    "outlineOffset", "touchAction", "accentColor", "minWidth"].map(name => style[name]);
})"""


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def blog(tmp_path: Path, server: str) -> Iterator[Callable[[str], str]]:
    """Another web server: takes a snippet of the README, and gives the address of its page."""
    (tmp_path / "blog").mkdir()
    (tmp_path / "blog" / "favicon.ico").touch()
    serve = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path / "blog")))
    threading.Thread(target=serve.serve_forever, daemon=True).start()

    def publish(snippet: str) -> str:
        text = BLOG % snippet.replace("https://USER-SPACE.hf.space", server.rstrip("/"))
        (tmp_path / "blog" / "index.html").write_text(text, encoding="utf-8")
        return f"http://127.0.0.1:{serve.server_port}/"

    yield publish
    serve.shutdown()
    serve.server_close()


def from_package(route: Route) -> None:
    """Answer for the CDN with a file of the installed package."""
    # The address of the style sheet has no version in it.
    path = BUILD / route.request.url.removeprefix(CDN).removeprefix(f"{VERSION}/")
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    headers = {"Access-Control-Allow-Origin": "*", "Content-Type": kind}
    if path.is_file():
        route.fulfill(path=path, headers=headers)
    else:
        route.fulfill(status=404)


def expect_pair(app: App) -> None:
    """The app has opened with the pair of the snippet."""
    expect(status(app)).to_contain_text("Lift-off under stars")
    expect(app.locator("#content img")).to_have_attribute("src", re.compile(r"rocket\.jpg$"))


def use(app: App) -> None:
    """An example, and a tiny run of it."""
    app.locator("#examples button").nth(2).click()
    expect(status(app)).to_contain_text("Astronaut, in leaded glass")
    small_run(app)
    expect(thumbnails(app)).to_have_count(1)


def test_by_script_tag(visit: Visit, blog: Callable[[str], str], tmp_path: Path) -> None:
    page = visit(cdn=CDN)
    page.goto(blog(""))
    looks = page.evaluate(LOOKS)
    address = blog(next(x for x in SNIPPETS if "gradio-app" in x))
    page.route(f"{CDN}**", from_package)
    page.goto(address)
    page.locator("gradio-app").scroll_into_view_if_needed()
    expect(page.locator("#start")).to_be_visible()
    expect_pair(page)
    # A click on an example brings the app's own #result into view, not the blog's.
    page.locator("#examples button").nth(0).click()
    page.wait_for_function(
        "Math.abs(document.querySelector('.studio #result').getBoundingClientRect().y) < 9"
    )
    expect(status(page)).not_to_contain_text("Lift-off under stars")
    use(page)
    assert Image.open(downloaded(page, tmp_path)).size == (512, 512)

    # Painting a region works here too.
    page.locator("#region button").first.click()
    board = paint_stroke(page, (1 / 3, 1 / 2), (1 / 2, 1 / 2))
    middle = "c => c.getContext('2d').getImageData(c.width * 0.4, c.height / 2, 1, 1).data[3]"
    assert board.evaluate(middle) == 255
    small_run(page)

    # The app leaves the blog's own styles alone, and results outlive a reload.
    assert page.locator("h1").first.evaluate("e => getComputedStyle(e).fontFamily") == "serif"
    assert page.evaluate(LOOKS) == looks
    keep(page, "embedded")
    page.reload()
    # It loads when it comes into view, and the place that the browser returns to may be below it.
    page.locator("gradio-app").scroll_into_view_if_needed()
    expect(thumbnails(page)).to_have_count(2)


def test_by_iframe(visit: Visit, blog: Callable[[str], str]) -> None:
    page = visit(url=blog(next(x for x in SNIPPETS if "iframe" in x)))
    page.locator("iframe").scroll_into_view_if_needed()
    frame = page.frame_locator("iframe")
    expect(frame.locator("#start")).to_be_visible()
    expect_pair(frame)
    use(frame)
    assert page.locator("iframe").bounding_box()["y"] < 900
