"""Rules about fractions: ½, 2½, 3/4, 1/20, 24/7."""

from __future__ import annotations

import re
import unicodedata

from narrate.text.numbers import cardinal, ordinal

_VULGAR = re.compile(r"(?<!\d)(\d*)\s?([¼-¾⅐-⅞↉])")
_SLASHED = re.compile(r"(?<![\w/.,:-])(?:(\d{1,4})[ -])?(\d{1,3})[/⁄](\d{1,4})(?![\w/]|[.,:]\d)")
_WORDED = re.compile(r"(?<![\w/.,:-])(\d{1,3})/(\d{1,4})(?:ths?|rds?|nds?)\b")
_HALF = re.compile(r"(?<![\w.,/])½(?= an?\b|-[a-z])")
_METRE = re.compile(r"(?<![\w.,/-])(\d{1,2})/(2|4|8|16)(?=[ -]time\b)")
_DENOMINATORS = frozenset((*range(2, 21), 24, 25, 30, 32, 40, 50, 60, 64, 100, 1000))


def fractions(text: str, language: str = "en") -> str:
    """Vulgar fractions and numbers with a slash; what is no fraction is read number by number."""
    text = _HALF.sub("half", text)
    text = _WORDED.sub(lambda found: fraction(int(found[1]), int(found[2])) if int(found[2]) else found[0], text)
    text = _METRE.sub(lambda found: f"{cardinal(int(found[1]))} {cardinal(int(found[2]))}", text)
    text = _VULGAR.sub(_vulgar, text)
    return _SLASHED.sub(_slashed, text)


def fraction(upper: int, lower: int) -> str:
    """3, 4 -> "three quarters"; 1, 2 -> "one half"."""
    part = {2: "half", 4: "quarter"}.get(lower) or ordinal(lower)
    if upper != 1:
        part = "halves" if lower == 2 else part + "s"
    return f"{cardinal(upper)} {part}"


def _mixed(whole: str, upper: int, lower: int) -> str:
    if not whole:
        return fraction(upper, lower)
    said = fraction(upper, lower)
    return f"{cardinal(int(whole))} and {said.replace('one ', 'a ', 1) if upper == 1 else said}"


def _vulgar(found: re.Match[str]) -> str:
    upper, _, lower = unicodedata.normalize("NFKC", found[2]).partition("⁄")
    before = " " if found[0][:1].isspace() else ""
    after = found.string[found.end() : found.end() + 1]
    said = before + _mixed(found[1][:12], int(upper), int(lower))
    return f"{said} " if after.isalnum() else said


def _slashed(found: re.Match[str]) -> str:
    whole, upper, lower = found[1] or "", int(found[2]), int(found[3])
    if 0 < upper < lower and lower in _DENOMINATORS and found[3][0] != "0" and (upper, lower) != (9, 11):
        return _mixed(whole, upper, lower)
    said = f"{cardinal(upper)} {cardinal(lower)}" if (upper, lower) in ((9, 11), (24, 7)) else ""
    said = f"{cardinal(upper)}-{cardinal(lower)}" if (upper, lower) in ((50, 50), (20, 20), (60, 40)) else said
    said = said or f"{cardinal(upper)} over {cardinal(lower)}"
    return f"{cardinal(int(whole))} {said}" if whole else said
