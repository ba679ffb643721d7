"""What was said live, as a book: Markdown headings begin chapters, and every chunk is in the store already.

The phrases are spoken as they come and remembered as they were spoken, so the chaptered file is put together from the
very segments that were heard, and nothing is asked for twice.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from narrate.book import Block, Book, Chapter, Metadata, Skip, letters_and_digits
from narrate.bounds import BOUNDS
from narrate.manuscript.markdown import read_markdown
from narrate.script import Chunk, Pauses, Script, ScriptChapter
from narrate.text import words
from narrate.text.flow import Phrase


@dataclass(frozen=True, slots=True)
class Passage:
    """What a phrase holds: blocks to be read, what is no text, and the chapter that it begins ("" and 0 for none)."""

    blocks: tuple[Block, ...]
    skips: tuple[Skip, ...] = ()
    title: str = ""
    level: int = 0


def read_phrase(phrase: Phrase, *, markdown: bool) -> Passage:
    """What ``phrase`` holds, read as Markdown or as it stands."""
    text = phrase.text.strip()
    if not markdown:
        return Passage((Block("paragraph", " ".join(text.split()), "live"),) if text else ())
    sheet = read_markdown(text, "live", 0, BOUNDS)
    blocks = tuple(passage.block for passage in sheet.passages)
    heading = next((passage for passage in sheet.passages if passage.level), None)
    if heading is None or phrase.after != "heading":
        return Passage(blocks, tuple(sheet.skips))
    return Passage(blocks, tuple(sheet.skips), heading.block.text, heading.level)


@dataclass(slots=True)
class _Part:
    """A chapter as it grows."""

    title: str
    level: int
    blocks: list[Block] = field(default_factory=list)
    chunks: list[Chunk] = field(default_factory=list)


@dataclass(slots=True)
class Story:
    """``meta`` is what the book will be called. Phrases are added in the order in which they are heard."""

    meta: Metadata
    pauses: Pauses
    _parts: list[_Part] = field(default_factory=list)
    _skips: list[Skip] = field(default_factory=list)
    _counted: int = 0
    _number: int = 0

    def add(self, passage: Passage, chunks: Iterable[Chunk], skipped: Iterable[Skip]) -> None:
        """``passage`` was heard, as ``chunks``; ``skipped`` is what was not read of its blocks."""
        blocks = passage.blocks
        if passage.title or not self._parts:
            self._end_chapter()
            self._parts.append(_Part(passage.title or self.meta.title, passage.level or 1))
        part = self._parts[-1]
        named = f"live:{self._number}"
        self._number += 1
        part.blocks += [replace(block, anchor=named) for block in blocks]
        part.chunks += [replace(chunk, chapter=len(self._parts) - 1, anchor=named, origins=()) for chunk in chunks]
        self._skips += (*passage.skips, *skipped)
        self._counted += sum(block.characters for block in blocks) + sum(skip.characters for skip in passage.skips)

    def drop(self, text: str) -> None:
        """``text`` was interrupted: it counts, and is told among what was not spoken."""
        size = letters_and_digits(text)
        if size:
            self._skips.append(Skip("interrupted", f"live:{self._number}", size, " ".join(text.split())[:80]))
            self._counted += size

    @property
    def chapters(self) -> int:
        """How many there are so far."""
        return len(self._parts)

    @property
    def unspoken(self) -> tuple[Skip, ...]:
        """What was left out so far."""
        return tuple(self._skips)

    def script(self) -> Script:
        """The whole of it, to be assembled and published."""
        self._end_chapter()
        chapters = tuple(Chapter(part.title, tuple(part.blocks), part.level) for part in self._parts)
        book = Book(self.meta, chapters, tuple(self._skips), self._counted, "live")
        listed = tuple(
            ScriptChapter(
                title=part.title,
                level=part.level,
                role="body",
                spoken=bool(part.chunks),
                words=sum(words(block.text) for block in part.blocks),
                characters=sum(block.characters for block in part.blocks),
            )
            for part in self._parts
        )
        chunks = tuple(chunk for part in self._parts for chunk in part.chunks)
        left = sum(item.characters for item in self._skips)
        return Script(book, listed, chunks, tuple(self._skips), self._counted - left)

    def _end_chapter(self) -> None:
        """The last pause of a chapter is longer."""
        if self._parts and self._parts[-1].chunks:
            last = self._parts[-1].chunks[-1]
            self._parts[-1].chunks[-1] = replace(last, after="chapter", pause_ms=self.pauses.after("chapter"))
