"""Nothing passes the ceiling, and what does not need limiting is only multiplied."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from narrate.audio import limiter

RATE = 24000
sounds = arrays(np.int16, st.integers(0, 3000), elements=st.integers(-32768, 32767))


@settings(max_examples=150, deadline=None)
@given(sounds, st.floats(-20, 20), st.floats(-12, 0), st.sampled_from([8000, 24000, 44100]))
def test_no_sample_passes_the_ceiling(samples: np.ndarray, gain: float, ceiling: float, rate: int) -> None:
    made = limiter.amplify(samples, rate, gain, ceiling)
    assert made.dtype == np.int16
    assert made.size == samples.size
    if made.size:
        assert np.abs(made.astype(int)).max() <= 32768 * 10 ** (ceiling / 20)


@settings(max_examples=60, deadline=None)
@given(sounds, st.floats(-40, -1.6))
def test_below_the_ceiling_it_is_a_multiplication(samples: np.ndarray, gain: float) -> None:
    made = limiter.amplify(samples, RATE, gain)
    exact = np.rint(samples.astype(np.float64) * 10 ** (gain / 20))
    assert np.abs(made - exact).max(initial=0) <= 1  # single precision: a half may fall to the other side
    assert np.count_nonzero(made != exact) <= 1 + samples.size // 100


def test_no_gain_and_no_peak_changes_no_bit() -> None:
    samples = (np.sin(np.arange(5000) / 9) * 20000).astype(np.int16)
    assert np.array_equal(limiter.amplify(samples, RATE, 0.0), samples)


def test_one_loud_spot_is_turned_down_smoothly_and_alone() -> None:
    samples = (np.sin(np.arange(24000) / 9) * 6000).astype(np.int16)
    samples[12000:12004] = 30000
    made = limiter.amplify(samples, RATE, 6.0).astype(float)
    plain = samples * 10 ** (6 / 20)
    reach = RATE * limiter.LOOKAHEAD_MS // 1000
    outside = np.r_[0 : 12000 - reach, 12004 + reach : 24000]
    assert np.abs(made[outside] - plain[outside]).max() < 1
    ratio = made[np.abs(plain) > 500] / plain[np.abs(plain) > 500]
    assert np.abs(np.diff(ratio)).max() < 0.02
    assert ratio.min() == pytest.approx(10 ** (-1.5 / 20) * 32768 / (30000 * 10 ** (6 / 20)), rel=0.01)
