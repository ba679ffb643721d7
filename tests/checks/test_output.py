from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from mutagen.id3 import ID3
from mutagen.mp4 import MP4
from numpy.typing import NDArray

from narrate.audio.walk import walk
from narrate.audiobook import Audiobook
from narrate.checks import output
from narrate.checks.output import CODES, check_output, examine
from tests.checks.spoiled import RATE, audiobook, finished, shifted, titled

Sounds = list[NDArray[np.float64]]
SUFFIXES = (".mp3", ".m4b")


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Audiobook:
    return audiobook(tmp_path_factory.mktemp("store"))


@pytest.fixture(scope="module")
def sound_files(book: Audiobook, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("sound")
    return {suffix: finished(book, folder / suffix[1:], suffix) for suffix in SUFFIXES}


def codes(path: Path) -> set[str]:
    return {finding.code for finding in check_output(path)}


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_sound_book_has_no_findings(book: Audiobook, tmp_path: Path, suffix: str) -> None:
    """Alone, and beside its manifest."""
    assert check_output(finished(book, tmp_path / "out", suffix)) == ()
    assert check_output(finished(book, tmp_path / "out", suffix, alone=False)) == ()


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_figures_are_right(book: Audiobook, sound_files: dict[str, Path], suffix: str) -> None:
    figures, _ = examine(sound_files[suffix])
    assert figures is not None
    assert figures.duration == book.samples / RATE
    assert abs(figures.stated - figures.duration) < 0.001
    assert (figures.errors, figures.clipped, figures.probe.rate, figures.probe.channels) == (0, 0, RATE, 1)
    assert figures.lufs is not None
    assert -26 < figures.lufs < -14
    assert figures.floor_db == -120
    assert figures.head < 0.05
    assert 1.5 < figures.tail < 2.1
    assert 1.6 < figures.longest_inside[1] < 2.2


def test_the_level_of_a_known_tone(tmp_path: Path) -> None:
    """A sine of amplitude 0.1 has -23.01 dB RMS and, at 1 kHz, -23.0 LUFS (BS.1770: -3.01 at full scale)."""

    def tone(sounds: Sounds) -> None:
        sounds[:] = [0.1 * np.sin(2 * np.pi * 1000 * np.arange(4 * RATE) / RATE) for _ in sounds]

    book = audiobook(tmp_path / "store", tone)
    figures, _ = examine(finished(book, tmp_path / "out", ".m4b"))
    assert figures is not None
    assert abs(figures.rms_db + 23.01) < 0.5
    assert figures.lufs is not None
    assert abs(figures.lufs + 23.0) < 0.5
    assert abs(figures.peak_db + 20) < 0.3


# --- spoiled sound --------------------------------------------------------------------------------------------------


def _silence(sounds: Sounds) -> None:
    sounds[1] = np.insert(sounds[1], 3 * RATE // 2, np.zeros(6 * RATE))


def _clip(sounds: Sounds) -> None:
    sounds[:] = [sound * 8 for sound in sounds]


def _whisper(sounds: Sounds) -> None:
    sounds[:] = [sound * 0.1 for sound in sounds]


def _shout(sounds: Sounds) -> None:
    sounds[:] = [np.tanh(sound * 4) * 0.9 for sound in sounds]


def _hiss(sounds: Sounds) -> None:
    noise = np.random.default_rng(1)
    sounds[:] = [sound + noise.normal(0, 0.004, sound.size) for sound in sounds]


def _uneven(sounds: Sounds) -> None:
    sounds[2] *= 0.4


def _spikes(sounds: Sounds) -> None:
    for at in np.random.default_rng(2).integers(RATE, 4 * RATE, 5):
        sounds[1][at] = 0.95


def _hard_cut(sounds: Sounds) -> None:
    loud = sounds[1]
    at = int(np.argmax(np.abs(loud[:RATE])))
    loud[at + 1 : at + RATE] = 0


def _noise(sounds: Sounds) -> None:
    sounds[1][RATE : 2 * RATE] = np.random.default_rng(3).normal(0, 0.2, RATE)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (_silence, "a-007"),
        (_clip, "a-008"),
        (_whisper, "a-009"),
        (_shout, "a-009"),
        (_hiss, "a-011"),
        (_uneven, "a-015"),
        (_spikes, "a-016"),
        (_hard_cut, "a-017"),
        (_noise, "a-019"),
    ],
)
def test_spoiled_sound(tmp_path: Path, suffix: str, spoil: Callable[[Sounds], None], code: str) -> None:
    found = {
        finding.code: finding.severity
        for finding in check_output(finished(audiobook(tmp_path / "store", spoil), tmp_path / "out", suffix))
    }
    assert found.get(code) == "error"
    assert set(found) <= {code, "a-008", "a-009"}, "and nothing that is not so"


