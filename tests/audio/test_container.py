from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from narrate.audio.container import Listening, mux_m4b, probe, stretches
from narrate.audiobook import ChapterMark, Encoding
from narrate.errors import AudioError
from narrate.writers import Writer
from narrate.writers.m4b import M4bWriter
from narrate.writers.mp3 import Mp3Writer
from tests.blobs import make_audiobook
from tests.suites.writer_suite import heard


@pytest.mark.parametrize("rate", [24000, 44100])
@pytest.mark.parametrize(("writer", "frame", "off"), [(Mp3Writer(), 0, 2), (M4bWriter(), 1024, 0)], ids=["mp3", "m4b"])
def test_a_stretch_is_the_same_sound_as_in_one_pass(
    tmp_path: Path, writer: Writer, frame: int, off: int, rate: int
) -> None:
    """M4Bs are sought to the sample, MP3s to a frame or two."""
    audiobook, _ = make_audiobook(tmp_path / "store", ("a", "b", "c", "d", "e"), rate=rate, mp3=128)
    path = writer.write(audiobook, tmp_path)[0].path
    whole = np.pad(heard(path), (0, 10_000))
    starts = [0.0, 0.25, *(mark.start_ms / 1000 for mark in audiobook.marks[1:]), audiobook.samples / rate - 0.4]
    frame = frame or (1152 if rate > 32000 else 576)
    for start, sound in zip(starts, stretches(path, starts, 0.4), strict=True):
        places = [max(0, round(start * rate) + shift * frame) for shift in range(-off, off + 1)]
        apart = [np.abs(sound - whole[place : place + sound.size]).max() for place in places]
        assert min(apart) < 0.003  # AAC fills in noise of its own
        assert sound.size >= 0.4 * rate - 2 * frame


@pytest.mark.parametrize("data", [b"", b"<html>", bytes(3000)])
@pytest.mark.parametrize("suffix", [".mp3", ".m4b", ".wav"])
def test_what_is_no_audio_is_one_sentence(tmp_path: Path, data: bytes, suffix: str) -> None:
    path = tmp_path / f"x{suffix}"
    path.write_bytes(data)
    with pytest.raises(AudioError, match=r"^x\."):
        probe(path)
    with pytest.raises(AudioError):
        list(Listening(path).blocks())


def test_a_missing_file_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="No such file"):
        probe(tmp_path / "missing.mp3")


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(AudioError):
        mux_m4b(tmp_path / "missing" / "x.m4b", Encoding("aac", 24000, 64), b"\x13\x08", [[b"x"]], [], 0)


def test_long_titles_go_into_the_chapter_track_alone(tmp_path: Path) -> None:
    """Nero's list would cut them in the middle of a character."""
    from mutagen.mp4 import MP4

    audiobook, _ = make_audiobook(tmp_path / "store", ("é" * 200, "b"), seconds=0.3)
    path = M4bWriter().write(audiobook, tmp_path)[0].path
    assert [mark.title for mark in probe(path).chapters] == ["é" * 200, "b"]
    assert not MP4(path).chapters


def test_the_last_chapter_ends_with_the_sound(tmp_path: Path) -> None:
    audiobook, _ = make_audiobook(tmp_path / "store", rate=22050, seconds=0.4)
    found = probe(M4bWriter().write(audiobook, tmp_path)[0].path)
    assert found.chapters[-1] == ChapterMark("Three", 1, audiobook.marks[-1].start_ms, audiobook.duration_ms)
    assert found.duration == audiobook.samples / 22050
