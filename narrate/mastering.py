"""How a chapter gets its final sound: each segment trimmed, faded, levelled and limited, then encoded into the store.

``master_chapter`` runs in a worker process and is given all it needs in one small job. What it makes lies in the store
under the hash of everything that makes it sound as it does, so a change costs the chapters that changed, and binding a
book is copying.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from narrate.audio import codec, encoders, limiter
from narrate.audiobook import Blob, Encoding
from narrate.errors import AudioError, SegmentDamaged, StoreError
from narrate.store import Store, read_part

MASTERING_VERSION = 1
"""Raised when the same job would sound different: every chapter is then encoded anew, and nothing is spoken."""

FADE_MS = 5


@dataclass(frozen=True, slots=True)
class Source:
    """What mastering must know of one segment, and the ``gap`` behind it in samples of the timeline."""

    path: Path
    offset: int
    size: int
    digest: str
    codec: str
    rate: int
    lead: int
    tail: int
    gap: int


@dataclass(frozen=True, slots=True)
class ChapterJob:
    """One chapter to be mastered: small, picklable, and complete. Samples are of ``rate``."""

    chapter: int
    store: Path
    rate: int
    head: int
    samples: int
    sources: tuple[Source, ...]
    gain_db: float
    ceiling_db: float
    encodings: tuple[Encoding, ...]


@dataclass(frozen=True, slots=True)
class MasteredChapter:
    """A chapter's encodings, now in the store, in the order they were asked for.

    ``reports`` are sentences for the user, of stored encodings that were damaged and have been made anew.
    """

    chapter: int
    blobs: tuple[Blob, ...]
    reports: tuple[str, ...] = ()


class _File(Protocol):
    def write(self, data: bytes) -> int: ...

    @property
    def size(self) -> int: ...


def master_chapter(job: ChapterJob) -> MasteredChapter:
    """Encode a chapter into the store, in every encoding that is not there yet, and say where they lie.

    Each segment is decoded once; no more than two are in memory. A stored encoding that is damaged is made anew;
    a damaged segment is set aside, so that it is spoken again, and SegmentDamaged says so. Whatever else the disk
    refuses is StoreError.
    """
    reports: list[str] = []
    try:
        return replace(_master(job, Store(job.store, reports.append)), reports=tuple(reports))
    except OSError as error:
        raise StoreError(f"{job.store}: a chapter cannot be made: {(error.strerror or str(error)).lower()}") from error


def _master(job: ChapterJob, store: Store) -> MasteredChapter:
    keys = {encoding: blob_key(job, encoding) for encoding in job.encodings}
    missing = [encoding for encoding in keys if not _intact(store, keys[encoding])]
    with ExitStack() as stack:
        pressings = []
        for encoding in missing:
            header: dict[str, Any] = {}
            file = stack.enter_context(store.create("blobs", keys[encoding], header))
            pressings.append(_Pressing(file, header, encoding, job.samples))
        if pressings:
            _press(_sounds(store, job), pressings)
    return MasteredChapter(job.chapter, tuple(_blob(store, key, encoding) for encoding, key in keys.items()))


def _press(sounds: Iterator[codec.Samples], pressings: list[_Pressing]) -> None:
    """Encode the sounds in every encoding at once, the next one being decoded meanwhile.

    Encoders work outside Python's lock. Where a whole book is mastered all cores are busy anyway; where one chapter
    was edited, the others help.
    """
    with ThreadPoolExecutor(len(pressings)) as pool:
        at_work: list[Future[None]] = []
        for sound in sounds:
            for done in at_work:
                done.result()
            at_work = [pool.submit(pressing.press, sound) for pressing in pressings]
        for done in at_work:
            done.result()
    for pressing in pressings:
        pressing.finish()


def blob_key(job: ChapterJob, encoding: Encoding) -> str:
    """SHA-256, in hex, of everything that changes an encoded chapter's bytes."""
    resampled = any(source.rate != job.rate for source in job.sources)
    recipe = [
        MASTERING_VERSION,
        encoders.encoder_name(encoding.codec),
        f"soxr {version('soxr')}" if resampled else "",
        [encoding.codec, encoding.rate, encoding.bitrate],
        [job.rate, job.gain_db, job.ceiling_db, FADE_MS, job.head],
        [[source.digest, source.rate, source.lead, source.tail, source.gap] for source in job.sources],
    ]
    return hashlib.sha256(json.dumps(recipe).encode()).hexdigest()


