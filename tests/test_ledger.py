"""The ledger: what was sent stands in it, whatever happens to the process, the file or the disk."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from narrate import database
from narrate.errors import StoreError
from narrate.ledger import FILE, Ledger, Request, Settled, Ticket

DAY = 86_400.0
PRICE = 15.0


def request(key: str = "k", characters: int = 100, **more: object) -> Request:
    known = {"run": "r1", "book": "Dune", "engine": "lmnt", "model": "blizzard", "voice": "leah", "price": PRICE}
    return Request(**{**known, "currency": "USD", **more}, key=key, characters=characters)  # type: ignore[arg-type]


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def ledger(tmp_path: Path, said: list[str]) -> Iterator[Ledger]:
    opened = Ledger(tmp_path / FILE, said.append)
    yield opened
    opened.close()


def fill(path: Path, requests: int) -> None:
    ledger = Ledger(path)
    for number in range(requests):
        ledger.settle(ledger.reserve(request(f"k{number}")), "spoken", f"id{number}", 1.0)
    ledger.close()


def states(ledger: Ledger) -> dict[str, int]:
    found = ledger.spending(())
    return found[0].states if found else {}


# --- what it tells


def test_what_a_request_cost_follows_from_its_state(ledger: Ledger) -> None:
    told: tuple[Settled, ...] = ("spoken", "refused", "throttled", "failed", "unsent")
    for number, state in enumerate(told):
        ledger.settle(ledger.reserve(request(f"k{number}", 10**number)), state, f"id-{state}", 0.5)
    ledger.reserve(request("open", 1_000_000))
    (spent,) = ledger.spending(("book", "engine"))
    assert spent.group == ("Dune", "lmnt")
    assert spent.states == {**dict.fromkeys(told, 1), "in flight": 1}
    assert (spent.requests, spent.answered) == (6, 1)
    assert (spent.billed, spent.possible, spent.in_flight) == (1, 1000, 1_000_000)
    assert (spent.cost, spent.possible_cost) == (Decimal("0.000015"), Decimal("0.015"))
    records = list(ledger.requests())
    assert [record.state for record in records] == [*told, "in flight"]
    assert [record.billed for record in records] == [1, 0, 0, None, 0, None]
    assert records[0].request_id == "id-spoken"
    assert records[0].seconds == 0.5
    assert records[0].pid == os.getpid()


def test_attempts_of_a_chunk_are_counted_in_each_run(ledger: Ledger) -> None:
    for _ in range(3):
        ledger.settle(ledger.reserve(request("k")), "failed")
    ledger.reserve(request("other"))
    ledger.reserve(request("k", run="r2"))
    assert [record.attempt for record in ledger.requests()] == [1, 2, 3, 1, 1]


def test_currencies_and_unknown_prices_are_kept_apart(ledger: Ledger) -> None:
    for price, currency in ((10.0, "EUR"), (10.0, "USD"), (None, None), (20.0, "USD")):
        ledger.settle(ledger.reserve(request(characters=50_000, price=price, currency=currency)), "spoken")
    spent = {item.currency: item.cost for item in ledger.spending(())}
    assert spent == {None: None, "EUR": Decimal("0.5"), "USD": Decimal("1.5")}


def test_sums_do_not_drift(ledger: Ledger) -> None:
    for number in range(30):
        ledger.settle(ledger.reserve(request(f"k{number}", 1, price=0.1)), "spoken")
    assert ledger.spending(())[0].cost == Decimal("0.000003")


@pytest.mark.parametrize(
    ("zone", "days"), [("UTC", ["2026-03-28", "2026-03-29"]), ("Pacific/Auckland", ["2026-03-29", "2026-03-30"])]
)
def test_days_are_local(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, zone: str, days: list[str]) -> None:
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        now = iter([1774738800.0, 1774738800.0 + DAY])  # 23:00 UTC
        ledger = Ledger(tmp_path / FILE, clock=lambda: next(now))
        ledger.reserve(request())
        ledger.reserve(request())
        assert [item.group for item in ledger.spending(("day",))] == [(day,) for day in days]
        assert [item.requests for item in ledger.spending((), since=1774738801.0)] == [1]
        assert [item.requests for item in ledger.spending((), until=1774738801.0)] == [1]
        ledger.close()
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize("moment", [-1e18, -1.0, 0.0, 1e11, 1e18, 1e300])
def test_a_clock_gone_mad_does_no_harm(tmp_path: Path, moment: float) -> None:
    now = iter([1.7e9, moment, 1.6e9])  # and jumps backwards
    ledger = Ledger(tmp_path / FILE, clock=lambda: next(now))
    for number in range(3):
        ledger.settle(ledger.reserve(request(f"k{number}")), "spoken", seconds=float("nan"))
    assert sum(item.requests for item in ledger.spending(("day",))) == 3
    assert [record.key for record in ledger.requests()] == ["k0", "k1", "k2"]
    ledger.close()


def test_names_of_any_kind_are_kept_as_well_as_can_be(ledger: Ledger) -> None:
    titles = ["x" * 100_000, "half \ud800 a character", "nul \0 byte", "", "'; DROP TABLE requests; --", "戦争と平和"]
    for title in titles:
        ledger.settle(ledger.reserve(request(title, book=title, source=title)), "spoken", title)
    kept = [record.book for record in ledger.requests()]
    assert len(kept[0]) == 1_000
    assert kept[1] == "half ? a character"
    assert kept[2:] == titles[2:]
    assert states(ledger) == {"spoken": len(titles)}


def test_reading_makes_nothing(ledger: Ledger) -> None:
    assert ledger.spending() == []
    assert list(ledger.requests()) == []
    assert ledger.speed("lmnt", "blizzard") is None
    assert list(ledger.path.parent.iterdir()) == []


def test_the_rate_follows_the_last_runs(ledger: Ledger) -> None:
    ledger.note_speed("lmnt", "m", 10_000, 100)
    assert ledger.speed("lmnt", "m") == 100
    ledger.note_speed("lmnt", "m", 20_000, 100)
    rate = ledger.speed("lmnt", "m")
    assert rate is not None
    assert 150 < rate < 200
    for _ in range(10):
        ledger.note_speed("lmnt", "m", 20_000, 100)
    assert ledger.speed("lmnt", "m") == pytest.approx(200, rel=0.01)
    for wrong in (0.0, -1.0, float("nan"), float("inf")):
        ledger.note_speed("lmnt", "m", 1, wrong)
    ledger.note_speed("lmnt", "m", 0, 1)
    assert ledger.speed("lmnt", "m") == pytest.approx(200, rel=0.01)
    assert ledger.speed("lmnt", "other") is None


def test_many_requests_are_summed_quickly(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / FILE, clock=lambda: 1.7e9)
    ledger.open()
    ledger.reserve(request())
    with sqlite3.connect(ledger.path) as connection:
        columns = [row[1] for row in connection.execute("PRAGMA table_info(requests)")][1:]
        names = ", ".join(columns)
        values = ", ".join(
            {"time": "time + n * 60", "book": "'Book ' || (n / 1000)", "state": "'spoken'", "billed": "100"}.get(
                column, column
            )
            for column in columns
        )
        connection.execute(
            "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 50000) "
            f"INSERT INTO requests ({names}) SELECT {values} FROM c, requests"
        )
    connection.close()
    began = time.perf_counter()
    spent = ledger.spending()
    assert time.perf_counter() - began < 2
    assert sum(item.billed for item in spent) == 5_000_000
    ledger.close()


# --- many at once


def test_hundreds_of_threads_reserve_and_settle(ledger: Ledger) -> None:
    wrong: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for turn in range(3):
                ticket = ledger.reserve(request(f"k{number}-{turn}"))
                ledger.settle(ticket, "spoken", f"id{number}-{turn}", 0.1)
        except BaseException as error:
            wrong.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(300)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert states(ledger) == {"spoken": 900}
    assert all(record.request_id == f"id{record.key[1:]}" for record in ledger.requests())


WORKER = """
import sys, threading
from pathlib import Path
from tests.test_ledger import Ledger, request
def work(ledger, number):
    for turn in range(5):
        ledger.settle(ledger.reserve(request(f"{sys.argv[2]}-{number}-{turn}", run=sys.argv[2])), "spoken")
