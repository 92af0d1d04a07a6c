"""The command line: `python -m nst_core CONTENT STYLE -o OUT.png`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import NoReturn

from PIL import Image
from tqdm import tqdm

from .errors import StyleTransferError
from .images import load_image
from .optimize import Frame, stylize
from .settings import DEFAULTS, OPTIONS, PRESETS, Number, Settings
from .upscale import finish

BAD_INPUT, INTERRUPTED = 2, 130
ENDINGS = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff")


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """One sentence, without the usage in front of it."""
        self.exit(BAD_INPUT, f"{message[:1].upper()}{message[1:].rstrip('.')}.\n")


def build_parser() -> argparse.ArgumentParser:
    """The parser with one option for each field of `Settings`."""
    parser = _Parser(
        prog="python -m nst_core",
        description="Repaint a photo in the style of a painting.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("content", metavar="CONTENT", help="the photo")
    parser.add_argument("style", metavar="STYLE", help="the painting")
    parser.add_argument("-o", "--output", metavar="OUT", required=True, help="the picture to write")
    parser.add_argument("--preset", metavar="NAME", help=f"one of {', '.join(PRESETS)}")
    group = parser.add_argument_group("settings")
    for name, option in OPTIONS.items():
        default = getattr(DEFAULTS, name)
        if isinstance(default, tuple):
            default = ",".join(default)
        elif isinstance(default, bool):
            default = "on" if default else "off"
        allowed = ""
        if isinstance(option, Number):
            allowed = f" {option.low:g} to {option.high:g};"
        text = f"{option.help}{allowed} default {default}".replace("%", "%%")
        # Values stay text: `Settings` checks them, here as everywhere.
        metavar = "N" if isinstance(option, Number) and option.whole else "X"
        group.add_argument(f"--{name.replace('_', '-')}", dest=name, metavar=metavar, help=text)
    return parser


def run(arguments: argparse.Namespace) -> None:
    """Do what the command line asks for.

    Raises:
        StyleTransferError: an input can't be used.
        OSError: the output can't be written.
    """
    given = {name: getattr(arguments, name) for name in OPTIONS}
    settings = Settings.from_values(
        {name: value for name, value in given.items() if value is not None}, arguments.preset
    )
    output = Path(arguments.output)
    if output.suffix.lower() not in ENDINGS:
        raise StyleTransferError(
            f"{output.name} does not end in one of {', '.join(ENDINGS)}: name it like OUT.png."
        )
    if not output.parent.is_dir():
        raise StyleTransferError(f"There is no folder {output.parent}: make it first.")
    content, style = load_image(arguments.content), load_image(arguments.style)
    if content.mode == "RGBA" and output.suffix.lower() in (".jpg", ".jpeg"):
        raise StyleTransferError("The photo is transparent, JPEG is not: name it like OUT.png.")
    frame = _follow(content, style, settings)
    finish(frame.image, content, settings).save(output, quality=95)


def _follow(content: Image.Image, style: Image.Image, settings: Settings) -> Frame:
    """Run to the end, with a progress bar on a terminal, and return the last frame."""
    with tqdm(total=settings.steps, unit="step", disable=None) as bar:
        for frame in stylize(content, style, settings, every=0.2):
            bar.update(frame.step - bar.n)
            bar.set_postfix(size=frame.size, loss=f"{frame.losses['total']:.3g}")
    return frame


def main() -> int:
    arguments = build_parser().parse_args()
    try:
        run(arguments)
    except (StyleTransferError, OSError) as error:
        print(error, file=sys.stderr)
        return BAD_INPUT
    except KeyboardInterrupt:
        print("Interrupted: nothing was written.", file=sys.stderr)
        return INTERRUPTED
    return 0


if __name__ == "__main__":
    sys.exit(main())
