"""The quality of a result, by two measures that no loss of the default settings contains.

The style distance S compares the VGG features of the result with those of the painting, at layers
that are not in the loss: their sliced Wasserstein distance (Bonneel et al. 2015; for textures Heitz
et al. 2021), divided by the same distance of the untouched photo. So S is 1 for the photo, and 0
for a picture that has the statistics of the painting.

The similarity C is the structural similarity of the luminance to the photo (Wang et al. 2004). C is
1 for the photo itself.

Ghosts are motifs of the painting in flat areas of the photo: faces in a sky, eyes in a lake. S
counts them as style, so that below about 0.2 a smaller S is no better. `Quality.ghosts` measures
them: how far the deepest features of the result have moved from those of the photo where the photo
is flat, over how far those of the painting are away. Strokes alone leave it at 0.4 to 0.6; a
picture whose sky is full of motifs comes near 1.
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
# Its features are motifs, and a position sees half of a picture of `SIDE` pixels.
DEEP_LAYER = "relu5_1"
PROJECTIONS = 128
# Pixels on a side of the windows in which the contrast of the photo is taken.
WINDOW = 33
LUMA = (0.2126, 0.7152, 0.0722)
SIDE = 256


def at_side(image: Image.Image, side: int = SIDE) -> Tensor:
    """The image as a tensor (1, 3, H, W) of values 0 to 1, with `side` pixels on its long side."""
    return to_tensor(image, working_size(image.size, side))


class Quality:
    """S and C of results for one pair, taken with `side` pixels on the long side."""

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

    def ghosts(self, result: Image.Image) -> float:
        """The motifs of the painting in the flattest third of the photo; 0 for the photo itself."""
        pixels = to_tensor(result, (self.content.shape[3], self.content.shape[2]))
        with torch.no_grad():
            photo, found, painting = (
                _deep_network()(x)[DEEP_LAYER][0] for x in (self.content, pixels, self.painting)
            )
        contrast = F.interpolate(local_contrast(self.content), photo.shape[1:], mode="bilinear")[
            0, 0
        ]
        flat = contrast <= contrast.quantile(1 / 3)
        moved = (found - photo)[:, flat].square().sum(dim=0).mean()
        ground = photo[:, flat].mean(dim=1, keepdim=True)
        away = (painting.flatten(1) - ground).square().sum(dim=0).mean()
        return (moved / away).item()

    def frame(self, result: Image.Image, part: float = 0.05) -> float:
        """The style distance of the outer strip, divided by that of a rectangle in the centre.

        The strip is `part` of the sides wide. The rectangle has the same area, because fewer
        features are never as near to those of a whole painting. The network repeats borders here:
        zeros around the feature maps would add a frame to what is measured.
        """
        return self._frame(to_tensor(result, (self.content.shape[3], self.content.shape[2])), part)

    def frames_of_pieces(self, part: float = 0.05) -> list[float]:
        """`frame` of nine pieces of the painting, each 3/4 of its sides.

        The pieces have no frame, so their values differ by chance alone.
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


@lru_cache(maxsize=1)
def _deep_network() -> PlainVGG:
    return PlainVGG((DEEP_LAYER,), "replicate")


@lru_cache(maxsize=2)
def _network(border: str) -> PlainVGG:
    return PlainVGG(LAYERS, border)


def _features(pixels: Tensor, border: str = "constant") -> list[Tensor]:
    with torch.no_grad():
        return list(_network(border)(pixels).values())


def sliced_wasserstein(a: Tensor, b: Tensor) -> float:
    """The root of the mean, over directions, of the squared 2-Wasserstein distance.

    Args:
        a, b: (C, N) and (C, M), sets of N and M points with C coordinates.
    """
    generator = torch.Generator().manual_seed(0)
    directions = F.normalize(torch.randn(PROJECTIONS, a.shape[0], generator=generator), dim=1)
    a, b = ((directions @ x).sort(dim=1).values for x in (a, b))
    # Both quantile functions are taken at as many points as the smaller set has.
    points = min(a.shape[1], b.shape[1])
    a, b = (F.interpolate(x[None], points, mode="linear", align_corners=True)[0] for x in (a, b))
    return (a - b).square().mean().sqrt().item()


def local_contrast(image: Tensor) -> Tensor:
    """The standard deviation of the luminance around each pixel of an image (1, 3, H, W)."""
    luminance = (image * torch.tensor(LUMA).view(1, 3, 1, 1)).sum(dim=1, keepdim=True)
    mean, squares = (
        F.avg_pool2d(x, WINDOW, 1, WINDOW // 2, count_include_pad=False)
        for x in (luminance, luminance.square())
    )
    return (squares - mean.square()).clamp(min=0).sqrt()


def similarity(a: Tensor, b: Tensor) -> float:
    """The mean structural similarity of the luminance of two images (1, 3, H, W), values 0 to 1."""
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
