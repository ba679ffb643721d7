"""Where the fenced code of a Markdown text is, before it is parsed: there no rule of a dialect holds."""

from __future__ import annotations

import re
from collections.abc import Sequence

from narrate.manuscript.containers import is_prose_fence

_FENCE = re.compile(r"[ \t]*(?:>[ \t]*)*(?:[*+-][ \t]+|\d+[.)][ \t]+)?(`{3,}|~{3,})([^`]*)")
_LONG = 2_000  # characters: a line this long is no fence


def fenced(lines: Sequence[str]) -> list[bool]:
    """For each line whether it is in fenced code, the fences included.

    A fence around prose (a note in MyST) is a box, not code.
    """
    marks = []
    fence = ""
    prose: list[str] = []
    for line in lines:
        match = _FENCE.fullmatch(line) if len(line) <= _LONG and ("```" in line or "~~~" in line) else None
        bare = match is not None and not match.group(2).strip()
        if match is None:
            marks.append(bool(fence))
        elif fence:
            marks.append(True)
            if bare and match.group(1).startswith(fence):
                fence = ""
        elif is_prose_fence(line):
            prose.append(match.group(1))
            marks.append(False)
        elif bare and prose and match.group(1).startswith(prose[-1]):
            prose.pop()
            marks.append(False)
        else:
            fence = match.group(1)
            marks.append(True)
    return marks
