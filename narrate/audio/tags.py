"""Tags of finished files: what is written into ID3v2.4 and MP4, and what is read back. The one room that knows mutagen.

The same facts go into both kinds (a table each, below), under the names that library servers and players look for.
The bytes depend on the facts alone.
"""

from __future__ import annotations

import importlib
import io
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from narrate.audio.languages import iso_639_2
from narrate.audiobook import ChapterMark
from narrate.book import Cover, Metadata
from narrate.errors import AudioError

CTOC_LIMIT = 255
"""Children of one ID3 table of contents: their number is one byte."""

_LONGEST_V24 = 126
"""UTF-8 bytes of a chapter's title. FFmpeg reads the sizes inside CHAP as plain numbers, which v2.4 writes otherwise
from 128 on, and then drops the chapter; in v2.3 they are plain."""

_ITUNES = "----:com.apple.iTunes:"
_SHORT_DESCRIPTION = 255  # bytes of MP4's desc


@dataclass(frozen=True, slots=True)
class Facts:
    """What the tags of one file say. ``title`` is the file's own, ``track`` its (number, of how many) if it has one;
    of 0 when nobody knows how many there will be.
    """

    meta: Metadata
    narrator: str
    title: str
    track: tuple[int, int] | None = None
    marks: tuple[ChapterMark, ...] = ()
    cover: Cover | None = None


def book_facts(meta: Metadata, narrator: str, marks: Sequence[ChapterMark]) -> Facts:
    """The facts of a file that holds the whole book. A chapter without a title is called by its number."""
    titled = (mark if mark.title.strip() else replace(mark, title=str(number)) for number, mark in enumerate(marks, 1))
    return Facts(meta, narrator, meta.title, None, tuple(titled), meta.cover)


