"""Nine small pictures, of which a click chooses the settings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

import gradio as gr
from PIL import Image

from ..errors import StyleTransferError
from ..images import on_white
from ..server.service import Service
from ..sweep import STYLE_SCALES, STYLE_WEIGHTS
from .buttons import StartStop, build_start_stop
from .errors import answered, sentence
from .events import AT_ONCE
from .inputs import Inputs, job_of
from .result import Result
from .status import progress_bar, status_line
from .widgets import Updates, chosen

KIND = "sweep"
# Style weight and stroke size of each tile, row by row.
TILES = list(product(STYLE_WEIGHTS, STYLE_SCALES))


@dataclass(frozen=True)
class SweepPanel:
    """The buttons and the sheet of tiles."""

    buttons: StartStop
    status: gr.HTML
    tiles: gr.Gallery


def build() -> SweepPanel:
    """The panel, folded away."""
    with gr.Accordion("Try nine at once", open=False):
        gr.Markdown(
            "Nine small pictures of your two, by style weight (downwards) and stroke size (to the "
            "right). Click one to choose it."
        )
        buttons = build_start_stop("Make the sheet", elem_id="sweep")
        status = gr.HTML(status_line(""))
        tiles = gr.Gallery(
            show_label=False,
            columns=len(STYLE_SCALES),
            fit_columns=False,
            height="auto",
            allow_preview=False,
            buttons=[],
            elem_id="tiles",
            interactive=False,
            visible=False,
        )
    return SweepPanel(buttons, status, tiles)


def connect(panel: SweepPanel, inputs: Inputs, result: Result, service: Service) -> None:
    """The sweep itself, and what a click on a tile sets."""

    def work(request: gr.Request, **fields: Any) -> Iterator[Updates]:
        shown: list[tuple[Image.Image, str]] = []
        count = len(TILES)
        try:
            yield {panel.status: status_line(f"Tile 1 of {count}", progress_bar(0, count))}
            for tile in service.paint_sweep(job_of(fields), str(request.session_hash)):
                weight, scale = tile.settings.style_weight, tile.settings.style_scale
                shown.append((on_white(tile.image), f"{weight:g}, {scale:g}"))
                yield {
                    panel.tiles: gr.Gallery(shown, visible=True, selected_index=None),
                    panel.status: _status(len(shown), count),
                }
        except (gr.Error, StyleTransferError) as error:
            gr.Warning(sentence(error), title="This does not work yet")
            yield {panel.status: status_line(sentence(error))}

    @answered
    def choose(event: gr.SelectData) -> Updates:
        tile = chosen(TILES, event)
        if tile is None:
            return {panel.status: gr.skip()}
        weight, scale = tile
        line = status_line(
            f"Style weight {weight:g}, stroke size {scale:g}: press Stylize to paint it."
        )
        return {
            inputs.settings["style_weight"]: weight,
            inputs.settings["style_scale"]: scale,
            result.status: line,
            panel.status: line,
        }

    panel.buttons.connect(
        service,
        work,
        KIND,
        inputs=inputs.fields,
        outputs=[panel.tiles, panel.status],
        progress_on=[panel.status],
        status=panel.status,
    )
    settings = [inputs.settings["style_weight"], inputs.settings["style_scale"]]
    panel.tiles.select(choose, None, [*settings, result.status, panel.status], **AT_ONCE)


def _status(made: int, count: int) -> str:
    if made == count:
        return status_line("Click the one you like")
    return status_line(f"Tile {made + 1} of {count}", progress_bar(made, count))
