"""The EPUB loader on small books built for one question each."""

from __future__ import annotations

import unicodedata
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from narrate.book import Book
from narrate.loaders.epub import load
from narrate.policy import KINDS, SPEAK, Policy
from narrate.reading import read as plan_reading
from tests.loaders.builder import METADATA, PROSE, make_epub, nav, ncx, page, point
from tests.suites.loader_suite import check_loader, check_refuses, spoken


def read(tmp_path: Path, pages: dict[str, str | bytes], **options: object) -> Book:
    return check_loader(load, make_epub(tmp_path / "book.epub", pages, **options))  # type: ignore[arg-type]


def titles(book: Book) -> list[tuple[int, str]]:
    return [(chapter.level, chapter.title) for chapter in book.chapters]


def texts(book: Book) -> list[list[str]]:
    return [[block.text for block in chapter.blocks] for chapter in book.chapters]


def blocks(tmp_path: Path, body: str) -> list[tuple[str, str]]:
    book = read(tmp_path, {"a.xhtml": body})
    return [(block.kind, block.text) for chapter in book.chapters for block in chapter.blocks]


# ---- order and chapters ----------------------------------------------------------------------------------------------


def test_the_spine_is_the_order_and_not_the_manifest(tmp_path: Path) -> None:
    book = read(tmp_path, {"b.xhtml": "<p>Second.</p>", "a.xhtml": "<p>First.</p>"}, spine=["a.xhtml", "b.xhtml"])
    assert spoken(book) == "First.\nSecond."


def test_chapters_are_nested_as_the_contents_are(tmp_path: Path) -> None:
    entries = (
        '<li><a href="part.xhtml">Part  One</a><ol><li><a href="one.xhtml">I</a></li>'
        '<li><a href="two.xhtml">II</a></li>'
        '</ol></li><li><a href="end.xhtml">Epilogue</a></li>'
    )
    pages: dict[str, str | bytes] = {"part.xhtml": "<h1>Part One</h1>"}
    pages |= {name: f"<h2>{text}</h2><p>{PROSE}</p>" for name, text in (("one.xhtml", "I"), ("two.xhtml", "II"))}
    pages["end.xhtml"] = f"<h2>Epilogue</h2><p>{PROSE}</p>"
    book = read(tmp_path, pages, nav=nav(entries))
    assert titles(book) == [(1, "Part One"), (2, "I"), (2, "II"), (1, "Epilogue")]
    assert texts(book)[0] == ["Part One"]


def test_fragments_divide_a_file(tmp_path: Path) -> None:
    body = f'<h2 id="a">One</h2><p>{PROSE}</p><h2 id="b">Two</h2><p>alpha</p><p>beta <a id="c"/>gamma</p>'
    entries = "".join(f'<li><a href="t.xhtml#{key}">{key.upper()}</a></li>' for key in "abc")
    book = read(tmp_path, {"t.xhtml": body}, nav=nav(entries))
    assert titles(book) == [(1, "A"), (1, "B"), (1, "C")]
    assert texts(book)[1] == ["Two", "alpha"]
    assert texts(book)[2] == ["beta gamma"], "so little before an anchor belongs to it"


def test_an_anchor_in_the_middle_of_a_paragraph_divides_it(tmp_path: Path) -> None:
    body = f'<p id="a">{PROSE}<br/><b id="b">Two</b><br/>{PROSE}</p>'
    book = read(
        tmp_path, {"t.xhtml": body}, nav=nav('<li><a href="t.xhtml#a">A</a></li><li><a href="t.xhtml#b">B</a></li>')
    )
    assert titles(book) == [(1, "A"), (1, "B")]
    assert texts(book)[1][0].startswith("Two")


def test_a_chapter_may_span_files(tmp_path: Path) -> None:
    pages: dict[str, str | bytes] = {f"{n}.xhtml": f"<p>{n} {PROSE}</p>" for n in range(1, 5)}
    book = read(tmp_path, pages, nav=nav('<li><a href="1.xhtml">A</a></li><li><a href="4.xhtml">B</a></li>'))
    assert [len(chapter.blocks) for chapter in book.chapters] == [3, 1]


def test_text_before_the_first_entry_and_after_the_last_is_kept(tmp_path: Path) -> None:
    pages: dict[str, str | bytes] = {
        "motto.xhtml": "<p>For my mother, who read first.</p>",
        "one.xhtml": f"<h1>One</h1><p>{PROSE}</p>",
        "after.xhtml": "<h1>A Word After</h1><p>Thank you for listening.</p>",
    }
    book = read(tmp_path, pages, nav=nav('<li><a href="one.xhtml">One</a></li>'))
    assert [chapter.title for chapter in book.chapters] == ["Dedication", "One", "A Word After"]
    assert "my mother" in spoken(book)
    assert "Thank you" in spoken(book)


