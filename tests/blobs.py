"""Small audiobooks whose sound is known to the sample, encoded into blobs as mastering does it."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from narrate.audio.encoders import ENCODERS
from narrate.audiobook import GRID, Audiobook, Blob, ChapterMark, Cue, Encoding, Track, milliseconds
from narrate.book import Cover, Metadata

Samples = NDArray[np.int16]

HEAD = 1024  # silence before every chapter but the first hides the seam of AAC blobs

JPEG = bytes.fromhex(
    "ffd8ffe000104a46494600010100000100010000ffdb004300080606070605080707070909080a0c140d0c0b0b0c1912130f141d1a1f1e1d"
    "1a1c1c20242e2720222c231c1c2837292c30313434341f27393d38323c2e333432ffc0000b080001000101011100ffc4001f000001050101"
    "0101010100000000000000000102030405060708090a0bffc400b5100002010303020403050504040000017d01020300041105122131410613"
    "516107227114328191a1082342b1c11552d1f02433627282090a161718191a25262728292a3435363738393a434445464748494a535455565758"
    "595a636465666768696a737475767778797a838485868788898a92939495969798999aa2a3a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3c4c5c6c7"
    "c8c9cad2d3d4d5d6d7d8d9dae1e2e3e4e5e6e7e8e9eaf1f2f3f4f5f6f7f8f9faffda0008010100003f00fbfcffd9"
)

META = Metadata(
    title="Über „Wale“",
    authors=("Herman Melville", "A. N. Other"),
    language="en-GB",
    subtitle="or, The Whale",
    publisher="Harper",
    date="1851-10-18",
    identifier="urn:isbn:9780306406157",
    description="A captain, a whale and what became of them.",
    series="Sea",
    series_number="3",
    cover=Cover(JPEG, "image/jpeg"),
)


def speechlike(seconds: float, rate: int, pitch: float = 180.0, level: float = 0.16) -> Samples:
    """Bursts of a voice-like sound with short pauses, starting at the first sample and ending in silence."""
    time = np.arange(round(seconds * rate)) / rate
    voice = sum(np.sin(2 * np.pi * pitch * harmonic * time) / harmonic for harmonic in range(1, 9))
    syllables = np.clip(np.sin(2 * np.pi * 3.1 * time + 0.3), 0, None)
    breath = (time % 1.7) < 1.25
    return np.asarray(np.clip(voice * syllables * breath * level, -1, 1) * 32767, np.int16)


def chapter_sound(number: int, rate: int, seconds: float = 2.5) -> tuple[Samples, int]:
    """A chapter on the grid, and the sample at which it is first heard."""
    head = HEAD if number else 0
    speech = speechlike(seconds, rate, 150 + 20 * number)
    length = -(-(head + speech.size + rate) // GRID) * GRID
    return np.pad(speech, (head, length - head - speech.size)), head


def blob(folder: Path, sound: Samples, encoding: Encoding) -> Blob:
    """``sound`` encoded as the noun Blob says, in a file with other bytes around it."""
    encoder = ENCODERS[encoding.codec](encoding.rate, encoding.bitrate)
    packets = [packet for at in range(0, sound.size, 50_000) for packet in encoder.encode(sound[at : at + 50_000])]
    packets += encoder.finish()
    body = sound.size // encoder.samples_per_frame
    priming = 1 if encoding.codec == "aac" else 0
    payload = b"".join(packets)
    sizes_at = 0
    if encoding.codec == "aac":
        sizes_at = len(payload)
        payload += np.array([len(packet) for packet in packets], "<u4").tobytes()
    digest = hashlib.sha256(payload).hexdigest()
    path = folder / f"{encoding.codec}-{encoding.rate}-{encoding.bitrate}-{digest[:12]}"
    path.write_bytes(b"before" + payload + b"behind")
    return Blob(
        path=path,
        offset=6,
        size=len(payload),
        digest=digest,
        encoding=encoding,
        samples=sound.size,
        frames=len(packets),
        body_frames=body,
        body_bytes=sum(map(len, packets[: priming + body])),
        sizes_at=sizes_at,
        config=encoder.config,
    )


def make_audiobook(
    folder: Path,
    titles: tuple[str, ...] = ("One", "Two", "Three"),
    *,
    rate: int = 24000,
    mp3: int = 96,
    aac: int = 64,
    seconds: float = 2.5,
) -> tuple[Audiobook, list[Samples]]:
    """An audiobook with one chapter per title, and the sound of each chapter."""
    folder.mkdir(parents=True, exist_ok=True)
    encodings = (Encoding("mp3", rate, mp3), Encoding("aac", rate, aac))
    tracks: list[Track] = []
    sounds: list[Samples] = []
    start = 0
    for number, title in enumerate(titles):
        sound, mark = chapter_sound(number, rate, seconds)
        blobs = tuple(blob(folder, sound, encoding) for encoding in encodings)
        tracks.append(Track(title, 1, start, sound.size, mark, blobs))
        sounds.append(sound)
        start += sound.size
    return of_tracks(tuple(tracks), rate), sounds


def of_tracks(tracks: tuple[Track, ...], rate: int) -> Audiobook:
    """The audiobook of ``tracks``, marked where each is first heard."""
    total = milliseconds(sum(track.samples for track in tracks), rate)
    starts = [0, *(milliseconds(track.start + track.mark, rate) for track in tracks[1:])]
    marks = tuple(
        ChapterMark(track.title, track.level, begin, end)
        for track, begin, end in zip(tracks, starts, [*starts[1:], total], strict=True)
    )
    cues = tuple(
        Cue(f"ch{number}.xhtml#p1", f"Text “{number}”", number, mark.start_ms, mark.end_ms, "k" * 64, "d" * 64, "req-1")
        for number, mark in enumerate(marks)
    )
    return Audiobook(META, "Leah (synthetic voice, tone)", rate, tracks, marks, cues, (("tone", "1", "Leah"),))


def untitled(audiobook: Audiobook, **changes: object) -> Audiobook:
    """The same audiobook with other metadata."""
    return replace(audiobook, meta=replace(audiobook.meta, **changes))  # type: ignore[arg-type]
