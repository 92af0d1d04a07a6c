"""The corpus through the API of a real server."""

from __future__ import annotations

from itertools import cycle
from pathlib import Path

import pytest
from gradio_client import Client, handle_file
from PIL import Image

from nst_core import StyleTransferError
from nst_core.server.limits import Limits
from nst_core.server.preparing import Job, prepare_job
from tests.corpus import (
    BLUE,
    BOMBS,
    BY_NAME,
    RED,
    SETTINGS,
    SOME_PICTURES,
    SOME_REFUSED,
    assert_sentence,
    looks,
)
from tests.serving import Server
from tests.ways_in import (
    BACK,
    OTHER_ROLES,
    RawRequest,
    assert_no_fault,
    assert_serves,
    refusal,
    refused_in_role,
    through_api,
)


@pytest.fixture(scope="module")
def client(public_server: Server) -> Client:
    return Client(public_server.url, verbose=False)


def test_api_paints(files: Path, good: Path, client: Client, public_server: Server) -> None:
    for name in SOME_PICTURES[:6]:
        through_api(BY_NAME[name], files, good, client)
    assert_no_fault(public_server)


def test_api_refuses(files: Path, good: Path, client: Client, public_server: Server) -> None:
    """As the photo, and in one of the other roles; `-m full` tries every file in every role."""
    for name, role in zip(SOME_REFUSED, cycle(OTHER_ROLES), strict=False):
        through_api(BY_NAME[name], files, good, client)
        refused_in_role(BY_NAME[name], role, files, good, client)
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


def test_api_settings(good: Path, client: Client, public_server: Server) -> None:
    """Whatever JSON can hold, and some that it can't; `-m full` tries all values."""
    request = RawRequest(public_server, good)
    for name, value, words in SETTINGS[::4]:
        request.assert_refused(name, value, words)
    for number in ("-Infinity", "NaN", "1e400", "9" * 4000, "[" * 15 + "]" * 15):
        assert_sentence(request.refusal(f'"size": {number}'), "size")
    deep = "[" * 400 + "]" * 400
    assert_sentence(request.refusal(f'"size": {deep}'), "nested too deeply")
    assert_sentence(request.refusal(f'"size": {"[" * 100_000}'), "too many values")
    for text in ("9" * 5000, "[", "'64'", "\0"):
        assert_sentence(request.refusal(f'"size": {text}'), "not JSON")
    assert_serves(client, good)
    assert_no_fault(public_server)


def test_missing_and_same_images(good: Path, client: Client, public_server: Server) -> None:
    assert_sentence(refusal(client, content=None, style=good), "no photo")
    assert_sentence(refusal(client, content=good, style=None), "no painting")
    assert_sentence(refusal(client, content=good, style=good, init="image"), "start from")
    file = handle_file(good)
    many = {"style_2": file, "style_3": file, "style_4": file, "start": file, "mask": file}
    result = client.predict(file, file, **many, **BACK, init="image", api_name="/stylize")
    looks(RED, BLUE)(Image.open(result))
    assert_no_fault(public_server)


@pytest.mark.parametrize(
    "painted",
    ["/etc/passwd", "data:", "data:image/png;base64,ä", "data:image/png;base64,A", "é" * 2_000_001],
    ids=lambda text: text[:30],
)
def test_a_painted_region_is_a_picture_in_the_request(painted: str, good: Path) -> None:
    with pytest.raises(StyleTransferError) as caught:
        prepare_job(Job(str(good), [str(good)], {}, painted=painted), Limits())
    assert_sentence(str(caught.value), "painted region can't be read")
