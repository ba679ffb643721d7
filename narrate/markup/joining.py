"""How pieces that stand apart on the page stay apart in speech: cells of a row, lines of a heading, lines of verse."""

from __future__ import annotations

import re
from collections.abc import Sequence

_ENDS = tuple(".,;:!?…—–-。、！？：；")
_CLOSERS = "\"'”’»)]}」』"
_LABEL = re.compile(
    r"(?:(?:chapter|part|book|volume|act|scene|section|letter|canto|chapitre|partie|livre|kapitel|teil|buch|acte|capítulo"
    r"|capitolo|hoofdstuk)\s+\w+|[IVXLCDM]+|\d{1,4})",
    re.IGNORECASE,
)
# Lines of verse and addresses are short; a paragraph with forced line breaks is not.
VERSE_LINE = 80
_VERSE_LINES = 3


def between_cells(cell: str) -> str:
    """What parts a cell from the next: a full stop, unless it ends by itself."""
    return " " if _ends(cell) else ". "


def between_lines(line: str) -> str:
    """What parts the lines of one heading: a number or label is a sentence of its own, the rest runs on."""
    return between_cells(line) if _LABEL.fullmatch(line) else " "


def looks_like_verse(lines: Sequence[str]) -> bool:
    """Whether lines divided by line breaks are each read with a breath."""
    return len(lines) >= _VERSE_LINES and all(len(line) <= VERSE_LINE for line in lines)


def _ends(text: str) -> bool:
    return text.rstrip(_CLOSERS).endswith(_ENDS)
