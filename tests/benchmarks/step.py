"""The time of one optimisation step, beside one of the textbook loop and the convolutions alone.

    python tests/benchmarks/step.py [SIZE ...]

All three take turns in one process on the same random images. They use VGG-16 up to relu5_1, with
the five style layers and the content layer of the defaults. The textbook loop is what most
tutorials write: Adam, weights that are not frozen, and the features of photo and painting computed
anew in every step, in float32. The floor is the convolutions of these layers alone, forward and for
the gradient of the input, on tensors of the right shapes, in the precision of our step. From 384
pixels on, our step and the floor include the second scale of `Objective`, at 256 pixels.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).parents[2]))

from nst_core.allocator import keep_freed_memory
from nst_core.devices import resolve_precision
from nst_core.objective import Objective
from nst_core.optimizers import LBFGS
from nst_core.plan import SECOND_SCALE, has_second_scale
from nst_core.settings import DEFAULTS
from nst_core.vgg import MEAN, STD
from nst_core.weights import load_weights

PLAN = (64, 64, "M", 128, 128, "M", 256, 256, 256, "M", 512, 512, 512, "M", 512)
STYLE_LAYERS = (1, 6, 11, 18, 25)  # relu1_1, relu2_1, relu3_1, relu4_1, relu5_1
CONTENT_LAYER = 20  # relu4_2
PRECISION = resolve_precision("auto", "cpu")


def ours(content: Tensor, style: Tensor) -> Callable[[], None]:
    objective, optimizer, image = Objective(content, [style], DEFAULTS), LBFGS(), content
    _, grad = objective.evaluate(image)

    def step() -> None:
        nonlocal image, grad
        trial = optimizer.propose(image, grad).clamp(0, 1)
        terms, new_grad = objective.evaluate(trial)
        terms["total"].item()
        optimizer.accept(trial - image, new_grad - grad)
        image, grad = trial, new_grad

    return step


def textbook(content: Tensor, style: Tensor) -> Callable[[], None]:
    layers: list[nn.Module] = []
    channels = 3
    for width in PLAN:
        if width == "M":
            layers.append(nn.MaxPool2d(2))
        else:
            layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
            channels = width
    vgg = nn.Sequential(*layers)
    vgg.load_state_dict({k.removeprefix("features."): v for k, v in load_weights("vgg16").items()})
    mean, std = torch.tensor(MEAN).view(3, 1, 1), torch.tensor(STD).view(3, 1, 1)
    content, style = content.contiguous(), style.contiguous()
    image = content.clone().requires_grad_()
    optimizer = torch.optim.Adam([image], lr=0.01)

    def features(x: Tensor) -> dict[int, Tensor]:
        found, x = {}, (x - mean) / std
        for index, layer in enumerate(vgg):
            x = layer(x)
            found[index] = x
        return found

    def gram(x: Tensor) -> Tensor:
        flat = x.view(x.shape[1], -1)
        return flat @ flat.T

    def step() -> None:
        new, old, paint = features(image), features(content), features(style)
        loss = F.mse_loss(new[CONTENT_LAYER], old[CONTENT_LAYER])
        for index in STYLE_LAYERS:
            loss = loss + 0.01 * F.mse_loss(gram(new[index]), gram(paint[index]))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return step


def convolutions(height: int, width: int) -> list[list[Tensor]]:
    """Input, weight and gradient of the output of each convolution, for an image of this size."""
    weights, dtype = load_weights("vgg16"), getattr(torch, PRECISION)
    work, channels, index = [], 3, 0
    for entry in PLAN:
        if entry == "M":
            height, width, index = height // 2, width // 2, index + 1
            continue
        tensors = (
            torch.rand(1, channels, height, width),
            weights[f"features.{index}.weight"],
            torch.rand(1, entry, height, width),
        )
        work.append([x.to(dtype).contiguous(memory_format=torch.channels_last) for x in tensors])
        channels, index = entry, index + 2
    return work


def floor(content: Tensor, style: Tensor) -> Callable[[], None]:
    height, width = content.shape[2:]
    work = convolutions(height, width)
    if has_second_scale(DEFAULTS, max(height, width)):
        scale = SECOND_SCALE / max(height, width)
        work += convolutions(round(scale * height), round(scale * width))

    def step() -> None:
        for x, weight, _ in work:
            F.conv2d(x, weight, padding=1)
        for _, weight, y in reversed(work):
            F.conv_transpose2d(y, weight, padding=1)

    return step


def main(sizes: list[int]) -> None:
    keep_freed_memory()  # as in every run on the CPU; all three become faster by it
    print(f"ours and floor in {PRECISION}")
    print("size        ours    textbook       floor   ours/textbook   ours/floor")
    for size in sizes:
        torch.manual_seed(0)
        images = torch.rand(2, 3, size * 3 // 4, size)
        content, style = (
            x[None].contiguous(memory_format=torch.channels_last) for x in images.unbind()
        )
        steps = [make(content, style) for make in (ours, textbook, floor)]
        times: list[list[float]] = [[], [], []]
        for _ in range(9):
            for step, seconds in zip(steps, times, strict=True):
                start = time.perf_counter()
                step()
                seconds.append(time.perf_counter() - start)
        # The first two rounds warm up. Ratios are taken within a round, because the speed of the
        # machine drifts over all rounds, but hardly within one.
        a, b, c = (seconds[2:] for seconds in times)
        medians = [f"{statistics.median(x) * 1000:8.0f} ms" for x in (a, b, c)]
        ratios = [
            statistics.median(x / y for x, y in zip(a, other, strict=True)) for other in (b, c)
        ]
        print(f"{size:4}", *medians, f"{ratios[0]:15.2f} {ratios[1]:12.2f}", flush=True)


if __name__ == "__main__":
    main([int(size) for size in sys.argv[1:]] or [256, 512])
