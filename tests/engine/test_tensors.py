"""Pixels and tensors: the round trip, margins, reduction, weighted sums."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from nst_core.tensors import add_margin, blend, cut_margin, reduce, to_image, to_tensor


def test_tensor_and_image_are_inverse() -> None:
    image = Image.effect_noise((31, 17), 90).convert("RGB")
    image.putpixel((4, 2), (255, 0, 10))
    tensor = to_tensor(image, image.size)
    assert tensor.shape == (1, 3, 17, 31)
    assert tensor.dtype == torch.float32
    assert tensor.is_contiguous(memory_format=torch.channels_last)
    assert tensor[0, :, 2, 4].tolist() == pytest.approx([1, 0, 10 / 255])
    assert to_image(tensor).tobytes() == image.tobytes()


def test_values_out_of_range_are_clipped_and_others_rounded() -> None:
    values = torch.tensor([-1.0, 0.4 / 255, 0.6 / 255, 2.0]).expand(1, 3, 1, 4)
    assert np.asarray(to_image(values))[0, :, 0].tolist() == [0, 0, 1, 255]


def test_transparent_pixels_are_white() -> None:
    image = Image.new("RGBA", (8, 8), (200, 0, 0, 0))
    assert to_tensor(image, (4, 4)).eq(1).all()


def test_a_large_image_is_made_small_as_by_lanczos_alone() -> None:
    image = Image.radial_gradient("L").resize((2400, 1800)).rotate(30).convert("RGB")
    plain = np.asarray(image.resize((240, 180), Image.Resampling.LANCZOS)) / 255
    found = to_tensor(image, (240, 180))[0].permute(1, 2, 0).numpy()
    assert np.abs(found - plain).max() <= 5 / 255
    assert np.abs(found - plain).mean() <= 0.5 / 255


def test_a_margin_mirrors_the_border_and_is_cut_off_again() -> None:
    image = torch.rand(1, 3, 6, 9)
    framed = add_margin(image, 2)
    mirrored = np.pad(image.numpy(), ((0, 0), (0, 0), (2, 2), (2, 2)), mode="reflect")
    assert np.array_equal(framed.numpy(), mirrored)
    assert cut_margin(framed, 2).equal(image)
    assert add_margin(image, 0).equal(image)
    assert cut_margin(image, 0).equal(image)


def test_reduction_is_antialiased_interpolation_with_its_gradient() -> None:
    image = torch.rand(1, 3, 96, 400, requires_grad=True)
    reduced = reduce(image, 0.5)
    expected = F.interpolate(image, (48, 200), mode="bicubic", antialias=True)
    torch.testing.assert_close(reduced, expected)
    weights = torch.rand_like(expected)
    grads = [torch.autograd.grad((x * weights).sum(), image)[0] for x in (reduced, expected)]
    torch.testing.assert_close(*grads)


def test_a_blend_is_the_weighted_sum() -> None:
    weights = torch.tensor([0.25, 0.75], dtype=torch.float64)
    assert blend([2.0, 4.0], weights) == 3.5
    assert blend([torch.zeros(3), torch.ones(3)], weights).tolist() == [0.75] * 3
    with pytest.raises(ValueError, match="zip"):
        blend([1.0], weights)
