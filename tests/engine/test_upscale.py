"""Enlarging along the contours of the photo."""

from __future__ import annotations

import torch
from PIL import Image

from nst_core import Settings, finish, load_image
from nst_core.tensors import to_tensor
from nst_core.upscale import enlarge

OFF = Settings(full_detail=False)


def sharpness(image: Image.Image) -> float:
    """Mean square of the differences of neighbouring pixels."""
    x = to_tensor(image, image.size)
    across = (x[..., 1:] - x[..., :-1]).square().mean()
    return (across + (x[..., 1:, :] - x[..., :-1, :]).square().mean()).item()


def test_a_small_copy_of_the_photo_becomes_the_photo(photo: Image.Image) -> None:
    """Where the picture follows the photo, it gets the photo's detail."""
    small = photo.resize((photo.width // 4, photo.height // 4), Image.Resampling.LANCZOS)
    pixels = to_tensor(photo, photo.size)

    def error(settings: Settings) -> float:
        found = finish(small, photo, settings)
        return (to_tensor(found, found.size) - pixels).square().mean().item()

    assert error(Settings()) < 0.5 * error(OFF)


def test_a_picture_that_ignores_the_photo_gets_nothing_of_it(photo: Image.Image) -> None:
    flat = Image.new("RGB", (80, 60), (200, 90, 30))
    assert finish(flat, photo, Settings()).getextrema() == ((200, 200), (90, 90), (30, 30))


def test_strokes_are_crisper_than_a_plain_enlargement_and_no_halo_arises() -> None:
    photo = Image.new("RGB", (640, 480), "grey")
    picture = Image.new("RGB", (80, 60), (60, 60, 60))
    picture.paste((180, 180, 180), (20, 15, 60, 45))
    found, plain = finish(picture, photo, Settings()), finish(picture, photo, OFF)
    assert sharpness(found) > 1.25 * sharpness(plain)
    assert found.getextrema() == ((60, 180),) * 3


def test_shapes_and_transparency_are_those_of_the_photo(photo: Image.Image) -> None:
    for size in ((161, 90), (1500, 17), (17, 1500), (33, 1000)):
        content = photo.resize(size)
        content.putalpha(Image.linear_gradient("L").resize(size))
        scale = 64 / max(size)
        picture = photo.resize([max(16, round(side * scale)) for side in size])
        found = finish(picture, load_image(content), Settings())
        assert found.size == size
        assert found.getchannel("A").tobytes() == content.getchannel("A").tobytes()


def test_the_same_size_is_left_alone(photo: Image.Image) -> None:
    assert finish(photo, photo, Settings()).tobytes() == photo.tobytes()
    x = to_tensor(photo, photo.size)
    assert torch.allclose(enlarge(x, x, x), x)
