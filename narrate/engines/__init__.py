"""FAMILY: Chunk -> Speech. Each sibling is one file with ``traits``, ``speak`` and ``voices``.

An engine turns whatever goes wrong into one of three failures inside its own file: ``EngineRefused`` (this chunk,
for good), ``EngineClosed`` (every chunk, for good), ``EngineUnavailable`` (may heal). Wrappers obey the same protocol
as what they wrap: ``Retrying(Limited(Metered(Verified(Lmnt(...)))))`` asks again, waits its turn, counts the money,
and believes no answer that cannot be right.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from narrate.audiobook import Word
from narrate.script import Chunk

AudioFormat = Literal["pcm_s16le", "wav", "flac", "mp3", "aac", "opus", "webm", "ulaw"]


@dataclass(frozen=True, slots=True)
class Price:
    """What an engine costs: ``amount`` of ``currency`` (ISO 4217) per million characters sent."""

    amount: float
    currency: str = "USD"

    def of(self, characters: int) -> float:
        """What so many characters cost."""
        return characters * self.amount / 1_000_000


@dataclass(frozen=True, slots=True)
class Account:
    """What a provider says of the user's account: the ``plan``, and characters ``used`` in this period of its
    ``allowance`` (None: no end).
    """

    plan: str
    used: int
    allowance: int | None


@dataclass(frozen=True, slots=True)
class Traits:
    """What the rest of the house must know of an engine, and all it may ask.

    ``max_chars`` is the most Unicode code points one chunk may hold; ``max_bytes`` the most UTF-8 bytes, where the
    service does not say what it counts. ``min_words``: a block of fewer words is joined to its neighbour, because the
    engine speaks a bare word or two badly. ``connections`` is how many ``speak`` calls may be in flight at once (0:
    as many as the user asks for). ``languages`` are the primary subtags it speaks (None: it decides itself).
    ``normalises``: it says numbers, times and abbreviations itself and is left alone. ``seconds_per_character`` is the
    (least, most) plausible length of its speech per speakable character, used to catch cut-off or runaway answers;
    ``pace`` is the usual length per character of text, used to tell beforehand how long a book will sound.
    ``list_price`` is what the maker of the protocol asks: assumed where ``price`` is unknown and a limit must be kept.
    ``speed`` is how many characters a second it speaks, all requests together, where nothing has been measured yet.
    ``timings``: answers carry word times. ``local``: speech costs cores here, not requests elsewhere.
    ``phonemes`` are the alphabets it takes in the text: with "ipa" it understands ``[Worcester](/ˈwʊstə/)``. Such a
    notation counts with its written word towards ``max_chars`` and every length (``narrate.text.phonemes.heard``).
    """

    name: str
    max_chars: int
    max_bytes: int | None = None
    min_words: int = 1
    connections: int = 0
    languages: frozenset[str] | None = None
    normalises: bool = True
    seconds_per_character: tuple[float, float] = (0.02, 0.25)
    pace: float = 0.058
    price: Price | None = None
    list_price: Price | None = None
    speed: float = 250.0
    timings: bool = False
    local: bool = False
    phonemes: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Speech:
    """An engine's answer: encoded ``audio`` in ``format``, mono.

    ``rate`` in Hz is needed for headerless PCM and is a promise for the rest (an answer at another rate is wrong).
    ``words`` are times from the start of the answer.
    """

    audio: bytes
    format: AudioFormat
    rate: int
    words: tuple[Word, ...] = ()
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class VoiceInfo:
    """A voice on offer, as ``narrate voices`` lists it."""

    name: str
    language: str
    description: str = ""


class Dictionary(Protocol):
    """What an engine knows of words before it speaks: for lists of those worth a listener's ear."""

    def knows(self, word: str) -> bool:
        """Whether ``word`` is listed, so that its sound is no guess. In doubt False."""
        ...

    def pronounce(self, text: str) -> str:
        """How ``text`` would be said, in IPA; "" when it cannot be told."""
        ...


class Engine(Protocol):
    """What speaks."""

    @property
    def traits(self) -> Traits:
        """The engine's limits and habits."""
        ...

    def speak(self, chunk: Chunk) -> Speech:
        """Say ``chunk``. Safe to call from many threads. Raises the three failures of ``narrate.errors`` only."""
        ...
