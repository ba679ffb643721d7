"""ENGINE around an engine: asks again, with patience, when a failure may heal; tenacity's door.

The one question is the failure's type: EngineUnavailable or not; only EngineDown has been waited for long enough.
Time is a parameter throughout.
"""

from __future__ import annotations

import random as randomness
import threading
from collections.abc import Callable
from dataclasses import dataclass

import tenacity

from narrate.engines import Engine, Speech, Traits
from narrate.errors import EngineDown, EngineUnavailable, Interrupted
from narrate.pacing import ATTEMPTS, MAX_WAIT_S
from narrate.pacing.gate import SPREAD_S
from narrate.script import Chunk

FIRST_S = 0.5
LONGEST_S = 30.0
"""Seconds. The window of a wait doubles from FIRST_S to LONGEST_S; the wait is drawn from all of it (full jitter)."""
REST_S = 900.0
"""Seconds that one chunk may rest between its attempts, altogether: no single one holds up a run for ever. A longer
wait that is allowed for (``max_wait``) may still be waited for once."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """What ``watch`` is told before a wait: which attempt failed, how long it will be, why, and whether load is why."""

    attempt: int
    seconds: float
    reason: str
    throttled: bool


class Retrying:
    """An Engine.

    A wait is the larger of the drawn one and what the server asks for. One that asks for more than ``max_wait`` is
    not waited for: that failure is final. ``stop`` ends every wait with Interrupted. ``sleep`` replaces waiting for
    it; one that returns early, since nothing more will be answered, makes the next attempt find that out.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        attempts: int = ATTEMPTS,
        rest: float = REST_S,
        max_wait: float = MAX_WAIT_S,
        stop: threading.Event | None = None,
        watch: Callable[[Waiting], None] = lambda waiting: None,
        sleep: Callable[[float], object] | None = None,
        random: Callable[[], float] = randomness.random,
    ) -> None:
        self._engine = engine
        self._attempts, self._longest, self._max_wait = attempts, rest, max_wait
        self._stop = stop or threading.Event()
        self._watch, self._sleep, self._random = watch, sleep or self._stop.wait, random
        self._window = tenacity.wait_exponential(multiplier=FIRST_S, max=LONGEST_S)

    @property
    def traits(self) -> Traits:
        """Those of the engine inside."""
        return self._engine.traits

    def speak(self, chunk: Chunk) -> Speech:
        """The engine's answer, at the latest after ``attempts`` tries or ``rest`` seconds between them."""
        retry = tenacity.Retrying(
            retry=tenacity.retry_if_exception(self._curable),
            wait=self._wait,
            stop=self._enough,
            sleep=self._rest,
            before_sleep=self._tell,
            reraise=True,
        )
        self._rest(0)
        try:
            return retry(self._engine.speak, chunk)
        except EngineDown:
            raise
        except EngineUnavailable as error:
            raise self._final(error, retry.statistics.get("attempt_number", 1)) from error

    def _rest(self, seconds: float) -> None:
        if seconds:
            self._sleep(seconds)
        if self._stop.is_set():
            raise Interrupted(f"{self.traits.name}: stopped")

    def _curable(self, error: BaseException) -> bool:
        if isinstance(error, EngineDown) or not isinstance(error, EngineUnavailable):
            return False
        return (error.retry_after or 0) <= self._max_wait

    def _wait(self, state: tenacity.RetryCallState) -> float:
        drawn = self._random()
        wait = drawn * self._window(state)
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, EngineUnavailable) and error.retry_after:
            return max(wait, error.retry_after + drawn * SPREAD_S)
        return wait

    def _enough(self, state: tenacity.RetryCallState) -> bool:
        """Also when the next wait would be too much altogether; one that the server asks for is waited for once."""
        error = state.outcome.exception() if state.outcome else None
        asked = error.retry_after if isinstance(error, EngineUnavailable) else None
        longest = max(self._longest, (asked or 0) + SPREAD_S)
        return state.attempt_number >= self._attempts or state.idle_for + state.upcoming_sleep > longest

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
            sent=error.sent,
        )
