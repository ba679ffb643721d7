"""A finished audio file: does it decode, is it whole, can its chapters be found, does it sound as it should.

Every code has one line in ``CODES``; a code never changes its meaning. "error" fails the check, "review" asks for an
ear. When a manifest lies beside the file, the file is held against it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Literal

from narrate.audio.meter import Figures, measure
from narrate.audio.tags import Tags, read_id3, read_mp4
from narrate.audio.walk import Walk, walk
from narrate.audiobook import ChapterMark, Finding
from narrate.errors import AudioError
from narrate.manifest import NAME, File, Manifest, read

CODES = {
    "a-001": "cannot be opened, or parts of it do not decode",
    "a-002": "its length is not what its headers state: cut off, or joined badly",
    "a-003": "has no chapters",
    "a-004": "its chapters do not touch, rise and cover the whole",
    "a-005": "its table of contents does not list its chapters, so some players show none",
    "a-006": "has no cover",
    "a-007": "falls silent for long in the middle",
    "a-008": "is clipped",
    "a-009": "is too quiet or too loud",
    "a-010": "holds bytes among its sound that are none",
    "a-011": "hisses: its quietest half second is not quiet",
    "a-012": "a chapter mark does not lie where its chapter is first heard",
    "a-013": "is not the file that its manifest describes",
    "a-014": "a chapter, or the book, has no title",
    "a-015": "a chapter is much louder or softer than the others",
    "a-016": "crackles: a spike in the sound",
    "a-017": "sound is cut off hard",
    "a-018": "its two lists of chapters differ, so some players show only the first 255",
    "a-019": "loud noise is heard",
    "a-020": "its title, author or narrator is not in its tags",
}

LONGEST_SILENCE = 5.0
"""Seconds. The longest pause of narrate's own is 2.2 s, behind a chapter."""

LOUDNESS = (-27.0, -13.0)
"""LUFS. Audiobooks are levelled to -19 in mono; shops take -23 to -16."""

_CLIPPED_SHARE = 1e-5  # of all samples; at least _CLIPPED_LEAST of them
_CLIPPED_LEAST = 8
_HISS_DB, _HISS_REVIEW_DB = -55.0, -60.0
_UNEVEN_LU = 4.0
_UNEVEN_SECONDS = 5.0  # of chapter, to be compared: a bare title is diluted by the pause around it
_MARK_BEFORE = (0.12, 0.03)  # seconds before a mark in which nothing may be said
_MARK_BEHIND = 0.15  # seconds behind a mark by which its chapter is heard
_MARK_DB = -40.0
_FRAME = 0.05  # seconds: more than a frame of any codec here (1152 samples at 24 kHz)

Severity = Literal["error", "review"]


@dataclass(frozen=True)
class Heard:
    """All that is known of one file: figures and tags, frames if it is an MP3, its manifest if there is one."""

    path: Path
    figures: Figures
    tags: Tags
    frames: Walk | None
    described: Manifest | None
    file: File | None

    @property
    def marks(self) -> tuple[ChapterMark, ...]:
        """Its chapters, as most players see them."""
        return self.figures.probe.chapters

    @property
    def is_part(self) -> bool:
        """Whether it is one chapter of a book in several files, which needs no chapters of its own."""
        return self.tags.is_part

    def finding(self, code: str, message: str, severity: Severity = "error", at: float | None = None) -> Finding:
        where = self.path.name if at is None else f"{self.path.name} at {_clock(at)}"
        return Finding(code, severity, where, message)


def check_output(path: Path) -> tuple[Finding, ...]:
    """All that is wrong with the file at ``path``, in order of code; nothing when it is sound."""
    return examine(path)[1]


def examine(path: Path) -> tuple[Figures | None, tuple[Finding, ...]]:
    """The figures of the file at ``path``, and what is wrong with it. No figures when it cannot be opened."""
    try:
        heard = _hear(path)
    except (AudioError, OSError) as error:
        reason = str(error).removeprefix(f"{path.name}: ")
        return None, (Finding("a-001", "error", path.name, f"cannot be opened: {reason}"),)
    return heard.figures, tuple(finding for check in _CHECKS for finding in check(heard))


def _hear(path: Path) -> Heard:
    figures = measure(path)
    is_mp3 = figures.probe.codec.startswith("mp3")
    tags = (read_id3 if is_mp3 else read_mp4)(path) if is_mp3 or "mp4" in figures.probe.container else _NO_TAGS
    beside, name = _manifest_beside(path)
    return Heard(
        path=path,
        figures=figures,
        tags=tags,
        frames=walk(path) if is_mp3 and figures.probe.container == "mp3" else None,
        described=beside,
        file=next((file for file in beside.files if file.name == name), None) if beside else None,
    )


_NO_TAGS = Tags("", "", "", "", 0, (), contents=True)


def _manifest_beside(path: Path) -> tuple[Manifest | None, str]:
    """The manifest in the file's folder or the one above, and the file's name in it."""
    here = path.absolute()
    for folder in (here.parent, here.parent.parent):
        found = read(folder / NAME)
        name = here.relative_to(folder).as_posix()
        if found and any(file.name == name for file in found.files):
            return found, name
    return None, ""


