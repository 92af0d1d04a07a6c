"""Losses and gradients against naive float64 loops written from the formulas."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from nst_core import PRESETS, Settings
from nst_core.losses import (
    ContentLoss,
    StyleLoss,
    TotalVariationLoss,
    gram_matrix,
    total_variation,
)
from nst_core.optimize import Objective
from nst_core.settings import NETWORKS
from nst_core.vgg import MEAN, REPEATED_BLOCKS, STD, VGGFeatures
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


@pytest.mark.parametrize("module", [ContentLoss, StyleLoss])
def test_balanced_is_classic_times_a_constant(module: type) -> None:
    target = random(1, 4, 6, 6)
    balanced, classic = module(target), module(target, balanced=False)
    ratios = [
        (balanced(x) / classic(x)).item()
        for x in (random(1, 4, 6, 6, seed=1), random(1, 4, 6, 6, seed=2))
    ]
    assert ratios[0] == pytest.approx(ratios[1])


def test_balanced_terms_do_not_know_the_size_of_the_image() -> None:
    target, x = random(1, 4, 6, 6), random(1, 4, 6, 6, seed=1)
    for module in (ContentLoss, StyleLoss):
        small = module(target)(x)
        large = module(target.repeat(1, 1, 2, 2))(x.repeat(1, 1, 2, 2))
        assert small.item() == pytest.approx(large.item())


@pytest.mark.parametrize("module", [ContentLoss, StyleLoss, TotalVariationLoss])
@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
def test_flat_targets_divide_by_nothing_near_zero(module: type, value: float) -> None:
    target = torch.full((1, 3, 8, 8), value)
    loss = module(target)(random(1, 3, 8, 8).float())
    assert torch.isfinite(loss)
    assert loss < 1e5


def naive_features(image: torch.Tensor, names: tuple[str, ...]) -> dict[str, torch.Tensor]:
    """VGG-16 as the paper draws it, in float64, one plain operation after the other."""
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
            border = "replicate" if block <= REPEATED_BLOCKS else "constant"
            x = F.conv2d(F.pad(x, (1, 1, 1, 1), mode=border), weight, bias)
            found[f"conv{block}_{conv}"] = x
            x = torch.relu(x)
            found[f"relu{block}_{conv}"] = x
            index += 2
        x = F.max_pool2d(x, 2)
        index += 1
    return {name: found[name] for name in names}


def in_float64(
    objective_inputs: tuple[torch.Tensor, torch.Tensor], settings: Settings
) -> Objective:
    """An `Objective` whose network computes in float64."""
    content, style = objective_inputs
    objective = Objective(content.float(), style.float(), settings)
    layers = {*settings.content_layers, *settings.style_layers}
    objective.vgg = VGGFeatures("vgg16", layers).double()
    photo, painting = objective.vgg(content), objective.vgg(style)
    balanced = settings.weighting == "balanced"
    objective.content = {k: ContentLoss(photo[k], balanced) for k in settings.content_layers}
    objective.style = {k: StyleLoss(painting[k], balanced) for k in settings.style_layers}
    return objective


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
    assert terms["total_variation"].item() == 0
    assert terms["total"].item() == pytest.approx(total.item())
    # (The network keeps the mean and deviation of its input in float32.)
    assert (grad - gradient).norm() / gradient.norm() < 1e-6

    # And the float32 that really runs is the same within its precision.
    real_terms, real_grad = Objective(content.float(), style.float(), settings).evaluate(
        image.float()
    )
    assert real_terms["total"].item() == pytest.approx(total.item(), rel=1e-4)
    assert (real_grad.double() - gradient).norm() / gradient.norm() < 1e-3


def test_balanced_gradient_in_value_and_direction() -> None:
    """The gradient of the default loss against finite differences of it, in float64."""
    content, style = random(1, 3, 16, 24), random(1, 3, 24, 16, seed=1)
    objective = in_float64((content, style), Settings(tv_weight=1))
    image, direction = random(1, 3, 16, 24, seed=2), random(1, 3, 16, 24, seed=3) - 0.5
    _, grad = objective.evaluate(image)
    step = 1e-6
    ahead, _ = objective.evaluate(image + step * direction)
    behind, _ = objective.evaluate(image - step * direction)
    slope = (ahead["total"] - behind["total"]).item() / (2 * step)
    assert (grad * direction).sum().item() == pytest.approx(slope, rel=1e-4)
