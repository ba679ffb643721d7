"""One writer per output folder, and what is left lying about is no obstacle."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import filelock
import pytest

from narrate import disk, locks
from narrate.errors import Busy, NarrateError
from narrate.locks import only_run
from tests.holders import holding


@pytest.fixture
def holder(tmp_path: Path):
    with holding(
        "from narrate.locks import only_run", 'only_run(Path(sys.argv[1]), "book", "out/A Book")', str(tmp_path)
    ) as process:
        yield process


def run(folder: Path) -> None:
    with only_run(folder, "book", "out/A Book"):
        pass


def test_who_comes_second_is_told_who_is_first_and_its_death_frees(
    tmp_path: Path, holder: subprocess.Popen[str]
) -> None:
    with pytest.raises(Busy, match=rf"^out/A Book: another run is making this book \(process {holder.pid}, since 20"):
        run(tmp_path)
    holder.kill()
    holder.wait()
    run(tmp_path)


def test_a_torn_note_of_the_holder_tells_nothing_and_harms_nothing(
    tmp_path: Path, holder: subprocess.Popen[str]
) -> None:
    for torn in (b"", b"{", b"[]", b'{"process": "x", "host": 1, "since": null}', b"\xff\xfe"):
        (tmp_path / "book.holder").write_bytes(torn)
        with pytest.raises(Busy, match="another run is making this book; wait"):
            run(tmp_path)
    note = {"process": 7, "host": "far-away", "since": "2026-01-02 03:04"}
    (tmp_path / "book.holder").write_text(json.dumps(note))
    with pytest.raises(Busy, match=r"\(process 7 on far-away, since 2026-01-02 03:04\)"):
        run(tmp_path)


@pytest.mark.parametrize("content", [b"", b"\0" * 4096, b"12345\nanother-host\n", b"\xff garbage"])
def test_what_a_dead_run_or_another_host_left_is_no_obstacle(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "book.lock").write_bytes(content)
    (tmp_path / "book.holder").write_bytes(content)
    run(tmp_path)
    assert not (tmp_path / "book.holder").exists()


def test_a_folder_in_place_of_the_lock_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "book.lock").mkdir()
    with pytest.raises(NarrateError, match=r"book\.lock: a folder lies where a lock should"):
        run(tmp_path)


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(NarrateError, match="cannot be written"):
        run(tmp_path / "file" / ".narrate")


def test_a_lock_is_given_back_when_the_run_fails(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="a fault"), only_run(tmp_path, "book", "out"):
        raise ValueError("a fault")
    run(tmp_path)


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP, None])
def test_a_file_system_without_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int | None) -> None:
    def refuse(self: filelock.FileLock) -> None:
        raise NotImplementedError if number is None else OSError(number, os.strerror(number))

    monkeypatch.setattr(locks.FileLock, "_acquire", refuse)
    with only_run(tmp_path, "book", "out/A Book"), pytest.raises(Busy, match=f"process {os.getpid()}"):
        run(tmp_path)
    dead = subprocess.Popen([sys.executable, "-c", "pass"])
    dead.wait()
    (tmp_path / "book.softlock").write_text(f"{dead.pid}\n{filelock_host()}\n")
    run(tmp_path)


def filelock_host() -> str:
    import socket

    return socket.gethostname()


def test_hosts_are_named_so_that_a_file_can_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk.socket, "gethostname", lambda: "a/b~c.d")
    assert disk.host() == "a-b-c-d"
