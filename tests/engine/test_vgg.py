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


def torchvision_network(network: str) -> nn.Sequential:
    """`features` of torchvision's network in float64, down to conv5_1, with our weights."""
    build: Callable[..., nn.Module] = getattr(torchvision.models, network)
    with torch.device("meta"):  # no memory and no random values for the classifier
        features = build(weights=None).features
    assert isinstance(features, nn.Sequential)
    last = convolutions(network)[-1].index + 1
    features = features[: last + 1].to_empty(device="cpu")
    weights = load_weights(network)
    features.load_state_dict({key.removeprefix("features."): x for key, x in weights.items()})
    return features.double().requires_grad_(False)


def reference(vgg: nn.Sequential, network: str, image: Tensor) -> dict[str, Tensor]:
    """All layers of torchvision's network, by our names."""
    # Our means are of float32, also where the rest is of float64.
    mean, std = torch.tensor(MEAN).tolist(), torch.tensor(STD).tolist()
    x = torchvision.transforms.Normalize(mean, std)(image)
    at = {place.index: place for place in convolutions(network)}
    found: dict[str, Tensor] = {}
    for index, layer in enumerate(vgg):
        x = layer(x)
        if index in at:
            found[at[index].conv] = x.clone()  # the ReLU behind it works in place
        elif index - 1 in at:
            found[at[index - 1].relu] = x
    return found


def assert_same(ours: dict[str, Tensor], theirs: dict[str, Tensor], image: Tensor) -> None:
    """The same values, and the same gradient of a sum of them with random weights."""
    gradients = []
    for features in (ours, theirs):
        torch.manual_seed(2)
        # Divided by their size, so that every layer has a part in the sum.
        terms = [
            (features[name] * torch.randn_like(x)).sum() / x.detach().norm()
            for name, x in sorted(theirs.items())
        ]
        gradients += torch.autograd.grad(torch.stack(terms).sum(), image, retain_graph=True)
    for name in theirs:
        torch.testing.assert_close(ours[name], theirs[name], rtol=1e-9, atol=1e-9)
    gradient, expected = gradients
    assert (gradient - expected).abs().max() < 1e-9 * expected.abs().max()


def test_a_gradient_that_others_hold_is_not_written_to() -> None:
    _, x = VGGFeatures("vgg16", ["relu1_1", "relu3_1"]).head(
        torch.rand(1, 3, 16, 16).requires_grad_()
    )
    grad = torch.randn_like(x, memory_format=torch.channels_last)
    before = grad.clone()
    x.backward(grad)
    assert torch.equal(grad, before)


def test_programs_that_ask_for_deterministic_algorithms_get_the_same_gradient() -> None:
    vgg = VGGFeatures("vgg16", ["relu3_1"])
    image = torch.rand(1, 3, 24, 20, requires_grad=True)

    def gradient() -> Tensor:
        (grad,) = torch.autograd.grad(vgg(image)["relu3_1"].square().sum(), image)
        return grad

    expected = gradient()
    torch.use_deterministic_algorithms(True)
    try:
        assert torch.equal(gradient(), expected)
    finally:
        torch.use_deterministic_algorithms(False)


def test_a_map_that_only_the_pooling_needs_is_not_kept_for_the_backward_pass() -> None:
    image = torch.rand(1, 3, 32, 48, requires_grad=True)
    kept: list[Tensor] = []

    def keep(x: Tensor) -> Tensor:
        kept.append(x)
        return x

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda x: x):
        VGGFeatures("vgg16", ["relu2_1"])(image)
    maps = [tuple(x.shape) for x in kept if x.shape[1:2] == (64,) and x.shape[-1] > 3]
    # relu1_1; places and values of the pooled map; and nothing of conv1_2, which is large.
    assert sorted(maps) == [(1, 64, 16, 24), (1, 64, 16, 24), (1, 64, 32, 48)]


@pytest.mark.parametrize("pooling", ["max", "avg"])
@pytest.mark.parametrize("network", ["vgg16", "vgg19"])
def test_values_and_gradient_are_those_of_torchvision_where_it_repeats_the_border(
    network: str, pooling: str, random_vgg19: None
) -> None:
    vgg = torchvision_network(network)
    for index, layer in enumerate(vgg):
        if isinstance(layer, nn.Conv2d):
            shape = layer.in_channels, layer.out_channels, layer.kernel_size
            repeating = nn.Conv2d(*shape, padding=layer.padding, padding_mode="replicate")
            repeating.load_state_dict(layer.state_dict())
            vgg[index] = repeating.double()
        if isinstance(layer, nn.MaxPool2d) and pooling == "avg":
            vgg[index] = nn.AvgPool2d(layer.kernel_size, layer.stride)
    torch.manual_seed(1)
    image = torch.rand(1, 3, 48, 35, dtype=torch.float64, requires_grad=True)
    theirs = reference(vgg, network, image)
    names = layer_names(network)
    # The second: where a ReLU is not asked for, it changes places with the pooling.
    for layers in (names, ("conv2_2", "relu5_1"), ("conv3_1",)):
        ours = VGGFeatures(network, layers, pooling).double()(image)
        assert ours.keys() == set(layers)
        assert_same(ours, {name: theirs[name] for name in layers}, image)


def test_values_and_gradient_are_those_of_torchvision_away_from_the_border() -> None:
    """torchvision pads with zeros, which reach 4 positions deep into relu5_1."""
    layers, border = ("relu2_1", "conv4_2", "relu5_1"), {"relu2_1": 2, "conv4_2": 5, "relu5_1": 4}
    torch.manual_seed(1)
    image = torch.rand(1, 3, 144, 160, dtype=torch.float64, requires_grad=True)
    pair = [
        VGGFeatures("vgg16", layers).double()(image),
        reference(torchvision_network("vgg16"), "vgg16", image),
    ]
    ours, theirs = ({name: x[name][:, :, n:-n, n:-n] for name, n in border.items()} for x in pair)
    assert_same(ours, theirs, image)
