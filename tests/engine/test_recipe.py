"""Recipes: those we write can be read, hostile ones are refused in a sentence."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from nst_core import (
    Recipe,
    RecipeError,
    Settings,
    finish,
    load_image,
    read_recipe,
    save_with_recipe,
    stylize,
)
from nst_core.recipe import KEY

GREY = Image.new("RGB", (32, 24), "grey")


def test_a_recipe_makes_the_same_picture(
    photo: Image.Image, painting: Image.Image, tmp_path: Path
) -> None:
    settings = Settings(size=64, steps=4, init="noise", seed=7, color="content", strength=0.8)

    def make(path: Path, settings: Settings) -> bytes:
        *_, frame = stylize(photo, painting, settings)
        picture = finish(frame.image, photo, settings)
        save_with_recipe(picture, path, Recipe.of(settings, photo, [painting]))
        return path.read_bytes()

    first = make(tmp_path / "first.png", settings)
    recipe = read_recipe(tmp_path / "first.png")
    assert recipe.settings == settings
    assert make(tmp_path / "second.png", recipe.settings) == first


def test_inputs_are_known_by_their_pixels(photo_path: Path, tmp_path: Path) -> None:
    photo = load_image(photo_path)
    photo.save(tmp_path / "copy.png")
    recipe = Recipe.of(Settings(), photo, [GREY])
    assert (
        recipe.differences(Recipe.of(Settings(), load_image(tmp_path / "copy.png"), [GREY])) == []
    )
    other = Recipe.of(Settings(), GREY, [GREY, photo], mask=GREY.convert("L"), start=photo)
    assert recipe.differences(other) == ["photo", "painting", "mask", "start image"]


GOOD = json.loads(Recipe.of(Settings(), GREY, [GREY]).to_json())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[" * 100_000,
        "[" * 9_000,
        "null",
        "[]",
        '{"version": 1}',
        json.dumps({**GOOD, "version": 2}),
        json.dumps({**GOOD, "settings": []}),
        json.dumps({**GOOD, "settings": {"size": 1e99}}),
        json.dumps({**GOOD, "settings": {"size": "9" * 5000}}),
        json.dumps({**GOOD, "settings": {"__class__": "os.system"}}),
        json.dumps({**GOOD, "settings": {"style_weight": float("nan")}}),
        json.dumps({**GOOD, "settings": {"style_layers": [["relu1_1"]]}}),
        json.dumps({**GOOD, "inputs": {}}),
        json.dumps({**GOOD, "inputs": {"content": "../../etc/passwd", "styles": []}}),
        json.dumps({**GOOD, "inputs": {**GOOD["inputs"], "styles": [1]}}),
        json.dumps({**GOOD, "inputs": {**GOOD["inputs"], "mask": {}}}),
        json.dumps({**GOOD, "settings": {"init": "<script>alert(1)</script>" * 100}}),
    ],
)
def test_hostile_recipes_are_refused_in_one_sentence(text: str, tmp_path: Path) -> None:
    info = PngInfo()
    info.add_itxt(KEY, text)
    GREY.save(tmp_path / "in.png", pnginfo=info)
    with pytest.raises(RecipeError) as caught:
        read_recipe(tmp_path / "in.png")
    message = str(caught.value)
    assert message.endswith(".")
    assert len(message) < 300
    assert "\n" not in message


def test_files_without_a_recipe_are_refused(photo_path: Path, tmp_path: Path) -> None:
    GREY.save(tmp_path / "plain.png")
    (tmp_path / "text.png").write_text("no picture")
    save_with_recipe(GREY, tmp_path / "good.png", Recipe.of(Settings(), GREY, [GREY]))
    good = (tmp_path / "good.png").read_bytes()
    (tmp_path / "cut.png").write_bytes(good[:60])
    bomb = PngInfo()
    bomb.add_itxt(KEY, " " * 3_000_000, zip=True)
    GREY.save(tmp_path / "bomb.png", pnginfo=bomb)
    for name in ("plain.png", "text.png", "cut.png", "bomb.png", "none.png"):
        with pytest.raises(RecipeError):
            read_recipe(tmp_path / name)
    with pytest.raises(RecipeError):
        read_recipe(photo_path)
