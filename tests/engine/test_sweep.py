"""Sweeps and insights."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nst_core import (
    Recipe,
    Settings,
    SettingsError,
    Tile,
    load_image,
    load_mask,
    paint_sweep,
    prepare,
    prepare_sweep,
    stylize,
    sweep,
)
from nst_core.insights import LAYERS, reconstruction, texture
from nst_core.sweep import CAPTION_HEIGHT, GAP, STYLE_SCALES, STYLE_WEIGHTS, sheet


def test_nine_tiles_with_the_settings_of_a_large_picture(
    photo: Image.Image, painting: Image.Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_module("nst_core.sweep"), "STEPS", 1)
    tiles = list(sweep(photo, painting, Settings(size=3000, tv_weight=2)))
    assert [tile.settings.style_weight for tile in tiles[::3]] == list(STYLE_WEIGHTS)
    assert [tile.settings.style_scale for tile in tiles[:3]] == list(STYLE_SCALES)
    assert {tile.settings.size for tile in tiles} == {3000, 2048}  # 4096 is the largest painting
    assert all(tile.settings.tv_weight == 2 for tile in tiles)
    assert len({tile.image.tobytes() for tile in tiles}) == 9
    assert max(tiles[0].image.size) == 160
    paper = sheet(tiles)
    width, height = tiles[4].image.size
    corner = GAP + width + GAP, GAP + height + CAPTION_HEIGHT + GAP
    middle = paper.crop((*corner, corner[0] + width, corner[1] + height))
    assert middle.tobytes() == tiles[4].image.tobytes()


def test_what_is_transparent_is_white_on_the_sheet() -> None:
    tile = Tile(Image.new("RGBA", (80, 60), (10, 20, 30, 0)), Settings())
    assert sheet([tile]).getpixel((40, 30)) == (255, 255, 255)


def test_a_sweep_that_is_stopped_yields_no_further_tile(
    photo: Image.Image, painting: Image.Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_module("nst_core.sweep"), "STEPS", 1)
    found: list[Tile] = []
    for tile in sweep(photo, painting, Settings(), stop=lambda: len(found) == 2):
        found.append(tile)
    assert len(found) == 2


def test_only_the_tiles_of_a_sweep_are_planned(photo: Image.Image, painting: Image.Image) -> None:
    """A size that the memory budget refuses for one picture is fine for nine small ones."""
    settings = Settings(size=4096, memory_budget=1)
    with pytest.raises(SettingsError, match="memory_budget"):
        prepare(photo, painting, settings)
    prepared = prepare_sweep(photo, painting, settings)
    assert len(prepared.runs) == len(prepared.chosen) == 9
    assert {stage.size for run in prepared.runs for stage in run.plan} == {160}
    assert max(chosen.size for chosen in prepared.chosen) == 4096
    assert prepared.work == sum(run.work for run in prepared.runs)


@pytest.mark.usefixtures("tiny_tiles")
def test_a_sweep_reads_its_images_once(
    photo_path: Path, painting_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded: list[object] = []

    def watched(source: object) -> Image.Image:
        decoded.append(source)
        return load_image(source)

    for module in ("transfer", "regions"):
        monkeypatch.setattr(import_module(f"nst_core.{module}"), "load_image", watched)
    mask = tmp_path / "mask.png"
    Image.new("L", (90, 60), "white").save(mask)
    prepared = prepare_sweep(photo_path, painting_path, Settings(), mask=mask)
    assert len(list(paint_sweep(prepared))) == 9
    assert decoded == [photo_path, mask, painting_path]
    recipe = Recipe.of(
        Settings(),
        load_image(photo_path),
        [load_image(painting_path)],
        load_mask(mask, load_image(photo_path).size),
    )
    assert prepared.recipe(Settings()) == recipe


def error(image: Image.Image, photo: Image.Image) -> float:
    small = np.asarray(photo.resize(image.size), dtype=float)
    return np.square(np.asarray(image) - small).mean() ** 0.5 / 255


@pytest.mark.full
def test_shallow_layers_know_the_photo_and_deep_ones_its_gist(photo: Image.Image) -> None:
    errors = []
    for layer in ("relu1_1", "relu5_1"):
        *_, frame = stylize(photo, photo, reconstruction(layer))
        errors.append(error(frame.image, photo))
    assert errors[0] < 0.03
    assert errors[1] > 2 * errors[0]


def test_textures_take_all_layers_up_to_one() -> None:
    assert texture("relu1_1").style_layers == LAYERS[:1]
    assert texture("relu5_1").style_layers == LAYERS
    assert texture("relu3_1").content_weight == 0
