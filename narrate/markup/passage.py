"""The values that go from the walk to the outline."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from narrate.book import Block, ChapterKind, Role, Skip, letters_and_digits
from narrate.markup.folding import fold as fold


@dataclass(frozen=True, slots=True)
class Passage:
    """A block with what its surroundings say about it.

    ``kind`` and ``role`` are "" when the markup says nothing. ``level`` is a heading's rank (1 to 6), else 0.
    ``linked`` counts the letters and digits inside links. ``document`` is the number of the source document.
    ``transcriber`` says that it stands in a transcriber's note, ``around`` names the elements around a plain
    paragraph ("blockquote"), ``broken`` says that a page break stands right before it, ``initial`` that it may be a
    drop cap in a block of its own.
    """

    block: Block
    kind: ChapterKind | Literal[""] = ""
    role: Role | Literal[""] = ""
    level: int = 0
    linked: int = 0
    document: int = 0
    transcriber: bool = False
    around: str = ""
    broken: bool = False
    initial: bool = False

    @property
    def letters(self) -> int:
        """The size of the text in letters and digits."""
        return letters_and_digits(self.block.text)


@dataclass(frozen=True, slots=True)
class Place:
    """Where an element with an id that the contents ask for stands in the flow."""

    name: str


Flow = Passage | Place | Skip


def same_words(one: str, other: str) -> bool:
    """Whether two texts agree in letters and digits, whatever their case and punctuation."""
    return bare(one) == bare(other) != ""


def holds_words(text: str, part: str) -> bool:
    """Whether ``part`` occurs in ``text``, whatever the case and punctuation."""
    return bare(part) != "" and bare(part) in bare(text)


def bare(text: str) -> str:
    """Only the letters and digits, without case: for comparing."""
    return "".join(filter(str.isalnum, text.casefold()))
