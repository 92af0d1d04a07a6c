"""A region of the photo, painted with a finger or a mouse."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from io import BytesIO

import gradio as gr
from PIL import Image

from ..images import load_image, on_white
from .controls import setting_widget
from .events import AT_ONCE
from .widgets import Updates, static

# Long side of the photo that is painted on, as it is sent to the page.
BOARD_SIDE = 640
NO_PHOTO_SIZE = (64, 48)


@dataclass(frozen=True)
class Painter:
    """The board, and what becomes of the region.

    Attributes:
        board: its value is a PNG as data URL, white where it was painted and transparent
            elsewhere; empty where nothing was painted.
    """

    board: gr.HTML
    region: gr.Radio

    def show(self, photo: str | None, painted: str = "") -> Updates:
        """Show a photo (a file) to paint on, with what has been painted."""
        return self.show_board(board_photo(load_image(photo) if photo else None), painted)

    def show_board(self, photo: str, painted: str = "") -> Updates:
        """Show what `board_photo` has made of a photo."""
        return {self.board: gr.HTML(painted, photo=photo)}


def build(photo: str) -> Painter:
    """The board, folded away.

    It is smaller and surer on a phone than `gr.ImageEditor`, whose tools fill the screen there:
    one finger paints, and nothing moves.
    """
    with gr.Accordion("Paint a region", open=False, elem_id="region"):
        gr.Markdown(
            "Paint over a part of the photo, such as a face: it stays as it is, or gets the "
            "second painting."
        )
        board = gr.HTML(
            "",
            photo=board_photo(load_image(photo)),
            html_template=static("painter.html"),
            css_template=static("painter.css"),
            js_on_load=static("painter.js"),
            elem_id="painter",
        )
        return Painter(board, setting_widget("region"))


def connect(painter: Painter, content: gr.Image) -> None:
    """A photo that is taken away leaves an empty board; a new one comes with its check."""
    content.clear(lambda: gr.HTML("", photo=board_photo(None)), None, painter.board, **AT_ONCE)


def board_photo(photo: Image.Image | None) -> str:
    """A photo as a small data URL; a grey board where there is none."""
    image = on_white(photo or Image.new("RGB", NO_PHOTO_SIZE, "grey"))
    image.thumbnail((BOARD_SIDE, BOARD_SIDE))
    file = BytesIO()
    image.save(file, "JPEG", quality=80)
    return "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode()
