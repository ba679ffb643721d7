"""Rules about dates: 25/12/1943, 1943-12-25, May 12, 1943, 12 May 1943, Sept. 5."""

from __future__ import annotations

import re

from narrate.text.numbers import FUNCTION_WORDS, cardinal, ordinal, year

MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip

_SHORT = {month[:3]: month for month in MONTHS} | {"Sept": "September"}
_NAMES = "|".join(
    [*MONTHS, *(rf"{short}\b\.?" for short in ("Sept", *_SHORT) if short not in ("May", "Sept")), r"Sept\b\.?"]
)
_YEAR = r"[1-9]\d{3}"
_DAY = r"(?:3[01]|[12]\d|0?[1-9])"
_SUFFIX = r"(?:st|nd|rd|th|(?<=[23])d)"
_DAY_FIRST = frozenset(("gb", "au", "nz", "ie", "in", "za"))
"""Regions whose 5/6/2020 is in June; in the USA it is in May, elsewhere it is read as it is written."""

_NUMERIC = re.compile(rf"(?<![\w/.-])(\d{{1,2}})([/.-])(\d{{1,2}})\2({_YEAR}|\d\d)(?![\w/]|[.-]\d)")
_MOMENT = re.compile(
    rf"(?<![\w/.-])({_YEAR}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01]))T([0-2]\d:[0-5]\d)(:[0-5]\d)?(?:\.\d+)?(Z)?(?!\w)"
)
_DAYS = re.compile(rf"\b({_NAMES}) ({_DAY})(?:{_SUFFIX})?[-–]({_DAY})(?:{_SUFFIX})?(?![\w/:–-]|[.,]\d)(,? {_YEAR}\b)?")
_DAYS_MONTH = re.compile(
    rf"(\b[Tt]he )?(?<![\w/.,:$£€–-])({_DAY})(?:{_SUFFIX})?[-–]"
    rf"({_DAY})(?:{_SUFFIX})?(?: of)? ({_NAMES})(?![\w])(,? {_YEAR}\b)?"
)
_ARTICLE = re.compile(r"\b[Tt]he $")
_OLD_ORDINAL = re.compile(
    r"(?<=[Tt]he )(\d{0,3}[23])d(?=[,;)]| (?:of|inst|ult|and|or|in|day|[A-Z])|\.?$|\.\s[A-Z])"
    r"|(?<![\w.,£])(\d{0,3}[23])d"
    r"(?= (?:Lieut|Lt|Regiment|Infantry|Cavalry|Battalion|Division|Brigade|Corps|Army|ed\b|edition|"
    r"inst\b|ult\b))"
)
_ISO = re.compile(rf"(?<![\w/.-])({_YEAR})([-/])(0[1-9]|1[0-2])\2(0[1-9]|[12]\d|3[01])(?![\w/]|-\d)")
_MONTH_DAY = re.compile(
    rf"\b({_NAMES}) ({_DAY})(?:{_SUFFIX})?(?![\w/:]|[.,]\d|[-–]\w)(,? {_YEAR}\b)?(?=([ ]?)([A-Za-z]*))"
)
_DAY_MONTH = re.compile(
    rf"(\b[Tt]he )?(?<![\w/.,:$£€])({_DAY})(?:{_SUFFIX})?(?: of)? ({_NAMES})(?![\w])(,? {_YEAR}\b)?"
)
_MONTH_YEAR = re.compile(rf"\b({_NAMES}),? ({_YEAR})\b")
_ERA = re.compile(
    r"(?<![\w.,])(\d{1,4})(?=,? ?(?:A\.?D|B\.?C|C\.?E|B\.?C\.?E)\b)|(?<=\bA\.D\. )(\d{1,4})\b|(?<=\bAD )(\d{1,4})\b"
)


