"""Markdown as the tools around it want it: pandoc, MkDocs, Docusaurus, Obsidian, Jekyll, Leanpub."""

from __future__ import annotations

from pathlib import Path

import pytest

from narrate.book import Book
from narrate.loaders.markdown import load
from tests.suites.loader_suite import check_loader, check_refuses, spoken


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "book.md"
    path.write_bytes(text.encode())
    return path


def read(tmp_path: Path, text: str) -> Book:
    return check_loader(load, write(tmp_path, text))


def blocks(book: Book) -> list[tuple[str, str]]:
    return [(block.kind, block.text) for chapter in book.chapters for block in chapter.blocks]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (":::tip My *Title*\nBody *x*.\n:::\n\nAfter.", [("paragraph", "My Title"), ("paragraph", "Body x.")]),
        ("::: {.verse}\nShort one\nand two\n:::\n\nAfter.", [("verse", "Short one\nand two")]),
        ('!!! note "Title"\n    Inside.\n\nAfter.', [("paragraph", "Title"), ("paragraph", "Inside.")]),
        ('??? note "Title"\n    Inside.\n\nAfter.', [("paragraph", "Title"), ("paragraph", "Inside.")]),
        ("> [!WARNING]\n> Careful.\n\nAfter.", [("paragraph", "Warning"), ("paragraph", "Careful.")]),
        ("> [!note] Named\n> Inside.\n\nAfter.", [("paragraph", "Named"), ("paragraph", "Inside.")]),
        ("```{note} Named\nInside *it*.\n```\n\nAfter.", [("paragraph", "Named"), ("paragraph", "Inside it.")]),
        ("| Roses are red\n| Violets are blue\n\nAfter.", [("verse", "Roses are red\nViolets are blue")]),
        ("    Tyger Tyger,\n    In the forests\n\nAfter.", [("verse", "Tyger Tyger,\nIn the forests")]),
        ("    x = foo(1);\n    return y;\n\nAfter.", [("code", "x = foo(1);\nreturn y;")]),
        ('*"Fifteen men\nYo-ho-ho!"*\n\nAfter.', [("verse", '"Fifteen men\nYo-ho-ho!"')]),
        (
            "It went on and on and so, and\nit ends.\n---\n\nAfter.",
            [("paragraph", "It went on and on and so, and it ends."), ("break", "")],
        ),
        ("Before.\n\n#\n\nAfter.", [("paragraph", "Before."), ("break", "")]),
        ("- [x] done\n- [ ] todo\n\nAfter.", [("item", "done"), ("item", "todo")]),
        ("[small]{.smallcaps} one\n\nAfter.", [("paragraph", "small one")]),
        ("[[Place|the place]] and [[Other]]\n\nAfter.", [("paragraph", "the place and Other")]),
        ("{mainmatter}\n\nText.\n\nAfter.", [("paragraph", "Text.")]),
        ("\\newpage\n\nText.\n\nAfter.", [("paragraph", "Text.")]),
        ("import X from 'y';\n\nText.\n\nAfter.", [("paragraph", "Text.")]),
        ("[a]: http://x.org 'title'\n\nText [a].\n\nAfter.", [("paragraph", "Text a.")]),
        ("It costs $5 and then $6.\n\nAfter.", [("paragraph", "It costs $5 and then $6.")]),
        ("See `{{ this }}` here.\n\nAfter.", [("paragraph", "See {{ this }} here.")]),
        ("* TOC\n{:toc}\n\nText.\n\nAfter.", [("paragraph", "Text.")]),
    ],
)
def test_a_dialect_is_read_as_it_is_meant(tmp_path: Path, text: str, expected: list[tuple[str, str]]) -> None:
    assert blocks(read(tmp_path, text)) == [*expected, ("paragraph", "After.")]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{% include secret.md %}\n\nText.", "template"),
        ("{{< figure src='x.png' >}}\n\nText.", "template"),
        ("{{#include /etc/passwd}}\n\nText.", "template"),
        ("{% comment %}\nold\n{% endcomment %}\n\nText.", "comment"),
        ("%%hidden%%\n\nText.", "comment"),
        ("export const a = {\n  b: 1\n}\n\nText.", "code"),
        ("\\vspace{1cm}\n\nText.", "markup"),
    ],
)
def test_what_a_tool_would_replace_is_listed(tmp_path: Path, text: str, reason: str) -> None:
    book = read(tmp_path, text)
    assert spoken(book) == "Text."
    assert {skip.reason for skip in book.skipped} == {reason}


