"""MP3 frames that narrate makes or changes itself: silence, the Info frame in front, louder and softer. Pure.

Sources: ISO 11172-3 for the bits of a frame; the LAME project's "Mp3 Info Tag rev 1" for the Info frame.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from narrate.audio.frames import Header, offsets, parse

STEP_DB = 1.505
"""Decibels of one step of global_gain (a factor of 2 to the 1/4)."""

_ENCODER = b"LAME3.100"  # decoders trust the delays only of names they know: LAME, Lavf, Lavc
_INFO_BYTES = 4 + 4 + 4 + 4 + 100 + 36  # "Info", flags, frames, bytes, table of contents, the LAME part
_CBR = 1  # LAME part: method of the bit rate
_SHORTEST_PADDING = 529


def silent_frame(header: Header, padded: bool = False) -> bytes:
    """A frame of nothing: the header, then zeros. It refers to no earlier frame, and nothing may refer into it."""
    data = bytearray(header.data)
    data[2] |= 2 if padded else 0
    frame = bytearray(data.ljust(header.length - header.padded + padded, b"\0"))
    if header.protected:
        _, length = header.side_info
        frame[4:6] = _crc_protection(bytes(frame[2:4]) + bytes(length)).to_bytes(2, "big")
    return bytes(frame)


def silence(header: Header, count: int) -> bytes:
    """``count`` silent frames, padded in turn as a constant bit rate asks (44.1 kHz: some are a byte longer)."""
    if not header.has_padding:
        return silent_frame(header) * count
    rest = header.samples // 8 * header.bitrate * 1000 % header.rate
    return b"".join(
        silent_frame(header, (number + 1) * rest // header.rate > number * rest // header.rate)
        for number in range(count)
    )


def padding_behind(frames: int, samples_per_frame: int, samples: int, delay: int) -> int:
    """What an Info frame must state as padding so that ``frames`` decode to exactly ``samples`` samples."""
    return frames * samples_per_frame - delay - samples


def frames_needed(samples: int, samples_per_frame: int, delay: int) -> int:
    """Fewest frames from which a decoder gets ``samples`` samples: it needs 529 more than delay and sound."""
    return -(-(samples + delay + _SHORTEST_PADDING) // samples_per_frame)


def info_frame(header: Header, frames: int, size: int, delay: int, padding: int) -> bytes:
    """The frame in front that tells a player how long the stream is and what to leave out at both ends.

    ``frames`` and ``size`` (bytes) are those of the sound that follows, without this frame. Where it does not fit into
    a frame of the stream's own bit rate (48 kbit/s at 24 kHz) this one frame has the next bit rate that holds it.
    """
    host = _roomy(header)
    frame = bytearray(silent_frame(host))
    at = sum(host.side_info)
    own = len(frame)
    parts = (
        b"Info",
        (7).to_bytes(4, "big"),  # frames, bytes and table of contents follow
        frames.to_bytes(4, "big"),
        min(size + own, 0xFFFFFFFF).to_bytes(4, "big"),
        bytes(percent * 256 // 100 for percent in range(100)),
        _lame_part(header, size + own, delay, padding),
    )
    told = b"".join(parts)
    frame[at : at + len(told)] = told
    end = at + len(told)
    frame[end : end + 2] = _crc_info(bytes(frame[:end])).to_bytes(2, "big")
    return bytes(frame)


def _lame_part(header: Header, size: int, delay: int, padding: int) -> bytes:
    """The 34 bytes before the CRC. Unknown values are 0: lowpass, peak, gains, preset, CRC of the sound."""
    part = bytearray(34)
    part[0:9] = _ENCODER
    part[9] = _CBR
    part[20] = min(header.bitrate, 255)
    part[21:24] = (min(delay, 4095) << 12 | min(padding, 4095)).to_bytes(3, "big")
    part[28:32] = min(size, 0xFFFFFFFF).to_bytes(4, "big")
    return bytes(part)


@cache
def _roomy(header: Header) -> Header:
    """``header``, or the same with the smallest bit rate whose frame holds an Info frame."""
    for index in range(header.data[2] >> 4, 15):
        data = bytes((*header.data[:2], index << 4 | header.data[2] & 0x0C, header.data[3]))
        found = parse(data)
        if found is not None and found.length >= sum(found.side_info) + _INFO_BYTES:
            return found
    return header  # never: the largest bit rate of every version and rate holds it


def _crc_info(data: bytes) -> int:
    """CRC-16 of the Info frame: reflected, polynomial 0xA001, from 0."""
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xA001 if crc & 1 else 0)
    return crc


# --- louder and softer ----------------------------------------------------------------------------------------------


def add_gain(audio: bytes, header: Header, steps: int) -> bytes:
    """``audio``, whole frames of one kind, with ``steps`` of 1.505 dB added to every granule that holds sound.

    No second lossy pass, and no limiter: the caller has looked at the peak. Values stay within 0..255.
    """
    if steps == 0:
        return audio
    found, _ = offsets(audio, header)
    changed = np.frombuffer(audio, np.uint8).copy()
    start, _ = header.side_info
    for bit in _gain_bits(header):
        _add(changed, found + start, bit, steps)
    if header.protected:
        _protect(changed, found, header)
    return changed.tobytes()


def _gain_bits(header: Header) -> list[int]:
    """Bit positions of global_gain in the side information, one for each granule and channel."""
    channels = 1 if header.mono else 2
    if header.mpeg1:
        first = 9 + (5 if header.mono else 3) + 4 * channels  # main_data_begin, private bits, scfsi
        return [first + 21 + 59 * number for number in range(2 * channels)]
    first = 8 + channels
    return [first + 21 + 63 * number for number in range(channels)]


def _add(audio: NDArray[np.uint8], starts: NDArray[np.int64], bit: int, steps: int) -> None:
    """Add to the eight bits at ``bit`` where part2_3_length, the twelve bits 21 before them, is not 0."""
    length = _bits(audio, starts, bit - 21, 12)
    loud = starts[length > 0]
    gain = np.clip(_bits(audio, loud, bit, 8).astype(np.int32) + steps, 0, 255).astype(np.uint32)
    at, shift = loud + bit // 8, 8 - bit % 8
    pair = audio[at].astype(np.uint32) << 8 | audio[at + 1]
    pair = pair & ~np.uint32(0xFF << shift) | gain << np.uint32(shift)
    audio[at] = pair >> 8
    audio[at + 1] = pair & 0xFF


def _bits(audio: NDArray[np.uint8], starts: NDArray[np.int64], bit: int, width: int) -> NDArray[np.uint32]:
    """``width`` bits at ``bit`` of the bytes at each of ``starts``."""
    at = starts + bit // 8
    three = audio[at].astype(np.uint32) << 16 | audio[at + 1].astype(np.uint32) << 8 | audio[at + 2]
    return np.asarray(three >> np.uint32(24 - bit % 8 - width) & np.uint32((1 << width) - 1), np.uint32)


def _protect(audio: NDArray[np.uint8], starts: NDArray[np.int64], header: Header) -> None:
    """Write the CRC of every frame anew: header bytes 2 and 3, then the side information."""
    first, length = header.side_info
    table = _protection_table()
    crc = np.full(len(starts), 0xFFFF, np.uint32)
    for place in (2, 3, *range(first, first + length)):
        crc = (crc << 8 & 0xFFFF) ^ table[crc >> 8 ^ audio[starts + place]]
    audio[starts + 4] = crc >> 8
    audio[starts + 5] = crc & 0xFF


def _crc_protection(data: bytes) -> int:
    table = _protection_table()
    crc = 0xFFFF
    for byte in data:
        crc = (crc << 8 & 0xFFFF) ^ int(table[crc >> 8 ^ byte])
    return crc


@cache
def _protection_table() -> NDArray[np.uint32]:
    """CRC-16 of ISO 11172-3 (polynomial 0x8005, most significant bit first), a byte at a time."""
    table = []
    for byte in range(256):
        crc = byte << 8
        for _ in range(8):
            crc = (crc << 1 ^ (0x8005 if crc & 0x8000 else 0)) & 0xFFFF
        table.append(crc)
    return np.array(table, np.uint32)
