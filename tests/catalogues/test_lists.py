"""Lists of books: as spreadsheets and programs write them, and as people mistype them."""

from __future__ import annotations

import csv
import io
import json
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from narrate.catalogues.listed import Listed
from narrate.catalogues.lists import read_list
from narrate.errors import JobError
from narrate.jobs.files import layer, merged
from narrate.library.orders import orders_of
from narrate.library.shelf import read_shelf


def written(folder: Path, text: str | bytes, name: str = "books.csv") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def listed(folder: Path, text: str | bytes, name: str = "books.csv") -> tuple[Listed, ...]:
    found, wrong = read_list(written(folder, text, name))
    assert wrong == ()
    return found


def refused(folder: Path, text: str | bytes, name: str = "books.csv") -> str:
    """Why the list, or the only row that is wrong, is none."""
    try:
        _, (why,) = read_list(written(folder, text, name))
    except JobError as error:
        why = str(error)
    return why.removeprefix(f"{folder / name}").strip()


def test_a_row_is_a_book_with_what_it_says(tmp_path: Path) -> None:
    [first, second] = listed(
        tmp_path,
        "source,voice,title,authors,series,series_number,reading.notes,pauses.chapter,settings.speed,formats,max_cost\n"
        "dune.epub,af_heart,Dune,Frank Herbert; Brian Herbert & Kevin Anderson,Dune,1,skip,900,1.1,mp3 m4b,1.5\n"
        "/books/emma.epub,,,,,,,,,,\n",
    )
    assert first == Listed(
        tmp_path / "dune.epub",
        {
            "voice": "af_heart",
            "metadata": {
                "title": "Dune",
                "authors": ["Frank Herbert", "Brian Herbert", "Kevin Anderson"],
                "series": "Dune",
                "series_number": "1",
            },
            "reading": {"notes": "skip"},
            "pauses": {"chapter": 900},
            "settings": {"speed": "1.1"},
            "formats": ["mp3", "m4b"],
            "max_cost": 1.5,
        },
        f"{tmp_path / 'books.csv'} line 2",
        tmp_path,
    )
    assert second == Listed(Path("/books/emma.epub"), {}, f"{tmp_path / 'books.csv'} line 3", tmp_path)


def test_what_is_read_is_what_a_job_takes(tmp_path: Path) -> None:
    [book] = listed(
        tmp_path,
        "source;language;metadata.language;subjects;lexicons;serial;loudness;bitrate;deadlines.connect;bounds.members;"
        "pauses.paragraph;reading.note_reference\n"
        "a.epub;en;de;Science & Fiction; a.pls;yes;-18,5;64;2,5;100;650;skip\n".replace("; a.pls", ";a.pls"),
    )
    values = merged([layer(book.origin, book.settings, book.folder)])
    assert (values["language"], values["serial"], values["loudness"], values["bitrate"]) == ("en", True, -18.5, 64)
    assert dict(values["metadata"]) == {"language": "de", "subjects": ("Science & Fiction",)}
    assert values["lexicons"] == (tmp_path / "a.pls",)
    assert values["pauses"].paragraph == 650
    assert values["bounds"].members == 100


def test_excel_in_germany(tmp_path: Path) -> None:
    """Semicolons, a byte order mark, commas in numbers, and an empty column where a cell was cleared."""
    [book] = listed(
        tmp_path, '\ufeffSource;Series Number;max-cost;Settings.Speed;\r\n"Bücher\\Ä; 1.epub";2,5;0,5;1,1;\r\n'.encode()
    )
    assert book.source == tmp_path / "Bücher\\Ä; 1.epub"
    assert book.settings == {"metadata": {"series_number": "2,5"}, "max_cost": 0.5, "settings": {"speed": "1.1"}}


