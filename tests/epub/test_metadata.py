"""Metadata as producers write it: titles, people, series, languages, dates, identifiers."""

from __future__ import annotations

from pathlib import Path

import pytest

from narrate.book import Metadata
from narrate.epub import Container, read_package
from narrate.epub.metadata import language_tag
from narrate.epub.people import role_code
from tests.loaders.builder import make_epub


def meta(tmp_path: Path, metadata: str, **options: object) -> Metadata:
    path = make_epub(tmp_path / "book.epub", {"a.xhtml": "<p>t</p>"}, metadata=metadata, **options)  # type: ignore[arg-type]
    with Container.open(path) as container:
        return read_package(container).meta


def refined(key: str, **properties: str) -> str:
    return "".join(
        f'<meta refines="#{key}" property="{name.replace("_", "-")}">{value}</meta>'
        for name, value in properties.items()
    )


@pytest.mark.parametrize(
    ("types", "title", "subtitle"),
    [
        ({"A": "collection", "B": "main", "C": "subtitle"}, "B", "C"),
        ({"A": "expanded", "B": "short", "C": "subtitle"}, "A", "C"),
        ({"A": "short", "B": ""}, "B", ""),
        ({"A": "edition", "B": "main"}, "B", ""),
        ({"A": "subtitle"}, "A", ""),
    ],
)
def test_the_main_of_several_titles(tmp_path: Path, types: dict[str, str], title: str, subtitle: str) -> None:
    metadata = "".join(
        f'<dc:title id="{name}">{name}</dc:title>' + (refined(name, title_type=kind) if kind else "")
        for name, kind in types.items()
    )
    found = meta(tmp_path, metadata)
    assert (found.title, found.subtitle) == (title, subtitle)


def test_titles_are_in_the_order_they_are_shown_in(tmp_path: Path) -> None:
    metadata = '<dc:title id="a">Second</dc:title><dc:title id="b">First</dc:title>'
    assert meta(tmp_path, metadata + refined("a", display_seq="2") + refined("b", display_seq="1")).title == "First"


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("aut", "aut"),
        ("Author", "aut"),
        ("AUT", "aut"),
        ("http://id.loc.gov/vocabulary/relators/nrt", "nrt"),
        ("marc:trl", "trl"),
        ("Übersetzer", "trl"),
        ("Sprecher", "nrt"),
    ],
)
def test_roles_are_codes_addresses_or_words(written: str, code: str) -> None:
    assert role_code(written) == code


def test_people_by_their_roles_and_never_by_their_sorting_names(tmp_path: Path) -> None:
    metadata = (
        '<dc:creator id="a" opf:file-as="Writer, Ann" opf:role="aut">Ann Writer</dc:creator><dc:creator id="e">Ed Itor'
        '</dc:creator><dc:contributor id="n">Nat Reader</dc:contributor><dc:contributor opf:role="aut">Co Writer'
        '</dc:contributor><dc:contributor opf:role="bkp">calibre (6.0)</dc:contributor>'
        + refined("e", role="http://id.loc.gov/vocabulary/relators/edt", file_as="Itor, Ed", alternate_script="エド")
        + refined("n", role="Narrator")
    )
    found = meta(tmp_path, metadata)
    assert found.authors == ("Ann Writer", "Co Writer")
    assert ("Ed Itor", "edt") in found.contributors
    assert ("Nat Reader", "nrt") in found.contributors


def test_editors_are_the_authors_of_a_book_without_one(tmp_path: Path) -> None:
    assert meta(tmp_path, '<dc:creator opf:role="edt">Ed Itor</dc:creator>').authors == ("Ed Itor",)


