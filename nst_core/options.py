"""The kinds of option that a setting can be: each checks a value and describes what it allows.

All kinds share an interface. `label` and `help` are texts for people. `values` says in words what
is allowed. `check(name, value)` returns the value in its own type, or raises a `SettingsError`
that names the setting. `text(value)` is the inverse of `check` for text.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from .errors import SettingsError
from .layers import DEEPEST_LAYER, layer_names


@dataclass(frozen=True)
class Number:
    """A number in a range, such as a slider sets; a whole `step` asks for whole numbers.

    Attributes:
        slider_high: where a slider ends, if a larger number is rare enough to be typed.
        logarithmic: a slider has 1 in its middle; each half of it is a factor of `high`.
    """

    label: str
    help: str
    low: float
    high: float
    step: float
    advanced: bool = False
    slider_high: float | None = None
    logarithmic: bool = False

    @property
    def whole(self) -> bool:
        return isinstance(self.step, int)

    @property
    def values(self) -> str:
        return f"{self.low:g} to {self.high:.12g}"

    def text(self, value: float) -> str:
        return f"{value:.12g}"

    def check(self, name: str, value: Any) -> int | float:
        try:
            if isinstance(value, bool):
                raise TypeError
            number = float(value)
        except (TypeError, ValueError, OverflowError):
            raise SettingsError(f"{name} must be a number, not {quote(value)}.") from None
        if not self.low <= number <= self.high:  # NaN fails both comparisons
            raise SettingsError(
                f"{name} must be between {self.low:g} and {self.high:.12g}, not {quote(value)}."
            )
        if not self.whole:
            return number
        if number != math.floor(number):
            raise SettingsError(f"{name} must be a whole number, not {quote(value)}.")
        return int(number)


@dataclass(frozen=True)
class Choice:
    """One of a few words; a page may show `names` in place of the words."""

    label: str
    help: str
    choices: tuple[str, ...]
    advanced: bool = True
    names: tuple[str, ...] = ()

    @property
    def named(self) -> list[tuple[str, str]]:
        """Pairs of what a page shows for a choice, and the choice."""
        return list(zip(self.names or self.choices, self.choices, strict=True))

    @property
    def values(self) -> str:
        return ", ".join(self.choices)

    def text(self, value: str) -> str:
        return value

    def check(self, name: str, value: Any) -> str:
        if not isinstance(value, str) or value not in self.choices:
            raise SettingsError(
                f"{name} must be one of {', '.join(self.choices)}, not {quote(value)}."
            )
        return value


@dataclass(frozen=True)
class Switch:
    """On or off."""

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
        raise SettingsError(f"{name} must be on or off, not {quote(value)}.")


@dataclass(frozen=True)
class Layers:
    """A list of layer names; text is split at commas."""

    label: str
    help: str
    advanced: bool = True
    values = f"conv1_1, relu1_1, ... {DEEPEST_LAYER}"

    def text(self, value: tuple[str, ...]) -> str:
        return ",".join(value)

    @property
    def choices(self) -> tuple[str, ...]:
        """The layers of all networks, in order.

        `Settings` refuses those that the chosen network lacks.
        """
        return layer_names("vgg19")

    def check(self, name: str, value: Any) -> tuple[str, ...]:
        if isinstance(value, str):
            value = [part.strip() for part in value.split(",") if part.strip()]
        if not isinstance(value, (list, tuple)) or not value:
            raise SettingsError(
                f"{name} must be layer names such as relu4_1,relu4_2, not {quote(value)}."
            )
        for layer in value:
            if not isinstance(layer, str) or layer not in self.choices:
                raise SettingsError(
                    f"{name} has no layer {quote(layer)}: choose from conv1_1, relu1_1, ... "
                    f"{DEEPEST_LAYER}."
                )
        return tuple(sorted(set(value), key=self.choices.index))


@dataclass(frozen=True)
class Weights:
    """A list of 1 to `most` weights from 0 to 1; text is split at commas."""

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
        given = value
        if isinstance(value, str):
            value = [part.strip() for part in value.split(",")]
        if (
            not isinstance(value, (list, tuple))
            or not 0 < len(value) <= self.most
            or "" in value  # a weight that is left out would pass its place to the next one
        ):
            raise SettingsError(
                f"{name} must be 1 to {self.most} numbers such as 1,0.5, not {quote(given)}."
            )
        number = Number(self.label, self.help, 0.0, 1.0, 0.01)
        return tuple(number.check(name, part) for part in value)


Option = Number | Choice | Switch | Layers | Weights


def quote(value: Any) -> str:
    """Write `value` for an error message, in one line of at most 40 characters."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # thousands of digits, or of nested lists
        return f"this {type(value).__name__}"
    return text if len(text) <= 40 else text[:37] + "..."
