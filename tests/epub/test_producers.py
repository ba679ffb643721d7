"""Small books in the shape that well-known producers give theirs: chapters, levels, kinds and roles."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from narrate.book import Book
from narrate.loaders.epub import load
from tests.loaders.builder import METADATA, PROSE, make_epub, nav, ncx, page, point
from tests.suites.loader_suite import check_loader, spoken

PICTURE = '<img src="cover.jpg" alt=""/>'
SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 6 8">'
    '<image width="6" height="8" xlink:href="cover.jpeg"/></svg>'
)


def read(tmp_path: Path, pages: Mapping[str, str | bytes], **options: object) -> Book:
    return check_loader(load, make_epub(tmp_path / "book.epub", pages, **options))  # type: ignore[arg-type]


def shape(book: Book) -> list[tuple[int, str, str, str]]:
    return [(chapter.level, chapter.title, chapter.kind, chapter.role) for chapter in book.chapters]


def points(*entries: tuple[str, str]) -> str:
    return ncx("".join(point(title, target) for title, target in entries))


def test_calibre_split_files_and_an_ncx_only(tmp_path: Path) -> None:
    def part(body: str) -> str:
        return page(body, "A Book", 'class="calibre"')

    pages = {
        "titlepage.xhtml": page(f"<div>{SVG}</div>", "Cover"),
        "index_split_000.html": part('<p class="calibre1"><span class="bold">A Book</span></p><p>An Author</p>'),
        "index_split_001.html": part(f'<p id="filepos100" class="calibre2">Chapter 1</p><p>{PROSE}</p>'),
        "index_split_002.html": part(f'<p class="calibre3">{PROSE}</p>'),
        "index_split_003.html": part(f'<p id="filepos900" class="calibre2">Chapter 2</p><p>{PROSE}</p>'),
    }
    contents = points(
        ("Chapter 1", "index_split_001.html#filepos100"), ("Chapter 2", "index_split_003.html#filepos900")
    )
    guide = '<guide><reference type="cover" href="titlepage.xhtml"/></guide>'
    book = read(tmp_path, pages, ncx=contents, guide=guide, version="2.0")
    assert shape(book)[-2:] == [(1, "Chapter 1", "chapter", "body"), (1, "Chapter 2", "chapter", "body")]
    assert [kind for _, _, kind, _ in shape(book)[:-2]] == ["titlepage"]
    assert [len(chapter.blocks) for chapter in book.chapters[-2:]] == [3, 2]
    assert book.warnings == ()


def test_calibre_with_one_entry_for_the_whole_book(tmp_path: Path) -> None:
    body = "".join(f"<h2>Chapter {n}</h2><p>{PROSE}</p>" for n in range(1, 7))
    book = read(tmp_path, {"text.html": body}, ncx=points(("Start", "text.html")), version="2.0")
    assert [title for _, title, _, _ in shape(book)] == ["Start", *(f"Chapter {n}" for n in range(2, 7))] or [
        title for _, title, _, _ in shape(book)
    ] == [f"Chapter {n}" for n in range(1, 7)]
    assert len(book.chapters) == 6


def test_pressbooks(tmp_path: Path) -> None:
    def part(kind: str, number: str, title: str, text: str = PROSE) -> str:
        return page(
            f'<div class="{kind}" id="{title.lower()}"><div class="chapter-title-wrap"><p class="chapter-number">'
            f'{number}</p><h1 class="chapter-title">{title}</h1></div><div class="ugc"><p>{text}</p></div></div>',
            title,
        )

    pages = {
        "front-cover.xhtml": page(f'<div id="cover-image">{PICTURE}</div>', "Cover"),
        "title-page.xhtml": page(
            '<div id="title-page"><h1 class="title">A Book</h1><h3>An Author</h3></div>', "A Book"
        ),
        "copyright.xhtml": page(
            '<div id="copyright-page"><div class="ugc"><p>A Book Copyright © 2020 by An Author is licensed under a '
            "Creative Commons licence.</p></div></div>",
            "Copyright",
        ),
        "front-matter-001-introduction.xhtml": part("front-matter introduction", "", "Introduction"),
        "part-001-main.xhtml": page('<div class="part" id="p1"><p>I</p><h1>Main Body</h1></div>', "Main Body"),
        "chapter-001-one.xhtml": part("chapter standard", "1", "Rivers"),
        "chapter-002-two.xhtml": part("chapter standard", "2", "Lakes"),
        "back-matter-001-appendix.xhtml": part("back-matter appendix", "", "Appendix"),
    }
    entries = (
        '<li><a href="front-cover.xhtml">Cover</a></li><li><a href="title-page.xhtml">Title Page</a></li>'
        '<li><a href="copyright.xhtml">Copyright</a></li>'
        '<li><a href="front-matter-001-introduction.xhtml">Introduction</a></li>'
        '<li><a href="part-001-main.xhtml">I. Main Body</a><ol><li><a href="chapter-001-one.xhtml">Rivers</a></li>'
        '<li><a href="chapter-002-two.xhtml">Lakes</a></li></ol></li>'
        '<li><a href="back-matter-001-appendix.xhtml">Appendix</a></li>'
    )
    book = read(tmp_path, pages, nav=nav(entries))
    assert [row for row in shape(book) if row[2] != "cover"] == [
        (1, "Title Page", "titlepage", "front"),
        (1, "Copyright", "copyright", "front"),
        (1, "Introduction", "introduction", "front"),
        (1, "I. Main Body", "chapter", "body"),
        (2, "Rivers", "chapter", "body"),
        (2, "Lakes", "chapter", "body"),
        (1, "Appendix", "appendix", "back"),
    ]


def test_pandoc(tmp_path: Path) -> None:
    pages = {
        "title_page.xhtml": page(
            '<section epub:type="titlepage"><h1 class="title">A Book</h1><p class="author">An Author</p></section>',
            "A Book",
            'epub:type="frontmatter"',
        ),
        "nav.xhtml": "<p/>",
        "ch001.xhtml": page(
            f'<section id="one" class="level1" data-number="1"><h1><span>1</span> One</h1><p>{PROSE}</p>'
            f'<section id="sub" class="level2"><h2>Sub</h2><p>{PROSE}</p></section></section>',
            "One",
            'epub:type="bodymatter"',
        ),
        "ch002.xhtml": page(
            f'<section id="two" class="level1"><h1>Two</h1><p>{PROSE}</p></section>', "Two", 'epub:type="bodymatter"'
        ),
    }
    del pages["nav.xhtml"]
    entries = (
        '<li><a href="ch001.xhtml#one"><span>1</span> One</a><ol><li><a href="ch001.xhtml#sub">Sub</a></li></ol></li>'
        '<li><a href="ch002.xhtml#two">Two</a></li>'
    )
    book = read(
        tmp_path, pages, nav=nav(entries), spine=["title_page.xhtml", "nav.xhtml", "ch001.xhtml", "ch002.xhtml"]
    )
    assert shape(book) == [
        (1, "A Book", "titlepage", "front"),
        (1, "1 One", "chapter", "body"),
        (2, "Sub", "chapter", "body"),
        (1, "Two", "chapter", "body"),
    ]


def test_sigil_and_its_start_page(tmp_path: Path) -> None:
    pages = {
        "Text/cover.xhtml": page(f"<div>{SVG}</div>", "Cover", 'epub:type="cover"'),
        "Text/Section0001.xhtml": f"<h1>Prologue</h1><p>{PROSE}</p>",
        "Text/Section0002.xhtml": f"<h1>1</h1><h2>The Road</h2><p>{PROSE}</p>",
        "Text/Section0003.xhtml": f"<h1>2</h1><h2>The Inn</h2><p>{PROSE}</p>",
    }
    entries = [("Prologue", "Text/Section0001.xhtml"), ("1", "Text/Section0002.xhtml"), ("2", "Text/Section0003.xhtml")]
    book = read(tmp_path, pages, ncx=points(*entries), version="2.0")
    assert [title for _, title, kind, _ in shape(book) if kind == "chapter"] == [
        "Prologue",
        "1. The Road",
        "2. The Inn",
    ]


def test_indesign_numbers_and_titles_in_classes(tmp_path: Path) -> None:
    def chapter(number: str, title: str) -> str:
        body = (
            f'<div id="_idContainer00{number}" class="Basic-Text-Frame"><p class="CN">{number}</p>'
            f'<p class="CT">{title}</p><p class="Body-Text-First">{PROSE}</p></div>'
        )
        return page(body, "book-1", 'id="book-1" xml:lang="en-GB"')

    pages = {f"book-{n}.xhtml": chapter(str(n), title) for n, title in enumerate(["Dawn", "Noon", "Dusk"], start=1)}
    entries = "".join(
        f'<li><a href="book-{n}.xhtml#_idParaDest-{n}">{n} {title}</a></li>'
        for n, title in enumerate(["Dawn", "Noon", "Dusk"], start=1)
    )
    book = read(tmp_path, pages, nav=nav(entries))
    assert [title for _, title, _, _ in shape(book)] == ["1 Dawn", "2 Noon", "3 Dusk"]
    assert len(book.warnings) == 3, "each entry's place is missing"


def test_word_filtered_html_with_anchors_and_no_headings(tmp_path: Path) -> None:
    body = "".join(
        f'<p class=MsoNormal align=center><a name="_Toc{n}"></a><b>Chapter {n}</b></p>'
        f"<p class=MsoNormal>{PROSE}<o:p></o:p>"
        for n in (1, 2, 3)
    )
    whole = (
        f"<html><head><title>A Book</title></head><body lang=EN-US><div class=WordSection1>{body}</div></body></html>"
    )
    entries = [(f"Chapter {n}", f"book.htm#_Toc{n}") for n in (1, 2, 3)]
    book = read(tmp_path, {"book.htm": whole.encode()}, ncx=points(*entries), version="2.0")
    assert [row[1] for row in shape(book)] == ["Chapter 1", "Chapter 2", "Chapter 3"]
    assert [len(chapter.blocks) for chapter in book.chapters] == [2, 2, 2]


def test_vellum_with_ornamental_first_lines(tmp_path: Path) -> None:
    def chapter(number: str, title: str) -> str:
        return page(
            '<section epub:type="chapter" role="doc-chapter" class="chapter element"><div class="heading-contents">'
            f'<h2 class="element-number"><span class="element-number-number">{number}</span></h2>'
            f'<h1 class="element-title">{title}</h1></div><div class="text"><p class="first"><span class="first-line">'
            f"{PROSE}</span></p></div></section>",
            title,
            'epub:type="bodymatter"',
        )

    pages = {
        "also-by.xhtml": page(
            '<section class="also-by element"><h1>Also by An Author</h1><p>The First Book</p><p>The Second Book</p>'
            "</section>",
            "Also by An Author",
            'epub:type="frontmatter"',
        ),
        "dedication.xhtml": page(
            '<section epub:type="dedication" role="doc-dedication"><p>For the one who waited.</p></section>',
            "Dedication",
            'epub:type="frontmatter"',
        ),
        "chapter-1.xhtml": chapter("1", "Rain"),
        "chapter-2.xhtml": chapter("2", "Snow"),
        "about-the-author.xhtml": page(
            '<section class="about-the-author element"><h1>About the Author</h1><p>Lives by the sea.</p></section>',
            "About the Author",
            'epub:type="backmatter"',
        ),
    }
    entries = (
        '<li><a href="chapter-1.xhtml">1. Rain</a></li><li><a href="chapter-2.xhtml">2. Snow</a></li>'
        '<li><a href="about-the-author.xhtml">About the Author</a></li>'
    )
    assert shape(read(tmp_path, pages, nav=nav(entries))) == [
        (1, "Also by An Author", "advertisement", "front"),
        (1, "Dedication", "dedication", "front"),
        (1, "1. Rain", "chapter", "body"),
        (1, "2. Snow", "chapter", "body"),
        (1, "About the Author", "about the author", "back"),
    ]


def test_smashwords_one_file_with_everything(tmp_path: Path) -> None:
    body = (
        "<p>A Book</p><p>An Author</p><p>Copyright 2012 by An Author</p><p>Smashed Edition, Licence Notes: this ebook "
        "is licensed for your enjoyment. All rights reserved.</p>"
        + "".join(f'<p id="c{n}">Chapter {n}</p><p>{PROSE}</p>' for n in (1, 2, 3))
        + '<p id="about">About the Author</p><p>He keeps bees.</p>'
    )
    entries = [*((f"Chapter {n}", f"all.html#c{n}") for n in (1, 2, 3)), ("About the Author", "all.html#about")]
    book = read(tmp_path, {"all.html": body}, ncx=points(*entries), version="2.0")
    assert [row[1] for row in shape(book)][-4:] == ["Chapter 1", "Chapter 2", "Chapter 3", "About the Author"]
    assert shape(book)[-1][2:] == ("about the author", "back")
    assert shape(book)[0][2] in {"copyright", "titlepage"}


def test_ao3_and_fanficfare_prefaces(tmp_path: Path) -> None:
    pages = {
        "title_page.xhtml": '<h3><a href="https://example.org/1">A Book</a> by An Author</h3><b>Words:</b> 12',
        "file0001.xhtml": f'<h3 class="fff_chapter_title">1. The Letter</h3><p>{PROSE}</p>',
        "file0002.xhtml": f'<h3 class="fff_chapter_title">2. The Answer</h3><p>{PROSE}</p>',
        "log_page.xhtml": "<h3>Update Log</h3><div>2020-01-01</div>",
    }
    entries = [
        ("Title Page", "title_page.xhtml"),
        ("1. The Letter", "file0001.xhtml"),
        ("2. The Answer", "file0002.xhtml"),
    ]
    book = read(tmp_path, pages, ncx=points(*entries), version="2.0")
    assert [row[1] for row in shape(book)][1:3] == ["1. The Letter", "2. The Answer"]


def test_kobo_spans_and_their_numbers(tmp_path: Path) -> None:
    def spans(*sentences: str) -> str:
        return "".join(f'<span class="koboSpan" id="kobo.1.{n}">{text}</span>' for n, text in enumerate(sentences, 1))

    body = (
        f'<div id="book-columns"><div id="book-inner"><h1>{spans("Chapter One")}</h1>'
        f"<p>{spans('It rained. ', 'It stopped. ', PROSE)}</p></div></div>"
    )
    book = read(tmp_path, {"c1.xhtml": body}, nav=nav('<li><a href="c1.xhtml">Chapter One</a></li>'))
    assert spoken(book).startswith("Chapter One\nIt rained. It stopped. It was")


def test_google_docs(tmp_path: Path) -> None:
    body = "".join(
        f'<h1 class="c{n}" id="h.{n}abc"><span class="c3">Chapter {n}</span></h1><p class="c1"><span>{PROSE}</span></p>'
        '<hr style="page-break-before:always;display:none;"/>'
        for n in (1, 2)
    )
    entries = '<li><a href="Doc.xhtml#h.1abc">Chapter 1</a></li><li><a href="Doc.xhtml#h.2abc">Chapter 2</a></li>'
    book = read(tmp_path, {"Doc.xhtml": page(body, "", 'class="c5 doc-content"')}, nav=nav(entries))
    assert [row[1] for row in shape(book)] == ["Chapter 1", "Chapter 2"]


def test_oebps_1_2_with_boxes_and_a_page_of_links(tmp_path: Path) -> None:
    metadata = (
        '<dc-metadata xmlns:dc="http://purl.org/dc/elements/1.0/"><dc:Title>An Old Book</dc:Title>'
        '<dc:Creator role="aut">An Author</dc:Creator><dc:Language>en-us</dc:Language></dc-metadata>'
    )
    pages = {
        "toc.html": '<h2>In this book</h2><p><a href="a.html">The Well</a></p><p><a href="b.html">The Wheel</a></p>',
        "a.html": f"<p>{PROSE}</p>",
        "b.html": f"<p>{PROSE}</p>",
    }
    guide = '<guide><reference type="toc" title="Contents" href="toc.html"/></guide>'
    book = read(tmp_path, pages, metadata=metadata, guide=guide, version="1.2")
    assert (book.meta.title, book.meta.authors, book.meta.language) == ("An Old Book", ("An Author",), "en-us")
    assert [row[1:3] for row in shape(book)] == [
        ("In this book", "contents"),
        ("The Well", "chapter"),
        ("The Wheel", "chapter"),
    ]


@pytest.mark.parametrize("class_name", ["x-ebookmaker-pageno", "pagenum"])
def test_ebookmaker_old_and_new(tmp_path: Path, class_name: str) -> None:
    number = f'<span class="{class_name}"><a id="Page_9"></a>[Pg 9]</span>'
    pages = {
        "@public@vhost@g@html@files@1@1-h@1-h-0.htm.html": (
            '<div id="pg-header"><p>The Project Gutenberg EBook of A Book</p><p>*** START OF THE PROJECT GUTENBERG '
            f'EBOOK A BOOK ***</p></div><h2 id="c1">CHAPTER I.<br/>The Well</h2><p>{number}{PROSE}</p>'
        ),
        "@public@vhost@g@html@files@1@1-h@1-h-1.htm.html": (
            f'<h2 id="c2">CHAPTER II.<br/>The Wheel</h2><p>{PROSE}</p><div id="pg-footer"><p>*** END OF THE PROJECT '
            "GUTENBERG EBOOK A BOOK ***</p><h2>START: FULL LICENSE</h2><p>Please read this.</p></div>"
        ),
    }
    names = list(pages)
    entries = [("CHAPTER I. The Well", f"{names[0]}#c1"), ("CHAPTER II. The Wheel", f"{names[1]}#c2")]
    book = read(tmp_path, pages, ncx=points(*entries), version="2.0")
    chapters = [row for row in shape(book) if row[2] == "chapter"]
    assert [title for _, title, _, _ in chapters] == ["CHAPTER I. The Well", "CHAPTER II. The Wheel"]
    assert "Gutenberg" not in spoken(book)
    assert "Pg" not in spoken(book)


def test_the_authors_name_and_title_on_every_file_are_running_heads(tmp_path: Path) -> None:
    pages = {
        f"{n}.xhtml": f"<h1>A Book</h1><h2>Chapter {n}</h2><p>{PROSE}</p>"
        if n
        else "<h1>A Book</h1><p>by An Author</p>"
        for n in range(5)
    }
    entries = "".join(f'<li><a href="{n}.xhtml">Chapter {n}</a></li>' for n in range(1, 5))
    book = read(tmp_path, pages, nav=nav(entries))
    heads = [block for chapter in book.chapters for block in chapter.blocks if block.within == "running head"]
    assert [block.text for block in heads] == ["A Book"] * 4
    assert [row[1] for row in shape(book)][1:] == [f"Chapter {n}" for n in range(1, 5)]
    assert spoken(book).count("A Book") <= 1


def test_a_parts_name_over_every_chapter_is_a_running_head_and_chapter_is_not(tmp_path: Path) -> None:
    pages = {f"{n}.xhtml": f"<h1>The Long Road</h1><h2>Day {n}</h2><p>{PROSE}</p>" for n in range(1, 5)}
    book = read(tmp_path, pages, metadata=METADATA)
    heads = [block.text for chapter in book.chapters for block in chapter.blocks if block.within]
    assert heads == ["The Long Road"] * 3
    pages = {f"{n}.xhtml": f"<h1>Chapter</h1><h2>{n}</h2><p>{PROSE}</p>" for n in range(1, 5)}
    book = read(tmp_path, pages)
    assert not [block for chapter in book.chapters for block in chapter.blocks if block.within]
    pages = {f"{n}.xhtml": f"<h1>Interlude</h1><p>{PROSE}</p>" for n in range(1, 5)}
    assert [row[1] for row in shape(read(tmp_path, pages))] == ["Interlude"] * 4