@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("between", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_form_says_the_same(tmp_path: Path, codec: str, between: str, end: str) -> None:
    rows = [["source", "title", "description"], ["a.epub", "Ä, b; c\td", 'said "so"'], ["b.epub", "", "x"]]
    text = io.StringIO()
    csv.writer(text, delimiter=between, lineterminator=end).writerows(rows)
    first, second = listed(tmp_path, text.getvalue().encode(codec))
    assert first.settings == {"metadata": {"title": "Ä, b; c\td", "description": 'said "so"'}}
    assert second == Listed(tmp_path / "b.epub", {"metadata": {"description": "x"}}, second.origin, tmp_path)


def test_excels_own_first_line_says_what_stands_between(tmp_path: Path) -> None:
    [book] = listed(tmp_path, "sep=;\nsource;title\na,b.epub;x\n")
    assert (book.source, book.origin) == (tmp_path / "a,b.epub", f"{tmp_path / 'books.csv'} line 3")


def test_lines_are_counted_as_an_editor_does(tmp_path: Path) -> None:
    books = listed(tmp_path, 'source,description\n\na.epub,"two\nlines"\n,\nb.epub,x\n')
    assert [book.origin.rpartition(" ")[2] for book in books] == ["3", "6"]
    assert books[0].settings == {"metadata": {"description": "two\nlines"}}


def test_one_column_is_a_list_too(tmp_path: Path) -> None:
    assert [book.source.name for book in listed(tmp_path, "path\na b.epub\nc.md\n")] == ["a b.epub", "c.md"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", ": is empty; the first row names the columns, at least 'source'"),
        ("title\nx\n", "line 1: no column is called 'source'; it holds the path of each book"),
        ("source,titel\n", "line 1 column 2: unknown column 'titel'; did you mean 'title'?"),
        ("source,reading.nots\n", "line 1 column 2: unknown name 'nots' in 'reading'; did you mean 'notes'?"),
        ("source,pauses.chapters\n", "line 1 column 2: unknown name 'chapters' in 'pauses'; did you mean 'chapter'?"),
        ("source,settings.\n", "line 1 column 2: 'settings.' names nothing in 'settings'; write for example"),
        ("source,pauses\n", "line 1 column 2: 'pauses' is a table and fits in no cell; name what is in it"),
        ("source,Voice,voice\n", "line 1 column 3: 'voice' is there twice"),
        ("source,author,authors\n", "line 1 column 3: 'authors' is there twice"),
        ("source,voice\n,x\n", "line 2: 'source' is empty; it is the path of the book"),
        ("source,voice\na.epub,x,y\n", "line 2: has 3 cells, and the first row names 2; put quotes round a cell"),
        ("source,\na.epub,x\n", "line 2 column 2: 'x' stands in a column without a name"),
        ("source\nhttps://host/a.epub\n", "line 2: 'source' must be a path, not an address"),
        ("source\na\x00.epub\n", "line 2: 'source' holds a character that no path has"),
        ("source\n~nobody-of-that-name/a.epub\n", "line 2: 'source' names a home folder that is not known"),
        ('source,title\na.epub,x\nb.epub,"x\nc.epub,y\n', "line 3: is no row of a table: unexpected end of data"),
        (b"source\n\xe4.epub\n", "line 2: is not UTF-8; save the list again as UTF-8 (in Excel: CSV UTF-8)"),
        (f'source\n"{"x" * 200_000}"\n', "line 2: is no row of a table: field larger than field limit"),
    ],
)
def test_mistakes_are_named_with_their_place(tmp_path: Path, text: str | bytes, sentence: str) -> None:
    assert refused(tmp_path, text).startswith(sentence)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("books.csv", "source,title\na.epub,A\nb.epub,B,C\n,D\ne.epub,E\n"),
        ("books.jsonl", '{"source": "a.epub"}\n{"source": \n{"titel": 1}\n{"source": "e.epub"}\n'),
        ("books.json", '[{"source": "a.epub"}, 7, {"titel": 1}, {"source": "e.epub"}]'),
    ],
)
def test_a_row_that_is_wrong_costs_itself_alone(tmp_path: Path, name: str, text: str) -> None:
    found, wrong = read_list(written(tmp_path, text, name))
    assert [book.source.name for book in found] == ["a.epub", "e.epub"]
    assert len(wrong) == 2, "all that is wrong is told"
    (tmp_path / "shelf.toml").write_text(f'[[books]]\nlist = "{name}"\n')
    listing = orders_of(read_shelf(tmp_path / "shelf.toml"))
    assert [order.id for order in listing.orders] == ["a.epub", "e.epub"]
    assert tuple(sentence for _, sentence in listing.problems) == wrong


def test_a_pattern_that_finds_nothing_costs_itself_alone(tmp_path: Path) -> None:
    path = written(tmp_path, "source\nnone/*.md\na.epub\n")
    (tmp_path / "shelf.toml").write_text('[[books]]\nlist = "books.csv"\n')
    listing = orders_of(read_shelf(tmp_path / "shelf.toml"))
    assert [order.id for order in listing.orders] == ["a.epub"]
    [(_, sentence)] = listing.problems
    assert sentence.startswith(f"{path} line 2: {tmp_path}/none/*.md: finds nothing")


def test_a_cell_that_its_setting_does_not_take_is_refused_where_settings_are(tmp_path: Path) -> None:
    for cell in ("much", "1,5", "1e3", "٣", "9" * 400):
        [book] = listed(tmp_path, f'source,max_cost\na.epub,"{cell}"\n')
        with pytest.raises(JobError, match=r"books\.csv line 2: 'max_cost' must be a number"):
            layer(book.origin, book.settings, book.folder)


