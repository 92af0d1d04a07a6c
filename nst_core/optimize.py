"""The loop: pixels move until features and Gram matrices are those asked for.

Coarse to fine: most steps run at small sizes, where they cost little and move large shapes;
the few at the final size add the brush strokes.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from ._memory import keep_freed_memory
from .errors import DeviceMemoryError
from .images import load_image, to_image, to_tensor, working_size
from .losses import ContentLoss, StyleLoss, TotalVariationLoss
from .optimizers import LBFGS, Adam
from .settings import DEFAULTS, Settings
from .vgg import load_vgg

# Balanced terms are both about 1 for a fresh image, but a picture looks good where the style
# counts for more. Folded in here, so that both weights read 1.0 in the middle of the sliders.
STYLE_PER_CONTENT = 30.0
# Smoothness 1.0 is then a visible calm, not a blur.
TV_PER_CONTENT = 0.5

# Weights of the style layers by block. Gatys et al. weigh all layers alike; with more weight on
# the shallow ones colours and strokes are taken on, while faces and contours are kept.
STYLE_BLOCK_WEIGHTS = (4.0, 2.0, 1.0, 0.5, 0.25)

FIRST_SIZE = 128
# Every size has this part of the steps of the size before.
STEPS_RATIO = 0.55
# A step that makes the loss larger than this many times is undone.
BLOW_UP = 2.0


@dataclass(frozen=True)
class Frame:
    """One look at the picture while it is made.

    Attributes:
        image: RGB, in the size worked at (its long side is `size`).
        step, total_steps: steps made, and steps in all.
        size: long side of the present scale, in pixels.
        losses: weighted terms "content", "style", "total_variation", and their "total".
        elapsed: seconds since the start.
        remaining: estimate of the seconds to the end.
        done: whether this is the last frame; its image is then the best one found.
    """

    image: Image.Image
    step: int
    total_steps: int
    size: int
    losses: dict[str, float]
    elapsed: float
    remaining: float
    done: bool


@dataclass(frozen=True)
class Stage:
    """Some steps at one size of the ladder; `size` is the long side in pixels."""

    size: int
    steps: int


def ladder(settings: Settings) -> tuple[Stage, ...]:
    """The sizes to work at, small to large, with `settings.steps` spread over them."""
    rungs = 1
    if settings.coarse_to_fine and settings.size > FIRST_SIZE:
        rungs += max(1, round(math.log2(settings.size / FIRST_SIZE)))
    rungs = min(rungs, settings.steps)  # one step at least on every rung
    growth = (settings.size / FIRST_SIZE) ** (1 / max(1, rungs - 1))
    sizes = [round(settings.size / growth**k) for k in reversed(range(rungs))]
    shares = [STEPS_RATIO**k for k in range(rungs)]
    ends = [round(settings.steps * sum(shares[: k + 1]) / sum(shares)) for k in range(rungs)]
    for k in range(1, rungs):
        ends[k] = max(ends[k], ends[k - 1] + 1)
    ends = [min(end, settings.steps - (rungs - 1 - k)) for k, end in enumerate(ends)]
    steps = [end - start for start, end in zip([0, *ends], ends, strict=False)]
    return tuple(Stage(size, count) for size, count in zip(sizes, steps, strict=True))


def work(settings: Settings, content_size: tuple[int, int]) -> float:
    """Cost of a run in megapixels times gradient evaluations; time is proportional to it."""
    return sum(_stage_work(stage, content_size) for stage in ladder(settings))


def _stage_work(stage: Stage, content_size: tuple[int, int]) -> float:
    width, height = working_size(content_size, stage.size)
    # One evaluation more than steps, and two without gradient for the targets.
    return (stage.steps + 2) * width * height / 1e6


def best_device() -> str:
    """The fastest device of this machine: "cuda", "mps" or "cpu"."""
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


class Objective:
    """The loss of Gatys et al. 2016 (equation 7) at one size, with its targets.

    Args:
        content, style: images (1, 3, H, W), values 0 to 1, on the device to work on.
    """

    def __init__(self, content: Tensor, style: Tensor, settings: Settings) -> None:
        layers = tuple(sorted({*settings.content_layers, *settings.style_layers}))
        balanced = settings.weighting == "balanced"
        # Not in inference mode, which a caller may be in: its tensors can't meet gradients later.
        with torch.inference_mode(False), torch.no_grad():
            self.vgg = load_vgg(settings.network, layers, settings.pooling, str(content.device))
            photo, painting = self.vgg(content), self.vgg(style)
            self.content = {
                layer: ContentLoss(photo[layer], balanced) for layer in settings.content_layers
            }
            self.style = {
                layer: StyleLoss(painting[layer], balanced) for layer in settings.style_layers
            }
            self.total_variation = TotalVariationLoss(content, balanced)
        self.content_weight = settings.content_weight
        self.style_weights = dict.fromkeys(settings.style_layers, settings.style_weight)
        self.tv_weight = settings.tv_weight
        if balanced:
            blocks = {layer: STYLE_BLOCK_WEIGHTS[int(layer[4]) - 1] for layer in self.style}
            self.content_weight /= len(self.content)
            for layer, weight in blocks.items():
                self.style_weights[layer] *= STYLE_PER_CONTENT * weight / sum(blocks.values())
            self.tv_weight *= TV_PER_CONTENT

    def terms(self, image: Tensor) -> dict[str, Tensor]:
        """The weighted terms for `image` (1, 3, H, W), scalars on its device."""
        features = self.vgg(image)
        content = sum(loss(features[layer]) for layer, loss in self.content.items())
        style = sum(
            self.style_weights[layer] * loss(features[layer]) for layer, loss in self.style.items()
        )
        terms = {"content": self.content_weight * content, "style": style}
        terms["total_variation"] = (
            self.tv_weight * self.total_variation(image)
            if self.tv_weight
            else torch.zeros((), device=image.device)
        )
        return terms

    def evaluate(self, image: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        """The terms with their "total", and the gradient of the total, for `image`."""
        with torch.inference_mode(False), torch.enable_grad():
            pixels = image.clone().requires_grad_()
            terms = self.terms(pixels)
            total = torch.stack(list(terms.values())).sum()
            (grad,) = torch.autograd.grad(total, pixels)
        terms = {name: term.detach() for name, term in terms.items()}
        return {**terms, "total": total.detach()}, grad


def stylize(
    content: Image.Image,
    style: Image.Image,
    settings: Settings = DEFAULTS,
    *,
    every: float = 0.0,
    stop: Callable[[], bool] = lambda: False,
    device: str | None = None,
) -> Iterator[Frame]:
    """Repaint `content` in the style of `style`, and yield frames while it is being done.

    The result depends on the images and the settings alone, not on when frames are yielded.
    Closing the generator ends the work.

    Args:
        content, style: images as `load_image` gives them.
        settings: all the rest.
        every: least seconds between two frames; 0 yields one every step.
        stop: asked after every step; when true, the picture so far becomes the last frame.
        device: "cuda", "mps" or "cpu"; the best one there is by default.

    Yields:
        Frames, the last of them with `done` and the best image found.

    Raises:
        StyleTransferError: an image can't be used, weights are missing, memory is short.
    """
    content, style = load_image(content), load_image(style)
    device = device or best_device()
    if device == "cpu":
        keep_freed_memory()
    torch.set_float32_matmul_precision("high")  # TF32, on devices that have it
    start = time.perf_counter()
    due = start + 0.6 * every  # the first look comes early
    stages = ladder(settings)
    all_work = work(settings, content.size)
    work_done = pace = 0.0  # megapixels, and seconds for one of them
    step = 0
    image: Tensor | None = None
    for stage in stages:
        with _memory_errors(settings.size):
            photo = to_tensor(content, working_size(content.size, stage.size)).to(device)
            painting = to_tensor(style, working_size(style.size, stage.size)).to(device)
            objective = Objective(photo, painting, settings)
            image = _start(photo, settings) if image is None else _enlarge(image, photo)
            terms, grad = objective.evaluate(image)
            loss = terms["total"].item()
        optimizer = LBFGS() if settings.optimizer == "lbfgs" else Adam(settings.learning_rate)
        best_loss, best_image, best_terms = loss, image, terms
        step_work = _stage_work(stage, content.size) / stage.steps
        now = time.perf_counter()
        for _ in range(stage.steps):
            before = now
            with _memory_errors(settings.size):
                # Pixels outside of 0 to 1 can't be shown: no loss may be won by them.
                trial = optimizer.propose(image, grad).clamp(0, 1)
                trial_terms, trial_grad = objective.evaluate(trial)
                trial_loss = trial_terms["total"].item()  # the one wait for the device
            if math.isfinite(trial_loss) and trial_loss <= BLOW_UP * loss:
                image, grad, loss, terms = trial, trial_grad, trial_loss, trial_terms
            else:
                optimizer.reject()
            if loss < best_loss:
                best_loss, best_image, best_terms = loss, image, terms
            step += 1
            work_done += step_work
            done = step == settings.steps or stop()
            now = time.perf_counter()
            latest = (now - before) / step_work
            pace = 0.8 * pace + 0.2 * latest if pace else latest
            if done or now >= due:
                due = now + every
                shown, shown_terms = (best_image, best_terms) if done else (image, terms)
                yield Frame(
                    image=to_image(shown),
                    step=step,
                    total_steps=settings.steps,
                    size=stage.size,
                    losses={name: term.item() for name, term in shown_terms.items()},
                    elapsed=now - start,
                    remaining=0.0 if done else pace * (all_work - work_done),
                    done=done,
                )
                now = time.perf_counter()  # what the consumer did meanwhile is not ours
            if done:
                return
        image = best_image


def warm_up() -> None:
    """Run the whole path once at a small size, so that the first user does not wait for it."""
    grey = Image.new("RGB", (128, 96), "grey")
    for _ in stylize(grey, grey, Settings(size=128, steps=2)):
        pass


def _start(photo: Tensor, settings: Settings) -> Tensor:
    """The first image, of the shape of `photo` (1, 3, H, W)."""
    if settings.init == "content":
        return photo
    # Made on the CPU, so that a seed means the same on every device.
    generator = torch.Generator().manual_seed(settings.seed)
    noise = 0.5 + 0.2 * torch.randn(photo.shape, generator=generator)
    return noise.clamp(0, 1).to(photo.device).contiguous(memory_format=torch.channels_last)


def _enlarge(image: Tensor, like: Tensor) -> Tensor:
    """The image (1, 3, H, W) at the height and width of `like`."""
    larger = F.interpolate(image, like.shape[2:], mode="bicubic", align_corners=False)
    return larger.clamp(0, 1).contiguous(memory_format=torch.channels_last)


@contextmanager
def _memory_errors(size: int) -> Iterator[None]:
    """Turn the device's complaints about memory into a sentence."""
    try:
        yield
    except RuntimeError as error:  # torch.OutOfMemoryError is one; the CPU's has no own class
        if isinstance(error, torch.OutOfMemoryError) or "allocate memory" in str(error):
            raise DeviceMemoryError(
                f"The device has too little memory for size {size}: choose a smaller size."
            ) from error
        raise