def test_a_label_without_a_link_is_kept_above_chapters_and_dropped_alone(tmp_path: Path) -> None:
    entries = (
        '<li><span>An Author</span><ol><li><a href="one.xhtml">Tale</a></li></ol></li><li><a>Not here</a></li>'
        "<li><span>Nobody</span><ol><li><span>Nothing</span></li></ol></li>"
    )
    book = read(tmp_path, {"one.xhtml": f"<p>{PROSE}</p>"}, nav=nav(entries))
    assert titles(book) == [(1, "An Author"), (2, "Tale")]
    assert book.chapters[0].blocks == ()


def test_an_entry_that_leads_nowhere_is_a_warning(tmp_path: Path) -> None:
    entries = '<li><a href="gone.xhtml">Gone</a></li><li><a href="one.xhtml#nowhere">One</a></li>'
    book = read(tmp_path, {"one.xhtml": f"<p>{PROSE}</p>"}, nav=nav(entries))
    assert titles(book) == [(1, "One")]
    assert any("“Gone”" in warning for warning in book.warnings)
    assert any("nowhere" in warning for warning in book.warnings)


def test_the_ncx_serves_when_there_is_no_navigation_document(tmp_path: Path) -> None:
    points = point("Part", "one.xhtml", point("One", "one.xhtml#i") + point("Two", "two%20x.xhtml"))
    pages: dict[str, str | bytes] = {
        "one.xhtml": f'<h1>Part</h1><h2 id="i">One</h2><p>{PROSE}</p>',
        "two x.xhtml": f"<p>{PROSE}</p>",
    }
    book = read(tmp_path, pages, ncx=ncx(points), version="2.0")
    assert titles(book) == [(1, "Part"), (2, "One"), (2, "Two")]


def test_a_navigation_document_goes_before_the_ncx(tmp_path: Path) -> None:
    pages: dict[str, str | bytes] = {"one.xhtml": f"<p>{PROSE}</p>"}
    book = read(tmp_path, pages, nav=nav('<li><a href="one.xhtml">Nav</a></li>'), ncx=ncx(point("Ncx", "one.xhtml")))
    assert titles(book) == [(1, "Nav")]


def test_an_empty_navigation_document_leaves_it_to_the_ncx(tmp_path: Path) -> None:
    book = read(tmp_path, {"a.xhtml": f"<p>{PROSE}</p>"}, nav=nav(""), ncx=ncx(point("Ncx", "a.xhtml")))
    assert titles(book) == [(1, "Ncx")]


def test_without_contents_headings_divide_the_book(tmp_path: Path) -> None:
    body = f"<h1>A Book</h1><h2>One</h2><p>{PROSE}</p><h2>Two</h2><p>{PROSE}</p>"
    book = read(tmp_path, {"t.xhtml": body})
    assert [title for _, title in titles(book)] == ["A Book", "One", "Two"]
    assert book.chapters[0].kind == "halftitle"


def test_contents_that_lead_to_little_of_the_text_are_no_contents(tmp_path: Path) -> None:
    pages: dict[str, str | bytes] = {"start.xhtml": "<p>Welcome, reader, to this edition of the book.</p>"}
    pages |= {f"{n}.xhtml": f"<h1>Chapter {n}</h1><p>{PROSE * 4}</p>" for n in (1, 2, 3)}
    book = read(tmp_path, pages, nav=nav('<li><a href="start.xhtml">Start</a></li>'))
    assert [title for _, title in titles(book)][-3:] == ["Chapter 1", "Chapter 2", "Chapter 3"]
    assert any("headings divide" in warning for warning in book.warnings)


def test_without_contents_and_headings_pages_are_chapters(tmp_path: Path) -> None:
    pages: dict[str, str | bytes] = {f"{n}.xhtml": f"<p>{PROSE}</p>" for n in range(3)}
    assert [title for _, title in titles(read(tmp_path, pages))] == ["1", "2", "3"]


def test_a_part_heading_before_the_first_place_of_a_file_goes_with_it(tmp_path: Path) -> None:
    pages: dict[str, str | bytes] = {
        "1.xhtml": f'<h2 id="one">One</h2><p>{PROSE}</p>',
        "2.xhtml": f'<p>PART TWO</p><h2 id="two">Two</h2><p>{PROSE}</p>',
        "3.xhtml": f'<p>{PROSE * 5}</p><h2 id="three">Three</h2><p>{PROSE}</p>',
    }
    entries = "".join(
        f'<li><a href="{n}.xhtml#{key}">{key}</a></li>' for n, key in ((1, "one"), (2, "two"), (3, "three"))
    )
    book = read(tmp_path, pages, nav=nav(entries))
    assert [chapter[0] for chapter in texts(book)] == ["One", "PART TWO", "Three"]
    assert len(texts(book)[1]) == 4, "what is much belongs to the chapter before"


