"""What tests/speech_server.py speaks: tones as long as their texts take, distinct for each, in every format."""

from __future__ import annotations

import functools
import hashlib
import io
import math
import re
import struct
from collections.abc import Callable
from typing import Any

import numpy as np

MS_PER_CHARACTER = 60
LONGEST_WAVE_MS = 10
"""Of the tone: 100 Hz. The shortest is a quarter of it."""
LOUD = 8000
"""Sample value of the tone."""


def timestamps(text: str) -> list[dict[str, Any]]:
    """One entry per word, blank and mark, as the service gives them, with silence before and after."""
    seconds = MS_PER_CHARACTER / 1000
    entries = [
        {"text": found[0], "start": found.start() * seconds, "duration": len(found[0]) * seconds}
        for found in re.finditer(r"\w+|\s+|[^\w\s]", text)
    ]
    return [{"text": "", "start": 0.0, "duration": 0.0}, *entries]


def speech_of(
    number: int,
    text: str,
    name: str,
    rate: int,
    *,
    amplitude: int = LOUD,
    share: float = 1.0,
    keep: float = 1.0,
    other_rate: bool = False,
) -> bytes:
    """A tone as long as ``text`` takes, times ``share``, encoded; of that the share ``keep``.

    The pitch and a soft mark at its start are drawn by ``number``, the hash of the whole request, and by the text, so
    that no two requests are answered with the same sound.
    """
    rate = (24000 if rate == 16000 else 16000) if other_rate else rate
    drawn = hashlib.sha256(b"%d %b" % (number, text.encode("utf-8", "replace"))).digest()
    samples = int(rate * max(len(text), 3) * MS_PER_CHARACTER * share) // 1000
    longest = rate * LONGEST_WAVE_MS // 1000
    period = longest // 4 + int.from_bytes(drawn[:4]) % (longest * 3 // 4)
    mark = struct.pack("<32h", *((byte - 128) * amplitude // 1024 for byte in drawn))
    audio = ENCODERS[name]((mark + tone(samples, period, amplitude))[: samples * 2], rate)
    return audio[: int(len(audio) * keep)]


def tone(samples: int, period: int, amplitude: int) -> bytes:
    """16-bit samples: one wave, repeated; bytes are only copied."""
    wave = _wave(period, amplitude)
    return (wave * (samples // period + 1))[: samples * 2]


@functools.lru_cache(500)
def _wave(period: int, amplitude: int) -> bytes:
    return struct.pack(f"<{period}h", *(round(amplitude * math.sin(2 * math.pi * i / period)) for i in range(period)))


def wav(pcm: bytes, rate: int, size: int | None = None) -> bytes:
    """A WAV file; ``size`` puts another size into its header, as streaming servers do."""
    return _riff(pcm, 1, rate, 2, size)


def _riff(data: bytes, tag: int, rate: int, width: int, size: int | None = None) -> bytes:
    size = len(data) if size is None else size
    shape = struct.pack("<IHHIIHH", 16, tag, 1, rate, rate * width, width, 8 * width)
    head = struct.pack("<4sI8s", b"RIFF", min(size + 36, 0xFFFFFFFF), b"WAVEfmt ") + shape
    return head + struct.pack("<4sI", b"data", size) + data


def _ulaw(pcm: bytes, rate: int) -> bytes:
    """G.711 µ-law in a WAV header, as LMNT sends it (format tag 7)."""
    samples = np.frombuffer(pcm, "<i2").astype(np.int32)
    size = np.minimum(np.abs(samples), 32635) + 132
    exponent = np.floor(np.log2(size)).astype(np.int32) - 7
    sound = ~((samples < 0) * 128 | exponent << 4 | (size >> (exponent + 3)) & 15) & 255
    return _riff(sound.astype(np.uint8).tobytes(), 7, rate, 1)


def mp3(pcm: bytes, rate: int) -> bytes:
    import lameenc

    encoder = lameenc.Encoder()
    encoder.silence()
    encoder.set_in_sample_rate(rate)
    encoder.set_channels(1)
    encoder.set_bit_rate(64)
    encoder.set_quality(7)
    return bytes(encoder.encode(pcm) + encoder.flush())


def _with_av(container: str, codec: str) -> Callable[[bytes, int], bytes]:
    def encode(pcm: bytes, rate: int) -> bytes:
        import av

        file = io.BytesIO()
        with av.open(file, "w", format=container) as output:
            stream: Any = output.add_stream(codec, rate=rate, layout="mono")
            resampler = av.AudioResampler(format=stream.format, layout="mono", rate=rate, frame_size=stream.frame_size)
            frame = av.AudioFrame.from_ndarray(np.frombuffer(pcm, "<i2").reshape(1, -1), format="s16", layout="mono")
            frame.sample_rate = rate
            for piece in [*resampler.resample(frame), *resampler.resample(None)]:
                output.mux(stream.encode(piece))
            output.mux(stream.encode(None))
        return file.getvalue()

    return encode


def _float32(pcm: bytes, rate: int) -> bytes:
    return (np.frombuffer(pcm, "<i2") / np.float32(32768)).astype("<f4").tobytes()


ENCODERS: dict[str, Callable[[bytes, int], bytes]] = {
    "wav": wav,
    "pcm_s16le": lambda pcm, rate: pcm,
    "pcm": lambda pcm, rate: pcm,
    "pcm_f32le": _float32,
    "ulaw": _ulaw,
    "mp3": mp3,
    "aac": _with_av("adts", "aac"),
    "flac": _with_av("flac", "flac"),
    "webm": _with_av("webm", "libopus"),
    "opus": _with_av("ogg", "libopus"),
}
