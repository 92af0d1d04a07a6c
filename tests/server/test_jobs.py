"""Jobs: what is wrong is said before a run, and a run tells how far it is."""

from __future__ import annotations

import base64
from collections.abc import Generator
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from nst_core import Frame, StyleTransferError, read_recipe
from nst_core.server.jobs import (
    PAINTED_PREFIX,
    PREVIEW_SIDE,
    SHOWN_SIDE,
    Job,
    Progress,
    prepare_job,
    prepare_sweep_job,
    run_job,
    save_result,
)
from nst_core.server.limits import Limits
from nst_core.server.runs import Runs, Stop
from nst_core.transfer import Transfer

SMALL = {"size": 64, "steps": 4}


@pytest.fixture
def job(photo_path: Path, painting_path: Path) -> Job:
    return Job(str(photo_path), [str(painting_path)], SMALL)


def frames(steps: int) -> Any:
    """Computes frames of one colour each, as fast as they are asked for."""

    def paint(transfer: Transfer, stop: Stop) -> Generator[Frame]:
        for step in range(1, steps + 1):
            image = Image.new("RGB", (64, 43), (40 * step, 0, 0))
            done = step == steps or stop()
            yield Frame(image, step, steps, 64, transfer.plan, {"total": 1.0}, {}, 0, 0, done)
            if done:
                return

    return paint


def run(job: Job, folder: Path, steps: int = 4, **options: Any) -> list[Progress]:
    transfer = prepare_job(job, Limits())
    return list(run_job(transfer, options.pop("runs", Runs(60)), "me", folder, frames(steps)))


def painted(color: str, size: tuple[int, int] = (45, 30)) -> str:
    file = BytesIO()
    Image.new("RGBA", size, color).save(file, "PNG")
    return PAINTED_PREFIX + base64.b64encode(file.getvalue()).decode()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"content": None}, "no photo"),
        ({"content": "gone.png"}, "photo is not here any more.*Upload it again"),
        ({"styles": ["gone.png"]}, "painting 1 is not here any more"),
        ({"mask": "gone.png"}, "region is not here any more"),
        ({"styles": []}, "no painting"),
        ({"values": {"size": 9}}, "size must be between"),
        ({"values": {"colour": 1}}, "no setting 'colour'"),
        ({"start": "{photo}"}, "start from"),
        ({"painted": "data:image/png;base64,?"}, "painted region can't be read"),
        ({"painted": "nothing"}, "painted region can't be read"),
        ({"values": {"size": 2048, "steps": 2000}}, "what this server allows"),
        ({"values": {"memory_budget": 17}}, "memory_budget of at most 16"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_is_wrong_is_said_before_the_run(
    job: Job, photo_path: Path, change: dict[str, Any], words: str
) -> None:
    change = {
        key: str(photo_path) if value == "{photo}" else value for key, value in change.items()
    }
    with pytest.raises(StyleTransferError, match=words):
        prepare_job(replace(job, **change), Limits())


def test_a_painted_region_becomes_the_mask_in_the_size_of_the_photo(job: Job) -> None:
    transfer = prepare_job(replace(job, painted=painted("white")), Limits())
    assert transfer.mask is not None
    assert transfer.mask.size == transfer.content.size
    assert transfer.mask.getextrema() == (255, 255)
    assert prepare_job(replace(job, painted=painted("#0000")), Limits()).mask is None


def test_a_sweep_is_planned_by_its_tiles_and_not_by_the_size_of_the_job(job: Job) -> None:
    large = replace(job, values={"size": 4096, "memory_budget": 2})
    with pytest.raises(StyleTransferError, match="takes about"):
        prepare_job(large, Limits())
    sweep = prepare_sweep_job(large, Limits())
    assert len(sweep.runs) == 9
    assert {run.settings.size for run in sweep.runs} == {160}
    assert {settings.style_weight for settings in sweep.chosen} == {0.2, 1.0, 5.0}


def test_a_run_shows_the_photo_first_and_ends_with_its_outcome(job: Job, tmp_path: Path) -> None:
    first, *_, finishing, last = run(job, tmp_path)
    assert first.frame is None
    assert Image.open(str(first.picture)).size == Image.open(str(job.content)).size
    assert finishing.finishing
    outcome = last.outcome
    assert outcome is not None
    assert outcome.frame.step == 4
    assert outcome.result.size == Image.open(str(job.content)).size
    assert len(outcome.film.frames) == 5  # the photo, and four frames
    assert not outcome.timed_out


def test_a_stopped_run_keeps_what_it_has(job: Job, tmp_path: Path) -> None:
    runs = Runs(60)
    transfer = prepare_job(job, Limits())
    going = run_job(transfer, runs, "me", tmp_path, frames(1000))
    next(going)
    runs.stop("me")
    outcome = list(going)[-1].outcome
    assert outcome is not None
    assert outcome.frame.step == 1
    assert not outcome.discarded


def test_nothing_comes_of_a_discarded_run_unless_it_is_kept(job: Job, tmp_path: Path) -> None:
    transfer = prepare_job(job, Limits())
    for kept in (False, True):
        runs = Runs(60)
        going = run_job(transfer, runs, "me", tmp_path, frames(1000), kept=kept)
        next(going)
        runs.stop("me", discard=True)
        outcomes = [progress.outcome for progress in going if progress.outcome]
        assert [outcome.discarded for outcome in outcomes] == ([True] if kept else [])


def test_a_run_out_of_time_says_so(job: Job, tmp_path: Path) -> None:
    transfer = prepare_job(job, Limits())
    outcome = list(run_job(transfer, Runs(1e-9), "me", tmp_path, frames(1000)))[-1].outcome
    assert outcome is not None
    assert outcome.timed_out


def test_previews_of_a_large_photo_are_small(painting_path: Path, tmp_path: Path, job: Job) -> None:
    Image.new("RGB", (3000, 1500), "green").save(tmp_path / "large.png")
    first, *_, last = run(replace(job, content=str(tmp_path / "large.png")), tmp_path)
    assert Image.open(str(first.picture)).size == (PREVIEW_SIDE, PREVIEW_SIDE // 2)
    assert last.outcome is not None
    assert last.outcome.result.size == (3000, 1500)


def test_a_large_result_is_shown_smaller_and_downloaded_in_full(job: Job, tmp_path: Path) -> None:
    transfer = prepare_job(job, Limits())
    recipe = transfer.recipe()
    for side, same in ((SHOWN_SIDE, True), (SHOWN_SIDE + 2, False)):
        picture = Image.new("RGB", (side, 100), "navy")
        seen, file = save_result(picture, picture, recipe, tmp_path / f"{side}.png")
        assert (seen == file) is same
        assert Image.open(file).size == (side, 100)
        assert Image.open(seen).width == SHOWN_SIDE
        assert read_recipe(file) == recipe