ledger = Ledger(Path(sys.argv[1]), print)
threads = [threading.Thread(target=work, args=(ledger, number)) for number in range(20)]
for thread in threads: thread.start()
for thread in threads: thread.join()
ledger.close()
"""


def child(code: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=Path(__file__).parent.parent,
    )


@pytest.mark.parametrize("before", [None, b"garbage" * 1000], ids=["none", "damaged"])
def test_four_processes_at_once(tmp_path: Path, before: bytes | None) -> None:
    path = tmp_path / FILE
    if before:
        path.write_bytes(before)
    running = [child(WORKER, str(path), f"run{number}") for number in range(4)]
    outputs = [process.communicate(timeout=60)[0] for process in running]
    assert [process.returncode for process in running] == [0] * 4, outputs
    # one of them sets the damaged one aside, and says so
    assert sum("set aside" in output for output in outputs) == (1 if before else 0), outputs
    assert [path.name for path in tmp_path.iterdir() if "bad" in path.name] == ([f"{FILE}.bad"] if before else [])
    spent = Ledger(path).spending(("run",))
    assert [(item.group[0], item.states) for item in spent] == [(f"run{n}", {"spoken": 100}) for n in range(4)]


# --- kill -9

CRASH = """
import os, sys, threading, time
from pathlib import Path
from tests.test_ledger import Ledger, request
ledger = Ledger(Path(sys.argv[1]))
def work(number):
    for turn in range(10_000):
        ticket = ledger.reserve(request(f"{number}-{turn}", 10))
        os.write(1, f"sent {number}-{turn}\\n".encode())  # the request goes out
        ledger.settle(ticket, "spoken", f"id{number}-{turn}", 0.01)
        os.write(1, f"done {number}-{turn}\\n".encode())
