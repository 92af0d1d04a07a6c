"""Strips of bundled photos and paintings: one click puts one into its box, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.events import Dependency

from ..errors import StyleTransferError
from ..server.preparing import GONE
from .catalogue import Bundled, catalogue
from .errors import answered, warn
from .events import AS_SENT, AT_ONCE, IN_BACKGROUND
from .painter import Painter
from .pictures import Pictures
from .widgets import Updates, chosen, path_of, picture_strip

OWN_PHOTO = "Your photo"


@dataclass(frozen=True)
class Choices:
    """The two strips.

    The visitor's latest photo stands first in its strip, and comes back from there when an example
    has taken its place.
    """

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
    return picture_strip(
        _thumbnails(pictures),
        columns,
        label=label,
        show_label=False,
        elem_id=name,
        elem_classes=["strip", "choices"],
    )


def _thumbnails(pictures: Mapping[str, Bundled]) -> list[tuple[str, str]]:
    return [(picture.thumbnail, picture.name) for picture in pictures.values()]


def connect(choices: Choices, pictures: Pictures, painter: Painter, taken: Dependency) -> None:
    """A click changes one picture; all else stays as it is.

    Args:
        taken: the event that ends the check of a new photo.
    """
    bundled = [photo.path for photo in catalogue().contents.values()]

    def offer(own: str | None) -> Any:
        first = [(own, OWN_PHOTO)] if own else []
        return [*first, *_thumbnails(catalogue().contents)]

    @answered
    def choose_photo(event: gr.SelectData, own: str | None, strip: list[Any]) -> Updates:
        path = chosen([own, *bundled] if len(strip) > len(bundled) else bundled, event)
        if path is None or not Path(path).is_file():
            warn(StyleTransferError(GONE.format("photo")))
            return {pictures.content: gr.skip()}
        return {**pictures.put(0, path), **painter.show(path)}

    @answered
    def choose_painting(event: gr.SelectData, count: int, *boxes: dict[str, Any] | None) -> Updates:
        painting = chosen(list(catalogue().styles.values()), event)
        if painting is None:
            return {pictures.styles[0]: gr.skip()}
        # A box that was added and is still empty waits for a painting.
        empty = [k for k in range(1, count + 1) if path_of(boxes[k]) is None]
        return pictures.put(1 + (empty[0] if empty else 0), painting.path)

    shown = [pictures.content, pictures.kept[0], painter.board]
    taken.then(offer, pictures.own, choices.photos, show_progress="hidden", **AT_ONCE)
    choices.photos.select(
        choose_photo, [pictures.own, choices.photos], shown, **IN_BACKGROUND, **AS_SENT
    )
    choices.paintings.select(
        choose_painting,
        [pictures.count, *pictures.styles],
        [*pictures.styles, *pictures.kept[1:]],
        **AT_ONCE,
        **AS_SENT,
    )
