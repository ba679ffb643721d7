"""The Markdown loader: one file, or a folder as one book."""

from __future__ import annotations

from pathlib import Path

import pytest

from narrate.book import Book
from narrate.loaders.markdown import load
from tests.suites.loader_suite import check_loader, check_refuses, spoken

JPEG = b"\xff\xd8\xff\xe0 a picture"


def read(tmp_path: Path, text: str, name: str = "book.md") -> Book:
    path = tmp_path / name
    path.write_bytes(text.encode())
    return check_loader(load, path)


def folder(tmp_path: Path, files: dict[str, str]) -> Book:
    for name, text in files.items():
        path = tmp_path / "the-book" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
    return check_loader(load, tmp_path / "the-book")


def titles(book: Book) -> list[tuple[int, str]]:
    return [(chapter.level, chapter.title) for chapter in book.chapters]


def test_one_first_level_heading_is_the_title_and_the_second_level_are_chapters(tmp_path: Path) -> None:
    book = read(tmp_path, "# The Book\n\n## One\n\na\n\n### Inside\n\nb\n\n## Two\n\nc\n")
    assert book.meta.title == "The Book"
    assert [(chapter.title, chapter.kind) for chapter in book.chapters] == [
        ("The Book", "halftitle"),
        ("One", "chapter"),
        ("Two", "chapter"),
    ]
    assert spoken(book) == "One\na\nInside\nb\nTwo\nc"


def test_several_first_level_headings_are_chapters(tmp_path: Path) -> None:
    text = f"# One\n\n{'words ' * 30}\n\n## Inside\n\nb\n\n# Two\n\n{'words ' * 30}\n"
    book = read(tmp_path, text)
    assert titles(book) == [(1, "One"), (1, "Two")]
    assert book.meta.title == "Book", "the file's name, for want of a better"


def test_parts_that_hold_only_chapters_are_a_level_of_their_own(tmp_path: Path) -> None:
    text = "".join(f"# Part {p}\n\n" + "".join(f"## {p}.{n}\n\n{'word ' * 40}\n\n" for n in (1, 2)) for p in (1, 2))
    assert titles(read(tmp_path, text)) == [
        (1, "Part 1"),
        (2, "1.1"),
        (2, "1.2"),
        (1, "Part 2"),
        (2, "2.1"),
        (2, "2.2"),
    ]


def test_headings_that_are_fields_are_metadata(tmp_path: Path) -> None:
    book = read(
        tmp_path, "# Title: A Tale\r\n\r\n## Author: Anna\r\n\r\n## Year: 1881\r\n\r\n---\r\n\r\n## One\r\n\r\na\r\n"
    )
    assert (book.meta.title, book.meta.authors, book.meta.date) == ("A Tale", ("Anna",), "1881")
    assert titles(book) == [(1, "One")]
    assert [skip.reason for skip in book.skipped] == ["metadata"] * 3


@pytest.mark.parametrize(
    "front",
    [
        "---\ntitle: A Tale\nauthor: [Anna, Bert]\nlang: fr\ndate: 2020-01-02\ntags:\n  - x\n---\n",
        '+++\ntitle = "A Tale"\nauthors = ["Anna", "Bert"]\nlanguage = "fr"\ndate = 2020-01-02\ntags = ["x"]\n+++\n',
        "---\ntitle: A Tale\ncreator:\n- role: author\n  text: Anna\n- {name: Bert}\n"
        "lang: fr\ndate: '2020-01-02'\ntags: x\n...\n",
    ],
)
def test_front_matter_is_metadata_and_not_read(tmp_path: Path, front: str) -> None:
    meta = read(tmp_path, front + "\nBonjour.\n").meta
    assert (meta.title, meta.authors, meta.language) == ("A Tale", ("Anna", "Bert"), "fr")
    assert (meta.date, meta.subjects) == ("2020-01-02", ("x",))
    book = read(tmp_path, front + "\nBonjour.\n")
    assert spoken(book) == "Bonjour."
    assert book.chapters[0].blocks[0].anchor == f"book.md:{front.count(chr(10)) + 2}"