# --- spoiled marks and tags -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("ms", [150, 400, -300])
def test_drifting_marks(book: Audiobook, tmp_path: Path, suffix: str, ms: int) -> None:
    assert codes(finished(shifted(book, ms), tmp_path / "out", suffix)) == {"a-012"}


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_no_chapters(book: Audiobook, tmp_path: Path, suffix: str) -> None:
    assert codes(finished(replace(book, marks=()), tmp_path / "out", suffix)) == {"a-003"}


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_other_titles_than_the_manifest_lists(book: Audiobook, tmp_path: Path, suffix: str) -> None:
    path = finished(book, tmp_path / "out", suffix, alone=False)
    shutil.copyfile(finished(titled(book, ("One", "Zwei", "Three")), tmp_path / "other", suffix), path)
    messages = [finding.message for finding in check_output(path) if finding.code == "a-013"]
    assert any("Zwei" in message and "Two" in message for message in messages)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_fewer_chapters_than_the_manifest_lists(book: Audiobook, tmp_path: Path, suffix: str) -> None:
    path = finished(book, tmp_path / "out", suffix, alone=False)
    marks = (book.marks[0], replace(book.marks[1], end_ms=book.marks[2].end_ms))
    shutil.copyfile(finished(replace(book, marks=marks), tmp_path / "other", suffix), path)
    assert "a-013" in codes(path)


def test_no_title(sound_files: dict[str, Path], tmp_path: Path) -> None:
    path = tmp_path / "x.mp3"
    shutil.copyfile(sound_files[".mp3"], path)
    tag = ID3(path)
    tag.delall("TIT2")
    tag.delall("TCOM")
    tag.save(path)
    assert codes(path) == {"a-014", "a-020"}


def test_no_cover(sound_files: dict[str, Path], tmp_path: Path) -> None:
    path = tmp_path / "x.m4b"
    shutil.copyfile(sound_files[".m4b"], path)
    file = MP4(path)
    del file.tags["covr"]
    file.save()
    assert codes(path) == {"a-006"}


def test_a_chapter_that_leaves_a_hole(sound_files: dict[str, Path], tmp_path: Path) -> None:
    path = tmp_path / "x.mp3"
    shutil.copyfile(sound_files[".mp3"], path)
    tag = ID3(path)
    tag.getall("CHAP")[1].end_time -= 500
    tag.save(path)
    assert "a-004" in codes(path)


def test_no_table_of_contents(sound_files: dict[str, Path], tmp_path: Path) -> None:
    path = tmp_path / "x.mp3"
    shutil.copyfile(sound_files[".mp3"], path)
    tag = ID3(path)
    tag.delall("CTOC")
    tag.save(path)
    assert "a-005" in codes(path)


