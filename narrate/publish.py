"""VERB: publish. Finished sound becomes files in their place, whole or not at all (P7).

Writers work in a scratch folder beside the book's, on the same file system. When all have written and checked, the
files are made durable and moved into place one by one, the manifest last: whatever fails before that leaves the
older files as they were.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from narrate import manifest
from narrate.audio.reopen import digest_of
from narrate.audiobook import Audiobook, Published
from narrate.errors import AudioError, NarrateError
from narrate.store import sync_folder
from narrate.writers import Writer

_COVERS = {"image/jpeg": "cover.jpg", "image/png": "cover.png"}
_REFUSALS = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EFBIG, errno.ENAMETOOLONG}


def publish(audiobook: Audiobook, writers: Sequence[Writer], folder: Path) -> tuple[Published, ...]:
    """Write ``audiobook`` with every writer into ``folder`` and say what is there now.

    The caller holds the lock of ``folder``: what an earlier, dead run left beside it is cleared away. A file that is
    there already, byte for byte, is not touched. A file that an older manifest lists and this run does not make is
    kept, and listed on, while it is of this very audiobook (another format of it); else it is removed.
    """
    scratch = folder.parent / f".{folder.name}.part"
    with _refusals(folder), _cleared(scratch):
        sound = _write_all(audiobook, writers, scratch)
        beside = _write_cover(audiobook, scratch)
        older = manifest.read(folder / manifest.NAME)
        kept, obsolete = _sort_older(older, audiobook, {_name(file, scratch) for file in (*sound, *beside)}, folder)
        beside.append(_write_manifest(audiobook, [*sound, *beside], kept, scratch))
        for file in beside:
            _sync(file.path)
        made = [*sound, *beside]
        placed = tuple(_place(file, scratch, folder) for file in made[:-1])
        for name in obsolete:
            _remove(folder, name)
        return (*placed, _place(made[-1], scratch, folder))


def _write_all(audiobook: Audiobook, writers: Sequence[Writer], scratch: Path) -> list[Published]:
    """What all writers make, in their order. They work side by side: most of it is copying,
    hashing and waiting for the disk.
    """

    def write(writer: Writer) -> list[Published]:
        files = writer.write(audiobook, scratch)
        for file in files:
            _sync(file.path)
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
    number = getattr(error, "errno", None)
    reason = os.strerror(number).lower() if number else str(error)
    return NarrateError(
        f"{folder}: the audiobook cannot be written: {reason}; what was there before is unharmed, "
        "the speech is kept, make room or choose another folder with -o and run again"
    )


@contextmanager
def _cleared(scratch: Path) -> Iterator[None]:
    """A new, empty folder, gone afterwards."""
    if scratch.exists():
        shutil.rmtree(scratch)
    scratch.mkdir(parents=True)
    try:
        yield
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _name(file: Published, scratch: Path) -> str:
    return file.path.relative_to(scratch).as_posix()


def _write_cover(audiobook: Audiobook, scratch: Path) -> list[Published]:
    cover = audiobook.meta.cover
    if cover is None or cover.media_type not in _COVERS:
        return []
    path = scratch / _COVERS[cover.media_type]
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


def _sync(path: Path) -> None:
    """Bring a file's bytes to the disk before its name means anything."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def _place(file: Published, scratch: Path, folder: Path) -> Published:
    """Move one file to where it belongs, unless the same bytes are there already."""
    target = folder / file.path.relative_to(scratch)
    target.parent.mkdir(parents=True, exist_ok=True)
    same = target.is_file() and target.stat().st_size == file.size and digest_of(target) == file.digest
    if not same:
        file.path.replace(target)
        sync_folder(target.parent)
    return Published(target, file.size, file.digest, file.duration_ms)


def _remove(folder: Path, name: str) -> None:
    """Remove a file of an older run, and its folder when nothing else is in it."""
    path = folder / name
    if path.is_symlink() or not path.is_file() or not path.resolve().is_relative_to(folder.resolve()):
        return
    path.unlink()
    if path.parent != folder and not any(path.parent.iterdir()):
        path.parent.rmdir()