def dates(text: str, language: str = "en") -> str:
    """Dates as they are said. Whether 5/6 is in May or in June is told by the region of ``language`` (en-GB, en-US);
    without one it is read as it is written, number by number. Old ordinals (the 2d of May) are read as ordinals."""
    text = _MOMENT.sub(_moment, text)
    text = _OLD_ORDINAL.sub(lambda found: ordinal(int(found[1] or found[2])), text)
    text = _ISO.sub(lambda found: _dated(int(found[4]), int(found[3]), found[1]), text)
    region = language.lower().rpartition("-")[2]
    text = _NUMERIC.sub(lambda found: _numeric(found, region), text)
    text = _DAYS_MONTH.sub(_days_month, text)
    text = _DAYS.sub(_days, text)
    text = _DAY_MONTH.sub(_day_month, text)
    text = _MONTH_DAY.sub(_month_day, text)
    text = _MONTH_YEAR.sub(lambda found: f"{_month(found[1])} {year(int(found[2]))}", text)
    return _ERA.sub(lambda found: year(int(found[1] or found[2] or found[3])), text)


def _dated(day: int, month: int, written_year: str) -> str:
    return f"{MONTHS[month - 1]} {ordinal(day)}, {_year(written_year)}"


def _year(written: str) -> str:
    digits = written.strip(", ")
    if len(digits) == 4:
        return year(int(digits))
    return f"oh {cardinal(int(digits))}" if digits[0] == "0" else cardinal(int(digits))


def _moment(found: re.Match[str]) -> str:
    """A time stamp; full minutes lose their seconds, and "Z" is Universal Time."""
    seconds = found[3] if found[3] and found[3] != ":00" else ""
    return f"{found[1]}, {found[2]}{seconds}{' UTC' if found[4] else ''}"


def _days(found: re.Match[str]) -> str:
    of_year = f", {_year(found[4])}" if found[4] else ""
    return f"{_month(found[1])} {ordinal(int(found[2]))} to {ordinal(int(found[3]))}{of_year}"


def _days_month(found: re.Match[str]) -> str:
    of_year = f", {_year(found[5])}" if found[5] else ""
    days = f"{ordinal(int(found[2]))} to the {ordinal(int(found[3]))}"
    return f"{found[1] or 'the '}{days} of {_month(found[4])}{of_year}"


def _numeric(found: re.Match[str], region: str) -> str:
    first, second = int(found[1]), int(found[3])
    if found[2] == "." and len(found[4]) == 2:
        return found[0]  # 1.10.12 is a version or a section as well
    if region in _DAY_FIRST and first <= 31 and 1 <= second <= 12:
        article = "" if _ARTICLE.search(found.string[max(0, found.start() - 5) : found.start()]) else "the "
        return f"{article}{ordinal(first)} of {MONTHS[second - 1]}, {_year(found[4])}"
    if 12 < first <= 31 and 1 <= second <= 12:
        return _dated(first, second, found[4])
    if 12 < second <= 31 and 1 <= first <= 12:
        return _dated(second, first, found[4])
    if not (1 <= first <= 12 and 1 <= second <= 12):
        return found[0]
    if region == "us":
        return _dated(second, first, found[4])
    return f"{cardinal(first)}, {cardinal(second)}, {_year(found[4])}"


def _month(name: str) -> str:
    return _SHORT.get(name.rstrip("."), name)


def _month_day(found: re.Match[str]) -> str:
    counts = found[3] is None and found[4] and found[5] and found[5].islower() and found[5] not in FUNCTION_WORDS
    if counts:
        return found[0]  # "in May 12 men died"
    of_year = f", {_year(found[3])}" if found[3] else ""
    return f"{_month(found[1])} {ordinal(int(found[2]))}{of_year}"


def _day_month(found: re.Match[str]) -> str:
    of_year = f", {_year(found[4])}" if found[4] else ""
    return f"{found[1] or 'the '}{ordinal(int(found[2]))} of {_month(found[3])}{of_year}"
