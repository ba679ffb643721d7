"""Chapters into MP3 frames and AAC packets, as a stream: lameenc's door, and one of three rooms that know PyAV."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING

import numpy as np

from narrate.audio import codec
from narrate.audiobook import Codec
from narrate.errors import AudioError

if TYPE_CHECKING:
    from av import AudioFrame

CODEC_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
"""Hz. The rates of MPEG-1, 2 and 2.5 Layer III, all of which AAC knows too."""


def known_rate(rate: int) -> int:
    """``rate`` if MP3 and AAC know it, else the next higher that they do (48 kHz at most)."""
    return next((known for known in CODEC_RATES if known >= rate), CODEC_RATES[-1])


_BITRATES = (
    (16000, (8, 16, 24, 32, 40, 48, 56, 64)),  # MPEG-2.5
    (32000, (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)),  # MPEG-2
    (48001, (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)),  # MPEG-1
)
"""kbit/s of Layer III for rates below the first number (ISO 11172-3, ISO 13818-3)."""


def known_bitrate(kind: Codec, rate: int, bitrate: int) -> int:
    """The bit rate in kbit/s that the encoder will use when asked for ``bitrate``: for MP3 the next lower of its table.

    LAME would do the same in silence: 192 asked at 24 kHz is 160.
    """
    if kind == "aac":
        return min(bitrate, 6 * rate // 1000)  # 6144 bits a frame of 1024 samples: AAC's own ceiling
    table = next(rates for limit, rates in _BITRATES if rate < limit)
    return max((known for known in table if known <= bitrate), default=table[0])


_LAME_SCALE = 0.95
"""LAME softens what it encodes by this factor unless it is told not to, and lameenc cannot tell it."""


class Mp3Encoder:
    """LAME, constant bit rate, mono. Packets are whole MP3 frames; decoded, the sound comes 1105 samples late."""

    def __init__(self, rate: int, bitrate: int) -> None:
        import lameenc

        self.samples_per_frame = 1152 if rate >= 32000 else 576
        self.config = b""
        self._frame_bytes = self.samples_per_frame // 8 * bitrate * 1000 // rate
        self._lame = lameenc.Encoder()
        self._lame.silence()
        self._lame.set_channels(1)
        self._lame.set_in_sample_rate(rate)
        self._lame.set_out_sample_rate(rate)
        self._lame.set_bit_rate(bitrate)
        self._lame.set_quality(5)
        self._rest = b""

    def encode(self, samples: codec.Samples) -> list[bytes]:
        """The frames that are ready after these samples."""
        loud = np.clip(np.rint(samples * np.float32(1 / _LAME_SCALE)), -32768, 32767).astype(np.int16)
        return self._whole(self._lame.encode(loud.tobytes()))

    def finish(self) -> list[bytes]:
        """The frames that remain."""
        last = self._whole(self._lame.flush())
        if self._rest:
            raise AudioError(f"LAME left {len(self._rest)} bytes that are no whole frame")
        return last

    def _whole(self, data: bytes) -> list[bytes]:
        data = self._rest + bytes(data)
        whole = []
        at = 0
        while at + 3 < len(data):
            size = self._frame_bytes + (data[at + 2] >> 1 & 1)  # the padding bit: one byte more
            if data[at] != 0xFF or at + size > len(data):
                break
            whole.append(data[at : at + size])
            at += size
        self._rest = data[at:]
        return whole


class AacEncoder:
    """FFmpeg's own AAC-LC encoder, mono, with its fast coder. The first packet primes; packet n+1 is frame n."""

    samples_per_frame = 1024

    def __init__(self, rate: int, bitrate: int) -> None:
        import av

        self._rate = rate
        self._context = av.AudioCodecContext.create("aac", "w")
        self._context.sample_rate = rate
        self._context.layout = "mono"
        self._context.format = "fltp"
        self._context.bit_rate = bitrate * 1000
        self._context.thread_count = 1
        self._context.options = {"aac_coder": "fast"}
        with codec.translated("the sound of a chapter", "cannot be encoded as AAC"):
            self._context.open()

    @property
    def config(self) -> bytes:
        """The AudioSpecificConfig (ISO 14496-3)."""
        return self._context.extradata or b""

    def encode(self, samples: codec.Samples) -> list[bytes]:
        """The packets that are ready after these samples."""
        return self._packets(codec.audio_frame(codec.to_float(samples), "fltp", self._rate)) if samples.size else []

    def finish(self) -> list[bytes]:
        """The packets that remain."""
        return self._packets(None)

    def _packets(self, frame: AudioFrame | None) -> list[bytes]:
        with codec.translated("the sound of a chapter", "cannot be encoded as AAC"):
            return [bytes(packet) for packet in self._context.encode(frame)]


Encoder = Mp3Encoder | AacEncoder
ENCODERS: dict[Codec, type[Mp3Encoder] | type[AacEncoder]] = {"mp3": Mp3Encoder, "aac": AacEncoder}


def encoder_name(kind: Codec) -> str:
    """The encoder with its version and settings: whatever may change its bytes."""
    if kind == "mp3":
        return f"lameenc {version('lameenc')} cbr q5"
    import av

    return f"libavcodec {'.'.join(map(str, av.library_versions['libavcodec']))} aac fast"
