"""NOUN: what was written. A loader makes a Book; nothing here knows that voices exist.

A Book accounts for every letter and digit of its source (promise P1): each is either in a block or in a Skip.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Role = Literal["front", "body", "back"]

BlockKind = Literal[
    "heading",  # a title, subtitle or number of a chapter or section
    "paragraph",
    "verse",  # lines separated by "\n" are read with a breath between
    "item",  # a list item; its printed number or letter is the label
    "cell",  # a table row; the cells are marks
    "caption",
    "code",
    "formula",  # a formula set apart; what it says is in ``said``
    "image",  # a picture set apart; its text is empty, its alternative text is ``said``
    "note",  # the body of a footnote or an endnote
    "break",  # a scene break; its text is empty
]

Within = Literal[
    "letter",  # a letter, telegram or diary entry quoted in the text
    "epigraph",
    "sidebar",  # beside the main text: an aside, a tip, a box
    "pull quote",  # repeats a sentence of the text in large type
    "stage direction",  # a whole block of it
    "running head",  # a heading that stands again at the top of a page or file
    "transcriber's note",
    "contents list",  # a list of links to chapters inside a page that holds other text too
    "byline",
]
"""What the text around a block is, where that matters to a listener."""

MarkKind = Literal[
    "language",  # value: the BCP 47 tag of a passage in another language than its block
    "ruby",  # value: the reading printed beside these characters
    "phonemes",  # value: how the source says it is pronounced, as "ipa:wʊstə" or "x-sampa:..."
    "abbreviation",  # value: what it stands for
    "speaker",  # who speaks, in a play
    "stage direction",
    "cell",  # a cell of a table row; value: the header it stands under, "" for none
    "header cell",  # a cell that is itself a header of its column (in a row of headers) or of its row
    "place",  # value: the anchor in the source where these characters stand, when they come from another place
]

AsideKind = Literal[
    "note reference",
    "page number",
    "line number",
    "ruby bracket",
    "formula",
    "image",
    "hidden text",
    "link back from a note",
    "contents",
    "embedded media",
    "form control",
    "picture text",
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
    "bibliography",
    "glossary",
    "dedication",
    "epigraph",
    "introduction",  # also a foreword or a preface
    "afterword",
    "acknowledgements",
    "appendix",
    "about the author",
]


LANGUAGE_TAG = re.compile(r"[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8})*")
"""The shape of a BCP 47 tag."""


def letters_and_digits(text: str) -> int:
    """Count the letters and digits of ``text`` after Unicode NFC: the measure of promise P1.

    It does not depend on how blanks, dashes and quotation marks are cleaned.
    """
    return sum(map(str.isalnum, in_nfc(text)))


_STACK = 30
"""Marks that combine with one letter; what has more is no writing (the same bound as in Unicode's UAX #15)."""
_STACKED = re.compile(rf"[^\w\s\x00-\x7f\u2000-\u206f]{{{_STACK + 1},}}")


def in_nfc(text: str) -> str:
    """``text`` in Unicode NFC, without the marks that are ``stacked`` too high."""
    if text.isascii():
        return text
    kept, at = [], 0
    for start, end in stacked(text):
        kept.append(text[at:start])
        at = end
    return unicodedata.normalize("NFC", "".join([*kept, text[at:]]))


def stacked(text: str) -> Iterator[tuple[int, int]]:
    """Where ``text`` has more marks on a letter than any script: sorting them takes the square of their number."""
    for found in _STACKED.finditer(text):
        high, start = 0, -1
        for place in range(*found.span()):
            high = high + 1 if unicodedata.combining(text[place]) else 0
            if high > _STACK and start < 0:
                start = place
            elif high <= _STACK and start >= 0:
                yield start, place
                start = -1
        if start >= 0:
            yield start, found.end()


@dataclass(frozen=True, slots=True)
class Mark:
    """What the source says of a range of a block's text: characters ``start`` to ``end``, half-open.

    Marks of one kind do not overlap; marks of different kinds may nest.
    """

    start: int
    end: int
    kind: MarkKind
    value: str = ""


@dataclass(frozen=True, slots=True)
class Aside:
    """What stands in a block but is not part of its running text: before the character ``at`` of the block's text.

    ``text`` is as it stands in the source and counts for P1 ("" for a picture). ``said`` is what would be said of it
    where that is not its text: alternative text, a formula in words. ``target`` names the note that a note reference
    leads to, as ``Block.note`` does. What stands between blocks is an aside of a neighbour.
    """

    at: int
    kind: AsideKind
    text: str
    said: str = ""
    target: str = ""


@dataclass(frozen=True, slots=True)
class Block:
    """The smallest piece of a book: a paragraph, a heading, a stanza.

    ``text`` is clean: NFC, white space folded to single blanks (verse keeps "\\n" between lines), no note
    references, no page numbers: those are ``asides``. ``anchor`` is the place in the source
    (``text/ch03.xhtml#p12``, or ``book.md:120`` for a line). ``language`` is a BCP 47 tag when it differs from the
    book's, else "". ``label`` is what the page prints before it and the text does not hold: the number of a list item
    ("3."). ``said`` is what a listener gets of a picture or a formula. ``within`` says what the text around it is.
    ``note`` names the note that the block is a part of, as note references name it.
    """

    kind: BlockKind
    text: str
    anchor: str
    language: str = ""
    label: str = ""
    said: str = ""
    within: Within | Literal[""] = ""
    note: str = ""
    marks: tuple[Mark, ...] = ()
    asides: tuple[Aside, ...] = ()

    @property
    def characters(self) -> int:
        """The letters and digits of its text, its asides and the readings of its ruby: its share of P1."""
        aside = sum(letters_and_digits(item.text) for item in self.asides)
        ruby = sum(letters_and_digits(mark.value) for mark in self.marks if mark.kind == "ruby")
        return letters_and_digits(self.text) + aside + ruby


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

    ``reason`` is a short stable phrase: a kind of the reading policy ("note reference", "page number", "contents"), or
    what else kept it from being spoken;
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


_PICTURES = {b"\xff\xd8\xff": "image/jpeg", b"\x89PNG\r\n\x1a\n": "image/png"}


def cover_of(data: bytes) -> Cover | None:
    """``data`` as a cover, when it begins as a picture that players show."""
    return next((Cover(data, kind) for start, kind in _PICTURES.items() if data.startswith(start)), None)


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
    that P1 can be checked: it equals the ``characters`` of all blocks plus those of all skips.
    ``warnings`` are sentences for the user about what was repaired or could not be read. ``lexicons`` are the
    pronunciation lexicons that the book brings along, as (name, PLS document).
    """

    meta: Metadata
    chapters: tuple[Chapter, ...]
    skipped: tuple[Skip, ...]
    source_characters: int
    source: str
    warnings: tuple[str, ...] = ()
    lexicons: tuple[tuple[str, bytes], ...] = ()
