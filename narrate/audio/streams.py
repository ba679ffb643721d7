"""Mono 16-bit samples in, the bytes of a format out, as they come: what a speech server sends.

Whatever an encoder has ready leaves at once, the head of the file with the first call. No stream seeks, waits, or has
threads of its own, and hundreds may be open: an MP3 costs 0.3 MB, AAC 0.7 MB, Opus 0.1 MB, the others next to nothing.
The same samples in the same pieces give the same bytes. One of the rooms that know PyAV.

Sound leaves late by what its codec looks ahead: 20 ms for Opus, 40 ms for FLAC, 1376 samples for MP3 up to 24 kHz (57
ms there), two frames of 1024 for AAC. A flush pads with silence as far as the codec needs it: up to 27 ms for Opus, 40
for FLAC; one turn of MP3 begins 1152 to 1727 samples after another (72 ms at 24 kHz at most), one of AAC 1024 to 2047.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from narrate.audio import codec, flac, wrapping
from narrate.audio.codec import Samples
from narrate.audio.encoders import CODEC_RATES, ENCODERS, Encoder, known_bitrate
from narrate.audiobook import Codec
from narrate.errors import AudioError

Kind = Literal["mp3", "webm", "ulaw", "pcm_s16le", "pcm_f32le", "wav", "aac", "opus", "flac"]

CONTENT_TYPES: dict[Kind, str] = {
    "mp3": "audio/mpeg",
    "webm": "audio/webm",
    "ulaw": "audio/wav",
    "pcm_s16le": "application/octet-stream",
    "pcm_f32le": "application/octet-stream",
    "wav": "audio/wav",
    "aac": "audio/aac",
    "opus": "audio/ogg",
    "flac": "audio/flac",
}


class Stream(Protocol):
    """Samples to bytes. After ``finish`` every call is an AudioError."""

    def encode(self, samples: Samples) -> bytes:
        """What is ready after these samples, at the stream's rate; may be nothing."""

    def flush(self) -> bytes:
        """Bytes with which all given so far can be heard, padded with silence where the codec needs it; it goes on."""

    def finish(self) -> bytes:
        """What remains, and the end of the file."""


OPUS_RATES = (8000, 12000, 16000, 24000, 48000)
"""Hz. All that Opus knows."""

_RATES: dict[Kind, tuple[int, ...]] = {"mp3": CODEC_RATES, "aac": CODEC_RATES, "webm": OPUS_RATES, "opus": OPUS_RATES}
_BITRATES: dict[Kind, int] = {"mp3": 96, "aac": 64, "webm": 48, "opus": 48}
_OPUS_BITRATES = (6, 256)  # for one channel


def open_stream(kind: Kind, rate: int, bitrate: int | None = None, *, whole: bool = False) -> Stream:
    """A stream of ``kind`` for samples at ``rate`` Hz.

    ``bitrate`` in kbit/s is for MP3 (96 if not given), AAC (64) and Opus (48), and is taken to what the codec knows.
    ``whole`` says that the caller joins all bytes before anyone hears them: WAV and µ-law then come at the end in one
    piece, and their heads state the right size instead of none. The others are the same either way.
    """
    if kind not in CONTENT_TYPES:
        raise AudioError(f"cannot stream {kind!r}: the formats are {', '.join(CONTENT_TYPES)}")
    known = _RATES.get(kind, range(1000, flac.HIGHEST_RATE + 1))
    if rate not in known:
        numbers = ", ".join(map(str, known)) if isinstance(known, tuple) else f"{known[0]} to {known[-1]}"
        raise AudioError(f"{kind} cannot have a sample rate of {rate} Hz; it can be {numbers}")
    if bitrate is not None and bitrate < 1:
        raise AudioError(f"a bit rate of {bitrate} kbit/s is none; leave it out for the usual one")
    if whole and kind in _IN_WAV:
        return _Ordered(_Whole(kind, rate), b"")
    return _OPENERS[kind](kind, rate, bitrate or _BITRATES.get(kind, 0))


class _Ordered:
    """The head of a file once, in front of whatever comes first; and nothing after the end."""

    def __init__(self, stream: Stream, head: bytes) -> None:
        self._stream: Stream | None = stream
        self._head = head

    def encode(self, samples: Samples) -> bytes:
        if samples.dtype != np.int16 or samples.ndim != 1:
            raise AudioError(f"a stream takes 16-bit samples of one channel, not {samples.ndim} of {samples.dtype}")
        stream = self._open()
        return self._headed(stream.encode(samples) if samples.size else b"")

    def flush(self) -> bytes:
        return self._headed(self._open().flush())

    def finish(self) -> bytes:
        stream, self._stream = self._open(), None
        return self._headed(stream.finish())

    def _open(self) -> Stream:
        if self._stream is None:
            raise AudioError("the stream of sound has ended; open another one")
        return self._stream

    def _headed(self, data: bytes) -> bytes:
        head, self._head = self._head, b""
        return head + data