def test_front_matter_that_cannot_be_read_is_a_warning(tmp_path: Path) -> None:
    book = read(tmp_path, "---\ntitle: [unclosed\n---\n\ntext\n")
    assert spoken(book) == "text"
    assert "front matter" in book.warnings[0]


def test_a_rule_at_the_top_is_no_front_matter(tmp_path: Path) -> None:
    assert spoken(read(tmp_path, "---\n\njust words\n\n---\n\nmore\n")) == "just words\n\nmore", "rules are breaks"


def test_a_cover_is_taken_from_beside_the_text_and_from_nowhere_else(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for place in (tmp_path, tmp_path / "in"):
        (place / "c.jpg").write_bytes(JPEG)
    cover = read(tmp_path, "---\ncover: c.jpg\n---\ntext", "in/a.md").meta.cover
    assert cover is not None
    assert cover.data == JPEG
    assert read(tmp_path, "---\ncover: ../c.jpg\n---\ntext", "in/b.md").meta.cover is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a [link](http://x.org 'title') here", [("paragraph", "a link here")]),
        ("a ![picture](x.png) here", [("paragraph", "a here")]),
        ("hard  \nbreak and\nsoft", [("paragraph", "hard break and soft")]),
        ("&eacute;&nbsp;&amp; `x < y`", [("paragraph", "é & x < y")]),
        ("- a\n- b\n  - c", [("item", "a"), ("item", "b"), ("item", "c")]),
        ("a\n\n***\n\nb", [("paragraph", "a"), ("break", ""), ("paragraph", "b")]),
        ("a\n\n\\* \\* \\*\n\nb", [("paragraph", "a"), ("break", ""), ("paragraph", "b")]),
        ("```py\nx = 1\n```", [("code", "x = 1")]),
        ("| a | b |\n|---|---|\n| c | d |", [("cell", "a. b"), ("cell", "c. d")]),
        ("> quoted\n> on", [("paragraph", "quoted on")]),
        ("Term\n: Meaning", [("item", "Term"), ("item", "Meaning")]),
        ("a <!-- never\nread --> b", [("paragraph", "a b")]),
        ("Text{: .lead}\n{: #id .class}\n", [("paragraph", "Text")]),
        ("{% include x.html %}\n\ntext", [("paragraph", "text")]),
        ("~~gone~~ <b>bo</b>ld", [("paragraph", "gone bold")]),
        ("<div>\n<p>html</p>\n</div>\n\nand *more*", [("paragraph", "html"), ("paragraph", "and more")]),
        (
            '<aside markdown="1">\n  <img alt="x" src="y">\n  Said [she](http://x.org).\n  <p markdown="1">\n— *Anna*\n'
            "  </p>\n</aside>",
            [("paragraph", "Said she."), ("paragraph", "— Anna")],
        ),
        ("```\n{: kept}\n```", [("code", "{: kept}")]),
    ],
)
def test_markdown_becomes_blocks(tmp_path: Path, text: str, expected: list[tuple[str, str]]) -> None:
    book = read(tmp_path, text)
    assert [(block.kind, block.text) for block in book.chapters[0].blocks] == expected


def test_footnotes_are_left_out(tmp_path: Path) -> None:
    book = read(tmp_path, "A word[^1] and more.\n\n[^1]: The note.\n")
    assert spoken(book) == "A word and more."
    text, note = book.chapters[0].blocks
    assert [(aside.kind, aside.text, aside.at) for aside in text.asides] == [("note reference", "[1]", 6)]
    assert (note.kind, note.text, note.note) == ("note", "The note.", text.asides[0].target)


def test_anchors_are_lines(tmp_path: Path) -> None:
    book = read(tmp_path, "# T\n\none\n\n- a\n- b\n\n<p>Left.</p><p>Right.</p>\n")
    anchors = [block.anchor for chapter in book.chapters for block in chapter.blocks]
    assert anchors == ["book.md:1", "book.md:3", "book.md:5", "book.md:6", "book.md:8", "book.md:8.2"]


