"""Numbers in words: the one door of num2words and Babel, and the rules for bare numbers, decimals, years, ordinals."""

from __future__ import annotations

import re
from datetime import date
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from narrate.text.characters import listed

if TYPE_CHECKING:
    from babel import Locale

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

_WHOLE = re.compile(r"(?<![\w.,:/’'-])(\d{1,15})(?![\w:/’'-]|[.,]\d)")
_WORD_NEXT = re.compile(r" [^\W\d_]")
_INFLECTED = listed("ca cs da de es it lt lv nl no pl ro ru sk sl sr sv uk is")
"""Languages in which "one" changes with the noun behind it."""
_SPOKEN_POINT = listed("ca da de es fi fr id it nl no pt sv")
"""Languages in which the digits behind the decimal comma are read one by one, or as one number for two of them."""
_YEARS = listed("da de nl no")
"""Languages in which num2words reads 1984 in hundreds."""
_SLAVIC_DATES = listed("cs pl ru sk sl sr uk hr lt lv")
"""Languages in which the day of a month is an inflected ordinal: left to the engine."""
_GROUPED = re.compile(r"(?<![\d.,])\d{1,3}(?:,\d{3})+(?!\d|,\d)")
_NARROW_GROUP = re.compile(r"(?<=\d)[\u00a0\u2009\u202f](?=\d{3}(?!\d))")
_ORDINAL = re.compile(r"\b(\d{1,15})(?:st|nd|rd|th|ST|ND|RD|TH)\b")
_DECADE = re.compile(r"(?<![\w.,])(1\d|20)?(\d0)[’']?s\b")
_SHORT_YEAR = re.compile(r"(?<![\w’'])[’'](0[1-9]|[1-9]\d)(?![\w’'\"″”]|[.,:]\d)")
_PLURAL = re.compile(r"(?<![\w.,/-])(\d{1,15})s\b(?!\.)")
_SPACED = re.compile(r"(?<![\w.,])\d{1,3}(?:(?: \d{3}){2,}|(?: 000)+)(?![\w.,]\d|\d)")
_SHORT_DECADE = re.compile(r"(?<!\w)[’'](\d)0s\b")
_VERSION = re.compile(r"(?<![\w.])\d{1,6}(?:\.\d{1,6}){2,}(?![\w])")
_DECIMAL = re.compile(r"(?<![\w.])(\d{0,15})\.(\d{1,15})(?![\d])")
_MINUS = re.compile(r"(?<![\w)°%′″])(?<!\d )[-−–](?=[$£€]?[\d.]?\d)")
_MINUS_BEHIND = re.compile(r"([$£€])[-−](?=\d)")
_MIXED_UP = re.compile(r"(?<=[^\W\d_])(?=\d)|(?<=\d)(?=[^\W\d_])")
_YEAR = re.compile(r"(?<![\w.,-])(1\d\d\d|20\d\d)(?![\w]|[.,]\d)(?:(?=\s+([A-Za-z]+)))?")
_DATED = re.compile(
    r"(?:\b(?:in|of|since|by|until|till|from|before|after|around|about|year|circa|early|late|spring|summer|autumn|fall|"
    r"winter|january|february|march|april|may|june|july|august|september|october|november|december),?|[(“‘—])\s*$",
    re.IGNORECASE,
)
_NOTE = re.compile(r"(?<=[;!?”)])(?=\d)|(?<=[^\W\d_][.,’])(?=\d)")
_COMMA = re.compile(r"(?<=\d),(?=\d)")
_NUMBER = re.compile(r"\d+")
_PEOPLE = listed("men women people children feet cattle sheep folk")
_AREA = re.compile(r"\s+(?:square|cubic|sq\.?|cu\.?) (?:miles?|f[eo]{2}t|ft|yards?|met|kilo|inch|cent|acre)")
_IN_YEAR = re.compile(
    r"\b(?:in|since|until|till|year|of|from|by|[a-z]+uary|march|april|may|june|july|august|[a-z]+ember|october),?\s*$",
    re.IGNORECASE,
)


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
    if words in ("one hundred", "one thousand", "one million"):
        words = words.removeprefix("one ")
    if words.endswith("y"):
        return words[:-1] + "ies"
    return words + ("es" if words.endswith("six") else "s")


