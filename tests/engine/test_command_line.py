"""`python -m nst_core` as a user runs it: real processes, real files.

But for most of what is refused, which is read in this process: to import PyTorch for every line
would take longer than all the rest.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from nst_core import read_recipe
from nst_core.__main__ import build_parser, main
from nst_core.settings import OPTIONS

ROOT = Path(__file__).parents[2]
Run = Callable[..., subprocess.CompletedProcess[str]]


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "nst_core", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.fixture
def run_here(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """As `run`, without a process of its own."""
    monkeypatch.setenv("HF_HUB_VERBOSITY", "error")  # what `main` sets is unset at the end

    def run_here(*arguments: object) -> subprocess.CompletedProcess[str]:
        command = ["nst_core", *map(str, arguments)]
        monkeypatch.setattr(sys, "argv", command)
        try:
            code = main()
        except SystemExit as caught:
            code = caught.code
        return subprocess.CompletedProcess(command, code, *capsys.readouterr())

    return run_here


def assert_refused(done: subprocess.CompletedProcess[str], *words: str) -> None:
    """Exit code 2 and one sentence on stderr, nothing else."""
    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert done.stderr.strip().endswith(".")
    for word in words:
        assert word in done.stderr


def test_writes_a_picture_of_the_photos_size(
    photo_path: Path, painting_path: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.png"
    done = run(photo_path, painting_path, "-o", out, "--size", 64, "--steps", 3, "--seed", 7)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert Image.open(out).size == Image.open(photo_path).size


def test_presets_and_options_go_together(
    photo_path: Path, painting_path: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.jpg"
    done = run(
        *(photo_path, painting_path, "-o", out, "--preset", "Classic", "--size", 64),
        *("--steps", 2, "--style-layers", "conv1_1,conv2_1", "--coarse-to-fine", "on"),
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert out.exists()


def test_losses_by_layer(photo_path: Path, painting_path: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.png"
    done = run(photo_path, painting_path, "-o", out, "--size", 64, "--steps", 2, "--losses")
    terms = dict(line.rsplit(maxsplit=1) for line in done.stdout.splitlines())
    assert len(terms) == 10
    parts = [float(x) for name, x in terms.items() if name != "total"]
    assert float(terms["content relu4_2"]) > 0
    assert sum(parts) == pytest.approx(float(terms["total"]), abs=1e-3)


def test_bad_input_is_one_sentence(
    photo_path: Path, painting_path: Path, tmp_path: Path, run_here: Run
) -> None:
    good = (photo_path, painting_path, "-o", tmp_path / "out.png")
    text = tmp_path / "text.png"
    text.write_text("no picture")
    assert_refused(run(*good, "--size", 9), "size", "64", "4096")
    assert_refused(run_here(*good, "--steps", "some"), "steps")
    assert_refused(run_here(*good, "--preset", "Nice"), "Nice", "Classic")
    assert_refused(run_here(*good, "--sise", 9), "--sise")
    assert_refused(run_here(photo_path, painting_path), "--output")
    assert_refused(run_here(photo_path, "-o", tmp_path / "out.png"), "STYLE")
    assert_refused(run_here(photo_path, text, "-o", tmp_path / "out.png"), "text.png")
    assert_refused(run_here(photo_path, tmp_path / "no.png", "-o", tmp_path / "out.png"), "no.png")
    assert_refused(run_here(photo_path, painting_path, "-o", tmp_path / "out.txt"), "out.txt")
    assert_refused(run_here(photo_path, painting_path, "-o", tmp_path / "no" / "out.png"), "folder")
    assert not (tmp_path / "out.png").exists()


def test_transparency_and_jpeg_are_refused_before_the_run(
    painting_path: Path, tmp_path: Path
) -> None:
    photo = tmp_path / "clear.png"
    Image.new("RGBA", (64, 64), (200, 10, 10, 100)).save(photo)
    assert_refused(run(photo, painting_path, "-o", tmp_path / "out.jpg"), "transparent")


def test_several_styles_mask_start_film_and_recipe(
    photo_path: Path, painting_path: Path, tmp_path: Path
) -> None:
    mosaic = ROOT / "examples" / "styles" / "mosaic.jpg"
    Image.linear_gradient("L").resize((451, 300)).save(tmp_path / "mask.png")
    given = (
        *(photo_path, painting_path, mosaic, "--mask", tmp_path / "mask.png"),
        *("--start", painting_path),
    )
    done = run(
        *(*given, "-o", tmp_path / "out.png", "--region", "style", "--style-mix", "1,0.5"),
        *("--size", 64, "--steps", 3, "--timelapse", tmp_path / "film.mp4"),
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (tmp_path / "film.mp4").stat().st_size > 1000
    assert read_recipe(tmp_path / "out.png").settings.style_mix == (1, 0.5)

    recipe = ("--recipe", tmp_path / "out.png")
    done = run(*given, "-o", tmp_path / "again.png", *recipe)
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "again.png").read_bytes() == (tmp_path / "out.png").read_bytes()
    done = run(painting_path, *given[1:3], *given[5:], "-o", tmp_path / "other.png", *recipe)
    assert done.returncode == 0
    assert "another photo and another mask" in done.stderr


def test_sweep_and_insights(
    photo_path: Path, painting_path: Path, tmp_path: Path, run_here: Run
) -> None:
    good = (photo_path, painting_path, "-o", tmp_path / "out.png")
    quick = ("--size", 64, "--steps", 2)
    for option, shape in (("--reconstruct", photo_path), ("--texture", painting_path)):
        done = run(*good, option, "relu2_1", *quick)
        assert (done.returncode, done.stderr) == (0, "")
        assert Image.open(tmp_path / "out.png").size == Image.open(shape).size
    assert_refused(run_here(*good, "--reconstruct", "relu9_1"), "relu9_1")
    assert_refused(run_here(*good, "--texture", "relu1_2"), "relu1_2", "relu5_1")
    assert_refused(run_here(*good, "--sweep", "--texture", "relu1_1"), "--sweep")
    assert_refused(run_here(*good, "--timelapse", tmp_path / "film.gif"), "film.gif", ".mp4")
    assert_refused(run_here(*good, "--recipe", painting_path), "PNG")
    assert_refused(run_here(*good, "--mask", painting_path), "shape of the photo")
    assert_refused(run_here(*good, *[painting_path] * 4), "1 to 4 paintings, not 5")
    assert_refused(run_here(*good, "--init", "image"), "start from")


@pytest.mark.parametrize("name", OPTIONS)
def test_every_setting_is_an_option(name: str) -> None:
    assert f"--{name.replace('_', '-')} " in build_parser().format_help()
