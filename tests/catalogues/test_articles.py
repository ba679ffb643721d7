"""Articles as EPUBs: every word is kept, nothing else is, and the same articles are the same bytes."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from narrate.book import Book
from narrate.catalogues.articles import Article, cleaned, digest_of, paragraphs, write_article, write_serial
from narrate.errors import SourceError
from narrate.load import load


def article(html: str, title: str = "On Whales", **more: str) -> Article:
    return Article(more.pop("identity", "urn:1"), title, cleaned(html), ("Ann",), "2024-05-01", "en", **more)


def texts(book: Book) -> list[str]:
    return [block.text for chapter in book.chapters for block in chapter.blocks]


def read(folder: Path, html: str) -> list[str]:
    path = folder / "a.epub"
    write_article(path, article(html))
    book = load(path)
    assert book.warnings == ()
    return texts(book)[1:]


def test_an_article_is_a_book_of_one_chapter(tmp_path: Path) -> None:
    path = tmp_path / "a.epub"
    written = Article("tag:x,1", "A & <B> 🎉", cleaned("<p>Said.</p>"), ("Ann Ab", "Bo"), "2024-05-01", "de")
    assert write_article(path, written)
    book = load(path)
    assert (book.meta.title, book.meta.authors, book.meta.date, book.meta.language) == (
        "A & <B> 🎉",
        ("Ann Ab", "Bo"),
        "2024-05-01",
        "de",
    )
    [chapter] = book.chapters
    assert (chapter.title, chapter.kind, chapter.role, chapter.guess) == ("A & <B> 🎉", "chapter", "body", "")
    assert texts(book) == ["A & <B> 🎉", "Said."]
    assert (book.skipped, book.warnings) == ((), ())


@pytest.mark.parametrize(
    ("html", "said"),
    [
        ("just text", ["just text"]),
        ("<p>one<p>two", ["one", "two"]),
        ("one<br><br>two", ["one", "two"]),
        ("<section>a</section><section>b</section>", ["a", "b"]),
        ("<article>a</article><custom-tag>b</custom-tag>", ["a", "b"]),
        ("<h1>Head</h1><p>x</p>", ["Head", "x"]),
        ('<p>A <img src="x.gif" alt="cat"> sat.</p>', ["A cat sat."]),
        ('<figure><img alt="Cat"><figcaption>It sat.</figcaption></figure>', ["Cat", "It sat."]),
        ('<p>Joy <img class="emoji" alt="🎉"/></p>', ["Joy 🎉"]),
        ("<p>a</p><script>evil()</script><style>p{}</style><noscript>no</noscript><p>b</p>", ["a", "b"]),
        ("<p>a</p><iframe>no</iframe><object>no</object><video>no</video><svg><text>no</text></svg>", ["a"]),
        ("<p>a <button>Share</button><input value='x'>b</p>", ["a b"]),
        ("<p>a<!-- b -->c</p><?php d ?>", ["ac"]),
        ('<p><a href="javascript:x" onclick="y">link</a></p>', ["link"]),
        ("<ul><li>one<li>two</ul>", ["one", "two"]),
        ("<blockquote>said</blockquote><pre>code</pre>", ["said", "code"]),
        ("<p>2 &lt; 3 &amp; &eacute;&#8217;&nbsp;x</p>", ["2 < 3 & é’ x"]),
        ('<math alttext="x squared"><mi>x</mi><mn>2</mn></math>', ["x squared"]),
        ("</div></body>after<body><p>all", ["after", "all"]),
        ("<o:p>office</o:p>", ["office"]),
        ("a \x00\x07b", ["a b"]),
    ],
)
def test_every_word_is_kept_and_nothing_else(tmp_path: Path, html: str, said: list[str]) -> None:
    assert read(tmp_path, html) == said


def test_no_address_and_no_handler_is_left() -> None:
    body = cleaned(
        '<p style="color:red" class="x" onclick="y" id="n1"><a href="http://t/?me">a</a><img src="http://t/x.gif">'
        '<a href="#n1">b</a><a href="#gone">c</a><abbr title="Doctor">Dr</abbr><i title="z">d</i></p>'
    )
    assert body == (
        '<div><p id="n1"><span>a</span><span></span><a href="#n1">b</a><span>c</span>'
        '<abbr title="Doctor">Dr</abbr><i>d</i></p></div>'
    )


def test_languages_and_hidden_parts_are_known_to_the_reader(tmp_path: Path) -> None:
    path = tmp_path / "a.epub"
    write_article(path, article('<p>x</p><p lang="fr">Bonjour</p><p style="display: none">preview</p><p>y</p>'))
    book = load(path)
    assert [(block.text, block.language) for block in book.chapters[0].blocks][1:] == [
        ("x", ""),
        ("Bonjour", "fr"),
        ("y", ""),
    ]
    assert "preview" in [aside.text for block in book.chapters[0].blocks for aside in block.asides]


@pytest.mark.parametrize("html", ["", "  ", "<p></p>", '<img src="x">', "<script>x</script>", "<!-- x -->", "\x00"])
def test_nothing_to_read_is_nothing(html: str) -> None:
    assert cleaned(html) == ""


def test_a_page_without_end_is_refused() -> None:
    with pytest.raises(SourceError, match="nested more than"):
        cleaned("<div>" * 100_000)


def test_paragraphs_of_a_text() -> None:
    assert paragraphs("a\nb\n \n\nc < d") == "<p>a\nb</p><p>c &lt; d</p>"


@given(st.text(max_size=300))
def test_whatever_is_said_makes_a_page_that_is_well_formed(html: str) -> None:
    body = cleaned(html)
    etree.fromstring(f"<body>{body}</body>")


WORDS = st.lists(st.sampled_from(["one", "two", "three", "né", "四"]), min_size=1, max_size=3).map(" ".join)
TREES = st.recursive(
    WORDS,
    lambda inner: st.tuples(
        st.sampled_from(["p", "div", "b", "section", "h1", "ul", "li", "td", "x-y", "a", "q", "table", "form"]),
        st.lists(inner, max_size=4),
    ).map(lambda pair: f"<{pair[0]}>{' '.join(pair[1])}</{pair[0]}>"),
    max_leaves=12,
)


@given(TREES)
def test_no_word_is_lost(html: str) -> None:
    words = re.sub("<[^>]*>", " ", html).split()
    assert re.sub("<[^>]*>", " ", cleaned(html)).split() == words


def test_the_same_article_is_the_same_file(tmp_path: Path) -> None:
    path = tmp_path / "a.epub"
    assert write_article(path, article("<p>x</p>"))
    before = path.stat()
    assert not write_article(path, article('<p class="other">x</p>'))
    assert (path.stat().st_mtime_ns, path.stat().st_ino) == (before.st_mtime_ns, before.st_ino)
    assert write_article(path, article("<p>y</p>"))
    other = tmp_path / "b.epub"
    write_article(other, article("<p>y</p>"))
    assert other.read_bytes() == path.read_bytes()
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["a.epub", "b.epub"]


def test_it_is_an_epub(tmp_path: Path) -> None:
    path = tmp_path / "a.epub"
    write_article(path, article("<p>x</p>"))
    with zipfile.ZipFile(path) as archive:
        assert archive.namelist()[0] == "mimetype"
        assert archive.read("mimetype") == b"application/epub+zip"
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        for name in archive.namelist()[1:]:
            etree.fromstring(archive.read(name))


def test_a_serial_has_a_chapter_for_each_article(tmp_path: Path) -> None:
    path = tmp_path / "s.epub"
    chapters = [article(f"<p>Text {n}.</p>", f"Part {n}", identity=f"g{n}") for n in range(3)]
    assert write_serial(path, "urn:s", "The Serial", ("Ann",), "en", chapters[:2])
    before = load(path)
    assert [chapter.title for chapter in before.chapters] == ["Part 0", "Part 1"]
    assert before.chapters[1].blocks[1].anchor.startswith(f"text/{digest_of('g1')}.xhtml")
    assert write_serial(path, "urn:s", "The Serial", ("Ann",), "en", chapters)
    after = load(path)
    assert after.chapters[:2] == before.chapters
    assert after.chapters[2].title == "Part 2"
    assert after.meta.title == "The Serial"
