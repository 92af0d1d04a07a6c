"""The loop: pixels move until features and Gram matrices are those asked for.

Coarse to fine: the first steps run at small sizes, where they cost little and move large shapes;
those at the final size add the brush strokes.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from PIL import Image, ImageOps
from torch import Tensor

from .allocator import keep_freed_memory
from .color import is_plain, match_colors
from .errors import DeviceMemoryError
from .frame import Frame
from .images import load_image, working_size
from .losses import (
    WEAVE_FLOOR,
    ContentLoss,
    Guide,
    StyleLoss,
    TotalVariationLoss,
    gram_matrix,
    range_excess,
    total_variation,
    variance,
    weave,
)
from .optimizers import LBFGS, Adam
from .plan import LOOK_SIZE, Stage, check_inputs, is_guided, looks_twice, make_plan
from .regions import load_mask
from .settings import DEFAULTS, OPTIONS, Settings
from .strips import head_in_strips
from .tensors import to_image, to_tensor
from .upscale import enlarge
from .vgg import Check, load_vgg

# Balanced terms are both about 1 for a fresh image, but a picture looks good where the style
# counts for more. Folded in here, so that both weights read 1.0 in the middle of the sliders.
STYLE_PER_CONTENT = 55.0
TV_PER_CONTENT = 0.5
# Takes the weave out of flat areas, and leaves as much of fine lines across and down as the
# painting has; costs no style that can be measured.
WEAVE_WEIGHT = 0.5
# Keeps the results from having more black and white than their paintings; costs no style.
RANGE_WEIGHT = 1500.0

# Weights of the style layers by block. Gatys et al. weigh all layers alike; with more weight on
# the shallow ones colours and strokes are taken on, while faces and contours are kept; with more
# on the deepest, whole shapes of the painting (a sun) land on them.
STYLE_BLOCK_WEIGHTS = (4.0, 2.0, 1.0, 0.6, 0.1)

# The parts of the loss of which every frame tells.
TERMS = ("content", "style", "total_variation", "weave", "range", "total")


def best_device() -> str:
    """The fastest device of this machine: "cuda", "mps" or "cpu"."""
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


class Objective:
    """The loss of Gatys et al. 2016 (equation 7) at one size, with its targets.

    A layer sees less of a large picture than of a small one: alone, it would make another picture
    of it, and its shapes would be those of the first sizes. Where the weights are balanced, the
    terms of features of a large picture are the mean of those in full and at `LOOK_SIZE`; so the
    look is the same at every size.

    Args:
        content: image (1, 3, H, W), values 0 to 1, on the device to work on.
        styles: such images, of any sizes.
        mask: (1, 1, H, W), values 0 to 1; where it is 1, the second style is asked for, and the
            others elsewhere.
        in_strips: compute the first blocks of the network in strips, to save memory.
        check: is called several times a step where there are strips; may end it by an exception.
    """

    def __init__(
        self,
        content: Tensor,
        styles: Sequence[Tensor],
        settings: Settings,
        mask: Tensor | None = None,
        in_strips: bool = False,
        check: Check = lambda: None,
    ) -> None:
        layers = tuple(sorted({*settings.content_layers, *settings.style_layers}))
        self.balanced = settings.weighting == "balanced"
        self.check = check
        self.in_strips = True  # targets have no gradient, for which strips are computed twice
        self.guides: list[Guide | None] = [None]
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
            variances: list[dict[str, float]] = []
            paintings: list[dict[str, list[Tensor]]] = []
            for style in styles:
                paint, grams = self.statistics(
                    style, settings.content_layers if self.balanced else (), settings.style_layers
                )
                variances.append({layer: variance(maps) for layer, maps in paint.items()})
                paintings.append(grams)
            mix = torch.tensor(settings.style_mix[: len(styles)], dtype=torch.float64)
            regions = [mix]
            if mask is not None:
                self.guides = [Guide(1 - mask), Guide(mask)]
                second = torch.eye(len(styles), dtype=torch.float64)[1]
                regions = [mix * (1 - second), second]
            mix, *regions = (x / x.sum() for x in (mix, *regions))

            self.content = {
                layer: ContentLoss(
                    target,
                    _blend([x[layer] for x in variances], mix) if self.balanced else None,
                )
                for layer, target in photo.items()
            }
            self.style = {
                layer: [
                    StyleLoss(_blend([x[layer][0] for x in paintings], weights), self.balanced)
                    for weights in regions
                ]
                for layer in settings.style_layers
            }
            variations = [total_variation(style).item() for style in styles]
            self.total_variation = TotalVariationLoss(
                _blend(variations, mix) if self.balanced else None
            )
            lines = _blend([weave(style).item() for style in styles], mix)

            self.small: Objective | None = None
            side = max(content.shape[2:])
            if looks_twice(settings, side):
                content, *styles = (_reduce(x, LOOK_SIZE / side) for x in (content, *styles))
                mask = None if mask is None else _reduce(mask, LOOK_SIZE / side).clamp(0, 1)
                self.small = Objective(content, styles, settings, mask, check=check)
        self.in_strips = in_strips
        self.content_weight = settings.content_weight
        self.style_weights = dict.fromkeys(settings.style_layers, settings.style_weight)
        self.tv_weight = settings.tv_weight
        # It is the style that asks for either; what the photo has is its own.
        artefacts = settings.style_weight if self.balanced else 0.0
        self.weave_weight = artefacts * WEAVE_WEIGHT / max(lines, WEAVE_FLOOR)
        self.range_weight = artefacts * RANGE_WEIGHT
        if self.balanced:
            blocks = {layer: STYLE_BLOCK_WEIGHTS[_level(layer)] for layer in self.style}
            self.content_weight /= len(self.content)
            for layer, weight in blocks.items():
                self.style_weights[layer] *= STYLE_PER_CONTENT * weight / sum(blocks.values())
            self.tv_weight *= TV_PER_CONTENT
        if self.small is not None:
            for half in (self, self.small):
                half.content_weight /= 2
                half.style_weights = {layer: x / 2 for layer, x in half.style_weights.items()}
            # What is said of pixels is said of those that there will be.
            self.small.tv_weight = self.small.weave_weight = self.small.range_weight = 0.0

    def statistics(
        self, image: Tensor, content_layers: Iterable[str], style_layers: Iterable[str]
    ) -> tuple[dict[str, Tensor], dict[str, list[Tensor]]]:
        """Feature maps (1, C, H', W') and Gram matrices (C, C) of an image (1, 3, H, W).

        There is one Gram matrix for each region. Balanced ones are divided by the number of
        positions they are taken over; others are what they were if the region were the image.
        """
        maps: dict[str, Tensor] = {}
        grams: dict[str, list[Tensor]] = {}
        guides = self.guides
        if self.in_strips:
            head = [
                [layer for layer in layers if layer in self.vgg.head_layers]
                for layers in (content_layers, style_layers)
            ]
            maps, grams, x = head_in_strips(self.vgg, image, *head, guides, self.check)
            features = self.vgg.tail(x, self.check)
        else:
            features = self.vgg(image)
        maps |= {layer: features[layer] for layer in content_layers if layer in features}
        for layer in style_layers:
            level = _level(layer)
            if layer in features:
                grams[layer] = [
                    gram_matrix(features[layer], None if guide is None else guide.at(level))
                    for guide in guides
                ]
            height, width = (side >> level for side in image.shape[2:])
            positions = height * width if self.balanced else 1
            grams[layer] = [
                gram / (positions * max(_share(guide, level), 1e-6))
                for gram, guide in zip(grams[layer], guides, strict=True)
            ]
        return maps, grams

    def terms(self, image: Tensor) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """The weighted terms for `image` (1, 3, H, W), and those of each layer; scalars."""
        maps, grams = self.statistics(image, self.content, self.style)
        content = {
            f"content {layer}": self.content_weight * loss(maps[layer])
            for layer, loss in self.content.items()
        }
        style = {}
        for layer, losses in self.style.items():
            # Every position counts alike, in a large region or a small one.
            regions = (
                _share(guide, _level(layer)) * loss(gram)
                for guide, loss, gram in zip(self.guides, losses, grams[layer], strict=True)
            )
            style[f"style {layer}"] = self.style_weights[layer] * sum(regions)
        terms = {"content": sum(content.values()), "style": sum(style.values())}
        pixels = {
            "total_variation": (self.tv_weight, self.total_variation),
            "weave": (self.weave_weight, weave),
            "range": (self.range_weight, range_excess),
        }
        for name, (weight, measure) in pixels.items():
            terms[name] = weight * measure(image) if weight else image.new_zeros(())
        return terms, {**content, **style}

    def evaluate(self, image: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        """The terms with their "total" and those of each layer, and the gradient for `image`."""
        with torch.inference_mode(False), torch.enable_grad():
            pixels = image.clone().requires_grad_()
            terms, layers = self.terms(pixels)
            terms["total"] = torch.stack(list(terms.values())).sum()
            (grad,) = torch.autograd.grad(terms["total"], pixels)
            found = {name: term.detach() for name, term in (terms | layers).items()}
            if self.small is not None:
                # Not in one graph with the above, whose memory is free by now.
                reduced = _reduce(pixels, LOOK_SIZE / max(pixels.shape[2:]))
                others, grad_reduced = self.small.evaluate(reduced.detach())
                (grad_enlarged,) = torch.autograd.grad(reduced, pixels, grad_reduced)
                found = {name: term + others[name] for name, term in found.items()}
                grad = grad + grad_enlarged
        return found, grad


def _reduce(image: Tensor, scale: float) -> Tensor:
    """An image (1, C, H, W) at a smaller size; two products, so that all devices have it."""
    height, width = image.shape[2:]
    shape = working_size((width, height), round(scale * max(height, width)))
    across, down = (
        _resampling(*sides, image.dtype, str(image.device))
        for sides in zip((width, height), shape, strict=True)
    )
    return (down @ image @ across.T).contiguous(memory_format=torch.channels_last)


@lru_cache(maxsize=8)
def _resampling(side: int, smaller: int, dtype: torch.dtype, device: str) -> Tensor:
    """The matrix (smaller, side) that resizes a line of pixels, every new one a bicubic mean."""
    unit = torch.eye(side)[None, None]
    return F.interpolate(unit, (smaller, side), mode="bicubic", antialias=True)[0, 0].to(
        device, dtype
    )


def _level(layer: str) -> int:
    """How many times the feature maps of `layer` have been halved."""
    return int(layer[4]) - 1


def _share(guide: Guide | None, level: int) -> float:
    return 1.0 if guide is None else guide.share(level)


def _blend(values: Sequence[Any], weights: Tensor) -> Any:
    """Weighted sum of what was found for each style."""
    return sum(weight * value for weight, value in zip(weights.tolist(), values, strict=True))


def stylize(
    content: Image.Image,
    style: Image.Image | Sequence[Image.Image],
    settings: Settings = DEFAULTS,
    *,
    mask: Image.Image | None = None,
    start: Image.Image | None = None,
    every: float = 0.0,
    at_least: int = 0,
    stop: Callable[[], bool] = lambda: False,
    device: str | None = None,
) -> Iterator[Frame]:
    """Repaint `content` in the style of `style`, and yield frames while it is being done.

    The result depends on the images and the settings alone, not on when frames are yielded.
    Closing the generator ends the work.

    Args:
        content, style: images as `load_image` gives them; up to four styles, of which
            `settings.style_mix` says how much each counts.
        settings: all the rest.
        mask: where it is white, the second style is asked for, if `settings.region` says so;
            protected regions are a matter of `finish`.
        start: the image to start from, where `settings.init` is "image".
        every: least seconds between two frames; 0 yields one every step.
        at_least: yield about so many frames, evenly over the steps, however fast they are made.
        stop: asked after every step, and within those of large pictures; when true, the picture
            so far becomes the last frame. There is none where not even one was computed.
        device: "cuda", "mps" or "cpu"; the best one there is by default.

    Yields:
        Frames, the last of them with `done` and the best image found.

    Raises:
        StyleTransferError: an image can't be used or is missing, weights are missing, memory is
            short.
    """
    styles = [style] if isinstance(style, Image.Image) else list(style)
    content, styles = load_image(content), [load_image(image) for image in styles]
    check_inputs(settings, len(styles), start is not None)
    if start is not None:
        start = load_image(start)
    if mask is not None:
        mask = load_mask(mask, content.size)
    guided = is_guided(settings, len(styles), mask is not None)
    device = device or best_device()
    if device == "cpu":
        keep_freed_memory()
    torch.set_float32_matmul_precision("high")  # TF32, on devices that have it
    began = time.perf_counter()
    due = began + 0.6 * every  # the first look comes early
    gap = settings.steps / at_least if at_least else math.inf
    stages = make_plan(settings, content.size, guided)
    all_work = sum(stage.work for stage in stages)
    work_done = pace = 0.0  # megapixels, and seconds for one of them
    step = 0
    image: Tensor | None = None
    photo: Tensor | None = None
    best: _Best | None = None
    optimizer: LBFGS | Adam | None = None

    def check() -> None:
        if stop():
            raise _Stopped

    def look(seen: _Best, done: bool = False) -> Frame:
        losses = {name: term.item() for name, term in seen.terms.items()}
        return Frame(
            image=to_image(_without_margin(seen.image, seen.stage.margin)),
            step=step,
            total_steps=settings.steps,
            size=seen.stage.size,
            plan=stages,
            losses={name: losses.pop(name) for name in TERMS},
            layers=losses,
            elapsed=time.perf_counter() - began,
            remaining=0.0 if done else pace * (all_work - work_done),
            done=done,
        )

    try:
        for stage in stages:
            with _memory_errors(settings.size):
                small_photo = photo
                size = stage.width, stage.height
                photo = to_tensor(content, size).to(device)
                stroke_size = round(settings.style_scale * stage.size)
                paintings = [
                    to_tensor(style, working_size(style.size, stroke_size)).to(device)
                    for style in styles
                ]
                if settings.color == "match":
                    paintings = [match_colors(x, photo, settings.color_amount) for x in paintings]
                second = None
                if guided and mask is not None:
                    second = to_tensor(mask, size)[:, :1].to(device)
                    second = _with_margin(second, stage.margin)
                often = check if stage.in_strips else lambda: None
                framed = _with_margin(photo, stage.margin)
                objective = Objective(framed, paintings, settings, second, stage.in_strips, often)
                if image is None or small_photo is None:
                    others = {"style": styles[0], "image": start}
                    image = _start(photo, paintings, others, settings)
                else:
                    image = enlarge(image, small_photo, photo)
                image = _with_margin(image, stage.margin)
                terms, grad = objective.evaluate(image)
                loss = terms["total"].item()
                if settings.optimizer == "adam":
                    optimizer = Adam(settings.learning_rate)
                elif isinstance(optimizer, LBFGS) and objective.balanced:
                    optimizer = optimizer.enlarge(image, stage.history)
                else:  # the terms of the textbook grow with the size
                    optimizer = LBFGS(stage.history)
            best = _Best(image, terms, loss, stage)
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
                if loss < best.loss:
                    best = _Best(image, terms, loss, stage)
                step += 1
                work_done += step_work
                done = step == settings.steps or stop()
                now = time.perf_counter()
                latest = (now - before) / step_work
                pace = 0.8 * pace + 0.2 * latest if pace else latest
                if done:
                    break
                if now >= due or step % gap < 1:
                    due = now + every
                    yield look(_Best(image, terms, loss, stage))
                    now = time.perf_counter()  # what the consumer did meanwhile is not ours
            image = _without_margin(best.image, stage.margin)
            if done:
                break
    except _Stopped:
        pass
    if best is not None:
        yield look(best, done=True)


class _Stopped(Exception):
    """Raised in the midst of a step."""


class _Best(NamedTuple):
    """A picture (1, 3, H, W), margin and all, with its terms and their total, and its stage."""

    image: Tensor
    terms: dict[str, Tensor]
    loss: float
    stage: Stage


def warm_up() -> None:
    """Run the whole path once at the least size, so that the first user does not wait for it."""
    size = int(OPTIONS["size"].low)
    grey = Image.new("RGB", (size, size), "grey")
    for _ in stylize(grey, grey, Settings(size=size, steps=1)):
        pass


def _start(
    photo: Tensor,
    paintings: Sequence[Tensor],
    images: dict[str, Image.Image | None],
    settings: Settings,
) -> Tensor:
    """The first image, of the shape of `photo` (1, 3, H, W).

    Args:
        paintings: (1, 3, H, W), of any sizes.
        images: others that it may be, by the values of `init`; they are cut to the same shape.
    """
    height, width = photo.shape[2:]
    image = images.get(settings.init)
    if image is not None:
        return to_tensor(ImageOps.fit(image, (width, height)), (width, height)).to(photo.device)
    if settings.init == "content":
        # With balanced weights the photo goes part of the way to the colours of the painting at
        # once, by as much as style counts: that saves steps, most of all for dark photos. A plain
        # painting has no contrast to give, and would only take away what the photo has.
        both = settings.style_weight + settings.content_weight
        if settings.weighting == "classic" or not both:
            return photo
        amount = settings.style_weight / both
        recoloured = [
            photo if is_plain(painting) else match_colors(photo, painting, amount)
            for painting in paintings
        ]
        mix = torch.tensor(settings.style_mix[: len(paintings)])
        return _blend(recoloured, mix / mix.sum())
    # Made on the CPU, so that a seed means the same on every device.
    generator = torch.Generator().manual_seed(settings.seed)
    noise = 0.5 + 0.2 * torch.randn(photo.shape, generator=generator)
    return noise.clamp(0, 1).to(photo.device).contiguous(memory_format=torch.channels_last)


def _with_margin(image: Tensor, margin: int) -> Tensor:
    """An image (1, C, H, W) with what is at its border mirrored around it."""
    framed = F.pad(image, (margin,) * 4, mode="reflect")
    return framed.contiguous(memory_format=torch.channels_last)


def _without_margin(image: Tensor, margin: int) -> Tensor:
    height, width = image.shape[2:]
    inner = image[..., margin : height - margin, margin : width - margin]
    return inner.contiguous(memory_format=torch.channels_last)


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