def ordinals(text: str, language: str = "") -> str:
    """1st, 22nd, 3rd, 100th."""
    return _ORDINAL.sub(lambda found: ordinal(int(found[1])), text)


def decades(text: str, language: str = "") -> str:
    """1960s, 1800s, the ’60s, the 90s, the summer of ’98, in 3s, 100s of them."""
    text = _SHORT_DECADE.sub(lambda found: plural(cardinal(int(found[1] + "0"))) if found[1] > "1" else found[0], text)
    text = _SHORT_YEAR.sub(lambda found: ("oh " if found[1][0] == "0" else "") + cardinal(int(found[1])), text)
    text = _DECADE.sub(_decade, text)
    return _PLURAL.sub(lambda found: plural(number(found[1])), text)


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
    before = found.string[max(0, found.start() - 20) : found.start()]
    if counted and _AREA.match(found.string, found.end()):
        return cardinal(int(found[1]))
    if counted in _PEOPLE and not found[1].endswith("00") and not _IN_YEAR.search(before):
        return cardinal(int(found[1]))
    if counted and not _DATED.search(before):
        plural_noun = (
            counted.endswith("s") and not counted.endswith(("ss", "us", "is")) and counted.lower() not in FUNCTION_WORDS
        )
        if plural_noun and counted.islower():
            return cardinal(int(found[1]))
    return year(int(found[1]))


def grouped(text: str, language: str = "") -> str:
    """Join thousands separated by thin or non-breaking blanks (1 234 567). Runs before blanks are folded."""
    return _NARROW_GROUP.sub("," if language.partition("-")[0].lower() in ("en", "") else "", text)


def spaced(text: str, language: str = "") -> str:
    """Join thousands separated by plain blanks where nothing else can be meant: 1 234 567, 10 000."""
    return _SPACED.sub(lambda found: found[0].replace(" ", ","), text)


def negatives(text: str, language: str = "") -> str:
    """A hyphen or minus sign right before a figure, and behind none."""
    return _MINUS.sub("minus ", _MINUS_BEHIND.sub(r"-\1", text))


def bare(text: str, language: str = "") -> str:
    """Every number that is left: thousands, versions, decimals, codes; letters and digits are parted."""
    text = _NOTE.sub(" ", text)
    text = _GROUPED.sub(lambda found: found[0].replace(",", ""), text)
    text = _VERSION.sub(lambda found: " point ".join(number(part) for part in found[0].split(".")), text)
    text = _DECIMAL.sub(lambda found: number(found[0]), text)
    text = _COMMA.sub(", ", text)
    text = _MIXED_UP.sub("-", text)
    return _NUMBER.sub(lambda found: number(found[0]) if found[0].isascii() else _other_digits(found[0]), text)


def _other_digits(digits: str) -> str:
    return number("".join(str(int(digit)) for digit in digits))


def other_language(text: str, language: str) -> str:
    """Numbers in the words of a language that num2words knows, with the thousands and decimals of that language;
    everything else stays as written."""
    primary = _known(language.partition("-")[0].lower())
    if primary not in _OTHER_LANGUAGES:
        return text
    grouped_here, decimal_here = _shapes(primary)
    text = grouped_here.sub(lambda found: _joined(found, primary), text)
    text = decimal_here.sub(lambda found: _decimal(found, primary), text)
    return _WHOLE.sub(lambda found: _whole(found, primary), text)


def _known(primary: str) -> str:
    """Bokmål is what num2words calls Norwegian."""
    return "no" if primary in ("nb", "nn") else primary


def _joined(found: re.Match[str], language: str) -> str:
    """Thousands without their signs; in words at once, lest 1.500 is taken for a year, where no decimals follow."""
    digits = re.sub(r"\D", "", found[0])
    following = found.string[found.end() : found.end() + 2]
    more = following[:1] in (",", ".") and following[1:].isdigit()
    return digits if more else _in_words(int(digits), language) or digits


