"""A GPU gives the values, the pictures and the sentences of the CPU, and its memory back.

python -m pytest -m gpu                           on the GPU; without one, all tests are skipped
NST_TEST_DEVICE=cpu python -m pytest -m gpu       on the CPU, as far as they go

On a machine that has pytest, PyTorch and Pillow, but not the other requirements of the tests:

python -m pytest -c /dev/null --confcutdir=tests/gpu tests/gpu
"""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import Tensor

from nst_core import DeviceMemoryError, Frame, Settings, prepare, stylize
from nst_core.allocator import release_freed_memory
from nst_core.descent import Descent
from nst_core.objective import Objective
from nst_core.tensors import to_tensor
from nst_core.vgg import VGGFeatures, load_vgg

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
sys.path.insert(0, str(ROOT / "tests" / "benchmarks"))

from metrics import Quality  # noqa: E402

pytestmark = pytest.mark.gpu

PRECISIONS = ("float32", "bfloat16")
# Large enough for the second scale, small enough for float64 on the CPU.
SHAPE = (392, 196)
# The largest errors of the terms, and of the gradient against its size. In bfloat16, which rounds
# products and feature maps to 8 bits, they are up to 0.3 % and 8.3 % on the CPU
# (tests/benchmarks/precision.py). In float32 a GPU multiplies in TF32, which rounds to 11 bits: an
# eighth. Both allow about twice that, and float32 no less than 0.5 % and 3 %.
ERRORS = {"float32": (0.005, 0.03), "bfloat16": (0.01, 0.2)}


@pytest.fixture(scope="session")
def device() -> str:
    """Where to compute."""
    device = os.environ.get("NST_TEST_DEVICE", "cuda")
    if device.startswith("cuda") and not torch.cuda.is_available():
        pytest.skip("there is no GPU")
    return device


@pytest.fixture(scope="session")
def cuda(device: str) -> str:
    """The device, for tests of what no CPU has."""
    if not device.startswith("cuda"):
        pytest.skip("only a GPU has this")
    return device


# Read by Pillow alone: a bare machine lacks what `load_image` needs besides.
@pytest.fixture(scope="session")
def photo() -> Image.Image:
    return Image.open(EXAMPLES / "contents" / "chelsea.jpg").convert("RGB")


@pytest.fixture(scope="session")
def painting() -> Image.Image:
    return Image.open(EXAMPLES / "styles" / "flow_strokes.jpg").convert("RGB")


def last(content: Image.Image, style: Image.Image, settings: Settings, device: str) -> Frame:
    *_, frame = stylize(content, style, settings, every=1e9, device=device)
    return frame


def evaluate(
    images: list[Tensor], settings: Settings, in_strips: bool
) -> tuple[dict[str, Tensor], Tensor]:
    """Terms and gradient halfway between photo and painting, in float64 on the CPU."""
    photo, painting, other, mask = images
    region = mask if settings.region == "style" else None
    styles = [painting] if region is None else [painting, other]
    objective = Objective(photo, styles, settings, region, in_strips)
    terms, grad = objective.evaluate(0.5 * photo + 0.5 * painting)
    return {name: term.double().cpu() for name, term in terms.items()}, grad.double().cpu()


@pytest.fixture(scope="module")
def images(photo: Image.Image, painting: Image.Image) -> list[Tensor]:
    """Photo, two paintings and a mask in float64, all of one shape."""
    turned = painting.transpose(Image.Transpose.ROTATE_180)
    mask = torch.zeros(1, 1, *SHAPE[::-1], dtype=torch.float64)
    mask[..., 60:140, 60:280] = 1
    return [*(to_tensor(x, SHAPE).double() for x in (photo, painting, turned)), mask]


@pytest.fixture(scope="module")
def reference(images: list[Tensor]) -> Callable[[Settings], tuple[dict[str, Tensor], Tensor]]:
    """What `evaluate` gives in float64 on the CPU, by the settings that matter to it."""
    known: dict[str, tuple[dict[str, Tensor], Tensor]] = {}

    def find(settings: Settings) -> tuple[dict[str, Tensor], Tensor]:
        if settings.region not in known:
            layers = {*settings.content_layers, *settings.style_layers}
            vgg = VGGFeatures("vgg16", layers).double()
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr("nst_core.objective.load_vgg", lambda *_: vgg)
                known[settings.region] = evaluate(images, settings, in_strips=False)
        return known[settings.region]

    return find


