"""Rules about times of day and other numbers with a colon: 7:45 p.m., 12:00, 18.30 h, John 3:16, 16:9."""

from __future__ import annotations

import re

from narrate.text.numbers import cardinal

_HALF = r"(?:[aApP]\.?\s?[mM]\b\.?)"
_CLOCK = re.compile(rf"(?<![\w:.,/])([01]?\d|2[0-4])[:.]([0-5]\d)(?::([0-5]\d))?\s?({_HALF})")
_HOUR = re.compile(rf"(?<![\w:.,/])(1[0-2]|0?[1-9])\s?({_HALF})")
_OCLOCK = re.compile(r"(?<![\w:.,/])(1[0-2]|0?[1-9]) ?(?=o[’']clock\b)")
_POINT = re.compile(
    r"\b((?:[Aa]t|[Tt]ill|[Uu]ntil) )(1[0-2]|[1-9])\.([0-5]\d)"
    r"(?=[,;)”]|\.?$|\.\s| (?:and|or|on|in the (?:morning|afternoon|evening)|"
    r"this|that|precisely|sharp|he|she|we|they|the|train|express|tomorrow|every)\b)"
    r"|\b([Tt]he )(1[0-2]|[1-9])\.([0-5]\d)"
    r"(?= (?:train|express|mail|post|boat|bus|local|up|down|from|to|ferry|slow|fast)\b)"
)
_TO = re.compile(
    rf"(?<![\w:.,/-])((?:[01]?\d|2[0-4])[:.][0-5]\d(?:\s?{_HALF})?|(?:1[0-2]|[1-9])\s?{_HALF})\s?[–-]\s?"
    rf"(?=(?:[01]?\d|2[0-4]):[0-5]\d(?!\d)|(?:1[0-2]|[1-9])(?:[.:][0-5]\d)?\s?{_HALF})"
)
_HOURS_TO = re.compile(rf"(?<![\w:.,/-])(1[0-2]|[1-9])\s?[–-]\s?(?=(?:1[0-2]|[1-9])\s?{_HALF})")
_HOURS = re.compile(
    r"(?<![\w.,:-])(?:(0)(\d)|(?<=at )(1\d|2[0-3])|(?<=by )(1\d|2[0-3])|(?<=until )(1\d|2[0-3]))"
    r"([0-5]\d)(?= (?:hours|hrs)\b)"
)
_BARE = re.compile(r"(?<![\w:.,/])(\d{1,3}):(\d{1,3})(?::(\d\d))?(?![\w:]|\.\d)")
_VERSE = re.compile(r"[A-Z][a-z]{1,12}\.? $")
_RATIOS = frozenset((("16", "10"), ("16", "09"), ("1", "10"), ("1", "20"), ("1", "50")))


def times(text: str, language: str = "en") -> str:
    """Times of day; the letters of a.m. and p.m. stay in the dotted form that is read as letters."""
    text = _TO.sub(r"\1 to ", text)
    text = _HOURS_TO.sub(r"\1 to ", text)
    text = _HOURS.sub(_hours, text)
    text = _POINT.sub(
        lambda found: (found[1] or found[4]) + _time(found[2] or found[5], found[3] or found[6], None), text
    )
    text = _CLOCK.sub(lambda found: f"{_time(found[1], found[2], found[3], half=True)} {_half(found, 4)}", text)
    text = _HOUR.sub(lambda found: f"{cardinal(int(found[1]))} {_half(found, 2)}", text)
    text = _OCLOCK.sub(lambda found: f"{cardinal(int(found[1]))} ", text)
    return _BARE.sub(_colon, text)


def _hours(found: re.Match[str]) -> str:
    """0600 hours -> "oh six hundred hours"."""
    hour, minutes = int(found[2] or found[3] or found[4] or found[5]), int(found[6])
    rest = "hundred" if not minutes else f"{'oh ' if minutes < 10 else ''}{cardinal(minutes)}"
    return f"{'oh ' if found[1] else ''}{cardinal(hour)} {rest}"


def _half(found: re.Match[str], group: int) -> str:
    return f"{found[group][0].lower()}.m."


def _time(hour: str, minute: str, second: str | None, half: bool = False) -> str:
    hours, minutes = int(hour), int(minute)
    if not (hours or minutes or second or half):
        return "midnight"
    if minutes:
        said = f"{cardinal(hours)} {'oh ' if minutes < 10 else ''}{cardinal(minutes)}"
    elif half:
        said = cardinal(hours)
    else:
        said = f"{cardinal(hours)} o’clock" if 1 <= hours <= 12 else f"{cardinal(hours)} hundred hours"
    return f"{said} and {cardinal(int(second))} seconds" if second and int(second) else said


def _colon(found: re.Match[str]) -> str:
    first, second, third = found[1], found[2], found[3]
    verse = _VERSE.search(found.string[max(0, found.start() - 16) : found.start()])
    if not verse and len(second) == 2 and int(second) < 60 and int(first) < 25 and (first, second) not in _RATIOS:
        return _time(first, second, third)
    parts = [cardinal(int(part)) for part in (first, second, third) if part]
    return (" " if verse or third or len(first) + len(second) > 4 else " to ").join(parts)
