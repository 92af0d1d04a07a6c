"""The place of the picture: the result, its film, its strength, and the line below it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from ..errors import StyleTransferError
from ..server.history import Record
from . import curve
from .controls import setting_widget
from .curve import Curve
from .status import status_line
from .widgets import Updates

# Classes of the comparison, by which it says what stands beside the photo.
PAINTED, UNPAINTED = "picture", "picture unpainted"
FURTHER = "Paint further works on this picture, with your painting and settings."


@dataclass(frozen=True)
class Base:
    """What the picture in view was made from, so that one can go on from it.

    Attributes:
        content: the file of the photo.
        result: the file of the picture at full strength.
        file: what a download is called, without an ending.
        recipe: of the picture, as JSON; bundled examples have none.
        name: of its record in the history; bundled examples have none.
        key: of the inputs, as `inputs.key_of` gives it; empty for a photo without a painting.
        finished: whether it is a result; a preview and a photo that is not painted yet are none.
        partial: whether it is a preview that has not come to its end.
        run: of a preview, the key of the run that goes on from it: `inputs.key_of` with `unseen`.
    """

    content: str
    result: str
    file: str
    recipe: str | None = None
    name: str | None = None
    key: str = ""
    finished: bool = True
    partial: bool = False
    run: str = ""

    @classmethod
    def of(cls, record: Record) -> Base:
        """The base of a result in the history."""
        return cls(
            str(record.content),
            str(record.result),
            record.film.stem,
            record.values["recipe"],
            record.name,
            record.values["key"],
        )


def known(base: Base | None) -> Base:
    """What the picture in view was made from.

    Gradio forgets the states of a page when many others have come since.

    Raises:
        StyleTransferError: the server does not know any more.
    """
    if base is None:
        raise StyleTransferError(
            "The server does not know any more what this page shows: reload the page."
        )
    return base


@dataclass(frozen=True)
class View:
    """A picture as the page shows it, wherever it comes from.

    Attributes:
        base: what it was made from.
        seen: the file that is shown.
        file: the file to download.
        status: the line below the picture.
        film: the file of the time-lapse, if there is one.
    """

    base: Base
    seen: str
    file: str
    status: str
    film: str | None = None


@dataclass(frozen=True)
class Result:
    """The widgets of the picture's place.

    Attributes:
        compare: has the class "unpainted" where both of its pictures are the photo.
        link: a set-up of the page as the query of an address; not in view.
        link_note: what of the set-up is not in `link`.
        hint: says what "Paint further" does, and which link was copied, in a line of its own, for
            a run writes into `status`.
        blending: holds `strength`; whoever builds the page puts it in its place.
        open_link: is pressed by the page itself where its address has a set-up; not in view.
    """

    tabs: gr.Tabs
    compare: gr.ImageSlider
    picture: gr.Image
    film: gr.Video
    webp: gr.Button
    webp_file: gr.DownloadButton
    save_film: gr.DownloadButton
    status: gr.HTML
    download: gr.DownloadButton
    copy_link: gr.Button
    link: gr.Textbox
    link_note: gr.State
    hint: gr.HTML
    open_link: gr.Button
    refine: gr.Button
    blending: gr.Group
    strength: gr.HTML
    curve: Curve
    # Holds a `Base`, or None where the server has forgotten the page.
    base: gr.State
    # Holds the key of the inputs of the run that has the device, as `inputs.key_of` gives it.
    running: gr.State

    def show(self, view: View) -> Updates:
        """Show a picture, and offer what can be done with it."""
        kept = view.base.name is not None
        return {
            self.picture: view.seen,
            self.compare: _before_and_after(view.base.content, view.seen),
            self.download: gr.DownloadButton(
                value=view.file,
                interactive=view.base.finished,
                variant="primary" if kept else "secondary",
            ),
            self.status: status_line(view.status),
            self.hint: status_line(FURTHER if kept else ""),
            self.base: view.base,
            self.refine: gr.Button(visible=kept),
            self.blending: gr.Group(visible=kept),
            **self.show_film(view.film, kept),
        }

    def show_unfinished(self, base: Base, status: str) -> Updates:
        """Show what is no result: a preview, or a photo that is not painted yet.

        Args:
            base: what it is made from; its `result` is what is shown.
        """
        return {
            self.picture: base.result,
            self.compare: _before_and_after(base.content, base.result),
            self.status: status,
            self.hint: status_line(""),
            self.base: base,
            self.download: gr.DownloadButton(interactive=False),
            self.refine: gr.Button(visible=False),
            self.blending: gr.Group(visible=False),
            **self.show_film(None, kept=False),
            **self.curve.hide(),
        }

    def show_film(self, film: str | None, kept: bool = True) -> Updates:
        """Show the time-lapse of the picture in view; None where there is none.

        Args:
            kept: whether it is that of a record in the history, which can become a WebP.
        """
        return {
            self.film: film,
            self.save_film: gr.DownloadButton(
                value=film, visible=film is not None, interactive=True
            ),
            self.webp: gr.Button(interactive=film is not None, visible=kept),
            self.webp_file: gr.DownloadButton(visible=False),
        }


def _before_and_after(photo: str, picture: str) -> gr.ImageSlider:
    classes = UNPAINTED if picture == photo else PAINTED
    return gr.ImageSlider((photo, picture), elem_classes=classes)


def build(view: View) -> Result:
    """The widgets, with a picture to begin with."""
    shown: dict[str, Any] = {"show_label": False, "interactive": False}
    picture = {"elem_classes": "picture", "buttons": ["fullscreen"], **shown}
    with gr.Tabs(selected="compare") as tabs:
        with gr.Tab("Before and after", id="compare"):
            compare = gr.ImageSlider((view.base.content, view.seen), elem_id="compare", **picture)
        with gr.Tab("Picture", id="picture"):
            seen = gr.Image(
                view.seen, elem_id="picture", alt_text="The stylised picture", **picture
            )
        with gr.Tab("Time-lapse", id="film"):
            film, webp, webp_file = _build_film(view.film)
    status = gr.HTML(status_line(view.status))
    with gr.Row(elem_classes="line", elem_id="keep"):
        download = gr.DownloadButton("Save picture", value=view.file, elem_id="download")
        save_film = gr.DownloadButton(
            "Save film", value=view.film, visible=view.film is not None, elem_id="save-film"
        )
        copy_link = gr.Button("Copy link", elem_id="copy-link")
        refine = gr.Button("Paint further", visible=False, elem_id="refine")
    hint = gr.HTML(status_line(""), elem_id="hint")
    with gr.Group(visible=False, render=False) as blending:
        strength = setting_widget("strength")
    return Result(
        tabs=tabs,
        compare=compare,
        picture=seen,
        film=film,
        webp=webp,
        webp_file=webp_file,
        save_film=save_film,
        status=status,
        download=download,
        copy_link=copy_link,
        link=gr.Textbox(visible=False),
        link_note=gr.State(""),
        hint=hint,
        open_link=gr.Button("Open link", visible="hidden", elem_id="open-link"),
        refine=refine,
        blending=blending,
        strength=strength,
        curve=curve.build(),
        base=gr.State(),
        running=gr.State(),
    )


def _build_film(film_file: str | None) -> tuple[gr.Video, gr.Button, gr.DownloadButton]:
    film = gr.Video(
        film_file,
        label="How it came to be",
        autoplay=True,
        loop=True,
        elem_id="film",
        buttons=["download"],
        interactive=False,
    )
    with gr.Row(elem_classes="line"):
        webp = gr.Button("Make an animated WebP", size="sm", visible=False)
        webp_file = gr.DownloadButton("Download the WebP", size="sm", visible=False)
    return film, webp, webp_file
