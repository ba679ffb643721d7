"""ENGINE: a steady tone, so many milliseconds per character, the same bytes every time.

For rehearsals and tests: the whole line runs offline, in seconds, and every duration is known to the sample.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

from narrate.audiobook import Word, milliseconds
from narrate.engines import Speech, Traits, VoiceInfo
from narrate.errors import EngineRefused, JobError
from narrate.script import Chunk, Voice
from narrate.settings import guess, settled, whole

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NAME = "tone"
VOICE = "mid"
RATE = 24000
PERIODS = {"low": 120, "mid": 80, "high": 60}
"""Samples of one wave: 200, 300 and 400 Hz. Whole samples, so that a tone is one wave repeated."""

AMPLITUDE = 8192  # a quarter of full scale
RAMP = 120  # samples, 5 ms: no click at either end
MS_PER_CHARACTER = 10
SHORTEST_MS = 150

TRAITS = Traits(
    name=NAME,
    max_chars=3000,
    seconds_per_character=(0.0, 2.0),
    pace=0.01,
    timings=True,
    local=True,
    speed=20_000.0,
)

_SETTINGS = {"ms_per_char": whole(1, 1000), "max_chars": whole(1, 1_000_000)}


class Tone:
    """An Engine. ``max_chars`` is settable so that tests can make it split."""

    def __init__(self, max_chars: int = TRAITS.max_chars) -> None:
        self.traits = replace(TRAITS, max_chars=max_chars)

    def speak(self, chunk: Chunk) -> Speech:
        """``len(chunk.text)`` times ``ms_per_char``, SHORTEST_MS at least; sound from the first sample to the last."""
        text = chunk.text
        if len(text) > self.traits.max_chars:
            raise EngineRefused(f"tone: a text may have {self.traits.max_chars} characters at most", engine=NAME)
        per_character = int(chunk.voice.setting("ms_per_char") or MS_PER_CHARACTER)
        samples = RATE * max(len(text) * per_character, SHORTEST_MS) // 1000
        times = tuple(
            Word(word[0], _at(word.start(), text, samples), _at(word.end(), text, samples))
            for word in re.finditer(r"\S+", text)
            if any(map(str.isalnum, word[0]))
        )
        return Speech(_tone(samples, chunk.voice.name).tobytes(), "pcm_s16le", RATE, times, request_id="")


def _at(place: int, text: str, samples: int) -> int:
    """When the character at ``place`` begins, in milliseconds: all characters are equally long."""
    return milliseconds(place * samples // len(text), RATE)


def _tone(samples: int, name: str) -> NDArray[np.int16]:
    import numpy as np

    wave = np.resize(_wave(PERIODS.get(name, PERIODS[VOICE])), samples)
    rise = np.arange(RAMP) / RAMP
    wave[:RAMP] = np.rint(wave[:RAMP] * rise)
    wave[-RAMP:] = np.rint(wave[-RAMP:] * rise[::-1])
    return wave


@cache
def _wave(period: int) -> NDArray[np.int16]:
    """One wave, starting at its crest, so that sound begins at once."""
    import numpy as np

    crest = [round(AMPLITUDE * math.cos(2 * math.pi * place / period)) for place in range(period)]
    return np.array(crest, "<i2")


def engine(settings: Mapping[str, str]) -> Tone:
    """The engine; the setting ``max_chars`` bounds its chunks."""
    return Tone(int(settled(NAME, settings, _SETTINGS).get("max_chars", TRAITS.max_chars)))


def voice(name: str, language: str, settings: Mapping[str, str], env: Mapping[str, str]) -> Voice:
    """The tone ``name`` ("" is mid). ``max_chars`` does not change the sound and is no part of the voice."""
    given = settled(NAME, settings, _SETTINGS)
    given.pop("max_chars", None)
    if name and name not in PERIODS:
        raise JobError(f"tone: unknown voice {name!r}; {guess(name, PERIODS)}")
    given.setdefault("ms_per_char", str(MS_PER_CHARACTER))
    return Voice(NAME, "sine", name or VOICE, "", tuple(sorted(given.items())))


def voices(env: Mapping[str, str]) -> tuple[VoiceInfo, ...]:
    """The three tones."""
    return tuple(VoiceInfo(name, "", f"a tone of {RATE // period} Hz") for name, period in PERIODS.items())
