"""What was said live, as a book: Markdown headings begin chapters, and every chunk is in the store already.

The phrases are spoken as they come and remembered as they were spoken, so the chaptered file is put together from the
very segments that were heard, and nothing is asked for twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from narrate.book import Block, Book, Chapter, Metadata, Skip, letters_and_digits, skip
from narrate.bounds import BOUNDS
from narrate.manuscript.markdown import read_markdown
from narrate.script import Boundary, Chunk, Pauses, Script, ScriptChapter
from narrate.text import words
from narrate.text.flow import Phrase


@dataclass(frozen=True, slots=True)
class Passage:
    """What a phrase, or the part of one from a heading on, holds: blocks to be read, what is no text, the chapter that
    it begins ("" and 0 for none), and what stands behind it.
    """

    blocks: tuple[Block, ...]
    skips: tuple[Skip, ...] = ()
    title: str = ""
    level: int = 0
    after: Boundary = "paragraph"


@dataclass(frozen=True, slots=True)
class Rendition:
    """``passage`` as it was heard: its ``chunks``, what was not read of its blocks, and what nobody would speak."""

    passage: Passage
    chunks: tuple[Chunk, ...]
    skipped: tuple[Skip, ...] = ()
    unspoken: tuple[Chunk, ...] = ()


def read_phrase(phrase: Phrase, *, markdown: bool) -> tuple[Passage, ...]:
    """What ``phrase`` holds, read as Markdown or as it stands; a heading, however it is written, begins a passage."""
    text = phrase.text.strip()
    if not markdown:
        blocks = (Block("paragraph", " ".join(text.split()), "live"),) if text else ()
        return (Passage(blocks, after=phrase.after),)
    sheet = read_markdown(text, "live", 0, BOUNDS)
    parts: list[Passage] = [Passage((), tuple(sheet.skips))]
    for found in sheet.passages:
        block = found.block
        if found.level and block.text.strip():
            parts[-1] = replace(parts[-1], after="paragraph")
            parts.append(Passage((block,), title=block.text, level=found.level))
        else:
            parts[-1] = replace(parts[-1], blocks=(*parts[-1].blocks, block))
    parts[-1] = replace(parts[-1], after=_end_of(parts[-1], phrase))
    first, *others = parts
    return (first, *others) if first.blocks or first.skips or not others else tuple(others)


def _end_of(passage: Passage, phrase: Phrase) -> Boundary:
    last = passage.blocks[-1].kind if passage.blocks else ""
    return "scene" if last == "break" else "heading" if last == "heading" else phrase.after


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

    def gap_before(self, passage: Passage) -> int:
        """The silence that ``passage`` asks for in front of it, in milliseconds."""
        if passage.title:
            return self.pauses.after("chapter")
        return self.pauses.after("scene") if passage.blocks and passage.blocks[0].kind == "break" else 0

    def ended(self, chunks: Sequence[Chunk], passage: Passage) -> tuple[Chunk, ...]:
        """``chunks`` with the pause that the end of ``passage`` asks for behind the last."""
        if not chunks:
            return ()
        last = replace(chunks[-1], after=passage.after, pause_ms=self.pauses.after(passage.after))
        return (*chunks[:-1], last)

    def add(self, rendition: Rendition) -> None:
        """This was heard."""
        passage = rendition.passage
        if passage.title or not self._parts:
            self._close_chapter()
            self._parts.append(_Part(passage.title or self.meta.title, passage.level or 1))
        part = self._parts[-1]
        if part.chunks and self.gap_before(passage) > part.chunks[-1].pause_ms:
            part.chunks[-1] = replace(part.chunks[-1], after="scene", pause_ms=self.gap_before(passage))
        named = f"live:{self._number}"
        self._number += 1
        part.blocks += [replace(block, anchor=named) for block in passage.blocks]
        part.chunks += [
            replace(chunk, chapter=len(self._parts) - 1, anchor=named, origins=()) for chunk in rendition.chunks
        ]
        self._skips += (*passage.skips, *rendition.skipped)
        self._skips += [
            replace(skip("not spoken", named, chunk.source), characters=_written(chunk)) for chunk in rendition.unspoken
        ]
        self._counted += sum(block.characters for block in passage.blocks)
        self._counted += sum(left.characters for left in passage.skips)

    def drop(self, text: str) -> None:
        """``text`` was interrupted: it counts, and is told among what was not spoken."""
        dropped = skip("interrupted", f"live:{self._number}", text)
        if dropped.characters:
            self._skips.append(dropped)
            self._counted += dropped.characters

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
        self._close_chapter()
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

    def _close_chapter(self) -> None:
        """The last pause of a chapter is longer."""
        if self._parts and self._parts[-1].chunks:
            last = self._parts[-1].chunks[-1]
            self._parts[-1].chunks[-1] = replace(last, after="chapter", pause_ms=self.pauses.after("chapter"))


def _written(chunk: Chunk) -> int:
    """The letters and digits of a chunk that stand in its text, and were not added to be heard."""
    own = (chunk.source[part.start : part.end] for part in chunk.origins if part.last > part.first)
    return sum(map(letters_and_digits, own))
