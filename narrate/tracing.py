"""BRICK: from each word that is sent to an engine back to the characters of the source it was written with. Pure.

Two ways lie between them: what the rules of the language and the lexicon made of the text (``text.align``), and what
the reading policy made of the blocks (``Chunk.origins``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from narrate.script import Chunk
from narrate.text import normalise_aligned
from narrate.text.align import Region, align, written_span

_WORD = re.compile(r"\S+")


@dataclass(frozen=True, slots=True)
class Traced:
    """The word at ``start`` to ``end`` of ``Chunk.text`` was written as the characters ``first`` to ``last`` of the
    text of the block at ``anchor``; ``first == last`` for one that was added there."""

    start: int
    end: int
    anchor: str
    first: int
    last: int


def trace(chunk: Chunk) -> Iterator[Traced]:
    """Every word of the chunk with its place, in order. A chunk without origins has no places."""
    regions = _regions(chunk)
    for word in _WORD.finditer(chunk.text):
        start, end = written_span(regions, word.start(), word.end())
        place = _place(chunk, start, end)
        if place:
            yield Traced(word.start(), word.end(), *place)


def _regions(chunk: Chunk) -> tuple[Region, ...]:
    """Rule by rule where the rules alone made the text, which finds the smallest regions; else by comparing."""
    said, regions = normalise_aligned(chunk.source, chunk.voice.language or "en")
    return regions if said == chunk.text else align(chunk.source, chunk.text)


def _place(chunk: Chunk, start: int, end: int) -> tuple[str, int, int] | None:
    """Where the characters ``start`` to ``end`` of ``Chunk.source`` were written: in one block, that of the first."""
    touched = [
        origin
        for origin in chunk.origins
        if (origin.start < end and origin.end > start) or (start == end and origin.start <= start <= origin.end)
    ]
    written = [origin for origin in touched if origin.last > origin.first] or touched
    if not written:
        return None
    anchor = written[0].anchor
    ranges = []
    for origin in written:
        if origin.anchor != anchor:
            continue
        first, last = origin.first, origin.last
        if last - first == origin.end - origin.start:  # as written
            first, last = first + max(0, start - origin.start), last - max(0, origin.end - end)
        ranges.append((first, max(first, last)))
    return anchor, min(first for first, _ in ranges), max(last for _, last in ranges)
