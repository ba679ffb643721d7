"""The numbers and letters that a page prints before the items of its lists."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from lxml import etree

from narrate.markup.elements import name_of

_MOST = 1_000_000  # a number beyond this is a mistake
_STYLE = re.compile(r"list-style(?:-type)?\s*:\s*([a-z-]+)", re.IGNORECASE)
_ROMAN = (
    (1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l"), (40, "xl"), (10, "x"),
    (9, "ix"), (5, "v"), (4, "iv"), (1, "i"),
)  # fmt: skip


def _letters(number: int) -> str:
    """1 is "a", 26 "z", 27 "aa"."""
    letters = ""
    while number > 0:
        number, rest = divmod(number - 1, 26)
        letters = chr(ord("a") + rest) + letters
    return letters


def _roman(number: int) -> str:
    numeral = ""
    for value, sign in _ROMAN:
        numeral += sign * (number // value)
        number %= value
    return numeral


_WRITTEN: dict[str, Callable[[int], str]] = {
    "a": _letters,
    "A": lambda number: _letters(number).upper(),
    "i": _roman,
    "I": lambda number: _roman(number).upper(),
}
_MOST_WRITTEN = {"a": 10_000, "A": 10_000, "i": 3_999, "I": 3_999}
_STYLES = {
    "lower-alpha": "a", "lower-latin": "a", "upper-alpha": "A", "upper-latin": "A", "lower-roman": "i",
    "upper-roman": "I", "decimal": "1", "none": "", "disc": "", "circle": "", "square": "",
}  # fmt: skip


@dataclass(slots=True)
class Numbering:
    """How the items of one list are numbered; ``style`` "" prints nothing."""

    style: str
    following: int
    step: int

    @classmethod
    def of(cls, element: etree._Element) -> Numbering:
        """The numbering of the list ``element``."""
        if name_of(element) != "ol":
            return cls("", 1, 1)
        step = -1 if element.get("reversed") is not None else 1
        first = sum(name_of(child) == "li" for child in element) if step < 0 else 1
        return cls(_style(element, element.get("type") or "1"), _number(element.get("start"), first), step)

    def label(self, item: etree._Element) -> str:
        """The label of the next item ("3.", "c.", "iii."), "" when it has none."""
        number = _number(item.get("value"), self.following)
        self.following = number + self.step
        style = _style(item, item.get("type") or self.style) if self.style else ""
        if not style:
            return ""
        writes = _WRITTEN.get(style) if 0 < number <= _MOST_WRITTEN.get(style, 0) else None
        return f"{writes(number) if writes else number}."


def is_printed(label: str, text: str) -> bool:
    """Whether ``text`` begins with the number that ``label`` would put before it."""
    number = label.rstrip(".")
    behind = r"[.):\]–—-]|\s" if number.isdecimal() else r"[.):\]]"
    return re.match(rf"[(\[]?{re.escape(number)}(?:{behind})", text, re.IGNORECASE) is not None


def _style(element: etree._Element, otherwise: str) -> str:
    found = _STYLE.search(element.get("style") or "")
    return _STYLES.get(found[1].lower(), otherwise) if found else otherwise


def _number(value: str | None, otherwise: int) -> int:
    text = (value or "").strip()
    digits = text.removeprefix("-")
    if not digits.isdecimal() or len(digits) > 7:
        return otherwise
    return max(-_MOST, min(_MOST, int(text)))