threads = [threading.Thread(target=work, args=(number,), daemon=True) for number in range(16)]
for thread in threads: thread.start()
for thread in threads: thread.join()
"""


def test_what_was_sent_before_kill_9_is_listed(tmp_path: Path) -> None:
    path = tmp_path / FILE
    process = child(CRASH, str(path))
    assert process.stdout is not None
    lines = [process.stdout.readline() for _ in range(400)]
    (living,) = Ledger(path).spending(())
    assert living.states.get("crashed", 0) == 0
    process.send_signal(signal.SIGKILL)
    lines += process.stdout.read().splitlines(keepends=True)
    process.stdout.close()
    process.wait()
    whole = [line.split() for line in lines if line.endswith("\n")]
    found = {record.key: record.state for record in Ledger(path).requests()}
    assert set(found.values()) <= {"spoken", "crashed"}
    assert {name for word, name in whole if word == "sent"} <= set(found)
    assert all(found[name] == "spoken" for word, name in whole if word == "done")
    crashed = [key for key, state in found.items() if state == "crashed"]
    (spent,) = Ledger(path).spending(())
    assert 1 <= len(crashed) <= 16
    assert spent.possible == 10 * len(crashed)
    assert spent.in_flight == 0
    ledger = Ledger(path)  # and the next run goes on in it
    ledger.settle(ledger.reserve(request("after")), "spoken")
    assert states(ledger)["crashed"] == len(crashed)
    ledger.close()


def test_processes_of_the_same_number_are_told_apart(ledger: Ledger) -> None:
    for _ in range(3):
        ledger.reserve(request())
    with sqlite3.connect(ledger.path) as connection:
        connection.execute("UPDATE requests SET born = born || '1' WHERE id = 1")
        connection.execute("UPDATE requests SET host = 'elsewhere' WHERE id = 2")
    connection.close()
    assert [record.state for record in ledger.requests()] == ["crashed", "crashed", "in flight"]


# --- damaged files


def check_set_aside(ledger: Ledger, said: list[str]) -> None:
    """Either the ledger is whole, or it was set aside, said so, and works."""
    ledger.settle(ledger.reserve(request("new")), "spoken")
    found = [record.key for record in ledger.requests()]
    assert found[-1] == "new"
    bad = [path for path in ledger.path.parent.iterdir() if path.name == f"{FILE}.bad"]
    assert len(said) == len(bad)
    if bad:
        assert found == ["new"]
        assert str(ledger.path) in said[0]
        assert f"{FILE}.bad" in said[0]


def test_a_file_cut_off_anywhere_is_set_aside(tmp_path: Path) -> None:
    fill(tmp_path / "whole", 150)
    whole = (tmp_path / "whole").read_bytes()
    assert len(whole) > 6 * 4096
    for cut in (15, 16, 99, 100, 4095, *(end for page in range(4096, len(whole), 4096) for end in (page, page + 7))):
        folder = tmp_path / str(cut)
        folder.mkdir()
        (folder / FILE).write_bytes(whole[:cut])
        said: list[str] = []
        ledger = Ledger(folder / FILE, said.append)
        with pytest.raises(StoreError, match="damaged"):
            ledger.spending()
        assert (folder / FILE).stat().st_size == cut  # reading changes nothing
        check_set_aside(ledger, said)
        assert said, cut
        assert (folder / f"{FILE}.bad").stat().st_size == cut
        ledger.close()


@lru_cache
def sound() -> bytes:
    with TemporaryDirectory() as folder:
        fill(Path(folder) / FILE, 40)
        return (Path(folder) / FILE).read_bytes()


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_flipped_bits_stop_nothing(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    folder = tmp_path_factory.mktemp("flipped")
    path = folder / FILE
    content = bytearray(sound())
    places = st.one_of(st.integers(0, 200), st.integers(4096, 4300), st.integers(0, len(content) - 1))
    for place in data.draw(st.lists(places, min_size=1, max_size=8)):
        content[place] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(content)
    said: list[str] = []
    ledger = Ledger(path, said.append)
    try:
        for by in (("day", "book", "engine"), ("run",)):
            ledger.spending(by)
        for record in ledger.requests():
            assert record.cost is None or record.cost == record.cost or record.state
    except StoreError as error:
        assert str(path) in str(error)
    try:
        ticket = ledger.reserve(request("new"))
        ledger.settle(ticket, "spoken")
    except StoreError as error:
        assert "newer narrate" in str(error)
    else:
        assert "new" in {record.key for record in ledger.requests()}
    ledger.close()


@pytest.mark.parametrize(
    ("content", "why"),
    [(b"not a database at all, but long enough to be one " * 50, "not a database"), (b"\0" * 8192, "not a database")],
)
def test_garbage_is_set_aside(ledger: Ledger, said: list[str], content: bytes, why: str) -> None:
    ledger.path.write_bytes(content)
    check_set_aside(ledger, said)
    assert why in said[0]
    assert ledger.path.with_name(f"{FILE}.bad").read_bytes() == content


@pytest.mark.parametrize("content", [b"", b"S"])  # SQLite takes one byte for none
def test_an_empty_file_is_a_new_ledger(ledger: Ledger, said: list[str], content: bytes) -> None:
    ledger.path.write_bytes(content)
    assert ledger.spending() == []
    check_set_aside(ledger, said)
    assert said == []


def test_an_empty_file_beside_its_log_is_set_aside_with_it(ledger: Ledger, said: list[str]) -> None:
    ledger.reserve(request("lost"))
    log = Path(f"{ledger.path}-wal").read_bytes()
    ledger.close()
    ledger.path.write_bytes(b"")
    Path(f"{ledger.path}-wal").write_bytes(log)
    check_set_aside(ledger, said)
    assert said
    assert Path(f"{ledger.path}.bad-wal").read_bytes() == log


def test_what_is_set_aside_is_numbered(tmp_path: Path, said: list[str]) -> None:
    for number in range(3):
        (tmp_path / FILE).write_bytes(b"garbage %d" % number * 300)
        ledger = Ledger(tmp_path / FILE, said.append)
        ledger.reserve(request())
        ledger.close()
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {FILE, f"{FILE}.bad", f"{FILE}.bad2", f"{FILE}.bad3"}


def test_the_database_of_another_program_is_set_aside(ledger: Ledger, said: list[str]) -> None:
    with sqlite3.connect(ledger.path) as connection:
        connection.execute("CREATE TABLE places (url TEXT)")
    connection.close()
    with pytest.raises(StoreError, match="no ledger of narrate"):
        ledger.spending()
    check_set_aside(ledger, said)
    assert "no ledger of narrate" in said[0]


def test_a_table_that_is_gone_is_damage(ledger: Ledger, said: list[str]) -> None:
    fill(ledger.path, 3)
    with sqlite3.connect(ledger.path) as connection:
        connection.execute("DROP TABLE requests")
    connection.close()
    check_set_aside(ledger, said)
    assert said


def test_damage_in_mid_run_costs_no_reservation(ledger: Ledger, said: list[str], tmp_path: Path) -> None:
    fill(ledger.path, 300)
    ticket = ledger.reserve(request("before"))
    other = Ledger(ledger.path)
    for number in range(100):  # or the pages would be remembered
        other.reserve(request(f"other{number}"))
    for name in ("", "-wal"):  # not its -shm: that is memory
        with Path(f"{ledger.path}{name}").open("r+b") as file:
            file.write(os.urandom(Path(f"{ledger.path}{name}").stat().st_size))
    ledger.settle(ledger.reserve(request("after")), "spoken")
    ledger.settle(ticket, "spoken", "id")
    other.close()
    assert len(said) == 1
    # what was reserved in the old one is settled in the new one
    assert {record.key: record.state for record in ledger.requests()} == {"after": "spoken", "before": "spoken"}


def test_a_ledger_removed_in_mid_run_is_begun_anew(ledger: Ledger, said: list[str]) -> None:
    first, second = ledger.reserve(request("first")), ledger.reserve(request("second"))
    ledger.settle(first, "spoken")
    for path in ledger.path.parent.iterdir():
        path.unlink()
    ledger.settle(second, "spoken", "id2")
    ledger.reserve(request("third"))
    assert {record.key: record.state for record in ledger.requests()} == {"second": "spoken", "third": "in flight"}


def test_a_later_version_is_left_alone(ledger: Ledger) -> None:
    fill(ledger.path, 1)
    with sqlite3.connect(ledger.path) as connection:
        connection.execute("PRAGMA user_version = 9")
    connection.close()
    before = ledger.path.read_bytes()
    for use in (lambda: ledger.reserve(request()), ledger.spending):
        with pytest.raises(StoreError, match=r"newer narrate made this ledger \(version 9.*update narrate"):
            use()  # type: ignore[operator]
    assert ledger.path.read_bytes() == before


# --- places and disks that refuse


def folder_in_its_place(path: Path) -> None:
    path.mkdir()


def pipe_in_its_place(path: Path) -> None:
    os.mkfifo(path)


@pytest.mark.parametrize("spoil", [folder_in_its_place, pipe_in_its_place])
def test_what_is_no_file_is_said(ledger: Ledger, spoil: Callable[[Path], None]) -> None:
    spoil(ledger.path)
    for use in (lambda: ledger.reserve(request()), ledger.spending, ledger.open):
        with pytest.raises(StoreError, match="stands in its place; move that away") as caught:
            use()  # type: ignore[operator]
        assert str(ledger.path) in str(caught.value)


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    ledger = Ledger(tmp_path / "file" / "store" / FILE)
    with pytest.raises(StoreError, match=r"ledger cannot be kept there: .*--store"):
        ledger.reserve(request())
    assert ledger.spending() == []


READ_ONLY = """
import os, sys, traceback
from pathlib import Path
from tests.test_ledger import Ledger, request, StoreError
if os.getuid() == 0:
    os.setgid(65534), os.setuid(65534)  # root may write anywhere
