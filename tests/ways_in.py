"""The ways in for a file of the corpus: the core, the command line, the API of a server."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image

from nst_core import ImageError, load_image
from tests.command import CommandLine, assert_quiet, assert_refused
from tests.corpus import BLUE, RED, Case, assert_sentence, looks
from tests.serving import Server

# Settings of a run that gives the photo back: its result tells whether the photo was read rightly.
BACK: dict[str, Any] = {"size": 64, "steps": 1, "strength": 0, "full_detail": False}

# What a file can be in a request, besides the photo.
OTHER_ROLES = ("style", "style_2", "mask", "start")


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


def refused_in_role(case: Case, role: str, files: Path, good: Path, client: Client) -> None:
    """Send the file as something else than the photo."""
    inputs = {"content": good, "style": good, role: case.write(files)}
    if role == "start":
        inputs["init"] = "image"
    assert_sentence(refusal(client, **inputs), case.sentence)


class RawRequest:
    """Requests whose JSON holds something as it stands, which a client would not send.

    Args:
        image: is uploaded once, and is the photo and the painting of every request.
    """

    def __init__(self, server: Server, image: Path) -> None:
        self.api = f"{server.url}/gradio_api"
        with image.open("rb") as file:
            paths = httpx.post(f"{self.api}/upload", files={"files": file}).json()
        data = {"path": paths[0], "meta": {"_type": "gradio.FileData"}}
        self.images = json.dumps({"content": data, "style": data})

    def refusal(self, extra: str) -> str:
        """The sentence with which a request is refused that has `extra` among its values."""
        answer = httpx.post(
            f"{self.api}/call/v2/stylize",
            content=f"{self.images[:-1]}, {extra}}}",
            headers={"content-type": "application/json"},
        )
        if answer.status_code != 200:
            return answer.json()["error"]
        address = f"{self.api}/call/stylize/{answer.json()['event_id']}"
        events = httpx.get(address, timeout=30).text
        assert "event: error" in events, events
        return json.loads(events.rpartition("data: ")[2])["error"]

    def assert_refused(self, name: str, value: object, words: str) -> None:
        """This value of a setting is refused in a sentence with these words."""
        said = self.refusal(f'"{name}": {json.dumps(value)}')
        assert_sentence(said.replace("&lt;", "<").replace("&gt;", ">"), words)


def assert_serves(client: Client, good: Path) -> None:
    """The next honest request is answered, and rightly."""
    result = client.predict(handle_file(good), handle_file(good), **BACK, api_name="/stylize")
    looks(RED, BLUE)(Image.open(result))


def assert_no_fault(server: Server) -> None:
    """Nothing that was sent to the server so far was more than it can deal with."""
    assert "Traceback" not in server.log.read_text()
