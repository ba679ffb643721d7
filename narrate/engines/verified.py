"""ENGINE around an engine: no answer passes that is not speech of its text, in full, as it was promised.

A bad answer counts as EngineUnavailable, so that ``Retrying`` around this asks again, and nothing bad is stored. What
cannot be right (silence, a web page, half a file, an hour for a sentence) never passes. What is only unlikely is
doubted: the text is asked for once more, and two answers that agree are believed.
"""

from __future__ import annotations

import hashlib
import math
import threading
import unicodedata
from collections import Counter, OrderedDict, deque
from collections.abc import Collection, Hashable, Iterable
from dataclasses import dataclass, replace
from statistics import median
from typing import TYPE_CHECKING, TypeVar

from narrate.engines import Engine, Speech, Traits
from narrate.errors import AudioError, EngineUnavailable
from narrate.script import Chunk, Voice
from narrate.text.phonemes import heard

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SILENCE = 328
"""Sample value, -40 dBFS: speech is louder than this somewhere, and what is softer at its ends is no part of it."""
SLACK_S = 1.0
"""Seconds by which a length may miss the plausible span: short texts vary most."""
SYLLABLE = 3
"""Letters. A digit or a sign that is a syllable (Han, Kana, Hangul) takes as long to say as about three letters."""

OWN_RATE = frozenset({"opus", "webm"})
"""Opus always decodes at a rate of its own (48 kHz), whatever was asked for."""

FALLBACK_RATE = 24000

TELLING = 40
"""Letters from which on the length of a text's speech says something: that of shorter ones varies too much."""
LEARNING, LEARNED = 4, 8
"""So many believed answers of TELLING letters hint at a voice's pace, and so many show it. Before, it is taken to be
the engine's usual."""
UNLIKELY = 1.6
"""Longer or shorter than usual by this factor is doubted. Numbers, names and verse stay below it; half a text does not.
A voice whose pace varies more is given six times its spread: of honest answers, none in a thousand."""
UNLIKELY_LEARNING = 1.8
"""The same while the voice's pace is only guessed or hinted at: half an answer is doubted then too, and measured voices
lie within it, at 0.05 to 0.1 s a letter."""
LETTERS_PER_CHARACTER = 0.8
"""Of prose: the rest are blanks and marks. Turns an engine's pace per character into one per letter."""
FLOOR_S = 0.3
"""Seconds that are no matter: a breath before or after."""
AGREEMENT = 0.05
"""Two answers whose lengths differ by less than this share, or a tenth of a second, agree."""
MOST_DOUBTS = 2
"""A text is not asked for again more often than this because of doubts: what comes then has to do."""
REMEMBERED = 4096
"""Answers, texts in doubt and voices that are kept in mind; older ones are forgotten."""
GRAM = 3
"""Letters in a row by which the words of an answer are compared with the text: each may be split in its own way."""
FOREIGN = 0.5
"""Where less than this share of a text's letters is found in the words of its answer, they are another text's.
Numbers and abbreviations may be given as they are said, and are not counted against it."""
STRANGE_WORDS = 4
"""After so many texts whose words proved to be no sign (an engine may tell them in another alphabet), none are."""
DISTINCT = 8
"""So many different answers show that an engine gives different texts different sound."""


Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class Verified:
    """An Engine. ``keep_mp3`` passes MP3 on as it came, once it is found whole; everything else becomes pcm_s16le.
    A text is doubted ``doubts`` times at the most: fewer than it is asked for, or it would never be believed.

    An honest answer that is unlikely costs one request more, unless two takes of it differ by more than AGREEMENT. An
    engine on this machine is not doubted: it says the same again.
    """

    def __init__(self, engine: Engine, keep_mp3: bool = False, doubts: int = MOST_DOUBTS) -> None:
        self._engine = engine
        self._keep_mp3 = keep_mp3
        self._experience = Experience(min(doubts, MOST_DOUBTS))

    @property
    def traits(self) -> Traits:
        """Those of the engine inside."""
        return self._engine.traits

    def speak(self, chunk: Chunk) -> Speech:
        """The engine's answer, decoded; EngineUnavailable, with one sentence, when it cannot be right."""
        speech = self._engine.speak(chunk)
        try:
            samples, rate = _decoded(speech)
            self._believe(chunk, speech, _listen(samples, rate, chunk, self.traits))
        except AudioError as error:
            raise EngineUnavailable(
                f"{self.traits.name}: {error}", engine=self.traits.name, request_id=speech.request_id
            ) from error
        if self._keep_mp3 and speech.format == "mp3":
            return replace(speech, rate=rate)
        return replace(speech, audio=samples.astype("<i2").tobytes(), format="pcm_s16le", rate=rate)

    def _believe(self, chunk: Chunk, speech: Speech, take: Take) -> None:
        if self.traits.local:
            return
        words = tuple(word.text for word in speech.words)
        ends = max((word.end_ms for word in speech.words), default=0) / 1000
        take = replace(take, digest=hashlib.sha256(speech.audio).digest(), words=words, told_s=ends)
        doubt = self._experience.doubt(chunk, take, self.traits.pace)
        if doubt:
            sentence = f"{self.traits.name}: {doubt}; it is asked for once more"
            raise EngineUnavailable(sentence, engine=self.traits.name, request_id=speech.request_id, doubted=True)


