"""Plain text as it is found: how its lines are broken, what its pages left in it, how chapters are named."""

from __future__ import annotations

from pathlib import Path

import pytest

from narrate.book import Book
from narrate.loaders.plain import load
from tests.suites.loader_suite import check_loader, spoken

WRAPPED = (
    "It was a quiet morning in the little town, and nothing at all stirred along\n"
    "the street, for everybody was still in bed and asleep at that early hour of\n"
    "the day. Nobody had heard the news.\n"
)
JOINED = WRAPPED.replace("\n", " ").strip()


def read(tmp_path: Path, text: str, name: str = "book.txt") -> Book:
    (tmp_path / name).write_bytes(text.encode())
    return check_loader(load, tmp_path / name)


def titles(book: Book) -> list[str]:
    return [chapter.title for chapter in book.chapters]


def reasons(book: Book) -> list[str]:
    return [skip.reason for skip in book.skipped]


@pytest.mark.parametrize(
    "text",
    [
        (WRAPPED + "\n") * 6,
        ("   " + WRAPPED) * 6,
        (JOINED + "\n") * 6,
        (JOINED + "\r\n\r\n") * 6,
        ("\t" + WRAPPED) * 6,
    ],
    ids=["blank lines", "indents", "a line each", "CRLF", "tabs"],
)
def test_paragraphs_however_they_are_divided(tmp_path: Path, text: str) -> None:
    assert spoken(read(tmp_path, text)) == "\n".join([JOINED] * 6)


def test_double_spaced_lines_are_one_paragraph(tmp_path: Path) -> None:
    doubled = "".join(f"{line}\n\n" for line in (WRAPPED * 3).strip().split("\n"))
    assert spoken(read(tmp_path, f"{doubled}\n\n{doubled}")) == "\n".join([" ".join([JOINED] * 3)] * 2)


def test_old_mac_line_ends(tmp_path: Path) -> None:
    assert spoken(read(tmp_path, (WRAPPED + "\n").replace("\n", "\r") * 2)) == f"{JOINED}\n{JOINED}"


def test_chinese_paragraphs_by_full_width_indents(tmp_path: Path) -> None:
    text = (
        "第一章 開始\n\n\u3000\u3000今天天氣很好。\n\u3000\u3000街上沒有人。\n\n"
        "第二章 結束\n\n\u3000\u3000他回來了。\n\u3000\u3000很高興。\n"
    )
    book = read(tmp_path, text)
    assert titles(book) == ["第一章 開始", "第二章 結束"]
    assert [block.text for block in book.chapters[0].blocks[1:]] == ["今天天氣很好。", "街上沒有人。"]


def test_words_divided_at_the_end_of_a_line_are_whole(tmp_path: Path) -> None:
    assert "an example of" in spoken(read(tmp_path, f"{WRAPPED}\nThis is an exam-\nple of it.\n\nAn example."))


@pytest.mark.parametrize(
    ("poem", "expected"),
    [
        ("Two roads diverged in a wood,\nAnd sorry I could not\nTravel both\n", 3),
        ("    fifteen men on the chest\n    and a bottle of rum\n", 2),
        ("                    12 Main Street,\n                    London\n", 2),
    ],
)
def test_lines_that_are_broken_on_purpose_stay(tmp_path: Path, poem: str, expected: int) -> None:
    book = read(tmp_path, f"{WRAPPED}\n{poem}\n{WRAPPED}")
    verse = book.chapters[0].blocks[1]
    assert (verse.kind, len(verse.text.split("\n"))) == ("verse", expected)


def test_an_indented_letter_is_prose(tmp_path: Path) -> None:
    letter = "".join(f"    {line}\n" for line in WRAPPED.strip().split("\n"))
    assert spoken(read(tmp_path, f"{WRAPPED}\n{letter}\n{WRAPPED}")) == "\n".join([JOINED] * 3)


def test_marks_of_emphasis_are_not_read(tmp_path: Path) -> None:
    text = "_All of\nthis_ is =bold= and *so* is a_b_c, 2*3*4 and snake_case."
    assert spoken(read(tmp_path, text)) == "All of this is bold and so is a_b_c, 2*3*4 and snake_case."


