"""What tests/speech_server.py is asked, what it answers, and what may ail it as a whole."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Any


@dataclass(frozen=True)
class Reply:
    """What is sent back, and how. The defaults are a healthy answer.

    ``body`` None is the speech asked for; ``speech`` changes how that is made (the arguments of ``speech_of``, and
    ``instead``, a text). ``cut`` is how many bytes of the body are sent before the connection is cut, though the
    headers promise all of it; ``cut_headers`` the same of the headers; ``drop`` cuts it before any header, and
    ``drop_after`` behind the complete answer. ``stall`` keeps the connection open instead of cutting it. ``surplus`` is
    sent behind the body, on a connection that is kept. ``hang`` waits, before headers, until ``SpeechServer.release``.
    ``drip`` is the pause, in seconds, after every byte of the body, ``drip_headers`` after every byte of all. ``name``
    is counted.
    """

    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None
    delay: float = 0.0
    cut: int | None = None
    cut_headers: int | None = None
    drop: bool = False
    drop_after: bool = False
    stall: bool = False
    surplus: bytes = b""
    hang: bool = False
    drip: float = 0.0
    drip_headers: float = 0.0
    chunked: bool = False
    speech: tuple[tuple[str, Any], ...] = ()
    name: str = ""


def error(status: int, kind: str, message: str, **headers: str) -> Reply:
    """An error in LMNT's envelope; header names are given with underscores."""
    body = json.dumps({"error": {"type": kind, "message": message}}).encode()
    named = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return Reply(status, (("Content-Type", "application/json"), *named), body)


def throttled(seconds: float | str) -> Reply:
    """429 with Retry-After."""
    return error(429, "rate_limit_error", "too many requests", retry_after=str(seconds))


GOOD = Reply()
DROP = Reply(drop=True)
CUT = Reply(cut=1000)
HANG = Reply(hang=True)
HTML = Reply(headers=(("Content-Type", "text/html"),), body=b"<!DOCTYPE html><html><title>Bad gateway</title></html>")
JSON = Reply(headers=(("Content-Type", "application/json"),), body=b'{"status": "queued", "position": 3}')
EMPTY = Reply(body=b"")
SILENT = Reply(speech=(("amplitude", 0),))
WRONG_RATE = Reply(speech=(("other_rate", True),))
HALF = Reply(speech=(("share", 0.1),), chunked=True)
TWICE = Reply(speech=(("share", 10.0),))


@dataclass(frozen=True)
class Received:
    """A request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def fields(self) -> dict[str, Any]:
        """The JSON body."""
        fields: dict[str, Any] = json.loads(self.body)
        return fields

    @property
    def number(self) -> int:
        """A number that depends on the body alone."""
        return int.from_bytes(hashlib.sha256(self.body).digest()[:8])


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