@dataclass(frozen=True, slots=True)
class Take:
    """One answer: ``seconds`` of sound in ``whole_s``, for a text of ``letters``, and the words told, to ``told_s``."""

    letters: int
    seconds: float
    whole_s: float
    digest: bytes = b""
    words: tuple[str, ...] = ()
    told_s: float = 0.0

    def agrees(self, other: Take) -> bool:
        """Whether both say the same for as long."""
        near = math.isclose(self.seconds, other.seconds, rel_tol=AGREEMENT, abs_tol=0.1)
        return near and _grams(self.words) == _grams(other.words)


class Experience:
    """What the answers of one run have taught: each voice's pace, and whose sound is whose. Safe for many threads."""

    def __init__(self, doubts: int = MOST_DOUBTS) -> None:
        self._doubts = doubts
        self._lock = threading.Lock()
        self._paces: OrderedDict[Voice, deque[float]] = OrderedDict()
        self._owners: OrderedDict[bytes, tuple[str, int]] = OrderedDict()
        self._doubted: OrderedDict[str, tuple[Take, ...]] = OrderedDict()
        self._strange = 0
        self._repeats = False

    def doubt(self, chunk: Chunk, take: Take, pace: float) -> str:
        """Why ``take`` is not believed, or "" when it is; then it is learned from.

        ``pace`` is the engine's usual, in seconds per character of text.
        """
        words = _other_words(chunk, take) if self._strange < STRANGE_WORDS else ""
        with self._lock:
            same = self._owned(chunk, take)
            reason = words or self._unlikely(chunk.voice, take, pace, chunk) or same
            before = self._doubted.pop(chunk.key, ())
            if reason and len(before) < self._doubts and not any(map(take.agrees, before)):
                _keep(self._doubted, chunk.key, (*before, take))
                return reason
            self._strange += bool(words)
            self._repeats = self._repeats or bool(same)  # it does say different texts alike
            _keep(self._owners, take.digest, (chunk.key, take.letters))
            if take.letters >= TELLING:
                paces = self._paces.pop(chunk.voice, deque(maxlen=200))
                paces.append(math.log(take.seconds / take.letters))
                _keep(self._paces, chunk.voice, paces)
            return ""

    def _unlikely(self, voice: Voice, take: Take, pace: float, chunk: Chunk) -> str:
        """The sentence for a length that this voice does not need for such a text."""
        if take.letters < TELLING:
            return ""
        known: Collection[float] = self._paces.get(voice, ())
        if len(known) < LEARNING:
            known = (math.log(pace / LETTERS_PER_CHARACTER / _speed(voice)),)
        usual = median(known)
        # 1.48: what turns a median deviation into a standard one
        spread = 6 * 1.48 * median(abs(each - usual) for each in known)
        width = max(math.log(UNLIKELY if len(known) >= LEARNED else UNLIKELY_LEARNING), spread)
        expected = take.letters * math.exp(usual)
        if expected / math.exp(width) - FLOOR_S <= take.seconds <= expected * math.exp(width) + FLOOR_S:
            return ""
        return (
            f"the audio sounds for {take.seconds:.1f} s, where about {expected:.1f} s are usual for a text of "
            f"{len(chunk.text)} characters"
        )

    def _owned(self, chunk: Chunk, take: Take) -> str:
        """The sentence for sound that was another text's already, byte for byte, and cannot well be both."""
        if self._repeats or len(self._owners) < DISTINCT:
            return ""
        key, letters = self._owners.get(take.digest, (chunk.key, take.letters))
        differ = abs(letters - take.letters) > max(5, 0.1 * max(letters, take.letters))
        return "the audio is the same as for another text" if key != chunk.key and differ else ""


