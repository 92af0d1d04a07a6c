"""The settings, each with the widget that its kind asks for."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.components import Component

from ..options import Choice, Layers, Number, Switch, Weights
from ..presets import QUALITIES
from ..settings import DEFAULTS, OPTIONS
from .events import AS_SENT, AT_ONCE, PRIVATE
from .numbers import number_slider
from .widgets import Updates, image_box, static

# The settings whose widgets do not stand among those that are folded away.
ELSEWHERE = ("style_mix", "strength", "region", "color")
# A preset leaves these alone: the size and the memory that suit the machine, the seed, and what
# belongs to the visitor's own pictures.
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
            return number_slider(option, value)
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
    """The widgets of the settings, by name, and what belongs to them.

    Attributes:
        balance: from photo (-1) to painting (1); it sets both weights.
        quality: sets size and steps.
    """

    settings: Mapping[str, Component]
    balance: gr.HTML
    quality: gr.Radio
    init: gr.Radio
    start_image: gr.Image
    dice: gr.Button


@dataclass(frozen=True)
class Main:
    """The controls that are never folded away; the fields are those of `Controls`."""

    balance: gr.HTML
    color: gr.Radio


def build_quality() -> gr.Radio:
    """The three qualities."""
    return gr.Radio(
        list(QUALITIES), value="Good", label="Quality", container=False, elem_id="quality"
    )


def build_main() -> Main:
    """The slider from photo to painting, and the colours."""
    with gr.Group(), gr.Row(elem_id="look", equal_height=True):
        balance = gr.HTML(
            0,
            html_template=static("balance.html"),
            js_on_load=static("balance.js"),
            elem_id="balance",
            apply_default_css=False,
        )
        color = setting_widget("color")
    return Main(balance, color)


def build_fine(main: Main, quality: gr.Radio) -> Controls:
    """The settings that are folded away."""
    with gr.Accordion("Fine tuning", open=False, elem_id="fine"):
        with gr.Group():
            plain = dict(_widgets(advanced=False))
        with gr.Accordion("Advanced", open=False):
            init = setting_widget("init")
            start_image = image_box(
                "Start image", 160, visible=False, elem_classes=["input", "takes-drops"]
            )
            with gr.Row(elem_classes="line"):
                seed = setting_widget("seed")
                dice = gr.Button("Roll the dice", size="sm", elem_id="dice")
            rest = dict(_widgets(advanced=True, but=("init", "seed")))
    found = {**plain, "color": main.color, "init": init, "seed": seed, **rest}
    settings = {name: found[name] for name in OPTIONS if name in found}
    return Controls(settings, main.balance, quality, init, start_image, dice)


def quality_of(size: Any, steps: Any) -> str | None:
    """The quality that has this size and number of steps, if one has."""
    found = [name for name, side in QUALITIES.items() if str(side) == str(size)]
    return found[0] if found and str(steps) == str(DEFAULTS.steps) else None


def _widgets(advanced: bool, but: tuple[str, ...] = ()) -> Iterator[tuple[str, Component]]:
    for name, option in OPTIONS.items():
        if option.advanced == advanced and name not in (*ELSEWHERE, *but):
            yield name, setting_widget(name)


def connect(controls: Controls) -> None:
    """Widgets that stand for others follow each other; the dice roll a seed."""
    settings = controls.settings
    weights: list[Any] = [settings["content_weight"], settings["style_weight"]]
    # In the browser, so that they move with the finger.
    controls.balance.input(
        None, controls.balance, weights, js=static("balance_to_weights.js"), **PRIVATE
    )
    gr.on(
        [weight.change for weight in weights],
        None,
        weights,
        controls.balance,
        js=static("weights_to_balance.js"),
        **PRIVATE,
    )

    def choose(quality: Any) -> Updates:
        if not isinstance(quality, str) or quality not in QUALITIES:
            return {settings["size"]: gr.skip()}
        return {settings["size"]: QUALITIES[quality], settings["steps"]: DEFAULTS.steps}

    controls.quality.input(
        choose, controls.quality, [settings["size"], settings["steps"]], **AT_ONCE, **AS_SENT
    )
    # The start image appears where it is asked for.
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
