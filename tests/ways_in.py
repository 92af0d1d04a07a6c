"""The ways in for a file of the corpus: the core, the command line, the API of a server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image

from nst_core import ImageError, load_image
from tests.command import CommandLine, assert_quiet, assert_refused
from tests.corpus import BLUE, RED, Case, assert_sentence, looks
from tests.serving import Server

# Settings of a run that gives the photo back: its result tells whether the photo was read rightly.
BACK = {"size": 64, "steps": 1, "strength": 0, "full_detail": False}


def options(settings: dict[str, object]) -> list[str]:
    """Settings as arguments of the command line."""
    text = {name: str(x).lower() for name, x in settings.items()}
    return [f"--{name.replace('_', '-')}={value}" for name, value in text.items()]


def through_core(case: Case, files: Path) -> Image.Image | None:
    """Load the file; the image is returned if there is one."""
    path = case.write(files)
    if case.picture:
        image = load_image(path)
        case.picture(image)
        assert image.mode in ("RGB", "RGBA")
        assert not image.info
        return image
    with pytest.raises(ImageError) as caught:
        load_image(path)
    assert_sentence(str(caught.value), case.sentence)
    return None


def through_command(
    case: Case, files: Path, good: Path, folder: Path, command_line: CommandLine
) -> None:
    """Give the file as the photo."""
    out = folder / "out.png"
    done = command_line(case.write(files), good, "-o", out, *options(BACK))
    if case.picture:
        assert_quiet(done)
        case.picture(Image.open(out))
    else:
        assert_refused(done, case.sentence)
        assert not out.exists()


def through_api(case: Case, files: Path, good: Path, client: Client) -> None:
    """Send the file as the photo."""
    path = case.write(files)
    if case.picture:
        given = (handle_file(path), handle_file(good))
        case.picture(Image.open(client.predict(*given, **BACK, api_name="/stylize")))
    elif path.name == "missing.png" or len(path.name) > 255:  # there is no file to send
        assert_sentence(refusal(client, content=None, style=good), "no photo")
    else:
        assert_sentence(refusal(client, content=path, style=good), case.sentence)


def refusal(client: Client, **inputs: Any) -> str:
    """The sentence with which the server refuses these inputs."""
    files = {name: handle_file(x) for name, x in inputs.items() if isinstance(x, Path)}
    with pytest.raises(AppError) as caught:
        client.predict(**{**BACK, **inputs, **files}, api_name="/stylize")
    assert "<" not in str(caught.value)
    return str(caught.value)


def assert_serves(client: Client, good: Path) -> None:
    """The next honest request is answered, and rightly."""
    result = client.predict(handle_file(good), handle_file(good), **BACK, api_name="/stylize")
    looks(RED, BLUE)(Image.open(result))


def assert_no_fault(server: Server) -> None:
    """Nothing that was sent to the server so far was more than it can deal with."""
    assert "Traceback" not in server.log.read_text()