@pytest.mark.parametrize("region", ["protect", "style"])
@pytest.mark.parametrize("in_strips", [False, True], ids=["whole", "strips"])
@pytest.mark.parametrize("precision", PRECISIONS)
def test_values_and_gradient_are_those_of_the_cpu_in_float64(
    precision: str,
    in_strips: bool,
    region: str,
    device: str,
    images: list[Tensor],
    reference: Callable[[Settings], tuple[dict[str, Tensor], Tensor]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = Settings(precision=precision, region=region, tv_weight=1)
    monkeypatch.setattr("nst_core.strips.STRIP_PIXELS", 2**14)  # else one strip holds all
    torch.set_float32_matmul_precision("high")  # as in every run
    terms, grad = evaluate([x.float().to(device) for x in images], settings, in_strips)
    expected, expected_grad = reference(settings)
    most, most_of_gradient = ERRORS[precision]
    assert terms.keys() == expected.keys()
    for name, term in terms.items():
        assert term.item() == pytest.approx(expected[name].item(), rel=most), name
    assert (grad - expected_grad).norm() < most_of_gradient * expected_grad.norm()


@pytest.mark.parametrize("precision", PRECISIONS)
def test_a_whole_run_is_as_good_as_on_the_cpu(
    precision: str, device: str, photo: Image.Image, painting: Image.Image
) -> None:
    """S and C (tests/benchmarks/metrics.py), against a run in float32 on the CPU.

    Over thirty steps other roundings become other strokes, so that no pixel need be the same. The
    tolerances are two to three times the largest differences of bfloat16 and float32 on the CPU
    (512 pixels: S 0.204 and 0.210, C 0.545 and 0.547).
    """
    settings = Settings(size=128 if device == "cpu" else 512)
    quality = Quality(photo, painting)
    s, c = quality(last(photo, painting, replace(settings, precision="float32"), "cpu").image)
    found = last(photo, painting, replace(settings, precision=precision), device)
    own_s, own_c = quality(found.image)
    assert own_s == pytest.approx(s, rel=0.08)
    assert own_c == pytest.approx(c, abs=0.02)


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("size", [96, 390], ids=["one scale", "two scales"])
def test_two_runs_in_a_row_are_the_same_bytes(
    size: int, precision: str, device: str, photo: Image.Image, painting: Image.Image
) -> None:
    settings = Settings(size=size, steps=4, precision=precision)
    low = photo if device != "cpu" else photo.crop((0, 100, 450, 160))  # the CPU takes its time
    one, two = (last(low, painting, settings, device) for _ in range(2))
    assert one.losses == two.losses
    assert one.image.tobytes() == two.image.tobytes()


FORKED = """
import hashlib, multiprocessing, sys
from PIL import Image
from nst_core import Settings, prepare

def work(transfer, device, answers):
    from nst_core.optimize import paint
    *_, frame = paint(transfer, device=device)
    answers.put(hashlib.sha256(frame.image.tobytes()).hexdigest())

photo, painting, device = sys.argv[1:]
photo, painting = (Image.open(path).convert("RGB") for path in (photo, painting))
transfer = prepare(photo, painting, Settings(size=96, steps=4, precision="float32"))
context = multiprocessing.get_context("fork")
for _ in range(2):
    answers = context.SimpleQueue()
    worker = context.Process(target=work, args=(transfer, device, answers))
    worker.start()
    worker.join()
    assert worker.exitcode == 0
    print(answers.get())
"""


def test_forked_workers_make_the_picture_of_this_process(
    device: str, photo: Image.Image, painting: Image.Image, tmp_path: Path
) -> None:
    """As on ZeroGPU: a process that has prepared a run, and computed nothing, forks workers."""
    import hashlib

    paths = [tmp_path / "photo.png", tmp_path / "painting.png"]
    for path, image in zip(paths, (photo, painting), strict=True):
        image.save(path)
    command = [sys.executable, "-c", FORKED, *map(str, paths), device]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    here = last(photo, painting, Settings(size=96, steps=4, precision="float32"), device)
    expected = hashlib.sha256(here.image.tobytes()).hexdigest()
    assert done.stdout.split() == [expected, expected]


@pytest.mark.parametrize(
    "settings",
    [
        {"init": "noise", "pooling": "avg", "tv_weight": 1},
        {"init": "style", "color": "match"},
        {"weighting": "classic", "optimizer": "adam"},
        {"weighting": "classic", "content_layers": "conv1_1", "style_layers": "relu3_1"},
        {"region": "style", "style_mix": "1,0.5,0.2"},
    ],
    ids=lambda settings: " ".join(map(str, settings.values())),
)
def test_every_setting_works_on_the_device(
    settings: dict[str, object], device: str, photo: Image.Image, painting: Image.Image
) -> None:
    chosen = Settings(**{"size": 96, "steps": 4, **settings})
    mask = Image.new("L", photo.size)
    mask.paste(255, (100, 50, 300, 200))
    styles = [painting, photo, painting.transpose(Image.Transpose.ROTATE_180)]
    *_, frame = stylize(photo, styles, chosen, mask=mask, device=device)
    first, *_ = stylize(photo, styles, chosen, mask=mask, device=device)
    assert frame.done
    assert frame.losses["total"] <= first.losses["total"]


def test_a_step_waits_for_the_device_once(
    cuda: str, photo: Image.Image, painting: Image.Image
) -> None:
    transfer = prepare(photo, painting, Settings(size=390))
    first, second = transfer.plan
    descent = Descent(transfer, first, cuda, lambda: None, None)
    descent.step()
    descent = Descent(transfer, second, cuda, lambda: None, descent)
    descent.step()
    torch.cuda.set_sync_debug_mode("warn")
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            descent.step()
    finally:
        torch.cuda.set_sync_debug_mode("default")
    waits = [str(x.message) for x in caught if "synchroniz" in str(x.message)]
    assert len(waits) == 1, waits


@pytest.mark.parametrize("after", [2, 10, 16, 22])
def test_a_large_picture_stops_within_a_step(
    after: int,
    device: str,
    photo: Image.Image,
    painting: Image.Image,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In the forward or the backward pass, which CUDA runs in a thread of its own."""
    monkeypatch.setattr("nst_core.plan.STRIPS_MEGAPIXELS", 0.0)  # this picture counts as large
    monkeypatch.setattr("nst_core.strips.STRIP_PIXELS", 2**11)
    settings = Settings(size=128, steps=3, coarse_to_fine=False)
    calls: list[int] = []

    def count() -> bool:
        calls.append(1)
        return False

    frames = stylize(photo, painting, settings, stop=count, device=device)
    next(frames)
    begun = len(calls)
    next(frames)
    in_a_step = len(calls) - begun
    frames.close()
    assert in_a_step > 24
    calls.clear()

    def stop() -> bool:
        calls.append(1)
        return len(calls) > begun + after

    *_, frame = stylize(photo, painting, settings, stop=stop, device=device)
    assert frame.done
    assert frame.step == 1
    assert len(calls) == begun + after + 1
    assert last(photo, painting, replace(settings, steps=1), device).step == 1


def test_lack_of_memory_is_one_sentence_and_the_next_run_works(
    cuda: str, photo: Image.Image, painting: Image.Image
) -> None:
    small = Settings(size=96, steps=3, precision="float32")
    large = replace(small, size=2048, coarse_to_fine=False)
    load_vgg.cache_clear()
    last(photo, painting, small, cuda)
    release_freed_memory()
    before = torch.cuda.memory_allocated()
    whole = torch.cuda.get_device_properties(cuda).total_memory
    torch.cuda.set_per_process_memory_fraction(7e8 / whole)
    try:
        with pytest.raises(DeviceMemoryError, match=r"too little memory for size 2048: .*\.$") as e:
            last(photo, painting, large, cuda)
        # The error is still here, and keeps nothing.
        assert e.value is not None
        assert torch.cuda.memory_allocated() < before + 1e8
        assert torch.cuda.memory_reserved() < before + 2e8
        assert last(photo, painting, small, cuda).done
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)


def test_memory_is_given_back(cuda: str, photo: Image.Image, painting: Image.Image) -> None:
    """A run leaves the weights; PyTorch keeps the rest for the next run until it is released."""
    settings = Settings(size=768, steps=4)
    load_vgg.cache_clear()
    last(photo, painting, settings, cuda)
    after_one = torch.cuda.memory_allocated()
    last(photo, painting, settings, cuda)
    assert torch.cuda.memory_allocated() == after_one
    assert torch.cuda.memory_reserved() > after_one + 5e8
    release_freed_memory()
    assert torch.cuda.memory_reserved() < after_one + 2e8  # weights share blocks with what is freed
    frames = stylize(photo, painting, settings, device=cuda)
    next(frames)
    frames.close()  # as where a visitor leaves
    assert torch.cuda.memory_allocated() <= after_one
