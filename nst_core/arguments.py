"""What `python -m nst_core` takes: its options, made from the settings, and what they mean."""

from __future__ import annotations

import argparse
import os
from dataclasses import dataclass
from typing import Any, NoReturn

from . import insights
from .errors import StyleTransferError
from .images import printable
from .options import Number
from .output import ENDINGS
from .presets import PRESETS, find_preset
from .recipe import Recipe
from .settings import DEFAULTS, OPTIONS, Settings

BAD_INPUT = 2
# What is made of one photo, and not of each of many.
OF_ONE_PHOTO = ("mask", "timelapse", "losses", "sweep", "reconstruct", "texture")
# What shows something else than a picture of photo and painting, with settings of its own.
INSTEAD = ("reconstruct", "texture")


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Print one sentence, without the usage that argparse puts in front of it."""
        message = printable(message, most=200).rstrip(".")
        self.exit(BAD_INPUT, f"{message[:1].upper()}{message[1:]}.\n")


def _name(text: str) -> str:
    """Refuse an empty name, as an unset variable of a shell gives it."""
    if not text:
        raise argparse.ArgumentTypeError("there is no name: give one, or leave the option out")
    return text


def build_parser() -> argparse.ArgumentParser:
    """Make the parser; each field of `Settings` is an option."""
    parser = _Parser(
        prog="python -m nst_core",
        description="Repaint a photo in the style of a painting.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("content", metavar="CONTENT", help="the photo; many where OUT is a folder")
    parser.add_argument(
        "style", metavar="STYLE", nargs="+", help="the painting, or up to four (see --style-mix)"
    )
    parser.add_argument(
        "-o",
        "--output",
        metavar="OUT",
        required=True,
        type=_name,
        help="the picture to write; or a folder, with a / at its end, for pictures of many photos: "
        "then the last file is the painting, or as many as --style-mix has weights",
    )
    parser.add_argument("--keep", action="store_true", help="leave results alone that are there")
    parser.add_argument("--preset", metavar="NAME", help=f"one of {', '.join(PRESETS)}")
    parser.add_argument(
        "--recipe", metavar="PNG", type=_name, help="take all settings from a picture made before"
    )
    for name, help in (
        ("mask", "a region of the photo, in white (--region)"),
        ("start", "the image to start from; implies --init image"),
        ("timelapse", "also write how it came to be: .mp4 or .webp"),
    ):
        parser.add_argument(f"--{name}", metavar="FILE", type=_name, help=help)
    parser.add_argument(
        "--losses", action="store_true", help="print the terms of the loss by layer in the end"
    )
    instead = parser.add_mutually_exclusive_group()
    instead.add_argument(
        "--sweep", action="store_true", help="write nine small pictures to choose from instead"
    )
    instead.add_argument(
        "--reconstruct",
        metavar="LAYER",
        type=_name,
        help="show what one layer knows of the photo instead",
    )
    instead.add_argument(
        "--texture",
        metavar="LAYER",
        type=_name,
        help=f"show the style up to one of {', '.join(insights.LAYERS)} as a texture instead",
    )
    _add_settings(parser)
    return parser


def _add_settings(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("settings")
    for name, option in OPTIONS.items():
        # Values stay text, so that `Settings` checks them as it does everywhere.
        allowed, metavar = "", "X"
        if isinstance(option, Number):
            allowed, metavar = f" {option.values};", "N" if option.whole else "X"
        default = option.text(getattr(DEFAULTS, name))
        text = f"{option.help}{allowed} default {default}".replace("%", "%%")
        group.add_argument(f"--{name.replace('_', '-')}", dest=name, metavar=metavar, help=text)


@dataclass(frozen=True)
class Files:
    """The pictures that a command line names.

    Attributes:
        photos: one, or many where the results go into a folder.
        styles: the paintings.
    """

    photos: tuple[str, ...]
    styles: tuple[str, ...]


def is_folder(output: str) -> bool:
    """Whether an output is a folder, which takes the results of many photos.

    A name that ends like one of a picture is taken for a mistake where a folder has it.
    """
    if output.endswith(("/", os.sep)):
        return True
    return os.path.isdir(output) and not output.lower().endswith(ENDINGS)


def files_of(arguments: argparse.Namespace, settings: Settings, recipe: Recipe | None) -> Files:
    """Tell photos and paintings apart.

    With a file as output, the first one is the photo. With a folder, the last one is the painting,
    or as many as `--style-mix` has weights, or as the recipe has.

    Raises:
        StyleTransferError: nothing is left for the photos, or an option is for one photo alone.
    """
    if not is_folder(arguments.output):
        return Files((arguments.content,), tuple(arguments.style))
    for name in OF_ONE_PHOTO:
        if getattr(arguments, name):
            raise StyleTransferError(
                f"--{name} is for one photo, and the output is a folder: name it like OUT.png."
            )
    count = 1 if recipe is None else len(recipe.styles)
    if arguments.style_mix is not None:
        count = len(settings.style_mix)
    files = (arguments.content, *arguments.style)
    if count >= len(files):
        last = "file is the painting" if count == 1 else f"{count} files are the paintings"
        raise StyleTransferError(f"The last {last}, and no photo is left: add one in front.")
    return Files(files[:-count], files[-count:])


def _check_alone(arguments: argparse.Namespace) -> None:
    """Refuse options that would be ignored beside another one."""
    beside = [("sweep", name) for name in ("timelapse", "losses")]
    beside += [(name, other) for name in INSTEAD for other in ("preset", "recipe")]
    for name, other in beside:
        if getattr(arguments, name) and getattr(arguments, other):
            raise StyleTransferError(
                f"--{other} does nothing beside --{name}: leave one of them out."
            )


def settings_of(arguments: argparse.Namespace, recipe: Recipe | None) -> Settings:
    """The settings: those given by name count more than those of a recipe or preset.

    Raises:
        StyleTransferError: an option has a value that can't be used.
    """
    given: dict[str, Any] = {name: getattr(arguments, name) for name in OPTIONS}
    given = {name: value for name, value in given.items() if value is not None}
    if arguments.start:
        given.setdefault("init", "image")
    if arguments.preset and recipe:
        raise StyleTransferError("A recipe has all settings: leave out --preset or --recipe.")
    _check_alone(arguments)
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
