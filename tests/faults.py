"""Every way a speech server goes wrong, by a seeded plan: for tests, benchmarks and rehearsals.

    with SpeechServer(Faults(seed=7, share=0.3)) as server: ...

What a request is answered with depends on the seed, its body and how often that body has come before, never on the
order in which requests arrive: a book's run can be repeated with any number of workers.
"""

from __future__ import annotations

import hashlib
import json
import random
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from email.utils import formatdate

from tests.speech_replies import EMPTY, HANG, HTML, JSON, SILENT, WRONG_RATE, Received, Reply, error

LONG = 200
"""Characters. Of a shorter text nobody can say to within a half how long it must sound."""
OTHER = "The ferry leaves the old harbour at noon."


@dataclass(frozen=True)
class Pace:
    """Seconds, shortened for tests: those of an answer that is ``late``, asked for as a wait (``whole`` seconds, a
    ``fraction``, ``minutes``), and between bytes of a ``drip``.
    """

    late: float = 0.3
    whole: int = 1
    fraction: float = 0.2
    minutes: int = 180
    drip: float = 1.0


def _busy(**headers: str) -> Reply:
    return error(429, "rate_limit_error", "too many requests", **headers)


def _until(seconds: int) -> Reply:
    """429 with a date, measured against the answer's own."""
    now = time.time()
    return replace(
        _busy(retry_after=formatdate(now + seconds, usegmt=True)),
        headers=(
            ("Content-Type", "application/json"),
            ("Date", formatdate(now, usegmt=True)),
            ("Retry-After", formatdate(now + seconds, usegmt=True)),
        ),
    )


def _broken(status: int, **headers: str) -> Reply:
    return error(status, "internal_server_error", "out of order", **headers)


STALE = b"HTTP/1.1 200 OK\r\nContent-Type: audio/wav\r\nContent-Length: 9\r\n\r\nnot yours"
"""What must not be taken for the answer to the next request on the same connection."""

KINDS: dict[str, Callable[[Pace], Reply]] = {
    "late": lambda pace: Reply(delay=pace.late),
    "never": lambda pace: HANG,
    "408": lambda pace: error(408, "timeout", "the request took too long"),
    "409": lambda pace: error(409, "conflict", "try again"),
    "425": lambda pace: error(425, "too_early", "too early"),
    "429": lambda pace: _busy(),
    "429 in seconds": lambda pace: _busy(retry_after=str(pace.whole)),
    "429 in a fraction": lambda pace: _busy(retry_after=str(pace.fraction)),
    "429 until a date": lambda pace: _until(pace.whole),
    "429 in milliseconds": lambda pace: _busy(retry_after_ms=str(pace.fraction * 1000)),
    "429 in minutes": lambda pace: _busy(retry_after=str(pace.minutes)),
    "500": lambda pace: _broken(500),
    "502": lambda pace: replace(HTML, status=502),
    "503": lambda pace: _broken(503),
    "503 in seconds": lambda pace: _broken(503, retry_after=str(pace.fraction)),
    "504": lambda pace: _broken(504),
    "400 for throttling": lambda pace: error(400, "ThrottlingException", "Rate exceeded"),
    "dropped before the headers": lambda pace: Reply(drop=True),
    "dropped in the headers": lambda pace: Reply(cut_headers=30),
    "dropped in the body": lambda pace: Reply(cut=1000),
    "dropped in a chunked body": lambda pace: Reply(cut=1000, chunked=True),
    "dropped after the body": lambda pace: Reply(drop_after=True),
    "too little": lambda pace: Reply(cut=500, stall=True),
    "too much": lambda pace: Reply(surplus=STALE),
    "too much in chunks": lambda pace: Reply(surplus=STALE, chunked=True),
    "a web page": lambda pace: HTML,
    "JSON": lambda pace: JSON,
    "an error with 200": lambda pace: error(200, "internal_server_error", "out of order"),
    "nothing": lambda pace: EMPTY,
    "silence": lambda pace: SILENT,
    "a truncated file": lambda pace: Reply(speech=(("keep", 0.6),)),
    "another rate": lambda pace: WRONG_RATE,
    "another utterance": lambda pace: Reply(speech=(("instead", OTHER),)),
    "half as long": lambda pace: Reply(speech=(("share", 0.45),)),
    "ten times as long": lambda pace: Reply(speech=(("share", 10.0),)),
    "byte by byte": lambda pace: Reply(drip=pace.drip),
    "headers byte by byte": lambda pace: Reply(drip_headers=pace.drip),
}
"""Each by its name, as it is counted by the server."""

BY_LENGTH = frozenset(("another utterance", "half as long"))
"""Sound that is whole and plausible by itself, and only wrong for this text: given where a text is LONG enough to tell,
and at most once for each text, because two answers alike are believed."""

SECRETIVE = frozenset(("429 in minutes",))
"""Those that end a run, unless it is allowed to wait; asked for by name alone."""


class Faults:
    """A plan: of the requests for speech a ``share`` is answered wrongly, in one of the ways ``kinds``."""

    def __init__(
        self,
        seed: int,
        share: float,
        *,
        kinds: Collection[str] = tuple(name for name in KINDS if name not in SECRETIVE),
        pace: Pace | None = None,
    ) -> None:
        self.seed, self.share, self.pace = seed, share, pace or Pace()
        self._kinds = tuple(kinds)

    def __call__(self, request: Received, seen: int) -> Reply | None:
        """The reply to ``request``, which came ``seen`` times before; None for a healthy one."""
        if request.method != "POST":
            return None
        name = self.kind(request.body, seen)
        return replace(KINDS[name](self.pace), name=name) if name else None

    def kind(self, body: bytes, seen: int) -> str:
        """The kind of fault that meets the request ``body`` the ``seen``-th time, from 0; "" for none."""
        drawn = self._drawn(body, seen)
        given = {self._drawn(body, before) for before in range(seen)} if drawn in BY_LENGTH else set()
        return "429" if given & BY_LENGTH else drawn

    def _drawn(self, body: bytes, seen: int) -> str:
        draw = random.Random(hashlib.sha256(b"%d %d %b" % (self.seed, seen, body)).digest())
        if draw.random() >= self.share:
            return ""
        fields = json.loads(body)
        long = len(fields.get("text") or fields.get("input") or "") >= LONG
        return draw.choice([name for name in self._kinds if long or name not in BY_LENGTH])
