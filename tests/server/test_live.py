"""Previews: the first size of a run, which every run and every newer preview ends."""

from __future__ import annotations

import json
import logging
import os
import shutil
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable, Generator, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from unittest.mock import patch

import pytest
from PIL import Image

from nst_core import Frame, Settings, StyleTransferError, paint, prepare
from nst_core.optimize import warm_up
from nst_core.plan import FIRST_SIZE_MOST
from nst_core.server.costs import Costs
from nst_core.server.jobs import Outcome, Progress
from nst_core.server.limits import Limits
from nst_core.server.live import previewed, work_of_preview
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


@pytest.fixture
def painted() -> list[Transfer]:
    """What runs were begun of, by the service of `begins`."""
    return []


def quick(transfer: Transfer, stop: Stop) -> Generator[Frame]:
    """A frame after each step, but nothing is painted."""
    began, step, stage = time.perf_counter(), 0, transfer.plan[0]

    def frame(done: bool = False) -> Frame:
        image = transfer.content.resize((stage.width, stage.height))
        elapsed, steps = time.perf_counter() - began, transfer.settings.steps
        losses = {"total": 1.0}
        return Frame(image, step, steps, stage.size, transfer.plan, losses, {}, elapsed, 1.0, done)

    for stage in transfer.plan:
        for _ in range(stage.steps):
            step += 1
            yield frame()
            if stop():
                yield frame(done=True)
                return
    yield frame(done=True)


def sparing(transfer: Transfer, stop: Stop) -> Generator[Frame]:
    """Few frames besides those at the end of a size."""
    yield from paint(transfer, every=1e9, at_least=3, stop=stop)


@pytest.fixture(params=[quick])
def begins(
    request: pytest.FixtureRequest, service: Service, painted: list[Transfer]
) -> Iterator[Service]:
    """The service, which notes what it begins to paint."""

    def frames(transfer: Transfer, stop: Stop) -> Generator[Frame]:
        painted.append(transfer)
        yield from request.param(transfer, stop)

    with patch.object(service, "_paint", frames):
        yield service


@pytest.fixture
def small_job(job: Job) -> Job:
    """Three steps at 181 pixels, and one at 256."""
    return replace(job, values={"size": 256, "steps": 4})


def outcome_of(service: Service, job: Job, folder: Path) -> Outcome:
    *_, last = service.paint(job, "me", folder)
    assert last.outcome is not None
    return last.outcome


def test_a_preview_is_the_first_size_of_its_run(
    begins: Service, painted: list[Transfer], small_job: Job, tmp_path: Path
) -> None:
    first, *_, last = begins.preview(small_job, "me", tmp_path)
    assert first.frame is None  # it has the device
    assert last.frame is not None
    (transfer,) = painted
    assert last.frame.done
    assert last.frame.step == last.frame.total_steps == 3
    assert last.frame.size == transfer.plan[0].size
    assert last.frame.plan == transfer.plan[:1]
    assert last.frame.remaining == 0


@pytest.mark.parametrize("begins", [sparing], indirect=True)
@pytest.mark.parametrize("seen", [2, 9], ids=["in its midst", "at its end"])
def test_a_run_goes_on_from_its_preview(
    begins: Service, painted: list[Transfer], small_job: Job, tmp_path: Path, seen: int
) -> None:
    """It makes none of the steps again, but shows them; picture and film are the same."""
    preview = begins.preview(small_job, "me", tmp_path)
    list(islice(preview, seen))
    shown: list[Progress] = []
    thread = in_thread(lambda: shown.extend(begins.paint(small_job, "me", tmp_path)))
    while not begins.health()["running"]:
        time.sleep(0.01)
    assert list(preview) == []  # the run ends it
    thread.join(60)
    assert len(painted) == 1
    start, first_size, *_, last = shown
    assert start.frame is None
    assert first_size.frame is not None
    assert first_size.frame.step == painted[0].plan[0].steps
    after = last.outcome
    assert after is not None
    # The next run begins anew.
    alone = outcome_of(begins, small_job, tmp_path)
    assert len(painted) == 2
    assert after.frame.image.tobytes() == alone.frame.image.tobytes()
    assert after.film.frames == alone.film.frames
    assert after.frame.losses == alone.frame.losses


def test_a_run_of_anything_else_begins_anew(
    begins: Service, painted: list[Transfer], small_job: Job, tmp_path: Path
) -> None:
    list(begins.preview(small_job, "me", tmp_path))
    begun = weakref.ref(begins._begun)
    values = {**small_job.values, "style_weight": 2}
    outcome_of(begins, replace(small_job, values=values), tmp_path)
    assert len(painted) == 2
    assert begun() is None
    # The photo has another name, but is the same.
    list(begins.preview(small_job, "me", tmp_path))
    copy = shutil.copy(str(small_job.content), tmp_path / "copy.png")
    outcome_of(begins, replace(small_job, content=str(copy)), tmp_path)
    assert len(painted) == 3


