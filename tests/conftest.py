"""Fixtures: bundled pictures, one server of each kind for all tests, and a watched browser."""

from __future__ import annotations

import os

# One thread in every process: two workers share two cores, and at the sizes of the tests threads
# wait for each other more than they compute. PyTorch reads the variable when it is imported.
os.environ["OMP_NUM_THREADS"] = "1"
# All clients of the tests talk to this machine. An HTTP client that reads the certificates of the
# authorities takes 60 ms to make, and many clients are made anew for each request.
os.environ.pop("SSL_CERT_FILE", None)
os.environ["SSL_CERT_DIR"] = os.path.dirname(__file__)

import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from urllib.parse import urlsplit

import hypothesis
import pytest
import torch
from hypothesis import HealthCheck, is_hypothesis_test
from PIL import Image
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Request,
    WebError,
    expect,
    sync_playwright,
)

from nst_core import load_image
from nst_core.__main__ import main
from tests.browsing import CHROMIUM, ROOT, WINDOWS, Visit, keep
from tests.command import CommandLine
from tests.corpus import BY_NAME
from tests.serving import Server, running_server

FAILED = pytest.StashKey[bool]()
EXAMPLES = {"default": 75, "full": 150}

torch.set_num_threads(1)
# The machine may be busy, and no test measures how soon the page shows something.
expect.set_options(timeout=20_000)


def pytest_configure(config: pytest.Config) -> None:
    """Choose how many examples hypothesis makes: the same ones every time."""
    for name, count in EXAMPLES.items():
        hypothesis.settings.register_profile(
            name,
            deadline=None,
            derandomize=True,
            max_examples=count,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        )
    hypothesis.settings.load_profile("full" if is_full(config) else "default")


def is_full(config: pytest.Config) -> bool:
    """Whether the exhaustive tests were asked for, with `-m full`."""
    return config.getoption("markexpr") == "full"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Let `-m full` try the properties once more, with all of their examples."""
    for item in items:
        if is_full(config) and is_hypothesis_test(item.obj):
            item.add_marker(pytest.mark.full)


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


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder for files of the corpus."""
    return tmp_path_factory.mktemp("corpus")


@pytest.fixture(scope="session")
def good(files: Path) -> Path:
    """A picture with nothing wrong: red on the left, blue on the right."""
    return BY_NAME["plain.png"].write(files)


