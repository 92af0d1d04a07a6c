"""The time-lapse of a result: a film on the page, and an animated WebP to download."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr

from ..server.service import Service
from ..timelapse import to_webp
from .errors import answered
from .events import PRIVATE
from .result import Base, Result


def connect(result: Result, service: Service) -> None:
    """Make an animated WebP of the film in view, when somebody asks for it."""

    @answered
    def make_webp(base: Base | None) -> Iterator[Any]:
        record = service.history.get(base and base.name)
        if record is None or not record.film.exists():
            gr.Warning("There is no time-lapse of this picture: press Stylize first.")
            yield gr.skip()
            return
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"{record.content.stem}.webp"
            to_webp(record.film, path)
            yield gr.DownloadButton(value=str(path), visible=True)

    result.webp.click(make_webp, result.base, result.webp_file, concurrency_limit=1, **PRIVATE)