def _keep(memory: OrderedDict[Key, Value], key: Key, value: Value) -> None:
    """Remember ``value``, and forget the oldest where there are too many."""
    memory[key] = value
    if len(memory) > REMEMBERED:
        memory.popitem(last=False)


def _other_words(chunk: Chunk, take: Take) -> str:
    """The sentence for an answer whose own words are not the text's, or go on when its sound has ended."""
    if not take.words:
        return ""
    if take.told_s > take.whole_s * 1.1 + FLOOR_S:
        return f"the answer tells of words until {take.told_s:.1f} s, and its audio ends at {take.whole_s:.1f} s"
    wanted, told = _grams(heard(chunk.text).split()), _grams(take.words)
    common = (wanted & told).total()
    numbers = any(sign.isdigit() for sign in chunk.text)
    if wanted.total() >= GRAM and (
        common < FOREIGN * wanted.total() or (not numbers and common < FOREIGN / 2 * told.total())
    ):
        return "the words of the answer are those of another text"
    return ""


def _grams(words: Iterable[str]) -> Counter[str]:
    """All runs of GRAM letters in ``words``, read as one; digits part them, since they may be told as words."""
    letters = "".join(
        sign if sign.isalpha() else "" if not sign.isdigit() else " " for sign in "".join(words).casefold()
    )
    runs = letters.split()
    return Counter(run[at : at + GRAM] for run in runs for at in range(len(run) - GRAM + 1))


def _decoded(speech: Speech) -> tuple[NDArray[np.int16], int]:
    from narrate.audio import codec, frames

    if not speech.audio:
        raise AudioError("the answer has zero bytes of audio")
    wrong = _text_instead(speech.audio)
    if wrong:
        raise AudioError(f"{wrong} came in place of audio")
    if speech.format == "mp3":
        frames.scan(speech.audio)  # decoders are silent about a stream that is cut off
    samples, rate = codec.decode(speech.audio, speech.format, speech.rate or FALLBACK_RATE)
    if speech.rate and rate != speech.rate and speech.format not in OWN_RATE:
        raise AudioError(f"the audio has {rate} Hz where {speech.rate} Hz were asked for")
    return samples, rate


def _text_instead(audio: bytes) -> str:
    """What a body is that begins like text; "" when it does not."""
    start = audio[:200].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith((b"<!doctype", b"<html", b"<?xml", b"<head", b"<body")):
        return "a web page"
    if start.startswith((b"{", b"[")) and _is_text(audio):
        return "JSON"
    return "plain text" if _is_text(audio) and len(audio) < 10_000 else ""


def _is_text(audio: bytes) -> bool:
    """Whether all of the start is printable: sound never is."""
    return all(byte in b"\t\r\n" or byte >= 32 for byte in audio[:512]) and _is_utf8(audio[:400])


def _is_utf8(start: bytes) -> bool:
    try:
        start.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.start >= len(start) - 3  # cut inside a character
    return True


def _listen(samples: NDArray[np.int16], rate: int, chunk: Chunk, traits: Traits) -> Take:
    """What is heard; AudioError when the samples are silent, or too few or too many for the text."""
    import numpy as np

    loud = np.flatnonzero((samples > SILENCE) | (samples < -SILENCE))
    if not len(loud):
        raise AudioError("the audio is silent")
    seconds = (int(loud[-1]) - int(loud[0]) + 1) / rate
    letters = speakable(heard(chunk.text))
    least, most = (bound * letters / _speed(chunk.voice) for bound in traits.seconds_per_character)
    if not least - SLACK_S <= seconds <= most + SLACK_S:
        much = "little" if seconds < least else "much"
        raise AudioError(f"the audio sounds for {seconds:.1f} s, too {much} for a text of {len(chunk.text)} characters")
    return Take(letters, seconds, len(samples) / rate)


def _speed(voice: Voice) -> float:
    return float(voice.setting("speed") or 1)


def speakable(text: str) -> int:
    """How much there is to say, in letters: blanks and punctuation are none, digits and syllabic signs are several."""
    return sum(_letters(sign) for sign in text)


def _letters(sign: str) -> int:
    if sign.isdecimal() or (sign.isalpha() and unicodedata.east_asian_width(sign) == "W"):
        return SYLLABLE
    return int(sign.isalnum())
