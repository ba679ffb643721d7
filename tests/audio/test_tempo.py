"""Speech at another tempo: as long as it should be, at the same pitch, with its end."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from narrate.audio import codec
from narrate.audio.tempo import at_tempo
from narrate.errors import AudioError

TEMPOS = [0.25, 0.4, 0.5, 0.8, 1.1, 1.5, 2.0, 2.5, 4.0]
RATES = [8000, 16000, 24000, 48000]


def tone(samples: int, rate: int, pitch: float = 440.0) -> codec.Samples:
    return codec.to_int16(0.3 * np.sin(2 * np.pi * pitch * np.arange(samples) / rate))


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("tempo", TEMPOS)
def test_length_changes_and_pitch_and_loudness_stay(tempo: float, rate: int) -> None:
    sound = tone(2 * rate, rate)
    changed = at_tempo(sound, rate, tempo)
    assert changed.dtype == np.int16
    assert changed.size == round(sound.size / tempo)
    middle = changed[changed.size // 10 : -changed.size // 10]
    size = 1 << 19
    peak = int(np.argmax(np.abs(np.fft.rfft(middle * np.hanning(middle.size), size)))) * rate / size
    assert abs(peak - 440) < 0.02 * 440
    assert abs(20 * np.log10(middle.std() / sound.std())) < 1


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("tempo", TEMPOS)
def test_events_are_where_they_belong(tempo: float, rate: int) -> None:
    """The middle of a sound, within a window of the slowest."""
    sound = tone(2 * rate, rate)
    sound[: rate // 2] = sound[-rate:] = 0
    power = at_tempo(sound, rate, tempo).astype(float) ** 2
    middle = float(np.average(np.arange(power.size) / rate, weights=power))
    assert abs(middle - 0.75 / tempo) < 0.02 / min(tempo, 1) + 0.01


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("tempo", TEMPOS)
def test_sound_at_the_very_end_is_not_lost(tempo: float, rate: int) -> None:
    sound = tone(rate, rate)
    sound[: -rate // 8] = 0
    changed = at_tempo(sound, rate, tempo).astype(float)
    assert np.sum(changed**2) > 0.75 * np.sum(sound.astype(float) ** 2) / tempo


def test_at_its_own_tempo_nothing_is_touched() -> None:
    sound = tone(999, 24000)
    assert at_tempo(sound, 24000, 1.0) is sound


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2000), st.floats(0.25, 4.0), st.sampled_from(RATES))
def test_any_length_at_any_tempo(samples: int, tempo: float, rate: int) -> None:
    assert at_tempo(tone(samples, rate), rate, tempo).size == round(samples / tempo)


@pytest.mark.parametrize("tempo", [0.25, 0.6, 1.6, 4.0])
def test_a_sound_shorter_than_a_window_is_still_heard(tempo: float) -> None:
    assert np.abs(at_tempo(tone(240, 24000), 24000, tempo).astype(int)).max() > 3000


def test_the_same_sound_twice_is_the_same() -> None:
    sound = tone(24000, 24000)
    assert np.array_equal(at_tempo(sound, 24000, 1.3), at_tempo(sound, 24000, 1.3))


@pytest.mark.parametrize("tempo", [0.0, 0.2, -1.0, 4.1, float("nan"), float("inf")])
def test_a_tempo_out_of_range_is_refused(tempo: float) -> None:
    with pytest.raises(AudioError, match=r"it goes from 0\.25 to 4\.0"):
        at_tempo(tone(9, 24000), 24000, tempo)
