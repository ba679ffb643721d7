"""ENGINE around an engine: asks again, with patience, when a failure may heal; tenacity's door.

The one question is the failure's type: EngineUnavailable or not. Time is a parameter throughout.
"""

from __future__ import annotations

import random as randomness
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import tenacity

from narrate.engines import Engine, Speech, Traits
from narrate.errors import EngineUnavailable, Interrupted
from narrate.script import Chunk

ATTEMPTS = 8
FIRST_S = 0.5
LONGEST_S = 30.0
"""Seconds. The window of a wait doubles from FIRST_S to LONGEST_S; the wait is drawn from all of it (full jitter)."""
MAX_WAIT_S = 120.0
"""Seconds. The longest wait that a server may ask for and get."""
PATIENCE_S = 900.0
"""Seconds for one chunk, attempts and waits together."""
SPREAD_S = 0.5
"""Seconds over which the workers that one gate held back come out again: not all in the same instant."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """What ``watch`` is told before a wait: which attempt failed, how long it will be, why, and whether load is why."""

    attempt: int
    seconds: float
    reason: str
    throttled: bool


class Gate:
    """Holds all workers of an engine back until a moment; shared by its ``Retrying`` wrappers and threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._opens = float("-inf")

    def hold(self, seconds: float) -> None:
        """Stay shut for ``seconds`` from now; a longer hold stands."""
        with self._lock:
            self._opens = max(self._opens, self._clock() + seconds)

    def left(self) -> float:
        """Seconds until it opens; 0 when it is open."""
        with self._lock:
            return max(0.0, self._opens - self._clock())


class Retrying:
    """An Engine.

    A wait is the larger of the drawn one and what the server asks for. One that asks for more than ``max_wait`` is
    not waited for: that failure is final, and until the time is over every other worker fails at once, without a
    request. A failure about load holds all workers back through ``gate``, also those that have not asked yet.
    ``stop`` ends every wait with Interrupted. ``sleep`` replaces waiting for it.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        attempts: int = ATTEMPTS,
        patience: float = PATIENCE_S,
        max_wait: float = MAX_WAIT_S,
        stop: threading.Event | None = None,
        gate: Gate | None = None,
        watch: Callable[[Waiting], None] = lambda waiting: None,
        sleep: Callable[[float], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
        random: Callable[[], float] = randomness.random,
    ) -> None:
        self._engine = engine
        self._patience, self._max_wait = patience, max_wait
        self._stop = stop or threading.Event()
        self._gate = gate or Gate(clock)
        self._watch, self._sleep, self._clock, self._random = watch, sleep or self._stop.wait, clock, random
        self._window = tenacity.wait_exponential(multiplier=FIRST_S, max=LONGEST_S)
        self._attempts = attempts

    @property
    def traits(self) -> Traits:
        """Those of the engine inside."""
        return self._engine.traits

    def speak(self, chunk: Chunk) -> Speech:
        """The engine's answer, at the latest after ``attempts`` tries or ``patience`` seconds."""
        started = self._clock()
        retry = tenacity.Retrying(
            retry=tenacity.retry_if_exception(self._curable),
            wait=self._wait,
            stop=lambda state: self._enough(state, started),
            sleep=self._rest,
            before_sleep=self._tell,
            reraise=True,
        )
        try:
            return retry(self._attempt, chunk)
        except EngineUnavailable as error:
            raise self._final(error, retry.statistics.get("attempt_number", 1)) from error

    def _attempt(self, chunk: Chunk) -> Speech:
        self._pass_gate()
        try:
            return self._engine.speak(chunk)
        except EngineUnavailable as error:
            if error.throttled and error.retry_after is not None:
                self._gate.hold(error.retry_after)
            raise

    def _pass_gate(self) -> None:
        self._rest(0)
        while left := self._gate.left():
            if left > self._max_wait:
                raise EngineUnavailable(
                    f"{self.traits.name} takes no requests for another {left:.0f} s",
                    engine=self.traits.name,
                    retry_after=left,
                )
            self._rest(left + self._random() * SPREAD_S)

    def _rest(self, seconds: float) -> None:
        if seconds:
            self._sleep(seconds)
        if self._stop.is_set():
            raise Interrupted(f"{self.traits.name}: stopped")

    def _curable(self, error: BaseException) -> bool:
        return isinstance(error, EngineUnavailable) and (error.retry_after or 0) <= self._max_wait

    def _wait(self, state: tenacity.RetryCallState) -> float:
        drawn = self._random()
        wait = drawn * self._window(state)
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, EngineUnavailable):
            if error.retry_after:
                return max(wait, error.retry_after + drawn * SPREAD_S)
            if error.throttled:
                self._gate.hold(wait)
        return wait

    def _enough(self, state: tenacity.RetryCallState, started: float) -> bool:
        """Also when the next wait alone would use up the patience."""
        waited = self._clock() - started + state.upcoming_sleep
        return state.attempt_number >= self._attempts or waited > self._patience

    def _tell(self, state: tenacity.RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        throttled = isinstance(error, EngineUnavailable) and error.throttled
        self._watch(Waiting(state.attempt_number, state.upcoming_sleep, str(error), throttled))

    def _final(self, error: EngineUnavailable, attempts: int) -> EngineUnavailable:
        if (error.retry_after or 0) > self._max_wait:
            reason = f"it asks for a wait of {error.retry_after:.0f} s, and {self._max_wait:g} s are allowed (max_wait)"
        else:
            reason = f"given up after {attempts} attempt{'s' if attempts > 1 else ''}"
        return EngineUnavailable(
            f"{error}; {reason}",
            engine=error.engine,
            request_id=error.request_id,
            retry_after=error.retry_after,
            throttled=error.throttled,
        )
