"""What lies on the disk of a book: its inputs' stamps, and digests where stamps have changed; its published files.

Stamps are size, time of change and time of the inode's change, so that a file put back with its old time is noticed.
A file is read only when its stamp is not the one on record: ten thousand books are looked at in a fraction of a second.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from narrate import disk
from narrate.library.records import Input, Output, Record

MOST_FILES = 20_000
"""Files of a folder that are looked at: beyond that it is no book, and loading it will say so."""


_MADE = (".mp3", ".m4b", "manifest.json", "feed.xml", "cover.jpg", "cover.png")
"""How names end of what narrate makes: an output inside a book's own folder is no change of the book."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """What was seen of a book. ``missing`` is the first published file that is gone or not as it was; "" when all are
    there. ``there``: whether its source exists.
    """

    inputs: tuple[Input, ...]
    there: bool
    missing: str


def look(names: Iterable[tuple[str, str]], record: Record | None, output: str) -> Sighting:
    """See what lies on the disk. ``names`` are the inputs, each as (its name in records, its path), the source first.

    With a ``record`` digests are taken from it where the stamp has not changed, and read where it has.
    """
    known = {item.name: item for item in record.inputs} if record else {}
    inputs = []
    for name, path in names:
        stamp = stamp_of(path)
        before = known.get(name)
        if before is None or not stamp:
            inputs.append(Input(name, stamp, ""))
        elif before.stamp == stamp:
            inputs.append(before)
        else:
            inputs.append(Input(name, stamp, digest(path) if before.digest else ""))
    missing = _missing(record, output) if record and record.outputs else ""
    return Sighting(tuple(inputs), bool(inputs) and bool(inputs[0].stamp), missing)


def with_digests(inputs: Iterable[Input], names: Iterable[tuple[str, str]]) -> tuple[Input, ...]:
    """``inputs`` with the digests that are not known yet, to be put on record.

    What has changed since it was seen gets none: nobody knows which bytes were narrated, so it is due again.
    """
    paths = dict(names)
    return tuple(
        item._replace(digest=_digest_of(paths[item.name], item.stamp)) if item.stamp and not item.digest else item
        for item in inputs
    )


def _digest_of(path: str, stamp: str) -> str:
    found = digest(path) if stamp_of(path) == stamp else ""
    return found if stamp_of(path) == stamp else ""


def outputs(folder: Path, names: Iterable[str]) -> tuple[Output, ...]:
    """The files ``names`` in ``folder``, as they are now."""
    found = []
    for name in names:
        with suppress(OSError):
            seen = (folder / name).stat()
            found.append(Output(name, seen.st_size, seen.st_mtime_ns))
    return tuple(found)


def _missing(record: Record, output: str) -> str:
    folder = os.path.join(output, record.folder)  # noqa: PTH118 (ten thousand Paths take longer than the looking)
    for name, size, time in record.outputs:
        try:
            seen = os.stat(f"{folder}/{name}")  # noqa: PTH116
        except (OSError, ValueError):  # a name that no file has: the record is damaged
            return name
        if seen.st_size != size or seen.st_mtime_ns != time:
            return name
    return ""


def stamp_of(path: str) -> str:
    """Size and times of a file, or of all files of a folder; "" when there is nothing."""
    try:
        seen = os.stat(path)  # noqa: PTH116
    except (OSError, ValueError):
        return ""
    if not stat.S_ISDIR(seen.st_mode):
        return _times(seen)
    together = hashlib.sha256()
    for name, entry in _files(path):
        with suppress(OSError):
            together.update(f"{name}\0{_times(entry.stat())}\n".encode("utf-8", "surrogateescape"))
    return together.hexdigest()[:32]


def _times(seen: os.stat_result) -> str:
    return f"{seen.st_size}.{seen.st_mtime_ns}.{seen.st_ctime_ns}"


def digest(path: str) -> str:
    """SHA-256, in hex, of a file's bytes, or of a folder's names and bytes; "" when it cannot be read."""
    together = hashlib.sha256()
    try:
        if not Path(path).is_dir():
            return _digest(Path(path))
        for name, entry in _files(path):
            together.update(f"{name}\0{_digest(Path(entry.path))}\n".encode("utf-8", "surrogateescape"))
    except (OSError, disk.NotAFile):
        return ""
    return together.hexdigest()


def _digest(path: Path) -> str:
    with disk.open_regular(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]  # it is a BufferedReader


def _files(folder: str) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """The files below ``folder`` by their relative names, sorted; hidden ones and linked folders are passed over."""
    found: list[tuple[str, os.DirEntry[str]]] = []
    waiting = [("", folder)]
    while waiting and len(found) < MOST_FILES:
        prefix, here = waiting.pop()
        with suppress(OSError), os.scandir(here) as entries:
            for entry in entries:
                if entry.name.startswith(".") or entry.name.endswith(_MADE):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    waiting.append((f"{prefix}{entry.name}/", entry.path))
                elif entry.is_file():
                    found.append((f"{prefix}{entry.name}", entry))
    return iter(sorted(found, key=lambda pair: pair[0]))
