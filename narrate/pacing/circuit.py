"""BRICK: a circuit breaker: a server that is plainly down is left alone, but for a probe now and then."""

from __future__ import annotations

import math
import random as randomness
from collections.abc import Callable

from narrate.pacing import FOREVER

FAILURES = 8
CHUNKS = 3
"""Consecutive failures, and of how many different questions at least, before nobody asks any more: one question that
always fails is tried eight times and must not open the circuit alone."""
UNSENT = 5
"""Consecutive failures of which none reached a server. Nothing is lost by seeing that early."""
FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 60.0
"""Seconds. A pause between two probes doubles from the first to the longest."""
JITTER = 0.1
"""Share by which a pause may be longer: machines that lost a server together do not come back together."""


class Circuit:
    """Closed: all may ask. Open: nobody, but for one probe after each pause, until one is answered.

    ``patience`` is how many seconds it may be open before it is ``down`` for good; None: as long as ``probes`` fail.
    """

    def __init__(self, *, patience: float | None, probes: int, random: Callable[[], float] = randomness.random) -> None:
        self.patience, self.probes = patience, probes
        self.is_open = self.down = False
        self.reason = ""
        self.pause = 0.0
        self._random = random
        self._opened = self._next = -math.inf
        self._probing = False
        self._failed_probes = 0
        # consecutive failures since the last answer: how many, how many of them unsent, to which questions
        self._count = self._unsent = 0
        self._questions: set[str] = set()

    def wait(self, now: float) -> float:
        """Seconds until somebody may ask."""
        if not self.is_open:
            return 0.0
        return FOREVER if self._probing else max(0.0, self._next - now)

    def ask(self) -> bool:
        """Somebody asks now; whether that is a probe."""
        self._probing = self.is_open
        return self.is_open

    def seconds(self, now: float) -> float:
        """How long it has been open."""
        return now - self._opened

    def answered(self) -> bool:
        """Somebody was answered, be it with a refusal; whether that closed the circuit."""
        closed, self.is_open, self._probing = self.is_open, False, False
        self._count = self._unsent = 0
        self._questions.clear()
        return closed

    def forget(self) -> None:
        """Begin anew, closed: whoever gave up on a server looks at it again."""
        self.answered()
        self.down = False

    def gave_up(self) -> None:
        """A probe ended without being asked."""
        self._probing = False

    def failed(self, question: str, reason: str, now: float, *, sent: bool, probe: bool = False) -> bool:
        """Nobody answered ``question``; whether that opened the circuit."""
        self.reason = reason
        if self.is_open:
            if probe:
                self._probing = False
                self._failed_probes += 1
                self._rest(now)
            return False
        self._count += 1
        self._questions.add(question)
        self._unsent = self._unsent + 1 if not sent else 0
        many = self._count >= FAILURES and len(self._questions) >= CHUNKS
        if many or (self._unsent >= UNSENT and self._unsent == self._count):
            self.is_open, self._opened, self._failed_probes = True, now, 0
            self._rest(now)
            return True
        return False

    def _rest(self, now: float) -> None:
        """Until the next probe; the last one goes when patience ends."""
        ends = FOREVER if self.patience is None else self._opened + self.patience
        self.down = now >= ends if self.patience is not None else self._failed_probes >= self.probes
        pause = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** min(self._failed_probes, 10))
        self.pause = min(pause * (1 + JITTER * self._random()), max(0.0, ends - now))
        self._next = now + self.pause
