"""The loop: pixels move until features and Gram matrices are those asked for.

Coarse to fine: the first steps run at small sizes, where they cost little and move large shapes;
those at the final size add the brush strokes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from PIL import Image
from torch import Tensor

from ._memory import keep_freed_memory
from .errors import DeviceMemoryError
from .images import load_image, to_image, to_tensor, working_size
from .losses import ContentLoss, StyleLoss, TotalVariationLoss, gram_matrix
from .optimizers import LBFGS, Adam
from .plan import Stage, make_plan
from .settings import DEFAULTS, Settings
from .strips import head_in_strips
from .upscale import enlarge
from .vgg import load_vgg

# Balanced terms are both about 1 for a fresh image, but a picture looks good where the style
# counts for more. Folded in here, so that both weights read 1.0 in the middle of the sliders.
STYLE_PER_CONTENT = 55.0
# Smoothness 1.0 then takes the weave out of flat areas, and costs no style that can be measured.
TV_PER_CONTENT = 0.5

# Weights of the style layers by block. Gatys et al. weigh all layers alike; with more weight on
# the shallow ones colours and strokes are taken on, while faces and contours are kept; with more
# on the deepest, whole shapes of the painting (a sun) land on them.
STYLE_BLOCK_WEIGHTS = (4.0, 2.0, 1.0, 0.6, 0.1)


@dataclass(frozen=True)
class Frame:
    """One look at the picture while it is made.

    Attributes:
        image: RGB, in the size worked at (its long side is `size`).
        step, total_steps: steps made, and steps in all.
        size: long side of the present scale, in pixels.
        plan: all stages of the run, the present one among them.
        losses: weighted terms "content", "style", "total_variation", and their "total".
        elapsed: seconds since the start.
        remaining: estimate of the seconds to the end.
        done: whether this is the last frame; its image is then the best one found.
    """

    image: Image.Image
    step: int
    total_steps: int
    size: int
    plan: tuple[Stage, ...]
    losses: dict[str, float]
    elapsed: float
    remaining: float
    done: bool


def best_device() -> str:
    """The fastest device of this machine: "cuda", "mps" or "cpu"."""
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


class Objective:
    """The loss of Gatys et al. 2016 (equation 7) at one size, with its targets.

    Args:
        content, style: images (1, 3, H, W), values 0 to 1, on the device to work on.
        in_strips: compute the first blocks of the network in strips, to save memory.
    """

    def __init__(
        self, content: Tensor, style: Tensor, settings: Settings, in_strips: bool = False
    ) -> None:
        layers = tuple(sorted({*settings.content_layers, *settings.style_layers}))
        self.balanced = settings.weighting == "balanced"
        self.in_strips = True  # targets have no gradient, for which strips are computed twice
        # Not in inference mode, which a caller may be in: its tensors can't meet gradients later.
        with torch.inference_mode(False), torch.no_grad():
            self.vgg = load_vgg(
                settings.network,
                layers,
                settings.pooling,
                settings.precision,
                str(content.device),
            )
            photo, _ = self.statistics(content, settings.content_layers, ())
            paint, painting = self.statistics(
                style, settings.content_layers if self.balanced else (), settings.style_layers
            )
            self.content = {
                layer: ContentLoss(target, paint.get(layer)) for layer, target in photo.items()
            }
            self.style = {
                layer: StyleLoss(target, self.balanced) for layer, target in painting.items()
            }
            self.total_variation = TotalVariationLoss(style, self.balanced)
        self.in_strips = in_strips
        self.content_weight = settings.content_weight
        self.style_weights = dict.fromkeys(settings.style_layers, settings.style_weight)
        self.tv_weight = settings.tv_weight
        if self.balanced:
            blocks = {layer: STYLE_BLOCK_WEIGHTS[int(layer[4]) - 1] for layer in self.style}
            self.content_weight /= len(self.content)
            for layer, weight in blocks.items():
                self.style_weights[layer] *= STYLE_PER_CONTENT * weight / sum(blocks.values())
            self.tv_weight *= TV_PER_CONTENT

    def statistics(
        self, image: Tensor, content_layers: Iterable[str], style_layers: Iterable[str]
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Feature maps (1, C, H', W') and Gram matrices (C, C) of an image (1, 3, H, W).

        Balanced Gram matrices are divided by the number of positions.
        """
        maps: dict[str, Tensor] = {}
        grams: dict[str, Tensor] = {}
        if self.in_strips:
            head = [
                [layer for layer in layers if layer in self.vgg.head_layers]
                for layers in (content_layers, style_layers)
            ]
            maps, grams, x = head_in_strips(self.vgg, image, *head)
            features = self.vgg.tail(x)
        else:
            features = self.vgg(image)
        maps |= {layer: features[layer] for layer in content_layers if layer in features}
        for layer in style_layers:
            if layer in features:
                grams[layer] = gram_matrix(features[layer])
            if self.balanced:
                height, width = (side >> int(layer[4]) - 1 for side in image.shape[2:])
                grams[layer] = grams[layer] / (height * width)
        return maps, grams

    def terms(self, image: Tensor) -> dict[str, Tensor]:
        """The weighted terms for `image` (1, 3, H, W), scalars on its device."""
        maps, grams = self.statistics(image, self.content, self.style)
        content = sum(loss(maps[layer]) for layer, loss in self.content.items())
        style = sum(
            self.style_weights[layer] * loss(grams[layer]) for layer, loss in self.style.items()
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
    stages = make_plan(settings, content.size)
    all_work = sum(stage.work for stage in stages)
    work_done = pace = 0.0  # megapixels, and seconds for one of them
    step = 0
    image: Tensor | None = None
    photo: Tensor | None = None
    for stage in stages:
        with _memory_errors(settings.size):
            small_photo = photo
            photo = to_tensor(content, (stage.width, stage.height)).to(device)
            stroke_size = round(settings.style_scale * stage.size)
            painting = to_tensor(style, working_size(style.size, stroke_size)).to(device)
            objective = Objective(photo, painting, settings, stage.in_strips)
            if image is None or small_photo is None:
                image = _start(photo, settings)
            else:
                image = enlarge(image, small_photo, photo)
            terms, grad = objective.evaluate(image)
            loss = terms["total"].item()
        lbfgs = settings.optimizer == "lbfgs"
        optimizer = LBFGS(stage.history) if lbfgs else Adam(settings.learning_rate)
        best_loss, best_image, best_terms = loss, image, terms
        step_work = stage.work / stage.steps
        now = time.perf_counter()
        for _ in range(stage.steps):
            before = now
            with _memory_errors(settings.size):
                # Pixels outside of 0 to 1 can't be shown: no loss may be won by them.
                trial = optimizer.propose(image, grad).clamp(0, 1)
                trial_terms, trial_grad = objective.evaluate(trial)
                trial_loss = trial_terms["total"].item()  # the one wait for the device
            if trial_loss <= loss * optimizer.tolerance:  # not where it is not a number
                optimizer.accept(trial - image, trial_grad - grad)
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
                    plan=stages,
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
