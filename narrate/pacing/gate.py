"""BRICK: waits that others decide on: a server that names a moment, and whoever stops the run."""

from __future__ import annotations

import math
import random as randomness
import threading
from collections.abc import Callable


class Stop(threading.Event):
    """An event that also tells those who asked to hear of it: who waits for something else can be woken."""

    def __init__(self) -> None:
        super().__init__()
        self._listeners: list[Callable[[], None]] = []

    def on_set(self, listener: Callable[[], None]) -> None:
        """Have ``listener`` called when it is set; at once when it is."""
        self._listeners.append(listener)
        if self.is_set():
            listener()

    def set(self) -> None:
        """Set it, and tell."""
        super().set()
        for listener in self._listeners:
            listener()


SPREAD_S = 0.5
"""Seconds over which those whom a gate held back come out again: not all in the same instant."""


class Gate:
    """Shut for everybody until a moment that the server named."""

    def __init__(self, random: Callable[[], float] = randomness.random) -> None:
        self._random = random
        self._opens = self._next = -math.inf

    def hold(self, seconds: float, now: float) -> None:
        """Stay shut for ``seconds`` from ``now``; a longer hold stands."""
        self._opens = max(self._opens, now + seconds)
        self._next = max(self._next, self._opens)

    def shut(self, now: float) -> float:
        """Seconds until it opens; 0 when it is open."""
        return max(0.0, self._opens - now)

    def wait(self, now: float) -> float:
        """Seconds until the next one may pass."""
        return max(0.0, self._next - now)

    def passed(self, now: float, many: float) -> None:
        """One went through; ``many`` are to come out in SPREAD_S."""
        if now < self._opens + SPREAD_S:
            self._next = now + SPREAD_S / max(many, 1) * 2 * self._random()
