"""The settings, each with the widget that its kind asks for."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.components import Component

from ..options import Choice, Layers, Number, Switch, Weights
from ..settings import DEFAULTS, OPTIONS
from .events import AS_SENT, AT_ONCE
from .widgets import image_box

# The settings whose widgets stand elsewhere on the page.
ELSEWHERE = ("style_mix", "strength", "region")
# A preset or an example leaves alone what decides how long a run takes, and what is not a look.
UNTOUCHED_BY_PRESETS = ("size", "seed", "style_mix", "strength", "region", "memory_budget")
APPEARANCE = tuple(name for name in OPTIONS if name not in UNTOUCHED_BY_PRESETS)
# A number that can be larger than this is typed, since no slider is as fine.
LARGEST_ON_SLIDER = 1_000_000


def setting_widget(name: str) -> Any:
    """The widget of one setting."""
    option, value = OPTIONS[name], getattr(DEFAULTS, name)
    common: dict[str, Any] = {"label": option.label, "info": option.help, "value": value}
    match option:
        case Number() if option.high > LARGEST_ON_SLIDER:
            return gr.Number(**common, scale=4)
        case Number():
            return gr.Slider(option.low, option.high, step=option.step, **common)
        case Choice():
            if option.names:  # the names say what the rest of the help says
                common["info"] = option.help.partition(". ")[0] + "."
            return gr.Radio(option.named, **common)
        case Switch():
            return gr.Checkbox(**common)
        case Layers():
            common["value"] = list(value)
            return gr.Dropdown(list(option.choices), multiselect=True, **common)
        case Weights():
            common["value"] = option.text(value)
            return gr.Textbox(**common)


@dataclass(frozen=True)
class Controls:
    """The widgets of the settings, by name, and what belongs to them."""

    settings: Mapping[str, Component]
    init: gr.Radio
    start_image: gr.Image
    dice: gr.Button


def build_plain() -> dict[str, Component]:
    """The settings that everybody sees."""
    return dict(_widgets(advanced=False))


def build_advanced(plain: Mapping[str, Component]) -> Controls:
    """The other settings, folded away."""
    with gr.Accordion("Advanced", open=False):
        init = setting_widget("init")
        start_image = image_box("Start image", 160, visible=False)
        with gr.Row(elem_classes="line"):
            seed = setting_widget("seed")
            dice = gr.Button("Roll the dice", size="sm", elem_id="dice")
        rest = dict(_widgets(advanced=True, but=("init", "seed")))
    found = {**plain, "init": init, "seed": seed, **rest}
    settings = {name: found[name] for name in OPTIONS if name in found}
    return Controls(settings, init, start_image, dice)


def _widgets(advanced: bool, but: tuple[str, ...] = ()) -> Iterator[tuple[str, Component]]:
    for name, option in OPTIONS.items():
        if option.advanced == advanced and name not in (*ELSEWHERE, *but):
            yield name, setting_widget(name)


def connect(controls: Controls) -> None:
    """The start image appears where it is asked for; the dice roll a seed."""
    controls.init.change(
        lambda init: gr.Image(visible=init == "image"),
        controls.init,
        controls.start_image,
        **AT_ONCE,
        **AS_SENT,
    )
    # A seed is the seed of the noise: who rolls the dice wants to see it.
    controls.dice.click(
        lambda: (random.randrange(2**32), "noise"),
        None,
        [controls.settings["seed"], controls.init],
        **AT_ONCE,
    )
