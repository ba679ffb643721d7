"""Front and back matter by its marks, its names and its form; and what only looks like it."""

from __future__ import annotations

from pathlib import Path

import pytest

from narrate.book import Book
from narrate.loaders.epub import load
from tests.loaders.builder import PROSE, make_epub, nav, page
from tests.suites.loader_suite import check_loader, spoken

CHAPTERS = {f"c{n}.xhtml": f"<h2>Chapter {n}</h2><p>{PROSE}</p>" for n in range(1, 5)}


def read(tmp_path: Path, first: str = "", last: str = "", *, listed: bool = True, **options: object) -> Book:
    pages: dict[str, str | bytes] = {}
    if first:
        pages["first.xhtml"] = first
    pages |= CHAPTERS
    if last:
        pages["last.xhtml"] = last
    names = list(pages) if listed else list(CHAPTERS)
    entries = "".join(f'<li><a href="{name}"></a></li>' for name in names)
    return check_loader(load, make_epub(tmp_path / "b.epub", pages, nav=nav(entries), **options))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("title", "kind"),
    [
        ("Preface to the Second Edition", "introduction"),
        ("Foreword by A. N. Other", "introduction"),
        ("Vorwort", "introduction"),
        ("Avant-propos", "introduction"),
        ("Prefacio", "introduction"),
        ("Premessa", "introduction"),
        ("Prefácio", "introduction"),
        ("Voorwoord", "introduction"),
        ("はじめに", "introduction"),
        ("Acknowledgments", "acknowledgements"),
        ("Danksagung", "acknowledgements"),
        ("Dedication", "dedication"),
    ],
)
def test_titles_tell_what_is_read_all_the_same(tmp_path: Path, title: str, kind: str) -> None:
    chapter = read(tmp_path, f"<h1>{title}</h1><p>{PROSE}</p>").chapters[0]
    assert (chapter.kind, chapter.title, chapter.role) == (kind, title, "front")
    assert title in chapter.guess


@pytest.mark.parametrize(
    ("title", "kind"),
    [
        ("Afterword", "afterword"),
        ("Nachwort", "afterword"),
        ("Author’s Note", "afterword"),
        ("Remerciements", "acknowledgements"),
        ("Agradecimientos", "acknowledgements"),
        ("Ringraziamenti", "acknowledgements"),
        ("Dankwoord", "acknowledgements"),
        ("About the Author", "about the author"),
        ("Über die Autorin", "about the author"),
        ("À propos de l’auteur", "about the author"),
        ("Sobre el autor", "about the author"),
        ("L’autore", "about the author"),
        ("Over de schrijver", "about the author"),
        ("Appendix B: Maps", "appendix"),
        ("Anhang", "appendix"),
        ("Glossary", "glossary"),
    ],
)
def test_titles_at_the_end(tmp_path: Path, title: str, kind: str) -> None:
    chapter = read(tmp_path, "", f"<h1>{title}</h1><p>{PROSE}</p>").chapters[-1]
    assert (chapter.kind, chapter.title, chapter.role) == (kind, title, "back")


REFERENCES = "".join(
    f"<p>Author, A. ({1990 + n}). A study of rivers, vol. {n}. London: Press, pp. 1–9.</p>" for n in range(6)
)
INDEX = "".join(f"<p>{word}, {n}</p>" for n, word in enumerate(("anchor", "boat", "canvas", "deck", "ebb", "fog"), 3))
ALPHABET = "".join(
    f"<p>{word}</p>" for word in ("anchor", "boat", "canvas", "deck", "ebb", "fog", "gale", "hull", "ice")
)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (f"<h1>Bibliography</h1>{REFERENCES}", "bibliography"),
        (f"<h1>Literaturverzeichnis</h1>{REFERENCES}", "bibliography"),
        (f"<h1>Index</h1>{INDEX}", "index"),
        (f"<h1>Personenregister</h1>{INDEX}", "index"),
        (f"<h1>Index</h1>{ALPHABET}", "index"),
        ("<h1>Also by An Author</h1><p>The First Book</p><p>The Second Book</p>", "advertisement"),
        ("<h1>Du même auteur</h1><p>Le Premier Livre</p><p>Le Second Livre</p>", "advertisement"),
        ("<h1>Praise for A Book</h1><p>“A wonder.” — The Daily Paper</p><p>“Fine.” — A Critic</p>", "advertisement"),
        (
            "<h1>Read on for an excerpt from The Next Book</h1><p>Coming soon in hardcover.</p><p>It began at sea.</p>",
            "advertisement",
        ),
    ],
)
def test_what_is_skipped_needs_a_second_sign(tmp_path: Path, body: str, kind: str) -> None:
    chapter = read(tmp_path, "", body).chapters[-1]
    assert chapter.kind == kind
    assert chapter.guess


