"""Finishing: the photo's size, transparency, protected region, colours and strength."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from nst_core import Settings, finish, preview
from nst_core.finishing import strengthen
from nst_core.images import on_white

RED, BLUE = (200, 40, 30), (20, 60, 220)
PLAIN = Settings(full_detail=False)


def values(image: Image.Image) -> np.ndarray:
    return np.asarray(image.convert("RGB")).astype(int)


@pytest.mark.parametrize("strength", [0.0, 0.25, 1.0])
def test_strength_goes_from_the_photo_to_the_picture(strength: float) -> None:
    photo, picture = Image.new("RGB", (40, 30), RED), Image.new("RGB", (40, 30), BLUE)
    found = finish(picture, photo, Settings(strength=strength))
    mixed = (1 - strength) * np.array(RED) + strength * np.array(BLUE)
    assert abs(values(found) - mixed).max() <= 1


def test_transparency_is_that_of_the_photo_at_every_strength() -> None:
    photo = Image.new("RGB", (64, 48), RED)
    photo.putalpha(Image.linear_gradient("L").resize(photo.size))
    picture = Image.new("RGB", (32, 24), BLUE)
    for strength in (0.0, 0.5, 1.0):
        found = finish(picture, photo, Settings(strength=strength))
        assert found.mode == "RGBA"
        assert found.getchannel("A").tobytes() == photo.getchannel("A").tobytes()
    opaque = finish(picture, photo.convert("RGB"), Settings())
    assert opaque.mode == "RGB"
    assert opaque.size == photo.size


def test_a_transparent_photo_is_blended_as_seen_on_white() -> None:
    photo = Image.new("RGBA", (20, 20), (*RED, 0))
    half = strengthen(Image.new("RGB", (20, 20), "black"), photo, 0.5)
    assert abs(values(half) - 127.5).max() <= 1


def test_a_half_transparent_photo_comes_out_as_it_was_where_nothing_is_painted() -> None:
    photo = Image.new("RGB", (64, 48), RED)
    photo.putalpha(Image.linear_gradient("L").resize(photo.size))
    picture, everywhere = Image.new("RGB", (32, 24), BLUE), Image.new("L", photo.size, 255)
    seen = np.asarray(photo.getchannel("A")) > 0
    for settings, mask in (
        (Settings(strength=0.0), None),
        (Settings(region="protect"), everywhere),
    ):
        found = finish(picture, photo, settings, mask)
        assert (np.asarray(found)[seen] == np.asarray(photo)[seen]).all()


def test_a_half_transparent_result_looks_like_the_picture_on_white_and_has_no_fringe() -> None:
    photo = Image.new("RGBA", (40, 30), (0, 0, 0, 64))
    shade = Image.new("RGB", photo.size, (200, 210, 230))
    found = finish(shade, photo, PLAIN)
    assert abs(values(on_white(found)) - values(shade)).max() <= 2
    # On black, a shadow stays one: white in its colours would make it shine.
    black = Image.new("RGBA", photo.size, "black")
    assert values(Image.alpha_composite(black, found)).max() <= 64


def test_the_mask_protects_only_where_the_settings_say_so() -> None:
    photo, picture = Image.new("RGB", (60, 40), RED), Image.new("RGB", (60, 40), BLUE)
    mask = Image.new("L", photo.size)
    mask.paste(255, (0, 0, 30, 40))
    found = values(finish(picture, photo, Settings(region="protect"), mask))
    assert (found[:, :25] == RED).all()
    assert (found[:, 30:] == BLUE).all()
    for other in (
        finish(picture, photo, Settings(region="style"), mask),
        finish(picture, photo, Settings()),
    ):
        assert (values(other) == BLUE).all()


def test_a_protected_region_has_the_colours_of_the_photo_at_any_colour_setting() -> None:
    photo, picture = Image.new("RGB", (40, 40), RED), Image.new("RGB", (40, 40), BLUE)
    mask = Image.new("L", photo.size, 255)
    found = finish(picture, photo, Settings(color="content", color_amount=0.5), mask)
    assert (values(found)[10:-10, 10:-10] == RED).all()


def test_colours_are_kept_only_where_the_settings_say_so(
    photo: Image.Image, painting: Image.Image
) -> None:
    picture = painting.resize(photo.size)

    def chroma(image: Image.Image) -> np.ndarray:
        return np.asarray(image.convert("YCbCr")).astype(float)[..., 1:]

    def distance(**settings: object) -> float:
        """Mean distance of the result's chroma to that of the photo."""
        return abs(chroma(finish(picture, photo, Settings(**settings))) - chroma(photo)).mean()

    assert distance(color="content") < 1
    assert distance(color="content", color_amount=0.0) == pytest.approx(distance(), abs=0.5)
    assert finish(picture, photo, Settings(color="match")).tobytes() == picture.tobytes()


def test_a_preview_is_the_result_in_the_size_of_the_picture(photo: Image.Image) -> None:
    picture = Image.new("RGB", (90, 60), BLUE)
    mask = Image.linear_gradient("L").resize(photo.size)
    small = preview(picture, photo, PLAIN, mask)
    assert small.size == picture.size
    full = finish(picture, photo, PLAIN, mask).resize(picture.size, Image.Resampling.BOX)
    assert abs(values(small) - values(full)).mean() < 4


def test_finishing_does_not_change_its_inputs() -> None:
    photo, picture = Image.new("RGBA", (40, 30), (*RED, 9)), Image.new("RGB", (40, 30), BLUE)
    before = photo.tobytes(), picture.tobytes()
    finish(picture, photo, Settings(strength=0.5, color="content"))
    assert (photo.tobytes(), picture.tobytes()) == before
