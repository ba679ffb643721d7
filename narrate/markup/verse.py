"""The numbers printed beside every fifth or tenth line of a poem, where only their form tells."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from narrate.book import Aside
from narrate.markup.passage import Flow, Passage
from narrate.markup.shaping import spliced

_AT_END = re.compile(r"(?<=\S)[ .]*\s[\[(]?(\d{1,4})[\])]?\Z")
_AT_START = re.compile(r"\A[\[(]?(\d{1,4})[\])]?\s+(?=\S)")
_EVERY = 5  # lines; poems are numbered by fives or tens


@dataclass(frozen=True, slots=True)
class _Number:
    passage: int
    line: int  # of the poem
    start: int  # in the text of the block
    end: int
    number: int


def without_line_numbers(flow: Sequence[Flow]) -> list[Flow]:
    """The flow with the line numbers of its poems made asides.

    Two signs: the number is a multiple of five, and another stands as many lines away as it is higher.
    """
    result = list(flow)
    poem: list[int] = []
    for index, item in enumerate([*flow, None]):
        block = item.block if isinstance(item, Passage) else None
        if block is not None and block.kind == "verse":
            poem.append(index)
        elif poem and (block is None or block.kind != "break"):
            _clean(result, poem)
            poem = []
    return result


def _clean(flow: list[Flow], poem: Sequence[int]) -> None:
    found = _agreeing(list(_numbers(flow, poem)))
    for index in {number.passage for number in found}:
        passage = flow[index]
        if not isinstance(passage, Passage):
            continue
        block = passage.block
        mine = [number for number in found if number.passage == index]
        asides = [Aside(number.start, "line number", str(number.number)) for number in mine]
        merged = tuple(sorted((*block.asides, *asides), key=lambda aside: aside.at))
        cut = spliced(replace(block, asides=merged), [(number.start, number.end, "") for number in mine])
        flow[index] = replace(passage, block=cut)


def _numbers(flow: Sequence[Flow], poem: Sequence[int]) -> list[_Number]:
    found = []
    line = 0
    for index in poem:
        passage = flow[index]
        at = 0
        for text in passage.block.text.split("\n") if isinstance(passage, Passage) else ():
            line += 1
            match = _AT_END.search(text[-12:]) or _AT_START.match(text[:12])
            if match and int(match[1]) % _EVERY == 0 and int(match[1]):
                offset = at + (max(0, len(text) - 12) if match.re is _AT_END else 0)
                found.append(_Number(index, line, offset + match.start(), offset + match.end(), int(match[1])))
            at += len(text) + 1
    return found


def _agreeing(found: Sequence[_Number]) -> list[_Number]:
    """Those that stand as far from a neighbour as the numbers say, or at the very line of the poem they name."""
    near = {
        place
        for place, (one, other) in enumerate(itertools.pairwise(found))
        if other.number - one.number == other.line - one.line > 0
    }
    return [
        number
        for place, number in enumerate(found)
        if place in near or place - 1 in near or (number.number == number.line and len(found) > 1)
    ]
