"""BRICK: logs of a run that others read: events as JSON, and sentences; both append, and roll over when they are long.

A line is whole or not there. Several processes (the books of a shelf, two shelves with one log) may write to the same
file: each line is written under the file's own lock (flock), which is also held while files are renamed, and who finds
that the name now belongs to another file opens that. So a file that logrotate moves away is no trouble either. Where a
file system knows no locks, lines are still appended whole, and the file grows without rolling over. A log that cannot
be opened is an error at once; one that cannot be written any more (the disk is full) never ends a run that is paid for:
lines are lost, and counted.
"""

from __future__ import annotations

import errno
import json
import os
import stat
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from narrate.errors import NarrateError, shown

try:
    import fcntl
except ImportError:  # pragma: no cover (Windows)
    fcntl = None  # type: ignore[assignment]

ROTATE_BYTES = 10_000_000
KEEP = 5
_PATIENCE_S = 0.5
"""Seconds in which another process lets go of the lock, unless it was stopped: it is held for one line."""
_READER_S = 2.0
"""Seconds in which somebody has to open the other end of a pipe."""
_LOOK_AGAIN_S = 0.001
_ODD_LINE_ENDS = str.maketrans({"\x85": "\\u0085", "\u2028": "\\u2028", "\u2029": "\\u2029"})
"""What JSON allows in a string, and some readers take for the end of a line."""


@dataclass(frozen=True, slots=True)
class Event:
    """A kind of line: what it says, and the fields it may have. Neither the text of a book nor a key is ever in one."""

    says: str
    fields: tuple[str, ...]


_MADE = ("files", "duration_ms", "chunks_bought", "chunks_stored", "requests")
_BOOK = ("book", "shelf")

EVENTS: Mapping[str, Event] = {
    # of one book
    "started": Event("a source is about to be narrated", ("source",)),
    "message": Event("a sentence for people, as on standard error", ("text", *_BOOK)),
    "retry": Event("a request is made again, and why", ("text", *_BOOK)),
    "spoken": Event("a chunk has its speech: bought, or from the store", ("key", "bought", *_BOOK)),
    "done": Event("a source is an audiobook", ("source", *_MADE)),
    "failed": Event("a source is none, and why", ("source", "error", "exit_code")),
    # of a shelf
    "shelf_started": Event("a shelf was read", ("shelf", "books", "due", "problems")),
    "due": Event("a book needs to be made, and why", (*_BOOK, "why")),
    "book_started": Event("a book is being made", (*_BOOK, "why", "chapters", "characters")),
    "chapter": Event("all of a chapter is spoken", (*_BOOK, "chapter", "chapters", "title", "duration_ms")),
    "book_done": Event("a book is an audiobook", (*_BOOK, *_MADE, "cost", "currency", "seconds")),
    "book_failed": Event("a book is none, and why", (*_BOOK, "error", "exit_code", "cost", "currency", "seconds")),
    "book_paused": Event("a book is left for the next run, and why", (*_BOOK, "why", "cost", "currency", "seconds")),
    "hook_failed": Event("a hook failed or hung; the book did not", (*_BOOK, "hook", "on", "error")),
    "nothing_due": Event("all of a shelf is as it should be", ("shelf", "books", "seconds")),
    "shelf_done": Event(
        "a shelf's run is over",
        (
            *("shelf", "made", "failed", "paused", "skipped", "duration_ms", "requests"),
            *("cost", "currency", "seconds", "exit_code"),
        ),
    ),
    # of the log itself
    "gap": Event("so many lines before this one could not be written", ("lines",)),
}
"""The contract of ``--log-json``: names and fields stay; new ones may come. Every line has "time" (UTC) and "event"."""


