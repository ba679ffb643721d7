"""The store: written once, self-checking, a bad entry is a miss (P3, P7)."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from narrate import disk
from narrate.errors import StoreError
from narrate.store import Store, read_entry

KEY = "ab" + 62 * "0"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def test_what_is_put_is_found(store: Store) -> None:
    entry = store.put("segments", KEY, {"rate": 24000}, b"audio")
    found = store.get("segments", KEY)
    assert found == entry
    assert entry.read() == b"audio"
    assert entry.header["rate"] == 24000
    assert store.get("blobs", KEY) is None


@settings(max_examples=25, deadline=None)
@given(payload=st.binary(max_size=9000), note=st.text(max_size=6000))
def test_round_trip(tmp_path_factory: pytest.TempPathFactory, payload: bytes, note: str) -> None:
    store = Store(tmp_path_factory.mktemp("store"))
    assert store.put("segments", KEY, {"note": note}, payload).read() == payload
    found = store.get("segments", KEY)
    assert found is not None
    assert found.header["note"] == note


def test_the_first_answer_counts(store: Store) -> None:
    store.put("segments", KEY, {}, b"first")
    assert store.put("segments", KEY, {}, b"second").read() == b"first"


def test_nothing_is_there_until_it_is_whole(store: Store) -> None:
    with pytest.raises(RuntimeError), store.create("segments", KEY, {}) as file:
        file.write(b"half of")
        raise RuntimeError
    assert store.get("segments", KEY) is None
    assert list((store.folder / "tmp").iterdir()) == []


@pytest.mark.parametrize("position", [0, 3, -1, -5, -20, -45, -60])
def test_a_flipped_bit_is_found(tmp_path: Path, position: int) -> None:
    told: list[str] = []
    store = Store(tmp_path, told.append)
    path = store.put("segments", KEY, {"rate": 1}, b"the audio").path
    data = bytearray(path.read_bytes())
    data[position] ^= 4
    path.write_bytes(data)
    entry = store.get("segments", KEY)
    if entry is not None:  # the header is sound, so the payload must be what is not
        with pytest.raises(StoreError, match="damaged"):
            entry.read()
    else:
        assert told
        assert list((tmp_path / "bad").iterdir())
        assert store.put("segments", KEY, {}, b"anew").read() == b"anew"


@pytest.mark.parametrize("length", [0, 1, 40, 60])
def test_a_cut_off_entry_is_a_miss(store: Store, length: int) -> None:
    path = store.put("segments", KEY, {"rate": 1}, b"the audio").path
    os.truncate(path, length)
    assert store.get("segments", KEY) is None
    assert not path.exists()


def test_a_folder_in_place_of_an_entry_is_a_miss(store: Store) -> None:
    store.path("segments", KEY).mkdir(parents=True)
    assert store.get("segments", KEY) is None
    assert store.put("segments", KEY, {}, b"x").read() == b"x"


def test_an_entry_under_another_name_is_a_miss(store: Store) -> None:
    path = store.put("segments", KEY, {}, b"audio").path
    other = "ab" + 62 * "1"
    path.rename(store.path("segments", other))
    assert store.get("segments", other) is None


def test_many_threads_store_the_same_key(store: Store) -> None:
    threads = [threading.Thread(target=store.put, args=("segments", KEY, {}, bytes([n]) * 999)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    entry = store.get("segments", KEY)
    assert entry is not None
    assert len(set(entry.read())) == 1


def dead_process() -> subprocess.Popen[bytes]:
    process = subprocess.Popen([sys.executable, "-c", "pass"])
    process.wait()
    return process


def test_what_killed_writers_left_is_cleared_at_once_and_the_living_keep_theirs(store: Store) -> None:
    tmp = store.folder / "tmp"
    own = tmp / f"{disk.owner()}ab"
    reborn = tmp / f"{disk.host()}~{os.getpid()}~1~ab"  # the number is used again, by this very process
    dead = tmp / f"{disk.host()}~{dead_process().pid}~77~ab"
    elsewhere, long_ago = tmp / "another-host~1~5~ab", tmp / "another-host~1~5~cd"
    for path in (own, reborn, dead, elsewhere, long_ago):
        path.write_bytes(b"half")
        os.utime(path, (1, 1))
    elsewhere.touch()
    Store(store.folder)
    assert set(tmp.iterdir()) == {own, elsewhere}


def test_a_jumping_clock_costs_no_living_writer_its_scratch(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    foreign = store.folder / "tmp" / "another-host~1~5~ab"
    foreign.write_bytes(b"half")
    monkeypatch.setattr(time, "time", lambda: 4e9)
    with store.create("segments", KEY, {}) as file:
        Store(store.folder)
        file.write(b"whole")
    assert foreign.exists()
    assert store.get("segments", KEY) is not None


def test_a_place_that_cannot_hold_a_store_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match="cannot be opened"):
        Store(tmp_path / "file" / "store")


def put(store: Store, key: str = KEY) -> Path:
    return store.put("segments", key, {"rate": 1}, b"the audio").path


@pytest.mark.parametrize("bit", range(0, 8, 3))
def test_every_flipped_bit_is_found(store: Store, bit: int) -> None:
    path = put(store)
    whole = path.read_bytes()
    for position in range(0, len(whole), 7):
        path.write_bytes(whole[:position] + bytes([whole[position] ^ 1 << bit]) + whole[position + 1 :])
        with suppress(ValueError):
            assert not read_entry(KEY, path).is_sound()


def fifo(path: Path, elsewhere: Path) -> None:
    os.mkfifo(path)


ODD: dict[str, Callable[[Path, Path], object]] = {
    "folder": lambda path, elsewhere: path.mkdir(),
    "pipe": fifo,
    "dangling link": lambda path, elsewhere: path.symlink_to(elsewhere / "nothing"),
    "link elsewhere": lambda path, elsewhere: path.symlink_to("/etc/passwd"),
    "link to a pipe": lambda path, elsewhere: (
        fifo(elsewhere / "pipe", elsewhere),
        path.symlink_to(elsewhere / "pipe"),
    ),
    "link to a device": lambda path, elsewhere: path.symlink_to("/dev/zero"),
    "link to itself": lambda path, elsewhere: path.symlink_to(path),
}


@pytest.mark.skipif(os.name == "nt", reason="pipes and links")
@pytest.mark.parametrize("kind", ODD)
def test_oddities_in_place_of_an_entry_are_misses_and_never_waited_for(tmp_path: Path, kind: str) -> None:
    told: list[str] = []
    store = Store(tmp_path / "store", told.append)
    path = put(store)
    path.unlink()
    ODD[kind](path, tmp_path)
    assert store.get("segments", KEY) is None
    assert put(store).read_bytes()
    assert store.get("segments", KEY) is not None
    assert told or kind == "dangling link"


def test_a_link_to_a_sound_entry_is_one(store: Store, tmp_path: Path) -> None:
    path = put(store)
    path.rename(tmp_path / "moved")
    path.symlink_to(tmp_path / "moved")
    entry = store.get("segments", KEY)
    assert entry is not None
    assert entry.read() == b"the audio"


def test_a_file_in_place_of_a_shelf_is_set_aside(tmp_path: Path) -> None:
    told: list[str] = []
    store = Store(tmp_path, told.append)
    (tmp_path / "segments" / "ab").write_text("in the way")
    assert store.get("segments", KEY) is None
    (tmp_path / "segments" / "ab").symlink_to(tmp_path / "nowhere")
    assert put(store).exists()
    assert len(told) == 2


@pytest.mark.parametrize("name", ["segments", "blobs", "tmp"])
def test_a_file_in_place_of_the_store_s_own_folders_is_said(tmp_path: Path, name: str) -> None:
    Store(tmp_path)
    (tmp_path / name).rmdir()
    (tmp_path / name).write_text("in the way")
    with pytest.raises(StoreError, match=rf"{name}: the store cannot be opened.*verify --repair"):
        Store(tmp_path)
    assert (tmp_path / name).read_text() == "in the way"


@pytest.mark.parametrize("number", [errno.EIO, errno.EACCES, errno.EMFILE, errno.ESTALE])
def test_what_cannot_be_read_is_not_paid_for_again(store: Store, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    path = put(store)
    tries = []

    def fail(*arguments: object) -> int:
        tries.append(arguments)
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(disk.os, "open", fail)
    with pytest.raises(StoreError, match=f"{KEY}: cannot be read"):
        store.get("segments", KEY)
    monkeypatch.undo()
    assert path.exists()
    assert len(tries) >= 2, "a disk may stumble once"


def test_a_disk_that_stumbles_once_is_asked_again(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    put(store)
    real, tries = os.open, []

    def stumble(*arguments: Any) -> int:
        tries.append(arguments)
        if len(tries) == 1:
            raise OSError(errno.EIO, "Input/output error")
        return real(*arguments)

    monkeypatch.setattr(disk.os, "open", stumble)
    assert store.get("segments", KEY) is not None


@pytest.fixture
def nobody(tmp_path: Path) -> Any:
    """Be a user whom permissions bind, in folders that are theirs."""
    if os.name == "nt":
        pytest.skip("permissions")
    if os.geteuid():
        yield os.geteuid()
        return
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_uid == 0 and not folder.stat().st_mode & 1:
            folder.chmod(folder.stat().st_mode | 0o711)
    os.chown(tmp_path, 65534, 65534)
    os.seteuid(65534)
    try:
        yield 65534
    finally:
        os.seteuid(0)


def test_permissions_that_are_ours_to_give_are_given(nobody: int, tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    path = put(store)
    for mode, folder in ((0, 0o700), (0, 0), (0o600, 0o600)):
        path.chmod(mode)
        path.parent.chmod(folder)
        assert store.get("segments", KEY) is not None


@pytest.mark.skipif(os.name == "nt" or os.geteuid() != 0, reason="needs two users")
def test_permissions_that_are_not_ours_are_said(nobody: int, tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    path = put(store)
    os.seteuid(0)
    os.chown(path, 0, 0)
    path.chmod(0)
    os.seteuid(nobody)
    with pytest.raises(StoreError, match=f"{KEY}: cannot be read: permission denied; make it readable"):
        store.get("segments", KEY)
    assert path.exists()


def test_a_store_that_may_only_be_read_gives_and_asks_for_nothing(nobody: int, tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    put(store)
    for folder in (*store.folder.rglob("*"), store.folder):
        if folder.is_dir():
            folder.chmod(0o500)
    store = Store(store.folder)
    assert store.get("segments", KEY) is not None
    with store.claimed(KEY):
        pass
    with pytest.raises(StoreError, match=r"cannot be written.*nothing more is asked for"):
        store.check_room()
    with pytest.raises(StoreError, match="cannot be written"):
        put(store, "cd" + 62 * "0")


CALLS = ["fsync", "replace", "rename", "mkdir", "write"]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS])
@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("turn", [0, 1, 2, 3])
def test_a_disk_that_refuses_loses_nothing(
    store: Store, monkeypatch: pytest.MonkeyPatch, number: int, call: str, turn: int
) -> None:
    """Whatever call fails: StoreError, nothing half stored, and the same works when the disk does."""
    put(store, "cd" + 62 * "0")
    calls = []
    owner: Any = tempfile._TemporaryFileWrapper if call == "write" else os
    real = getattr(os, call) if call != "write" else None

    def refuse(*arguments: Any, **named: Any) -> Any:
        calls.append(arguments)
        if len(calls) > turn:
            raise OSError(number, os.strerror(number))
        return real(*arguments, **named) if real else arguments[0].file.write(*arguments[1:])

    monkeypatch.setattr(owner, call, refuse, raising=False)
    try:
        put(store)
    except StoreError as error:
        assert os.strerror(number) in str(error)
    else:
        assert len(calls) <= turn, "a refusal went unheard"
    monkeypatch.undo()
    assert list((store.folder / "tmp").iterdir()) == []
    assert store.get("segments", "cd" + 62 * "0") is not None
    assert put(store).read_bytes()


def test_nothing_is_asked_for_on_a_full_disk(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    store._room._clock = lambda: now[0]
    free = [10**9]
    monkeypatch.setattr(disk.shutil, "disk_usage", lambda path: type("Usage", (), {"free": free[0]}))
    store.check_room()
    free[0] = 3_000_000
    store.check_room()  # looked at a moment ago
    now[0] = 2
    for _ in range(2):
        with pytest.raises(StoreError, match="the disk has only 3 MB left; nothing more is asked for"):
            store.check_room()


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="needs to mount a small disk")
def test_a_disk_that_is_full_in_truth(tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(small)], capture_output=True).returncode:
        pytest.skip("cannot mount")
    try:
        store = Store(small)
        put(store)
        with pytest.raises(StoreError, match="the disk has only 1 MB left"):
            store.check_room()
        with pytest.raises(StoreError, match="No space left"):
            store.put("segments", "cd" + 62 * "0", {}, bytes(2_000_000))
        assert list((small / "tmp").iterdir()) == []
        assert store.get("segments", KEY) is not None
    finally:
        subprocess.run(["umount", "-l", str(small)], check=True)


def test_an_entry_that_another_process_made_anew_is_not_set_aside(tmp_path: Path) -> None:
    told: list[str] = []
    store = Store(tmp_path, told.append)
    path = put(store)
    assert store.set_aside(path, "seen a moment ago", unless_sound=True) is False
    assert path.exists()
    assert told == []


def test_use_is_noted_once_a_day(store: Store) -> None:
    path = put(store)
    os.utime(path, (1000, 1000))
    later = Store(store.folder, clock=lambda: 1000 + 80_000)
    later.get("segments", KEY)
    assert path.stat().st_mtime == 1000
    later = Store(store.folder, clock=lambda: 1000 + 90_000)
    later.get("segments", KEY)
    assert path.stat().st_mtime == 91_000
