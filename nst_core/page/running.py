"""A run of the page: from the click over progress to the result."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.events import Dependency

from ..errors import StyleTransferError
from ..recipe import Recipe
from ..server.history import Record
from ..server.jobs import Outcome, Progress, save_result
from ..server.preparing import Job
from ..server.service import Service
from .buttons import Work, run_button
from .errors import warn
from .events import PRIVATE
from .inputs import Inputs, filled_boxes, job_of, kept_fields, key_of
from .result import PAINTED, Base, Result, View, known
from .run_buttons import RunButtons
from .status import progress_bar, run_status, run_text, status_line, timed_out_text, title_of
from .strip import Strip, owner_of
from .widgets import Fields, Updates, owned, static

KIND = "picture"
# A run that an example takes over from is kept if it has made this part of its steps.
LEAST_PART = 0.25
IN_STRIP = "What your run came to is among your results."


@dataclass
class _Told:
    """What the page has been told of a run.

    Attributes:
        finishing: seconds that come after the last step, about.
        in_view: whether a picture of these inputs is in view, such as a preview; it stays until
            there is a better one.
        left: seconds to the end, which only fall.
    """

    finishing: float
    in_view: bool
    left: float = math.inf


@dataclass(frozen=True)
class _Runner:
    """Runs the jobs of the page."""

    buttons: RunButtons
    inputs: Inputs
    result: Result
    strip: Strip
    service: Service

    def stylize(
        self, request: gr.Request, token: Any, base: Base | None, **fields: Any
    ) -> Iterator[Updates]:
        """A run from the pictures and settings in view."""
        in_view = base is not None and base.key == key_of(fields)
        try:
            yield from self._follow(job_of(fields), fields, token, request, in_view)
        except (gr.Error, StyleTransferError) as error:
            yield {self.result.status: status_line(warn(error))}

    def refine(
        self, request: gr.Request, token: Any, base: Base | None, **fields: Any
    ) -> Iterator[Updates]:
        """A run that goes on from the result in view."""
        try:
            record = self.service.history.get(known(base).name)
            if record is None:
                raise StyleTransferError(
                    "There is no result to go on from any more: press Stylize first."
                )
            yield from self._follow(job_of(fields, record), fields, token, request, in_view=True)
        except (gr.Error, StyleTransferError) as error:
            yield {self.result.status: status_line(warn(error))}

    def _follow(
        self, job: Job, fields: Fields, token: Any, request: gr.Request, in_view: bool
    ) -> Iterator[Updates]:
        """What the page shows of a run: its progress, then its result, then its film."""
        owner = owner_of(token)
        name = self.service.history.reserve(owner)
        told = _Told(self.service.costs.of_finishing(job), in_view)
        progress = None
        try:
            with tempfile.TemporaryDirectory() as folder:
                session = str(request.session_hash)
                for progress in self.service.paint(job, session, Path(folder), kept=True):
                    if progress.outcome is None:
                        yield self._show_progress(progress, fields, told)
                if progress is None or progress.outcome is None:
                    yield {self.result.status: status_line("Stopped before the first step.")}
                    return
                yield from self._show_outcome(
                    progress, progress.outcome, job, fields, owner, name, Path(folder)
                )
        finally:
            self.service.history.release(name)

    def _show_progress(self, progress: Progress, fields: Fields, told: _Told) -> Updates:
        frame, result = progress.frame, self.result
        if frame is None:
            return {
                result.picture: gr.skip() if told.in_view else progress.picture,
                result.status: status_line("Starting", progress_bar(0, 1)),
                result.tabs: gr.Tabs(selected="picture"),
                **result.curve.hide(),
                **self.buttons.running(result),
                result.running: key_of(fields),
            }
        line = run_status(progress, fields, told.left, told.finishing)
        if progress.finished is not None:
            return {result.status: line, **self.buttons.finishing(progress.finished)}
        told.left = min(told.left, frame.remaining + told.finishing)
        return {
            result.picture: progress.picture or gr.skip(),
            result.status: line,
            **result.curve.show(progress.losses, frame.total_steps),
        }

    def _show_outcome(
        self,
        progress: Progress,
        outcome: Outcome,
        job: Job,
        fields: Fields,
        owner: str,
        name: str,
        folder: Path,
    ) -> Iterator[Updates]:
        frame, result = outcome.frame, self.result
        if outcome.discarded and frame.step < LEAST_PART * frame.total_steps:
            yield {result.status: gr.skip()}
            return
        if outcome.timed_out:
            gr.Warning(timed_out_text(frame, self.service.limits.seconds))
        recipe, content = outcome.transfer.recipe(), outcome.transfer.content
        seen, file = save_result(outcome.result, content, recipe, folder / f"{job.name}.png")
        saved = file if recipe.settings.strength == 1 else None
        record = self._keep(name, job, fields, outcome, recipe, saved)
        if outcome.discarded:  # the example that was clicked is in view
            gr.Info(IN_STRIP, title="Your run")
            yield self.strip.show(self.service, owner)
            return
        yield {
            **result.show(View(Base.of(record), seen, file, run_text(progress, fields))),
            **self.strip.show(self.service, owner),
            # A run of less than a second has told of none of its frames before.
            **result.curve.show(progress.losses, frame.total_steps),
            **result.curve.show_layers(frame),
            self.buttons.switch.stop: gr.Button("Stop", interactive=False),
        }
        outcome.film.save(record.film)
        # Gradio may drop an update of a widget that it is still drawing, so this one repeats the
        # last. Otherwise the button would save the previous picture, the strip would lack the
        # result, and the comparison would still say "Not painted yet".
        yield {
            result.compare: gr.ImageSlider(elem_classes=PAINTED),
            **result.show_film(str(record.film)),
            **self.strip.show(self.service, owner),
            result.download: gr.DownloadButton(value=file),
        }

    def _keep(
        self,
        name: str,
        job: Job,
        fields: Fields,
        outcome: Outcome,
        recipe: Recipe,
        saved: str | None,
    ) -> Record:
        """Put an outcome into the history, with what brings it back; `saved` is its PNG."""
        values = {
            "title": title_of(job, outcome),
            "recipe": recipe.to_json(),
            "key": key_of(fields),
            "disconnected": outcome.disconnected,
            "fields": kept_fields(fields),
            "boxes": filled_boxes(fields),
        }
        return self.service.history.add(
            *(name, outcome.frame.image, outcome.result, str(job.content), job.styles, values),
            saved=saved,
        )


def connect(
    buttons: RunButtons,
    demo: gr.Blocks,
    inputs: Inputs,
    result: Result,
    strip: Strip,
    service: Service,
) -> list[Dependency]:
    """Start, stop, cancel; a page that is closed ends its run. Returns the events of the runs."""
    runner = _Runner(buttons, inputs, result, strip, service)

    shown = [*owned(buttons), result.refine, result.download, result.save_film, result.running]

    def waiting() -> Updates:
        return buttons.waiting(result)

    def ready(base: Base | None) -> Updates:
        return buttons.ready(result, base)

    starts: tuple[tuple[gr.Button, Work], ...] = (
        (buttons.switch.start, runner.stylize),
        (result.refine, runner.refine),
    )
    runs = []
    for button, work in starts:
        button.click(None, js=static("show_result_on_phone.js"), **PRIVATE)
        run = run_button(
            service,
            button,
            work,
            kind=KIND,
            inputs={"token": strip.browser_token, "base": result.base, **inputs.fields},
            outputs=[*owned(result), *owned(buttons), *owned(strip)],
            buttons=shown,
            waiting=waiting,
            ready=ready,
            ready_input=result.base,
            status=result.status,
        )
        run.then(None, js=static("sweep_divider.js"), **PRIVATE)
        runs.append(run)
    buttons.switch.connect_ends(service, runs, KIND, result.status)

    def close(request: gr.Request) -> None:
        service.close_page(str(request.session_hash))

    demo.unload(close)
    return runs
