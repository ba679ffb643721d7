"""Numbers in words: the one door of num2words, and the rules for bare numbers, decimals, years and ordinals."""

from __future__ import annotations

import re
from functools import cache, lru_cache

from narrate.text.characters import listed

_LONGEST = 15
"""Digits. Longer numbers are codes, not counts, and are said digit by digit."""

DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")

FUNCTION_WORDS = listed(
    "a an and are as at be been but by can could did do does for from had has have he her his how i if in into is it "
    "its may might my no nor not of off on or our out over shall she should since so than that the their them then "
    "there they this those to under until up upon us was we were what when where which while who whom whose why will "
    "with within without would yet you your"
)
"""Words that do not make a preceding number count them: "in 1887 he came"."""

_OTHER_LANGUAGES = listed("ca cs da de es fi fr id it lt lv nl no pl pt ro ru sk sl sr sv tr uk hu is")
"""Primary subtags in which num2words' cardinals are used for bare whole numbers."""

_WHOLE = re.compile(r"(?<![\w.,:/’'-])\d{1,15}(?![\w:/’'-]|[.,]\d)")
_GROUPED = re.compile(r"(?<![\d.,])\d{1,3}(?:,\d{3})+(?!\d|,\d)")
_NARROW_GROUP = re.compile(r"(?<=\d)[\u00a0\u2009\u202f](?=\d{3}(?!\d))")
_ORDINAL = re.compile(r"\b(\d{1,15})(?:st|nd|rd|th|ST|ND|RD|TH)\b")
_DECADE = re.compile(r"(?<![\w.,])(1\d|20)?(\d0)[’']?s\b")
_SHORT_DECADE = re.compile(r"(?<!\w)[’'](\d)0s\b")
_VERSION = re.compile(r"(?<![\w.])\d{1,6}(?:\.\d{1,6}){2,}(?![\w])")
_DECIMAL = re.compile(r"(?<![\w.])(\d{0,15})\.(\d{1,15})(?![\d])")
_MINUS = re.compile(r"(?<![\w)])(?<!\d )[-−–](?=[\d.]?\d)")
_MIXED_UP = re.compile(r"(?<=[^\W\d_])(?=\d)|(?<=\d)(?=[^\W\d_])")
_YEAR = re.compile(r"(?<![\w.,-])(1\d\d\d|20\d\d)(?![\w]|[.,]\d)(?:(?=\s+([A-Za-z]+)))?")
_DATED = re.compile(
    r"(?:\b(?:in|of|since|by|until|till|from|before|after|around|about|year|circa|early|late|spring|summer|autumn|fall|"
    r"winter|january|february|march|april|may|june|july|august|september|october|november|december),?|[(“‘—])\s*$",
    re.IGNORECASE,
)
_NOTE = re.compile(r"(?<=[;!?”)])(?=\d)|(?<=[^\W\d_][.,’])(?=\d)")
_NUMBER = re.compile(r"\d+")
_PEOPLE = frozenset("men women people children feet cattle sheep miles")


@cache
def _speller() -> object:
    from num2words import num2words

    return num2words


@lru_cache(maxsize=4096)
def _spell(value: int, form: str, language: str) -> str:
    words: str = _speller()(value, to=form, lang=language)  # type: ignore[operator]
    return words


def cardinal(value: int, language: str = "en") -> str:
    """``value`` in words, without commas: 1234 -> "one thousand two hundred and thirty-four"."""
    words = _spell(value, "cardinal", language)
    return words.replace(",", "") if language == "en" else words


def ordinal(value: int) -> str:
    """1234 -> "one thousand two hundred and thirty-fourth"."""
    return _spell(value, "ordinal", "en").replace(",", "")


def year(value: int) -> str:
    """1905 -> "nineteen oh five"; 2005 -> "two thousand and five"; 450 -> "four hundred and fifty"."""
    if value < 1000:
        return cardinal(value)
    return _spell(value, "year", "en").replace("oh-", "oh ").replace(",", "")


