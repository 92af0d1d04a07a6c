"""What follows from a change of the inputs: the time a run will take, and a preview of it.

Every input tells the browser that it has changed (`changed.js`). When nothing has changed for a
moment, the browser presses two hidden buttons, whose clicks carry the values of all inputs: one is
answered at once, the other asks for a preview (`live.py`), where the visitor wants them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.events import Dependency

from ..presets import QUALITIES
from ..server.preparing import MISSING, Job
from ..server.service import Service
from ..settings import DEFAULTS
from . import live
from .controls import quality_of
from .errors import answered
from .events import AT_ONCE, PRIVATE
from .inputs import Inputs, identity, job_of, key_of
from .live import READY, Live, is_checked, is_in_view, kept_files
from .result import Base, Result
from .running import KIND
from .status import cost_text, quality_text, status_line
from .sweep import Sweeps
from .widgets import Fields, Updates, owned, static

# Short enough for one line on a phone: a second one moves what is below the finger.
READY_AGAIN = "Ready: press Stylize. This is the old picture."
UP_TO_DATE = "This picture is up to date."
NEXT = "Your changes are for the next run."
# Lines below a picture that was made from other inputs than the present ones.
OLD_NEWS = (READY, READY_AGAIN, *(MISSING.format(name) for name in ("photo", "painting")))


@dataclass(frozen=True)
class Changes:
    """The line below the button, the previews, and a hidden button."""

    cost: gr.HTML
    live: Live
    changed: gr.Button


def build(service: Service) -> Changes:
    """The line and the switch of the previews in a row."""
    with gr.Row(elem_classes="line", elem_id="under-button"):
        cost = gr.HTML(
            "",
            seconds=0,
            note="",
            html_template=static("cost.html"),
            js_on_load=static("cost.js"),
            elem_id="cost",
            apply_default_css=False,
        )
        previews = live.build(service)
    changed = gr.Button("Changed", visible="hidden", elem_id="changed")
    return Changes(cost, previews, changed)


@dataclass(frozen=True)
class _Answers:
    """What the server answers to a change."""

    changes: Changes
    inputs: Inputs
    sweeps: Sweeps
    result: Result
    service: Service

    def load(self, request: gr.Request, **fields: Any) -> Updates:
        """The page has been loaded: say what a run takes."""
        return self._costs(job_of(fields), str(request.session_hash))

    def change(
        self,
        request: gr.Request,
        base: Base | None,
        running: str | None,
        live: Any,
        line: str | None,
        **fields: Any,
    ) -> Updates:
        """Something has changed: say what a run takes now, and show a new photo."""
        session = str(request.session_hash)
        busy = self.service.turns.is_taken(session, KIND)
        # A page that is still loading has no base yet.
        news = {} if busy or base is None else self._news(base, bool(live), line or "", fields)
        note = NEXT if busy and running and running != key_of(fields) else ""
        return {**self._costs(job_of(fields), session, note), **news}

    def after_run(self, request: gr.Request, base: Base | None, **fields: Any) -> Updates:
        """A run has ended: say what the next one takes, and whether it would be another."""
        note = NEXT if base and base.name and base.key != key_of(fields) else ""
        return self._costs(job_of(fields), str(request.session_hash), note)

    def _costs(self, job: Job, session: str, note: str = "") -> Updates:
        """What the next run and the sweeps will take."""
        service = self.service
        seconds = service.costs.of_run(job)
        qualities = []
        for name, size in QUALITIES.items():
            values = {**job.values, "size": size, "steps": DEFAULTS.steps}
            needed = service.costs.of_run(replace(job, values=values))
            qualities.append((quality_text(name, needed), name))
        quality = quality_of(job.values["size"], job.values["steps"])
        return {
            self.changes.cost: gr.HTML(cost_text(seconds), seconds=seconds or 0, note=note),
            self.inputs.controls.quality: gr.Radio(qualities, value=quality),
            **self.sweeps.gallery.show_cost(service, job, session),
            **self.sweeps.nine.show_cost(service, job, session),
        }

    def _news(self, base: Base, live: bool, line: str, fields: Fields) -> Updates:
        """Show a new photo, and that it can be painted, unless a preview will say so.

        Args:
            line: the line below the picture.
        """
        if not is_checked(fields):
            return {}
        job = job_of(fields)
        content = job.content
        if content is None or not job.styles:
            missing = "photo" if content is None else "painting"
            return {self.result.status: status_line(MISSING.format(missing))}
        if is_in_view(base, fields):
            old = any(text in line for text in OLD_NEWS)
            return {self.result.status: status_line(UP_TO_DATE)} if old else {}
        if identity(content) == identity(base.content):
            text = READY if base.partial or base.result == base.content else READY_AGAIN
            return {} if live else {self.result.status: status_line(text)}
        photo = Base(content, content, Path(content).stem, finished=False)
        return self.result.show_unfinished(photo, status_line(READY))


def connect(
    changes: Changes,
    demo: gr.Blocks,
    inputs: Inputs,
    sweeps: Sweeps,
    result: Result,
    taken: Sequence[Dependency],
    runs: Sequence[Dependency],
    service: Service,
) -> None:
    """What calls for answers.

    That is a change of any input, the first sight of the page, the end of the check of an upload
    (`taken`), and the end of one of the page's `runs`.
    """
    _watch(changes, inputs, taken)
    answers = _Answers(changes, inputs, sweeps, result, service)
    shown = [changes.cost, inputs.controls.quality, sweeps.gallery.status, sweeps.nine.status]
    at_once = {**AT_ONCE, "preprocess": False, "show_progress": "hidden"}
    demo.load(answered(answers.load), None, shown, inputs_kwargs={**inputs.fields}, **at_once)
    for run in runs:
        run.then(
            answered(answers.after_run),
            None,
            shown,
            inputs_kwargs={"base": result.base, **inputs.fields},
            **at_once,
        )
    changes.changed.click(
        answered(answers.change),
        None,
        [*shown, *owned(result)],
        inputs_kwargs={
            "base": result.base,
            "running": result.running,
            "live": changes.live.switch,
            "line": result.status,
            **kept_files(inputs),
            **inputs.fields,
        },
        trigger_mode="multiple",
        **at_once,
    )
    live.connect(changes.live, demo, inputs, result, service)


def _watch(changes: Changes, inputs: Inputs, taken: Sequence[Dependency]) -> None:
    """Every change calls `changed.js`, which presses the hidden buttons."""
    watched = [
        widget.change  # type: ignore[attr-defined]  # all of them have this event
        for name, widget in inputs.fields.items()
        if name != "strength"
    ]
    gr.on([*watched, changes.live.switch.input], None, js=static("changed.js"), **PRIVATE)
    # An upload changes its box at once, and is kept when it has been checked.
    for check in taken:
        check.then(None, js=static("changed.js"), **PRIVATE)
