"""Encoded chapters into one stream: copied from the store in large pieces, every digest checked on the way.

Nothing is encoded here and nothing is held: a blob passes through in pieces, a segment is read alone.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from narrate.audio.frames import ENCODER_DELAY, Header, parse
from narrate.audio.mp3 import add_gain, frames_needed, info_frame, padding_behind, silence
from narrate.audiobook import Blob, Codec, Encoding, Joined, Segment, Track
from narrate.errors import AudioError, StoreError

_PIECE = 1 << 20  # bytes
_LONGEST_PADDING = 4095  # samples: twelve bits of the LAME part


def one_encoding(tracks: Sequence[Track], codec: Codec) -> tuple[list[Blob], Encoding]:
    """The blobs of ``tracks`` in ``codec`` and their common encoding; AudioError when one is missing or differs."""
    blobs: list[Blob] = []
    for track in tracks:
        blob = next((blob for blob in track.blobs if blob.encoding.codec == codec), None)
        if blob is None:
            raise AudioError(f"chapter {track.title!r} is not encoded as {codec}, which this format is made of")
        if blob.samples != track.samples or (blobs and blob.encoding != blobs[0].encoding):
            raise AudioError(f"chapter {track.title!r} is encoded unlike the others; this is a fault of narrate")
        blobs.append(blob)
    if not blobs:
        raise AudioError("there is no chapter of sound to write")
    return blobs, blobs[0].encoding


def _payload(path: Path, offset: int, size: int, digest: str) -> Iterator[bytes]:
    """The bytes of an entry of the store, in pieces; StoreError when they are not what was stored."""
    seen = hashlib.sha256()
    left = size
    try:
        with path.open("rb") as file:
            file.seek(offset)
            while left and (piece := file.read(min(left, _PIECE))):
                left -= len(piece)
                seen.update(piece)
                yield piece
    except OSError as error:
        raise StoreError(f"{path}: cannot be read: {error.strerror}; run again to make it anew") from error
    if left or seen.hexdigest() != digest:
        raise StoreError(f"{path}: is damaged: its sound does not match its digest; run `narrate store verify`")


# --- MP3 ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Mp3Plan:
    """What an MP3 of some tracks will hold, known before a byte is copied. ``filler`` counts silent frames at the end.

    ``frames`` and ``size`` (bytes) are those of all sound, flush and filler, without the Info frame.
    """

    header: Header
    frames: int
    size: int
    filler: int
    samples: int

    @property
    def info(self) -> bytes:
        """The Info frame: decoders then yield exactly ``samples``."""
        padding = padding_behind(self.frames, self.header.samples, self.samples, ENCODER_DELAY)
        return info_frame(self.header, self.frames, self.size, ENCODER_DELAY, padding)


def plan_mp3(tracks: Sequence[Track]) -> Mp3Plan:
    """Count what ``write_mp3`` will write for ``tracks``."""
    joined = [track.joined for track in tracks if track.joined is not None]
    if joined and len(joined) != len(tracks):
        raise AudioError("some chapters are copied and some encoded: they cannot share a file")
    header, frames, size = _count_joined(joined) if joined else _count_blobs(tracks)
    samples = sum(track.samples for track in tracks)
    filler = max(0, frames_needed(samples, header.samples, ENCODER_DELAY) - frames)
    plan = Mp3Plan(header, frames + filler, size + len(silence(header, filler)), filler, samples)
    padding = padding_behind(plan.frames, header.samples, samples, ENCODER_DELAY)
    if padding > _LONGEST_PADDING:
        raise AudioError(
            f"the chapters hold {padding} samples more than their timeline of {samples}; this is a fault of narrate"
        )
    return plan


def _count_blobs(tracks: Sequence[Track]) -> tuple[Header, int, int]:
    blobs, _ = one_encoding(tracks, "mp3")
    first = blobs[0]
    try:
        with first.path.open("rb") as file:
            file.seek(first.offset)
            header = _header(file.read(4), str(first.path))
    except OSError as error:
        raise StoreError(f"{first.path}: cannot be read: {error.strerror}; run again to make it anew") from error
    for track, blob in zip(tracks, blobs, strict=True):
        if blob.body_frames * header.samples != track.samples:
            raise AudioError(f"chapter {track.title!r} is not a whole number of frames; this is a fault of narrate")
    last = blobs[-1]
    frames = sum(blob.body_frames for blob in blobs) + last.frames - last.body_frames
    size = sum(blob.body_bytes for blob in blobs) + last.size - last.body_bytes
    return header, frames, size


def _count_joined(joined: Sequence[Joined]) -> tuple[Header, int, int]:
    header = _header(joined[0].header, "the first segment")
    frames = size = 0
    for part in joined:
        for segment, silent in part.pieces:
            if segment.mp3 is None or _header(segment.mp3.header, str(segment.path)).data != header.data:
                raise AudioError(f"segment {segment.key[:12]} is of another kind than the first; it cannot be copied")
            frames += segment.mp3.frames + silent
            size += segment.mp3.end - segment.mp3.start + len(silence(header, silent))
    return header, frames, size


def _header(data: bytes, where: str) -> Header:
    header = parse(data)
    if header is None:
        raise AudioError(f"{where}: does not start with an MP3 frame")
    plain = parse(header.data)
    return plain if plain is not None else header


def write_mp3(file: BinaryIO, tracks: Sequence[Track], plan: Mp3Plan) -> None:
    """Write the Info frame and the frames of ``tracks`` to ``file``. The last one's flush ends the file."""
    file.write(plan.info)
    if tracks[0].joined is not None:
        for track in tracks:
            if track.joined is not None:
                _copy_joined(file, track.joined, plan.header)
    else:
        blobs, _ = one_encoding(tracks, "mp3")
        for number, blob in enumerate(blobs, 1):
            _copy_blob(file, blob, blob.size if number == len(blobs) else blob.body_bytes)
    file.write(silence(plan.header, plan.filler))


