"""The corpus through the core and the command line."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from nst_core import ImageError, Settings, SettingsError, finish, load_image, load_mask, stylize
from nst_core.presets import find_preset
from tests.command import CommandLine, assert_quiet, assert_refused, run_process
from tests.corpus import (
    BLUE,
    BOMBS,
    BY_NAME,
    CASES,
    RED,
    REFUSED,
    SETTINGS,
    SIZE,
    SOME_PICTURES,
    SOME_REFUSED,
    Case,
    assert_sentence,
    base,
    cut_off,
    looks,
    noise,
)
from tests.ways_in import BACK, options, through_command, through_core

# `pytest` sets aside what the package does about these warnings; a real process in
# `test_command_line` shows that nobody sees them.
pytestmark = [
    pytest.mark.filterwarnings("ignore::UserWarning:PIL.TiffImagePlugin"),
    pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning"),
]


def test_the_corpus_is_large_and_its_names_are_unique() -> None:
    assert len(CASES) >= 60
    assert len({case.name for case in [*CASES, *cut_off()]}) == len(CASES) + len(cut_off())
    assert len(BY_NAME["bomb_60.png"].make()) < 20_000
    assert all(bool(case.picture) != bool(case.sentence) for case in CASES)


# The core.


@pytest.mark.parametrize("case", CASES, ids=lambda case: ascii(case.name)[:40])
def test_core(case: Case, files: Path) -> None:
    through_core(case, files)


@pytest.mark.parametrize("ending", ["png", "jpeg", "webp", "avif", "heif", "gif", "bmp", "tiff"])
def test_core_cut_off(ending: str, files: Path) -> None:
    found = [case for case in cut_off() if case.name.endswith(ending)]
    assert len(found) >= 8
    for case in found:
        through_core(case, files)


def test_an_open_image_is_taken_or_refused_as_a_file_is(files: Path) -> None:
    noisy = [case for case in cut_off() if case.name.endswith("jpeg")][-1]
    with Image.open(noisy.write(files)) as image, pytest.raises(ImageError) as caught:
        load_image(image)
    assert_sentence(str(caught.value), "damaged")
    image = Image.new("I", SIZE, 40_000)
    image.info["transparency"] = 40_000
    load_image(image)
    assert image.info == {"transparency": 40_000}  # it is the caller's


def test_masks_and_start_images_are_refused_as_photos_are(files: Path) -> None:
    for name in SOME_REFUSED:
        with pytest.raises(ImageError) as caught:
            load_mask(BY_NAME[name].write(files), SIZE)
        assert_sentence(str(caught.value), BY_NAME[name].sentence)
    with pytest.raises(ImageError, match="shape of the photo"):
        load_mask(BY_NAME["16x1600.png"].write(files), SIZE)


PLAIN = {
    "black": Image.new("RGB", SIZE),
    "white": Image.new("RGB", SIZE, "white"),
    "noise": noise(64),
    "two colours": base(size=(96, 64)),
}


FLAT_PAIRS = [("black", "white"), ("white", "noise"), ("noise", "black")]
SAME = [(name, name) for name in PLAIN]


@pytest.mark.parametrize(
    ("content", "style", "more"),
    [
        *((*pair, {}) for pair in [*SAME, *FLAT_PAIRS, ("two colours", "white")]),
        *((*pair, {"weighting": "classic"}) for pair in FLAT_PAIRS),
        *((*pair, {"color": "match"}) for pair in FLAT_PAIRS),
    ],
    ids=str,
)
def test_black_white_and_noise_give_a_picture(content: str, style: str, more: dict) -> None:
    """Flat images have no variance and no strokes: nothing may be divided by that."""
    photo, painting = PLAIN[content], PLAIN[style]
    settings = Settings(size=64, steps=5, **more)
    *_, frame = stylize(photo, painting, settings)
    assert all(map(math.isfinite, [*frame.losses.values(), *frame.layers.values()]))
    before, after = (
        np.asarray(x, np.float32) for x in (photo, finish(frame.image, photo, settings))
    )
    assert after.shape == before.shape
    if content in ("noise", "two colours"):  # what was there is not lost
        assert after.std() > 0.4 * before.std()
    if content == style and more != {"weighting": "classic"}:  # the same image twice
        assert abs(after - before).mean() < 25
    if style == "noise" and not more:  # paint has arrived on what was blank
        assert after.std() > 10


def test_extreme_shapes_cost_no_more_than_others() -> None:
    *_, frame = stylize(noise(160).resize((16, 1600)), noise(64), Settings(size=256, steps=2))
    assert frame.image.size == (16, 256)
    assert all(stage.width == 16 for stage in frame.plan)


# Settings.


@pytest.mark.parametrize(("name", "value", "words"), SETTINGS, ids=lambda x: ascii(x)[:30])
def test_settings_in_the_core(name: str, value: object, words: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.from_values({name: value})
    assert_sentence(str(caught.value), words)


@pytest.mark.parametrize("preset", ["", "balanced", "\n", "x" * 900, [], {}, 5, ("Balanced",)])
def test_unknown_presets(preset: Any) -> None:
    with pytest.raises(SettingsError) as caught:
        find_preset(preset)
    assert_sentence(str(caught.value), "no preset .* choose one of Balanced")


def test_what_has_no_short_name_is_not_spelled_out() -> None:
    deep: list = []
    for _ in range(100_000):
        deep = [deep]
    for value in (10**5000, -(10**5000), deep):
        for name in ("size", "pooling", "full_detail", "style_mix", "style_layers"):
            with pytest.raises(SettingsError) as caught:
                Settings.from_values({name: value})
            assert_sentence(str(caught.value), f"{name} .*(int|list|layer|1 to 4|number)")
    while deep:  # one by one: Python counts on freeing lists in lists
        deep = deep[0]


def test_numbers_as_people_type_them() -> None:
    for value in (512, 512.0, " 512 ", "512", "5.12e2", "٥١٢"):
        assert Settings(size=value).size == 512


# The command line.

Answer = Callable[..., None]


@pytest.fixture
def refuses(command_line: CommandLine, tmp_path: Path) -> Answer:
    """Fails where a command, of which the output is given here, is not refused in these words."""

    def refuses(words: str, *arguments: object, out: Path = tmp_path / "out.png") -> None:
        assert_refused(command_line(*arguments, "-o", out), words)

    return refuses


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: ascii(case.name)[:40])
def test_command_line_refuses(
    case: Case, files: Path, good: Path, tmp_path: Path, command_line: CommandLine
) -> None:
    through_command(case, files, good, tmp_path, command_line)


@pytest.mark.parametrize("name", SOME_PICTURES)
def test_command_line_paints(
    name: str, files: Path, good: Path, tmp_path: Path, command_line: CommandLine
) -> None:
    through_command(BY_NAME[name], files, good, tmp_path, command_line)


@pytest.mark.parametrize("name", SOME_REFUSED)
def test_command_line_refuses_the_others_too(
    name: str, files: Path, good: Path, refuses: Answer
) -> None:
    case = BY_NAME[name]
    path = case.write(files)
    refuses(case.sentence, good, path)
    refuses(case.sentence, good, good, path)
    refuses(case.sentence, good, good, "--mask", path)
    refuses(case.sentence, good, good, "--start", path)
    refuses("use a PNG as this program saved it", good, good, "--recipe", path)


def test_command_line_settings(good: Path, refuses: Answer) -> None:
    for name, value, words in SETTINGS:
        if isinstance(value, (str, int, float)) and not isinstance(value, bool):
            refuses(words, good, good, f"--{name.replace('_', '-')}={value}")
    for preset in ("", "balanced", "two\nlines", "x" * 900):
        refuses("no preset", good, good, "--preset", preset)
    refuses("--sise", good, good, "--sise\nof", "7")
    refuses("arguments", good, good, f"--{'x' * 900}=1")
    refuses("--texture must be", good, good, "--texture", "relu1_1\nx" * 50)


def test_command_line_outputs(
    good: Path, files: Path, tmp_path: Path, refuses: Answer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    long = files / "long.png"
    Image.new("RGB", (66_000, 700)).save(long)
    (tmp_path / "folder.png").mkdir()
    for photo, out, words in (
        (good, tmp_path / "folder.png", "folder.png is a folder"),
        (good, Path("two\nlines", "out.png"), "no folder"),
        (good, Path("no", "folder", "out.png"), "no folder"),
        (good, tmp_path / f"{'n' * 300}.png", "can't be written"),
        (good, tmp_path / "out.\n", "does not end in one of"),
        (long, tmp_path / "out.webp", "at most 16383"),
        (long, tmp_path / "out.jpg", "at most 65500"),
    ):
        refuses(words, photo, good, *options(BACK), out=out)


def test_same_image_twice(good: Path, tmp_path: Path, command_line: CommandLine) -> None:
    out = tmp_path / "out.png"
    more = ("--start", good, "--region", "style", "--size", 64, "--steps", 3)
    assert_quiet(command_line(good, good, good, "-o", out, *more))
    looks(RED, BLUE, tolerance=60)(Image.open(out))


MEASURE = """
import resource, sys
from nst_core import ImageError, load_image, read_recipe, RecipeError
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
for path in sys.argv[1:]:
    before = peak()
    for read in (load_image, read_recipe):
        try:
            print("opened", read(path))
        except (ImageError, RecipeError):
            print(path, peak() - before)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no module resource")
def test_bombs_take_no_memory(files: Path) -> None:
    """Opening them adds less than 100 MB to the most memory that the process has ever held."""
    paths = [case.write(files) for case in BOMBS]
    done = run_process("-c", MEASURE, *paths)
    lines = done.stdout.splitlines()
    assert len(lines) == 2 * len(BOMBS), done.stdout + done.stderr
    for line in lines:
        assert float(line.split()[1]) < 100, line
