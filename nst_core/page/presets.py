"""Presets: small pictures, of which a click sets the appearance."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import gradio as gr

from ..presets import PRESET_HELP, PRESETS
from .controls import APPEARANCE
from .errors import answered
from .events import AT_ONCE
from .inputs import Inputs
from .result import Result
from .status import status_line
from .widgets import Updates, chosen, picture_strip, setting_values


@dataclass(frozen=True)
class Presets:
    """The strip of presets."""

    gallery: gr.Gallery

    def unselect(self) -> Updates:
        """Take the mark from the preset that was chosen."""
        return {self.gallery: gr.Gallery(selected_index=None)}


def preset_picture(folder: Path, preset: str) -> Path:
    """The small picture that shows what a preset does."""
    return folder / f"{preset.lower().replace(' ', '_')}.jpg"


def build(folder: Path) -> Presets:
    """The strip, with pictures from a folder."""
    pictures = [(str(preset_picture(folder, preset)), preset) for preset in PRESETS]
    return Presets(picture_strip(pictures, 4, label="Presets", elem_id="presets"))


def connect(presets: Presets, inputs: Inputs, result: Result) -> None:
    """A click sets the appearance, and says so below the picture."""

    @answered
    def choose(event: gr.SelectData) -> Updates:
        preset = chosen(list(PRESETS), event)
        if preset is None:
            return {result.status: gr.skip()}
        text = f"{preset}: {PRESET_HELP[preset]}. Press Stylize to paint it."
        return {
            result.status: status_line(text),
            **setting_values(inputs.settings, PRESETS[preset].as_dict(), APPEARANCE),
        }

    presets.gallery.select(choose, None, [result.status, *inputs.settings.values()], **AT_ONCE)
    # Settings that a visitor has changed are no preset any more.
    touched = [
        widget.input  # type: ignore[attr-defined]  # all of them have this event
        for widget in (inputs.controls.balance, *(inputs.settings[name] for name in APPEARANCE))
    ]
    gr.on(touched, presets.unselect, None, presets.gallery, **AT_ONCE)
