"""Stylize, Stop, Cancel: what the buttons say and offer, from one moment of a run to the next."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr

from .result import Base, Result
from .widgets import Updates


@dataclass(frozen=True)
class RunButtons:
    """The buttons of a run.

    Attributes:
        cancel: stands in the place of `stop` while the run waits for its turn.
    """

    start: gr.Button
    stop: gr.Button
    cancel: gr.Button

    def waiting(self, result: Result) -> Updates:
        """From the click until the run has the device."""
        return {
            self.start: gr.Button("Waiting ...", interactive=False),
            self.stop: gr.Button("Stop", visible=False),
            self.cancel: gr.Button("Cancel", interactive=True, visible=True),
            result.refine: gr.Button(interactive=False),
        }

    def running(self, result: Result) -> Updates:
        """While the run has the device."""
        return {
            self.start: gr.Button("Painting ...", interactive=False),
            self.stop: gr.Button("Stop", interactive=True, visible=True),
            self.cancel: gr.Button(visible=False),
            result.refine: gr.Button(interactive=False),
            result.download: gr.DownloadButton(interactive=False),
        }

    def ready(self, result: Result, base: Base | None) -> Updates:
        """Ready for the next run, whatever became of the last one."""
        return {
            self.start: gr.Button("Stylize", interactive=True),
            self.stop: gr.Button("Stop", interactive=False, visible=True),
            self.cancel: gr.Button(visible=False),
            result.refine: gr.Button(visible=bool(base and base.name), interactive=True),
            result.download: gr.DownloadButton(interactive=True),
        }


def build() -> RunButtons:
    """The buttons, ready."""
    with gr.Row(elem_id="buttons", elem_classes="line"):
        return RunButtons(
            start=gr.Button("Stylize", variant="primary", scale=3, elem_id="start"),
            stop=gr.Button("Stop", variant="stop", interactive=False, elem_id="stop"),
            cancel=gr.Button("Cancel", visible=False, elem_id="leave"),
        )
