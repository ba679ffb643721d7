"""BRICK: the text files of a book, one or a folder of them: within limits, in natural order, never outside it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from natsort import natsort_keygen, ns

from narrate.errors import SourceError

MEBIBYTE = 1 << 20
MAX_FILE = 16 * MEBIBYTE  # three million words; the longest novels have two
MAX_FILES = 5_000
_natural = natsort_keygen(alg=ns.PATH | ns.IGNORECASE)


def read_file(path: Path) -> bytes:
    """The file's bytes; SourceError when it is missing, no file, empty or larger than a book."""
    try:
        if not path.is_file():
            raise SourceError(f"{path}: there is no such file" if not path.exists() else f"{path}: is not a file")
        size = path.stat().st_size
        if size > MAX_FILE:
            raise SourceError(f"{path}: is larger than {MAX_FILE // MEBIBYTE} MiB; it is no book")
        data = path.read_bytes()
    except (OSError, ValueError) as error:
        raise SourceError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from error
    if not data.strip():
        raise SourceError(f"{path}: is empty")
    return data


def text_files(folder: Path, suffixes: Sequence[str]) -> list[Path]:
    """The folder's files with one of ``suffixes``, at any depth, in natural order; no hidden ones, no links out."""
    try:
        found = sorted(_inside(folder, suffixes), key=lambda path: _natural(path.relative_to(folder).as_posix()))
    except OSError as error:
        raise SourceError(f"{folder}: cannot be read: {error.strerror}") from error
    if len(found) > MAX_FILES:
        raise SourceError(f"{folder}: holds more than {MAX_FILES:,} files; name the folder of one book")
    return found


def inside(folder: Path, name: str) -> Path | None:
    """The file ``name`` (a path written in a book) below ``folder``, or None when it is not there or leads out."""
    try:
        path = (folder / name).resolve()
        return path if path.is_relative_to(folder.resolve()) and path.is_file() else None
    except (OSError, ValueError):
        return None


def _inside(folder: Path, suffixes: Sequence[str]) -> Iterator[Path]:
    root = folder.resolve()
    for path in folder.rglob("*"):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if path.suffix.lower() in suffixes and not hidden and path.is_file() and path.resolve().is_relative_to(root):
            yield path
