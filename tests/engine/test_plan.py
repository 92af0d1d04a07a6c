"""The plan of a run: sizes, steps, memory."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest

from nst_core import Settings, SettingsError
from nst_core.plan import GROWTH, HISTORY, HISTORY_LEAST, make_plan

PHOTO = (4000, 3000)


@pytest.mark.parametrize("size", [64, 128, 150, 181, 256, 300, 512, 1000, 2048, 4096])
@pytest.mark.parametrize("steps", [1, 2, 3, 7, 40, 2000])
def test_all_steps_are_spent_and_the_last_size_is_the_one_asked_for(size: int, steps: int) -> None:
    plan = make_plan(Settings(size=size, steps=steps), PHOTO)
    assert sum(stage.steps for stage in plan) == steps
    assert all(stage.steps >= 1 for stage in plan)
    sizes = [stage.size for stage in plan]
    assert sizes == sorted(set(sizes))
    assert sizes[-1] == size == plan[-1].width
    if steps > 20:
        assert sizes[0] <= 226
        assert all(1.2 < b / a <= GROWTH * 1.01 for a, b in pairwise(sizes))


@pytest.mark.parametrize(
    ("size", "sizes"),
    [
        (200, [200]),
        (256, [181, 256]),
        (300, [212, 300]),
        (512, [224, 512]),
        (1024, [224, 479, 1024]),
    ],
)
def test_the_first_size_is_large_and_the_last_has_a_third_of_the_steps(
    size: int, sizes: list[int]
) -> None:
    plan = make_plan(Settings(size=size, steps=30), PHOTO)
    assert [stage.size for stage in plan] == sizes
    assert plan[-1].steps == (10 if len(sizes) > 1 else 30)


def test_a_margin_is_planned_but_for_the_textbook() -> None:
    first, last = make_plan(Settings(size=512), PHOTO)
    assert (first.margin, last.margin) == (4, 8)
    assert last.megapixels == (512 + 16) * (384 + 16) / 1e6
    classic = make_plan(Settings(size=512, weighting="classic"), PHOTO)
    assert all(stage.margin == 0 for stage in classic)


def test_one_scale_where_coarse_to_fine_is_off() -> None:
    plan = make_plan(Settings(size=512, steps=9, coarse_to_fine=False), PHOTO)
    assert [(stage.size, stage.steps) for stage in plan] == [(512, 9)]


def test_work_grows_with_size_and_steps() -> None:
    def work(**values: int) -> float:
        return sum(stage.work for stage in make_plan(Settings(**values), PHOTO))

    assert work(size=512) > 2 * work(size=256)
    assert work(size=256, steps=200) > 2 * work(size=256)


def test_large_sizes_are_computed_in_strips_with_a_short_history() -> None:
    plan = make_plan(Settings(size=4096), PHOTO)
    assert not plan[0].in_strips
    assert plan[-1].in_strips
    assert plan[0].history == HISTORY
    assert plan[-1].history == HISTORY_LEAST
    memory = [stage.memory for stage in plan]
    assert memory[-1] == max(memory)


def test_a_small_budget_turns_to_strips_earlier() -> None:
    assert not make_plan(Settings(size=1024), PHOTO)[-1].in_strips
    assert make_plan(Settings(size=1024, memory_budget=2.5), PHOTO)[-1].in_strips


@pytest.mark.parametrize("budget", [1, 2, 3, 6, 10])
def test_over_the_budget_the_largest_size_that_fits_is_named(budget: float) -> None:
    with pytest.raises(SettingsError) as error:
        make_plan(Settings(size=4096, memory_budget=budget), PHOTO)
    largest = int(re.search(r"at most (\d+)", str(error.value))[1])
    make_plan(Settings(size=largest, memory_budget=budget), PHOTO)
    with pytest.raises(SettingsError) as error:
        make_plan(Settings(size=largest + 1, memory_budget=budget), PHOTO)
    assert float(re.search(r"about ([\d.]+) GB", str(error.value))[1]) > budget


def test_the_default_budget_holds_the_largest_picture() -> None:
    assert make_plan(Settings(size=4096), PHOTO)[-1].memory < 16
    assert make_plan(Settings(size=2048), PHOTO)[-1].memory < 6


def test_bfloat16_takes_less_memory_so_that_larger_pictures_fit() -> None:
    def largest(precision: str) -> int:
        with pytest.raises(SettingsError) as error:
            make_plan(Settings(size=4096, memory_budget=4, precision=precision), PHOTO)
        return int(re.search(r"at most (\d+)", str(error.value))[1])

    assert largest("bfloat16") > 1.2 * largest("float32")
    # Where the device is yet to decide, the estimate must hold for both.
    assert largest("auto") == largest("float32")


def test_a_photo_that_does_not_fit_into_the_budget_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"50 megapixels takes about 1\.5 GB") as error:
        make_plan(Settings(size=64, memory_budget=1), (8660, 5773))
    most = int(re.search(r"at most (\d+) megapixels", str(error.value))[1])
    make_plan(Settings(size=64, memory_budget=1), (1000 * most, 1000))
    with pytest.raises(SettingsError, match="photo"):
        make_plan(Settings(size=64, memory_budget=1), (1000 * (most + 1), 1000))


def test_the_photo_counts_beside_the_steps() -> None:
    """A larger photo leaves less of the budget to the picture that is painted."""

    def largest(side: int) -> int:
        with pytest.raises(SettingsError) as error:
            make_plan(Settings(size=4096, memory_budget=2), (side, side))
        return int(re.search(r"size of at most (\d+)", str(error.value))[1])

    assert largest(8000) < largest(1000)
