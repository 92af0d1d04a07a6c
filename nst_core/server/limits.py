"""What an operator allows the visitors of a server, read from environment variables."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from ..errors import SettingsError
from ..settings import DEFAULTS, MEMORY_BUDGETS, Settings

PREFIX = "NST_"


def _limit(default: Any, low: float, high: float, help: str) -> Any:
    return field(default=default, metadata={"low": low, "high": high, "help": help})


@dataclass(frozen=True)
class Limits:
    """Limits of a server. The variable of each is `NST_` and its name in capitals."""

    queue: int = _limit(64, 1, 10_000, "How many requests may wait at most.")
    runs: int = _limit(
        3,
        1,
        10_000,
        "How many runs one page may have waiting or going on; all programs of one address share "
        "as many.",
    )
    clients: int = _limit(
        200,
        1,
        1_000_000,
        "How many pages, and how many programs, one address may open in ten minutes.",
    )
    work: float = _limit(
        1000.0,
        0.1,
        1e9,
        "Megapixels of gradient evaluations of one run: about its pixels times its steps.",
    )
    seconds: float = _limit(
        1800.0, 1, 1e9, "Seconds after which a run is ended; what it has by then is its result."
    )
    memory: float = _limit(
        DEFAULTS.memory_budget,
        MEMORY_BUDGETS.low,
        MEMORY_BUDGETS.high,
        "Gigabytes one run may ask for.",
    )
    upload: int = _limit(50, 1, 10_000, "Megabytes of one uploaded file.")
    room: float = _limit(
        500.0, 0, 1e9, "Megabytes that have to be free on the disk: with less, uploads are refused."
    )
    keep: float = _limit(
        3600.0, 1, 1e9, "Seconds after which uploads, previews and results are deleted."
    )

    live: int = _limit(1, 0, 1, "Whether pages may paint previews by themselves (1) or not (0).")

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Limits:
        """Read `NST_QUEUE`, `NST_WORK` and so on; what is not set has its default.

        Raises:
            SettingsError: a value is not a number, or out of range.
        """
        values: dict[str, Any] = {}
        for item in fields(cls):
            name = PREFIX + item.name.upper()
            if name not in environment:
                continue
            low, high = item.metadata["low"], item.metadata["high"]
            whole = isinstance(item.default, int)
            try:
                value = (int if whole else float)(environment[name])
            except ValueError:
                value = float("nan")
            if not low <= value <= high:
                raise SettingsError(
                    f"{name} must be a {'whole ' if whole else ''}number between {low:g} and "
                    f"{high:g}, not {environment[name][:40]!r}."
                )
            values[item.name] = value
        return cls(**values)

    def check(self, settings: Settings, work: float, tiles: int = 0) -> None:
        """Say what the operator does not allow, before a run.

        Args:
            work: megapixels of gradient evaluations, as `Transfer.work` and `Sweep.work`.
            tiles: of a sweep, how many it has: their size and steps are not those of the settings.

        Raises:
            SettingsError: it takes too much work or memory.
        """
        if work > self.work:
            times = f"{work / self.work:.1f} times what this server allows for one run"
            if tiles:
                raise SettingsError(
                    f"A sweep of {tiles} pictures is {times}: paint single pictures."
                )
            raise SettingsError(
                f"Size {settings.size} with {settings.steps} steps is {times}: "
                "choose a smaller size or fewer steps."
            )
        if settings.memory_budget > self.memory:
            raise SettingsError(
                f"This server allows a memory_budget of at most {self.memory:g}, not "
                f"{settings.memory_budget:g}."
            )
