"""Contents that disagree with the book: missing, remote, doubled, out of order, too few; and chapters' titles."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from narrate.book import Book
from narrate.loaders.epub import load
from narrate.outline.titles import complete, is_label
from tests.loaders.builder import PROSE, make_epub, nav, ncx, page, point
from tests.suites.loader_suite import check_loader, spoken

PAGES = {f"{n}.xhtml": f"<h2>Tale {word}</h2><p>{PROSE}</p>" for n, word in enumerate(("One", "Two", "Three"), start=1)}


def read(tmp_path: Path, pages: Mapping[str, str | bytes], **options: object) -> Book:
    return check_loader(load, make_epub(tmp_path / "book.epub", pages, **options))  # type: ignore[arg-type]


def titles(book: Book) -> list[str]:
    return [chapter.title for chapter in book.chapters]


def lines(*entries: tuple[str, str]) -> str:
    return nav("".join(f'<li><a href="{target}">{title}</a></li>' for title, target in entries))


def test_the_contents_that_lead_to_more_win(tmp_path: Path) -> None:
    start = lines(("Begin", "1.xhtml"))
    full = ncx("".join(point(f"Tale {n}", f"{n}.xhtml") for n in (1, 2, 3)))
    assert titles(read(tmp_path, PAGES, nav=start, ncx=full)) == ["Tale 1", "Tale 2", "Tale 3"]
    broken = ncx(point("Gone", "x.xhtml") + point("Gone too", "y.xhtml") + point("Here", "1.xhtml"))
    good = lines(("A", "1.xhtml"), ("B", "2.xhtml"), ("C", "3.xhtml"))
    assert titles(read(tmp_path, PAGES, nav=good, ncx=broken)) == ["A", "B", "C"]


@pytest.mark.parametrize(
    "target",
    [
        "OEBPS/2.xhtml",
        "./2.xhtml",
        "/OEBPS/2.xhtml",
        "..\\OEBPS\\2.xhtml",
        "2.xhtml?x=1",
        "2.XHTML",
        "text/2.html",
        "%32.xhtml",
    ],
)
def test_targets_are_found_however_they_are_written(tmp_path: Path, target: str) -> None:
    book = read(tmp_path, PAGES, nav=lines(("A", "1.xhtml"), ("B", target), ("C", "3.xhtml")))
    assert titles(book) == ["A", "B", "C"]
    assert book.warnings == ()


@pytest.mark.parametrize(
    "target", ["https://example.org/2.xhtml", "../../../2.txt", "gone.xhtml", "mailto:x@y.z", "//x/2"]
)
def test_targets_outside_are_told_and_the_page_is_read(tmp_path: Path, target: str) -> None:
    book = read(tmp_path, PAGES, nav=lines(("A", "1.xhtml"), ("B", target), ("C", "3.xhtml")))
    assert titles(book) == ["A", "C"]
    assert "Tale Two" in spoken(book)
    assert any("“B”" in warning for warning in book.warnings)


def test_a_hundred_entries_that_lead_nowhere_are_a_few_warnings(tmp_path: Path) -> None:
    lost = [(f"Lost {n}", f"lost{n}.xhtml") for n in range(100)]
    book = read(tmp_path, PAGES, nav=lines(("A", "1.xhtml"), ("B", "2.xhtml"), ("C", "3.xhtml"), *lost))
    assert len(book.warnings) < 10
    assert "95 more" in book.warnings[-1]


def test_entries_that_all_lead_to_one_file_go_to_their_headings(tmp_path: Path) -> None:
    body = "".join(f"<h2>Tale {n}</h2><p>{PROSE}</p>" for n in ("One", "Two", "Three", "Four"))
    entries = [(f"TALE {n.upper()}", "all.xhtml") for n in ("One", "Two", "Three", "Four")]
    assert titles(read(tmp_path, {"all.xhtml": body}, nav=lines(*entries))) == [title for title, _ in entries]
    broken = [(title, f"{target}#none") for title, target in entries]
    assert titles(read(tmp_path, {"all.xhtml": body}, nav=lines(*broken))) == [title for title, _ in entries]


def test_contents_out_of_reading_order_are_put_in_order(tmp_path: Path) -> None:
    assert titles(read(tmp_path, PAGES, nav=lines(("C", "3.xhtml"), ("A", "1.xhtml"), ("B", "2.xhtml")))) == [
        "A",
        "B",
        "C",
    ]


def test_contents_six_deep(tmp_path: Path) -> None:
    inner = ""
    for depth in range(6, 0, -1):
        inner = f'<li><a href="{depth}.xhtml">Depth {depth}</a>{f"<ol>{inner}</ol>" if inner else ""}</li>'
    pages = {f"{n}.xhtml": f"<p>{PROSE}</p>" for n in range(1, 7)}
    book = read(tmp_path, pages, nav=nav(inner))
    assert [(chapter.level, chapter.title) for chapter in book.chapters] == [(n, f"Depth {n}") for n in range(1, 7)]


def test_duplicate_ids_lead_to_the_first(tmp_path: Path) -> None:
    body = f'<h2 id="x">One</h2><p>{PROSE}</p><h2 id="x">Two</h2><p>{PROSE}</p><h2 id="y">Three</h2><p>{PROSE}</p>'
    book = read(
        tmp_path, {"a.xhtml": body}, nav=lines(("One", "a.xhtml#x"), ("Two", "a.xhtml#x"), ("Three", "a.xhtml#y"))
    )
    assert titles(book)[0] == "One"
    assert titles(book)[-1] == "Three"


def test_headings_divide_when_the_contents_name_one_page_of_many(tmp_path: Path) -> None:
    pages = {f"{n}.xhtml": f"<h1>Tale {n}</h1><p>{PROSE * 3}</p>" for n in range(1, 9)}
    book = read(tmp_path, pages, nav=lines(("The First Tale", "1.xhtml")))
    assert titles(book) == ["The First Tale", *(f"Tale {n}" for n in range(2, 9))]


def test_chapters_over_many_files_need_no_headings(tmp_path: Path) -> None:
    pages = {f"{n}.xhtml": f"<p>{PROSE}</p>" for n in range(20)}
    book = read(tmp_path, pages, nav=lines(("A", "0.xhtml"), ("B", "7.xhtml"), ("C", "14.xhtml")))
    assert titles(book) == ["A", "B", "C"]


def test_a_page_that_only_the_contents_name_is_read_in_its_place(tmp_path: Path) -> None:
    entries = lines(("A", "1.xhtml"), ("B", "2.xhtml"), ("C", "3.xhtml"))
    book = read(tmp_path, PAGES, nav=entries, spine=["1.xhtml", "3.xhtml"])
    assert titles(book) == ["A", "B", "C"]
    assert "2.xhtml" in book.warnings[0]


def test_pages_that_nothing_names_are_one_warning(tmp_path: Path) -> None:
    book = read(tmp_path, PAGES, nav=lines(("A", "1.xhtml")), spine=["1.xhtml"])
    assert [warning for warning in book.warnings if "neither" in warning] == [
        "2 pages are neither in the reading order nor in the contents and not read: OEBPS/2.xhtml, OEBPS/3.xhtml"
    ]


def test_non_linear_pages_are_read_where_they_stand(tmp_path: Path) -> None:
    path = make_epub(tmp_path / "plain.epub", PAGES)
    with zipfile.ZipFile(path) as archive:
        package = archive.read("OEBPS/content.opf").decode().replace('idref="p1"', 'idref="p1" linear="no"')
    book = read(tmp_path, PAGES, extra={"OEBPS/content.opf": package})
    assert titles(book) == ["Tale One", "Tale Two", "Tale Three"]


def test_the_same_page_twice_is_read_once(tmp_path: Path) -> None:
    book = read(tmp_path, PAGES, spine=["1.xhtml", "2.xhtml", "1.xhtml", "3.xhtml"])
    assert spoken(book).count("Tale One") == 1
    assert "twice" in book.warnings[0]


def test_a_guide_that_calls_the_whole_book_its_cover_is_not_believed(tmp_path: Path) -> None:
    body = "".join(f"<h2>Tale {n}</h2><p>{PROSE}</p>" for n in range(1, 5))
    guide = '<guide><reference type="cover" href="all.xhtml"/><reference type="toc" href="all.xhtml"/></guide>'
    book = read(tmp_path, {"all.xhtml": body}, guide=guide, version="2.0")
    assert {chapter.kind for chapter in book.chapters} == {"chapter"}


def test_a_sentence_cut_by_the_end_of_a_file_is_whole(tmp_path: Path) -> None:
    pages = {
        "1.xhtml": "<h2>One</h2><p>The boat came round the</p>",
        "2.xhtml": "<p>point and anchored.</p><p>Nobody spoke.</p>",
        "3.xhtml": "<h2>Two</h2><p>And so it ended.</p>",
    }
    book = read(tmp_path, pages, nav=lines(("One", "1.xhtml"), ("Two", "3.xhtml")))
    assert "The boat came round the point and anchored.\nNobody spoke." in spoken(book)
    named = read(tmp_path, pages, nav=lines(("One", "1.xhtml"), ("More", "2.xhtml"), ("Two", "3.xhtml")))
    assert titles(named) == ["One", "More", "Two"]


@pytest.mark.parametrize(
    ("label", "headings", "expected"),
    [
        ("4", ["Chapter 4", "The Whale"], "Chapter 4. The Whale"),
        ("IV", ["The Whale"], "IV. The Whale"),
        ("Chapter 4", ["4", "The Whale"], "Chapter 4. The Whale"),
        ("Chapter 1", ["1. The Whale"], "Chapter 1. The Whale"),
        ("Chapter 1", ["1 The Whale"], "Chapter 1. The Whale"),
        ("Chapter One", ["The Whale"], "Chapter One. The Whale"),
        ("CHAPTER IV", ["Chapter 4: The Whale"], "CHAPTER IV. The Whale"),
        ("Kapitel 2", ["Kapitel 2", "Der Wal"], "Kapitel 2. Der Wal"),
        ("The Whale", ["Chapter 4", "The Whale"], "The Whale"),
        ("THE WHALE", ["The Whale"], "THE WHALE"),
        ("I", ["I"], "I"),
        ("7", ["Chapter 12: Other"], "Chapter 12: Other"),
        ("", ["Chapter 4", "The Whale", "In which"], "Chapter 4. The Whale"),
        ("", ["The Whale", "In which"], "The Whale"),
        ("", ["Chapter", "4", "The Whale"], "Chapter 4. The Whale"),
        ("", [], ""),
        ("第一章", ["第一章", "山路"], "第一章. 山路"),
    ],
)
def test_titles_join_number_and_name(label: str, headings: list[str], expected: str) -> None:
    assert complete(label, headings) == expected


@pytest.mark.parametrize(
    "text", ["4", "IV", "Chapter 4", "chapter twenty-one", "Teil II", "1.2", "第三章", "Act I", "LETTER 3"]
)
def test_labels(text: str) -> None:
    assert is_label(text)


@pytest.mark.parametrize(
    "text", ["", "The Whale", "I went home", "Four Walls", "1984 and after", "Civil", "Chapter 4. X"]
)
def test_names_are_no_labels(text: str) -> None:
    assert not is_label(text)


def test_a_section_heading_is_no_part_of_the_title(tmp_path: Path) -> None:
    body = f"<h1>Chapter 1</h1><h2>Morning</h2><p>{PROSE}</p><h2>Evening</h2><p>{PROSE}</p>"
    book = read(tmp_path, {"a.xhtml": body, "b.xhtml": body}, nav=lines(("1", "a.xhtml"), ("2", "b.xhtml")))
    assert titles(book)[0] == "Chapter 1"


@pytest.mark.parametrize(
    ("pages", "expected"),
    [
        ({"a.xhtml": page(f"<p>{PROSE}</p>", "The Well"), "b.xhtml": page(f"<p>{PROSE}</p>", "The Wheel")}, "The Well"),
        ({"a.xhtml": page(f"<h2>Here</h2><p>{PROSE}</p>", "The Well"), "b.xhtml": f"<p>{PROSE}</p>"}, "Here"),
        ({"a.xhtml": f"<p>{PROSE}</p>", "b.xhtml": f"<p>{PROSE}</p>"}, "A Book"),
    ],
)
def test_an_entry_without_a_label_is_called_by_what_the_page_says(
    tmp_path: Path, pages: dict[str, str], expected: str
) -> None:
    entries = '<li><a href="a.xhtml"></a></li><li><a href="b.xhtml">Last</a></li>'
    assert titles(read(tmp_path, pages, nav=nav(entries)))[0] == expected
