"""What the network sees: each half of the loss run alone, for people who come to learn."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from .. import insights
from ..errors import StyleTransferError
from ..server.jobs import Job
from ..server.service import Service
from ..settings import Settings
from .buttons import StartStop, build_start_stop
from .errors import sentence
from .events import AS_SENT, AT_ONCE
from .inputs import Inputs
from .result import Result
from .status import progress_bar, run_status, status_line
from .widgets import Updates, path_of, static

RECONSTRUCTION_TEXTS = {
    "relu1_1": "The first layer sees edges and colours, pixel by pixel. The photo comes back "
    "nearly as it was.",
    "relu2_1": "The second block sees corners and short lines. Hardly anything of the photo is "
    "lost yet.",
    "relu3_1": "The third block sees small patterns. Shapes stay, and fine grain begins to go.",
    "relu4_1": "The fourth block sees parts of objects. What they are and where stays, exact "
    "colours and textures are free: this is where a style transfer holds the photo.",
    "relu5_1": "The fifth block sees whole objects. Only their gist is left, the rest is for the "
    "network to make up.",
}
TEXTURE_TEXTS = {
    "relu1_1": "Correlations of the first layer are little more than the palette. Specks of the "
    "right colours appear, in no order.",
    "relu2_1": "With the second block come short marks. They have the painting's directions, but "
    "no length.",
    "relu3_1": "With the third block marks join to strokes. It begins to look painted.",
    "relu4_1": "With the fourth block strokes join to swirls and shapes. Larger and larger pieces "
    "look right.",
    "relu5_1": "With all five, whole motifs of the painting return. Where they stand is left to "
    "chance, since a Gram matrix knows nothing of places.",
}


@dataclass(frozen=True)
class Half:
    """One half of the loss, and its widgets.

    Attributes:
        texts: what each layer shows.
        settings_for: the settings that show a layer.
    """

    texts: Mapping[str, str]
    settings_for: Callable[[str], Settings]
    layer: gr.Radio
    text: gr.Markdown
    buttons: StartStop
    image: gr.Image
    status: gr.HTML


@dataclass(frozen=True)
class Insights:
    """The tab: the photo from one layer alone, and the painting as a texture."""

    content: Half
    style: Half


def build(result: Result) -> Insights:
    """The whole tab; the table of the last run is a widget of the result."""
    gr.Markdown(static("network.md"))
    with gr.Row():
        with gr.Column():
            content = _build_half(
                "Content: the photo from one layer alone",
                "Rebuild the photo",
                "",
                RECONSTRUCTION_TEXTS,
                "relu4_1",
                insights.reconstruction,
            )
        with gr.Column():
            style = _build_half(
                "Style: the painting as a texture",
                "Make the texture",
                "up to ",
                TEXTURE_TEXTS,
                "relu5_1",
                insights.texture,
            )
    gr.Markdown(
        static("formulas.md"),
        latex_delimiters=[
            {"left": "$$", "right": "$$", "display": True},
            {"left": "$", "right": "$", "display": False},
        ],
        elem_classes="whole",
    )
    gr.Markdown("## The terms of the last run, by layer")
    result.curve.layers.render()
    return Insights(content, style)


def _build_half(
    title: str,
    action: str,
    prefix: str,
    texts: Mapping[str, str],
    first: str,
    settings_for: Callable[[str], Settings],
) -> Half:
    gr.Markdown(f"## {title}")
    layer = gr.Radio([(prefix + name, name) for name in texts], value=first, label="Layer")
    text = gr.Markdown(texts[first])
    buttons = build_start_stop(action, variant="primary")
    image = gr.Image(
        label=title,
        height=300,
        interactive=False,
        buttons=["fullscreen"],
        alt_text=title,
        elem_classes="picture",
    )
    status = gr.HTML(status_line(""))
    return Half(texts, settings_for, layer, text, buttons, image, status)


def connect(tab: Insights, inputs: Inputs, service: Service) -> None:
    """Each half reads its own picture."""
    _connect_half(tab.content, "content", inputs.pictures.content, service)
    _connect_half(tab.style, "style", inputs.pictures.styles[0], service)


def _connect_half(half: Half, name: str, source: gr.Image, service: Service) -> None:
    def work(request: gr.Request, picture: Any, layer: str) -> Iterator[Updates]:
        try:
            yield from _follow(half, path_of(picture), layer, str(request.session_hash), service)
        except (gr.Error, StyleTransferError) as error:
            gr.Warning(sentence(error), title="This does not work yet")
            yield {half.status: status_line(sentence(error))}

    def explain(layer: Any) -> str:
        return half.texts.get(layer, "") if isinstance(layer, str) else ""

    half.layer.change(explain, half.layer, half.text, **AT_ONCE, **AS_SENT)
    half.buttons.connect(
        service,
        work,
        f"insights {name}",
        inputs={"picture": source, "layer": half.layer},
        outputs=[half.image, half.status],
        progress_on=[half.image],
        status=half.status,
    )


def _follow(
    half: Half, path: str | None, layer: str, session: str, service: Service
) -> Iterator[Updates]:
    """Previews of a run, and its last picture in full."""
    settings = half.settings_for(layer).as_dict()
    job = Job(path, [path] if path else [], settings)
    with tempfile.TemporaryDirectory() as folder:
        for progress in service.paint(job, session, Path(folder)):
            if progress.frame is None:
                yield {half.status: status_line("Starting", progress_bar(0, 1))}
                continue
            picture = progress.picture
            if progress.outcome is not None:
                picture = str(Path(folder) / f"{layer}.png")
                progress.outcome.frame.image.save(picture)
            yield {
                half.image: picture or gr.skip(),
                half.status: run_status(progress, settings),
            }