@pytest.mark.parametrize(
    "body",
    [
        f"<h1>Bibliography</h1><p>{PROSE}</p>",
        f"<h1>Index</h1><p>{PROSE}</p><p>{PROSE}</p>",
        f"<h1>Notes</h1><p>{PROSE}</p>",
        f"<h1>References</h1><p>{PROSE}</p>",
        f"<h1>Read on</h1><p>{PROSE}</p>",
        f"<h1>Praise</h1><p>{PROSE}</p>",
        f"<h1>An Excerpt from a Letter</h1><p>{PROSE}</p>",
        f"<h1>Newsletter</h1><p>{PROSE}</p>",
        f"<h1>Contents of a Trunk</h1><p>{PROSE}</p>",
    ],
)
def test_a_name_alone_costs_no_text(tmp_path: Path, body: str) -> None:
    assert read(tmp_path, "", body).chapters[-1].kind == "chapter"


def test_a_newsletter_page_that_the_contents_do_not_list(tmp_path: Path) -> None:
    body = "<p>Join our newsletter! Sign up at www.example.org for free books and updates.</p>"
    assert read(tmp_path, "", body, listed=False).chapters[-1].kind == "advertisement"


@pytest.mark.parametrize(
    "words", ["For my mother", "To A. B., with love", "Für meine Kinder", "À la mémoire de Jean", "Para ti"]
)
def test_a_dedication_by_its_form(tmp_path: Path, words: str) -> None:
    chapter = read(tmp_path, f"<p>{words}</p>", listed=False).chapters[0]
    assert chapter.kind == "dedication"
    assert words in spoken(read(tmp_path, f"<p>{words}</p>", listed=False))


@pytest.mark.parametrize(
    ("name", "body", "kind"),
    [
        ("dedication", "<p>J. and K.</p>", "dedication"),
        ("copyright-page", "<p>First published 2001.</p>", "copyright"),
        ("titlepage", "<p>A Book</p><p>1901</p>", "titlepage"),
        ("toc", '<p><a href="c1.xhtml">One</a></p><p><a href="c2.xhtml">Two</a></p>', "contents"),
        ("colophon", "<p>Typeset in ten point.</p>", "colophon"),
    ],
)
def test_the_name_of_a_page_is_one_sign(tmp_path: Path, name: str, body: str, kind: str) -> None:
    marked = page(f'<div class="{name}">{body}</div>')
    assert read(tmp_path, marked, listed=False).chapters[0].kind == kind
    prose = page(f'<div class="{name}"><h2>The Well</h2><p>{PROSE * 30}</p></div>')
    assert spoken(read(tmp_path, prose)).count("quiet morning") >= 30


def test_nothing_is_guessed_in_the_middle(tmp_path: Path) -> None:
    pages: dict[str, str | bytes] = {}
    for n in range(1, 21):
        pages[f"{n}.xhtml"] = f"<h2>Chapter {n}</h2><p>{PROSE}</p>"
        pages[f"{n}x.xhtml"] = f"<h2>Index</h2>{INDEX}"
    entries = "".join(f'<li><a href="{name}"></a></li>' for name in pages)
    book = check_loader(load, make_epub(tmp_path / "b.epub", pages, nav=nav(entries)))
    assert {chapter.kind for chapter in book.chapters[1:-1]} == {"chapter"}


def test_an_untitled_dedication_is_named_in_the_books_language(tmp_path: Path) -> None:
    metadata = "<dc:title>Ein Buch</dc:title><dc:language>de</dc:language>"
    body = page('<section epub:type="dedication"><p>Für dich</p></section>')
    assert read(tmp_path, body, listed=False, metadata=metadata).chapters[0].title == "Widmung"


def test_languages_of_pages_and_of_a_book_that_names_none(tmp_path: Path) -> None:
    def tongue(tag: str, text: str) -> str:
        return page(f"<h2>{text}</h2><p>{PROSE}</p>").replace("<html ", f'<html xml:lang="{tag}" ', 1)

    pages: dict[str, str | bytes] = {
        "a.xhtml": tongue("fr-FR", "Un"),
        "b.xhtml": tongue("fr", "Deux"),
        "c.xhtml": tongue("en", "Three"),
        "d.xhtml": tongue("und", "Four"),
    }
    silent = "<dc:title>A Book</dc:title><dc:language>und</dc:language>"
    book = check_loader(load, make_epub(tmp_path / "a.epub", pages, metadata=silent))
    assert book.meta.language in {"", "fr", "fr-FR"}
    english = silent.replace("und", "en")
    book = check_loader(load, make_epub(tmp_path / "b.epub", pages, metadata=english))
    assert [chapter.blocks[0].language for chapter in book.chapters] == ["fr-FR", "fr", "", ""]
