"""Bridge: the interface of the service over the functions of today's app."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from .limits import Limits


class Service:
    def __init__(self, limits: Limits, run: Callable[..., Any], sweep: Callable[..., Any]) -> None:
        self.limits, self.run, self.sweep = limits, run, sweep

    def paint(self, job: Any, owner: str, folder: Path, kept: bool = False) -> Iterator[Any]:
        for shown in self.run(job, owner, str(folder), kept):
            done = shown.outcome
            if done is not None:
                images, settings = done.images, done.settings
                done = SimpleNamespace(
                    transfer=SimpleNamespace(
                        content=images.content, recipe=partial(images.recipe, settings)
                    ),
                    frame=done.frame,
                    result=done.result,
                    film=done.film,
                    timed_out=done.late,
                )
            yield SimpleNamespace(
                picture=shown.picture, frame=shown.frame, outcome=done, finishing=shown.finishing
            )

    def paint_sweep(self, job: Any, owner: str) -> Iterator[Any]:
        yield from self.sweep(job, owner)
