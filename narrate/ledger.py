"""BRICK: the ledger: every request to an engine that may cost, noted before it is sent (P11).

One file, ``ledger.sqlite3``, in the store's folder, beside the segments. A reservation is on disk when ``reserve``
returns, so whatever kills narrate later, a request that was sent is listed. It holds no texts and no keys.

What a request cost follows from its state::

    spoken                         billed
    refused, throttled, unsent     not billed: turned away, or never left this machine
    failed                         possibly billed: a timeout, a dropped connection, a bad answer
    open                           in flight; possibly billed ("crashed") once its process is gone, or on another host
"""

from __future__ import annotations

import math
import os
import platform
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, fields, replace
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, Literal

from narrate.database import Connection, Database, Tables, Work
from narrate.errors import StoreError

FILE = "ledger.sqlite3"
FORGET = 0.5
"""What an earlier run still counts for, in the rate of speaking, once a later one is done."""
_LONGEST = 1_000
"""Characters of a name that are kept: titles may be as long as a book."""

Settled = Literal["spoken", "refused", "throttled", "failed", "unsent"]
STATES = ("spoken", "refused", "throttled", "failed", "unsent", "crashed", "in flight")
"""What a request may be when it is looked at."""

_REQUESTS = """CREATE TABLE requests (
    id INTEGER PRIMARY KEY,
    time REAL NOT NULL,         -- UNIX seconds
    run TEXT NOT NULL,
    host TEXT NOT NULL,
    pid INTEGER NOT NULL,
    born TEXT NOT NULL,         -- when the process began, as the system counts: numbers of processes come again
    book TEXT NOT NULL,
    source TEXT NOT NULL,
    engine TEXT NOT NULL,
    model TEXT NOT NULL,
    voice TEXT NOT NULL,
    key TEXT NOT NULL,          -- of the chunk
    attempt INTEGER NOT NULL,   -- 1, 2, ... of this key in this run
    characters INTEGER NOT NULL,
    price REAL,                 -- per million characters; NULL: unknown
    currency TEXT,
    state TEXT NOT NULL,
    billed INTEGER,             -- characters; NULL: nobody knows
    request_id TEXT NOT NULL,   -- the provider's
    seconds REAL                -- from sending to the end of the answer
)"""
_SPEEDS = """CREATE TABLE speeds (
    engine TEXT NOT NULL,
    model TEXT NOT NULL,
    characters REAL NOT NULL,
    seconds REAL NOT NULL,
    PRIMARY KEY (engine, model)
)"""
TABLES = Tables((_REQUESTS, _SPEEDS), application=int.from_bytes(b"narr", "big"), version=1, name="ledger")

GROUPS = {
    "day": "strftime('%Y-%m-%d', time, 'unixepoch', 'localtime')",
    "book": "book",
    "engine": "engine",
    "model": "model",
    "voice": "voice",
    "run": "run",
}
"""By what spending can be told, and how that is found. A time that is in no calendar has no day."""
_STATE = "CASE WHEN state <> 'open' THEN state WHEN living(host, pid, born) THEN 'in flight' ELSE 'crashed' END"
_WITHIN = "time >= ? AND time < ?"


@dataclass(frozen=True, slots=True)
class Request:
    """What is about to be sent, and for whom. ``price`` is per million ``characters``, None where it is unknown;
    ``run`` is a random id that all requests of a run share.
    """

    run: str
    book: str
    engine: str
    model: str
    voice: str
    key: str
    characters: int
    price: float | None = None
    currency: str | None = None
    source: str = ""


@dataclass(frozen=True, slots=True)
class Ticket:
    """A reservation: ``request`` is in the ledger under ``number``."""

    request: Request
    number: int
    time: float
    attempt: int


@dataclass(frozen=True, slots=True)
class Record:
    """A request as the ledger knows it; ``state`` is one of STATES. Nobody knows of ``billed`` characters that are
    None. ``time`` is in UNIX seconds, ``seconds`` None while there is no answer.
    """

    id: int
    time: float
    run: str
    host: str
    pid: int
    book: str
    source: str
    engine: str
    model: str
    voice: str
    key: str
    attempt: int
    characters: int
    price: float | None
    currency: str | None
    state: str
    billed: int | None
    request_id: str
    seconds: float | None

    @property
    def cost(self) -> Decimal | None:
        """What was, or may have been, billed; None where the price was unknown."""
        price = _exact(self.price)
        return None if price is None else (self.characters if self.billed is None else self.billed) * price / 1_000_000


