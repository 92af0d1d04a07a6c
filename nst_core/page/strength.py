"""The strength of a result: a blend of photo and picture, after the fact."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr

from ..errors import StyleTransferError
from ..finishing import strengthen
from ..images import load_image
from ..recipe import Recipe, save_with_recipe
from ..server.jobs import save_shown
from ..settings import DEFAULTS
from .errors import answered, sentence
from .events import IN_BACKGROUND
from .result import Base, Result, known
from .status import status_line
from .widgets import Updates


def connect(result: Result) -> None:
    """A slider blends the picture with its photo, without computing."""

    @answered
    def blend(base: Base | None, strength: Any) -> Iterator[Updates]:
        with tempfile.TemporaryDirectory() as folder:
            try:
                base = known(base)
                seen, file = _blended(base, strength, Path(folder))
            except StyleTransferError as error:
                gr.Warning(sentence(error))
                yield {result.status: gr.skip()}
                return
            yield {
                result.picture: seen,
                result.compare: (base.content, seen),
                result.download: gr.DownloadButton(value=file),
                result.status: status_line(f"Shown at strength {strength:g}"),
            }

    result.strength.input(
        blend,
        [result.base, result.strength],
        [result.picture, result.compare, result.download, result.status],
        trigger_mode="always_last",
        **IN_BACKGROUND,
        preprocess=False,
    )


def _blended(base: Base, strength: Any, folder: Path) -> tuple[str, str]:
    """The picture blended with its photo: the file that is shown, and the one to download."""
    amount = replace(DEFAULTS, strength=strength).strength
    picture = strengthen(load_image(base.result), load_image(base.content), amount)
    path = folder / f"{base.file}.png"
    if base.recipe:
        recipe = Recipe.from_json(base.recipe)
        settings = replace(recipe.settings, strength=amount)
        save_with_recipe(picture, path, replace(recipe, settings=settings))
    else:
        picture.save(path)
    return save_shown(picture, path.with_suffix(".jpg")), str(path)
