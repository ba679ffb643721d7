"""When which piece of a text is heard: one entry for every word, blank and mark, in order. BRICK, pure.

Engines that time their words are believed; for the others the sound is shared out by letters, which for narration is
right to a fraction of a second. Counted in samples; joined, the entries are the text, and their lengths the sound.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from unicodedata import category

from narrate.audiobook import Word

_ELEMENT = re.compile(r"\w+(?:[’'.,\-]\w+)*|\s+|[^\w\s]+")
_JOINERS = "\u200c\u200d"
_FIGURE = 3.0
"""A figure takes as long to say as about so many letters."""
_IDEOGRAPH = 3.0
_MARK = 2.0
_BLANK = 0.4
"""The same of a mark between words, and of a blank."""


@dataclass(frozen=True, slots=True)
class Timing:
    """``text`` is heard from sample ``start`` for ``length`` samples."""

    text: str
    start: int
    length: int


def timings(text: str, sound: int, words: Sequence[Word], rate: int) -> tuple[Timing, ...]:
    """The elements of ``text``, whose speech is ``sound`` samples long.

    ``words`` are the engine's own times, in milliseconds from the first sample; they are used where they are as many as
    the words of the text.
    """
    elements = _elements(text)
    spoken = [index for index, element in enumerate(elements) if any(map(str.isalnum, element))]
    told = sum(any(map(str.isalnum, word.text)) for word in words)
    if words and told == len(words) == len(spoken):
        starts = list(_by_words(elements, spoken, words, sound, rate))
    else:
        starts = _by_letters(elements, sound)
    return tuple(
        Timing(element, start, end - start)
        for element, (start, end) in zip(elements, pairwise([*starts, sound]), strict=True)
    )


def _elements(text: str) -> list[str]:
    """``text`` in words, blanks and marks. What rides on a letter, as most vowels of India do, is part of its word."""
    if text.isascii():
        return _ELEMENT.findall(text)
    signs, riding = [], False
    for sign in text:
        riding = sign.isalnum() or (riding and _rides(sign))
        signs.append("a" if riding else sign)  # re knows no such signs as parts of words
    return [text[found.start() : found.end()] for found in _ELEMENT.finditer("".join(signs))]


def _rides(sign: str) -> bool:
    return category(sign)[0] == "M" or sign in _JOINERS


def _by_letters(elements: Sequence[str], sound: int) -> list[int]:
    weights = list(map(_weight, elements))
    whole = sum(weights) or 1.0
    before = accumulate(weights[:-1], initial=0.0)
    return [min(sound, round(sound * weight / whole)) for weight in before][: len(elements)]


def _weight(element: str) -> float:
    if element.isspace():
        return _BLANK
    if not any(map(str.isalnum, element)):
        return _MARK
    return sum(map(_weight_of, element))


def _weight_of(sign: str) -> float:
    if _rides(sign):
        return 0.0
    return _FIGURE if sign.isdigit() else _IDEOGRAPH if sign > "\u2e80" else 1.0


def _by_words(
    elements: Sequence[str], spoken: Sequence[int], words: Sequence[Word], sound: int, rate: int
) -> Iterator[int]:
    """Where each element starts: words where the engine says, what lies between them shares the gap."""
    places = dict(zip(spoken, words, strict=True))
    now = 0
    for index in range(len(elements)):
        if index in places:
            now = max(now, min(sound, places[index].start_ms * rate // 1000))
            yield now
            now = max(now, min(sound, places[index].end_ms * rate // 1000))
            continue
        following = bisect_right(spoken, index)
        last = following == len(spoken)
        until = sound if last else max(now, min(sound, words[following].start_ms * rate // 1000))
        left = (len(elements) if last else spoken[following]) - index
        yield now
        now += (until - now) // left
