"""VERB: Book -> Script. Pure: what is read, how it is said, where it is cut, which pauses stand between.

Three steps for each chapter: the reading policy decides what is read (P1: what is not is listed); blocks become lines,
where a bare word or two is joined to its neighbour if the engine speaks such badly; lines become chunks.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate
from typing import Protocol

from narrate.book import BlockKind, Book, Skip, letters_and_digits, skip
from narrate.policy import PlaceRule, Policy
from narrate.reading import Spoken, read
from narrate.script import Boundary, Cast, Chunk, Origin, Pauses, Script, ScriptChapter, Voice
from narrate.stretches import Stretch
from narrate.text import normalise, speakable, words
from narrate.text.lexicon import Entry, Lexicon, Said, say
from narrate.text.phonemes import heard
from narrate.text.scripts import script_in
from narrate.text.split import Piece, sentences, split

_NOTHING = Lexicon()

_FIGURE_LETTERS = 6
"""About as many letters as a figure has in words."""

_TOLD = 20
"""Pieces nobody can read that are told one by one; a book in another script has thousands."""

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
    @property
    def phonemes(self) -> frozenset[str]: ...


@dataclass(slots=True)
class _Line:
    """What is said in one go if it fits: one block, or a very short one with its neighbour."""

    stretches: tuple[Stretch, ...]
    text: str
    anchor: str
    language: str  # "" for the book's
    after: Boundary
    starts: list[int] = field(init=False)  # of the stretches, in the text

    def __post_init__(self) -> None:
        self.starts = list(accumulate((len(stretch.text) for stretch in self.stretches[:-1]), initial=0))

    def between(self, start: int, end: int) -> Iterator[tuple[int, Stretch]]:
        """The stretches that have a share in the text from ``start`` to ``end``, each with where it begins."""
        number = max(0, bisect_right(self.starts, start) - 1)
        while number < len(self.stretches) and self.starts[number] < end:
            yield self.starts[number], self.stretches[number]
            number += 1


def plan(
    book: Book,
    cast: Cast,
    limits: Limits,
    pauses: Pauses | None = None,
    chapters: Collection[int] | None = None,
    policy: Policy | None = None,
    lexicon: Lexicon = _NOTHING,
) -> Script:
    """Decide what is said, by whom of ``cast``, in chunks that the narrator's engine can take.

    ``chapters`` are the numbers (from 1, over the chapters that are read) to be spoken; None means all. ``policy`` says
    what is read, ``lexicon`` how words are pronounced. Everything that is not spoken is in ``Script.skipped``.
    """
    reading = read(book, policy or Policy(), chapters)
    native = replace(cast, narrator=in_language(cast.narrator, book.meta.language, limits))
    speech = _Speech(native, limits, pauses or Pauses(), lexicon)
    chunks: list[Chunk] = []
    unread: list[Skip] = []
    listed = []
    for index, (chapter, spoken) in enumerate(zip(book.chapters, reading.chapters, strict=True)):
        for piece in speech.chunks(spoken or (), index):
            (chunks if isinstance(piece, Chunk) else unread).append(piece)  # type: ignore[arg-type]
        texts = [one.text for one in spoken] if spoken else [block.text for block in chapter.blocks]
        listed.append(
            ScriptChapter(
                title=chapter.title,
                level=chapter.level,
                role=chapter.role,
                spoken=spoken is not None,
                words=sum(map(words, texts)),
                characters=reading.characters[index],
            )
        )
    skipped = (*reading.skips, *unread)
    return Script(
        book=book,
        chapters=tuple(listed),
        chunks=tuple(chunks),
        skipped=skipped,
        spoken_characters=reading.spoken_characters - sum(item.characters for item in unread),
        warnings=(*book.warnings, *_guesses(skipped)),
        notices=(*_unread(unread), *_unmet(reading.unmet)),
        decisions=tuple(reading.decisions.values()),
        pronounced=frozenset(speech.used),
    )


def in_language(voice: Voice, language: str, limits: Limits) -> Voice:
    """``voice`` for text in ``language``, where the engine can tell languages apart and speaks this one."""
    primary = language.split("-")[0].lower()
    mine = voice.language.split("-")[0].lower()
    if not voice.language or not primary or primary == mine or limits.languages is None:
        return voice
    return replace(voice, language=primary) if primary in limits.languages else voice


class _Speech:
    """Turns what is read into chunks, and remembers which entries of the lexicon were of use."""

    def __init__(self, cast: Cast, limits: Limits, pauses: Pauses, lexicon: Lexicon) -> None:
        self._cast = cast
        self._limits = limits
        self._pauses = pauses
        self._lexicon = lexicon
        self._heard: dict[tuple[int, int, str], Said] = {}  # of the present line
        self.used: set[Entry] = set()

    def chunks(self, spoken: Sequence[Spoken], chapter: int) -> Iterator[Chunk | Skip]:
        """The chunks of a chapter, and skips of what nobody can read."""
        lines = _join_short(_lines(spoken), self._limits)
        for line, following in zip(lines, [*lines[1:], None], strict=False):
            self._heard.clear()
            for start, end, language in _runs(line):
                narrator = in_language(self._cast.narrator, language, self._limits)
                for piece in self._fitting(line, start, end, narrator.language or language or "en"):
                    after = piece.after
                    if piece.end == end:
                        after = "sentence" if end < len(line.text) else line.after if following else "chapter"
                    yield from self._chunk(line, replace(piece, after=after), narrator, language, chapter)

    def _chunk(self, line: _Line, piece: Piece, voice: Voice, language: str, chapter: int) -> Iterator[Chunk | Skip]:
        start, end = _stripped(line.text, piece.start, piece.end)
        source = line.text[start:end]
        script = script_in(source)
        guest = self._cast.reads(script)
        origins = tuple(_origins(line, start, end))
        if guest is None:
            written = "".join(source[part.start : part.end] for part in origins if part.last > part.first)
            yield replace(
                skip(f"{script} script, which no voice here reads", line.anchor, source),
                characters=letters_and_digits(written),
            )
            return
        mine = guest == self._cast.narrator
        said = self._said(line, start, end, voice.language or language or "en") if mine else Said(source)
        text = said.text
        if not speakable(text):
            return
        self.used |= said.used
        if mine and not self._limits.normalises and piece.after in ("clause", "word") and text[-1].isalnum():
            text += ","  # the sentence goes on, and the voice should not fall
        yield Chunk(
            text=text,
            voice=voice if mine else guest,
            chapter=chapter,
            anchor=line.anchor,
            source=source,
            origins=origins,
            after=piece.after,
            pause_ms=self._pauses.after(piece.after),
        )

    def _fitting(self, line: _Line, start: int, end: int, language: str, scale: float = 1.0) -> Iterator[Piece]:
        """The pieces of a stretch of ``line``, none over the limit as it is said. They are cut by a guess of that
        length, and one that turns out too long is cut again with less room; only a single grapheme stays too long."""
        for piece in split(line.text[start:end], lambda part: scale * _guessed_share(part, self._limits), language):
            piece = Piece(start + piece.start, start + piece.end, piece.after)
            first, last = _stripped(line.text, piece.start, piece.end)
            said = heard(self._said(line, first, last, language).text) + ","  # which it may get
            share = _share(len(said), len(said.encode()), self._limits)
            if scale > 9 or share <= 1:
                yield piece
                continue
            finer = max(1.2 * scale, min(share * scale, 9))
            *inner, final = self._fitting(line, piece.start, piece.end, language, finer)
            yield from inner
            yield replace(final, after=piece.after)

    def _said(self, line: _Line, start: int, end: int, language: str) -> Said:
        """What is sent for a stretch of the present line. Asked for twice: to be measured, and to be sent."""
        known = self._heard.get((start, end, language))
        if known is None:
            rules = _as_written if self._limits.normalises else normalise
            marks = [
                (max(at, start) - start, min(at + len(stretch.text), end) - start, stretch.phonemes)
                for at, stretch in line.between(start, end)
                if stretch.phonemes and at + len(stretch.text) > start
            ]
            known = say(line.text[start:end], self._lexicon, language, rules, bool(self._limits.phonemes), marks)
            self._heard[start, end, language] = known
        return known


def _as_written(text: str, language: str) -> str:
    """For engines that say numbers and abbreviations themselves."""
    return text


def _lines(spoken: Sequence[Spoken]) -> list[_Line]:
    """The blocks that have something to say, each with what ends it; a break makes the pause before it longer."""
    lines: list[_Line] = []
    for one in spoken:
        block, text = one.block, one.text
        if block.kind == "break":
            if lines:
                lines[-1].after = "scene"
        elif speakable(text):
            lines.append(
                _Line(one.stretches, text, block.anchor, block.language, _BOUNDARY.get(block.kind, "paragraph"))
            )
    return lines


def _runs(line: _Line) -> Iterator[tuple[int, int, str]]:
    """(start, end, language) of the line's sentences: those that are all in another language stand apart."""
    passages = list(_passages(line))
    if not passages:
        yield 0, len(line.text), line.language
        return
    start, begun, language = 0, 0, ""
    for end in sentences(line.text, line.language or "en"):
        spoken = _language_of(line.text, start, end, passages)
        if spoken != language and start > begun:
            yield begun, start, language or line.language
            begun = start
        start, language = end, spoken
    yield begun, len(line.text), language or line.language


