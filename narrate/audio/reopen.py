"""A finished file opened again, as a player would, before anyone is given it (P7). AudioError says what is missing.

Structural and quick: every frame is walked and hashed, headers, tags and chapters are read back, and the sound is
decoded at the start, at the end and around a few chapter marks. Listening to all of it is ``narrate check``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from narrate.audio.container import PRIMING, probe, stretches
from narrate.audio.tags import Facts, Tags, read_id3, read_mp4
from narrate.audio.walk import walk
from narrate.audiobook import ChapterMark, Published, milliseconds
from narrate.errors import AudioError

_MARKS_HEARD = 4
_SLACK_MS = 1  # containers keep chapter times in samples or milliseconds


def digest_of(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


# --- MP3 ------------------------------------------------------------------------------------------------------------


def reopen_mp3(path: Path, samples: int, rate: int, facts: Facts) -> Published:
    """Check an MP3 that narrate wrote and say what it is."""
    found = walk(path)
    if found.stray:
        raise AudioError(f"{path.name}: something else than sound at byte {found.stray[0]}")
    stated = found.info.frames if found.info else None
    if stated != found.frames or found.samples != samples or found.header.rate != rate:
        raise AudioError(
            f"{path.name}: holds {found.frames} frames, {found.samples} samples at {found.header.rate} Hz; "
            f"{stated} frames, {samples} samples at {rate} Hz were to be written"
        )
    tags = read_id3(path)
    _check_tags(path, tags, facts)
    if facts.marks and not tags.contents:
        raise AudioError(f"{path.name}: its table of contents does not list its chapters")
    _check_marks(path, tags.marks, facts.marks)
    _check_player(path, samples, rate, found.header.samples, facts.marks)
    return Published(path, found.size, found.digest, milliseconds(samples, rate))


# --- M4B ------------------------------------------------------------------------------------------------------------


def reopen_m4b(path: Path, samples: int, rate: int, facts: Facts) -> Published:
    """Check an M4B that narrate wrote and say what it is."""
    _check_tags(path, read_mp4(path), facts)
    _check_player(path, samples, rate, PRIMING, facts.marks)
    return Published(path, path.stat().st_size, digest_of(path), milliseconds(samples, rate))


# --- both -----------------------------------------------------------------------------------------------------------


def _check_tags(path: Path, tags: Tags, facts: Facts) -> None:
    wanted = {"title": (tags.title, facts.title), "narrator": (tags.narrator, facts.narrator)}
    for name, (found, given) in wanted.items():
        if given.isprintable() and found != given:
            raise AudioError(f"{path.name}: its {name} reads {found!r} instead of {given!r}")
    if facts.cover is not None and tags.cover_bytes != len(facts.cover.data):
        raise AudioError(f"{path.name}: its cover was not written whole")


def _check_marks(path: Path, found: Sequence[ChapterMark], wanted: Sequence[ChapterMark]) -> None:
    if len(found) != len(wanted):
        raise AudioError(f"{path.name}: reads back {len(found)} chapters of {len(wanted)}")
    for number, (one, other) in enumerate(zip(found, wanted, strict=True), 1):
        apart = max(abs(one.start_ms - other.start_ms), abs(one.end_ms - other.end_ms))
        if apart > _SLACK_MS or (other.title.isprintable() and one.title != other.title):
            raise AudioError(f"{path.name}: chapter {number} reads back as {one}, not {other}")


def _check_player(path: Path, samples: int, rate: int, frame: int, marks: Sequence[ChapterMark]) -> None:
    """What FFmpeg makes of the file: rate, length, chapters, and sound at the ends and some marks."""
    seen = probe(path)
    if seen.rate != rate or abs(seen.duration * rate - samples) > frame:
        raise AudioError(
            f"{path.name}: players take it for {seen.duration:.3f} s at {seen.rate} Hz "
            f"instead of {samples / rate:.3f} s at {rate} Hz"
        )
    _check_marks(path, seen.chapters, marks)
    step = max(1, len(marks) // _MARKS_HEARD)
    whole = samples / rate
    starts = sorted({0.0, max(0.0, whole - 1), *(mark.start_ms / 1000 for mark in marks[::step])})
    for start, sound in zip(starts, stretches(path, starts, 1.0), strict=True):
        if sound.size < min(1.0, whole - start) * rate - 3 * frame:
            raise AudioError(f"{path.name}: ends early: {sound.size / rate:.3f} s of sound at second {start:.1f}")
