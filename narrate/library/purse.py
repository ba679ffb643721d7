"""What all books of a run may spend together, counted before it is sent (P11), wherever the books are made."""

from __future__ import annotations

import math
import threading
from fractions import Fraction

from narrate.bounds import Limits
from narrate.job import GIVE_MP3 as HOSTED
from narrate.job import Job


class Spending:
    """A count of requests, characters and money for any number of threads.

    Every request counts as billed from the moment it is taken. The first that would pass a limit ends it: ``over``
    then says why, and everything after it is turned away too, but what costs nothing where the money is spent.
    ``above`` is what this is a part of: what several shelves may spend together.
    """

    def __init__(self, limits: Limits, currency: str, above: Spending | None = None) -> None:
        self._limits = limits
        self._currency = currency
        self._above = above
        self._lock = threading.Lock()
        self._requests = 0
        self._characters = 0
        self._spent = Fraction()  # in millionths
        self._ended = self._broke = ""

    @property
    def over(self) -> str:
        """Which limit was reached, in a sentence; "" while there is something left."""
        return self._ended or self._broke or (self._above.over if self._above else "")

    @property
    def limited(self) -> bool:
        """Whether there is anything to be asked for."""
        return self._limits != Limits() or (self._above is not None and self._above.limited)

    def bars(self, job: Job) -> bool:
        """Whether there is no use in beginning with ``job`` any more."""
        if self._above is not None and self._above.bars(job):
            return True
        return bool(self._ended or (self._broke and (job.engine in HOSTED or job.price)))

    def take(self, characters: int, price: float | None, currency: str | None) -> str:
        """Count a request; the sentence for the limit that it would pass, and then it is not counted; else ""."""
        if self._above is not None and (over := self._above.take(characters, price, currency)):
            return over
        over = self._take(characters, price, currency)
        if over and self._above is not None:
            self._above.give_back(characters, price)
        return over

    def _take(self, characters: int, price: float | None, currency: str | None) -> str:
        with self._lock:
            self._ended = self._ended or self._passed(characters)
            if price != 0 and self._limits.cost is not None and not self._ended:
                self._broke = self._broke or self._too_dear(characters, price, currency)
            over = self._ended or (self._broke if price != 0 else "")
            if not over:
                self._count(1, characters, price)
            return over

    def give_back(self, characters: int, price: float | None) -> None:
        """Take back a request that has certainly not been sent."""
        with self._lock:
            self._count(-1, -characters, price)
        if self._above is not None:
            self._above.give_back(characters, price)

    def _count(self, requests: int, characters: int, price: float | None) -> None:
        self._requests += requests
        self._characters += characters
        self._spent += characters * _exact(price)

    def _passed(self, characters: int) -> str:
        limits = self._limits
        if limits.requests is not None and self._requests >= limits.requests:
            return f"the limit of {limits.requests:,} requests for all books together (max_requests) is reached"
        if limits.characters is not None and self._characters + characters > limits.characters:
            return f"the limit of {limits.characters:,} characters for all books together (max_characters) is reached"
        return ""

    def _too_dear(self, characters: int, price: float | None, currency: str | None) -> str:
        cost = self._limits.cost or 0.0
        if price is None or not math.isfinite(price):
            return (
                f"the limit of {cost:g} {self._currency} (max_cost) cannot be kept: the price of this engine and model "
                "is unknown; set its price, per million characters"
            )
        if currency != self._currency:
            return (
                f"the limit of {cost:g} {self._currency} (max_cost) cannot be kept: the engine's price is in "
                f"{currency}; set the price in {self._currency}, per million characters"
            )
        if self._spent + characters * _exact(price) <= Fraction(repr(cost)) * 1_000_000:
            return ""
        spent = float(self._spent / 1_000_000)
        return f"the limit of {cost:g} {self._currency} for all books together (max_cost) is reached: {spent:.4g} spent"


def _exact(price: float | None) -> Fraction:
    """A price, per million characters, as it is written: 0.1 is 0.1."""
    return Fraction(repr(price)) if price is not None and math.isfinite(price) else Fraction()
