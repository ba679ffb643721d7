"""A voice's settings, checked against a table of what an engine takes: names and texts in, canonical texts out.

Canonical, because settings are part of a chunk's key: "0.70" and "0.7" must not be spoken twice.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Iterable, Mapping

from narrate.errors import JobError

Check = Callable[[str], str]
"""Gives the canonical text of a value; ValueError says what it must be."""


def settled(engine: str, given: Mapping[str, str], table: Mapping[str, Check]) -> dict[str, str]:
    """``given`` with canonical values; JobError names an unknown setting or a wrong value, and guesses."""
    values: dict[str, str] = {}
    for name, value in given.items():
        if name not in table:
            raise JobError(f"{engine}: unknown setting {name!r}; {guess(name, table)}")
        try:
            values[name] = table[name](str(value).strip())
        except ValueError as error:
            raise JobError(f"{engine}: setting {name!r} must be {error}, not {value!r}") from None
    return values


def guess(name: str, known: Iterable[str]) -> str:
    """ "did you mean 'x'?", or the list of what is known."""
    known = sorted(known)
    near = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}"


def one_of(*values: str) -> Check:
    """Exactly one of ``values``."""

    def check(text: str) -> str:
        if text not in values:
            near = difflib.get_close_matches(text, values, n=1)
            raise ValueError(f"one of {', '.join(values)}" + (f" (perhaps {near[0]!r})" if near else ""))
        return text

    return check


def whole(least: int, most: int) -> Check:
    """A whole number from ``least`` to ``most``."""

    def check(text: str) -> str:
        if not (text.isascii() and text.isdecimal() and least <= int(text[:12]) <= most):
            raise ValueError(f"a whole number from {least} to {most}")
        return str(int(text))

    return check


def number(least: float, most: float) -> Check:
    """A number from ``least`` to ``most``, in its shortest form ("0.7", "1")."""

    def check(text: str) -> str:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not least <= value <= most:
            raise ValueError(f"a number from {least:g} to {most:g}")
        return repr(value).removesuffix(".0")

    return check


def words(longest: int) -> Check:
    """Any text that is not empty, of at most ``longest`` characters."""

    def check(text: str) -> str:
        if not text or len(text) > longest:
            raise ValueError(f"a text of 1 to {longest} characters")
        return text

    return check
