"""Stylize, Cancel, Stop: one place for three buttons, of which a run shows one at a time."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr

from .buttons import PLACE_SECONDS
from .result import Base, Result
from .widgets import Updates


@dataclass(frozen=True)
class RunButtons:
    """The buttons of a run.

    Attributes:
        start: is there while no run is on.
        cancel: takes its place while the run waits for its turn.
        stop: takes its place while the run has the device.
        timer: is active while the run waits, so that the page says how many are before it.
    """

    start: gr.Button
    stop: gr.Button
    cancel: gr.Button
    timer: gr.Timer

    def waiting(self, result: Result) -> Updates:
        """From the click until the run has the device."""
        return {
            self.start: gr.Button(visible=False),
            self.stop: gr.Button(visible=False),
            self.cancel: gr.Button(visible=True),
            self.timer: gr.Timer(active=True),
            result.refine: gr.Button(interactive=False),
        }

    def running(self, result: Result) -> Updates:
        """While the run has the device."""
        return {
            self.start: gr.Button(visible=False),
            self.stop: gr.Button("Stop", interactive=True, visible=True),
            self.cancel: gr.Button(visible=False),
            self.timer: gr.Timer(active=False),
            result.refine: gr.Button(interactive=False),
            result.download: gr.DownloadButton(interactive=False),
            result.save_film: gr.DownloadButton(interactive=False),
        }

    def finishing(self, part: float) -> Updates:
        """While the result is brought to the size of the photo; `part` of it is made.

        A small photo is finished before anybody could press the button, and gets none.
        """
        if not 0 < part < 1:
            return {self.stop: gr.skip()}
        return {self.stop: gr.Button("Finish at once", interactive=True)}

    def ready(self, result: Result, base: Base | None) -> Updates:
        """Ready for the next run, whatever became of the last one."""
        return {
            self.start: gr.Button(visible=True),
            self.stop: gr.Button(visible=False),
            self.cancel: gr.Button(visible=False),
            self.timer: gr.Timer(active=False),
            result.refine: gr.Button(visible=bool(base and base.name), interactive=True),
            result.download: gr.DownloadButton(interactive=base is None or base.finished),
            result.save_film: gr.DownloadButton(interactive=True),
            result.running: None,
        }


def build() -> RunButtons:
    """The buttons, ready."""
    with gr.Row(elem_id="buttons", elem_classes="line"):
        return RunButtons(
            start=gr.Button("Stylize", variant="primary", elem_id="start"),
            stop=gr.Button("Stop", variant="stop", visible=False, elem_id="stop"),
            cancel=gr.Button("Cancel", visible=False, elem_id="leave"),
            timer=gr.Timer(PLACE_SECONDS, active=False),
        )
