"""P1 on Markdown and plain text of random pieces: nothing is lost, and nothing ends in a traceback."""

from __future__ import annotations

from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from narrate.book import Book, letters_and_digits
from narrate.errors import SourceError
from narrate.loaders import markdown, plain
from narrate.manuscript.dialects import prepare
from narrate.manuscript.render import render
from narrate.markup.parse import parse_html
from narrate.markup.walk import count_text
from tests.suites.loader_suite import check_book_holds

MARKDOWN = [
    *("# One\n", "## 1\n", "### The Beginning\n", "#Tight Title\n", "#\n", "Title\n===\n", "Long text ends.\n---\n"),
    *(
        "words and *more* words\n",
        "**Bold line**\n",
        "\n",
        "\n\n",
        "    indented poem line\n",
        "    x = f(1);\n",
        "\t tab\n",
    ),
    *(
        "```\n",
        "~~~ py\n",
        "```{note} Title\n",
        ":::tip Head\n",
        ":::\n",
        "::: {.verse}\n",
        '!!! note "T"\n    inside\n',
    ),
    *(
        "> [!NOTE]\n> said\n",
        "> quoted\n",
        "- item\n",
        "  - [x] deep\n",
        "1. one\n",
        "(@) example\n",
        "Term\n: Meaning\n",
    ),
    *(
        "| a | b |\n|---|:-:|\n| c | d |\n",
        "| Roses are red\n| Violets\n",
        "[^1] and [^1]: x\n",
        "[^1]: a note\n\n    more\n",
    ),
    *(
        "^[inline note]\n",
        "[a]: http://x.org\n",
        "[a] and [b][a]\n",
        "[[wiki|alias]] ![[embed]]\n",
        "[@doe99]\n",
        ":tada: \n",
    ),
    *(
        "{% include x %}\n",
        "{{ y }}\n",
        "{% comment %}\n",
        "{% endcomment %}\n",
        "%%hidden%%\n",
        "{: .c}\n",
        "{mainmatter}\n",
    ),
    *(
        "\\newpage\n",
        "$x^2$ costs $5 and $6\n",
        "$$\nE=m\n$$\n",
        "import x from 'y'\n",
        "export const a = 1\n",
        "# H {#id}\n",
    ),
    *(
        "<div>\n",
        "</div>\n",
        "<!-- c -->\n",
        "<!--\n",
        "-->\n",
        "<script>\n",
        "</script>\n",
        "<b>x",
        "</body>\n",
        "<title>t\n",
    ),
    *(
        "<p>a</p><ruby>x<rt>y</rt></ruby>\n",
        '<img alt="z">\n',
        "<br>",
        "&amp; &#0; &nope;\n",
        "***\n",
        "\u200b\u00ad\ufeffx\n",
    ),
    *(
        "\x00",
        "\x0c",
        "\r",
        "e\u0301\n",
        "漢字\n",
        "﷽\n",
        "A> aside\n",
        "text  \nbreak\n",
        "* TOC\n{:toc}\n",
        "[TOC]\n",
        "---\n",
    ),
    *(
        "+++\n",
        "title: x\n",
        "{\n",
        "<math><mi>x</mi></math>\n",
        "<table><tr><td>cell\n",
        "<svg><text>t</text></svg>",
        "\\[x\\]\n",
    ),
]
PLAIN = [
    *(
        "CHAPTER I\n",
        "II.\n",
        "The Whale\n",
        "THE SHOUT\n",
        "1. Title\n",
        "Erstes Kapitel\n",
        "第一章 開始\n",
        "CONTENTS\n",
    ),
    *(
        "CHAPTER I .... 12\n",
        "Head\n====\n",
        "It was a long line of words that goes on until it is\n",
        "wrapped exam-\nple here.\n",
    ),
    *(
        "    Fifteen men\n    on a chest\n",
        "\n",
        "\n\n\n",
        "[Illustration: a b]\n",
        "[Illustration]\n",
        "[Footnote 1: a\n\nb]\n",
    ),
    *(
        "see[1] it\n",
        "[1] a note\n",
        "12\n",
        "[Pg 13]\n",
        "{14}\n",
        "\f",
        "HEAD 12\n",
        "* * *\n",
        "_a_ =b= *c*\n",
        "   /\\_a\n  /-\\-\n ###\n",
    ),
    *(
        "a   b   c\n1   2   3\n4   5   6\n",
        "| a | b |\n|---|---|\n| c | d |\n",
        "[Transcriber's Note: x]\n",
        "\u3000\u3000字字字。\n",
    ),
    *(
        "*** START OF THE PROJECT GUTENBERG EBOOK X ***\n",
        "*** END OF THE PROJECT GUTENBERG EBOOK\n",
        "Produced by A\n",
    ),
    *(
        "e\u0301 \u00ad\u200b\ufeff\n",
        "[*] x\n",
        "[Footnote *: \n",
        "[[[]]\n",
        "\x00",
        "\x1b[0m\n",
        "by Anna Smith\n",
        "A TALE\n",
    ),
]


