"""BRICK: what a disk promises and how it breaks its word: syncing, scratch files, careful opening, room.

Nothing counts as written before it is on the disk: a file's bytes are synced before it gets its name, a folder after
a name in it has changed, and a new folder's parent too.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import socket
import stat
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import BinaryIO

from narrate.errors import StoreError

try:
    import fcntl
except ImportError:  # pragma: no cover (Windows)
    fcntl = None  # type: ignore[assignment]

RESERVE = 32_000_000
"""Bytes that must be free before more is asked for: room for the answers of some hundred requests in flight."""

WEEK = 7 * 86_400

_DAMAGE = {errno.EISDIR, errno.ELOOP, errno.ENXIO, errno.ENODEV}
_FORBIDDEN = {errno.EACCES, errno.EPERM}


class NotAFile(ValueError):
    """A folder, a pipe, a device or a loop of links lies where a file should."""


def sync(handle: int) -> None:
    """Bring an open file or folder to the disk itself (macOS keeps it in the drive's cache unless told otherwise)."""
    full = getattr(fcntl, "F_FULLFSYNC", None)
    if full is not None:  # pragma: no cover (macOS)
        with suppress(OSError):
            fcntl.fcntl(handle, full)
            return
    os.fsync(handle)


def sync_file(path: Path) -> None:
    """Bring a file's bytes to the disk before its name means anything."""
    with path.open("rb+") as file:
        sync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Make the names in ``folder`` durable (on Windows a folder cannot be opened, and need not be)."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        sync(handle)
    finally:
        os.close(handle)


def make_folder(folder: Path) -> None:
    """Make ``folder`` and whatever leads to it, durably."""
    if folder.is_dir():
        return
    if folder.parent != folder:
        make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    sync_folder(folder.parent)


def replace_file(path: Path, content: str | bytes) -> None:
    """Write ``content`` to ``path``, whole or not at all, and durably. Texts are UTF-8."""
    scratch = scratch_for(path)
    try:
        with scratch.open("wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            sync(file.fileno())
        scratch.replace(path)
    finally:
        with suppress(OSError):  # the failure that led here is the one to tell
            scratch.unlink(missing_ok=True)
    sync_folder(path.parent)


def update_file(path: Path, data: bytes) -> bool:
    """As ``replace_file``, but a file that holds ``data`` already is left alone; whether it held something else."""
    with suppress(OSError, ValueError):
        if path.stat().st_size == len(data) and path.read_bytes() == data:
            return False
    replace_file(path, data)
    return True


# Careful reading. Trouble of the disk or of permissions is no damage: what cannot be read is not paid for again.


def open_regular(path: Path) -> BinaryIO:
    """Open an existing file for reading. Links are followed; what is no file is NotAFile, and never waited for.

    A file that may not be read is made readable where it is ours.
    """
    try:
        return _open(path)
    except OSError as error:
        if error.errno in _DAMAGE:
            raise NotAFile(_oddity(path)) from error
        if error.errno not in _FORBIDDEN or not _permit(path):
            raise
    return _open(path)


def _open(path: Path) -> BinaryIO:
    # looked at before it is opened: opening a pipe waits, and opening a device may do anything
    if not stat.S_ISREG(path.stat().st_mode):
        raise NotAFile(_oddity(path))
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise NotAFile(_oddity(path))
    return os.fdopen(handle, "rb")


_ODDITIES = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISLNK, "a symbolic link"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISCHR, "a device"),
)


def _oddity(path: Path) -> str:
    mode = path.lstat().st_mode
    return next((f"{name} lies in its place" for is_it, name in _ODDITIES if is_it(mode)), "is no file")


def _permit(path: Path) -> bool:
    """Make ``path`` readable to us, and the folder it lies in; whether anything could be changed."""
    changed = False
    for place, bits in ((path.parent, stat.S_IRWXU), (path, stat.S_IRUSR | stat.S_IWUSR)):
        with suppress(OSError):
            mode = stat.S_IMODE(place.stat().st_mode)
            if mode & bits != bits:
                place.chmod(mode | bits)
                changed = True
    return changed


