"""Buttons that start work on the device, stop it, and are ready again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.blocks import Block
from gradio.components import Component
from gradio.events import Dependency

from ..errors import StyleTransferError
from ..server.service import Service
from .errors import answered
from .events import AS_SENT, AT_ONCE, ON_DEVICE, PRIVATE
from .status import place_text, status_line
from .widgets import Updates, static

BEGUN = "A run of this page has begun already: wait for it, or reload the page."

CANCELLED = "Cancelled."

# Seconds between two polls of the place in the queue.
PLACE_SECONDS = 1.0

Work = Callable[..., Iterator[Updates]]


@dataclass(frozen=True)
class _Handlers:
    """What happens in the life of a click, from the turn of the page to the end of the work."""

    service: Service
    work: Work
    kind: str
    buttons: Sequence[Block]
    waiting: Callable[[], Updates]
    ready: Callable[..., Updates]

    def take_turn(self, request: gr.Request) -> Updates:
        """Outside of the queue, so that the buttons change at once."""
        if not self.service.turns.take(str(request.session_hash), self.kind):
            raise StyleTransferError(BEGUN)
        return self.waiting()

    def run(self, request: gr.Request, **values: Any) -> Iterator[Updates]:
        """The work, if the page has the turn for it."""
        session = str(request.session_hash)
        turn = self.service.turns.begin(session, self.kind)
        if turn is None:
            raise StyleTransferError(BEGUN)
        try:
            yield from self.work(request, **values)
        finally:
            self.service.turns.end(session, self.kind, turn)

    def after_work(self, request: gr.Request, *values: Any) -> Updates:
        """The buttons are ready, unless the visitor has pressed one again in the meantime."""
        if self.service.turns.is_taken(str(request.session_hash), self.kind):
            return {self.buttons[0]: gr.skip()}
        return self.ready(*values)

    def after_failure(self, request: gr.Request, *values: Any) -> Updates:
        """The same after an error, or where the run has never left the queue."""
        session = str(request.session_hash)
        self.service.turns.give_back(session, self.kind, waiting_only=True)
        return self.after_work(request, *values)


def run_button(
    service: Service,
    button: gr.Button,
    work: Work,
    *,
    kind: str,
    inputs: Mapping[str, Component],
    outputs: Sequence[Block],
    buttons: Sequence[Block],
    waiting: Callable[[], Updates],
    ready: Callable[..., Updates],
    ready_input: Component | None = None,
    status: gr.HTML,
) -> Dependency:
    """Let a button start work on the device.

    A click takes the turn of the page; the work then waits in the queue; in the end the buttons
    are ready again, whatever became of the work.

    Args:
        work: a generator of updates; it takes `gr.Request` and `inputs` by their names.
        kind: of the work; a page has one run of a kind at a time.
        buttons: all that `waiting` and `ready` change.
        waiting: gives what changes when the button is pressed. A component that is made while the
            page is built would become a part of the page.
        ready: gives what changes when the work has ended; takes `ready_input`, if there is one.
        status: the line of the work. It says so where a click is refused, for Gradio shows no
            errors of events outside of the queue, and where the work has ended without a result.

    Returns:
        The event of the work, for buttons that cancel it.
    """
    handlers = _Handlers(service, work, kind, buttons, waiting, ready)
    take = button.click(answered(handlers.take_turn), None, list(buttons), **AT_ONCE)
    take.failure(lambda: status_line(BEGUN), None, status, **AT_ONCE)
    run: Dependency = take.success(
        answered(handlers.run),
        inputs_kwargs=dict(inputs),
        outputs=list(outputs),
        show_progress="hidden",
        scroll_to_output=False,
        **{**ON_DEVICE, **AS_SENT, **PRIVATE},
    )
    # `then` comes after work that has ended, `failure` after an error and where the queue is full,
    # and both after work that was cancelled.
    for ended in (
        run.then(handlers.after_work, ready_input, list(buttons), **AT_ONCE),
        run.failure(handlers.after_failure, ready_input, list(buttons), **AT_ONCE),
    ):
        # In the browser: an example that is clicked writes into the line at the same time.
        ended.then(None, status, status, js=static("ended.js"), **PRIVATE)
    return run


def cancel_button(
    service: Service, button: gr.Button, runs: Sequence[Dependency], *, kind: str, status: gr.HTML
) -> None:
    """Let a button take work out of the queue, or end it without a result.

    The events of the work make the buttons ready again.
    """

    def discard(request: gr.Request) -> str:
        session = str(request.session_hash)
        # Work of another kind may have the device, and goes on.
        if service.turns.give_back(session, kind):
            service.runs.stop(session, discard=True)
        return status_line(CANCELLED)

    button.click(discard, None, status, cancels=list(runs), **AT_ONCE)


def say_place(service: Service, timer: gr.Timer, kind: str, status: gr.HTML) -> None:
    """Say how many are before the page, as long as it waits: the timer is active then."""

    @answered
    def say(request: gr.Request) -> Any:
        place = service.place(str(request.session_hash), kind)
        return gr.skip() if place is None else status_line(place_text(place))

    timer.tick(say, None, status, show_progress="hidden", **AT_ONCE)


def stop_button(service: Service, button: gr.Button) -> None:
    """Let a button end work after the step in hand; what there is by then stays."""

    @answered
    def stop(request: gr.Request) -> Any:
        service.runs.stop(str(request.session_hash))
        return gr.Button("Stopping ...", interactive=False)

    button.click(stop, None, button, **AT_ONCE)


@dataclass(frozen=True)
class StartStop:
    """Buttons in one place, for work beside that of the picture: one starts it, the others end it.

    Attributes:
        cancel: takes the place of `start` while the work waits for its turn.
        stop: takes its place while the work has the device.
    """

    start: gr.Button
    stop: gr.Button
    cancel: gr.Button
    timer: gr.Timer

    def waiting(self) -> Updates:
        """From the click until the work has the device."""
        return {
            self.start: gr.Button(visible=False),
            self.stop: gr.Button(visible=False),
            self.cancel: gr.Button(visible=True),
            self.timer: gr.Timer(active=True),
        }

    def running(self) -> Updates:
        """While the work has the device."""
        return {
            self.start: gr.Button(visible=False),
            self.stop: gr.Button("Stop", interactive=True, visible=True),
            self.cancel: gr.Button(visible=False),
            self.timer: gr.Timer(active=False),
        }

    def ready(self) -> Updates:
        """Ready for the next click."""
        return {
            self.start: gr.Button(visible=True),
            self.stop: gr.Button(visible=False),
            self.cancel: gr.Button(visible=False),
            self.timer: gr.Timer(active=False),
        }

    def connect(
        self,
        service: Service,
        work: Work,
        kind: str,
        outputs: Sequence[Block],
        status: gr.HTML,
        inputs: Mapping[str, Component],
    ) -> None:
        """Start and end the work; the arguments are those of `run_button`."""
        buttons: list[Block] = [self.start, self.stop, self.cancel, self.timer]

        def begun(request: gr.Request, **values: Any) -> Iterator[Updates]:
            yield self.running()
            yield from work(request, **values)

        run = run_button(
            service,
            self.start,
            begun,
            kind=kind,
            outputs=[*outputs, *buttons],
            buttons=buttons,
            waiting=self.waiting,
            ready=self.ready,
            status=status,
            inputs=inputs,
        )
        self.connect_ends(service, [run], kind, status)

    def connect_ends(
        self, service: Service, runs: Sequence[Dependency], kind: str, status: gr.HTML
    ) -> None:
        """End the work, and say how long it waits; the arguments are those of `run_button`."""
        say_place(service, self.timer, kind, status)
        stop_button(service, self.stop)
        cancel_button(service, self.cancel, runs, kind=kind, status=status)


def build_start_stop(
    label: str, stop_id: str | None = None, cancel_id: str | None = None, **options: Any
) -> StartStop:
    """The buttons, of which the first is in view; `options` are those of the first one.

    By their class, `double_press.js` knows that they take each other's place.
    """
    place: dict[str, Any] = {"elem_classes": "start-stop"}
    return StartStop(
        start=gr.Button(label, **place, **options),
        stop=gr.Button("Stop", variant="stop", visible=False, elem_id=stop_id, **place),
        cancel=gr.Button("Cancel", visible=False, elem_id=cancel_id, **place),
        timer=gr.Timer(PLACE_SECONDS, active=False),
    )
