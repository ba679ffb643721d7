"""Shelf files: three lines are enough, and whatever is wrong is named with its file, its table and what to do."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from narrate.bounds import Limits
from narrate.errors import JobError
from narrate.library.orders import Listing, orders_of
from narrate.library.shelf import Shelf, read_shelf, with_flags
from narrate.library.window import Window


def shelf(folder: Path, text: str) -> Shelf:
    path = folder / "shelf.toml"
    path.write_text(text, encoding="utf-8")
    return read_shelf(path)


def listed(folder: Path, text: str) -> Listing:
    return orders_of(shelf(folder, text))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "books").mkdir()
    for name in ("a.epub", "b.epub", "c.md"):
        (tmp_path / "books" / name).write_text(name)
    return tmp_path


def test_three_lines_are_a_shelf(folder: Path) -> None:
    found = shelf(folder, 'output = "out"\nengine = "tone"\n[[books]]\nsource = "books/*.epub"\n')
    assert found.output == folder / "out"
    orders = orders_of(found).orders
    assert [order.id for order in orders] == ["books/a.epub", "books/b.epub"]
    assert {order.job(found).engine for order in orders} == {"tone"}
    assert orders[0].job(found).source == folder / "books" / "a.epub"


def test_tables_win_over_the_top_and_later_ones_over_earlier(folder: Path) -> None:
    found = shelf(
        folder,
        'engine = "tone"\nvoice = "low"\n[[books]]\nsource = "books/*"\n'
        '[[books]]\nsource = "books/b.epub"\nvoice = "high"\n',
    )
    voices = {order.id: order.job(found).voice for order in orders_of(found).orders}
    assert voices == {"books/a.epub": "low", "books/b.epub": "high", "books/c.md": "low"}
    settings = {order.id: order.settings["voice"] for order in orders_of(found).orders}
    assert settings == voices


def test_what_holds_for_all_books_together_is_no_books_own(folder: Path) -> None:
    found = shelf(
        folder,
        "max_cost = 5.0\nmax_requests = 9\njobs = 6\ncores = 3\nat_once = 2\nuntil = '06:30'\n"
        '[[books]]\nsource = "books/*"\nmax_cost = 1.0\n',
    )
    assert (found.limits, found.requests, found.cores, found.at_once) == (Limits(5.0, None, 9), 6, 3, 2)
    assert found.window == Window(None, (6, 30))
    job = orders_of(found).orders[0].job(found)
    assert (job.max_cost, job.max_requests, job.jobs, job.cores) == (1.0, None, 0, 0)
    assert with_flags(found, max_cost=7.0, requests=None, cores=1).limits == Limits(7.0, None, 9)
    assert with_flags(found, max_cost=None, cores=1).cores == 1


def test_a_file_next_to_a_book_is_one_of_its_inputs(folder: Path) -> None:
    (folder / "books" / "a.narrate.toml").write_text('policy = "bare"\n[metadata]\ntitle = "A"\n')
    found = shelf(folder, 'policy = "complete"\n[[books]]\nsource = "books/*.epub"\n')
    first, second = orders_of(found).orders
    assert [name for name, _ in first.names] == ["books/a.epub", "books/a.narrate.toml"]
    assert [name for name, _ in second.names] == ["books/b.epub"]
    assert (first.job(found).policy, second.job(found).policy) == ("bare", "complete")


def test_lexicons_are_inputs(folder: Path) -> None:
    (folder / "house.toml").write_text("")
    found = listed(folder, 'lexicons = ["house.toml"]\n[[books]]\nsource = "books/c.md"\n')
    assert [name for name, _ in found.orders[0].names] == ["books/c.md", "house.toml"]


def test_lexicons_of_one_book_are_inputs_too(folder: Path) -> None:
    (folder / "books" / "c.narrate.toml").write_text('lexicons = ["names.csv"]\n')
    (folder / "list.jsonl").write_text('{"source": "books/a.epub", "lexicons": ["a.pls"]}\n{"source": "books/c.md"}\n')
    first, second = listed(folder, '[[books]]\nlist = "list.jsonl"\n').orders
    assert [name for name, _ in first.names] == ["books/a.epub", "a.pls"]
    assert [name for name, _ in second.names] == ["books/c.md", "books/c.narrate.toml", "books/names.csv"]


def test_a_list_has_settings_of_its_own_for_each_book(folder: Path) -> None:
    with (folder / "list.csv").open("w", newline="") as file:
        csv.writer(file).writerows(
            [["source", "voice", "title"], ["books/a.epub", "low", "First"], ["books/c.md", "", ""]]
        )
    found = shelf(folder, 'engine = "tone"\n[[books]]\nlist = "list.csv"\n')
    first, second = orders_of(found).orders
    assert first.job(found).voice == "low"
    assert dict(first.job(found).metadata) == {"title": "First"}
    assert first.settings["metadata.title"] == "First"
    assert "voice" not in second.settings


def test_a_row_that_is_wrong_fails_alone(folder: Path) -> None:
    (folder / "list.jsonl").write_text('{"source": "books/a.epub", "bitrate": 97}\n{"source": "books/c.md"}\n')
    found = shelf(folder, '[[books]]\nlist = "list.jsonl"\n')
    first, second = orders_of(found).orders
    with pytest.raises(JobError, match=r"list\.jsonl"):
        first.job(found)
    assert second.job(found).source.name == "c.md"


def test_an_entry_that_fails_does_not_stop_the_others(folder: Path) -> None:
    found = listed(folder, '[[books]]\nlist = "none.csv"\n[[books]]\nsource = "books/c.md"\n')
    assert [order.id for order in found.orders] == ["books/c.md"]
    assert len(found.problems) == 1
    assert "none.csv" in found.problems[0][1]


def test_a_book_that_is_named_and_not_there_is_listed(folder: Path) -> None:
    assert [order.id for order in listed(folder, '[[books]]\nsource = "books/none.epub"\n').orders] == [
        "books/none.epub"
    ]


def test_a_job_file_is_a_shelf_of_its_own_books(folder: Path) -> None:
    found = shelf(folder, 'source = "books/*.epub"\nengine = "tone"\n')
    assert [order.id for order in orders_of(found).orders] == ["books/a.epub", "books/b.epub"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "names no books"),
        ("books = 3\n", "must be tables"),
        ('[[books]]\nvoice = "low"\n', "names no books; give it one of source"),
        ('[[books]]\nsource = "a"\nlist = "b"\n', "write two tables"),
        ("[[books]]\nsource = 3\n", "text in quotes"),
        ('source = "a.md"\n[[books]]\nsource = "b.md"\n', "put it into a table"),
        ('at_once = -1\n[[books]]\nsource = "a"\n', "'at_once' must be"),
        ('until = "25:00"\n[[books]]\nsource = "a"\n', "06:00"),
        ("until = 6\n[[books]]\nsource = 'a'\n", "06:00"),
        ("from = '22:00'\n[[books]]\nsource = 'a'\n", "'until'"),
        ('[[books]]\nsource = "a"\nvoise = "low"\n', "did you mean 'voice'"),
        ('voise = "low"\n[[books]]\nsource = "a"\n', "did you mean 'voice'"),
        ('[[books]]\nsource = "a"\nengine = "kokkoro"\n', "kokoro"),
        ("downloads = 3\n[[books]]\nsource = 'a'\n", "'downloads' must be a path"),
        ("[[books]\n", "not valid TOML"),
    ],
)
def test_mistakes_are_named(folder: Path, text: str, words: str) -> None:
    with pytest.raises(JobError, match=r"shelf\.toml") as caught:
        found = listed(folder, text)
        for _, sentence in found.problems:
            raise JobError(sentence)
    assert words in str(caught.value)


def test_there_is_no_such_shelf(tmp_path: Path) -> None:
    with pytest.raises(JobError, match="no such shelf file"):
        read_shelf(tmp_path / "none.toml")


def test_without_an_output_it_lies_beside_the_shelf_wherever_it_is_started(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = shelf(folder, 'engine = "tone"\n[[books]]\nsource = "books/*.epub"\n')
    assert found.output == folder / "output"
    (order, *_) = orders_of(found).orders
    assert order.job(found).output == folder / "output"


@pytest.mark.parametrize(("name", "value"), [("max_cost", -1.0), ("jobs", -3), ("cores", 5_000), ("max_requests", -1)])
def test_what_holds_for_all_books_is_checked_too(folder: Path, name: str, value: float) -> None:
    text = 'engine = "tone"\n[[books]]\nsource = "books/*.epub"\n'
    with pytest.raises(JobError, match=f"'{name}' must be between"):
        shelf(folder, f"{name} = {value}\n{text}")
    with pytest.raises(JobError, match=f"the command line: '{name}' must be between"):
        with_flags(shelf(folder, text), **{"requests" if name == "jobs" else name: value})


def test_a_file_next_to_what_a_link_leads_to_is_an_input(folder: Path) -> None:
    (folder / "far").mkdir()
    (folder / "far" / "d.md").write_text("far away")
    (folder / "far" / "d.narrate.toml").write_text('policy = "bare"\n')
    (folder / "books" / "e.md").symlink_to(folder / "far" / "d.md")
    (folder / "books" / "e.narrate.toml").write_text("")  # that of another book, if of any
    orders = {order.id: order for order in listed(folder, '[[books]]\nsource = "books/*.md"\n').orders}
    assert [name for name, _ in orders["books/e.md"].names] == ["books/e.md", "far/d.narrate.toml"]
