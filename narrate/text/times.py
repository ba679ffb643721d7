"""Rules about times of day and other numbers with a colon: 7:45 p.m., 12:00, 18.30 h, John 3:16, 16:9."""

from __future__ import annotations

import re

from narrate.text.numbers import cardinal

_HALF = r"(?:[aApP]\.?\s?[mM]\b\.?)"
_CLOCK = re.compile(rf"(?<![\w:.,/])([01]?\d|2[0-4])[:.]([0-5]\d)(?::([0-5]\d))?\s?({_HALF})")
_HOUR = re.compile(rf"(?<![\w:.,/])(1[0-2]|0?[1-9])\s?({_HALF})")
_OCLOCK = re.compile(r"(?<![\w:.,/])(1[0-2]|0?[1-9]) ?(?=o[’']clock\b)")
_BARE = re.compile(r"(?<![\w:.,/])(\d{1,3}):(\d{1,3})(?::(\d\d))?(?![\w:]|\.\d)")
_VERSE = re.compile(r"[A-Z][a-z]{1,12}\.? $")
_RATIOS = frozenset((("16", "10"), ("16", "09"), ("1", "10"), ("1", "20"), ("1", "50")))


def times(text: str, language: str = "en") -> str:
    """Times of day; the letters of a.m. and p.m. stay in the dotted form that is read as letters."""
    if not any(map(str.isdigit, text)):
        return text
    text = _CLOCK.sub(lambda found: f"{_time(found[1], found[2], found[3], half=True)} {_half(found, 4)}", text)
    text = _HOUR.sub(lambda found: f"{cardinal(int(found[1]))} {_half(found, 2)}", text)
    text = _OCLOCK.sub(lambda found: f"{cardinal(int(found[1]))} ", text)
    return _BARE.sub(_colon, text)


def _half(found: re.Match[str], group: int) -> str:
    return f"{found[group][0].lower()}.m."


def _time(hour: str, minute: str, second: str | None, half: bool = False) -> str:
    hours, minutes = int(hour), int(minute)
    if minutes:
        said = f"{cardinal(hours)} {'oh ' if minutes < 10 else ''}{cardinal(minutes)}"
    elif half:
        said = cardinal(hours)
    else:
        said = f"{cardinal(hours)} o’clock" if 1 <= hours <= 12 else f"{cardinal(hours)} hundred hours"
    return f"{said} and {cardinal(int(second))} seconds" if second else said


def _colon(found: re.Match[str]) -> str:
    first, second, third = found[1], found[2], found[3]
    verse = _VERSE.search(found.string[max(0, found.start() - 16) : found.start()])
    if not verse and len(second) == 2 and int(second) < 60 and int(first) < 25 and (first, second) not in _RATIOS:
        return _time(first, second, third)
    parts = [cardinal(int(part)) for part in (first, second, third) if part]
    return (" " if verse or third or len(first) + len(second) > 4 else " to ").join(parts)
