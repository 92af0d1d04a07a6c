"""A picture that was made here, dropped onto the page, restores its settings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr
from PIL import Image

from ..errors import StyleTransferError
from ..images import load_image
from ..recipe import Recipe, read_recipe
from ..settings import MOST_STYLES
from .errors import answered, sentence
from .events import AS_SENT, IN_BACKGROUND
from .inputs import Inputs
from .presets import Presets
from .result import Result
from .status import status_line
from .widgets import Updates, owned, path_of, setting_values


@dataclass(frozen=True)
class Recipes:
    """The box that takes a picture with a recipe."""

    file: gr.File


def build() -> Recipes:
    """The box, empty, and folded away."""
    with gr.Accordion("Take the settings of a saved picture", open=False):
        return Recipes(
            gr.File(
                label="A picture that was saved here",
                height=140,
                elem_id="recipe",
                elem_classes="takes-drops",
            )
        )


def connect(recipes: Recipes, inputs: Inputs, presets: Presets, result: Result) -> None:
    """Read the recipe of an upload, and set all settings as it says."""
    pictures = inputs.pictures

    @answered
    def use(
        sent: dict[str, Any] | None, content: dict[str, Any] | None, *styles: dict[str, Any] | None
    ) -> Updates:
        path = path_of(sent)
        if path is None:
            return {recipes.file: None}
        try:
            recipe = read_recipe(path)
            others = _differences(recipe, path_of(content), [path_of(style) for style in styles])
        except StyleTransferError as error:
            gr.Warning(sentence(error), title="No recipe")
            return {recipes.file: None}
        note = f" It was made with another {' and another '.join(others)}." if others else ""
        gr.Info(f"All settings are as they were for this picture.{note}", title="Recipe")
        settings = recipe.settings
        mix = [*settings.style_mix, *[1] * MOST_STYLES][:MOST_STYLES]
        text = "The settings of a picture: press Stylize to paint with them."
        return {
            recipes.file: None,
            result.status: status_line(text),
            **presets.unselect(),
            **setting_values(inputs.settings, settings.as_dict()),
            **dict(zip(pictures.mix, mix, strict=True)),
        }

    recipes.file.upload(
        use,
        [recipes.file, pictures.content, *pictures.styles],
        [recipes.file, result.status, *owned(presets), *inputs.settings.values(), *pictures.mix],
        **IN_BACKGROUND,
        **AS_SENT,
    )


def _differences(recipe: Recipe, content: str | None, styles: Sequence[str | None]) -> list[str]:
    """The pictures of a recipe that are others than those in the boxes."""
    photo = load_image(content) if content else Image.new("RGB", (1, 1))
    paintings = [load_image(style) for style in styles if style]
    return recipe.differences(Recipe.of(recipe.settings, photo, paintings))
