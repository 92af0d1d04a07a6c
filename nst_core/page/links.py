"""Links that carry a set-up: bundled pictures by their names, and settings.

`?example=oil-cat`, or `?photo=coffee&style=mosaic&style_weight=2&size=256`. A link comes from
anybody, so its values are checked as all input is. It names no picture of a visitor.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

import gradio as gr
from gradio.events import Dependency

from ..errors import StyleTransferError
from ..options import quote
from ..settings import DEFAULTS, OPTIONS, Settings
from .catalogue import Bundled, catalogue
from .errors import answered, sentence
from .events import AS_SENT, AT_ONCE, PRIVATE
from .examples import Example
from .inputs import STYLES, Inputs, job_of, pair_key
from .presets import Presets
from .result import Base, Result
from .status import status_line
from .widgets import Fields, Updates, owned, path_of, setting_values, static

LONGEST = 2000
# Settings that say nothing without pictures of the visitor, or that are the operator's.
NOT_IN_LINKS = ("style_mix", "region", "memory_budget")
# These parts are read before the others: the network decides which layers are known, and an example
# stands for photo and painting where the link does not name them.
READ_FIRST = ("example", "network")
# Parts that the web and Gradio themselves put into addresses.
NOT_OURS = re.compile(r"__.*|utm_.*|\w*clid|view|deep_link|logs")
SET_UP = "Set up by the link: press Stylize to paint it."
OTHER = "The link has settings of its own: press Stylize to paint it with them."


@dataclass(frozen=True)
class SetUp:
    """What a link asks for.

    Attributes:
        content, style: bundled files.
        example: the bundled pair of these two, if there is one.
        values: settings that differ from the defaults.
        notes: a sentence for each part of the link that is ignored.
    """

    content: str
    style: str
    example: Example | None
    values: Mapping[str, Any]
    notes: Sequence[str]

    @property
    def status(self) -> str:
        """The line below the picture."""
        text = SET_UP
        if self.example:
            text = self.example.title
            if self.values or self.notes:
                text += f". {OTHER}" if self.values else "."
        return html.escape(" ".join([text, *self.notes]), quote=False)

    def show(self, result: Result) -> Updates:
        """Show the result of the example, or the photo where there is no such example."""
        # With this key the page takes the view for that of its inputs, and leaves the line below it
        # alone until an input changes.
        key = pair_key(self.content, self.style, self.values)
        if self.example is None:
            name = f"{Path(self.content).stem}-{Path(self.style).stem}"
            photo = Base(self.content, self.content, name, key=key, finished=False)
            return result.show_unfinished(photo, status_line(self.status))
        view = self.example.view
        base = replace(view.base, key=key)
        return result.show(replace(view, base=base, status=self.status))


def read_link(query: str, examples: Sequence[Example]) -> SetUp:
    """What the query of an address asks for; unknown and wrong parts are notes."""
    chosen = examples[0]
    pictures = {"photo": chosen.content, "style": chosen.style}
    shelves: dict[str, Mapping[str, Example | str]] = {
        "example": {example.slug: example for example in examples},
        "photo": _shelf(catalogue().contents),
        "style": _shelf(catalogue().styles),
    }
    values: dict[str, Any] = {}
    notes = []
    if len(query) > LONGEST:
        notes.append(f"The link is cut off after {LONGEST} characters.")
    parts = parse_qsl(query[:LONGEST].lstrip("?"), keep_blank_values=True)
    # A link has hyphens where the stem of a file has underscores; both are read.
    for name, value in sorted(parts, key=lambda part: part[0] not in READ_FIRST):
        found = shelves.get(name, {}).get(value.replace("_", "-"))
        if isinstance(found, Example):
            pictures |= {"photo": found.content, "style": found.style}
        elif found is not None:
            pictures[name] = found
        elif name in shelves:
            notes.append(f"There is no {name} {quote(value)} here.")
        elif name in OPTIONS and name not in NOT_IN_LINKS:
            try:
                settings = Settings.from_values({**values, name: value})
                values[name] = getattr(settings, name)
            except StyleTransferError as error:
                notes.append(str(error))
        elif not NOT_OURS.fullmatch(name):
            notes.append(f"{quote(name)} in the link means nothing here.")
    values = {name: x for name, x in values.items() if x != getattr(DEFAULTS, name)}
    content, style = pictures["photo"], pictures["style"]
    return SetUp(content, style, _pair(content, style, examples), values, notes)


def write_link(fields: Fields, examples: Sequence[Example]) -> str:
    """The query that sets the page up as it is, but for pictures of the visitor.

    Args:
        fields: the values of the widgets, as a run reads them.

    Raises:
        SettingsError: a setting can't be used.
    """
    content, style = path_of(fields["content"]) or "", path_of(fields["style_0"]) or ""
    pair = _pair(content, style, examples)
    parts: dict[str, str] = {}
    if pair is not None:
        parts["example"] = pair.slug
    else:
        bundled = catalogue()
        slugs = {
            "photo": _slug(content, bundled.contents),
            "style": _slug(style, bundled.styles),
        }
        parts |= {name: slug for name, slug in slugs.items() if slug}
    sent = {name: fields[name] for name in OPTIONS if name in fields and name not in NOT_IN_LINKS}
    for name, value in Settings.from_values(sent).as_dict().items():
        if name in sent and value != getattr(DEFAULTS, name):
            parts[name] = OPTIONS[name].text(value)
    return "?" + urlencode(parts, safe=",")


def left_out(fields: Fields) -> str:
    """What is set up on the page and can't be in a link: whatever has a file of the visitor's."""
    content, style = path_of(fields["content"]), path_of(fields["style_0"])
    bundled, job = catalogue(), job_of(fields)
    parts = {
        "your own photo": content and not _slug(content, bundled.contents),
        "your own painting": style and not _slug(style, bundled.styles),
        "further paintings": any(path_of(fields[name]) for name in STYLES[1:]),
        "the painted region": job.painted,
        "the image to start from": job.start,
    }
    named = ", ".join(name for name, holds in parts.items() if holds)
    return f"Not in the link: {named}." if named else ""


def _pair(content: str, style: str, examples: Sequence[Example]) -> Example | None:
    return next((x for x in examples if (x.content, x.style) == (content, style)), None)


def _slug(path: str, pictures: Mapping[str, Bundled]) -> str | None:
    """What links call a bundled picture; None for any other."""
    return next((slug for slug, known in _shelf(pictures).items() if known == path), None)


def _shelf(pictures: Mapping[str, Bundled]) -> dict[str, str]:
    """The files of bundled pictures by what links call them."""
    return {stem.replace("_", "-"): picture.path for stem, picture in pictures.items()}


def connect(
    begin: Dependency,
    examples: Sequence[Example],
    inputs: Inputs,
    presets: Presets,
    result: Result,
) -> None:
    """A link is read when the page opens; "Copy link" makes one.

    Args:
        begin: sets the states of the page. A link comes after it, as it sets the same states.
    """

    @answered
    def use(query: str) -> Updates:
        link = read_link(query, examples)
        return {
            **inputs.fill_pair(link.content, link.style),
            **setting_values(inputs.settings, link.values, list(link.values)),
            **link.show(result),
            **presets.unselect(),
        }

    @answered
    def write(**fields: Any) -> Updates:
        try:
            return {
                result.link: write_link(fields, examples),
                result.link_note: left_out(fields),
            }
        except StyleTransferError as error:
            return {result.link: "", result.hint: status_line(sentence(error))}

    @answered
    def say(copied: str, note: str | None) -> Any:
        if not copied:
            return gr.skip()
        text = html.escape(copied, quote=False)
        return status_line(f'<span class="link">{text}</span><br>{note or ""}')

    outputs = list(dict.fromkeys([*inputs.widgets, *owned(result), *owned(presets)]))
    # A page without a link is left alone: where an event has an input among its outputs, Gradio
    # forgets the texts of those that are folded away, even if nothing is said of them.
    begin.then(None, js=static("read_link.js"), **PRIVATE)
    result.open_link.click(use, result.link, outputs, js=static("open_link.js"), **AT_ONCE)
    result.copy_link.click(
        write,
        inputs_kwargs=dict(inputs.fields),
        outputs=[result.link, result.link_note, result.hint],
        **{**AT_ONCE, **AS_SENT},
    ).then(
        say,
        [result.link, result.link_note],
        result.hint,
        js=static("copy_link.js"),
        **AT_ONCE,
    )
