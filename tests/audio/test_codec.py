"""Decoding says no in a sentence; encoders give the same bytes each time; lengths are exact."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
from fractions import Fraction

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from narrate.audio import codec, encoders
from narrate.errors import AudioError

RATE = 24000


def speech(seconds: float = 1.0, rate: int = RATE, seed: int = 0) -> codec.Samples:
    """Something voiced: harmonics under a syllable's envelope, with a little noise."""
    random = np.random.default_rng(seed)
    time = np.arange(int(seconds * rate)) / rate
    voice = sum(np.sin(2 * np.pi * 130 * k * time + k) / k for k in range(1, 15))
    envelope = 0.55 - 0.45 * np.cos(2 * np.pi * 4 * time)
    return codec.to_int16(envelope * (0.12 * voice + random.normal(0, 0.01, time.size)))


def encoded(samples: codec.Samples, container: str, name: str, layout: str = "mono", rate: int = RATE) -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", container) as out:
        stream = out.add_stream(name, rate=rate, layout=layout)
        channels = len(stream.layout.channels)
        frame = av.AudioFrame.from_ndarray(np.repeat(samples[None], channels, 0), format="s16p", layout=layout)
        frame.sample_rate = RATE
        out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return file.getvalue()


def wav(samples: codec.Samples, riff: int | None = None, data: int | None = None) -> bytes:
    body = samples.astype("<i2").tobytes()
    head = struct.pack("<IHHIIHH", 16, 1, 1, RATE, RATE * 2, 2, 16)
    sizes = [len(body) + 36 if riff is None else riff, len(body) if data is None else data]
    return (b"RIFF" + struct.pack("<I", sizes[0]) + b"WAVEfmt " + head + b"data" + struct.pack("<I", sizes[1])) + body


SPEECH = speech()


@pytest.mark.parametrize(
    ("format", "container", "name", "rate", "delay"),
    [
        ("wav", "wav", "pcm_s16le", RATE, 0),
        ("wav", "wav", "pcm_s24le", RATE, 0),
        ("wav", "wav", "pcm_f32le", RATE, 0),
        ("wav", "wav", "pcm_u8", RATE, 0),
        ("ulaw", "wav", "pcm_mulaw", RATE, 0),
        ("flac", "flac", "flac", RATE, 0),
        ("mp3", "mp3", "libmp3lame", RATE, 0),
        ("aac", "adts", "aac", RATE, 1024),
        ("aac", "ipod", "aac", RATE, 1024),
        ("opus", "ogg", "libopus", 48000, 0),
        ("webm", "webm", "libopus", 48000, 0),
    ],
)
@pytest.mark.parametrize("layout", ["mono", "stereo"])
def test_every_format_decodes_to_the_same_mono_sound(
    format: str, container: str, name: str, rate: int, delay: int, layout: str
) -> None:
    samples, found = codec.decode(encoded(SPEECH, container, name, layout, rate), format, RATE)
    assert (found, samples.dtype, samples.ndim) == (rate, np.int16, 1)
    heard = codec.resample(samples, rate, RATE)[delay:][: SPEECH.size].astype(float)
    asked = SPEECH[: heard.size].astype(float)
    assert heard.size >= SPEECH.size - 600
    assert np.corrcoef(heard, asked)[0, 1] > 0.98
    assert abs(20 * np.log10(heard.std() / asked.std())) < 0.5


def test_headerless_formats_take_the_rate_they_are_given() -> None:
    assert codec.decode(SPEECH.tobytes(), "pcm_s16le", 8000)[1] == 8000
    bare = encoded(SPEECH, "mulaw", "pcm_mulaw")
    samples, rate = codec.decode(bare, "ulaw", 8000)
    assert (samples.size, rate) == (SPEECH.size, 8000)


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF, 0x7FFFFFFF])
def test_wav_sizes_that_a_streaming_server_could_not_know_are_accepted(size: int) -> None:
    samples, _ = codec.decode(wav(SPEECH, riff=size, data=size), "wav", RATE)
    assert np.array_equal(samples, SPEECH)