def test_half_a_list_of_chapters(book: Audiobook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """300 chapters with Nero's list, which holds the first 255."""
    from narrate.audio import container

    monkeypatch.setattr(container, "_fits_nero", lambda marks: True)
    total = book.marks[-1].end_ms
    starts = [total * number // 300 for number in range(300)]
    marks = tuple(
        replace(book.marks[0], title=str(number), start_ms=start, end_ms=end)
        for number, (start, end) in enumerate(zip(starts, [*starts[1:], total], strict=True))
    )
    assert "a-018" in codes(finished(replace(book, marks=marks), tmp_path / "out", ".m4b"))


# --- spoiled bytes --------------------------------------------------------------------------------------------------


def _spoiled(sound_files: dict[str, Path], folder: Path, suffix: str, spoil: Callable[[bytes], bytes]) -> Path:
    path = folder / f"spoiled{suffix}"
    path.write_bytes(spoil(sound_files[suffix].read_bytes()))
    return path


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: b"",
        lambda data: b"<!DOCTYPE html><html><body>quota exceeded</body></html>",
        lambda data: b'{"error": "unauthorized"}',
        lambda data: bytes(5000),
    ],
    ids=["empty", "html", "json", "zeros"],
)
def test_no_audio_at_all(
    sound_files: dict[str, Path], tmp_path: Path, suffix: str, spoil: Callable[[bytes], bytes]
) -> None:
    assert codes(_spoiled(sound_files, tmp_path, suffix, spoil)) == {"a-001"}


def test_a_cut_off_mp3(sound_files: dict[str, Path], tmp_path: Path) -> None:
    assert "a-002" in codes(_spoiled(sound_files, tmp_path, ".mp3", lambda data: data[: len(data) // 2]))
    frame = walk(sound_files[".mp3"]).header.length
    assert "a-002" in codes(_spoiled(sound_files, tmp_path, ".mp3", lambda data: data[: -40 * frame]))


def test_a_cut_off_m4b(sound_files: dict[str, Path], tmp_path: Path) -> None:
    assert codes(_spoiled(sound_files, tmp_path, ".m4b", lambda data: data[: len(data) // 2])) == {"a-001"}


def test_noise_among_the_bytes(sound_files: dict[str, Path], tmp_path: Path) -> None:
    noise = np.random.default_rng(5).integers(0, 256, 4000, np.uint8).tobytes()
    found = codes(_spoiled(sound_files, tmp_path, ".mp3", lambda data: data[:60000] + noise + data[64000:]))
    assert found & {"a-001", "a-010"}
    found = codes(_spoiled(sound_files, tmp_path, ".m4b", lambda data: data[:20000] + noise + data[24000:]))
    assert found & {"a-001", "a-019", "a-008"}


def test_html_behind_the_sound(sound_files: dict[str, Path], tmp_path: Path) -> None:
    assert "a-010" in codes(_spoiled(sound_files, tmp_path, ".mp3", lambda data: data + b"<html>" * 30))


def test_files_joined_by_cat(sound_files: dict[str, Path], tmp_path: Path) -> None:
    found = codes(_spoiled(sound_files, tmp_path, ".mp3", lambda data: data + data))
    assert {"a-002", "a-010"} <= found


def test_segments_joined_with_their_headers(sound_files: dict[str, Path], tmp_path: Path) -> None:
    """What concatenating demuxers leave behind: every file's Info frame, played as a gap."""
    whole = sound_files[".mp3"].read_bytes()
    seen = walk(sound_files[".mp3"])
    assert seen.info is not None
    begin = whole.index(b"Info") - 13
    body = whole[begin:]
    found = codes(_spoiled(sound_files, tmp_path, ".mp3", lambda data: data + body))
    assert {"a-002", "a-010"} <= found


# --- the table ------------------------------------------------------------------------------------------------------


def test_every_code_that_is_used_is_listed() -> None:
    used = set(re.findall(r'"(a-\d{3})",', Path(output.__file__).read_text(encoding="utf-8")))
    assert used - set(CODES) == set()
    assert sorted(CODES) == [f"a-{number:03}" for number in range(1, len(CODES) + 1)]
