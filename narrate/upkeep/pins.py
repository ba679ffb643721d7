"""Pins: books whose speech stays in the store whatever is pruned.

A pin is a file under ``pins/`` in the store that holds the keys themselves, so that it works when the book's folder has
moved or is gone.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from narrate import disk, manifest
from narrate.errors import JobError, StoreError
from narrate.publish import RETIRED

FOLDER = "pins"
SCHEMA = 1


@dataclass(frozen=True, slots=True)
class Pin:
    """A book that is kept: its title, whence it was pinned, and the keys of all its segments."""

    name: str
    title: str
    source: str
    keys: tuple[str, ...]


def pin(store: Path, book: Path) -> Pin:
    """Keep the speech of the published ``book``: its folder, or its manifest. Pinning again replaces the pin."""
    path = _manifest_in(book)
    found = manifest.read(path)
    if found is None:
        raise JobError(f"{path}: is no manifest of a published book; name the folder of a finished one")
    source = str(path.parent.resolve())
    name = hashlib.sha256(source.encode("utf-8", "surrogateescape")).hexdigest()[:12]
    title = str(found.content.get("title", ""))
    made = Pin(name, title, source.encode("utf-8", "replace").decode(), tuple(sorted(keys_of(found))))
    try:
        disk.make_folder(store / FOLDER)
        disk.replace_file(_path(store, name), json.dumps({"schema": SCHEMA, **asdict(made)}, indent=1))
    except OSError as error:
        raise StoreError(f"{store / FOLDER}: the pin cannot be written: {error.strerror}") from error
    return made


def unpin(store: Path, which: str) -> tuple[Pin, ...]:
    """Remove the pins of ``which``: a pin's name, a book's title, or the path it was pinned by. JobError if none is."""
    path = Path(which)
    sources = {str(path.resolve()), str(path.parent.resolve()) if path.name == manifest.NAME else ""}
    gone = tuple(pin for pin in pins(store) if which in (pin.name, pin.title) or pin.source in sources)
    if not gone:
        raise JobError(f"{which}: is not pinned; `narrate store pins` lists what is")
    for found in gone:
        try:
            _path(store, found.name).unlink(missing_ok=True)
        except OSError as error:
            raise StoreError(f"{_path(store, found.name)}: cannot be removed: {error.strerror}") from error
    return gone


def pins(store: Path) -> Iterator[Pin]:
    """All pins, by name. StoreError at one that cannot be understood: nobody knows what it was to keep."""
    folder = store / FOLDER
    for path in sorted(folder.glob("*.json")) if folder.is_dir() else ():
        yield read(path)


def read(path: Path) -> Pin:
    """One pin; StoreError when it is damaged."""
    try:
        with disk.open_regular(path) as file:
            return _understood(json.load(file))
    except OSError as error:
        raise disk.trouble(path, error) from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise StoreError(f"{path}: the pin is damaged; remove it, and pin its book again") from error


def _understood(said: dict[str, Any]) -> Pin:
    if said.pop("schema") != SCHEMA or not all(isinstance(key, str) for key in said["keys"]):
        raise ValueError("another form")
    return Pin(**{**said, "keys": tuple(said["keys"])})


def pinned(store: Path) -> frozenset[str]:
    """The keys of all segments that a pin keeps."""
    return frozenset(key for found in pins(store) for key in found.keys)


def needed(folders: Iterable[Path]) -> frozenset[str]:
    """The keys of all segments that a published book below ``folders`` is made of.

    JobError where that cannot be known: there is no book, or a manifest is damaged.
    """
    keys: set[str] = set()
    for folder in folders:
        paths = [path for name in (manifest.NAME, RETIRED) for path in sorted(folder.rglob(name))]
        found = [(path, manifest.read(path)) for path in paths]
        for path, read_back in found:
            if read_back is None and not _is_foreign(path):
                raise JobError(f"{path}: cannot be read, so nobody knows what it needs; nothing is pruned")
        books = [read_back for _, read_back in found if read_back is not None]
        if not books:
            raise JobError(f"{folder}: holds no published book, so that everything would go; is it the right folder?")
        keys.update(key for book in books for key in keys_of(book))
    return frozenset(keys)


def keys_of(book: manifest.Manifest) -> set[str]:
    """The keys of a book's segments."""
    return {str(cue["key"]) for cue in book.content.get("cues", ())}


def _is_foreign(path: Path) -> bool:
    """Whether a file of that name is sound and none of narrate's: web pages and players have a manifest.json too."""
    try:
        with disk.open_regular(path) as file:
            content = json.load(file)
    except (OSError, ValueError, RecursionError):
        return False
    return not (isinstance(content, dict) and "narrate" in content)


def _manifest_in(book: Path) -> Path:
    return book / manifest.NAME if book.is_dir() else book


def _path(store: Path, name: str) -> Path:
    return store / FOLDER / f"{name}.json"
