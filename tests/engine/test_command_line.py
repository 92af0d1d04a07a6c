"""`python -m nst_core` with real files: in this process, but for two runs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image, ImageChops

from nst_core import PRESETS, Settings, read_recipe
from nst_core.arguments import build_parser
from nst_core.insights import reconstruction, texture
from nst_core.settings import OPTIONS
from nst_core.transfer import with_precision
from tests.command import CommandLine, assert_quiet, assert_refused, run_process
from tests.corpus import BY_NAME

ROOT = Path(__file__).parents[2]


def test_a_process_says_nothing_of_odd_metadata(files: Path, good: Path, tmp_path: Path) -> None:
    """Pillow, and the libraries below it, would warn."""
    photo, start = BY_NAME["exif_cut.jpeg"].write(files), BY_NAME["packbits.tif"].write(files)
    out = tmp_path / "out.png"
    done = run_process(
        "-m",
        "nst_core",
        photo,
        good,
        "-o",
        out,
        "--start",
        start,
        "--size",
        64,
        "--steps",
        1,
        "--seed",
        7,
    )
    assert_quiet(done)
    picture = Image.open(out)
    assert (picture.format, picture.size) == ("PNG", Image.open(photo).size)
    assert read_recipe(out).settings == with_precision(
        Settings(size=64, steps=1, seed=7, init="image")
    )


def test_a_process_refuses_in_one_sentence(files: Path, good: Path, tmp_path: Path) -> None:
    case = BY_NAME["two\nlines.png"]
    done = run_process("-m", "nst_core", case.write(files), good, "-o", tmp_path / "out.png")
    assert_refused(done, case.sentence)
    assert not (tmp_path / "out.png").exists()


def test_options_count_more_than_a_preset(
    photo_path: Path, painting_path: Path, tmp_path: Path, command_line: CommandLine
) -> None:
    out = tmp_path / "out.png"
    done = command_line(
        *(photo_path, painting_path, "-o", out, "--preset", "Classic", "--size", 64),
        *("--steps", 2, "--style-layers", "conv1_1,conv2_1", "--coarse-to-fine", "on"),
    )
    assert_quiet(done)
    expected = replace(
        PRESETS["Classic"],
        size=64,
        steps=2,
        style_layers=("conv1_1", "conv2_1"),
        coarse_to_fine=True,
    )
    assert read_recipe(out).settings == with_precision(expected)


@pytest.mark.parametrize(
    ("ending", "file_format"),
    [("png", "PNG"), ("jpg", "JPEG"), ("jpeg", "JPEG"), ("webp", "WEBP"), ("tiff", "TIFF")],
)
def test_the_ending_is_the_format(
    ending: str, file_format: str, good: Path, tmp_path: Path, command_line: CommandLine
) -> None:
    out = tmp_path / f"out.{ending}"
    assert_quiet(command_line(good, good, "-o", out, "--size", 64, "--steps", 1, "--strength", 0))
    picture = Image.open(out)
    assert (picture.format, picture.size) == (file_format, Image.open(good).size)
    BY_NAME["plain.jpeg"].picture(picture)  # the photo, as well as this format keeps it


def test_losses_by_layer(
    photo_path: Path, painting_path: Path, tmp_path: Path, command_line: CommandLine
) -> None:
    out = tmp_path / "out.png"
    done = command_line(
        photo_path, painting_path, "-o", out, "--size", 64, "--steps", 2, "--losses"
    )
    assert done.returncode == 0
    terms = dict(line.rsplit(maxsplit=1) for line in done.stdout.splitlines())
    assert len(terms) == 10
    parts = [float(x) for name, x in terms.items() if name != "total"]
    assert float(terms["content relu4_2"]) > 0
    assert sum(parts) == pytest.approx(float(terms["total"]), abs=1e-3)


def test_bad_input_is_one_sentence(
    photo_path: Path, painting_path: Path, tmp_path: Path, command_line: CommandLine
) -> None:
    pair = (photo_path, painting_path)
    output = ("-o", tmp_path / "out.png")
    text = tmp_path / "text.png"
    text.write_text("no picture")
    clear = tmp_path / "clear.png"
    Image.new("RGBA", (64, 64), (200, 10, 10, 100)).save(clear)
    for arguments, words in (
        ((*pair, *output, "--size", 9), ("size", "64", "4096")),
        ((*pair, *output, "--steps", "some"), ("steps",)),
        ((*pair, *output, "--preset", "Nice"), ("Nice", "Classic")),
        ((*pair, *output, "--sise", 9), ("--sise",)),
        (pair, ("--output",)),
        ((photo_path, *output), ("STYLE",)),
        ((photo_path, text, *output), ("text.png",)),
        ((photo_path, tmp_path / "no.png", *output), ("no.png",)),
        ((*pair, "-o", tmp_path / "out.txt"), ("out.txt",)),
        ((*pair, "-o", "no/out.png"), ("no folder no",)),
        ((clear, painting_path, "-o", tmp_path / "out.jpg"), ("transparent",)),
        ((*pair, *output, "--reconstruct", "relu9_1"), ("relu9_1",)),
        ((*pair, *output, "--texture", "relu1_2"), ("relu1_2", "relu5_1")),
        ((*pair, *output, "--sweep", "--texture", "relu1_1"), ("--sweep",)),
        ((*pair, *output, "--timelapse", tmp_path / "film.gif"), ("film.gif", ".mp4")),
        ((*pair, *output, "--recipe", painting_path), ("PNG",)),
        ((*pair, *output, "--mask", painting_path), ("shape of the photo",)),
        ((*pair, *output, *[painting_path] * 4), ("1 to 4 paintings, not 5",)),
        ((*pair, *output, "--init", "image"), ("start from",)),
        ((*pair, *output, "--mask", ""), ("--mask", "no name")),
        ((*pair, *output, "--recipe", ""), ("--recipe", "no name")),
        ((*pair, *output, "--recipe", tmp_path / "no.png"), ("no.png can't be opened",)),
        ((*pair, *output, "--sweep", "--losses"), ("--losses does nothing beside --sweep",)),
        ((*pair, *output, "--texture", "relu1_1", "--preset", "Calm"), ("--preset", "beside")),
        ((*pair, *output, "--style-mix", "0,,1"), ("style_mix", "'0,,1'")),
    ):
        assert_refused(command_line(*arguments), *words)
    assert not list(tmp_path.glob("out.*"))


def test_several_styles_mask_start_film_and_recipe(
    photo_path: Path, painting_path: Path, tmp_path: Path, command_line: CommandLine
) -> None:
    mosaic = ROOT / "examples" / "styles" / "mosaic.jpg"
    Image.linear_gradient("L").resize((451, 300)).save(tmp_path / "mask.png")
    more = ("--mask", tmp_path / "mask.png", "--start", painting_path)
    given = (photo_path, painting_path, mosaic, *more)
    out, again, film = (tmp_path / name for name in ("out.png", "again.png", "film.mp4"))
    done = command_line(
        *(*given, "-o", out, "--region", "style", "--style-mix", "1,0.5"),
        *("--size", 64, "--steps", 3, "--full-detail", "off", "--timelapse", film),
    )
    assert_quiet(done)
    assert read_recipe(out).settings.style_mix == (1, 0.5)
    with av.open(film) as container:
        *_, last = (frame.to_image() for frame in container.decode(video=0))
    picture = Image.open(out).convert("RGB").resize(last.size)
    assert np.asarray(ImageChops.difference(last, picture)).mean() < 8

    recipe = ("--recipe", out)
    assert_quiet(command_line(*given, "-o", again, *recipe))
    assert again.read_bytes() == out.read_bytes()
    Image.new("L", (451, 300), 255).save(tmp_path / "mask.png")
    done = command_line(*(painting_path, *given[1:3], *more[2:]), "-o", again, *recipe)
    assert done.returncode == 0
    assert "another photo and another mask" in done.stderr


@pytest.mark.parametrize("option", ["--reconstruct", "--texture"])
def test_insights_show_the_photo_or_the_painting(
    option: str, photo_path: Path, painting_path: Path, tmp_path: Path, command_line: CommandLine
) -> None:
    out = tmp_path / "out.png"
    quick = ("--size", 64, "--steps", 2)
    assert_quiet(command_line(photo_path, painting_path, "-o", out, option, "relu2_1", *quick))
    shown = photo_path if option == "--reconstruct" else painting_path
    assert Image.open(out).size == Image.open(shown).size
    expected = reconstruction("relu2_1") if option == "--reconstruct" else texture("relu2_1")
    assert read_recipe(out).settings == with_precision(replace(expected, size=64, steps=2))


@pytest.mark.usefixtures("tiny_tiles")
def test_a_sweep_of_a_large_picture(
    photo_path: Path,
    painting_path: Path,
    tmp_path: Path,
    command_line: CommandLine,
) -> None:
    """Its nine tiles are small, whatever size the settings ask for."""
    out = tmp_path / "out.png"
    done = command_line(photo_path, painting_path, "-o", out, "--sweep", "--size", 4096)
    assert_quiet(done)
    assert 3 * 64 <= Image.open(out).width < 6 * 64


@pytest.mark.parametrize("name", OPTIONS)
def test_every_setting_is_an_option(name: str) -> None:
    assert f"--{name.replace('_', '-')} " in build_parser().format_help()
