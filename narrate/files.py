"""BRICK: the text files of a book, one or a folder of them: within bounds, in natural order, never outside it."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from natsort import natsort_keygen, ns

from narrate.bounds import BOUNDS, MEBIBYTE, Bounds
from narrate.errors import SourceError

# Folders that tools fill and that hold no part of a book; hidden ones (".git") are passed over as well.
MACHINE_FOLDERS = frozenset(["node_modules", "_site", "__macosx", "__pycache__", "_includes", "_layouts", "_sass"])
# Entries of a folder that are looked at for every file that may be read: pictures and listings stand beside the text.
_ENTRIES_PER_FILE = 20
# A pipe that stands where a file stood must not keep us waiting; Windows knows neither flag.
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
_natural = natsort_keygen(alg=ns.PATH | ns.IGNORECASE)


def read_file(path: Path, bounds: Bounds = BOUNDS) -> bytes:
    """The file's bytes; SourceError when it is missing, no plain file, empty or larger than ``bounds.file``.

    What a file loses or gains while it is read does no harm: at most one byte more than the bound is ever taken.
    """
    try:
        if not path.is_file():
            raise SourceError(f"{path}: there is no such file" if not path.exists() else f"{path}: is not a file")
        data = _bytes(path, bounds.file + 1)
    except (OSError, ValueError) as error:
        raise SourceError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from error
    if len(data) > bounds.file:
        raise SourceError(f"{path}: is larger than {_size(bounds.file)}; it is no book, or raise bounds.file")
    if not data.strip():
        raise SourceError(f"{path}: is empty")
    if max(data.count(b"\n"), data.count(b"\r")) > bounds.elements:
        raise SourceError(f"{path}: has more than {bounds.elements:,} lines; it is no book, or raise bounds.elements")
    return data


def text_files(folder: Path, suffixes: Sequence[str], bounds: Bounds = BOUNDS) -> list[Path]:
    """The folder's files with one of ``suffixes``, at any depth, in natural order; no hidden ones, no links out.

    A file that is reached twice, by a link inside the folder, is listed once.
    """
    try:
        found = sorted(_inside(folder, suffixes, bounds), key=lambda path: natural(path.relative_to(folder).as_posix()))
    except OSError as error:
        raise SourceError(f"{folder}: cannot be read: {error.strerror}") from error
    if len(found) > bounds.files:
        raise SourceError(f"{folder}: holds more than {bounds.files:,} files; name the folder of one book")
    return found


def inside(folder: Path, name: str) -> Path | None:
    """The file ``name`` (a path written in a book) below ``folder``, or None when it is not there or leads out."""
    try:
        path = (folder / name).resolve()
        return path if path.is_relative_to(folder.resolve()) and path.is_file() else None
    except (OSError, ValueError, RuntimeError):  # RuntimeError: links that lead in a circle
        return None


def natural(name: str) -> Any:
    """Sorting key: chapter2 before chapter10, whatever the case."""
    return _natural(name)


def _bytes(path: Path, limit: int) -> bytes:
    with os.fdopen(os.open(path, _FLAGS), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise SourceError(f"{path}: is not a file")
        return file.read(limit)


def _inside(folder: Path, suffixes: Sequence[str], bounds: Bounds) -> Iterator[Path]:
    """Linked folders are not entered, so none can lead in a circle."""
    root = folder.resolve()
    seen: set[Path] = set()
    waiting = [folder]
    looked = 0
    while waiting:
        here = waiting.pop()
        with os.scandir(here) as entries:
            for entry in entries:
                looked += 1
                if looked > bounds.files * _ENTRIES_PER_FILE:
                    raise SourceError(f"{folder}: holds far more files than a book; name the folder of one book")
                path = here / entry.name
                if entry.name.startswith("."):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    if entry.name.lower() not in MACHINE_FOLDERS:
                        waiting.append(path)
                elif path.suffix.lower() in suffixes and (real := _real(path, root)) and real not in seen:
                    seen.add(real)
                    yield path


def _real(path: Path, root: Path) -> Path | None:
    try:
        real = path.resolve()
        return real if path.is_file() and real.is_relative_to(root) else None
    except (OSError, ValueError, RuntimeError):
        return None


def _size(count: int) -> str:
    return f"{count // MEBIBYTE} MiB" if count >= MEBIBYTE else f"{count:,} bytes"
