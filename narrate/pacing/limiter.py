"""BRICK: how many requests may be in flight, found while working."""

from __future__ import annotations

import math
import statistics
from collections import deque
from dataclasses import dataclass

from narrate.pacing import FOREVER

START = 8
"""Requests in flight to begin with, where nobody says."""
SHRINK = 0.9
"""What is left of the limit after a sign of load that does not say how much is too much. Gentler than the 0.7 of
RFC 9438 and of the AWS SDK's adaptive mode: both share a line with many, where this has its own account."""
CALM = 8
CALMEST = 512
"""Round trips without a try for more, after the first and after many tries that failed (doubling, as the plateau of
RFC 9438 gets longer the nearer one is to the known limit)."""
MORE = 1.1
"""A try that ended this far above where it began found something, and the next one comes soon."""
COST = 50
COST_S = 120.0
"""Seconds without a try for each second that a failed one makes everybody wait, so that tries take 2 % of the time; and
the most of them at first, so that a server that was overloaded for once is soon used in full again."""
SLOWER, SLOW = 2.0, 1.5
"""Latency, in multiples of the best, that shrinks the limit, or only keeps it from growing. Netflix's Gradient2Limit
tolerates 1.5."""
FORGET = 1.05
"""By how much the best latency is given up with each window above SLOW: a server that became slower for reasons of its
own must not be taken for a full one for ever."""
CONSTANT = 100
"""Characters that take as long as a request takes without any."""
UNDER = 0.98
"""Share of a server's measured rate that is used: what is missing fills its bucket for irregular moments."""
WINDOW = 24
"""Answers, at least, of which a median is taken."""
FEW = 8
"""Requests between two refusals from which a rate can be told; from fewer it is only bounded."""
GAIN = 2.0
"""In flight at most while there is a pace, in multiples of what the pace needs: the window of BBR's steady state."""
EVENLY, EVENLY_TRYING = 4, 1.25
"""Once one was refused, the next ones keep at least this share of their mean distance: servers without a bucket
(nginx's limit_req) refuse two at once, however rare they are."""
LONG = 10
"""Median latencies (at least STRANGE_S seconds) in which all was refused: an outage that is told as load. Then all is
as it was before."""
ENOUGH = 10
"""Answers from which it can be told how much is served at a rate."""
LESS = 0.7
"""Share of what was served at twice the rate (or more), below which slowing down did not help: a server's own limit
serves as much as before, and refuses less."""
MANY = 0.6
"""Share refused from which on there is no need to know how much is served."""
LAST = 32
"""Requests of which the share refused is taken. Twice the usual share and 0.1 more are borne; from so few it cannot be
told below SOME."""
SOME = 0.1
STRANGE = 2.0
"""Times its median latency (at least STRANGE_S seconds) after which a failure counts as a timeout, a sign of load."""
STRANGE_S = 5.0


@dataclass(frozen=True, slots=True)
class Permit:
    """One request in flight: the ``number`` of it, when it was ``sent``, how many were in flight with it, and how many
    had been refused by then."""

    number: int
    sent: float
    level: int
    refused: int


@dataclass(frozen=True, slots=True)
class Tally:
    """A refused request (the ``number`` of it, when it was ``sent``, how many were ``refused`` with it). From there
    on it is counted how much is served at rates of an ``octave`` (the power of two below them).
    """

    octave: int
    number: int
    sent: float
    refused: int


