"""All of a finished file heard and measured once. What the numbers should be is for checks to say.

One pass, and per hour of sound under a megabyte: levels are kept for every 10 ms, loudness for every 100 ms.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from narrate.audio.container import Listening, Probe, Sound, probe
from narrate.audio.loudness import gating_blocks, integrated

SILENT_DB = -50.0
"""dBFS of 10 ms below which nothing is being said: the level at which narrate trims an engine's answers."""

FULL_SCALE = 0.999
"""Of 1. A sample beyond it has been clipped, or will be by a player."""

_FLOOR = -120.0  # dBFS kept for digital silence
_WINDOWS = 100  # a second
_FLOOR_SECONDS = 0.5  # over which a noise floor is judged
_BATCH_SECONDS = 10
_OVERLAP_STEPS = 3  # of 100 ms: loudness windows of 400 ms reach back so far


@dataclass(frozen=True)
class Figures:
    """What was measured. Times in seconds, levels in dBFS, loudness in LUFS.

    ``stated`` is the length as the file's headers have it, ``duration`` as decoded. ``errors`` counts packets that did
    not decode, ``clipped`` samples at full scale, ``clicks`` 10 ms windows with a spike, ``cuts`` the seconds at which
    loud sound stops dead, ``noises`` those at which loud noise is heard. ``levels`` holds the RMS of every 10 ms in
    hundredths of a dB, ``window`` the exact length of one, ``blocks`` loudness as in ``Segment.blocks``.
    """

    probe: Probe
    duration: float
    errors: int
    peak_db: float
    rms_db: float
    clipped: int
    clicks: tuple[float, ...]
    cuts: tuple[float, ...]
    noises: tuple[float, ...]
    levels: NDArray[np.int16]
    window: float
    blocks: bytes

    @property
    def stated(self) -> float:
        """Length in seconds as the headers have it."""
        return self.probe.duration

    @cached_property
    def lufs(self) -> float | None:
        """Integrated loudness, None when all is silence. A mono file's is that of one loudspeaker."""
        return self.loudness_between(0.0, self.duration)

    def loudness_between(self, start: float, end: float) -> float | None:
        """Integrated loudness of a part."""
        part = self.blocks[2 * round(start * 10) : 2 * max(0, round(end * 10) - _OVERLAP_STEPS)]
        return integrated([part]) if part else None

    @cached_property
    def floor_db(self) -> float | None:
        """Noise floor: the quietest half second. None for less sound than that; -120 is digital silence."""
        count = round(_FLOOR_SECONDS * _WINDOWS)
        if self.levels.size < count:
            return None
        lowest = np.inf
        for at in range(0, self.levels.size - count + 1, 100_000):  # a piece at a time: floats are four times larger
            power = 10 ** (self.levels[at : at + 100_000 + count - 1].astype(np.float64) / 1000)
            sums = np.cumsum(np.concatenate([[0.0], power]))
            lowest = min(lowest, float(np.min(sums[count:] - sums[:-count])) / count)
        return max(_FLOOR, 10 * float(np.log10(max(lowest, 1e-12))))

    @cached_property
    def silences(self) -> tuple[tuple[float, float], ...]:
        """(start, length) of every stretch of at least a second in which nothing is said."""
        quiet = self.levels < SILENT_DB * 100
        edges = np.flatnonzero(np.diff(np.concatenate([[False], quiet, [False]]).astype(np.int8)))
        return tuple(
            (float(start) * self.window, float(end - start) * self.window)
            for start, end in edges.reshape(-1, 2)
            if (end - start) * self.window >= 1.0
        )

    @property
    def head(self) -> float:
        """Silence before the first sound."""
        return self.first_sound(0.0) or 0.0

    @property
    def tail(self) -> float:
        """Silence behind the last sound."""
        loud = np.flatnonzero(self.levels >= SILENT_DB * 100)
        return max(0.0, self.duration - (float(loud[-1]) + 1) * self.window) if loud.size else self.duration

    @property
    def longest_inside(self) -> tuple[float, float]:
        """(start, length) of the longest silence that has sound before and behind it."""
        end = self.duration - self.tail
        inside = [(start, length) for start, length in self.silences if start > 0 and start + length <= end + 0.02]
        return max(inside, key=lambda silence: silence[1], default=(0.0, 0.0))

    def first_sound(self, start: float, threshold_db: float = SILENT_DB) -> float | None:
        """When the first sound from ``start`` on begins, to 10 ms; None when there is none."""
        first = max(0, int(start / self.window))
        for at in range(first, self.levels.size, 1000):
            loud = np.flatnonzero(self.levels[at : at + 1000] >= threshold_db * 100)
            if loud.size:
                return (at + int(loud[0])) * self.window
        return None

    def level_between(self, start: float, end: float) -> float:
        """The loudest 10 ms of a part."""
        part = self.levels[max(0, int(start / self.window)) : max(0, int(end / self.window))]
        return float(part.max()) / 100 if part.size else _FLOOR


