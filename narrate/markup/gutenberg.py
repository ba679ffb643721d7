"""Project Gutenberg's header and licence: what stands before the START line and after the END line of its texts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from narrate.markup.passage import Passage

# https://www.gutenberg.org/policy/ asks that the markers stay; their wording has changed little since 2003.
_START = re.compile(r"\*\*\*\s*START OF TH(?:E|IS) PROJECT GUTENBERG|\*END\*?\s*THE SMALL PRINT", re.IGNORECASE)
_END = re.compile(
    r"\*\*\*\s*END OF TH(?:E|IS) PROJECT GUTENBERG|^End of (?:the |this )?Project Gutenberg", re.IGNORECASE
)
_CREDIT = re.compile(r"(?:produced|e-?text prepared|transcribed) (?:by|from)\b", re.IGNORECASE)
_CREDITS = 3  # credit lines stand among the first paragraphs after the START line


def mark_licence(passages: Sequence[Passage]) -> list[Passage]:
    """Give the header and the licence the kind "licence"; everything else stays as it is."""
    starts = [number for number, passage in enumerate(passages) if _START.search(passage.block.text)]
    first = starts[0] + 1 if starts else 0
    ends = [number for number, passage in enumerate(passages) if number >= first and _END.search(passage.block.text)]
    last = ends[0] if ends else len(passages)
    silent = {*range(first), *range(last, len(passages))}
    if starts:
        near = range(first, min(first + _CREDITS, last))
        silent |= {number for number in near if _CREDIT.match(passages[number].block.text)}
    return [
        replace(passage, kind="licence") if number in silent else passage for number, passage in enumerate(passages)
    ]