def test_objects_may_be_nested_or_flat(tmp_path: Path) -> None:
    nested = {
        "file": "a.epub",
        "metadata": {"title": "T", "authors": ["A", "B"], "date": None},
        "pauses": {"chapter": 900},
        "formats": "mp3 m4b",
        "places": [{"where": "Ads", "read": "skip"}],
        "loudness": None,
    }
    flat = {
        "source": "a.epub",
        "title": "T",
        "author": "A; B",
        "pauses.chapter": 900,
        "formats": ["mp3", "m4b"],
        "places": [{"where": "Ads", "read": "skip"}],
    }
    text = f"{json.dumps(nested)}\n\n{json.dumps(flat)}\n"
    first, second = listed(tmp_path, text, "books.jsonl")
    assert (
        first.settings
        == second.settings
        == {
            "metadata": {"title": "T", "authors": ["A", "B"]},
            "pauses": {"chapter": 900},
            "formats": ["mp3", "m4b"],
            "places": [{"where": "Ads", "read": "skip"}],
        }
    )
    assert (first.source, second.origin) == (tmp_path / "a.epub", f"{tmp_path / 'books.jsonl'} line 3")
    [again] = listed(tmp_path, json.dumps([flat]), "books.json")
    assert (again.settings, again.origin) == (second.settings, f"{tmp_path / 'books.json'} entry 1")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('{"source": "a.epub"}\n{"source": }', "line 2: is not valid JSON: Expecting value"),
        ('["a.epub"]', "line 1: a book is an object, such as"),
        ('{"titel": "x", "source": "a"}', "line 1: unknown column 'titel'; did you mean 'title'?"),
        ('{"source": "a", "metadata": {"titel": "x"}}', "line 1: unknown name 'titel' in 'metadata'; did you mean"),
        ('{"source": "a", "pauses": {"x": 1}}', "line 1: unknown name 'x' in 'pauses'; known are"),
        ('{"source": "a", "metadata": []}', "line 1: 'metadata' must be an object, not []"),
        ('{"source": 7}', "line 1: 'source' must be a path, not 7"),
        ('{"title": "x"}', "line 1: 'source' is empty"),
        ('{"source": "\\ud800.epub"}', "line 1: 'source' holds a character that no path has"),
        ('{"source": "a", "max_cost": Infinity}', "line 1: is not valid JSON: Infinity is no number"),
        ("[" * 100_000, "line 1: is nested too deeply; a book is one object"),
        ('{"source": "a", "jobs": ' + "9" * 5000 + "}", "line 1: is not valid JSON: Exceeds the limit"),
    ],
)
def test_mistakes_in_json_are_named_with_their_place(tmp_path: Path, text: str, sentence: str) -> None:
    assert refused(tmp_path, text, "books.jsonl").startswith(sentence)


def test_what_is_no_list(tmp_path: Path) -> None:
    with pytest.raises(JobError, match="there is no such list"):
        read_list(tmp_path / "none.csv")
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(JobError, match="is no list of books: a folder lies in its place"):
        read_list(tmp_path / "folder.csv")
    assert refused(tmp_path, "x", "books.xlsx").startswith(": is no list of books; a list is a .csv, a .tsv")
    assert refused(tmp_path, "{}", "books.json").startswith(": must be a list of books")


@given(st.lists(st.tuples(st.text(min_size=1), st.text()), min_size=1))
def test_what_is_written_is_read(tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]]) -> None:
    """Any title survives a CSV writer and this reader, or is refused with the file's name."""
    text = io.StringIO()
    csv.writer(text).writerows(
        [("source", "title"), *((f"{number}.epub", title) for number, (title, _) in enumerate(rows))]
    )
    path = tmp_path_factory.mktemp("lists") / "books.csv"
    path.write_bytes(text.getvalue().encode("utf-8", "surrogatepass"))
    try:
        found, wrong = read_list(path)
    except JobError as error:
        assert str(error).startswith(str(path))
        return
    assert wrong == ()
    assert [book.settings.get("metadata", {}).get("title", "") for book in found] == [
        title.strip() for title, _ in rows
    ]


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(ANYTHING)
def test_any_json_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, value: Any) -> None:
    path = tmp_path_factory.mktemp("lists") / "books.jsonl"
    path.write_text(json.dumps({"source": "a.epub", "metadata": value, "title": value}), encoding="utf-8")
    found, wrong = read_list(path)
    assert len(found) + len(wrong) == 1
    assert all(sentence.startswith(str(path)) for sentence in wrong)


def test_ten_thousand_books_are_read_at_once(tmp_path: Path) -> None:
    rows = "".join(f'books/{n}.epub,"Title, {n}",A. Author; B. Author,{n},af_heart\n' for n in range(10_000))
    path = written(tmp_path, f"source,title,authors,series_number,voice\n{rows}")
    start = time.process_time()
    assert len(read_list(path)[0]) == 10_000
    seconds = time.process_time() - start
    assert seconds < 0.7, f"{seconds:.2f} s"  # 0.15 s where nobody else is at work
