"""What holds for all sizes, modes, settings and recipes, whatever they are (hypothesis)."""

from __future__ import annotations

import json
import math
import zlib
from dataclasses import fields
from io import BytesIO
from typing import Any

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from nst_core import (
    PRESETS,
    ImageError,
    Recipe,
    RecipeError,
    Settings,
    StyleTransferError,
    finish,
    load_image,
    read_recipe,
    save_with_recipe,
    stylize,
)
from nst_core.images import MAX_ASPECT, MIN_SIDE, printable, working_size
from nst_core.options import Choice, Layers, Number, Switch
from nst_core.presets import find_preset
from nst_core.recipe import KEY
from nst_core.settings import OPTIONS
from nst_core.tensors import to_image, to_tensor
from tests.corpus import assert_sentence, chunk

# Runs take longer than the rest; see `conftest` for how many examples there are.
few = settings(max_examples=max(settings.default.max_examples // 8, 9))

numbers = st.one_of(
    st.integers(-5, 100),
    st.integers(),
    st.floats(),
    st.sampled_from([10**400, -(10**400), 2**32, 2**63, 5e-324, 1e308, True]),
)
words = st.one_of(
    st.text(max_size=20),
    numbers.map(lambda x: str(x)[:400]),
    st.sampled_from(["on", "style", "relu1_1", "relu4_1,relu5_1", "1,0.5", "nan", "-inf", "1e400"]),
)
json_values = st.recursive(
    st.none() | numbers | words,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words, inner, max_size=4),
    max_leaves=8,
)


def allowed(name: str) -> st.SearchStrategy[Any]:
    """Values that a setting takes, as they are or as text."""
    option = OPTIONS[name]
    match option:
        case Number(low=low, high=high):
            values = st.integers(low, high) if option.whole else st.floats(low, high)
        case Choice(choices=choices):
            values = st.sampled_from(choices)
        case Switch():
            values = st.booleans()
        case Layers(choices=choices):
            values = st.lists(st.sampled_from(choices), min_size=1, max_size=5)
        case _:
            values = st.lists(st.floats(0, 1), min_size=1, max_size=4)
    return values


valid = st.fixed_dictionaries({}, optional={name: allowed(name) for name in OPTIONS})
names = st.sampled_from(list(OPTIONS)) | words


# Settings.


@given(st.dictionaries(names, json_values, max_size=4) | json_values, st.none() | json_values)
def test_settings_of_any_json(values: Any, preset: Any) -> None:
    try:
        made = Settings.from_values(values, None if preset is None else find_preset(preset))
    except StyleTransferError as error:
        assert_sentence(str(error))
        return
    for name, option in OPTIONS.items():
        assert option.check(name, getattr(made, name)) == getattr(made, name)
        if isinstance(option, Number):
            assert option.low <= getattr(made, name) <= option.high


@given(valid, st.none() | st.sampled_from(list(PRESETS)))
def test_settings_survive_json_text_and_recipe(values: dict[str, Any], preset: str | None) -> None:
    try:
        made = Settings.from_values(values, None if preset is None else find_preset(preset))
    except StyleTransferError as error:
        assert_sentence(str(error))
        return
    assert Settings.from_values(json.loads(json.dumps(made.as_dict()))) == made
    recipe = Recipe.of(made, Image.new("RGB", (1, 1)), [Image.new("RGB", (1, 2))])
    assert Recipe.from_json(recipe.to_json()) == recipe


# Images.


@st.composite
def images(draw: st.DrawFn, least: int = 1, most: int = 90) -> Image.Image:
    """An image of any mode and size: one colour, noise, or something in between."""
    mode = draw(
        st.sampled_from(["1", "L", "P", "RGB", "RGBA", "LA", "CMYK", "YCbCr", "HSV", "LAB"])
        | st.sampled_from(["I", "F", "I;16", "PA", "RGBa", "RGBX"])
    )
    size = draw(st.integers(least, most)), draw(st.integers(least, most))
    seed, low, high = (draw(st.integers(0, 255)) for _ in range(3))
    random = np.random.default_rng(seed)
    low, high = min(low, high), max(low, high)
    if mode == "I;16":
        values = random.integers(low, 256 * high + 1 + low, size[::-1], np.uint16)
        return Image.fromarray(values)
    bands = random.integers(low, high + 1, (*size[::-1], 4), np.uint8)
    image = Image.fromarray(bands, "RGBA") if mode in ("RGBA", "LA", "PA", "RGBa") else None
    if image is None:
        image = Image.fromarray(np.ascontiguousarray(bands[..., :3]))
    if mode in ("LA", "PA"):
        grey = image.convert("LA")
        return grey if mode == "LA" else grey.convert("PA")
    if mode in ("P", "HSV", "YCbCr", "CMYK", "RGBX", "RGBA", "RGB", "RGBa"):
        return image.convert(mode)
    if mode == "LAB":
        return Image.merge("LAB", image.split())
    return image.convert("L").convert(mode)


@given(images())
def test_any_image_becomes_clean_pixels(image: Image.Image) -> None:
    info = dict(image.info)
    before = image.tobytes()
    try:
        clean = load_image(image)
    except ImageError as error:
        assert_sentence(str(error))
        assert min(image.size) < MIN_SIDE or max(image.size) > MAX_ASPECT * min(image.size)
        return
    assert clean.mode in ("RGB", "RGBA")
    assert clean.size == image.size
    assert clean.info == {}
    assert (image.info, image.tobytes()) == (info, before)
    assert load_image(clean).tobytes() == clean.tobytes()
    rgb = clean.convert("RGB")
    assert to_image(to_tensor(rgb, rgb.size)).tobytes() == rgb.tobytes()


@given(st.binary(max_size=200), st.sampled_from(["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF"]))
def test_damaged_files_are_pixels_or_a_sentence(data: bytes, file_format: str) -> None:
    """`data` is laid over a file, from a place on that it says itself."""
    file = BytesIO()
    Image.linear_gradient("L").resize((40, 30)).convert("RGB").save(file, file_format)
    whole = bytearray(file.getvalue())
    place = zlib.crc32(data) % len(whole)
    whole[place : place + len(data)] = data
    try:
        image = load_image(BytesIO(whole))
    except ImageError as error:
        assert_sentence(str(error))
        return
    assert image.mode in ("RGB", "RGBA")


@given(st.text(), st.integers(20, 60))
def test_names_in_messages_are_short_and_in_one_line(text: str, most: int) -> None:
    shown = printable(text, most)
    assert shown.isprintable()
    assert len(shown) <= most


@given(st.integers(16, 100_000), st.integers(16, 100_000), st.integers(16, 4096))
def test_working_sizes(width: int, height: int, side: int) -> None:
    new_width, new_height = working_size((width, height), side)
    assert max(new_width, new_height) == side
    assert min(new_width, new_height) >= 16


# Runs.


@few
@given(
    images(least=16),
    images(least=16),
    st.fixed_dictionaries(
        {"size": st.integers(64, 90), "steps": st.integers(1, 3)},
        optional={
            name: allowed(name)
            for name in OPTIONS
            # Another network is another file, another precision another processor.
            if name not in ("size", "steps", "network", "precision", "memory_budget", "style_scale")
        },
    ),
    st.booleans(),
    st.floats(0.25, 1.5),
)
@example(  # the least there is of everything: sums that underflow, and variances of nothing
    Image.new("RGB", (16, 90)),
    Image.new("L", (16, 16), 255),
    {
        "size": 64,
        "steps": 2,
        "content_weight": 5e-324,
        "style_weight": 0,
        "color": "match",
        "weighting": "classic",
    },
    False,
    0.25,
)
def test_runs_end_in_a_picture_or_a_sentence(
    content: Image.Image,
    style: Image.Image,
    values: dict[str, Any],
    masked: bool,
    scale: float,
) -> None:
    try:
        made = Settings.from_values({**values, "style_scale": scale})
        photo = load_image(content)
        mask = photo if masked else None
        start = style if made.init == "image" else None
        styles = [style, content][: len(made.style_mix)]
        frames = list(stylize(photo, styles, made, mask=mask, start=start))
    except StyleTransferError as error:
        assert_sentence(str(error))
        return
    frame = frames[-1]
    assert [x.done for x in frames] == [*[False] * (made.steps - 1), True]
    assert max(frame.image.size) == made.size
    assert all(map(math.isfinite, [*frame.losses.values(), *frame.layers.values()]))
    result = finish(frame.image, photo, made)
    assert result.size == content.size
    assert result.mode == photo.mode


# Recipes: files come from anywhere.

GREY = Image.new("RGB", (32, 24), "grey")
GOOD = Recipe.of(PRESETS["Classic"], GREY, [GREY], mask=GREY.convert("L"))


def good_file() -> bytes:
    file = BytesIO()
    GREY.save(file, "PNG")
    return file.getvalue()


PLAIN = good_file()


def read(data: bytes) -> Recipe | None:
    """A recipe, or nothing where it is refused in a sentence; all else fails."""
    try:
        recipe = read_recipe(BytesIO(data))
    except RecipeError as error:
        assert_sentence(str(error))
        return None
    assert isinstance(recipe, Recipe)
    assert Recipe.from_json(recipe.to_json()) == recipe
    return recipe


def with_text(kind: bytes, text: bytes) -> bytes:
    """A PNG with a text chunk under the key of recipes; compressed, if that is its kind."""
    heads = {
        b"tEXt": b"\0",
        b"zTXt": b"\0\0",
        b"iTXt": b"\0\0\0\0\0",
        b"iTXz": b"\0\1\0\0\0",
    }
    packed = zlib.compress(text, 9) if kind in (b"zTXt", b"iTXz") else text
    name = kind.replace(b"iTXz", b"iTXt")
    return PLAIN[:33] + chunk(name, KEY.encode() + heads[kind] + packed) + PLAIN[33:]


kinds = st.sampled_from([b"tEXt", b"zTXt", b"iTXt", b"iTXz"])


@given(kinds, st.binary(max_size=300))
@example(b"zTXt", bytes(50_000_000))
@example(b"iTXz", b"[" * 5_000_000)
@example(b"iTXz", b'{"version":1}' + b" " * 900_000)
@example(b"iTXt", b'{"version": ' + b"9" * 5000 + b"}")
@example(b"iTXt", b'{"version": 1e400}')
@example(b"iTXt", b'\xff\xfe{"version": 1}')
def test_any_text_in_a_png(kind: bytes, text: bytes) -> None:
    read(with_text(kind, text))


@given(
    st.dictionaries(st.sampled_from(["version", "settings", "inputs"]) | words, json_values),
    st.dictionaries(names, json_values, max_size=3),
    st.dictionaries(
        st.sampled_from([f.name for f in fields(Recipe)]),
        json_values | st.just("0" * 64) | st.lists(st.just("a" * 64)),
    ),
)
def test_any_json_in_a_recipe(top: dict, values: dict, inputs: dict) -> None:
    """Top, settings and inputs of a good recipe, each with something else in it."""
    good = json.loads(GOOD.to_json())
    good["settings"] |= values
    good["inputs"] |= inputs
    for data in (good, {**good, **top}, top):
        read(with_text(b"iTXt", json.dumps(data).encode()))


def test_lists_as_deep_as_the_parser_goes() -> None:
    """Where it gives up depends on the stack, and a message is made further up than that."""
    good = json.loads(GOOD.to_json())
    for depth in range(100, 1000, 3):
        deep = "[" * depth + "]" * depth
        for part, name in (("settings", "init"), ("settings", "size"), ("inputs", "start")):
            data = {**good, part: {**good[part], name: "HERE"}}
            text = json.dumps(data).replace('"HERE"', deep)
            assert read(with_text(b"iTXt", text.encode())) is None


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["set", "cut", "insert", "drop", "repeat"]),
            st.integers(0, 10_000),
            st.binary(min_size=1, max_size=9),
        ),
        max_size=5,
    ),
    st.booleans(),
)
def test_mutated_pictures(changes: list[tuple[str, int, bytes]], mend: bool) -> None:
    """A PNG of the app with bytes changed, lost and doubled; where `mend`, inside of the recipe."""
    text = bytearray(GOOD.to_json().encode())
    data = text if mend else bytearray(with_text(b"iTXt", bytes(text)))
    for kind, place, new in changes:
        place %= len(data) or 1
        if kind == "set":
            data[place : place + len(new)] = new
        elif kind == "insert":
            data[place:place] = new
        elif kind == "repeat":
            data[place:place] = data[place : place + 40 * new[0]]
        elif kind == "cut":
            del data[place:]
        else:
            del data[place : place + new[0]]
    read(with_text(b"iTXt", bytes(data)) if mend else bytes(data))


def test_unchanged_it_is_read(tmp_path: Any) -> None:
    """The fuzz above starts from something that is right."""
    for kind in (b"zTXt", b"iTXt", b"iTXz", b"tEXt"):
        assert read(with_text(kind, GOOD.to_json().encode())) == GOOD
    save_with_recipe(GREY, tmp_path / "out.png", GOOD)
    assert read((tmp_path / "out.png").read_bytes()) == GOOD