class _Log:
    """A log at ``path``, or none. It is opened when it is entered: what is wrong is an error then."""

    def __init__(
        self,
        path: Path | None,
        rotate_bytes: int = ROTATE_BYTES,
        keep: int = KEEP,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._file = RollingFile(path, rotate_bytes, keep) if path is not None else None
        self._clock = clock

    def __enter__(self) -> Self:
        if self._file is not None:
            self._file.open()
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()

    @property
    def lost(self) -> int:
        """Lines that could not be written, and of which no line tells yet."""
        return self._file.lost if self._file is not None else 0


class EventLog(_Log):
    """``--log-json``: one event a line. Without a path it writes nothing, and still refuses what is not in EVENTS."""

    def event(self, name: str, **fields: Any) -> None:
        """Write an event. From any thread. ValueError for a name or a field that nobody reading logs was told of."""
        kind = EVENTS.get(name)
        if kind is None:
            raise ValueError(f"{name!r} is no event; known are {', '.join(EVENTS)}")
        if unknown := fields.keys() - set(kind.fields):
            raise ValueError(f"the event {name!r} has no {', '.join(sorted(unknown))}; add it to EVENTS")
        if self._file is None:
            return
        self._file.append(self._line(name, fields), lambda lost: self._line("gap", {"lines": lost}))

    def _line(self, name: str, fields: Mapping[str, Any]) -> bytes:
        moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self._clock()))
        text = json.dumps({"time": moment, "event": name, **fields}, ensure_ascii=False, default=str)
        return text.translate(_ODD_LINE_ENDS).encode(errors="backslashreplace") + b"\n"


class TextLog(_Log):
    """``--log``: sentences, each line with the local time and its distance from UTC."""

    def say(self, text: str) -> None:
        """Write ``text``, whose lines stay together. From any thread."""
        if self._file is not None:
            self._file.append(self._lines(text), lambda lost: self._lines(f"{lost:,} lines could not be written"))

    def _lines(self, text: str) -> bytes:
        moment = time.strftime("%Y-%m-%d %H:%M:%S%z", time.localtime(self._clock()))
        lines = [f"{moment} {shown(line)}\n" for line in text.split("\n") if line.strip()]
        return "".join(lines).encode(errors="backslashreplace")


