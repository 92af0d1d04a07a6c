"""Neural style transfer by optimising pixels (Gatys, Ecker, Bethge 2016).

>>> from nst_core import Settings, finish, load_image, stylize
>>> content, style = load_image("photo.jpg"), load_image("painting.jpg")
>>> settings = Settings(size=256)
>>> for frame in stylize(content, style, settings):
...     print(frame.step, frame.losses["total"])
>>> finish(frame.image, content, settings).save("result.png")
"""

from .errors import (
    DeviceMemoryError,
    ImageError,
    RecipeError,
    SettingsError,
    StyleTransferError,
    WeightsError,
)
from .finishing import finish, preview
from .images import load_image
from .optimize import Frame, stylize
from .recipe import Recipe, read_recipe, save_with_recipe
from .regions import load_mask
from .settings import PRESETS, Settings
from .sheet import sweep
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
