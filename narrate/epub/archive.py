"""The ZIP file under an EPUB, opened as something hostile: what it claims is looked at before it costs memory."""

from __future__ import annotations

import contextlib
import os
import stat
import struct
import zipfile
from pathlib import Path
from typing import IO

from narrate.bounds import Bounds
from narrate.errors import SourceError

# APPNOTE.TXT 4.3: the end record and its 64-bit form, and where their fields lie.
_END, _END_SIZE = b"PK\5\6", 22
_LOCATOR, _LOCATOR_SIZE = b"PK\6\7", 20
_END64, _END64_SIZE = b"PK\6\6", 56
_ENTRY = b"PK\1\2"
_LOCAL = b"PK\3\4"
_COMMENT = 1 << 16
# Room for each name in the central directory, beyond the 46 bytes every entry has: paths in books stay under 200.
_ENTRY_ROOM = 1_024

_KINDS = (
    (60, (b"BOOKMOBI", b"TEXtREAd"), "a Kindle book (MOBI); narrate reads EPUB"),
    (0, (b"TPZ0",), "a Kindle book (Topaz); narrate reads EPUB"),
    (0, (b"\xeaDRMION\xee", b"CONT\2"), "a Kindle book (KFX); narrate reads EPUB"),
    (0, (b"ITOLITLS",), "a Microsoft Reader book; narrate reads EPUB"),
    (0, (b"%PDF",), "a PDF; narrate reads EPUB"),
    (0, (b"Rar!", b"7z\xbc\xaf", b"\x1f\x8b"), "an archive of another kind than ZIP, so it is no EPUB"),
    (0, (b"{\\rtf",), "a rich text file; narrate reads EPUB, Markdown and plain text"),
)
_MARKUP = (b"<!doctype html", b"<html", b"<?xml")
_WHOLE = "fetch it again, or export it as EPUB"


def open_archive(path: Path, bounds: Bounds) -> zipfile.ZipFile:
    """Open the ZIP file at ``path``; SourceError with a sentence when it is none, or claims more files than a book."""
    try:
        source = _open_regular(path)
    except FileNotFoundError as error:
        raise SourceError(f"{path}: there is no such file") from error
    except (OSError, ValueError) as error:
        raise SourceError(f"{path}: cannot be opened: {getattr(error, 'strerror', None) or error}") from error
    with contextlib.ExitStack() as closing:
        closing.enter_context(source)
        try:
            _check_claims(source, path, bounds)
            archive = zipfile.ZipFile(source)
        except (zipfile.BadZipFile, struct.error) as error:
            raise SourceError(_what_it_is(source, path, error)) from error
        except (OSError, ValueError, NotImplementedError, MemoryError) as error:
            raise SourceError(f"{path}: cannot be opened: {error}") from error
        closing.pop_all()
        return archive


def _open_regular(path: Path) -> IO[bytes]:
    """Open without ever waiting: a pipe would block for a writer, a device may never end."""
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISREG(mode):
        return os.fdopen(descriptor, "rb")
    os.close(descriptor)
    if stat.S_ISDIR(mode):
        raise ValueError("it is a folder; zip what is in it")
    raise ValueError("it is no file but a pipe, a socket or a device")


def has_end(source: IO[bytes]) -> bool:
    """Whether the end of a ZIP is there: a copy that is not complete yet lacks it."""
    return _END in _tail(source)[1]


def _tail(source: IO[bytes]) -> tuple[int, bytes]:
    """What a ZIP's end record is found in, and where that starts."""
    size = source.seek(0, os.SEEK_END)
    start = max(0, size - _COMMENT - _END_SIZE - _LOCATOR_SIZE - _END64_SIZE)
    source.seek(start)
    return start, source.read()


def _check_claims(source: IO[bytes], path: Path, bounds: Bounds) -> None:
    """Refuse too many files before their names are in memory: by the end record's count, and by counting."""
    start, tail = _tail(source)
    size = start + len(tail)
    at = tail.rfind(_END)
    if at < 0 or len(tail) < at + _END_SIZE:
        return  # zipfile will say so
    count, length, offset = struct.unpack_from("<HLL", tail, at + 10)
    where = start + at - length
    locator = at - _LOCATOR_SIZE
    if locator >= 0 and tail.startswith(_LOCATOR, locator):
        (end64,) = struct.unpack_from("<Q", tail, locator + 8)
        source.seek(min(end64, size))
        record = source.read(_END64_SIZE)
        if record.startswith(_END64) and len(record) == _END64_SIZE:
            count, length, offset = struct.unpack_from("<QQQ", record, 32)
            where = offset
    if count <= bounds.members and length <= bounds.members * _ENTRY_ROOM:
        source.seek(max(0, where))
        count = max(count, source.read(length).count(_ENTRY))
    source.seek(0)
    if count > bounds.members or length > bounds.members * _ENTRY_ROOM:
        claimed = f"{count:,} files" if count > bounds.members else "a list of files without end"
        raise SourceError(f"{path}: holds {claimed}, more than {bounds.members:,}; it is no book")


def _what_it_is(source: IO[bytes], path: Path, error: Exception) -> str:
    source.seek(0)
    head = source.read(1024)
    if not head:
        return f"{path}: is empty"
    for place, starts, sentence in _KINDS:
        if head[place:].startswith(starts):
            return f"{path}: is {sentence}"
    if head.lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith(_MARKUP):
        return f"{path}: is a web page and not a ZIP file, so it is no EPUB"
    if head.startswith(_LOCAL):
        return f"{path}: is cut off or damaged ({error}), not a ZIP file that can be read; {_WHOLE}"
    return f"{path}: is not a ZIP file, so it is no EPUB"
