"""The slider of a number setting: logarithmic for weights, and larger values can be typed.

`gr.Slider` is linear, and cuts what is typed off at the end of the slider.
"""

from __future__ import annotations

import gradio as gr

from ..options import Number
from .widgets import static


def number_slider(option: Number, value: float) -> gr.HTML:
    """A slider with a field for its number; its value is the number."""
    return gr.HTML(
        value,
        name=option.label,
        help=option.help,
        low=option.low,
        high=option.high,
        end=option.high if option.slider_high is None else option.slider_high,
        step=option.step,
        logarithmic=option.logarithmic,
        html_template=static("number.html"),
        js_on_load=static("number.js"),
        elem_classes="number",
        apply_default_css=False,
    )
