"""What programs that convert books leave in them: merged classes, made contents, notes in files of their own."""

from __future__ import annotations

from pathlib import Path

from narrate.book import Block, Book
from narrate.loaders.epub import load
from tests.loaders.builder import PROSE, make_epub, nav, ncx, page, point
from tests.suites.loader_suite import check_loader, spoken


def read(tmp_path: Path, pages: dict[str, str | bytes], **options: object) -> Book:
    return check_loader(load, make_epub(tmp_path / "book.epub", pages, **options))  # type: ignore[arg-type]


def shape(book: Book) -> list[tuple[str, str, str]]:
    return [(chapter.title, chapter.kind, chapter.role) for chapter in book.chapters]


def chapters(count: int = 4) -> dict[str, str | bytes]:
    return {f"c{n}.xhtml": f"<h1>Chapter {n}</h1><p>{PROSE}</p>" for n in range(1, count + 1)}


def listed(*entries: tuple[str, str]) -> str:
    return nav("".join(f'<li><a href="{target}">{title}</a></li>' for title, target in entries))


def blocks(book: Book) -> list[Block]:
    return [block for chapter in book.chapters for block in chapter.blocks]


def test_notes_behind_a_preface_stay_with_it_and_no_title_is_the_name_of_a_file(tmp_path: Path) -> None:
    preface = (
        '<section epub:type="preface"><h1>Preface</h1><p>It came in a box.<a href="#n" id="r" epub:type="noteref">1</a>'
        '</p></section><section epub:type="footnotes"><ol><li id="n" epub:type="footnote">A tin one. '
        '<a href="#r" role="doc-backlink">↩</a></li></ol></section>'
    )
    pages = {"p.xhtml": page(preface, "p.xhtml"), **chapters()}
    book = read(tmp_path, pages, nav=listed(("Preface", "p.xhtml"), *((f"Chapter {n}", f"c{n}.xhtml") for n in "1234")))
    assert shape(book)[:2] == [("Preface", "introduction", "front"), ("Chapter 1", "chapter", "body")]
    assert book.chapters[0].blocks[-1].kind == "note"


def test_notes_in_a_file_that_nothing_names_belong_to_the_chapter_before(tmp_path: Path) -> None:
    first = f'<h1>Chapter 1</h1><p>{PROSE}<sup><a id="r" href="n.xhtml#n">1</a></sup></p>'
    note = '<ol><li id="n"><p>The note. <a href="c1.xhtml#r">↩</a></p></li></ol>'
    pages = {
        "c1.xhtml": first,
        "n.xhtml": page(note, "n.xhtml"),
        **{k: v for k, v in chapters().items() if k != "c1.xhtml"},
    }
    book = read(tmp_path, pages, nav=listed(*((f"Chapter {n}", f"c{n}.xhtml") for n in "1234")))
    assert [title for title, _, _ in shape(book)] == [f"Chapter {n}" for n in range(1, 5)]
    assert "The note" not in spoken(book)


def test_pages_all_called_the_body_have_a_back_all_the_same(tmp_path: Path) -> None:
    pages: dict[str, str | bytes] = {
        name: page(str(body), attributes='epub:type="bodymatter"') for name, body in chapters().items()
    }
    works = "<h1>Bibliography</h1><p>Smith, J. Lights. London, 1902.</p><p>Jones, A. Wicks. Leeds, 1911.</p>"
    pages["b.xhtml"] = page(works, attributes='epub:type="bodymatter"')
    entries = [(f"Chapter {n}", f"c{n}.xhtml") for n in range(1, 5)]
    book = read(tmp_path, pages, nav=listed(*entries, ("Bibliography", "b.xhtml")))
    assert shape(book)[-1] == ("Bibliography", "bibliography", "back")
    assert "Smith" not in spoken(book)


def test_a_class_for_note_references_on_links_in_a_sentence_loses_no_words(tmp_path: Path) -> None:
    body = (
        '<p>A word<a class="footnote-ref" href="#n" id="r"><sup>1</sup></a>. See <a class="footnote-ref x" '
        'href="https://example.org/">the map of the head</a> or <a class="footnote-ref" href="c2.xhtml#x">it</a>'
        'self.</p><ol><li id="n">The note. <a href="#r">↩</a></li></ol>'
    )
    book = read(tmp_path, {"c1.xhtml": f"<h1>Chapter 1</h1>{body}", "c2.xhtml": f'<p id="x">{PROSE}</p>'})
    assert "A word. See the map of the head or" in spoken(book)
    assert "The note" not in spoken(book)


