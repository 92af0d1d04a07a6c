"""Every setting with its default, range and help text: the one place they are written.

The sliders of the app, the options of the command line, the parameters of the API and the
table in the README are all made from the fields of `Settings`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from .errors import SettingsError
from .layers import DEEPEST_LAYER, NETWORKS, layer_names

MOST_STYLES = 4


@dataclass(frozen=True)
class Number:
    """A setting on a slider. Whole numbers have a whole `step`."""

    label: str
    help: str
    low: float
    high: float
    step: float
    advanced: bool = False

    @property
    def whole(self) -> bool:
        return isinstance(self.step, int)

    @property
    def values(self) -> str:
        """What is allowed, for tables and help texts; all kinds of options have it."""
        return f"{self.low:g} to {self.high:.12g}"

    def text(self, value: float) -> str:
        """A value as `check` takes it."""
        return f"{value:.12g}"

    def check(self, name: str, value: Any) -> int | float:
        try:
            if isinstance(value, bool):
                raise TypeError
            number = float(value)
        except (TypeError, ValueError, OverflowError):
            raise SettingsError(f"{name} must be a number, not {_quote(value)}.") from None
        if not self.low <= number <= self.high:  # also catches NaN
            raise SettingsError(
                f"{name} must be between {self.low:g} and {self.high:.12g}, not {_quote(value)}."
            )
        if not self.whole:
            return number
        if number != math.floor(number):
            raise SettingsError(f"{name} must be a whole number, not {_quote(value)}.")
        return int(number)


@dataclass(frozen=True)
class Choice:
    """A setting that is one of a few words; a page may show `names` for them."""

    label: str
    help: str
    choices: tuple[str, ...]
    advanced: bool = True
    names: tuple[str, ...] = ()

    @property
    def named(self) -> list[tuple[str, str]]:
        """What is shown for each choice, and the choice."""
        return list(zip(self.names or self.choices, self.choices, strict=True))

    @property
    def values(self) -> str:
        return ", ".join(self.choices)

    def text(self, value: str) -> str:
        return value

    def check(self, name: str, value: Any) -> str:
        if not isinstance(value, str) or value not in self.choices:
            raise SettingsError(
                f"{name} must be one of {', '.join(self.choices)}, not {_quote(value)}."
            )
        return value


@dataclass(frozen=True)
class Switch:
    """A setting that is on or off."""

    label: str
    help: str
    advanced: bool = True
    values = "on, off"

    def text(self, value: bool) -> str:
        return "on" if value else "off"

    def check(self, name: str, value: Any) -> bool:
        if isinstance(value, bool):
            return value
        if isinstance(value, str) and value.lower() in ("on", "off", "true", "false"):
            return value.lower() in ("on", "true")
        raise SettingsError(f"{name} must be on or off, not {_quote(value)}.")


@dataclass(frozen=True)
class Layers:
    """A setting that is a list of layer names; text is split at commas."""

    label: str
    help: str
    advanced: bool = True
    values = f"conv1_1, relu1_1, ... {DEEPEST_LAYER}"

    def text(self, value: tuple[str, ...]) -> str:
        return ",".join(value)

    @property
    def choices(self) -> tuple[str, ...]:
        """The layers of all networks, in order; `Settings` checks them against its own."""
        return layer_names("vgg19")

    def check(self, name: str, value: Any) -> tuple[str, ...]:
        if isinstance(value, str):
            value = [part.strip() for part in value.split(",") if part.strip()]
        if not isinstance(value, (list, tuple)) or not value:
            raise SettingsError(
                f"{name} must be layer names such as relu4_1,relu4_2, not {_quote(value)}."
            )
        for layer in value:
            if not isinstance(layer, str) or layer not in self.choices:
                raise SettingsError(
                    f"{name} has no layer {_quote(layer)}: choose from conv1_1, relu1_1, ... "
                    f"{DEEPEST_LAYER}."
                )
        return tuple(sorted(set(value), key=self.choices.index))


@dataclass(frozen=True)
class Weights:
    """A setting that is a list of weights from 0 to 1, up to `most`; text is split at commas."""

    label: str
    help: str
    most: int
    advanced: bool = True

    @property
    def values(self) -> str:
        return f"1 to {self.most} numbers from 0 to 1"

    def text(self, value: tuple[float, ...]) -> str:
        return ",".join(f"{weight:g}" for weight in value)

    def check(self, name: str, value: Any) -> tuple[float, ...]:
        if isinstance(value, str):
            value = [part.strip() for part in value.split(",") if part.strip()]
        if not isinstance(value, (list, tuple)) or not 0 < len(value) <= self.most:
            raise SettingsError(
                f"{name} must be 1 to {self.most} numbers such as 1,0.5, not {_quote(value)}."
            )
        number = Number(self.label, self.help, 0.0, 1.0, 0.01)
        return tuple(number.check(name, part) for part in value)


Option = Number | Choice | Switch | Layers | Weights


def _quote(value: Any) -> str:
    """`value` for an error message: in one line, and never longer than a line."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # a number of thousands of digits, lists in lists in ...
        return f"this {type(value).__name__}"
    return text if len(text) <= 40 else text[:37] + "..."