def test_the_navigation_document_in_the_spine_is_not_read(tmp_path: Path) -> None:
    contents = page('<h1>What is in it</h1><nav epub:type="toc"><ol><li><a href="a.xhtml">One</a></li></ol></nav>')
    book = read(tmp_path, {"a.xhtml": f"<p>{PROSE}</p>"}, nav=contents, spine=["nav.xhtml", "a.xhtml"])
    assert "What is in it" not in spoken(book)
    assert [skip.reason for skip in book.skipped] == ["contents"]


def test_names_differ_in_case_percent_signs_and_unicode_form(tmp_path: Path) -> None:
    name = unicodedata.normalize("NFD", "Café.xhtml")
    entries = '<li><a href="CAF%C3%89.xhtml#x">One</a></li>'
    book = read(tmp_path, {name: f'<p id="x">{PROSE}</p>'}, nav=nav(entries))
    assert titles(book) == [(1, "One")]
    assert book.warnings == ()


# ---- what is left out ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("markup", "reason"),
    [
        ('word<a epub:type="noteref" href="#n">1</a> more', "note reference"),
        ('word<a role="doc-noteref" href="#n">1</a> more', "note reference"),
        ('word<sup class="footnote-ref"><a href="#n">1</a></sup> more', "note reference"),
        ('word <span epub:type="pagebreak">172</span>more', "page number"),
        ('word <span class="pagenum">[Pg 12]</span>more', "page number"),
        ('word <a class="x-ebookmaker-pageno">12</a>more', "page number"),
        ('word <span hidden="hidden">unseen 1</span>more', "hidden text"),
        ('word <span style="display: none">unseen 1</span>more', "hidden text"),
        ('word <span aria-hidden="true">1</span>more', "hidden text"),
        ("<ruby>word<rp>(</rp><rt>1</rt><rp>)</rp></ruby> more", "ruby reading"),
        ('word <svg xmlns="http://www.w3.org/2000/svg"><text>1</text></svg>more', "picture text"),
        ("word <audio>Your device is 1 of those</audio>more", "embedded media"),
    ],
)
def test_what_is_not_running_text_is_left_out_and_reported(tmp_path: Path, markup: str, reason: str) -> None:
    book = read(tmp_path, {"a.xhtml": f'<p>{markup}</p><p id="n">{PROSE}</p>'})
    assert spoken(book).split("\n")[0] == "word more"
    skips = plan_reading(book, Policy()).skips
    assert {skip.reason for skip in skips} - {"notes"} == {reason}
    assert all(skip.where.startswith("OEBPS/a.xhtml#") for skip in skips)


@pytest.mark.parametrize(
    "markup", ["x<sup>2</sup> + y", "the 1<sup>st</sup> of May", "H<sub>2</sub>O", 'see <a href="#x">12</a>']
)
def test_a_number_that_belongs_to_the_text_stays(tmp_path: Path, markup: str) -> None:
    book = read(tmp_path, {"a.xhtml": f'<p>{markup}</p><p id="x">{PROSE}</p>'})
    assert plan_reading(book, Policy()).skips == []


def test_a_raised_number_that_is_linked_both_ways_is_a_note_reference(tmp_path: Path) -> None:
    pages: dict[str, str | bytes] = {
        "a.xhtml": '<p>He paused<sup><a id="r1" href="n.xhtml#n1">1</a></sup>, and spoke.</p>',
        "n.xhtml": '<h2>Remarks</h2><p id="n1"><a href="a.xhtml#r1">1</a> Said the printer.</p><p>Read this.</p>',
    }
    book = read(tmp_path, pages)
    assert spoken(book) == "He paused, and spoke.\nRemarks\nRead this."
    notes = [block.text for chapter in book.chapters for block in chapter.blocks if block.kind == "note"]
    assert notes == ["Said the printer."]


def test_bracketed_marks_and_arrows_are_notes_too(tmp_path: Path) -> None:
    body = (
        '<p>Alpha <a id="ra" href="#fa">[a]</a>.</p><p>Beta<a id="rb" href="#fb">*</a>.</p>'
        '<div class="footnote"><p><a id="fa" href="#ra">[a]</a> First.</p><p>Still first.</p></div>'
        '<ul><li id="fb"><p>Second. <a href="#rb">↩</a></p></li></ul>'
    )
    assert spoken(read(tmp_path, {"a.xhtml": body})) == "Alpha.\nBeta."