def measure(path: Path) -> Figures:
    """Listen to all of ``path``. AudioError when it cannot be opened; sound that does not decode is counted."""
    seen = probe(path)
    listening = Listening(path)
    meter = _Meter(seen.rate, seen.channels)
    for batch in _batches(listening.blocks(), seen.rate * _BATCH_SECONDS):
        meter.add(batch)
    meter.finish()
    return meter.figures(seen, listening)


def _batches(blocks: Iterator[Sound], length: int) -> Iterator[Sound]:
    """The same sound in pieces of ``length`` samples; the last may be shorter."""
    held: list[Sound] = []
    size = 0
    for block in blocks:
        held.append(block)
        size += block.shape[1]
        if size >= length:
            whole = np.concatenate(held, axis=1)
            for at in range(0, size - length + 1, length):
                yield whole[:, at : at + length]
            held = [whole[:, size - size % length :]]
            size %= length
    if size:
        yield np.concatenate(held, axis=1)


class _Meter:
    """What has been heard so far."""

    def __init__(self, rate: int, channels: int) -> None:
        self.rate = rate
        self.samples = 0
        self._width = rate // _WINDOWS
        self._step = (rate + 5) // 10
        self._stereo_db = 3.01 if channels == 2 else 0.0  # BS.1770 adds the channels' powers
        self._power = 0.0
        self._peak = 0.0
        self._clipped = 0
        self._rest: Sound = np.zeros(0, np.float32)
        self._pending: Sound = np.zeros(0, np.float32)
        self._levels: list[NDArray[np.int16]] = []
        self._blocks: list[bytes] = []
        self._windows = 0
        self._clicks: list[float] = []
        self._noisy: list[int] = []
        self._corners: set[int] = set()

    def add(self, sound: Sound) -> None:
        """Measure a batch, channels as rows."""
        self.samples += sound.shape[1]
        sizes = np.abs(sound)
        self._power += float(np.square(sound, dtype=np.float64).mean(axis=0).sum())
        self._peak = max(self._peak, float(sizes.max(initial=0.0)))
        self._clipped += int(np.count_nonzero(sizes >= FULL_SCALE))
        mono = sound.mean(axis=0, dtype=np.float32)
        self._add_windows(np.concatenate([self._rest, mono]))
        self._add_loudness(np.concatenate([self._pending, mono]), last=False)

    def finish(self) -> None:
        """Measure what was left over."""
        self._add_loudness(self._pending, last=True)

    def _add_windows(self, sound: Sound) -> None:
        count = sound.size // self._width
        rows = sound[: count * self._width].reshape(count, self._width)
        self._rest = sound[count * self._width :]
        if not count:
            return
        rms = np.sqrt(np.square(rows, dtype=np.float64).mean(axis=1))
        level = 20 * np.log10(np.maximum(rms, 1e-6))
        self._levels.append(np.rint(level * 100).astype(np.int16))
        self._find_clicks(rows, rms)
        signs = np.signbit(rows)
        crossings = np.count_nonzero(signs[:, 1:] != signs[:, :-1], axis=1) / self._width
        noisy = (crossings > _NOISE_CROSSINGS * min(1.0, 24000 / self.rate)) & (level > _NOISE_DB)
        self._noisy.extend((self._windows + np.flatnonzero(noisy)).tolist())
        self._windows += count

    def _find_clicks(self, rows: Sound, rms: NDArray[np.float64]) -> None:
        """A spike: one sharp corner that stands far above the other corners of its 10 ms, and is loud itself."""
        corners = np.abs(np.diff(rows, 2, axis=1))
        sharpest = corners.max(axis=1)
        usual = np.sqrt(np.square(corners, dtype=np.float64).mean(axis=1))
        spikes = (sharpest > _CLICK_CORNER) & (sharpest > _CLICK_RATIO * usual)
        peak = np.abs(rows).max(axis=1)
        spikes &= (peak > _CLICK_PEAK) & (peak > _CLICK_CREST * rms)
        broken = (sharpest > _CUT_CORNER) & (sharpest > _CUT_RATIO * np.concatenate([usual[:1], usual[:-1]]))
        self._corners.update((self._windows + np.flatnonzero(broken & ~spikes)).tolist())
        if len(self._clicks) < 1000:
            self._clicks.extend((self._windows + place) / _WINDOWS for place in np.flatnonzero(spikes).tolist())

    def _add_loudness(self, sound: Sound, *, last: bool) -> None:
        """Loudness windows reach back 300 ms: so much of every batch is measured again with the next."""
        steps = sound.size // self._step
        if steps <= _OVERLAP_STEPS or (not last and steps < 10 * _BATCH_SECONDS):
            self._pending = sound
            return
        whole = sound[: steps * self._step]
        pcm = np.rint(np.clip(whole, -1, 1) * 32767).astype(np.int16)
        self._blocks.append(gating_blocks(pcm, self.rate))
        self._pending = sound[(steps - _OVERLAP_STEPS) * self._step :]

    def figures(self, seen: Probe, listening: Listening) -> Figures:
        levels = np.concatenate(self._levels) if self._levels else np.zeros(0, np.int16)
        blocks = np.frombuffer(b"".join(self._blocks), "<i2") + np.int16(round(100 * self._stereo_db))
        window = self._width / self.rate
        return Figures(
            probe=seen,
            duration=self.samples / self.rate,
            errors=listening.errors,
            peak_db=_decibels(self._peak),
            rms_db=_decibels(float(np.sqrt(self._power / max(1, self.samples)))),
            clipped=self._clipped,
            clicks=tuple(self._clicks),
            cuts=tuple(place * window for place in _cuts(levels, self._corners)),
            noises=tuple(place * window for place in _runs(self._noisy, _NOISE_WINDOWS)),
            levels=levels,
            window=window,
            blocks=blocks.astype("<i2").tobytes(),
        )


