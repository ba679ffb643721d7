"""What is to be said next, and which acknowledgement is due: the order of things in a conversation. Pure.

Text is appended, flushed (a turn ends), reset (what is not said yet is dropped) and finished, at any time; ``next``
says what comes next. The speech server's sessions and ``narrate live`` are both driven by it.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from narrate.text.flow import Flow, Phrase


@dataclass(frozen=True, slots=True)
class Flushed:
    """Everything of the turn that ``flush(nonce)`` ended is said."""

    nonce: int | None


@dataclass(frozen=True, slots=True)
class WasReset:
    """What stood before ``reset(nonce)`` is dropped."""

    nonce: int | None


@dataclass(frozen=True, slots=True)
class Finished:
    """Everything is said, and nothing more will come."""


Step = Phrase | Flushed | WasReset | Finished


class Turns:
    """One conversation. ``round`` counts the resets: speech of an earlier round is not wanted any more. ``waiting`` is
    how many characters are not said yet.
    """

    def __init__(self, language: str = "en", *, markdown: bool = False) -> None:
        self._language = language
        self._markdown = markdown
        self._turns = deque([self._turn()])
        self._endings: deque[Flushed | Finished] = deque()
        self._due: deque[Step] = deque()
        self.round = 0
        self.waiting = 0
        self.finished = False

    @property
    def owed(self) -> int:
        """How many flushes and resets are not acknowledged yet, the end included."""
        return len(self._endings) + len(self._due)

    @property
    def text_waiting(self) -> str:
        """The text itself."""
        return "".join(turn.text_waiting for turn in self._turns)

    def append(self, text: str) -> None:
        """More text for the turn that is open."""
        self._turns[-1].append(text)
        self.waiting += len(text)

    def flush(self, nonce: int | None = None) -> None:
        """The turn ends: say all of it. Behind ``finish`` there is nothing more to say, and it is acknowledged."""
        if not self.finished:
            self._end(Flushed(nonce))
        elif self._endings:
            self._endings[-1] = Flushed(nonce)
            self._end(Finished())

    def finish(self) -> None:
        """Nothing more will come: say the rest."""
        if not self.finished:
            self.finished = True
            self._end(Finished())

    def reset(self, nonce: int | None = None) -> None:
        """Drop what is not said yet. Flushes that were still due are acknowledged first, so that nobody waits for
        them; a ``finish`` stays."""
        self.round += 1
        self.waiting = 0
        self._due.extend(ending for ending in self._endings if isinstance(ending, Flushed))
        self._due.append(WasReset(nonce))
        self._turns = deque([self._turn()])
        self._endings.clear()
        if self.finished:
            self._end(Finished())

    def next(self) -> Step | None:
        """What comes next; None where more must come in first."""
        if self._due:
            return self._due.popleft()
        phrase = self._turns[0].take()
        if phrase is not None:
            self.waiting -= len(phrase.text)
            return phrase
        if not self._turns[0].closed:
            return None
        self._turns.popleft()
        return self._endings.popleft()

    def _end(self, ending: Flushed | Finished) -> None:
        self._turns[-1].close()
        self._endings.append(ending)
        self._turns.append(self._turn())

    def _turn(self) -> Flow:
        return Flow(self._language, markdown=self._markdown)
