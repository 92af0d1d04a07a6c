"""Strips of bundled photos and paintings: one click puts one into its box, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import gradio as gr

from .catalogue import Bundled, catalogue
from .errors import answered
from .events import AS_SENT, AT_ONCE
from .painter import Painter
from .pictures import Pictures
from .widgets import Updates, chosen, path_of, picture_strip


@dataclass(frozen=True)
class Choices:
    """The two strips."""

    photos: gr.Gallery
    paintings: gr.Gallery


def build() -> Choices:
    """The strips; the boxes that they fill are above them."""
    return Choices(
        _strip("Photos", "photos", catalogue().contents, 7),
        _strip("Paintings", "paintings", catalogue().styles, 8),
    )


def _strip(label: str, name: str, pictures: Mapping[str, Bundled], columns: int) -> gr.Gallery:
    # `mark_chosen.js` writes the name of what is in the box beside the label.
    gr.HTML(
        f'{label} <span class="chosen"></span>', elem_id=f"{name}-heading", elem_classes="heading"
    )
    shown = [(picture.thumbnail, picture.name) for picture in pictures.values()]
    return picture_strip(
        shown,
        columns,
        label=label,
        show_label=False,
        elem_id=name,
        elem_classes=["strip", "choices"],
    )


def connect(choices: Choices, pictures: Pictures, painter: Painter) -> None:
    """A click changes one picture; all else stays as it is."""

    @answered
    def choose_photo(event: gr.SelectData) -> Updates:
        photo = chosen(list(catalogue().contents.values()), event)
        if photo is None:
            return {pictures.content: gr.skip()}
        return {**pictures.put(0, photo.path), **painter.show(photo.path)}

    @answered
    def choose_painting(event: gr.SelectData, count: int, *boxes: dict[str, Any] | None) -> Updates:
        painting = chosen(list(catalogue().styles.values()), event)
        if painting is None:
            return {pictures.styles[0]: gr.skip()}
        # A box that was added and is still empty waits for a painting.
        empty = [k for k in range(1, count + 1) if path_of(boxes[k]) is None]
        return pictures.put(1 + (empty[0] if empty else 0), painting.path)

    shown = [pictures.content, pictures.kept[0], painter.board]
    choices.photos.select(choose_photo, None, shown, **AT_ONCE)
    choices.paintings.select(
        choose_painting,
        [pictures.count, *pictures.styles],
        [*pictures.styles, *pictures.kept[1:]],
        **AT_ONCE,
        **AS_SENT,
    )
