"""Every way a speech server goes wrong, by a seeded plan: for rehearsals, tests and benchmarks.

    plan = read_plan("7:0.3")                       three requests in ten are answered wrongly
    plan = read_plan("7:1:429,silence")             all of them, in one of these two ways

What a request is answered with depends on the seed, its body and how often that body has come before, never on the
order in which requests arrive: a book's run can be repeated with any number of workers. Speech Sessions have no body
to go by: there it depends on the seed and on how many sessions came before. Nothing here opens a socket.
"""

from __future__ import annotations

import hashlib
import json
import random
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from email.utils import formatdate
from typing import Any

from narrate.errors import JobError
from narrate.settings import Check, number, one_of, whole

LONG = 200
"""Characters. Of a shorter text nobody can say to within a half how long it must sound."""
OTHER = "The ferry leaves the old harbour at noon."


@dataclass(frozen=True, slots=True)
class Received:
    """A request as it came. Header names are in lower case."""

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


@dataclass(frozen=True, slots=True)
class Reply:
    """What is sent back, and how. The defaults are a healthy answer.

    ``body`` None is the speech asked for; ``speech`` changes how that sounds: ``share`` of its length, ``keep``, the
    share of its file, ``amplitude`` 0, ``other_rate``, and ``instead``, a text. ``cut`` is how many bytes of the body
    are sent before the connection is cut, though the headers promise all of it; ``cut_headers`` the same of the
    headers; ``drop`` cuts it before any header, and ``drop_after`` behind the complete answer. ``stall`` keeps the
    connection open instead of cutting it. ``surplus`` is sent behind the body, on a connection that is kept. ``hang``
    waits, before headers, until the server has had enough. ``drip`` is the pause, in seconds, after every byte of the
    body, ``drip_headers`` after every byte of all. ``name`` is counted.
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
    return _busy(retry_after=str(seconds))


HANG = Reply(hang=True)
HTML = Reply(headers=(("Content-Type", "text/html"),), body=b"<!DOCTYPE html><html><title>Bad gateway</title></html>")
JSON = Reply(headers=(("Content-Type", "application/json"),), body=b'{"status": "queued", "position": 3}')
EMPTY = Reply(body=b"")
SILENT = Reply(speech=(("amplitude", 0),))
WRONG_RATE = Reply(speech=(("other_rate", True),))


@dataclass(frozen=True, slots=True)
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
    "429 in seconds": lambda pace: throttled(pace.whole),
    "429 in a fraction": lambda pace: throttled(pace.fraction),
    "429 until a date": lambda pace: _until(pace.whole),
    "429 in milliseconds": lambda pace: _busy(retry_after_ms=str(pace.fraction * 1000)),
    "429 in minutes": lambda pace: throttled(pace.minutes),
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

SESSION_KINDS = ("session dropped", "session broken", "session limited", "session late", "session closed")
"""What befalls a Speech Session: cut off behind its first audio; an ``internal_server_error`` in place of that; a
``rate_limit_error`` in answer to the opening message; an answer to it that is ``Pace.late``; closed with 1011 and
without a word."""

BY_LENGTH = frozenset(("another utterance", "half as long"))
"""Sound that is whole and plausible by itself, and only wrong for this text: given where a text is LONG enough to tell,
and at most once for each text, because two answers alike are believed."""

SECRETIVE = frozenset(("429 in minutes",))
"""Those that end a run, unless it is allowed to wait; asked for by name alone."""

ALL = tuple(name for name in (*KINDS, *SESSION_KINDS) if name not in SECRETIVE)


class Faults:
    """A plan: of the requests for speech, and of the sessions, a ``share`` goes wrong, in one of the ways ``kinds``."""

    def __init__(self, seed: int, share: float, *, kinds: Collection[str] = ALL, pace: Pace | None = None) -> None:
        self.seed, self.share, self.pace = seed, share, pace or Pace()
        kinds = [_checked("a kind of fault", name, one_of(*KINDS, *SESSION_KINDS)) for name in kinds]
        self._kinds = tuple(name for name in kinds if name in KINDS)
        self._session_kinds = tuple(name for name in kinds if name in SESSION_KINDS)

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

    def session_kind(self, number: int) -> str:
        """The kind of fault that meets the ``number``-th session, from 0; "" for none."""
        draw = self._draw(b"session %d" % number)
        healthy = draw.random() >= self.share or not self._session_kinds
        return "" if healthy else draw.choice(self._session_kinds)

    def _drawn(self, body: bytes, seen: int) -> str:
        draw = self._draw(b"%d %b" % (seen, body))
        if draw.random() >= self.share:
            return ""
        long = _length(body) >= LONG
        suitable = [name for name in self._kinds if long or name not in BY_LENGTH]
        return draw.choice(suitable) if suitable else ""

    def _draw(self, what: bytes) -> random.Random:
        return random.Random(hashlib.sha256(b"%d %b" % (self.seed, what)).digest())


def _length(body: bytes) -> int:
    """Characters of the text that ``body`` asks to be spoken; 0 where there is none: what asks for nothing that can
    be spoken may be answered wrongly like the rest.
    """
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError):
        return 0
    text = (fields.get("text") or fields.get("input")) if isinstance(fields, dict) else ""
    return len(text) if isinstance(text, str) else 0


# --- as the command line gives it ---------------------------------------------------------------------------------


def read_plan(text: str) -> Faults:
    """The plan of ``SEED:SHARE`` or ``SEED:SHARE:KIND,KIND...``, where kinds are names of KINDS or SESSION_KINDS.

    JobError says which part is wrong, and which kinds there are.
    """
    seed, _, rest = text.partition(":")
    share, _, kinds = rest.partition(":")
    if not share.strip():
        raise JobError(f"--faults: {text!r} is no plan; write SEED:SHARE, such as 7:0.3, or SEED:SHARE:KIND,KIND")
    drawn = int(_checked("the seed", seed, whole(0, 10**9)))
    part = float(_checked("the share", share, number(0, 1)))
    return Faults(drawn, part, kinds=[name for name in kinds.split(",") if name.strip()] or ALL)


def _checked(what: str, given: str, check: Check) -> str:
    try:
        return check(given.strip())
    except ValueError as error:
        raise JobError(f"--faults: {what} must be {error}, not {given.strip()!r}") from None
