"""ENGINE around an engine: counts what a request costs, and notes it in the ledger, before it is sent (P11).

Nothing is sent that would pass a limit, or that the ledger cannot note. Money is counted in characters, which are
whole: no sum drifts, and a limit that is exactly the price is enough.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterable
from fractions import Fraction
from typing import Literal, Protocol

from narrate.bounds import Limits
from narrate.engines import Engine, Price, Speech, Traits
from narrate.errors import EngineClosed, EngineRefused, EngineUnavailable, LimitReached, StoreError
from narrate.ledger import Ledger, Request, Settled, Ticket
from narrate.script import Chunk


class Purse(Protocol):
    """What several books spend from at the same time, wherever they are made."""

    def take(self, characters: int, price: Price | None) -> None:
        """Count a request; LimitReached, with the sentence, when it would pass a limit of all of them together."""

    def give_back(self, characters: int, price: Price | None) -> None:
        """Take back a request that has certainly not been sent."""


class Budget:
    """What may still be sent, for any number of threads, books and engines of one ``price``.

    Every request counts as billed from the moment it is reserved, whatever becomes of it. The first that would pass a
    limit ends it: everything after it is turned away too, also what is smaller. Without a price a limit of money
    turns everything away, since it could not be kept.

    ``before`` are the budgets of books that are done and had the same limits: what they spent counts towards these.
    ``purse``, where there is one, is asked as well.
    """

    def __init__(
        self, limits: Limits, price: Price | None, before: Iterable[Budget] = (), purse: Purse | None = None
    ) -> None:
        self._limits = limits
        self._price = price
        self._purse = purse
        done = tuple(before)
        spent = sum(map(_exact, done), Fraction())
        self.before = Limits(
            float(spent / 1_000_000),
            sum(other.characters for other in done),
            sum(other.requests for other in done),
        )
        self._affordable = _affordable(limits.cost, price, spent)
        self._lock = threading.Lock()
        self._requests = 0
        self._characters = 0
        self._over = ""

    @property
    def price(self) -> Price | None:
        """What it counts with."""
        return self._price

    @property
    def requests(self) -> int:
        """Sent or in flight."""
        return self._requests

    @property
    def characters(self) -> int:
        """Of these requests."""
        return self._characters

    @property
    def cost(self) -> float | None:
        """Of these requests, at the most; None where the price is unknown."""
        return None if self._price is None else self._price.of(self._characters)

    def reserve(self, characters: int) -> None:
        """Count a request of so many characters; LimitReached when it would pass a limit. Then it is not counted."""
        with self._lock:
            self._over = self._over or self._passed(characters)
            if self._over:
                raise LimitReached(self._over)
            if self._purse is not None:
                try:
                    self._purse.take(characters, self._price)
                except LimitReached as error:
                    self._over = str(error)
                    raise
            self._requests += 1
            self._characters += characters

    def release(self, characters: int) -> None:
        """Take back a request that has certainly not been sent."""
        with self._lock:
            self._requests -= 1
            self._characters -= characters
            if self._purse is not None:
                self._purse.give_back(characters, self._price)

    def _passed(self, characters: int) -> str:
        """The sentence for the first limit that one more request would pass; "" when there is none."""
        limits = self._limits
        if self._affordable is not None and self._characters + characters > self._affordable:
            return self._sentence_of_cost(characters)
        sent = self._characters + (self.before.characters or 0)
        if limits.characters is not None and sent + characters > limits.characters:
            return (
                f"the limit of {limits.characters:,} characters is reached: {sent:,} were sent, and the "
                f"next request has {characters:,}; raise --max-characters (max_characters) to go on"
            )
        made = self._requests + (self.before.requests or 0)
        if limits.requests is not None and made >= limits.requests:
            return (
                f"the limit of {limits.requests:,} requests is reached: {made:,} were sent; "
                "raise --max-requests (max_requests) to go on"
            )
        return ""

    def _sentence_of_cost(self, characters: int) -> str:
        if self._price is None:
            return (
                f"the limit of {self._limits.cost:g} in money cannot be kept: the price of this engine and model is "
                "unknown; set its price, or take away --max-cost (max_cost)"
            )
        spent, more = self._price.of(self._characters) + (self.before.cost or 0), self._price.of(characters)
        places = 2 if more >= 0.01 else 4 if more >= 0.0001 else 6
        return (
            f"the limit of {self._limits.cost:,.{places}f} {self._price.currency} is reached: {spent:,.{places}f} are "
            f"spent at the most, and the next request would cost {more:,.{places}f}; "
            "raise --max-cost (max_cost) to go on"
        )


def _exact(budget: Budget) -> Fraction:
    """What a budget spent, in millionths; 0 where no price is known."""
    price = budget.price
    known = price is not None and math.isfinite(price.amount)
    return budget.characters * Fraction(repr(price.amount)) if price is not None and known else Fraction()


def _affordable(cost: float | None, price: Price | None, spent: Fraction) -> int | None:
    """The most characters that ``cost`` pays for, of which ``spent`` millionths are gone; None without end. Floats
    count as they are written: 0.1 is 0.1.
    """
    if cost is None or cost == math.inf or (price is not None and price.amount <= 0):
        return None
    if price is None or not math.isfinite(price.amount) or not cost > 0:
        return 0
    return max(0, math.floor((Fraction(repr(cost)) * 1_000_000 - spent) / Fraction(repr(price.amount))))


class Metered:
    """An Engine. ``book`` and ``source`` say in the ledger what it was for; ``run`` is a random id of this run.

    The ledger notes ``price``, which may be unknown (None) where the budget has to count with a guess.
    ``report`` is told once when an outcome could not be noted: what was paid for is never lost for that. ``clock``
    gives seconds and only goes forward.
    """

    def __init__(
        self,
        engine: Engine,
        budget: Budget,
        ledger: Ledger | None,
        *,
        book: str,
        run: str,
        source: str = "",
        price: Price | Literal["the budget's"] | None = "the budget's",
        report: Callable[[str], None] = lambda sentence: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._engine = engine
        self._budget = budget
        self._ledger = ledger
        self._book, self._run, self._source = book, run, source
        self._price = budget.price if price == "the budget's" else price
        self._report = report
        self._clock = clock
        self._lock = threading.Lock()
        self._reported = False

    @property
    def traits(self) -> Traits:
        """Those of the engine inside."""
        return self._engine.traits

    def speak(self, chunk: Chunk) -> Speech:
        """The engine's answer. LimitReached or StoreError before anything is sent; else what the engine raises."""
        size = len(chunk.text)
        self._budget.reserve(size)
        try:
            ticket = self._reserve(chunk, size)
        except BaseException:
            self._budget.release(size)
            raise
        began = self._clock()
        try:
            speech = self._engine.speak(chunk)
        except BaseException as error:
            state = _state(error)
            if state == "unsent":
                self._budget.release(size)
            self._settle(ticket, state, getattr(error, "request_id", ""), self._clock() - began)
            raise
        self._settle(ticket, "spoken", speech.request_id, self._clock() - began)
        return speech

    def _reserve(self, chunk: Chunk, size: int) -> Ticket | None:
        if self._ledger is None:
            return None
        voice, price = chunk.voice, self._price
        return self._ledger.reserve(
            Request(
                run=self._run,
                book=self._book,
                source=self._source,
                engine=voice.engine,
                model=voice.model,
                voice=voice.name,
                key=chunk.key,
                characters=size,
                price=price.amount if price else None,
                currency=price.currency if price else None,
            )
        )

    def _settle(self, ticket: Ticket | None, state: Settled, request_id: str, seconds: float) -> None:
        if self._ledger is None or ticket is None:
            return
        try:
            self._ledger.settle(ticket, state, request_id, seconds)
        except StoreError as error:
            with self._lock:
                told, self._reported = self._reported, True
            if not told:
                self._report(f"{error}; what was sent meanwhile stays in the ledger as possibly billed")


def _state(error: BaseException) -> Settled:
    """What is known of a request that ended with ``error``: in doubt it may have been billed."""
    if getattr(error, "sent", True) is False:
        return "unsent"
    if isinstance(error, EngineUnavailable):
        return "throttled" if error.throttled else "failed"
    return "refused" if isinstance(error, EngineRefused | EngineClosed) else "failed"
