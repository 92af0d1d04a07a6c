"""Fixtures: bundled pictures, one real server for all tests of the app, and a watched browser."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import torch
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from nst_core import load_image

ROOT = Path(__file__).parents[1]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
ARTIFACTS = ROOT / "artifacts"
SIZES = {"desktop": (1440, 900), "phone": (390, 844)}
FAILED = pytest.StashKey[bool]()

# Opens a page in a browser of its own: `visit(size, scheme, url, cdn)`; see the fixture.
Visit = Callable[..., Page]


@pytest.fixture(scope="session")
def photo_path() -> Path:
    return ROOT / "examples" / "contents" / "chelsea.jpg"


@pytest.fixture(scope="session")
def painting_path() -> Path:
    return ROOT / "examples" / "styles" / "flow_strokes.jpg"


@pytest.fixture(scope="session")
def photo(photo_path: Path) -> Image.Image:
    return load_image(photo_path)


@pytest.fixture(scope="session")
def painting(painting_path: Path) -> Image.Image:
    return load_image(painting_path)


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """For the smallest sizes, where threads wait for each other more than they work."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of the app, launched the way `python app.py` does it."""
    os.environ["GRADIO_TEMP_DIR"] = str(tmp_path_factory.mktemp("gradio"))
    import app

    running, url, _ = app.serve(prevent_thread_lock=True, server_port=None, quiet=True)
    yield url
    running.get_blocks().close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        options = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=options)
        yield chromium
        chromium.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Let fixtures know whether their test has failed."""
    report = yield
    item.stash[FAILED] = item.stash.get(FAILED, False) or report.failed
    return report


@pytest.fixture
def console_errors() -> list[str]:
    """What the pages of `visit` have said so far; what a test expects there it has to remove."""
    return []


@pytest.fixture
def visit(
    request: pytest.FixtureRequest, browser: Browser, server: str, console_errors: list[str]
) -> Iterator[Visit]:
    """Opens pages, each in a fresh profile, and watches them to the end of the test.

    No request may leave the machine, no error may reach the console, no script may throw. When a
    test fails, pictures of all its pages are kept.
    """
    contexts: list[BrowserContext] = []
    foreign: list[str] = []

    def watch(context: BrowserContext, cdn: str) -> None:
        def see(url: str) -> None:
            address = urlsplit(url)
            here = address.hostname == "127.0.0.1" or address.scheme in ("data", "blob")
            if not here and not (cdn and url.startswith(cdn)):
                foreign.append(url)

        context.on("request", lambda request: see(request.url))
        context.on(
            "console", lambda m: console_errors.append(m.text) if m.type == "error" else None
        )
        context.on("weberror", lambda error: console_errors.append(str(error.error)))

    def visit(
        size: str = "desktop", scheme: str = "light", url: str = server, cdn: str = ""
    ) -> Page:
        """`cdn` is an address that `url` needs, and that the test answers itself."""
        width, height = SIZES[size]
        context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme=scheme
        )
        contexts.append(context)
        watch(context, cdn)
        page = context.new_page()
        if not cdn:
            page.goto(url)
        return page

    yield visit
    if request.node.stash[FAILED] or foreign or console_errors:
        pages = [page for context in contexts for page in context.pages]
        for number, page in enumerate(pages):
            keep(page, f"failed-{request.node.name}-{number}")
    for context in contexts:
        context.close()
    assert foreign == []
    assert console_errors == []


@pytest.fixture(params=SIZES)
def page(request: pytest.FixtureRequest, visit: Visit) -> Page:
    """The page at both widths."""
    page = visit(request.param)
    expect(page.locator("#start")).to_be_visible()
    return page


def keep(page: Page, name: str) -> None:
    """Keep a picture of the whole page among the artefacts."""
    ARTIFACTS.mkdir(exist_ok=True)
    page.screenshot(path=ARTIFACTS / f"{name}.png", full_page=True)


# What people do on the page.


def set_number(page: Page, label: str, value: int) -> None:
    field = page.get_by_label(f"number input for {label}")
    field.fill(str(value))
    field.press("Enter")


def finish_run(page: Page, button: str = "#start") -> None:
    """Press it, and wait for the result and its film."""
    page.locator(button).click()
    expect(page.locator("#start")).to_have_text("Painting ...")
    expect(page.locator("#result .status").first).to_contain_text("Finished", timeout=60_000)
    expect(page.locator("#start")).to_have_text("Stylize", timeout=20_000)


def small_run(page: Page, size: int = 96, steps: int = 4) -> None:
    set_number(page, "Size", size)
    set_number(page, "Steps", steps)
    finish_run(page)


def downloaded(page: Page, folder: Path) -> Path:
    with page.expect_download() as download:
        page.locator("#download").click()
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    return path
