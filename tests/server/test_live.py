"""Previews: the first size of a run, which every run and every newer preview ends."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from nst_core import Frame, Settings, StyleTransferError, paint, prepare
from nst_core.optimize import warm_up
from nst_core.plan import FIRST_SIZE_MOST
from nst_core.server.costs import Costs
from nst_core.server.limits import Limits
from nst_core.server.live import first_size
from nst_core.server.preparing import Job, prepare_gallery_job
from nst_core.server.runs import Stop
from nst_core.server.service import Service
from nst_core.settings import DEFAULTS
from nst_core.transfer import Transfer


def endless(transfer: Transfer, stop: Stop) -> Generator[Frame]:
    """Frames until it is stopped, as fast as a preview shows them."""
    image, step = transfer.content.resize((64, 43)), 0
    while not stop():
        step += 1
        yield Frame(image, step, 9, 64, transfer.plan, {"total": 1.0}, {}, 0, 0, False)
        time.sleep(0.02)
    yield Frame(image, step, 9, 64, transfer.plan, {"total": 1.0}, {}, 0, 0, True)


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    (tmp_path / "files").mkdir()
    service = Service(Limits(), tmp_path / "files", endless, lambda sweep, stop: iter(()))
    yield service
    service.close()


@pytest.fixture
def job(photo_path: Path, painting_path: Path) -> Job:
    return Job(str(photo_path), [str(painting_path)], {"size": 64})


def in_thread(work: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=work)
    thread.start()
    return thread


def test_a_preview_is_the_first_size_of_the_run(photo_path: Path, painting_path: Path) -> None:
    transfer = prepare(photo_path, painting_path, Settings(size=512))
    preview = first_size(transfer)
    assert preview.plan == transfer.plan[:1]
    assert preview == replace(transfer, plan=transfer.plan[:1])


def test_the_frames_of_a_preview_are_those_of_the_run(
    photo_path: Path, painting_path: Path
) -> None:
    transfer = prepare(photo_path, painting_path, Settings(size=256, steps=3))
    transfer = replace(transfer, plan=(replace(transfer.plan[0], steps=2), *transfer.plan[1:]))
    run = next(frame for frame in paint(transfer) if frame.step == 1)
    preview = next(frame for frame in paint(first_size(transfer)) if frame.step == 1)
    assert preview.image.tobytes() == run.image.tobytes()


def test_a_run_that_begins_large_has_a_small_preview(photo_path: Path, painting_path: Path) -> None:
    settings = Settings(size=1024, coarse_to_fine=False, steps=500)
    (stage,) = first_size(prepare(photo_path, painting_path, settings)).plan
    assert stage.size == FIRST_SIZE_MOST
    assert stage.steps == DEFAULTS.steps


def test_a_run_ends_the_preview_of_somebody_else(
    service: Service, job: Job, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "nst")
    preview = service.preview(job, "me", tmp_path)
    assert next(preview).frame is None  # it has the device
    assert next(preview).frame is not None
    assert service.health()["running"] == 0
    begun = threading.Event()

    def run() -> None:
        with service.runs.enter("somebody else"):
            begun.set()

    thread = in_thread(run)
    assert list(preview) == []
    assert begun.wait(10)
    thread.join(10)
    # The run is in the log, the preview is not.
    assert [json.loads(x.message)["outcome"] for x in caplog.records] == ["finished"]


def test_a_preview_never_waits_for_a_run(service: Service, job: Job, tmp_path: Path) -> None:
    with service.runs.enter("somebody else"):
        assert list(service.preview(job, "me", tmp_path)) == []


def test_a_newer_preview_drops_the_older_one_of_its_page(
    service: Service, job: Job, tmp_path: Path
) -> None:
    older = service.preview(job, "me", tmp_path)
    next(older)
    found: list[object] = []

    def show_newer() -> None:
        newer = service.preview(job, "me", tmp_path / "newer")
        (tmp_path / "newer").mkdir()
        next(newer)
        found.append(next(newer).frame)
        newer.close()

    thread = in_thread(show_newer)
    assert list(older) == []
    thread.join(10)
    assert found


def test_what_a_run_would_refuse_a_preview_refuses(
    service: Service, job: Job, tmp_path: Path
) -> None:
    with pytest.raises(StyleTransferError, match="no painting"):
        next(service.preview(replace(job, styles=[]), "me", tmp_path))


def test_costs_grow_with_the_size_and_follow_what_runs_took(service: Service, job: Job) -> None:
    def seconds(**values: object) -> float:
        found = service.costs.of_run(replace(job, values=values))
        assert found is not None
        return found

    assert seconds(size=256) < seconds(size=512) < seconds(size=1024)
    before, pace = seconds(size=512), service.costs.seconds(1)
    service.costs.learn(work=1.0, seconds=2 * pace)
    assert seconds(size=512) == pytest.approx(2 * before, rel=0.01)
    service.costs.learn(work=0.01, seconds=60)  # mostly its start
    assert seconds(size=512) == pytest.approx(2 * before, rel=0.01)
    service.costs.learn(work=1.0, seconds=pace)  # what was before still counts
    assert before < seconds(size=512) < 2 * before
    assert service.costs.of_tiles(job, 16) == pytest.approx(
        16 / 9 * (service.costs.of_tiles(job, 9) or 0)
    )
    assert service.costs.of_run(replace(job, content=None)) is None
    assert service.costs.of_run(replace(job, values={"size": "huge"})) is None


def test_the_pace_measured_at_the_start_counts_until_runs_have_been_timed(
    photo_path: Path, painting_path: Path
) -> None:
    costs = Costs()
    pace = warm_up()
    costs.begin(pace)
    assert costs.seconds(10) == pytest.approx(10 * pace)
    transfer = prepare(photo_path, painting_path, Settings(size=224, steps=6))
    *_, last = paint(transfer)
    assert last.elapsed / 4 < costs.seconds(transfer.work) < last.elapsed * 4
    costs.learn(work=1.0, seconds=10 * pace)
    assert costs.seconds(1) == pytest.approx(10 * pace)
    costs.begin(pace)
    assert costs.seconds(1) == pytest.approx(10 * pace)


def test_a_large_photo_costs_its_finishing(service: Service, job: Job, tmp_path: Path) -> None:
    """Which is learned apart from the steps: the next small photo has none."""
    large = tmp_path / "large.png"
    Image.new("RGB", (3000, 2000)).save(large)

    def seconds(content: str | None) -> float:
        found = service.costs.of_run(replace(job, content=content))
        assert found is not None
        return found

    finishing = seconds(str(large)) - seconds(job.content)
    before = seconds(job.content)
    for _ in range(20):
        service.costs.learn_finishing(megapixels=6, seconds=60)
        service.costs.learn_finishing(megapixels=0.1, seconds=60)  # mostly something else
    assert seconds(str(large)) - seconds(job.content) > finishing + 50
    assert service.costs.of_finishing(replace(job, content=str(large))) > finishing + 50
    assert service.costs.of_finishing(replace(job, content=None)) == 0
    assert seconds(job.content) < before + 2


def test_who_waits_is_told_how_many_are_before(service: Service) -> None:
    assert service.place("me", "picture") is None
    service.turns.take("first", "picture")
    service.turns.take("me", "picture")
    with service.runs.enter("api") as run:
        run.seconds_left = 30
        before, seconds = service.place("me", "picture") or (0, 0)
        assert before == 2
        assert seconds > 30
        service.turns.begin("first", "picture")
        assert (service.place("me", "picture") or (0, 0))[0] == 1
    service.turns.begin("me", "picture")
    assert service.place("me", "picture") is None


def test_every_painting_gets_a_tile(service: Service, job: Job, painting_path: Path) -> None:
    other = Image.new("RGB", (64, 64), "red")
    path = service.files / "red.png"
    other.save(path)
    sweep = prepare_gallery_job(job, [str(painting_path), str(path)], Limits())
    assert [run.styles[0].size for run in sweep.runs] == [
        Image.open(painting_path).size,
        (64, 64),
    ]
    assert all(len(run.styles) == 1 for run in sweep.runs)