class RollingFile:
    """A file that is appended to line by line, until it is ``rotate_bytes`` long: then it becomes ``<name>.1``, that
    ``<name>.2``, and so on; ``keep`` of them stay. What is no file (a pipe, a terminal) is only written to.
    """

    def __init__(self, path: Path, rotate_bytes: int = ROTATE_BYTES, keep: int = KEEP) -> None:
        self.path = path
        self.lost = 0
        self._rotate_bytes = rotate_bytes
        self._keep = max(keep, 1)
        self._handle = -1
        self._process = 0
        self._patience_s = _PATIENCE_S
        self._half = False  # a line that a pipe took the beginning of
        self._thread = threading.Lock()

    def open(self) -> None:
        """NarrateError when that cannot be."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path = self.path.resolve()  # of a link, the file is renamed and not the link
            self._reopen()
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise NarrateError(f"{self.path}: the log cannot be written: {reason.lower()}") from error

    def close(self) -> None:
        with self._thread:
            self._shut()

    def append(self, lines: bytes, told: Callable[[int], bytes]) -> None:
        """Write ``lines``, whole or not at all; before them, when some were lost, what ``told`` says of so many."""
        with self._thread:
            try:
                self._append((told(self.lost) if self.lost else b"") + lines)
                self.lost = 0
            except OSError:
                self.lost += lines.count(b"\n")

    def _append(self, data: bytes) -> None:
        # a lock belongs to who opened the file: a forked process must not share it with its parent
        if self._handle < 0 or self._process != os.getpid():
            self._reopen()
        if not stat.S_ISREG(os.fstat(self._handle).st_mode):
            self._pass_on(data)
            return
        locked = self._lock()
        try:
            if locked and os.fstat(self._handle).st_size + len(data) > self._rotate_bytes:
                locked = self._roll()
            self._write(data, locked)
        finally:
            if locked and self._handle >= 0:
                fcntl.flock(self._handle, fcntl.LOCK_UN)

    def _pass_on(self, data: bytes) -> None:
        """Write to what is no file. A reader that has stopped reading costs lines, like a full disk."""
        until = time.monotonic() + self._patience_s
        data = b"\n" + data if self._half else data
        while data:
            try:
                written = os.write(self._handle, data)
                data, self._half = data[written:], written < len(data)
            except BlockingIOError:
                if time.monotonic() >= until:
                    self._patience_s = 0.0
                    raise
                time.sleep(_LOOK_AGAIN_S)
        self._patience_s = _PATIENCE_S

    def _lock(self) -> bool:
        """Lock the file that has the name now. Without a lock the file is there as well, and never renamed."""
        until = time.monotonic() + self._patience_s
        while True:
            locked = self._try_lock()
            if self._has_the_name():
                if locked or time.monotonic() >= until:
                    # who did not get it in time does not wait again for every line
                    self._patience_s = _PATIENCE_S if locked else 0.0
                    return locked
                time.sleep(_LOOK_AGAIN_S)
            else:
                self._reopen()

    def _try_lock(self) -> bool:
        if not hasattr(fcntl, "flock"):  # pragma: no cover (Windows)
            return False
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True

    def _has_the_name(self) -> bool:
        try:
            return os.path.samestat(self.path.stat(), os.fstat(self._handle))
        except FileNotFoundError:
            return False

    def _roll(self) -> bool:
        """Give the file its number, and lock the one that takes its name.

        The others still wait at this one, whose lock is held until all is renamed.
        """
        old = os.fstat(self._handle)
        if not old.st_size:
            return True  # a single line that is longer than a file may be
        with suppress(FileNotFoundError):
            for number in range(self._keep - 1, 0, -1):
                with suppress(FileNotFoundError):
                    self._numbered(number).replace(self._numbered(number + 1))
            self.path.replace(self._numbered(1))
        self._reopen()
        with suppress(OSError):  # as private as it was
            os.fchmod(self._handle, stat.S_IMODE(old.st_mode))
        return self._lock()

    def _numbered(self, number: int) -> Path:
        return self.path.with_name(f"{self.path.name}.{number}")

    def _write(self, data: bytes, locked: bool) -> None:
        size = os.fstat(self._handle).st_size
        if not self._is_whole(size):
            data = b"\n" + data  # whoever wrote before us was cut off: its half line stays alone
        try:
            _write_all(self._handle, data)
        except OSError:
            if locked:  # no half line: but nobody else's either
                with suppress(OSError):
                    os.ftruncate(self._handle, size)
            raise

    def _is_whole(self, size: int) -> bool:
        if not size or not hasattr(os, "pread"):
            return True
        return os.pread(self._handle, 1, size - 1) in (b"\n", b"")  # nothing: just cut by another

    def _reopen(self) -> None:
        self._shut()
        with suppress(FileNotFoundError):
            if not stat.S_ISREG(self.path.stat().st_mode):
                self._handle = _open_other(self.path)
        if self._handle < 0:
            # read as well: whether it ends in a whole line
            flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0)
            self._handle = os.open(self.path, flags, 0o666)
        self._process = os.getpid()

    def _shut(self) -> None:
        if self._handle >= 0:
            with suppress(OSError):
                os.close(self._handle)
        self._handle = -1


def _open_other(path: Path) -> int:
    """Open what is no file, so that nobody at its other end can hold us up."""
    until = time.monotonic() + _READER_S
    while True:
        try:
            return os.open(path, os.O_WRONLY | os.O_APPEND | getattr(os, "O_NONBLOCK", 0))
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise
        if time.monotonic() >= until:
            raise OSError(errno.ENXIO, "nobody reads from it")
        time.sleep(_LOOK_AGAIN_S)


def _write_all(handle: int, data: bytes) -> None:
    while data:
        data = data[os.write(handle, data) :]