# --- no codec, or hardly one ----------------------------------------------------------------------------------------


def _to_pcm(samples: Samples) -> bytes:
    return samples.astype("<i2").tobytes()


def _to_floats(samples: Samples) -> bytes:
    return codec.to_float(samples).astype("<f4").tobytes()


def _to_mulaw(samples: Samples) -> bytes:
    return _mulaw_table()[samples.view(np.uint16)].tobytes()


@functools.cache
def _mulaw_table() -> NDArray[np.uint8]:
    """G.711 of every sample: a sign, a power of two (a segment) and four bits behind the leading one, all inverted."""
    sample = np.arange(65536, dtype=np.uint16).view(np.int16).astype(np.int32)
    size = np.minimum(np.abs(sample), 32635) + 132
    segment = np.frexp(size)[1] - 8
    code: NDArray[np.int32] = np.where(sample < 0, 0x80, 0) | segment << 4 | size >> (segment + 3) & 0x0F
    return (code ^ 0xFF).astype(np.uint8)


_CONVERSIONS: dict[Kind, Callable[[Samples], bytes]] = {
    "pcm_s16le": _to_pcm,
    "pcm_f32le": _to_floats,
    "wav": _to_pcm,
    "ulaw": _to_mulaw,
}
_IN_WAV: dict[Kind, tuple[int, int]] = {"wav": (wrapping.PCM, 2), "ulaw": (wrapping.MULAW, 1)}
"""Format tag, and bytes a sample."""


class _Plain:
    """Sample for sample: nothing is ever late."""

    def __init__(self, kind: Kind) -> None:
        self._convert = _CONVERSIONS[kind]

    def encode(self, samples: Samples) -> bytes:
        return self._convert(samples)

    def flush(self) -> bytes:
        return b""

    def finish(self) -> bytes:
        return b""


def _open_plain(kind: Kind, rate: int, bitrate: int) -> Stream:
    head = b""
    if kind in _IN_WAV:
        tag, width = _IN_WAV[kind]
        head = wrapping.wav_head(tag, rate, width, None)
    return _Ordered(_Plain(kind), head)


class _Whole:
    """A WAV that is kept until its size is known."""

    def __init__(self, kind: Kind, rate: int) -> None:
        self._kind: Kind = kind
        self._rate = rate
        self._pieces: list[bytes] = []

    def encode(self, samples: Samples) -> bytes:
        self._pieces.append(_CONVERSIONS[self._kind](samples))
        return b""

    def flush(self) -> bytes:
        return b""

    def finish(self) -> bytes:
        sound = b"".join(self._pieces)
        tag, width = _IN_WAV[self._kind]
        return wrapping.wav_head(tag, self._rate, width, len(sound)) + sound + bytes(len(sound) % 2)


class _Flac:
    """Blocks of 40 ms; a flush fills the last one, for only the last of a file may be shorter."""

    def __init__(self, rate: int) -> None:
        self.block = rate // 25
        self._rate = rate
        self._number = 0
        self._held = np.zeros(0, np.int16)

    def encode(self, samples: Samples) -> bytes:
        held = np.concatenate([self._held, samples])
        whole = held.size - held.size % self.block
        self._held = held[whole:]
        return b"".join(self._frame(held[at : at + self.block]) for at in range(0, whole, self.block))

    def flush(self) -> bytes:
        return self.encode(np.zeros(-self._held.size % self.block, np.int16))

    def finish(self) -> bytes:
        return self._frame(self._held) if self._held.size else b""

    def _frame(self, samples: Samples) -> bytes:
        self._number += 1
        return flac.frame(samples, self._number - 1, self._rate)


def _open_flac(kind: Kind, rate: int, bitrate: int) -> Stream:
    stream = _Flac(rate)
    return _Ordered(stream, flac.head(rate, stream.block))


# --- MP3 and AAC ----------------------------------------------------------------------------------------------------


class _Turns:
    """MP3 and AAC let go of the last sound only when they end: every turn has an encoder of its own.

    Both begin and end in silence, so that a decoder hears nothing where one follows another. After the last sample of
    a turn comes up to one frame more than the decoder's delay.
    """

    def __init__(self, kind: Codec, rate: int, bitrate: int) -> None:
        self._kind: Codec = kind
        self._rate = rate
        self._bitrate = known_bitrate(kind, rate, bitrate)
        self._encoder: Encoder | None = None

    def encode(self, samples: Samples) -> bytes:
        if self._encoder is not None:
            return self._joined(self._encoder.encode(samples))
        with _without_idle_threads():
            self._encoder = ENCODERS[self._kind](self._rate, self._bitrate)
            return self._joined(self._encoder.encode(samples))

    def flush(self) -> bytes:
        encoder, self._encoder = self._encoder, None
        return self._joined(encoder.finish()) if encoder else b""

    def finish(self) -> bytes:
        return self.flush()

    def _joined(self, packets: list[bytes]) -> bytes:
        if self._kind == "aac":
            packets = [wrapping.adts(packet, self._rate) for packet in packets]
        return b"".join(packets)


