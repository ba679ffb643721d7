"""Where a text may be cut so that an engine can say the parts: sentences, then clauses, words, graphemes."""

from __future__ import annotations

import re
from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import accumulate

import regex
import sentencex

from narrate.script import Boundary
from narrate.text.mending import mended

_CLAUSE_END = re.compile(r"(?:[,;:،；：，、،؛]|[–—])[\"'”’»)\]]*\s*|\s+(?=[–—(])|(?<=[。！？।])")
_WORD_END = re.compile(r"\s+")
_GRAPHEME = regex.compile(r"\X")
_WINDOW = 10_000
"""Characters that are looked at together for the ends of sentences: four pages of a novel."""

Cost = Callable[[str], float]
"""The share of an engine's limit that a text uses: at most 1 can be said at once. It must add up: the cost of a whole
is at most the sum of the costs of its parts."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A half-open range of a text and what ends it."""

    start: int
    end: int
    after: Boundary


def split(text: str, cost: Cost, language: str = "en") -> list[Piece]:
    """Cut ``text`` into pieces that cost at most 1 each; nothing is lost, and pieces touch.

    Sentences are kept whole and put together while they fit; only a sentence that is too long by itself is cut at
    clauses, then at words, then between graphemes. The last piece ends with "paragraph".
    """
    if cost(text) <= 1:
        return [Piece(0, len(text), "paragraph")]
    units = list(_units(text, 0, sentences(text, language), "sentence", cost))
    pieces = _pack(units)
    pieces[-1] = Piece(pieces[-1].start, len(text), "paragraph")
    return pieces


@dataclass(frozen=True, slots=True)
class _Unit:
    start: int
    end: int
    after: Boundary
    cost: float


_FINER: dict[Boundary, tuple[Boundary, Callable[[str], list[int]]]] = {
    "sentence": ("clause", lambda text: [match.end() for match in _CLAUSE_END.finditer(text)]),
    "clause": ("word", lambda text: [match.end() for match in _WORD_END.finditer(text)]),
}


def _units(text: str, offset: int, ends: list[int], after: Boundary, cost: Cost) -> Iterator[_Unit]:
    """The parts of ``text`` between ``ends``, each cut finer until it fits."""
    start = 0
    for end in [*(end for end in ends if end < len(text)), len(text)]:
        if end == start:
            continue
        part = text[start:end]
        price = cost(part)
        if price <= 1:
            yield _Unit(offset + start, offset + end, after, price)
        elif after in _FINER:
            finer, cut = _FINER[after]
            inner = list(_units(part, offset + start, cut(part), finer, cost))
            yield from inner[:-1]
            yield _Unit(inner[-1].start, inner[-1].end, after, inner[-1].cost)
        else:
            yield from _graphemes(part, offset + start, after, cost)
        start = end


def _graphemes(text: str, offset: int, after: Boundary, cost: Cost) -> Iterator[_Unit]:
    """Cut a single endless word. A grapheme that is over the limit by itself is yielded all the same: it cannot be
    cut, and the engine refuses it with its own words."""
    ends = array("Q", (match.end() for match in _GRAPHEME.finditer(text)))  # a list takes five times the room
    start = number = 0
    while start < len(text):
        step = 1
        while number + step < len(ends) and cost(text[start : ends[number + step]]) <= 1:
            step *= 2
        # between half a step and a whole one lies the last grapheme that fits
        most = min(number + step, len(ends))
        last = bisect_right(ends, 1.0, number + 1 + step // 2, most, key=lambda end: cost(text[start:end])) - 1
        end = ends[last]
        yield _Unit(offset + start, offset + end, "word" if end < len(text) else after, cost(text[start:end]))
        start, number = end, last + 1


def _pack(units: list[_Unit]) -> list[Piece]:
    """Put neighbouring units together into pieces of about equal size, none over 1."""
    total = sum(unit.cost for unit in units)
    fair = total / max(1, -(-total // 1))
    pieces: list[Piece] = []
    start, used = units[0].start, 0.0
    for unit, following in zip(units, [*units[1:], None], strict=True):
        used += unit.cost
        enough = used >= fair and unit.after == "sentence"
        if following is None or used + following.cost > 1 or enough:
            pieces.append(Piece(start, unit.end, unit.after))
            start, used = unit.end, 0.0
    return pieces


def sentences(text: str, language: str) -> list[int]:
    """The ends of the sentences of ``text``, by sentencex's rules for the language (those of English for unknown ones).

    Its answer is used only where it loses no character; a text that it alters counts as one sentence. Cuts that
    ``mending`` knows to be wrong are undone. A paragraph of many pages is shown to it in windows, since its time grows
    with the square of what it sees; the sentence that a window cuts off begins the next one.
    """
    primary = language.split("-")[0].lower() or "en"
    ends: list[int] = []
    start = 0
    while start < len(text):
        window = text[start : start + _WINDOW]
        parts = sentencex.segment(primary, window)
        whole = parts if "".join(parts) == window else [window]
        inner = list(accumulate(map(len, whole), initial=start))[1:]
        if inner[-1] == len(text):
            return mended(text, [*ends, *inner], primary)
        start = inner[-2] if len(inner) > 1 else inner[-1]
        ends += inner[:-1]
    return ends