def test_tags_in_code_stay(tmp_path: Path) -> None:
    book = read(tmp_path, "```\n{% include x %} = {};\n```\n\nText.")
    assert blocks(book) == [("code", "{% include x %} = {};"), ("paragraph", "Text.")]


@pytest.mark.parametrize("text", ["#Chapter One\n\na\n", "## Chapter One {#c1 .unnumbered}\n\na\n"])
def test_headings_as_people_write_them(tmp_path: Path, text: str) -> None:
    heading = read(tmp_path, text).chapters[0].blocks[0]
    assert (heading.kind, heading.text) == ("heading", "Chapter One")


def test_a_tag_is_no_heading(tmp_path: Path) -> None:
    assert blocks(read(tmp_path, "#winning\n\ntext")) == [("paragraph", "#winning"), ("paragraph", "text")]


def test_a_number_and_its_title_are_one_heading(tmp_path: Path) -> None:
    text = "".join(f"## {n}\n\n### The {name}\n\n{'word ' * 40}\n\n" for n, name in ((1, "Whale"), (2, "Ship")))
    assert [chapter.title for chapter in read(tmp_path, text).chapters] == ["1. The Whale", "2. The Ship"]


def test_lines_in_bold_are_headings_where_nothing_is(tmp_path: Path) -> None:
    text = "".join(f"**Night {n}**\n\n{'word ' * 40}\n\n" for n in ("One", "Two"))
    assert [chapter.title for chapter in read(tmp_path, text).chapters] == ["Night One", "Night Two"]


@pytest.mark.parametrize("opening", ["<!-- open", "<script>", "<?php", "<style>"])
def test_html_that_is_not_closed_takes_nothing_along(tmp_path: Path, opening: str) -> None:
    book = read(tmp_path, f"# One\n\ntext\n\n{opening}\n\n## Two\n\nthe end")
    assert spoken(book).endswith("Two\nthe end")
    assert "not closed" in book.warnings[0]


def test_a_fence_that_is_not_closed_is_a_warning(tmp_path: Path) -> None:
    book = read(tmp_path, "text\n\n```\nx = 1;\n\nmore")
    assert blocks(book)[-1][0] == "code"
    assert "line 3: a code block is not closed" in book.warnings[0]


def test_lists_however_deep_lose_nothing(tmp_path: Path) -> None:
    book = read(tmp_path, "\n".join("  " * depth + f"- n{depth}" for depth in range(200)))
    text = " ".join(text for _, text in blocks(book))
    assert all(f"n{depth}" in text for depth in range(200))


def test_a_note_that_nothing_refers_to_is_listed(tmp_path: Path) -> None:
    assert blocks(read(tmp_path, "Text.\n\n[^1]: never named\n")) == [("paragraph", "Text."), ("note", "never named")]


def test_a_formula_has_its_tex(tmp_path: Path) -> None:
    book = read(tmp_path, "So $x^2$ is.\n\n$$\nE = mc^2\n$$\n")
    formula = book.chapters[0].blocks[-1]
    assert (formula.kind, formula.said or formula.text) == ("formula", "E = mc^2")
    assert book.source_characters == len("Soxsis2Emc2".replace("s", "", 1))


@pytest.mark.parametrize(
    "text",
    [
        "% A Tale\n% Anna; Bert\n% 2020\n\ntext",
        "Title: A Tale\nAuthor: [Anna, Bert]\n\ntext",
        '{\n"title": "A Tale", "author": ["Anna", "Bert"]\n}\n\ntext',
    ],
)
def test_other_front_matter(tmp_path: Path, text: str) -> None:
    book = read(tmp_path, text)
    assert book.meta.title == "A Tale"
    assert spoken(book) == "text"


def test_text_between_two_rules_at_the_top_is_text(tmp_path: Path) -> None:
    assert spoken(read(tmp_path, "---\nOnce upon a time.\n\n---\nmore")).startswith("Once upon a time.")