def test_the_time_between_a_preview_and_its_run_does_not_count(
    begins: Service, small_job: Job, tmp_path: Path
) -> None:
    """A page that nobody looks at for an hour would make every later run seem to take an hour."""
    began = time.perf_counter()
    list(begins.preview(small_job, "me", tmp_path))
    time.sleep(2)
    outcome = outcome_of(begins, small_job, tmp_path)
    assert outcome.frame.elapsed + 2 < time.perf_counter() - began
    assert outcome.finishing < outcome.seconds


def test_nothing_is_kept_of_a_preview_whose_page_is_closed(
    begins: Service, small_job: Job, tmp_path: Path
) -> None:
    list(begins.preview(small_job, "me", tmp_path))
    begun = weakref.ref(begins._begun)
    begins.close_page("somebody else")
    assert begun() is not None
    begins.close_page("me")
    assert begun() is None
    preview = begins.preview(small_job, "me", tmp_path)
    assert next(preview).frame is None
    preview.close()  # the connection is cut
    assert begins._begun is None


def test_a_preview_belongs_to_the_page_that_saw_it_last(
    begins: Service, small_job: Job, tmp_path: Path
) -> None:
    """It would be kept for good where the first page was closed before."""
    list(begins.preview(small_job, "first", tmp_path))
    begun = weakref.ref(begins._begun)
    list(begins.preview(small_job, "second", tmp_path))
    begins.close_page("first")
    assert begun() is not None
    begins.close_page("second")
    assert begun() is None


def test_a_run_that_is_stopped_after_its_preview_keeps_what_it_has(
    begins: Service, small_job: Job, tmp_path: Path
) -> None:
    list(begins.preview(small_job, "me", tmp_path))
    run = begins.paint(small_job, "me", tmp_path)
    next(run)
    begins.runs.stop("me")
    *_, last = run
    assert last.outcome is not None
    assert last.outcome.frame.step == 3


def test_on_zerogpu_a_preview_is_a_run_of_its_own(
    begins: Service,
    painted: list[Transfer],
    small_job: Job,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A worker would go on with the run while nobody wants it."""
    monkeypatch.setenv("SPACES_ZERO_GPU", "1")
    *_, last = begins.preview(small_job, "me", tmp_path)
    assert last.frame is not None
    assert last.frame.done
    (preview,) = painted
    outcome = outcome_of(begins, small_job, tmp_path)
    assert preview.plan == outcome.transfer.plan[:1]
    assert outcome.frame.step == 4
    assert len(painted) == 2


def test_a_run_that_begins_large_has_a_small_preview(
    begins: Service, photo_path: Path, painting_path: Path
) -> None:
    settings = Settings(size=1024, coarse_to_fine=False, steps=500)
    transfer = previewed(prepare(photo_path, painting_path, settings))
    (stage,) = transfer.plan
    assert stage.size == FIRST_SIZE_MOST
    assert work_of_preview(transfer) == replace(stage, steps=DEFAULTS.steps).work


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
    while len(service.runs._previews) < 2:
        time.sleep(0.01)
    assert list(older) == []
    thread.join(10)
    assert found


def test_what_a_run_would_refuse_a_preview_refuses(
    service: Service, job: Job, tmp_path: Path
) -> None:
    with pytest.raises(StyleTransferError, match="no painting"):
        next(service.preview(replace(job, styles=[]), "me", tmp_path))


def test_zerogpu_counts_as_a_gpu_and_begins_without_previews() -> None:
    """In a process of its own: the kind of device is asked for once."""
    code = "from nst_core.server import device as d; print(d.is_fast_device(), d.shows_previews())"
    found = subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "SPACES_ZERO_GPU": "true"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout == "True False\n"


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
    service.turns.take("me", "sweep")
    service.turns.take("me", "picture")
    with service.runs.enter("api") as run:
        run.seconds_left = 30
        place = service.place("me", "picture")
        assert place is not None
        assert (place.before, place.own) == (3, 1)
        assert place.seconds > 30
        service.turns.begin("first", "picture")
        place = service.place("me", "picture")
        assert place is not None
        assert (place.before, place.own) == (2, 1)
    with service.runs.enter("me"):
        service.turns.begin("me", "sweep")
        place = service.place("me", "picture")
        assert place is not None
        assert (place.before, place.own) == (1, 1)
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
    with pytest.raises(StyleTransferError, match="sweep of 2 pictures"):
        prepare_gallery_job(job, [str(painting_path), str(path)], Limits(work=0.1))
