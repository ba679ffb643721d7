"""A Calibre library as a list of books: ``metadata.db`` is read and nothing is ever written, not even beside it.

Read-only, and with SQLite's own locks: Calibre may write while we read. It keeps a rollback journal, so a reader needs
no file of its own. ``immutable=1`` would do without the locks, and read what Calibre is in the middle of changing; it
serves only where a file in WAL mode has no log, since to read that in the usual way SQLite would make one. A journal
that a crash left behind is for Calibre to roll back: until then the library is not read.
"""

from __future__ import annotations

import os
import re
import sqlite3
import stat
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from narrate.audio.languages import bcp_47
from narrate.catalogues.listed import Listed
from narrate.catalogues.plain import fold, plain
from narrate.errors import JobError, StoreError, shown
from narrate.load import LOADERS
from narrate.settings import guess

NAME = "metadata.db"
FORMATS = tuple(suffix.removeprefix(".").upper() for suffix in LOADERS)
"""Calibre's names of what narrate reads, the best first."""
WAIT_S = 5.0
"""How long a Calibre that writes is waited for; it holds the file for a moment."""
LONGEST_S = 60.0
"""How long the reading may take: a library of 100,000 books needs two seconds, a hostile one has no end."""
LARGEST = 1 << 24
"""Bytes of one value."""
_WAL = b"\2\2"  # file format versions, at 18 (SQLite's file format, 1.3.3)
_OUTSIDE = re.compile(r"^/|(?:^|/)\.\.(?:/|$)|[\\\0]")
_UNDATED = ("0101", "0100")  # the year in which Calibre puts books without a date, and that in western time zones
_NO_AUTHOR = "Unknown"
_LIBRARY = "is it the folder of a Calibre library?"

# table -> columns that are read; each row begins with the number of a book
_LINKED = """
SELECT book, name FROM books_{what}_link JOIN {what} ON {what}.id = books_{what}_link.{column}
ORDER BY books_{what}_link.id
"""
_QUESTIONS = {
    "books": "SELECT id, title, path, series_index, pubdate FROM books ORDER BY id",
    "data": "SELECT book, format, name FROM data",
    "authors": _LINKED.format(what="authors", column="author"),
    "series": _LINKED.format(what="series", column="series"),
    "publishers": _LINKED.format(what="publishers", column="publisher"),
    "tags": _LINKED.format(what="tags", column="tag"),
    "languages": """
SELECT book, languages.lang_code FROM books_languages_link
JOIN languages ON languages.id = books_languages_link.lang_code ORDER BY item_order, books_languages_link.id
""",
    "comments": "SELECT book, text FROM comments",
}
_TABLES = frozenset(
    name for what in ("authors", "series", "publishers", "tags", "languages") for name in (what, f"books_{what}_link")
) | {"books", "data", "comments"}

_FIRST = (("series", "series"), ("publisher", "publishers"), ("language", "languages"), ("description", "comments"))
"""Metadata, and the table of which the first row counts."""

Named = Mapping[str, Mapping[int, Sequence[str]]]
"""What -> number of a book -> names."""


@dataclass(slots=True)
class _Library:
    """What the database says: the books, and by the number of a book what belongs to it."""

    books: list[tuple[Any, ...]] = field(default_factory=list)
    files: dict[int, dict[str, str]] = field(default_factory=dict)  # format -> name
    named: dict[str, dict[int, list[str]]] = field(default_factory=dict)  # what -> book -> names


