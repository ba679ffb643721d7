"""The store: written once, self-checking, a bad entry is a miss (P3, P7)."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from narrate.errors import StoreError
from narrate.store import Store

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


def test_what_killed_writers_left_is_cleared_after_a_day(store: Store) -> None:
    old, new = store.folder / "tmp" / "old", store.folder / "tmp" / "new"
    for path in (old, new):
        path.write_bytes(b"half")
    os.utime(old, (1, 1))
    Store(store.folder)
    assert not old.exists()
    assert new.exists()


def test_a_place_that_cannot_hold_a_store_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match="cannot be opened"):
        Store(tmp_path / "file" / "store")
