"""Files that are written: checked before a run, and never half there after it."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from PIL import Image

from .errors import StyleTransferError
from .images import MAX_PIXELS, printable

ENDINGS = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff")
# Most pixels on a side that files of these formats can have.
LONGEST_SIDES = {".webp": 16_383, ".jpg": 65_500, ".jpeg": 65_500}


def check_picture_name(path: Path) -> None:
    """Refuse a name that no picture can be written under.

    Raises:
        StyleTransferError: it does not end in one of `ENDINGS`.
    """
    if path.suffix.lower() not in ENDINGS:
        raise StyleTransferError(
            f"{printable(path.name)} does not end in one of {', '.join(ENDINGS)}: name it like "
            "OUT.png."
        )


def check_place(path: Path) -> None:
    """Refuse a place that no file can be written to; try it with a file that is deleted again.

    Raises:
        StyleTransferError: there is no such folder, or it is read-only, or the name is taken by
            something that is no file.
    """
    name, folder = printable(path.name), path.parent
    if os.path.isdir(path):
        raise StyleTransferError(f"{name} is a folder: name the file in it.")
    if not os.path.isdir(folder):
        raise StyleTransferError(f"There is no folder {printable(str(folder))}: make it first.")
    try:
        with suppress(FileNotFoundError):
            path.stat()  # says whether the name is too long
            if not (path.is_file() and os.access(path, os.W_OK)):
                raise StyleTransferError(f"{name} can't be replaced: choose another name.")
        with replacing(path, commit=False) as beside:
            beside.touch()
    except OSError as error:
        raise StyleTransferError(
            f"{name} can't be written ({error.strerror or error}): choose another place."
        ) from error


def check_overwriting(outputs: Mapping[str, Path], inputs: Mapping[str, Path]) -> None:
    """Refuse outputs that would overwrite an input or each other.

    Args:
        outputs, inputs: files, by what they are for in words.

    Raises:
        StyleTransferError: two of them are one file.
    """
    taken = dict(inputs)
    for word, path in outputs.items():
        for other, file in taken.items():
            if _same(path, file):
                raise StyleTransferError(
                    f"{printable(path.name)} is {other} and would be overwritten by {word}: choose "
                    "another name."
                )
        taken[word] = path


def check_format(picture: Image.Image, path: Path, word: str) -> None:
    """Refuse, before a run, a result that the format of its name can't hold.

    Args:
        picture: has the size and transparency of the result.
        word: what `picture` is.

    Raises:
        StyleTransferError: it is transparent or too large.
    """
    ending = path.suffix.lower()
    if picture.mode == "RGBA" and ending in (".jpg", ".jpeg"):
        raise StyleTransferError(f"The {word} is transparent, JPEG is not: name it like OUT.png.")
    if max(picture.size) > LONGEST_SIDES.get(ending, MAX_PIXELS):
        raise StyleTransferError(
            f"The {word} has {max(picture.size)} pixels on its long side, a file that ends in "
            f"{ending} at most {LONGEST_SIDES[ending]}: name it like OUT.png."
        )


@contextmanager
def replacing(path: Path, commit: bool = True) -> Iterator[Path]:
    """Write a file under another name beside its place, and rename it when it is complete.

    Where something goes wrong, such as a full disk, a file that was there stays as it was.

    Args:
        commit: False deletes the new file in any case.

    Yields:
        The path to write to. It has the ending of `path`.

    Raises:
        OSError: the file can't be written; `filename` is `path`.
    """
    target = path.resolve()  # a link stays, and the file that it leads to is replaced
    beside = target.with_name(f".{secrets.token_hex(8)}{target.suffix}")
    try:
        yield beside
        if commit:
            with beside.open("rb+") as file:
                os.fsync(file.fileno())  # some file systems say only now that the disk is full
            with suppress(FileNotFoundError):
                shutil.copymode(target, beside)
            beside.replace(target)
    except OSError as error:
        raise OSError(error.errno, error.strerror or str(error), str(path)) from error
    finally:
        with suppress(OSError):
            beside.unlink()


def _same(first: Path, second: Path) -> bool:
    try:
        return first.samefile(second)
    except OSError:  # one of them is not there yet
        return first.resolve() == second.resolve()
