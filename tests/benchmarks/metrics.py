"""Held-out quality of a result: what no loss of the default settings looks at.

Style distance S: sliced Wasserstein distance between the VGG features of result and style image
(Bonneel et al. 2015; for textures Heitz et al. 2021), at layers that are not in the loss, over the
same distance of the untouched content image. 1 is not stylised at all, 0 has the statistics of the
painting.

Content C: structural similarity of the luminance to the content image (Wang et al. 2004). 1 is the
photo itself.
"""

from __future__ import annotations

from functools import cached_property, lru_cache

import torch
import torch.nn.functional as F
from PIL import Image
from plain_vgg import PlainVGG
from torch import Tensor

from nst_core.images import working_size
from nst_core.tensors import to_tensor

LAYERS = ("relu1_2", "relu2_2", "relu3_3", "relu4_3")
PROJECTIONS = 128
LUMA = (0.2126, 0.7152, 0.0722)
SIDE = 256


def at_side(image: Image.Image, side: int = SIDE) -> Tensor:
    """The image with `side` pixels on its long side: (1, 3, H, W), values 0 to 1."""
    return to_tensor(image, working_size(image.size, side))


class Quality:
    """S and C of results for one pair, all taken at `side` pixels."""

    def __init__(self, content: Image.Image, style: Image.Image, side: int = SIDE) -> None:
        self.content = at_side(content, side)
        self.painting = at_side(style, side)
        self.style = _features(self.painting)
        self.untouched = self._distances(_features(self.content))

    def __call__(self, result: Image.Image) -> tuple[float, float]:
        """S and C of a result of any size."""
        pixels = to_tensor(result, (self.content.shape[3], self.content.shape[2]))
        distances = self._distances(_features(pixels))
        ratios = [d / u for d, u in zip(distances, self.untouched, strict=True)]
        return sum(ratios) / len(ratios), similarity(pixels, self.content)

    def frame(self, result: Image.Image, part: float = 0.05) -> float:
        """Style distance of the outer strip over that of a rectangle in the centre.

        The strip is `part` of the sides wide, and the rectangle has its area: a smaller set of
        features is never as near to those of a whole painting. The network repeats borders here,
        because zeros around the feature maps would put a frame of their own into the measure.
        """
        return self._frame(to_tensor(result, (self.content.shape[3], self.content.shape[2])), part)

    def frames_of_pieces(self, part: float = 0.05) -> list[float]:
        """The same of nine pieces of the painting, 3/4 of its sides: they have no frame.

        What it differs by among them is by chance.
        """
        height, width = (3 * side // 4 for side in self.painting.shape[2:])
        rows, columns = (
            [k * (whole - side) // 2 for k in range(3)]
            for whole, side in zip(self.painting.shape[2:], (height, width), strict=True)
        )
        return [
            self._frame(self.painting[..., y : y + height, x : x + width], part)
            for y in rows
            for x in columns
        ]

    def _frame(self, pixels: Tensor, part: float) -> float:
        ratios = []
        features = _features(pixels, "replicate")
        for found, painting in zip(features, self._style_with_borders_repeated, strict=True):
            height, width = found.shape[2:]
            rows, columns = (max(1, round(part * side)) for side in (height, width))
            strip = torch.ones(height, width, dtype=torch.bool)
            strip[rows:-rows, columns:-columns] = False
            rest = (1 - strip.float().mean().sqrt().item()) / 2
            rows, columns = round(rest * height), round(rest * width)
            centre = torch.zeros_like(strip)
            centre[rows : height - rows, columns : width - columns] = True
            distances = [
                sliced_wasserstein(found[0][:, area], painting.flatten(2)[0])
                for area in (strip, centre)
            ]
            ratios.append(distances[0] / distances[1])
        return sum(ratios) / len(ratios)

    @cached_property
    def _style_with_borders_repeated(self) -> list[Tensor]:
        return _features(self.painting, "replicate")

    def _distances(self, features: list[Tensor]) -> list[float]:
        return [
            sliced_wasserstein(a.flatten(2)[0], b.flatten(2)[0])
            for a, b in zip(features, self.style, strict=True)
        ]


@lru_cache(maxsize=2)
def _network(border: str) -> PlainVGG:
    return PlainVGG(LAYERS, border)


def _features(pixels: Tensor, border: str = "constant") -> list[Tensor]:
    with torch.no_grad():
        return list(_network(border)(pixels).values())


def sliced_wasserstein(a: Tensor, b: Tensor) -> float:
    """Root of the mean squared 2-Wasserstein distance of (C, N) and (C, M) over directions."""
    generator = torch.Generator().manual_seed(0)
    directions = F.normalize(torch.randn(PROJECTIONS, a.shape[0], generator=generator), dim=1)
    a, b = ((directions @ x).sort(dim=1).values for x in (a, b))
    # The quantile functions, at as many points as the smaller set has.
    points = min(a.shape[1], b.shape[1])
    a, b = (F.interpolate(x[None], points, mode="linear", align_corners=True)[0] for x in (a, b))
    return (a - b).square().mean().sqrt().item()


def similarity(a: Tensor, b: Tensor) -> float:
    """Mean structural similarity of the luminance of images (1, 3, H, W), values 0 to 1."""
    weights = torch.tensor(LUMA).view(1, 3, 1, 1)
    a, b = ((x * weights).sum(dim=1, keepdim=True) for x in (a, b))
    at = torch.arange(11) - 5.0
    line = torch.exp(-at.square() / (2 * 1.5**2))
    line /= line.sum()

    def blur(x: Tensor) -> Tensor:
        return F.conv2d(F.conv2d(x, line.view(1, 1, 11, 1)), line.view(1, 1, 1, 11))

    mean_a, mean_b = blur(a), blur(b)
    var_a, var_b = blur(a * a) - mean_a**2, blur(b * b) - mean_b**2
    cov = blur(a * b) - mean_a * mean_b
    c1, c2 = 0.01**2, 0.03**2
    ssim = (2 * mean_a * mean_b + c1) * (2 * cov + c2)
    ssim /= (mean_a**2 + mean_b**2 + c1) * (var_a + var_b + c2)
    return ssim.mean().item()
