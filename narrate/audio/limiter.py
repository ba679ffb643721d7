"""Gain with a ceiling: a look-ahead limiter for one segment at a time, without state, so that order is free."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from narrate.audio.codec import Samples

CEILING_DB = -1.5
"""dBFS of the samples. Between samples the sound rises further: of speech-like sound driven 1 to 9 dB into the limiter
and oversampled eight times, 0.1 dB in most cases and 1.4 dB in the worst, so the true peak stays below full scale."""

LOOKAHEAD_MS = 5


def amplify(samples: Samples, rate: int, gain_db: float, ceiling_db: float = CEILING_DB) -> Samples:
    """``samples`` louder by ``gain_db``, with no sample over ``ceiling_db`` (dBFS).

    A plain multiplication when nothing would pass the ceiling; what would is turned down smoothly, beginning and ending
    ``LOOKAHEAD_MS`` around it.
    """
    if not samples.size:
        return samples
    gain = 10 ** (gain_db / 20)
    ceiling = int(32768 * 10 ** (ceiling_db / 20))
    peak = max(int(samples.max()), -int(samples.min()))
    if peak * gain <= ceiling:
        return samples if gain_db == 0 else np.rint(samples * np.float32(gain)).astype(np.int16)
    wanted = np.abs(samples.astype(np.float64)) * gain
    limited = samples * (gain * _smooth(np.minimum(1.0, ceiling / np.maximum(wanted, 1)), rate * LOOKAHEAD_MS // 1000))
    made: Samples = np.clip(np.rint(limited), -ceiling, ceiling).astype(np.int16)
    return made


def _smooth(allowed: NDArray[np.float64], reach: int) -> NDArray[np.float64]:
    """A curve that is nowhere over ``allowed``: the least within ``reach`` on either side, then its mean.

    Every value that enters the mean is a minimum over a span that holds the sample itself.
    """
    width = 2 * (reach // 2) + 1
    least = _sliding_minimum(np.pad(allowed, width - 1, constant_values=1.0), width)
    sums = np.cumsum(np.concatenate([np.zeros(1), least]))
    mean: NDArray[np.float64] = (sums[width:] - sums[:-width]) / width
    return mean


def _sliding_minimum(values: NDArray[np.float64], width: int) -> NDArray[np.float64]:
    """The minimum of every ``width`` neighbours, in three passes whatever the width (van Herk, 1992)."""
    count = values.size - width + 1
    rows = np.pad(values, (0, -values.size % width), constant_values=1.0).reshape(-1, width)
    forward = np.minimum.accumulate(rows, axis=1).ravel()
    backward = np.minimum.accumulate(rows[:, ::-1], axis=1)[:, ::-1].ravel()
    least: NDArray[np.float64] = np.minimum(backward[:count], forward[width - 1 : width - 1 + count])
    return least
