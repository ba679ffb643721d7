"""What all books of a run may spend together, counted before it is sent (P11), wherever the books are made."""

from __future__ import annotations

import math
import threading
from fractions import Fraction

from narrate.bounds import Limits


class Spending:
    """A count of requests, characters and money for any number of threads.

    Every request counts as billed from the moment it is taken. The first that would pass a limit ends it: ``over``
    then says why, and everything after it is turned away too.
    """

    def __init__(self, limits: Limits, currency: str) -> None:
        self._limits = limits
        self._currency = currency
        self._lock = threading.Lock()
        self._requests = 0
        self._characters = 0
        self._spent = Fraction()  # in millionths
        self.over = ""

    @property
    def limited(self) -> bool:
        """Whether there is anything to be asked for."""
        return self._limits != Limits()

    def take(self, characters: int, price: float | None, currency: str | None) -> str:
        """Count a request; the sentence for the limit that it would pass, and then it is not counted; else ""."""
        with self._lock:
            self.over = self.over or self._passed(characters, price, currency)
            if not self.over:
                self._count(1, characters, price)
            return self.over

    def give_back(self, characters: int, price: float | None) -> None:
        """Take back a request that has certainly not been sent."""
        with self._lock:
            self._count(-1, -characters, price)

    def _count(self, requests: int, characters: int, price: float | None) -> None:
        self._requests += requests
        self._characters += characters
        self._spent += characters * _exact(price)

    def _passed(self, characters: int, price: float | None, currency: str | None) -> str:
        limits = self._limits
        if limits.requests is not None and self._requests >= limits.requests:
            return f"the limit of {limits.requests:,} requests for all books together (max_requests) is reached"
        if limits.characters is not None and self._characters + characters > limits.characters:
            return f"the limit of {limits.characters:,} characters for all books together (max_characters) is reached"
        return self._too_dear(characters, price, currency) if limits.cost is not None else ""

    def _too_dear(self, characters: int, price: float | None, currency: str | None) -> str:
        cost = self._limits.cost or 0.0
        if price is None or not math.isfinite(price):
            return (
                f"the limit of {cost:g} {self._currency} (max_cost) cannot be kept: the price of this engine and model "
                "is unknown; set its price, per million characters"
            )
        if price and currency != self._currency:
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
