"""Previews that the page paints by itself, where the visitor wants them: see `changes.py`."""

from __future__ import annotations

import logging
import math
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.components import Component

from ..errors import StyleTransferError
from ..server import device
from ..server.service import Service
from .catalogue import EXAMPLES
from .errors import answered, sentence
from .events import AT_ONCE, IN_BACKGROUND, PREVIEWS
from .inputs import STYLES, Inputs, identity, job_of, key_of
from .result import Base, Result
from .running import KIND
from .status import progress_bar, seconds_text, status_line
from .widgets import Fields, Updates, owned, path_of

log = logging.getLogger("nst")

READY = "Ready: press Stylize to paint it."
DONE = "Preview: press Stylize to paint it in full."
ENDED = "A run has the device now: press Stylize to paint yours."
# The parameters by which handlers get `Pictures.kept`: of each box the last file that was accepted.
KEPT = tuple(f"kept_{box}" for box in ("content", *STYLES))


@dataclass(frozen=True)
class Live:
    """The switch, and the hidden button."""

    switch: gr.Checkbox
    preview: gr.Button


def build(service: Service) -> Live:
    """The widgets; previews are off until the device is known."""
    switch = gr.Checkbox(
        label="Live preview while I choose",
        container=False,
        visible=bool(service.limits.live),
        elem_id="live",
        min_width=0,
    )
    return Live(switch, gr.Button("Preview", visible="hidden", elem_id="preview"))


@dataclass(frozen=True)
class _Previewer:
    """Shows previews in the place of the picture."""

    result: Result
    service: Service

    def preview(self, request: gr.Request, base: Base | None, **fields: Any) -> Iterator[Updates]:
        """Something has changed: show what would be painted, unless that is in view."""
        session = str(request.session_hash)
        taken = self.service.turns.is_taken(session, KIND)
        wanted = self.service.limits.live and not taken
        if wanted and base is not None and is_checked(fields):
            try:
                yield from self._frames(base, fields, session)
            except StyleTransferError as error:
                yield {self.result.status: status_line(sentence(error))}
            except Exception:
                # A preview nobody has asked for does not fail loudly.
                log.exception("a preview failed")
        # Gradio sends the last update once more, when a run may have begun.
        yield {self.result.status: gr.skip()}

    def _frames(self, base: Base, fields: Fields, session: str) -> Iterator[Updates]:
        service, content = self.service, path_of(fields["content"])
        key, run = key_of(fields), key_of(fields, unseen=True)
        # A run of another size does not go on from the preview in view.
        if content is None or (is_in_view(base, fields) and (base.finished or base.run == run)):
            service.runs.end_previews(session)
            return
        done, left = False, math.inf
        with tempfile.TemporaryDirectory() as folder:
            for progress in service.preview(job_of(fields), session, Path(folder)):
                frame = progress.frame
                line = status_line("Preview", progress_bar(0, 1))
                if frame is not None:
                    done, left = frame.done, min(left, frame.remaining)
                    text = f"Preview, {seconds_text(left)} left"
                    line = status_line(text, progress_bar(frame.step, frame.total_steps))
                if done:
                    line = status_line(DONE)
                seen = Base(
                    *(content, str(progress.picture), "preview"),
                    key=key,
                    finished=False,
                    partial=not done,
                    run=run,
                )
                yield self.result.show_unfinished(seen, line)
        # A run of this page writes into the line itself.
        if not done and len(service.runs) and not service.turns.is_taken(session, KIND):
            yield {self.result.status: status_line(ENDED)}


def is_in_view(base: Base, fields: Fields) -> bool:
    """Whether there is nothing to paint: the picture in view is what these inputs come to."""
    return base.key == key_of(fields) and not base.partial


def kept_files(inputs: Inputs) -> dict[str, Component]:
    """The states that `is_checked` looks at, by the names of `KEPT`."""
    return dict(zip(KEPT, inputs.pictures.kept, strict=True))


def is_checked(fields: Fields) -> bool:
    """Whether the boxes hold files that they keep, or bundled ones. Any other may be refused."""
    held = [path_of(fields[box]) for box in ("content", *STYLES)]
    kept = [fields[name] for name in KEPT]
    return all(
        identity(path) == identity(checked) or Path(str(path)).is_relative_to(EXAMPLES)
        for path, checked in zip(held, kept, strict=True)
    )


def connect(live: Live, demo: gr.Blocks, inputs: Inputs, result: Result, service: Service) -> None:
    """The hidden button paints a preview; the switch is on where previews are fast."""
    live.preview.click(
        answered(_Previewer(result, service).preview),
        None,
        owned(result),
        inputs_kwargs={"base": result.base, **kept_files(inputs), **inputs.fields},
        trigger_mode="multiple",
        preprocess=False,
        **{**IN_BACKGROUND, **PREVIEWS},
    )
    _connect_switch(live, demo, result, service)


def _connect_switch(live: Live, demo: gr.Blocks, result: Result, service: Service) -> None:
    """The switch is on where previews are fast; turned off, it ends the one that goes on."""

    @answered
    def turn_off(request: gr.Request, on: Any) -> Any:
        ended = not on and service.runs.end_previews(str(request.session_hash))
        return status_line(READY) if ended else gr.skip()

    live.switch.input(turn_off, live.switch, result.status, **AT_ONCE)
    if service.limits.live:

        def turn_on() -> Any:
            # A visitor may have been faster, so the switch is never turned off.
            return True if device.shows_previews() else gr.skip()

        demo.load(turn_on, None, live.switch, show_progress="hidden", **AT_ONCE)