@cache
def _shapes(language: str) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Patterns of grouped thousands and of decimals in ``language``."""
    decimal, group = separators(language)
    between = r"[ \u00a0\u202f]" if group.isspace() else re.escape(group)
    point = re.escape(decimal)
    thousands = re.compile(rf"(?<![\w.,])\d{{1,3}}(?:{between}\d{{3}})+(?!\d|[.,]\d{{3}})")
    return thousands, re.compile(rf"(?<![\w.,:/-])(\d{{1,15}}){point}(\d{{1,9}})(?![\w:/]|[.,-]\d)")


def _decimal(found: re.Match[str], language: str) -> str:
    whole, fraction = found[1], found[2]
    clear = language in _SPOKEN_POINT or (fraction[0] != "0" and len(fraction) <= 2)
    if not clear or (len(whole) > 1 and whole[0] == "0") or language == "tr" or not found[0].isascii():
        return found[0]
    if language not in _SPOKEN_POINT:
        return _in_words(float(f"{whole}.{fraction}"), language) or found[0]
    point = _POINTS.get(language) or _in_words(0.5, language).split()[-2]
    head = _in_words(int(whole), language)
    digits = " ".join(_in_words(int(digit), language) for digit in fraction)
    if language in ("fr", "es", "it", "pt", "ca") and len(fraction) == 2 and fraction[0] != "0":
        digits = _in_words(int(fraction), language)
    return f"{head} {point} {digits}"


_POINTS = {"es": "coma", "ca": "coma"}
"""What num2words calls a point, where the language writes and says a comma."""


def _whole(found: re.Match[str], language: str) -> str:
    digits, text = found[1], found.string
    ends_in_one = digits == "1" or (digits[-1] == "1" and language in ("es", "it", "ca", "ro", "ru", "uk"))
    if ends_in_one and language in _INFLECTED and _WORD_NEXT.match(text, found.end()):
        return digits
    if language in _SLAVIC_DATES and len(digits) <= 2 and _before_month(language).match(text, found.end()):
        return digits
    if len(digits) == 4 and digits[0] == "1" and digits[1] > "0":
        if language in _YEARS:
            said = _in_words(int(digits), language, "year")
            return said.replace(" honderd ", "honderd ") if said else digits
        if language == "sv":
            rest = _in_words(int(digits[2:]), language) if digits[2:] != "00" else ""
            return f"{_in_words(int(digits[:2]), language)}hundra{rest}"
    return _cardinal_or_digits(digits, language)


@cache
def _before_month(language: str) -> re.Pattern[str]:
    return re.compile(rf"\.? (?:{'|'.join(months(language))})\b", re.IGNORECASE)


def _in_words(value: float, language: str, form: str = "cardinal") -> str:
    """A number in words, "" where num2words knows none."""
    try:
        words: str = _speller()(value, to=form, lang=language)  # type: ignore[operator]
    except (NotImplementedError, OverflowError, IndexError, KeyError, ValueError, TypeError):
        return ""
    return words.replace("etttusen", "ettusen")


def ordinal_in(value: int, language: str) -> str:
    """The ordinal of a number in another language, "" where it is not known."""
    return _in_words(value, _known(language), "ordinal")


@cache
def _locale(language: str) -> Locale | None:
    from babel import Locale, UnknownLocaleError

    try:
        return Locale.parse("nb" if language == "no" else language)
    except (UnknownLocaleError, ValueError):
        return None


@cache
def separators(language: str) -> tuple[str, str]:
    """The decimal and the grouping sign of a language."""
    locale = _locale(language)
    if locale is None:
        return ",", "."
    symbols = locale.number_symbols.get("latn", {})
    return symbols.get("decimal", ","), symbols.get("group", ".")


@cache
def months(language: str) -> tuple[str, ...]:
    """The names of the months as they stand behind a day."""
    locale = _locale(language)
    return tuple(locale.months["format"]["wide"].values()) if locale else ("—",)


def long_date(year: int, month: int, day: int, language: str, day_first: bool = False) -> str:
    """A date as the language writes it with the name of the month: "5. Mai 1821". "" for an impossible date, and with
    ``day_first`` for a language that does not write the day first."""
    from babel.dates import format_date

    locale = _locale(language)
    if locale is None or (day_first and not locale.date_formats["short"].pattern.startswith("d")):
        return ""
    try:
        return format_date(date(year, month, day), format="long", locale=locale)
    except ValueError:
        return ""


def _cardinal_or_digits(digits: str, language: str) -> str:
    if not digits.isascii() or (len(digits) > 1 and digits[0] == "0"):
        return digits
    return _in_words(int(digits), language) or digits  # beyond what its table holds it is left to the engine
