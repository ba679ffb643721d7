"""ENGINE around an engine: no answer passes that is not speech of its text, in full, as it was promised.

A bad answer counts as EngineUnavailable, so that ``Retrying`` around this asks again, and nothing bad is stored.
"""

from __future__ import annotations

import unicodedata
from dataclasses import replace
from typing import TYPE_CHECKING

from narrate.engines import Engine, Speech, Traits
from narrate.errors import AudioError, EngineUnavailable
from narrate.script import Chunk
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


class Verified:
    """An Engine. ``keep_mp3`` passes MP3 on as it came, once it is found whole; everything else becomes pcm_s16le."""

    def __init__(self, engine: Engine, keep_mp3: bool = False) -> None:
        self._engine = engine
        self._keep_mp3 = keep_mp3

    @property
    def traits(self) -> Traits:
        """Those of the engine inside."""
        return self._engine.traits

    def speak(self, chunk: Chunk) -> Speech:
        """The engine's answer, decoded; EngineUnavailable, with one sentence, when it cannot be right."""
        speech = self._engine.speak(chunk)
        try:
            samples, rate = _decoded(speech)
            _listen(samples, rate, chunk, self.traits)
        except AudioError as error:
            raise EngineUnavailable(
                f"{self.traits.name}: {error}", engine=self.traits.name, request_id=speech.request_id
            ) from error
        if self._keep_mp3 and speech.format == "mp3":
            return replace(speech, rate=rate)
        return replace(speech, audio=samples.astype("<i2").tobytes(), format="pcm_s16le", rate=rate)


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


def _listen(samples: NDArray[np.int16], rate: int, chunk: Chunk, traits: Traits) -> None:
    """Raise AudioError when the samples are silent, or too few or too many for the text."""
    import numpy as np

    loud = np.flatnonzero((samples > SILENCE) | (samples < -SILENCE))
    if not len(loud):
        raise AudioError("the audio is silent")
    seconds = (int(loud[-1]) - int(loud[0]) + 1) / rate
    letters = speakable(heard(chunk.text))
    speed = float(chunk.voice.setting("speed") or 1)
    least, most = (bound * letters / speed for bound in traits.seconds_per_character)
    if not least - SLACK_S <= seconds <= most + SLACK_S:
        much = "little" if seconds < least else "much"
        raise AudioError(f"the audio sounds for {seconds:.1f} s, too {much} for a text of {len(chunk.text)} characters")


def speakable(text: str) -> int:
    """How much there is to say, in letters: blanks and punctuation are none, digits and syllabic signs are several."""
    return sum(_letters(sign) for sign in text)


def _letters(sign: str) -> int:
    if sign.isdecimal() or (sign.isalpha() and unicodedata.east_asian_width(sign) == "W"):
        return SYLLABLE
    return int(sign.isalnum())
