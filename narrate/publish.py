"""VERB: publish. Finished sound becomes files in their place, whole or not at all (P7).

Writers work in a scratch folder beside the book's, on the same file system. When all have written and checked, the
files are made durable and moved into place one by one, the manifest last: whatever fails before that leaves the
older files as they were.

Several files cannot be replaced at once, so a run that dies between two moves leaves some of either set. Two things
keep that honest. A manifest never lies: the older one is put away before the first file it lists is replaced, so that
until the new one is there the folder has none. And nothing is forgotten: what is about to be moved is noted first,
so that the next run knows what the dead one put there, whatever itself it makes.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from narrate import disk, manifest, serials
from narrate.audio.reopen import digest_of
from narrate.audiobook import Audiobook, Published
from narrate.errors import AudioError, NarrateError
from narrate.naming import cover_file
from narrate.writers import Writer

RETIRED = ".manifest.older.json"
"""The older manifest, while the files it lists are being replaced."""
INTENT = ".publishing.json"
"""The names of all files that a run moves into place, until it has."""

_REFUSALS = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EFBIG, errno.ENAMETOOLONG}


def publish(audiobook: Audiobook, writers: Sequence[Writer], folder: Path) -> tuple[Published, ...]:
    """Write ``audiobook`` with every writer into ``folder`` and say what is there now.

    The caller holds the lock of ``folder``. What dead runs left beside it is cleared away, and what one left half
    published is completed. A file that is there already, byte for byte, is not touched. A file that an older manifest
    lists and this run does not make is kept, and listed on, while it is of this very audiobook (another format of it);
    else it is removed. A serial goes on from there: its chapters keep the numbers and names they were published by.
    """
    with _refusals(folder), _scratch_beside(folder) as scratch:
        older = manifest.read(folder / manifest.NAME) or manifest.read(folder / RETIRED)
        audiobook = serials.continued(audiobook, older)
        sound = _write_all(audiobook, writers, scratch)
        beside = _write_cover(audiobook, scratch)
        _check_places([*sound, *beside], scratch, folder)
        kept, obsolete = _sort_older(older, audiobook, {_name(file, scratch) for file in (*sound, *beside)}, folder)
        beside.append(_write_manifest(audiobook, [*sound, *beside], kept, scratch))
        for file in beside:
            disk.sync_file(file.path)
        made = [*sound, *beside]
        obsolete += _left_half_published(folder, {_name(file, scratch) for file in made} | {file.name for file in kept})
        fresh = [file for file in made if not _is_there(file, scratch, folder)]
        if (fresh or obsolete) and made[-1] not in fresh:
            fresh.append(made[-1])  # the manifest: it is put away meanwhile, also one that needs no change
        with _noted({_name(file, scratch) for file in fresh} | set(obsolete), older, folder):
            for file in fresh[:-1]:
                _place(file, scratch, folder)
            for name in dict.fromkeys(obsolete):
                _remove(folder, name)
            for file in fresh[-1:]:
                _place(file, scratch, folder)
        return tuple(replace(file, path=folder / file.path.relative_to(scratch)) for file in made)


def _check_places(made: Sequence[Published], scratch: Path, folder: Path) -> None:
    """NarrateError where a folder lies in place of a file: it may be anybody's, and nothing is moved over it."""
    names = [*(_name(file, scratch) for file in made), manifest.NAME, RETIRED, INTENT]
    for place in (folder / name for name in names):
        if place.is_dir() and not place.is_symlink():
            raise NarrateError(
                f"{place}: a folder lies where this file should; move it away and run again: the speech is kept"
            )


@contextmanager
def _noted(changing: set[str], older: manifest.Manifest | None, folder: Path) -> Iterator[None]:
    """While the block moves and removes files: note which, and have no manifest that they would make a lie."""
    present, intent, retired = folder / manifest.NAME, folder / INTENT, folder / RETIRED
    if not changing and not intent.exists() and not retired.exists():
        yield
        return
    disk.make_folder(folder)
    disk.replace_file(intent, json.dumps({"schema": 1, "files": sorted(changing | _noted_before(folder))}))
    if present.exists() and (older is None or changing & {file.name for file in older.files}):
        present.replace(retired)
        disk.sync_folder(folder)
    try:
        yield
    except OSError as error:
        raise NarrateError(
            f"{folder}: the audiobook could not be put in place: {_reason(error)}; some of its files may be new and "
            "some old; the speech is kept, run again to complete it"
        ) from error
    retired.unlink(missing_ok=True)
    intent.unlink()
    disk.sync_folder(folder)