def test_floats_beyond_full_scale_are_clipped() -> None:
    loud = np.array([2.0, -2.0, 0.5], np.float32)
    head = struct.pack("<IHHIIHH", 16, 3, 1, RATE, RATE * 4, 4, 32)
    body = loud.tobytes()
    audio = b"RIFF" + struct.pack("<I", 36 + len(body)) + b"WAVEfmt " + head + b"data" + struct.pack("<I", len(body))
    assert codec.decode(audio + body, "wav", RATE)[0].tolist() == [32767, -32768, 16384]


MP3 = b"".join((lambda encoder: encoder.encode(SPEECH) + encoder.finish())(encoders.Mp3Encoder(RATE, 96)))
TAGGED = encoded(SPEECH, "mp3", "libmp3lame")


@pytest.mark.parametrize(
    ("audio", "format", "says"),
    [
        (b"", "mp3", "empty"),
        (b"<!DOCTYPE html><p>try later", "mp3", "HTML"),
        (b'{"error": "quota"}', "ulaw", "JSON"),
        (b"\0" * 3000, "mp3", "not mp3"),
        (wav(SPEECH), "mp3", "not mp3"),
        (MP3, "wav", "not wav"),
        (wav(SPEECH)[:-100], "wav", "cut off"),
        (wav(SPEECH)[:40], "wav", "no data"),
        (wav(SPEECH[:0]), "wav", "no sound"),
        (SPEECH.tobytes()[:-1], "pcm_s16le", "cut off"),
        (TAGGED[: len(TAGGED) // 2], "mp3", "cut off"),
        (MP3[:-100], "mp3", "cut off"),
        (MP3[:3000] + bytes(range(256)) * 8 + MP3[5048:], "mp3", "does not decode"),
        (MP3 + b"<html>oops</html>" * 9, "mp3", "does not decode"),
        (codec.encode_flac(SPEECH, RATE)[:-2000], "flac", "(cut off|does not decode)"),
        (MP3, "midi", "cannot decode"),
    ],
)
def test_what_is_no_sound_or_not_all_of_it_is_refused_in_a_sentence(audio: bytes, format: str, says: str) -> None:
    with pytest.raises(AudioError, match=says) as caught:
        codec.decode(audio, format, RATE)
    assert "\n" not in str(caught.value)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300), st.sampled_from(["wav", "flac", "mp3", "aac", "opus", "webm", "ulaw"]))
def test_no_bytes_bring_another_error(noise: bytes, format: str) -> None:
    magic = {"wav": b"RIFF\0\0\0\0WAVE", "flac": b"fLaC", "mp3": b"\xff\xf3", "aac": b"\xff\xf1", "opus": b"OggS"}
    try:
        samples, rate = codec.decode(magic.get(format, b"") + noise, format, RATE)
    except AudioError:
        return
    assert samples.dtype == np.int16
    assert rate > 0


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(-32768, 32767), min_size=1, max_size=10000), st.sampled_from([8000, 24000, 44100]))
def test_flac_gives_back_every_sample(values: list[int], rate: int) -> None:
    samples = np.array(values, np.int16)
    kept, found = codec.decode(codec.encode_flac(samples, rate), "flac", 0)
    assert found == rate
    assert np.array_equal(kept, samples)


@pytest.mark.parametrize("rate", [8000, 22050, 24000, 44100])
def test_sound_is_found_within_a_few_milliseconds(rate: int) -> None:
    quiet = np.zeros(rate // 2, np.int16)
    sound = speech(1.0, rate)[rate // 8 : -rate // 8]  # begins and ends loud
    lead, tail = codec.find_sound(np.concatenate([quiet, sound, quiet]), rate)
    assert 0.009 <= (quiet.size - lead) / rate <= 0.016
    assert 0.029 <= (tail - quiet.size - sound.size) / rate <= 0.036


def test_sound_without_edges_and_silence_without_sound_are_kept_whole() -> None:
    assert codec.find_sound(SPEECH[3000:9000], RATE) == (0, 6000)
    assert codec.find_sound(np.zeros(5000, np.int16), RATE) == (0, 5000)
    assert codec.find_sound(np.zeros(0, np.int16), RATE) == (0, 0)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 20000), st.sampled_from(encoders.CODEC_RATES), st.sampled_from(encoders.CODEC_RATES))
