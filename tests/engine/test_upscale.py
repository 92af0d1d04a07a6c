"""Enlarging along the contours of the photo."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from nst_core import Settings, finish, finishing, load_image
from nst_core.tensors import to_tensor
from nst_core.upscale import FLAT, RADIUS, STEEPEN, enlarge

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


@pytest.mark.parametrize("side", [300, 451, 700])
def test_the_result_does_not_depend_on_the_strips(
    side: int, photo: Image.Image, painting: Image.Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    large = photo.resize((side, side * 2 // 3))
    large.putalpha(Image.linear_gradient("L").resize(large.size))
    mask = Image.radial_gradient("L").resize(large.size)
    settings = Settings(color="content", strength=0.8)
    picture = painting.resize((100, 67))
    whole = finish(picture, large, settings, mask)
    for pixels in (1, 17 * side, 64 * side):
        monkeypatch.setattr(finishing, "STRIP_PIXELS", pixels)
        assert finish(picture, large, settings, mask).tobytes() == whole.tobytes()


def test_strips_are_what_the_whole_picture_would_be(
    photo: Image.Image, painting: Image.Image
) -> None:
    """Doubling, steepening and detail written down for whole planes, as slow as can be."""
    size = (640, 480)  # 8 times the picture, so that each step doubles
    x, small, full = (
        to_tensor(image, side)
        for image, side in ((painting, (80, 60)), (photo, (80, 60)), (photo, size))
    )
    found = enlarge(x, small, full)
    assert (found - whole_planes(x, small, full)).abs().mean() * 255 < 0.2


def whole_planes(picture: Tensor, small: Tensor, photo: Tensor) -> Tensor:
    weights = torch.tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)
    guide, full = ((image * weights).sum(dim=1, keepdim=True) for image in (small, photo))

    def mean(x: Tensor, radius: int) -> Tensor:
        return F.avg_pool2d(x, 2 * radius + 1, 1, radius, count_include_pad=False)

    def resize(x: Tensor, size: tuple[int, ...], mode: str) -> Tensor:
        return F.interpolate(x, size, mode=mode)

    means = mean(picture, RADIUS), mean(guide, RADIUS)
    covariance = mean(picture * guide, RADIUS) - means[0] * means[1]
    variance = mean(guide * guide, RADIUS) - means[1] ** 2 + FLAT
    total = (mean(picture * picture, RADIUS) - means[0] ** 2).sum(dim=1, keepdim=True)
    explained = (covariance**2).sum(dim=1, keepdim=True) / variance / total.clamp(min=1e-6)
    strokes = (1 - mean(explained, RADIUS)).clamp(0, 1)
    slope = resize(mean(covariance / variance, RADIUS).clamp(-1, 1), full.shape[2:], "bilinear")
    plane = picture
    while plane.shape[2] < photo.shape[2]:
        sides = tuple(2 * side for side in plane.shape[2:])
        low, high = (
            resize(x, sides, "bilinear")
            for x in (-F.max_pool2d(-plane, 3, 1, 1), F.max_pool2d(plane, 3, 1, 1))
        )
        plane = resize(plane, sides, "bicubic")
        edges = resize(strokes, sides, "bilinear") * (plane - mean(plane, 1))
        plane = (plane + STEEPEN * edges).clamp(low, high)
    return (plane + slope * (full - resize(guide, full.shape[2:], "bicubic"))).clamp(0, 1)


MEMORY = """
import sys
from PIL import Image
from nst_core import Settings, finish

def peak():
    lines = open("/proc/self/status").read().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))

side = int(sys.argv[1])
photo = Image.linear_gradient("L").resize((side, side)).convert("RGB")
picture = photo.resize((64, 64))
finish(picture, photo.resize((200, 200)), Settings())  # imports PyTorch
before = peak()
finish(picture, photo, Settings())
print((peak() - before) / side**2)
"""


@pytest.mark.full
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads Linux's peak of memory")
def test_a_large_photo_takes_little_memory_besides_its_result() -> None:
    """The result has 4 bytes a pixel; planes of floating point would take 60 more."""
    done = subprocess.run(
        [sys.executable, "-c", MEMORY, "2600"], capture_output=True, text=True, check=True
    )
    assert float(done.stdout) < 12
