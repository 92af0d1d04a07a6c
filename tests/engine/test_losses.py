"""Losses and gradients against naive float64 loops written from the formulas."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from nst_core import PRESETS, Settings
from nst_core.layers import NETWORKS
from nst_core.losses import (
    ContentLoss,
    StyleLoss,
    TotalVariationLoss,
    gram_matrix,
    mean_square,
    range_excess,
    total_variation,
    variance,
    weave,
)
from nst_core.objective import Objective
from nst_core.vgg import MEAN, STD, VGGFeatures
from nst_core.weights import load_weights


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    x = torch.rand(*shape, generator=generator, dtype=torch.float64)
    return x.contiguous(memory_format=torch.channels_last)


def naive_gram(features: np.ndarray) -> np.ndarray:
    channels, height, width = features.shape
    gram = np.zeros((channels, channels))
    for a in range(channels):
        for b in range(channels):
            for row in range(height):
                for column in range(width):
                    gram[a, b] += features[a, row, column] * features[b, row, column]
    return gram


def test_gram_matrix_and_its_gradient() -> None:
    features = random(1, 3, 4, 5).requires_grad_()
    gram = gram_matrix(features)
    np.testing.assert_allclose(gram.detach(), naive_gram(features[0].detach().numpy()))
    torch.autograd.gradcheck(gram_matrix, (features,))


def test_gram_matrix_is_as_exact_in_float32() -> None:
    features = random(1, 64, 96, 128)
    gram = gram_matrix(features.float())
    assert torch.allclose(gram.double(), gram_matrix(features), rtol=1e-5)


def test_mean_square_and_its_gradient() -> None:
    values, target = random(1, 3, 4, 5).requires_grad_(), random(1, 3, 4, 5)
    assert mean_square(values, target).item() == pytest.approx(F.mse_loss(values, target).item())
    assert mean_square(values).item() == pytest.approx(values.square().mean().item())
    torch.autograd.gradcheck(lambda x: mean_square(x, target), (values,))
    torch.autograd.gradcheck(mean_square, (values,))
    half = values.detach().bfloat16().requires_grad_()
    loss = mean_square(half, target.float())
    (grad,) = torch.autograd.grad(loss, half)
    assert (loss.dtype, grad.dtype) == (torch.float32, torch.bfloat16)


def test_total_variation() -> None:
    image = random(1, 3, 4, 5)
    pixels = image[0].numpy()
    across = [
        (pixels[c, y, x + 1] - pixels[c, y, x]) ** 2
        for c in range(3)
        for y in range(4)
        for x in range(4)
    ]
    down = [
        (pixels[c, y + 1, x] - pixels[c, y, x]) ** 2
        for c in range(3)
        for y in range(3)
        for x in range(5)
    ]
    assert total_variation(image).item() == pytest.approx(np.mean(across) + np.mean(down))


def test_weave_sees_fine_lines_across_and_down_alone() -> None:
    y, x = torch.meshgrid(torch.arange(48.0), torch.arange(64.0), indexing="ij")

    def lines(pixels: float, degrees: float) -> float:
        """The weave of lines with a period of `pixels`, turned by `degrees` from upright."""
        angle = math.radians(degrees)
        phase = 2 * math.pi / pixels * (x * math.cos(angle) + y * math.sin(angle))
        return weave((0.5 + 0.1 * phase.sin()).expand(1, 3, 48, 64)).item()

    # The second difference of a wave is 4 sin(pi / period)^2 times the wave, and 0 along the lines.
    expected = 0.5 * (0.1 * 4 * math.sin(math.pi / 3) ** 2) ** 2
    assert lines(3, 0) == pytest.approx(expected, rel=0.05)
    assert lines(3, 90) == pytest.approx(expected, rel=0.05)
    assert lines(3, 45) < 0.05 * expected
    assert lines(16, 0) < 0.02 * expected
    assert lines(3, 10) < lines(3, 5) < lines(3, 0)


def test_range_excess_is_what_lies_beyond_the_margins() -> None:
    image = torch.tensor([0.0, 0.01, 0.02, 0.5, 0.98, 1.0]).view(1, 1, 2, 3)
    assert range_excess(image).item() == pytest.approx((2 * 0.02**2 + 0.01**2) / 6, rel=1e-4)


def test_balanced_style_is_classic_times_a_constant() -> None:
    target = random(1, 4, 4, 1)[0, ..., 0]
    balanced, classic = StyleLoss(target), StyleLoss(target, balanced=False)
    ratios = [(balanced(x) / classic(x)).item() for x in (3 * target, target.T + 1)]
    assert ratios[0] == pytest.approx(1 / target.square().mean().item())


def test_balanced_content_weighs_the_contrast_of_photo_and_painting() -> None:
    target, x = random(1, 4, 6, 6), random(1, 4, 6, 6, seed=1)
    plain = ContentLoss(target)(x).item()
    assert plain == pytest.approx(F.mse_loss(x, target).item())
    for factor in (0.5, 1.0, 2.0):  # contrast of the painting; its variance is the square
        loss = ContentLoss(target, variance(factor * target))(x).item()
        assert loss == pytest.approx(plain / target.var(correction=0).item() / factor**4)
    flat = torch.full_like(target, 0.5)
    assert ContentLoss(flat, variance(target))(x) > 0
    assert ContentLoss(target, variance(flat))(x) < 1e4


def test_balanced_terms_do_not_know_the_size_of_the_image() -> None:
    content, style = random(1, 3, 32, 48), random(1, 3, 32, 48, seed=1)
    twice = [torch.cat([x, x.flip(2)], dim=2) for x in (content, style)]
    for name in ("content", "style"):
        terms = [
            in_float64((c, s), Settings()).evaluate(i)[0][name].item()
            for c, s, i in ((content, style, style), (*twice, twice[1]))
        ]
        # Mirrored images have the same statistics but for the seam.
        assert terms[0] == pytest.approx(terms[1], rel=0.15)


@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
def test_flat_targets_divide_by_nothing_near_zero(value: float) -> None:
    target = torch.full((1, 3, 8, 8), value)
    x = random(1, 3, 8, 8).float()
    for loss in (
        ContentLoss(target, variance(target))(x),
        StyleLoss(gram_matrix(target) / 64)(gram_matrix(x) / 64),
        TotalVariationLoss(total_variation(target).item())(x),
    ):
        assert torch.isfinite(loss)
        assert loss < 1e5


def naive_features(image: torch.Tensor, names: tuple[str, ...]) -> dict[str, torch.Tensor]:
    """Features of VGG-16 in float64, one plain operation after the other."""
    weights = load_weights("vgg16")
    mean = torch.tensor(MEAN, dtype=torch.float64).view(1, 3, 1, 1)
    std = torch.tensor(STD, dtype=torch.float64).view(1, 3, 1, 1)
    x, index, found = (image - mean) / std, 0, {}
    for block, depth in enumerate(NETWORKS["vgg16"], start=1):
        for conv in range(1, depth + 1):
            if f"features.{index}.weight" not in weights:
                return found
            weight = weights[f"features.{index}.weight"].double()
            bias = weights[f"features.{index}.bias"].double()
            x = F.conv2d(F.pad(x, (1, 1, 1, 1), mode="replicate"), weight, bias)
            found[f"conv{block}_{conv}"] = x
            x = torch.relu(x)
            found[f"relu{block}_{conv}"] = x
            index += 2
        x = F.max_pool2d(x, 2)
        index += 1
    return {name: found[name] for name in names}


def in_float64(
    images: tuple[torch.Tensor, ...],
    settings: Settings,
    mask: torch.Tensor | None = None,
    in_strips: bool = False,
) -> Objective:
    """An `Objective` whose network computes in float64."""
    vgg = VGGFeatures("vgg16", {*settings.content_layers, *settings.style_layers}).double()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("nst_core.objective.load_vgg", lambda *_: vgg)
        return Objective(images[0], images[1:], settings, mask, in_strips)


def test_classic_is_the_textbook_in_value_and_gradient() -> None:
    """total = alpha * sum_l mean((F - P)^2) + beta * sum_l mean((G - A)^2), G unnormalised."""
    settings = PRESETS["Classic"]
    assert settings.weighting == "classic"
    names = ("conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1")
    assert settings.content_layers == settings.style_layers == names
    content, style = random(1, 3, 32, 48), random(1, 3, 32, 40, seed=1)
    image = random(1, 3, 32, 48, seed=2)

    old, paint = naive_features(content, names), naive_features(style, names)
    pixels = image.clone().requires_grad_()
    new = naive_features(pixels, names)
    content_loss = style_loss = 0.0
    for name in names:
        content_loss += ((new[name] - old[name]) ** 2).mean()
        gram, target = (
            x.reshape(x.shape[1], -1) @ x.reshape(x.shape[1], -1).T
            for x in (new[name], paint[name])
        )
        style_loss += ((gram - target) ** 2).mean()
    total = settings.content_weight * content_loss + settings.style_weight * style_loss
    (gradient,) = torch.autograd.grad(total, pixels)

    terms, grad = in_float64((content, style), settings).evaluate(image)
    assert terms["content"].item() == pytest.approx(settings.content_weight * content_loss.item())
    assert terms["style"].item() == pytest.approx(settings.style_weight * style_loss.item())
    assert all(terms[name].item() == 0 for name in ("total_variation", "weave", "range"))
    assert terms["total"].item() == pytest.approx(total.item())
    # The tolerance is that of float32: the network keeps mean and deviation of its input in it.
    assert (grad - gradient).norm() / gradient.norm() < 1e-6

    # Runs compute in float32, which agrees within its precision.
    real_terms, real_grad = Objective(content.float(), [style.float()], settings).evaluate(
        image.float()
    )
    assert real_terms["total"].item() == pytest.approx(total.item(), rel=1e-4)
    assert (real_grad.double() - gradient).norm() / gradient.norm() < 1e-3


def test_balanced_gradient_in_value_and_direction() -> None:
    """The gradient of the default loss agrees with finite differences, in float64."""
    content, style = random(1, 3, 16, 24), random(1, 3, 24, 16, seed=1)
    objective = in_float64((content, style), Settings(tv_weight=1))
    image, direction = random(1, 3, 16, 24, seed=2), random(1, 3, 16, 24, seed=3) - 0.5
    _, grad = objective.evaluate(image)
    step = 1e-6
    ahead, _ = objective.evaluate(image + step * direction)
    behind, _ = objective.evaluate(image - step * direction)
    slope = (ahead["total"] - behind["total"]).item() / (2 * step)
    assert (grad * direction).sum().item() == pytest.approx(slope, rel=1e-4)


def test_a_large_picture_has_a_second_scale(monkeypatch: pytest.MonkeyPatch) -> None:
    """Content, style and gradient are the mean of those at full size and at 256 pixels."""
    large = random(1, 3, 20, 512), random(1, 3, 24, 500, seed=1)
    image = (1.2 * random(1, 3, 20, 512, seed=2) - 0.1).requires_grad_()
    small = [
        F.interpolate(x, sides, mode="bicubic", antialias=True)
        for x, sides in ((large[0], (16, 256)), (large[1], (16, 250)), (image, (16, 256)))
    ]
    settings = Settings(tv_weight=1)
    terms, grad = in_float64(large, settings).evaluate(image.detach())

    pixels = ("total_variation", "weave", "range")
    monkeypatch.setattr("nst_core.plan.SECOND_SCALE_FROM", math.inf)
    full = in_float64(large, settings)
    full_terms = full.full(image)[0] | full.pixels(image)
    small_terms, _ = in_float64((small[0], small[1]), settings).full(small[2])
    expected = {
        name: term if name in pixels else (term + small_terms[name]) / 2
        for name, term in full_terms.items()
    }
    total = sum(expected.values())
    (expected_grad,) = torch.autograd.grad(total, image)
    # The tolerance is that of float32: the matrix that resizes is made in it.
    for name, term in expected.items():
        assert term.item() > 0
        assert terms[name].item() == pytest.approx(term.item(), rel=1e-5), name
    assert terms["total"].item() == pytest.approx(total.item(), rel=1e-5)
    assert (grad - expected_grad).norm() / expected_grad.norm() < 1e-5


def test_small_pictures_and_the_textbook_have_one_scale() -> None:
    images = random(1, 3, 16, 383), random(1, 3, 16, 40, seed=1)
    assert in_float64(images, Settings()).second is None
    images = random(1, 3, 16, 512), random(1, 3, 16, 40, seed=1)
    assert in_float64(images, PRESETS["Classic"]).second is None


def test_bfloat16_is_near_float32() -> None:
    """Only the network computes in bfloat16; losses and Gram matrices stay in float32."""
    images = random(1, 3, 64, 96).float(), [random(1, 3, 64, 96, seed=1).float()]
    image = random(1, 3, 64, 96, seed=2).float()
    whole, grad = Objective(*images, Settings()).evaluate(image)
    terms, half_grad = Objective(*images, Settings(precision="bfloat16")).evaluate(image)
    assert terms["total"].dtype == half_grad.dtype == torch.float32
    assert terms["total"].item() == pytest.approx(whole["total"].item(), rel=0.02)
    assert 0 < (half_grad - grad).norm() / grad.norm() < 0.1
