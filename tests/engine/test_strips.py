"""The first blocks in strips: the same values and gradients as of the whole image."""

from __future__ import annotations

import pytest
import torch
from test_losses import in_float64, random

from nst_core import Settings
from nst_core.losses import Guide, gram_matrix
from nst_core.strips import cut, head_in_strips
from nst_core.vgg import VGGFeatures


@pytest.mark.parametrize(
    ("height", "width", "layers"),
    [
        (64, 48, Settings().style_layers),
        (61, 47, Settings().style_layers),
        (33, 40, ("conv1_1", "relu1_2", "relu2_2", "conv3_1")),
        (40, 33, ("conv1_2", "conv2_1", "conv2_2")),
        (18, 64, ("relu1_1",)),
    ],
)
def test_strips_change_nothing(
    height: int, width: int, layers: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first blocks in strips of a few rows, against the whole: losses and gradient."""
    monkeypatch.setattr("nst_core.strips.STRIP_PIXELS", 12 * width)
    assert len(cut(height, width)) > 1
    settings = Settings(content_layers=layers[-2:], style_layers=layers)
    images = random(1, 3, height, width), random(1, 3, 40, 52, seed=1)
    image = random(1, 3, height, width, seed=2)
    whole, grad = in_float64(images, settings).evaluate(image)
    terms, grad_in_strips = in_float64(images, settings, in_strips=True).evaluate(image)
    for name, value in whole.items():
        assert terms[name].item() == pytest.approx(value.item(), rel=1e-9)
    assert (grad_in_strips - grad).norm() / grad.norm() < 1e-6


@pytest.mark.parametrize(("height", "width"), [(3000, 4000), (16, 5000), (4097, 64), (4001, 4096)])
def test_strips_cover_every_row_once(height: int, width: int) -> None:
    found = cut(height, width)
    rows = [row for strip in found for row in range(strip.start, strip.end)]
    assert rows == list(range(height))
    for strip in found:
        assert strip.first % 4 == strip.start % 4 == 0
        assert strip.first == max(0, strip.start - 8)
        assert strip.last == min(height, strip.end + 8)
        assert strip.end - strip.start >= 4


@pytest.mark.parametrize("deepest", ["relu2_2", "conv3_1"])
def test_strips_give_what_the_whole_head_gives(
    deepest: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Feature maps, Gram matrices of two regions, and the input of the third block if there is one.

    The second layer of a block sees furthest beyond the rows of a strip.
    """
    monkeypatch.setattr("nst_core.strips.STRIP_PIXELS", 8 * 24)
    vgg = VGGFeatures("vgg16", {"relu1_2", "relu2_2", deepest}).double()
    image, mask = random(1, 3, 50, 24), random(1, 1, 50, 24, seed=1)
    guides = [Guide(1 - mask), Guide(mask)]
    maps, grams, following = head_in_strips(vgg, image, ["relu2_2"], ["relu1_2", "relu2_2"], guides)

    features, x = vgg.head(image)
    torch.testing.assert_close(maps, {"relu2_2": features["relu2_2"]})
    for level, layer in enumerate(("relu1_2", "relu2_2")):
        expected = [gram_matrix(features[layer], guide.at(level)) for guide in guides]
        torch.testing.assert_close(grams[layer], expected)
    if deepest == "conv3_1":
        torch.testing.assert_close(following, x)
    else:
        assert following is None


def test_each_strip_can_end_the_step_forward_and_backward(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nst_core.strips.STRIP_PIXELS", 8 * 24)
    vgg = VGGFeatures("vgg16", {"relu1_1", "relu3_1"}).double()
    image = random(1, 3, 48, 24).requires_grad_()
    calls = 0

    def check() -> None:
        nonlocal calls
        calls += 1

    _, _, x = head_in_strips(vgg, image, [], ["relu1_1"], [None], check)
    assert x is not None
    assert calls == len(cut(48, 24)) == 6
    x.sum().backward()
    assert calls == 12