def read_calibre(
    folder: Path,
    *,
    tags: Sequence[str] = (),
    authors: Sequence[str] = (),
    series: Sequence[str] = (),
    formats: Sequence[str] = (),
    wait_s: float = WAIT_S,
) -> tuple[tuple[Listed, ...], tuple[str, ...]]:
    """The books of the library in ``folder``, and sentences about those that were passed over.

    Of several words in a filter one must fit (case does not count), of several filters all. ``formats`` are taken in
    their order. JobError when there is no library; StoreError when it cannot be read, or is held for ``wait_s``.
    """
    path = folder if folder.name == NAME else folder / NAME
    filters = {"tags": _words(path, "tags", tags), "authors": _words(path, "authors", authors)}
    filters["series"] = _words(path, "series", series)
    wanted = _formats(path, _words(path, "formats", formats)) or FORMATS
    library = _read(path, wait_s)
    passed_over = list(_unknown(path, filters, library.named))
    listed, home, where = [], path.parent, f"{path} book"
    narrowing = [(words, library.named[what]) for what, words in filters.items() if words]
    for number, title, place, index, date in library.books:
        if not all(_fits(words, names.get(number, ())) for words, names in narrowing):
            continue
        found, why = _source(home, place, library.files.get(number, {}), wanted)
        if found is None:
            passed_over.append(f"{path}: {shown(fold(str(title)), 100)} (book {number}) {why}")
            continue
        about = _metadata(number, title, index, date, library.named)
        listed.append(Listed(found, {"metadata": about}, f"{where} {number}", home))
    return tuple(listed), tuple(passed_over)


# what is wanted


def _words(path: Path, name: str, given: object) -> frozenset[str] | tuple[str, ...]:
    words = (given,) if isinstance(given, str) else given
    if not isinstance(words, list | tuple) or not all(isinstance(word, str) for word in words):
        raise JobError(f"{path}: {name!r} must be a list of texts, not {given!r}")
    return tuple(words) if name == "formats" else frozenset(word.strip().casefold() for word in words)


def _formats(path: Path, words: Iterable[str]) -> tuple[str, ...]:
    wanted = tuple(word.strip().lstrip(".").upper() for word in words)
    for name in wanted:
        if name not in FORMATS:
            raise JobError(f"{path}: narrate reads no {name!r}; {guess(name, FORMATS)}")
    return wanted


def _fits(words: Collection[str], names: Sequence[str]) -> bool:
    return any(name.casefold() in words for name in names)


def _unknown(path: Path, filters: Mapping[str, Collection[str]], named: Named) -> Iterator[str]:
    """A sentence for each word of a filter that no book has: it is most likely misspelt."""
    for what, words in filters.items():
        if words:
            known = {name.casefold() for names in named[what].values() for name in names}
            for word in sorted(set(words) - known):
                hint = guess(word, known)
                near = f"; {hint}" if hint.startswith("did") else ""
                yield f"{path}: no book has {word!r} among its {what}{near}"


# what is there


def _source(
    folder: Path, place: object, files: Mapping[str, str], wanted: Sequence[str]
) -> tuple[Path, None] | tuple[None, str]:
    """The file to be read, or why there is none. Nothing leads out of the library, whatever its database says."""
    stems = [(name, files[name]) for name in wanted if name in files]
    if not stems:
        has = f"only {', '.join(sorted(files))}" if files else "no file"
        return None, f"has {has}; narrate reads {', '.join(wanted if wanted != FORMATS else ('EPUB', 'MD', 'TXT'))}"
    for name, stem in stems:
        inside = f"{place}/{stem}.{name.lower()}"
        if _OUTSIDE.search(inside) or "/" in stem:
            return None, "has a path that leads out of the library; it is not read"
        path = f"{folder}/{inside}"
        if os.path.isfile(path):  # noqa: PTH113 (there are ten thousand of them)
            return Path(path), None
    return None, f"is in the library without its file in {shown(str(place), 200)}; let Calibre check the library"


def _metadata(number: int, title: object, index: object, date: object, named: Named) -> dict[str, str | list[str]]:
    about: dict[str, str | list[str]] = {"title": fold(str(title))}
    for name, what in _FIRST:
        values = named[what].get(number)
        if values:
            about[name] = values[0]
    # in a name a stroke stands for a comma, since a comma stands between names
    about["authors"] = [name.replace("|", ",") for name in named["authors"].get(number, ()) if name != _NO_AUTHOR]
    if "series" in about:
        about["series_number"] = _number(index)
    if "description" in about:
        about["description"] = plain(str(about["description"]))
    if "language" in about:
        about["language"] = _language(str(about["language"]))
    about["date"] = _date(date)
    return {name: value for name, value in about.items() if value}


def _number(index: object) -> str:
    return f"{index:g}" if isinstance(index, int | float) and abs(index) < 1e9 else ""