_CLICK_CORNER = 0.35  # of full scale, second difference of neighbouring samples
_CLICK_PEAK = 0.6  # of full scale; the pulses of a creaky voice, levelled for listening, reach 0.4
_CLICK_RATIO = 6.5  # times the root mean square of the corners of the same 10 ms
_CLICK_CREST = 5.0  # times the root mean square of the same 10 ms
_NOISE_CROSSINGS = 0.3  # of all samples at 24 kHz change the sign: hiss does, hissed consonants do for a moment
_NOISE_DB = -24.0
_NOISE_WINDOWS = 40  # of 10 ms: longer than any consonant
_CUT_CORNER = 0.03  # of full scale
_CUT_RATIO = 4.0  # times the corners of the 10 ms before
_CUT_FROM_DB, _CUT_TO_DB, _CUT_WINDOWS = -32.0, -72.0, 4
_CUT_SILENT_WINDOWS = 16  # a plosive is silent for 100 ms at the most


def _decibels(amplitude: float) -> float:
    return max(_FLOOR, 20 * float(np.log10(max(amplitude, 1e-6))))


def _cuts(levels: NDArray[np.int16], corners: set[int]) -> list[int]:
    """Windows of loud sound that breaks off in a sharp corner, with digital silence behind: no voice ends like that."""
    reach = _CUT_WINDOWS + _CUT_SILENT_WINDOWS
    if levels.size <= reach:
        return []
    loud = levels[:-reach] > _CUT_FROM_DB * 100
    for later in range(_CUT_WINDOWS, reach):
        loud &= levels[later : later + loud.size] < _CUT_TO_DB * 100
    return [
        place for place in np.flatnonzero(loud).tolist() if not corners.isdisjoint(range(place, place + _CUT_WINDOWS))
    ]


def _runs(places: Sequence[int], least: int) -> list[int]:
    """The first of every ``least`` or more consecutive numbers."""
    if len(places) < least:
        return []
    numbers = np.asarray(places)
    starts = np.concatenate([[0], np.flatnonzero(np.diff(numbers) > 2) + 1])
    ends = np.concatenate([starts[1:], [numbers.size]])
    return [
        int(numbers[start])
        for start, end in zip(starts, ends, strict=True)
        if numbers[end - 1] - numbers[start] >= least
    ]
