"""Who is about to run what: one page has one run of a kind at a time.

A page takes a turn when its button is pressed, before its run joins the queue. A second click
finds the turn taken, and is refused at once instead of being run after the first.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from itertools import takewhile

# Turns that are remembered. A page gives its turn back, but a program that only takes turns would
# fill the memory.
MOST_TURNS = 1000


@dataclass(eq=False)
class Turn:
    """A turn of a page; `begun` when its run has left the queue."""

    begun: bool = False


class Turns:
    """The turns of all pages, each by the page's session and the kind of run."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._turns: OrderedDict[tuple[str, str], Turn] = OrderedDict()

    def take(self, session: str, kind: str) -> bool:
        """Take the turn; False where this page has one of this kind already."""
        with self._lock:
            if (session, kind) in self._turns:
                return False
            self._turns[session, kind] = Turn()
            while len(self._turns) > MOST_TURNS:
                self._turns.popitem(last=False)
            return True

    def is_taken(self, session: str, kind: str) -> bool:
        """Whether this page waits for a run of this kind, or has one going on."""
        return (session, kind) in self._turns

    def before(self, session: str, kind: str) -> list[str] | None:
        """The sessions whose earlier turns still wait; None where this one does not wait."""
        with self._lock:
            turn = self._turns.get((session, kind))
            if turn is None or turn.begun:
                return None
            earlier = takewhile(lambda item: item[1] is not turn, self._turns.items())
            return [other for (other, _), its_turn in earlier if not its_turn.begun]

    def begin(self, session: str, kind: str) -> Turn | None:
        """Begin the run of a turn; None where none was taken, or where its run has begun before."""
        with self._lock:
            turn = self._turns.get((session, kind))
            if turn is None or turn.begun:
                return None
            turn.begun = True
            return turn

    def end(self, session: str, kind: str, turn: Turn) -> None:
        """Remove the turn of a run that has ended; a later turn of the page stays."""
        with self._lock:
            if self._turns.get((session, kind)) is turn:
                del self._turns[session, kind]

    def give_back(self, session: str, kind: str, waiting_only: bool = False) -> bool:
        """Remove the turn of a run that the page does not want any more.

        Args:
            waiting_only: leave a turn alone whose run has begun.

        Returns:
            Whether the run of a turn that was removed has begun.
        """
        with self._lock:
            turn = self._turns.get((session, kind))
            if turn is None or (waiting_only and turn.begun):
                return False
            del self._turns[session, kind]
            return turn.begun

    def leave(self, session: str) -> None:
        """Remove the turns of a page that is closed, so that none of its runs begins."""
        with self._lock:
            for key in [key for key in self._turns if key[0] == session]:
                del self._turns[key]
