"""What tests/speech_server.py is asked, what it answers, and what may ail it as a whole."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Any

from narrate.server.faults import EMPTY, HANG, HTML, JSON, SILENT, WRONG_RATE, Received, Reply, error, throttled

__all__ = [
    "CUT",
    "DROP",
    "EMPTY",
    "GOOD",
    "HALF",
    "HANG",
    "HTML",
    "JSON",
    "SILENT",
    "TWICE",
    "WRONG_RATE",
    "Received",
    "Reply",
    "Seen",
    "State",
    "error",
    "throttled",
]

GOOD = Reply()
DROP = Reply(drop=True)
CUT = Reply(cut=1000)
HALF = Reply(speech=(("share", 0.1),), chunked=True)
TWICE = Reply(speech=(("share", 10.0),))


@dataclass
class Seen:
    """What ``GET /stats`` tells. ``latency`` is the sum of all delays in seconds, ``most`` the most in flight,
    ``hanging`` how many of those are held for ever;
    ``faults`` counts the answers that were not as they should be by name ("" for those of a plan without names).
    """

    requests: int = 0
    repeated: int = 0
    latency: float = 0.0
    in_flight: int = 0
    hanging: int = 0
    most: int = 0
    faults: Counter[str] = field(default_factory=Counter)


@dataclass
class State:
    """What holds for the whole server, from one moment to the next.

    ``concurrency``: more requests for speech in flight than this are answered 429. ``rate``: more of them a second than
    this, beyond a ``burst``, are answered 429, with Retry-After if ``tells``. ``money``: how many more are paid for,
    then 402. ``valid``: how many more until the key is revoked, then 401. ``outage``: after how many every connection
    is dropped, and for how many seconds; ``wait``: after how many one is answered 429, and the wait that it asks for.
    None is never. ``down``: every connection is dropped.
    """

    concurrency: int | None = None
    rate: float | None = None
    burst: float = 1.0
    tells: bool = False
    money: int | None = None
    valid: int | None = None
    outage: tuple[int, float] | None = None
    wait: tuple[int, float] | None = None
    down: bool = False
    account: dict[str, Any] = field(
        default_factory=lambda: {
            "plan": {"type": "indie", "character_limit": 200_000, "commercial_use_allowed": True},
            "usage": {"characters": 538},
        }
    )
    asked: int = 0
    tokens: float = 0.0
    filled: float = 0.0
    back_at: float = 0.0

    def judge(self, in_flight: int, now: float) -> Reply | None:
        """What becomes of the next request for speech; None where nothing ails the server. ``now`` in seconds."""
        self.asked += 1
        if self.outage and self.asked > self.outage[0]:
            self.back_at, self.outage = now + self.outage[1], None
        if self.down or now < self.back_at:
            return Reply(drop=True, name="down")
        if self.valid is not None and self.asked > self.valid:
            return replace(error(401, "authentication_error", "The API key was revoked."), name="key revoked")
        if self.money is not None and self.asked > self.money:
            return replace(error(402, "payment_required_error", "The quota is spent."), name="no money")
        if self.wait and self.asked > self.wait[0]:
            (_, seconds), self.wait = self.wait, None
            return replace(throttled(f"{seconds:g}"), name="429 in minutes")
        if self.concurrency is not None and in_flight > self.concurrency:
            return replace(error(429, "rate_limit_error", "too many at once"), name="limit of concurrency")
        return self._paced(now) if self.rate else None

    def _paced(self, now: float) -> Reply | None:
        """The token bucket."""
        rate = self.rate or 1.0
        self.tokens = min(self.burst, self.tokens + (now - self.filled) * rate) if self.filled else self.burst
        self.filled = now
        if self.tokens >= 1:
            self.tokens -= 1
            return None
        told = {"retry_after": f"{(1 - self.tokens) / rate:.3f}"} if self.tells else {}
        return replace(error(429, "rate_limit_error", "too many a second", **told), name="limit of rate")
