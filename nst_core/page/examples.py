"""Bundled pairs with their results: one click shows a finished picture."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import gradio as gr

from ..server.service import Service
from .catalogue import EXAMPLES, catalogue
from .errors import answered
from .events import AT_ONCE, PRIVATE
from .inputs import Inputs, pair_key
from .presets import Presets
from .result import Base, Result, View
from .widgets import Updates, chosen, owned, picture_strip, static

# So many pairs are seen at once.
BEST = 8


@dataclass(frozen=True)
class Example:
    """A bundled pair; what is not said below are its files.

    Attributes:
        slug: names it in links.
        title: names it on the page.
        film: the file of its time-lapse; None where none is bundled.
    """

    slug: str
    title: str
    content: str
    style: str
    result: str
    thumbnail: str
    film: str | None

    @property
    def view(self) -> View:
        """The result as the page shows it."""
        key = pair_key(self.content, self.style)
        base = Base(self.content, self.result, Path(self.result).stem, key=key)
        return View(base, self.result, self.result, self.title, self.film)


@dataclass(frozen=True)
class Examples:
    """The strips of examples: those that are seen at once, and those that are folded away."""

    best: gr.Gallery
    more: gr.Gallery


def load_examples() -> list[Example]:
    """The pairs of the catalogue, with their files."""
    bundled = catalogue()
    found = []
    for pair in bundled.pairs:
        name = f"{pair.content}-{pair.style}"
        film = EXAMPLES / "films" / f"{name}.mp4"
        found.append(
            Example(
                pair.id,
                pair.title,
                bundled.contents[pair.content].path,
                bundled.styles[pair.style].path,
                str(EXAMPLES / "results" / f"{name}.jpg"),
                str(EXAMPLES / "thumbnails" / f"{name}.jpg"),
                str(film) if film.exists() else None,
            )
        )
    return found


def build(examples: list[Example]) -> Examples:
    """The strips."""
    gr.Markdown("## Examples\nClick one to see its result at once.")
    pictures = [(example.thumbnail, example.title) for example in examples]
    best = picture_strip(pictures[:BEST], 4, show_label=False, elem_id="examples")
    with gr.Accordion("More examples", open=False):
        more = picture_strip(pictures[BEST:], 4, show_label=False, elem_id="more-examples")
    return Examples(best, more)


def connect(
    strips: Examples,
    examples: list[Example],
    inputs: Inputs,
    presets: Presets,
    result: Result,
    service: Service,
) -> None:
    """A click shows a result and puts its pair into the boxes; a run that is going on ends."""

    outputs = list(dict.fromkeys([*inputs.widgets, *owned(result), *owned(presets)]))
    for gallery, pairs in ((strips.best, examples[:BEST]), (strips.more, examples[BEST:])):

        @answered
        def show(
            request: gr.Request, event: gr.SelectData, pairs: list[Example] = pairs
        ) -> Updates:
            service.runs.stop(str(request.session_hash), discard=True)
            example = chosen(pairs, event)
            if example is None:
                return {result.status: gr.skip()}
            return {
                **inputs.fill_pair(example.content, example.style),
                **result.show(example.view),
                **result.curve.hide(),
                **presets.unselect(),
            }

        gallery.select(None, js=static("show_result.js"), **PRIVATE)
        gallery.select(show, None, outputs, **AT_ONCE)