def _passages(line: _Line) -> Iterator[tuple[int, int, str]]:
    """(start, end, language) of what is in another language than the line."""
    told = [
        (at, at + len(stretch.text), stretch.language)
        for at, stretch in zip(line.starts, line.stretches, strict=True)
        if stretch.language and stretch.text
    ]
    for number, (start, end, language) in enumerate(told):
        if number and told[number - 1][1:] == (start, language):
            continue  # told with the one before it
        following = number + 1
        while following < len(told) and told[following][::2] == (end, language):
            end = told[following][1]
            following += 1
        yield start, end, language


def _language_of(text: str, start: int, end: int, passages: Sequence[tuple[int, int, str]]) -> str:
    """The language of the passage that holds every letter of the sentence ``start`` to ``end``, "" when none does."""
    first = next((place for place in range(start, end) if text[place].isalnum()), start)
    last = next((place for place in range(end - 1, first, -1) if text[place].isalnum()), first)
    number = bisect_right(passages, first, key=lambda passage: passage[0]) - 1
    return passages[number][2] if number >= 0 and last < passages[number][1] else ""


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
    same_reader = first.language == second.language and script_in(first.text) == script_in(second.text)
    return same_reader and first.after != "scene"


def _together(first: _Line, second: _Line) -> _Line:
    """One line of two: a heading without a stop gets one, or it would run into what follows."""
    ended = first.text.rstrip("\"'”’»)]")[-1:] in tuple(".!?…:;,—。！？")
    joint = Stretch(
        " " if ended else ". ", first.stretches[-1].anchor, first.stretches[-1].last, first.stretches[-1].last
    )
    stretches = (*first.stretches, joint, *second.stretches)
    return _Line(stretches, first.text + joint.text + second.text, first.anchor, first.language, second.after)


