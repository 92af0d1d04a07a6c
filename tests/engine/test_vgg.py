"""The network: its layers, and their values and gradients as torchvision's VGG has them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
import torchvision
from torch import Tensor, nn

from nst_core.layers import convolutions, layer_names
from nst_core.vgg import MEAN, STD, VGGFeatures, _Convolution
from nst_core.weights import load_weights, torchvision_path


@pytest.mark.parametrize("pooling", ["max", "avg"])
def test_features_have_the_shapes_of_the_paper(pooling: str) -> None:
    names = layer_names("vgg16")
    features = VGGFeatures("vgg16", names, pooling)(torch.rand(1, 3, 64, 48))
    assert set(features) == set(names)
    shapes = {
        1: (1, 64, 64, 48),
        2: (1, 128, 32, 24),
        3: (1, 256, 16, 12),
        4: (1, 512, 8, 6),
        5: (1, 512, 4, 3),
    }
    for place in convolutions("vgg16"):
        for name in (place.conv, place.relu):
            assert features[name].shape == shapes[place.block], name
        assert features[place.relu].min() >= 0
    assert features["conv4_2"].min() < 0
    torch.testing.assert_close(features["conv4_2"].relu(), features["relu4_2"])


def test_a_layer_does_not_depend_on_which_others_are_asked_for() -> None:
    image = torch.rand(1, 3, 32, 32)
    alone = VGGFeatures("vgg16", ["relu3_1"])(image)["relu3_1"]
    among = VGGFeatures("vgg16", layer_names("vgg16"))(image)["relu3_1"]
    torch.testing.assert_close(alone, among)


def test_the_network_is_cut_frozen_and_in_eval_mode() -> None:
    vgg = VGGFeatures("vgg16", ["relu1_2", "conv2_1"])
    assert list(vgg.convs) == ["conv1_1", "conv1_2", "conv2_1"]
    assert not any(parameter.requires_grad for parameter in vgg.parameters())
    assert not vgg.training


@pytest.mark.parametrize("size", [(1, 1), (1, 4), (2, 3), (9, 7)])
@pytest.mark.parametrize("rectify", [True, False])
def test_convolution_is_that_of_torch(size: tuple[int, int], rectify: bool) -> None:
    torch.manual_seed(0)
    x = torch.randn(1, 4, *size, dtype=torch.float64, requires_grad=True)
    weight, bias = torch.randn(6, 4, 3, 3).double(), torch.randn(6).double()
    plain = F.conv2d(F.pad(x, (1, 1, 1, 1), mode="replicate"), weight, bias)
    plain = plain.relu() if rectify else plain
    grad = torch.randn_like(plain)
    (expected,) = torch.autograd.grad(plain, x, grad)
    ours = _Convolution.apply(x, weight, bias, rectify)
    torch.testing.assert_close(ours, plain)
    (gradient,) = torch.autograd.grad(ours, x, grad.clone())
    torch.testing.assert_close(gradient, expected)


@pytest.fixture
def random_vgg19(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """VGG-19 with random weights, which keep the size of the values from layer to layer."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    torchvision_path().parent.mkdir(parents=True)
    torch.manual_seed(0)
    tensors = {}
    for place in convolutions("vgg19"):
        weight = torch.empty(place.shapes[place.weight_key])
        tensors[place.weight_key] = nn.init.kaiming_normal_(weight)
        tensors[place.bias_key] = torch.randn(place.channels) / 10
    torch.save(tensors, torchvision_path())


def torchvision_features(network: str, pooling: str) -> nn.Sequential:
    """`features` of torchvision's network in float64, down to conv5_1, with our weights."""
    build: Callable[..., nn.Module] = getattr(torchvision.models, network)
    with torch.device("meta"):  # no memory and no random values for the classifier
        features = build(weights=None).features
    assert isinstance(features, nn.Sequential)
    last = convolutions(network)[-1].index + 1
    features = features[: last + 1].to_empty(device="cpu")
    weights = load_weights(network)
    features.load_state_dict({key.removeprefix("features."): x for key, x in weights.items()})
    if pooling == "avg":
        for index, layer in enumerate(features):
            if isinstance(layer, nn.MaxPool2d):
                features[index] = nn.AvgPool2d(kernel_size=2, stride=2)
    return features.double().requires_grad_(False)


def inner(features: dict[str, Tensor], network: str) -> dict[str, Tensor]:
    """The part of each feature map that does not depend on what the borders are padded with."""
    found, reach, block = {}, 0, 1
    for place in convolutions(network):
        if place.block > block:
            reach, block = (reach + 1) // 2, place.block
        reach += 1
        for name in {place.conv, place.relu} & features.keys():
            found[name] = features[name][:, :, reach:-reach, reach:-reach]
            assert found[name].numel() > 0, name
    return found


def gradient_of(features: dict[str, Tensor], image: Tensor) -> Tensor:
    """Gradient of a sum of all values, with random weights of the same size for each layer."""
    torch.manual_seed(2)
    terms = [
        (x * torch.randn_like(x)).sum() / x.detach().norm() for _, x in sorted(features.items())
    ]
    (gradient,) = torch.autograd.grad(torch.stack(terms).sum(), image, retain_graph=True)
    return gradient


@pytest.mark.parametrize("pooling", ["max", "avg"])
@pytest.mark.parametrize(("network", "size"), [("vgg16", (144, 160)), ("vgg19", (176, 176))])
def test_values_and_gradient_are_those_of_torchvision(
    network: str, size: tuple[int, int], pooling: str, random_vgg19: None
) -> None:
    """At each layer, away from the border: torchvision pads zeros, we repeat the border."""
    torch.manual_seed(1)
    image = torch.rand(1, 3, *size, dtype=torch.float64, requires_grad=True)
    # Our means are of float32, also where the rest is of float64.
    mean, std = torch.tensor(MEAN).tolist(), torch.tensor(STD).tolist()
    x = torchvision.transforms.Normalize(mean, std)(image)
    at = {place.index: place for place in convolutions(network)}
    theirs: dict[str, Tensor] = {}
    for index, layer in enumerate(torchvision_features(network, pooling)):
        x = layer(x)
        if index in at:
            theirs[at[index].conv] = x.clone()  # the ReLU behind it works in place
        elif index - 1 in at:
            theirs[at[index - 1].relu] = x
    theirs = inner(theirs, network)

    # The second: where a ReLU is not asked for, it changes places with the pooling.
    for layers in (layer_names(network), ("conv2_2", "relu5_1")):
        features = VGGFeatures(network, layers, pooling).double()(image)
        assert set(features) == set(layers)
        ours = inner(features, network)
        asked = {name: theirs[name] for name in layers}
        for name in layers:
            torch.testing.assert_close(ours[name], asked[name], rtol=1e-9, atol=1e-9)
        expected = gradient_of(asked, image)
        error = (gradient_of(ours, image) - expected).abs().max()
        assert error < 1e-9 * expected.abs().max()
