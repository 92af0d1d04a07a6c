"""Many photos in one style: a folder of results, from one process."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path

from PIL import Image
from tqdm import tqdm

from .arguments import Files
from .errors import StyleTransferError, WeightsError
from .images import load_image, printable
from .interrupts import INTERRUPTED, Interrupts, interrupts
from .names import result_name
from .output import check_overwriting, check_place
from .painting import paint_with_bar
from .plan import check_inputs
from .settings import Settings
from .transfer import prepare

SOME_FAILED = 1


@dataclass
class _Batch:
    """What has become of the photos so far.

    Attributes:
        styles, start: images that all photos share.
        written: number of results.
        failures: a sentence for each photo that failed, with its name.
    """

    styles: Sequence[Image.Image]
    settings: Settings
    start: Image.Image | None
    written: int = 0
    failures: list[str] = field(default_factory=list)

    def paint(self, photo: str, path: Path, asked: Interrupts, bar: tqdm[None]) -> None:
        """Paint one photo, and write its result."""
        steps_before = bar.n
        try:
            transfer = prepare(photo, self.styles, self.settings, start=self.start)
            painting = paint_with_bar(transfer, asked, bar)
        except WeightsError:  # no photo can be painted
            raise
        except StyleTransferError as error:
            self.failures.append(f"{printable(Path(photo).name)}: {error}")
            bar.update(steps_before + self.settings.steps - bar.n)
            return
        if painting is None:
            return
        if not painting.is_complete:
            # Under the name of a result, `--keep` would take it for one.
            path = path.with_name(f"{path.stem}-step{painting.frame.step}{path.suffix}")
            print(f"The picture so far is in {printable(path.name)}.", file=sys.stderr)
        painting.save(path)
        self.written += painting.is_complete


def paint_all(
    files: Files,
    folder: Path,
    settings: Settings,
    *,
    start: str | PathLike[str] | None = None,
    recipe: str | PathLike[str] | None = None,
    keep: bool = False,
) -> int:
    """Paint all photos, one after the other, and write the results into a folder.

    A photo that can't be used is named in the end, and the others are painted.

    Args:
        folder: is made if it is not there.
        start: an image that all photos start from.
        recipe: the file that the settings are from.
        keep: leave the results alone that are there.

    Returns:
        The exit code.

    Raises:
        StyleTransferError: none of the photos can be painted like this.
        OSError: a result can't be written.
    """
    check_inputs(settings, len(files.styles), bool(start))
    if not folder.exists() and folder.parent.is_dir():
        folder.mkdir()
    jobs = dict(zip(_names(files, folder), files.photos, strict=True))
    check_place(next(iter(jobs)))
    inputs = {f"painting {k}": Path(path) for k, path in enumerate(files.styles, 1)}
    inputs |= {f"photo {k}": Path(path) for k, path in enumerate(files.photos, 1)}
    others = {"the start image": start, "the recipe": recipe}
    inputs |= {word: Path(path) for word, path in others.items() if path}
    check_overwriting({f"the result of {Path(x).name}": y for y, x in jobs.items()}, inputs)
    kept = [path for path in jobs if keep and path.exists()]
    waiting = {path: photo for path, photo in jobs.items() if path not in kept}
    styles = [load_image(style) for style in files.styles]
    batch = _Batch(styles, settings, load_image(start) if start else None)
    steps = len(waiting) * settings.steps
    try:
        with interrupts() as asked, tqdm(total=steps, unit="step", disable=None) as bar:
            for number, (path, photo) in enumerate(waiting.items(), 1):
                bar.set_description(f"Photo {number} of {len(waiting)}")
                batch.paint(photo, path, asked, bar)
                if asked():
                    break
    except OSError:  # the disk is full: the next photo would be painted in vain
        _report(batch, len(jobs), len(kept), interrupted=True)
        raise
    return _report(batch, len(jobs), len(kept), asked())


def _names(files: Files, folder: Path) -> Iterator[Path]:
    """The results of all photos; photos of one name in several folders get numbers."""
    taken: set[str] = set()
    for photo in files.photos:
        name, number = result_name(photo, files.styles[0]), 1
        base = name
        while name.casefold() in taken:
            number += 1
            name = f"{base}-{number}"
        taken.add(name.casefold())
        yield folder / f"{name}.png"


def _report(batch: _Batch, photos: int, kept: int, interrupted: bool) -> int:
    """Say what failed, and what is still to do."""
    for failure in batch.failures:
        print(failure, file=sys.stderr)
    if batch.failures:
        print(f"{len(batch.failures)} of {photos} photos failed.", file=sys.stderr)
    if kept:
        print(f"{kept} of {photos} results were there already, and are kept.", file=sys.stderr)
    if interrupted:
        print(
            f"Interrupted: {batch.written + kept} of {photos} results are there. The same command "
            "with --keep goes on.",
            file=sys.stderr,
        )
        return INTERRUPTED
    return SOME_FAILED if batch.failures else 0
