"""Segments and encoded chapters on disk, each under its key; written once, atomic, self-checking.

An entry is one file: the payload (a segment's is a playable FLAC or MP3), then a JSON header, then a footer of fixed
length: the header's length (8 bytes, big-endian), the SHA-256 of the header (32 bytes) and the magic number (8). The
header holds the payload's size and SHA-256, so reading the header alone is checked, and reading the payload is too.
A file appears under its name only when it is complete and on disk (fsync of the file, rename, fsync of its folder), so
any number of processes may share a store without locks; a claim on a key only keeps two from asking for the same thing.

A damaged entry is a miss: it is set aside under ``bad/`` and reported. An entry that cannot be read is no damage but
StoreError: what may still be there is not paid for again. An entry's time of change is the day it was last used.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal, TypeVar

from narrate import disk
from narrate.claims import claimed
from narrate.errors import StoreError

MAGIC = b"NARRATE1"
DAY = 86_400
_FOOTER = 8 + 32 + len(MAGIC)

Kind = Literal["segments", "blobs"]
KINDS: tuple[Kind, ...] = ("segments", "blobs")
FOLDERS = (*KINDS, "tmp")
Made = TypeVar("Made")


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
            return read_part(self.path, 0, self.size, self.digest)
        except (OSError, disk.NotAFile) as error:
            raise StoreError(f"{self.path}: is gone or no file: {error}; run again to have it made anew") from error
        except ValueError as error:
            raise StoreError(f"{self.path}: is damaged: {error}; run `narrate store verify`") from error

    def is_sound(self) -> bool:
        """Whether the payload matches its digest; no more than a piece of it is in memory."""
        try:
            return reading(self.path, lambda file: _digest(file, self.size)) == self.digest
        except (FileNotFoundError, NotADirectoryError, ValueError):
            return False


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

    def __init__(
        self,
        folder: Path,
        report: Callable[[str], None] = lambda sentence: None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.folder = folder
        self._report = report
        self._clock = clock
        self._room = disk.Room(folder / "tmp")
        self._durable: set[Path] = set()
        for name in FOLDERS:
            self._open(folder / name)
        with suppress(OSError):  # a store that may only be read still gives what it has
            disk.clear_scratch(folder / "tmp")

    def _open(self, part: Path) -> None:
        try:
            disk.make_folder(part)
        except (FileExistsError, NotADirectoryError) as error:
            if not self.folder.is_dir():
                raise StoreError(
                    f"{self.folder}: the store cannot be opened: it, or what leads to it, is no folder; move it away, "
                    "or choose another folder with --store"
                ) from error
            raise StoreError(
                f"{part}: the store cannot be opened: something else lies where its folder should; move it away "
                "(`narrate store verify --repair` sets it aside), or choose another folder with --store"
            ) from error
        except OSError as error:
            raise StoreError(
                f"{self.folder}: the store cannot be opened: {error.strerror}; choose another folder with --store"
            ) from error

    def path(self, kind: Kind, key: str) -> Path:
        """Where the entry of ``key`` lies, if it does."""
        return self.folder / kind / key[:2] / key

    def get(self, kind: Kind, key: str) -> Entry | None:
        """The entry of ``key``, or None when there is none or it is damaged (then it is set aside).

        StoreError when it is there and cannot be read.
        """
        path = self.path(kind, key)
        for _ in range(2):
            try:
                entry = read_entry(key, path)
            except FileNotFoundError:
                return None
            except NotADirectoryError:
                self.set_aside(path.parent, "a file lies in place of a folder")
                return None
            except ValueError as error:
                if self.set_aside(path, str(error), unless_sound=True):
                    return None
            else:
                self._touch(path)
                return entry
        return None

    def _touch(self, path: Path) -> None:
        """Note that an entry is of use still, once a day."""
        with suppress(OSError):
            now = self._clock()
            if abs(now - path.stat().st_mtime) > DAY:
                os.utime(path, (now, now))

    def set_aside(self, path: Path, why: str, *, unless_sound: bool = False) -> bool:
        """Move a damaged entry to ``bad/`` so that it is made anew, and report it; whether there was something to move.

        ``unless_sound``: look once more when nobody else can reach it. It may have been another process that set the
        damaged one aside, and this one is new; or the disk misread. Then it goes back to where it was.
        """
        bad = self.folder / "bad"
        try:
            target = move_aside(path, bad)
            if target is None:
                return True
            if unless_sound and _is_sound(path.name, target) and not os.path.lexists(path):
                target.replace(path)
                return False
        except OSError as error:
            raise StoreError(
                f"{path}: is damaged ({why}) and cannot be set aside: {error.strerror}; nothing is asked for anew"
            ) from error
        self._report(f"{path.name}: damaged ({why}); set aside in {bad} and made anew")
        return True

    @contextmanager
    def create(self, kind: Kind, key: str, header: dict[str, Any]) -> Iterator[_Hashing]:
        """Write the payload of ``key`` to the file this yields; the entry exists, on disk, when the block ends well.

        ``header`` may be filled while writing. An existing entry is left as it is: the first answer counts. Raises
        StoreError when the disk is full or refuses.
        """
        path = self.path(kind, key)
        scratch: Path | None = None
        try:
            with tempfile.NamedTemporaryFile(
                dir=self.folder / "tmp", prefix=f"{disk.owner()}{key[:16]}", delete=False
            ) as file:
                scratch = Path(file.name)
                hashing = _Hashing(file)  # type: ignore[arg-type]
                yield hashing
                encoded = json.dumps(
                    {**header, "key": key, "size": hashing.size, "sha256": hashing.digest}, sort_keys=True
                ).encode()
                file.write(encoded)
                file.write(len(encoded).to_bytes(8, "big") + hashlib.sha256(encoded).digest() + MAGIC)
                file.flush()
                disk.sync(file.fileno())
            if self.get(kind, key) is None:
                self._make_shelf(path.parent)
                scratch.replace(path)
                scratch = None
                disk.sync_folder(path.parent)
        except OSError as error:
            raise StoreError(f"{self.folder}: cannot be written: {error.strerror}; nothing stored was lost") from error
        finally:
            if scratch is not None:
                with suppress(OSError):  # the failure that led here is the one to tell
                    scratch.unlink(missing_ok=True)

    def _make_shelf(self, shelf: Path) -> None:
        """Make a folder for entries, and see that it and what leads to it is on disk: whoever made it may have been
        killed, or the power cut, before it was.
        """
        if shelf in self._durable:
            return
        try:
            shelf.mkdir(exist_ok=True)
        except FileExistsError:
            self.set_aside(shelf, "it lies in place of a folder")
            shelf.mkdir(exist_ok=True)
        for place in (shelf.parent, self.folder, self.folder.parent):
            if place == shelf.parent or place not in self._durable:
                disk.sync_folder(place)
                self._durable.add(place)
        self._durable.add(shelf)

    def put(self, kind: Kind, key: str, header: dict[str, Any], payload: bytes) -> Entry:
        """Store ``payload`` under ``key`` and return the entry that now is there, and on disk."""
        with self.create(kind, key, header) as file:
            file.write(payload)
        entry = self.get(kind, key)
        if entry is None:
            raise StoreError(f"{self.folder}: what was written for {key[:12]} cannot be read back; check the disk")
        return entry

    def claimed(self, key: str) -> AbstractContextManager[None]:
        """Hold ``key``: whoever else wants it, in this process or another, waits until the block ends."""
        return claimed(self.folder, key)

    def check_room(self) -> None:
        """StoreError when the disk is so full, or so forbidding, that an answer might not be kept."""
        self._room.check()

    def entries(self, kind: Kind) -> Iterator[Path]:
        """Every entry's file, in order of key."""
        for shelf in sorted((self.folder / kind).glob("[0-9a-f][0-9a-f]")):
            yield from sorted(shelf.glob(f"{shelf.name}*"))


