"""The losses of a run: a curve below the results, and a table of the layers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import gradio as gr
import pandas as pd

from ..frame import Frame
from .widgets import Updates

TERM_COLOURS = {
    "content": "#3b82f6",
    "range": "#a1a1aa",
    "style": "#f97316",
    "total": "#ef4444",
    "total_variation": "#10b981",
    "weave": "#8b5cf6",
}


@dataclass(frozen=True)
class Curve:
    """The plot, and the table, which stands on the tab for people who come to learn.

    Attributes:
        fold: holds the plot, folded away; it is there while the picture in view has losses.
    """

    fold: gr.Accordion
    plot: gr.LinePlot
    layers: gr.Markdown

    def place(self) -> None:
        """Put the plot here, folded away."""
        self.fold.render()
        with self.fold:
            self.plot.render()

    def show(self, losses: Sequence[tuple[int, Mapping[str, float]]], steps: int) -> Updates:
        """Show the losses so far, as `Progress` has them."""
        points = [
            (step, term, math.log10(x))
            for step, terms in losses
            for term, x in terms.items()
            if x > 0
        ]
        table = pd.DataFrame(points, columns=["step", "term", "log10 loss"])
        return {
            self.fold: gr.Accordion(visible=True),
            self.plot: gr.LinePlot(table, x_lim=[0, steps]),
        }

    def hide(self) -> Updates:
        """Hide the curve: losses of another picture say nothing of the one in view."""
        return {self.fold: gr.Accordion(visible=False)}

    def show_layers(self, frame: Frame) -> Updates:
        """Show the terms of the loss by layer."""
        return {self.layers: layer_table(frame)}


def build() -> Curve:
    """The widgets; `place` and the second tab put them where they belong."""
    plot = gr.LinePlot(
        x="step",
        y="log10 loss",
        color="term",
        x_title="step",
        y_title="log10 loss",
        color_title="part of the loss",
        color_map=TERM_COLOURS,
        height=260,
        show_label=False,
        buttons=[],
        elem_id="curve",
        render=False,
    )
    fold = gr.Accordion("Loss curve", open=False, visible=False, elem_id="losses", render=False)
    return Curve(fold, plot, gr.Markdown("Run a transfer first.", render=False))


def layer_table(frame: Frame) -> str:
    """The terms of the loss by layer, in Markdown."""
    rows = ["| term | layer | weighted loss |", "|---|---|---|"]
    rows += [f"| {' | '.join(name.split())} | {x:.4f} |" for name, x in frame.layers.items()]
    rows += [
        f"| {name.replace('_', ' ')} | pixels | {frame.losses[name]:.4f} |"
        for name in frame.losses
        if name not in ("content", "style", "total")
    ]
    return "\n".join(rows)
