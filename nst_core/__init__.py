"""Neural style transfer by optimising pixels (Gatys, Ecker, Bethge 2016).

>>> from nst_core import Settings, finish, load_image, stylize
>>> content, style = load_image("photo.jpg"), load_image("painting.jpg")
>>> settings = Settings(size=256)
>>> for frame in stylize(content, style, settings):
...     print(frame.step, frame.losses["total"])
>>> finish(frame.image, content, settings).save("result.png")

`stylize` is `prepare`, which reads, checks and plans, and `paint`, which computes. PyTorch takes
seconds to import, so `stylize` and `paint` are imported on first use; a server shows its page
before that. `TimeLapse` is imported on first use too: runs without a film do without FFmpeg.
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
from .sweep import Sweep, Tile, paint_sweep, prepare_sweep, sweep
from .transfer import Transfer, prepare

if TYPE_CHECKING:
    from .optimize import paint, stylize
    from .timelapse import TimeLapse

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
    "Sweep",
    "Tile",
    "TimeLapse",
    "Transfer",
    "WeightsError",
    "finish",
    "load_image",
    "load_mask",
    "paint",
    "paint_sweep",
    "prepare",
    "prepare_sweep",
    "preview",
    "read_recipe",
    "save_with_recipe",
    "stylize",
    "sweep",
]


def __getattr__(name: str) -> Any:
    if name in ("paint", "stylize"):
        from . import optimize

        return getattr(optimize, name)
    if name == "TimeLapse":
        from .timelapse import TimeLapse

        return TimeLapse
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
