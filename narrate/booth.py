"""Text -> sound, a chunk at a time, as it is asked for: what the speech server, ``narrate live`` and ``say`` share.

The line of a book without chapters, mastering or files: texts are planned and spoken by the same code, through the same
engine and its wrappers, and may be kept in the same store.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

from narrate.audiobook import Segment, Word
from narrate.book import Block, Book, Chapter, Metadata, letters_and_digits
from narrate.engines import Traits
from narrate.errors import NarrateError, SegmentDamaged
from narrate.job import Job
from narrate.lexicons import lexicon_for
from narrate.plan import plan
from narrate.policy import Policy
from narrate.script import Boundary, Cast, Chunk, Script
from narrate.speak import speak_chunk
from narrate.store import read_part
from narrate.studio import Report, Studio, cast_in, open_studio
from narrate.timings import Timing, timings

if TYPE_CHECKING:
    from narrate.audio.codec import Samples

EVERYTHING = Policy("complete", (("address", "speak"),))
"""Whoever sends a text to be spoken means all of it."""

_PARAGRAPH = re.compile(r"(?:(?!\n[ \t\r]*\n).)+", re.DOTALL)
_BLANK = re.compile(r"[\s\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Line:
    """A chunk to be spoken, and the ``text`` it stands for as it was given, up to the next line's."""

    chunk: Chunk
    text: str


@dataclass(frozen=True, slots=True)
class Take:
    """What was said of a line: 16-bit mono ``samples`` at ``rate`` Hz, without the engine's silence at its ends.

    ``timings`` say when which piece of the line's text is heard; ``segment`` is what the store holds of it, if it does.
    """

    samples: Samples
    rate: int
    timings: tuple[Timing, ...]
    segment: Segment | None = None
    bought: bool = True


class Booth:
    """An open studio for short texts. Safe to use from many threads. ``keep``: speech goes through the store.
    ``forgets`` as in ``open_studio``.
    """

    def __init__(self, job: Job, report: Report, *, keep: bool, title: str = "", forgets: float | None = None) -> None:
        self.job = job
        self.keep = keep
        empty = Book(Metadata("", language=job.language), (), (), 0, "")
        self._lexicon = lexicon_for(empty, job.lexicons).lexicon
        self.studio: Studio = open_studio(job, Metadata(title, language=job.language), report, forgets=forgets)
        self.cast = lru_cache(256)(self._cast)

    @property
    def traits(self) -> Traits:
        """The engine's."""
        return self.studio.traits

    @property
    def workers(self) -> int:
        """How many chunks may be spoken at once."""
        return self.studio.workers

    def close(self) -> None:
        """Cut off what is in flight."""
        self.studio.close()

    def warm(self) -> None:
        """Have the rules of language, and an engine on this machine, load what they need, so that the first text does
        not wait for it. Never fails: what is wrong will be told when it is asked to speak.
        """
        with suppress(NarrateError):
            for line in self.lines("All is well in this house.", self.studio.cast, language=self.job.language):
                if self.traits.local:
                    self.studio.engine.speak(line.chunk)

    def _cast(self, voice: str, language: str, settings: tuple[tuple[str, str], ...]) -> Cast:
        """Who speaks ``language`` ("" where the text decides) by the name of ``voice``. JobError for what cannot be."""
        return cast_in(self.traits.name, voice, language, {**dict(self.job.settings), **dict(settings)})

    def script(self, blocks: Sequence[Block], cast: Cast, policy: Policy = EVERYTHING, language: str = "") -> Script:
        """What is to be said of ``blocks``, by whom."""
        counted = sum(block.characters for block in blocks)
        book = Book(Metadata("", language=language), (Chapter("", tuple(blocks)),), (), counted, "")
        return plan(book, cast, self.traits, self.job.pauses, policy=policy, lexicon=self._lexicon)

    def lines(self, text: str, cast: Cast, after: Boundary = "paragraph", language: str = "") -> tuple[Line, ...]:
        """``text`` as lines to be spoken one after the other, every character of it in one; () for nothing to say.

        ``after`` is what stands behind the text: it decides on the last pause.
        """
        blocks = [
            Block("paragraph", _BLANK.sub(" ", found[0]), str(found.start())) for found in _PARAGRAPH.finditer(text)
        ]
        chunks = self.script(blocks, cast, language=language).chunks
        if not chunks:
            return ()
        last = replace(chunks[-1], after=after, pause_ms=self.job.pauses.after(after))
        starts = [0, *(_start(chunk) for chunk in chunks[1:]), len(text)]
        return tuple(
            Line(chunk, text[starts[index] : starts[index + 1]]) for index, chunk in enumerate([*chunks[:-1], last])
        )

    def take(self, line: Line, tempo: float = 1.0) -> Take:
        """Have ``line`` spoken, or find it in the store; ``tempo`` makes it faster without raising the voice.

        Raises the failures of engines and the store.
        """
        from narrate.audio import codec

        segment, bought = None, True
        if self.keep:
            segment, bought, samples = self._kept(line.chunk)
            rate, words, lead = segment.rate, segment.words, segment.lead
        else:
            speech = self.studio.engine.speak(line.chunk)
            samples, rate = codec.decode(speech.audio, speech.format, speech.rate)
            lead, tail = codec.find_sound(samples, rate)
            samples, words = samples[lead:tail], speech.words
        samples = samples if tempo == 1.0 else _at_tempo(samples, rate, tempo)
        told = _shifted(words, lead * 1000 // rate, tempo)
        return Take(samples, rate, timings(line.text, len(samples), told, rate), segment, bought)

    def _kept(self, chunk: Chunk) -> tuple[Segment, bool, Samples]:
        """The segment of ``chunk``, whether it was bought, and its samples; a damaged one is spoken anew."""
        store = self.studio.store
        for _ in range(2):
            segment, bought = speak_chunk(chunk, self.studio.engine, store)
            try:
                return segment, bought, sound_of(segment)
            except ValueError as error:
                store.set_aside(segment.path, str(error), unless_sound=True)
        raise SegmentDamaged(f"{store.folder}: segments keep being damaged; check the disk")


def sound_of(segment: Segment) -> Samples:
    """A stored segment's samples, without the engine's silence at its ends. ValueError when it is gone or damaged."""
    from narrate.audio import codec

    try:
        payload = read_part(segment.path, segment.offset, segment.size, segment.digest)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise ValueError("it is gone") from error
    samples, _ = codec.decode(payload, segment.codec, segment.rate)
    return samples[segment.lead : segment.tail]


def left_out(text: str, lines: Iterable[Line]) -> int:
    """The letters and digits of ``text`` that no line says, because no voice here reads their script."""
    return letters_and_digits(text) - sum(letters_and_digits(line.chunk.source) for line in lines)


def _start(chunk: Chunk) -> int:
    first = chunk.origins[0]
    return int(first.anchor) + first.first


def _shifted(words: Sequence[Word], lead_ms: int, tempo: float) -> list[Word]:
    """``words`` counted from the first sample that is kept."""
    return [
        replace(
            word,
            start_ms=max(0, round((word.start_ms - lead_ms) / tempo)),
            end_ms=max(0, round((word.end_ms - lead_ms) / tempo)),
        )
        for word in words
    ]


def _at_tempo(samples: Samples, rate: int, tempo: float) -> Samples:
    from narrate.audio.tempo import at_tempo

    return at_tempo(samples, rate, tempo)
