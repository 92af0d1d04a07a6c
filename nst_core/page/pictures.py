"""The photo and the paintings, with the weights of further paintings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.events import Dependency
from PIL import Image, UnidentifiedImageError

from ..errors import StyleTransferError
from ..server.service import Service
from ..settings import MOST_STYLES
from ..transfer import Load
from .errors import answered, sentence
from .events import AS_SENT, AT_ONCE, IN_BACKGROUND
from .painter import Painter, board_photo
from .widgets import Updates, image_box, owned, path_of

# What browsers show. Photos of phones and scanners may be HEIC or TIFF, whatever their names say.
SEEN = ("AVIF", "BMP", "GIF", "JPEG", "PNG", "WEBP")


@dataclass(frozen=True)
class Verdict:
    """What the check of an upload has found.

    Attributes:
        sent: the file that was checked.
        shown: the file that a box shows of it; None where it is refused.
        board: the photo as the painter shows it; empty for other pictures.
    """

    sent: str
    shown: str | None = None
    board: str = ""


@dataclass(frozen=True)
class Pictures:
    """The boxes of photo and paintings.

    Attributes:
        mix: the weight of each painting.
        rows: the rows of the further paintings.
        count: how many further paintings there are.
        kept: the file that each box holds, for a box whose next file is refused.
        own_photo, own_painting: the visitor's latest ones.
    """

    content: gr.Image
    styles: Sequence[gr.Image]
    kept: Sequence[gr.State]
    own_photo: gr.State
    own_painting: gr.State
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


def connect(
    pictures: Pictures, painter: Painter, start_image: gr.Image, service: Service
) -> list[Dependency]:
    """Uploads are checked at once; rows of further paintings come and go.

    Returns:
        The events that end the checks of photo and paintings, in the order of `boxes`.
    """
    content, *styles = zip(pictures.boxes, pictures.kept, strict=True)
    load = service.loaded.load
    taken = [_connect_box(load, *content, pictures.own_photo, painter)]
    taken += [_connect_box(load, *style, pictures.own_painting) for style in styles]
    _connect_box(load, start_image, gr.State())

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
    return taken


def _connect_box(
    load: Load,
    box: gr.Image,
    kept: gr.State,
    own: gr.State | None = None,
    painter: Painter | None = None,
) -> Dependency:
    """Check an upload, and take what was found only if the box still holds that file.

    Args:
        load: reads the upload, and keeps it for the run that comes next.
        own: follows the box, but keeps its file when a bundled picture takes its place.
        painter: of the photo's box, which it follows.
    """
    verdict = gr.State()

    @answered
    def check_upload(sent: dict[str, Any] | None) -> Verdict | None:
        return _check(path_of(sent), load, painter is not None)

    def take(sent: dict[str, Any] | None, found: Verdict | None, kept_file: str | None) -> Updates:
        path = path_of(sent)
        changes: Updates = {kept: gr.skip()}
        if found is None:
            return changes
        if own and found.shown:
            changes[own] = found.shown
        if path == found.sent:
            back = kept_file if kept_file and Path(kept_file).is_file() else None
            changes[kept] = found.shown or back
            if changes[kept] != path:
                changes[box] = changes[kept]
            if painter and found.board:
                changes |= painter.show_board(found.board)
        elif path not in (None, kept_file) and found.shown:
            # The box holds a newer upload: if that is refused, this one comes back.
            changes[kept] = found.shown
        return changes

    box.clear(lambda: None, None, kept, **AT_ONCE)
    # A check may take seconds. A file that comes meanwhile is checked after it.
    checked = box.upload(
        check_upload,
        box,
        verdict,
        trigger_mode="always_last",
        show_progress_on=box,
        **{**IN_BACKGROUND, "show_progress": "full"},
        **AS_SENT,
    )
    taken: Dependency = checked.then(
        take,
        [box, verdict, kept],
        [box, kept, *([own] if own else []), *([painter.board] if painter else [])],
        **AT_ONCE,
        **AS_SENT,
    )
    return taken


def _check(path: str | None, load: Load, on_board: bool) -> Verdict | None:
    """Say at once what is wrong with an upload; make a PNG of one that browsers can't show.

    Args:
        on_board: whether the painter is going to show it.
    """
    if path is None:
        return None
    try:
        image = load(path)
        return Verdict(path, _shown(path, image), board_photo(image) if on_board else "")
    except StyleTransferError as error:
        gr.Warning(sentence(error))
        return Verdict(path)


def _shown(path: str, image: Image.Image) -> str:
    """The file that a box shows of `image`: the one that it was read from, or a PNG beside it."""
    try:
        with Image.open(path, formats=SEEN):
            return path
    except UnidentifiedImageError:
        shown = Path(path).parent / "shown" / f"{Path(path).stem}.png"
        shown.parent.mkdir(exist_ok=True)
        # At the level of Pillow's default, a photo of a phone takes seconds.
        image.save(shown, compress_level=1)
        return str(shown)
