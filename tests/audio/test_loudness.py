"""Loudness of parts, put together, is the loudness of the whole."""

from __future__ import annotations

import numpy as np
import pyebur128
import pytest
from hypothesis import given
from hypothesis import strategies as st

from narrate.audio import loudness
from narrate.audio.codec import Samples

RATE = 24000


def speech(seconds: float, seed: int, level: float = 0.2) -> Samples:
    """Noise with the ups and downs of speech, and pauses."""
    random = np.random.default_rng(seed)
    size = int(seconds * RATE)
    coloured = np.convolve(random.normal(0, 1, size), np.ones(9) / 9, "same")
    knots = np.arange(0, size + 4800, 4800)
    envelope = np.interp(np.arange(size), knots, random.random(knots.size) ** 3)
    return np.clip(coloured * envelope * level * 3 * 32768, -32768, 32767).astype(np.int16)


def whole(samples: Samples, rate: int = RATE) -> float:
    state = pyebur128.R128State(1, rate, pyebur128.MeasurementMode.MODE_I)
    state.add_frames(samples, samples.size)
    return float(pyebur128.get_loudness_global(state))


def test_segments_together_are_as_loud_as_one_long_sound() -> None:
    segments = [speech(4 + seed % 7, seed, 0.05 + 0.02 * (seed % 5)) for seed in range(25)]
    together = loudness.integrated(loudness.gating_blocks(segment, RATE) for segment in segments)
    assert together == pytest.approx(whole(np.concatenate(segments)), abs=0.1)


@pytest.mark.parametrize("rate", [8000, 11025, 24000, 44100])
def test_a_full_scale_sine_of_1_khz_reads_minus_3_lufs(rate: int) -> None:
    """BS.1770's own calibration, at 997 Hz."""
    sine = (np.sin(2 * np.pi * 997 * np.arange(3 * rate) / rate) * 32767).astype(np.int16)
    assert loudness.integrated([loudness.gating_blocks(sine, rate)]) == pytest.approx(-3.01, abs=0.25)


def test_blocks_are_two_bytes_for_every_100_ms_after_the_first_400() -> None:
    assert len(loudness.gating_blocks(speech(6.6, 1), RATE)) == 2 * 63
    assert len(loudness.gating_blocks(speech(0.4, 1), RATE)) == 2
    assert len(loudness.gating_blocks(speech(0.1, 1), RATE)) == 2


def test_pauses_do_not_make_a_chapter_quieter() -> None:
    sound = loudness.gating_blocks(speech(5, 3), RATE)
    pause = loudness.gating_blocks(np.zeros(RATE * 30, np.int16), RATE)
    assert loudness.integrated([sound, pause]) == loudness.integrated([sound])


def test_silence_has_no_loudness_and_gets_no_gain() -> None:
    silence = loudness.gating_blocks(np.zeros(RATE, np.int16), RATE)
    assert loudness.integrated([silence]) is None
    assert loudness.integrated([]) is None
    assert loudness.gain_db(None, -19.0) == 0.0
    assert loudness.gain_db(-25.0, None) == 0.0


@given(st.floats(-69, 0), st.floats(-30, -10))
def test_gain_reaches_the_target_in_tenths_within_bounds(level: float, target: float) -> None:
    gain = loudness.gain_db(level, target)
    assert gain == round(gain, 1)
    assert abs(gain) <= 20
    assert abs(level + gain - target) <= 0.0501 or abs(gain) == 20


def test_the_gain_given_is_the_loudness_got() -> None:
    quiet = speech(8, 5, 0.05)
    gain = loudness.gain_db(loudness.integrated([loudness.gating_blocks(quiet, RATE)]), -23.0)
    assert whole((quiet * 10 ** (gain / 20)).astype(np.int16)) == pytest.approx(-23.0, abs=0.1)
