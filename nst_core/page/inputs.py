"""All that a run is asked for, from the widgets of several features."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gradio.blocks import Block
from gradio.components import Component

from ..errors import StyleTransferError
from ..server.history import Record
from ..server.preparing import Job
from ..settings import DEFAULTS, MOST_STYLES, OPTIONS, Settings
from .catalogue import catalogue
from .controls import APPEARANCE, Controls
from .painter import Painter
from .pictures import Pictures
from .result import Result
from .widgets import Fields, Updates, owned, path_of, setting_values

MIX = tuple(f"mix_{k}" for k in range(MOST_STYLES))
STYLES = tuple(f"style_{k}" for k in range(MOST_STYLES))

# Settings that a preview does not show.
UNSEEN = ("size", "steps", "strength", "memory_budget", "full_detail", "precision", "seed")


@dataclass(frozen=True)
class Inputs:
    """Pictures, region and settings of the next run."""

    pictures: Pictures
    painter: Painter
    controls: Controls
    settings: Mapping[str, Component]

    @classmethod
    def of(cls, pictures: Pictures, painter: Painter, controls: Controls, result: Result) -> Inputs:
        """The settings of the controls, and the two that stand beside what they change."""
        found = {
            **controls.settings,
            "strength": result.strength,
            "region": painter.region,
        }
        return cls(
            pictures, painter, controls, {name: found[name] for name in OPTIONS if name in found}
        )

    @property
    def fields(self) -> dict[str, Component]:
        """The widgets that a run reads, by the names of `Fields`."""
        return {
            "content": self.pictures.content,
            **dict(zip(STYLES, self.pictures.styles, strict=True)),
            **dict(zip(MIX, self.pictures.mix, strict=True)),
            "mask": self.painter.board,
            "start_image": self.controls.start_image,
            **self.settings,
        }

    @property
    def widgets(self) -> list[Block]:
        """All widgets that `fill` may change."""
        return list(dict.fromkeys(owned(self)))

    def fill_pair(self, content: str, style: str) -> Updates:
        """Put one photo and one painting in, with the appearance as it is by default."""
        return {
            **self.pictures.fill(content, {0: style}),
            **self.painter.show(content),
            **setting_values(self.settings, DEFAULTS.as_dict(), [*APPEARANCE, "strength"]),
        }

    def fill_record(self, record: Record) -> Updates:
        """Put in what a result was made from.

        The record has copies of the files. Of bundled pictures the page needs the originals: it
        would name the copies neither above the strips nor in a link.
        """
        fields, original = record.values["fields"], catalogue().original
        content, styles = original(record.content), map(original, record.styles)
        boxes = dict(zip(record.values["boxes"], styles, strict=True))
        return {
            **self.pictures.fill(content, boxes, [fields[name] for name in MIX]),
            **self.painter.show(content, fields["mask"] or ""),
            **setting_values(self.settings, fields),
        }


def job_of(fields: Fields, refined: Record | None = None) -> Job:
    """What the page asks for.

    Args:
        refined: a result to go on from, in place of the photo's box and the start image.
    """
    values = {name: fields[name] for name in OPTIONS if name in fields}
    boxes = [(path_of(fields[style]), fields[mix]) for style, mix in zip(STYLES, MIX, strict=True)]
    boxes = [(path, weight) for path, weight in boxes if path]
    values["style_mix"] = [weight for _, weight in boxes] if len(boxes) > 1 else [1]
    content = path_of(fields["content"])
    start = path_of(fields["start_image"]) if fields["init"] == "image" else None
    if refined is not None:
        values |= {"init": "image", "coarse_to_fine": False}
        content, start = str(refined.content), str(refined.picture)
    paths = [str(path) for path, _ in boxes]
    return Job(content, paths, values, start=start, painted=fields["mask"] or None)


def kept_fields(fields: Fields) -> dict[str, Any]:
    """The fields that a record keeps, so that `fill_record` can put them back."""
    return {name: x for name, x in fields.items() if name in OPTIONS or name in ("mask", *MIX)}


def filled_boxes(fields: Fields) -> Sequence[int]:
    """The numbers of the painting boxes that hold a picture."""
    return [k for k, style in enumerate(STYLES) if path_of(fields[style])]


def identity(path: str | None) -> str:
    """What a file is known by, also after Gradio or the history have copied it."""
    if path is None or not Path(path).is_file():
        return ""
    return f"{Path(path).name} {Path(path).stat().st_size}"


def key_of(fields: Fields, unseen: bool = False) -> str:
    """A hash of all that a preview shows: inputs with the same key have the same preview.

    It is empty where the settings are refused.

    Args:
        unseen: hash the settings of `UNSEEN` too, for the key of a whole run.
    """
    job = job_of(fields)
    try:
        settings = Settings.from_values(job.values).as_dict()
    except StyleTransferError:
        return ""
    noise = settings["seed"] if settings["init"] == "noise" else None
    looks = {name: x for name, x in settings.items() if unseen or name not in UNSEEN}
    files = [identity(path) for path in (job.content, *job.styles, job.start)]
    text = json.dumps([files, looks, noise, job.painted])
    return hashlib.sha256(text.encode()).hexdigest()


def pair_key(content: str, style: str, values: Mapping[str, Any] | None = None) -> str:
    """The key of one photo and one painting.

    Args:
        values: settings that differ from the defaults.
    """
    fields = {**DEFAULTS.as_dict(), **dict.fromkeys(STYLES), **dict.fromkeys(MIX, 1)}
    pair = {"content": {"path": content}, STYLES[0]: {"path": style}}
    return key_of({**fields, **(values or {}), **pair, "start_image": None, "mask": None})
