"""VERB: a path to a Book. One table says which loader reads which suffix."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import cast

from narrate.book import Book
from narrate.errors import SourceError
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


def load(path: Path) -> Book:
    """Read the book at ``path``; SourceError with one sentence when it cannot be read."""
    return _loader(_suffix(path))(path)


def _suffix(path: Path) -> str:
    try:
        if path.is_dir():
            return _folder_suffix(path)
        if not path.exists():
            raise SourceError(f"{path}: there is no such file")
    except (OSError, ValueError) as error:
        raise SourceError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from error
    suffix = path.suffix.lower()
    if suffix not in LOADERS:
        raise SourceError(f"{path}: is not a book narrate knows; {_READS}")
    return suffix


def _folder_suffix(folder: Path) -> str:
    found = {path.suffix.lower() for path in folder.rglob("*") if path.is_file() and not path.name.startswith(".")}
    for suffix in _FOLDER_SUFFIXES:
        if suffix in found:
            return suffix
    if (folder / "META-INF").is_dir():
        raise SourceError(f"{folder}: is an unpacked EPUB; zip it, or name the .epub file it came from")
    if ".epub" in found:
        raise SourceError(f"{folder}: is a folder with EPUB files; name the files themselves")
    raise SourceError(f"{folder}: holds no book; {_READS}")


def _loader(suffix: str) -> Loader:
    return cast(Loader, import_module(f"narrate.loaders.{LOADERS[suffix]}").load)
