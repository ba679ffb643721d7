"""BRICK: who may ask for a key: one thread of one process at a time, of all that share a folder.

Between processes a claim is a lock on one byte of the file ``locks``, at an offset that the key decides (POSIX record
locks). The system lets go of it when its process dies, however it dies, so no claim is ever stale; network file
systems pass it on to other machines. Such locks belong to the process and not to the thread, and closing *any*
descriptor of the file drops them all: so there is one descriptor per file in a process, closed only when nobody uses
it, and a table beside it says which thread has what. Where record locks are not to be had (Windows, some network file
systems, a folder that may not be written) the table alone is left: two processes may then ask for the same key, which
costs twice and harms nothing.
"""

from __future__ import annotations

import errno
import hashlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

try:
    import fcntl
except ImportError:  # pragma: no cover (Windows)
    fcntl = None  # type: ignore[assignment]

NAME = "locks"
FIRST_PAUSE, LONGEST_PAUSE = 0.02, 0.5
"""Seconds between two looks at a key that another process holds."""

_HELD = {errno.EAGAIN, errno.EACCES}


@contextmanager
def claimed(folder: Path, key: str, sleep: Callable[[float], None] = time.sleep) -> Iterator[None]:
    """Wait until ``key`` of ``folder`` is nobody's, and hold it until the block ends."""
    with _claims_on(folder) as claims, claims.hold(key, sleep):
        yield


@contextmanager
def claimed_if_free(folder: Path, key: str) -> Iterator[bool]:
    """Hold ``key`` of ``folder`` until the block ends if it is nobody's; whether it was."""
    with _claims_on(folder) as claims, claims.hold_if_free(key) as free:
        yield free


class _Claims:
    """The claims on the keys of one folder. ``users`` counts the threads that hold one or wait for one."""

    def __init__(self, handle: int | None) -> None:
        self.handle = handle
        self.users = 0
        self._held: set[str] = set()
        self._changed = threading.Condition()

    @contextmanager
    def hold(self, key: str, sleep: Callable[[float], None] = time.sleep) -> Iterator[None]:
        """Wait until ``key`` is nobody's, and hold it until the block ends."""
        with self._changed:
            while key in self._held:
                self._changed.wait(LONGEST_PAUSE)  # now and then it wakes, so that Ctrl-C is heard everywhere
            self._held.add(key)
        try:
            pause = FIRST_PAUSE
            while not self._lock(key):
                sleep(pause)
                pause = min(LONGEST_PAUSE, pause * 1.5)
            try:
                yield
            finally:
                self._unlock(key)
        finally:
            self._release(key)

    @contextmanager
    def hold_if_free(self, key: str) -> Iterator[bool]:
        """Hold ``key`` until the block ends if it is nobody's; whether it was."""
        with self._changed:
            free = key not in self._held
            if free:
                self._held.add(key)
        if not free:
            yield False
            return
        try:
            if not self._lock(key):
                yield False
                return
            try:
                yield True
            finally:
                self._unlock(key)
        finally:
            self._release(key)

    def _release(self, key: str) -> None:
        with self._changed:
            self._held.discard(key)
            self._changed.notify_all()

    def _lock(self, key: str) -> bool:
        if fcntl is None or self.handle is None:
            return True
        try:
            fcntl.lockf(self.handle, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, _offset(key))
        except OSError as error:
            return error.errno not in _HELD  # else there are no such locks here
        return True

    def _unlock(self, key: str) -> None:
        if fcntl is not None and self.handle is not None:
            with suppress(OSError):
                fcntl.lockf(self.handle, fcntl.LOCK_UN, 1, _offset(key))


def _offset(key: str) -> int:
    """The key's byte in the file, which has none: a lock may lie behind the end. 56 bits fit every system's offsets."""
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:7])


_guard = threading.Lock()
_known: dict[tuple[int, int] | Path, _Claims] = {}


@contextmanager
def _claims_on(folder: Path) -> Iterator[_Claims]:
    """The claims on the keys of ``folder``: the same for everybody in this process, by whatever path they came."""
    with _guard:
        claims = _find(folder)
        claims.users += 1
    try:
        yield claims
    finally:
        with _guard:
            claims.users -= 1


def _find(folder: Path) -> _Claims:
    path = folder / NAME
    found = _known.get(_identity(path) or folder.resolve())
    if found is not None:
        return found
    _close_unused()
    with suppress(OSError):  # it is there, or cannot be made
        # made and closed at once, while it cannot have locks: it may be known already, under another path
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666))
    identity = _identity(path)
    if identity is None or not path.is_file():
        return _known.setdefault(folder.resolve(), _Claims(None))
    if identity not in _known:
        try:
            _known[identity] = _Claims(os.open(path, os.O_RDWR | getattr(os, "O_NONBLOCK", 0)))
        except OSError:
            return _known.setdefault(folder.resolve(), _Claims(None))
    return _known[identity]


def _close_unused() -> None:
    for identity, claims in list(_known.items()):
        if not claims.users:
            del _known[identity]
            if claims.handle is not None:
                os.close(claims.handle)


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _forget() -> None:
    """A forked process has none of its parent's claims, and none of the threads that would give them back."""
    global _guard
    _guard = threading.Lock()
    for claims in _known.values():
        if claims.handle is not None:
            with suppress(OSError):
                os.close(claims.handle)
    _known.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
