"""What stands around sound in the two plainest files, WAV and ADTS: a few bytes each. Pure.

Sources: Microsoft's RIFF documents, ISO 13818-7 (ADTS).
"""

from __future__ import annotations

import struct

PCM, MULAW = 1, 7
"""Format tags of WAV."""

_UNKNOWN = 0xFFFFFFFF


def wav_head(tag: int, rate: int, width: int, size: int | None) -> bytes:
    """The head of a mono WAV of ``width`` bytes a sample; ``size`` is that of the sound in bytes, None if unknown."""
    shape = struct.pack("<HHIIHH", tag, 1, rate, rate * width, width, 8 * width)
    fact = b""
    if tag != PCM:
        shape += b"\0\0"  # how much more there is to say: nothing
        fact = struct.pack("<4sII", b"fact", 4, _UNKNOWN if size is None else size // width)
    shape = struct.pack("<4sI", b"fmt ", len(shape)) + shape + fact
    sound = _UNKNOWN if size is None else min(size, _UNKNOWN)
    odd = (size or 0) % 2
    return (
        struct.pack("<4sI4s", b"RIFF", min(4 + len(shape) + 8 + sound + odd, _UNKNOWN), b"WAVE")
        + shape
        + (struct.pack("<4sI", b"data", sound))
    )


_ADTS_RATES = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350)
_ADTS_HEAD = 7


def adts(packet: bytes, rate: int) -> bytes:
    """A packet of mono AAC-LC behind a header of its own."""
    fields = (
        (0xFFF, 12),  # sync
        (0b0001, 4),  # MPEG-4, layer 0, no CRC
        (1, 2),  # LC
        (_ADTS_RATES.index(rate), 4),
        (0, 1),
        (1, 3),  # one channel
        (0, 4),
        (len(packet) + _ADTS_HEAD, 13),
        (0x7FF, 11),  # how full the decoder's buffer is: not said
        (0, 2),  # one packet
    )
    bits = 0
    for value, width in fields:
        bits = bits << width | value
    return bits.to_bytes(_ADTS_HEAD, "big") + packet