def _open_mp3(kind: Kind, rate: int, bitrate: int) -> Stream:
    return _Ordered(_Turns("mp3", rate, bitrate), b"")


def _open_aac(kind: Kind, rate: int, bitrate: int) -> Stream:
    return _Ordered(_Turns("aac", rate, bitrate), b"")


@contextmanager
def _without_idle_threads() -> Iterator[None]:
    """For the first frame that an encoder of PyAV gets.

    PyAV lets a filter graph cut what it is given into frames, and FFmpeg starts a thread for that graph per processor
    that the caller may use; they never do anything, but hundreds of streams would have thousands. So for that moment
    the caller may use one. Where the system has no such call, or forbids it, the threads sleep on.
    """
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    allowed = os.sched_getaffinity(0)  # of the calling thread alone, as what is set below
    try:
        os.sched_setaffinity(0, {min(allowed)})
    except OSError:
        allowed = set()
    try:
        yield
    finally:
        if allowed:
            os.sched_setaffinity(0, allowed)


# --- Opus -----------------------------------------------------------------------------------------------------------


class _Opus:
    """Frames of 20 ms, each a packet at once; the codec itself is late by 6.5 ms more, which a player leaves out.

    Positions are counted in samples given, silence of earlier flushes included.
    """

    def __init__(self, rate: int, bitrate: int, wrap: type[wrapping.Ogg] | type[wrapping.Webm]) -> None:
        import av

        self._rate = rate
        self._frame = rate // 50
        self._context = av.AudioCodecContext.create("libopus", "w")
        self._context.sample_rate = rate
        self._context.layout = "mono"
        self._context.format = "s16"
        self._context.bit_rate = 1000 * min(max(bitrate, _OPUS_BITRATES[0]), _OPUS_BITRATES[1])
        self._context.thread_count = 1
        self._context.options = {"compression_level": "5"}  # 10 takes 2.5 times as long and sounds hardly better
        with codec.translated("the sound of a stream", "cannot be encoded as Opus"):
            self._context.open()
        config = self._context.extradata or b""
        self._late = int.from_bytes(config[10:12], "little") * rate // wrapping.OPUS_RATE
        self._wrap = wrap(config)
        self._held = np.zeros(0, np.int16)
        self._needed = 0
        self._encoded = 0

    def head(self) -> bytes:
        return self._wrap.head()

    def encode(self, samples: Samples) -> bytes:
        packets = self._packets(samples)
        self._needed = self._encoded + self._held.size
        return self._wrap.add(packets)

    def flush(self) -> bytes:
        return self._wrap.add(self._rest())

    def finish(self) -> bytes:
        packets = self._rest()
        more = self._encoded - self._late - self._needed
        return self._wrap.close(packets, more * wrapping.OPUS_RATE // self._rate if packets else 0)

    def _rest(self) -> list[bytes]:
        """The packets with which all that is needed can be heard; none when it can be already."""
        missing = self._needed + self._late - self._encoded
        if self._needed <= self._encoded - self._late or not self._needed:
            return []
        return self._packets(np.zeros(missing + -missing % self._frame - self._held.size, np.int16))

    def _packets(self, samples: Samples) -> list[bytes]:
        held = np.concatenate([self._held, samples])
        whole = held.size - held.size % self._frame
        self._held = held[whole:]
        packets = []
        for at in range(0, whole, self._frame):
            packets += self._packet(held[at : at + self._frame])
        return packets

    def _packet(self, samples: Samples) -> list[bytes]:
        frame = codec.audio_frame(samples, "s16", self._rate)
        with codec.translated("the sound of a stream", "cannot be encoded as Opus"):
            if self._encoded:
                packets = self._context.encode(frame)
            else:
                with _without_idle_threads():
                    packets = self._context.encode(frame)
        self._encoded += samples.size
        return [bytes(packet) for packet in packets]


def _open_opus(kind: Kind, rate: int, bitrate: int) -> Stream:
    stream = _Opus(rate, bitrate, wrapping.Webm if kind == "webm" else wrapping.Ogg)
    return _Ordered(stream, stream.head())


_OPENERS: dict[Kind, Callable[[Kind, int, int], Stream]] = {
    "mp3": _open_mp3,
    "webm": _open_opus,
    "ulaw": _open_plain,
    "pcm_s16le": _open_plain,
    "pcm_f32le": _open_plain,
    "wav": _open_plain,
    "aac": _open_aac,
    "opus": _open_opus,
    "flac": _open_flac,
}