@pytest.mark.parametrize(
    "mark", ['epub:type="footnote"', 'role="doc-footnote"', 'class="footnote"', 'epub:type="endnote"']
)
def test_note_bodies_are_notes(tmp_path: Path, mark: str) -> None:
    book = read(tmp_path, {"a.xhtml": f"<p>{PROSE}</p><aside {mark}><p>A remark.</p></aside>"})
    assert [(block.kind, block.text) for block in book.chapters[0].blocks][-1] == ("note", "A remark.")


def test_scripts_and_styles_are_no_text(tmp_path: Path) -> None:
    book = read(tmp_path, {"a.xhtml": "<style>p {x: y}</style><p>read</p><script>var a = 1;</script>"})
    assert book.source_characters == 4
    assert book.skipped == ()


def test_everything_is_counted_whatever_the_markup(tmp_path: Path) -> None:
    body = (
        "one<p>two<br/>three<table><tr><td>four<td>five</td></td></tr></table></p>six<style><b>seven</b></style>"
        "<ul>eight<li>nine<ul><li>ten</li></ul>eleven</li></ul><head><title>twelve</title></head><!-- no --><?no no?>"
    )
    book = read(tmp_path, {"a.xhtml": body})
    assert book.source_characters == sum(
        map(len, ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"])
    )


# ---- blocks ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("markup", "expected"),
    [
        ("<p><span>W</span>ord and <b>b</b><i>old</i></p>", [("paragraph", "Word and bold")]),
        ("<div>bare<div>inner</div>tail</div>", [("paragraph", "bare"), ("paragraph", "inner"), ("paragraph", "tail")]),
        ("<h2><span>Act</span>\n<span>I</span></h2>", [("heading", "Act I")]),
        ("<h2>CHAPTER I<br/>THE START</h2>", [("heading", "CHAPTER I. THE START")]),
        ("<h2>THE<br/>LONG<br/>WAY</h2>", [("heading", "THE LONG WAY")]),
        ("<hgroup><h2>I</h2><p>How It Began</p></hgroup>", [("heading", "I. How It Began")]),
        ("<p>one<br/>two</p>", [("paragraph", "one two")]),
        ("<p>one<br/><br/>two</p>", [("paragraph", "one"), ("paragraph", "two")]),
        ("<p>To<br/>William,<br/>with love</p>", [("verse", "To\nWilliam,\nwith love")]),
        ('<blockquote epub:type="z3998:verse"><p>a<br/>b</p></blockquote>', [("verse", "a\nb")]),
        ('<div class="stanza"><div>a</div><div>b</div></div>', [("verse", "a\nb")]),
        ("<ul><li>a</li><li><p>b</p><ul><li>c</li></ul></li></ul>", [("item", "a"), ("item", "b"), ("item", "c")]),
        ("<table><tr><td>Anna</td><td>Come in!</td></tr></table>", [("cell", "Anna. Come in!")]),
        (
            "<table><tr><td>Anna</td><td><p>Come.</p><p>Now!</p></td></tr></table>",
            [("cell", "Anna. Come."), ("cell", "Now!")],
        ),
        ("<p>a</p><hr/><p>b</p>", [("paragraph", "a"), ("break", ""), ("paragraph", "b")]),
        ("<p>a</p><p>* * *</p><hr/><p>b</p>", [("paragraph", "a"), ("break", ""), ("paragraph", "b")]),
        ("<p>a</p><p>&#160;</p><p>…</p>", [("paragraph", "a"), ("paragraph", "…")]),
        ("<pre><code>a  = 1\nb</code></pre>", [("code", "a  = 1\nb")]),
        ("<pre>a  line\nof verse</pre>", [("verse", "a line\nof verse")]),
        ("<figure><img alt='x'/><figcaption>A cat</figcaption></figure>", [("image", ""), ("caption", "A cat")]),
        ("<p>soft\u00adhyphen and e\u0301</p>", [("paragraph", "softhyphen and é")]),
        ("<p>山路を\n登り</p>", [("paragraph", "山路を登り")]),
        ("<p>AT&amp;T &mdash; caf&eacute;&nbsp;&hellip;</p>", [("paragraph", "AT&T — café …")]),
        ("<p>5 < 6 & more</p>", [("paragraph", "5 < 6 & more")]),
    ],
)
def test_markup_becomes_blocks(tmp_path: Path, markup: str, expected: list[tuple[str, str]]) -> None:
    assert blocks(tmp_path, markup) == expected