def _origins(line: _Line, start: int, end: int) -> Iterator[Origin]:
    """Where the characters ``start`` to ``end`` of the text of ``line`` were written, counted from ``start``."""
    for at, stretch in line.between(start, end):
        low, high = max(at, start), min(at + len(stretch.text), end)
        if low >= high:
            continue
        first, last = stretch.first, stretch.last
        if last - first == len(stretch.text):  # as written: a part of it stands for as much
            first, last = first + low - at, first + high - at
        yield Origin(low - start, high - start, stretch.anchor, first, last)


def _stripped(text: str, start: int, end: int) -> tuple[int, int]:
    """The range without blanks at its ends."""
    part = text[start:end]
    return start + len(part) - len(part.lstrip()), end - len(part) + len(part.rstrip())


def _guessed_share(text: str, limits: Limits) -> float:
    """Without normalising: letters stay as they are, a figure becomes a word or so."""
    more = 0 if limits.normalises else _FIGURE_LETTERS * sum(map(str.isdigit, text))
    return _share(len(text) + more, len(text.encode()) + more, limits)


def _share(characters: int, size: int, limits: Limits) -> float:
    """How much of the engine's limit a text of so many characters and bytes uses."""
    share = characters / limits.max_chars
    return max(share, size / limits.max_bytes) if limits.max_bytes else share


def _guesses(skipped: Sequence[Skip]) -> list[str]:
    guesses = [item for item in skipped if "(a guess" in item.reason]
    return [f"left out by guess: {item.reason}, {item.characters} characters, {item.preview!r}" for item in guesses]


def _unread(unread: Sequence[Skip]) -> list[str]:
    """What no voice can read is nobody's choice. The first few are told one by one."""
    told = [f"left out: {item.reason}: {item.preview!r}" for item in unread[:_TOLD]]
    more = unread[_TOLD:]
    size = sum(item.characters for item in more)
    return [*told, f"left out: {len(more):,} more such pieces, {size:,} characters"] if more else told


def _unmet(rules: Sequence[PlaceRule]) -> list[str]:
    return [f"no place of the book is {rule.where!r}, which a rule of the reading policy names" for rule in rules]