def test_contents_made_of_all_links_are_read_without_notes_and_ways_back(tmp_path: Path) -> None:
    first = f'<h1>Preface</h1><p>{PROSE}<sup><a id="r1" href="n.xhtml#n1">1</a></sup></p>'
    last = (
        '<p id="n1">1. First note. <a href="c0.xhtml#r1">↩</a></p><p id="n2">2. Second. <a href="c1.xhtml#r2">↩</a></p>'
    )
    second = f'<h1>Chapter 1</h1><p>{PROSE}<sup><a id="r2" href="n.xhtml#n2">2</a></sup></p>'
    points = [("↩︎", "c0.xhtml#r1"), ("Unnamed", "c1.xhtml"), ("Chapter 2", "c2.xhtml"), ("Chapter 3", "c3.xhtml")]
    points += [("1", "n.xhtml#n1"), ("[2]", "n.xhtml#n2")]
    pages: dict[str, str | bytes] = {**chapters(), "c0.xhtml": first, "c1.xhtml": second, "n.xhtml": last}
    del pages["c4.xhtml"]
    order = ["c0.xhtml", "c1.xhtml", "c2.xhtml", "c3.xhtml", "n.xhtml"]
    contents = ncx("".join(point(title, target) for title, target in points))
    book = read(tmp_path, pages, spine=order, ncx=contents, version="2.0")
    assert [title for title, _, _ in shape(book)] == ["Preface", "Chapter 1", "Chapter 2", "Chapter 3"]


def test_notes_as_pairs_of_a_term_and_its_text(tmp_path: Path) -> None:
    text = f'<h1>Chapter 1</h1><p>{PROSE}<sup><a id="b1" href="n.xhtml#note_1">1</a></sup></p>'
    notes = '<h1>Notes</h1><dl id="note_1"><dt>[<a href="c1.xhtml#b1">←1</a>]</dt><dd><p>A tin one.</p></dd></dl>'
    pages: dict[str, str | bytes] = {**chapters(), "c1.xhtml": text, "n.xhtml": notes}
    order = ["c1.xhtml", "c2.xhtml", "c3.xhtml", "c4.xhtml", "n.xhtml"]
    book = read(tmp_path, pages, spine=order)
    assert "tin one" not in spoken(book)
    assert "←1" not in spoken(book)


def test_numbers_of_notes_that_the_book_has_lost_are_not_read(tmp_path: Path) -> None:
    raised = (
        '<h1>Chapter 1</h1><p>The word<sup><a href="#gone1">1</a></sup> ends.<sup><a href="#gone2">2</a></sup> '
        f"{PROSE}</p>"
    )
    linked = f'<h1>Chapter 2</h1><p>The tutor<a href="#x.xhtml#n1">3</a> spoke.<a href="#x.xhtml#n2">4</a> {PROSE}</p>'
    book = read(tmp_path, {"c1.xhtml": raised, "c2.xhtml": linked})
    assert "The word ends. It was" in spoken(book)
    assert "The tutor spoke. It was" in spoken(book)


def test_a_caption_hidden_as_the_double_of_its_picture_is_a_caption(tmp_path: Path) -> None:
    figure = '<figure><img src="m.png" alt="A map"/><figcaption aria-hidden="true">A map</figcaption></figure>'
    book = read(tmp_path, {"c1.xhtml": f"<h1>One</h1><p>{PROSE}</p>{figure}<p>{PROSE}</p>"})
    assert [(block.kind, block.text) for block in blocks(book) if block.kind == "caption"] == [("caption", "A map")]


def test_what_stands_over_the_notes_of_a_chapter_is_not_read_without_them(tmp_path: Path) -> None:
    body = (
        f'<h1>Chapter 1</h1><p>{PROSE}<a id="r" role="doc-noteref" href="#f">1</a></p><p class="rubric">Footnotes</p>'
        '<aside role="doc-footnote" id="f"><p>A tin one.</p></aside>'
    )
    book = read(tmp_path, {"c1.xhtml": body, "c2.xhtml": f"<h1>Chapter 2</h1><p>{PROSE}</p>"})
    assert "Footnotes" not in spoken(book)


def test_a_short_preface_that_names_the_book_and_its_author_is_no_title_page(tmp_path: Path) -> None:
    preface = "<h1>Preface</h1><p>A Book began as a letter, and An Author kept it.</p>"
    entries = [("Preface", "p.xhtml"), *((f"Chapter {n}", f"c{n}.xhtml") for n in range(1, 5))]
    book = read(tmp_path, {"p.xhtml": preface, **chapters()}, nav=listed(*entries))
    assert shape(book)[0] == ("Preface", "introduction", "front")


def test_an_index_of_links(tmp_path: Path) -> None:
    lines = "".join(
        f'<p>{word}, <a href="c{n}.xhtml">Chapter {n}</a></p>'
        for n, word in enumerate(["oil", "wick", "ash", "tar"], 1)
    )
    entries = [*((f"Chapter {n}", f"c{n}.xhtml") for n in range(1, 5)), ("Index", "i.xhtml")]
    book = read(tmp_path, {**chapters(), "i.xhtml": f"<h1>Index</h1>{lines}"}, nav=listed(*entries))
    assert shape(book)[-1] == ("Index", "index", "back")


def test_several_authors_in_one_element(tmp_path: Path) -> None:
    metadata = (
        "<dc:title>A Book</dc:title><dc:creator>Maud Ellery; Tobias Finch</dc:creator><dc:language>en</dc:language>"
    )
    assert read(tmp_path, chapters(), metadata=metadata).meta.authors == ("Maud Ellery", "Tobias Finch")
