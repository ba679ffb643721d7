"""BRICK: figures for people: money, times to wait, durations."""

from __future__ import annotations


def clock(milliseconds: int) -> str:
    """A duration as h:mm:ss."""
    seconds = round(milliseconds / 1000)
    return f"{seconds // 3600}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


def priced(amount: float | None, currency: str) -> str:
    """An amount of money; fractions of a cent are shown where they are all there is."""
    if not amount:
        return "unknown" if amount is None else "nothing"
    if amount < 0.0001:
        return f"less than 0.0001 {currency}"
    return f"{amount:.2f} {currency}" if amount >= 0.1 else f"{amount:.2g} {currency}"


def duration(seconds: float) -> str:
    """A time to wait: the two largest units say enough."""
    minutes, hours = round(seconds / 60), int(seconds // 3600)
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{minutes} min" if minutes < 120 else f"{hours} h {minutes - 60 * hours} min"


def count(number: int, noun: str) -> str:
    """ "1 book", "2 books"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
