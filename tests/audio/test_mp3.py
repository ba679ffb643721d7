from __future__ import annotations

import io

import av
import numpy as np
import pytest

from narrate.audio import frames, mp3
from tests.audio.test_frames import RATES, encoded


def decoded(audio: bytes, options: dict[str, str] | None = None) -> np.ndarray:  # type: ignore[type-arg]
    with av.open(io.BytesIO(audio), format="mp3", options=options or {}) as container:
        return np.concatenate([frame.to_ndarray() for frame in container.decode(audio=0)], axis=1)


def header_of(sound: bytes) -> frames.Header:
    header = frames.parse(frames.scan(sound).header)
    assert header is not None
    return header


@pytest.mark.parametrize(("rate", "bitrate"), [*RATES, (24000, 48), (24000, 32)])
def test_an_info_frame_makes_the_length_exact(rate: int, bitrate: int) -> None:
    """Also where the Info frame does not fit into a frame of the stream's own bit rate."""
    samples = rate + 777
    sound = encoded(rate, bitrate, samples / rate)
    header = header_of(sound)
    count = frames.scan(sound).frames
    more = max(0, mp3.frames_needed(samples, header.samples, 576) - count)
    sound += mp3.silence(header, more)
    padding = mp3.padding_behind(count + more, header.samples, samples, 576)
    whole = mp3.info_frame(header, count + more, len(sound), 576, padding) + sound
    assert decoded(whole).shape[1] == samples
    assert np.allclose(decoded(whole)[0], decoded(sound)[0][1105 : 1105 + samples], atol=1e-5)
    with av.open(io.BytesIO(whole)) as container:
        assert container.duration is not None
        assert abs(container.duration - samples * 1_000_000 / rate) <= 1


def test_the_info_frame_reads_back() -> None:
    header = header_of(encoded())
    frame = mp3.info_frame(header, 1234, 56789, 576, 1001)
    info = frames.read_info(frame)
    assert info == frames.InfoFrame(len(frame), 1234, 56789 + len(frame), 576, 1001)


def test_the_info_frame_ends_in_its_crc() -> None:
    """CRC-16/ARC, of which the check value of "123456789" is known."""
    assert mp3._crc_info(b"123456789") == 0xBB3D
    frame = mp3.info_frame(header_of(encoded()), 5, 5, 576, 600)
    end = sum(header_of(encoded()).side_info) + mp3._INFO_BYTES
    assert int.from_bytes(frame[end - 2 : end], "big") == mp3._crc_info(frame[: end - 2])


@pytest.mark.parametrize(("rate", "bitrate"), RATES)
def test_silent_frames_are_silent_and_keep_the_bit_rate(rate: int, bitrate: int) -> None:
    header = header_of(encoded(rate, bitrate))
    silence = mp3.silence(header, 500)
    assert frames.scan(silence).frames == 500
    assert not decoded(silence).any()
    seconds = 500 * header.samples / rate
    assert abs(len(silence) - seconds * bitrate * 125) <= header.length


def test_silence_between_two_sounds_changes_neither() -> None:
    sound = encoded()
    header = header_of(sound)
    count = frames.scan(sound).frames
    joined = decoded(sound + mp3.silence(header, 10) + sound)[0]
    alone = decoded(sound)[0]
    assert np.array_equal(joined[: alone.size - 576], alone[:-576])
    second = joined[(count + 10) * 576 :]
    assert np.array_equal(second, alone)


@pytest.mark.parametrize(
    ("rate", "bitrate", "channels"), [(24000, 96, 1), (44100, 128, 1), (44100, 128, 2), (22050, 64, 2)]
)
@pytest.mark.parametrize("steps", [4, -4])
def test_four_steps_double_or_halve(rate: int, bitrate: int, channels: int, steps: int) -> None:
    sound = encoded(rate, bitrate, channels=channels)
    louder = mp3.add_gain(sound, header_of(sound), steps)
    assert np.allclose(decoded(louder), decoded(sound) * 2 ** (steps / 4), atol=1e-5)


def test_gain_leaves_silent_frames_alone_and_stops_at_the_ends() -> None:
    sound = encoded()
    header = header_of(sound)
    silence = mp3.silence(header, 3)
    assert mp3.add_gain(silence, header, 9) == silence
    assert mp3.add_gain(sound, header, 0) is sound
    assert not decoded(mp3.add_gain(sound, header, -255)).round(4).any()


def test_a_protected_silent_frame_has_a_right_crc() -> None:
    """A decoder that checks CRCs takes it; with one bit of the CRC flipped it does not."""
    data = bytearray(header_of(encoded()).data)
    data[1] &= 0xFE
    header = frames.parse(bytes(data))
    assert header is not None
    assert header.protected
    frame = mp3.silent_frame(header)
    strict = {"err_detect": "crccheck+explode"}
    context = av.CodecContext.create("mp3float", "r")
    context.options = strict
    assert context.decode(av.Packet(frame))[0].samples == 576
    context = av.CodecContext.create("mp3float", "r")
    context.options = strict
    spoiled = frame[:5] + bytes([frame[5] ^ 1]) + frame[6:]
    with pytest.raises(av.FFmpegError):
        context.decode(av.Packet(spoiled))


def test_gain_of_protected_frames_keeps_the_crc_right() -> None:
    data = bytearray(header_of(encoded()).data)
    data[1] &= 0xFE
    header = frames.parse(bytes(data))
    assert header is not None
    quiet = bytearray(mp3.silent_frame(header))
    first, length = header.side_info
    quiet[first + 1] = 0x00
    quiet[first + 2] = 0x10  # part2_3_length is no longer 0, so the frame counts as sound
    louder = mp3.add_gain(bytes(quiet) * 3, header, 10)
    one = louder[: header.length]
    assert louder == one * 3
    assert one[4:6] == mp3._crc_protection(one[2:4] + one[first : first + length]).to_bytes(2, "big")
    assert one != bytes(quiet)
