"""BRICK: a SQLite file that any number of threads and processes write to, and that no crash or damage stops.

SQLite's door. What ``write`` has returned from is on disk, also after a power cut. Threads share transactions: one of
them writes for all that wait. A file that is damaged, or somebody else's, is set aside and a new one begun.
"""

from __future__ import annotations

import os
import re
import sqlite3
import stat
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from narrate.errors import StoreError

Connection = sqlite3.Connection
Work = Callable[[Connection], int]

BUSY_S = 60.0
"""Seconds to wait for other processes that write; each holds the file for milliseconds."""
TOGETHER = 500
"""Writes in one transaction at the most, so that other processes get their turn."""
CHECKED = 128 << 20
"""Bytes of a file that is read in full whenever it is opened, to find damage (0.2 s)."""
_ROUNDS = 3
"""Damaged files that are replaced one after the other before the disk is to blame."""
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_ALTERED = re.compile(r"no such (table|column)|has \d+ columns but")
"""What SQLite says of tables that are not as they were made: its code is that of any mistake."""
_ADVICE = {
    sqlite3.SQLITE_FULL: "make room on the disk, or choose another folder with --store",
    sqlite3.SQLITE_BUSY: "another program keeps it locked; end that, and run again",
    sqlite3.SQLITE_LOCKED: "another program keeps it locked; end that, and run again",
    sqlite3.SQLITE_IOERR: "check the disk and the room on it, or choose another folder with --store",
}
_NO_ACCESS = "give yourself the right to write there, or choose another folder with --store"


@dataclass(frozen=True, slots=True)
class Tables:
    """What a database is to hold: the statements that make its tables, a number that says whose it is
    (``application_id``), the version of the tables (``user_version``), and how people call it.
    """

    statements: tuple[str, ...]
    application: int
    version: int
    name: str