def _option(default: Any, option: Option) -> Any:
    return field(default=default, metadata={"option": option})


@dataclass(frozen=True)
class Settings:
    """All that decides how a picture comes out, besides the two images.

    Values are checked and brought to their type (`"512"` and `512.0` become `512`).

    Raises:
        SettingsError: a value is of the wrong kind or out of its range.
    """

    content_weight: float = _option(
        1.0,
        Number("Content weight", "How much of the photo is kept: alpha.", 0.0, 10.0, 0.01),
    )
    style_weight: float = _option(
        1.0,
        Number("Style weight", "How much of the painting is taken on: beta.", 0.0, 10.0, 0.01),
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
            names=("The painting's", "The photo's", "Painting's, matched to the photo"),
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
        Number("Smoothness", "Weight of the total variation: calms fine noise.", 0.0, 10.0, 0.01),
    )
    steps: int = _option(
        30,
        Number("Steps", "Optimisation steps, all sizes together.", 1, 2000, 1),
    )
    size: int = _option(
        512,
        Number(
            "Size",
            "Long side in pixels the picture is painted at; the result has the photo's own size.",
            64,
            4096,
            1,
        ),
    )
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
        "float32",
        Choice(
            "Precision",
            "What the network computes in; bfloat16 is faster and half as large on newer GPUs.",
            ("float32", "bfloat16"),
        ),
    )
    memory_budget: float = _option(
        16.0,
        Number(
            "Memory budget",
            "Gigabytes a run may take; a size that needs more is refused before it starts.",
            1.0,
            64.0,
            0.5,
            advanced=True,
        ),
    )
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
        largest = OPTIONS["size"].high
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
    def from_values(cls, values: Mapping[str, Any], preset: str | None = None) -> Settings:
        """Settings from names and values (numbers or text), on top of a preset.

        Raises:
            SettingsError: as the constructor, or a name is not a setting or not a preset.
        """
        if not isinstance(values, Mapping):
            raise SettingsError(f"Settings must be names with values, not {_quote(values)}.")
        unknown = [name for name in values if name not in OPTIONS]
        if unknown:
            raise SettingsError(f"There is no setting {_quote(unknown[0])}.")
        if preset is not None and (not isinstance(preset, str) or preset not in PRESETS):
            raise SettingsError(
                f"There is no preset {_quote(preset)}: choose one of {', '.join(PRESETS)}."
            )
        base = {} if preset is None else PRESETS[preset].as_dict()
        return cls(**{**base, **values})

    def as_dict(self) -> dict[str, Any]:
        """Names and values of all settings, in order."""
        return {name: getattr(self, name) for name in OPTIONS}


OPTIONS: dict[str, Option] = {f.name: f.metadata["option"] for f in fields(Settings)}
DEFAULTS = Settings()

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