def _copy_blob(file: BinaryIO, blob: Blob, wanted: int) -> None:
    """Copy the first ``wanted`` bytes; the rest is read too, for the digest."""
    for piece in _payload(blob.path, blob.offset, blob.size, blob.digest):
        if wanted > 0:
            file.write(piece[:wanted])
        wanted -= len(piece)


def _copy_joined(file: BinaryIO, joined: Joined, header: Header) -> None:
    for segment, silent in joined.pieces:
        file.write(add_gain(_sound(segment), header, joined.gain_steps))
        file.write(silence(header, silent))


def _sound(segment: Segment) -> bytes:
    """The frames of an MP3 segment, without its tags and Info frame."""
    audio = b"".join(_payload(segment.path, segment.offset, segment.size, segment.digest))
    if segment.mp3 is None:
        raise AudioError(f"segment {segment.key[:12]} is no MP3")
    return audio[segment.mp3.start : segment.mp3.end]


# --- AAC ------------------------------------------------------------------------------------------------------------


def aac_packets(blobs: Sequence[Blob]) -> Iterator[list[bytes]]:
    """The packets of an M4B, in rows: the priming packet of the first blob, then the body of each; no flush."""
    for number, blob in enumerate(blobs):
        rows = _packets(blob)
        first = next(rows, [])
        yield first if number == 0 else first[1:]
        yield from rows


def _packets(blob: Blob) -> Iterator[list[bytes]]:
    """Packets 0 to ``body_frames`` of one blob. The payload is read to its end, so that all of it is checked."""
    ends = np.cumsum(_sizes(blob)).tolist()
    held, start, number = b"", 0, 0
    for piece in _payload(blob.path, blob.offset, blob.size, blob.digest):
        held += piece
        stop = bisect_right(ends, start + len(held))
        if stop > number:
            begins = [start, *ends[number : stop - 1]]
            yield [held[begin - start : end - start] for begin, end in zip(begins, ends[number:stop], strict=True)]
            held, start, number = held[ends[stop - 1] - start :], ends[stop - 1], stop
        if number == len(ends):
            held, start = b"", ends[-1]


def _sizes(blob: Blob) -> NDArray[np.uint32]:
    """The sizes of packets 0 to ``body_frames``."""
    try:
        with blob.path.open("rb") as file:
            file.seek(blob.offset + blob.sizes_at)
            table = file.read(blob.size - blob.sizes_at)
    except OSError as error:
        raise StoreError(f"{blob.path}: cannot be read: {error.strerror}; run again to make it anew") from error
    sizes = np.frombuffer(table[: len(table) // 4 * 4], "<u4")[: blob.body_frames + 1]
    if len(sizes) != blob.body_frames + 1 or int(sizes.sum()) > blob.sizes_at:
        raise StoreError(f"{blob.path}: is damaged: its table of packets is wrong; run `narrate store verify`")
    return sizes
