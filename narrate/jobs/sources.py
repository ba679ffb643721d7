"""Where books lie: a file, a folder of one book or of many, or a pattern such as ``books/**/*.epub``.

Ten thousand files are listed in a tenth of a second: nothing of them is opened.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from fnmatch import translate
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from narrate.errors import SourceError
from narrate.files import MACHINE_FOLDERS
from narrate.load import LOADERS

_EPUBS = tuple(suffix for suffix, loader in LOADERS.items() if loader == "epub")
_TEXTS = tuple(suffix for suffix, loader in LOADERS.items() if loader != "epub")
_MAGIC = re.compile(r"[*?]|\[[^\]]+\]")
_DIGITS = re.compile(r"(\d+)")
_MOST = 1_000_000
"""Entries that are looked at: a library has fewer, a whole disk more."""
_READS = "narrate reads EPUB (.epub), Markdown (.md) and plain text (.txt), and folders and patterns of these"


class _Entry(NamedTuple):
    path: str
    name: str
    is_folder: bool
    is_link: bool


def is_pattern(path: Path) -> bool:
    """Whether ``path`` is a pattern, and not the name of something that is there: names may hold brackets."""
    return bool(_MAGIC.search(str(path))) and not os.path.lexists(path)


def plain_part(pattern: Path) -> Path:
    """The folder that a pattern looks into: what of it is no pattern."""
    parts = []
    for part in pattern.parts:
        if _MAGIC.search(part):
            break
        parts.append(part)
    return Path(*parts)


def books_at(pattern: Path) -> tuple[Path, ...]:
    """The books that a path names, in natural order; SourceError when there are none.

    A file is a book. A folder is one book when it holds Markdown or text, else each EPUB in it, at any depth, is one.
    Of what a pattern finds, each file with a known suffix is a book, and each folder that is one; text files inside
    such a folder are its parts. ``**`` stands for any folders. Hidden ones are passed over; links to folders are not
    entered where the path does not name them.
    """
    try:
        if is_pattern(pattern):
            return _in_order(_matching(pattern))
        if pattern.is_dir():
            return _in_order(_in_folder(pattern))
        if not pattern.exists():
            raise SourceError(f"{pattern}: there is no such file or folder")
    except (OSError, ValueError) as error:
        where = getattr(error, "filename", None) or pattern
        raise SourceError(f"{where}: cannot be read: {getattr(error, 'strerror', None) or error}") from error
    if pattern.suffix.lower() not in LOADERS:
        raise SourceError(f"{pattern}: is not a book narrate knows; {_READS}")
    return (pattern,)


def _in_folder(folder: Path) -> Iterable[str]:
    if _is_book(str(folder)):
        return [str(folder)]
    found = _once(entry for entry in _below(str(folder)) if _has(entry.path, _EPUBS))
    if not found:
        raise SourceError(f"{folder}: holds no book; {_READS}")
    return found


def _matching(pattern: Path) -> Iterable[str]:
    entries = list(_matches(pattern))
    folders = {entry.path for entry in entries if entry.is_folder and _is_book(entry.path)}
    folders = {folder for folder in folders if not _within(folder, folders)}
    files = _once(entry for entry in entries if not entry.is_folder or _has(entry.path, _EPUBS))
    books = [
        path
        for path in files
        if _has(path, _EPUBS) or (_has(path, _TEXTS) and not (folders and _within(path, folders)))
    ]
    found = [*folders, *(book for book in books if book not in folders)]
    if not found:
        what = "nothing narrate reads" if entries else "nothing"
        raise SourceError(f"{pattern}: finds {what}; for all EPUBs below a folder write for example books/**/*.epub")
    return found


def _within(path: str, folders: set[str]) -> bool:
    """Whether ``path`` lies below one of ``folders``."""
    while path := path.rpartition(os.sep)[0]:
        if path in folders:
            return True
    return False


def _is_book(folder: str) -> bool:
    """Whether a folder is one book, as ``narrate.load`` decides; an unpacked EPUB is left to it, for what it says."""
    if Path(folder, "META-INF", "container.xml").is_file():
        return True
    return any(_has(entry.name, _TEXTS) and not entry.is_folder for entry in _below(folder))


def _matches(pattern: Path) -> Iterable[_Entry]:
    """What a pattern finds. A part of it that is there by this very name is no pattern."""
    here = [_Entry(pattern.anchor, "", True, False)]
    for part in pattern.parts[1:] if pattern.anchor else pattern.parts:
        found = (each for entry in here if entry.is_folder for each in _step(entry.path, part))
        here = list(dict.fromkeys(found))  # ** leads to one folder in several ways
    return here


def _step(folder: str, part: str) -> Iterator[_Entry]:
    """What stands in ``folder`` under the name, or the pattern, ``part``."""
    path = Path(folder, part)
    there = os.path.lexists(path)
    if there or not _MAGIC.search(part):
        if there:
            yield _Entry(str(path), part, path.is_dir(), path.is_symlink())
    elif part == "**":
        yield _Entry(folder, "", True, False)
        yield from (entry for entry in _below(folder) if entry.is_folder and not entry.is_link)
    else:
        fits = re.compile(translate(part)).match
        hidden = part.startswith(".")
        yield from (
            entry for entry in _entries(folder) if fits(entry.name) and (hidden or not entry.name.startswith("."))
        )


def _below(folder: str) -> Iterator[_Entry]:
    """Everything below a folder that is not hidden, and no tool's; EPUBs that are folders are not entered."""
    waiting = [folder]
    looked = 0
    while waiting:
        for entry in _entries(waiting.pop()):
            looked += 1
            if looked > _MOST:
                raise SourceError(f"{folder}: holds more than {_MOST:,} files; name the folder of the books")
            if entry.name.startswith(".") or (entry.is_folder and entry.name.lower() in MACHINE_FOLDERS):
                continue
            if entry.is_folder and not entry.is_link and not _has(entry.name, _EPUBS):
                waiting.append(entry.path)
            yield entry


