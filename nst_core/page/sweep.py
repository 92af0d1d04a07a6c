"""Small pictures to choose from: nine variations of a pair, and the photo in every painting."""

from __future__ import annotations

import math
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import gradio as gr

from ..errors import StyleTransferError
from ..images import on_white
from ..server.preparing import Job
from ..server.service import Service
from ..sweep import STYLE_SCALES, STYLE_WEIGHTS, Tile, caption_of
from .buttons import StartStop, build_start_stop
from .catalogue import catalogue
from .errors import answered, warn
from .events import AS_SENT, AT_ONCE
from .inputs import STYLES, Inputs, identity, job_of, key_of
from .result import Base, Result
from .status import cost_text, progress_bar, seconds_text, status_line
from .widgets import Fields, Updates, chosen, owned, path_of

# Style weight and stroke size of each of the nine, row by row.
NINE = list(product(STYLE_WEIGHTS, STYLE_SCALES))
PAINTINGS = list(catalogue().styles.values())


@dataclass(frozen=True)
class Sheet:
    """Tiles that were painted.

    Attributes:
        content: the file of the photo.
        tiles: their files, in their order.
    """

    content: str
    tiles: tuple[str, ...]


@dataclass(frozen=True)
class Panel:
    """A kind of sweep, and its widgets.

    Attributes:
        kind: the kind of work, for the turn of the page.
        captions: what stands below the tiles, in their order.
        sheet: what `tiles` shows, as a `Sheet`.
    """

    kind: str
    captions: tuple[str, ...]
    buttons: StartStop
    status: gr.HTML
    tiles: gr.Gallery
    sheet: gr.State

    def show_cost(self, service: Service, job: Job, session: str) -> Updates:
        """Say how long the sheet will take, unless it is being made."""
        if service.turns.is_taken(session, self.kind):
            return {self.status: gr.skip()}
        seconds = service.costs.of_tiles(job, len(self.captions))
        return {self.status: status_line(cost_text(seconds))}


@dataclass(frozen=True)
class Sweeps:
    """The panels."""

    gallery: Panel
    nine: Panel


def build() -> Sweeps:
    """The panels, folded away."""
    return Sweeps(
        gallery=_build_panel(
            "Your photo in every painting",
            "One small picture for each bundled painting. Click one to choose its painting.",
            "Paint them all",
            "gallery",
            tuple(painting.name for painting in PAINTINGS),
            columns=4,
        ),
        nine=_build_panel(
            "Nine versions of this picture",
            "Nine small pictures of your two, by style weight (downwards) and stroke size (to the "
            "right). Click one to choose it.",
            "Paint nine",
            "sweep",
            tuple(caption_of(*values).capitalize() for values in NINE),
            columns=len(STYLE_SCALES),
        ),
    )


def _build_panel(
    title: str, text: str, action: str, kind: str, captions: tuple[str, ...], columns: int
) -> Panel:
    with gr.Accordion(title, open=False):
        gr.Markdown(text)
        buttons = build_start_stop(action, elem_id=kind)
        status = gr.HTML(status_line(""))
        tiles = gr.Gallery(
            show_label=False,
            columns=columns,
            fit_columns=False,
            height="auto",
            allow_preview=False,
            buttons=[],
            elem_id="tiles" if kind == "sweep" else f"{kind}-tiles",
            interactive=False,
            visible=False,
        )
    return Panel(kind, captions, buttons, status, tiles, gr.State())


