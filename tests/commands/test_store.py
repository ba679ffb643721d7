"""narrate store: finds every planted damage, repairs when asked, prunes with care."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from narrate.commands.store import store as command
from narrate.errors import JobError, StoreError
from narrate.store import DAY, Store
from narrate.upkeep import pruning, verifying
from tests.test_produce import BOOK


def key(number: int) -> str:
    return f"{number:02x}" + 62 * "0"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A store of 20 segments of 1 kB and 5 encoded chapters of 10 kB, last used 100, 99, ... days ago."""
    made = Store(tmp_path / "store")
    now = time.time()
    for number in range(25):
        kind, size = ("segments", 1000) if number < 20 else ("blobs", 10_000)
        path = made.put(kind, key(number), {"rate": 1}, bytes([number]) * size).path  # type: ignore[arg-type]
        os.utime(path, (now, now - (100 - number) * DAY))
    return made.folder


def invoke(folder: Path, verb: str, *arguments: str) -> Result:
    result = CliRunner().invoke(command, [verb, "--store", str(folder), *arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def everything(folder: Path) -> dict[str, Any]:
    """All that lies in a folder, with times."""
    found = {}
    for path in folder.rglob("*"):
        status = path.lstat()
        content = path.read_bytes() if path.is_file() else None
        found[str(path.relative_to(folder))] = (status.st_mode, status.st_mtime_ns, content)
    return found


def segments(folder: Path) -> set[int]:
    return {int(path.name[:2], 16) for path in (folder / "segments").rglob("*") if path.is_file()}


def flipped(position: int) -> Callable[[Path, Path], None]:
    def plant(path: Path, folder: Path) -> None:
        data = bytearray(path.read_bytes())
        data[position] ^= 8
        path.write_bytes(data)

    return plant


def swapped(path: Path, folder: Path) -> None:
    """Another entry's payload under this one's header."""
    data = path.read_bytes()
    path.write_bytes(b"\x77" * 1000 + data[1000:])


def torn_ledger(path: Path, folder: Path) -> None:
    with closing(sqlite3.connect(folder / "ledger.sqlite3")) as connection:
        connection.execute("CREATE TABLE requests (name TEXT)")
        connection.executemany("INSERT INTO requests VALUES (?)", [(str(number) * 50,) for number in range(999)])
        connection.commit()
    data = bytearray((folder / "ledger.sqlite3").read_bytes())
    data[4096:12288] = b"\xa5" * 8192
    (folder / "ledger.sqlite3").write_bytes(data)


def replaced(make: Callable[[Path], object]) -> Callable[[Path, Path], None]:
    def plant(path: Path, folder: Path) -> None:
        path.unlink()
        make(path)

    return plant


def instead_of(name: str) -> Callable[[Path, Path], None]:
    def plant(path: Path, folder: Path) -> None:
        if (folder / name).is_dir():
            shutil.rmtree(folder / name)
        (folder / name).write_bytes(b"in the way")

    return plant


DAMAGES: dict[str, Callable[[Path, Path], object]] = {
    "truncated": lambda path, folder: os.truncate(path, 500),
    "emptied": lambda path, folder: os.truncate(path, 0),
    "payload": flipped(500),
    "header": flipped(1010),
    "length": flipped(-45),
    "digest": flipped(-20),
    "magic": flipped(-1),
    "swapped": swapped,
    "grown": lambda path, folder: path.write_bytes(path.read_bytes() + b"x"),
    "folder": replaced(lambda path: path.mkdir()),
    "pipe": replaced(os.mkfifo),
    "dangling link": replaced(lambda path: path.symlink_to("nowhere")),
    "link elsewhere": replaced(lambda path: path.symlink_to("/etc/passwd")),
    "link to a device": replaced(lambda path: path.symlink_to("/dev/zero")),
    "link to itself": replaced(lambda path: path.symlink_to(path)),
    "wrong key": lambda path, folder: path.replace(path.with_name(f"{path.name[:2]}{62 * '7'}")),
    "misplaced": lambda path, folder: path.replace(folder / "segments" / "01" / path.name),
    "lost": lambda path, folder: path.replace(folder / "segments" / path.name),
    "shelf": instead_of("segments/ff"),
    "segments": instead_of("segments"),
    "blobs": instead_of("blobs"),
    "tmp": instead_of("tmp"),
    "ledger": torn_ledger,
    "pin": lambda path, folder: ((folder / "pins").mkdir(), (folder / "pins" / "x.json").write_text('{"schema": 1')),
}
KEPT = {"wrong key", "misplaced", "lost"}
"""What is sound but lies in the wrong place: repair brings it home."""


@pytest.mark.skipif(os.name == "nt", reason="pipes and links")
@pytest.mark.parametrize("damage", DAMAGES)
def test_every_damage_is_found_and_set_aside_only_when_asked(folder: Path, damage: str) -> None:
    assert invoke(folder, "verify").exit_code == 0
    DAMAGES[damage](folder / "segments" / "00" / key(0), folder)
    before = everything(folder)
    found = invoke(folder, "verify")
    assert found.exit_code == 7
    assert "1 damaged" in found.output
    assert everything(folder) == before
    repaired = invoke(folder, "verify", "--repair")
    assert repaired.exit_code == 0
    assert ("0 set aside" if damage in KEPT else "1 set aside") in repaired.output
    assert (folder / "bad").exists() != (damage in KEPT)
    again = invoke(folder, "verify")
    assert again.exit_code == 0, again.output
    opened = Store(folder)
    whole = {"shelf", "blobs", "tmp", "ledger", "pin"} | KEPT
    assert (opened.get("segments", key(0)) is not None) == (damage in whole)


def test_strangers_are_told_and_left_alone(folder: Path) -> None:
    (folder / "notes.txt").write_text("mine")
    (folder / "segments" / "mine").mkdir()
    result = invoke(folder, "verify", "--repair")
    assert result.exit_code == 0
    assert result.output.count("none of the store's") == 2
    assert (folder / "notes.txt").read_text() == "mine"


def test_what_cannot_be_read_is_found_and_given_another_chance(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, failing = os.open, [True]

    def refuse(path: Any, *rest: Any, **named: Any) -> int:
        if failing[0] and Path(path).name == key(3):
            raise OSError(5, "Input/output error")
        return real(path, *rest, **named)

    monkeypatch.setattr(os, "open", refuse)
    found = [flaw for flaw in verifying.verify(folder) if isinstance(flaw, verifying.Flaw)]
    assert [(flaw.path.name, flaw.why) for flaw in found] == [(key(3), "cannot be read: input/output error")]
    failing[0] = False
    assert not verifying.repair(folder, found[0], print)
    assert Store(folder).get("segments", key(3)) is not None
    failing[0] = True
    assert verifying.repair(folder, found[0], print)
    assert (folder / "bad" / key(3)).exists()


def test_verify_for_programs(folder: Path) -> None:
    os.truncate(folder / "segments" / "00" / key(0), 3)
    told = json.loads(CliRunner().invoke(command, ["verify", "--store", str(folder), "--json"]).stdout)
    assert told["sound"] == 24
    assert [flaw["why"] for flaw in told["flaws"]] == ["too short"]


def test_a_store_that_is_not_there_is_no_damage_and_is_not_made(tmp_path: Path) -> None:
    for verb in (["verify"], ["info"], ["pins"], ["prune", "--days", "1"]):
        assert invoke(tmp_path / "none", *verb).exit_code == 0
    assert not (tmp_path / "none").exists()


def test_prune_shows_first_and_removes_only_when_told(folder: Path) -> None:
    for arguments in ((), ("--dry-run",), ("--dry-run", "--yes")):
        result = invoke(folder, "prune", "--older-than", "90d", *arguments)
        assert "would remove 11 entries" in result.output
        assert "11 of them are speech" in result.output
        assert len(segments(folder)) == 20
    assert "removed 11 entries" in invoke(folder, "prune", "--older-than", "90d", "--yes").output
    assert segments(folder) == set(range(11, 20))
    assert "would remove 0" in invoke(folder, "prune", "--days", "90", "--yes").output


def test_prune_to_a_size_takes_encoded_chapters_first_and_the_longest_unused(folder: Path) -> None:
    assert "removed 2 entries" in invoke(folder, "prune", "--max-size", "60kB", "--yes").output
    assert len(segments(folder)) == 20
    assert {item.key for item in pruning.items(folder) if not item.is_speech} == {key(22), key(23), key(24)}
    invoke(folder, "prune", "--max-size", "15kB", "--yes")
    assert not [item for item in pruning.items(folder) if not item.is_speech]
    left = segments(folder)
    assert left == set(range(20 - len(left), 20))
    assert sum(item.size for item in pruning.items(folder)) <= 15_000


def test_prune_spares_what_is_new_claimed_or_linked(folder: Path, tmp_path: Path) -> None:
    opened = Store(folder)
    fresh = opened.path("segments", key(0))
    fresh.touch()
    to_come = opened.path("segments", key(1))
    os.utime(to_come, (4e9, 4e9))
    outside = tmp_path / "outside"
    opened.path("segments", key(2)).parent.rename(outside)
    opened.path("segments", key(2)).parent.symlink_to(outside)
    with opened.claimed(key(3)):
        invoke(folder, "prune", "--days", "0", "--yes")
    assert segments(folder) >= {0, 1, 3}
    assert (outside / key(2)).exists()
    assert not [number for number in segments(folder) if number > 3]


def test_what_is_used_between_looking_and_removing_stays(folder: Path) -> None:
    going = [item for item in pruning.items(folder) if item.key == key(4)]
    Store(folder).get("segments", key(4))
    assert pruning.remove(folder, going) == (0, 0)


def test_prune_wants_a_condition_and_empties_bad_when_asked(folder: Path) -> None:
    assert invoke(folder, "prune").exit_code == 2
    assert invoke(folder, "prune", "--older-than", "soon").exit_code == 2
    Store(folder).set_aside(folder / "segments" / "00" / key(0), "a test")
    assert "1 that were set aside" in invoke(folder, "prune", "--bad").output
    assert (folder / "bad" / key(0)).exists()
    invoke(folder, "prune", "--bad", "--yes")
    assert list((folder / "bad").iterdir()) == []
    assert len(segments(folder)) == 19


@pytest.fixture
def published(tmp_path: Path) -> tuple[Path, Path]:
    """A store with one book in it, all last used ten days ago, and the book's folder."""
    from narrate.job import Job
    from narrate.produce import produce
    from tests.test_produce import Quiet, yes

    source = tmp_path / "book.md"
    source.write_text(BOOK, encoding="utf-8")
    job = Job(source, output=tmp_path / "out", store=tmp_path / "spoken", engine="tone", formats=("mp3",))
    made = produce(job, Quiet(), yes)
    opened = Store(tmp_path / "spoken")
    opened.put("segments", key(255), {}, b"nobody's")
    for item in pruning.items(opened.folder):
        os.utime(item.path, (time.time(), time.time() - 10 * DAY))
    return opened.folder, made.folder


def count(folder: Path) -> int:
    return sum(item.is_speech for item in pruning.items(folder))


def test_prune_of_what_no_book_needs(published: tuple[Path, Path]) -> None:
    folder, book = published
    (book.parent / "player").mkdir()
    (book.parent / "player" / "manifest.json").write_text('{"name": "a web page"}')
    before = count(folder)
    result = invoke(folder, "prune", "--unneeded", str(book.parent.parent), "--yes")
    assert "1 of them are speech" in result.output
    assert count(folder) == before - 1
    assert Store(folder).get("segments", key(255)) is None


def test_prune_goes_nowhere_where_needs_are_not_known(published: tuple[Path, Path], tmp_path: Path) -> None:
    folder, book = published
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(JobError, match="holds no published book"):
        invoke(folder, "prune", "--unneeded", str(empty), "--yes")
    (book / "manifest.json").write_text('{"schema": 1, "narr')
    with pytest.raises(JobError, match="nobody knows what it needs"):
        invoke(folder, "prune", "--unneeded", str(book), "--yes")


def test_a_pinned_book_stays_wherever_its_folder_goes(published: tuple[Path, Path], tmp_path: Path) -> None:
    folder, book = published
    before = count(folder)
    assert f"{before - 1:,} segments are kept" in invoke(folder, "pin", str(book)).output
    invoke(folder, "pin", str(book / "manifest.json"))
    name = json.loads(invoke(folder, "pins", "--json").output)["pins"][0]["name"]
    assert invoke(folder, "pins").output.count("\n") == 1, "pinned once"
    book.rename(tmp_path / "gone")
    invoke(folder, "prune", "--days", "1", "--yes")
    assert count(folder) == before - 1
    assert invoke(folder, "verify").exit_code == 0
    invoke(folder, "unpin", name)
    invoke(folder, "prune", "--days", "1", "--yes")
    assert count(folder) == 0
    with pytest.raises(JobError, match="is not pinned"):
        invoke(folder, "unpin", name)


def test_unpin_by_path_and_title(published: tuple[Path, Path]) -> None:
    folder, book = published
    for which in (str(book), str(book / "manifest.json"), "Book"):
        invoke(folder, "pin", str(book))
        assert "no longer pinned" in invoke(folder, "unpin", which).output


def test_a_damaged_pin_stops_pruning(published: tuple[Path, Path]) -> None:
    folder, book = published
    invoke(folder, "pin", str(book))
    pin = next((folder / "pins").iterdir())
    pin.write_bytes(pin.read_bytes()[:99])
    before = count(folder)
    with pytest.raises(StoreError, match="the pin is damaged"):
        invoke(folder, "prune", "--days", "1", "--yes")
    assert count(folder) == before
    assert "the pin is damaged" in invoke(folder, "info").output


def test_what_is_no_book_is_not_pinned(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(JobError, match="is no manifest of a published book"):
        invoke(folder, "pin", str(tmp_path))


def test_info_for_people_and_programs(folder: Path) -> None:
    told = invoke(folder, "info").output
    assert "20 spoken segments" in told
    assert "5 encoded chapters" in told
    about = json.loads(invoke(folder, "info", "--json").output)
    assert about["segments"]["entries"] == 20
    assert about["segments"]["oldest_use"] < about["segments"]["latest_use"]
    assert about["free_bytes"] > 0


@pytest.mark.parametrize("arguments", [["info"], ["verify"], ["verify", "--repair"], ["pins"], ["prune", "--bad"]])
def test_a_file_in_place_of_the_store_is_no_empty_store(tmp_path: Path, arguments: list[str]) -> None:
    (tmp_path / "store").write_text("mine", encoding="utf-8")
    result = CliRunner().invoke(command, [*arguments, "--store", str(tmp_path / "store")])
    assert isinstance(result.exception, StoreError)
    assert "is no folder" in str(result.exception)
    with pytest.raises(StoreError, match="is no folder"):
        Store(tmp_path / "store")
    assert (tmp_path / "store").read_text(encoding="utf-8") == "mine"


def test_an_age_that_is_no_number_removes_nothing(folder: Path) -> None:
    result = CliRunner().invoke(command, ["prune", "--days", "nan", "--yes", "--store", str(folder)])
    assert result.exit_code == 2
    assert len(list(pruning.items(folder))) == 25
