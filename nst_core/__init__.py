"""Neural style transfer by optimising pixels (Gatys, Ecker, Bethge 2016).

>>> from nst_core import Settings, finish, load_image, stylize
>>> content, style = load_image("photo.jpg"), load_image("painting.jpg")
>>> settings = Settings(size=256)
>>> for frame in stylize(content, style, settings):
...     print(frame.step, frame.losses["total"])
>>> finish(frame.image, content, settings).save("result.png")

What computes on tensors (`stylize`, and what `finish` enlarges with) is imported when it is first
used: PyTorch takes seconds, and a server can show its page before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .errors import (
    DeviceMemoryError,
    ImageError,
    RecipeError,
    SettingsError,
    StyleTransferError,
    WeightsError,
)
from .finishing import finish, preview
from .frame import Frame
from .images import load_image
from .presets import PRESETS
from .recipe import Recipe, read_recipe, save_with_recipe
from .regions import load_mask
from .settings import Settings
from .sweep import sweep
from .timelapse import TimeLapse

if TYPE_CHECKING:
    from .optimize import stylize

__all__ = [
    "PRESETS",
    "DeviceMemoryError",
    "Frame",
    "ImageError",
    "Recipe",
    "RecipeError",
    "Settings",
    "SettingsError",
    "StyleTransferError",
    "TimeLapse",
    "WeightsError",
    "finish",
    "load_image",
    "load_mask",
    "preview",
    "read_recipe",
    "save_with_recipe",
    "stylize",
    "sweep",
]


def __getattr__(name: str) -> Any:
    if name == "stylize":
        from .optimize import stylize

        return stylize
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