ledger = Ledger(Path(sys.argv[1]))
print(ledger.spending(())[0].requests)
try:
    ledger.reserve(request())
except StoreError as error:
    print(error)
"""


@pytest.mark.parametrize("crashed", [False, True], ids=["closed", "crashed"])
def test_where_nothing_may_be_written_it_can_be_read(crashed: bool) -> None:
    with TemporaryDirectory() as name:  # pytest's own are for root alone
        folder = Path(name)
        fill(folder / FILE, 3)
        if crashed:
            code = (
                "import os, sys; from tests.test_ledger import *; l = Ledger(Path(sys.argv[1])); l.reserve(request())"
            )
            child(f"{code}; os._exit(9)", str(folder / FILE)).communicate(timeout=30)
        for path in folder.iterdir():
            path.chmod(0o444)
        folder.chmod(0o555)
        done = child(READ_ONLY, str(folder / FILE)).communicate(timeout=30)[0].splitlines()
        folder.chmod(0o755)
    assert done[0] == ("4" if crashed else "3")
    assert done[1].startswith(f"{folder / FILE}: the ledger cannot be ")
    assert done[1].endswith("or choose another folder with --store")


def test_a_full_disk_in_mid_run_is_said_and_heals(ledger: Ledger) -> None:
    ticket = ledger.reserve(request("first"))
    connection = ledger._database._connection
    assert connection is not None
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StoreError, match=r"cannot be written: database or disk is full; make room") as caught:
        for number in range(200):
            connection.execute(f"PRAGMA max_page_count = {pages}")
            ledger.reserve(request(f"k{number}"))
    assert str(ledger.path) in str(caught.value)
    kept = list(ledger.requests())
    assert kept[-1].key == f"k{len(kept) - 2}"  # all that was confirmed, and no more
    ledger.settle(ticket, "spoken")  # room was made
    assert states(ledger)["spoken"] == 1


FULL = """
import resource, sys
from pathlib import Path
from tests.test_ledger import Ledger, request, StoreError
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), int(sys.argv[2])))
ledger = Ledger(Path(sys.argv[1]))
done = 0
try:
    for number in range(2000):
        ledger.reserve(request(f"k{number}"))
        done += 1
