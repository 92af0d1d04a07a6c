"""Strips of bundled photos and paintings: one click puts one into its box, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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


@dataclass(frozen=True)
class Choices:
    """The two strips.

    The visitor's latest own picture stands first in its strip, and comes back from there when
    another one has taken its place.
    """

    photos: gr.Gallery
    paintings: gr.Gallery


@dataclass(frozen=True)
class _Offer:
    """What a strip offers.

    Attributes:
        own_name: what it calls the visitor's own picture.
        kind: what a sentence calls any of its pictures.
    """

    own_name: str
    kind: str
    bundled: Mapping[str, Bundled]

    def strip(self, own: str | None) -> list[tuple[str, str]]:
        """The value of the strip; `own` is the visitor's own picture."""
        return [*([(own, self.own_name)] if own else []), *_thumbnails(self.bundled)]

    def chosen(self, event: gr.SelectData, own: str | None, strip: list[Any]) -> str | None:
        """The file of the picture that was clicked; None, and a word, where it is gone."""
        files: list[str | None] = [picture.path for picture in self.bundled.values()]
        path = chosen([own, *files] if len(strip) > len(files) else files, event)
        if path is None or not Path(path).is_file():
            warn(StyleTransferError(GONE.format(self.kind)))
            return None
        return str(path)


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


def connect(
    choices: Choices, pictures: Pictures, painter: Painter, taken: Sequence[Dependency]
) -> None:
    """A click changes one picture; all else stays as it is.

    Args:
        taken: the events that end the checks of new pictures: first the photo, then paintings.
    """
    photos = _Offer("Your photo", "photo", catalogue().contents)
    paintings = _Offer("Your painting", "painting", catalogue().styles)

    @answered
    def choose_photo(event: gr.SelectData, own: str | None, strip: list[Any]) -> Updates:
        path = photos.chosen(event, own, strip)
        if path is None:
            return {pictures.content: gr.skip()}
        return {**pictures.put(0, path), **painter.show(path)}

    @answered
    def choose_painting(
        event: gr.SelectData,
        own: str | None,
        strip: list[Any],
        count: int,
        *boxes: dict[str, Any] | None,
    ) -> Updates:
        path = paintings.chosen(event, own, strip)
        if path is None:
            return {pictures.styles[0]: gr.skip()}
        # A box that was added and is still empty waits for a painting.
        empty = [k for k in range(1, count + 1) if path_of(boxes[k]) is None]
        return pictures.put(1 + (empty[0] if empty else 0), path)

    for check, offer, own, strip in (
        (taken[0], photos, pictures.own_photo, choices.photos),
        *((check, paintings, pictures.own_painting, choices.paintings) for check in taken[1:]),
    ):
        check.then(offer.strip, own, strip, show_progress="hidden", **AT_ONCE)
    choices.photos.select(
        choose_photo,
        [pictures.own_photo, choices.photos],
        [pictures.content, pictures.kept[0], painter.board],
        **IN_BACKGROUND,
        **AS_SENT,
    )
    choices.paintings.select(
        choose_painting,
        [pictures.own_painting, choices.paintings, pictures.count, *pictures.styles],
        [*pictures.styles, *pictures.kept[1:]],
        **AT_ONCE,
        **AS_SENT,
    )