def test_the_language_of_a_block_is_given_when_it_is_another(tmp_path: Path) -> None:
    body = '<p xml:lang="en-GB">Good morning.</p><p xml:lang="fr">Bonjour.</p><p><i lang="la">Salve, amice.</i></p>'
    book = read(tmp_path, {"a.xhtml": body})
    assert [block.language for block in book.chapters[0].blocks] == ["", "fr", "la"]


def test_anchors_name_the_place(tmp_path: Path) -> None:
    book = read(tmp_path, {"a.xhtml": '<p id="first">a</p><p>b</p><p id="p2">c</p>'})
    anchors = [block.anchor for block in book.chapters[0].blocks]
    assert anchors == ["OEBPS/a.xhtml#first", "OEBPS/a.xhtml#p2.2", "OEBPS/a.xhtml#p2"]


# ---- matter ----------------------------------------------------------------------------------------------------------


def test_marked_matter_keeps_its_kind_and_role(tmp_path: Path) -> None:
    def typed(kind: str, matter: str = "frontmatter") -> str:
        return page(f'<section epub:type="{kind}"><p>{kind} text</p></section>', "", f'epub:type="{matter}"')

    pages: dict[str, str | bytes] = {
        "t.xhtml": typed("titlepage"),
        "c.xhtml": typed("copyright-page"),
        "d.xhtml": typed("dedication"),
        "p.xhtml": typed("preface"),
        "one.xhtml": page(f"<p>{PROSE}</p>", "", 'epub:type="bodymatter"'),
        "n.xhtml": typed("endnotes", "backmatter"),
        "x.xhtml": typed("colophon", "backmatter"),
    }
    entries = "".join(f'<li><a href="{name}">{name}</a></li>' for name in pages)
    book = read(tmp_path, pages, nav=nav(entries))
    assert [(chapter.kind, chapter.role) for chapter in book.chapters] == [
        ("titlepage", "front"),
        ("copyright", "front"),
        ("dedication", "front"),
        ("introduction", "front"),
        ("chapter", "body"),
        ("notes", "back"),
        ("colophon", "back"),
    ]
    assert all(chapter.guess == "" for chapter in book.chapters)


def test_sections_of_another_kind_in_one_file_are_told_apart(tmp_path: Path) -> None:
    body = (
        '<section epub:type="titlepage"><p>A Book</p></section>'
        '<section epub:type="copyright-page"><p>Mine</p></section>'
        f'<section epub:type="chapter"><h1>One</h1><p>{PROSE}</p></section>'
    )
    book = read(tmp_path, {"a.xhtml": body}, nav=nav('<li><a href="a.xhtml">One</a></li>'))
    assert [(chapter.title, chapter.kind) for chapter in book.chapters] == [
        ("Title Page", "titlepage"),
        ("Copyright", "copyright"),
        ("One", "chapter"),
    ]


def test_the_guide_and_the_landmarks_name_kinds(tmp_path: Path) -> None:
    pages: dict[str, str | bytes] = {"t.xhtml": "<p>Some words</p>", "one.xhtml": f"<p>{PROSE}</p>"}
    guide = '<guide><reference type="title-page" href="t.xhtml"/><reference type="text" href="one.xhtml"/></guide>'
    book = read(tmp_path, pages, ncx=ncx(point("T", "t.xhtml") + point("One", "one.xhtml")), guide=guide)
    assert [chapter.kind for chapter in book.chapters] == ["titlepage", "chapter"]


COPYRIGHT = "<p>Copyright © 2020 An Author</p><p>All rights reserved.</p><p>ISBN 978-3-16-148410-0</p>"
CONTENTS = "<h2>Contents</h2><p>One 1</p><p>Two 17</p><p>Three 33</p>"
TITLE = "<h1>A Book</h1><p>by An Author</p><p>London: The Press</p>"
ADVERTISEMENT = (
    "<p>OTHER BOOKS BY THE SAME PUBLISHER</p><p>The Red Ship. Price 10 cents.</p>"
    "<p>For sale by all newsdealers, or sent post-paid.</p>"
)
TRANSCRIBER = '<div class="transnote"><p>Transcriber’s Notes</p><p>Spelling was corrected.</p></div>'


