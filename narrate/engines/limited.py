"""ENGINE around an engine: waits until the next request may go, and asks once.

A request waits for the gate (a server that named a moment), the circuit (a server that is down) and a permit of the
limiter, first come, first served, so that early chapters finish first. Where nothing more can be asked, be it for the
key, the money or a server that is gone, everybody is told at once, without a request.
"""

from __future__ import annotations

import random as randomness
import threading
import time
from collections import deque
from collections.abc import Callable

from narrate.engines import Engine, Speech, Traits
from narrate.errors import (
    EngineClosed,
    EngineDown,
    EngineError,
    EngineRefused,
    EngineUnavailable,
    Interrupted,
    LimitReached,
    NarrateError,
)
from narrate.pacing import ATTEMPTS, FOREVER, MAX_WAIT_S
from narrate.pacing.circuit import Circuit
from narrate.pacing.gate import Gate, Stop
from narrate.pacing.limiter import Limiter, Permit
from narrate.script import Chunk

LOOK_S = 5.0
"""Seconds after which a waiting one looks again, though nobody woke it: cheap, and no wake-up can be lost for good."""
REMIND_S = 60.0
"""Seconds, at least, between two reports while nothing answers."""


class Limited:
    """An Engine. ``report`` is told in a sentence when the engine stops answering, now and then while it does not, and
    when it answers again. ``stop`` ends every wait with Interrupted. ``sleep`` replaces waiting where it is known for
    how long.

    EngineClosed, EngineDown and LimitReached are remembered: every later or waiting call raises the like. What is in
    flight then ends as it may. A run ends with that; for a server, which goes on, ``forgets`` is how many seconds later
    the engine is tried again (never where a limit was reached).
    """

    def __init__(
        self,
        engine: Engine,
        *,
        limiter: Limiter,
        circuit: Circuit,
        gate: Gate | None = None,
        max_wait: float = MAX_WAIT_S,
        stop: Stop | None = None,
        report: Callable[[str], None] = lambda sentence: None,
        sleep: Callable[[float], object] | None = None,
        clock: Callable[[], float] = time.monotonic,
        forgets: float | None = None,
    ) -> None:
        self._engine = engine
        self._forgets, self._ended = forgets, 0.0
        self._limiter, self._circuit, self._gate = limiter, circuit, gate or Gate()
        self._max_wait, self._report, self._sleep, self._clock = max_wait, report, sleep, clock
        self._stop = stop or Stop()
        self._lock = threading.RLock()
        self._queue: deque[threading.Condition] = deque()  # who waits, in order; all conditions of one lock
        self._end: NarrateError | None = None
        self._over = threading.Event()
        self._reminded = 0.0
        self._stop.on_set(self._wake_all)

    @property
    def traits(self) -> Traits:
        """Those of the engine inside."""
        return self._engine.traits

    def rest(self, seconds: float) -> None:
        """Wait, but no longer than something can still be asked: for those who come back after a while."""
        self._over.wait(seconds)

    def speak(self, chunk: Chunk) -> Speech:
        """The engine's answer, asked for once, but for probes of a server that is down: those are no attempts."""
        while True:
            permit, probe = self._enter()
            speech = self._ask(chunk, permit, probe)
            if speech is not None:
                return speech

    # --- waiting ---

    def _enter(self) -> tuple[Permit, bool]:
        """Wait in line for a permit; whether it is for a probe."""
        with self._lock:
            self._check()
            place = threading.Condition(self._lock)
            self._queue.append(place)
            try:
                while (seconds := self._wait_of(place)) > 0:
                    self._pass_time(place, seconds)
                    self._check()
                now = self._clock()
                self._gate.passed(now, self._limiter.limit)
                return self._limiter.admit(now), self._circuit.ask()
            finally:
                self._queue.remove(place)
                self._wake_next()

    def _wait_of(self, place: threading.Condition) -> float:
        if self._queue[0] is not place:
            return FOREVER
        now = self._clock()
        shut = self._gate.shut(now)
        if shut > self._max_wait:
            name = self.traits.name
            sentence = f"{name} takes no requests for another {shut:.0f} s"
            raise EngineUnavailable(sentence, engine=name, retry_after=shut, sent=False)
        return max(self._gate.wait(now), self._circuit.wait(now), self._limiter.wait(now))

    def _pass_time(self, place: threading.Condition, seconds: float) -> None:
        if self._sleep is None or seconds == FOREVER:
            place.wait(min(seconds, LOOK_S))
        else:
            self._sleep(seconds)

    def _check(self) -> None:
        if self._stop.is_set():
            raise Interrupted(f"{self.traits.name}: stopped")
        if self._end is not None and not self._forgotten():
            raise _like(self._end)

    def _forgotten(self) -> bool:
        """Whether what ended it is long enough ago to try again; then it is as if nothing had been."""
        lasting = self._forgets is None or isinstance(self._end, LimitReached)
        if lasting or self._clock() - self._ended < (self._forgets or 0.0):
            return False
        self._end = None
        self._over.clear()
        self._circuit.forget()
        return True

    def _wake_next(self) -> None:
        if self._queue:
            self._queue[0].notify()

    def _wake_all(self) -> None:
        self._over.set()
        with self._lock:
            for place in self._queue:
                place.notify()

    # --- asking ---

    def _ask(self, chunk: Chunk, permit: Permit, probe: bool) -> Speech | None:
        """The answer; None when a probe failed, and the next one is to be waited for."""
        try:
            speech = self._engine.speak(chunk)
        except (EngineClosed, EngineDown, LimitReached) as error:
            self._leave(permit, probe)
            self._finish(error)
            raise
        except EngineRefused:
            self._answered(chunk, permit)
            raise
        except EngineUnavailable as error:
            if error.doubted:
                self._answered(chunk, permit)
                raise
            if self._failed(chunk, permit, probe, error):
                raise
            return None
        except BaseException:
            self._leave(permit, probe)
            raise
        self._answered(chunk, permit)
        return speech

    def _leave(self, permit: Permit, probe: bool) -> None:
        """It ended without a word about the server."""
        with self._lock:
            self._limiter.released(permit)
            if probe:
                self._circuit.gave_up()
            self._wake_next()

    def _finish(self, error: NarrateError) -> None:
        with self._lock:
            self._end = self._end or error
            self._ended = self._clock()
        self._wake_all()

    def _answered(self, chunk: Chunk, permit: Permit) -> None:
        with self._lock:
            now = self._clock()
            self._limiter.served(permit, now, len(chunk.text))
            sentence = self._back(now)
            self._wake_next()
        if sentence:
            self._report(sentence)

    def _failed(self, chunk: Chunk, permit: Permit, probe: bool, error: EngineUnavailable) -> bool:
        """Take note of a failure that may heal; whether it is the chunk's own (that of a probe is not)."""
        with self._lock:
            now = self._clock()
            load = error.throttled and not self._limiter.spent
            if error.throttled:
                self._limiter.throttled(permit, now, error.retry_after or 0.0)
                if error.retry_after is not None:
                    self._gate.hold(error.retry_after, now)
            else:
                self._limiter.failed(permit, now)
            if load:
                sentence = self._back(now)  # the server is there, and busy
            else:
                opened = self._circuit.failed(chunk.key, self._reason(error), now, sent=error.sent, probe=probe)
                sentence = self._told(opened, now)
            down = self._circuit.is_open and self._circuit.down
            self._wake_next()
        if down:
            end = EngineDown(self._obituary(now), engine=self.traits.name, request_id=error.request_id)
            self._finish(end)
            raise _like(end) from error
        if sentence:
            self._report(sentence)
        return not probe or load

    def _back(self, now: float) -> str:
        """The server is there: the sentence for the user if it was not, and a modest start; else ""."""
        if not self._circuit.answered():
            return ""
        self._limiter.restart(now)
        return f"{self.traits.name} answers again, after {self._circuit.seconds(now):.0f} s"

    # --- telling ---

    def _reason(self, error: EngineUnavailable) -> str:
        return str(error).removeprefix(f"{self.traits.name}: ")

    def _told(self, opened: bool, now: float) -> str:
        """The sentence for the user, or ""."""
        circuit, name = self._circuit, self.traits.name
        if opened:
            self._reminded = now
            end = f"{circuit.probes} times" if circuit.patience is None else f"{circuit.patience:g} s"
            return (
                f"{name} does not answer ({circuit.reason}): asking again in {circuit.pause:.0f} s, then ever more "
                f"rarely, for up to {end}"
            )
        if circuit.is_open and now - self._reminded >= REMIND_S:
            self._reminded = now
            return (
                f"{name} has not answered for {circuit.seconds(now):.0f} s ({circuit.reason}): "
                f"asking again in {circuit.pause:.0f} s"
            )
        return ""

    def _obituary(self, now: float) -> str:
        seconds = self._circuit.seconds(now)
        since = f"has answered for {seconds:.0f} s" if seconds >= 1 else "answers"
        return f"{self.traits.name}: nothing {since} (last: {self._circuit.reason})"


def _like(error: NarrateError) -> NarrateError:
    """A fresh error of the same kind: one that several threads raise would carry all their tracebacks."""
    if isinstance(error, EngineError):
        return type(error)(str(error), engine=error.engine, request_id=error.request_id, sent=False)
    return type(error)(str(error))


def limited(
    engine: Engine,
    *,
    most: int,
    start: int | None = None,
    adapt: bool = True,
    patience: float | None = None,
    attempts: int = ATTEMPTS,
    max_wait: float = MAX_WAIT_S,
    stop: Stop | None = None,
    report: Callable[[str], None] = lambda sentence: None,
    random: Callable[[], float] = randomness.random,
    forgets: float | None = None,
) -> Limited:
    """``engine`` with at most ``most`` requests in flight, ``start`` of them to begin with; exactly ``most`` without
    ``adapt``. When nothing answers, it is waited for ``patience`` seconds (None: as long as ``attempts`` probes take;
    0: not at all).
    """
    return Limited(
        engine,
        limiter=Limiter(most, start=start, adapt=adapt),
        circuit=Circuit(patience=patience, probes=attempts, random=random),
        gate=Gate(random),
        max_wait=max_wait,
        stop=stop,
        report=report,
        forgets=forgets,
    )
