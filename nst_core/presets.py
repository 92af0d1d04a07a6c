"""Named sets of settings to begin with."""

from __future__ import annotations

from .errors import SettingsError
from .options import quote
from .settings import DEFAULTS, Settings

_ALL_CONV = ("conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1")

PRESETS: dict[str, Settings] = {
    "Balanced": DEFAULTS,
    "Faithful photo": Settings(content_weight=4.0),
    "Bold strokes": Settings(style_weight=5.0, style_scale=1.5),
    "Fine detail": Settings(style_scale=0.5),
    "Keep colours": Settings(color="content"),
    "Texture only": Settings(content_weight=0.0, init="noise"),
    "Calm": Settings(tv_weight=4.0),
    "Classic": Settings(
        weighting="classic",
        content_weight=1.0,
        style_weight=0.01,
        tv_weight=0.0,
        steps=150,
        coarse_to_fine=False,
        optimizer="adam",
        learning_rate=0.02,
        content_layers=_ALL_CONV,
        style_layers=_ALL_CONV,
    ),
}

# What each of them does, after its name and a colon.
PRESET_HELP: dict[str, str] = {
    "Balanced": "the default",
    "Faithful photo": "keeps more of the photo, most of all faces",
    "Bold strokes": "more of the painting, in larger strokes",
    "Fine detail": "small strokes",
    "Keep colours": "the colours of the photo",
    "Texture only": "the painting's brushwork, and nothing of the photo",
    "Calm": "smooths fine noise",
    "Classic": f"the textbook, {PRESETS['Classic'].steps} steps at one size",
}

# What a page offers in place of size and steps: the long side in pixels, with the default steps.
QUALITIES: dict[str, int] = {"Quick": 256, "Good": DEFAULTS.size, "Large": 1024}


def find_preset(name: object) -> Settings:
    """Look up the settings of a preset.

    Raises:
        SettingsError: no preset has this name.
    """
    if isinstance(name, str) and name in PRESETS:
        return PRESETS[name]
    raise SettingsError(f"There is no preset {quote(name)}: choose one of {', '.join(PRESETS)}.")