@pytest.mark.parametrize(
    ("body", "kind", "place"),
    [
        (TITLE, "titlepage", 0),
        ("<h1>A Book</h1>", "halftitle", 0),
        (COPYRIGHT, "copyright", 0),
        (CONTENTS, "contents", 0),
        (COPYRIGHT, "copyright", -1),
        (ADVERTISEMENT, "advertisement", -1),
        (TRANSCRIBER, "colophon", -1),
        ("<h2>Index</h2><p>Anna, 12, 40</p><p>Bell, 7</p><p>Cats, 9</p>", "index", -1),
    ],
)
def test_matter_is_told_by_its_form_at_the_ends_only(tmp_path: Path, body: str, kind: str, place: int) -> None:
    chapters = [f"<h2>Chapter {n}</h2><p>{PROSE}</p>" for n in (1, 2, 3, 4)]

    def built(position: int) -> Book:
        bodies = list(chapters)
        bodies.insert(position if position >= 0 else len(bodies), body)
        pages: dict[str, str | bytes] = {f"{n}.xhtml": text for n, text in enumerate(bodies)}
        entries = "".join(
            f'<li><a href="{name}">{text[4:13]}</a></li>' for name, text in pages.items() if text in chapters
        )
        return read(tmp_path, pages, nav=nav(entries))

    at_the_end = built(place).chapters[place]
    assert at_the_end.kind == kind
    assert at_the_end.guess
    assert all(chapter.kind == "chapter" for chapter in built(2).chapters), "in the middle of a book it is text"


@pytest.mark.parametrize(
    "body",
    [
        f"<h2>Preface</h2><p>The copyright of this tale was disputed. {PROSE}</p>",
        f"<h2>Contents</h2><p>Of my pockets, said he. {PROSE}</p><p>{PROSE}</p>",
        "<p>For An Author’s mother</p>",
        f"<h2>Introduction</h2><p>A Book is a book by An Author. {PROSE * 3}</p>",
    ],
)
def test_one_sign_is_not_enough(tmp_path: Path, body: str) -> None:
    book = read(tmp_path, {"a.xhtml": body, "b.xhtml": f"<h2>Chapter 1</h2><p>{PROSE}</p>"})
    assert {chapter.kind for chapter in book.chapters} <= {
        "chapter",
        *(kind for kind, said in KINDS.items() if said.actions[0] == SPEAK),
    }


def test_a_book_that_is_all_matter_is_read(tmp_path: Path) -> None:
    assert spoken(read(tmp_path, {"a.xhtml": COPYRIGHT})) != ""


def test_project_gutenberg_header_and_licence_are_no_text(tmp_path: Path) -> None:
    pages: dict[str, str | bytes] = {
        "a.xhtml": (
            "<p>The Project Gutenberg eBook of A Book</p><p>*** START OF THE PROJECT GUTENBERG EBOOK A BOOK ***</p>"
            f"<p>Produced by Somebody</p><h2>Chapter 1</h2><p>{PROSE}</p>"
        ),
        "b.xhtml": (
            f"<h2>Chapter 2</h2><p>{PROSE}</p><p>*** END OF THE PROJECT GUTENBERG EBOOK A BOOK ***</p>"
            "<h2>THE FULL PROJECT GUTENBERG LICENSE</h2><p>Please read this.</p>"
        ),
    }
    book = read(tmp_path, pages, nav=nav('<li><a href="a.xhtml">A</a></li><li><a href="b.xhtml">B</a></li>'))
    assert [(chapter.title, chapter.kind) for chapter in book.chapters] == [
        ("Licence", "licence"),
        ("A", "chapter"),
        ("B", "chapter"),
        ("THE FULL PROJECT GUTENBERG LICENSE", "licence"),
    ]
    assert "Gutenberg" not in spoken(book)


# ---- damage and malice -----------------------------------------------------------------------------------------------


def test_what_is_missing_beside_the_text_costs_nothing(tmp_path: Path) -> None:
    manifest = '<item id="css" href="x.css" media-type="text/css"/><item id="i" href="i.png" media-type="image/png"/>'
    book = read(tmp_path, {"a.xhtml": f"<p>{PROSE}</p>"}, manifest=manifest)
    assert book.warnings == ()


