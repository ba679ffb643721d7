"""BRICK: a block's text as it is read, with edits made; each stretch leads back to what was written. Pure."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from narrate.book import Block, Mark

_ADDRESS = re.compile(r"\b(?:(?:https?|ftps?)://|www\.)[^\s<>“”\"]*[^\s<>“”\".,;:!?)\]’'…]", re.IGNORECASE)
_LINE_END = re.compile(r"\n")


@dataclass(frozen=True, slots=True)
class Stretch:
    """Text that is said for the characters ``first`` to ``last`` of the block at ``anchor``.

    ``first == last``: nothing of the block, it was added there. ``language`` is that of a passage in another language
    than the block's, ``phonemes`` how the source says it is pronounced ("ipa:...").
    """

    text: str
    anchor: str
    first: int
    last: int
    language: str = ""
    phonemes: str = ""


@dataclass(frozen=True, slots=True)
class Edit:
    """Say ``text`` for the characters ``start`` to ``end``; ``kind`` says why, where that is nothing."""

    start: int
    end: int
    text: str
    kind: str = ""


def apart(cuts: Iterable[Edit]) -> list[Edit]:
    """The cuts without those that touch one before them."""
    kept: list[Edit] = []
    for cut in sorted(cuts, key=lambda cut: (cut.start, -cut.end)):
        if not kept or cut.start >= kept[-1].end:
            kept.append(cut)
    return kept


def inside(start: int, end: int, cuts: Sequence[Edit]) -> bool:
    """Whether ``start`` to ``end`` touches one of ``cuts``, which are in order and apart."""
    after = bisect_right(cuts, start, key=lambda cut: cut.end)
    return after < len(cuts) and (cuts[after].start < end or cuts[after].start < start)


def addresses(text: str) -> Iterator[re.Match[str]]:
    return _ADDRESS.finditer(text) if "://" in text or "www." in text.lower() else iter(())


def verse_lines(text: str, action: str) -> Iterator[Edit]:
    """A breath at the end of each line: a comma where the line has no stop of its own."""
    for found in _LINE_END.finditer(text):
        open_ended = text[max(0, found.start() - 1)].isalnum()
        yield Edit(found.start(), found.end(), " " if action == "run on" else ",\n" if open_ended else "\n")


def spaced(text: str, at: int, said: str) -> str:
    """``said`` with blanks where it would touch a word."""
    before = " " if at and not text[at - 1].isspace() else ""
    after = " " if at < len(text) and not text[at].isspace() and text[at] not in ".,;:!?)" else ""
    return f"{before}{said}{after}"


def stretches(block: Block, edits: Sequence[Edit]) -> Iterator[Stretch]:
    """The block's text with the edits made, in order; an edit inside another one is left out."""
    runs = _runs(block)
    starts = [run.start for run in runs]
    at = 0
    for edit in edits:
        if edit.start < at:
            continue
        yield from _written(block, at, edit.start, runs, starts)
        at = edit.end
        if edit.text:
            yield Stretch(edit.text, block.anchor, edit.start, edit.end)
        elif (edit.start == 0 or block.text[edit.start - 1].isspace()) and block.text[at : at + 1].isspace():
            at += 1  # one blank is enough where something was cut out between two
    yield from _written(block, at, len(block.text), runs, starts)


@dataclass(frozen=True, slots=True)
class _Run:
    """A part of a block's text, from ``start`` on, that is of one language and stands at one place of the source."""

    start: int
    anchor: str
    offset: int  # where the text at ``anchor`` begins
    language: str = ""
    phonemes: str = ""


def _runs(block: Block) -> list[_Run]:
    """The block's text, parted where its language, pronunciation or place changes, in one pass over its marks."""
    telling = [mark for mark in block.marks if mark.kind in ("language", "phonemes", "place") and mark.start < mark.end]
    if not telling:
        return [_Run(0, block.anchor, 0)]
    waiting = sorted(telling, key=lambda mark: mark.start, reverse=True)
    said: dict[str, Mark] = {}  # marks of a kind do not overlap: the last one begun is the only one that may hold
    runs = []
    for start in sorted({0, *(edge for mark in telling for edge in (mark.start, mark.end))}):
        while waiting and waiting[-1].start <= start:
            mark = waiting.pop()
            said[mark.kind] = mark
        here = {kind: mark for kind, mark in said.items() if mark.end > start}
        language, phonemes = (here[kind].value if kind in here else "" for kind in ("language", "phonemes"))
        place = here.get("place")
        anchor, offset = (place.value, place.start) if place else (block.anchor, 0)
        runs.append(_Run(start, anchor, offset, language, phonemes))
    return runs


def _written(block: Block, first: int, last: int, runs: Sequence[_Run], starts: Sequence[int]) -> Iterator[Stretch]:
    """The text from ``first`` to ``last`` as it is written, a stretch for each of the ``runs``, which begin at
    ``starts``."""
    number = bisect_right(starts, first) - 1
    while first < last:
        run = runs[number]
        number += 1
        end = min(last, starts[number]) if number < len(starts) else last
        yield Stretch(
            block.text[first:end], run.anchor, first - run.offset, end - run.offset, run.language, run.phonemes
        )
        first = end
