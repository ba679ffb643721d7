"""What every writer promises. A writer's test module subclasses WriterSuite and says how its files follow the book."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from narrate.audio.container import Listening, probe
from narrate.audiobook import Audiobook, Codec, Published, Track
from narrate.errors import AudioError, NarrateError, StoreError
from narrate.writers import Writer
from tests.blobs import META, Samples, make_audiobook, of_tracks

HARD_TITLES = ("=;#\\ equals", "two\nlines", "„quotes“ 'and' \"more\"", "👩‍👩‍👧 " + "é" * 150, "a/b: c?")


def heard(path: Path) -> NDArray[np.float32]:
    """The decoded sound of a file; every packet decodes."""
    listening = Listening(path)
    sound = np.concatenate(list(listening.blocks()), axis=1)
    assert listening.errors == 0
    assert sound.shape[0] == 1
    return np.asarray(sound[0])


def onset(sound: NDArray[np.float32] | Samples) -> int:
    """The first sample that is clearly heard."""
    sound = np.asarray(sound, np.float64) / (32768 if sound.dtype == np.int16 else 1)
    return int(np.flatnonzero(np.abs(sound) > 0.02)[0])


def sounding(files: Sequence[Published]) -> list[Published]:
    """The files that can be heard."""
    return [file for file in files if file.duration_ms is not None]


class WriterSuite:
    """Subclasses give ``writer`` and ``expected``: for each file of sound, the tracks that it holds."""

    codec: Codec = "mp3"
    frame: dict[int, int] = {}  # noqa: RUF012

    @pytest.fixture
    def writer(self) -> Writer:
        raise NotImplementedError

    def expected(self, audiobook: Audiobook) -> Sequence[tuple[Track, ...]]:
        return [audiobook.tracks]

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        made = tmp_path / "scratch"
        made.mkdir()
        return made

    @pytest.mark.parametrize(("rate", "mp3"), [(24000, 96), (24000, 48), (44100, 192), (22050, 64), (48000, 128)])
    def test_length_and_chapters_are_right_to_the_frame(
        self, writer: Writer, folder: Path, tmp_path: Path, rate: int, mp3: int
    ) -> None:
        """P6: lengths are exact to the sample, first sounds within a millisecond of their marks."""
        audiobook, sounds = make_audiobook(tmp_path / "store", rate=rate, mp3=mp3, seconds=1.2)
        files = writer.write(audiobook, folder)
        for file, tracks in zip(sounding(files), self.expected(audiobook), strict=True):
            sound = heard(file.path)
            assert sound.size == sum(track.samples for track in tracks)
            assert file.duration_ms == round(sound.size * 1000 / rate)
            at = 0
            for track in tracks:
                spoken = sounds[audiobook.tracks.index(track)]
                assert abs(onset(sound[at:]) - onset(spoken)) <= rate // 1000
                at += track.samples
            assert abs(probe(file.path).duration - sound.size / rate) < 0.001

    def test_the_same_audiobook_gives_the_same_bytes(self, writer: Writer, folder: Path, tmp_path: Path) -> None:
        """P2."""
        audiobook, _ = make_audiobook(tmp_path / "store", seconds=0.5)
        other = tmp_path / "other"
        other.mkdir()
        first = {file.path.relative_to(folder): file.digest for file in writer.write(audiobook, folder)}
        second = {file.path.relative_to(other): file.digest for file in writer.write(audiobook, other)}
        assert first == second

    def test_what_is_reported_is_what_is_there(self, writer: Writer, folder: Path, tmp_path: Path) -> None:
        audiobook, _ = make_audiobook(tmp_path / "store", seconds=0.5)
        files = writer.write(audiobook, folder)
        assert {file.path for file in files} == {path for path in folder.rglob("*") if path.is_file()}
        for file in files:
            data = file.path.read_bytes()
            assert (file.size, file.digest) == (len(data), hashlib.sha256(data).hexdigest())

    def test_hard_titles(self, writer: Writer, folder: Path, tmp_path: Path) -> None:
        audiobook, _ = make_audiobook(tmp_path / "store", HARD_TITLES, seconds=0.3)
        audiobook = replace(audiobook, meta=replace(META, title="a/b: „c“ =;#\\ 👩‍👩‍👧 " + "ü" * 200))
        files = writer.write(audiobook, folder)
        assert all(len(file.path.name.encode()) <= 160 for file in files)

    def test_one_chapter(self, writer: Writer, folder: Path, tmp_path: Path) -> None:
        audiobook, _ = make_audiobook(tmp_path / "store", ("Only",), seconds=0.3)
        assert len(sounding(writer.write(audiobook, folder))) == 1

    def test_without_metadata(self, writer: Writer, folder: Path, tmp_path: Path) -> None:
        audiobook, _ = make_audiobook(tmp_path / "store", ("", ""), seconds=0.3)
        bare = replace(audiobook, narrator="", meta=replace(META, title="", authors=(), cover=None, language=""))
        assert writer.write(bare, folder)

    @pytest.mark.parametrize("place", [6, 1500, -7])
    def test_a_damaged_blob_is_found(self, writer: Writer, folder: Path, tmp_path: Path, place: int) -> None:
        audiobook, _ = make_audiobook(tmp_path / "store", seconds=0.5)
        blob = next(blob for blob in audiobook.tracks[1].blobs if blob.encoding.codec == self.codec)
        data = bytearray(blob.path.read_bytes())
        data[place - len(b"behind") if place < 0 else place] ^= 0x10
        blob.path.write_bytes(data)
        with pytest.raises(NarrateError):
            writer.write(audiobook, folder)

    def test_a_missing_blob_is_a_store_error(self, writer: Writer, folder: Path, tmp_path: Path) -> None:
        audiobook, _ = make_audiobook(tmp_path / "store", seconds=0.5)
        for blob in audiobook.tracks[-1].blobs:
            blob.path.unlink()
        with pytest.raises(StoreError):
            writer.write(audiobook, folder)

    def test_a_chapter_in_another_encoding_is_refused(self, writer: Writer, folder: Path, tmp_path: Path) -> None:
        audiobook, _ = make_audiobook(tmp_path / "store", seconds=0.5)
        bare = of_tracks((*audiobook.tracks[:2], replace(audiobook.tracks[2], blobs=())), audiobook.rate)
        with pytest.raises(AudioError, match="Three"):
            writer.write(bare, folder)


def of(files: Sequence[Published], suffix: str) -> Path:
    """The path of the one file with ``suffix``."""
    (path,) = [file.path for file in files if file.path.suffix == suffix]
    return path
