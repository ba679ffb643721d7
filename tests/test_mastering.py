"""What mastering does about a store that is damaged or refuses: heal what can be healed, say the rest (exit 7)."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from narrate import disk
from narrate import produce as producing
from narrate.errors import SegmentDamaged, StoreError
from narrate.executors.inline import Inline
from narrate.job import Job
from narrate.mastering import master_chapter
from narrate.produce import produce
from tests.test_produce import BOOK, Quiet, yes


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Job:
    """A book that was made, in this process alone."""
    real = producing.open_studio
    monkeypatch.setattr(
        producing,
        "open_studio",
        lambda *rest, **named: replace(real(*rest, **named), speakers=Inline(), masters=Inline()),
    )
    source = tmp_path / "book.md"
    source.write_text(BOOK, encoding="utf-8")
    made = Job(source, output=tmp_path / "out", store=tmp_path / "store", engine="tone", formats=("mp3",))
    produce(made, Quiet(), yes)
    return made


def entries(job: Job, kind: str) -> list[Path]:
    assert job.store is not None
    return sorted(path for path in (job.store / kind).rglob("*") if path.is_file())


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[100] ^= 1
    path.write_bytes(data)


def sound(job: Job) -> list[bytes]:
    return [path.read_bytes() for path in sorted(job.output.rglob("*.mp3"))]


def test_a_damaged_encoded_chapter_is_reported_and_made_anew(job: Job) -> None:
    before = sound(job)
    flip(entries(job, "blobs")[1])
    console = Quiet()
    assert produce(job, console, yes).tally.bought == 0
    assert sum("set aside" in told for told in console.told) == 1
    assert sound(job) == before


ODD: dict[str, Callable[[Path], object]] = {
    "flipped": flip,
    "emptied": lambda path: os.truncate(path, 0),
    "gone": lambda path: path.unlink(),
    "a folder": lambda path: (path.unlink(), path.mkdir()),
    "a pipe": lambda path: (path.unlink(), os.mkfifo(path)),
}


@pytest.mark.parametrize("oddity", ODD)
def test_a_segment_that_goes_bad_before_it_is_mastered_is_spoken_anew(
    job: Job, oddity: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = sound(job)
    for blob in entries(job, "blobs"):
        blob.unlink()
    real, jobs = master_chapter, []

    def spoilt(work: Any) -> Any:
        if not jobs:
            ODD[oddity](work.sources[2].path)
        jobs.append(work)
        return real(work)

    monkeypatch.setattr("narrate.assemble.master_chapter", spoilt)
    console = Quiet()
    assert produce(job, console, yes).tally.bought == 1
    assert any("spoken anew" in told for told in console.told)
    assert sound(job) == before


@pytest.mark.parametrize("number", [errno.EIO, errno.EACCES, errno.EMFILE])
def test_a_disk_that_cannot_be_read_is_no_damage(job: Job, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    for blob in entries(job, "blobs"):
        blob.unlink()
    real, jobs = os.open, []

    def master(work: Any) -> Any:
        jobs.append(work)
        monkeypatch.setattr(disk.os, "open", refuse)
        return master_chapter(work)

    def refuse(path: Any, *rest: Any, **named: Any) -> int:
        if Path(path) == jobs[0].sources[1].path:
            raise OSError(number, os.strerror(number))
        return real(path, *rest, **named)

    monkeypatch.setattr("narrate.assemble.master_chapter", master)
    held = entries(job, "segments")
    with pytest.raises(StoreError, match="cannot be read") as caught:
        produce(job, Quiet(), yes)
    assert not isinstance(caught.value, SegmentDamaged)
    assert caught.value.exit_code == 7
    assert entries(job, "segments") == held


def test_whatever_else_the_system_refuses_is_a_failure_of_the_store(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*rest: object) -> None:
        raise OSError(errno.ENOMEM, "Cannot allocate memory")

    monkeypatch.setattr("narrate.mastering._master", refuse)
    with pytest.raises(StoreError, match="a chapter cannot be made: cannot allocate memory"):
        produce(job, Quiet(), yes)