def _clean(text: str) -> str:
    """NUL ends a text in both formats, and a lone surrogate has no UTF-8."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()


def _year(date: str) -> str:
    """The part of ``date`` that ID3 and MP4 understand: YYYY, YYYY-MM or YYYY-MM-DD; "" when there is none."""
    whole = re.match(r"\d{4}(-[01]\d(-[0-3]\d)?)?(?!\d)", date.strip())
    found = whole or re.search(r"(?<!\d)\d{4}(?!\d)", date)
    return found.group() if found else ""


def _isbn(identifier: str) -> str:
    """The ISBN in ``identifier``, digits only, if its check digit is right; else ""."""
    digits = re.sub(r"(?i)^(urn:)?isbn:?|[-\s]", "", identifier.strip())
    if re.fullmatch(r"97[89]\d{10}", digits):
        return digits if sum(int(d) * (3 if n % 2 else 1) for n, d in enumerate(digits)) % 10 == 0 else ""
    if re.fullmatch(r"\d{9}[\dXx]", digits):
        total = sum((10 - n) * (10 if d in "Xx" else int(d)) for n, d in enumerate(digits))
        return digits.upper() if total % 11 == 0 else ""
    return ""


def _authors(facts: Facts) -> str:
    return "; ".join(facts.meta.authors)


def _grouping(facts: Facts) -> str:
    meta = facts.meta
    return f"{meta.series} #{meta.series_number}" if meta.series and meta.series_number else meta.series


def _translators(facts: Facts) -> str:
    return "; ".join(name for name, role in facts.meta.contributors if role == "trl")


def _part(facts: Facts) -> str:
    """The number in the series where it is whole: MVIN and its MP4 twin hold nothing else."""
    number = facts.meta.series_number
    return number if facts.meta.series and re.fullmatch(r"[0-9]{1,4}", number) else ""


def _track(track: tuple[int, int]) -> str:
    number, total = track
    return f"{number}/{total}" if total else str(number)


_FREE: dict[str, Callable[[Facts], str]] = {
    # named the same in TXXX and in MP4's freeform atoms; ffprobe shows these where it hides the official ones
    "NARRATOR": lambda facts: facts.narrator,
    "NARRATION": lambda facts: "synthetic",
    "SERIES": lambda facts: facts.meta.series,
    "SERIES-PART": lambda facts: facts.meta.series_number if facts.meta.series else "",
    "SUBTITLE": lambda facts: facts.meta.subtitle,
    "ISBN": lambda facts: _isbn(facts.meta.identifier),
    "TRANSLATOR": _translators,
}

_ID3: dict[str, Callable[[Facts], str]] = {
    "TIT2": lambda facts: facts.title,
    "TALB": lambda facts: facts.meta.title,
    "TIT3": lambda facts: facts.meta.subtitle,
    "TPE1": _authors,
    "TPE2": _authors,
    "TCOM": lambda facts: facts.narrator,
    "TIT1": _grouping,
    "MVNM": lambda facts: facts.meta.series,
    "MVIN": _part,
    "TCON": lambda facts: "Audiobook",
    "TDRC": lambda facts: _year(facts.meta.date),
    "TPUB": lambda facts: facts.meta.publisher,
    "TLAN": lambda facts: iso_639_2(facts.meta.language),
    "TRCK": lambda facts: _track(facts.track) if facts.track else "",
}

_MP4: dict[str, Callable[[Facts], str]] = {
    "\xa9nam": lambda facts: facts.title,
    "\xa9alb": lambda facts: facts.meta.title,
    "\xa9ART": _authors,
    "aART": _authors,
    "\xa9wrt": lambda facts: facts.narrator,
    "\xa9nrt": lambda facts: facts.narrator,
    "\xa9grp": _grouping,
    "\xa9mvn": lambda facts: facts.meta.series,
    "\xa9gen": lambda facts: "Audiobook",
    "\xa9day": lambda facts: _year(facts.meta.date),
    "\xa9pub": lambda facts: facts.meta.publisher,
    "\xa9cmt": lambda facts: facts.meta.description,
    "desc": lambda facts: _shortened(facts.meta.description),
    "ldes": lambda facts: facts.meta.description,
    "cprt": lambda facts: facts.meta.rights,
}


_FREE_MP4: dict[str, Callable[[Facts], str]] = {**_FREE, "LANGUAGE": lambda facts: iso_639_2(facts.meta.language)}


def _shortened(text: str) -> str:
    flat = " ".join(text.split())
    if len(flat.encode()) <= _SHORT_DESCRIPTION:
        return flat
    return flat.encode()[: _SHORT_DESCRIPTION - 3].decode(errors="ignore").rsplit(" ", 1)[0] + "…"


def _mutagen(module: str) -> Any:
    """A module of mutagen, loaded when first needed; most of it carries no types."""
    return importlib.import_module(f"mutagen.{module}")


# --- ID3 ------------------------------------------------------------------------------------------------------------


def id3(facts: Facts) -> bytes:
    """An ID3v2 tag, to be put in front of an MP3, with a CHAP frame for each mark and tables of contents.

    It is a v2.4 tag, or a v2.3 one when a chapter's title is too long for FFmpeg's reader of v2.4.
    """
    frames = _mutagen("id3")
    version = 3 if any(len(_clean(mark.title).encode()) > _LONGEST_V24 for mark in facts.marks) else 4
    texts = [
        getattr(frames, name)(encoding=3, text=[text]) for name, value in _ID3.items() if (text := _clean(value(facts)))
    ]
    texts += [
        frames.TXXX(encoding=3, desc=name, text=[text])
        for name, value in _FREE.items()
        if (text := _clean(value(facts)))
    ]
    if text := _clean(facts.meta.description):
        texts.append(frames.COMM(encoding=3, lang=iso_639_2(facts.meta.language) or "XXX", desc="", text=[text]))
    chapters = _chapters(frames, facts.marks)
    cover = facts.cover
    pictures = [frames.APIC(encoding=3, mime=cover.media_type, type=3, desc="Cover", data=cover.data)] if cover else []
    return _tag(frames, (*texts, *chapters, *pictures), version)


def _tag(frames: Any, contents: Sequence[Any], version: int) -> bytes:
    """The tag of these frames, in order: mutagen would sort them by size, and players show chapters as they come."""
    written = []
    for frame in contents:
        alone = frames.ID3()
        alone.add(frame)
        if version == 3:
            alone.update_to_v23()
        data = io.BytesIO()
        alone.save(data, v1=0, v2_version=version, padding=lambda info: 0)
        written.append(data.getvalue()[10:])
    body = b"".join(written)
    size = bytes(len(body) >> shift & 0x7F for shift in (21, 14, 7, 0))
    return b"ID3" + bytes((version, 0, 0)) + size + body


def _chapters(frames: Any, marks: Sequence[ChapterMark]) -> list[Any]:
    """A top-level CTOC and the CHAP frames; over 255 chapters it lists tables that list the chapters."""
    if not marks:
        return []
    names = [f"chp{number:05}" for number in range(len(marks))]
    chapters = [
        frames.CHAP(
            element_id=name,
            start_time=mark.start_ms,
            end_time=mark.end_ms,
            start_offset=0xFFFFFFFF,  # the times count, not the bytes
            end_offset=0xFFFFFFFF,
            sub_frames=[frames.TIT2(encoding=3, text=[_clean(mark.title)])],
        )
        for name, mark in zip(names, marks, strict=True)
    ]
    tables: list[Any] = []
    level = 0
    while len(names) > CTOC_LIMIT:
        level += 1
        groups = [names[at : at + CTOC_LIMIT] for at in range(0, len(names), CTOC_LIMIT)]
        names = [f"toc{level}-{number:05}" for number in range(len(groups))]
        tables[:0] = [
            _contents(frames, name, children, top=False) for name, children in zip(names, groups, strict=True)
        ]
    return [_contents(frames, "toc", names, top=True), *tables, *chapters]


def _contents(frames: Any, name: str, children: list[str], *, top: bool) -> Any:
    flags = frames.CTOCFlags.ORDERED | (frames.CTOCFlags.TOP_LEVEL if top else 0)
    return frames.CTOC(element_id=name, flags=flags, child_element_ids=children, sub_frames=[])


# --- MP4 ------------------------------------------------------------------------------------------------------------


def tag_mp4(path: Path, facts: Facts) -> None:
    """Write the tags into the MP4 file ``path``; its chapters stay as they are. Quick while moov is at the end."""
    mp4 = _mutagen("mp4")

    try:
        file = mp4.MP4(path)
        tags = file.tags if file.tags is not None else mp4.MP4Tags()
        for name, value in _MP4.items():
            if text := _clean(value(facts)):
                tags[name] = [text]
        for name, value in _FREE_MP4.items():
            if text := _clean(value(facts)):
                tags[_ITUNES + name] = [mp4.MP4FreeForm(text.encode(), mp4.AtomDataType.UTF8)]
        tags["stik"] = [2]  # audiobook: the shelf it stands on
        tags["pgap"] = True
        if part := _part(facts):
            tags["\xa9mvi"] = [int(part)]
        if facts.track:
            tags["trkn"] = [facts.track]
        if facts.cover is not None:
            kind = mp4.AtomDataType.PNG if facts.cover.media_type == "image/png" else mp4.AtomDataType.JPEG
            tags["covr"] = [mp4.MP4Cover(facts.cover.data, kind)]
        file.tags = tags
        file.save(padding=lambda info: 0)
    except (mp4.error, OSError, ValueError) as error:
        raise AudioError(f"{path.name}: tags cannot be written: {error}") from error


# --- reading back ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Tags:
    """What a finished file's tags say. ``contents`` is False when an MP3 lacks a complete table of contents.

    ``listed`` is the number of chapters in Nero's list of an MP4, None without one. ``is_part``: the file is one of
    several that make the book; ``is_synthetic``: it says that no human narrates, as all files of narrate do.
    """

    title: str
    album: str
    author: str
    narrator: str
    cover_bytes: int
    marks: tuple[ChapterMark, ...]
    contents: bool
    listed: int | None = None
    is_part: bool = False
    is_synthetic: bool = False


def read_id3(path: Path) -> Tags:
    """Read the ID3 tag of an MP3; everything is empty when there is none."""
    frames = _mutagen("id3")

    try:
        tag = frames.ID3(path)
    except frames.ID3NoHeaderError:
        tag = frames.ID3()
    except (frames.error, OSError, ValueError) as error:
        raise AudioError(f"{path.name}: its tags cannot be read: {error}") from error
    chapters = sorted(tag.getall("CHAP"), key=lambda chapter: (chapter.start_time, chapter.element_id))
    covers = tag.getall("APIC")
    return Tags(
        title=_first(tag, "TIT2"),
        album=_first(tag, "TALB"),
        author=_first(tag, "TPE1"),
        narrator=_first(tag, "TCOM"),
        cover_bytes=len(covers[0].data) if covers else 0,
        marks=tuple(
            ChapterMark(_first(chapter.sub_frames, "TIT2"), 1, chapter.start_time, chapter.end_time)
            for chapter in chapters
        ),
        contents=_listed(tag.getall("CTOC"), frames.CTOCFlags.TOP_LEVEL) == [c.element_id for c in chapters],
        is_part=bool(_first(tag, "TRCK")),
        is_synthetic=_first(tag, "TXXX:NARRATION") == "synthetic",
    )


def _first(tag: Any, name: str) -> str:
    found = tag.get(name)
    return str(found.text[0]) if found is not None and found.text else ""


def _listed(tables: list[Any], top_level: int) -> list[str]:
    """Element ids of the chapters, in the order in which the tables of contents list them."""
    children = {table.element_id: list(table.child_element_ids) for table in tables}
    open_ones = [table.element_id for table in tables if table.flags & top_level][:1]
    listed: list[str] = []
    seen: set[str] = set()
    while open_ones:
        name = open_ones.pop(0)
        if name not in children:
            listed.append(name)
        elif name not in seen:
            seen.add(name)
            open_ones[:0] = children[name]
    return listed


def read_mp4(path: Path) -> Tags:
    """Read the tags of an MP4. Its chapters are those of Nero's list; ``container.probe`` reads the text track's."""
    mp4 = _mutagen("mp4")

    try:
        file = mp4.MP4(path)
    except (mp4.error, OSError, ValueError) as error:
        raise AudioError(f"{path.name}: its tags cannot be read: {error}") from error
    tags = file.tags or {}
    covers = tags.get("covr", [])
    return Tags(
        title=str(tags.get("\xa9nam", [""])[0]),
        album=str(tags.get("\xa9alb", [""])[0]),
        author=str(tags.get("\xa9ART", [""])[0]),
        narrator=str(tags.get("\xa9wrt", [""])[0]),
        cover_bytes=len(covers[0]) if covers else 0,
        marks=(),
        contents=True,
        listed=len(file.chapters) if file.chapters else None,
        is_part=bool(tags.get("trkn")),
        is_synthetic=bytes(next(iter(tags.get(_ITUNES + "NARRATION", [])), b"")) == b"synthetic",
    )
