"""The nine tiles of a sweep, and what the network sees."""

from __future__ import annotations

from importlib import import_module

import numpy as np
import pytest
from PIL import Image

from nst_core import Settings, stylize, sweep
from nst_core.insights import LAYERS, reconstruction, texture
from nst_core.sweep import STYLE_SCALES, STYLE_WEIGHTS, sheet


def test_nine_tiles_with_the_settings_of_a_large_picture(
    photo: Image.Image, painting: Image.Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_module("nst_core.sweep"), "STEPS", 2)
    tiles = list(sweep(photo, painting, Settings(size=3000, tv_weight=2)))
    assert [tile.settings.style_weight for tile in tiles[::3]] == list(STYLE_WEIGHTS)
    assert [tile.settings.style_scale for tile in tiles[:3]] == list(STYLE_SCALES)
    assert {tile.settings.size for tile in tiles} == {3000, 2048}  # 4096 is the largest painting
    assert all(tile.settings.tv_weight == 2 for tile in tiles)
    assert len({tile.image.tobytes() for tile in tiles}) == 9
    assert max(tiles[0].image.size) == 160
    assert sheet(tiles).width > 3 * 160
    stops = iter([False] * 5 + [True] * 100)
    assert len(list(sweep(photo, painting, stop=lambda: next(stops), settings=Settings()))) < 9


def error(image: Image.Image, photo: Image.Image) -> float:
    small = np.asarray(photo.resize(image.size), dtype=float)
    return np.square(np.asarray(image) - small).mean() ** 0.5 / 255


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
