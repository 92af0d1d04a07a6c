"""Four published methods, written from their recipes; `quality.py` compares ours with them.

    python tests/benchmarks/baselines.py [--methods ac] [--size 256] [PHOTO,PAINTING ...]

All runs take hours, so `baselines.json` keeps what they find: S and C of the picture
(`metrics.py`) after several numbers of steps. The file has no seconds: `quality.py` measures the
cost of a step of each method on its own machine.

a  Single scale, L-BFGS with 100 pairs of history, 500 steps from the content image; content 5,
   style 100, total variation 1e-3 in the value range of the original network (Gatys et al.
   2016, with the default weights of the best-known programs).
b  The same with Adam at rate 1 of 255.
c  Coarse to fine from 128 by factors of sqrt 2; Adam 0.02 with betas 0.9 and 0.99 and an averaged
   iterate, 1000 steps at the first size, 500 at the others; style as mean and covariance. The
   content weight is fitted to this network (`CONTENT_FITTED`).
p  The same with the content weight as published.
d  The textbook loop: unnormalised Gram matrices, Adam 0.02, 150 steps, weights not frozen, all
   features computed anew in every step.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

sys.path.insert(0, str(Path(__file__).parents[2]))

from metrics import Quality, at_side
from plain_vgg import PlainVGG

from nst_core import load_image
from nst_core.allocator import keep_freed_memory
from nst_core.tensors import to_image

HERE = Path(__file__).parent
RESULTS = HERE / "baselines.json"
EXAMPLES = HERE.parents[1] / "examples"

PAIRS = (
    ("astronaut", "starry_night"),
    ("chelsea", "flow_strokes"),
    ("coffee", "mosaic"),
    ("rocket", "woodcut_waves"),
    ("hubble_deep_field", "ink_marbling"),
    ("coffee", "cubist_facets"),
)

STYLE = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
CONTENT = "relu4_2"
# The original network takes pixels of 0 to 255. Its activations are larger than those of the
# bundled weights by this factor (see NOTICE).
ORIGINAL_SCALE = 255 * 0.2254

# Every method yields the size and the present picture after each step.
Steps = Iterator[tuple[int, Tensor]]


def gram(x: Tensor) -> Tensor:
    """The Gram matrix of feature maps (1, C, H, W), not normalised."""
    flat = x.flatten(2)[0]
    return flat @ flat.T


def original_loss(content: Tensor, style: Tensor) -> Callable[[Tensor], Tensor]:
    """The loss of methods (a) and (b), for pixels of 0 to 255."""
    vgg = PlainVGG((*STYLE, CONTENT))

    def features(pixels: Tensor) -> dict[str, Tensor]:
        return {name: x * ORIGINAL_SCALE for name, x in vgg(pixels / 255).items()}

    def scaled_gram(x: Tensor) -> Tensor:
        return gram(x) / x.numel()

    with torch.no_grad():
        photo = features(content * 255)[CONTENT]
        painting = {name: scaled_gram(x) for name, x in features(style * 255).items()}

    def loss(pixels: Tensor) -> Tensor:
        found = features(pixels)
        total = 5 * F.mse_loss(found[CONTENT], photo)
        for name in STYLE:
            total = total + 100 * F.mse_loss(scaled_gram(found[name]), painting[name])
        across = (pixels[..., 1:] - pixels[..., :-1]).abs().sum()
        down = (pixels[..., 1:, :] - pixels[..., :-1, :]).abs().sum()
        return total + 1e-3 * (across + down)

    return loss


def method_a(content: Image.Image, style: Image.Image, size: int, steps: int = 500) -> Steps:
    photo, painting = at_side(content, size), at_side(style, size)
    loss = original_loss(photo, painting)
    pixels = (photo * 255).contiguous().requires_grad_()  # torch.optim.LBFGS flattens it
    optimizer = torch.optim.LBFGS(
        [pixels], max_iter=1, history_size=100, tolerance_change=-1, tolerance_grad=-1
    )

    def closure() -> Tensor:
        optimizer.zero_grad()
        total = loss(pixels)
        total.backward()
        return total

    for _ in range(steps):
        optimizer.step(closure)
        yield size, pixels.detach() / 255


def method_b(content: Image.Image, style: Image.Image, size: int, steps: int = 500) -> Steps:
    photo, painting = at_side(content, size), at_side(style, size)
    loss = original_loss(photo, painting)
    pixels = (photo * 255).requires_grad_()
    optimizer = torch.optim.Adam([pixels], lr=1)
    for _ in range(steps):
        optimizer.zero_grad()
        loss(pixels).backward()
        optimizer.step()
        yield size, pixels.detach() / 255


COVARIANCE_FLOOR = 1e-4
# The content weight of method (c) was published for another network, torchvision's VGG-19. The
# content term grows with the activations and the style term with their square, so this network
# needs another weight. Nine times the published one gives the similarity to the photo that the
# published program gives: 0.23 for Tuebingen with The Starry Night at 256 pixels.
CONTENT_PUBLISHED = 0.015
CONTENT_FITTED = 9 * CONTENT_PUBLISHED


class _TraceOfRoot(torch.autograd.Function):
    """The trace of the square root of a product of covariances, a symmetric matrix in float64.

    The gradient has the inverse roots of the smallest eigenvalues. float32 loses these beside the
    largest ones, and the picture then falls apart towards the end of a run.
    """

    @staticmethod
    def forward(ctx, matrix: Tensor) -> Tensor:
        values, vectors = torch.linalg.eigh(matrix)
        roots = values.clamp(min=COVARIANCE_FLOOR**2).sqrt()
        ctx.save_for_backward(roots, vectors)
        return roots.sum()

    @staticmethod
    def backward(ctx, grad: Tensor) -> Tensor:
        roots, vectors = ctx.saved_tensors
        return grad * 0.5 * (vectors / roots) @ vectors.T


def mean_and_covariance(x: Tensor) -> tuple[Tensor, Tensor]:
    flat = x.flatten(2)[0]
    mean = flat.mean(dim=1)
    flat = flat - mean[:, None]
    covariance = (flat @ flat.T / flat.shape[1]).double()
    return mean, covariance + COVARIANCE_FLOOR * torch.eye(len(flat))


def wasserstein_loss(
    content: Tensor, style: Tensor, content_weight: float
) -> Callable[[Tensor], Tensor]:
    """The loss of method (c), for pixels of 0 to 1.

    The style term is the squared 2-Wasserstein distance of normal distributions.
    """
    vgg = PlainVGG((*STYLE, CONTENT), image_border="replicate")
    weights = [w / 341 for w in (256, 64, 16, 4, 1)]
    with torch.no_grad():
        photo = vgg(content)[CONTENT]
        targets = []
        features = vgg(style)
        for name in STYLE:
            mean, cov = mean_and_covariance(features[name])
            values, vectors = torch.linalg.eigh(cov)
            root = vectors * values.clamp(min=0).sqrt() @ vectors.T
            targets.append((mean, cov.trace(), root))

    def loss(pixels: Tensor) -> Tensor:
        found = vgg(pixels)
        diff = found[CONTENT] - photo
        # The gradient of this mean square does not depend on the scale of the features.
        total = content_weight * diff.square().sum() / (diff.abs().sum() + 1e-8)
        for name, weight, (mean, trace, root) in zip(STYLE, weights, targets, strict=True):
            own_mean, own_cov = mean_and_covariance(found[name])
            cross = _TraceOfRoot.apply(root @ own_cov @ root)
            spread = (trace + own_cov.trace() - 2 * cross) / len(mean)
            total = total + weight * (F.mse_loss(own_mean, mean) + spread)
        across = pixels[..., :-1, 1:] - pixels[..., :-1, :-1]
        down = pixels[..., 1:, :-1] - pixels[..., :-1, :-1]
        return total + 2 * (across.square() + down.square()).mean()

    return loss


def method_c(
    content: Image.Image,
    style: Image.Image,
    size: int,
    steps: int = 500,
    content_weight: float = CONTENT_FITTED,
) -> Steps:
    sizes, next_size = [], float(size)
    while next_size >= 127:
        sizes.insert(0, round(next_size))
        next_size /= 2**0.5
    pixels = average = moments = None
    for index, side in enumerate(sizes):
        photo, painting = at_side(content, side), at_side(style, side)
        loss = wasserstein_loss(photo, painting, content_weight)
        shape = photo.shape[2:]
        start = photo if average is None else _resize(average, shape).clamp(0, 1)
        pixels = start.clone().requires_grad_()
        optimizer = torch.optim.Adam([pixels], lr=0.02, betas=(0.9, 0.99))
        if moments is not None:  # the state of the optimiser is enlarged with the picture
            optimizer.state[pixels] = {
                "step": torch.tensor(float(moments["step"])),
                "exp_avg": _resize(moments["exp_avg"], shape),
                "exp_avg_sq": _resize(moments["exp_avg_sq"], shape, "bilinear").clamp(min=0),
            }
        total, weight = torch.zeros_like(start), 0.0
        for _ in range(steps if index else 2 * steps):
            optimizer.zero_grad()
            loss(pixels).backward()
            optimizer.step()
            with torch.no_grad():
                pixels.clamp_(0, 1)
            total = 0.99 * total + 0.01 * pixels.detach()
            weight = 0.99 * weight + 0.01
            average = total / weight
            yield side, average
        moments = optimizer.state[pixels]


def _resize(x: Tensor, shape: torch.Size, mode: str = "bicubic") -> Tensor:
    return F.interpolate(x.detach(), shape, mode=mode, align_corners=False)


def method_d(content: Image.Image, style: Image.Image, size: int, steps: int = 150) -> Steps:
    photo, painting = at_side(content, size), at_side(style, size)
    layers = tuple(name.replace("relu", "conv") for name in STYLE)
    vgg = PlainVGG(layers)
    for pair in vgg.weights:
        for tensor in pair:
            tensor.requires_grad_()
    pixels = photo.clone().requires_grad_()
    optimizer = torch.optim.Adam([pixels], lr=0.02)

    for _ in range(steps):
        new, old, paint = vgg(pixels), vgg(photo), vgg(painting)
        total = torch.zeros(())
        for name in layers:
            total = total + F.mse_loss(new[name], old[name])
            total = total + 0.01 * F.mse_loss(gram(new[name]), gram(paint[name]))
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
        yield size, pixels.detach()


METHODS = {
    "a": method_a,
    "b": method_b,
    "c": method_c,
    "p": partial(method_c, content_weight=CONTENT_PUBLISHED),
    "d": method_d,
}
# S and C are taken after these numbers of steps at the final size.
MEASURED_STEPS = (25, 50, 100, 150, 250, 500, 1000)


def load_pair(content: str, style: str) -> tuple[Image.Image, Image.Image]:
    """The two images of a pair. A name is that of a bundled image, a path that of another."""
    paths = [
        Path(name) if Path(name).suffix else EXAMPLES / kind / f"{name}.jpg"
        for kind, name in (("contents", content), ("styles", style))
    ]
    return load_image(paths[0]), load_image(paths[1])


def measure(method: str, content: str, style: str, size: int) -> dict[str, object]:
    """Run a method to its end, and return S and C on the way, with the steps at every size."""
    photo, painting = load_pair(content, style)
    quality = Quality(photo, painting)
    counts: dict[int, int] = {}
    points = []
    picture = None
    for side, picture in METHODS[method](photo, painting, size):
        counts[side] = counts.get(side, 0) + 1
        if side == size and counts[side] in MEASURED_STEPS:
            points.append([dict(counts), *(round(x, 4) for x in quality(to_image(picture)))])
    folder = HERE.parents[1] / "artifacts" / "baselines"
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{Path(content).stem}-{Path(style).stem}-{size}-{method}.png"
    to_image(picture).save(folder / name)
    return {"points": points}


def key(method: str, content: str, style: str, size: int) -> str:
    return f"{Path(content).stem} {Path(style).stem} {size} {method}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pairs", nargs="*", metavar="PHOTO,PAINTING")
    parser.add_argument("--methods", default="acbdp")
    parser.add_argument("--size", type=int, default=256)
    arguments = parser.parse_args()
    keep_freed_memory()
    pairs = [tuple(pair.split(",")) for pair in arguments.pairs] or PAIRS
    for method in arguments.methods:
        for content, style in pairs:
            name = key(method, content, style, arguments.size)
            known = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
            if name in known:
                continue
            start = time.perf_counter()
            found = measure(method, content, style, arguments.size)
            # The file is read again, because other methods may have added to it meanwhile.
            known = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
            known[name] = found
            RESULTS.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n")
            print(name, f"{time.perf_counter() - start:.0f} s", found["points"][-1])


if __name__ == "__main__":
    main()
