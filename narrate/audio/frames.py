"""The frames of an MP3 stream (ISO 11172-3 and 13818-3, layer III): where they lie, what their headers say.

Pure: bytes in, numbers out. Nothing here decodes sound. A decoder plays a cut-off or spliced MP3 without a word of
complaint; walking the frames is what finds it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from narrate.audiobook import Mp3Stream
from narrate.errors import AudioError

DECODER_DELAY = 529
"""Samples. What every layer III decoder adds in front (528 of the filter bank and 1), counted by no LAME tag."""

ENCODER_DELAY = 576
"""Samples. What LAME adds in front, and what is assumed of a stream that does not say."""

_BITRATES = {  # kbit/s by MPEG-1 or not; index 0 is "free format", 15 is forbidden
    True: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0),
    False: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0),
}
_RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}  # Hz by the version bits
_KEPT = bytes((0xFF, 0xFF, 0xFC, 0xC0))  # version, layer, protection, bit rate, sample rate, channel mode
_PIECE = 1 << 22  # bytes walked at a time, so that a book's worth of offsets is never held at once


@dataclass(frozen=True, slots=True)
class Header:
    """What four bytes of header say. ``rate`` in Hz, ``bitrate`` in kbit/s, ``length`` in bytes with padding.

    ``data`` is the header with every bit cleared that may change from frame to frame: two frames belong to one
    uniform stream exactly when their ``data`` are equal.
    """

    data: bytes
    mpeg1: bool
    rate: int
    bitrate: int
    mono: bool
    protected: bool
    padded: bool
    length: int

    @property
    def samples(self) -> int:
        """Samples a frame decodes to, per channel."""
        return 1152 if self.mpeg1 else 576

    @property
    def side_info(self) -> tuple[int, int]:
        """Where the side information lies in the frame: first byte, length."""
        length = (17 if self.mono else 32) if self.mpeg1 else (9 if self.mono else 17)
        return (6 if self.protected else 4), length

    @property
    def has_padding(self) -> bool:
        """Whether the frame length comes out uneven, so that some frames carry a padding byte (44.1 kHz and kin)."""
        return self.samples // 8 * self.bitrate * 1000 % self.rate != 0


@cache
def parse(header: bytes) -> Header | None:
    """Read four bytes of frame header; None when they are not one of layer III with a stated bit rate."""
    if len(header) != 4 or header[0] != 0xFF or header[1] & 0xE6 != 0xE2:
        return None
    version = header[1] >> 3 & 3
    rate_index = header[2] >> 2 & 3
    if version == 1 or rate_index == 3:
        return None
    mpeg1 = version == 3
    bitrate = _BITRATES[mpeg1][header[2] >> 4]
    if bitrate == 0:
        return None
    rate = _RATES[version][rate_index]
    padded = bool(header[2] & 2)
    return Header(
        data=bytes(byte & mask for byte, mask in zip(header, _KEPT, strict=True)),
        mpeg1=mpeg1,
        rate=rate,
        bitrate=bitrate,
        mono=header[3] >> 6 == 3,
        protected=not header[1] & 1,
        padded=padded,
        length=(144 if mpeg1 else 72) * bitrate * 1000 // rate + padded,
    )


@dataclass(frozen=True, slots=True)
class InfoFrame:
    """What a Xing or Info frame states; None where it is silent. Delay and padding are the LAME tag's, in samples."""

    length: int
    frames: int | None
    bytes: int | None
    delay: int | None
    padding: int | None


def read_info(frame: bytes) -> InfoFrame | None:
    """Read a stream's first frame as a Xing or Info frame; None when it is ordinary sound."""
    header = parse(frame[:4])
    if header is None:
        return None
    at = sum(header.side_info)
    if frame[at : at + 4] not in (b"Xing", b"Info") or len(frame) < at + 8:
        return None
    flags = int.from_bytes(frame[at + 4 : at + 8], "big")
    at += 8
    numbers: list[int | None] = []
    for bit in (1, 2):
        numbers.append(int.from_bytes(frame[at : at + 4], "big") if flags & bit else None)
        at += 4 if flags & bit else 0
    at += (100 if flags & 4 else 0) + (4 if flags & 8 else 0)
    lame = frame[at : at + 36]
    told = len(lame) == 36 and lame[:4] in (b"LAME", b"Lavf", b"Lavc")  # those that decoders believe
    delays = int.from_bytes(lame[21:24], "big") if told else 0
    frames, size = numbers
    return InfoFrame(
        length=header.length,
        frames=frames or None,  # a stream written to a pipe states 0: not known yet
        bytes=size or None,
        delay=delays >> 12 if told else None,
        padding=delays & 0xFFF if told else None,
    )


def offsets(audio: bytes, header: Header) -> tuple[NDArray[np.int64], int]:
    """Offsets of the frames at the start of ``audio``, and where the whole ones end.

    Stops at the first place that is not a frame of the same kind as ``header``, or not a whole one.
    """
    found = _uneven(audio, header) if header.has_padding else _even(audio, header)
    if not len(found):
        return found, 0
    last = int(found[-1])
    return found, last + header.length - header.padded + (audio[last + 2] >> 1 & 1)


