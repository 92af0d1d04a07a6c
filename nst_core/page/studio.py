"""The tab where one paints: all features in their columns."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import gradio as gr

from ..server.service import Service
from . import (
    changes,
    choices,
    controls,
    examples,
    film,
    links,
    painter,
    pictures,
    presets,
    recipes,
    result,
    run_buttons,
    running,
    strength,
    strip,
    sweep,
)
from .events import AT_ONCE
from .inputs import Inputs


@dataclass(frozen=True)
class Studio:
    """The features of the tab."""

    inputs: Inputs
    choices: choices.Choices
    buttons: run_buttons.RunButtons
    changes: changes.Changes
    result: result.Result
    strip: strip.Strip
    examples: examples.Examples
    presets: presets.Presets
    sweeps: sweep.Sweeps
    recipes: recipes.Recipes


def build(pairs: list[examples.Example], preset_folder: Path, service: Service) -> Studio:
    """The three columns, with the first example in view."""
    first = pairs[0]
    with gr.Row(elem_classes="studio"):
        with gr.Column(elem_id="inputs"):
            content, style = pictures.build_boxes(first.content, first.style)
            further, mix, rows = pictures.build_further()
            offered = choices.build()
            quality = controls.build_quality()
            buttons = run_buttons.build()
            changed = changes.build(service)
        with gr.Column(elem_id="result"):
            shown = result.build(first.view)
            # Whoever moves these sees the picture follow, on a phone too.
            main = controls.build_main()
            shown.blending.render()
            kept = strip.build()
            sweeps = sweep.build()
            galleries = examples.build(pairs)
            shown.curve.place()
        with gr.Column(elem_id="controls"):
            preset_strip = presets.build(preset_folder)
            add, remove = pictures.build_more_buttons()
            board = painter.build(first.content)
            settings = controls.build_fine(main, quality)
            recipe = recipes.build()
    held = [gr.State() for _ in (content, style, *further)]
    own, count = (gr.State(), gr.State()), gr.State()
    boxes = pictures.Pictures(content, [style, *further], held, *own, mix, rows, add, remove, count)
    inputs = Inputs.of(boxes, board, settings, shown)
    return Studio(
        inputs, offered, buttons, changed, shown, kept, galleries, preset_strip, sweeps, recipe
    )


def connect(
    studio: Studio, demo: gr.Blocks, pairs: list[examples.Example], service: Service
) -> None:
    """The events of all features."""
    inputs, shown = studio.inputs, studio.result
    first, boxes = pairs[0], inputs.pictures
    begun = (first.view.base, 0, first.content, first.style)
    states = [shown.base, boxes.count, *boxes.kept[:2]]
    begin = demo.load(lambda: begun, None, states, **AT_ONCE)
    start_image = inputs.controls.start_image
    taken = pictures.connect(inputs.pictures, inputs.painter, start_image, service)
    choices.connect(studio.choices, inputs.pictures, inputs.painter, taken)
    painter.connect(inputs.painter, inputs.pictures.content)
    controls.connect(inputs.controls)
    presets.connect(studio.presets, inputs)
    recipes.connect(studio.recipes, inputs, studio.presets, shown)
    strength.connect(shown)
    film.connect(shown, service)
    runs = running.connect(studio.buttons, demo, inputs, shown, studio.strip, service)
    strip.connect(studio.strip, demo, inputs, studio.presets, shown, service)
    sweep.connect(studio.sweeps, inputs, shown, service)
    examples.connect(studio.examples, pairs, inputs, studio.presets, shown, service)
    links.connect(begin, pairs, inputs, studio.presets, shown)
    changes.connect(studio.changes, demo, inputs, studio.sweeps, shown, taken, runs, service)
