"""The command line: `python -m nst_core CONTENT STYLE -o OUT.png`."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

from tqdm import tqdm

from . import timelapse
from .arguments import BAD_INPUT, Files, build_parser, files_of, is_folder, settings_of
from .batch import paint_all
from .errors import StyleTransferError
from .frame import Frame
from .images import printable
from .interrupts import INTERRUPTED, Interrupts, interrupts
from .output import check_format, check_overwriting, check_picture_name, check_place, replacing
from .painting import Painting, paint_with_bar
from .recipe import Recipe, read_recipe
from .settings import Settings
from .sweep import paint_sweep, prepare_sweep, sheet
from .timelapse import TimeLapse
from .transfer import prepare


def run(arguments: argparse.Namespace) -> int:
    """Do what the command line asks for.

    Returns:
        The exit code.

    Raises:
        StyleTransferError: an input can't be used.
        OSError: the output can't be written.
    """
    output = Path(arguments.output)
    if not is_folder(arguments.output):
        _check_outputs(arguments)
        if arguments.keep and output.exists():
            print(f"{printable(output.name)} is there already, and is kept.", file=sys.stderr)
            return 0
    recipe = read_recipe(arguments.recipe) if arguments.recipe else None
    settings = settings_of(arguments, recipe)
    files = files_of(arguments, settings, recipe)
    if is_folder(arguments.output):
        more = {name: getattr(arguments, name) for name in ("start", "recipe", "keep")}
        return paint_all(files, output, settings, **more)
    if arguments.sweep:
        return _sweep(arguments, files, settings, recipe)
    return _paint(arguments, files, settings, recipe)


def _check_outputs(arguments: argparse.Namespace) -> None:
    """Refuse, before anything is read, outputs that can't be written."""
    output = Path(arguments.output)
    check_place(output)
    check_picture_name(output)
    outputs = {"the result": output}
    if arguments.timelapse:
        timelapse.check_ending(arguments.timelapse)
        check_place(Path(arguments.timelapse))
        outputs["the film"] = Path(arguments.timelapse)
    inputs = {"the photo": Path(arguments.content)}
    inputs |= {f"painting {k}": Path(path) for k, path in enumerate(arguments.style, 1)}
    for name, word in (
        ("mask", "the mask"),
        ("start", "the start image"),
        ("recipe", "the recipe"),
    ):
        if getattr(arguments, name):
            inputs[word] = Path(getattr(arguments, name))
    check_overwriting(outputs, inputs)


def _paint(
    arguments: argparse.Namespace, files: Files, settings: Settings, recipe: Recipe | None
) -> int:
    """Paint one picture."""
    output = Path(arguments.output)
    (content,), styles = files.photos, files.styles
    if arguments.reconstruct:
        styles = (content,)
    if arguments.texture:
        content = styles[0]
    inputs = {"mask": arguments.mask, "start": arguments.start}
    transfer = prepare(content, styles, settings, **inputs)
    # A texture has the size and the transparency of the painting.
    check_format(transfer.content, output, "painting" if arguments.texture else "photo")
    _compare(recipe, transfer.recipe())
    film = TimeLapse(transfer.content.size) if arguments.timelapse else None
    with interrupts() as asked:
        with tqdm(total=settings.steps, unit="step", disable=None) as bar:
            painting = paint_with_bar(transfer, asked, bar, film)
        if painting is None:
            raise KeyboardInterrupt
        painting.save(output)
        if film is not None:
            _save_film(film, Path(arguments.timelapse))
    if arguments.losses:
        _print_losses(painting.frame)
    return _say_if_interrupted(asked, painting, output)


def _sweep(
    arguments: argparse.Namespace, files: Files, settings: Settings, recipe: Recipe | None
) -> int:
    """Paint nine small pictures."""
    inputs = {"mask": arguments.mask, "start": arguments.start}
    sweep = prepare_sweep(files.photos[0], files.styles, settings, **inputs)
    _compare(recipe, sweep.recipe(settings))
    with interrupts() as asked:
        painted = paint_sweep(sweep, stop=asked)
        tiles = list(tqdm(painted, total=len(sweep.runs), unit="tile", disable=None))
        asked.clean_up_first()
        if not tiles:
            raise KeyboardInterrupt
        with replacing(Path(arguments.output)) as beside:
            sheet(tiles).save(beside)
    if not asked():
        return 0
    name = printable(Path(arguments.output).name)
    print(
        f"Interrupted: {len(tiles)} of {len(sweep.runs)} pictures are in {name}.", file=sys.stderr
    )
    return INTERRUPTED


def _say_if_interrupted(asked: Interrupts, painting: Painting, output: Path) -> int:
    if not asked():
        return 0
    frame, note = painting.frame, ", without the detail of the photo" if painting.hurried else ""
    print(
        f"Interrupted at step {frame.step} of {frame.total_steps}: the picture so far is in "
        f"{printable(output.name)}{note}.",
        file=sys.stderr,
    )
    return INTERRUPTED


def _save_film(film: TimeLapse, path: Path) -> None:
    # FFmpeg does not say where a disk is full: the film is written elsewhere, and copied.
    with tempfile.TemporaryDirectory() as folder, replacing(path) as beside:
        made = Path(folder) / f"film{path.suffix}"
        film.save(made)
        beside.write_bytes(made.read_bytes())


def _compare(recipe: Recipe | None, own: Recipe) -> None:
    """Say which images differ from those of the recipe that was given."""
    if recipe is not None and (words := recipe.differences(own)):
        print(f"The recipe was made with another {' and another '.join(words)}.", file=sys.stderr)


def _print_losses(frame: Frame) -> None:
    """Print the terms of the loss, those of features by layer."""
    others = {x: y for x, y in frame.losses.items() if x not in ("content", "style")}
    for name, value in (frame.layers | others).items():
        print(f"{name:16} {value:.4f}")


def main() -> int:
    # huggingface_hub prints several lines when it tries a download again; an error is one here.
    os.environ.setdefault("HF_HUB_VERBOSITY", "error")
    arguments = build_parser().parse_intermixed_args()
    try:
        return run(arguments)
    except StyleTransferError as error:
        print(error, file=sys.stderr)
        return BAD_INPUT
    except OSError as error:
        name = printable(Path(error.filename or "The picture").name)
        why = error.strerror or error
        print(f"{name} can't be written ({why}): choose another place.", file=sys.stderr)
        return BAD_INPUT
    except KeyboardInterrupt:
        print("Interrupted: nothing was written.", file=sys.stderr)
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
