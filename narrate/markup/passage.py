"""The values that go from the walk to the outline."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from narrate.book import Block, ChapterKind, Role, Skip, letters_and_digits


@dataclass(frozen=True, slots=True)
class Passage:
    """A block with what its surroundings say about it.

    ``kind`` and ``role`` are "" when the markup says nothing. ``level`` is a heading's rank (1 to 6), else 0.
    ``linked`` counts the letters and digits inside links. ``document`` is the number of the source document.
    ``transcriber`` says that it stands in a transcriber's note.
    """

    block: Block
    kind: ChapterKind | Literal[""] = ""
    role: Role | Literal[""] = ""
    level: int = 0
    linked: int = 0
    document: int = 0
    transcriber: bool = False

    @property
    def letters(self) -> int:
        """The size of the text in letters and digits."""
        return letters_and_digits(self.block.text)


@dataclass(frozen=True, slots=True)
class Place:
    """Where an element with an id that the contents ask for stands in the flow."""

    name: str


Flow = Passage | Place | Skip

# Soft hyphens, zero-width spaces, word joiners and byte order marks shape lines on paper and say nothing.
_INVISIBLE = dict.fromkeys(map(ord, "\u00ad\u200b\u2060\ufeff"), None)
_CONTROL = dict.fromkeys([*range(9), *range(14, 32), 127], None)
_CJK = "[\u2e80-\u312f\u31a0-\u9fff\uf900-\ufaff\uff01-\uff60]"
_CJK_LINE_BREAK = re.compile(f"(?<={_CJK})[ \t]*\r?\n\\s*(?={_CJK})")
_BLANKS = re.compile(r"\s+")


def fold(text: str) -> str:
    """White space to single blanks, and none where a line of Chinese or Japanese was merely broken."""
    text = text.translate(_INVISIBLE).translate(_CONTROL)
    return _BLANKS.sub(" ", _CJK_LINE_BREAK.sub("", text)).strip()


def same_words(one: str, other: str) -> bool:
    """Whether two texts agree in letters and digits, whatever their case and punctuation."""
    return bare(one) == bare(other) != ""


def holds_words(text: str, part: str) -> bool:
    """Whether ``part`` occurs in ``text``, whatever the case and punctuation."""
    return bare(part) != "" and bare(part) in bare(text)


def bare(text: str) -> str:
    """Only the letters and digits, without case: for comparing."""
    return "".join(filter(str.isalnum, text.casefold()))