class _Text(HTMLParser):
    """The text of HTML, found by another parser."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.text: list[str] = []
        self.silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.silent += tag in {"script", "style"}

    def handle_endtag(self, tag: str) -> None:
        self.silent -= tag in {"script", "style"} and self.silent > 0

    def handle_data(self, data: str) -> None:
        if not self.silent:
            self.text.append(data)


def holds(load: Callable[[Path], Book], path: Path, text: str) -> Book | None:
    path.write_text(text, encoding="utf-8", newline="")
    try:
        book = load(path)
    except SourceError as error:
        assert "\n" not in str(error)
        return None
    check_book_holds(book)
    return book


_QUICK = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@_QUICK
@given(pieces=st.lists(st.sampled_from(MARKDOWN), min_size=1, max_size=14))
def test_markdown_of_any_pieces(tmp_path: Path, pieces: list[str]) -> None:
    holds(markdown.load, tmp_path / "a.md", "".join(pieces))


@_QUICK
@given(pieces=st.lists(st.sampled_from(PLAIN), min_size=1, max_size=25))
def test_plain_text_of_any_pieces(tmp_path: Path, pieces: list[str]) -> None:
    text = "".join(pieces)
    book = holds(plain.load, tmp_path / "a.txt", text)
    if book is not None and not book.warnings:
        assert book.source_characters == letters_and_digits(text), "counted from the raw text"


@_QUICK
@given(text=st.text(alphabet="#>*_`[](){}|:-~!$\\<&^ \n\tab1.", max_size=80))
def test_markdown_of_any_signs(tmp_path: Path, text: str) -> None:
    holds(markdown.load, tmp_path / "a.md", text)


@_QUICK
@given(words=st.lists(st.text(alphabet="abcdé ,.", min_size=1, max_size=30), min_size=1, max_size=8))
def test_what_is_no_markup_is_all_read(tmp_path: Path, words: list[str]) -> None:
    text = "\n\n".join(words)
    book = holds(markdown.load, tmp_path / "a.md", text)
    if book is not None:
        assert book.source_characters == letters_and_digits(text)


@_QUICK
@given(pieces=st.lists(st.sampled_from([piece for piece in MARKDOWN if "<" not in piece]), min_size=1, max_size=14))
def test_what_is_taken_off_is_accounted_for(pieces: list[str]) -> None:
    """The tree's text is the text of the rendered page, found by another way."""
    prepared = prepare("".join(pieces).replace("\r", "\n"))
    rendered, _ = render(prepared.lines, prepared.numbers)
    other = _Text()
    other.feed(rendered)
    assert len(prepared.lines) == len(prepared.numbers)
    other.close()
    tree = parse_html(f"<html><body>{rendered}</body></html>", "a.md")
    assert letters_and_digits("".join(other.text)) == count_text(tree)


@pytest.mark.parametrize("name", ["a.md", "a.txt"])
def test_any_bytes_are_read_or_refused(tmp_path: Path, name: str) -> None:
    for data in (
        b"\xff\xfe",
        b"\xfe\xff\x00",
        b"\x80\x81 x",
        b"\x00" * 9,
        b"\xef\xbb\xbf",
        b"a\rb\rc",
        b"\x1f\x8b\x08\x00",
    ):
        (tmp_path / name).write_bytes(data)
        try:
            check_book_holds((markdown if name.endswith("md") else plain).load(tmp_path / name))
        except SourceError as error:
            assert "\n" not in str(error)