class Limiter:
    """How many requests may be in flight, and how fast they may follow each other; between 1 and ``most``.

    It starts modestly and doubles per round trip until the first sign of load (slow start). A refused request says how
    many are too many: one fewer is the new limit, and more is tried ever more rarely. Where requests are refused though
    as many were served before, the server counts by time: then the rate between two refusals, when its bucket was
    empty, is the server's own, and requests are paced a little below it. Where latency grows, the limit shrinks.
    Refusals that come however little is asked (others load the server) are recognised in the end, and borne.
    Without ``adapt`` it is ``most``, always.
    """

    def __init__(self, most: int, *, start: int | None = None, adapt: bool = True) -> None:
        self.most = max(1, most)
        self.start = min(self.most, max(1, START if start is None else start))
        self.limit: float = self.start if adapt else self.most
        self.in_flight = 0
        self.pace: float | None = None
        self._adapt = adapt
        self._sent = self._refusals = 0
        self._good = 0
        self._barren = 0
        self._ceiling: float = self.most  # of slow start
        self._cut = -math.inf
        self._paused_until = self._paused = 0.0
        self._next = -math.inf
        # tries for more
        self._calm, self._step, self._growing = CALM, 1.0, False
        self._base = self._held_out = 0.0
        self._trust, self._drained = 1.0, False
        self._try = math.inf  # none before the first sign of load
        # since the last refusal by which a rate can be told: the request, refused ones, seconds held
        self._mark: Permit | None = None
        self._refused, self._held = 0, 0.0
        # refusals that have another reason than load from here
        self._last: deque[bool] = deque(maxlen=LAST)
        self._tally: Tally | None = None
        # by octave of the rate: answers a second, limit and pace
        self._served: dict[int, tuple[float, float, float | None]] = {}
        self._shut: tuple[float, float, float | None] = 0.0, self.limit, None
        self._usual: float | None = None  # share refused that is borne
        # latencies of this window, per character; the best and the last median, and in seconds
        self._window: list[float] = []
        self._seconds: list[float] = []
        self._began = -math.inf
        self._best = math.inf
        self.median = 0.0
        self._crowded = False

    @property
    def spent(self) -> bool:
        """Whether there is nothing left to give up: load can no longer be the reason."""
        return self.limit < 2 or self._barren >= FEW

    def wait(self, now: float) -> float:
        """Seconds until the next request may go."""
        if self.in_flight >= int(self.limit):
            return FOREVER
        return max(0.0, self._next - now)

    def admit(self, now: float) -> Permit:
        """A request goes now."""
        self.in_flight += 1
        self._sent += 1
        # a late start is made up for, but two never go at once
        if self.pace:
            self._next = max(self._next + 1 / self.pace, now + 0.9 / self.pace)
        elif self._refusals:
            self._next = now + self.median / (EVENLY_TRYING if self._growing else EVENLY) / self.limit
        if self._began == -math.inf:
            self._began = now
        return Permit(self._sent, now, self.in_flight, self._refusals)

    def released(self, permit: Permit) -> None:
        """It ended without a word about the server."""
        self.in_flight -= 1

    def served(self, permit: Permit, now: float, characters: int = 0) -> None:
        """It was answered."""
        busy = self.pace is not None or 2 * self.in_flight >= self.limit
        self.in_flight -= 1
        if not self._adapt:
            return
        if permit.refused == self._refusals:  # else some of those in flight with it took no room at the server
            self._good = max(self._good, permit.level)
        if self._barren >= FEW and now - self._shut[0] > max(LONG * self.median, STRANGE_S):
            _, self.limit, self.pace = self._shut
            self.restart(now)
        self._barren = 0
        self._last.append(False)
        self._window.append((now - permit.sent) / (CONSTANT + characters))
        self._seconds.append(now - permit.sent)
        self.median = self.median or now - permit.sent
        if len(self._window) >= max(WINDOW, int(self.limit)):
            self._look(now)
        if not busy or self._crowded:
            return
        if self._try == math.inf:
            self.limit = min(self.limit + 1, self._ceiling)
            if self.limit >= self._ceiling < self.most:
                self._rest(now)
        elif now >= self._try and permit.sent >= self._cut:
            self._grow(now)

    def throttled(self, permit: Permit, now: float, retry_after: float = 0.0) -> None:
        """It was refused because of load; for ``retry_after`` seconds nobody will ask."""
        self.in_flight -= 1
        if not self._adapt:
            return
        self._refused += 1
        self._refusals += 1
        held = max(0.0, now + retry_after - max(now, self._paused_until))
        self._paused_until = max(self._paused_until, now + retry_after)
        self._paused = max(retry_after, self._paused * 0.5) if retry_after else self._paused * 0.5
        self._last.append(True)
        if permit.sent >= self._cut:
            self._barren += 1
            if self._barren == 1:
                self._shut = now, self.limit, self.pace
            if not self._bears(permit, now):
                self._lower(permit, now)
        self._held += held

    def failed(self, permit: Permit, now: float) -> None:
        """It failed; when it took strangely long, that is a sign of load."""
        self.in_flight -= 1
        seconds = now - permit.sent
        if self._adapt and permit.sent >= self._cut and seconds > max(STRANGE * self.median, STRANGE_S):
            self._shrink(SHRINK, now)

    def restart(self, now: float) -> None:
        """After an outage: modestly, but up to where it was in a few round trips."""
        if self._adapt:
            self._ceiling = max(self.limit, 1)
            self.limit = min(self.limit, max(1, self.start // 2))
            self._cut, self._try = now, math.inf

    def _lower(self, permit: Permit, now: float) -> None:
        """One cut per round trip: what was sent before a cut says nothing new."""
        if self.pace is not None or permit.level <= max(self._good, 1):
            if self.pace is None:
                self._calm, self._base = CALM, 0.0
            self._follow(permit, now)
        else:
            share = 0.5 if self._barren > 1 else 1.0
            self.limit = max(1.0, min(self.limit * share, permit.level - 1))
            self._set_mark(permit)
        if self._growing:
            self._calm = min(2 * self._calm, CALMEST)
        self._rest(now)

    def _bears(self, permit: Permit, now: float) -> bool:
        """Whether a refusal is borne, since cuts do not help against it."""
        share = sum(self._last) / len(self._last)
        if self._usual is not None:
            if share <= 2 * self._usual + 0.1 and self._barren < FEW:
                return True
            self._usual = None
            here = self._octave()
            self._served = {octave: found for octave, found in self._served.items() if octave < here}
        if self._growing:
            self._tally = None
        octave = self._octave()
        tally = self._tally
        if tally is None or tally.octave != octave:
            self._tally = Tally(octave, permit.number, permit.sent, self._refusals)
            return False
        through = self._through(permit)
        if through < ENOUGH:
            return False
        served = through / max(permit.sent - tally.sent, 1e-3)
        more = [(octave, found) for octave, found in self._served.items() if octave > tally.octave]
        more = [(above, found) for above, found in more if served <= LESS ** (above - tally.octave) * found[0]]
        if not more:
            self._served[tally.octave] = served, self.limit, self.pace
            return False
        _, (_, self.limit, self.pace) = max(more)
        self._mark = self._tally = None
        self._usual, self._calm = max(share, SOME), CALM
        self._rest(now)
        return True

    def _through(self, permit: Permit) -> int:
        """How many were served, or will be, of those sent since the tally began."""
        tally = self._tally
        return 0 if tally is None else permit.number - tally.number - (self._refusals - tally.refused)

    def _octave(self) -> int:
        return math.floor(math.log2(max(self._rate(), 1e-6)))

    def _rate(self) -> float:
        """Requests a second that may go."""
        return self.pace or self.limit / max(self.median, 1e-3)

    def _set_mark(self, permit: Permit) -> None:
        self._mark, self._refused, self._held = permit, 0, 0.0

    def _follow(self, permit: Permit, now: float) -> None:
        """Pace by the server's own rate: what it let through between two moments at which its bucket was empty."""
        before = self.pace or UNDER * self._delivered(now)
        through, seconds = 0, 0.0
        if self._mark is not None:
            through = max(0, permit.number - self._mark.number - self._refused)
            seconds = max(permit.sent - self._mark.sent - self._held, 1e-3)
        measured = UNDER * through / seconds if through >= FEW else 0.0
        if self._growing and self.pace:
            sure = max(self._base, measured)
            found = max(sure, min(UNDER * self._held_out, self._trust * sure))
        elif measured:
            found = min(measured, before * UNDER)
        elif self._mark is not None and self.pace and self._barren < FEW:
            # (where all are refused, the rate is not the reason)
            found = min(before * SHRINK, (through + 1) / seconds)
        else:
            found = before
        if measured or self._mark is None or self._growing:
            self._set_mark(permit)
        self._drained = self._drained or not self._growing
        if self._tally is not None and self._through(permit) < ENOUGH and sum(self._last) < MANY * len(self._last):
            found = max(found, 2.0**self._tally.octave)
        self.pace = found
        self._next = max(self._next, now + 1 / found)
        self.limit = max(1.0, min(max(permit.level - 1, self._needed()), self.most))

    def _needed(self) -> float:
        """In flight at the present pace."""
        return math.ceil((self.pace or 0) * self.median) + 1

    def _delivered(self, now: float) -> float:
        """Answers a second in this window, and in doubt what the limit would give."""
        if len(self._window) >= FEW and now > self._began:
            return len(self._window) / (now - self._began)
        return self.limit / max(self.median, 1e-3)

    def _rest(self, now: float) -> None:
        """No try for more until a while from now; the longer, the more of them have failed and the dearer that is."""
        self._cut = now
        self._growing, self._step = False, 1.0
        round_trip = max(self.median, 1 / self.pace if self.pace else 0.0)
        dear = min(COST * self._paused, COST_S) * self._calm / CALM
        self._try = now + max(self._calm * round_trip, dear) + self._paused

    def _grow(self, now: float) -> None:
        """One step more, the next one after a round trip, twice as large."""
        if not self._growing:
            base = self.pace or self.limit
            self._calm = CALM if base > MORE * self._base else self._calm
            self._growing, self._base = True, base
            self._trust, self._drained = (1.1 if self._drained else 1.6), False
        self._held_out = self.pace or 0.0
        if self.pace:
            rate = self._delivered(now)
            self.pace *= 1 + 0.02 * min(self._step, 12)
            self.limit = min(self.most, max(self.limit, GAIN * self._needed()))
            if self.pace > 2 * rate and len(self._window) >= FEW:
                self.pace = None
                self._base = self.limit
        else:
            self.limit = min(self.limit + self._step, self.most)
        self._step *= 2
        self._try = now + max(self.median, FEW / self.pace if self.pace else 0.0)

    def _shrink(self, share: float, now: float) -> None:
        self.limit = max(1.0, min(self.limit * share, self.limit - 1))
        self._rest(now)

    def _look(self, now: float) -> None:
        """At a window of latencies."""
        middle = statistics.median(self._window)
        self.median = statistics.median(self._seconds)
        self._window.clear()
        self._seconds.clear()
        self._began = now
        self._best = min(self._best, middle)
        crowded, self._crowded = self._crowded, middle > SLOW * self._best
        if crowded and middle > SLOWER * self._best and now - self._cut > self.median:
            self._shrink(0.95, now)
        elif self._crowded and self._try == math.inf:
            self._rest(now)
        if self._crowded:
            self._best *= FORGET
