from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from narrate.audiobook import Word
from narrate.engines import tone
from narrate.engines.tone import Tone
from narrate.engines.verified import Verified
from narrate.errors import EngineRefused, JobError
from narrate.script import Chunk, Voice
from tests.suites.engine_suite import EngineSuite


def mid(**settings: str) -> Voice:
    return tone.voice("", "en", settings, {})


def spoken(text: str, voice: Voice | None = None) -> np.ndarray:
    return np.frombuffer(Tone().speak(Chunk(text, voice or mid(), 0)).audio, "<i2")


class TestTone(EngineSuite):
    @pytest.fixture
    def engine(self) -> Tone:
        return Tone()

    @pytest.fixture
    def voice(self) -> Voice:
        return mid()


class TestVerifiedTone(TestTone):
    @pytest.fixture
    def engine(self) -> Verified:
        return Verified(Tone())


@pytest.mark.parametrize(("text", "samples"), [("a" * 100, 24_000), ("a", 3600), ("a" * 15, 3600), ("a" * 16, 3840)])
def test_ten_milliseconds_a_character_and_150_at_least(text: str, samples: int) -> None:
    assert len(spoken(text)) == samples


def test_the_time_per_character_can_be_set() -> None:
    assert len(spoken("a" * 100, mid(ms_per_char="60"))) == 24_000 * 6


@given(st.text(min_size=1, max_size=300))
def test_sound_fills_the_answer_to_the_millisecond_and_never_clicks(text: str) -> None:
    sound = spoken(text).astype(int)
    loud = np.flatnonzero(abs(sound) > 328)
    assert loud[0] <= 24
    assert loud[-1] >= len(sound) - 25
    assert abs(np.diff(sound)).max() < 1000
    assert sound[0] == sound[-1] == 0
    assert abs(sound).max() == 8192


def test_the_same_bytes_every_time() -> None:
    assert spoken("again").tobytes() == spoken("again").tobytes()


def test_each_voice_has_its_own_pitch() -> None:
    def hertz(name: str) -> float:
        sound = spoken("a" * 100, tone.voice(name, "", {}, {}))
        return float(np.argmax(abs(np.fft.rfft(sound))) * 24_000 / len(sound))

    assert [hertz(info.name) for info in tone.voices({})] == [200, 300, 400]


def test_words_lie_where_their_characters_do() -> None:
    speech = Tone().speak(Chunk("One, two — three four five six", mid(), 0))
    assert speech.words[:3] == (Word("One,", 0, 40), Word("two", 50, 80), Word("three", 110, 160))
    assert len(speech.words) == 6
    assert speech.words[-1].end_ms == len("One, two — three four five six") * 10


def test_words_of_a_short_text_stretch_with_it() -> None:
    assert Tone().speak(Chunk("Hi Bo", mid(), 0)).words == (Word("Hi", 0, 60), Word("Bo", 90, 150))


def test_its_limit_can_be_set_and_is_no_part_of_the_voice() -> None:
    engine = tone.engine({"max_chars": "20"})
    assert engine.traits.max_chars == 20
    with pytest.raises(EngineRefused):
        engine.speak(Chunk("a" * 21, mid(), 0))
    assert mid(max_chars="20") == mid()
    assert mid(ms_per_char="20") != mid()


def test_unknown_names_are_said() -> None:
    with pytest.raises(JobError, match="unknown voice 'lo'; did you mean 'low'"):
        tone.voice("lo", "en", {}, {})
    with pytest.raises(JobError, match="unknown setting 'pitch'"):
        tone.voice("low", "en", {"pitch": "1"}, {})
