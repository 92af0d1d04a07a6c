"""The web page and its API, the only part of the project that knows Gradio.

Each module is a feature: a frozen dataclass of its own widgets, `build` and `connect`. A widget
that is added touches the module of its feature alone.
"""

from __future__ import annotations

from .type_stubs import no_type_stubs

with no_type_stubs():
    import gradio as gr

from collections.abc import Sequence
from typing import Any

from ..server.service import Service
from . import api, insights, studio
from .catalogue import EXAMPLES, PICTURE_FOLDERS
from .events import ON_DEVICE, PRIVATE
from .examples import load_examples
from .widgets import STATIC, THEME, static

TITLE = "Neural Style Transfer, live"
DESCRIPTION = "Repaint a photo in the style of a painting, and watch it happen."
# What other sites show of a link to the page.
CARD: dict[str, Any] = {
    "title": TITLE,
    "description": DESCRIPTION,
    "picture": EXAMPLES / "card.jpg",
}
SCRIPTS = (
    "on_load.js",
    "touch.js",
    "own_pictures.js",
    "mark_chosen.js",
    "keep_focus.js",
    "double_press.js",
)
CSS_FILES = [STATIC / "page.css", STATIC / "play.css"]

__all__ = [
    "CARD",
    "CSS_FILES",
    "PICTURE_FOLDERS",
    "THEME",
    "build_page",
    "runs_of",
    "usable",
]


def build_page(service: Service) -> gr.Blocks:
    """The page with its events and its API, ready to be launched."""
    # Files of these folders are served from where they are.
    gr.set_static_paths(PICTURE_FOLDERS)
    pairs = load_examples()
    demo = gr.Blocks(title=TITLE, analytics_enabled=False)
    with demo:
        gr.Markdown(static("intro.md"))
        with gr.Tabs():
            with gr.Tab("Paint"):
                paint = studio.build(pairs, EXAMPLES / "presets", service)
            with gr.Tab("What the network sees"):
                learn = insights.build(paint.result, EXAMPLES / "layers")
        studio.connect(paint, demo, pairs, service)
        insights.connect(learn, paint.inputs, service)
        for script in SCRIPTS:
            demo.load(None, js=static(script), **PRIVATE)
        api.build(service)
    return demo


def runs_of(demo: gr.Blocks) -> set[int]:
    """The numbers of the functions of a page that need the device."""
    device = ON_DEVICE["concurrency_id"]
    return {number for number, fn in demo.fns.items() if fn.concurrency_id == device}


def usable(demo: gr.Blocks, number: int, values: Sequence[Any]) -> bool:
    """Whether these values have the form that the inputs of a function need."""
    for block, value in zip(demo.fns[number].inputs, values, strict=True):
        model = getattr(block, "data_model", None)
        if model is None or value is None:
            continue
        try:
            model.model_validate(value, context={"validate_meta": True})
        except ValueError:
            return False
    return True
