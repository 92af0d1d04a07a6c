"""Every setting with its default, range and help text.

`Settings` is the only place where they are written. The sliders of the app, the options of the
command line, the parameters of the API and the table in the README are made from its fields.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from .errors import SettingsError
from .layers import NETWORKS, layer_names
from .options import Choice, Layers, Number, Option, Switch, Weights, quote

MOST_STYLES = 4

SIZES = Number(
    "Size",
    "Long side in pixels the picture is painted at; the result has the photo's own size.",
    64,
    4096,
    1,
    slider_high=2048,
)

MEMORY_BUDGETS = Number(
    "Memory budget",
    "Gigabytes a run may take; a size that needs more is refused before it starts.",
    1.0,
    64.0,
    0.5,
    advanced=True,
)


def _option(default: Any, option: Option) -> Any:
    return field(default=default, metadata={"option": option})


@dataclass(frozen=True)
class Settings:
    """Everything besides the images that decides how a picture comes out.

    The constructor checks every value and converts it to its type: `"512"` and `512.0` become
    `512`.

    Raises:
        SettingsError: a value is of the wrong kind or out of its range.
    """

    content_weight: float = _option(
        1.0,
        Number(
            "Content weight",
            "How firmly the photo keeps its shapes: alpha.",
            0.0,
            10.0,
            0.01,
            logarithmic=True,
        ),
    )
    style_weight: float = _option(
        1.0,
        Number(
            "Style weight",
            "How much brushwork and colour come from the painting: beta.",
            0.0,
            10.0,
            0.01,
            logarithmic=True,
        ),
    )
    style_scale: float = _option(
        1.0,
        Number("Stroke size", "Size of the brush strokes against the painting's.", 0.25, 2.0, 0.05),
    )
    style_mix: tuple[float, ...] = _option(
        (1.0,) * MOST_STYLES,
        Weights(
            "Mix",
            "How much of each painting is taken, where there are several.",
            most=MOST_STYLES,
        ),
    )
    color: str = _option(
        "style",
        Choice(
            "Colours",
            "Whose colours the result has. style: the painting's. content: the photo's, the "
            "painting gives light and shade. match: the painting is recoloured after the photo "
            "first.",
            ("style", "content", "match"),
            advanced=False,
            names=("The painting's", "The photo's", "Close to the photo's"),
        ),
    )
    color_amount: float = _option(
        1.0,
        Number(
            "Colour amount",
            "How far colours are kept (content) or matched (match); 0 does nothing.",
            0.0,
            1.0,
            0.01,
        ),
    )
    strength: float = _option(
        1.0,
        Number("Strength", "Blends the result (1) with the photo (0).", 0.0, 1.0, 0.01),
    )
    region: str = _option(
        "protect",
        Choice(
            "Painted region",
            "What becomes of the painted region. protect: it stays photo. style: it gets the "
            "second painting, the rest the first.",
            ("protect", "style"),
            names=("Stays photo", "Gets the second painting"),
        ),
    )
    tv_weight: float = _option(
        0.0,
        Number(
            "Smoothness", "Calms fine speckles: weight of the total variation.", 0.0, 10.0, 0.01
        ),
    )
    steps: int = _option(
        30,
        Number(
            "Steps",
            "Optimisation steps, all sizes together.",
            1,
            2000,
            1,
            slider_high=300,
        ),
    )
    size: int = _option(512, SIZES)
    full_detail: bool = _option(
        True,
        Switch(
            "Full detail",
            "Where the photo is larger than the size painted at, enlarge along its contours.",
            advanced=False,
        ),
    )
    seed: int = _option(
        0,
        Number(
            "Seed",
            "Number the noise is made from, where a run starts from noise.",
            0,
            2**32 - 1,
            1,
            advanced=True,
        ),
    )
    init: str = _option(
        "content",
        Choice(
            "Start from",
            "What the optimisation starts from. content: the photo, on its way to the painting's "
            "colours. image: one of your own.",
            ("content", "style", "noise", "image"),
            names=("The photo", "The painting", "Noise", "An image of your own"),
        ),
    )
    weighting: str = _option(
        "balanced",
        Choice(
            "Weighting",
            "balanced: each term relative to its target, so that 1.0 means the same at every "
            "size. classic: the textbook sums, unnormalised.",
            ("balanced", "classic"),
        ),
    )
    coarse_to_fine: bool = _option(
        True,
        Switch("Coarse to fine", "Paint at small sizes first; off: all steps at the final size."),
    )
    optimizer: str = _option(
        "lbfgs",
        Choice("Optimiser", "lbfgs needs few steps; adam is the textbook's.", ("lbfgs", "adam")),
    )
    learning_rate: float = _option(
        0.02,
        Number(
            "Learning rate",
            "Step length of Adam, in units of the pixel range 0 to 1.",
            0.0001,
            1.0,
            0.0001,
            advanced=True,
        ),
    )
    network: str = _option(
        "vgg16",
        Choice("Network", "vgg16 is built in; vgg19 is fetched when first used.", tuple(NETWORKS)),
    )
    pooling: str = _option(
        "max",
        Choice("Pooling", "How the network shrinks its feature maps.", ("max", "avg")),
    )
    precision: str = _option(
        "auto",
        Choice(
            "Precision",
            "What the network computes in. auto: bfloat16 where the device has units for it (GPUs "
            "from 2020 on, Intel's processors with AMX), which is several times as fast, and "
            "float32 elsewhere.",
            ("auto", "float32", "bfloat16"),
        ),
    )
    memory_budget: float = _option(16.0, MEMORY_BUDGETS)
    content_layers: tuple[str, ...] = _option(
        ("relu4_2",),
        Layers("Content layers", "Layers whose feature maps are compared with the photo's."),
    )
    style_layers: tuple[str, ...] = _option(
        ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1"),
        Layers("Style layers", "Layers whose Gram matrices are compared with the painting's."),
    )

    def __post_init__(self) -> None:
        for name, option in OPTIONS.items():
            object.__setattr__(self, name, option.check(name, getattr(self, name)))
        if self.content_weight == self.style_weight == 0:
            raise SettingsError(
                "The weights of content and style (content_weight, style_weight) are both 0: raise "
                "one of them."
            )
        if not any(self.style_mix):
            raise SettingsError("All weights of style_mix are 0: raise one of them.")
        largest = int(SIZES.high)
        if self.size * self.style_scale > largest:
            raise SettingsError(
                f"style_scale {self.style_scale:g} at size {self.size} makes the painting larger "
                f"than {largest} pixels: choose a style_scale of at most "
                f"{math.floor(100 * largest / self.size) / 100:g}."
            )
        known = layer_names(self.network)
        for name in ("content_layers", "style_layers"):
            missing = [layer for layer in getattr(self, name) if layer not in known]
            if missing:
                raise SettingsError(
                    f"{name}: {self.network} has no layer {missing[0]}: leave it out or choose "
                    "vgg19."
                )

    @classmethod
    def from_values(cls, values: Mapping[str, Any], base: Settings | None = None) -> Settings:
        """Make settings from names and values (numbers or text).

        Args:
            base: settings that hold where `values` has nothing; the defaults if not given.

        Raises:
            SettingsError: a name is no setting, or the constructor refuses a value.
        """
        if not isinstance(values, Mapping):
            raise SettingsError(f"Settings must be names with values, not {quote(values)}.")
        unknown = [name for name in values if name not in OPTIONS]
        if unknown:
            raise SettingsError(f"There is no setting {quote(unknown[0])}.")
        return cls(**{**(base.as_dict() if base else {}), **values})

    def as_dict(self) -> dict[str, Any]:
        """Return the names and values of all settings, in their order."""
        return {name: getattr(self, name) for name in OPTIONS}


OPTIONS: dict[str, Option] = {f.name: f.metadata["option"] for f in fields(Settings)}
DEFAULTS = Settings()
