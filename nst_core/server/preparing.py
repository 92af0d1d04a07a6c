"""A job, as somebody sent it to a server, is read, checked and planned before it waits or runs."""

from __future__ import annotations

import base64
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from io import BytesIO
from typing import Any, TypeVar

from PIL import Image

from ..errors import ImageError, StyleTransferError
from ..images import load_image
from ..names import result_name
from ..settings import Settings
from ..sweep import Sweep, prepare_gallery, prepare_sweep
from ..transfer import Load, Transfer, prepare
from .limits import Limits

# A region painted in a page is a PNG as data URL, of at most so many characters.
PAINTED_PREFIX = "data:image/png;base64,"
PAINTED_LENGTH = 2_000_000

MISSING = "There is no {} yet: add one, or click an example."
GONE = "The {} is not here any more: uploads are kept for a while. Upload it again."

Prepared = TypeVar("Prepared", Transfer, Sweep)


@dataclass(frozen=True)
class Job:
    """What a run is asked to do, as it was sent: nothing of it is checked yet.

    Attributes:
        content, styles, mask, start: paths of files.
        values: settings by their names.
        painted: a region painted in a page, as data URL; it counts more than `mask`.
    """

    content: str | None
    styles: Sequence[str]
    values: Mapping[str, Any]
    mask: str | None = None
    start: str | None = None
    painted: str | None = None

    @property
    def name(self) -> str:
        """What its result is called."""
        return result_name(str(self.content), self.styles[0])


def prepare_job(job: Job, limits: Limits, load: Load | None = None) -> Transfer:
    """Read, check and plan a job, so that whatever is wrong is said before it waits or runs.

    Args:
        load: as `prepare` takes it.

    Raises:
        StyleTransferError: something is missing, can't be used, or is not allowed.
    """
    return _prepare(job, limits, prepare, load)


def prepare_sweep_job(job: Job, limits: Limits, load: Load | None = None) -> Sweep:
    """Read, check and plan a sweep; its tiles are small, whatever size the job asks for.

    Args:
        load: as `prepare` takes it.

    Raises:
        StyleTransferError: as `prepare_job`.
    """
    return _prepare(job, limits, prepare_sweep, load)


def prepare_gallery_job(
    job: Job, paintings: Sequence[str], limits: Limits, load: Load | None = None
) -> Sweep:
    """Read, check and plan a small picture of the photo in each of these paintings.

    Args:
        load: reads the photo.

    Raises:
        StyleTransferError: as `prepare_job`.
    """
    job = replace(job, styles=paintings[:1], values={**job.values, "style_mix": [1]})
    settings = Settings.from_values(job.values)
    sweep = prepare_gallery(_content(job), paintings, settings, load)
    limits.check(settings, sweep.work, len(sweep.runs))
    return sweep


def _prepare(
    job: Job, limits: Limits, read: Callable[..., Prepared], load: Load | None
) -> Prepared:
    settings = Settings.from_values(job.values)
    _check_files(job)
    prepared = read(
        _content(job),
        job.styles,
        settings,
        mask=_mask_file(job),
        start=job.start or None,
        load=load,
    )
    tiles = len(prepared.runs) if isinstance(prepared, Sweep) else 0
    limits.check(settings, prepared.work, tiles)
    return prepared


def _check_files(job: Job) -> None:
    """Say which file is gone: uploads are kept for a while, and a visitor may come back later."""
    files = {"photo": job.content, "region": job.mask, "image to start from": job.start}
    files |= {f"painting {number}": path for number, path in enumerate(job.styles, 1)}
    for what, path in files.items():
        if path and not os.path.exists(path):
            raise StyleTransferError(GONE.format(what))


def _content(job: Job) -> str:
    """The file of the photo, where photo and painting are there."""
    if not job.content or not job.styles:
        missing = "photo" if not job.content else "painting"
        raise StyleTransferError(MISSING.format(missing))
    return job.content


def _mask_file(job: Job) -> str | Image.Image | None:
    """The region: painted in a page, or a file; None where all that was painted is erased again."""
    if not job.painted:
        return job.mask or None
    data = job.painted.removeprefix(PAINTED_PREFIX)
    try:
        if data == job.painted or len(data) > PAINTED_LENGTH:
            raise ValueError
        painted = load_image(BytesIO(base64.b64decode(data, validate=True)))
    except (ValueError, ImageError) as error:  # binascii.Error is a ValueError
        raise StyleTransferError("The painted region can't be read: clear it.") from error
    erased = painted.mode == "RGBA" and painted.getchannel("A").getbbox() is None
    return None if erased else painted