def trouble(path: Path, error: OSError) -> StoreError:
    """What to tell of a file that is there and cannot be read."""
    reason = (error.strerror or str(error)).lower()
    if error.errno in _FORBIDDEN:
        remedy = "make it readable for this user (chmod u+rw, on its folders too), or run as its owner"
    elif error.errno in {errno.EMFILE, errno.ENFILE}:
        remedy = "too many files are open: allow more (ulimit -n) or ask for less at once (--jobs)"
    else:
        remedy = (
            "check the disk; if it stays so, run `narrate store verify --repair` to set it aside and have it made anew"
        )
    return StoreError(f"{path}: cannot be read: {reason}; {remedy}")


# Scratch: each file says in its name whose it is, so that what the dead left can be told from what the living write.

SCRATCH = ".narrate."
"""How scratch begins that lies among files of the user's."""

_OWNED = re.compile(r"(?P<host>[0-9A-Za-z-]*)~(?P<process>\d+)~(?P<start>\d*)~")


def host() -> str:
    """This machine's name, fit for a file's name."""
    return re.sub("[^0-9A-Za-z-]", "-", socket.gethostname())[:40]


def scratch_for(path: Path) -> Path:
    """Where to write what is to take the place of ``path``: beside it, and no other thread's."""
    return path.with_name(f"{SCRATCH}{owner()}{threading.get_ident()}~{path.name[-100:]}")


@cache
def _signature(process: int) -> str:
    return f"{host()}~{process}~{started(process) or ''}~"


def owner() -> str:
    """How scratch of this process is named: its host, its number and when it started."""
    return _signature(os.getpid())


def started(process: int) -> int | None:
    """When ``process`` started, in ticks since the machine did; None where that is not known (numbers are reused,
    and in a container they are soon the same again, but not at the same tick).
    """
    try:
        # the name, in parentheses, may hold anything; the start is the 22nd field of all (proc_pid_stat(5))
        return int(
            Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[19]
        )
    except (OSError, ValueError, IndexError):
        return None


def is_alive(process: int, start: int | None) -> bool:
    """Whether that process of this machine still runs; True where it cannot be known."""
    if os.name == "nt":  # there, signal 0 is no question
        return True
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        pass  # it is somebody else's, but it is
    now = started(process)
    return start is None or now is None or now == start


def clear_scratch(folder: Path, mark: str = "") -> None:
    """Remove what dead writers left in ``folder``, of names that begin with ``mark``; never what a living one writes.

    Of another machine's nobody here knows: that goes when it is a week old by the clock of the disk's own machine.
    """
    now: float | None = None
    for path in list(folder.iterdir()):
        if not path.name.startswith(mark):
            continue
        found = _OWNED.search(path.name)
        with suppress(OSError):
            if found and found["host"] == host():
                gone = not is_alive(int(found["process"]), int(found["start"]) if found["start"] else None)
            else:
                now = _now_of(folder) if now is None else now
                gone = now - path.lstat().st_mtime > WEEK
            if gone:
                remove_all(path)


def _now_of(folder: Path) -> float:
    """The time by the clock that stamps the files in ``folder``: a file server's own, whatever the one here says."""
    with tempfile.NamedTemporaryFile(dir=folder, prefix=owner()) as probe:
        return os.fstat(probe.fileno()).st_mtime


def remove_all(path: Path) -> None:
    """Remove a file, or a folder with all that is in it; links are removed, never followed."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


class Room:
    """Whether ``folder`` can take more. Looks at most once a second."""

    def __init__(self, folder: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._folder = folder
        self._clock = clock
        self._until = float("-inf")

    def check(self) -> None:
        """StoreError where the disk is (nearly) full, a quota is spent, or nothing may be written."""
        now = self._clock()
        if now < self._until:
            return
        try:
            free = shutil.disk_usage(self._folder).free
            if free < RESERVE:
                raise StoreError(
                    f"{self._folder.parent}: the disk has only {free / 1e6:.0f} MB left; nothing more is asked for, "
                    "since answers could not be kept; make room and run again"
                )
            # a quota or a read-only disk shows only to those who write
            with tempfile.NamedTemporaryFile(dir=self._folder, prefix=owner()) as probe:
                probe.write(bytes(65_536))
                probe.flush()
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise StoreError(
                f"{self._folder.parent}: cannot be written: {reason}; nothing more is asked for, "
                "since answers could not be kept; make room or choose another folder with --store"
            ) from error
        self._until = now + 1