@pytest.mark.parametrize(
    ("heads", "expected"),
    [
        (("CHAPTER I\n\nThe Whale", "CHAPTER II\n\nThe Ship"), ["CHAPTER I. The Whale", "CHAPTER II. The Ship"]),
        (("Chapter One: Dawn", "Chapter Two: Dusk"), ["Chapter One: Dawn", "Chapter Two: Dusk"]),
        (("1. Dawn", "2. Dusk"), ["1. Dawn", "2. Dusk"]),
        (("I", "II"), ["I", "II"]),
        (("BOOK THE FIRST", "BOOK THE SECOND"), ["BOOK THE FIRST", "BOOK THE SECOND"]),
        (("Erstes Kapitel", "Zweites Kapitel"), ["Erstes Kapitel", "Zweites Kapitel"]),
        (("Chapitre premier", "Chapitre II"), ["Chapitre premier", "Chapitre II"]),
        (("Capítulo primero", "Capítulo segundo"), ["Capítulo primero", "Capítulo segundo"]),
        (("Capitolo I", "Capitolo II"), ["Capitolo I", "Capitolo II"]),
        (("Primeira Parte", "Segunda Parte"), ["Primeira Parte", "Segunda Parte"]),
        (("Eerste Hoofdstuk", "Tweede Hoofdstuk"), ["Eerste Hoofdstuk", "Tweede Hoofdstuk"]),
        (("Глава первая", "Глава 2"), ["Глава первая", "Глава 2"]),
        (("Dawn\n====", "Dusk\n===="), ["Dawn", "Dusk"]),
        (("PROLOGUE", "CHAPTER 1"), ["PROLOGUE", "CHAPTER 1"]),
    ],
)
def test_chapters_are_found(tmp_path: Path, heads: tuple[str, str], expected: list[str]) -> None:
    text = "".join(f"\n\n\n{head}\n\n{(WRAPPED + chr(10)) * 3}" for head in heads)
    assert titles(read(tmp_path, text)) == expected


@pytest.mark.parametrize(
    "line", ["Chapter 2 was a hard time for us.", "Part II, of which I told you, ended.", "Book 1 of 3"]
)
def test_a_sentence_that_begins_as_a_heading_is_text(tmp_path: Path, line: str) -> None:
    assert len(read(tmp_path, f"{WRAPPED}\n\n{line}\n\n{WRAPPED}").chapters) == 1


def test_acts_and_scenes(tmp_path: Path) -> None:
    book = read(tmp_path, "".join(f"ACT {n}\n\nSCENE I. A street.\n\n{WRAPPED}\n\n" for n in ("I", "II")))
    assert [(chapter.level, chapter.title) for chapter in book.chapters] == [
        (1, "ACT I"),
        (2, "SCENE I. A street."),
        (1, "ACT II"),
        (2, "SCENE I. A street."),
    ]


def test_a_list_of_contents_is_marked(tmp_path: Path) -> None:
    chapters = "".join(f"\n\nCHAPTER {n}\n\nThe Title {n}\n\n{WRAPPED * 2}" for n in ("I", "II", "III"))
    contents = "CONTENTS\n\n" + "".join(f"CHAPTER {n}. The Title {n} ..... 1{n}\n" for n in ("I", "II", "III"))
    book = read(tmp_path, contents + chapters)
    assert [chapter.kind for chapter in book.chapters] == ["contents", "chapter", "chapter", "chapter"]


def test_page_numbers_between_paragraphs(tmp_path: Path) -> None:
    pages = [WRAPPED.replace("early hour", f"early\n\n{number}\n\nhour") for number in range(11, 17)]
    book = read(tmp_path, "\n".join(pages))
    assert spoken(book) == "\n".join([JOINED] * 6), "a sentence goes on behind the number"
    assert reasons(book) == ["page number"] * 6


def test_numbers_of_chapters_are_no_page_numbers(tmp_path: Path) -> None:
    book = read(tmp_path, "".join(f"{number}\n\n{WRAPPED * 3}\n" for number in range(1, 7)))
    assert titles(book) == ["1", "2", "3", "4", "5", "6"]
    assert not book.skipped


def test_page_numbers_in_the_text(tmp_path: Path) -> None:
    block = read(tmp_path, "He went [Pg 12] on and {13} on.").chapters[0].blocks[0]
    assert block.text == "He went on and on."
    assert [(aside.kind, aside.text) for aside in block.asides] == [("page number", "[Pg 12]"), ("page number", "{13}")]


def test_running_heads_at_the_top_of_pages(tmp_path: Path) -> None:
    book = read(tmp_path, "\f".join(f"A TALE OF TOWNS       {number}\n\n{WRAPPED}" for number in range(9, 14)))
    assert reasons(book) == ["running head"] * 4, "the first may be the title"


