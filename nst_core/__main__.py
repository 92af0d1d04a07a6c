"""The command line: `python -m nst_core CONTENT STYLE -o OUT.png`."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any, NoReturn

from PIL import Image
from tqdm import tqdm

from . import insights, timelapse
from .errors import StyleTransferError
from .finishing import finish, preview
from .frame import Frame
from .images import MAX_PIXELS, printable
from .options import Number
from .presets import PRESETS, find_preset
from .recipe import Recipe, read_recipe, save_with_recipe
from .settings import DEFAULTS, OPTIONS, Settings
from .sweep import paint_sweep, prepare_sweep, sheet
from .timelapse import TimeLapse
from .transfer import Transfer, prepare

BAD_INPUT, INTERRUPTED = 2, 130
ENDINGS = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff")
# Seconds between two frames: often enough for the progress bar.
FRAME_SECONDS = 0.2
# Most pixels on a side that files of these formats can have.
LONGEST_SIDES = {".webp": 16_383, ".jpg": 65_500, ".jpeg": 65_500}


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Print one sentence, without the usage that argparse puts in front of it."""
        message = printable(message, most=200).rstrip(".")
        self.exit(BAD_INPUT, f"{message[:1].upper()}{message[1:]}.\n")


def build_parser() -> argparse.ArgumentParser:
    """Make the parser; each field of `Settings` is an option."""
    parser = _Parser(
        prog="python -m nst_core",
        description="Repaint a photo in the style of a painting.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("content", metavar="CONTENT", help="the photo")
    parser.add_argument(
        "style", metavar="STYLE", nargs="+", help="the painting, or up to four (see --style-mix)"
    )
    parser.add_argument("-o", "--output", metavar="OUT", required=True, help="the picture to write")
    parser.add_argument("--preset", metavar="NAME", help=f"one of {', '.join(PRESETS)}")
    parser.add_argument(
        "--recipe", metavar="PNG", help="take all settings from a picture made before"
    )
    parser.add_argument("--mask", metavar="FILE", help="a region of the photo, in white (--region)")
    parser.add_argument(
        "--start", metavar="FILE", help="the image to start from; implies --init image"
    )
    parser.add_argument(
        "--timelapse", metavar="FILE", help="also write how it came to be: .mp4 or .webp"
    )
    parser.add_argument(
        "--losses", action="store_true", help="print the terms of the loss by layer in the end"
    )
    instead = parser.add_mutually_exclusive_group()
    instead.add_argument(
        "--sweep", action="store_true", help="write nine small pictures to choose from instead"
    )
    instead.add_argument(
        "--reconstruct", metavar="LAYER", help="show what one layer knows of the photo instead"
    )
    instead.add_argument(
        "--texture",
        metavar="LAYER",
        help=f"show the style up to one of {', '.join(insights.LAYERS)} as a texture instead",
    )
    group = parser.add_argument_group("settings")
    for name, option in OPTIONS.items():
        # Values stay text, so that `Settings` checks them as it does everywhere.
        allowed, metavar = "", "X"
        if isinstance(option, Number):
            allowed, metavar = f" {option.values};", "N" if option.whole else "X"
        default = option.text(getattr(DEFAULTS, name))
        text = f"{option.help}{allowed} default {default}".replace("%", "%%")
        group.add_argument(f"--{name.replace('_', '-')}", dest=name, metavar=metavar, help=text)
    return parser


def run(arguments: argparse.Namespace) -> None:
    """Do what the command line asks for.

    Raises:
        StyleTransferError: an input can't be used.
        OSError: the output can't be written.
    """
    output = Path(arguments.output)
    _check_outputs(arguments)
    recipe = read_recipe(arguments.recipe) if arguments.recipe else None
    settings = _settings(arguments, recipe)
    content, styles = arguments.content, arguments.style
    if arguments.reconstruct:
        styles = [content]
    if arguments.texture:
        content = styles[0]
    inputs = {"mask": arguments.mask or None, "start": arguments.start or None}
    if arguments.sweep:
        sweep = prepare_sweep(content, styles, settings, **inputs)
        _check_photo(sweep.content, output)
        _compare(recipe, sweep.recipe(settings))
        tiles = paint_sweep(sweep)
        sheet(list(tqdm(tiles, total=len(sweep.runs), unit="tile", disable=None))).save(output)
        return
    transfer = prepare(content, styles, settings, **inputs)
    _check_photo(transfer.content, output)
    _compare(recipe, transfer.recipe())
    film = TimeLapse(transfer.content.size)
    frame = _follow(transfer, film)
    result = finish(frame.image, transfer.content, settings, transfer.mask)
    save_with_recipe(result, output, transfer.recipe())
    if arguments.timelapse:
        film.save(arguments.timelapse)
    if arguments.losses:
        _print_losses(frame)


def _check_outputs(arguments: argparse.Namespace) -> None:
    """Refuse, before anything is read, outputs that can't be written."""
    output = Path(arguments.output)
    _check_place(output)
    if output.suffix.lower() not in ENDINGS:
        raise StyleTransferError(
            f"{printable(output.name)} does not end in one of {', '.join(ENDINGS)}: name it like "
            "OUT.png."
        )
    if arguments.timelapse:
        timelapse.check_ending(arguments.timelapse)
        _check_place(Path(arguments.timelapse))


def _check_place(path: Path) -> None:
    if path.is_dir():
        raise StyleTransferError(f"{printable(path.name)} is a folder: name the file in it.")
    if not path.parent.is_dir():
        raise StyleTransferError(
            f"There is no folder {printable(str(path.parent))}: make it first."
        )


def _check_photo(photo: Image.Image, output: Path) -> None:
    """Refuse, before the run, a photo whose result the format of `output` can't hold."""
    ending = output.suffix.lower()
    if photo.mode == "RGBA" and ending in (".jpg", ".jpeg"):
        raise StyleTransferError("The photo is transparent, JPEG is not: name it like OUT.png.")
    if max(photo.size) > LONGEST_SIDES.get(ending, MAX_PIXELS):
        raise StyleTransferError(
            f"The photo has {max(photo.size)} pixels on its long side, a file that ends in "
            f"{ending} at most {LONGEST_SIDES[ending]}: name it like OUT.png."
        )


def _compare(recipe: Recipe | None, own: Recipe) -> None:
    """Say which images differ from those of the recipe that was given."""
    if recipe is not None and (words := recipe.differences(own)):
        print(f"The recipe was made with another {' and another '.join(words)}.", file=sys.stderr)


def _settings(arguments: argparse.Namespace, recipe: Recipe | None) -> Settings:
    """Settings that were given by name count more than those of a recipe or preset."""
    given: dict[str, Any] = {name: getattr(arguments, name) for name in OPTIONS}
    given = {name: value for name, value in given.items() if value is not None}
    if arguments.start:
        given.setdefault("init", "image")
    if arguments.preset and recipe:
        raise StyleTransferError("A recipe has all settings: leave out --preset or --recipe.")
    base = recipe.settings if recipe else DEFAULTS
    if arguments.preset is not None:
        base = find_preset(arguments.preset)
    if arguments.reconstruct:
        base = insights.reconstruction(arguments.reconstruct)
    if arguments.texture:
        if arguments.texture not in insights.LAYERS:
            raise StyleTransferError(
                f"--texture must be one of {', '.join(insights.LAYERS)}, not "
                f"{printable(arguments.texture)}."
            )
        base = insights.texture(arguments.texture)
    return Settings.from_values(given, base)


def _follow(transfer: Transfer, film: TimeLapse) -> Frame:
    """Paint with a progress bar on a terminal, film the previews, and return the last frame."""
    from .optimize import paint  # not above: PyTorch is imported when it is needed

    steps = transfer.settings.steps
    with tqdm(total=steps, unit="step", disable=None) as bar:
        for frame in paint(transfer, every=FRAME_SECONDS, at_least=timelapse.LEAST_FRAMES):
            film.add(preview(frame.image, transfer.content, transfer.settings, transfer.mask))
            bar.update(frame.step - bar.n)
            bar.set_postfix(size=frame.size, loss=f"{frame.losses['total']:.3g}")
    return frame


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
        run(arguments)
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
    return 0


if __name__ == "__main__":
    sys.exit(main())