def connect(sweeps: Sweeps, inputs: Inputs, result: Result, service: Service) -> None:
    """The sweeps themselves, and what a click on a tile sets."""
    _connect_panel(sweeps.nine, service.paint_sweep, inputs, service)
    paths = [painting.path for painting in PAINTINGS]
    _connect_panel(
        sweeps.gallery,
        lambda job, owner: service.paint_gallery(job, paths, owner),
        inputs,
        service,
    )
    settings = [inputs.settings["style_weight"], inputs.settings["style_scale"]]

    @answered
    def choose_settings(event: gr.SelectData, sheet: Sheet | None, **fields: Any) -> Updates:
        tile = chosen(NINE, event)
        if tile is None:
            return {result.status: gr.skip()}
        fields |= dict(zip(("style_weight", "style_scale"), tile, strict=True))
        text = f"Style weight {tile[0]:g}, stroke size {tile[1]:g}: press Stylize to paint it."
        return {
            **dict(zip(settings, tile, strict=True)),
            **_show_tile(result, sheet, event, fields, text),
            sweeps.nine.status: status_line(text),
        }

    @answered
    def choose_painting(event: gr.SelectData, sheet: Sheet | None, **fields: Any) -> Updates:
        painting = chosen(PAINTINGS, event)
        if painting is None:
            return {result.status: gr.skip()}
        fields[STYLES[0]] = {"path": painting.path}
        text = f"{painting.name}: press Stylize to paint it."
        return {
            **inputs.pictures.put(1, painting.path),
            **_show_tile(result, sheet, event, fields, text),
            sweeps.gallery.status: status_line(text),
        }

    boxes = [inputs.pictures.styles[0], inputs.pictures.kept[1]]
    for panel, choose, changed in (
        (sweeps.nine, choose_settings, settings),
        (sweeps.gallery, choose_painting, boxes),
    ):
        panel.tiles.select(
            choose,
            None,
            [*changed, *owned(result), panel.status],
            inputs_kwargs={"sheet": panel.sheet, **inputs.fields},
            **AT_ONCE,
            **AS_SENT,
        )


def _show_tile(
    result: Result, sheet: Sheet | None, event: gr.SelectData, fields: Fields, text: str
) -> Updates:
    """Show the tile that was clicked in the place of the picture, as what the fields come to.

    A tile of another photo than that in its box is not shown.
    """
    content, line = path_of(fields["content"]), status_line(text)
    if content is None or sheet is None or identity(content) != identity(sheet.content):
        return {result.status: line}
    tile = chosen(sheet.tiles, event)
    if tile is None or not Path(tile).is_file():
        return {result.status: line}
    base = Base(content, tile, "tile", key=key_of(fields), finished=False)
    return result.show_unfinished(base, line)


def _connect_panel(
    panel: Panel,
    paint: Callable[[Job, str], Iterator[Tile | None]],
    inputs: Inputs,
    service: Service,
) -> None:
    def work(request: gr.Request, **fields: Any) -> Iterator[Updates]:
        try:
            yield from _follow(panel, paint, job_of(fields), str(request.session_hash), service)
        except (gr.Error, StyleTransferError) as error:
            yield {panel.status: status_line(warn(error))}

    panel.buttons.connect(
        service,
        work,
        panel.kind,
        inputs=inputs.fields,
        outputs=[panel.tiles, panel.sheet, panel.status],
        status=panel.status,
    )


def _follow(
    panel: Panel,
    paint: Callable[[Job, str], Iterator[Tile | None]],
    job: Job,
    session: str,
    service: Service,
) -> Iterator[Updates]:
    """The tiles so far, which one is being painted, and how long the rest will take."""
    shown: list[tuple[str, str]] = []
    folder = Path(tempfile.mkdtemp(dir=service.files))
    count = len(panel.captions)
    left = service.costs.of_tiles(job, count) or math.inf
    for tile in paint(job, session):
        if tile is None:  # not before: with this the button for Stop appears
            began = time.perf_counter()
            text = _tile_text(1, count, left)
            yield {panel.status: status_line(text, progress_bar(0, count))}
            continue
        path = folder / f"{len(shown)}.png"
        on_white(tile.image).save(path)
        shown.append((str(path), panel.captions[len(shown)]))
        made = len(shown)
        # What was said to be left never becomes more.
        left = min(left, (time.perf_counter() - began) / made * (count - made))
        text = _tile_text(min(made + 1, count), count, left)
        yield {
            panel.tiles: gr.Gallery(shown, visible=True, selected_index=None),
            panel.sheet: Sheet(str(job.content), tuple(file for file, _ in shown)),
            panel.status: status_line(text, progress_bar(made, count)),
        }
    text = "Click the one you like"
    if len(shown) < count:
        stopped = f"Stopped at tile {len(shown)} of {count}"
        text = f"{stopped}: click the one you like" if shown else stopped
    yield {panel.status: status_line(text)}


def _tile_text(number: int, count: int, left: float) -> str:
    """What is being painted, and the seconds that are left; infinity where nobody can say."""
    text = f"Tile {number} of {count}"
    return text if math.isinf(left) else f"{text}, {seconds_text(left)} left"
