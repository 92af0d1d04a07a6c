"""What the page says of a run: times in words, and a time left that only falls."""

from __future__ import annotations

import re

import pytest
from PIL import Image

from nst_core import Frame, Settings
from nst_core.page.status import (
    cost_text,
    place_text,
    quality_text,
    run_status,
    run_text,
    seconds_text,
)
from nst_core.plan import make_plan
from nst_core.server.jobs import Progress
from nst_core.server.service import Place


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.2, "under a second"),
        (5.7, "about 6 s"),
        (43, "about 45 s"),
        (97, "about 95 s"),
        (100, "about 2 minutes"),
        (700, "about 12 minutes"),
        (3600, "about an hour"),
        (9000, "about 2 hours"),
    ],
)
def test_a_time_is_said_in_words(seconds: float, text: str) -> None:
    assert seconds_text(seconds) == text


def test_costs_and_places() -> None:
    assert cost_text(None) == ""
    assert cost_text(6) == "About 6 s"
    assert quality_text("Good", 25) == "Good, 25 s"
    assert quality_text("Quick", 0.4) == "Quick, under a second"
    assert quality_text("Large", 150) == "Large, 2 min"
    assert quality_text("Large", None) == "Large"
    assert place_text(Place(2, 1, 40)) == "2 before you, about 40 s"
    assert place_text(Place(1, 1, 40)) == "Your other pictures come first, about 40 s"
    assert place_text(Place(0, 0, 0)) == "Your turn is next"


def test_the_time_left_never_grows() -> None:
    image = Image.new("RGB", (64, 43))
    plan = make_plan(Settings(size=64), image.size)
    frame = Frame(image, 2, 30, 64, plan, {"total": 1.0}, {}, 1.0, 30.0, False)
    fields = Settings().as_dict()
    assert "about 30 s left" in run_text(Progress(None, frame), fields)
    assert "about 8 s left" in run_text(Progress(None, frame), fields, most_left=8)
    # What comes after the last step counts.
    with_finishing = run_text(Progress(None, frame), fields, finishing=15)
    assert "about 45 s left" in with_finishing


def test_the_bar_follows_the_work_and_not_the_number_of_steps() -> None:
    image = Image.new("RGB", (640, 480))
    plan = make_plan(Settings(size=512), image.size)
    small = sum(stage.steps for stage in plan[:-1])

    def bar(step: int) -> int:
        frame = Frame(image, step, 30, 512, plan, {"total": 1.0}, {}, 1.0, 5.0, False)
        line = run_status(Progress(None, frame), Settings().as_dict())
        return int(re.search(r'max="100" value="(\d+)"', line)[1])

    # Two thirds of the steps are made at a size where each costs a fifth.
    assert small == 20
    assert bar(0) == 0
    assert 15 < bar(small) < 45
    assert bar(30) == 100


def test_a_run_says_that_it_begins_small() -> None:
    image = Image.new("RGB", (64, 43))
    plan = make_plan(Settings(size=512), image.size)
    losses = {"total": 1.0}
    frames = [
        Frame(image, step, 30, stage.size, plan, losses, {}, 1.0, 5.0, False)
        for step, stage in zip((3, 25), plan, strict=True)
    ]
    texts = [run_text(Progress(None, frame), Settings().as_dict()) for frame in frames]
    assert texts == [
        "Step 3 of 30, small first, about 5 s left",
        "Step 25 of 30, 512 px, about 5 s left",
    ]