@pytest.fixture
def command_line(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> CommandLine:
    """`python -m nst_core` without a process of its own, which would import PyTorch each time."""
    monkeypatch.setenv("HF_HUB_VERBOSITY", "error")  # `main` sets it; this unsets it afterwards

    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        command = ["nst_core", *map(str, arguments)]
        monkeypatch.setattr(sys, "argv", command)
        try:
            code = main()
        except SystemExit as caught:
            code = caught.code
        return subprocess.CompletedProcess(command, code, *capfd.readouterr())

    return run


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of the app in this process, so that tests can make its runs shorter."""
    os.environ["GRADIO_TEMP_DIR"] = str(tmp_path_factory.mktemp("gradio"))
    import app
    from nst_core.server import device

    # Previews are for the tests that ask for them, whatever the device can do.
    device.is_fast_device = lambda: False
    service = app.make_service()
    running, url, _ = app.serve(service, prevent_thread_lock=True, server_port=None, quiet=True)
    yield url
    running.get_blocks().close()
    service.close()


@pytest.fixture
def tiny_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tiles of a sweep take one step at 64 pixels."""
    module = import_module("nst_core.sweep")  # the package has a function of this name
    monkeypatch.setattr(module, "STEPS", 1)
    monkeypatch.setattr(module, "SIZE", 64)


@pytest.fixture(scope="session")
def public_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One `python app.py` for all tests that want it as operators have it, but for four limits."""
    limits = {
        "NST_WORK": "2000",
        "NST_SECONDS": "600",
        "NST_QUEUE": "3",
        "NST_LIVE": "0",
        "NST_CLIENTS": "5000",
    }
    with running_server(tmp_path_factory.mktemp("public"), **limits) as server:
        yield server


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium. While it is there, no other test of this process can start an event loop."""
    with sync_playwright() as playwright:
        options = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        # A camera that shows a test picture, for pages that are allowed to use one.
        options.append("--use-fake-device-for-media-stream")
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=options)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def profiles() -> dict[str, BrowserContext]:
    """Profiles that tests have left, by the window they are for; empty but for the app's own files.

    A page whose scripts are compiled already takes half of the processor time to open.
    """
    return {}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Let fixtures know whether their test has failed."""
    report = yield
    item.stash[FAILED] = item.stash.get(FAILED, False) or report.failed
    return report


@pytest.fixture
def console_errors() -> list[str]:
    """What the pages of `visit` have written so far; a test removes what it expects."""
    return []


@pytest.fixture
def visit(
    request: pytest.FixtureRequest,
    browser: Browser,
    profiles: dict[str, BrowserContext],
    server: str,
    console_errors: list[str],
) -> Iterator[Visit]:
    """Opens pages, each in a profile of its own, and watches them to the end of the test.

    No request may leave the machine, no error may reach the console, no script may throw. When a
    test fails, pictures of all its pages are kept.
    """
    contexts: list[tuple[str, BrowserContext]] = []
    foreign: list[str] = []
    cdns: list[str] = []

    def see(asked: Request) -> None:
        address = urlsplit(asked.url)
        here = address.hostname == "127.0.0.1" or address.scheme in ("data", "blob")
        if not here and not asked.url.startswith(tuple(cdns)):
            foreign.append(asked.url)

    def hear(message: ConsoleMessage) -> None:
        if message.type == "error":
            console_errors.append(message.text)

    def fail(error: WebError) -> None:
        console_errors.append(str(error.error))

    watched = {"request": see, "console": hear, "weberror": fail}

    def visit(size: str = "desktop", url: str = server, cdn: str = "") -> Page:
        """`cdn` is an address that `url` needs, and that the test answers itself."""
        context = profiles.pop(size, None) or open_profile(browser, size)
        contexts.append((size, context))
        for event, listen in watched.items():
            context.on(event, listen)
        page = context.new_page()
        if cdn:
            cdns.append(cdn)
        else:
            page.goto(url)
        return page

    yield visit
    failed = request.node.stash[FAILED] or foreign or console_errors
    if failed:
        pages = [page for _, context in contexts for page in context.pages]
        for number, page in enumerate(pages):
            keep(page, f"failed-{request.node.name}-{number}")
    for size, context in contexts:
        for event, listen in watched.items():
            context.remove_listener(event, listen)
        if failed or size in profiles:
            context.close()
        else:
            empty(context, server)
            profiles[size] = context
    assert foreign == []
    assert console_errors == []


def open_profile(browser: Browser, size: str) -> BrowserContext:
    """A new profile, in which nothing moves: moving pictures take as much time as the runs."""
    width, height = WINDOWS[size]
    return browser.new_context(
        viewport={"width": width, "height": height},
        has_touch=size == "touch",
        is_mobile=size == "touch",
        reduced_motion="reduce",
    )


def empty(context: BrowserContext, url: str) -> None:
    """Close the pages of a profile, and forget what the server at this address has stored in it."""
    page = context.new_page()
    session = context.new_cdp_session(page)
    session.send(
        "Storage.clearDataForOrigin",
        {"origin": url.rstrip("/"), "storageTypes": "cookies,local_storage,session_storage"},
    )
    context.clear_permissions()
    for page in context.pages:
        page.close()


@pytest.fixture
def page(visit: Visit) -> Page:
    """The page on a desktop."""
    page = visit("desktop")
    expect(page.locator("#start")).to_be_visible()
    return page


@pytest.fixture
def phone(visit: Visit) -> Page:
    """The page on a phone, where the result is further down than the window is high."""
    page = visit("phone")
    expect(page.locator("#start")).to_be_visible()
    return page
