"""Rules about ranges: 1914–18, pp. 3–5, 10-12, A–Z."""

from __future__ import annotations

import re

from narrate.text.numbers import cardinal, number, year

_NUMBER = r"\d{1,3}(?:,\d{3})+|\d+(?:\.\d+)?"
_RANGE = re.compile(rf"(?<![\w/.,–—-])({_NUMBER})\s?[–-]\s?({_NUMBER})(?![\w/]|[.,–:-]\d|-\w)")
_LETTERS = re.compile(r"\b([A-Z])–([A-Z])\b")
_ALPHABET = re.compile(r"(?<![\w-])A-Z(?![\w-])")
_OPEN_YEAR = re.compile(r"\((1\d{3}|20\d\d)[–—-]\s?\)")


def ranges(text: str, language: str = "en") -> str:
    """Spans of numbers or letters are said with "to". Two years are read as years, 1914–18 too."""
    text = _OPEN_YEAR.sub(lambda found: f"({year(int(found[1]))} to the present)", text)
    text = _LETTERS.sub(r"\1 to \2", text)
    text = _ALPHABET.sub("A to Z", text)
    return _RANGE.sub(_range, text)


def _range(found: re.Match[str]) -> str:
    first, last = found[1], found[2]
    if _code(first) or _code(last):
        return found[0]
    if re.fullmatch(r"1\d{3}|20\d\d", first) and first.isdigit():
        if len(last) == 4 and last > first:
            return f"{year(int(first))} to {year(int(last))}"
        if len(last) == 2 and last > first[2:]:
            return f"{year(int(first))} to {cardinal(int(last)) if last[0] != '0' else 'oh ' + cardinal(int(last))}"
        if len(last) == 1 and first[2] == "0" and last > first[3]:
            return f"{year(int(first))} to {cardinal(int(last))}"  # 1806-7
    return f"{number(first)} to {number(last)}"


def _code(written: str) -> bool:
    return len(written) > 1 and written[0] == "0" and "." not in written