@lru_cache(1_000)
def _language(code: str) -> str:
    tag = bcp_47(code)
    return tag if re.fullmatch("[a-z]{2,3}", tag) and tag not in ("und", "mul", "mis", "zxx") else ""


def _date(written: object) -> str:
    """The day of publication. Calibre keeps midnight where its user lives, as UTC."""
    try:
        moment = datetime.fromisoformat(str(written))
        if moment.minute == 0 and moment.second == 0:
            moment += timedelta(hours=12)  # the day whose midnight is nearest
    except (ValueError, OverflowError):
        return ""
    day = moment.date().isoformat()
    return "" if day.startswith(_UNDATED) else day


# the database


def _read(path: Path, wait_s: float) -> _Library:
    library = _Library()
    try:
        with closing(_connect(path, wait_s)) as connection:
            _check_tables(connection, path)
            connection.execute("BEGIN")  # one state of the library, whatever is written meanwhile
            for what, question in _QUESTIONS.items():
                _take(library, what, connection.execute(question))
    except sqlite3.Error as error:
        raise StoreError(f"{path}: {_reason(error)}") from error
    return library


def _take(library: _Library, what: str, rows: Iterable[tuple[Any, ...]]) -> None:
    if what == "books":
        library.books = [row for row in rows if isinstance(row[0], int)]
    elif what == "data":
        for book, kind, name in rows:
            library.files.setdefault(book, {})[str(kind).upper()] = str(name)
    else:
        names = library.named.setdefault(what, {})
        for book, name in rows:
            if name is not None:
                names.setdefault(book, []).append(str(name) if what == "comments" else fold(str(name)))


def _connect(path: Path, wait_s: float) -> sqlite3.Connection:
    address = f"{path.absolute().as_uri()}?mode=ro{_immutable(path)}"
    connection = sqlite3.connect(address, wait_s, isolation_level=None, uri=True)
    connection.text_factory = partial(str, encoding="utf-8", errors="replace")
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LARGEST)
    ends = time.monotonic() + wait_s + LONGEST_S
    connection.set_progress_handler(lambda: time.monotonic() > ends, 100_000)
    return connection


def _immutable(path: Path) -> str:
    """How the file at ``path`` may be opened; JobError and StoreError when it may not."""
    try:
        kind = path.stat().st_mode
        if not stat.S_ISREG(kind):
            raise StoreError(f"{path}: is no file; {_LIBRARY}")
        with path.open("rb") as file:
            head = file.read(20)
        if head[18:20] != _WAL:
            return ""
        log, index = Path(f"{path}-wal"), Path(f"{path}-shm")
        if not log.exists() or not log.stat().st_size:
            return "&immutable=1"
    except (FileNotFoundError, NotADirectoryError) as error:
        raise JobError(f"{path}: there is no such file; {_LIBRARY}") from error
    except (OSError, ValueError) as error:
        raise StoreError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from error
    if not index.exists():
        raise StoreError(f"{path}: was not closed as it should be; open the library in Calibre and close it again")
    return ""


def _check_tables(connection: sqlite3.Connection, path: Path) -> None:
    found = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    missing = sorted(_TABLES - found)
    if missing:
        raise StoreError(f"{path}: is not Calibre's: it has no table {missing[0]!r}; {_LIBRARY}")


def _reason(error: sqlite3.Error) -> str:
    code = getattr(error, "sqlite_errorcode", -1)
    if code & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return "Calibre is writing to it, and did not let go of it in time; run again when it is done"
    if code & 0xFF in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN):
        return "Calibre was interrupted while it wrote; open the library in Calibre, which mends it"
    if code & 0xFF == sqlite3.SQLITE_NOTADB:
        return f"is no database; {_LIBRARY}"
    if code & 0xFF == sqlite3.SQLITE_CORRUPT:
        return f"is damaged ({error}); let Calibre restore its database (Library maintenance)"
    if code & 0xFF == sqlite3.SQLITE_INTERRUPT:
        return f"takes more than {LONGEST_S:g} seconds to read; it is no library"
    return f"cannot be read: {error}"
