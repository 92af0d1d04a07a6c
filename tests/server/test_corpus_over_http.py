"""The corpus through the API of a real server."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest
from gradio_client import Client, handle_file

from nst_core import StyleTransferError
from nst_core.server.jobs import Job, open_job
from nst_core.server.limits import Limits
from tests.corpus import (
    BOMBS,
    BY_NAME,
    SETTINGS,
    SOME_PICTURES,
    SOME_REFUSED,
    assert_sentence,
)
from tests.serving import Server
from tests.ways_in import BACK, assert_no_fault, assert_serves, refusal, through_api

API = "/gradio_api"


@pytest.fixture(scope="module")
def client(public_server: Server) -> Client:
    return Client(public_server.url, verbose=False)


def test_api_paints(files: Path, good: Path, client: Client, public_server: Server) -> None:
    for name in SOME_PICTURES[:6]:
        through_api(BY_NAME[name], files, good, client)
    assert_no_fault(public_server)


def test_api_refuses(files: Path, good: Path, client: Client, public_server: Server) -> None:
    for name in SOME_REFUSED:
        case = BY_NAME[name]
        through_api(case, files, good, client)
        for role in ("style", "style_2", "mask", "start"):
            inputs = {"content": good, "style": good, role: case.write(files)}
            if role == "start":
                inputs["init"] = "image"
            assert_sentence(refusal(client, **inputs), case.sentence)
    assert_serves(client, good)
    assert_no_fault(public_server)


def test_api_bombs_take_no_memory(
    files: Path, good: Path, client: Client, public_server: Server
) -> None:
    """From the upload on: neither Gradio nor anything else decodes a file before `load_image`."""
    assert_serves(client, good)
    before = public_server.peak()
    for case in BOMBS:
        through_api(case, files, good, client)
    assert_serves(client, good)
    assert public_server.peak() - before < 300


def raw(server: Server, paths: list[str], extra: str) -> str:
    """What is answered to a request whose JSON has `extra` in it, as it stands."""
    meta = {"_type": "gradio.FileData"}
    images = json.dumps(
        {x: {"path": p, "meta": meta} for x, p in zip(("content", "style"), paths, strict=True)}
    )
    body = f"{images[:-1]}, {extra}}}"
    kind = {"content-type": "application/json"}
    url = f"{server.url}{API}/call"
    answer = httpx.post(f"{url}/v2/stylize", content=body, headers=kind)
    if answer.status_code != 200:
        return answer.json()["error"]
    events = httpx.get(f"{url}/stylize/{answer.json()['event_id']}", timeout=30).text
    assert "event: error" in events, events
    return json.loads(events.rpartition("data: ")[2])["error"]


def test_api_settings(good: Path, client: Client, public_server: Server) -> None:
    """Whatever JSON can hold, and some that it can't."""
    with good.open("rb") as file:
        paths = httpx.post(f"{public_server.url}{API}/upload", files={"files": file}).json() * 2
    for name, value, words in SETTINGS:
        said = raw(public_server, paths, f'"{name}": {json.dumps(value)}')
        assert_sentence(said.replace("&lt;", "<").replace("&gt;", ">"), words)
    for extra in ("-Infinity", "NaN", "1e400", "9" * 4000, "[" * 400 + "]" * 400):
        assert_sentence(raw(public_server, paths, f'"size": {extra}'), "size")
    for extra in ("9" * 5000, "[" * 100_000, "[", "'64'", "\0"):
        assert_sentence(raw(public_server, paths, f'"size": {extra}'), "not JSON")
    assert_serves(client, good)
    assert_no_fault(public_server)


def test_missing_and_same_images(good: Path, client: Client, public_server: Server) -> None:
    assert_sentence(refusal(client, content=None, style=good), "no photo")
    assert_sentence(refusal(client, content=good, style=None), "no painting")
    assert_sentence(refusal(client, content=good, style=good, init="image"), "start from")
    file = handle_file(good)
    many = {"style_2": file, "style_3": file, "style_4": file, "start": file, "mask": file}
    client.predict(file, file, **many, **BACK, init="image", api_name="/stylize")
    assert_no_fault(public_server)


@pytest.mark.parametrize(
    "painted",
    ["/etc/passwd", "data:", "data:image/png;base64,ä", "data:image/png;base64,A", "é" * 2_000_001],
    ids=lambda text: text[:30],
)
def test_a_painted_region_is_a_picture_in_the_request(painted: str, good: Path) -> None:
    with pytest.raises(StyleTransferError) as caught:
        open_job(Job(str(good), [str(good)], {}, painted=painted), Limits())
    assert_sentence(str(caught.value), "painted region can't be read")
