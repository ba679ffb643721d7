"""Rules for languages other than English: dates, sums, percentages, degrees, ordinals and a few signs.

Only what is safe: a language without a row in a table keeps its figures and signs, for the engine to read. Figures that
these rules leave are written in words by ``numbers.other_language``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from narrate.text.numbers import long_date, months, ordinal_in

_PERCENT = {
    "de": "Prozent", "fr": "pour cent", "es": "por ciento", "it": "per cento", "pt": "por cento", "nl": "procent",
    "sv": "procent", "da": "procent", "no": "prosent", "nb": "prosent", "pl": "procent", "cs": "procent",
    "fi": "prosenttia", "hu": "százalék", "ro": "la sută", "ca": "per cent", "id": "persen",
}  # fmt: skip
_AND = {
    "de": "und", "fr": "et", "es": "y", "it": "e", "pt": "e", "nl": "en", "sv": "och", "da": "og", "no": "og",
    "nb": "og", "pl": "i", "cs": "a", "sk": "a", "fi": "ja", "hu": "és", "ro": "și", "ca": "i", "id": "dan", "tr": "ve",
}  # fmt: skip
_SECTION = {
    "de": "Paragraf", "fr": "paragraphe", "it": "paragrafo", "pt": "parágrafo", "nl": "paragraaf", "sv": "paragraf",
    "da": "paragraf", "no": "paragraf", "nb": "paragraf", "pl": "paragraf", "cs": "paragraf", "es": "párrafo",
}  # fmt: skip
_CELSIUS = {
    "de": "Grad Celsius", "fr": "degrés Celsius", "es": "grados Celsius", "it": "gradi Celsius", "pt": "graus Celsius",
    "nl": "graden Celsius", "sv": "grader Celsius", "da": "grader Celsius", "no": "grader Celsius",
    "nb": "grader Celsius", "pl": "stopni Celsjusza", "cs": "stupňů Celsia", "fi": "celsiusastetta",
}  # fmt: skip
_NUMBER_SIGN = {"de": "Nummer", "fr": "numéro", "es": "número", "it": "numero", "pt": "número", "nl": "nummer",
                "sv": "nummer", "da": "nummer"}  # fmt: skip
_MINUS = {"de": "minus", "fr": "moins", "es": "menos", "it": "meno", "pt": "menos", "nl": "min", "sv": "minus",
          "da": "minus", "no": "minus", "nb": "minus", "pl": "minus", "cs": "minus"}  # fmt: skip

_MONEY = {
    # language: sign: (one of it, many, what stands before the hundredths)
    "de": {"€": ("ein Euro", "Euro", ""), "$": ("ein Dollar", "Dollar", ""), "£": ("ein Pfund", "Pfund", "")},
    "fr": {"€": ("un euro", "euros", ""), "$": ("un dollar", "dollars", ""), "£": ("une livre", "livres", "")},
    "es": {"€": ("un euro", "euros", "con"), "$": ("un dólar", "dólares", "con"), "£": ("una libra", "libras", "con")},
    "it": {"€": ("un euro", "euro", "e"), "$": ("un dollaro", "dollari", "e"), "£": ("una sterlina", "sterline", "e")},
    "pt": {"€": ("um euro", "euros", "e"), "$": ("um dólar", "dólares", "e"), "£": ("uma libra", "libras", "e")},
    "nl": {"€": ("één euro", "euro", ""), "$": ("één dollar", "dollar", ""), "£": ("één pond", "pond", "")},
    "sv": {"€": ("en euro", "euro", "och"), "$": ("en dollar", "dollar", "och"), "£": ("ett pund", "pund", "och")},
    "da": {"€": ("en euro", "euro", "og"), "$": ("en dollar", "dollar", "og"), "£": ("et pund", "pund", "og")},
    "no": {"€": ("en euro", "euro", "og"), "$": ("en dollar", "dollar", "og"), "£": ("ett pund", "pund", "og")},
    "pl": {"€": ("jedno euro", "euro", "i")},
}

_AMOUNT = r"\d{1,3}(?:[.  ]\d{3})+(?:,\d{1,2})?|\d+(?:,\d+)?"
_BEHIND = re.compile(rf"(?<![\w.,])({_AMOUNT}) ?([€$£])(?!\w)")
_BEFORE = re.compile(rf"([€$£]) ?({_AMOUNT})(?![\w])")
_PERCENT_SIGN = re.compile(r"(?<=\d) ?%(?!\w)")
_DEGREES = re.compile(r"(?<=\d) ?(?:° ?C\b|℃)")
_BELOW_ZERO = re.compile(r"(?<![\w–-])[-−](?=\d)")
_AMPERSAND = re.compile(r"(?<=\w) & (?=\w)")
_SECTION_SIGN = re.compile(r"§ ?(?=\d)")
_NUMERO = re.compile(r"№ ?(?=\d)|\b[Nn][º°] ?(?=\d)")

_NUMERIC = re.compile(r"(?<![\w/.-])(\d{1,2})(?:([./-])|\. )(\d{1,2})(?:\2|\. )([12]\d{3})(?![\w/-]|\.\d)")
_ISO = re.compile(r"(?<![\w/.-])([12]\d{3})-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])(?![\w/-])")

_MASCULINE_FEMININE = re.compile(r"(?<![\w.,])(\d{1,3})\.?([ºª])")
_FRENCH = re.compile(r"(?<![\w.,])(\d{1,3})(er|re|ère|e|ème|nd|nde)(?!\w)")
_DUTCH = re.compile(r"(?<![\w.,])(\d{1,3})(?:e|de|ste)(?!\w)")
_SWEDISH = re.compile(r"(?<![\w.,])(\d{1,3}):[ae](?!\w)")
_DOTTED_DAY = {"de", "da", "no", "nb", "fi"}
"""Languages whose ordinals are written with a dot, and in which that of a day before a month is known."""
_GERMAN_WEAK = re.compile(r"\b(?:[Aa]m|[Vv]om|[Dd]em|[Dd]en|[Dd]es|[Zz]um|[Bb]eim|[Jj]eden|[Dd]iesem|[Dd]iesen) $")
_GERMAN_ARTICLE = re.compile(r"\b[Dd]er $")


def _primary(language: str) -> str:
    return language.partition("-")[0].lower()


def ordinal_signs(text: str, language: str) -> str:
    """1º and 2ª in Spanish, Italian and Portuguese, "nº 5". Runs before raised letters are lowered."""
    primary = _primary(language)
    if primary in _NUMBER_SIGN:
        text = _NUMERO.sub(f"{_NUMBER_SIGN[primary]} ", text)
    if primary not in ("es", "it", "pt"):
        return text
    return _MASCULINE_FEMININE.sub(lambda found: _gendered(found, primary), text)


def _gendered(found: re.Match[str], language: str) -> str:
    said = ordinal_in(int(found[1]), language)
    if not said:
        return found[0]
    if found[2] == "ª":
        return re.sub(r"o\b", "a", said)
    return said


def dates(text: str, language: str) -> str:
    """Numeric dates with the name of their month (day first where the language writes so; ISO everywhere), the day of
    a month as an ordinal where the language says one."""
    primary = _primary(language)
    text = _ISO.sub(lambda found: long_date(int(found[1]), int(found[2]), int(found[3]), primary) or found[0], text)
    text = _NUMERIC.sub(lambda found: _numeric(found, primary), text)
    if primary in _DOTTED_DAY:
        return _days(primary, months(primary)).sub(lambda found: _dotted_day(found, primary), text)
    if primary in ("fr", "it"):
        return _days(primary, months(primary)).sub(lambda found: _first_day(found, primary), text)
    return text


def _numeric(found: re.Match[str], language: str) -> str:
    day, month = int(found[1]), int(found[3])
    return long_date(int(found[4]), month, day, language, day_first=True) or found[0]


_DAYS: dict[str, re.Pattern[str]] = {}


def _days(language: str, names: tuple[str, ...]) -> re.Pattern[str]:
    if language not in _DAYS:
        dot = r"\." if language in _DOTTED_DAY else ""
        _DAYS[language] = re.compile(rf"(?<![\w.,])(\d{{1,2}}){dot} (?=(?:{'|'.join(names)})\b)", re.IGNORECASE)
    return _DAYS[language]


def _dotted_day(found: re.Match[str], language: str) -> str:
    """am 3. Mai -> am dritten Mai; der 3. Mai -> der dritte Mai; Berlin, 3. Mai -> Berlin, dritter Mai."""
    said = ordinal_in(int(found[1]), language)
    if not said or not 1 <= int(found[1]) <= 31:
        return found[0]
    if language == "de":
        before = found.string[max(0, found.start() - 8) : found.start()]
        said += "n" if _GERMAN_WEAK.search(before) else "" if _GERMAN_ARTICLE.search(before) else "r"
    return f"{said} "


def _first_day(found: re.Match[str], language: str) -> str:
    first = {"fr": "premier ", "it": "primo "}[language]
    return first if found[1] == "1" else found[0]


def ordinals(text: str, language: str) -> str:
    """French 1er and 2e, Dutch 3e and 2de, Swedish 1:a."""
    primary = _primary(language)
    if primary == "fr":
        return _FRENCH.sub(_french, text)
    pattern = {"nl": _DUTCH, "sv": _SWEDISH}.get(primary)
    return pattern.sub(lambda found: ordinal_in(int(found[1]), primary) or found[0], text) if pattern else text


def _french(found: re.Match[str]) -> str:
    if found[1] == "1":
        return {"er": "premier", "re": "première", "ère": "première"}.get(found[2], found[0])
    if found[2] in ("nd", "nde"):
        return {"nd": "second", "nde": "seconde"}[found[2]] if found[1] == "2" else found[0]
    return (ordinal_in(int(found[1]), "fr") or found[0]) if found[2] in ("e", "ème") else found[0]


def amounts(text: str, language: str) -> str:
    """Sums of money, percentages, degrees and temperatures below zero; their figures stay figures."""
    primary = _primary(language)
    money = _MONEY.get(primary, {})
    if money:
        text = _BEFORE.sub(lambda found: _sum(found[2], found[1], money) or found[0], text)
        text = _BEHIND.sub(lambda found: _sum(found[1], found[2], money) or found[0], text)
    if primary in _MINUS:
        text = _BELOW_ZERO.sub(f"{_MINUS[primary]} ", text)
    if primary in _CELSIUS:
        text = _DEGREES.sub(f" {_CELSIUS[primary]}", text)
    return _PERCENT_SIGN.sub(f" {_PERCENT[primary]}", text) if primary in _PERCENT else text


def _sum(amount: str, sign: str, money: Mapping[str, tuple[str, str, str]]) -> str:
    if sign not in money:
        return ""
    one, many, joint = money[sign]
    whole, comma, hundredths = amount.partition(",")
    said = one if whole == "1" else f"{whole} {many}"
    if not comma or not hundredths.strip("0"):
        return said
    if len(hundredths) != 2:
        return f"{amount} {many}"
    return " ".join(filter(None, (said, joint, str(int(hundredths)))))


def signs(text: str, language: str) -> str:
    """ "&" between words and "§" before a figure."""
    primary = _primary(language)
    if primary in _AND:
        text = _AMPERSAND.sub(f" {_AND[primary]} ", text)
    return _SECTION_SIGN.sub(f"{_SECTION[primary]} ", text) if primary in _SECTION else text
