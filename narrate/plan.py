"""VERB: Book -> Script. Pure: what is read, how it is said, where it is cut, which pauses stand between.

Three steps for each chapter: the reading policy sets aside what is not spoken (each with its reason, P1); blocks become
lines, where a bare word or two is joined to its neighbour if the engine speaks such badly; lines become chunks.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Protocol

from narrate.book import Block, BlockKind, Book, Chapter, Skip, letters_and_digits, skip
from narrate.script import Boundary, Cast, Chunk, Pauses, Script, ScriptChapter, Voice
from narrate.text import normalise, speakable, words
from narrate.text.scripts import script_in
from narrate.text.split import Piece, split

SPOKEN_CHAPTERS = frozenset({"chapter"})
"""Kinds of chapters that are read; covers, contents, licences and the like are for the eye."""

SKIPPED_BLOCKS: dict[BlockKind, str] = {"note": "note", "code": "code"}
"""Kinds of blocks that are not read, with the reason the user is given."""

_FIGURE_LETTERS = 6
"""About as many letters as a figure has in words."""

UNREAD = "which no voice here reads"
"""Ends the reason of a skip that is nobody's choice; whoever runs the plan is told of it."""

_BOUNDARY: dict[BlockKind, Boundary] = {"heading": "heading", "verse": "verse"}


class Limits(Protocol):
    """What the plan must know of an engine (``Traits`` has it)."""

    @property
    def max_chars(self) -> int: ...
    @property
    def max_bytes(self) -> int | None: ...
    @property
    def min_words(self) -> int: ...
    @property
    def normalises(self) -> bool: ...
    @property
    def languages(self) -> frozenset[str] | None: ...


@dataclass(slots=True)
class _Line:
    """What is said in one go if it fits: one block, or a very short one with its neighbour."""

    block: Block
    text: str
    after: Boundary


def plan(
    book: Book,
    cast: Cast,
    limits: Limits,
    pauses: Pauses | None = None,
    chapters: Collection[int] | None = None,
) -> Script:
    """Decide what is said, by whom of ``cast``, in chunks that the narrator's engine can take.

    ``chapters`` are the numbers (from 1, over the chapters that are read) to be spoken; None means all. Everything
    else is in ``Script.skipped``.
    """
    pauses = pauses or Pauses()
    listed: list[ScriptChapter] = []
    chunks: list[Chunk] = []
    skipped = list(book.skipped)
    spoken_characters = number = 0
    native = replace(cast, narrator=in_language(cast.narrator, book.meta.language, limits))
    for index, chapter in enumerate(book.chapters):
        reason = "" if chapter.kind in SPOKEN_CHAPTERS else _why(chapter)
        number += not reason
        if not reason and chapters is not None and number not in chapters:
            reason = "chapter not chosen"
        spoken, left_out = _read(chapter, reason)
        skipped += left_out
        characters = sum(letters_and_digits(block.text) for block in spoken)
        spoken_characters += characters
        listed.append(
            ScriptChapter(
                title=chapter.title,
                level=chapter.level,
                role=chapter.role,
                spoken=not reason,
                words=sum(words(block.text) for block in (spoken or chapter.blocks)),
                characters=characters,
            )
        )
        for piece in _chunks(spoken, index, native, limits, pauses):
            if isinstance(piece, Chunk):
                chunks.append(piece)
            else:
                skipped.append(piece)
                spoken_characters -= piece.characters
    return Script(book, tuple(listed), tuple(chunks), tuple(skipped), spoken_characters, _warnings(book, skipped))


def in_language(voice: Voice, language: str, limits: Limits) -> Voice:
    """``voice`` for text in ``language``, where the engine can tell languages apart and speaks this one."""
    primary = language.split("-")[0].lower()
    mine = voice.language.split("-")[0].lower()
    if not voice.language or not primary or primary == mine or limits.languages is None:
        return voice
    return replace(voice, language=primary) if primary in limits.languages else voice


def _why(chapter: Chapter) -> str:
    return f"{chapter.kind} (a guess: {chapter.guess})" if chapter.guess else chapter.kind


def _read(chapter: Chapter, reason: str) -> tuple[list[Block], list[Skip]]:
    """What of a chapter is spoken and what is not; a chapter that is left out is one skip, whatever it holds."""
    if reason:
        text = "\n".join(block.text for block in chapter.blocks)
        where = chapter.blocks[0].anchor if chapter.blocks else ""
        return [], [skip(reason, where, text)] if letters_and_digits(text) else []
    left_out = [
        skip(SKIPPED_BLOCKS[block.kind], block.anchor, block.text)
        for block in chapter.blocks
        if block.kind in SKIPPED_BLOCKS and letters_and_digits(block.text)
    ]
    return [block for block in chapter.blocks if block.kind not in SKIPPED_BLOCKS], left_out


