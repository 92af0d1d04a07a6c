"""What the network sees: each half of the loss run alone, for people who come to learn."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import gradio as gr

from .. import insights
from ..errors import StyleTransferError
from ..server.preparing import Job
from ..server.service import Service
from ..settings import Settings
from .buttons import StartStop, build_start_stop
from .errors import answered, warn
from .events import AT_ONCE
from .inputs import Inputs
from .result import Result
from .status import progress_bar, run_status, status_line
from .widgets import Updates, chosen, path_of, picture_strip, static

# What each layer shows: a name for its picture, and a sentence or two.
Texts = Mapping[str, tuple[str, str]]
RECONSTRUCTION_TEXTS: Texts = {
    "relu1_1": (
        "Edges",
        "The first layer sees edges and colours, pixel by pixel. The photo comes back nearly as "
        "it was.",
    ),
    "relu2_1": (
        "Corners",
        "The second block sees corners and short lines. Hardly anything of the photo is lost yet.",
    ),
    "relu3_1": (
        "Patterns",
        "The third block sees small patterns. Shapes stay, and fine grain begins to go.",
    ),
    "relu4_1": (
        "Parts",
        "The fourth block sees parts of objects. Colours and textures are free: here a style "
        "transfer holds the photo.",
    ),
    "relu5_1": (
        "Objects",
        "The fifth block sees whole objects. Only their gist is left, the rest is for the network "
        "to make up.",
    ),
}
TEXTURE_TEXTS: Texts = {
    "relu1_1": (
        "Palette",
        "Correlations of the first layer are little more than the palette. Specks of the right "
        "colours appear, in no order.",
    ),
    "relu2_1": (
        "Marks",
        "With the second block come short marks. They have the painting's directions, but no "
        "length.",
    ),
    "relu3_1": (
        "Strokes",
        "With the third block marks join to strokes. It begins to look painted.",
    ),
    "relu4_1": (
        "Swirls",
        "With the fourth block strokes join to swirls and shapes. Larger and larger pieces look "
        "right.",
    ),
    "relu5_1": (
        "Motifs",
        "With all five, whole motifs of the painting return. Where they stand is left to chance: "
        "the loss asks which features appear together, and not where.",
    ),
}


@dataclass(frozen=True)
class Half:
    """One half of the loss, and its widgets.

    Attributes:
        pictures: the bundled picture of each layer.
        bundled: what these were made from.
        settings_for: the settings that show a layer.
        layer: the name of the layer that was chosen.
    """

    texts: Texts
    pictures: Mapping[str, str]
    bundled: str
    settings_for: Callable[[str], Settings]
    gallery: gr.Gallery
    layer: gr.State
    text: gr.Markdown
    buttons: StartStop
    image: gr.Image
    status: gr.HTML

    def choose(self, layer: str) -> Updates:
        """Show the bundled picture of a layer, and what it says."""
        return {
            self.layer: layer,
            self.text: _text(self.texts, layer),
            self.image: self.pictures[layer],
            self.status: status_line(self.bundled),
        }


@dataclass(frozen=True)
class Insights:
    """The tab: the photo from one layer alone, and the painting as a texture."""

    content: Half
    style: Half


def build(result: Result, folder: Path) -> Insights:
    """The whole tab; the table of the last run is a widget of the result.

    Args:
        folder: the bundled pictures of the layers.
    """
    gr.Markdown(static("network.md"))
    with gr.Row(elem_classes="halves"):
        with gr.Column():
            content = _build_half(
                "Content: the photo from one layer",
                "Rebuild my photo",
                {layer: str(folder / f"content-{layer}.jpg") for layer in RECONSTRUCTION_TEXTS},
                "Made from the bundled cat",
                RECONSTRUCTION_TEXTS,
                "relu4_1",
                insights.reconstruction,
            )
        with gr.Column():
            style = _build_half(
                "Style: the painting as a texture",
                "Make a texture of my painting",
                {layer: str(folder / f"style-{layer}.jpg") for layer in TEXTURE_TEXTS},
                "Made from the bundled Starry Night",
                TEXTURE_TEXTS,
                "relu5_1",
                insights.texture,
            )
    with gr.Accordion("The formulas", open=False):
        gr.Markdown(
            static("formulas.md"),
            latex_delimiters=[
                {"left": "$$", "right": "$$", "display": True},
                {"left": "$", "right": "$", "display": False},
            ],
            elem_classes="whole",
        )
    with gr.Accordion("The loss of the last run, layer by layer", open=False):
        result.curve.layers.render()
    return Insights(content, style)


def _build_half(
    title: str,
    action: str,
    pictures: Mapping[str, str],
    bundled: str,
    texts: Texts,
    first: str,
    settings_for: Callable[[str], Settings],
) -> Half:
    gr.Markdown(f"## {title}", elem_classes="whole")
    gallery = picture_strip(
        [(pictures[layer], name) for layer, (name, _) in texts.items()],
        len(texts),
        show_label=False,
        selected_index=list(texts).index(first),
        elem_classes=["strip", "layers"],
    )
    text = gr.Markdown(_text(texts, first), elem_classes="layer-text")
    image = gr.Image(
        pictures[first],
        show_label=False,
        interactive=False,
        buttons=["fullscreen"],
        alt_text=title,
        elem_classes="picture",
    )
    status = gr.HTML(status_line(bundled))
    buttons = build_start_stop(action, variant="primary")
    layer = gr.State(first)
    return Half(
        texts, pictures, bundled, settings_for, gallery, layer, text, buttons, image, status
    )


def _text(texts: Texts, layer: str) -> str:
    name, text = texts[layer]
    return f"**{name}** (in papers {layer}). {text}"


def connect(tab: Insights, inputs: Inputs, service: Service) -> None:
    """Each half reads its own picture."""
    _connect_half(tab.content, "content", inputs.pictures.content, service)
    _connect_half(tab.style, "style", inputs.pictures.styles[0], service)


def _connect_half(half: Half, name: str, source: gr.Image, service: Service) -> None:
    def work(request: gr.Request, picture: Any, layer: str) -> Iterator[Updates]:
        try:
            yield from _follow(half, path_of(picture), layer, str(request.session_hash), service)
        except (gr.Error, StyleTransferError) as error:
            yield {half.status: status_line(warn(error))}

    @answered
    def choose(event: gr.SelectData) -> Updates:
        layer = chosen(list(half.texts), event)
        return {half.layer: gr.skip()} if layer is None else half.choose(layer)

    half.gallery.select(choose, None, [half.layer, half.text, half.image, half.status], **AT_ONCE)
    half.buttons.connect(
        service,
        work,
        f"insights {name}",
        inputs={"picture": source, "layer": half.layer},
        outputs=[half.image, half.status],
        status=half.status,
    )


def _follow(
    half: Half, path: str | None, layer: str, session: str, service: Service
) -> Iterator[Updates]:
    """Previews of a run, and its last picture in full."""
    # The picture is shown in the size it is painted at: no time is spent on the size of the photo.
    settings = replace(half.settings_for(layer), full_detail=False).as_dict()
    job = Job(path, [path] if path else [], settings)
    status = status_line("Stopped before the first step.")
    with tempfile.TemporaryDirectory() as folder:
        for progress in service.paint(job, session, Path(folder)):
            if progress.frame is None:
                yield {half.status: status_line("Starting", progress_bar(0, 1))}
                continue
            picture = progress.picture
            if progress.outcome is not None:
                picture = str(Path(folder) / f"{layer}.png")
                progress.outcome.frame.image.save(picture)
            status = run_status(progress, settings)
            yield {half.image: picture or gr.skip(), half.status: status}
    yield {half.status: status}
