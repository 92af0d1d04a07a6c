"""The photo and the paintings, with the weights of further paintings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from ..errors import StyleTransferError
from ..images import load_image
from ..settings import MOST_STYLES
from .errors import answered, sentence
from .events import AS_SENT, AT_ONCE, IN_BACKGROUND
from .widgets import Updates, image_box, owned, path_of

# Photos of phones and scanners, which most browsers do not show.
UNSEEN_ENDINGS = (".heic", ".heif", ".hif", ".tif", ".tiff")


@dataclass(frozen=True)
class Pictures:
    """The boxes of photo and paintings.

    Attributes:
        mix: the weight of each painting.
        rows: of the further paintings.
        count: how many further paintings there are.
        kept: the file that each box holds, for a box whose next file is refused.
    """

    content: gr.Image
    styles: Sequence[gr.Image]
    kept: Sequence[gr.State]
    mix: Sequence[gr.Slider]
    rows: Sequence[gr.Row]
    add: gr.Button
    remove: gr.Button
    count: gr.State

    @property
    def boxes(self) -> list[gr.Image]:
        """The boxes of the photo and of all paintings, in the order of `kept`."""
        return [self.content, *self.styles]

    def put(self, number: int, path: str | None) -> Updates:
        """Put a file into a box: number 0 is that of the photo, 1 that of the first painting."""
        return {self.boxes[number]: path, self.kept[number]: path}

    def show_rows(self, count: int) -> Updates:
        """Show the rows of `count` further paintings."""
        return {
            self.count: count,
            **{row: gr.Row(visible=k < count) for k, row in enumerate(self.rows)},
            self.mix[0]: gr.Slider(visible=count > 0),
            self.add: gr.Button(interactive=count < len(self.rows)),
            self.remove: gr.Button(visible=count > 0),
        }

    def fill(
        self, content: str, styles: dict[int, str], mix: Sequence[float] = (1,) * MOST_STYLES
    ) -> Updates:
        """Put pictures into the boxes.

        Args:
            styles: files by the number of their box, from 0; the other boxes become empty.
            mix: weights of all boxes.
        """
        rows = self.show_rows(max(styles))
        # The weight of the first painting is shown and set at once.
        rows[self.mix[0]] = gr.Slider(value=mix[0], visible=max(styles) > 0)
        found: Updates = {**rows, **self.put(0, content)}
        found |= dict(zip(self.mix[1:], mix[1:], strict=True))
        for k in range(len(self.styles)):
            found |= self.put(k + 1, styles.get(k))
        return found


def build_boxes(content: str, style: str) -> tuple[gr.Image, gr.Image]:
    """The boxes of photo and first painting, side by side."""
    with gr.Row(elem_id="pair", elem_classes="line"):
        photo = _own_box(
            "Photo",
            content,
            sources=["upload", "clipboard", "webcam"],
            elem_id="content",
            alt_text="The photo",
        )
        painting = _own_box("Painting", style, elem_id="style", alt_text="The painting")
    return photo, painting


def _own_box(label: str, value: str | None = None, **options: Any) -> gr.Image:
    """A box, and on it a button that replaces what is in it: see `own_pictures.js`."""
    with gr.Column(elem_classes="own", min_width=0):
        box = image_box(label, 210, value, **options)
        gr.Button("Use your own", size="sm", elem_classes="use-own")
    return box


def build_further() -> tuple[list[gr.Image], list[gr.Slider], list[gr.Row]]:
    """Boxes and rows of further paintings, and the weights of all."""
    mix = [gr.Slider(0, 1, 1, step=0.01, label="Weight of the painting", visible=False)]
    styles, rows = [], []
    for number in range(2, MOST_STYLES + 1):
        with gr.Row(visible=False, elem_classes="line") as row:
            styles.append(_own_box(f"Painting {number}", elem_id=f"style-{number}"))
            mix.append(
                gr.Slider(
                    *(0, 1, 1),
                    step=0.01,
                    label=f"Weight of painting {number}",
                    info="How much of this painting is taken.",
                )
            )
        rows.append(row)
    return styles, mix, rows


def build_more_buttons() -> tuple[gr.Button, gr.Button]:
    """The buttons that add and remove a further painting."""
    with gr.Row(elem_classes="line"):
        add = gr.Button("Add a painting", size="sm", elem_id="add-style")
        remove = gr.Button("Remove the last", size="sm", visible=False, elem_id="remove-style")
    return add, remove


def connect(pictures: Pictures, start_image: gr.Image) -> None:
    """Uploads are checked at once; rows of further paintings come and go."""
    boxes = [*zip(pictures.boxes, pictures.kept, strict=True), (start_image, gr.State())]
    for box, kept in boxes:
        box.upload(
            answered(check_upload),
            [box, kept],
            [box, kept],
            **{**IN_BACKGROUND, "show_progress": "full"},
            **AS_SENT,
        )
        box.clear(lambda: None, None, kept, **AT_ONCE)

    # Where the server has forgotten the page, all rows are shown: none that is in use gets lost.
    most = len(pictures.rows)

    def add(count: int | None) -> Updates:
        return pictures.show_rows(most if count is None else min(count + 1, most))

    def remove(count: int | None) -> Updates:
        last = most if count is None else max(count, 1)
        rows = pictures.show_rows(last - 1)
        return {**rows, **pictures.put(last + 1, None), pictures.mix[last]: 1}

    pictures.add.click(add, pictures.count, owned(pictures), **AT_ONCE)
    pictures.remove.click(remove, pictures.count, owned(pictures), **AT_ONCE)


def check_upload(sent: dict[str, Any] | None, kept: str | None) -> tuple[Any, Any]:
    """Say at once what is wrong with an upload; show those that browsers can't, as PNG.

    Args:
        kept: the file that was in the box before. It comes back where the new one is refused.

    Returns:
        What the box shows, and the file to keep.
    """
    path = path_of(sent)
    if path is None:
        return gr.skip(), gr.skip()
    try:
        shown = _shown(path)
        return (gr.skip() if shown == path else shown), shown
    except StyleTransferError as error:
        gr.Warning(sentence(error))
    back = kept if kept and Path(kept).is_file() else None
    return back, back


def _shown(path: str) -> str:
    """The file that a box shows of one that can be read: a PNG beside it, or the file itself.

    Raises:
        ImageError: it can't be read.
    """
    image = load_image(path)
    if Path(path).suffix.lower() not in UNSEEN_ENDINGS:
        return path
    shown = Path(path).with_suffix(".png")
    # At the level of Pillow's default, a photo of a phone takes seconds.
    image.save(shown, compress_level=1)
    return str(shown)
