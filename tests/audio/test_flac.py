"""FLAC of our own is lossless, whatever is in a block, and a strict decoder agrees with its sums."""

from __future__ import annotations

import io

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from narrate.audio import codec, flac

BLOCK = 64
STRICT = {"err_detect": "crccheck+bitstream+buffer+explode"}


def stream(blocks: list[codec.Samples], rate: int = 16000) -> bytes:
    return flac.head(rate, BLOCK) + b"".join(flac.frame(block, number, rate) for number, block in enumerate(blocks))


def strictly(data: bytes) -> codec.Samples:
    with av.open(io.BytesIO(data), options=STRICT) as container:
        container.streams.audio[0].codec_context.options = STRICT
        return np.concatenate([frame.to_ndarray()[0] for frame in container.decode(audio=0)])


def quiet(size: int) -> codec.Samples:
    return np.zeros(size, np.int16)


@pytest.mark.parametrize(
    "block",
    [
        quiet(BLOCK),
        np.full(BLOCK, -32768, np.int16),
        np.resize(np.array([-32768, 32767], np.int16), BLOCK),
        np.arange(BLOCK).astype(np.int16) * 500,
        (np.arange(BLOCK) ** 3 // 9).astype(np.int16),
        np.random.default_rng(1).integers(-32768, 32768, BLOCK).astype(np.int16),
        codec.to_int16(0.9 * np.sin(np.arange(BLOCK) / 5)),
    ],
    ids=["silence", "bottom", "extremes", "line", "curve", "noise", "tone"],
)
def test_whatever_is_in_a_block_comes_back(block: codec.Samples) -> None:
    assert np.array_equal(strictly(stream([block, block])), np.tile(block, 2))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(-32768, 32767), min_size=1, max_size=BLOCK),
    st.integers(0, 3),
    st.sampled_from([8000, 16000, 22050, 24000, 44100, 48000]),
)
def test_the_last_block_may_have_any_length(last: list[int], before: int, rate: int) -> None:
    blocks = [*(np.full(BLOCK, number, np.int16) for number in range(before)), np.array(last, np.int16)]
    samples, found = codec.decode(stream(blocks, rate), "flac", 0)
    assert found == rate
    assert np.array_equal(samples, np.concatenate(blocks))


def test_numbers_grow_as_utf8_does_and_beyond() -> None:
    """Compared with Python's own as far as that goes; frames behind each threshold decode."""
    for number in (0, 127, 128, 2047, 2048, 55295, 65535, 65536, 0x10FFFF):
        assert flac._coded(number) == chr(number).encode("utf-8")
    assert [len(flac._coded(2**bits - 1)) for bits in (7, 11, 16, 21, 26, 31)] == [1, 2, 3, 4, 5, 6]
    blocks = [np.full(BLOCK, number % 99, np.int16) for number in range(2100)]
    assert np.array_equal(strictly(stream(blocks)), np.concatenate(blocks))


def test_a_wrong_bit_is_noticed() -> None:
    """That is, the strict decoder above does look at the sums."""
    block = np.random.default_rng(1).integers(-99, 99, BLOCK).astype(np.int16)
    data = bytearray(stream([block] * 3))
    data[-20] ^= 1
    with pytest.raises(av.FFmpegError):
        strictly(bytes(data))


def test_the_check_values_are_the_known_ones() -> None:
    assert flac._crc(b"123456789", 0x07, 8) == 0xF4
    assert flac._crc(b"123456789", 0x8005, 16) == 0xFEE8


def test_speech_like_sound_is_smaller_than_its_samples() -> None:
    time = np.arange(9600) / 24000
    voice = sum(np.sin(2 * np.pi * 130 * k * time + k) / k for k in range(1, 15))
    sound = codec.to_int16(0.1 * voice * (0.55 - 0.45 * np.cos(2 * np.pi * 4 * time)))
    size = sum(len(flac.frame(block, 0, 24000)) for block in np.split(sound, 10))
    assert size < 0.6 * 2 * sound.size
    assert len(flac.frame(quiet(960), 0, 24000)) < 20
