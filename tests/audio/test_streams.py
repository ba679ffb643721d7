"""Sound leaves a stream at once and whole: any format, any cutting, any number of turns."""

from __future__ import annotations

import functools
import io
import struct
import wave
from pathlib import Path
from typing import get_args

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from narrate.audio import codec, frames, streams
from narrate.audio.streams import Kind, open_stream
from narrate.errors import AudioError

RATE = 24000
KINDS: tuple[Kind, ...] = get_args(Kind)
EXACT = {"ulaw", "pcm_s16le", "pcm_f32le", "wav"}
HEADS = {
    "webm": b"\x1a\x45\xdf\xa3",
    "ulaw": b"RIFF",
    "wav": b"RIFF",
    "opus": b"OggS",
    "flac": b"fLaC",
}
INSIDE = {"webm": b"OpusHead", "ulaw": b"RIFF", "wav": b"RIFF", "opus": b"OpusHead", "flac": b"fLaC"}
"""Bytes that each head has once; compressed sound does not have them by chance."""


def delay(kind: Kind) -> int:
    """Samples by which a decoder is late, for codecs without a head that tells it so."""
    return {"mp3": 1105, "aac": 1024}.get(kind, 0)


def frame(kind: Kind, rate: int) -> int:
    """Samples in a codec's frame."""
    sizes = {"mp3": 1152 if rate >= 32000 else 576, "aac": 1024, "flac": rate // 25}
    return sizes.get(kind, rate // 50 if kind in ("webm", "opus") else 1)


@functools.cache
def sweep(samples: int, rate: int, low: float = 200.0, high: float = 1800.0) -> codec.Samples:
    """A tone that rises: nowhere like itself, so that a displacement shows."""
    time = np.arange(samples) / rate
    phase = low * time + (high - low) * time**2 * rate / (2 * samples)
    sound = codec.to_int16(0.3 * np.sin(2 * np.pi * phase))
    sound.flags.writeable = False
    return sound


def heard(data: bytes, kind: Kind, rate: int) -> codec.Samples:
    """What a player makes of the bytes, at the stream's rate."""
    if kind == "pcm_f32le":
        return codec.to_int16(np.frombuffer(data, "<f4"))
    samples, found = codec.decode(data, kind, rate)
    heard: codec.Samples = codec.resample(samples, found, rate)
    return heard


def likeness(one: codec.Samples, other: codec.Samples) -> float:
    return float(np.corrcoef(one.astype(float), other.astype(float))[0, 1])


def place(whole: codec.Samples, part: codec.Samples) -> int:
    """Where in ``whole`` ``part`` fits best."""
    size = 1 << (whole.size + part.size).bit_length()
    fit = np.fft.irfft(np.fft.rfft(whole, size) * np.conj(np.fft.rfft(part, size)), size)
    return int(np.argmax(fit[: whole.size]))


@pytest.mark.parametrize("rate", [8000, 16000, 24000, 48000])
@pytest.mark.parametrize("kind", KINDS)
def test_every_format_at_every_rate_is_the_sound_that_was_given(kind: Kind, rate: int) -> None:
    sound = sweep(rate * 7 // 10 + 41, rate)
    stream = open_stream(kind, rate)
    got = heard(stream.encode(sound) + stream.finish(), kind, rate)
    assert 0 <= got.size - delay(kind) - sound.size <= (frame(kind, rate) if delay(kind) else 0)
    part = got[delay(kind) :][: sound.size]
    assert likeness(part, sound) > 0.999
    assert abs(20 * np.log10(part.std() / sound.std())) < 0.1
    if kind in ("pcm_s16le", "wav", "flac", "pcm_f32le"):
        assert np.array_equal(part, sound)


@pytest.mark.parametrize("kind", KINDS)
def test_a_steady_tone_keeps_its_pitch(kind: Kind) -> None:
    tone = codec.to_int16(0.3 * np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE))
    stream = open_stream(kind, RATE)
    got = heard(stream.encode(tone) + stream.finish(), kind, RATE)[2048:][:16384]
    peak = int(np.argmax(np.abs(np.fft.rfft(got * np.hanning(got.size)))))
    assert abs(peak * RATE / got.size - 440) < 2


@pytest.mark.parametrize("kind", KINDS)
def test_the_first_sound_comes_behind_the_head(kind: Kind) -> None:
    first = open_stream(kind, RATE).encode(sweep(RATE // 5, RATE))
    assert len(first) > 100
    assert first.startswith(HEADS.get(kind, b""))
    assert open_stream(kind, RATE).finish().startswith(HEADS.get(kind, b""))


LATE_MS = {"mp3": 104, "aac": 130, "webm": 67, "opus": 47, "flac": 40}


@pytest.mark.parametrize("kind", KINDS)
def test_sound_leaves_as_it_comes(kind: Kind) -> None:
    """After every piece nearly all that was given can be heard, at 24 kHz."""
    stream = open_stream(kind, RATE)
    sound = sweep(RATE, RATE)
    data = b""
    for end in range(RATE // 10, RATE, RATE // 10):
        for start in range(end - RATE // 10, end, RATE // 50):
            data += stream.encode(sound[start : start + RATE // 50])
        late = end - (heard(data, kind, RATE).size - delay(kind))
        assert late <= LATE_MS.get(kind, 0) * RATE / 1000


@pytest.mark.parametrize("rate", [8000, 16000, 24000])
@pytest.mark.parametrize("kind", KINDS)
def test_after_a_flush_all_that_was_given_can_be_heard(kind: Kind, rate: int) -> None:
    """And no more than 120 ms of silence behind it; AAC at 8 kHz has frames of 128 ms."""
    stream = open_stream(kind, rate)
    longest = max(0.120, frame(kind, rate) / rate) * rate
    data, end = b"", 0
    for length in (rate // 2 + 13, 1, rate // 3, rate // 25):
        sound = sweep(length, rate)
        start = end
        data += stream.encode(sound[: length // 3]) + stream.encode(sound[length // 3 :]) + stream.flush()
        got = heard(data, kind, rate)[start:]
        if length >= rate // 3:
            at = place(got, sound)
            assert at <= delay(kind) + longest
            assert likeness(got[at : at + length], sound) > 0.99
        else:
            at = delay(kind)
        assert length <= got.size - at
        assert got.size - delay(kind) - length <= longest + (delay(kind) if start else 0)
        end = start + got.size
        assert stream.flush() == b""
    data += stream.encode(sweep(rate // 3, rate)) + stream.finish()
    last = heard(data, kind, rate)[end:]
    at = place(last, sweep(rate // 3, rate))
    assert likeness(last[at : at + rate // 3], sweep(rate // 3, rate)) > 0.99
    assert data.count(INSIDE.get(kind, b"no head")) == (kind in INSIDE)
    assert data.startswith(HEADS.get(kind, b""))


@pytest.mark.parametrize("kind", KINDS)
def test_an_end_right_after_a_flush_adds_hardly_any_silence(kind: Kind) -> None:
    stream = open_stream(kind, RATE)
    data = stream.encode(sweep(5000, RATE)) + stream.flush()
    before, after = heard(data, kind, RATE), heard(data + stream.finish(), kind, RATE)
    assert 0 <= after.size - before.size <= RATE * 0.05
    assert np.array_equal(after[: before.size - 200], before[:-200])  # resampled: the end rings
    assert np.abs(after[before.size :].astype(int)).max(initial=0) < 200


def cut(kind: Kind, sound: codec.Samples, cuts: list[int], rate: int = RATE) -> bytes:
    stream = open_stream(kind, rate)
    pieces = np.split(sound, sorted(cuts))
    return b"".join([*(stream.encode(piece) for piece in pieces), stream.finish()])


@functools.cache
def in_one_piece(kind: Kind) -> codec.Samples:
    return heard(cut(kind, sweep(7001, RATE), []), kind, RATE)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(KINDS), st.lists(st.integers(0, 7001), max_size=12))
def test_any_cutting_is_the_same_sound_and_the_same_bytes_twice(kind: Kind, cuts: list[int]) -> None:
    data = cut(kind, sweep(7001, RATE), cuts)
    assert np.array_equal(heard(data, kind, RATE), in_one_piece(kind))
    assert cut(kind, sweep(7001, RATE), cuts) == data


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(KINDS), st.lists(st.integers(1, 3000), min_size=1, max_size=4), st.sampled_from([8000, 24000]))
def test_no_sample_is_left_behind_by_any_flush(kind: Kind, turns: list[int], rate: int) -> None:
    stream = open_stream(kind, rate)
    data, given = b"", 0
    for length in turns:
        data += stream.encode(sweep(length, rate)) + stream.flush()
        given += length
        assert heard(data, kind, rate).size >= given + delay(kind)


@pytest.mark.parametrize("kind", KINDS)
def test_a_long_piece_and_a_high_bit_rate(kind: Kind) -> None:
    """More packets in one call than fit into a page, and larger ones than one of its places holds."""
    noise = np.random.default_rng(3).integers(-9000, 9000, 3 * RATE).astype(np.int16)
    sound = noise + sweep(3 * RATE, RATE) // 2
    data = cut(kind, sound, [], RATE) if kind in EXACT | {"flac"} else b""
    if not data:
        stream = open_stream(kind, RATE, 256)
        data = stream.encode(sound) + stream.finish()
        assert len(data) > 3 * 100 * 125
    got = heard(data, kind, RATE)
    assert likeness(got[delay(kind) :][: sound.size], sound) > 0.95


@pytest.mark.parametrize("kind", sorted(HEADS.keys() - EXACT))
def test_strict_readers_find_nothing_wrong(kind: Kind) -> None:
    stream = open_stream(kind, RATE)
    data = stream.encode(sweep(RATE, RATE)) + stream.flush() + stream.encode(sweep(999, RATE)) + stream.finish()
    strict = {"err_detect": "crccheck+bitstream+buffer+explode"}
    with av.open(io.BytesIO(data), options=strict) as container:
        container.streams.audio[0].codec_context.options = strict
        times = [packet.pts for packet in container.demux() if packet.size]
        assert times == sorted(set(times))
        assert len(times) >= 25
        assert not any(sign.isdigit() for value in container.metadata.values() for sign in value)  # no version


def test_bit_rates_are_those_that_the_codec_knows() -> None:
    def size(kind: Kind, bitrate: int | None) -> int:
        stream = open_stream(kind, RATE, bitrate)
        return len(stream.encode(sweep(RATE, RATE)) + stream.finish())

    stream = open_stream("mp3", RATE)
    header = frames.parse(stream.encode(sweep(RATE, RATE))[:4])
    assert header is not None
    assert (header.bitrate, header.rate) == (96, RATE)
    header = frames.parse(open_stream("mp3", 8000, 192).encode(sweep(8000, 8000))[:4])
    assert header is not None
    assert (header.bitrate, header.rate) == (64, 8000)
    for kind in ("webm", "opus", "aac"):
        assert size(kind, 1) < size(kind, None) < size(kind, 400)


@pytest.mark.parametrize("kind", ["wav", "ulaw"])
def test_streamed_sizes_are_unknown_and_whole_ones_right(kind: Kind) -> None:
    sound = sweep(4001, 8000)
    streamed = open_stream(kind, 8000).encode(sound)
    tag, channels, rate, rate_bytes, width, bits = struct.unpack_from("<HHIIHH", streamed, 20)
    expected = (1, 2) if kind == "wav" else (7, 1)
    assert (tag, width) == expected
    assert (channels, rate, rate_bytes, bits) == (1, 8000, 8000 * width, 8 * width)
    assert streamed[4:8] == b"\xff" * 4
    assert streamed[-sound.size * width - 4 :][:4] == b"\xff" * 4

    stream = open_stream(kind, 8000, whole=True)
    assert stream.encode(sound[:100]) + stream.flush() + stream.encode(sound[100:]) == b""
    data = stream.finish()
    assert int.from_bytes(data[4:8], "little") == len(data) - 8
    at = data.index(b"data")
    assert int.from_bytes(data[at + 4 : at + 8], "little") == sound.size * width
    assert np.array_equal(heard(data, kind, 8000), heard(streamed, kind, 8000))
    if kind == "ulaw":
        assert data[38:50] == b"fact" + struct.pack("<II", 4, sound.size)
        assert len(data) % 2 == 0
    else:
        with wave.open(io.BytesIO(data)) as file:
            assert (file.getnframes(), file.getframerate()) == (sound.size, 8000)


def test_other_formats_do_not_wait_for_the_whole() -> None:
    for kind in KINDS:
        if kind not in ("wav", "ulaw", "flac"):
            assert open_stream(kind, RATE, whole=True).encode(sweep(RATE, RATE))


def test_mulaw_is_as_near_as_g711_allows() -> None:
    """Every sample there is: off by half a step of its segment at most, steps of 8 in the softest, doubling."""
    every = np.arange(-32768, 32768).astype(np.int16)
    data = open_stream("ulaw", 8000).encode(every)[-every.size :]
    assert [data[sample + 32768] for sample in (-32768, -1, 0, 32767)] == [0x00, 0x7F, 0xFF, 0x80]
    got = codec.decode(open_stream("ulaw", 8000).encode(every), "ulaw", 8000)[0].astype(int)
    assert np.unique(got).size == 255  # +0 and -0
    assert np.all(np.diff(got) >= 0)
    loudest = np.abs(every.astype(int)) > 32124
    assert np.array_equal(np.abs(got[loudest]), np.full(np.count_nonzero(loudest), 32124))
    segment = np.searchsorted(128 * 2 ** np.arange(1, 8) - 132, np.abs(every.astype(int)), side="right")
    assert np.all((np.abs(got - every) <= 4 << segment) | loudest)


def test_what_it_cannot_do_it_says() -> None:
    with pytest.raises(AudioError, match=r"cannot stream 'ogg': the formats are mp3, webm"):
        open_stream("ogg", RATE)  # type: ignore[arg-type]
    with pytest.raises(AudioError, match=r"opus cannot have a sample rate of 22050 Hz; it can be 8000, 12000"):
        open_stream("opus", 22050)
    with pytest.raises(AudioError, match=r"wav cannot have a sample rate of 0 Hz; it can be 1000 to 96000"):
        open_stream("wav", 0)
    with pytest.raises(AudioError, match="a bit rate of 0 kbit/s is none"):
        open_stream("mp3", RATE, 0)
    with pytest.raises(AudioError, match="16-bit samples of one channel, not 1 of float32"):
        open_stream("mp3", RATE).encode(np.zeros(3, np.float32))  # type: ignore[arg-type]
    for kind in KINDS:
        stream = open_stream(kind, RATE)
        stream.finish()
        for call in (stream.flush, stream.finish, lambda stream=stream: stream.encode(sweep(9, RATE))):
            with pytest.raises(AudioError, match="the stream of sound has ended"):
                call()


def test_every_format_has_a_content_type() -> None:
    assert tuple(streams.CONTENT_TYPES) == KINDS


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="counts threads as Linux lists them")
def test_open_streams_have_no_threads() -> None:
    before = len(list(Path("/proc/self/task").iterdir()))
    opened = [open_stream(kind, RATE) for kind in KINDS for _ in range(3)]
    assert sum(len(stream.encode(sweep(RATE // 5, RATE))) > 0 for stream in opened) == len(opened)
    assert len(list(Path("/proc/self/task").iterdir())) <= before


def test_streams_do_not_disturb_each_other() -> None:
    """Turn by turn in one thread, as a server with many listeners has them."""
    for kind in KINDS:
        pair = [open_stream(kind, RATE) for _ in range(2)]
        mixed = [b"", b""]
        sound = sweep(4800, RATE)
        for at in range(0, 4800, 480):
            for number, stream in enumerate(pair):
                mixed[number] += stream.encode(sound[at : at + 480] >> number)
        alone = open_stream(kind, RATE)
        assert b"".join(alone.encode(sound[at : at + 480]) for at in range(0, 4800, 480)) == mixed[0]
        assert mixed[1] != mixed[0]


def test_whole_flac_says_how_long_it_is() -> None:
    sound = sweep(4001, 8000)
    stream = open_stream("flac", 8000, whole=True)
    data = stream.encode(sound) + stream.finish()
    assert int.from_bytes(data[18:26], "big") & 0xFFFFFFFFF == sound.size
    assert np.array_equal(heard(data, "flac", 8000), sound)
