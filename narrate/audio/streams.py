"""Mono 16-bit samples in, the bytes of a format out, as they come: what a speech server sends.

Whatever an encoder has ready leaves at once, the head of the file with the first sound. No stream seeks, waits, or has
threads of its own, and hundreds may be open. The same samples in the same pieces give the same bytes. One of the rooms
that know PyAV.

Sound leaves late by what its codec and its file look ahead: 47 ms for Opus in Ogg, 67 in WebM, 40 for FLAC, 1376
samples for MP3 up to 24 kHz (57 ms there), two frames of 1024 for AAC. A flush pads with silence as far as they need
it: up to 40 ms for FLAC, 60 for Opus in Ogg, 80 in WebM; one turn of MP3 begins 1152 to 1727 samples after another (72
ms at 24 kHz at most), one of AAC 1024 to 2047.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from narrate.audio import codec, wrapping
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
_HIGHEST_RATE = 96_000
"""Hz. More is no speech."""
_OPUS_BITRATES = (6, 256)  # for one channel


def open_stream(kind: Kind, rate: int, bitrate: int | None = None, *, whole: bool = False) -> Stream:
    """A stream of ``kind`` for samples at ``rate`` Hz.

    ``bitrate`` in kbit/s is for MP3 (96 if not given), AAC (64) and Opus (48), and is taken to what the codec knows.
    ``whole`` says that the caller joins all bytes before anyone hears them: WAV, µ-law and FLAC then come at the end in
    one piece, and their heads state the right size instead of none. An open FLAC stream takes 7 MB, which that avoids.
    The others are the same either way.
    """
    if kind not in CONTENT_TYPES:
        raise AudioError(f"cannot stream {kind!r}: the formats are {', '.join(CONTENT_TYPES)}")
    known = _RATES.get(kind, range(1000, _HIGHEST_RATE + 1))
    if rate not in known:
        numbers = ", ".join(map(str, known)) if isinstance(known, tuple) else f"{known[0]} to {known[-1]}"
        raise AudioError(f"{kind} cannot have a sample rate of {rate} Hz; it can be {numbers}")
    if bitrate is not None and bitrate < 1:
        raise AudioError(f"a bit rate of {bitrate} kbit/s is none; leave it out for the usual one")
    if whole and (kind in _IN_WAV or kind == "flac"):
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
    """A WAV or FLAC that is kept until its size is known."""

    def __init__(self, kind: Kind, rate: int) -> None:
        self._kind: Kind = kind
        self._rate = rate
        self._pieces: list[Samples] = []

    def encode(self, samples: Samples) -> bytes:
        self._pieces.append(samples)
        return b""

    def flush(self) -> bytes:
        return b""

    def finish(self) -> bytes:
        samples = np.concatenate([np.zeros(0, np.int16), *self._pieces])
        if self._kind == "flac":
            return codec.encode_flac(samples, self._rate)
        sound = _CONVERSIONS[self._kind](samples)
        tag, width = _IN_WAV[self._kind]
        return wrapping.wav_head(tag, self._rate, width, len(sound)) + sound + bytes(len(sound) % 2)


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
        with _without_idle_threads() if self._kind == "aac" else nullcontext():  # LAME has none
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


# --- Opus and FLAC, in files that FFmpeg writes ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Form:
    """A file that can be written without going back: its muxer and codec, with their options.

    ``frame_ms`` is how much each packet holds, ``held`` how many packets codec and muxer together keep to themselves.
    """

    muxer: str
    codec: str
    options: dict[str, str]
    coding: dict[str, str]
    frame_ms: int
    held: int


_BITEXACT = 1 << 23
"""AV_CODEC_FLAG_BITEXACT: no version of the encoder in what it writes."""
_SAME_BYTES = {"fflags": "+bitexact+flush_packets", "flush_packets": "1"}
_OPUS = {"compression_level": "5"}  # 10 takes 2.5 times as long and sounds hardly better
_FORMS: dict[Kind, _Form] = {
    "opus": _Form("ogg", "libopus", {**_SAME_BYTES, "page_duration": "20000"}, _OPUS, 20, 2),
    # a cluster is written once a packet comes that would make it longer than its limit, which is never kept
    "webm": _Form("webm", "libopus", {**_SAME_BYTES, "live": "1", "cluster_time_limit": "1"}, _OPUS, 20, 3),
    "flac": _Form("flac", "flac", _SAME_BYTES, {"compression_level": "3", "lpc_type": "fixed"}, 40, 0),
}


class _Sink:
    """A file that can only be written to: what has been written is taken away."""

    def __init__(self) -> None:
        self._written = bytearray()

    def write(self, data: bytes) -> int:
        self._written += data
        return len(data)

    def take(self) -> bytes:
        taken = bytes(self._written)
        self._written.clear()
        return taken


class _Muxed:
    """A codec and its file. Packets leave one by one; a flush pushes the last ones out with silence."""

    def __init__(self, kind: Kind, rate: int, bitrate: int) -> None:
        import av

        self._form = _FORMS[kind]
        self._rate = rate
        self._frame = rate * self._form.frame_ms // 1000
        self._sink = _Sink()
        self._held = np.zeros(0, np.int16)
        self._given = 0
        self._behind = False
        with self._translated():
            container = av.open(self._sink, "w", format=self._form.muxer, options=self._form.options)
            coding = {**self._form.coding, "frame_size": str(self._frame)}
            stream: Any = container.add_stream(self._form.codec, rate=rate, options=coding, layout="mono", format="s16")
            stream.codec_context.thread_count = 1
            stream.codec_context.flags |= _BITEXACT
            if bitrate:
                stream.bit_rate = 1000 * min(max(bitrate, _OPUS_BITRATES[0]), _OPUS_BITRATES[1])
            container.start_encoding()
        self._container, self._stream = container, stream

    def encode(self, samples: Samples) -> bytes:
        held = np.concatenate([self._held, samples])
        whole = held.size - held.size % self._frame
        self._held = held[whole:]
        self._behind = self._behind or samples.size > 0
        with self._translated():
            for at in range(0, whole, self._frame):
                self._mux(held[at : at + self._frame])
        return self._sink.take()

    def flush(self) -> bytes:
        if not self._behind:
            return self._sink.take()
        data = self.encode(np.zeros(-self._held.size % self._frame + self._form.held * self._frame, np.int16))
        self._behind = False
        return data

    def finish(self) -> bytes:
        with self._translated():
            if self._held.size:
                self._mux(self._held)
            self._container.mux(self._stream.encode(None))
            self._container.close()
        return self._sink.take()

    def _mux(self, samples: Samples) -> None:
        frame = codec.audio_frame(samples, "s16", self._rate)
        frame.pts = self._given
        if self._given:
            packets = self._stream.encode(frame)
        else:
            with _without_idle_threads():
                packets = self._stream.encode(frame)
        self._given += samples.size
        self._container.mux(packets)

    def _translated(self) -> AbstractContextManager[None]:
        return codec.translated("the sound of a stream", f"cannot be encoded as {self._form.codec}")


def _open_muxed(kind: Kind, rate: int, bitrate: int) -> Stream:
    return _Ordered(_Muxed(kind, rate, bitrate), b"")


_OPENERS: dict[Kind, Callable[[Kind, int, int], Stream]] = {
    "mp3": _open_mp3,
    "webm": _open_muxed,
    "ulaw": _open_plain,
    "pcm_s16le": _open_plain,
    "pcm_f32le": _open_plain,
    "wav": _open_plain,
    "aac": _open_aac,
    "opus": _open_muxed,
    "flac": _open_muxed,
}
