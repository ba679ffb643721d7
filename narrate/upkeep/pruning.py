"""What a store holds, and what of it can go: by age, by size, by what no book needs. Pinned speech stays.

Nothing is removed here but entries under their own names (and what lies in ``bad/``), nothing that is linked from
elsewhere, nothing another process has claimed, nothing that was used within the last hour.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from narrate import disk
from narrate.claims import claimed_if_free
from narrate.errors import StoreError
from narrate.ledger import FILE as LEDGER
from narrate.store import DAY, KINDS, Kind
from narrate.upkeep import pins

_KEY = re.compile("[0-9a-f]{64}")

HOUR = 3_600
RECENT = DAY
"""Seconds for which an encoded chapter counts as needed: no manifest says which belong to it."""


@dataclass(frozen=True, slots=True)
class Item:
    """An entry as it lies there, unread: ``size`` in bytes, ``used`` when it was last of use (UNIX seconds)."""

    kind: Kind
    key: str
    path: Path
    size: int
    used: float

    @property
    def is_speech(self) -> bool:
        """Whether making it again costs speech, and perhaps money."""
        return self.kind == "segments"


@dataclass(frozen=True, slots=True)
class Wish:
    """What may go. Every condition that is given must hold; with ``max_size`` no more goes than has to.

    ``older_than`` in seconds since the last use; ``max_size`` in bytes, for the store's entries together; ``needed``
    the keys of all segments that must stay, None where that does not matter.
    """

    older_than: float | None = None
    max_size: int | None = None
    needed: frozenset[str] | None = None
    blobs_only: bool = False


def items(folder: Path) -> Iterator[Item]:
    """All entries of the store in ``folder``. Folders that are links are left alone: what is in them lies elsewhere."""
    for kind in KINDS:
        for shelf in sorted((folder / kind).glob("[0-9a-f][0-9a-f]")):
            if shelf.is_symlink():
                continue
            for path in sorted(shelf.glob(f"{shelf.name}*")):
                found = _status(path)
                if found is not None and _KEY.fullmatch(path.name):
                    yield Item(kind, path.name, path, found.st_size, found.st_mtime)


def _status(path: Path) -> os.stat_result | None:
    """The file's size and times; None when it is gone, or no file of the store's own."""
    try:
        found = path.lstat()
    except OSError:
        return None
    return found if stat.S_ISREG(found.st_mode) else None


def choose(held: Sequence[Item], wish: Wish, pinned: Collection[str], now: float) -> list[Item]:
    """Which of ``held`` go: encoded chapters first, for they cost no speech, and of each what was unused longest."""
    may_go = [item for item in held if _may_go(item, wish, pinned, now)]
    may_go.sort(key=lambda item: (item.is_speech, item.used, item.key))
    if wish.max_size is None:
        return may_go
    excess = sum(item.size for item in held) - wish.max_size
    going = []
    for item in may_go:
        if excess <= 0:
            break
        going.append(item)
        excess -= item.size
    return going


def _may_go(item: Item, wish: Wish, pinned: Collection[str], now: float) -> bool:
    # a time to come means that a clock was set: nobody knows how old that is
    unused = now - item.used
    if unused < HOUR or (item.is_speech and (wish.blobs_only or item.key in pinned)):
        return False
    if wish.older_than is not None and unused < wish.older_than:
        return False
    if wish.needed is None:
        return True
    return item.key not in wish.needed if item.is_speech else unused >= RECENT


def remove(folder: Path, going: Sequence[Item]) -> tuple[int, int]:
    """Remove what ``choose`` chose, but for what was used or claimed meanwhile: how many went, and their bytes."""
    count = size = 0
    for item in going:
        with claimed_if_free(folder, item.key) as free:
            found = _status(item.path)
            if not free or found is None or found.st_mtime != item.used:
                continue
            try:
                item.path.unlink()
            except FileNotFoundError:
                continue
            except OSError as error:
                raise StoreError(f"{item.path}: cannot be removed: {error.strerror}") from error
        count, size = count + 1, size + item.size
    return count, size


def set_aside(folder: Path) -> list[Path]:
    """What lies in ``bad/``."""
    bad = folder / "bad"
    return sorted(bad.iterdir()) if bad.is_dir() and not bad.is_symlink() else []


def empty_bad(folder: Path) -> None:
    """Remove all that was ever set aside."""
    for path in set_aside(folder):
        try:
            disk.remove_all(path)
        except OSError as error:
            raise StoreError(f"{path}: cannot be removed: {error.strerror}") from error


def describe(folder: Path, when: Callable[[float], Any]) -> dict[str, Any]:
    """What the store in ``folder`` holds, for people and programs; ``when`` writes a time, sizes are bytes."""
    held = list(items(folder))
    bad = set_aside(folder)
    about: dict[str, Any] = {"schema": 1, "store": str(folder)}
    for kind in KINDS:
        of_kind = [item for item in held if item.kind == kind]
        about[kind] = {
            "entries": len(of_kind),
            "bytes": sum(item.size for item in of_kind),
            "oldest_use": when(min(item.used for item in of_kind)) if of_kind else None,
            "latest_use": when(max(item.used for item in of_kind)) if of_kind else None,
        }
    about["bad"] = {"entries": len(bad), "bytes": sum(_size(path) for path in bad)}
    try:
        kept = list(pins.pins(folder))
        about["pins"] = {"entries": len(kept), "segments": len({key for pin in kept for key in pin.keys})}
    except StoreError as error:
        about["pins"] = {"error": str(error)}
    about["ledger_bytes"] = sum(_size(path) for path in folder.glob(f"{LEDGER}*"))
    about["free_bytes"] = shutil.disk_usage(folder).free if folder.is_dir() else None
    return about


def _size(path: Path) -> int:
    found = _status(path)
    if found is not None:
        return found.st_size
    if path.is_symlink() or not path.is_dir():
        return 0
    return sum(_size(inner) for inner in path.iterdir())
