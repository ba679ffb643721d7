"""A Calibre library: read as it is, never touched, whatever its database says."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from narrate.catalogues.calibre import read_calibre
from narrate.errors import JobError, StoreError
from narrate.jobs.files import layer, merged

# the tables that are read, with the columns that Calibre gives them
TABLES = """
CREATE TABLE books (id INTEGER PRIMARY KEY AUTOINCREMENT, title TEXT NOT NULL DEFAULT 'Unknown' COLLATE NOCASE,
    sort TEXT COLLATE NOCASE, timestamp TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
    pubdate TIMESTAMP DEFAULT CURRENT_TIMESTAMP, series_index REAL NOT NULL DEFAULT 1.0,
    author_sort TEXT COLLATE NOCASE, path TEXT NOT NULL DEFAULT '', uuid TEXT, has_cover BOOL DEFAULT 0,
    last_modified TIMESTAMP NOT NULL DEFAULT '2000-01-01 00:00:00+00:00');
CREATE TABLE data (id INTEGER PRIMARY KEY, book INTEGER NOT NULL, format TEXT NOT NULL COLLATE NOCASE,
    uncompressed_size INTEGER NOT NULL DEFAULT 0, name TEXT NOT NULL, UNIQUE(book, format));
CREATE TABLE comments (id INTEGER PRIMARY KEY, book INTEGER NOT NULL, text TEXT NOT NULL COLLATE NOCASE, UNIQUE(book));
CREATE TABLE authors (id INTEGER PRIMARY KEY, name TEXT NOT NULL COLLATE NOCASE, sort TEXT, UNIQUE(name));
CREATE TABLE books_authors_link (id INTEGER PRIMARY KEY, book INTEGER NOT NULL, author INTEGER NOT NULL);
CREATE TABLE series (id INTEGER PRIMARY KEY, name TEXT NOT NULL COLLATE NOCASE, sort TEXT, UNIQUE(name));
CREATE TABLE books_series_link (id INTEGER PRIMARY KEY, book INTEGER NOT NULL, series INTEGER NOT NULL);
CREATE TABLE publishers (id INTEGER PRIMARY KEY, name TEXT NOT NULL COLLATE NOCASE, sort TEXT, UNIQUE(name));
CREATE TABLE books_publishers_link (id INTEGER PRIMARY KEY, book INTEGER NOT NULL, publisher INTEGER NOT NULL);
CREATE TABLE tags (id INTEGER PRIMARY KEY, name TEXT NOT NULL COLLATE NOCASE, UNIQUE(name));
CREATE TABLE books_tags_link (id INTEGER PRIMARY KEY, book INTEGER NOT NULL, tag INTEGER NOT NULL);
CREATE TABLE languages (id INTEGER PRIMARY KEY, lang_code TEXT NOT NULL COLLATE NOCASE, UNIQUE(lang_code));
CREATE TABLE books_languages_link (id INTEGER PRIMARY KEY, book INTEGER NOT NULL, lang_code INTEGER NOT NULL,
    item_order INTEGER NOT NULL DEFAULT 1);
