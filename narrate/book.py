"""NOUN: what was written. A loader makes a Book; nothing here knows that voices exist.

A Book accounts for every letter and digit of its source (promise P1): each is either in a block or in a Skip.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import Literal

Role = Literal["front", "body", "back"]

BlockKind = Literal[
    "heading",  # a title, subtitle or number of a chapter or section
    "paragraph",
    "verse",  # lines separated by "\n" are read with a breath between
    "item",  # a list item
    "cell",  # a table row, already joined as it should be read
    "caption",
    "code",
    "note",  # the body of a footnote or an endnote
    "break",  # a scene break; its text is empty
]

ChapterKind = Literal[
    "chapter",
    "cover",
    "titlepage",
    "halftitle",
    "imprint",
    "copyright",
    "licence",
    "colophon",
    "contents",
    "notes",
    "advertisement",
    "index",
]


def letters_and_digits(text: str) -> int:
    """Count the letters and digits of ``text`` after Unicode NFC: the measure of promise P1.

    It does not depend on how blanks, dashes and quotation marks are cleaned.
    """
    return sum(map(str.isalnum, unicodedata.normalize("NFC", text)))


@dataclass(frozen=True, slots=True)
class Block:
    """The smallest piece of a book: a paragraph, a heading, a stanza.

    ``text`` is clean: NFC, white space folded to single blanks (verse keeps "\\n" between lines), no note
    references, no page numbers. ``anchor`` is the place in the source (``text/ch03.xhtml#p12``, or
    ``book.md:120`` for a line). ``language`` is a BCP 47 tag when it differs from the book's, else "".
    """

    kind: BlockKind
    text: str
    anchor: str
    language: str = ""


@dataclass(frozen=True, slots=True)
class Chapter:
    """A division a listener can pick.

    ``level`` is the depth in the contents, from 1. ``role`` is front, body or back matter. ``kind`` says what sort of
    text it is; the reading policy of the plan decides by kind whether it is spoken. ``guess`` is the evidence when the
    kind was inferred rather than marked in the source ("two links a line, no prose"), else "".
    """

    title: str
    blocks: tuple[Block, ...]
    level: int = 1
    role: Role = "body"
    kind: ChapterKind = "chapter"
    guess: str = ""


@dataclass(frozen=True, slots=True)
class Skip:
    """Text of the source that is not spoken, and why.

    ``reason`` is a short stable phrase ("note reference", "page number", "hidden text", "contents");
    ``where`` an anchor; ``characters`` its letters and digits; ``preview`` its first words, at most 80 characters.
    """

    reason: str
    where: str
    characters: int
    preview: str


def skip(reason: str, where: str, text: str) -> Skip:
    """Make a Skip of ``text``, with its size and preview."""
    flat = " ".join(text.split())
    preview = flat if len(flat) <= 80 else flat[:79] + "…"
    return Skip(reason, where, letters_and_digits(text), preview)


@dataclass(frozen=True, slots=True)
class Cover:
    """A cover picture as it stands in the source; ``media_type`` is image/jpeg or image/png."""

    data: bytes
    media_type: str


@dataclass(frozen=True, slots=True)
class Metadata:
    """What the source says of itself. Missing values are "" or ().

    ``date`` is as the source gives it (usually YYYY or YYYY-MM-DD); ``language`` a BCP 47 tag;
    ``description`` is plain text; ``series_number`` is a string, since "2.5" and "II" occur.
    """

    title: str
    authors: tuple[str, ...] = ()
    language: str = ""
    subtitle: str = ""
    contributors: tuple[tuple[str, str], ...] = ()  # (name, MARC relator code or "")
    publisher: str = ""
    date: str = ""
    identifier: str = ""
    description: str = ""
    series: str = ""
    series_number: str = ""
    rights: str = ""
    subjects: tuple[str, ...] = ()
    cover: Cover | None = None


@dataclass(frozen=True, slots=True)
class Book:
    """A loaded book.

    ``source_characters`` is counted from the raw text of the source, apart from the walk that makes the blocks, so
    that P1 can be checked: it equals the letters and digits of all blocks plus those of all skips.
    ``warnings`` are sentences for the user about what was repaired or could not be read.
    """

    meta: Metadata
    chapters: tuple[Chapter, ...]
    skipped: tuple[Skip, ...]
    source_characters: int
    source: str
    warnings: tuple[str, ...] = ()
