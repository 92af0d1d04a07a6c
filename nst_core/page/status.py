"""What the page says of a run: the line below a picture, and the titles of results."""

from __future__ import annotations

from ..frame import Frame
from ..server.jobs import Job, Outcome, Progress
from .widgets import Fields


def status_line(text: str, bar: str = "") -> str:
    """A line that screen readers announce, as HTML."""
    return f'<div class="status" role="status">{bar}<span>{text}</span></div>'


def progress_bar(value: int, total: int) -> str:
    """A bar for `status_line`."""
    return f'<progress max="{total}" value="{value}" aria-label="Progress"></progress>'


def run_status(progress: Progress, fields: Fields) -> str:
    """The line under the picture, as HTML."""
    frame = progress.frame
    assert frame is not None
    bar = progress_bar(frame.step, frame.total_steps)
    if progress.finished is not None:
        bar = progress_bar(round(100 * progress.finished), 100)
    return status_line(run_text(progress, fields), "" if progress.outcome else bar)


def run_text(progress: Progress, fields: Fields) -> str:
    """What the page says of a run that has made a step."""
    frame, outcome = progress.frame, progress.outcome
    assert frame is not None
    step, total = frame.step, frame.total_steps
    if outcome is not None:
        note = f", seed {fields['seed']}" if fields["init"] == "noise" else ""
        made = f"Finished: {total} steps" if step == total else f"Stopped at step {step} of {total}"
        if outcome.hurried:
            note += ", enlarged without the detail of your photo"
        return f"{made} in {outcome.seconds:.1f} s{note}"
    if progress.finished == 1:
        return "Saving the result"
    if progress.finished is not None:
        return f"Finishing in the size of your photo, {100 * progress.finished:.0f} %"
    last = frame.plan[-1].size
    size = f"{frame.size} px" if frame.size == last else f"first at {frame.size} px"
    seconds = f"{frame.elapsed:.0f} s, about {frame.remaining:.0f} s left"
    return f"Step {step} of {total}, {size}, {seconds}"


def timed_out_text(frame: Frame, seconds: float) -> str:
    """What is said of a run that took too long."""
    return (
        f"A run may take {seconds:g} seconds on this server: this is what it came to by step "
        f"{frame.step} of {frame.total_steps}. Fewer steps or a smaller size get to the end."
    )


def title_of(job: Job, outcome: Outcome) -> str:
    """What tells a result from the others in the strip: its size, and what is not as usual."""
    settings, frame = outcome.transfer.settings, outcome.frame
    words = {
        f"{frame.size} px": True,
        "refined": settings.init == "image",
        f"{len(job.styles)} paintings": len(job.styles) > 1,
        "region": outcome.transfer.mask is not None,
        "colours": settings.color != "style",
        f"step {frame.step}": frame.step < frame.total_steps,
    }
    return ", ".join(word for word, holds in words.items() if holds)
