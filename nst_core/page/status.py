"""What the page says of a run: the line below a picture, and the titles of results."""

from __future__ import annotations

import math

from ..frame import Frame
from ..server.jobs import Outcome, Progress
from ..server.preparing import Job
from ..server.service import Place
from .catalogue import catalogue
from .widgets import Fields


def status_line(text: str, bar: str = "") -> str:
    """A line that screen readers announce, as HTML."""
    return f'<div class="status" role="status">{bar}<span>{text}</span></div>'


def progress_bar(value: int, total: int) -> str:
    """A bar for `status_line`."""
    return f'<progress max="{total}" value="{value}" aria-label="Progress"></progress>'


def seconds_text(seconds: float) -> str:
    """A time as one says it: "about 6 s", "about 3 minutes"."""
    if seconds < 1:
        return "under a second"
    if seconds < 10:
        return f"about {seconds:.0f} s"
    if seconds < 97.5:
        return f"about {5 * round(seconds / 5)} s"
    if seconds < 3570:
        return f"about {max(2, round(seconds / 60))} minutes"
    hours = round(seconds / 3600)
    return "about an hour" if hours == 1 else f"about {hours} hours"


def cost_text(seconds: float | None) -> str:
    """How long something will take; nothing where nobody can say."""
    return "" if seconds is None else seconds_text(seconds).capitalize()


def quality_text(name: str, seconds: float | None) -> str:
    """A quality and what it takes, short enough for three in a line: "Good, 25 s"."""
    if seconds is None:
        return name
    return f"{name}, {seconds_text(seconds).removeprefix('about ').replace('minutes', 'min')}"


def place_text(place: Place) -> str:
    """What is said to who waits for the device."""
    if not place.before:
        return "Your turn is next"
    if place.own == place.before:
        return f"Your other pictures come first, {seconds_text(place.seconds)}"
    return f"{place.before} before you, {seconds_text(place.seconds)}"


def run_status(
    progress: Progress, fields: Fields, most_left: float = math.inf, finishing: float = 0.0
) -> str:
    """The line under the picture, as HTML; arguments as `run_text` takes them."""
    frame = progress.frame
    assert frame is not None
    bar = progress_bar(round(100 * _work_done(frame)), 100)
    if progress.finished is not None:
        bar = progress_bar(round(100 * progress.finished), 100)
    text = run_text(progress, fields, most_left, finishing)
    return status_line(text, "" if progress.outcome else bar)


def _work_done(frame: Frame) -> float:
    """The part of a run's work that is done: a step at the last size takes several times as long.

    Returns:
        0 to 1.
    """
    left, done = frame.step, 0.0
    for stage in frame.plan:
        steps = min(left, stage.steps)
        left, done = left - steps, done + steps * stage.work_of_step
    return done / sum(stage.steps * stage.work_of_step for stage in frame.plan)


def run_text(
    progress: Progress, fields: Fields, most_left: float = math.inf, finishing: float = 0.0
) -> str:
    """What the page says of a run that has made a step.

    Args:
        most_left: seconds that were left when it was said before: they never become more.
        finishing: seconds that come after the last step.
    """
    frame, outcome = progress.frame, progress.outcome
    assert frame is not None
    step, total = frame.step, frame.total_steps
    if outcome is not None:
        note = f", seed {fields['seed']}" if fields["init"] == "noise" else ""
        made = f"Finished: {total} steps" if step == total else f"Stopped at step {step} of {total}"
        if (strength := outcome.transfer.settings.strength) < 1:
            note += f", shown at strength {strength:g}"
        if outcome.hurried:
            note += ", enlarged without the detail of your photo"
        return f"{made} in {outcome.seconds:.1f} s{note}"
    if progress.finished == 1:
        return "Saving the result"
    if progress.finished is not None:
        return f"Finishing in the size of your photo, {100 * progress.finished:.0f} %"
    last = frame.plan[-1].size
    size = f"{frame.size} px" if frame.size == last else "small first"
    left = seconds_text(min(most_left, frame.remaining + finishing))
    return f"Step {step} of {total}, {size}, {left} left"


def timed_out_text(frame: Frame, seconds: float) -> str:
    """What is said of a run that took too long."""
    return (
        f"A run may take {seconds:g} seconds on this server: this is what it came to by step "
        f"{frame.step} of {frame.total_steps}. Fewer steps or a smaller size get to the end."
    )


def title_of(job: Job, outcome: Outcome) -> str:
    """What tells a result from the others: its pair, its size, and what is not as usual."""
    settings, frame = outcome.transfer.settings, outcome.frame
    words = [
        (catalogue().name_of(str(job.content)), True),
        (catalogue().name_of(job.styles[0]), len(job.styles) == 1),
        (f"{len(job.styles)} paintings", len(job.styles) > 1),
        (f"{frame.size} px", True),
        ("refined", settings.init == "image"),
        ("region", outcome.transfer.mask is not None),
        ("colours", settings.color != "style"),
        (f"step {frame.step}", frame.step < frame.total_steps),
    ]
    return ", ".join(word for word, holds in words if holds)
