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
from .status import status_line
from .widgets import Updates, chosen, owned, picture_strip, setting_values

HINT = "Click one to begin with its settings."


@dataclass(frozen=True)
class Presets:
    """The strip of presets."""

    gallery: gr.Gallery
    # What the chosen one does.
    text: gr.HTML

    def unselect(self) -> Updates:
        """Take the mark from the preset that was chosen."""
        return {self.gallery: gr.Gallery(selected_index=None), self.text: status_line(HINT)}


def preset_picture(folder: Path, preset: str) -> Path:
    """The small picture that shows what a preset does."""
    return folder / f"{preset.lower().replace(' ', '_')}.jpg"


def build(folder: Path) -> Presets:
    """The strip, with pictures from a folder."""
    pictures = [(str(preset_picture(folder, preset)), preset) for preset in PRESETS]
    gallery = picture_strip(pictures, 4, label="Presets", elem_id="presets")
    text = gr.HTML(status_line(HINT), elem_id="preset-text")
    return Presets(gallery, text)


def connect(presets: Presets, inputs: Inputs) -> None:
    """A click sets the appearance, and says what it does."""

    @answered
    def choose(event: gr.SelectData) -> Updates:
        preset = chosen(list(PRESETS), event)
        if preset is None:
            return {presets.text: gr.skip()}
        return {
            presets.text: status_line(f"{preset}: {PRESET_HELP[preset]}."),
            **setting_values(inputs.settings, PRESETS[preset].as_dict(), APPEARANCE),
        }

    presets.gallery.select(choose, None, [presets.text, *inputs.settings.values()], **AT_ONCE)
    # Settings that a visitor has changed are no preset any more.
    touched = [
        widget.input  # type: ignore[attr-defined]  # all of them have this event
        for widget in (inputs.controls.balance, *(inputs.settings[name] for name in APPEARANCE))
    ]
    gr.on(touched, presets.unselect, None, owned(presets), **AT_ONCE)