"""
LINKS = {"authors": "author", "series": "series", "publishers": "publisher", "tags": "tag", "languages": "lang_code"}


class Library:
    """A library in the making."""

    def __init__(self, folder: Path, mode: str = "delete") -> None:
        self.folder = folder
        self.path = folder / "metadata.db"
        with self.open() as connection:
            connection.execute(f"PRAGMA journal_mode = {mode}")
            connection.executescript(TABLES)

    @contextmanager
    def open(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self.path)) as connection:
            yield connection
            connection.commit()

    def add(self, title: str, formats: Sequence[str] = ("EPUB",), *, there: bool = True, **more: Any) -> None:
        """Add a book, and files for it where they are to be ``there``."""
        with self.open() as connection:
            number = add(connection, title, formats, **more)
            place = self.folder / connection.execute("SELECT path FROM books WHERE id = ?", [number]).fetchone()[0]
        if there:
            place.mkdir(parents=True, exist_ok=True)
            for kind in formats:
                (place / f"book.{kind.lower()}").write_bytes(b"text")


def add(connection: sqlite3.Connection, title: str, formats: Sequence[str] = ("EPUB",), **more: Any) -> int:
    columns = {"title": title, **{name: more.pop(name) for name in ("path", "series_index", "pubdate") if name in more}}
    names, marks = ", ".join(columns), ", ".join("?" * len(columns))
    number = connection.execute(f"INSERT INTO books ({names}) VALUES ({marks})", [*columns.values()]).lastrowid
    assert number is not None
    if "path" not in columns:
        connection.execute("UPDATE books SET path = ? WHERE id = ?", [f"Author/Book ({number})", number])
    for kind in formats:
        connection.execute("INSERT INTO data (book, format, name) VALUES (?, ?, 'book')", [number, kind])
    for what, names_of in more.items():
        if what == "comments":
            connection.execute("INSERT INTO comments (book, text) VALUES (?, ?)", [number, names_of])
            continue
        column = "lang_code" if what == "languages" else "name"
        for name in names_of:
            connection.execute(f"INSERT OR IGNORE INTO {what} ({column}) VALUES (?)", [name])
            [found] = connection.execute(f"SELECT id FROM {what} WHERE {column} = ?", [name]).fetchone()
            connection.execute(f"INSERT INTO books_{what}_link (book, {LINKS[what]}) VALUES (?, ?)", [number, found])
    return number


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(tmp_path)


def sources(library: Library, **filters: Any) -> list[str]:
    return [book.source.relative_to(library.folder).as_posix() for book in read_calibre(library.folder, **filters)[0]]


def titles(library: Library, **filters: Any) -> list[str]:
    return [book.settings["metadata"]["title"] for book in read_calibre(library.folder, **filters)[0]]


def test_what_calibre_knows_of_a_book(library: Library) -> None:
    library.add(
        "Dune: Messiah",
        authors=["Herbert| Frank", "Kevin J. Anderson"],
        series=["Dune"],
        series_index=2.0,
        publishers=["Ace"],
        languages=["eng", "deu"],
        pubdate="1969-07-31 22:00:00+00:00",
        comments="<div><p>The <b>second</b> book.</p><p>Sand &amp; spice.</p><script>x()</script></div>",
        tags=["SF"],
    )
    [book], passed_over = read_calibre(library.folder)
    assert passed_over == ()
    assert book.source == library.folder / "Author/Book (1)/book.epub"
    assert book.settings == {
        "metadata": {
            "title": "Dune: Messiah",
            "authors": ["Herbert, Frank", "Kevin J. Anderson"],
            "series": "Dune",
            "series_number": "2",
            "publisher": "Ace",
            "language": "en",
            "date": "1969-08-01",
            "description": "The second book. Sand & spice.",
        }
    }
    assert book.origin == f"{library.path} book 1"
    values = merged([layer(book.origin, book.settings, book.folder)])
    assert dict(values["metadata"])["authors"] == ("Herbert, Frank", "Kevin J. Anderson")


def test_what_calibre_does_not_know_is_left_to_the_book(library: Library) -> None:
    library.add("Anonymous", authors=["Unknown"], languages=["und"], pubdate="0101-01-01 00:00:00+00:00")
    library.add("Short", series_index=1.5, pubdate="nonsense", languages=["x!"])
    assert [book.settings["metadata"] for book in read_calibre(library.folder)[0]] == [
        {"title": "Anonymous"},
        {"title": "Short"},
    ]


@pytest.mark.parametrize(("index", "number"), [(1.0, "1"), (1.5, "1.5"), (0.0, "0"), (12.25, "12.25"), ("x", "")])
def test_numbers_in_a_series(library: Library, index: object, number: str) -> None:
    library.add("A", series=["S"], series_index=index)
    assert read_calibre(library.folder)[0][0].settings["metadata"].get("series_number", "") == number


@pytest.mark.parametrize(
    ("written", "date"),
    [
        ("2011-12-31 23:00:00+00:00", "2012-01-01"),  # midnight in Berlin
        ("2012-01-01 05:00:00+00:00", "2012-01-01"),  # midnight in New York
        ("2012-01-01 17:30:12.345678+00:00", "2012-01-01"),  # a moment, as news have
        ("2012-01-01", "2012-01-01"),
        ("0100-12-31 18:00:00+00:00", ""),
        ("9999-12-31 20:00:00+00:00", ""),
        (None, ""),
    ],
)
def test_days_are_those_of_the_reader(library: Library, written: str | None, date: str) -> None:
    library.add("A", pubdate=written)
    assert read_calibre(library.folder)[0][0].settings["metadata"].get("date", "") == date


def test_the_best_format_that_is_there_is_read(library: Library) -> None:
    library.add("A", ["TXT", "MD", "PDF", "KEPUB", "EPUB"])
    library.add("B", ["txt", "KEPUB"])
    library.add("C", ["TXT", "MD"])
    assert sources(library) == ["Author/Book (1)/book.epub", "Author/Book (2)/book.kepub", "Author/Book (3)/book.md"]
    (library.folder / "Author/Book (1)/book.epub").unlink()
    assert sources(library)[0] == "Author/Book (1)/book.kepub"
    assert sources(library, formats=["txt", "md"]) == [f"Author/Book ({number})/book.txt" for number in (1, 2, 3)]


def test_books_that_cannot_be_read_are_named(library: Library) -> None:
    library.add("A Comic", ["CBZ", "PDF"])
    library.add("Nothing", [])
    library.add("Lost", there=False)
    library.add("Here")
    found, passed_over = read_calibre(library.folder)
    assert len(found) == 1
    assert passed_over == (
        f"{library.path}: A Comic (book 1) has only CBZ, PDF; narrate reads EPUB, MD, TXT",
        f"{library.path}: Nothing (book 2) has no file; narrate reads EPUB, MD, TXT",
        f"{library.path}: Lost (book 3) is in the library without its file in Author/Book (3); "
        "let Calibre check the library",
    )


def test_filters_narrow_the_list(library: Library) -> None:
    library.add("A", tags=["Audio", "SF"], authors=["Ann"], series=["S"])
    library.add("B", tags=["audiobook"], authors=["Ann", "Bob"])
    library.add("C", tags=["SF"], authors=["Bob"], series=["T"])
    assert titles(library, tags=["sf"]) == ["A", "C"]
    assert titles(library, tags=["AUDIO", "audiobook"]) == ["A", "B"]
    assert titles(library, authors=["Bob"], tags=["SF"]) == ["C"]
    assert titles(library, series=["s"]) == ["A"]
    assert titles(library, tags="SF", authors="Ann") == ["A"]
    assert titles(library) == ["A", "B", "C"]


def test_a_word_that_no_book_has_is_told(library: Library) -> None:
    library.add("A", tags=["audiobooks"])
    found, passed_over = read_calibre(library.folder, tags=["audioboks"])
    assert found == ()
    assert passed_over == (f"{library.path}: no book has 'audioboks' among its tags; did you mean 'audiobooks'?",)


@pytest.mark.parametrize(
    ("filters", "sentence"),
    [
        ({"formats": ["epup"]}, "narrate reads no 'EPUP'; did you mean 'EPUB'?"),
        ({"tags": 7}, "'tags' must be a list of texts, not 7"),
        ({"authors": [1]}, r"'authors' must be a list of texts, not \[1\]"),
    ],
)
def test_filters_that_are_none(library: Library, filters: dict[str, Any], sentence: str) -> None:
    with pytest.raises(JobError, match=sentence):
        read_calibre(library.folder, **filters)


@pytest.mark.parametrize("place", ["../outside", "/etc", "a/../../b", "..\\b", "a\0b"])
def test_nothing_leads_out_of_the_library(library: Library, place: str) -> None:
    library.add("A", path=place, there=False)
    found, [sentence] = read_calibre(library.folder)
    assert found == ()
    assert "leads out of the library" in sentence


def test_nor_does_the_name_of_a_file(library: Library) -> None:
    secret = library.folder.parent / "secret.epub"
    secret.write_bytes(b"text")
    library.add("A")
    with library.open() as connection:
        connection.execute("UPDATE data SET name = '../../../secret'")
    found, [sentence] = read_calibre(library.folder)
    assert found == ()
    assert "leads out of the library" in sentence


def tree(folder: Path) -> dict[str, tuple[int, int]]:
    return {path.name: (path.stat().st_mtime_ns, path.stat().st_size) for path in folder.iterdir()}


@pytest.mark.parametrize("mode", ["delete", "wal"])
def test_nothing_is_written_not_even_beside_it(tmp_path: Path, mode: str) -> None:
    library = Library(tmp_path, mode)
    library.add("A")
    before = tree(tmp_path)
    assert titles(library) == ["A"]
    assert tree(tmp_path) == before
    tmp_path.chmod(0o500)
    try:
        assert titles(library) == ["A"]
    finally:
        tmp_path.chmod(0o700)


@pytest.mark.parametrize("mode", ["delete", "wal"])
def test_it_is_read_while_calibre_is_open(tmp_path: Path, mode: str) -> None:
    """What has been committed is seen, what is being written is not."""
    library = Library(tmp_path, mode)
    library.add("A")
    with closing(sqlite3.connect(library.path)) as calibre:
        calibre.execute("UPDATE books SET title = 'B'")
        calibre.commit()
        calibre.execute("UPDATE books SET title = 'C'")
        assert titles(library) == ["B"]
        names = set(tmp_path.iterdir())
        assert titles(library) == ["B"]
        assert set(tmp_path.iterdir()) == names


def test_a_calibre_that_does_not_let_go_is_waited_for_and_named(library: Library) -> None:
    library.add("A")
    with closing(sqlite3.connect(library.path)) as calibre:
        calibre.execute("BEGIN EXCLUSIVE")
        start = time.monotonic()
        with pytest.raises(
            StoreError, match=r"metadata\.db: Calibre is writing to it, and did not let go of it in time"
        ):
            read_calibre(library.folder, wait_s=0.05)
        assert time.monotonic() - start < 2
        calibre.rollback()
    assert titles(library) == ["A"]


def test_what_a_crash_of_calibre_left_is_for_calibre_to_mend(library: Library) -> None:
    """A journal that is not rolled back: half of a change is in the file."""
    library.add("A" * 100)
    with closing(sqlite3.connect(library.path, isolation_level=None)) as calibre:
        calibre.execute("PRAGMA cache_size = 1")
        calibre.execute("BEGIN")
        for number in range(300):
            calibre.execute("INSERT INTO books (title) VALUES (?)", [f"{number} " * 100])
        broken = {name: (library.folder / name).read_bytes() for name in ("metadata.db", "metadata.db-journal")}
        calibre.execute("ROLLBACK")
    for name, data in broken.items():
        (library.folder / name).write_bytes(data)
    before = tree(library.folder)
    with pytest.raises(StoreError, match="Calibre was interrupted while it wrote; open the library in Calibre"):
        read_calibre(library.folder)
    assert tree(library.folder) == before


def test_a_log_without_its_index_is_for_calibre_to_mend(tmp_path: Path) -> None:
    library = Library(tmp_path, "wal")
    (tmp_path / "metadata.db-wal").write_bytes(b"log")
    with pytest.raises(StoreError, match="was not closed as it should be; open the library in Calibre"):
        read_calibre(library.folder)


def test_what_is_no_library(tmp_path: Path) -> None:
    with pytest.raises(JobError, match=r"metadata\.db: there is no such file; is it the folder of a Calibre library\?"):
        read_calibre(tmp_path)
    assert list(tmp_path.iterdir()) == []
    path = tmp_path / "metadata.db"
    path.mkdir()
    with pytest.raises(StoreError, match="is no file"):
        read_calibre(tmp_path)
    path.rmdir()
    os.mkfifo(path)
    with pytest.raises(StoreError, match="is no file"):
        read_calibre(tmp_path)
    path.unlink()
    path.write_bytes(b"\x89PNG" * 1000)
    with pytest.raises(StoreError, match="is no database"):
        read_calibre(tmp_path)
    path.write_bytes(b"")
    with pytest.raises(StoreError, match="is not Calibre's: it has no table 'authors'"):
        read_calibre(tmp_path)


def test_a_database_that_is_cut_off(library: Library) -> None:
    for number in range(50):
        library.add(f"{number}", comments="x" * 2000)
    whole = library.path.read_bytes()
    for size in (20, 100, 5_000, len(whole) // 2, len(whole) - 4096):
        library.path.write_bytes(whole[:size])
        with pytest.raises(
            StoreError, match=r"metadata\.db: (is damaged|is no database|cannot be read|is not Calibre)"
        ):
            read_calibre(library.folder)


def test_a_database_that_is_scribbled_over(library: Library) -> None:
    """Whatever page is damaged: books, or one sentence."""
    library.add("A", authors=["B"], tags=["C"], series=["D"], comments="E")
    whole = library.path.read_bytes()
    for start in range(0, len(whole), 1024):
        library.path.write_bytes(whole[:start] + b"\xa5" * 256 + whole[start + 256 :])
        try:
            read_calibre(library.folder)
        except StoreError as error:
            assert str(error).startswith(str(library.path))


def test_tables_of_somebody_else(library: Library) -> None:
    library.add("A")
    with library.open() as connection:
        connection.execute("ALTER TABLE books RENAME COLUMN path TO place")
    with pytest.raises(StoreError, match="cannot be read: no such column: path"):
        read_calibre(library.folder)
    with library.open() as connection:
        connection.execute("ALTER TABLE books RENAME TO other")
        endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x FROM n) SELECT * FROM n"
        connection.execute(f"CREATE VIEW books AS {endless}")
    with pytest.raises(StoreError, match="it has no table 'books'"):
        read_calibre(library.folder)


def test_values_of_any_type(library: Library) -> None:
    library.add("A", authors=["B"], comments="C")
    with library.open() as connection:
        connection.execute("UPDATE books SET title = x'ff00', pubdate = x'ff', series_index = 'x'")
        connection.execute("UPDATE authors SET name = x'ffffff'")
        connection.execute("UPDATE comments SET text = 7")
    [book], _ = read_calibre(library.folder)
    assert book.settings["metadata"]["description"] == "7"


def test_the_database_itself_may_be_named(library: Library) -> None:
    library.add("A")
    assert [book.folder for book in read_calibre(library.path)[0]] == [library.folder]


def test_ten_thousand_books_are_listed_at_once(library: Library) -> None:
    with library.open() as connection:
        for number in range(10_000):
            more = {"authors": [f"A {number % 500}"], "series": [f"S {number % 900}"], "languages": ["eng"]}
            text = f"<p>What <i>book</i> {number} is about</p>" * 5
            add(connection, f"Book {number}", path="one", tags=["x"], comments=text, **more)
    (library.folder / "one").mkdir()
    (library.folder / "one/book.epub").write_bytes(b"text")
    start = time.process_time()
    found, _ = read_calibre(library.folder, tags=["x"])
    seconds = time.process_time() - start
    assert len(found) == 10_000
    assert seconds < 1, f"{seconds:.2f} s"  # 0.3 s where nobody else is at work
