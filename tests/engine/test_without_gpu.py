"""What a GPU asks of the code, as far as it shows without one.

Tensors of `FakeTensorMode` have a device, a shape and a layout, but no values. They can be on a GPU
that is not there, and complain where a tensor of the CPU meets one of the GPU.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from PIL import Image
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode

from nst_core import Settings, prepare
from nst_core.descent import Descent
from nst_core.layers import convolutions
from nst_core.losses import _lines
from nst_core.objective import Objective
from nst_core.optimizers import LBFGS, Adam
from nst_core.tensors import _resampling, add_margin, reduce
from nst_core.upscale import enlarge
from nst_core.vgg import VGGFeatures

GPU = "cuda"


class Watch(TorchDispatchMode):
    """Counts what waits for a device: numbers that are read, and tensors copied to another device.

    Args:
        answer: what is read, where tensors have no values.
    """

    def __init__(self, answer: float | None = None) -> None:
        super().__init__()
        self.answer = answer
        self.reads = self.copies = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        if func is torch.ops.aten._local_scalar_dense.default:
            self.reads += 1
            if self.answer is not None:
                return self.answer
        found = func(*args, **(kwargs or {}))
        if func is torch.ops.aten._to_copy.default and found.device != args[0].device:
            self.copies += 1
        return found


def weights_on_gpu(network: str) -> dict[str, Tensor]:
    shapes = {key: x for place in convolutions(network) for key, x in place.shapes.items()}
    return {key: torch.empty(shape, device=GPU) for key, shape in shapes.items()}


def network_on_gpu(network: str, layers: tuple[str, ...], pooling: str, *_: str) -> VGGFeatures:
    with torch.device(GPU):
        return VGGFeatures(network, layers, pooling)


@pytest.fixture
def fake_gpu(monkeypatch: pytest.MonkeyPatch) -> Iterator[Watch]:
    """Within it, tensors can be on a GPU."""
    monkeypatch.setattr("nst_core.vgg.load_weights", weights_on_gpu)
    monkeypatch.setattr("nst_core.objective.load_vgg", network_on_gpu)
    kept = (_resampling, _lines)
    for tensors in kept:
        tensors.cache_clear()
    with FakeTensorMode(), Watch(answer=0.5) as watch:
        yield watch
    for tensors in kept:
        tensors.cache_clear()


def image_on_gpu(height: int, width: int, channels: int = 3) -> Tensor:
    image = torch.empty(1, channels, height, width, device=GPU)
    return image.contiguous(memory_format=torch.channels_last)


@pytest.mark.full
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"region": "style", "tv_weight": 1},
        {"weighting": "classic", "pooling": "avg"},
    ],
    ids=str,
)
@pytest.mark.parametrize("in_strips", [False, True], ids=["whole", "strips"])
def test_the_loss_stays_on_the_gpu(
    settings: dict[str, Any], in_strips: bool, fake_gpu: Watch
) -> None:
    chosen = Settings(**settings)
    photo = image_on_gpu(300, 400)
    mask = image_on_gpu(300, 400, 1) if chosen.region == "style" else None
    styles = [image_on_gpu(200, 300), image_on_gpu(300, 200)]
    objective = Objective(photo, styles, chosen, mask, in_strips)
    smaller = reduce(photo, 0.64)
    for _ in range(2):  # the first time may prepare things
        fake_gpu.reads = fake_gpu.copies = 0
        found = objective.pixels(photo)
        for scale, image in ((objective.full, photo), (objective.second, smaller)):
            if scale is not None:
                terms, layers = scale(image)
                found |= terms | layers
        assert {term.device.type for term in found.values()} == {GPU}
    assert (fake_gpu.reads, fake_gpu.copies) == (0, 0)


@pytest.mark.full
@pytest.mark.parametrize("kind", [LBFGS, Adam])
def test_optimisers_stay_on_the_gpu_and_in_channels_last(
    kind: type[LBFGS | Adam], fake_gpu: Watch
) -> None:
    """Inner products of images in another layout would copy both."""
    optimizer = LBFGS(history=3) if kind is LBFGS else Adam(0.02)
    for size in ((51, 64), (101, 128)):
        image, grad = image_on_gpu(*size), image_on_gpu(*size)
        if size == (101, 128):
            enlarged = isinstance(optimizer, LBFGS)
            optimizer = optimizer.enlarge(image, history=3) if enlarged else Adam(0.02)
        for reject in (False, False, True, False):
            new = optimizer.propose(image, grad).clamp(0, 1)
            if reject:
                optimizer.reject()
            else:
                optimizer.accept(new - image, grad - grad)
            assert new.device.type == GPU
            assert new.is_contiguous(memory_format=torch.channels_last)
        known = optimizer.pairs.latest(3) if isinstance(optimizer, LBFGS) else ()
        changes = [x for pair in known for x in pair]
        assert len(changes) == (6 if kind is LBFGS else 0)
        assert all(x.is_contiguous(memory_format=torch.channels_last) for x in changes)


@pytest.mark.full
def test_pictures_go_from_size_to_size_on_the_gpu_in_channels_last(fake_gpu: Watch) -> None:
    large = enlarge(image_on_gpu(51, 64), image_on_gpu(51, 64), image_on_gpu(120, 150))
    for image in (large, add_margin(large, 4), reduce(large, 0.5)):
        assert image.device.type == GPU
        assert image.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("optimizer", ["lbfgs", "adam"])
def test_a_step_reads_one_number(
    optimizer: str, photo: Image.Image, painting: Image.Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The loss, with regions and at two scales; each further number would make a GPU wait."""
    for module in ("plan", "objective"):
        monkeypatch.setattr(f"nst_core.{module}.SECOND_SCALE", 48)
    monkeypatch.setattr("nst_core.plan.SECOND_SCALE_FROM", 64)
    mask = Image.new("L", photo.size)
    mask.paste(255, (100, 50, 300, 200))
    settings = Settings(size=64, steps=9, region="style", optimizer=optimizer, tv_weight=1)
    transfer = prepare(photo, [painting, photo], settings, mask=mask)
    descent = Descent(transfer, transfer.plan[0], "cpu", lambda: None, None)
    assert descent.objective.second is not None
    descent.step()
    with Watch() as watch:
        descent.step()
    assert watch.reads == 1
