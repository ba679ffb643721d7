"""BRICK: the manifest, an audiobook as JSON: what its files are and where in them everything is heard.

It is the only thing later steps need. The bytes depend on the audiobook and its files alone: no date, no host, no
absolute path. ``schema`` is raised when a reader of the old form would be misled.

The manifest of a serial also remembers its episodes, and those that it no longer has, as ``serials`` needs them. They
stand beside what was there before and change the meaning of none of it, so that the schema is still 1.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from narrate import __version__, disk
from narrate.audiobook import Audiobook, ChapterMark, Episode, Serial, milliseconds
from narrate.naming import chapter_file

NAME = "manifest.json"
SCHEMA = 1

_SERIAL = ("feed_guid", "episodes", "retired")
_TEXTS = ("number", "guid", "name", "title", "anchor", "digest", "date")
_NUMBER = re.compile(r"[0-9]{1,9}((\.[0-9]){0,199}\.[1-9])?")


@dataclass(frozen=True, slots=True)
class File:
    """A file of the audiobook: its ``name`` is relative to the manifest, with "/" between folders."""

    name: str
    size: int
    sha256: str
    duration_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a manifest says, read back. ``content`` is everything but the files, the serial and the version of narrate:
    it is equal for two formats of one audiobook.
    """

    files: tuple[File, ...]
    marks: tuple[ChapterMark, ...]
    duration_ms: int
    content: dict[str, Any]
    serial: Serial | None = None


def lines(audiobook: Audiobook, files: Iterable[File]) -> Iterator[str]:
    """The manifest, line by line: a list's entries one to a line, so that a long book is never held as one string."""
    listed, serial = tuple(files), audiobook.serial
    remembered: dict[str, Iterable[dict[str, Any]]] = {}
    if serial is not None:
        remembered = {"episodes": _episodes(audiobook, serial, listed), "retired": map(asdict, serial.retired)}
    head = {"schema": SCHEMA, "narrate": __version__, **_about(audiobook)}
    yield "{\n"
    for name, value in head.items():
        yield f"  {json.dumps(name)}: {_json(value)},\n"
    if serial is not None:
        yield f'  "feed_guid": {_json(serial.guid)},\n'
    lists: dict[str, Iterable[dict[str, Any]]] = {
        "files": map(asdict, listed),
        "chapters": map(asdict, audiobook.marks),
        **remembered,
        "cues": map(asdict, audiobook.cues),
    }
    for place, (name, entries) in enumerate(lists.items(), 1):
        yield f"  {json.dumps(name)}: ["
        separator = "\n"
        for entry in entries:
            yield f"{separator}    {_json(entry)}"
            separator = ",\n"
        yield "\n  ]" if separator != "\n" else "]"
        yield ",\n" if place < len(lists) else "\n"
    yield "}\n"


def _episodes(audiobook: Audiobook, serial: Serial, files: Sequence[File]) -> Iterator[dict[str, Any]]:
    """Each episode with its place in the book: its chapter's index, and its file if it has one of its own."""
    names = {file.name for file in files}
    for index, (episode, track) in enumerate(zip(serial.episodes, audiobook.tracks, strict=True)):
        file = chapter_file(episode.name)
        yield {
            **asdict(episode),
            "file": file if file in names else "",
            "chapter": index,
            "start_ms": milliseconds(track.start, audiobook.rate),
            "duration_ms": milliseconds(track.samples, audiobook.rate),
        }


def _about(audiobook: Audiobook) -> dict[str, object]:
    meta = audiobook.meta
    return {
        "title": meta.title,
        "subtitle": meta.subtitle,
        "authors": meta.authors,
        "contributors": [{"name": name, "role": role} for name, role in meta.contributors],
        "language": meta.language,
        "publisher": meta.publisher,
        "date": meta.date,
        "identifier": meta.identifier,
        "description": meta.description,
        "series": meta.series,
        "series_number": meta.series_number,
        "subjects": meta.subjects,
        "rights": meta.rights,
        "narrator": audiobook.narrator,
        "narration": "synthetic",
        "voices": [{"engine": engine, "model": model, "voice": voice} for engine, model, voice in audiobook.voices],
        "rate": audiobook.rate,
        "duration_ms": audiobook.duration_ms,
    }


def _json(value: object) -> str:
    """One line of JSON. Lone surrogates, which UTF-8 cannot hold, become question marks."""
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace").decode()


def read(path: Path) -> Manifest | None:
    """The manifest at ``path``; None when there is none or it is not one that this version understands."""
    try:
        with disk.open_regular(path) as file:  # a pipe in its place would never end
            content = json.load(file)
        if content.pop("schema") != SCHEMA:
            return None
        content.pop("narrate")
        return Manifest(
            serial=_serial({name: content.pop(name) for name in _SERIAL if name in content}),
            files=tuple(File(**entry) for entry in content.pop("files") if _is_inside(entry["name"])),
            marks=tuple(ChapterMark(**entry) for entry in content["chapters"]),
            duration_ms=int(content["duration_ms"]),
            content=content,
        )
    except (OSError, ArithmeticError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _serial(said: dict[str, Any]) -> Serial | None:
    """What is remembered of a serial; None for a book that is none. ValueError for what nobody can go on from."""
    if "episodes" not in said:
        return None
    episodes, retired = ([_episode(entry) for entry in said[name]] for name in ("episodes", "retired"))
    for given in zip(*((one.number, one.guid) for one in (*episodes, *retired)), strict=True):
        if len(set(given)) < len(given):
            raise ValueError("two episodes of one number")
    return Serial(str(said["feed_guid"]), tuple(episodes), tuple(retired))


def _episode(entry: dict[str, Any]) -> Episode:
    found = Episode(**{name: str(entry[name]) for name in _TEXTS}, order=int(entry["order"]))
    if not _NUMBER.fullmatch(found.number) or not _is_inside(found.name) or re.search(r"[/\0]", found.name):
        raise ValueError(f"{found.number!r}, {found.name!r}: no number and name of a file")
    return found


def _is_inside(name: str) -> bool:
    """Whether ``name`` stays in the manifest's folder: a manifest from elsewhere may not point out of it."""
    path = PurePosixPath(name)
    return bool(path.parts) and not path.is_absolute() and ".." not in path.parts and "\\" not in name


def content_of(audiobook: Audiobook) -> dict[str, Any]:
    """What ``read`` would give as ``content`` of this audiobook's manifest."""
    whole = json.loads("".join(lines(audiobook, ())))
    return {name: value for name, value in whole.items() if name not in {"schema", "narrate", "files", *_SERIAL}}
