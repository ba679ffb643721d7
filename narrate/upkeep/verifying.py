"""Reads a whole store and finds what is wrong in it; nothing is changed unless repair is asked for.

Repair never throws away: what is damaged goes to ``bad/``, and a sound entry that lies in the wrong place is moved to
where it belongs, so that it is not paid for again.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from narrate import claims, disk
from narrate.database import Database
from narrate.errors import StoreError
from narrate.ledger import FILE as LEDGER
from narrate.ledger import TABLES
from narrate.store import FOLDERS, KINDS, Entry, Kind, move_aside, read_entry, reading
from narrate.upkeep import pins

What = Literal["segment", "encoded chapter", "pin", "ledger", "folder", "foreign"]

_WHAT: dict[Kind, What] = {"segments": "segment", "blobs": "encoded chapter"}
_SHELF = re.compile("[0-9a-f]{2}")
_KEY = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Flaw:
    """Something in a store that is not as it should be.

    ``place`` is where a sound entry belongs that lies elsewhere; None for all else. A ``foreign`` file is none of the
    store's: it is told, but it is no damage, and it is left alone.
    """

    path: Path
    what: What
    why: str
    place: Path | None = None

    @property
    def is_damage(self) -> bool:
        """Whether something of the store's own is lost or not to be found."""
        return self.what != "foreign"


def verify(folder: Path) -> Iterator[Entry | Flaw]:
    """Every entry of the store in ``folder`` that is sound to the bit, and every flaw."""
    known = {*FOLDERS, "bad", pins.FOLDER, claims.NAME}
    for path in _listed(folder):
        if path.name in known:
            yield from _misplaced(path, is_folder=path.name != claims.NAME)
        elif not path.name.startswith((Path(LEDGER).stem, disk.SCRATCH)):
            yield Flaw(path, "foreign", "is none of the store's files")
    for kind in KINDS:
        yield from _verify_kind(folder / kind, kind)
    yield from _verify_pins(folder / pins.FOLDER)
    yield from _verify_ledger(folder / LEDGER)


def _listed(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise disk.trouble(folder, error) from error


def _misplaced(path: Path, *, is_folder: bool) -> Iterator[Flaw]:
    fits = path.is_dir() if is_folder else path.is_file() and not path.is_symlink()
    if not fits:
        yield Flaw(path, "folder", f"is not the {'folder' if is_folder else 'file'} it should be")


def _verify_kind(folder: Path, kind: Kind) -> Iterator[Entry | Flaw]:
    for shelf in _listed(folder):
        if not shelf.is_dir() or not _SHELF.fullmatch(shelf.name):
            yield _astray(shelf, folder, kind)
            continue
        try:
            paths = _listed(shelf)
        except StoreError:
            yield Flaw(shelf, "folder", "cannot be read")
            continue
        for path in paths:
            yield _entry(path, folder, kind)


def _astray(path: Path, folder: Path, kind: Kind) -> Flaw:
    """What lies where only folders of two digits should."""
    if path.is_dir() and not path.is_symlink():
        return Flaw(path, "foreign", "is none of the store's folders")
    if _SHELF.fullmatch(path.name):
        return Flaw(path, "folder", "lies in place of a folder")
    found = _entry(path, folder, kind)
    return found if isinstance(found, Flaw) else Flaw(path, _WHAT[kind], "lies outside its folder")


def _entry(path: Path, folder: Path, kind: Kind) -> Entry | Flaw:
    what = _WHAT[kind]
    try:
        entry = read_entry(None, path)
        if not entry.is_sound():
            return Flaw(path, what, "its sound does not match its digest")
    except FileNotFoundError:
        return Flaw(path, what, "is a link that leads nowhere" if path.is_symlink() else "went away meanwhile")
    except (StoreError, OSError, ValueError) as error:
        return Flaw(path, what, str(error).removeprefix(f"{path}: ").split(";")[0])
    place = folder / entry.key[:2] / entry.key
    if path == place:
        return entry
    if not _KEY.fullmatch(entry.key):
        return Flaw(path, what, "its key is none")
    return Flaw(path, what, f"is the entry of another key, {entry.key[:12]}", place)


def _verify_pins(folder: Path) -> Iterator[Flaw]:
    for path in _listed(folder):
        if path.name.startswith(disk.SCRATCH):
            continue
        if path.suffix != ".json":
            yield Flaw(path, "foreign", "is no pin")
            continue
        try:
            pins.read(path)
        except StoreError as error:
            yield Flaw(path, "pin", str(error).removeprefix(f"{path}: "))


def _verify_ledger(path: Path) -> Iterator[Flaw]:
    try:
        if os.path.lexists(path):
            reading(path, lambda file: file.read(1))
        answers = [str(row[0]) for row in Database(path, TABLES).read("PRAGMA quick_check")]
    except (StoreError, OSError, ValueError) as error:
        yield Flaw(path, "ledger", str(error).removeprefix(f"{path}: "))
        return
    if answers not in ([], ["ok"]):
        yield Flaw(path, "ledger", f"is damaged: {answers[0]}")


def repair(folder: Path, flaw: Flaw, report: Callable[[str], None]) -> bool:
    """Set the flaw right: an entry that lies astray goes home, anything else into ``bad/``, and what only could not
    be read is made readable. Whether something was set aside that now has to be made anew.
    """
    if not flaw.is_damage:
        return False
    if flaw.what in ("segment", "encoded chapter") and _readable_now(flaw, folder):
        report(f"{flaw.path}: is sound, and can be read again")
        return False
    try:
        if flaw.place is not None and not os.path.lexists(flaw.place):
            disk.make_folder(flaw.place.parent)
            flaw.path.replace(flaw.place)
            disk.sync_folder(flaw.place.parent)
            report(f"{flaw.path}: moved to {flaw.place}, where it belongs")
            return False
        beside = [flaw.path.with_name(f"{LEDGER}{suffix}") for suffix in ("-wal", "-shm", "-journal")]
        for path in (*(beside if flaw.what == "ledger" else ()), flaw.path):
            if os.path.lexists(path):
                target = move_aside(path, folder / "bad")
        report(f"{flaw.path}: set aside in {target}")
    except OSError as error:
        raise StoreError(f"{flaw.path}: {flaw.why}, and cannot be set aside: {error.strerror}") from error
    return True


def _readable_now(flaw: Flaw, folder: Path) -> bool:
    """Whether an entry is sound after all: another process has replaced it, or reading it again succeeds."""
    if flaw.place is not None:
        return False
    kind: Kind = "segments" if flaw.what == "segment" else "blobs"
    return isinstance(_entry(flaw.path, folder / kind, kind), Entry)
