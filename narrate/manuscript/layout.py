"""Paragraphs of a plain text, however its lines are broken: wrapped, indented, doubled, or one paragraph a line."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import median

from narrate.manuscript.listing import is_verse
from narrate.markup.passage import fold

Numbered = tuple[int, str]
"""A line and its number in the source."""

_INDENT = re.compile(r"[ \t]{2,}(?=\S)|\t|\u3000+")
_FULL_WIDTH = re.compile("^[ \t]*\u3000+")
_SENTENCE_END = re.compile(r"[.!?…:;。！？」』”’\"'»)\]*_]\s*$")
_CJK = re.compile("[\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7a3]")
_LONG_LINE = 110  # characters: nobody wraps that wide, so the line is a paragraph
_WRAP = 40  # characters: the narrowest that prose is wrapped
_MANY_LINES = 12  # lines between two empty ones, on average: the paragraphs are not divided by empty lines
_SHORT_OF = 0.8  # of the width: a line this short was broken on purpose
_FEW = 4  # lines that begin in lower case, before they are verse
_DIVIDED = re.compile(r"[^\W\d_][-\u2010¬]$")
_SAMPLE = 20_000  # lines that are looked at to learn how the text is laid out


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch between empty lines: its lines as they stand, the number of the first, the empty lines before it."""

    lines: tuple[str, ...]
    number: int
    gap: int = 0

    @property
    def text(self) -> str:
        """The lines as one."""
        return fold("\n".join(self.lines))


@dataclass(frozen=True, slots=True)
class Layout:
    """How a text is laid out; ``width`` is where its lines are wrapped, in characters."""

    width: int
    doubled: bool = False  # an empty line between every two
    indented: bool = False  # a paragraph begins with an indent, not behind an empty line
    by_line: bool = False  # each line is a paragraph


def layout_of(lines: Sequence[Numbered]) -> Layout:
    """Learn from the lines how the text is laid out."""
    sample = [line.rstrip() for _, line in lines[:_SAMPLE]]
    full = [line for line in sample if line.strip()]
    if not full:
        return Layout(_WRAP)
    width = _width(sample)
    blocks = list(_blocks(sample))
    if _is_doubled(sample, full):
        return Layout(width, doubled=True)
    inner = [line for block in blocks if len(block) > 1 for line in block]
    if not inner:
        return Layout(width)
    if median(map(len, inner)) > _LONG_LINE or _is_by_line(inner):
        return Layout(width, by_line=True)
    begun = sum(bool(_INDENT.match(line)) for line in inner)
    crowded = len(inner) / max(1, sum(len(block) > 1 for block in blocks)) >= _MANY_LINES
    return Layout(width, indented=crowded and 0.03 * len(inner) <= begun <= 0.7 * len(inner))


def parts_of(lines: Sequence[Numbered], layout: Layout) -> list[Part]:
    """The paragraphs, headings and stanzas of the text, as they stand."""
    enough = 2 if layout.doubled else 1
    parts: list[Part] = []
    for part in _stretches(lines, enough):
        if layout.by_line and len(part.lines) > 1:
            parts += _one_a_line(part)
        elif layout.indented and len(part.lines) > 1:
            parts += _by_indent(part, layout.width)
        else:
            parts.append(part)
    return parts


def verse_lines(part: Part, layout: Layout) -> bool:
    """Whether the ends of the part's lines are meant: verse, an address, a signature."""
    lines = [line.rstrip() for line in part.lines]
    if len(lines) < 2 or layout.by_line or any(_CJK.search(line) for line in lines[:3]):
        return len(lines) > 1 and layout.by_line
    stripped = [line.strip() for line in lines]
    short = max(map(len, stripped)) <= _SHORT_OF * layout.width
    if all(_INDENT.match(line) for line in lines):
        return short or is_verse(stripped, 2) or _broken_early(lines, layout.width) >= 0.6
    if layout.width < _WRAP:
        return False
    if any(_DIVIDED.search(line) for line in lines[:-1]) or _broken_early(lines, layout.width) < 0.8:
        return False
    return is_verse(stripped, _FEW if not short or stripped[1][:1].islower() else 2)