def _clock(seconds: float) -> str:
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(int(minutes), 60)
    return f"{hours}:{minutes:02}:{rest:04.1f}"


# --- whole and openable ---------------------------------------------------------------------------------------------


def _decodes(heard: Heard) -> Iterator[Finding]:
    if heard.figures.errors:
        yield heard.finding("a-001", f"{heard.figures.errors} packets do not decode: the file is damaged")
    elif heard.figures.duration == 0:
        yield heard.finding("a-001", "holds no sound at all")


def _length(heard: Heard) -> Iterator[Finding]:
    figures, frames = heard.figures, heard.frames
    stated = frames.info.frames if frames and frames.info else None
    if frames and stated is not None and stated != frames.frames:
        yield heard.finding("a-002", f"states {stated} frames and holds {frames.frames}")
    elif abs(figures.stated - figures.duration) > _FRAME:
        yield heard.finding("a-002", f"states {figures.stated:.3f} s and plays {figures.duration:.3f} s")


def _bytes(heard: Heard) -> Iterator[Finding]:
    frames = heard.frames
    if frames and frames.stray:
        places = f"{len(frames.stray)} places, the first at byte {frames.stray[0]}"
        yield heard.finding("a-010", f"holds bytes that are no sound in {places}")
    if frames and frames.inner:
        yield heard.finding(
            "a-010", f"holds the headers of {frames.inner} joined files, which play as gaps: marks after them are late"
        )


# --- chapters -------------------------------------------------------------------------------------------------------


def _has_chapters(heard: Heard) -> Iterator[Finding]:
    if not heard.marks and not heard.is_part:
        yield heard.finding("a-003", "has no chapters")


def _chapters_cover(heard: Heard) -> Iterator[Finding]:
    marks = heard.marks
    if not marks:
        return
    if marks[0].start_ms > 1:
        yield heard.finding("a-004", f"its first chapter starts at {marks[0].start_ms} ms instead of 0")
    for number, (mark, following) in enumerate(pairwise(marks), 1):
        if abs(following.start_ms - mark.end_ms) > 1 or mark.end_ms <= mark.start_ms:
            yield heard.finding(
                "a-004",
                f"chapter {number} ends at {mark.end_ms} ms, the next starts at {following.start_ms} ms",
                at=mark.end_ms / 1000,
            )
            return
    apart = marks[-1].end_ms / 1000 - heard.figures.duration
    if abs(apart) > _FRAME or marks[-1].end_ms <= marks[-1].start_ms:
        yield heard.finding(
            "a-004", f"its last chapter ends {abs(apart):.3f} s {'after' if apart > 0 else 'before'} it"
        )


def _contents(heard: Heard) -> Iterator[Finding]:
    if heard.frames is not None and heard.marks and not heard.tags.contents:
        yield heard.finding("a-005", f"its table of contents (CTOC) does not list its {len(heard.marks)} chapters")


def _both_lists(heard: Heard) -> Iterator[Finding]:
    listed = heard.tags.listed
    if listed is not None and listed != len(heard.marks):
        yield heard.finding("a-018", f"Nero's list holds {listed} chapters, the chapter track {len(heard.marks)}")


def _titles(heard: Heard) -> Iterator[Finding]:
    empty = [number for number, mark in enumerate(heard.marks, 1) if not mark.title.strip()]
    if empty:
        yield heard.finding(
            "a-014", f"{len(empty)} of {len(heard.marks)} chapters have no title, the first is {empty[0]}"
        )
    if not heard.tags.title.strip():
        yield heard.finding("a-014", "has no title")


def _marks_lie_right(heard: Heard) -> Iterator[Finding]:
    """Before a mark is a pause, behind it speech: only then does a listener who jumps there hear the first word."""
    figures = heard.figures
    severity: Severity = "error" if heard.tags.is_synthetic else "review"
    for number, mark in enumerate(heard.marks[1:], 2):
        start = mark.start_ms / 1000
        earliest, latest = _MARK_BEFORE
        if figures.level_between(start - earliest, start - latest) > _MARK_DB:
            yield heard.finding("a-012", f"chapter {number} {mark.title!r} is marked in the middle of sound", at=start)
            continue
        heard_at = figures.first_sound(start - latest)
        if heard_at is None or heard_at - start > _MARK_BEHIND:
            late = "is not heard at all" if heard_at is None else f"is heard {heard_at - start:.2f} s after its mark"
            yield heard.finding("a-012", f"chapter {number} {mark.title!r} {late}", severity, at=start)


# --- tags -----------------------------------------------------------------------------------------------------------


def _cover(heard: Heard) -> Iterator[Finding]:
    if heard.tags.cover_bytes or heard.is_part:
        return
    listed = heard.described and any(file.name.startswith("cover.") for file in heard.described.files)
    yield heard.finding("a-006", "has no cover", "error" if listed else "review")


