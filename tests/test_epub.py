"""The EPUB container and package: metadata, cover, limits."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from narrate.book import Metadata
from narrate.bounds import Bounds
from narrate.epub import Container, Package, read_package
from narrate.errors import SourceError
from tests.loaders.builder import METADATA, make_epub, nav

JPEG = b"\xff\xd8\xff\xe0 a picture"
PNG = b"\x89PNG\r\n\x1a\n a picture"


def package(tmp_path: Path, **options: object) -> Package:
    path = make_epub(tmp_path / "book.epub", {"a.xhtml": "<p>text</p>"}, **options)  # type: ignore[arg-type]
    with Container.open(path) as container:
        return read_package(container)


def meta(tmp_path: Path, metadata: str, **options: object) -> Metadata:
    return package(tmp_path, metadata=metadata, **options).meta


def test_epub_3_metadata(tmp_path: Path) -> None:
    found = meta(
        tmp_path,
        '<dc:identifier id="uid">urn:isbn:1</dc:identifier><dc:title id="t2">The Subtitle</dc:title>'
        '<dc:title id="t1">The  Title</dc:title><meta refines="#t1" property="title-type">main</meta>'
        '<meta refines="#t2" property="title-type">subtitle</meta><dc:creator id="c1">Anna Author</dc:creator>'
        '<meta refines="#c1" property="role" scheme="marc:relators">aut</meta>'
        '<meta refines="#c1" property="role" scheme="marc:relators">ill</meta>'
        '<dc:creator id="c2">Ed Editor</dc:creator>'
        '<meta refines="#c2" property="role">edt</meta><dc:contributor id="c3">Tom Translator</dc:contributor>'
        '<meta refines="#c3" property="role">trl</meta><dc:language>en_GB</dc:language><dc:publisher>P</dc:publisher>'
        "<dc:date>2014-05-25T00:00:00Z</dc:date><dc:rights>Free</dc:rights><dc:subject>One</dc:subject>"
        "<dc:subject>Two</dc:subject><dc:subject>One</dc:subject>"
        "<dc:description>&lt;p&gt;A &lt;i&gt;fine&lt;/i&gt; tale.&lt;/p&gt;&lt;p&gt;Truly.&lt;/p&gt;</dc:description>"
        '<meta property="belongs-to-collection" id="s">The Set</meta>'
        '<meta refines="#s" property="collection-type">set</meta>'
        '<meta property="belongs-to-collection" id="r">The Series</meta>'
        '<meta refines="#r" property="collection-type">series</meta>'
        '<meta refines="#r" property="group-position">2.5</meta>',
    )
    assert found == Metadata(
        title="The Title",
        subtitle="The Subtitle",
        authors=("Anna Author",),
        contributors=(("Anna Author", "aut"), ("Anna Author", "ill"), ("Ed Editor", "edt"), ("Tom Translator", "trl")),
        language="en-GB",
        publisher="P",
        date="2014-05-25",
        identifier="urn:isbn:1",
        description="A fine tale. Truly.",
        series="The Series",
        series_number="2.5",
        rights="Free",
        subjects=("One", "Two"),
    )


def test_epub_2_metadata(tmp_path: Path) -> None:
    found = meta(
        tmp_path,
        '<!-- a comment --><dc:title>T</dc:title><dc:creator opf:role="aut">A</dc:creator>'
        '<dc:creator opf:role="ill">I</dc:creator><dc:date opf:event="modification">2020</dc:date>'
        '<dc:date opf:event="publication">1899</dc:date><meta name="calibre:series" content="S"/>'
        '<meta name="calibre:series_index" content="3.0"/>',
        version="2.0",
    )
    assert (found.authors, found.date, found.series, found.series_number) == (("A",), "1899", "S", "3")
    assert found.contributors == (("A", "aut"), ("I", "ill"))


def test_a_book_that_says_nothing_of_itself_has_its_file_name(tmp_path: Path) -> None:
    assert meta(tmp_path, "") == Metadata(title="book")


def test_metadata_is_read_when_a_library_would_stumble(tmp_path: Path) -> None:
    odd = '<?pi?><x:y xmlns:x="urn:x" z="1">v</x:y><dc:title>T</dc:title><meta/><meta name="a:b:c"/><dc:date/>'
    assert meta(tmp_path, odd).title == "T"


@pytest.mark.parametrize(
    ("options", "data"),
    [
        ({"manifest": '<item id="i" href="c.jpg" media-type="image/jpeg" properties="cover-image"/>'}, JPEG),
        (
            {
                "manifest": '<item id="i" href="c.jpg" media-type="image/jpeg"/>',
                "metadata": METADATA + '<meta name="cover" content="i"/>',
            },
            JPEG,
        ),
        (
            {
                "manifest": '<item id="x" href="cover.xhtml" media-type="application/xhtml+xml"/>',
                "guide": '<guide><reference type="cover" href="cover.xhtml"/></guide>',
            },
            JPEG,
        ),
        ({"manifest": '<item id="s" href="c.svg" media-type="image/svg+xml" properties="cover-image"/>'}, PNG),
        ({"manifest": '<item id="cover" href="c.jpg" media-type="image/jpeg"/>'}, JPEG),
    ],
)
def test_the_cover_is_found(tmp_path: Path, options: dict[str, str], data: bytes) -> None:
    inside = base64.b64encode(PNG).decode()
    extra: dict[str, str | bytes] = {
        "OEBPS/c.jpg": JPEG,
        "OEBPS/cover.xhtml": '<html xmlns="http://www.w3.org/1999/xhtml"><body><img src="c.jpg"/></body></html>',
        "OEBPS/c.svg": f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink">'
        f'<image xlink:href="data:image/png;base64,{inside}"/></svg>',
    }
    cover = package(tmp_path, extra=extra, **options).meta.cover
    assert cover is not None
    assert cover.data == data
    assert cover.media_type == ("image/png" if data == PNG else "image/jpeg")


@pytest.mark.parametrize("extra", [{}, {"OEBPS/c.jpg": b"<html>not a picture</html>"}])
def test_a_cover_that_is_none_costs_nothing(tmp_path: Path, extra: dict[str, bytes]) -> None:
    manifest = '<item id="i" href="c.jpg" media-type="image/jpeg" properties="cover-image"/>'
    assert package(tmp_path, manifest=manifest, extra=extra).meta.cover is None


def test_labels_are_text_or_what_a_picture_says(tmp_path: Path) -> None:
    entries = (
        '<li><a href="a.xhtml"><span>Letter</span> <i>I</i></a></li>'
        '<li><a href="a.xhtml"><img alt="Map" src="m"/></a></li>'
        '<li><a href="http://example.org/">Elsewhere</a></li><li></li>'
    )
    found = package(tmp_path, nav=nav(entries)).entries
    assert [(entry.title, entry.member) for entry in found] == [
        ("Letter I", "OEBPS/a.xhtml"),
        ("Map", "OEBPS/a.xhtml"),
        ("Elsewhere", ""),
    ]


def test_the_package_is_found_without_a_container(tmp_path: Path) -> None:
    assert package(tmp_path, leave_out=["META-INF/container.xml"]).meta.title == "A Book"


def test_hrefs_are_resolved_inside_the_book_only(tmp_path: Path) -> None:
    path = make_epub(tmp_path / "b.epub", {"x/a b.xhtml": "<p>t</p>", "c.xhtml": "<p>t</p>"})
    with Container.open(path) as container:
        found = {
            href: container.resolve("OEBPS/x/a b.xhtml", href)
            for href in (
                "../c.xhtml#i%20d",
                "A%20B.xhtml",
                "#here",
                "../../../etc/passwd",
                "/etc/passwd",
                "/OEBPS/c.xhtml",
                "..\\c.xhtml?page=1",
                "file:///etc",
                "//x/y",
            )
        }
    assert found == {
        "../c.xhtml#i%20d": ("OEBPS/c.xhtml", "i d"),
        "A%20B.xhtml": ("OEBPS/x/a b.xhtml", ""),
        "#here": ("OEBPS/x/a b.xhtml", "here"),
        "../../../etc/passwd": None,
        "/etc/passwd": None,
        "/OEBPS/c.xhtml": ("OEBPS/c.xhtml", ""),
        "..\\c.xhtml?page=1": ("OEBPS/c.xhtml", ""),
        "file:///etc": None,
        "//x/y": None,
    }


def test_limits_hold_over_the_whole_book(tmp_path: Path) -> None:
    path = make_epub(tmp_path / "b.epub", {"a.xhtml": "<p>t</p>"})
    with Container.open(path, Bounds(total=1000)) as container, pytest.raises(SourceError, match="no book"):
        for _ in range(9):
            container.read("OEBPS/a.xhtml")
    with pytest.raises(SourceError, match="more than 2"), Container.open(path, Bounds(members=2)):
        pass


def test_a_member_that_lies_about_its_size_is_cut_off(tmp_path: Path) -> None:
    path = make_epub(tmp_path / "b.epub", {"a.xhtml": "<p>" + "text " * 4000 + "</p>"})
    with Container.open(path, Bounds(member=5000)) as container:
        container.archive.getinfo("OEBPS/a.xhtml").file_size = 10
        with pytest.raises(SourceError):
            container.read("OEBPS/a.xhtml")
