"""Titles and descriptions that may be HTML, as plain text on one line: quick enough for ten thousand of them."""

from __future__ import annotations

import html
import re

LONGEST = 20_000
"""Characters that are looked at: nobody says more about a book."""
_TAG = re.compile(  # only names that are known: what looks like a tag may be text, such as List<String>
    r"</?(?:a|abbr|b|big|cite|code|del|em|font|i|img|ins|mark|q|s|small|span|strike|strong|sub|sup|tt|u)\b[^<>]*>",
    re.IGNORECASE,
)
_APART = re.compile(
    r"</?(?:article|blockquote|br|center|d[dlt]|div|figcaption|figure|footer|h[1-6r]|header|li|[ou]l|p|pre|section|"
    r"t(?:able|body|head|[dhr]))\b[^<>]*>",
    re.IGNORECASE,
)
_UNSAID = re.compile(r"<(script|style)\b.*?</\1\s*>|<!--.*?-->", re.IGNORECASE | re.DOTALL)
_CONTROLS = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def plain(text: str) -> str:
    """``text`` without its tags, its entities as characters, its white space as single blanks."""
    text = text[:LONGEST]
    if "<" in text:
        if "<!" in text or "</s" in text.lower():
            text = _UNSAID.sub(" ", text)
        text = _TAG.sub("", _APART.sub(" ", text))
    return fold(html.unescape(text) if "&" in text else text)


def fold(text: str) -> str:
    """``text`` on one line, without what a terminal would obey."""
    if text.isprintable() and "  " not in text:  # as good as all are
        return text.strip()
    return " ".join(_CONTROLS.sub("", text).split())
