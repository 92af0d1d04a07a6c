"""Ctrl-C: the first one asks a run to end with what it has, the second one ends the program."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

# Exit code of a program that Ctrl-C has ended, as shells have it.
INTERRUPTED = 130

Handler = Callable[[int, FrameType | None], object] | signal.Handlers


class Interrupts:
    """Whether Ctrl-C was pressed; calling the object says so."""

    def __init__(self) -> None:
        self.asked = False
        # Python's own handler would wait for the end of a step, which takes long at large sizes.
        self._second: Handler = signal.SIG_DFL

    def __call__(self) -> bool:
        return self.asked

    def first(self, number: int, frame: FrameType | None) -> None:
        """Take the first Ctrl-C as a request to end, and prepare for the second one."""
        self.asked = True
        signal.signal(signal.SIGINT, self._second)

    def clean_up_first(self) -> None:
        """From now on the second Ctrl-C raises `KeyboardInterrupt`: there are files to delete."""
        self._second = signal.default_int_handler
        if self.asked and threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, self._second)


@contextmanager
def interrupts() -> Iterator[Interrupts]:
    """Take Ctrl-C as a request to end, until the end of the block."""
    found = Interrupts()
    # Python lets only the main thread handle signals.
    if threading.current_thread() is not threading.main_thread():
        yield found
        return
    before = signal.signal(signal.SIGINT, found.first)
    try:
        yield found
    finally:
        signal.signal(signal.SIGINT, before)