def test_a_missing_page_is_a_warning_while_there_is_other_text(tmp_path: Path) -> None:
    pages: dict[str, str | bytes] = {"a.xhtml": f"<p>{PROSE}</p>", "b.xhtml": "<p>lost</p>"}
    book = read(tmp_path, pages, leave_out=["OEBPS/b.xhtml"], spine=["a.xhtml", "b.xhtml", "unknown"])
    assert "b.xhtml is missing" in " ".join(book.warnings)
    assert "unknown" in " ".join(book.warnings)
    path = make_epub(tmp_path / "none.epub", {"b.xhtml": "<p>lost</p>"}, leave_out=["OEBPS/b.xhtml"])
    check_refuses(load, path, "no page that can be read")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("<html><body><p>one<p>two <b>bold</p></body>", "one\ntwo bold"),
        (
            '<?xml version="1.0"?><html><head><title/><script src="x"/></head><body><p>kept<a id="x"/> all</p><br>',
            "kept all",
        ),
        ("<p>no body at all</p>", "no body at all"),
        (
            '<?xml version="1.0"?><!DOCTYPE html [<!ENTITY own "mine">]><html><body><p>&own; &foo;x</p></body></html>',
            "mine x",
        ),
    ],
)
def test_broken_pages_are_read_as_browsers_read_them(tmp_path: Path, content: str, expected: str) -> None:
    book = read(tmp_path, {"a.xhtml": content.encode()})
    assert spoken(book) == expected


@pytest.mark.parametrize(
    ("declaration", "encoding"),
    [
        ('<?xml version="1.0" encoding="utf-16"?>', "utf-16"),
        ('<?xml version="1.0" encoding="iso-8859-1"?>', "cp1252"),
        ('<?xml version="1.0" encoding="windows-1251"?>', "windows-1251"),
        ('<?xml version="1.0"?>', "utf-8-sig"),
        ('<?xml version="1.0" encoding="shift_jis"?>', "shift_jis"),
    ],
)
def test_declared_encodings_are_believed(tmp_path: Path, declaration: str, encoding: str) -> None:
    words = {"windows-1251": "Доброе утро", "shift_jis": "山路"}.get(encoding, "naïve “café”")
    content = f"{declaration}<html><body><p>{words}</p></body></html>".encode(encoding)
    book = read(tmp_path, {"a.xhtml": content})
    assert spoken(book) == words
    assert book.warnings == ()


def test_a_wrong_encoding_is_guessed_with_a_warning(tmp_path: Path) -> None:
    content = b'<?xml version="1.0" encoding="utf-8"?><html><body><p>caf\xe9</p></body></html>'
    book = read(tmp_path, {"a.xhtml": content})
    assert spoken(book) == "café"
    assert "cp1252" in book.warnings[0]


def test_entities_are_never_fetched_nor_multiplied(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("the secret")
    bomb = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12))
    content = (
        f'<?xml version="1.0"?><!DOCTYPE html [<!ENTITY l0 "lol">{bomb}<!ENTITY f SYSTEM "{secret.as_uri()}">]>'
        "<html><body><p>before &f; &l11; after</p></body></html>"
    )
    book = read(tmp_path, {"a.xhtml": content.encode()})
    assert spoken(book) == "before after"
    assert "unknown entities" in book.warnings[0]


def test_deep_nesting_is_refused_and_not_a_crash(tmp_path: Path) -> None:
    deep = "<div>" * 1500 + "deep" + "</div>" * 1500
    check_refuses(load, make_epub(tmp_path / "deep.epub", {"a.xhtml": deep}), "nested more than")
    deeper = "<div>" * 100_000 + "deep"
    check_refuses(load, make_epub(tmp_path / "deeper.epub", {"a.xhtml": deeper}), "no page that can be read")
    book = read(tmp_path, {"a.xhtml": deep, "b.xhtml": "<p>still here</p>"})
    assert spoken(book) == "still here"


def test_a_zip_bomb_is_refused(tmp_path: Path) -> None:
    path = make_epub(tmp_path / "bomb.epub", {"a.xhtml": "<p>" + " " * (40 << 20) + "</p>"})
    check_refuses(load, path, "larger than")
    path = make_epub(tmp_path / "ratio.epub", {"a.xhtml": "<p>" + "a" * (8 << 20) + "</p>"})
    check_refuses(load, path, "ZIP bomb")


def test_members_that_climb_out_are_never_touched(tmp_path: Path) -> None:
    (tmp_path / "outside.xhtml").write_text(page("<p>outside</p>"))
    manifest = '<item id="out" href="../../outside.xhtml" media-type="application/xhtml+xml"/>'
    pages: dict[str, str | bytes] = {"a.xhtml": f"<p>{PROSE}</p>"}
    extra = {"../outside2.xhtml": page("<p>outside</p>")}
    book = read(tmp_path, pages, manifest=manifest, spine=["a.xhtml", "out"], extra=extra)
    assert "outside" not in spoken(book)
    assert not (tmp_path.parent / "outside2.xhtml").exists()


DRM = (
    '<encryption xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><EncryptedData xmlns="http://www.w3.org/2001/04/'
    'xmlenc#"><EncryptionMethod Algorithm="{}"/><CipherData><CipherReference URI="OEBPS/a.xhtml"/></CipherData>'
    "</EncryptedData></encryption>"
)