@pytest.mark.parametrize(
    ("metadata", "series"),
    [
        (
            '<meta property="belongs-to-collection" id="s">Inner</meta>'
            '<meta refines="#s" property="belongs-to-collection" id="o">Outer</meta>'
            + refined("s", collection_type="series", group_position="2.0"),
            ("Inner", "2"),
        ),
        ('<meta property="belongs-to-collection" id="s">Set</meta>' + refined("s", collection_type="set"), ("", "")),
        (
            '<meta content="Saga" name="calibre:series"/><meta content="1.5" name="calibre:series_index"/>',
            ("Saga", "1.5"),
        ),
        (
            '<meta property="calibre:series">Saga</meta><meta property="calibre:series_index">4.0</meta>',
            ("Saga", "4"),
        ),
    ],
)
def test_series(tmp_path: Path, metadata: str, series: tuple[str, str]) -> None:
    found = meta(tmp_path, metadata)
    assert (found.series, found.series_number) == series


@pytest.mark.parametrize(
    ("written", "tag"),
    [
        ("en", "en"),
        ("en_GB", "en-GB"),
        ("eng", "en"),
        ("English", "en"),
        ("deu-AT", "de-AT"),
        ("und", ""),
        ("zxx", ""),
        ("", ""),
        ("unbekannt", ""),
        ("zh-Hant-TW", "zh-Hant-TW"),
        (" fr ", "fr"),
    ],
)
def test_languages(written: str, tag: str) -> None:
    assert language_tag(written) == tag


def test_the_first_language_that_says_something(tmp_path: Path) -> None:
    tags = "<dc:language>und</dc:language><dc:language>pt-BR</dc:language><dc:language>en</dc:language>"
    assert meta(tmp_path, tags).language == "pt-BR"


@pytest.mark.parametrize(
    ("metadata", "date"),
    [
        ("<dc:date>2014-05-25T22:00:00+00:00</dc:date>", "2014-05-25"),
        ("<dc:date>c. 1899</dc:date>", "c. 1899"),
        ("<dc:date>0101-01-01T00:00:00+00:00</dc:date>", ""),
        ('<dc:date opf:event="conversion">2020</dc:date><dc:date opf:event="publication">1899</dc:date>', "1899"),
    ],
)
def test_dates(tmp_path: Path, metadata: str, date: str) -> None:
    assert meta(tmp_path, metadata).date == date


@pytest.mark.parametrize(
    ("metadata", "identifier"),
    [
        ('<dc:identifier>x</dc:identifier><dc:identifier id="uid">urn:uuid:1</dc:identifier>', "urn:uuid:1"),
        ('<dc:identifier id="uid">u</dc:identifier><dc:identifier>9783161484100</dc:identifier>', "9783161484100"),
        (
            '<dc:identifier id="uid">u</dc:identifier><dc:identifier opf:scheme="ISBN">316148410X</dc:identifier>',
            "316148410X",
        ),
        ('<dc:identifier id="uid">u</dc:identifier><dc:identifier>9783161484109</dc:identifier>', "u"),
    ],
)
def test_identifiers(tmp_path: Path, metadata: str, identifier: str) -> None:
    assert meta(tmp_path, metadata).identifier == identifier


def test_cdata_entities_and_markup_in_a_description(tmp_path: Path) -> None:
    description = "<dc:description><![CDATA[<h3>One</h3><p>Two&nbsp;&mdash; x]]></dc:description>"
    metadata = f"<dc:title>A &amp; B &eacute;</dc:title>{description}"
    found = meta(tmp_path, metadata)
    assert found.title == "A & B é"
    assert found.description == "One Two — x"


def test_undeclared_prefixes_are_read(tmp_path: Path) -> None:
    package = (
        '<package version="2.0"><metadata><dc:title>T</dc:title><dc:creator opf:role="aut">A</dc:creator></metadata>'
        '<manifest><item id="p0" href="a.xhtml" media-type="application/xhtml+xml"/></manifest><spine><itemref '
        'idref="p0"/></spine></package>'
    )
    found = meta(tmp_path, "", extra={"OEBPS/content.opf": package})
    assert (found.title, found.authors) == ("T", ("A",))
