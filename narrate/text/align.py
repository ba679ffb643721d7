"""Which written characters stand behind which said ones: regions that touch and cover both texts. Pure.

A rule is a plain function of text, so what it did is found by comparing before and after word by word. Rules change a
word here and there, so the comparison walks both texts side by side and, where they part, looks for the nearest place
where they agree again: its time grows with the length of the text and the size of single changes.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable
from typing import NamedTuple


class Region(NamedTuple):
    """The written characters ``start`` to ``end`` are said as the characters ``said_start`` to ``said_end``, both
    half-open. ``same`` is true where they are equal, character by character; any other region is a whole: none of its
    parts can be told apart. One side may be empty: dropped, or added.
    """

    start: int
    end: int
    said_start: int
    said_end: int
    same: bool = False


Step = Callable[[str], str]

_TOKEN = re.compile(r"\w+|\s+|[^\w\s]")
_FARTHEST = 160
"""Tokens of both texts together that are searched for the place where they agree again: a number of 15 digits has
about 50 in words. Past that the rest of the text counts as one change."""

_SURE = 2
"""Neighbouring tokens, one of them a word, that must agree before two texts are taken to go on together."""


def identity(text: str) -> tuple[Region, ...]:
    """A text that is said as written."""
    return (Region(0, len(text), 0, len(text), same=True),) if text else ()


def align(written: str, said: str) -> tuple[Region, ...]:
    """The regions between two texts, as small as can be told: what is equal, and word by word what is not."""
    if written == said:
        return identity(written)
    first, last = _agreement(written, said)
    left = _TOKEN.findall(written[first : len(written) - last])
    right = _TOKEN.findall(said[first : len(said) - last])
    regions = [Region(0, first, 0, first, same=True)] if first else []
    at, said_at = first, first
    for before, after in _changes(left, right):
        regions.append(Region(at, at + len(before), said_at, said_at + len(after), same=before == after))
        at, said_at = at + len(before), said_at + len(after)
    if last:
        regions.append(Region(at, at + last, said_at, said_at + last, same=True))
    return _merged(regions)


def compose(first: tuple[Region, ...], second: tuple[Region, ...]) -> tuple[Region, ...]:
    """From written to said, through what ``first`` makes of the written text and ``second`` of that."""
    before, after = _Side(first, 2, 0), _Side(second, 0, 2)
    regions: list[Region] = []
    start = said_start = position = 0
    for cut in sorted({0, *before.ends, *after.ends}):
        if not (before.parts(cut) and after.parts(cut)):
            continue
        (low, high), (said_low, said_high) = before.across(cut), after.across(cut)
        if cut > position:
            same = before.same(position, cut) and after.same(position, cut)
            regions.append(Region(start, low, said_start, said_low, same))
        regions.append(Region(low, high, said_low, said_high))  # dropped, added, or nothing
        start, said_start, position = high, said_high, cut
    return _merged(regions)


def aligned(text: str, steps: Iterable[Step]) -> tuple[str, tuple[Region, ...]]:
    """What the steps, one after the other, make of ``text``, and where each said word was written."""
    regions = identity(text)
    for step in steps:
        said = step(text)
        if said != text:
            regions = compose(regions, align(text, said))
            text = said
    return text, regions


def written_span(regions: tuple[Region, ...], said_start: int, said_end: int) -> tuple[int, int]:
    """The written characters that the said ones from ``said_start`` to ``said_end`` stand for.

    Characters that were added stand for nothing: their span is empty, at the place where they were added.
    """
    touched = [
        region
        for region in regions[_from(regions, said_start) :]
        if region.said_start < said_end and region.said_end > said_start
    ]
    if not touched:
        place = _place(regions, said_start)
        return place, place
    first, last = touched[0], touched[-1]
    start = first.start + max(0, said_start - first.said_start) if first.same else first.start
    end = last.end - max(0, last.said_end - said_end) if last.same else last.end
    return start, end


def _from(regions: tuple[Region, ...], said: int) -> int:
    """The index of the first region that may reach past ``said``."""
    return max(0, bisect_right(regions, said, key=lambda region: region.said_start) - 1)


def _place(regions: tuple[Region, ...], said: int) -> int:
    for region in regions:
        if said <= region.said_end:
            return min(region.end, region.start + said - region.said_start) if region.same else region.start
    return regions[-1].end if regions else 0


# --- comparing -------------------------------------------------------------------------------------------------------


def _agreement(written: str, said: str) -> tuple[int, int]:
    """How many characters at the start and at the end are equal, to whole words."""
    most = min(len(written), len(said))
    first = _longest(most, lambda size: written[:size] == said[:size])
    while first and (_inside(written, first) or _inside(said, first)):
        first -= 1
    most -= first
    last = _longest(most, lambda size: written[len(written) - size :] == said[len(said) - size :])
    while last and (_inside(written, len(written) - last) or _inside(said, len(said) - last)):
        last -= 1
    return first, last


def _longest(most: int, holds: Callable[[int], bool]) -> int:
    """The largest size for which ``holds``, which holds for every smaller one as well."""
    low, high = 0, most
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if holds(middle) else (low, middle - 1)
    return low


def _inside(text: str, at: int) -> bool:
    """Whether ``at`` would cut a word or a run of blanks."""
    if not 0 < at < len(text):
        return False
    before, after = text[at - 1], text[at]
    return (_in_word(before) and _in_word(after)) or (before.isspace() and after.isspace())


def _in_word(character: str) -> bool:
    return character.isalnum() or character == "_" or unicodedata.category(character)[0] == "M"


def _key(token: str) -> str:
    """What makes two tokens the same word, whatever its letters look like."""
    return token if token.islower() and token.isascii() else unicodedata.normalize("NFKC", token).casefold()


def _changes(left: list[str], right: list[str]) -> list[tuple[str, str]]:
    """Pairs of stretches, equal ones and changed ones in turn; together they are both texts."""
    keys, said_keys = [_key(token) for token in left], [_key(token) for token in right]
    pairs: list[tuple[str, str]] = []
    at = said_at = 0
    while at < len(left) and said_at < len(right):
        if keys[at] == said_keys[said_at]:
            pairs.append((left[at], right[said_at]))
            at, said_at = at + 1, said_at + 1
            continue
        skip, said_skip = _next_agreement(keys, said_keys, at, said_at)
        pairs += _by_words(left[at : at + skip], right[said_at : said_at + said_skip])
        at, said_at = at + skip, said_at + said_skip
    if at < len(left) or said_at < len(right):
        pairs.append(("".join(left[at:]), "".join(right[said_at:])))
    return pairs


def _next_agreement(keys: list[str], said_keys: list[str], at: int, said_at: int) -> tuple[int, int]:
    """How many tokens of each must be passed over until they agree again, as few as possible."""
    most, said_most = len(keys) - at, len(said_keys) - said_at
    for distance in range(1, min(_FARTHEST, most + said_most) + 1):
        for skip in range(max(0, distance - said_most), min(distance, most) + 1):
            if _agree(keys, said_keys, at + skip, said_at + distance - skip):
                return skip, distance - skip
    return most, said_most


def _agree(keys: list[str], said_keys: list[str], at: int, said_at: int) -> bool:
    if at == len(keys) or said_at == len(said_keys):
        return at == len(keys) and said_at == len(said_keys)
    if keys[at] != said_keys[said_at]:
        return False
    here, there = keys[at : at + _SURE], said_keys[said_at : said_at + _SURE]
    if here != there:
        return False
    if len(here) < _SURE:
        return True  # to the end of both
    return any(token[0].isalnum() for token in here)


def _by_words(left: list[str], right: list[str]) -> list[tuple[str, str]]:
    """A changed stretch, word for word where as many words and blanks stand on either side."""
    words, said_words = _runs(left), _runs(right)
    if len(words) == len(said_words) and len(words) > 1:
        return list(zip(words, said_words, strict=True))
    return [("".join(left), "".join(right))]


def _runs(tokens: list[str]) -> list[str]:
    return re.findall(r"\s+|\S+", "".join(tokens))


# --- putting together ------------------------------------------------------------------------------------------------


def _merged(regions: list[Region]) -> tuple[Region, ...]:
    """Neighbours that are the same become one, and empty ones go."""
    merged: list[Region] = []
    for region in regions:
        if region.end == region.start and region.said_end == region.said_start:
            continue
        before = merged[-1] if merged else None
        if before is not None and before.same and region.same:
            merged[-1] = Region(before.start, region.end, before.said_start, region.said_end, same=True)
        else:
            merged.append(region)
    return tuple(merged)


class _Side:
    """Regions seen from one of their two texts: ``near`` and ``far`` are 0 for the written one, 2 for the said one."""

    def __init__(self, regions: tuple[Region, ...], near: int, far: int) -> None:
        self._far = far
        self._regions = regions
        self._starts = [region[near] for region in regions]
        self.ends = [region[near + 1] for region in regions]

    def parts(self, place: int) -> bool:
        """Whether the near text can be cut at ``place``: between regions, or in one that is the same."""
        index = bisect_right(self._starts, place) - 1
        return index < 0 or self._starts[index] == place or self.ends[index] <= place or self._regions[index].same

    def across(self, place: int) -> tuple[int, int]:
        """Where a cut lies in the far text: more than a point where something stands there that is not here."""
        left, right = bisect_left(self._starts, place) - 1, bisect_right(self._starts, place) - 1
        low = 0
        if left >= 0:
            inside = self.ends[left] > place
            low = self._start(left) + place - self._starts[left] if inside else self._end(left)
        if right <= left:
            return low, low
        return low, self._end(right) if self.ends[right] == place else self._start(right)

    def same(self, start: int, end: int) -> bool:
        """Whether the near text is the same as the far one from ``start`` to ``end``."""
        index = bisect_right(self._starts, start) - 1
        return self._regions[index].same and self.ends[index] >= end

    def _start(self, index: int) -> int:
        return int(self._regions[index][self._far])

    def _end(self, index: int) -> int:
        return int(self._regions[index][self._far + 1])
