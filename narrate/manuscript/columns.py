"""Tables drawn with rows of dashes and no bars, as pandoc writes them: taken for what they are, with bars.

Name     Lamps
-------- -------
Orrin    12
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_RULE = re.compile(r" {0,3}-{2,}(?: +-{2,})+ *")
_MOST_ROWS = 2_000


def table_at(lines: Sequence[str], start: int) -> tuple[list[tuple[int, str]], int]:
    """The table that begins at ``start``: rows with bars, each with the line it came from; and where the table ends.

    A table begins with its header and a rule, or with a rule alone and then also ends with one. No rows: no table.
    """
    if (start and lines[start - 1].strip()) or not lines[start].strip():
        return [], start
    headed = not _RULE.fullmatch(lines[start])
    rule = start + headed
    if rule + 1 >= len(lines) or not _RULE.fullmatch(lines[rule]):
        return [], start
    end = rule + 1
    while end < len(lines) and end - rule < _MOST_ROWS and lines[end].strip() and not _RULE.fullmatch(lines[end]):
        end += 1
    closed = end < len(lines) and _RULE.fullmatch(lines[end]) is not None
    columns = [match.start() for match in re.finditer(r"-+", lines[rule])]
    rows = [(start, lines[start])] * headed + list(enumerate(lines[rule + 1 : end], start=rule + 1))
    if end == rule + 1 or not (headed or closed) or any(_is_cut(line, columns) for _, line in rows):
        return [], start
    drawn = [(number, _cells(line, columns)) for number, line in rows]
    if not headed:
        drawn.insert(0, (start, "|" + " |" * len(columns)))
    drawn.insert(1, (rule, "|" + " --- |" * len(columns)))
    return drawn, end + closed


def _is_cut(line: str, columns: Sequence[int]) -> bool:
    """Whether a word goes on from one column into the next: then these are no columns."""
    return any(len(line) > at and not line[at - 1].isspace() and not line[at].isspace() for at in columns[1:])


def _cells(line: str, columns: Sequence[int]) -> str:
    ends = [*columns[1:], len(line)]
    starts = [0, *columns[1:]]
    cells = (line[first:last].strip().replace("|", "\\|") for first, last in zip(starts, ends, strict=True))
    return "| " + " | ".join(cells) + " |"