class Database:
    """The database at ``path``. Nothing is made there before the first ``write`` or ``open``.

    ``report`` is told, in a sentence, of a file that was set aside. Whatever else keeps it from being used is a
    StoreError with the path, the reason and what to do.
    """

    def __init__(self, path: Path, tables: Tables, report: Callable[[str], None] = lambda sentence: None) -> None:
        self.path = path
        self._tables = tables
        self._report = report
        self._using = threading.Lock()
        self._connection: Connection | None = None
        self._identity: tuple[int, int] | None = None
        self._writing = _Together(self._commit)

    def open(self) -> None:
        """Open it for writing now, to learn of trouble early."""
        with self._using:
            self._writable()

    def close(self) -> None:
        """Let go of the file. A later ``write`` opens it again."""
        with self._using:
            self._let_go()

    def write(self, work: Work) -> int:
        """What ``work`` returned, once all it did is on disk. It is called again if the file has to be replaced."""
        return self._writing.write(work)

    def read(
        self, question: str, values: Sequence[Any] = (), functions: Mapping[str, Callable[..., Any]] | None = None
    ) -> Iterator[tuple[Any, ...]]:
        """The rows of an answer; none where there is no file. Nothing is made, changed or set aside.

        ``functions`` of three arguments are known in ``question``. Open until the last row is taken.
        """
        if not os.path.lexists(self.path):
            return
        name = self._tables.name
        try:
            _check_place(self.path, name)
            with closing(_connect_to_read(self.path)) as connection:
                if _fitness(connection, self.path, self._tables) == "new":
                    return
                _check_whole(connection, self.path)
                for function, body in (functions or {}).items():
                    connection.create_function(function, 3, body)
                yield from connection.execute(question, values)
        except (sqlite3.Error, _Unfit) as error:
            if _is_damage(error):
                raise StoreError(
                    f"{self.path}: the {name} is damaged ({error}); the next run sets it aside and begins a new one"
                ) from error
            raise _trouble(self.path, name, "read", error) from error

    def _commit(self, works: Sequence[Work]) -> list[int]:
        """The results of ``works``, all in one transaction; in a new file when this one proves damaged."""
        with self._using:
            for _ in range(_ROUNDS):
                connection = self._writable()
                try:
                    connection.execute("BEGIN IMMEDIATE")
                    results = [work(connection) for work in works]
                    connection.execute("COMMIT")
                except sqlite3.Error as error:
                    self._let_go()  # which takes back what was begun
                    if not _is_damage(error):
                        raise _trouble(self.path, self._tables.name, "written", error) from error
                    self._set_aside(str(error))
                except BaseException:
                    self._let_go()
                    raise
                else:
                    return results
        raise self._hopeless()

    def _writable(self) -> Connection:
        """The connection to the file that now has the name: another process may have set one aside."""
        if self._connection is not None:
            if _identity(self.path) == self._identity:
                return self._connection
            self._let_go()
        for _ in range(_ROUNDS):
            try:
                _make_folder(self.path.parent, self._tables.name)
                _check_place(self.path, self._tables.name)
                self._identity = _identity(self.path)
                self._connection = _connect(self.path)
                self._identity = self._identity or _identity(self.path)
                _prepare(self._connection, self.path, self._tables)
            except (sqlite3.Error, _Unfit) as error:
                if not _is_damage(error):
                    self._let_go()
                    raise _trouble(self.path, self._tables.name, "opened", error) from error
                self._set_aside(str(error))
            except BaseException:
                self._let_go()
                raise
            else:
                return self._connection
        raise self._hopeless()

    def _let_go(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(sqlite3.Error):
                connection.close()

    def _set_aside(self, why: str) -> None:
        """Give the damaged file another name, unless another process did; who opens next makes a new one."""
        self._let_go()
        name = self._tables.name
        with _held(self.path.parent):
            if _identity(self.path) != self._identity:
                return
            bad = _free_name(self.path)
            try:
                for beside in ("-wal", "-shm", "-journal", ""):  # itself last: nothing new may meet an old companion
                    with suppress(FileNotFoundError):
                        Path(f"{self.path}{beside}").replace(f"{bad}{beside}")
            except OSError as error:
                raise StoreError(
                    f"{self.path}: the {name} is damaged ({why}) and cannot be set aside: {error.strerror}; "
                    "move it away"
                ) from error
        self._report(
            f"{self.path}: the {name} was damaged ({why}); it is set aside as {bad.name}, and a new one begun "
            "that knows nothing of what was noted before"
        )

    def _hopeless(self) -> StoreError:
        return StoreError(f"{self.path}: the {self._tables.name} is damaged again and again; check the disk")


class _Unfit(Exception):
    """The file is a sound database, but none of ours; or what stands beside it does not fit."""


def _connect(path: Path, how: str = "mode=rwc") -> Connection:
    """Threads take turns with a connection. Text that is no UTF-8 any more is shown as well as it can be."""
    address = f"{path.absolute().as_uri()}?{how}"
    connection = sqlite3.connect(address, BUSY_S, isolation_level=None, check_same_thread=False, uri=True)
    connection.text_factory = lambda text: text.decode("utf-8", "replace")
    return connection


def _connect_to_read(path: Path) -> Connection:
    """Also where nobody may write: there a file without a log cannot change, and SQLite has to be told so."""
    connection = _connect(path, "mode=ro")
    try:
        connection.execute("SELECT count(*) FROM sqlite_master")
    except sqlite3.OperationalError as error:
        connection.close()
        if _code(error) in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN) and not Path(f"{path}-wal").exists():
            return _connect(path, "mode=ro&immutable=1")
        raise
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _prepare(connection: Connection, path: Path, tables: Tables) -> None:
    """Make sure that what is committed stays, and that the file is sound and has the tables."""
    _check_journal(path)
    state = _fitness(connection, path, tables)
    _log_ahead(connection)
    # EXTRA, because where there is no log ahead a journal that comes back after a power cut would undo a transaction
    connection.execute("PRAGMA synchronous = EXTRA")
    connection.execute("PRAGMA fullfsync = 1")
    if state == "new":
        connection.execute("BEGIN IMMEDIATE")
        if _fitness(connection, path, tables) == "new":
            for statement in tables.statements:
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id = {tables.application}")
            connection.execute(f"PRAGMA user_version = {tables.version}")
        connection.execute("COMMIT")
    else:
        _check_whole(connection, path)


def _check_whole(connection: Connection, path: Path) -> None:
    """_Unfit when a part is damaged: sums of what is left would be wrong without a word."""
    size = path.stat().st_size if path.exists() else 0
    if size <= CHECKED:
        found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        if found != "ok":
            raise _Unfit(" ".join(str(found).split()))


def _fitness(connection: Connection, path: Path, tables: Tables) -> Literal["new", "ours"]:
    """What the file is; _Unfit when it is somebody else's, StoreError when a later version made it."""
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    held = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if not (application or version or held):
        return "new"
    if application != tables.application or version < 1:
        raise _Unfit(f"it is a database, but no {tables.name} of narrate")
    if version > tables.version:
        raise StoreError(
            f"{path}: a newer narrate made this {tables.name} (version {version}, and this one knows "
            f"{tables.version}); update narrate, or choose another folder with --store"
        )
    return "ours"