except StoreError as error:
    print(done, error)
"""


@pytest.mark.parametrize("room", [0, 4096, 20_000, 60_000, 300_000])
def test_a_disk_that_takes_no_more(tmp_path: Path, room: int) -> None:
    done = child(FULL, str(tmp_path / FILE), str(room)).communicate(timeout=60)[0]
    count, _, sentence = done.partition(" ")
    assert sentence.startswith(f"{tmp_path / FILE}: the ledger cannot be ")
    assert "--store" in sentence
    ledger = Ledger(tmp_path / FILE)
    assert len(list(ledger.requests())) == int(count)
    ledger.reserve(request("after"))  # room was made
    assert len(list(ledger.requests())) == int(count) + 1
    ledger.close()


def test_a_file_that_is_kept_locked_is_waited_for_and_then_said(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY_S", 0.05)
    fill(ledger.path, 1)
    other = sqlite3.connect(ledger.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match="another program keeps it locked"):
        ledger.reserve(request())
    assert len(list(ledger.requests())) == 1  # readers do not wait
    other.execute("ROLLBACK")
    other.close()
    ledger.reserve(request())


def test_what_could_not_be_settled_is_settled_later(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "BUSY_S", 0.05)
    tickets = [ledger.reserve(request(f"k{number}")) for number in range(4)]
    ledger.close()
    for healed_by_closing in (False, True):
        other = sqlite3.connect(ledger.path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError):
            ledger.settle(tickets.pop(0), "spoken", "id")
        ledger.close()  # which cannot either, and says nothing
        other.close()
        if healed_by_closing:
            ledger.close()
        else:
            ledger.settle(tickets.pop(0), "spoken", "id")
    assert states(ledger) == {"spoken": 3, "in flight": 1}


@pytest.mark.parametrize("beside", ["-journal", "-shm"])
def test_a_folder_where_the_log_should_be_is_said(ledger: Ledger, beside: str) -> None:
    Path(f"{ledger.path}{beside}").mkdir()
    with pytest.raises(StoreError, match=r"the ledger cannot be .* choose another folder with --store"):
        ledger.reserve(request())


def test_trouble_with_the_rate_is_only_reported(ledger: Ledger, said: list[str]) -> None:
    ledger.path.mkdir()
    ledger.note_speed("lmnt", "m", 100, 1.0)
    assert ledger.speed("lmnt", "m") is None
    assert len(said) == 1


def test_a_ticket_knows_its_request(ledger: Ledger) -> None:
    ticket = ledger.reserve(request("k", 7))
    assert isinstance(ticket, Ticket)
    assert (ticket.request.characters, ticket.attempt) == (7, 1)


def test_what_is_settled_after_closing_is_noted(ledger: Ledger) -> None:
    ticket = ledger.reserve(request())
    ledger.close()
    ledger.settle(ticket, "spoken")
    assert states(ledger) == {"spoken": 1}
