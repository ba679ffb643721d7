"""What shops and stations ask of a file, as numbers, and a file's figures held against them.

Codes: x-001 level, x-002 peak, x-003 noise floor, x-004 codec and bit rate, x-005 sample rate, x-006 channels,
x-007 length, x-008 silence at the head, x-009 silence at the tail, x-010 loudness.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from narrate.audio.meter import Figures
from narrate.audiobook import Finding

Range = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Spec:
    """One set of numbers; None is "does not matter". Levels in dBFS, loudness in LUFS, times in seconds.

    ``rms`` is the unweighted level of the whole file. ``bitrate`` is the least in kbit/s, for mono and for stereo.
    """

    name: str
    source: str
    codecs: tuple[str, ...] = ()
    bitrate: tuple[int, int] | None = None
    rate: int | None = None
    rms: Range | None = None
    loudness: Range | None = None
    peak: float | None = None
    floor: float | None = None
    length: Range | None = None
    head: Range | None = None
    tail: Range | None = None


SPECS = {
    "acx": Spec(
        name="ACX",
        source="help.acx.com, ACX audio submission requirements",
        codecs=("mp3",),
        bitrate=(192, 192),
        rate=44100,
        rms=(-23.0, -18.0),
        peak=-3.0,
        floor=-60.0,
        length=(0.0, 120 * 60.0),
        head=(0.5, 1.0),
        tail=(1.0, 5.0),
    ),
    "google": Spec(
        name="Google Play Books",
        source="support.google.com/books/partner, audiobook file requirements",
        codecs=("mp3", "aac", "flac", "pcm_s16le"),
        bitrate=(128, 256),
        length=(5 * 60.0, 100 * 3600.0),
    ),
    "podcast": Spec(
        name="podcast",
        source="AES TD1008 and common practice: -16 LUFS in stereo, as loud in mono at -19",
        loudness=(-20.0, -15.0),
        peak=-1.0,
    ),
    "r128": Spec(
        name="EBU R 128",
        source="EBU R 128 (2020)",
        loudness=(-23.5, -22.5),
        peak=-1.0,
    ),
}

_SLACK = 0.05  # dB and seconds: what a meter's rounding may cost
_LOSSLESS = ("flac", "pcm_s16le")


def check_spec(path: Path, figures: Figures, spec: Spec) -> tuple[Finding, ...]:
    """Where the file's ``figures`` do not meet ``spec``."""
    return tuple(
        Finding(code, "error", path.name, f"{spec.name}: {message}") for code, message in _misses(figures, spec)
    )


def _misses(figures: Figures, spec: Spec) -> Iterator[tuple[str, str]]:
    yield from _form(figures, spec)
    ranges = (
        ("x-001", "level (RMS)", figures.rms_db, spec.rms, "dB"),
        ("x-002", "peak", figures.peak_db, _most(spec.peak), "dB"),
        ("x-003", "noise floor", figures.floor_db, _most(spec.floor), "dB"),
        ("x-007", "length", figures.duration, spec.length, "s"),
        ("x-008", "silence at the head", figures.head, spec.head, "s"),
        ("x-009", "silence at the tail", figures.tail, spec.tail, "s"),
        ("x-010", "loudness", figures.lufs, spec.loudness, "LUFS"),
    )
    for code, name, value, wanted, unit in ranges:
        if wanted is None or value is None:
            continue
        least, most = wanted
        if not least - _SLACK <= value <= most + _SLACK:
            yield code, f"{name} is {value:.1f} {unit}, wanted is {_wanted(least, most)} {unit}"


def _form(figures: Figures, spec: Spec) -> Iterator[tuple[str, str]]:
    seen = figures.probe
    codec = "mp3" if seen.codec.startswith("mp3") else seen.codec
    if spec.codecs and codec not in spec.codecs:
        yield "x-004", f"is {codec}, wanted is {' or '.join(spec.codecs)}"
    elif spec.bitrate and codec not in _LOSSLESS:
        least = spec.bitrate[0 if seen.channels == 1 else 1]
        if seen.bitrate < 0.97 * least:
            yield "x-004", f"has {seen.bitrate} kbit/s, wanted are at least {least}"
    if spec.rate and seen.rate != spec.rate:
        yield "x-005", f"has {seen.rate} Hz, wanted are {spec.rate}"
    if seen.channels > 2:
        yield "x-006", f"has {seen.channels} channels, wanted are one or two"


def _most(value: float | None) -> Range | None:
    return None if value is None else (float("-inf"), value)


def _wanted(least: float, most: float) -> str:
    return f"at most {most:g}" if least == float("-inf") else f"{least:g} to {most:g}"
