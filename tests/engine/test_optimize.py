"""The loop: stages, frames, determinism, and steps that fail."""

from __future__ import annotations

import math
import weakref

import pytest
import torch
from conftest import ROOT
from PIL import Image

from nst_core import (
    DeviceMemoryError,
    Frame,
    ImageError,
    Settings,
    SettingsError,
    load_image,
    stylize,
)
from nst_core.images import working_size
from nst_core.losses import _lines, weave
from nst_core.objective import TERMS, Objective
from nst_core.tensors import to_tensor

SMALL = Settings(size=64, steps=8)


def last(content: Image.Image, style: Image.Image, settings: Settings, **options: object) -> Frame:
    *_, frame = stylize(content, style, settings, **options)
    return frame


def test_frames_tell_the_run(photo: Image.Image, painting: Image.Image) -> None:
    settings = Settings(size=230, steps=6)
    frames = list(stylize(photo, painting, settings))
    assert [frame.step for frame in frames] == list(range(1, 7))
    assert all(frame.total_steps == 6 for frame in frames)
    assert [stage.size for stage in frames[0].plan] == [181, 230]
    assert sum(stage.steps for stage in frames[0].plan) == 6
    assert [frame.done for frame in frames] == [False] * 5 + [True]
    assert {frame.size for frame in frames} == {181, 230}
    elapsed = [frame.elapsed for frame in frames]
    assert elapsed == sorted(elapsed)
    assert frames[0].remaining > 0
    assert frames[-1].remaining == 0
    for frame in frames:
        assert set(frame.losses) == set(TERMS)
        terms = sum(value for name, value in frame.losses.items() if name != "total")
        assert frame.losses["total"] == pytest.approx(terms, rel=1e-4)
        assert frame.image.mode == "RGB"
        assert max(frame.image.size) == frame.size


def test_the_picture_takes_on_the_style_and_keeps_the_photo(
    photo: Image.Image, painting: Image.Image
) -> None:
    first, *_, end = stylize(photo, painting, Settings(size=96, steps=20))
    assert end.losses["style"] < 0.25 * first.losses["style"]
    assert end.losses["content"] < 2  # in units of the variance of the photo's features


