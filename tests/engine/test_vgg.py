"""The network: its layers, its cut, its weights, and what happens where they are missing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from nst_core import WeightsError
from nst_core.layers import layer_names
from nst_core.vgg import VGGFeatures, _Convolution
from nst_core.weights import BUNDLED_VGG16, VGG19_FILE, load_weights, vgg19_path


@pytest.mark.parametrize("pooling", ["max", "avg"])
def test_features_have_the_shapes_of_the_paper(pooling: str) -> None:
    names = layer_names("vgg16")
    features = VGGFeatures("vgg16", names, pooling)(torch.rand(1, 3, 64, 48))
    assert set(features) == set(names)
    for name, x in features.items():
        block = int(name[4])
        channels = (64, 128, 256, 512, 512)[block - 1]
        scale = 2 ** (block - 1)
        assert x.shape == (1, channels, 64 // scale, 48 // scale), name
        if name.startswith("relu"):
            assert x.min() >= 0
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


def test_bundled_weights_are_what_they_say() -> None:
    weights = load_weights("vgg16")
    assert BUNDLED_VGG16.stat().st_size < 21_000_000
    assert sum(w.numel() for w in weights.values()) == 9_995_072
    assert all(w.dtype == torch.float32 and w.isfinite().all() for w in weights.values())
    # A published value of the original release, conv5_1 kernel [1, 0, 63, 269].
    original = weights["features.24.weight"][269, 63, 1, 0].item()
    assert original == pytest.approx(-0.011236359, rel=1e-3)


def test_vgg19_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    """In a process of its own, with an empty cache and a network that leads nowhere."""
    nowhere = "http://127.0.0.1:9"
    environment = os.environ | {
        "TORCH_HOME": str(tmp_path),
        "HTTPS_PROXY": nowhere,
        "https_proxy": nowhere,
    }
    code = "from nst_core.weights import load_weights; load_weights('vgg19')"
    run = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    message = run.stderr.strip().splitlines()[-1]
    assert "WeightsError" in message
    assert VGG19_FILE in message
    assert str(tmp_path) in message
    assert "vgg16" in message


def test_vgg19_from_a_file_that_was_put_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    path = vgg19_path()
    path.parent.mkdir(parents=True)
    state, index, channels = {}, 0, 3
    torch.manual_seed(0)
    for block, depth in enumerate((2, 2, 4, 4, 4)):
        for _ in range(depth):
            width = 64 * 2 ** min(block, 3)
            state[f"features.{index}.weight"] = torch.randn(width, channels, 3, 3) * 0.02
            state[f"features.{index}.bias"] = torch.zeros(width)
            channels, index = width, index + 2
        index += 1
    torch.save(state, path)
    features = VGGFeatures("vgg19", ["relu3_4", "relu5_1"])(torch.rand(1, 3, 32, 32))
    assert features["relu3_4"].shape == (1, 256, 8, 8)
    assert features["relu5_1"].shape == (1, 512, 2, 2)

    del state["features.5.weight"]
    torch.save(state, path)
    with pytest.raises(WeightsError, match="conv2_1"):
        VGGFeatures("vgg19", ["relu5_1"])
    path.write_bytes(b"not weights")
    with pytest.raises(WeightsError, match="can't be read"):
        VGGFeatures("vgg19", ["relu5_1"])
