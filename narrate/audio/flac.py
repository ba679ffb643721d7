"""FLAC frame by frame, mono and 16-bit, for streams: no file behind it, a few bytes of state, nothing but numpy.

FFmpeg's encoder holds 7 MB for each open stream and takes milliseconds to open; that is right for a chapter
(``codec.encode_flac``) and wrong for hundreds of listeners. This one knows FLAC's fixed predictors alone, which cost
speech a few per cent in size. Source: RFC 9639.
"""

from __future__ import annotations

import functools
import struct

import numpy as np
from numpy.typing import NDArray

from narrate.audio.codec import Samples

HIGHEST_RATE = 0xFFFF
"""Hz that a frame can state by itself, so that a listener may join at any frame."""

_SHAPE = b"\xff\xf8\x7d\x08"  # sync, blocks of one size; size and rate in 16 bits each behind the number; mono, 16 bits
_HIGHEST_ORDER = 4
_HIGHEST_PARAMETER = 14  # 15 is an escape


def head(rate: int, block: int) -> bytes:
    """What comes first: frames of ``block`` samples (the last may be shorter), of which nobody knows how many."""
    shape = rate << 44 | 15 << 36  # one channel, 16 bits, and 0 samples: unknown
    return b"fLaC\x80\0\0\x22" + struct.pack(">HH6xQ16x", block, block, shape)  # no sizes and no MD5 sum


def frame(samples: Samples, number: int, rate: int) -> bytes:
    """Frame ``number``, from 0, of at least one sample."""
    start = _SHAPE + _coded(number) + struct.pack(">HH", samples.size - 1, rate)
    start += bytes([_crc(start, 0x07, 8)])
    start += _constant(samples) if np.all(samples == samples[0]) else _predicted(samples.astype(np.int32))
    return start + _crc(start, 0x8005, 16).to_bytes(2, "big")


def _constant(samples: Samples) -> bytes:
    return b"\0" + struct.pack(">h", samples[0])


def _predicted(samples: NDArray[np.int32]) -> bytes:
    """The subframe of the order whose residuals are the smallest."""
    orders = range(min(_HIGHEST_ORDER, samples.size - 1) + 1)
    residuals = {order: np.diff(samples, order) for order in orders}
    order = min(orders, key=lambda order: int(np.abs(residuals[order]).sum()))
    folded = residuals[order] * 2 ^ residuals[order] >> 31  # 0, -1, 1, -2, ... become 0, 1, 2, 3, ...
    parameter = min(range(_HIGHEST_PARAMETER + 1), key=lambda bits: bits * folded.size + int((folded >> bits).sum()))
    first = bytes([(8 | order) << 1]) + samples[:order].astype(">i2").tobytes()
    one_partition = np.array([0] * 6 + [parameter >> bit & 1 for bit in (3, 2, 1, 0)], np.uint8)
    bits = [np.unpackbits(np.frombuffer(first, np.uint8)), one_partition, _rice(folded, parameter)]
    return np.packbits(np.concatenate(bits)).tobytes()


def _rice(folded: NDArray[np.int32], parameter: int) -> NDArray[np.uint8]:
    """One bit an element: for every number so many zeros as its upper part says, a one, its lower bits."""
    ends = np.cumsum((folded >> parameter) + 1 + parameter)
    bits = np.zeros(int(ends[-1]), np.uint8)
    bits[ends - 1 - parameter] = 1
    for bit in range(parameter):
        bits[ends - 1 - bit] = folded >> bit & 1
    return bits


def _coded(number: int) -> bytes:
    """A number as UTF-8 would write it, which FLAC continues to 31 bits."""
    if number < 0x80:
        return bytes([number])
    more = max(1, -(-(number.bit_length() - 6) // 5))
    lead = 0xFF00 >> (more + 1) & 0xFF | number >> 6 * more
    return bytes([lead, *(0x80 | number >> 6 * place & 0x3F for place in reversed(range(more)))])


def _crc(data: bytes, polynomial: int, width: int) -> int:
    table = _remainders(polynomial, width)
    crc, low, mask = 0, width - 8, (1 << width) - 1
    for byte in data:
        crc = crc << 8 & mask ^ table[crc >> low ^ byte]
    return crc


@functools.cache
def _remainders(polynomial: int, width: int) -> tuple[int, ...]:
    def remainder(byte: int) -> int:
        byte <<= width - 8
        for _ in range(8):
            byte = byte << 1 ^ (polynomial | 1 << width if byte >> (width - 1) else 0)
        return byte

    return tuple(remainder(byte) for byte in range(256))
