"""BRICK: one writer per output folder; whoever comes second is told who the first is.

The lock is the system's (flock), which lets go of it when its process dies, however it dies; what a dead run, a power
cut or a stranger left in the lock's file is no obstacle. Where a file system has no such locks, a file that is made
only when it is not there is the lock; one that a dead process of this machine left is recognised and taken over.
"""

from __future__ import annotations

import errno
import json
import os
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import BaseFileLock, FileLock, SoftFileLock, Timeout

from narrate import disk
from narrate.errors import Busy, NarrateError, shown

_NO_LOCKS_HERE = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EINVAL}


@contextmanager
def only_run(
    locks: Path,
    name: str,
    what: str,
    clock: Callable[[], float] = time.time,
    *,
    wait: float = 0.0,
    doing: str = "making this book",
) -> Iterator[None]:
    """Hold the lock ``name`` in the folder ``locks`` until the block ends.

    Busy when another run holds it for ``wait`` seconds more, saying which; ``what`` is what it guards, and ``doing``
    what the other is about, for messages.
    """
    holder = locks / f"{name}.holder"
    lock = _acquired(locks, name, what, holder, wait, doing)
    try:
        with suppress(OSError):  # who holds it is for people; the lock is the lock
            disk.clear_scratch(locks, disk.SCRATCH)
            _sign(holder, clock())
        yield
    finally:
        with suppress(OSError):
            holder.unlink()
        lock.release()


def _acquired(locks: Path, name: str, what: str, holder: Path, wait: float, doing: str) -> BaseFileLock:
    path = locks / f"{name}.lock"
    try:
        locks.mkdir(parents=True, exist_ok=True)
        return _acquire(path, wait)
    except Timeout as error:
        raise Busy(f"{what}: another run is {doing}{_who(holder)}; wait for it to end") from error
    except IsADirectoryError as error:
        raise NarrateError(f"{path}: a folder lies where a lock should; remove it and run again") from error
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise NarrateError(f"{locks}: cannot be written: {reason}; mend it, or choose another output") from error


def _acquire(path: Path, wait: float) -> BaseFileLock:
    lock: BaseFileLock = FileLock(path, timeout=wait, fallback_to_soft=False)
    try:
        lock.acquire()
    except NotImplementedError:
        pass
    except OSError as error:
        if error.errno not in _NO_LOCKS_HERE:
            raise
    else:
        return lock
    lock = SoftFileLock(path.with_suffix(".softlock"), timeout=wait)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        lock.acquire()
    return lock


def _sign(holder: Path, now: float) -> None:
    since = time.strftime("%Y-%m-%d %H:%M", time.localtime(now))
    # not synced: it says nothing that outlives its process
    scratch = disk.scratch_for(holder)
    scratch.write_text(json.dumps({"process": os.getpid(), "host": disk.host(), "since": since}), encoding="utf-8")
    scratch.replace(holder)


def is_held(locks: Path, name: str) -> bool:
    """Whether a run seems to hold the lock ``name``. Nothing is touched, so it may be wrong by a moment; of another
    machine's run it is believed.
    """
    try:
        with disk.open_regular(locks / f"{name}.holder") as file:
            said = json.loads(file.read(4096))
        return said["host"] != disk.host() or disk.is_alive(int(said["process"]), None)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _who(holder: Path) -> str:
    """ " (process 12 on host since 2026-01-02 03:04)", or nothing where that cannot be told."""
    try:
        with disk.open_regular(holder) as file:
            said = json.loads(file.read(4096))
        where = "" if said["host"] == disk.host() else f" on {said['host']}"
        return shown(f" (process {int(said['process'])}{where}, since {said['since']})", 200)
    except (OSError, ValueError, KeyError, TypeError):
        return ""
