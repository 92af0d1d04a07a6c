"""The service: its parts belong together, and no two services share any."""

from __future__ import annotations

import os
import threading
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from PIL import Image

from nst_core import Frame
from nst_core.server.limits import Limits
from nst_core.server.preparing import Job
from nst_core.server.runs import Stop
from nst_core.server.service import Service, make_folder
from nst_core.sweep import Sweep, Tile
from nst_core.transfer import Transfer


def paint(transfer: Transfer, stop: Stop) -> Generator[Frame]:
    image = transfer.content.resize((64, 43))
    yield Frame(image, 1, 1, 64, transfer.plan, {"total": 1.0}, {}, 0, 0, True)


def paint_sweep(sweep: Sweep, stop: Stop) -> Generator[Tile]:
    for settings in sweep.chosen:
        yield Tile(Image.new("RGB", (16, 16)), settings)


@pytest.fixture
def services(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Service]]:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "files"))
    made = [Service(Limits(), make_folder(), paint, paint_sweep) for _ in range(2)]
    yield made
    for service in made:
        service.close()


@pytest.fixture
def job(photo_path: Path, painting_path: Path) -> Job:
    return Job(str(photo_path), [str(painting_path)], {"size": 64})


def test_a_job_becomes_a_result(services: list[Service], job: Job, tmp_path: Path) -> None:
    *_, last = services[0].paint(job, "me", tmp_path)
    assert last.outcome is not None
    assert last.outcome.result.size == Image.open(str(job.content)).size


@pytest.mark.parametrize("made", [0, 1])
def test_a_sweep_ends_before_its_first_tile_and_between_two(
    services: list[Service], job: Job, made: int
) -> None:
    tiles = services[0].paint_sweep(job, "me")
    assert next(tiles) is None  # the page offers Stop from now on
    for _ in range(made):
        next(tiles)
    services[0].runs.stop("me")
    assert len(list(tiles)) <= made
    assert services[0].health() == {"status": "ok", "running": 0}


def test_who_waits_behind_a_sweep_is_told_its_time(services: list[Service], job: Job) -> None:
    service = services[0]
    tiles = service.paint_sweep(job, "me")
    next(tiles)
    service.turns.take("you", "picture")
    before = service.place("you", "picture")
    assert before is not None
    assert before.seconds == pytest.approx(service.costs.of_tiles(job, 9), rel=0.01)
    next(tiles)
    after = service.place("you", "picture")
    assert after is not None
    assert after.seconds < before.seconds
    tiles.close()


def test_services_share_neither_runs_nor_results_nor_folders(
    services: list[Service], job: Job, tmp_path: Path
) -> None:
    first, second = services
    going = first.paint(job, "me", tmp_path)
    next(going)
    assert (first.health()["running"], second.health()["running"]) == (1, 0)
    list(second.paint(job, "me", tmp_path))  # does not wait for the first
    going.close()
    assert first.files != second.files
    assert first.history.root != second.history.root


def test_a_closed_service_leaves_nothing_behind(services: list[Service], tmp_path: Path) -> None:
    first, second = services
    theirs = tmp_path / "files" / "theirs.txt"
    theirs.write_text("of the operator")
    first.close()
    assert not first.files.exists()
    assert not first.history.root.exists()
    assert second.files.exists()
    assert theirs.exists()


def test_importing_the_app_does_nothing(tmp_path: Path) -> None:
    before = dict(os.environ), threading.active_count()
    import app

    assert (dict(os.environ), threading.active_count()) == before
    public = {name for name, value in vars(app).items() if isinstance(value, (list, dict, Service))}
    assert public <= {"__builtins__", "__annotations__"}