def is_indented(line: str) -> bool:
    """Whether the line begins with an indent."""
    return _INDENT.match(line) is not None


def _width(lines: Sequence[str]) -> int:
    """Where the lines are wrapped: nine in ten of those that another line follows are no longer."""
    lengths = sorted(len(line) for line, after in pairwise(lines) if line.strip() and after.strip())
    return lengths[int(0.9 * (len(lengths) - 1))] if lengths else max(map(len, lines), default=_WRAP)


def _blocks(lines: Sequence[str]) -> Iterator[list[str]]:
    block: list[str] = []
    for line in [*lines, ""]:
        if line.strip():
            block.append(line)
        elif block:
            yield block
            block = []


def _is_doubled(sample: Sequence[str], full: Sequence[str]) -> bool:
    """Every line stands alone, and most end in mid-sentence at the same width."""
    alone = sum(len(block) == 1 for block in _blocks(sample))
    open_ends = sum(not _SENTENCE_END.search(line) for line in full)
    lengths = sorted(map(len, full))
    wide = lengths[int(0.9 * (len(lengths) - 1))]
    even = sum(len(line) >= 0.75 * wide for line in full)
    return (
        len(full) >= 8
        and alone >= 0.9 * len(full)
        and open_ends >= 0.5 * len(full)
        and even >= 0.5 * len(full)
        and _WRAP <= wide <= _LONG_LINE
    )


def _is_by_line(lines: Sequence[str]) -> bool:
    """Chinese or Japanese lines that are indented, or that nearly all end a sentence."""
    cjk = sum(bool(_CJK.search(line)) for line in lines)
    if cjk < 0.6 * len(lines):
        return False
    indented = sum(bool(_FULL_WIDTH.match(line)) for line in lines)
    ended = sum(bool(_SENTENCE_END.search(line)) for line in lines)
    return indented >= 0.6 * len(lines) or ended >= 0.8 * len(lines)


def _stretches(lines: Sequence[Numbered], enough: int) -> Iterator[Part]:
    """What stands between ``enough`` empty lines."""
    held: list[str] = []
    begun = gap = blanks = 0
    for number, line in lines:
        if not line.strip():
            blanks += 1
            continue
        if held and blanks >= enough:
            yield Part(tuple(held), begun, gap)
            held, gap = [], blanks
        elif not held:
            gap = blanks
        begun = begun if held else number
        held.append(line)
        blanks = 0
    if held:
        yield Part(tuple(held), begun, gap)


def _one_a_line(part: Part) -> Iterator[Part]:
    for place, line in enumerate(part.lines):
        yield Part((line,), part.number + place, part.gap if place == 0 else 0)


def _by_indent(part: Part, width: int) -> Iterator[Part]:
    """Divide where a line is indented and the one before it is not: the next paragraph begins there.

    Several indented lines that are all short are verse and stay together.
    """
    run: list[str] = []
    begun = part.number
    first = True
    for place, line in enumerate(part.lines):
        starts = bool(run) and is_indented(line) and (not is_indented(run[-1]) or len(run[-1]) >= _SHORT_OF * width)
        ends_verse = len(run) > 1 and not is_indented(line) and all(map(is_indented, run))
        if starts or ends_verse:
            yield Part(tuple(run), begun, part.gap if first else 0)
            run, begun, first = [], part.number + place, False
        run.append(line)
    yield replace(part, lines=tuple(run), number=begun, gap=part.gap if first else 0)


def _broken_early(lines: Sequence[str], width: int) -> float:
    """The share of line ends where the next word would still have had room."""
    ends = [len(line) + 1 + len(following.split(None, 1)[0]) <= width - 4 for line, following in pairwise(lines)]
    return sum(ends) / len(ends)
