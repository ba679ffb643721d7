"""Rules about figures that name and do not count: ISBN, versions, rooms and flights, houses, 007, emergency calls."""

from __future__ import annotations

import re

from narrate.text.numbers import cardinal, digit_by_digit, number

_ISBN = re.compile(r"\b(ISBN|ISSN)(?:[ -]?(1[03])\b)?(:?)\s?((?:\d[\d -]{6,16}[\dXx]))(?![\w-])")
_GROUP = re.compile(r"[\dXx]+")
_VERSION = re.compile(
    r"(?<![\w.])(?:(v|ver|vers)\.? ?|((?:[Vv]ersion|[Rr]elease|Python|Java|Ruby|PHP|Node|Windows|Android|iOS|macOS|"
    r"Ubuntu|Firefox|Chrome|Linux|Perl|Bluetooth|USB|HTML|Unicode|OpenGL) ))(\d{1,4}(?:\.\d{1,4}){1,4})(?![\w]|\.\d)"
)
_NAMED = re.compile(
    r"\b((?:Boeing|Airbus|[Ff]lights?|[Rr]ooms?|[Rr]oute|Highway|Interstate|[Ss]uite|[Aa]partment|Fahrenheit|[Cc]ell|"
    r"Lockheed|Porsche|Ferrari|Peugeot) )(\d)(\d\d)(?![\w%°]|[.,:/]\d|-\d| (?:people|men|women))"
)
_HOUSE = re.compile(
    r"(?<![\w.,$£€-])(\d)(\d\d)([A-Za-z])?"
    r"(?= (?:(?:[NSEW]|North|South|East|West)\.? )?(?:[A-Z][a-z]+ |\d+(?:st|nd|rd|th) ){1,3}"
    r"(?:Street|St|Avenue|Ave|Road|Rd|Lane|Drive|Dr|Boulevard|Blvd|Place|Court|Square|Terrace|Row|Way|Crescent)\b)"
)
_JETS = re.compile(r"(?<![\w.,])(7)([0-8]7)(?=s\b)")
_SPY = re.compile(r"(?<![\w.,-])(?<!\d )00(\d)(?![\w.,:-])")
_EMERGENCY = re.compile(
    r"\b((?:[Cc]all(?:ed|ing|s)?|[Dd]ial(?:l?ed|l?ing|s)?|[Rr]ing(?:ing|s)?|rang|[Pp]hon(?:e|ed|ing|es)) )"
    r"(911|999|988|112|111|101|000|[46]11)(?![\w%]|[.,:-]\d| \w+s\b)"
)


def codes(text: str, language: str = "en") -> str:
    """Numbers that are names are said as people say them: "room one oh one", "Boeing seven forty-seven"."""
    text = _ISBN.sub(_isbn, text)
    text = _VERSION.sub(_version, text)
    text = _EMERGENCY.sub(lambda found: found[1] + digit_by_digit(found[2]), text)
    text = _NAMED.sub(lambda found: found[1] + _pair(found[2], found[3]), text)
    text = _HOUSE.sub(lambda found: _pair(found[1], found[2]) + (f" {found[3].upper()}" if found[3] else ""), text)
    text = _JETS.sub(lambda found: _pair(found[1], found[2]), text)
    return _SPY.sub(lambda found: f"double oh {cardinal(int(found[1]))}", text)


def _pair(hundreds: str, rest: str) -> str:
    """101 -> "one oh one", 747 -> "seven forty-seven", 300 -> "three hundred"."""
    if hundreds == "0" or rest == "00":
        return digit_by_digit(hundreds + rest) if hundreds == "0" else f"{cardinal(int(hundreds))} hundred"
    small = f"oh {cardinal(int(rest))}" if rest[0] == "0" else cardinal(int(rest))
    return f"{cardinal(int(hundreds))} {small}"


def _isbn(found: re.Match[str]) -> str:
    kind = f" {cardinal(int(found[2]))}" if found[2] else ""
    groups = [
        " ".join("X" if sign in "Xx" else digit_by_digit(sign) for sign in group) for group in _GROUP.findall(found[4])
    ]
    return f"{found[1]}{kind}{found[3]} {', '.join(groups)}"


def _version(found: re.Match[str]) -> str:
    said = " point ".join(map(number, found[3].split(".")))
    return f"version {said}" if found[1] else f"{found[2]}{said}"
