"""Rules about signs: & @ # % + = × © § and Greek letters in formulas are said, the rest is dropped."""

from __future__ import annotations

import re
import unicodedata

from narrate.text.characters import plain_superscripts
from narrate.text.numbers import cardinal

_NAMES = {
    "&": "and", "@": "at", "+": "plus", "=": "equals", "×": "times", "÷": "divided by", "±": "plus or minus",
    "≈": "about", "≠": "is not equal to", "≤": "at most", "≥": "at least", "√": "the square root of", "∞": "infinity",
    "©": "copyright", "℗": "copyright", "§": "section", "°": "degrees", "%": "percent", "‰": "per mille", "→": "to",
    "∈": "in", "∑": "the sum of", "∂": "partial", "∆": "delta", "№": "number",
    "$": "dollars", "£": "pounds", "€": "euros", "¥": "yen", "¢": "cents", "₹": "rupees", "−": "minus",
    "♯": "sharp", "♭": "flat", "♮": "natural",
}  # fmt: skip
_SIGN = re.compile("|".join(map(re.escape, _NAMES)))
_COMPARED = re.compile(r"(?<=[\w)]) ?([<>])(=?) ?(?=[\w(-])")
_SHARP = re.compile(r"(?<![\w])([A-GJ])#(?!\w)")
_PLUSES = re.compile(r"(?<=[A-Za-z])\+\+")
_ABOUT = re.compile(r"(?<![\w])~ ?(?=\d)")
_NUMBERED = re.compile(r"(?<![\w&])#\s?(?=\d)")
_LETTERED = re.compile(r"\b([A-Z]{1,3})\s?&\s?([A-Z]{1,3})\b(?!\w)")
_PRODUCT = re.compile(r"(?<=\d) ?[*·] ?(?=\d)")
_SECTIONS = re.compile(r"§§\s?")
_PARAGRAPH = re.compile(r"¶\s?(?=\d)")
_CLAUSE = re.compile(r"(?<=\d)(?=\([a-z0-9]{1,3}\))")
_ARROW = re.compile(r"(?<=[\w)’”\"'])\s?[-=]+>\s?(?=[\w(‘“\"'])")
_ETC = re.compile(r"&c\b\.?")
_POWER = re.compile(
    r"(?:(?<=[\d)])|(?<=\b[^\W\d_])|(?<=\bmc))(?:[⁻⁺]?[⁰²³⁴⁵⁶⁷⁸⁹][⁰¹²³⁴⁵⁶⁷⁸⁹]*|[⁻⁺]?¹[⁰¹²³⁴⁵⁶⁷⁸⁹]+|⁻¹|ⁿ)"
)
_OTHER_POWER = re.compile(r"[⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻]+")
_CARET = re.compile(r"(?<=[\w)])\^(\d{1,3})")
_LONE_GREEK = re.compile(r"(?<![^\W\d_])[Α-ΡΣ-Ωα-ω](?![^\W\d_])")
_SLASH = re.compile(r"(?<=\w) ?/ ?(?=\w)")
_RARE = re.compile(r"[^\w\s.,;:!?—…'’\"“”()\-]+")
_EMPTY_BRACKETS = re.compile(r"\([\s,;.]*\)")
_CLOSERS = str.maketrans("[]{}⟨⟩【】", "()()()()")


def powers(text: str, language: str = "en") -> str:
    """x² -> "x squared", 10⁻³ -> "10 to the minus third", 5^2; other raised numbers are said as numbers."""
    text = _CARET.sub(lambda found: _power(found[1]), text)
    text = _POWER.sub(lambda found: _power(plain_superscripts(found[0])), text)
    return _OTHER_POWER.sub(lambda found: f" {plain_superscripts(found[0])} ", text)


def _power(exponent: str) -> str:
    if exponent in ("2", "3"):
        return " squared" if exponent == "2" else " cubed"
    if exponent == "n":
        return " to the n"
    sign = "minus " if exponent[0] == "-" else ""
    digits = exponent.lstrip("+-")
    return f" to the power of {sign}{cardinal(int(digits))}" if len(digits) < 4 else f" to the power {digits}"


def signs(text: str, language: str = "en") -> str:
    """Signs by their names. "&c." is et cetera, "C#" sharp, "#1" number one, "~5" about five."""
    text = _ETC.sub("et cetera", text)
    text = _SECTIONS.sub("sections ", text)
    text = _CLAUSE.sub(" ", text)
    text = _ARROW.sub(" to ", text)
    text = _SHARP.sub(r"\1 sharp", text)
    text = _PLUSES.sub(" plus plus", text)
    text = _NUMBERED.sub("number ", text)
    text = _LETTERED.sub(_lettered, text)
    text = _PRODUCT.sub(" times ", text)
    text = _COMPARED.sub(_compared, text)
    return _SIGN.sub(lambda found: f" {_NAMES[found[0]]} ", text)


def about(text: str, language: str = "en") -> str:
    """ "~5" is about five, "¶ 3" paragraph three; runs before ornaments are dropped."""
    return _PARAGRAPH.sub("paragraph ", _ABOUT.sub("about ", text))


def _lettered(found: re.Match[str]) -> str:
    left, right = ("".join(f"{letter}." for letter in part) if len(part) > 1 else part for part in found.groups())
    return f"{left}-and-{right}" if len(left + right) == 2 else f"{left} and {right}"


def _compared(found: re.Match[str]) -> str:
    if not found.string[found.start() - 1].isdigit() and not found.string[found.end() : found.end() + 1].isdigit():
        return " "
    said = "less than" if found[1] == "<" else "greater than"
    return f" {said} or equal to " if found[2] else f" {said} "


def greek_letters(text: str, language: str = "en") -> str:
    """A Greek letter that stands alone is said by its name: α particles, π."""
    return _LONE_GREEK.sub(_greek, text)


def _greek(found: re.Match[str]) -> str:
    name = unicodedata.name(found[0]).split(" LETTER ")[-1].lower()
    name = {"lamda": "lambda", "final sigma": "sigma"}.get(name, name)
    after = found.string[found.end() : found.end() + 1]
    before = found.string[found.start() - 1 : found.start()] if found.start() else ""
    return f"{' ' if before.isdigit() else ''}{name}{' ' if after.isdigit() else ''}"


def brackets(text: str, language: str = "en") -> str:
    """Every kind of bracket becomes a round one; empty ones go."""
    return _EMPTY_BRACKETS.sub("", text.translate(_CLOSERS))


def rest(text: str, language: str = "en") -> str:
    """Part words at a slash, and drop every sign that has no name here (combining marks belong to their letters)."""
    return _RARE.sub(_dropped, _SLASH.sub(" ", text)).replace("_", " ")


def _dropped(found: re.Match[str]) -> str:
    marks = "".join(character for character in found[0] if unicodedata.category(character)[0] == "M")
    return marks if marks == found[0] else marks + " "
