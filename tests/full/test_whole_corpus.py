"""Every file of the corpus through every way in: minutes (`python -m pytest -m full`)."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from gradio_client import Client

from nst_core import Settings, finish, stylize
from tests.command import CommandLine, assert_refused, run_process
from tests.corpus import (
    BY_NAME,
    CASES,
    PICTURES,
    REFUSED,
    SETTINGS,
    SOME_REFUSED,
    Case,
    cut_off,
    noise,
)
from tests.serving import Server
from tests.ways_in import (
    OTHER_ROLES,
    RawRequest,
    assert_no_fault,
    assert_serves,
    refused_in_role,
    through_api,
    through_command,
    through_core,
)

pytestmark = [
    pytest.mark.full,
    pytest.mark.filterwarnings("ignore::UserWarning:PIL.TiffImagePlugin"),
    pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning"),
]

each_picture = pytest.mark.parametrize("case", PICTURES, ids=lambda case: case.name)


@each_picture
def test_core_paints(case: Case, files: Path) -> None:
    """As photo and as painting."""
    image = through_core(case, files)
    settings = Settings(size=64, steps=1)
    *_, frame = stylize(image, [noise(64), image], settings)
    assert all(map(math.isfinite, frame.losses.values()))
    result = finish(frame.image, image, settings)
    assert (result.size, result.mode) == (image.size, image.mode)


@each_picture
def test_command_line_paints(
    case: Case, files: Path, good: Path, tmp_path: Path, command_line: CommandLine
) -> None:
    through_command(case, files, good, tmp_path, command_line)


def test_command_line_cut_off(
    files: Path, good: Path, tmp_path: Path, command_line: CommandLine
) -> None:
    for case in cut_off():
        through_command(case, files, good, tmp_path, command_line)


@pytest.mark.parametrize("name", SOME_REFUSED)
def test_processes_refuse(name: str, files: Path, good: Path, tmp_path: Path) -> None:
    case = BY_NAME[name]
    done = run_process("-m", "nst_core", case.write(files), good, "-o", tmp_path / "out.png")
    assert_refused(done, case.sentence)


@pytest.fixture
def client(public_server: Server) -> Client:
    return Client(public_server.url, verbose=False)


def test_api_takes_the_whole_corpus(
    files: Path, good: Path, client: Client, public_server: Server
) -> None:
    for case in CASES:
        through_api(case, files, good, client)
        if case.sentence:
            assert_serves(client, good)
    for case in cut_off():
        through_api(case, files, good, client)
    assert_serves(client, good)
    assert_no_fault(public_server)


@pytest.mark.parametrize("role", OTHER_ROLES)
def test_api_refuses_in_every_role(
    role: str, files: Path, good: Path, client: Client, public_server: Server
) -> None:
    for case in REFUSED:
        if len(case.name) <= 255 and case.make() is not None:
            refused_in_role(case, role, files, good, client)
    assert_no_fault(public_server)


def test_api_settings(good: Path, client: Client, public_server: Server) -> None:
    request = RawRequest(public_server, good)
    for name, value, words in SETTINGS:
        request.assert_refused(name, value, words)
    assert_serves(client, good)
    assert_no_fault(public_server)