def _chunks(blocks: list[Block], chapter: int, cast: Cast, limits: Limits, pauses: Pauses) -> Iterator[Chunk | Skip]:
    lines = _join_short(_lines(blocks), limits)
    for line, following in zip(lines, [*lines[1:], None], strict=False):
        narrator = in_language(cast.narrator, line.block.language, limits)
        language = narrator.language or line.block.language
        for piece in _fitting(line.text, limits, language):
            source = line.text[piece.start : piece.end].strip()
            script = script_in(source)
            guest = cast.reads(script)
            if guest is None:
                yield skip(f"{script} script, {UNREAD}", line.block.anchor, source)
                continue
            mine = guest == cast.narrator
            text = source if limits.normalises or not mine else _said(source, language or "en")
            if not speakable(text):
                continue
            last = piece.end == len(line.text)
            after: Boundary = piece.after if not last else line.after if following else "chapter"
            if mine and not limits.normalises and after in ("clause", "word") and text[-1].isalnum():
                text += ","  # the sentence goes on, and the voice should not fall
            yield Chunk(
                text=text,
                voice=narrator if mine else guest,
                chapter=chapter,
                anchor=line.block.anchor,
                span=(piece.start, piece.end),
                source=source,
                after=after,
                pause_ms=pauses.after(after),
            )


def _fitting(text: str, limits: Limits, language: str, scale: float = 1.0) -> Iterator[Piece]:
    """The pieces of ``text``, none over the limit as it is said. They are cut by a guess of that length, and a piece
    that turns out too long is cut again with less room; only a single grapheme stays too long."""
    for piece in split(text, lambda part: scale * _guessed_share(part, limits), language):
        part = text[piece.start : piece.end]
        said = part if limits.normalises else _said(part.strip(), language or "en") + ","  # which it may get
        if _share(len(said), len(said.encode()), limits) <= 1 or scale > 9:
            yield piece
            continue
        *inner, last = _fitting(part, limits, language, 1.2 * scale)
        for one in (*inner, replace(last, after=piece.after)):
            yield Piece(piece.start + one.start, piece.start + one.end, one.after)


def _lines(blocks: list[Block]) -> list[_Line]:
    """The blocks that have something to say, each with what ends it; a break makes the pause before it longer."""
    lines: list[_Line] = []
    for block in blocks:
        if block.kind == "break":
            if lines:
                lines[-1].after = "scene"
        elif speakable(block.text):
            text = _verse(block.text) if block.kind == "verse" else block.text
            lines.append(_Line(block, text, _BOUNDARY.get(block.kind, "paragraph")))
    return lines


def _verse(text: str) -> str:
    """Lines of verse as one text; a line without a stop of its own gets a comma, where every engine breathes."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return "\n".join(line if not line[-1].isalnum() or line is lines[-1] else f"{line}," for line in lines)


def _join_short(lines: list[_Line], limits: Limits) -> list[_Line]:
    """Join lines of fewer than ``min_words`` words to the next in the chapter, the last one to the one before it."""
    joined: list[_Line] = []
    for line in lines:
        before = joined[-1] if joined else None
        if before is not None and _short(before.text, limits) and _joinable(before, line):
            joined[-1] = _together(before, line)
        else:
            joined.append(line)
    if len(joined) > 1 and _short(joined[-1].text, limits) and _joinable(joined[-2], joined[-1]):
        joined[-2:] = [_together(joined[-2], joined[-1])]
    return joined


def _short(text: str, limits: Limits) -> bool:
    return words(text) < limits.min_words


def _joinable(first: _Line, second: _Line) -> bool:
    same_reader = first.block.language == second.block.language and script_in(first.text) == script_in(second.text)
    return same_reader and first.after != "scene"


def _together(first: _Line, second: _Line) -> _Line:
    """One line of two: a heading without a stop gets one, or it would run into what follows."""
    end = "" if first.text.rstrip("\"'”’»)]")[-1:] in tuple(".!?…:;,—。！？") else "."
    return _Line(first.block, f"{first.text}{end} {second.text}", second.after)


@lru_cache(4096)
def _said(text: str, language: str) -> str:
    """``normalise``, which is asked for the same piece when it is measured and when it becomes a chunk."""
    return normalise(text, language)


def _guessed_share(text: str, limits: Limits) -> float:
    """Without normalising: letters stay as they are, a figure becomes a word or so."""
    more = 0 if limits.normalises else _FIGURE_LETTERS * sum(map(str.isdigit, text))
    return _share(len(text) + more, len(text.encode()) + more, limits)


def _share(characters: int, size: int, limits: Limits) -> float:
    """How much of the engine's limit a text of so many characters and bytes uses."""
    share = characters / limits.max_chars
    return max(share, size / limits.max_bytes) if limits.max_bytes else share


def _warnings(book: Book, skipped: list[Skip]) -> tuple[str, ...]:
    guesses = [item for item in skipped if "a guess" in item.reason]
    told = [f"left out by guess: {item.reason}, {item.characters} characters, {item.preview!r}" for item in guesses]
    unread = [f"left out: {item.reason}: {item.preview!r}" for item in skipped if UNREAD in item.reason]
    return (*book.warnings, *told, *unread)
