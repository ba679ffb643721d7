"""White space and invisible signs of the source to the text that is read, and where each character of it has gone."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence

from narrate.book import stacked

Edit = tuple[int, int, str]
"""Write the third for the characters from the first to the second."""

# Soft hyphens, zero-width spaces, word joiners, direction marks and overrides, variation selectors and byte order marks
# shape lines on paper and say nothing.
_INVISIBLE = re.compile(
    "[\x7f\u00ad\u034f\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufe0e\ufe0f\ufeff\ufff9-\ufffb]"
    # joiners belong to the spelling of Persian or Hindi, and to emoji; beside a Latin letter they only shape it
    "|(?<![^\x00-\u024f])[\u200c\u200d]|[\u200c\u200d](?![^\x00-\u024f])"
)
_CONTROL = re.compile("[\x00-\x08\x0e-\x1f]")
_CJK = "[\u2e80-\u312f\u31a0-\u9fff\uf900-\ufaff\uff01-\uff60]"
_CJK_LINE_BREAK = re.compile(f"(?<={_CJK})[ \t]*\r?\n\\s*(?={_CJK})")
_BLANKS = re.compile(r"\s{2,}|[^\S ]")
_FOLDS = ((_INVISIBLE, ""), (_CJK_LINE_BREAK, ""), (_BLANKS, " "))
_RAISED = "⁰¹²³⁴⁵⁶⁷⁸⁹"
_LOWERED = "₀₁₂₃₄₅₆₇₈₉"
_BUILT_FRACTION = re.compile(f"([{_RAISED}]+) ?[/⁄] ?([{_LOWERED}]+)")
_DIGITS = str.maketrans(_RAISED + _LOWERED, "0123456789" * 2)


def fold(text: str) -> str:
    """White space to single blanks, and none where a line of Chinese or Japanese was merely broken."""
    return folded(_CONTROL.sub("", text))[0].strip()


def folded(text: str, places: Sequence[int] = ()) -> tuple[str, list[int]]:
    """The text with single blanks, without what is invisible, in NFC; and where the ``places`` of it have gone."""
    moved = list(places)
    for pattern, instead in _FOLDS[2:] if text.isascii() else _FOLDS:
        if moved:
            text, moved = edited(text, [(*found.span(), instead) for found in pattern.finditer(text)], moved)
        else:
            text = pattern.sub(instead, text)
    return composed(text, moved)


def composed(text: str, places: Sequence[int] = ()) -> tuple[str, list[int]]:
    """The text in NFC, with its places, and without the marks that are stacked too high."""
    if text.isascii():
        return text, list(places)
    too_high = [(start, end, "") for start, end in stacked(text)]
    if too_high:
        text, places = edited(text, too_high, places)
    if unicodedata.is_normalized("NFC", text):
        return text, list(places)
    if not places:
        return unicodedata.normalize("NFC", text), []
    text, moved = edited(text, list(_compositions(text)), places)
    if not unicodedata.is_normalized("NFC", text):  # scripts whose letters compose with letters
        text = unicodedata.normalize("NFC", text)
        moved = [min(place, len(text)) for place in moved]
    return text, moved


def edited(text: str, edits: Sequence[Edit], places: Iterable[int] = ()) -> tuple[str, list[int]]:
    """Make the edits, which are in order and apart, and say where the ``places`` of the text have gone.

    A place inside an edit goes with the characters written there, as far as they reach.
    """
    if not edits:
        return text, list(places)
    parts: list[str] = []
    starts: list[int] = []
    gains: list[int] = []  # how far the text behind each edit has moved
    at = gain = 0
    for start, end, instead in edits:
        parts += (text[at:start], instead)
        at = end
        gain += len(instead) - (end - start)
        starts.append(start)
        gains.append(gain)
    parts.append(text[at:])
    moved = []
    for place in places:
        number = bisect_right(starts, place) - 1
        if number < 0:
            moved.append(place)
            continue
        start, end, instead = edits[number]
        before = gains[number - 1] if number else 0
        moved.append(place + gains[number] if place >= end else start + before + min(place - start, len(instead)))
    return "".join(parts), moved


def built_fractions(text: str) -> list[Edit]:
    """A fraction set with a raised and a lowered number is one number: "2¹/₂" is "2 1/2"."""
    if not any(sign in text for sign in "/⁄"):
        return []
    return [
        (
            *found.span(),
            f"{' ' * (found.start() > 0 and text[found.start() - 1].isdigit())}{found[1]}/{found[2]}".translate(
                _DIGITS
            ),
        )
        for found in _BUILT_FRACTION.finditer(text)
    ]


def _compositions(text: str) -> Iterator[Edit]:
    """What NFC changes, a letter with its accents at a time."""
    start = 0
    for at in range(1, len(text) + 1):
        if at < len(text) and (text[at] > "\x7f" and _continues(text[at])):
            continue
        cluster = text[start:at]
        if not cluster.isascii():
            composite = unicodedata.normalize("NFC", cluster)
            if composite != cluster:
                yield start, at, composite
        start = at


def _continues(character: str) -> bool:
    """Whether it may be composed with what stands before it: an accent, a vowel sign, a Korean vowel or final."""
    return (
        unicodedata.combining(character) > 0
        or unicodedata.category(character) in ("Mc", "Mn")
        or ("\u1161" <= character <= "\u1175" or "\u11a8" <= character <= "\u11c2")
    )
