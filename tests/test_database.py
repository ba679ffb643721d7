"""What threads share: transactions, failures, and the place of one that was interrupted."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from narrate.database import Connection, Database, Tables, Work, _Together
from narrate.errors import StoreError

TABLES = Tables(("CREATE TABLE names (name TEXT)",), application=7, version=1, name="list")


def add(name: str) -> Work:
    def work(connection: Connection) -> int:
        return connection.execute("INSERT INTO names VALUES (?)", (name,)).lastrowid or 0

    return work


def names(database: Database) -> list[str]:
    return [name for (name,) in database.read("SELECT name FROM names ORDER BY rowid")]


def test_what_was_written_is_read(tmp_path: Path) -> None:
    database = Database(tmp_path / "new" / "list.db", TABLES)
    assert names(database) == []
    assert [database.write(add(name)) for name in "abc"] == [1, 2, 3]
    assert names(database) == ["a", "b", "c"]
    database.close()
    assert names(Database(tmp_path / "new" / "list.db", TABLES)) == ["a", "b", "c"]


def test_a_commit_is_on_disk(tmp_path: Path) -> None:
    database = Database(tmp_path / "list.db", TABLES)
    database.open()
    assert database._connection is not None
    (synchronous,) = database._connection.execute("PRAGMA synchronous").fetchone()
    (mode,) = database._connection.execute("PRAGMA journal_mode").fetchone()
    assert (synchronous, mode) == (3, "wal")
    database.close()


def test_half_a_transaction_is_none(tmp_path: Path) -> None:
    database = Database(tmp_path / "list.db", TABLES)

    def broken(connection: Connection) -> int:
        add("half")(connection)
        raise KeyboardInterrupt

    database.write(add("a"))
    with pytest.raises(KeyboardInterrupt):
        database.write(broken)
    database.write(add("b"))
    assert names(database) == ["a", "b"]
    database.close()


def test_the_name_of_a_file_is_no_address(tmp_path: Path) -> None:
    path = tmp_path / "a?mode=memory&x=%41#b.db"
    database = Database(path, TABLES)
    database.write(add("a"))
    assert path.exists()
    assert names(database) == ["a"]
    database.close()


class Slow:
    """A commit that waits until it is let go; it keeps what came together."""

    def __init__(self) -> None:
        self.begun, self.go = threading.Semaphore(0), threading.Semaphore(0)
        self.batches: list[int] = []

    def commit(self, works: Sequence[Work]) -> list[int]:
        self.begun.release()
        self.go.acquire()
        self.batches.append(len(works))
        return [work(None) for work in works]  # type: ignore[arg-type]


class Writer(threading.Thread):
    def __init__(self, together: _Together, work: Work) -> None:
        super().__init__(daemon=True)
        self.together, self.work = together, work
        self.result = 0
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            self.result = self.together.write(self.work)
        except BaseException as error:
            self.error = error


def wait_for(together: _Together, waiting: int) -> None:
    while len(together._waiting) < waiting:
        pass


def test_those_that_wait_are_written_together() -> None:
    slow = Slow()
    together = _Together(slow.commit)
    writers = [Writer(together, lambda connection, number=number: number) for number in range(6)]  # type: ignore[misc]
    writers[0].start()
    slow.begun.acquire()
    for writer in writers[1:]:
        writer.start()
    wait_for(together, 5)
    slow.go.release(2)
    for writer in writers:
        writer.join(10)
    assert slow.batches == [1, 5]
    assert [writer.result for writer in writers] == list(range(6))


def test_a_failure_is_everybodys() -> None:
    def fail(works: Sequence[Work]) -> list[int]:
        raise StoreError("the disk is full")

    together = _Together(fail)
    writers = [Writer(together, lambda connection: 0) for _ in range(5)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(10)
    assert [str(writer.error) for writer in writers] == ["the disk is full"] * 5
    assert len({id(writer.error) for writer in writers}) == 5


@pytest.mark.parametrize("place", [0, 1, 2], ids=["who leads", "who leads next", "who waits"])
def test_one_that_is_interrupted_does_not_stop_the_others(place: int) -> None:
    slow = Slow()
    together = _Together(slow.commit)

    def interrupted(connection: Connection) -> int:
        raise KeyboardInterrupt

    writers = [Writer(together, lambda connection: 1) for _ in range(4)]
    if place == 0:
        writers[0].work = interrupted
    writers[0].start()
    slow.begun.acquire()
    for number, writer in enumerate(writers[1:], 1):
        writer.start()
        wait_for(together, number)
    if place:
        # as when Ctrl-C reaches the main thread while it waits
        post = together._waiting[place - 1]
        wake = post.turn.wait
        post.turn.wait = lambda timeout=None: wake(timeout)  # type: ignore[method-assign, assignment]
        together._withdraw(post)
    slow.go.release(4)
    slow_ones = [writer for number, writer in enumerate(writers) if number != place]
    for writer in slow_ones:
        writer.join(10)
    assert [writer.is_alive() for writer in slow_ones] == [False] * 3
    assert [writer.result for writer in slow_ones] == [1] * 3
    if place == 0:
        assert isinstance(writers[0].error, KeyboardInterrupt)


def test_a_leader_that_was_appointed_and_interrupted_hands_over() -> None:
    slow = Slow()
    together = _Together(slow.commit)
    writers = [Writer(together, lambda connection: 1) for _ in range(3)]
    writers[0].start()
    slow.begun.acquire()
    writers[1].start()
    wait_for(together, 1)
    interrupted = together._waiting[0]
    told = threading.Event()

    class Turn(threading.Event):
        """Set at the moment its thread is interrupted."""

        def set(self) -> None:
            told.set()

    interrupted.turn = Turn()
    writers[2].start()
    wait_for(together, 2)
    slow.go.release(3)
    assert told.wait(10)
    together._withdraw(interrupted)
    writers[2].join(10)
    assert not writers[2].is_alive()
    assert writers[2].result == 1


def test_links_in_a_circle_are_told_as_such(tmp_path: Path) -> None:
    path = tmp_path / "list.db"
    path.symlink_to(path)
    with pytest.raises(StoreError, match=r"list\.db: the list cannot be opened: .*; move away what is there"):
        Database(path, TABLES).open()