def _intact(store: Store, key: str) -> bool:
    """Whether the store holds this blob, to the bit; a damaged one is set aside."""
    entry = store.get("blobs", key)
    if entry is None:
        return False
    if entry.is_sound():
        return True
    store.set_aside(entry.path, "its sound does not match its digest", unless_sound=True)
    return store.get("blobs", key) is not None


def _sounds(store: Store, job: ChapterJob) -> Iterator[codec.Samples]:
    """The chapter's samples, a segment with its gap at a time."""
    yield np.zeros(job.head, np.int16)
    for source in job.sources:
        sound = _mastered(store, source, job)
        yield np.concatenate([sound, np.zeros(source.gap, np.int16)])


def _mastered(store: Store, source: Source, job: ChapterJob) -> codec.Samples:
    """One segment, trimmed, faded, at the timeline's rate and the chapter's level."""
    try:
        samples, rate = codec.decode(_payload(store, source), source.codec, source.rate)
    except AudioError as error:
        raise AudioError(f"{source.path}: {error}") from error
    if rate != source.rate or samples.size < source.tail:
        raise AudioError(f"{source.path}: decodes to {samples.size} samples at {rate} Hz, not what its header says")
    sound = _fade(samples[source.lead : source.tail], rate)
    return limiter.amplify(codec.resample(sound, rate, job.rate), job.rate, job.gain_db, job.ceiling_db)


def _payload(store: Store, source: Source) -> bytes:
    """The segment's audio, to the bit; SegmentDamaged when it is gone or no longer what it was."""
    name = source.path.name[:12]
    try:
        return read_part(source.path, source.offset, source.size, source.digest)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise SegmentDamaged(f"{name}: the stored segment cannot be read: it is gone") from error
    except ValueError as error:
        store.set_aside(source.path, str(error), unless_sound=True)
        raise SegmentDamaged(f"{name}: the stored segment was damaged ({error}) and set aside") from error


def _fade(sound: codec.Samples, rate: int) -> codec.Samples:
    """The same sound, rising and falling over ``FADE_MS``, so that no cut clicks."""
    length = min(rate * FADE_MS // 1000, sound.size // 2)
    ramp = (np.arange(length) + 0.5) / max(1, length)
    faded = sound.copy()
    faded[:length] = np.rint(sound[:length] * ramp)
    faded[sound.size - length :] = np.rint(sound[sound.size - length :] * ramp[::-1])
    return faded


class _Pressing:
    """One encoding of a chapter on its way into the store."""

    def __init__(self, file: _File, header: dict[str, Any], encoding: Encoding, samples: int) -> None:
        self._file = file
        self._header = header
        self._encoding = encoding
        self._samples = samples
        self._encoder = encoders.ENCODERS[encoding.codec](encoding.rate, encoding.bitrate)
        self._body = samples // self._encoder.samples_per_frame
        self._sizes: list[int] = []

    def press(self, sound: codec.Samples) -> None:
        """Encode these samples."""
        self._write(self._encoder.encode(sound))

    def _write(self, packets: list[bytes]) -> None:
        self._sizes.extend(map(len, packets))
        self._file.write(b"".join(packets))

    def finish(self) -> None:
        """Encode what the encoder still holds, and fill the header with the fields of ``Blob``."""
        self._write(self._encoder.finish())
        aac = self._encoding.codec == "aac"
        body = self._body + aac  # AAC: and the packet that primes
        if len(self._sizes) < body:
            raise AudioError(f"the {self._encoding.codec} encoder gave {len(self._sizes)} of {body} frames")
        self._header.update(
            samples=self._samples,
            frames=len(self._sizes),
            body_frames=self._body,
            body_bytes=sum(self._sizes[:body]),
            sizes_at=self._file.size if aac else 0,
            config=self._encoder.config.hex(),
        )
        if aac:
            self._file.write(np.array(self._sizes, "<u4").tobytes())


def _blob(store: Store, key: str, encoding: Encoding) -> Blob:
    entry = store.get("blobs", key)
    if entry is None:
        raise StoreError(f"{store.folder}: the encoded chapter {key[:12]} cannot be read back; check the disk")
    header = entry.header
    return Blob(
        path=entry.path,
        offset=0,
        size=entry.size,
        digest=entry.digest,
        encoding=encoding,
        samples=header["samples"],
        frames=header["frames"],
        body_frames=header["body_frames"],
        body_bytes=header["body_bytes"],
        sizes_at=header["sizes_at"],
        config=bytes.fromhex(header["config"]),
    )