def test_a_folder_is_in_natural_order(tmp_path: Path) -> None:
    book = folder(
        tmp_path, {"10-end.md": "# Ten\n\na", "2-mid.md": "b", "README.md": "# The Whole\n\nc", ".x.md": "no"}
    )
    assert titles(book) == [(1, "The Whole"), (1, "Mid"), (1, "Ten")]
    assert book.meta.title == "The Whole"


def test_the_order_files_give_themselves_goes_first(tmp_path: Path) -> None:
    files = {
        "a.md": "---\norder: 2\n---\na",
        "b.md": "---\norder: -1\n---\nb",
        "c.md": "c",
        "aa.md": "---\norder: -1\n---\nd",
    }
    assert spoken(folder(tmp_path, files)) == "d\nb\na\nc"
    assert folder(tmp_path, files).meta.title == "The book"


def test_an_mdbook_summary_decides(tmp_path: Path) -> None:
    summary = (
        "# Summary\n\n[Before](before.md)\n\n# Part One\n\n- [First steps](one.md)\n  - [Inside](sub/in.md)\n"
        "- [Draft]()\n"
        "- [Gone](gone.md)\n- [Out](../../out.md)\n"
    )
    (tmp_path / "out.md").write_text("outside")
    files = {
        "book.toml": '[book]\ntitle = "The Book"\nauthors = ["Anna"]\nlanguage = "en"\n',
        "src/SUMMARY.md": summary,
        "src/before.md": "w",
        "src/one.md": "# Else\n\nx",
        "src/sub/in.md": "y",
        "src/unlisted.md": "z",
    }
    book = folder(tmp_path, files)
    assert titles(book) == [(1, "Before"), (1, "Part One"), (2, "First steps"), (3, "Inside")]
    assert (book.meta.title, book.meta.authors, book.meta.language) == ("The Book", ("Anna",), "en")
    assert spoken(book) == "w\nElse\nx\ny"
    assert len(book.warnings) == 3


def test_a_file_in_another_language_says_so(tmp_path: Path) -> None:
    files = {"1.md": "---\nlang: en\n---\na", "2.md": "---\nlang: fr\n---\nb", "3.md": "---\nlang: en\n---\nc"}
    book = folder(tmp_path, files)
    assert book.meta.language == "en"
    assert [block.language for chapter in book.chapters for block in chapter.blocks] == ["", "fr", ""]


def test_an_empty_file_in_a_folder_is_a_warning(tmp_path: Path) -> None:
    book = folder(tmp_path, {"1.md": "a", "2.md": "  \n"})
    assert spoken(book) == "a"
    assert "is empty" in book.warnings[0]


def test_links_out_of_a_folder_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret.md").write_text("secret")
    (tmp_path / "the-book").mkdir()
    (tmp_path / "the-book" / "link.md").symlink_to(tmp_path / "secret.md")
    assert spoken(folder(tmp_path, {"1.md": "a"})) == "a"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b" \n", "empty"),
        (b"<!-- only -->", "no text"),
        (b"---\ntitle: x\n---\n", "no text"),
        (b"\0\1\2\0ab\0", "not text"),
    ],
)
def test_what_holds_no_text_is_refused(tmp_path: Path, data: bytes, words: str) -> None:
    (tmp_path / "a.md").write_bytes(data)
    check_refuses(load, tmp_path / "a.md", words)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
def test_encodings_are_recognised(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "a.md").write_bytes("# Déjà\n\nvu “again”".encode(encoding))
    book = check_loader(load, tmp_path / "a.md")
    assert spoken(book) == "Déjà\nvu “again”"
    assert bool(book.warnings) == (encoding in {"utf-16-le", "cp1252"})


def test_hostile_markdown_is_no_crash(tmp_path: Path) -> None:
    assert spoken(read(tmp_path, "> " * 500 + "deep\n\nshallow")).endswith("shallow")
    assert spoken(read(tmp_path, "<div>" * 300 + "deep")) == "deep"
    anchors = "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 20))
    assert spoken(read(tmp_path, f"---\na0: &a0 [x]\n{anchors}title: *a19\n---\ntext")) == "text"
