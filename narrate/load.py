"""VERB: a path to a Book. One table says which loader reads which suffix."""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import cast

from narrate.book import Book
from narrate.bounds import BOUNDS, Bounds
from narrate.errors import SourceError, shown
from narrate.loaders import Loader

# suffix -> module of narrate.loaders; imported when it is needed, since parsers are slow to import
LOADERS = {
    ".epub": "epub",
    ".kepub": "epub",
    ".md": "markdown",
    ".markdown": "markdown",
    ".mdown": "markdown",
    ".mkd": "markdown",
    ".txt": "plain",
    ".text": "plain",
}
# What a folder may hold to be one book; the first that is found decides.
_FOLDER_SUFFIXES = (".md", ".markdown", ".mdown", ".mkd", ".txt", ".text")
_READS = "narrate reads EPUB (.epub), Markdown (.md) and plain text (.txt), or a folder of Markdown or text files"


def load(path: Path, bounds: Bounds = BOUNDS) -> Book:
    """Read the book at ``path``; SourceError with one sentence when it cannot be read, or is larger than ``bounds``.

    Nothing that it says of the book would drive a terminal.
    """
    try:
        book = _loader(_suffix(path))(path, bounds)
    except SourceError as error:
        raise SourceError(shown(str(error))) from error
    except MemoryError as error:
        raise SourceError(f"{shown(str(path))}: takes more memory than there is; it is no readable book") from error
    return replace(book, warnings=tuple(map(shown, book.warnings)))


def _suffix(path: Path) -> str:
    try:
        if path.is_dir():
            return _folder_suffix(path)
        if not path.exists():
            raise SourceError(f"{path}: there is no such file")
        if not path.is_file():
            raise SourceError(f"{path}: is no file but a pipe, a socket or a device; {_READS}")
    except (OSError, ValueError) as error:
        raise SourceError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from error
    suffix = path.suffix.lower()
    if suffix not in LOADERS:
        raise SourceError(f"{path}: is not a book narrate knows; {_READS}")
    return suffix


def _folder_suffix(folder: Path) -> str:
    if (folder / "META-INF" / "container.xml").is_file():
        raise SourceError(f"{folder}: is an unpacked EPUB; zip it, or name the .epub file it came from")
    found = {path.suffix.lower() for path in folder.rglob("*") if path.is_file() and not path.name.startswith(".")}
    for suffix in _FOLDER_SUFFIXES:
        if suffix in found:
            return suffix
    if ".epub" in found:
        raise SourceError(f"{folder}: is a folder with EPUB files; name the files themselves")
    raise SourceError(f"{folder}: holds no book; {_READS}")


def _loader(suffix: str) -> Loader:
    return cast(Loader, import_module(f"narrate.loaders.{LOADERS[suffix]}").load)
