"""The visitor's results, which stay for a while, also after a reload."""

from __future__ import annotations

import re
import secrets
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import anyio
import gradio as gr

from ..images import load_image
from ..recipe import Recipe
from ..server.history import Record
from ..server.jobs import save_result
from ..server.service import Service
from .errors import answered
from .events import AT_ONCE, IN_BACKGROUND, PRIVATE
from .inputs import Inputs
from .presets import Presets
from .result import Base, Result, View
from .status import status_line
from .widgets import Updates, chosen, owned, picture_strip, static

MOST_RESULTS = 24
# A page that is reloaded during a run ends the run: its result may be a moment away.
RELOAD_SECONDS = 3.0
# A page that comes back later than this is not told what became of its run.
TELL_SECONDS = 60.0
ENDED = "Your run ended when the page was loaded anew: what it came to is among your results."
RELOAD_POLL_SECONDS = 0.1


@dataclass(frozen=True)
class Strip:
    """The strip of results.

    Attributes:
        browser_token: a word that only this browser knows; the server finds its results by it.
        names: of the records in the strip.
    """

    gallery: gr.Gallery
    browser_token: gr.BrowserState
    names: gr.State

    def show(self, service: Service, owner: str) -> Updates:
        """The results of an owner.

        The token goes to the browser too: a first run begins before its page has one, and the
        result would be lost.
        """
        records = service.history.of(owner)[:MOST_RESULTS]
        pictures = [(str(record.thumbnail), record.values["title"]) for record in records]
        return {
            self.browser_token: owner,
            self.names: [record.name for record in records],
            self.gallery: gr.Gallery(pictures, visible=bool(pictures), selected_index=None),
        }


def owner_of(token: object) -> str:
    """The token of a browser, or a new one for a browser that has none yet."""
    known = isinstance(token, str) and re.fullmatch(r"[\w-]{20,40}", token, re.ASCII)
    return str(token) if known else secrets.token_urlsafe(16)


def build() -> Strip:
    """The strip, hidden until there is a result."""
    gallery = picture_strip(
        [],
        6,
        label="Your results: click one to bring it back",
        fit_columns=False,
        elem_id="history",
        visible=False,
    )
    token = gr.BrowserState("", storage_key="neural-style-transfer-live")
    return Strip(gallery, token, gr.State([]))


def connect(
    strip: Strip,
    demo: gr.Blocks,
    inputs: Inputs,
    presets: Presets,
    result: Result,
    service: Service,
) -> None:
    """The strip comes back with the page, and a click brings a result back."""

    @answered
    async def reload(token: object) -> Updates:
        owner = owner_of(token)
        deadline = time.monotonic() + RELOAD_SECONDS
        while service.history.is_awaited(owner) and time.monotonic() < deadline:
            await anyio.sleep(RELOAD_POLL_SECONDS)
        records = service.history.of(owner)
        cut = bool(records) and _was_cut(records[0])
        status = status_line(ENDED) if cut else gr.skip()
        return {**strip.show(service, owner), result.status: status}

    @answered
    def bring_back(names: list[str], token: object, event: gr.SelectData) -> Iterator[Updates]:
        record = service.history.get(chosen(names, event))
        if record is None:
            gr.Warning("This result is not kept any more.")
            yield strip.show(service, owner_of(token))
            return
        # A large result takes seconds: its picture in the size it was painted at is there at once.
        small = replace(Base.of(record), result=str(record.picture), finished=False)
        yield result.show_unfinished(small, status_line("Bringing it back ..."))
        with tempfile.TemporaryDirectory() as folder:
            # The inputs now: of two updates of a widget that is folded away, Gradio keeps the last.
            yield {
                **inputs.fill_record(record),
                **presets.unselect(),
                **result.show(_view(record, Path(folder))),
            }

    demo.load(
        reload,
        strip.browser_token,
        [*owned(strip), result.status],
        show_progress="hidden",
        **AT_ONCE,  # the queue may be full
    )
    strip.gallery.select(None, js=static("show_result.js"), **PRIVATE)
    strip.gallery.select(
        bring_back,
        [strip.names, strip.browser_token],
        list(dict.fromkeys([*inputs.widgets, *owned(presets), *owned(result), *owned(strip)])),
        **IN_BACKGROUND,
    )


def _was_cut(record: Record) -> bool:
    """Whether the page of a result has just been left in the midst of its run."""
    age = time.time() - record.folder.stat().st_mtime
    return bool(record.values["disconnected"]) and age < TELL_SECONDS


def _view(record: Record, folder: Path) -> View:
    """A result of the history as the page shows it; its files are made anew in a folder."""
    base = Base.of(record)
    path = folder / f"{base.file}.png"
    recipe = Recipe.from_json(str(base.recipe))
    result, content = load_image(record.result), load_image(record.content)
    seen, file = save_result(result, content, recipe, path)
    film = str(record.film) if record.film.exists() else None
    return View(base, seen, file, f"From your results: {record.values['title']}", film)
