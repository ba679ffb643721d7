"""The plain text loader."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from narrate.book import Book
from narrate.loaders.plain import load
from tests.suites.loader_suite import check_loader, check_refuses, spoken

WORDS = "It was a quiet morning,\nand nothing stirred.\n"


def read(tmp_path: Path, text: str, name: str = "the_book.txt") -> Book:
    (tmp_path / name).write_bytes(text.encode())
    return check_loader(load, tmp_path / name)


def titles(book: Book) -> list[tuple[int, str]]:
    return [(chapter.level, chapter.title) for chapter in book.chapters]


def test_paragraphs_end_at_blank_lines_and_wraps_are_joined(tmp_path: Path) -> None:
    book = read(tmp_path, "One line\nand another.\n\n\n_Second_ para\u00adgraph.\r\n")
    assert spoken(book) == "One line and another.\nSecond paragraph."
    assert [block.anchor for block in book.chapters[0].blocks] == ["the_book.txt:1", "the_book.txt:5"]
    assert book.meta.title == "The book"


@pytest.mark.parametrize(
    ("heads", "levels"),
    [
        (("CHAPTER I", "CHAPTER II"), (1, 1)),
        (("Chapter 1. The Start", "Chapter 2. The End"), (1, 1)),
        (("Chapter the First", "Chapter the Last"), (1, 1)),
        (("PROLOGUE", "CHAPTER I", "EPILOGUE"), (1, 1, 1)),
        (("I.", "II.", "III."), (1, 1, 1)),
        (("THE OLD HOUSE", "THE NEW HOUSE"), (1, 1)),
    ],
)
def test_headings_are_chapters(tmp_path: Path, heads: tuple[str, ...], levels: tuple[int, ...]) -> None:
    book = read(tmp_path, "".join(f"\n\n\n{head}\n\n{WORDS}" for head in heads))
    assert titles(book) == list(zip(levels, heads, strict=True))


def test_parts_stand_above_chapters(tmp_path: Path) -> None:
    chapters = f"CHAPTER I\n\n{WORDS * 9}\n\nCHAPTER II\n\n{WORDS * 9}\n\n"
    book = read(tmp_path, f"PART ONE\n\n{chapters}PART TWO\n\n{chapters}")
    assert [level for level, _ in titles(book)] == [1, 2, 2, 1, 2, 2]


@pytest.mark.parametrize("line", ["STOP THAT AT ONCE!", "Chapter of accidents, I call it.", "I.", "Part of me died."])
def test_a_line_that_only_looks_like_a_heading_is_text(tmp_path: Path, line: str) -> None:
    assert len(read(tmp_path, f"{WORDS}\n\n{line}\n\n{WORDS}").chapters) == 1


def test_a_list_of_chapters_at_the_front_begins_none(tmp_path: Path) -> None:
    contents = "CONTENTS\n\nCHAPTER I\n\nCHAPTER II\n\n"
    book = read(tmp_path, f"{contents}CHAPTER I\n\n{WORDS}\nCHAPTER II\n\n{WORDS}")
    assert [title for _, title in titles(book)] == ["CONTENTS", "CHAPTER I", "CHAPTER II"]


def test_verse_and_breaks(tmp_path: Path) -> None:
    book = read(tmp_path, f"{WORDS}\n    Fifteen men\n    on a chest\n\n* * *\n\n{WORDS}")
    assert [block.kind for block in book.chapters[0].blocks] == ["paragraph", "verse", "break", "paragraph"]
    assert book.chapters[0].blocks[1].text == "Fifteen men\non a chest"


def test_project_gutenberg_texts(tmp_path: Path) -> None:
    text = (
        "The Project Gutenberg eBook of A Tale\n\nTitle: A Tale\n\nAuthor: Anna\n\n"
        "Release Date: May 1, 2001 [eBook #1]\n"
        "Language: English\n\n*** START OF THE PROJECT GUTENBERG EBOOK A TALE ***\n\n\nCHAPTER I\n\n"
        f"{WORDS}\n*** END OF THE PROJECT GUTENBERG EBOOK A TALE ***\n\nSection 1. General Terms\n"
    )
    book = read(tmp_path, text)
    meta = book.meta
    assert (meta.title, meta.authors, meta.language, meta.date) == ("A Tale", ("Anna",), "en", "May 1, 2001")
    assert [(chapter.title, chapter.kind) for chapter in book.chapters] == [
        ("Licence", "licence"),
        ("CHAPTER I", "chapter"),
        ("Licence", "licence"),
    ]


def test_bad_input_is_refused(tmp_path: Path) -> None:
    check_refuses(load, tmp_path / "none.txt", "no such file")
    (tmp_path / "a.txt").write_bytes(b"\x7fELF\0\0\1\1\0")
    check_refuses(load, tmp_path / "a.txt", "not text")
    (tmp_path / "b.txt").write_bytes(b"***\n\n---")
    check_refuses(load, tmp_path / "b.txt", "no text")
    (tmp_path / "folder").mkdir()
    check_refuses(load, tmp_path / "folder", "no text file")


_LINES = st.lists(
    st.sampled_from(
        [
            "",
            "",
            "CHAPTER I",
            "words e\u0301 12",
            "  indented",
            "* * *",
            "*** END OF THE PROJECT GUTENBERG EBOOK",
            "_a_ b\u00ad",
            "II.",
        ]
    ),
    min_size=1,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=_LINES)
def test_nothing_is_lost_whatever_the_lines(tmp_path: Path, lines: list[str]) -> None:
    read(tmp_path, "\n".join(["start", *lines]))