@pytest.mark.full
def test_a_run_weaves_less_than_its_features_ask_for(
    photo: Image.Image, painting: Image.Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    def found() -> float:
        image = last(photo, painting, Settings(size=160)).image
        return weave(to_tensor(image, image.size)).item()

    calm = found()
    monkeypatch.setattr("nst_core.terms.WEAVE_WEIGHT", 0.0)
    assert calm < 0.75 * found()


def test_the_start_is_on_the_way_to_the_colours_of_the_painting(
    photo: Image.Image, painting: Image.Image
) -> None:
    def distance(**settings: object) -> tuple[float, float]:
        """Distances of the mean colour after one step to those of the photo and the painting."""
        frame = last(photo, painting, Settings(size=64, steps=1, **settings))
        means = [
            to_tensor(image, (64, 48)).mean(dim=(0, 2, 3))
            for image in (frame.image, photo, painting)
        ]
        return tuple((means[0] - mean).norm().item() for mean in means[1:])

    whole = distance(content_weight=0)[0]
    half = distance()[0]
    assert distance(content_weight=0)[1] < 0.05
    assert 0.3 * whole < half < 0.8 * whole
    assert distance(content_weight=10)[0] < 0.3 * whole
    assert distance(style_weight=0)[0] < 0.01
    assert distance(weighting="classic", style_weight=0.01, optimizer="adam")[0] < 0.03


def test_same_bytes_again_whenever_frames_are_yielded(
    photo: Image.Image, painting: Image.Image
) -> None:
    one = last(photo, painting, SMALL)
    two = last(photo, painting, SMALL, every=0.05)
    three = last(photo, painting, SMALL, every=60)
    assert one.image.tobytes() == two.image.tobytes() == three.image.tobytes()
    assert one.losses == three.losses


def test_seed_decides_the_noise(photo: Image.Image, painting: Image.Image) -> None:
    def run(seed: int) -> bytes:
        settings = Settings(size=64, steps=3, init="noise", seed=seed)
        return last(photo, painting, settings).image.tobytes()

    assert run(1) == run(1)
    assert run(1) != run(2)


def test_stop_ends_with_a_finished_frame(photo: Image.Image, painting: Image.Image) -> None:
    calls = iter([False, False, False, False, True])  # after each step, and after each frame
    frames = list(stylize(photo, painting, SMALL, stop=lambda: next(calls)))
    assert [frame.step for frame in frames] == [1, 2, 3]
    assert frames[-1].done


def test_a_stop_between_two_frames_makes_no_further_step(
    photo: Image.Image, painting: Image.Image
) -> None:
    """A consumer may keep a frame for long, and the next step may be one of a large size."""
    asked: list[bool] = []
    frames = stylize(photo, painting, Settings(size=64, steps=5), stop=lambda: bool(asked))
    assert next(frames).step == 1
    asked.append(True)
    (last,) = frames
    assert last.done
    assert last.step == 1


def test_closing_the_generator_ends_the_work(
    photo: Image.Image, painting: Image.Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    evaluate, calls = Objective.evaluate, 0

    def counted(self: Objective, image: torch.Tensor) -> tuple:
        nonlocal calls
        calls += 1
        return evaluate(self, image)

    monkeypatch.setattr(Objective, "evaluate", counted)
    frames = stylize(photo, painting, SMALL)
    next(frames)
    frames.close()
    assert calls == 2  # of the first picture, and of the first step


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_a_program_that_computes_in_half_precision_gets_the_same_picture(
    dtype: torch.dtype, photo: Image.Image, painting: Image.Image
) -> None:
    _lines.cache_clear()  # a run in half precision must leave nothing behind for the next one
    with torch.autocast("cpu", dtype):
        inside = last(photo, painting, SMALL)
    assert inside.image.tobytes() == last(photo, painting, SMALL).image.tobytes()


@pytest.mark.parametrize("settings", [SMALL, Settings(size=390, steps=2)])
def test_runs_on_where_gradients_are_switched_off(
    settings: Settings, photo: Image.Image, painting: Image.Image
) -> None:
    low, lines = photo.crop((0, 100, 450, 160)), painting.crop((0, 0, 450, 60))
    with torch.inference_mode():
        inside = last(low, lines, settings)
    assert inside.image.tobytes() == last(low, lines, settings).image.tobytes()


@pytest.mark.parametrize("optimizer", ["lbfgs", "adam"])
@pytest.mark.parametrize("damage", [math.nan, math.inf, 1e9])
def test_a_step_that_blows_up_is_undone(
    photo: Image.Image,
    painting: Image.Image,
    monkeypatch: pytest.MonkeyPatch,
    optimizer: str,
    damage: float,
) -> None:
    """Every third evaluation reports a ruined loss; the run must end better than it began."""
    evaluate, calls = Objective.evaluate, 0

    def sometimes_ruined(self: Objective, image: torch.Tensor) -> tuple:
        nonlocal calls
        calls += 1
        terms, grad = evaluate(self, image)
        if calls % 3 == 0:
            return {**terms, "total": terms["total"] * damage}, grad * damage
        return terms, grad

    monkeypatch.setattr(Objective, "evaluate", sometimes_ruined)
    settings = Settings(size=64, steps=12, optimizer=optimizer)
    first, *_, end = stylize(photo, painting, settings)
    assert math.isfinite(end.losses["total"])
    assert end.losses["total"] < first.losses["total"]


def test_a_rate_far_too_high_still_ends_with_a_picture(
    photo: Image.Image, painting: Image.Image
) -> None:
    settings = Settings(size=64, steps=20, optimizer="adam", learning_rate=1.0)
    frames = list(stylize(photo, painting, settings))
    assert frames[-1].losses["total"] <= min(frame.losses["total"] for frame in frames)


@pytest.mark.parametrize("colour", ["black", "white", "grey"])
def test_flat_images(colour: str, painting: Image.Image) -> None:
    flat = Image.new("RGB", (80, 60), colour)
    for content, style in ((flat, painting), (painting, flat), (flat, flat)):
        frame = last(content, style, Settings(size=64, steps=4, tv_weight=1))
        assert all(math.isfinite(value) for value in frame.losses.values())


def test_no_style_leaves_the_photo(photo: Image.Image, painting: Image.Image) -> None:
    frame = last(photo, painting, Settings(size=160, steps=3, style_weight=0, tv_weight=0))
    assert frame.losses["total"] == pytest.approx(0, abs=1e-6)
    assert frame.image.size == (160, 106)
    # The margin is cut off where it was added, so that no pixel moves.
    pixels, expected = (to_tensor(image, (160, 106)) for image in (frame.image, photo))
    assert (pixels - expected).abs().max() < 1 / 255


def test_a_margin_is_painted_and_cut_off(
    photo: Image.Image, painting: Image.Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    class Watched(Objective):
        def __init__(self, content: torch.Tensor, *others: object) -> None:
            super().__init__(content, *others)
            seen.append(content)

        def evaluate(self, image: torch.Tensor) -> tuple:
            assert image.shape == seen[-1].shape
            return super().evaluate(image)

    monkeypatch.setattr("nst_core.descent.Objective", Watched)
    frames = list(stylize(photo, painting, Settings(size=256, steps=4)))
    assert [frame.image.size for frame in frames] == [(181, 120)] * 3 + [(256, 170)]
    assert [tuple(x.shape[2:]) for x in seen] == [(126, 187), (178, 264)]
    assert seen[1][..., 3, 4:-4].equal(seen[1][..., 5, 4:-4])  # a mirror image


@pytest.mark.parametrize("shape", [(16, 16), (1500, 20), (20, 1500)])
def test_tiny_and_extreme_shapes(shape: tuple[int, int], painting: Image.Image) -> None:
    content = Image.effect_noise(shape, 80).convert("RGB")
    frame = last(content, painting, Settings(size=64, steps=2))
    assert max(frame.image.size) == 64


def test_too_small_images_are_refused(painting: Image.Image) -> None:
    with pytest.raises(ImageError, match="too small"):
        next(stylize(Image.new("RGB", (8, 8)), painting))


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
        RuntimeError("CUDA error: out of memory"),
        RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        RuntimeError("MPS backend out of memory (MPS allocated: 9.06 GB)."),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes."),
    ],
    ids=str,
)
def test_lack_of_memory_is_one_sentence(
    error: Exception,
    photo: Image.Image,
    painting: Image.Image,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def out_of_memory(*_: object) -> None:
        raise error

    monkeypatch.setattr("nst_core.descent.Objective", out_of_memory)
    with pytest.raises(DeviceMemoryError, match="smaller size"):
        next(stylize(photo, painting, SMALL))


@pytest.mark.parametrize(
    "words",
    [
        "CUDA error: an illegal memory access was encountered",
        # What cuDNN says of bfloat16 on GPUs that do not have it.
        "GET was unable to find an engine to execute this computation",
    ],
)
def test_other_errors_are_not_taken_for_a_lack_of_memory(
    words: str, photo: Image.Image, painting: Image.Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError(words)

    monkeypatch.setattr("nst_core.descent.Objective", fail)
    with pytest.raises(RuntimeError, match=words):
        next(stylize(photo, painting, SMALL))


def test_an_error_that_is_kept_keeps_no_tensors(
    photo: Image.Image, painting: Image.Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page keeps an error until it is shown; the next run needs the memory at once."""
    evaluate, seen = Objective.evaluate, []

    def short_of_memory(self: Objective, image: torch.Tensor) -> tuple:
        filling = torch.zeros(1000)
        seen.append([weakref.ref(filling), weakref.ref(self), weakref.ref(image)])
        if len(seen) == 3:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return evaluate(self, image)

    monkeypatch.setattr(Objective, "evaluate", short_of_memory)
    with pytest.raises(DeviceMemoryError) as caught:
        list(stylize(photo, painting, SMALL))
    assert caught.value is not None
    assert [ref() for refs in seen for ref in refs] == [None] * 9


@pytest.mark.parametrize("scale", [0.5, 1.0, 2.0])
def test_stroke_size_is_the_size_of_the_painting_against_the_photo(
    scale: float, photo: Image.Image, painting: Image.Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    class Watched(Objective):
        def __init__(
            self, content: torch.Tensor, styles: list[torch.Tensor], *others: object
        ) -> None:
            super().__init__(content, styles, *others)
            seen.extend(styles)

    monkeypatch.setattr("nst_core.descent.Objective", Watched)
    last(photo, painting, Settings(size=96, steps=1, style_scale=scale))
    (style,) = seen
    assert style.equal(to_tensor(painting, working_size(painting.size, round(96 * scale))))


def test_a_size_over_the_budget_is_refused_before_the_run(
    photo: Image.Image, painting: Image.Image
) -> None:
    with pytest.raises(SettingsError, match=r"memory_budget is 2 GB: choose a size of at most"):
        next(stylize(photo, painting, Settings(size=4096, memory_budget=2)))


@pytest.mark.parametrize("network_layers", ["conv5_1", "relu1_1,relu2_2"])
def test_any_layers_both_poolings(
    photo: Image.Image, painting: Image.Image, network_layers: str
) -> None:
    settings = Settings(
        size=64,
        steps=2,
        pooling="avg",
        content_layers=network_layers,
        style_layers=network_layers,
        weighting="classic",
        optimizer="adam",
    )
    assert last(photo, painting, settings).done


@pytest.mark.full
def test_results_are_not_burnt(photo: Image.Image) -> None:
    """The result has hardly more values at black or white than the painting."""
    painting = load_image(ROOT / "examples" / "styles" / "starry_night.jpg")
    *_, frame = stylize(photo, painting, Settings(size=192))
    shares = []
    for image in (frame.image, painting):
        counts = image.histogram()
        shares.append(sum(counts[k * 256] + counts[k * 256 + 255] for k in range(3)) / sum(counts))
    assert shares[0] - shares[1] < 0.01


def test_at_least_so_many_frames_evenly(photo: Image.Image, painting: Image.Image) -> None:
    frames = list(stylize(photo, painting, Settings(size=64, steps=20), every=1e9, at_least=10))
    assert [frame.step for frame in frames] == list(range(2, 21, 2))
    frames = list(stylize(photo, painting, Settings(size=64, steps=5), every=1e9, at_least=10))
    assert len(frames) == 5


def test_every_size_ends_with_a_frame(photo: Image.Image, painting: Image.Image) -> None:
    """There a run can wait, which a preview has begun."""
    frames = list(stylize(photo, painting, Settings(size=256, steps=4), every=1e9))
    first, last = frames[0].plan
    assert [(frame.step, frame.size) for frame in frames[:1]] == [(first.steps, first.size)]
    assert [frame.step for frame in frames if frame.done] == [first.steps + last.steps]


def test_start_images(photo: Image.Image, painting: Image.Image) -> None:
    """A run that starts from the result of another begins where that one ended.

    The margin, which is no part of a result, is painted again: hence the tolerance.
    """
    settings = Settings(size=96, steps=12)
    *_, first = stylize(photo, painting, settings)
    more = Settings(size=96, steps=1, init="image")
    (again,) = stylize(photo, painting, more, start=first.image)
    (fresh,) = stylize(photo, painting, Settings(size=96, steps=1))
    assert again.losses["total"] < 1.1 * first.losses["total"] < fresh.losses["total"]
    (painted,) = stylize(photo, painting, Settings(size=96, steps=1, init="style"))
    assert painted.losses["style"] < painted.losses["content"]
    with pytest.raises(SettingsError, match="no image to start from"):
        next(stylize(photo, painting, more))
    with pytest.raises(SettingsError, match="leave it out"):
        next(stylize(photo, painting, SMALL, start=photo))