def read_entry(key: str | None, path: Path) -> Entry:
    """The entry in ``path``, its header checked; of whatever key if ``key`` is None.

    ValueError, with the reason, when it is damaged or another's; FileNotFoundError when there is none; StoreError when
    it cannot be read.
    """
    header, size = reading(path, _header)
    try:
        if header["key"] != (key or header["key"]) or header["size"] != size:
            raise ValueError("header does not fit the file")
        return Entry(str(header["key"]), path, size, str(header["sha256"]), header)
    except (KeyError, TypeError) as error:
        raise ValueError("header lacks what it must hold") from error


def read_part(path: Path, offset: int, size: int, digest: str) -> bytes:
    """``size`` bytes from ``offset`` on, to the bit, as ``reading`` reads; ValueError when they are damaged."""

    def part(file: BinaryIO) -> bytes:
        file.seek(offset)
        return file.read(size)

    payload = reading(path, part)
    if hashlib.sha256(payload).hexdigest() != digest:
        raise ValueError("its sound does not match its digest")
    return payload


def reading(path: Path, work: Callable[[BinaryIO], Made]) -> Made:
    """What ``work`` makes of the file, tried twice. StoreError where the disk or permissions are in the way; the
    two errors that say there is no such file are raised as they are, and NotAFile.
    """
    for last in (False, True):
        try:
            with disk.open_regular(path) as file:
                return work(file)
        except (FileNotFoundError, NotADirectoryError):
            raise
        except OSError as error:
            if last:
                raise disk.trouble(path, error) from error
    raise AssertionError


def _header(file: BinaryIO) -> tuple[dict[str, Any], int]:
    """The header, checked against its digest, and how many bytes lie before it."""
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
    return json.loads(encoded), end - _FOOTER - length


def _digest(file: BinaryIO, size: int) -> str:
    hashed = hashlib.sha256()
    while size > 0 and (data := file.read(min(size, 1 << 20))):
        hashed.update(data)
        size -= len(data)
    return hashed.hexdigest()


def _is_sound(key: str, path: Path) -> bool:
    try:
        return read_entry(key, path).is_sound()
    except (OSError, ValueError, StoreError):
        return False


def move_aside(path: Path, bad: Path) -> Path | None:
    """Move ``path`` into the folder ``bad``, under its own name, and return where it is; None when it is gone."""
    disk.make_folder(bad)
    target = bad / path.name
    if os.path.lexists(target):
        target = Path(tempfile.mkdtemp(dir=bad)) / path.name
    try:
        path.replace(target)
    except FileNotFoundError:
        return None
    return target