def _log_ahead(connection: Connection) -> None:
    """Write ahead where the file system can: then readers and writers do not wait for each other. It cannot be
    switched while others are in the file; they have switched it, or the next to open will.
    """
    for pause_s in (0.02, 0.1, 0.5):
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if _code(error) != sqlite3.SQLITE_BUSY:
                raise
            time.sleep(pause_s)
        else:
            return


def _make_folder(folder: Path, name: str) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"{folder}: the {name} cannot be kept there: {error.strerror}; {_NO_ACCESS}") from error


def _check_place(path: Path, name: str) -> None:
    """StoreError where no file can be: SQLite would wait for a pipe, and has no good word for a folder."""
    try:
        kind = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return
    except OSError as error:  # links in a circle, a disk that fails
        raise StoreError(f"{path}: the {name} cannot be opened: {error.strerror}; move away what is there") from error
    else:
        if not stat.S_ISREG(kind):
            what = "a folder" if stat.S_ISDIR(kind) else "no file"
            raise StoreError(f"{path}: the {name} cannot be opened: {what} stands in its place; move that away")


def _check_journal(path: Path) -> None:
    """An empty file with a log beside it was torn: SQLite would take it for new, and throw the log away."""
    with suppress(FileNotFoundError):
        if path.stat().st_size == 0 and Path(f"{path}-wal").stat().st_size > 0:
            raise _Unfit("the file is empty")


def _identity(path: Path) -> tuple[int, int] | None:
    with suppress(OSError):
        found = path.stat()
        return found.st_dev, found.st_ino
    return None


def _free_name(path: Path) -> Path:
    bad, number = path.with_name(f"{path.name}.bad"), 2
    while os.path.lexists(bad):
        bad, number = path.with_name(f"{path.name}.bad{number}"), number + 1
    return bad


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    """Keep other processes from setting files aside in ``folder``, where the system can lock a folder."""
    handle = -1
    try:
        if sys.platform != "win32":
            import fcntl

            with suppress(OSError):
                handle = os.open(folder, os.O_RDONLY)
                fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        if handle >= 0:
            os.close(handle)


def _code(error: BaseException) -> int:
    """SQLite's primary result code."""
    return getattr(error, "sqlite_errorcode", -1) & 0xFF


def _is_damage(error: BaseException) -> bool:
    altered = _code(error) == sqlite3.SQLITE_ERROR and _ALTERED.search(str(error))
    return isinstance(error, _Unfit) or _code(error) in _DAMAGED or bool(altered)


def _trouble(path: Path, name: str, verb: str, error: BaseException) -> StoreError:
    return StoreError(f"{path}: the {name} cannot be {verb}: {error}; {_ADVICE.get(_code(error), _NO_ACCESS)}")


class _Together:
    """Group commit. The first thread to come writes for all that wait by then, and hands over to the first of those
    that came meanwhile.
    """

    def __init__(self, commit: Callable[[Sequence[Work]], list[int]]) -> None:
        self._commit = commit
        self._lock = threading.Lock()
        self._waiting: list[_Post] = []
        self._led = False

    def write(self, work: Work) -> int:
        post = _Post(work)
        with self._lock:
            self._waiting.append(post)
            post.leads, self._led = not self._led, True
        try:
            if not post.leads:
                post.turn.wait()
            if not post.done:
                self._lead()
        except BaseException:
            self._withdraw(post)
            raise
        if post.error is not None:
            raise StoreError(str(post.error)) from post.error
        return post.result

    def _lead(self) -> None:
        with self._lock:
            batch = self._waiting[:TOGETHER]
            del self._waiting[:TOGETHER]
        error: StoreError | None = StoreError("interrupted while it was noted; run again")
        try:
            for post, result in zip(batch, self._commit([post.work for post in batch]), strict=True):
                post.result = result
            error = None
        except StoreError as trouble:
            error = trouble
        finally:
            with self._lock:
                for post in batch:
                    post.done, post.error = True, error
                self._appoint()
            for post in batch:
                post.turn.set()

    def _appoint(self) -> None:
        """Let the first that waits lead; the lock is held."""
        self._led = bool(self._waiting)
        if self._waiting:
            self._waiting[0].leads = True
            self._waiting[0].turn.set()

    def _withdraw(self, post: _Post) -> None:
        """Its thread was interrupted: if it was to lead, another must."""
        with self._lock:
            if post in self._waiting:
                self._waiting.remove(post)
                if post.leads:
                    self._appoint()


class _Post:
    """A write that waits."""

    __slots__ = ("done", "error", "leads", "result", "turn", "work")

    def __init__(self, work: Work) -> None:
        self.work = work
        self.turn = threading.Event()
        self.leads = self.done = False
        self.result = 0
        self.error: StoreError | None = None