def test_protected_books_are_refused_and_obfuscated_fonts_are_not(tmp_path: Path) -> None:
    pages: dict[str, str | bytes] = {"a.xhtml": f"<p>{PROSE}</p>"}
    drm = {"META-INF/encryption.xml": DRM.format("http://www.w3.org/2001/04/xmlenc#aes128-cbc")}
    check_refuses(load, make_epub(tmp_path / "drm.epub", pages, extra=drm), "DRM")
    rights = {"META-INF/rights.xml": "<rights><kdrm/></rights>"}
    locked: dict[str, str | bytes] = {"a.xhtml": bytes(range(1, 256)) * 4}
    check_refuses(load, make_epub(tmp_path / "rights.epub", locked, extra=rights), "DRM", "Kobo")
    assert spoken(read(tmp_path, pages, extra=rights)), "a licence beside open pages locks nothing"
    fonts = {"META-INF/encryption.xml": DRM.format("http://www.idpf.org/2008/embedding")}
    assert spoken(read(tmp_path, pages, extra=fonts))


def test_what_is_no_book_is_refused_with_a_sentence(tmp_path: Path) -> None:
    check_refuses(load, tmp_path / "missing.epub", "no such file")
    for name, data, word in (("empty.epub", b"", "empty"), ("text.epub", b"PK is not a zip", "not a ZIP")):
        (tmp_path / name).write_bytes(data)
        check_refuses(load, tmp_path / name, word)
    with zipfile.ZipFile(tmp_path / "zip.epub", "w") as archive:
        archive.writestr("readme.txt", "hello")
    check_refuses(load, tmp_path / "zip.epub", "no EPUB")
    whole = make_epub(tmp_path / "whole.epub", {"a.xhtml": f"<p>{PROSE}</p>"}).read_bytes()
    (tmp_path / "cut.epub").write_bytes(whole[: len(whole) // 2])
    check_refuses(load, tmp_path / "cut.epub", "not a ZIP")
    check_refuses(load, make_epub(tmp_path / "mute.epub", {"a.xhtml": '<p><img src="x.png" alt="x"/></p>'}), "no text")
    no_package = make_epub(tmp_path / "no-opf.epub", {"a.xhtml": "<p>x</p>"}, leave_out=["OEBPS/content.opf"])
    check_refuses(load, no_package, "content.opf")
    broken = make_epub(
        tmp_path / "bad-opf.epub", {"a.xhtml": "<p>x</p>"}, extra={"OEBPS/content.opf": "<package><meta"}
    )
    check_refuses(load, broken, "well-formed")


def test_damaged_members_are_told(tmp_path: Path) -> None:
    path = make_epub(tmp_path / "bits.epub", {"a.xhtml": f"<p>{PROSE}</p>", "b.xhtml": "<p>fine</p>"})
    data = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        info = archive.getinfo("OEBPS/a.xhtml")
    start = info.header_offset + 30 + len(info.filename)
    data[start : start + 20] = b"\xff" * 20
    path.write_bytes(bytes(data))
    book = check_loader(load, path)
    assert spoken(book) == "fine"
    assert "damaged" in book.warnings[0]


_TAGS = st.sampled_from(
    [
        "p",
        "div",
        "b",
        "td",
        "tr",
        "table",
        "li",
        "ul",
        "h1",
        "br",
        "hr",
        "sup",
        "a",
        "nav",
        "rt",
        "script",
        "pre",
        "hgroup",
    ]
)
_TREES = st.recursive(
    st.text("ab1é “”*\n\u0301\u00ad山", max_size=6),
    lambda inner: st.builds(
        lambda tag, attributes, children: f"<{tag} {attributes}>{''.join(children)}</{tag}>",
        _TAGS,
        st.sampled_from(
            ["", 'id="x"', 'class="stanza"', 'epub:type="pagebreak"', 'hidden=""', 'epub:type="endnotes"', 'href="#x"']
        ),
        st.lists(inner, max_size=4),
    ),
    max_leaves=25,
)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(bodies=st.lists(_TREES, min_size=1, max_size=3))
def test_nothing_is_lost_whatever_the_markup(tmp_path: Path, bodies: list[str]) -> None:
    pages: dict[str, str | bytes] = {f"{n}.xhtml": body for n, body in enumerate(bodies)}
    pages["last.xhtml"] = "<p>the end</p>"
    entries = '<li><a href="0.xhtml#x">X</a></li><li><a href="last.xhtml">End</a></li>'
    read(tmp_path, pages, nav=nav(entries), metadata=METADATA)