def test_resampling_gives_exactly_the_promised_length(size: int, from_rate: int, to_rate: int) -> None:
    made = codec.resample(np.ones(size, np.int16), from_rate, to_rate)
    assert made.size == codec.resampled_length(size, from_rate, to_rate)
    assert abs(made.size - Fraction(size * to_rate, from_rate)) <= Fraction(1, 2)
    assert made.dtype == np.int16


def test_resampling_keeps_the_sound() -> None:
    there = codec.resample(SPEECH, RATE, 44100)
    back = codec.resample(there, 44100, RATE)
    assert np.abs(back[500:-500].astype(int) - SPEECH[500:-500]).max() < 700


@pytest.mark.parametrize(("name", "rate", "bitrate"), [("mp3", 24000, 96), ("mp3", 44100, 128), ("aac", 24000, 64)])
def test_packets_do_not_depend_on_how_the_samples_came(name: codec.Codec, rate: int, bitrate: int) -> None:
    samples = speech(2.0, rate)
    whole = encoders.ENCODERS[name](rate, bitrate)
    packets = whole.encode(samples) + whole.finish()
    parts = encoders.ENCODERS[name](rate, bitrate)
    pieces = [packet for at in range(0, samples.size, 7777) for packet in parts.encode(samples[at : at + 7777])]
    assert pieces + parts.finish() == packets
    assert len(packets) >= samples.size // whole.samples_per_frame + 1
    assert parts.config == whole.config


@pytest.mark.parametrize(
    ("rate", "bitrate"), [(8000, 32), (16000, 64), (22050, 96), (24000, 96), (44100, 128), (48000, 192)]
)
def test_mp3_frames_say_the_rate_and_bit_rate_asked_for(rate: int, bitrate: int) -> None:
    encoder = encoders.Mp3Encoder(rate, bitrate)
    packets = encoder.encode(speech(1.0, rate)) + encoder.finish()
    for packet in packets:
        header = codec.frames.parse(packet[:4])
        assert header
        assert (header.rate, header.bitrate, header.samples) == (rate, bitrate, encoder.samples_per_frame)
        assert header.length == len(packet)


def test_every_process_encodes_the_same_bytes() -> None:
    program = (
        "import hashlib\nfrom tests.audio.test_codec import *\n"
        "aac = encoders.AacEncoder(RATE, 64)\n"
        "sound = MP3 + b''.join(aac.encode(SPEECH) + aac.finish()) + codec.encode_flac(SPEECH, RATE)\n"
        "print(hashlib.sha256(sound).hexdigest())"
    )
    digests = {
        subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout for _ in "ab"
    }
    assert len(digests) == 1


def test_rates_and_bit_rates_that_mp3_does_not_know_are_replaced_by_ones_it_does() -> None:
    assert [encoders.known_rate(rate) for rate in (7000, 8000, 16500, 24000, 40000, 96000)] == [
        8000,
        8000,
        22050,
        24000,
        44100,
        48000,
    ]
    assert encoders.known_bitrate("mp3", 24000, 192) == 160
    assert encoders.known_bitrate("mp3", 44100, 192) == 192
    assert encoders.known_bitrate("mp3", 44100, 8) == 32
    assert encoders.known_bitrate("mp3", 8000, 96) == 64
    assert encoders.known_bitrate("aac", 24000, 64) == 64


def test_the_module_loads_no_codec_by_itself() -> None:
    program = "import sys, narrate.audio.codec; print({'av', 'lameenc', 'soxr', 'pydub'} & set(sys.modules))"
    shown = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout
    assert shown.strip() == "set()"


def test_a_wav_of_an_encoding_that_nobody_knows_is_no_audio() -> None:
    audio = bytearray(encoded(speech(), "wav", "pcm_s16le"))
    audio[20:22] = (0x7777).to_bytes(2, "little")  # the format's tag
    with pytest.raises(AudioError, match="nobody here knows"):
        codec.decode(bytes(audio), "wav", RATE)