def _noted_before(folder: Path) -> set[str]:
    """The names that a run which did not get to its end meant to move."""
    try:
        with disk.open_regular(folder / INTENT) as file:
            names = json.load(file)["files"]
        return {name for name in names if isinstance(name, str)}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return set()


def _left_half_published(folder: Path, wanted: set[str]) -> list[str]:
    return sorted(_noted_before(folder) - wanted)


def _write_all(audiobook: Audiobook, writers: Sequence[Writer], scratch: Path) -> list[Published]:
    """What all writers make, in their order. They work side by side: most of it is copying,
    hashing and waiting for the disk.
    """

    def write(writer: Writer) -> list[Published]:
        files = writer.write(audiobook, scratch)
        for file in files:
            disk.sync_file(file.path)
        return files

    with ThreadPoolExecutor(max(1, len(writers))) as pool:
        return [file for files in pool.map(write, writers) for file in files]


@contextmanager
def _refusals(folder: Path) -> Iterator[None]:
    """A full or forbidden disk, told as one sentence that names the folder."""
    try:
        yield
    except OSError as error:
        raise _refusal(folder, error) from error
    except AudioError as error:
        if getattr(error.__cause__, "errno", None) in _REFUSALS:
            raise _refusal(folder, error.__cause__) from error
        raise


def _refusal(folder: Path, error: BaseException | None) -> NarrateError:
    return NarrateError(
        f"{folder}: the audiobook cannot be written: {_reason(error)}; what was there before is unharmed, "
        "the speech is kept, make room or choose another output folder (-o) and run again"
    )


def _reason(error: BaseException | None) -> str:
    number = getattr(error, "errno", None)
    return os.strerror(number).lower() if number else str(error)


@contextmanager
def _scratch_beside(folder: Path) -> Iterator[Path]:
    """A new, empty folder beside ``folder``, gone afterwards; what dead runs left there goes too."""
    disk.make_folder(folder.parent)
    for place in (folder.parent, folder):
        if place.is_dir():
            disk.clear_scratch(place, disk.SCRATCH)
    with suppress(OSError):  # how it was named once; nobody else writes there, for the caller holds the lock
        disk.remove_all(folder.parent / f".{folder.name}.part")
    scratch = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f"{disk.SCRATCH}{disk.owner()}"))
    try:
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _name(file: Published, scratch: Path) -> str:
    return file.path.relative_to(scratch).as_posix()


def _write_cover(audiobook: Audiobook, scratch: Path) -> list[Published]:
    cover, name = audiobook.meta.cover, cover_file(audiobook.meta)
    if cover is None or not name:
        return []
    path = scratch / name
    path.write_bytes(cover.data)
    return [Published(path, len(cover.data), digest_of(path))]


def _sort_older(
    older: manifest.Manifest | None, audiobook: Audiobook, made: set[str], folder: Path
) -> tuple[list[manifest.File], list[str]]:
    """The older run's files that this one does not make: those that stay, and the names of those that go."""
    others = [file for file in older.files if file.name not in made] if older else []
    others = [file for file in others if file.name != manifest.NAME]
    if older is None or older.content != manifest.content_of(audiobook):
        return [], [file.name for file in others]
    kept = [file for file in others if _is_still(folder / file.name, file)]
    return kept, []


def _is_still(path: Path, file: manifest.File) -> bool:
    return path.is_file() and path.stat().st_size == file.size and digest_of(path) == file.sha256


def _write_manifest(audiobook: Audiobook, made: list[Published], kept: list[manifest.File], scratch: Path) -> Published:
    path = scratch / manifest.NAME
    files = [manifest.File(_name(file, scratch), file.size, file.digest, file.duration_ms) for file in made] + kept
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(manifest.lines(audiobook, sorted(files, key=lambda file: file.name)))
    return Published(path, path.stat().st_size, digest_of(path))


def _is_there(file: Published, scratch: Path, folder: Path) -> bool:
    target = folder / file.path.relative_to(scratch)
    return target.is_file() and target.stat().st_size == file.size and digest_of(target) == file.digest


def _place(file: Published, scratch: Path, folder: Path) -> None:
    """Move one file to where it belongs, durably."""
    target = folder / file.path.relative_to(scratch)
    disk.make_folder(target.parent)
    file.path.replace(target)
    disk.sync_folder(target.parent)


def _remove(folder: Path, name: str) -> None:
    """Remove a file of an older run, and its folder when nothing else is in it."""
    path = folder / name
    if path.is_symlink() or not path.is_file() or not path.resolve().is_relative_to(folder.resolve()):
        return
    path.unlink()
    emptied = path.parent != folder and not any(path.parent.iterdir())
    if emptied:
        path.parent.rmdir()
    disk.sync_folder(path.parent.parent if emptied else path.parent)
