"""What stands around packets of sound when nobody can go back to the beginning: WAV, ADTS, Ogg and WebM. Pure.

Muxers of libraries hold packets until they know what follows. Here whatever is given comes out at once, and the same
packets in the same calls give the same bytes: no clock, no random numbers, no versions. Sources: RFC 3533 and 7845
(Ogg Opus), RFC 9559 and the WebM project's guidelines, ISO 13818-7 (ADTS), Microsoft's RIFF documents.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Sequence

# --- WAV and ADTS ---------------------------------------------------------------------------------------------------

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


# --- Opus -----------------------------------------------------------------------------------------------------------

OPUS_RATE = 48000
"""Hz in which Opus counts its time, whatever the sound's own rate."""

PACKET = OPUS_RATE // 50
"""Length of every packet: 20 ms, in samples at that rate."""

_MOST_PACKETS = 40
"""In one page or cluster: a page has 255 places, and the largest packet takes six."""

_WRITER = b"narrate"

Elements = Sequence[tuple[int, bytes | int]]
"""Names of EBML, with what they hold."""


def _portions(packets: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    return (packets[at : at + _MOST_PACKETS] for at in range(0, len(packets), _MOST_PACKETS))


class Ogg:
    """Ogg Opus. ``config`` is the OpusHead; positions on pages include the samples that it tells players to skip."""

    def __init__(self, config: bytes) -> None:
        self._config = config
        self._pages = 0
        self._position = 0

    def head(self) -> bytes:
        """The two pages in front."""
        tags = b"OpusTags" + struct.pack("<I", len(_WRITER)) + _WRITER + bytes(4)
        return self._page([self._config], 2) + self._page([tags], 0)

    def add(self, packets: Sequence[bytes]) -> bytes:
        """Pages with these packets."""
        return b"".join(self._page(portion, 0) for portion in _portions(packets))

    def close(self, packets: Sequence[bytes], trim: int) -> bytes:
        """The last packets, of whose end ``trim`` samples are not to be heard, and the end."""
        *before, last = _portions(packets) if packets else [()]
        return b"".join(self._page(portion, 0) for portion in before) + self._page(last, 4, trim)

    def _page(self, packets: Sequence[bytes], flags: int, trim: int = 0) -> bytes:
        places = b"".join(b"\xff" * (len(packet) // 255) + bytes([len(packet) % 255]) for packet in packets)
        if self._pages > 1:  # the two in front hold no sound
            self._position += PACKET * len(packets)
        fields = (b"OggS", 0, flags, self._position - trim, 1, self._pages, 0, len(places))  # stream 1; no CRC yet
        page = struct.pack("<4sBBqIIIB", *fields) + places + b"".join(packets)
        self._pages += 1
        return page[:22] + _ogg_crc(page).to_bytes(4, "little") + page[26:]


_MIRRORED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def _ogg_crc(page: bytes) -> int:
    """Ogg's CRC is zlib's, with every byte and the result read from the other end, and nothing inverted."""
    crc = zlib.crc32(page.translate(_MIRRORED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int.from_bytes(crc.to_bytes(4, "little").translate(_MIRRORED), "big")


_MILLISECONDS = 1000 * PACKET // OPUS_RATE  # of a packet
_PREROLL = 80_000_000  # ns that a decoder should hear before a place it is sent to


class Webm:
    """Opus in WebM, live: one segment without an end, in it a cluster for every call. ``config`` is the OpusHead."""

    def __init__(self, config: bytes) -> None:
        self._config = config
        self._delay = int.from_bytes(config[10:12], "little")
        self._packets = 0

    def head(self) -> bytes:
        """All before the first cluster."""
        opening: Elements = [
            (0x4286, 1),
            (0x42F7, 1),
            (0x42F2, 4),
            (0x42F3, 8),
            (0x4282, b"webm"),
            (0x4287, 4),
            (0x4285, 2),
        ]
        info: Elements = [(0x2AD7B1, 1_000_000), (0x4D80, _WRITER), (0x5741, _WRITER)]  # times in milliseconds
        sound: Elements = [(0xB5, struct.pack(">d", OPUS_RATE)), (0x9F, 1)]
        track: Elements = [
            (0xD7, 1),  # number
            (0x73C5, 1),  # and unique number
            (0x83, 2),  # sound
            (0x9C, 0),  # a packet a block
            (0x86, b"A_OPUS"),
            (0x63A2, self._config),
            (0x56AA, _nanoseconds(self._delay)),
            (0x56BB, _PREROLL),
            (0xE1, _elements(sound)),
        ]
        endless = b"\x18\x53\x80\x67\x01" + b"\xff" * 7  # a segment, of a size not known
        tracks = _element(0xAE, _elements(track))
        return (
            _element(0x1A45DFA3, _elements(opening))
            + endless
            + _elements([(0x1549A966, _elements(info)), (0x1654AE6B, tracks)])
        )

    def add(self, packets: Sequence[bytes]) -> bytes:
        """Clusters with these packets."""
        return b"".join(self._cluster(portion) for portion in _portions(packets))

    def close(self, packets: Sequence[bytes], trim: int) -> bytes:
        """The last packets, of whose end ``trim`` samples are not to be heard. An endless segment has no end."""
        return b"".join([*(self._cluster(part) for part in _portions(packets[:-1])), *self._last(packets[-1:], trim)])

    def _last(self, packets: Sequence[bytes], trim: int) -> Iterator[bytes]:
        for packet in packets:
            block = _element(0xA1, _block(0, packet, 0)) + _element(0x75A2, _nanoseconds(trim))
            yield _element(0x1F43B675, self._time() + _element(0xA0, block))

    def _cluster(self, packets: Sequence[bytes]) -> bytes:
        time = self._time()
        blocks = (_element(0xA3, _block(place * _MILLISECONDS, packet, 0x80)) for place, packet in enumerate(packets))
        cluster = _element(0x1F43B675, time + b"".join(blocks))
        self._packets += len(packets)
        return cluster

    def _time(self) -> bytes:
        return _element(0xE7, self._packets * _MILLISECONDS)


def _block(time: int, packet: bytes, flags: int) -> bytes:
    """A packet of track 1, ``time`` milliseconds into its cluster."""
    return struct.pack(">BhB", 0x81, time, flags) + packet


def _nanoseconds(samples: int) -> int:
    return samples * 1_000_000_000 // OPUS_RATE


def _elements(content: Elements) -> bytes:
    return b"".join(_element(name, value) for name, value in content)


def _element(name: int, value: bytes | int) -> bytes:
    """An EBML element; numbers have a leading bit 0, so that they read the same with a sign and without."""
    data = value if isinstance(value, bytes) else value.to_bytes(value.bit_length() // 8 + 1, "big")
    width = -(-(len(data) + 1).bit_length() // 7)  # a size of all ones would mean that it is not known
    size = (len(data) | 1 << 7 * width).to_bytes(width, "big")
    return name.to_bytes(-(-name.bit_length() // 8), "big") + size + data
