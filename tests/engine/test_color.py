"""Colours kept and matched: against the formulas, and on colours without variance."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from nst_core.color import match_colors
from nst_core.finishing import keep_colors
from nst_core.tensors import to_tensor


def colors(image: torch.Tensor) -> np.ndarray:
    return image[0].flatten(1).double().numpy()


def small(image: Image.Image) -> torch.Tensor:
    return to_tensor(image, (160, 120))


def chroma(image: Image.Image) -> np.ndarray:
    return np.asarray(image.convert("YCbCr"), dtype=float)[..., 1:]


def test_matched_colours_have_mean_and_covariance_of_the_photo(
    photo: Image.Image, painting: Image.Image
) -> None:
    # Colours near the middle grey, so that no value is clipped to 0 or 1.
    style, content = 0.5 + 0.3 * (small(painting) - 0.5), 0.5 + 0.3 * (small(photo) - 0.5)
    found = colors(match_colors(style, content))
    wanted = colors(content)
    np.testing.assert_allclose(found.mean(axis=1), wanted.mean(axis=1), atol=1e-3)
    np.testing.assert_allclose(np.cov(found), np.cov(wanted), atol=2e-4)
    half = colors(match_colors(style, content, amount=0.5))
    np.testing.assert_allclose(half, (found + colors(style)) / 2, atol=1e-3)
    assert torch.allclose(match_colors(style, content, amount=0), style, atol=1e-5)


@pytest.mark.parametrize("kind", ["grey", "one colour", "black"])
def test_grey_and_one_colour_stay_finite(kind: str, photo: Image.Image) -> None:
    plain = {
        "grey": photo.convert("L").convert("RGB"),
        "one colour": Image.new("RGB", (64, 48), (200, 30, 90)),
        "black": Image.new("RGB", (64, 48)),
    }[kind]
    for style, content in ((plain, photo), (photo, plain), (plain, plain)):
        matched = match_colors(small(style), small(content))
        assert torch.isfinite(matched).all()
        error = colors(matched).mean(axis=1) - colors(small(content)).mean(axis=1)
        assert abs(error).max() < 0.05
    if kind == "grey":  # a painting matched to a grey photo is grey
        red, green, blue = colors(match_colors(small(photo), small(plain)))
        assert abs(red - green).max() < 2 / 255
        assert abs(blue - green).max() < 2 / 255


def test_kept_colours_have_the_photos_chroma_and_the_pictures_light(
    photo: Image.Image, painting: Image.Image
) -> None:
    picture = painting.resize(photo.size)
    for amount in (0.0, 0.5, 1.0):
        found = keep_colors(picture, photo, amount)
        mixed = (1 - amount) * chroma(picture) + amount * chroma(photo)
        inside = np.all((np.asarray(found) > 8) & (np.asarray(found) < 247), axis=2)
        assert inside.mean() > 0.4
        assert abs(chroma(found) - mixed)[inside].max() <= 2
        light = [np.asarray(x.convert("L"), dtype=float) for x in (found, picture)]
        assert abs(light[0] - light[1])[inside].max() <= 2
