"""The power fails at every moment of a production: what was on disk by then is enough to go on from (P3, P7).

The disk is modelled at its worst. A file holds what it held when it was last synced; a folder has the names it had when
it was last synced (or, the other way to lose, all names it has by now, over contents that were never synced). After
each sync and each change of a name that disk is built anew, and the production run again on it.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import stat
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from narrate import produce as producing
from narrate.engines import Speech
from narrate.executors.inline import Inline
from narrate.job import Job
from narrate.produce import produce
from narrate.script import Chunk
from narrate.store import Store
from narrate.studio import Studio
from tests.test_produce import Quiet, yes

BOOK = "# One\n\nFirst words.\n\nAnd more words.\n\n# Two\n\nOther words.\n"

Image = dict[str, bytes | None]
"""A disk: names to contents, None for a folder."""


class Disk:
    """What would be on disk under ``root`` if the power failed now."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._contents: dict[int, bytes] = {}
        self._names: dict[int, dict[str, int]] = {root.stat().st_ino: {}}
        self._held: list[int] = []  # open files keep their numbers: none is given to another file
        self._kinds: dict[int, bool] = {root.stat().st_ino: True}

    def synced(self, handle: int) -> None:
        status = os.fstat(handle)
        self._held.append(os.dup(handle))
        self._kinds[status.st_ino] = stat.S_ISDIR(status.st_mode)
        path = Path(f"/proc/self/fd/{handle}").readlink()
        if stat.S_ISDIR(status.st_mode):
            self._names[status.st_ino] = {name.name: name.lstat().st_ino for name in path.iterdir()}
            for name in path.iterdir():
                self._kinds[name.lstat().st_ino] = name.is_dir()
        else:
            self._contents[status.st_ino] = path.read_bytes()

    def strict(self) -> Image:
        """Names and contents as of their last sync."""
        return dict(self._durable(self.root.stat().st_ino, ""))

    def _durable(self, folder: int, prefix: str) -> Iterator[tuple[str, bytes | None]]:
        for name, number in self._names.get(folder, {}).items():
            if self._kinds[number]:
                yield prefix + name, None
                yield from self._durable(number, f"{prefix}{name}/")
            else:
                yield prefix + name, self._contents.get(number, b"")

    def eager(self) -> Image:
        """Names as they are, contents as of their last sync."""
        found: Image = {}
        for path in self.root.rglob("*"):
            name = str(path.relative_to(self.root))
            found[name] = None if path.is_dir() else self._contents.get(path.lstat().st_ino, b"")
        return found

    def close(self) -> None:
        for handle in self._held:
            os.close(handle)


def build(image: Image, root: Path) -> None:
    for name, content in sorted(image.items()):
        if content is None:
            (root / name).mkdir(parents=True, exist_ok=True)
        elif not name.endswith(".lock"):
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_bytes(content)


def digest(image: Image) -> str:
    return hashlib.sha256(repr(sorted(image.items())).encode()).hexdigest()


class Counting:
    """An engine that notes the keys of what it was asked for."""

    def __init__(self, engine: Any, asked: list[str]) -> None:
        self.traits = engine.traits
        self._engine = engine
        self._asked = asked

    def speak(self, chunk: Chunk) -> Speech:
        self._asked.append(chunk.key)
        speech: Speech = self._engine.speak(chunk)
        return speech


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Productions happen in this thread alone; the keys they ask for."""
    keys: list[str] = []
    real = producing.open_studio

    def here(*arguments: Any, **named: Any) -> Studio:
        studio = real(*arguments, **named)
        return replace(
            studio, engine=Counting(studio.engine, keys), speakers=Inline(), masters=Inline(), writers=studio.writers
        )

    monkeypatch.setattr(producing, "open_studio", here)
    return keys


def job_in(root: Path, source: Path, formats: tuple[str, ...]) -> Job:
    return Job(source, output=root / "out", store=root / "store", engine="tone", formats=formats)


def published(root: Path) -> dict[str, bytes]:
    out = root / "out"
    return {
        str(path.relative_to(out)): path.read_bytes()
        for path in out.rglob("*")
        if path.is_file() and not any(part.startswith(".narrate") for part in path.relative_to(out).parts)
    }


def is_honest(image: Image) -> bool:
    """Whether every manifest lists only files that are there, to the bit."""
    for name, content in image.items():
        if name.endswith("/manifest.json") and name.startswith("out/") and ".narrate." not in name and content:
            folder = name.removesuffix("manifest.json")
            for file in json.loads(content)["files"]:
                found = image.get(folder + file["name"])
                if found is None or hashlib.sha256(found).hexdigest() != file["sha256"]:
                    return False
        elif name.endswith("/manifest.json") and name.startswith("out/") and ".narrate." not in name:
            return False
    return True


def watch(monkeypatch: pytest.MonkeyPatch, disk: Disk, happened: Callable[[], None]) -> None:
    real_fsync = os.fsync

    def fsync(handle: Any) -> None:
        real_fsync(handle)
        disk.synced(handle if isinstance(handle, int) else handle.fileno())
        happened()

    monkeypatch.setattr(os, "fsync", fsync)

    def hook(name: str) -> None:
        real = getattr(os, name)

        def call(*arguments: Any, **named: Any) -> Any:
            done = real(*arguments, **named)
            happened()
            return done

        monkeypatch.setattr(os, name, call)

    for name in ("replace", "rename", "mkdir", "unlink", "rmdir"):
        hook(name)


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="reads what is open from /proc")
@pytest.mark.parametrize(("edited", "formats"), [(False, ("mp3",)), (True, ("mp3", "chapters"))])
def test_the_power_may_fail_at_any_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: list[str], edited: bool, formats: tuple[str, ...]
) -> None:
    source = tmp_path / "book.md"
    source.write_text(BOOK, encoding="utf-8")
    clean, root, again = tmp_path / "clean", tmp_path / "disk", tmp_path / "again"
    root.mkdir()
    if edited:  # an older edition is there, which the production replaces
        source.write_text(BOOK.replace("# Two", "# Zwei"), encoding="utf-8")
        produce(job_in(root, source, formats), Quiet(), yes)
        source.write_text(BOOK, encoding="utf-8")
    produce(job_in(clean, source, formats), Quiet(), yes)
    expected = published(clean)
    asked.clear()

    disk = Disk(root)
    for path in [root, *root.rglob("*")]:
        handle = os.open(path, os.O_RDONLY)
        disk.synced(handle)
        os.close(handle)
    put: list[str] = []
    images: dict[str, tuple[Image, int]] = {}

    def happened() -> None:
        for image in (disk.strict(), disk.eager()):
            images[digest(image)] = image, len(put)  # of equal disks the latest, which must hold the most

    real_put = Store.put

    def putting(self: Store, kind: Any, key: str, *rest: Any) -> Any:
        entry = real_put(self, kind, key, *rest)
        if kind == "segments":
            put.append(key)
            happened()
        return entry

    with monkeypatch.context() as hooks:
        watch(hooks, disk, happened)
        hooks.setattr(Store, "put", putting)
        produce(job_in(root, source, formats), Quiet(), yes)
        happened()
    disk.close()
    assert published(root) == expected
    assert len(images) > 20, "the hooks saw the production"

    for image, stored in images.values():
        assert is_honest(image)
        asked.clear()
        again.mkdir()
        build(image, again)
        produce(job_in(again, source, formats), Quiet(), yes)
        assert published(again) == expected
        assert not set(asked) & set(put[:stored]), "what was stored is not paid for again"
        shutil.rmtree(again)
