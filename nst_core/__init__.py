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
    SettingsError,
    StyleTransferError,
    WeightsError,
)
from .images import load_image
from .optimize import Frame, stylize
from .settings import PRESETS, Settings
from .upscale import finish

__all__ = [
    "PRESETS",
    "DeviceMemoryError",
    "Frame",
    "ImageError",
    "Settings",
    "SettingsError",
    "StyleTransferError",
    "WeightsError",
    "finish",
    "load_image",
    "stylize",
]
