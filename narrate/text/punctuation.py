"""Rules about punctuation: dashes, dots, quotation marks and ornaments become marks that a voice observes."""

from __future__ import annotations

import re

_MANY_DASHES = re.compile(r"[-‐‑‒–—―−⸺⸻](?: ?[-‐‑‒–—―−⸺⸻])+|[―⸺⸻]")
_SPACED_DASH = re.compile(r"(?<=\s)[-‐‑‒–](?=\s)")
_HYPHENS = re.compile(r"[‐‑]|(?<=[^\W\d_])[‒–](?=[^\W\d_])")
_DOTS = re.compile(r"\.{2,}|(?:\. ){2,}\.|…[.…]+")
_EMPHASIS = re.compile(r"([!?])[!?]+")
_REPEATED = re.compile(r"([,;:—…])(?:\s*\1)+")
_ORNAMENTS = re.compile(r"[•◦▪▫‣⁃∙●○■□◆◇★☆✦❦❧☙⁂⁎⁑†‡¶*_`~|\\¬¦·¯\u00a8\u00b4]+")
_QUOTES = {"«": "“", "»": "”", "„": "“", "‟": "“", "‹": "“", "›": "”", "‚": "“", "‛": "‘", "＂": '"', "ʼ": "’"}
_QUOTE_TABLE = str.maketrans(_QUOTES)

_SINGLE_OPENS = re.compile(r"‘(?=[\w“])")
_SINGLE_CLOSES = re.compile(r"(?<=[.,!?…;:—])['’](?!\w)")
FOREIGN_OR_SINGLE = re.compile("[‘" + "".join(_QUOTES) + "]|[.,!?…;:—]['’]").search
"""Finds what ``quotes`` would change, and a little more."""

_MARK_AT_START = re.compile(r"^[\s,;:.!?…—)\]”-]+(?=[\w“‘\"'(])")


def dashes(text: str, language: str = "") -> str:
    """Double hyphens, spaced hyphens and horizontal bars become "—"; odd hyphens, and "–" in a compound, become "-"."""
    text = _MANY_DASHES.sub("—", text)
    text = _SPACED_DASH.sub("—", text)
    return _HYPHENS.sub("-", text)


def dots(text: str, language: str = "") -> str:
    """Ellipses become "…"; shouted and repeated marks are said once."""
    text = _DOTS.sub("…", text)
    text = _EMPHASIS.sub(_asked_or_shouted, text)
    return _REPEATED.sub(r"\1", text)


def _asked_or_shouted(marks: re.Match[str]) -> str:
    return "?" if "?" in marks[0] else "!"


def ornaments(text: str, language: str = "") -> str:
    """Drop bullets, daggers, asterisks, pilcrows and leftover markup; "_" and "|" separate words."""
    return _ORNAMENTS.sub(lambda found: " " if set(found[0]) & set("_|•\\") else "", text)


def quotes(text: str, language: str = "") -> str:
    """English single and foreign quotation marks become “ and ”, so that the comma before them is heard.

    One that opens nothing goes. An apostrophe stays an apostrophe: only ’ after a mark of punctuation is taken for a
    closing quotation mark.
    """
    text = text.translate(_QUOTE_TABLE)
    text = _SINGLE_OPENS.sub("“", text)
    return _SINGLE_CLOSES.sub("”", text).replace("‘", " ")


def no_stray_start(text: str, language: str = "") -> str:
    """Drop marks that stand before the first word, left behind by what was dropped."""
    return _MARK_AT_START.sub("", text)
