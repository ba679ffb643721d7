"""Project Gutenberg's header and licence: what stands before its START line and after its END line, and the "small
print" of the 1990s, whose end is marked otherwise or not at all.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from narrate.markup.passage import Passage

# https://www.gutenberg.org/policy/ asks that the markers stay; their wording has changed little since 2003.
_START = re.compile(
    r"\*\*\*\s*START OF (?:TH(?:E|IS) )?PROJECT GUTENBERG|\*\s?END\s?\*+\s*THE SMALL PRINT|\*END THE SMALL PRINT",
    re.IGNORECASE,
)
_END = re.compile(
    r"\*\*\*\s*END OF (?:TH(?:E|IS) )?PROJECT GUTENBERG|\*\*\*\s*START: FULL LICENSE"
    r"|^(?:\*+\s*)?(?:End of (?:the |this )?(?:Project )?Gutenberg|Ende dieses Projekte?s? Gutenberg"
    r"|Fin d[eu] (?:l.e-?(?:book|text)|livre|projet).{0,40}Gutenberg|Fin del proyecto Gutenberg)",
    re.IGNORECASE,
)
_CREDIT = re.compile(
    r"\[?(?:this )?(?:produced|e-?(?:text|book) (?:was )?(?:prepared|produced|scanned|typed|created)|transcribed"
    r"|scanned|html version|updated editions? (?:by|produced)|(?:digitized|prepared) by)\b",
    re.IGNORECASE,
)
_CREDITS = 4  # credit lines stand among the first paragraphs after the START line
_FRONT = 0.3  # of the passages: a START line is not later
# Without markers: what the header and the small print speak of.
_NAME = re.compile(r"Project Gutenberg", re.IGNORECASE)
_SMALL_PRINT = re.compile(
    r"Project Gutenberg|small print|e-?texts?\b|public domain|donations?\b|disclaimer|copyright laws"
    r"|Carnegie[- ]Mellon|Benedictine|Illinois|indemnif|FTP|Michael S\. Hart|\bASCII\b|warrant(?:y|ies)|medium may be",
    re.IGNORECASE,
)
_SIGNS = 4  # passages that speak so, near the beginning, with the name among the first
_APART = 3  # passages between two of them, at most
_NEAR = 5


def mark_licence(passages: Sequence[Passage]) -> list[Passage]:
    """Give the header and the licence the kind "licence"; everything else stays as it is."""
    first, credits = _start(passages)
    last = _end(passages, first)
    silent = {*range(first), *range(last, len(passages))}
    if credits:
        near = range(first, min(first + _CREDITS, last))
        silent |= {number for number in near if _CREDIT.match(passages[number].block.text)}
    return [
        replace(passage, kind="licence") if number in silent and passage.kind != "licence" else passage
        for number, passage in enumerate(passages)
    ]


def _start(passages: Sequence[Passage]) -> tuple[int, bool]:
    """The first passage of the book itself, and whether a header stands before it."""
    front = max(20, int(len(passages) * _FRONT))
    starts = [number for number, passage in enumerate(passages[:front]) if _START.search(passage.block.text)]
    if starts:
        return starts[-1] + 1, True
    found = _unmarked(passages)
    return found, found > 0


def _unmarked(passages: Sequence[Passage]) -> int:
    """Behind a header without marks: it names the project at the very top and goes on about the same things."""
    if not any(_NAME.search(passage.block.text) for passage in passages[:_NEAR]):
        return 0
    last, signs = -1, 0
    for number, passage in enumerate(passages):
        if (last >= 0 and number - last > _APART) or _END.search(passage.block.text):
            break
        if _SMALL_PRINT.search(passage.block.text):
            last, signs = number, signs + 1
    return last + 1 if signs >= _SIGNS and last + 1 < len(passages) else 0


def _end(passages: Sequence[Passage], first: int) -> int:
    ends = (number for number in range(first, len(passages)) if _END.search(passages[number].block.text))
    return next(ends, len(passages))
