from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import lameenc
import numpy as np
import pytest

from narrate.audio import frames
from narrate.audio.container import probe
from narrate.audio.tags import read_id3
from narrate.audiobook import Audiobook, Joined, Segment, Track
from narrate.errors import AudioError, StoreError
from narrate.writers.mp3 import Mp3Writer
from tests.blobs import META, make_audiobook, of_tracks, speechlike
from tests.suites.writer_suite import WriterSuite, heard, of


class TestMp3Writer(WriterSuite):
    @pytest.fixture
    def writer(self) -> Mp3Writer:
        return Mp3Writer()


def test_chapters_and_tags_read_back(tmp_path: Path) -> None:
    audiobook, _ = make_audiobook(tmp_path / "store", seconds=0.5)
    path = of(Mp3Writer().write(audiobook, tmp_path), ".mp3")
    assert path.name == "Über „Wale“.mp3"
    tags = read_id3(path)
    assert tags.marks == audiobook.marks == probe(path).chapters
    assert tags.contents
    assert (tags.title, tags.narrator) == (META.title, audiobook.narrator)
    assert META.cover is not None
    assert tags.cover_bytes == len(META.cover.data)


def test_three_hundred_chapters(tmp_path: Path) -> None:
    one, _ = make_audiobook(tmp_path / "store", ("One",), seconds=0.1)
    track = one.tracks[0]
    tracks = tuple(replace(track, title=str(number), start=number * track.samples) for number in range(300))
    path = of(Mp3Writer().write(of_tracks(tracks, 24000), tmp_path), ".mp3")
    assert len(probe(path).chapters) == 300
    assert read_id3(path).contents


def segment(folder: Path, number: int, rate: int, bitrate: int, *, tagged: bool) -> tuple[Segment, np.ndarray]:  # type: ignore[type-arg]
    """An engine's MP3 answer, kept as it came, and its sound."""
    sound = speechlike(0.4 + 0.1 * number, rate, 150 + 10 * number)
    encoder = lameenc.Encoder()
    encoder.silence()
    encoder.set_channels(1)
    encoder.set_in_sample_rate(rate)
    encoder.set_out_sample_rate(rate)
    encoder.set_bit_rate(bitrate)
    audio = bytes(encoder.encode(sound.tobytes()) + encoder.flush())
    bare = frames.scan(audio)
    if tagged:
        from narrate.audio.mp3 import info_frame, padding_behind

        header = frames.parse(bare.header)
        assert header is not None
        padding = padding_behind(bare.frames, header.samples, sound.size, 576)
        audio = b"ID3\x04\0\0\0\0\0\x0a" + bytes(10) + info_frame(header, bare.frames, len(audio), 576, padding) + audio
    path = folder / f"{number}.mp3"
    path.write_bytes(b"xx" + audio + b"header of the store")
    return (
        Segment(
            key=str(number) * 64,
            digest=hashlib.sha256(audio).hexdigest(),
            path=path,
            offset=2,
            size=len(audio),
            codec="mp3",
            rate=rate,
            frames=sound.size,
            lead=0,
            tail=sound.size,
            peak=0.5,
            mp3=frames.scan(audio),
        ),
        sound,
    )


def joined_book(
    folder: Path, rate: int, bitrate: int, *, steps: int = 0
) -> tuple[Audiobook, list[tuple[int, np.ndarray]]]:  # type: ignore[type-arg]
    """Two chapters of three MP3 segments, and where each sound starts in the book."""
    folder.mkdir(exist_ok=True)
    tracks, places, at = [], [], 0
    for chapter in range(2):
        pieces, start = [], at
        for number in range(3):
            one, sound = segment(folder, 3 * chapter + number, rate, bitrate, tagged=number != 1)
            assert one.mp3 is not None
            places.append((at, sound))
            at += (one.mp3.frames + 7 + number) * one.mp3.samples_per_frame
            pieces.append((one, 7 + number))
        stream = pieces[0][0].mp3
        assert stream is not None
        joined = Joined(tuple(pieces), stream.header, stream.samples_per_frame, steps)
        tracks.append(Track(f"Chapter {chapter}", 1, start, at - start, 0, joined=joined))
    return of_tracks(tuple(tracks), rate), places


@pytest.mark.parametrize(("rate", "bitrate"), [(24000, 96), (44100, 128), (24000, 32)])
def test_joined_segments_are_copied_to_the_sample(tmp_path: Path, rate: int, bitrate: int) -> None:
    audiobook, places = joined_book(tmp_path / "store", rate, bitrate)
    (file,) = Mp3Writer().write(audiobook, tmp_path)
    whole = heard(file.path)
    assert whole.size == audiobook.samples
    for at, sound in places:
        assert np.abs(whole[at : at + sound.size] - sound / 32768 * 0.95).max() < 0.08  # LAME takes 5 % off


def test_joined_segments_are_made_louder_without_a_second_encoding(tmp_path: Path) -> None:
    plain, _ = joined_book(tmp_path / "store", 24000, 96)
    louder, _ = joined_book(tmp_path / "store", 24000, 96, steps=2)
    sounds = []
    for number, audiobook in enumerate((plain, louder)):
        folder = tmp_path / str(number)
        folder.mkdir()
        sounds.append(heard(Mp3Writer().write(audiobook, folder)[0].path))
    assert np.allclose(sounds[1], sounds[0] * 2**0.5, atol=1e-4)


def test_a_damaged_segment_is_found(tmp_path: Path) -> None:
    audiobook, _ = joined_book(tmp_path / "store", 24000, 96)
    path = tmp_path / "store" / "4.mp3"
    data = bytearray(path.read_bytes())
    data[500] ^= 1
    path.write_bytes(data)
    with pytest.raises(StoreError, match="damaged"):
        Mp3Writer().write(audiobook, tmp_path)


def test_segments_of_two_kinds_are_refused(tmp_path: Path) -> None:
    one, _ = joined_book(tmp_path / "a", 24000, 96)
    other, _ = joined_book(tmp_path / "b", 24000, 64)
    mixed = of_tracks((one.tracks[0], replace(other.tracks[1], start=one.tracks[0].samples)), 24000)
    with pytest.raises(AudioError, match="another kind"):
        Mp3Writer().write(mixed, tmp_path)


def test_copied_and_encoded_chapters_do_not_mix(tmp_path: Path) -> None:
    one, _ = joined_book(tmp_path / "a", 24000, 96)
    other, _ = make_audiobook(tmp_path / "b", seconds=0.3)
    with pytest.raises(AudioError, match="cannot share"):
        Mp3Writer().write(of_tracks((one.tracks[0], other.tracks[1]), 24000), tmp_path)