def test_front_matter_that_is_not_used_is_accounted_for(tmp_path: Path) -> None:
    book = read(tmp_path, "---\ntitle: [unclosed\n---\n\ntext\n")
    assert [skip.reason for skip in book.skipped] == ["metadata"]


def test_a_text_of_too_many_pieces_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("narrate.manuscript.render._PIECES", 100)
    check_refuses(load, write(tmp_path, "a\n\n" * 50), "pieces of markup")
    check_refuses(load, write(tmp_path, "*a* " * 50), "pieces of markup")


def test_spans_over_two_lines_and_raw_html_of_a_converter(tmp_path: Path) -> None:
    book = read(
        tmp_path,
        '## Act [I]{epub:type="z3998:roman"}\n\nHe said [laissez les\nbons temps rouler]{lang="fr"}, and a [*Keeper*\n'
        'of old]{.smallcaps} by `<abbr epub:type="z3998:name-title">`{=html}Dr.`</abbr>`{=html} Marsh.\n',
    )
    heading, paragraph = book.chapters[0].blocks
    assert heading.text == "Act I"
    assert paragraph.text == "He said laissez les bons temps rouler, and a Keeper of old by Dr. Marsh."
    assert [(paragraph.text[m.start : m.end], m.value) for m in paragraph.marks if m.kind == "language"] == [
        ("laissez les bons temps rouler", "fr")
    ]


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("H~2~O and x^2^", "H₂O and x²"),
        ("about ~5 and ~6", "about ~5 and ~6"),
        ("a^b and c^d", "a^b and c^d"),
        ("~~gone~~ now", "gone now"),
    ],
)
def test_lowered_and_raised(tmp_path: Path, written: str, text: str) -> None:
    assert read(tmp_path, f"# One\n\n{written}.\n").chapters[0].blocks[1].text == f"{text}."


def test_parts_and_chapters_beside_a_long_introduction(tmp_path: Path) -> None:
    prose = "It was a quiet morning. " * 40
    parts = "".join(
        f"# Part {part}\n\n" + "".join(f"## Chapter {n}\n\n{prose}\n\n" for n in numbers)
        for part, numbers in (("One", (1, 2)), ("Two", (3, 4)))
    )
    book = read(tmp_path, f"# Introduction\n\n{prose}{prose}\n\n{parts}# Afterword\n\n{prose}\n")
    assert [(chapter.level, chapter.title) for chapter in book.chapters] == [
        (1, "Introduction"),
        *((1, "Part One"), (2, "Chapter 1"), (2, "Chapter 2")),
        *((1, "Part Two"), (2, "Chapter 3"), (2, "Chapter 4")),
        (1, "Afterword"),
    ]


def test_tables_of_dashes(tmp_path: Path) -> None:
    headed = "  Name     Lamps\n  -------- -------\n  Orrin    12\n  Tar | y  7\n"
    bare = "  ------- ----\n  Skerry  3\n  Ness    4\n  ------- ----\n"
    book = read(tmp_path, f"# One\n\nBefore.\n\n{headed}\nBetween.\n\n{bare}\nAfter.\n")
    cells = [
        [block.text[mark.start : mark.end] for mark in block.marks if mark.kind in ("cell", "header cell")]
        for block in book.chapters[0].blocks
        if block.kind == "cell"
    ]
    assert cells == [["Name", "Lamps"], ["Orrin", "12"], ["Tar | y", "7"], ["Skerry", "3"], ["Ness", "4"]]


def test_words_over_a_row_of_dashes_are_no_table(tmp_path: Path) -> None:
    book = read(tmp_path, "# One\n\nA longer sentence stands here\n--- --- ---\nand goes on.\n")
    assert [kind for kind, _ in blocks(book)] == ["heading", "paragraph", "break", "paragraph"]


def test_boxes_inside_a_quotation(tmp_path: Path) -> None:
    book = read(tmp_path, '# One\n\n> ::: {role="presentation"}\n> Dear Ann,\n> :::\n>\n> I write.\n\nAfter.\n')
    assert [text for _, text in blocks(book)] == ["One", "Dear Ann,", "I write.", "After."]
