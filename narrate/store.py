"""Segments and encoded chapters on disk, each under its key; written once, atomic, self-checking.

An entry is one file: the payload (a segment's is a playable FLAC or MP3), then a JSON header, then a footer of fixed
length: the header's length (8 bytes, big-endian), the SHA-256 of the header (32 bytes) and the magic number (8). The
header holds the payload's size and SHA-256, so reading the header alone is checked, and reading the payload is too.
A file appears under its name only when it is complete and on disk (fsync of file and folder, then rename), so any
number of processes may share a store without locks. A bad entry is a miss: it is set aside under ``bad/`` and reported.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal

from narrate.errors import StoreError

MAGIC = b"NARRATE1"
_FOOTER = 8 + 32 + len(MAGIC)

Kind = Literal["segments", "blobs"]


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry whose header has been read and checked. The payload is ``size`` bytes from the start of ``path``."""

    key: str
    path: Path
    size: int
    digest: str
    header: dict[str, Any]

    def read(self) -> bytes:
        """The payload, checked against its digest; StoreError when it does not match."""
        try:
            with self.path.open("rb") as file:
                payload = file.read(self.size)
        except OSError as error:
            raise StoreError(f"{self.path}: cannot be read: {error.strerror}") from error
        if hashlib.sha256(payload).hexdigest() != self.digest:
            raise StoreError(
                f"{self.path}: is damaged: its audio does not match its digest; run `narrate store verify`"
            )
        return payload


class _Hashing:
    """A file that hashes what is written to it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._hash = hashlib.sha256()
        self.size = 0

    def write(self, data: bytes) -> int:
        self._hash.update(data)
        self.size += len(data)
        return self._file.write(data)

    @property
    def digest(self) -> str:
        return self._hash.hexdigest()


class Store:
    """A folder of entries. Opening one creates the folder; it may be opened by any number of processes.

    ``report`` is told, in a sentence, of every bad entry that was set aside.
    """

    def __init__(self, folder: Path, report: Callable[[str], None] = lambda sentence: None) -> None:
        self.folder = folder
        self._report = report
        try:
            for kind in ("segments", "blobs", "tmp"):
                (folder / kind).mkdir(parents=True, exist_ok=True)
            self._clear_scratch()
        except OSError as error:
            raise StoreError(
                f"{folder}: the store cannot be opened: {error.strerror}; choose another folder with --store"
            ) from error

    def _clear_scratch(self) -> None:
        """Remove what killed writers left behind; a day is longer than any writing takes."""
        for path in (self.folder / "tmp").iterdir():
            with suppress(FileNotFoundError):
                if time.time() - path.stat().st_mtime > 86_400:
                    path.unlink()

    def path(self, kind: Kind, key: str) -> Path:
        """Where the entry of ``key`` lies, if it does."""
        return self.folder / kind / key[:2] / key

    def get(self, kind: Kind, key: str) -> Entry | None:
        """The entry of ``key``, or None when there is none or it is damaged (then it is set aside)."""
        path = self.path(kind, key)
        try:
            return _read_header(key, path)
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            self.set_aside(path, str(error))
            return None

    def set_aside(self, path: Path, why: str) -> None:
        """Move a damaged entry to ``bad/`` so that it is made anew, and report it."""
        bad = self.folder / "bad"
        self._report(f"{path.name}: damaged ({why}); set aside in {bad} and made anew")
        try:
            bad.mkdir(exist_ok=True)
            target = bad / path.name
            if target.exists():
                target = Path(tempfile.mkdtemp(dir=bad)) / path.name
            path.replace(target)
        except FileNotFoundError:
            return
        except OSError as error:
            raise StoreError(f"{path}: is damaged and cannot be set aside: {error.strerror}") from error

    @contextmanager
    def create(self, kind: Kind, key: str, header: dict[str, Any]) -> Iterator[_Hashing]:
        """Write the payload of ``key`` to the file this yields; the entry exists when the block ends well.

        ``header`` may be filled while writing. An existing entry is left as it is: the first answer counts. Raises
        StoreError when the disk is full or refuses.
        """
        path = self.path(kind, key)
        scratch: Path | None = None
        try:
            path.parent.mkdir(exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=self.folder / "tmp", prefix=key[:16], delete=False) as file:
                scratch = Path(file.name)
                hashing = _Hashing(file)  # type: ignore[arg-type]
                yield hashing
                encoded = json.dumps(
                    {**header, "key": key, "size": hashing.size, "sha256": hashing.digest}, sort_keys=True
                ).encode()
                file.write(encoded)
                file.write(len(encoded).to_bytes(8, "big") + hashlib.sha256(encoded).digest() + MAGIC)
                file.flush()
                os.fsync(file.fileno())
            if not path.exists():
                scratch.replace(path)
                scratch = None
                sync_folder(path.parent)
        except OSError as error:
            raise StoreError(f"{self.folder}: cannot be written: {error.strerror}; nothing stored was lost") from error
        finally:
            if scratch is not None:
                scratch.unlink(missing_ok=True)

    def put(self, kind: Kind, key: str, header: dict[str, Any], payload: bytes) -> Entry:
        """Store ``payload`` under ``key`` and return the entry that now is there."""
        with self.create(kind, key, header) as file:
            file.write(payload)
        entry = self.get(kind, key)
        if entry is None:
            raise StoreError(f"{self.folder}: what was written for {key[:12]} cannot be read back; check the disk")
        return entry

    @contextmanager
    def claimed(self, key: str) -> Iterator[None]:
        """Hold ``key``: whoever else wants it, in this process or another, waits until the block ends."""
        yield

    def check_room(self) -> None:
        """StoreError when the disk is so full that an answer might not be kept."""

    def entries(self, kind: Kind) -> Iterator[Path]:
        """Every entry's file, in order of key."""
        for shelf in sorted((self.folder / kind).glob("[0-9a-f][0-9a-f]")):
            yield from sorted(shelf.glob(f"{shelf.name}*"))


def _read_header(key: str, path: Path) -> Entry:
    with path.open("rb") as file:
        end = file.seek(0, os.SEEK_END)
        if end < _FOOTER:
            raise ValueError("too short")
        file.seek(max(0, end - 4096))
        last = file.read()
        footer = last[-_FOOTER:]
        length = int.from_bytes(footer[:8], "big")
        if footer[40:] != MAGIC or length > end - _FOOTER:
            raise ValueError("no footer")
        if length + _FOOTER > len(last):
            file.seek(end - _FOOTER - length)
            last = file.read()
    encoded = last[-_FOOTER - length : -_FOOTER]
    if hashlib.sha256(encoded).digest() != footer[8:40]:
        raise ValueError("header does not match its digest")
    header = json.loads(encoded)
    if header["key"] != key or header["size"] != end - _FOOTER - length:
        raise ValueError("header does not fit the file")
    return Entry(key, path, header["size"], header["sha256"], header)


def sync_folder(folder: Path) -> None:
    """Make a rename inside ``folder`` durable (on Windows a folder cannot be opened, and need not be)."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