@dataclass(frozen=True, slots=True)
class Spending:
    """What the requests of one group came to, in one currency: ``group`` has a value for each part of ``by``.

    ``states`` counts them by state. Characters are ``billed`` for certain, ``possible`` (failed or crashed) or
    ``in_flight``. ``cost`` and ``possible_cost`` are None, as ``currency`` is, where the price was unknown.
    """

    group: tuple[str | None, ...]
    currency: str | None
    states: dict[str, int] = field(default_factory=dict)
    billed: int = 0
    possible: int = 0
    in_flight: int = 0
    cost: Decimal | None = None
    possible_cost: Decimal | None = None

    @property
    def requests(self) -> int:
        """All of them."""
        return sum(self.states.values())

    @property
    def answered(self) -> int:
        """Those that brought speech."""
        return self.states.get("spoken", 0)


class Ledger:
    """The ledger at ``path``. Nothing is made there before the first reservation; any number of threads and processes
    may use it at once.

    ``report`` is told, in a sentence, of a damaged ledger that was set aside. ``clock`` gives UNIX seconds. Whatever
    keeps it from being written is a StoreError: then nothing may be sent.
    """

    def __init__(
        self,
        path: Path,
        report: Callable[[str], None] = lambda sentence: None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.path = path
        self._database = Database(path, TABLES, report)
        self._report = report
        self._clock = clock
        self._counting = threading.Lock()
        self._attempts: dict[tuple[str, str], int] = {}
        self._late: list[Work] = []  # what became of requests, where it could not be written yet

    def open(self) -> None:
        """Open it for writing now, to learn of trouble before anything else is done."""
        self._database.open()

    def close(self) -> None:
        """Let go of the file. What is settled later opens it again."""
        self._catch_up()
        self._database.close()

    def reserve(self, request: Request) -> Ticket:
        """Note a request that is about to be sent. It is on disk when this returns."""
        with self._counting:
            place = (request.run, request.key)
            attempt = self._attempts[place] = self._attempts.get(place, 0) + 1
        ticket = Ticket(request, 0, self._clock(), attempt)
        return replace(ticket, number=self._database.write(lambda connection: _insert(connection, ticket)))

    def settle(self, ticket: Ticket, state: Settled, request_id: str = "", seconds: float | None = None) -> None:
        """Note what became of a request, with the provider's own id of it. What a StoreError keeps from being noted is
        noted later, if that can be: by the next to settle, or by ``close``.
        """
        request = ticket.request
        billed = {"spoken": request.characters, "failed": None}.get(state, 0)
        took = round(seconds, 3) if seconds is not None and math.isfinite(seconds) else None
        outcome = (state, billed, _kept(request_id), took)
        place = (ticket.number, _kept(request.run), _kept(request.key), ticket.attempt, ticket.time)

        def work(connection: Connection) -> int:
            done = connection.execute(
                "UPDATE requests SET state = ?, billed = ?, request_id = ?, seconds = ? "
                "WHERE id = ? AND run = ? AND key = ? AND attempt = ? AND time = ?",
                (*outcome, *place),
            )
            # no such row: it was reserved in a ledger that has been set aside since
            return ticket.number if done.rowcount else _insert(connection, ticket, outcome)

        try:
            self._database.write(work)
        except StoreError:
            with self._counting:
                self._late.append(work)
            raise
        self._catch_up()

    def _catch_up(self) -> None:
        with self._counting:
            late, self._late = self._late, []
        if late:
            try:
                self._database.write(lambda connection: sum(work(connection) for work in late))
            except StoreError:
                with self._counting:
                    self._late += late

    def note_speed(self, engine: str, model: str, characters: int, seconds: float) -> None:
        """Remember that a run got so many characters spoken in so long. Nothing hangs on it: trouble is reported."""
        if not (characters > 0 and 0 < seconds < math.inf):
            return

        def work(connection: Connection) -> int:
            connection.execute(
                "INSERT INTO speeds VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO UPDATE SET "
                f"characters = characters * {FORGET} + ?3, seconds = seconds * {FORGET} + ?4",
                (_kept(engine), _kept(model), characters, seconds),
            )
            return 0

        try:
            self._database.write(work)
        except StoreError as error:
            self._report(str(error))

    def speed(self, engine: str, model: str) -> float | None:
        """Characters a second over the last runs, recent ones weighing more; None where nothing can be said."""
        question = "SELECT characters / seconds FROM speeds WHERE engine = ? AND model = ?"
        with suppress(StoreError):
            for (rate,) in self._database.read(question, (_kept(engine), _kept(model))):
                return rate if isinstance(rate, float) and 0 < rate < math.inf else None
        return None

    def spending(
        self,
        by: Sequence[str] = ("day", "book", "engine"),
        since: float | None = None,
        until: float | None = None,
    ) -> list[Spending]:
        """What was spent, grouped and ordered by each part of ``by`` (of GROUPS) and by currency; [] where there is
        no ledger. ``since`` and ``until`` (no longer included) are UNIX seconds; days are those of the local time.
        """
        groups = [*(GROUPS[part] for part in by), "CASE WHEN price IS NOT NULL THEN currency END", "price", _STATE]
        # total() is a float, exact up to 2**53, and unlike sum() cannot overflow whatever a damaged row holds
        sizes = [f"CAST(total({size}) AS INTEGER)" for size in ("1", "characters", "billed")]
        order = ", ".join(str(number + 1) for number in range(len(groups)))
        question = f"SELECT {', '.join(groups + sizes)} FROM requests WHERE {_WITHIN} GROUP BY {order} ORDER BY {order}"
        found: dict[tuple[Any, ...], Spending] = {}
        for *place, price, state, requests, characters, billed in self._read(question, since, until):
            *group, currency = (None if part is None else str(part) for part in place)
            known = tuple(place)
            before = found.get(known) or Spending(tuple(group), currency)
            found[known] = _added(before, _exact(price), str(state), (requests, characters, billed))
        return list(found.values())

    def requests(self, since: float | None = None, until: float | None = None) -> Iterator[Record]:
        """Every request, in the order of reservation."""
        columns = ", ".join(_STATE if item.name == "state" else _cast(item.name) for item in fields(Record))
        for row in self._read(f"SELECT {columns} FROM requests WHERE {_WITHIN} ORDER BY id", since, until):
            yield Record(*row)

    def _read(self, question: str, since: float | None, until: float | None) -> Iterator[tuple[Any, ...]]:
        span = (-math.inf if since is None else since, math.inf if until is None else until)
        return self._database.read(question, span, {"living": cache(_living)})


def _kept(text: str) -> str:
    """``text`` as it can be kept: not too long, and no halves of characters."""
    return text[:_LONGEST].encode("utf-8", "replace").decode()


_NUMBERS = {"id": "INTEGER", "pid": "INTEGER", "attempt": "INTEGER", "characters": "INTEGER", "billed": "INTEGER"}
_NUMBERS |= {"time": "REAL", "price": "REAL", "seconds": "REAL"}
_OPTIONAL = {"price", "currency", "billed", "seconds"}


def _cast(column: str) -> str:
    """``column`` as what it should be, also where a flipped bit made something else of it."""
    kind = _NUMBERS.get(column, "TEXT")
    value = f"CAST({column} AS {kind})"
    return value if column in _OPTIONAL else f"coalesce({value}, {0 if column in _NUMBERS else repr('')})"


def _insert(
    connection: Connection,
    ticket: Ticket,
    outcome: tuple[str, int | None, str, float | None] = ("open", None, "", None),
) -> int:
    request = ticket.request
    about = (request.book, request.source, request.engine, request.model, request.voice, request.key)
    price = (request.characters, request.price, request.currency)
    row = (ticket.time, request.run, *_process(), *about, ticket.attempt, *price, *outcome)
    values = [_kept(value) if isinstance(value, str) else value for value in row]
    return connection.execute(f"INSERT INTO requests VALUES (NULL{', ?' * len(row)})", values).lastrowid or 0


def _added(before: Spending, price: Decimal | None, state: str, counts: tuple[int, int, int]) -> Spending:
    """``before`` with so many requests, characters and billed characters more."""
    requests, characters, billed = counts
    possible = characters if state in ("failed", "crashed") else 0

    def cost(so_far: Decimal | None, size: int) -> Decimal | None:
        return None if price is None or before.currency is None else (so_far or 0) + size * price / 1_000_000

    return replace(
        before,
        states={**before.states, state: before.states.get(state, 0) + requests},
        billed=before.billed + billed,
        possible=before.possible + possible,
        in_flight=before.in_flight + (characters if state == "in flight" else 0),
        cost=cost(before.cost, billed),
        possible_cost=cost(before.possible_cost, possible),
    )


def _exact(price: Any) -> Decimal | None:
    """The price as it was given, 0.1 for 0.1, so that sums do not drift."""
    return Decimal(repr(price)) if isinstance(price, float) and math.isfinite(price) else None


@cache
def _started(pid: int) -> tuple[str, int, str]:
    return platform.node(), pid, _born(pid) or ""


def _process() -> tuple[str, int, str]:
    """This one: host, number, and when it began."""
    return _started(os.getpid())


def _born(pid: int) -> str | None:
    """When process ``pid`` began, in the system's own count; "" where that cannot be told, None when it is gone."""
    try:
        told = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return None if Path("/proc/self/stat").exists() else ""
    return None if told[0] in "ZX" else told[19]  # a zombie sends nothing any more


def _living(host: str, pid: int, born: str) -> bool:
    """Whether the process that noted a request may still be at it. Of other hosts nothing can be known."""
    mine = _process()
    if (host, pid) == mine[:2]:
        return born == mine[2]
    if host != mine[0] or os.name == "nt":  # where a signal, even number 0, is no question but an end
        return False
    try:
        os.kill(pid, 0)
    except PermissionError:
        pass
    except (OSError, OverflowError, TypeError):
        return False
    return born == _born(pid)
