"""BRICK: the manifest, an audiobook as JSON: what its files are and where in them everything is heard.

It is the only thing later steps need. The bytes depend on the audiobook and its files alone: no date, no host, no
absolute path. ``schema`` is raised when a reader of the old form would be misled.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from narrate import __version__, disk
from narrate.audiobook import Audiobook, ChapterMark

NAME = "manifest.json"
SCHEMA = 1


@dataclass(frozen=True, slots=True)
class File:
    """A file of the audiobook: its ``name`` is relative to the manifest, with "/" between folders."""

    name: str
    size: int
    sha256: str
    duration_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a manifest says, read back. ``content`` is everything but the files and the version of narrate."""

    files: tuple[File, ...]
    marks: tuple[ChapterMark, ...]
    duration_ms: int
    content: dict[str, Any]


def lines(audiobook: Audiobook, files: Iterable[File]) -> Iterator[str]:
    """The manifest, line by line: a list's entries one to a line, so that a long book is never held as one string."""
    head = {"schema": SCHEMA, "narrate": __version__, **_about(audiobook)}
    yield "{\n"
    for name, value in head.items():
        yield f"  {json.dumps(name)}: {_json(value)},\n"
    lists: dict[str, Iterable[object]] = {
        "files": files,
        "chapters": audiobook.marks,
        "cues": audiobook.cues,
    }
    for place, (name, entries) in enumerate(lists.items(), 1):
        yield f"  {json.dumps(name)}: ["
        separator = "\n"
        for entry in entries:
            yield f"{separator}    {_json(asdict(entry))}"  # type: ignore[call-overload]
            separator = ",\n"
        yield "\n  ]" if separator != "\n" else "]"
        yield ",\n" if place < len(lists) else "\n"
    yield "}\n"


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
            files=tuple(File(**entry) for entry in content.pop("files") if _is_inside(entry["name"])),
            marks=tuple(ChapterMark(**entry) for entry in content["chapters"]),
            duration_ms=int(content["duration_ms"]),
            content=content,
        )
    except (OSError, ArithmeticError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _is_inside(name: str) -> bool:
    """Whether ``name`` stays in the manifest's folder: a manifest from elsewhere may not point out of it."""
    path = PurePosixPath(name)
    return bool(path.parts) and not path.is_absolute() and ".." not in path.parts and "\\" not in name


def content_of(audiobook: Audiobook) -> dict[str, Any]:
    """What ``read`` would give as ``content`` of this audiobook's manifest."""
    whole = json.loads("".join(lines(audiobook, ())))
    return {name: value for name, value in whole.items() if name not in {"schema", "narrate", "files"}}
