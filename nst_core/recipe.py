"""Recipes: what a picture was made with, written into its PNG file and read back.

A recipe is JSON in an iTXt chunk. Files come from strangers, so every value of a recipe is checked.
"""

from __future__ import annotations

import hashlib
import json
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, fields
from os import PathLike
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from .errors import RecipeError, SettingsError
from .images import printable
from .settings import Settings

VERSION = 1
KEY = "Neural Style Transfer, live"
LONGEST = 20_000
# A PNG of more pixels is compressed by runs of bytes, as zlib suggests for PNG: it is saved in a
# quarter of the time, and hardly larger, since little repeats in a painted picture.
LARGE_PIXELS = 4_000_000
# Rows whose bytes are hashed at a time, so that a large photo is not copied as a whole.
HASHED_ROWS = 256

Source = str | PathLike[str] | BinaryIO


@dataclass(frozen=True)
class Recipe:
    """The settings of a run, and what identifies its images.

    Attributes:
        settings: all settings.
        content, styles, mask, start: hashes of the images' pixels (`fingerprint`).
    """

    settings: Settings
    content: str
    styles: tuple[str, ...]
    mask: str | None = None
    start: str | None = None

    @classmethod
    def of(
        cls,
        settings: Settings,
        content: Image.Image,
        styles: Sequence[Image.Image],
        mask: Image.Image | None = None,
        start: Image.Image | None = None,
    ) -> Recipe:
        """Make the recipe of a run from images as `load_image` and `load_mask` return them."""
        return cls(
            settings,
            fingerprint(content),
            tuple(fingerprint(style) for style in styles),
            None if mask is None else fingerprint(mask),
            None if start is None else fingerprint(start),
        )

    def differences(self, other: Recipe) -> list[str]:
        """Name the images that differ from those of `other`, in words for the user."""
        words = {"content": "photo", "styles": "painting", "mask": "mask", "start": "start image"}
        return [word for n, word in words.items() if getattr(self, n) != getattr(other, n)]

    def to_json(self) -> str:
        """Write the recipe as `from_json` reads it."""
        inputs = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "settings"}
        return json.dumps(
            {"version": VERSION, "settings": self.settings.as_dict(), "inputs": inputs}
        )

    @classmethod
    def from_json(cls, text: str) -> Recipe:
        """Read a recipe that `to_json` wrote.

        Raises:
            RecipeError: the text is no recipe, or a recipe of another version.
        """
        try:
            data = json.loads(text, parse_constant=_no_constant)
        except (ValueError, RecursionError) as error:
            raise RecipeError(f"The recipe of this picture is broken: {_WHAT_TO_DO}") from error
        if not isinstance(data, dict) or data.get("version") != VERSION:
            raise RecipeError(
                f"The recipe of this picture is of another version than {VERSION}: {_WHAT_TO_DO}"
            )
        settings, inputs = data.get("settings"), data.get("inputs")
        if not isinstance(settings, dict) or not isinstance(inputs, dict):
            raise RecipeError(f"The recipe of this picture is not complete: {_WHAT_TO_DO}")
        styles = inputs.get("styles")
        hashes = [*styles, inputs.get("content")] if isinstance(styles, list) else [None]
        hashes += [inputs[name] for name in ("mask", "start") if inputs.get(name) is not None]
        if not all(isinstance(x, str) and re.fullmatch(r"[0-9a-f]{64}", x) for x in hashes):
            raise RecipeError(f"The recipe of this picture is not complete: {_WHAT_TO_DO}")
        try:
            return cls(
                Settings.from_values(settings),
                inputs["content"],
                tuple(inputs["styles"]),
                inputs.get("mask"),
                inputs.get("start"),
            )
        except SettingsError as error:
            raise RecipeError(f"The recipe of this picture can't be used: {error}") from error


_WHAT_TO_DO = "use a PNG as this program saved it."


def fingerprint(image: Image.Image) -> str:
    """Hash mode, size and pixels by SHA-256; saving the image anew does not change the hash."""
    digest = hashlib.sha256(f"{image.mode} {image.width} {image.height} ".encode())
    for first in range(0, image.height, HASHED_ROWS):
        last = min(image.height, first + HASHED_ROWS)
        digest.update(image.crop((0, first, image.width, last)).tobytes())
    return digest.hexdigest()


def save_with_recipe(image: Image.Image, path: str | PathLike[str], recipe: Recipe) -> None:
    """Save a picture, with the recipe if the file is a PNG; other formats have no place for it."""
    if Path(path).suffix.lower() == ".png":
        info = PngInfo()
        info.add_itxt(KEY, recipe.to_json())
        large = image.width * image.height > LARGE_PIXELS
        quick: dict[str, Any] = {"compress_level": 1, "compress_type": zlib.Z_RLE} if large else {}
        image.save(path, pnginfo=info, **quick)
    else:
        image.save(path, quality=95)


def read_recipe(source: Source) -> Recipe:
    """Read the recipe in a PNG file, without decoding the pixels.

    Raises:
        RecipeError: the file is no PNG, has no recipe, or one that can't be used.
    """
    try:
        with Image.open(source, formats=("PNG",)) as image:
            text = image.info.get(KEY)
    # Pillow raises nearly anything when a file is hostile.
    except Exception as error:
        # Errors of the operating system have a number, those of decoders do not.
        if getattr(error, "errno", None) and isinstance(source, (str, PathLike)):
            name = printable(Path(source).name)
            raise RecipeError(
                f"{name} can't be opened: check that it is a file you may read."
            ) from error
        raise RecipeError(f"This file can't be read as a PNG: {_WHAT_TO_DO}") from error
    if not isinstance(text, str):
        raise RecipeError(f"This picture has no recipe: {_WHAT_TO_DO}")
    if len(text) > LONGEST:
        raise RecipeError(f"The recipe of this picture is too long: {_WHAT_TO_DO}")
    return Recipe.from_json(text)


def _no_constant(name: str) -> NoReturn:
    """Refuse NaN and Infinity, which Python's parser accepts and JSON does not have."""
    raise ValueError(name)
