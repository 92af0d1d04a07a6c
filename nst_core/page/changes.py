"""What follows from a change of the inputs: the time a run will take, and a preview of it.

Every input tells the browser that it has changed (`changed.js`). When nothing has changed for a
moment, the browser presses a hidden button, whose click carries the values of all inputs.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from ..errors import StyleTransferError
from ..presets import QUALITIES
from ..server import device
from ..server.jobs import Job
from ..server.service import Service
from ..settings import DEFAULTS
from .controls import quality_of
from .errors import answered, sentence
from .events import AT_ONCE, IN_BACKGROUND, PRIVATE
from .inputs import Inputs, identity, job_of, key_of
from .result import Base, Result
from .running import KIND
from .status import cost_text, progress_bar, status_line
from .sweep import Sweeps
from .widgets import Fields, Updates, owned, path_of, static

log = logging.getLogger("nst")

# Previews that may wait for the last step of an older one.
MOST_PREVIEWS = 8
READY = "Ready: press Stylize to paint it."


@dataclass(frozen=True)
class Changes:
    """The line below the button, the switch of the previews, and the hidden button."""

    cost: gr.HTML
    live: gr.Checkbox
    changed: gr.Button


def build(service: Service) -> Changes:
    """The line and the switch in a row; previews are off until the device is known."""
    with gr.Row(elem_classes="line", elem_id="under-button"):
        cost = gr.HTML(
            "",
            seconds=0,
            html_template=static("cost.html"),
            js_on_load=static("cost.js"),
            elem_id="cost",
            apply_default_css=False,
        )
        live = gr.Checkbox(
            label="Live preview",
            container=False,
            visible=bool(service.limits.live),
            elem_id="live",
            min_width=0,
        )
    changed = gr.Button("Changed", visible="hidden", elem_id="changed")
    return Changes(cost, live, changed)


def connect(
    changes: Changes,
    demo: gr.Blocks,
    inputs: Inputs,
    sweeps: Sweeps,
    result: Result,
    service: Service,
) -> None:
    """A change of any input, and the first sight of the page."""
    watched = [
        widget.change  # type: ignore[attr-defined]  # all of them have this event
        for name, widget in inputs.fields.items()
        if name != "strength"
    ]
    gr.on([*watched, changes.live.input], None, js=static("changed.js"), **PRIVATE)

    @answered
    def show_costs(request: gr.Request, **fields: Any) -> Updates:
        return _costs(job_of(fields), changes, inputs, sweeps, service, str(request.session_hash))

    outputs = [changes.cost, inputs.controls.quality, sweeps.gallery.status, sweeps.nine.status]
    for event in (changes.changed.click, demo.load):
        event(
            show_costs,
            None,
            outputs,
            inputs_kwargs={**inputs.fields},
            show_progress="hidden",
            **{**AT_ONCE, "preprocess": False},
        )

    def follow(request: gr.Request, base: Base, live: Any, **fields: Any) -> Iterator[Updates]:
        session = str(request.session_hash)
        if not service.turns.is_taken(session, KIND):
            live = bool(live and service.limits.live)
            yield from _follow(base, live, fields, session, result, service)
        # Gradio sends the last update once more, when a run may have begun.
        yield {result.status: gr.skip()}

    changes.changed.click(
        answered(follow),
        None,
        owned(result),
        inputs_kwargs={"base": result.base, "live": changes.live, **inputs.fields},
        **{**IN_BACKGROUND, "concurrency_limit": MOST_PREVIEWS},
        trigger_mode="multiple",
        preprocess=False,
    )
    if service.limits.live:
        demo.load(
            lambda: device.is_fast_device(), None, changes.live, show_progress="hidden", **AT_ONCE
        )


def _costs(
    job: Job, changes: Changes, inputs: Inputs, sweeps: Sweeps, service: Service, session: str
) -> Updates:
    """What the next run and the sweeps will take."""
    seconds = service.costs.of_run(job)
    qualities = []
    for name, size in QUALITIES.items():
        values = {**job.values, "size": size, "steps": DEFAULTS.steps}
        needed = cost_text(service.costs.of_run(Job(job.content, job.styles, values)))
        qualities.append((f"{name}, {needed.lower()}" if needed else name, name))
    quality = quality_of(job.values["size"], job.values["steps"])
    return {
        changes.cost: gr.HTML(cost_text(seconds), seconds=seconds or 0),
        inputs.controls.quality: gr.Radio(qualities, value=quality),
        **sweeps.gallery.show_cost(service, job, session),
        **sweeps.nine.show_cost(service, job, session),
    }


def _follow(
    base: Base, live: bool, fields: Fields, session: str, result: Result, service: Service
) -> Iterator[Updates]:
    """Show a new photo, and a preview of what would be painted."""
    content, key = path_of(fields["content"]), key_of(fields)
    if content is None or key == base.key:
        return
    if identity(content) != identity(base.content):
        yield result.show_unfinished(
            Base(content, content, Path(content).stem, finished=False), status_line(READY)
        )
    elif not live:
        yield {result.status: status_line(READY)}
    if not live:
        return
    try:
        with tempfile.TemporaryDirectory() as folder:
            for progress in service.preview(job_of(fields), session, Path(folder)):
                frame, picture = progress.frame, progress.picture
                assert frame is not None
                assert picture is not None
                text = "Preview: press Stylize to paint it in full."
                line = status_line(text)
                if not frame.done:
                    line = status_line("Preview", progress_bar(frame.step, frame.plan[0].steps))
                yield result.show_unfinished(
                    Base(content, picture, "preview", key=key, finished=False), line
                )
    except StyleTransferError as error:
        yield {result.status: status_line(sentence(error))}
    except Exception:
        # A preview nobody has asked for does not fail loudly.
        log.exception("a preview failed")
