"""Loudness by ITU-R BS.1770: measured once per segment, known for any row of segments without decoding again.

The only room that knows pyebur128 (libebur128's K-weighting). The gating is two lines of arithmetic and is done here,
because the blocks of segments that live in other processes and other runs have to be gated together.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from narrate.audio.codec import Samples

TARGET_LUFS = -19.0
"""What audiobooks are levelled to in mono: as loud as -16 LUFS of stereo."""

_ABSOLUTE_GATE = -70.0  # LUFS, BS.1770-4: blocks below are silence
_RELATIVE_GATE = 10.0  # LU below the mean of what passed the first gate: pauses
_HUNDREDTHS = np.dtype("<i2")


def gating_blocks(samples: Samples, rate: int) -> bytes:
    """The loudness of each 400 ms window, in steps of 100 ms, as ``Segment.blocks`` keeps it.

    A sound shorter than one window is measured as one, with silence behind it.
    """
    from pyebur128 import MeasurementMode, R128State, get_loudness_momentary

    step = (rate + 5) // 10
    if samples.size < 4 * step:
        samples = np.pad(samples, (0, 4 * step - samples.size))
    state = R128State(1, rate, MeasurementMode.MODE_M)
    values = []
    for at in range(0, samples.size - step + 1, step):
        state.add_frames(samples[at : at + step], step)
        if at >= 3 * step:
            values.append(get_loudness_momentary(state))
    hundredths = np.clip(np.rint(np.maximum(values, -327.0) * 100), -32768, 32767)
    return bytes(hundredths.astype(_HUNDREDTHS).tobytes())


def integrated(blocks: Iterable[bytes]) -> float | None:
    """The loudness in LUFS of all these segments as one programme, gated twice; None when all of it is silence."""
    values = np.frombuffer(b"".join(blocks), _HUNDREDTHS) / 100
    loud = values[values > _ABSOLUTE_GATE]
    if not loud.size:
        return None
    return _mean(loud[loud > _mean(loud) - _RELATIVE_GATE])


def _mean(loudness: NDArray[np.float64]) -> float:
    """The loudness of the mean power."""
    return float(10 * np.log10(np.mean(10 ** (loudness / 10))))


def gain_db(loudness: float | None, target: float | None, *, most: float = 20.0) -> float:
    """The constant gain, in whole tenths of a decibel, that brings ``loudness`` to ``target`` (both LUFS).

    0 for silence or without a target; never more than ``most`` up or down, where something else is wrong. Tenths are
    inaudible, and keep a chapter's gain the same when a sentence of it changes.
    """
    if loudness is None or target is None:
        return 0.0
    return round(max(-most, min(most, target - loudness)), 1)
