"""What the browser tests share: the browser, its windows, and what people do on the page."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import FrameLocator, Locator, Page, expect

ROOT = Path(__file__).parents[1]
ARTIFACTS = ROOT / "artifacts"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
SIZES = {"desktop": (1440, 900), "phone": (390, 844)}
# "touch" is a phone with a touch screen, "tablet" is as wide as two columns may be narrow.
WINDOWS = {**SIZES, "touch": SIZES["phone"], "tablet": (820, 1180)}

# Milliseconds in which two presses are one: see `double_press.js`.
DOUBLE_CLICK = 700

# Numbers that are folded away.
FOLDED = ("Size", "Steps", "Content weight", "Style weight", "Stroke size")

# Marks the app once its Stop is in view: that of a short run may be gone before a second look.
MARK_STOP = """app => {
  delete app.dataset.stopSeen;
  const observer = new MutationObserver(() => {
    if (!app.querySelector('#stop')?.checkVisibility()) return;
    observer.disconnect();
    app.dataset.stopSeen = 'yes';
  });
  observer.observe(app, {attributes: true, childList: true, subtree: true});
}"""

# Opens a page in a profile of its own: `visit(size, url, cdn)`; see the fixture.
Visit = Callable[..., Page]
# A page, or the page in a frame of another one.
App = Page | FrameLocator


def keep(page: Page, name: str) -> None:
    """Keep a picture of the whole page among the artefacts."""
    ARTIFACTS.mkdir(exist_ok=True)
    page.screenshot(path=ARTIFACTS / f"{name}.png", full_page=True)


def status(app: App) -> Locator:
    """The line under the picture."""
    return app.locator("#result .status").first


def thumbnails(app: App) -> Locator:
    """The visitor's own results."""
    return app.locator("#history button.thumbnail-item")


def unfold(app: App, name: str) -> None:
    """Open an accordion, unless it is open already."""
    button = app.locator("button.label-wrap", has_text=name)
    if "open" not in (button.get_attribute("class") or "").split():
        button.click()


def number(app: App, label: str) -> Locator:
    """The number beside a slider, which may be folded away."""
    if label in FOLDED:
        unfold(app, "Fine tuning")
    return app.get_by_label(f"number input for {label}")


def set_number(app: App, label: str, value: float) -> None:
    field = number(app, label)
    field.fill(str(value))
    field.press("Enter")


def start_long_run(app: App, size: int = 64) -> None:
    """Start a run that is still going when the test has done its work, and wait for a step."""
    set_number(app, "Size", size)
    set_number(app, "Steps", 2000)
    app.locator("#start").click()
    expect(status(app)).to_contain_text("Step")


def press_apart(button: Locator) -> None:
    """Press a button, too late for the second press of a double click, which is ignored."""
    button.page.wait_for_timeout(DOUBLE_CLICK)
    button.click()


def stop(app: App) -> None:
    """Press Stop, and wait until the page is ready for the next run."""
    press_apart(app.locator("#stop"))
    expect(status(app)).to_contain_text("Stopped at step", timeout=10_000)
    expect_ready(app)


def expect_ready(app: App) -> None:
    """The page can start a run."""
    expect(app.locator("#start")).to_have_text("Stylize")
    expect(app.locator("#stop")).to_be_hidden()


def finish_run(app: App, button: str = "#start") -> None:
    """Press the button, and wait for the result and its film."""
    studio = app.locator(".gradio-container .studio").first
    studio.evaluate(MARK_STOP)
    app.locator(button).click()
    expect(studio).to_have_attribute("data-stop-seen", "yes")
    expect(status(app)).to_contain_text("Finished", timeout=60_000)
    expect_ready(app)


def small_run(app: App, size: int = 64, steps: int = 3) -> None:
    set_number(app, "Size", size)
    set_number(app, "Steps", steps)
    finish_run(app)


def paint_stroke(app: App, start: tuple[float, float], end: tuple[float, float]) -> Locator:
    """Paint a stroke on the board of the region, between two places from (0, 0) to (1, 1)."""
    mouse = (app if isinstance(app, Page) else app.owner.page).mouse
    board = app.locator("#painter canvas")
    board.scroll_into_view_if_needed()
    box = board.bounding_box()

    def place(x: float, y: float) -> tuple[float, float]:
        return box["x"] + x * box["width"], box["y"] + y * box["height"]

    mouse.move(*place(*start))
    mouse.down()
    mouse.move(*place(*end), steps=4)
    mouse.up()
    return board


def downloaded(page: Page, folder: Path, button: Locator | None = None) -> Path:
    """The file that the button for it downloads, under the name that the page gives it."""
    with page.expect_download() as download:
        (button or page.locator("#download")).click()
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    return path


def picture_address(page: Page) -> str:
    return page.locator("#picture img").get_attribute("src") or ""


def difference(first: Path, second: Path) -> np.ndarray:
    """How far two pictures of one size are apart: levels of 255, for every pixel."""
    a, b = (np.asarray(Image.open(path).convert("RGB"), dtype=float) for path in (first, second))
    return np.abs(a - b).mean(axis=2)
