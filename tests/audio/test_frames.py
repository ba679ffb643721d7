from __future__ import annotations

import lameenc
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from narrate.audio import frames
from narrate.audio.mp3 import info_frame
from narrate.errors import AudioError

RATES = [(24000, 96), (44100, 192), (48000, 128), (22050, 64), (16000, 32), (8000, 16), (11025, 32)]


def encoded(rate: int = 24000, bitrate: int = 96, seconds: float = 1.0, channels: int = 1) -> bytes:
    encoder = lameenc.Encoder()
    encoder.silence()
    encoder.set_channels(channels)
    encoder.set_in_sample_rate(rate)
    encoder.set_out_sample_rate(rate)
    encoder.set_bit_rate(bitrate)
    encoder.set_quality(7)
    sound = (np.sin(np.arange(int(seconds * rate) * channels) * 0.05) * 8000).astype(np.int16)
    return bytes(encoder.encode(sound.tobytes()) + encoder.flush())


STREAM = encoded()
UNEVEN = encoded(44100, 128)
HEADER = frames.parse(STREAM[:4])
ID3 = b"ID3\x04\x00\x00\x00\x00\x02\x01" + bytes(257)
ID3_FOOTER = b"ID3\x04\x00\x10\x00\x00\x00\x05" + bytes(5) + b"3DI\x04\x00\x10\x00\x00\x00\x05"
ID3V1 = b"TAG" + bytes(125)
APE = b"APETAGEX" + (2000).to_bytes(4, "little") + (40).to_bytes(4, "little") + bytes(4) + b"\0\0\0\x80" + bytes(8)


@pytest.mark.parametrize(("rate", "bitrate"), RATES)
def test_scan_counts_every_frame(rate: int, bitrate: int) -> None:
    stream = frames.scan(encoded(rate, bitrate))
    header = frames.parse(stream.header)
    assert header is not None
    assert (header.rate, header.bitrate, header.mono) == (rate, bitrate, True)
    assert stream.samples_per_frame == (1152 if rate >= 32000 else 576)
    assert rate + 1105 <= stream.frames * stream.samples_per_frame <= rate + 1105 + 4 * stream.samples_per_frame
    assert (stream.delay, stream.padding) == (576, 529), "assumed where no tag says it"


def test_stereo() -> None:
    header = frames.parse(frames.scan(encoded(channels=2)).header)
    assert header is not None
    assert not header.mono


@pytest.mark.parametrize("before", [b"", ID3, ID3_FOOTER, ID3 + ID3_FOOTER])
@pytest.mark.parametrize("behind", [b"", ID3V1, APE[:32] + bytes(8) + APE[:32], APE[:32] + bytes(8) + APE[:32] + ID3V1])
@pytest.mark.parametrize("sound", [STREAM, UNEVEN], ids=["even", "uneven"])
def test_tags_lie_outside(before: bytes, behind: bytes, sound: bytes) -> None:
    stream = frames.scan(before + sound + behind)
    assert (stream.start, stream.end) == (len(before), len(before) + len(sound))
    assert stream.frames == frames.scan(sound).frames


def test_the_info_frame_lies_outside_and_is_read() -> None:
    assert HEADER is not None
    bare = frames.scan(STREAM)
    info = info_frame(HEADER, bare.frames, len(STREAM), 576, 1000)
    stream = frames.scan(ID3 + info + STREAM)
    assert stream.start == len(ID3) + len(info)
    assert (stream.frames, stream.delay, stream.padding) == (bare.frames, 576, 1000)


def test_an_info_frame_that_counts_more_frames_is_an_incomplete_stream() -> None:
    assert HEADER is not None
    info = info_frame(HEADER, frames.scan(STREAM).frames + 7, len(STREAM), 576, 1000)
    with pytest.raises(AudioError, match="incomplete"):
        frames.scan(info + STREAM)


@pytest.mark.parametrize("sound", [STREAM, UNEVEN], ids=["even", "uneven"])
@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda sound: sound[:-50], "cut off"),
        (lambda sound: sound[: len(sound) // 2 + 3] + bytes(4000) + sound[len(sound) // 2 :], "stray bytes|changes"),
        (lambda sound: sound + b"<html>quota exceeded</html>", "stray bytes"),
        (lambda sound: b"<html>quota exceeded</html>", "not an MP3"),
        (lambda sound: b"", "not an MP3"),
        (lambda sound: ID3, "not an MP3"),
        (lambda sound: sound + encoded(24000, 64), "changes"),
        (lambda sound: sound + encoded(48000, 128, channels=2), "changes"),
        (lambda sound: b"RIFF\x00\x00\x00\x00WAVEfmt ", "not an MP3"),
    ],
)
def test_what_cannot_be_copied_is_refused(sound: bytes, spoil, message: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(AudioError, match=message):
        frames.scan(spoil(sound))


def test_an_info_frame_alone_is_no_sound() -> None:
    assert HEADER is not None
    with pytest.raises(AudioError, match="no frames"):
        frames.scan(info_frame(HEADER, 0, 0, 576, 0))


@given(st.binary(max_size=600))
@settings(max_examples=200, deadline=None)
def test_any_bytes_are_a_stream_or_an_audio_error(data: bytes) -> None:
    try:
        stream = frames.scan(data)
    except AudioError:
        return
    assert 0 <= stream.start < stream.end <= len(data)


@given(st.integers(0, 2**32 - 1))
def test_a_header_is_read_or_none(number: int) -> None:
    header = frames.parse(number.to_bytes(4, "big"))
    if header is not None:
        assert header.length > 4
        assert frames.parse(header.data) is not None
        assert header.rate in {8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000}


def test_offsets_agree_with_one_step_after_the_other() -> None:
    for sound in (STREAM, UNEVEN):
        header = frames.parse(sound[:4])
        assert header is not None
        found, end = frames.offsets(sound, header)
        at, places = 0, []
        while at < len(sound):
            step = frames.parse(sound[at : at + 4])
            assert step is not None
            places.append(at)
            at += step.length
        assert found.tolist() == places
        assert end == len(sound)
