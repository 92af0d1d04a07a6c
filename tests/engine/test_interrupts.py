"""Ctrl-C, sent to real processes of `python -m nst_core`."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from nst_core import read_recipe
from tests.command import ROOT

# Prints a line to stdout after each step, so that the tests know when to press Ctrl-C.
PROGRAM = """
import sys
import nst_core.optimize as optimize
from nst_core.__main__ import main

paint = optimize.paint

def told(*arguments, **options):
    for frame in paint(*arguments, **{**options, "every": 0}):
        print(frame.step, flush=True)
        yield frame

optimize.paint = told
sys.exit(main())
"""
LONG = ("--size", 64, "--steps", 2000, "--coarse-to-fine", "off")

Process = subprocess.Popen[str]


@pytest.fixture
def processes() -> Iterator[list[Process]]:
    """Those that a test starts; none is left behind."""
    started: list[Process] = []
    yield started
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


def start(processes: list[Process], *arguments: object) -> Process:
    """Start a command, and wait until it has made some steps."""
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *map(str, arguments)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    processes.append(process)
    assert process.stdout is not None
    while (line := process.stdout.readline()) not in ("3\n", ""):
        pass
    assert line, process.communicate()[1]
    return process


def interrupt(process: Process) -> str:
    """Press Ctrl-C; what the process then says on stderr, at its end."""
    process.send_signal(signal.SIGINT)
    return process.communicate(timeout=60)[1]


def test_ctrl_c_writes_the_picture_and_the_film_so_far(
    photo_path: Path, painting_path: Path, tmp_path: Path, processes: list[Process]
) -> None:
    out, film = tmp_path / "out.png", tmp_path / "film.mp4"
    process = start(processes, photo_path, painting_path, "-o", out, "--timelapse", film, *LONG)
    said = interrupt(process)
    assert process.returncode == 130
    assert said.startswith("Interrupted at step ")
    assert said.endswith(" of 2000: the picture so far is in out.png.\n")
    picture, photo = Image.open(out), Image.open(photo_path)
    assert picture.size == photo.size
    assert picture.convert("RGB").tobytes() != photo.convert("RGB").tobytes()
    assert read_recipe(out).settings.steps == 2000
    assert film.stat().st_size > 1000
    assert sorted(tmp_path.iterdir()) == [film, out]


def test_a_second_ctrl_c_ends_at_once_and_leaves_what_was_there(
    painting_path: Path, tmp_path: Path, processes: list[Process]
) -> None:
    photo, out = tmp_path / "photo.png", tmp_path / "out.png"
    Image.linear_gradient("L").resize((4000, 4000)).save(photo)  # takes seconds to finish
    out.write_text("old")
    process = start(processes, photo, painting_path, "-o", out, *LONG)
    process.send_signal(signal.SIGINT)
    time.sleep(0.3)
    said = interrupt(process)
    # A shell says 130 of either: it is 128 and the number of the signal.
    assert process.returncode in (130, -signal.SIGINT)
    assert "so far" not in said
    assert "Traceback" not in said
    assert out.read_text() == "old"
    assert sorted(tmp_path.iterdir()) == [out, photo]


@pytest.mark.full
def test_ctrl_c_in_a_batch_keeps_what_is_done_and_says_how_to_go_on(
    photo_path: Path, painting_path: Path, tmp_path: Path, processes: list[Process]
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    style = painting_path.stem
    (out / f"{photo_path.stem}-{style}.png").write_text("done")
    second = tmp_path / "second.png"
    Image.open(photo_path).resize((90, 60)).save(second)
    process = start(processes, photo_path, second, painting_path, "-o", out, "--keep", *LONG)
    said = interrupt(process)
    assert process.returncode == 130
    assert "The picture so far is in second-" in said
    assert "Interrupted: 1 of 2 results are there. The same command with --keep goes on." in said
    done, partial = sorted(os.listdir(out))
    assert done == f"{photo_path.stem}-{style}.png"
    assert partial.startswith(f"second-{style}-step")
    assert Image.open(out / partial).size == (90, 60)
