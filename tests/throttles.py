"""Servers that limit what they are asked, and a run against one of them, in simulated time: no threads, no waiting.

Fixed numbers in flight and the adaptive limiter go through the same server, requests, gate and retries.
"""

from __future__ import annotations

import heapq
from collections import deque
from dataclasses import dataclass, field
from random import Random
from typing import Any, Protocol

from narrate.pacing import FOREVER
from narrate.pacing.gate import Gate
from narrate.pacing.limiter import Limiter

REFUSAL_S = 0.02
"""Seconds until a refusal is back: servers refuse quickly."""
ATTEMPTS, FIRST_S, LONGEST_S, SPREAD_S = 8, 0.5, 30.0, 0.5
"""How ``Retrying`` waits."""


class Server(Protocol):
    latency: float
    retry_after: float | None

    def arrive(self, now: float, random: Random) -> float | None:
        """A request comes: the seconds until its answer; None when it is refused."""
        ...

    def leave(self) -> None:
        """An answer went out."""
        ...


@dataclass
class Concurrent:
    """Refuses the request that would be one more than ``most`` at once."""

    most: int
    latency: float
    retry_after: float | None = None
    busy: int = 0

    def arrive(self, now: float, random: Random) -> float | None:
        if self.busy >= self.most:
            return None
        self.busy += 1
        return self.latency * random.uniform(0.5, 1.5)

    def leave(self) -> None:
        self.busy -= 1


@dataclass
class Queueing:
    """Works on ``most`` at once and lets the others wait."""

    most: int
    latency: float
    retry_after: float | None = None
    free: list[float] = field(default_factory=list)

    def arrive(self, now: float, random: Random) -> float | None:
        self.free = self.free or [0.0] * self.most
        end = max(now, heapq.heappop(self.free)) + self.latency * random.uniform(0.5, 1.5)
        heapq.heappush(self.free, end)
        return end - now

    def leave(self) -> None:
        """Nothing is counted."""


@dataclass
class Bucket:
    """Takes ``rate`` requests a second, and ``burst`` that were saved."""

    rate: float
    burst: float
    latency: float
    retry_after: float | None = None
    tokens: float = -1.0
    at: float = 0.0

    def arrive(self, now: float, random: Random) -> float | None:
        saved = self.burst if self.tokens < 0 else self.tokens
        self.tokens, self.at = min(self.burst, saved + (now - self.at) * self.rate), now
        if self.tokens < 1:
            return None
        self.tokens -= 1
        return self.latency * random.uniform(0.5, 1.5)

    def leave(self) -> None:
        """Nothing is counted."""


@dataclass
class Noisy:
    """Refuses a ``share`` of all requests, however few there are: others load it."""

    share: float
    latency: float
    retry_after: float | None = None

    def arrive(self, now: float, random: Random) -> float | None:
        return None if random.random() < self.share else self.latency * random.uniform(0.5, 1.5)

    def leave(self) -> None:
        """Nothing is counted."""


@dataclass
class Shut:
    """Refuses everything between two moments; then all is as before."""

    since: float
    until: float
    latency: float
    retry_after: float | None = None

    def arrive(self, now: float, random: Random) -> float | None:
        return None if self.since <= now < self.until else self.latency * random.uniform(0.5, 1.5)

    def leave(self) -> None:
        """Nothing is counted."""


@dataclass(frozen=True)
class Result:
    """``seconds`` for all, requests ``served`` and ``refused``, and chunks ``lost`` after all their attempts."""

    seconds: float
    served: int
    refused: int
    lost: int

    @property
    def throughput(self) -> float:
        return self.served / self.seconds


class Run:
    """``requests`` by ``workers``, each of which asks, waits and asks again, as ``Retrying(Limited(...))`` does."""

    def __init__(self, server: Server, limiter: Limiter, workers: int, requests: int, seed: int = 1) -> None:
        self.server, self.limiter, self.random = server, limiter, Random(seed)
        self.gate = Gate(self.random.random)
        self.requests, self.left = requests, requests
        self.now, self.counter, self.woken = 0.0, 0, FOREVER
        self.events: list[tuple[Any, ...]] = []
        self.line: deque[int] = deque()
        self.served = self.refused = self.lost = 0
        for _ in range(workers):
            self._next_chunk()

    def result(self) -> Result:
        self._let_in()
        while self.served + self.lost < self.requests:
            self.now, _, happen, arguments = heapq.heappop(self.events)
            happen(*arguments)
            self._let_in()
        return Result(self.now, self.served, self.refused, self.lost)

    def _later(self, seconds: float, happen: Any, *arguments: Any) -> None:
        self.counter += 1
        heapq.heappush(self.events, (self.now + seconds, self.counter, happen, arguments))

    def _next_chunk(self) -> None:
        if self.left:
            self.left -= 1
            self.line.append(0)

    def _let_in(self) -> None:
        while self.line:
            wait = max(self.gate.wait(self.now), self.limiter.wait(self.now))
            if wait > 1e-9:
                if self.now + wait < self.woken:
                    self.woken = self.now + wait
                    self._later(wait, self._wake)
                return
            tried = self.line.popleft()
            self.gate.passed(self.now, self.limiter.limit)
            permit = self.limiter.admit(self.now)
            latency = self.server.arrive(self.now, self.random)
            if latency is None:
                self._later(min(REFUSAL_S, self.server.latency), self._refuse, permit, tried)
            else:
                self._later(latency, self._serve, permit)

    def _wake(self) -> None:
        self.woken = FOREVER

    def _serve(self, permit: Any) -> None:
        self.server.leave()
        self.limiter.served(permit, self.now)
        self.served += 1
        self._next_chunk()

    def _refuse(self, permit: Any, tried: int) -> None:
        self.refused += 1
        asked = self.server.retry_after
        self.limiter.throttled(permit, self.now, asked or 0.0)
        if asked is not None:
            self.gate.hold(asked, self.now)
        if tried + 1 >= ATTEMPTS:
            self.lost += 1
            self._next_chunk()
            return
        drawn = self.random.random()
        wait = drawn * min(LONGEST_S, FIRST_S * 2**tried)
        self._later(max(wait, (asked + drawn * SPREAD_S) if asked else 0.0), self.line.append, tried + 1)


def fixed(server: Server, number: int, requests: int, seed: int = 1) -> Result:
    """So many in flight, always."""
    return Run(server, Limiter(number, adapt=False), number, requests, seed).result()


def adaptive(server: Server, requests: int, most: int = 64, seed: int = 1) -> Result:
    """As many as the limiter finds."""
    return Run(server, Limiter(most), most, requests, seed).result()
