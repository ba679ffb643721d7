"""How pieces that stand apart on the page stay apart in speech: cells of a row, lines of a heading, lines of verse."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

_ENDS = tuple(".,;:!?…—–-。、！？：；")
_CLOSERS = "\"'”’»)]}」』"
_LABEL = re.compile(
    r"(?:(?:chapter|part|book|volume|act|scene|section|letter|canto|chapitre|partie|livre|kapitel|teil|buch|acte|capítulo"
    r"|capitolo|hoofdstuk)\s+\w+|[IVXLCDM]+|\d{1,4})",
    re.IGNORECASE,
)
# Lines of verse and addresses are short; a paragraph with forced line breaks is not.
_VERSE_LINE = 80
_VERSE_LINES = 3


def join_cells(cells: Sequence[str]) -> str:
    """A table row as it is read: a full stop between cells that do not end by themselves."""
    return _join(cells, lambda cell: True)


def join_heading(lines: Sequence[str]) -> str:
    """The lines of one heading: a number or label is a sentence of its own, the rest runs on."""
    return _join(lines, lambda line: bool(_LABEL.fullmatch(line)))


def looks_like_verse(lines: Sequence[str]) -> bool:
    """Whether lines divided by line breaks are each read with a breath."""
    return len(lines) >= _VERSE_LINES and all(len(line) <= _VERSE_LINE for line in lines)


def _join(parts: Sequence[str], stops: Callable[[str], bool]) -> str:
    joined = ""
    previous = ""
    for part in filter(None, parts):
        if joined:
            ended = previous.rstrip(_CLOSERS).endswith(_ENDS)
            joined += " " if ended or not stops(previous) else ". "
        joined += part
        previous = part
    return joined
