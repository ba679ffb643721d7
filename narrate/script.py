"""NOUN: what is to be said, by whom. ``plan`` makes a Script; engines see one Chunk at a time."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from narrate.book import Book, Skip

if TYPE_CHECKING:
    from narrate.text.lexicon import Entry

KEY_VERSION = 1
"""Raised when narrate itself changes what is asked of an engine or how its answer is kept (P4)."""

Boundary = Literal["word", "clause", "sentence", "verse", "paragraph", "heading", "scene", "chapter"]


@dataclass(frozen=True, slots=True)
class Voice:
    """Who speaks: everything that changes the sound of a text, and nothing else.

    ``model`` names the weights or the service's model exactly (for embedded voices with the start of their SHA-256).
    ``language`` is a BCP 47 tag, or "" where the engine detects it. ``settings`` are sorted (name, value) pairs of
    whatever else the engine takes: speed, temperature, sample rate, server.
    """

    engine: str
    model: str
    name: str
    language: str = ""
    settings: tuple[tuple[str, str], ...] = ()

    def setting(self, name: str, default: str = "") -> str:
        """The value of one setting."""
        return dict(self.settings).get(name, default)


@dataclass(frozen=True, slots=True)
class Cast:
    """Who speaks what. The narrator speaks everything, but for text in a script that the narrator cannot read:
    ``scripts`` pairs the names of such scripts ("Greek") with the voices that can. ``latin_only`` says that the
    narrator reads no other script than Latin: then text in a script of nobody's is left out, and listed as skipped.
    """

    narrator: Voice
    scripts: tuple[tuple[str, Voice], ...] = ()
    latin_only: bool = False

    def reads(self, script: str) -> Voice | None:
        """The voice for text mostly in ``script`` ("" is Latin), or None when nobody can read it."""
        nobody = None if script and self.latin_only else self.narrator
        return dict(self.scripts).get(script, nobody)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a stretch of ``Chunk.source`` was written: its characters ``start`` to ``end`` stand for the characters
    ``first`` to ``last`` of the text of the block at ``anchor``. Equal lengths mean that it is said as written;
    ``first == last`` that it was added there (the number of a list item, the header of a cell).
    """

    start: int
    end: int
    anchor: str
    first: int
    last: int


@dataclass(frozen=True)
class Chunk:
    """What one Speech API call is asked to say.

    ``text`` is as it should be said (already normalised for the engine). ``chapter`` is the index in
    ``Script.chapters``. ``anchor`` is where it begins in the source; ``source`` is the text as written and chosen by
    the reading policy, for reports and captions; ``origins`` lead from each stretch of it to the block it stands in.
    ``after`` is the kind of boundary behind the chunk; ``pause_ms`` the silence it is given, in milliseconds.

    ``key`` is the hash of the question: voice and text only. Pauses, titles and places change it not (P4).
    """

    text: str
    voice: Voice
    chapter: int
    anchor: str = ""
    source: str = ""
    origins: tuple[Origin, ...] = ()
    after: Boundary = "paragraph"
    pause_ms: int = 0

    @cached_property
    def key(self) -> str:
        """SHA-256, in hex, of everything that changes the sound. The only place that lists it."""
        voice = self.voice
        question = [
            KEY_VERSION,
            voice.engine,
            voice.model,
            voice.name,
            voice.language,
            sorted(voice.settings),
            self.text,
        ]
        return hashlib.sha256(json.dumps(question, ensure_ascii=True).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Pauses:
    """Silence behind each kind of boundary, in milliseconds, kept apart from the speech.

    A pause costs no speech to change. Between a chunk and the next one the larger claim wins: a scene break before a
    heading is not added to it.
    """

    word: int = 0  # inside a clause that had to be split
    clause: int = 150  # inside a sentence that had to be split
    sentence: int = 350  # between sentences of one paragraph that had to be split
    verse: int = 500  # between stanzas
    paragraph: int = 650
    heading: int = 1100
    scene: int = 1600
    chapter: int = 2200

    def after(self, boundary: Boundary) -> int:
        """The pause behind ``boundary``, in milliseconds."""
        return int(getattr(self, boundary))


@dataclass(frozen=True, slots=True)
class ScriptChapter:
    """A chapter as it will be heard; ``spoken`` is False for one that the reading policy leaves out."""

    title: str
    level: int
    role: str
    spoken: bool
    words: int
    characters: int


@dataclass(frozen=True, slots=True)
class Decision:
    """What the reading policy decided for a kind of text: how often, over how many letters and digits, and the first
    place with its first words."""

    kind: str
    action: str
    count: int
    characters: int
    where: str
    preview: str


@dataclass(frozen=True, slots=True)
class Script:
    """The ordered chunks of a book, flat: the executor takes them as they are, the assembler groups by chapter.

    ``skipped`` is everything not spoken: the loader's skips and the reading policy's. P1 is
    ``source_characters == spoken_characters + sum of skipped``. ``warnings`` are for those
    who look at the plan, ``notices`` for everybody. ``decisions`` are what the policy decided, also where it decided to
    speak; ``pronounced`` the entries of the lexicon that were of use.
    """

    book: Book
    chapters: tuple[ScriptChapter, ...]
    chunks: tuple[Chunk, ...]
    skipped: tuple[Skip, ...]
    spoken_characters: int
    warnings: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()
    decisions: tuple[Decision, ...] = ()
    pronounced: frozenset[Entry] = frozenset()


Why = Literal["refused", "unanswered", "down", "limit", "closed"]
"""Why a chunk has no speech: its text was refused; its request never got an answer; nothing answers any more; a limit
of the job was reached; the engine is closed to all of them. The last three end the asking, not the run."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A chunk without speech, for the user: which chapter, what text, why."""

    chunk: Chunk
    chapter: str
    reason: str
    why: Why
