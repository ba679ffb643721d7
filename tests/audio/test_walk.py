from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from narrate.audio import frames
from narrate.audio.mp3 import info_frame
from narrate.audio.walk import walk
from narrate.errors import AudioError
from tests.audio.test_frames import ID3, ID3V1, RATES, encoded

SOUND = encoded(seconds=3)
COUNT = frames.scan(SOUND).frames


def header_frame(count: int = COUNT) -> bytes:
    header = frames.parse(frames.scan(SOUND).header)
    assert header is not None
    return info_frame(header, count, len(SOUND), 576, 1000)


def walked(folder: Path, data: bytes):  # type: ignore[no-untyped-def]
    path = folder / "x.mp3"
    path.write_bytes(data)
    return walk(path)


@pytest.mark.parametrize(("rate", "bitrate"), RATES)
@pytest.mark.parametrize("before", [b"", ID3, b"ID3\x04\0\0\0\x02\0\0" + bytes(2 << 14)])
@pytest.mark.parametrize("behind", [b"", ID3V1])
def test_a_whole_file(tmp_path: Path, rate: int, bitrate: int, before: bytes, behind: bytes) -> None:
    sound = encoded(rate, bitrate)
    data = before + sound + behind
    found = walked(tmp_path, data)
    assert (found.frames, found.stray, found.inner, found.kinds) == (frames.scan(sound).frames, (), 0, 1)
    assert (found.size, found.digest) == (len(data), hashlib.sha256(data).hexdigest())
    assert found.bitrates == (bitrate,)


def test_the_info_frame_is_no_sound(tmp_path: Path) -> None:
    found = walked(tmp_path, ID3 + header_frame() + SOUND)
    assert found.frames == COUNT
    assert found.samples == COUNT * 576 - 1576
    assert found.inner == 0


def test_joined_files_keep_their_headers_inside(tmp_path: Path) -> None:
    whole = header_frame() + SOUND
    found = walked(tmp_path, whole * 3)
    assert (found.frames, found.inner, found.stray) == (3 * COUNT + 2, 2, ())
    tagged = walked(tmp_path, (ID3 + whole) * 2)
    assert (tagged.inner, len(tagged.stray)) == (1, 1)


def test_noise_inside_is_stepped_over(tmp_path: Path) -> None:
    noise = bytes(range(256)) * 16
    found = walked(tmp_path, SOUND[:28800] + noise + SOUND[28800:])
    assert found.stray[0] == 28800
    assert COUNT - 2 <= found.frames <= COUNT


def test_a_cut_off_file(tmp_path: Path) -> None:
    found = walked(tmp_path, header_frame() + SOUND[: 288 * 100 + 77])
    assert found.frames == 100
    assert found.stray == (len(header_frame()) + 28800,)
    assert found.info is not None
    assert found.info.frames == COUNT


def test_changing_bit_rates_are_frames_too(tmp_path: Path) -> None:
    found = walked(tmp_path, SOUND + encoded(24000, 64) + SOUND)
    assert found.stray == ()
    assert found.kinds == 2
    assert found.bitrates == (64, 96)
    assert found.frames == 2 * COUNT + frames.scan(encoded(24000, 64)).frames


@pytest.mark.parametrize("data", [b"", b"<html>", ID3, b"RIFF1234WAVE"])
def test_what_is_no_mp3(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(AudioError, match="not an MP3"):
        walked(tmp_path, data)
