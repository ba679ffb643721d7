from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from narrate.audio.container import Probe
from narrate.audio.meter import Figures
from narrate.checks.specs import SPECS, check_spec

WINDOWS = 6000  # of 10 ms: a minute


def figures(**changes: object) -> Figures:
    """A minute that meets ACX's numbers to the last one."""
    levels = np.full(WINDOWS, -2000, np.int16)
    levels[:75] = levels[-200:] = -7500
    good = Figures(
        probe=Probe("mp3", "mp3float", 44100, 1, 192, 60.0, ()),
        duration=60.0,
        errors=0,
        peak_db=-3.5,
        rms_db=-20.0,
        clipped=0,
        clicks=(),
        cuts=(),
        noises=(),
        levels=levels,
        window=0.01,
        blocks=np.full(597, -1900, "<i2").tobytes(),
    )
    return replace(good, **changes)  # type: ignore[arg-type]


def codes(spec: str, measured: Figures) -> list[str]:
    return [finding.code for finding in check_spec(Path("x.mp3"), measured, SPECS[spec])]


def test_a_good_file_meets_acx() -> None:
    assert codes("acx", figures()) == []


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"rms_db": -23.2}, "x-001"),
        ({"rms_db": -17.8}, "x-001"),
        ({"peak_db": -2.8}, "x-002"),
        ({"levels": np.full(WINDOWS, -2000, np.int16)}, "x-003"),
        ({"probe": Probe("mp3", "mp3float", 44100, 1, 128, 60.0, ())}, "x-004"),
        ({"probe": Probe("mov,mp4", "aac", 44100, 1, 192, 60.0, ())}, "x-004"),
        ({"probe": Probe("mp3", "mp3float", 24000, 1, 192, 60.0, ())}, "x-005"),
        ({"probe": Probe("mp3", "mp3float", 44100, 6, 192, 60.0, ())}, "x-006"),
        ({"duration": 7300.0}, "x-007"),
    ],
)
def test_each_number_of_acx(changes: dict[str, object], code: str) -> None:
    assert code in codes("acx", figures(**changes))


@pytest.mark.parametrize(
    ("head", "tail", "code"), [(20, 200, "x-008"), (150, 200, "x-008"), (75, 50, "x-009"), (75, 700, "x-009")]
)
def test_room_tone_of_acx(head: int, tail: int, code: str) -> None:
    levels = np.full(WINDOWS, -2000, np.int16)
    levels[:head] = levels[-tail:] = -7500
    assert codes("acx", figures(levels=levels)) == [code]


@pytest.mark.parametrize(
    ("spec", "hundredths", "good"),
    [("podcast", -1900, True), ("podcast", -2300, False), ("r128", -2300, True), ("r128", -1900, False)],
)
def test_loudness(spec: str, hundredths: int, good: bool) -> None:
    found = codes(spec, figures(blocks=np.full(597, hundredths, "<i2").tobytes()))
    assert found == ([] if good else ["x-010"])


def test_google_takes_lossless_at_any_rate() -> None:
    flac = Probe("flac", "flac", 24000, 1, 300, 600.0, ())
    assert codes("google", figures(probe=flac, duration=600.0)) == []
    low = Probe("mp3", "mp3float", 24000, 1, 96, 600.0, ())
    assert codes("google", figures(probe=low, duration=600.0)) == ["x-004"]