def digit_by_digit(digits: str) -> str:
    """ "007" -> "zero zero seven"."""
    return " ".join(DIGITS[int(digit)] for digit in digits if digit.isascii() and digit.isdigit())


def number(written: str) -> str:
    """A written number in words: digits, thousands with commas, decimals. A leading zero makes it a code."""
    plain = written.replace(",", "").replace(" ", "")
    whole, point, fraction = plain.partition(".")
    if (len(whole) > 1 and whole[0] == "0") or len(whole) > _LONGEST:
        head = digit_by_digit(whole)
    else:
        head = cardinal(int(whole)) if whole else "zero" if fraction else ""
    return f"{head} point {digit_by_digit(fraction)}" if point and fraction else head


def plural(words: str) -> str:
    """The plural of the last number word: "nineteen sixty" -> "nineteen sixties"; "two thousand" -> "two thousands"."""
    return words[:-1] + "ies" if words.endswith("y") else words + "s"


def ordinals(text: str, language: str = "") -> str:
    """1st, 22nd, 3rd, 100th."""
    return _ORDINAL.sub(lambda found: ordinal(int(found[1])), text)


def decades(text: str, language: str = "") -> str:
    """1960s, 1800s, the ’60s, the 90s."""
    text = _SHORT_DECADE.sub(lambda found: plural(cardinal(int(found[1] + "0"))) if found[1] > "1" else found[0], text)
    return _DECADE.sub(_decade, text)


def _decade(found: re.Match[str]) -> str:
    century, tens = found[1], found[2]
    if century:
        return plural(year(int(century + tens)))
    return plural(cardinal(int(tens))) if tens > "10" else found[0]


def years(text: str, language: str = "") -> str:
    """Numbers that look like years are read in pairs, unless they count what follows ("1500 men")."""
    return _YEAR.sub(_year, text)


def _year(found: re.Match[str]) -> str:
    counted = found[2]
    if counted and not _DATED.search(found.string[max(0, found.start() - 20) : found.start()]):
        plural_noun = (
            counted.endswith("s") and not counted.endswith(("ss", "us", "is")) and counted.lower() not in FUNCTION_WORDS
        )
        if counted in _PEOPLE or (plural_noun and counted.islower()):
            return cardinal(int(found[1]))
    return year(int(found[1]))


def grouped(text: str, language: str = "") -> str:
    """Join thousands separated by thin or non-breaking blanks (1 234 567). Runs before blanks are folded."""
    return _NARROW_GROUP.sub(",", text)


def negatives(text: str, language: str = "") -> str:
    """A hyphen or minus sign right before a figure, and behind none."""
    return _MINUS.sub("minus ", text)


def bare(text: str, language: str = "") -> str:
    """Every number that is left: thousands, versions, decimals, codes; letters and digits are parted."""
    text = _NOTE.sub(" ", text)
    text = _GROUPED.sub(lambda found: found[0].replace(",", ""), text)
    text = _VERSION.sub(lambda found: " point ".join(number(part) for part in found[0].split(".")), text)
    text = _DECIMAL.sub(lambda found: number(found[0]), text)
    text = _MIXED_UP.sub("-", text)
    return _NUMBER.sub(lambda found: number(found[0]) if found[0].isascii() else _other_digits(found[0]), text)


def _other_digits(digits: str) -> str:
    return number("".join(str(int(digit)) for digit in digits))


def other_language(text: str, language: str) -> str:
    """Whole numbers in the words of a language that num2words knows; everything else stays as written."""
    primary = language.partition("-")[0].lower()
    if primary not in _OTHER_LANGUAGES:
        return text
    return _WHOLE.sub(lambda found: _cardinal_or_digits(found[0], primary), text)


def _cardinal_or_digits(digits: str, language: str) -> str:
    if not digits.isascii() or (len(digits) > 1 and digits[0] == "0"):
        return digits
    try:
        return cardinal(int(digits), language)
    except (NotImplementedError, OverflowError, IndexError, KeyError, ValueError):
        return digits  # a number beyond what that language's table holds is left to the engine
