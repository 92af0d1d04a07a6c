"""From images to tensors and back."""

from __future__ import annotations

import torch
from PIL import Image
from torch import Tensor

from .images import on_white


def to_tensor(image: Image.Image, size: tuple[int, int]) -> Tensor:
    """The image over white, resized to `size` (width, height): (1, 3, H, W), 0 to 1, float32."""
    image = on_white(image).resize(size, Image.Resampling.LANCZOS)
    pixels = torch.frombuffer(bytearray(image.tobytes()), dtype=torch.uint8)
    # In memory this is (H, W, 3), which is what channels_last means.
    return pixels.view(1, image.height, image.width, 3).permute(0, 3, 1, 2) / 255


def to_image(tensor: Tensor) -> Image.Image:
    """The RGB image of a tensor (1, 3, H, W); values are clipped to 0 to 1."""
    pixels = tensor.detach()[0].clamp(0, 1).mul(255).round().to(torch.uint8)
    return Image.fromarray(pixels.permute(1, 2, 0).contiguous().cpu().numpy())
