"""Parts of the page that several features build from."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.blocks import Block
from gradio.components import Component

STATIC = Path(__file__).parent / "static"

# The values of the widgets that a run reads, by name, as the browser has sent them.
Fields = Mapping[str, Any]
# What a handler changes: new values, or new properties, by widget.
Updates = dict[Block, Any]

# Gradio's own font files. Those of weight 600, which its theme uses, have no Latin letters:
# headings and buttons would be in another typeface. A browser takes 700 where 600 is asked for.
FONTS = ("Source Sans Pro", "IBM Plex Mono")
FONT, MONO = (gr.themes.LocalFont(name, weights=(400, 700)) for name in FONTS)
# Gradio's theme, with enough contrast for its small grey texts and for white on buttons.
THEME = gr.themes.Default(
    font=(FONT, "system-ui", "sans-serif"), font_mono=(MONO, "ui-monospace", "monospace")
).set(
    body_text_color_subdued="*neutral_500",
    input_placeholder_color="*neutral_500",
    input_placeholder_color_dark="*neutral_400",
    button_primary_background_fill="*primary_700",
    button_primary_background_fill_dark="*primary_700",
    button_primary_background_fill_hover="*primary_800",
    button_primary_background_fill_hover_dark="*primary_800",
    button_cancel_background_fill="#b91c1c",
    button_cancel_background_fill_dark="#b91c1c",
    button_cancel_background_fill_hover="#991b1b",
    button_cancel_background_fill_hover_dark="#991b1b",
)


@cache
def static(name: str) -> str:
    """The text of a file in `static`."""
    return (STATIC / name).read_text(encoding="utf-8")


def owned(feature: object) -> list[Block]:
    """All widgets in the fields of a dataclass, also those in lists, dicts and other features."""
    return list(_blocks(feature))


def _blocks(value: object) -> Iterator[Block]:
    if isinstance(value, Block):
        yield value
    elif dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            yield from _blocks(getattr(value, field.name))
    elif isinstance(value, Mapping):
        yield from _blocks(list(value.values()))
    elif isinstance(value, (list, tuple)):
        for part in value:
            yield from _blocks(part)


def image_box(label: str, height: int, value: str | None = None, **options: Any) -> gr.Image:
    """A box for a picture of the visitor.

    Events that read it are `AS_SENT`: they get the uploaded file, which `load_image` decodes.
    """
    common = {"format": "png", "elem_classes": "input", "buttons": [], "alt_text": label}
    return gr.Image(
        value,
        label=label,
        height=height,
        **{"sources": ["upload", "clipboard"], **common, **options},
    )


def path_of(sent: Mapping[str, Any] | None) -> str | None:
    """The file in an image box, from what the browser has sent of the box."""
    return (sent or {}).get("path")


def picture_strip(pictures: Sequence[tuple[str, str]], columns: int, **options: Any) -> gr.Gallery:
    """Small pictures with captions, of which a click chooses one."""
    common = {
        "height": "auto",
        "allow_preview": False,
        "object_fit": "cover",
        "buttons": [],
        "elem_classes": "strip",
        "interactive": False,
    }
    return gr.Gallery(list(pictures), columns=columns, **{**common, **options})


def chosen(items: Sequence[Any], event: gr.SelectData) -> Any:
    """The item that was clicked; None where there is none, since the index may be anything."""
    index = event.index
    known = isinstance(index, int) and 0 <= index < len(items)
    return items[index] if known else None


def setting_values(
    widgets: Mapping[str, Component], values: Mapping[str, Any], names: Sequence[str] | None = None
) -> Updates:
    """Set the widgets of settings to values.

    Args:
        names: the settings that are set; all that have a widget where it is left out.
    """
    known = [name for name in (widgets if names is None else names) if name in widgets]
    return {
        widgets[name]: list(values[name]) if isinstance(values[name], tuple) else values[name]
        for name in known
    }
