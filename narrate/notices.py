"""What hooks are told of a book: its manifest's summary, for programs, and a sentence or a few, for people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from narrate import __version__, manifest
from narrate.errors import shown
from narrate.hooks import Event, Notice

SCHEMA = 1
"""Of payloads; raised when a reader of the old form would be misled."""

_LONG = frozenset(("cues", "chapters", "episodes", "retired"))


def notice(event: Event, subject: str, text: str = "", **payload: Any) -> Notice:
    """A notice of ``event``; ``text`` is ``subject`` where there is no more to say."""
    head = {"schema": SCHEMA, "narrate": __version__, "event": event}
    return Notice(event, shown(subject, 200), text or subject, {**head, **payload})


def summary(folder: Path) -> dict[str, Any]:
    """What the manifest in ``folder`` says of the whole book: all but its chapters and cues, which are counted. {} when
    there is none.
    """
    found = manifest.read(folder / manifest.NAME)
    if found is None:
        return {}
    about = {name: value for name, value in found.content.items() if name not in _LONG}
    return {
        **about,
        "chapters": len(found.marks),
        "folder": str(folder.absolute()),
        "files": [asdict(file) for file in found.files],
    }


def of_chapter(source: str, book: str, number: int, of: int, title: str) -> Notice:
    """A chapter is finished."""
    chapter = {"number": number, "of": of, "title": title}
    return notice("chapter", f"{book}: chapter {number} of {of}: {title}", source=source, chapter=chapter)


def of_start(source: str, book: str, expected: Mapping[str, Any]) -> Notice:
    """A book is begun."""
    return notice("start", f"narrating {book}", source=source, expected=dict(expected))


def of_failure(source: str, book: str, error: str, exit_code: int) -> Notice:
    """A book was not made."""
    told = error if book in error else f"{book}: {error}"
    return notice("failed", f"failed: {book}", told, source=source, error=error, exit_code=exit_code)


def of_success(source: str, book: Mapping[str, Any], told: str, **counts: Any) -> Notice:
    """A book was made; ``book`` is its ``summary``."""
    return notice("done", f"made: {book.get('title') or source}", told, source=source, book=dict(book), **counts)
