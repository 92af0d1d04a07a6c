"""Bundled pairs with their results: one click shows a finished picture."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import gradio as gr

from ..server.service import Service
from .errors import answered
from .events import AT_ONCE, PRIVATE
from .inputs import Inputs
from .presets import Presets
from .result import Base, Result, View
from .widgets import Updates, chosen, owned, picture_strip, static


@dataclass(frozen=True)
class Example:
    """A bundled pair; all but the slug, which names it in links, and the title are files."""

    slug: str
    title: str
    content: str
    style: str
    result: str
    thumbnail: str
    film: str

    @property
    def view(self) -> View:
        """The result as the page shows it."""
        base = Base(self.content, self.result, Path(self.result).stem)
        return View(base, self.result, self.result, self.title, self.film)


@dataclass(frozen=True)
class Examples:
    """The strip of examples."""

    gallery: gr.Gallery


def load_examples(folder: Path) -> list[Example]:
    """The pairs of `examples.json` in a folder, with the files beside it."""
    table = json.loads((folder / "examples.json").read_text(encoding="utf-8"))
    found = []
    for pair in table["pairs"]:
        name = f"{pair['content']}-{pair['style']}"
        found.append(
            Example(
                pair["id"],
                pair["title"],
                str(folder / "contents" / f"{pair['content']}.jpg"),
                str(folder / "styles" / f"{pair['style']}.jpg"),
                str(folder / "results" / f"{name}.jpg"),
                str(folder / "thumbnails" / f"{name}.jpg"),
                str(folder / "films" / f"{name}.mp4"),
            )
        )
    return found


def build(examples: list[Example]) -> Examples:
    """The strip."""
    gr.Markdown("## Examples\nClick one to see its result at once.")
    pictures = [(example.thumbnail, example.title) for example in examples]
    return Examples(picture_strip(pictures, 4, show_label=False, elem_id="examples"))


def connect(
    strip: Examples,
    examples: list[Example],
    inputs: Inputs,
    presets: Presets,
    result: Result,
    service: Service,
) -> None:
    """A click shows a result and puts its pair into the boxes; a run that is going on ends."""

    @answered
    def show(request: gr.Request, event: gr.SelectData) -> Updates:
        service.runs.stop(str(request.session_hash), discard=True)
        example = chosen(examples, event)
        if example is None:
            return {result.status: gr.skip()}
        return {
            **inputs.fill_pair(example.content, example.style),
            **result.show(example.view),
            **result.curve.hide(),
            **presets.unselect(),
        }

    strip.gallery.select(None, js=static("show_result.js"), **PRIVATE)
    outputs = list(dict.fromkeys([*inputs.widgets, *owned(result), *owned(presets)]))
    strip.gallery.select(show, None, outputs, **AT_ONCE)