def _who(heard: Heard) -> Iterator[Finding]:
    wanted = {"author": heard.tags.author, "narrator": heard.tags.narrator}
    missing = [name for name, value in wanted.items() if not value.strip()]
    if missing:
        yield heard.finding("a-020", f"its tags name no {' and no '.join(missing)}", "review")


def _as_described(heard: Heard) -> Iterator[Finding]:
    file, described = heard.file, heard.described
    if file is None or described is None:
        return
    if file.duration_ms is not None and abs(file.duration_ms / 1000 - heard.figures.duration) > _FRAME:
        yield heard.finding(
            "a-013", f"plays {heard.figures.duration:.3f} s, its manifest says {file.duration_ms / 1000:.3f} s"
        )
    if not heard.is_part and len(described.marks) != len(heard.marks):
        yield heard.finding("a-013", f"has {len(heard.marks)} chapters, its manifest lists {len(described.marks)}")
    elif not heard.is_part:
        for number, (mark, other) in enumerate(zip(heard.marks, described.marks, strict=True), 1):
            if mark.title != other.title or abs(mark.start_ms - other.start_ms) > 1:
                yield heard.finding(
                    "a-013",
                    f"chapter {number} is {mark.title!r} at {mark.start_ms} ms, "
                    f"its manifest says {other.title!r} at {other.start_ms} ms",
                )
                break
    if heard.frames is not None and heard.frames.digest != file.sha256:
        yield heard.finding("a-013", "its bytes are not those that its manifest lists")


# --- sound ----------------------------------------------------------------------------------------------------------


def _silence(heard: Heard) -> Iterator[Finding]:
    start, length = heard.figures.longest_inside
    if length > LONGEST_SILENCE:
        yield heard.finding("a-007", f"is silent for {length:.1f} s", at=start)
    elif heard.figures.lufs is None and heard.figures.duration > 0:
        yield heard.finding("a-007", "is silent from start to end")


def _clipping(heard: Heard) -> Iterator[Finding]:
    figures = heard.figures
    samples = figures.duration * figures.probe.rate
    if figures.clipped >= max(_CLIPPED_LEAST, _CLIPPED_SHARE * samples):
        yield heard.finding("a-008", f"{figures.clipped} samples are at full scale")


def _loudness(heard: Heard) -> Iterator[Finding]:
    lufs = heard.figures.lufs
    least, most = LOUDNESS
    if lufs is not None and not least <= lufs <= most:
        yield heard.finding("a-009", f"is {lufs:.1f} LUFS; audiobooks lie between {least:.0f} and {most:.0f}")


def _hiss(heard: Heard) -> Iterator[Finding]:
    floor = heard.figures.floor_db
    if floor is not None and floor > _HISS_REVIEW_DB:
        severity: Severity = "error" if floor > _HISS_DB else "review"
        yield heard.finding("a-011", f"its quietest half second is at {floor:.1f} dB", severity)


def _evenness(heard: Heard) -> Iterator[Finding]:
    levels = {
        number: level
        for number, mark in enumerate(heard.marks, 1)
        if (mark.end_ms - mark.start_ms) / 1000 >= _UNEVEN_SECONDS
        and (level := heard.figures.loudness_between(mark.start_ms / 1000, mark.end_ms / 1000)) is not None
    }
    if len(levels) < 2:
        return
    usual = median(levels.values())
    number, level = max(levels.items(), key=lambda item: abs(item[1] - usual))
    if abs(level - usual) > _UNEVEN_LU:
        yield heard.finding("a-015", f"chapter {number} is {level:.1f} LUFS, the others around {usual:.1f}")


def _crackle(heard: Heard) -> Iterator[Finding]:
    clicks = heard.figures.clicks
    if clicks:
        yield heard.finding("a-016", f"{len(clicks)} spikes in the sound", at=clicks[0])


def _cut(heard: Heard) -> Iterator[Finding]:
    figures = heard.figures
    if figures.cuts:
        voices = heard.described.content.get("voices", ()) if heard.described else ()
        # espeak's voices end every phrase like that
        severity: Severity = "review" if any(voice["engine"] == "espeak" for voice in voices) else "error"
        yield heard.finding("a-017", f"sound stops dead in {len(figures.cuts)} places", severity, figures.cuts[0])
    if figures.level_between(figures.duration - 0.06, figures.duration) > _MARK_DB:
        yield heard.finding("a-017", "ends in the middle of sound", at=figures.duration)


def _noise(heard: Heard) -> Iterator[Finding]:
    if heard.figures.noises:
        yield heard.finding("a-019", "loud noise is heard", at=heard.figures.noises[0])


_CHECKS = (
    _decodes,
    _length,
    _has_chapters,
    _chapters_cover,
    _contents,
    _cover,
    _silence,
    _clipping,
    _loudness,
    _bytes,
    _hiss,
    _marks_lie_right,
    _as_described,
    _titles,
    _evenness,
    _crackle,
    _cut,
    _both_lists,
    _noise,
    _who,
)
