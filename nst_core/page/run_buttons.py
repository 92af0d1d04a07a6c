"""Stylize, Cancel, Stop: the buttons of a run, and what they do to the buttons of its result."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr

from .buttons import StartStop, build_start_stop
from .result import Base, Result
from .widgets import Updates


@dataclass(frozen=True)
class RunButtons:
    """The buttons of a run."""

    switch: StartStop

    def waiting(self, result: Result) -> Updates:
        """From the click until the run has the device."""
        return {**self.switch.waiting(), result.refine: gr.Button(interactive=False)}

    def running(self, result: Result) -> Updates:
        """While the run has the device."""
        return {
            **self.switch.running(),
            result.refine: gr.Button(interactive=False),
            result.download: gr.DownloadButton(interactive=False),
            result.save_film: gr.DownloadButton(interactive=False),
        }

    def finishing(self, part: float) -> Updates:
        """While the result is brought to the size of the photo; `part` of it is made.

        A small photo is finished before anybody could press the button, and gets none.
        """
        if not 0 < part < 1:
            return {self.switch.stop: gr.skip()}
        return {self.switch.stop: gr.Button("Finish at once", interactive=True)}

    def ready(self, result: Result, base: Base | None) -> Updates:
        """Ready for the next run, whatever became of the last one."""
        return {
            **self.switch.ready(),
            result.refine: gr.Button(visible=bool(base and base.name), interactive=True),
            result.download: gr.DownloadButton(interactive=base is None or base.finished),
            result.save_film: gr.DownloadButton(interactive=True),
            result.running: None,
        }


def build() -> RunButtons:
    """The buttons, ready."""
    with gr.Row(elem_id="buttons", elem_classes="line"):
        return RunButtons(
            build_start_stop("Stylize", "stop", "cancel", variant="primary", elem_id="start")
        )