def _entries(folder: str) -> list[_Entry]:
    with os.scandir(folder or ".") as entries:
        return [_entry(entry, bool(folder)) for entry in entries]


def _entry(entry: os.DirEntry[str], in_folder: bool) -> _Entry:
    link = entry.is_symlink()
    folder = Path(entry.path).is_dir() if link else entry.is_dir()  # a link may lead in a circle, and nowhere
    return _Entry(entry.path if in_folder else entry.name, entry.name, folder, link)


def _has(name: str, suffixes: tuple[str, ...]) -> bool:
    return name.lower().endswith(suffixes)


def _once(entries: Iterable[_Entry]) -> list[str]:
    """The paths, but of links that lead to the same file one, and none where the file itself is among them."""
    plain: list[str] = []
    links: dict[str, str] = {}
    for entry in entries:
        if entry.is_link:
            links.setdefault(os.path.realpath(entry.path), entry.path)
        else:
            plain.append(entry.path)
    if not links:
        return plain
    real = set(map(os.path.realpath, plain))
    return [*plain, *(path for target, path in links.items() if target not in real)]


def _in_order(paths: Iterable[str]) -> tuple[Path, ...]:
    """Chapter 2 before chapter 10, whatever the case. (natsort, which the loaders use, takes seven times as long.)"""
    return tuple(map(Path, sorted(paths, key=_natural)))


def _natural(path: str) -> Any:
    folder, _, name = path.rpartition(os.sep)
    stem, dot, suffix = name.rpartition(".")
    return _folders(folder), _numbered(stem if dot else name), _numbered(suffix if dot else ""), name


@cache
def _folders(folder: str) -> tuple[Any, ...]:
    return tuple(map(_numbered, folder.split(os.sep)))  # noqa: PTH206 (texts: ten thousand of them)


def _numbered(name: str) -> tuple[Any, ...]:
    parts: list[Any] = _DIGITS.split(name.casefold())
    parts[1::2] = map(int, parts[1::2])
    return tuple(parts)
