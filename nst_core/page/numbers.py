"""The slider of a number setting: logarithmic for weights, and larger values can be typed.

`gr.Slider` is linear, and cuts what is typed off at the end of the slider.
"""

from __future__ import annotations

import html
from string import Template

import gradio as gr

from ..options import Number
from .widgets import static


def number_slider(option: Number, value: float) -> gr.HTML:
    """A slider with a field for its number; its value is the number."""
    texts = {
        "name": option.label,
        "help": option.help,
        "low": option.low,
        "high": option.high,
        "end": option.high if option.slider_high is None else option.slider_high,
        "step": option.step,
        "logarithmic": option.logarithmic or "",
    }
    # In the template and not in props of the component: Gradio loses those of a component that
    # gets a value while it is folded away.
    template = Template(static("number.html"))
    return gr.HTML(
        value,
        html_template=template.substitute({k: html.escape(str(x)) for k, x in texts.items()}),
        js_on_load=static("number.js"),
        elem_classes="number",
        apply_default_css=False,
    )
