"""What stands around sound, byte by byte where a decoder would forgive."""

from __future__ import annotations

import io

import av
import numpy as np
import pytest

from narrate.audio import wrapping
from narrate.audio.streams import open_stream


@pytest.mark.parametrize("kind", ["webm", "opus"])
def test_players_are_told_what_to_leave_out_in_front(kind: str) -> None:
    stream = open_stream(kind, 24000)  # type: ignore[arg-type]
    with av.open(io.BytesIO(stream.encode(np.zeros(480, np.int16)) + stream.finish())) as container:
        context = container.streams.audio[0].codec_context
        assert (context.name, context.sample_rate, context.layout.name) == ("opus", 48000, "mono")
        assert int.from_bytes((context.extradata or b"")[10:12], "little") == 312


@pytest.mark.parametrize(("rate", "index"), [(96000, 0), (44100, 4), (24000, 6), (8000, 11), (7350, 12)])
def test_adts_says_rate_channel_and_length(rate: int, index: int) -> None:
    data = wrapping.adts(b"packet", rate)
    assert data[7:] == b"packet"
    assert data[:2] == b"\xff\xf1"
    assert data[2] >> 6 == 1
    assert data[2] >> 2 & 15 == index
    assert (data[2] & 1) << 2 | data[3] >> 6 == 1
    assert (data[3] & 3) << 11 | data[4] << 3 | data[5] >> 5 == len(data)
    assert data[6] & 3 == 0


def test_a_wav_larger_than_its_numbers_does_not_wrap_around() -> None:
    head = wrapping.wav_head(wrapping.PCM, 24000, 2, 2**32 + 2)
    assert head[4:8] == head[-4:] == b"\xff" * 4
    assert len(head) == 44