def _even(audio: bytes, header: Header) -> NDArray[np.int64]:
    """Offsets where every frame has one length."""
    length = header.length - header.padded
    count = len(audio) // length
    heads = np.frombuffer(audio, np.uint8, count * length).reshape(count, length)[:, :4]
    mask = np.frombuffer(_KEPT[:2] + bytes((_KEPT[2] | 2, _KEPT[3])), np.uint8)  # a padded frame breaks the row
    alike = ((heads & mask) == np.frombuffer(header.data, np.uint8)).all(axis=1)
    whole = count if alike.all() else int(np.argmin(alike))
    return np.arange(whole, dtype=np.int64) * length


def _uneven(audio: bytes, header: Header) -> NDArray[np.int64]:
    """Offsets where some frames carry a byte of padding: one step after the other."""
    steps = [0] * 256
    plain = header.data[2]
    for spare in (0, 1):
        steps[plain | spare] = header.length - header.padded
        steps[plain | spare | 2] = header.length - header.padded + 1
    found: list[int] = []
    at, end = 0, len(audio)
    while at + 2 < end and (step := steps[audio[at + 2]]) and at + step <= end:
        found.append(at)
        at += step
    places = np.array(found, dtype=np.int64)
    view = np.frombuffer(audio, np.uint8)
    alike = np.ones(len(places), dtype=bool)
    for index in (0, 1, 3):
        alike &= (view[places + index] & _KEPT[index]) == header.data[index]
    return places if alike.all() else places[: int(np.argmin(alike))]


def outside(head: bytes) -> int:
    """Bytes of ID3v2 (with its footer) or APE tag at the start of ``head``; 0 when there is none."""
    if head[:3] == b"ID3" and len(head) >= 10:
        size = 0
        for byte in head[6:10]:
            size = size << 7 | byte & 0x7F
        return 10 + size + (10 if head[5] & 0x10 else 0)
    if head[:8] == b"APETAGEX" and len(head) >= 32:
        return 32 + int.from_bytes(head[12:16], "little")
    return 0


def _tags_behind(audio: bytes, start: int) -> int:
    """Where the frames of ``audio`` end and ID3v1 and APE tags begin."""
    end = len(audio)
    if end - start >= 128 and audio[end - 128 : end - 125] == b"TAG":
        end -= 128
    footer = audio[end - 32 : end] if end - start >= 32 else b""
    if footer[:8] == b"APETAGEX":
        with_header = 32 if footer[23] & 0x80 else 0
        end -= int.from_bytes(footer[12:16], "little") + with_header
    return max(start, end)


def scan(audio: bytes) -> Mp3Stream:
    """Walk every frame of ``audio`` and say where the sound lies.

    Tags, and a Xing or Info frame, are left outside. A stream without a LAME tag is given a delay of 576 and a
    padding of 529, so that in both cases the sound starts ``delay + 529`` samples into the raw decode and is
    ``frames * samples_per_frame - delay - padding`` samples long. Raises AudioError for anything that cannot be
    copied frame by frame: stray bytes, a cut-off frame, frames of two kinds, a stated number of frames that is not
    there, no frames at all.
    """
    start = 0
    while skipped := outside(audio[start : start + 32]):
        start += skipped
    end = _tags_behind(audio, start)
    first = parse(bytes(audio[start : start + 4]))
    if first is None:
        raise AudioError(f"not an MP3 stream: no frame at byte {start} of {len(audio)}; the answer is not MP3 audio")
    info = read_info(bytes(audio[start : start + first.length]))
    if info is not None:
        start += info.length
        first = parse(bytes(audio[start : start + 4])) or first
    frames = _count(audio, start, end, first)
    if frames == 0:
        raise AudioError("the MP3 stream holds no frames of sound")
    if info is not None and info.frames is not None and info.frames != frames:
        raise AudioError(
            f"the MP3 stream is incomplete: its Info frame states {info.frames} frames, {frames} are there"
        )
    delay, padding = (info.delay, info.padding) if info else (None, None)
    return Mp3Stream(
        start=start,
        end=end,
        header=first.data,
        frames=frames,
        samples_per_frame=first.samples,
        delay=ENCODER_DELAY if delay is None else delay,
        padding=DECODER_DELAY if padding is None else padding,
    )


def _count(audio: bytes, start: int, end: int, header: Header) -> int:
    """Number of frames from ``start`` to ``end``, which they must fill exactly."""
    frames, at = 0, start
    while at < end:
        found, walked = offsets(audio[at : min(end, at + _PIECE)], header)
        if not walked:
            raise AudioError(_why_stopped(audio, at, end, header))
        frames += len(found)
        at += walked
    return frames


def _why_stopped(audio: bytes, at: int, end: int, header: Header) -> str:
    """What is wrong at byte ``at``, where the next frame should start and fit."""
    found = parse(bytes(audio[at : at + 4]))
    if found is None:
        return f"the MP3 stream holds {end - at} stray bytes at byte {at}"
    if found.data == header.data:
        return f"the MP3 stream is cut off: its last frame has {end - at} of {found.length} bytes"
    return (
        f"the MP3 stream changes at byte {at} from {_kind(header)} to {_kind(found)}; "
        "only frames of one kind can be copied"
    )


def _kind(header: Header) -> str:
    return f"{header.rate} Hz {'mono' if header.mono else 'stereo'} {header.bitrate} kbit/s"