def test_notes_are_known(tmp_path: Path) -> None:
    book = read(
        tmp_path,
        f"A word[1] and one[2] more.\n\n[1] First note.\n\n[Footnote 2: Second\nnote.\n\nGoes on.]\n\n{WRAPPED}",
    )
    blocks = book.chapters[0].blocks
    assert spoken(book) == f"A word and one more.\n{JOINED}"
    assert [(block.kind, block.text) for block in blocks[1:4]] == [
        ("note", "First note."),
        ("note", "Second note."),
        ("note", "Goes on."),
    ]
    assert [aside.target for aside in blocks[0].asides] == [blocks[1].note, blocks[2].note]
    assert blocks[2].note == blocks[3].note


def test_captions_drawings_and_tables(tmp_path: Path) -> None:
    drawing = "  /\\__/\\\n ( o.o )\n  > ^ <\n"
    table = "Name      Age     Town\nAnna      12      Bonn\nBert      13      Rome\n"
    book = read(tmp_path, f"[Illustration: The house]\n\n[Illustration]\n\n{drawing}\n{table}\n{WRAPPED}")
    assert [(block.kind, block.text) for block in book.chapters[0].blocks][:2] == [
        ("caption", "The house"),
        ("cell", "Name. Age. Town"),
    ]
    assert sorted(reasons(book)) == ["drawing", "image"]


@pytest.mark.parametrize(
    ("text", "form", "words"),
    [
        ("<!DOCTYPE html>\n<html><body><h1>One</h1><p>Text.</p></body></html>", "HTML", "One\nText."),
        (
            "# One\n\nText [a](http://x.org) [b](http://y.org).\n\n# Two\n\nMore.\n",
            "Markdown",
            "One\nText a b.\nTwo\nMore.",
        ),
    ],
)
def test_a_text_that_is_something_else_is_read_as_that(tmp_path: Path, text: str, form: str, words: str) -> None:
    book = read(tmp_path, text)
    assert spoken(book) == words
    assert f"is {form}" in book.warnings[0]


def test_title_and_author_at_the_top(tmp_path: Path) -> None:
    meta = read(tmp_path, f"THE OLD TOWN\n\nby Anna Smith\n\n\n{WRAPPED}").meta
    assert (meta.title, meta.authors) == ("THE OLD TOWN", ("Anna Smith",))


OLD = (
    "**The Project Gutenberg Etext of A Tale, by Anna Smith**\n\nCopyright laws are changing all over the world.\n\n"
    "We encourage you to keep this electronic file.\n\n*These Etexts Prepared By Volunteers and Donations*\n\n"
    "Information on contacting Project Gutenberg to get Etexts.\n\n"
)


@pytest.mark.parametrize("end", ["", "*END*THE SMALL PRINT! FOR PUBLIC DOMAIN ETEXTS*Ver.04.29.93*END*\n\n"])
def test_the_header_of_an_old_gutenberg_text(tmp_path: Path, end: str) -> None:
    book = read(tmp_path, f"{OLD}{end}CHAPTER I\n\n{WRAPPED * 2}\nEnd of the Project Gutenberg Etext of A Tale\n")
    assert [chapter.kind for chapter in book.chapters] == ["licence", "chapter", "licence"]
    assert (book.meta.title, book.meta.authors) == ("A Tale", ("Anna Smith",))


def test_a_book_about_gutenberg_is_no_licence(tmp_path: Path) -> None:
    book = read(tmp_path, f"Project Gutenberg is old.\n\n{WRAPPED}\n{WRAPPED}")
    assert [chapter.kind for chapter in book.chapters] == ["chapter"]


def test_braces_of_a_formula_are_no_page_numbers(tmp_path: Path) -> None:
    book = read(tmp_path, f"{WRAPPED}\nThe sum $$\\frac{{1}}{{3}} x^{{2}}$$ is small.{{12}}\n\n{WRAPPED}")
    found = [aside.text for chapter in book.chapters for block in chapter.blocks for aside in block.asides]
    assert found == ["{12}"]


def test_what_stands_behind_the_last_chapter_has_headings_of_its_own(tmp_path: Path) -> None:
    text = "".join(f"Chapter {n}\n\n{WRAPPED}\n\n" for n in range(1, 5))
    book = read(
        tmp_path, f"{text}About the Author\n\nShe lives by the sea.\n\nBibliography\n\nSmith, J. Lights. 1902.\n"
    )
    assert titles(book)[-2:] == ["About the Author", "Bibliography"]
