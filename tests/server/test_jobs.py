"""Jobs: what is wrong is said before a run, and a run tells how far it is."""

from __future__ import annotations

import base64
from collections.abc import Callable, Generator
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from nst_core import Frame, StyleTransferError, finishing, read_recipe
from nst_core.server import jobs
from nst_core.server.begun import Begun
from nst_core.server.jobs import SHOWN_SIDE, Progress, run_job, save_result
from nst_core.server.limits import Limits
from nst_core.server.preparing import PAINTED_PREFIX, Job, prepare_job, prepare_sweep_job
from nst_core.server.previews import PREVIEW_SIDE
from nst_core.server.runs import Runs, Stop
from nst_core.transfer import Transfer

SMALL = {"size": 64, "steps": 4}


@pytest.fixture
def job(photo_path: Path, painting_path: Path) -> Job:
    return Job(str(photo_path), [str(painting_path)], SMALL)


def frames(steps: int) -> Callable[[Transfer], Begun]:
    """Begins a run whose frames are of one colour each, as fast as they are asked for."""

    def paint(transfer: Transfer, stop: Stop) -> Generator[Frame]:
        for step in range(1, steps + 1):
            image = Image.new("RGB", (64, 43), (40 * step, 0, 0))
            done = step == steps or stop()
            yield Frame(image, step, steps, 64, transfer.plan, {"total": 1.0}, {}, 0, 0, done)
            if done:
                return

    return lambda transfer: Begun(transfer, "me", paint)


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


def test_a_run_shows_its_start_first_and_ends_with_its_outcome(job: Job, tmp_path: Path) -> None:
    first, *_, finishing, last = run(job, tmp_path)
    assert first.frame is None
    assert Image.open(str(first.picture)).size == Image.open(str(job.content)).size
    assert finishing.finished == 1
    outcome = last.outcome
    assert outcome is not None
    assert outcome.frame.step == 4
    assert outcome.result.size == Image.open(str(job.content)).size
    assert len(outcome.film.frames) == 5  # the photo, and four frames
    assert not outcome.timed_out


@pytest.mark.parametrize(
    ("values", "color"),
    [
        ({}, (128, 128, 0)),  # half way to the colour of the painting
        ({"style_weight": 0}, (255, 0, 0)),
        ({"color": "content"}, (255, 0, 0)),
        ({"init": "style"}, (0, 255, 0)),
        ({"init": "noise"}, (255, 0, 0)),  # noise is nothing to look at
    ],
)
def test_a_click_is_answered_with_what_the_run_starts_from(
    job: Job, tmp_path: Path, values: dict[str, Any], color: tuple[int, int, int]
) -> None:
    for name, colors in (("photo", ("#f00", "#e01010")), ("painting", ("#0f0", "#10e010"))):
        image = Image.new("RGB", (90, 60), colors[0])
        image.paste(colors[1], (0, 0, 45, 60))
        image.save(tmp_path / f"{name}.png")
    files = {"content": str(tmp_path / "photo.png"), "styles": [str(tmp_path / "painting.png")]}
    first, *_ = run(replace(job, **files, values={**SMALL, **values}), tmp_path)
    shown = Image.open(str(first.picture)).getpixel((70, 30))
    assert isinstance(shown, tuple)
    assert max(abs(x - y) for x, y in zip(shown, color, strict=True)) < 32


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


def test_the_finishing_of_a_large_photo_is_told_and_can_be_skipped(
    job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The result has the size of the photo all the same, and its recipe says how it was made."""
    monkeypatch.setattr(jobs, "FINISHING_SECONDS", 0)
    monkeypatch.setattr(finishing, "STRIP_PIXELS", 1)
    runs, transfer = Runs(60), prepare_job(job, Limits())
    told = []
    for progress in run_job(transfer, runs, "me", tmp_path, frames(4)):
        if progress.finished is not None:
            told.append(progress.finished)
            if progress.finished > 0.3:
                runs.stop("me")
    assert told[0] == 0
    assert told == sorted(told)
    assert 0.3 < told[-1] < 0.9
    outcome = progress.outcome
    assert outcome is not None
    assert outcome.hurried
    assert not outcome.discarded
    assert not outcome.transfer.recipe().settings.full_detail
    plain = replace(transfer.settings, full_detail=False)
    expected = finishing.finish(outcome.frame.image, transfer.content, plain)
    assert outcome.result.tobytes() == expected.tobytes()


@pytest.mark.parametrize("kept", [False, True])
def test_who_leaves_during_the_finishing_gets_the_whole_result_or_none(
    kept: bool, job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page that is reloaded comes back for its result, which has its detail."""
    monkeypatch.setattr(jobs, "FINISHING_SECONDS", 0)
    monkeypatch.setattr(finishing, "STRIP_PIXELS", 1)
    runs, transfer = Runs(60), prepare_job(job, Limits())
    told = []
    for progress in run_job(transfer, runs, "me", tmp_path, frames(4), kept=kept):
        told.append(progress.finished)
        if progress.finished:
            runs.leave("me")
    made = progress.outcome
    assert (made is not None) is kept
    assert len([part for part in told if part]) == 1
    if made is not None:
        assert not made.hurried
        expected = finishing.finish(made.frame.image, transfer.content, transfer.settings)
        assert made.result.tobytes() == expected.tobytes()


def test_a_double_click_on_stop_does_not_skip_the_finishing(job: Job, tmp_path: Path) -> None:
    runs, transfer = Runs(60), prepare_job(job, Limits())
    for progress in run_job(transfer, runs, "me", tmp_path, frames(1000)):
        if progress.outcome is None:
            runs.stop("me")
    assert progress.outcome is not None
    assert not progress.outcome.hurried


def test_a_run_out_of_time_says_so(job: Job, tmp_path: Path) -> None:
    transfer = prepare_job(job, Limits())
    outcome = list(run_job(transfer, Runs(1e-9), "me", tmp_path, frames(1000)))[-1].outcome
    assert outcome is not None
    assert outcome.timed_out


def test_a_run_whose_time_is_over_before_its_first_step_says_so(job: Job, tmp_path: Path) -> None:
    transfer = prepare_job(job, Limits())
    with pytest.raises(StyleTransferError, match="before its first step was made"):
        list(run_job(transfer, Runs(1e-9), "me", tmp_path, frames(0)))


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
