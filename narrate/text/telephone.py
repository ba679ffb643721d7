"""Rule about telephone numbers, which are said digit by digit: (555) 123-4567, +44 20 7946 0958, 555-0134."""

from __future__ import annotations

import re

from narrate.text.numbers import digit_by_digit

_NUMBER = re.compile(
    r"(?<![\w.,$£€/+-])(?:"
    r"\+\d{1,3}(?:[ .-]?\(?\d{2,4}\)?){2,5}"  # international
    r"|\(\d{3}\) ?\d{3}[ .-]\d{4}"
    r"|(?:1-)?\d{3}[.-]\d{3}[.-]\d{4}"
    r"|\d{3}-\d{4}"
    r"|\(0\d{2,4}\) ?\d{3,4} \d{3,4}"  # British
    r"|0\d{2,3} \d{3,4} \d{4}"
    r"|0\d{4} \d{5,6}"
    r")(?![\w/]|[.,-]\d)"
)
_WORDED = re.compile(r"(?<![\w.,$£€/+-])1-(8\d\d|900)-(?=[A-Za-z]{4,})")
_GROUP = re.compile(r"\d+")


def telephone(text: str, language: str = "en") -> str:
    """Telephone numbers: the groups are parted by commas, "+" is "plus"."""
    text = _WORDED.sub(lambda found: f"one, {digit_by_digit(found[1])}, ", text)
    return _NUMBER.sub(_said, text)


def _said(found: re.Match[str]) -> str:
    groups = ", ".join(map(digit_by_digit, _GROUP.findall(found[0])))
    return f"plus {groups}" if found[0][0] == "+" else groups
