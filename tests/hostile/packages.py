"""Packages, contents, metadata, covers, lexicons."""

# ruff: noqa: E501 - pieces of books read better whole
from __future__ import annotations

import struct
import zlib

from tests.hostile.cases import CASES, FULL, PROSE, Case, Place, case, epub, n, package, size, stored, zip_of
from tests.loaders.builder import CONTAINER, METADATA, nav, ncx, page


@case(0, 80.0 if FULL else 30.0)
def seventy_thousand_entries(place: Place) -> str:
    entries = "".join(f'<li><a href="a.xhtml#p{n}">Entry {n}</a></li>' for n in range(size(70_000, 7_000)))
    return epub(place, {"a.xhtml": PROSE}, nav=nav(entries))


@case(0, 80.0 if FULL else 30.0)
def as_many_entries_as_paragraphs(place: Place) -> str:
    count = size(30_000, 1_500)
    entries = "".join(f'<li><a href="a.xhtml#p{n}">Entry {n}</a></li>' for n in range(count))
    return epub(place, {"a.xhtml": "".join(f'<p id="p{n}">Text.</p>' for n in range(count))}, nav=nav(entries))


@case(0, 80.0 if FULL else 30.0)
def many_pages(place: Place) -> str:
    count = size(9_000, 500)
    pages = {f"p{n}.xhtml": f"<h1>{n}</h1><p>Text.</p>" for n in range(count)}
    return epub(place, pages, nav=nav("".join(f'<li><a href="{name}">{name}</a></li>' for name in pages)))


@case(0, 80.0 if FULL else 30.0)
def a_spine_that_repeats(place: Place) -> str:
    return stored(epub(place, {"a.xhtml": PROSE * 5}, spine=["a.xhtml"] * size(300_000, 20_000)), place)


@case(None)
def ten_thousand_levels_of_contents(place: Place) -> str:
    points = '<navPoint><navLabel><text>x</text></navLabel><content src="a.xhtml"/>' * n(10_000) + "</navPoint>" * n(
        10_000
    )
    return epub(place, {"a.xhtml": PROSE}, ncx=ncx(points))


@case(None)
def three_hundred_levels_of_contents(place: Place) -> str:
    entries = '<li><a href="a.xhtml">x</a><ol>' * 300 + "<li><span>y</span></li>" + "</ol></li>" * 300
    return epub(place, {"a.xhtml": PROSE}, nav=nav(entries))


@case(0)
def contents_in_a_circle(place: Place) -> str:
    entries = '<li><a href="nav.xhtml">N</a></li><li><a href="a.xhtml">A</a></li><li><a href="nav.xhtml#x">N</a></li>'
    item = '<item id="nav2" href="a.xhtml" media-type="application/xhtml+xml" properties="nav" fallback="nav"/>'
    return epub(
        place, {"a.xhtml": nav('<li><a href="nav.xhtml">B</a></li>')[55:] + PROSE}, nav=nav(entries), manifest=item
    )


@case(0)
def fallbacks_in_a_circle(place: Place) -> str:
    items = '<item id="x" href="x.bin" media-type="a/b" fallback="y"/><item id="y" href="y.bin" media-type="a/b" fallback="x"/>'
    return epub(place, {"a.xhtml": PROSE}, manifest=items, spine=["a.xhtml", "x", "y"])


@case(0)
def refinements_in_a_circle(place: Place) -> str:
    metas = '<meta id="m" refines="#n" property="role">aut</meta><meta id="n" refines="#m" property="role">aut</meta>'
    metas += '<meta refines="#m" property="belongs-to-collection" id="c">S</meta><meta refines="#c" id="c" property="x">y</meta>'
    return epub(place, {"a.xhtml": PROSE}, metadata=METADATA + metas * 200)


@case(0, 80.0 if FULL else 30.0)
def a_flood_of_metadata(place: Place) -> str:
    count = size(50_000, 1_500)
    creators = "".join(
        f'<dc:creator id="c{n}">A {n}</dc:creator><meta refines="#c{n}" property="role">aut</meta>'
        for n in range(count)
    )
    return epub(place, {"a.xhtml": PROSE}, metadata=METADATA + creators)


@case(0)
def names_that_would_drive_a_terminal(place: Place) -> str:
    metadata = (
        "<dc:title>A &#x9b;31m \x1b[2J\x07 \u202e Book\n/ ../../x &#x85; \u2066 😀</dc:title><dc:creator>A/B\\C: \u202ed\x1b]0;x\x07 😀</dc:creator>"
        "<dc:language>en</dc:language>"
    )
    return epub(place, {"a.xhtml": f"<h1>T\u202e \x1b[31m &#x9b;1m &#27;[2J</h1><p>{PROSE}</p>"}, metadata=metadata)


@case(None)
def a_language_that_would_drive_a_terminal(place: Place) -> str:
    metadata = "<dc:title>T</dc:title><dc:creator>A</dc:creator><dc:language>\u202e&#x9b;31m-en</dc:language>"
    return epub(place, {"a.xhtml": PROSE}, metadata=metadata)


@case(0)
def a_title_and_an_author_of_a_megabyte(place: Place) -> str:
    metadata = f"<dc:title>{'T ' * n(500_000)}</dc:title><dc:creator>{'A' * n(1_000_000)}</dc:creator><dc:language>{'e' * n(100_000)}</dc:language>"
    return stored(epub(place, {"a.xhtml": PROSE}, metadata=metadata), place)


@case()
def members_that_would_drive_a_terminal(place: Place) -> str:
    name = "a\x1b[31m\x9b\u202e\n.xhtml"
    items = {"a": "a&#x9b;\u202e&#10;.xhtml", "b": "gone\u202e&#x9b;31m.xhtml", "c": "c.xhtml"}
    return zip_of(
        place,
        {
            "META-INF/container.xml": CONTAINER,
            "OEBPS/content.opf": package(items),
            f"OEBPS/{name}": page(PROSE + "<b><i></b>"),
            "OEBPS/c.xhtml": page(f"<p>{PROSE}<b></p>"),
        },
    )


def _picture(name: str, data: bytes, media: str) -> None:
    def build(place: Place) -> str:
        item = f'<item id="c" href="c.img" media-type="{media}" properties="cover-image"/>'
        return epub(place, {"a.xhtml": PROSE}, manifest=item, extra={"OEBPS/c.img": data})

    CASES.append(Case(f"cover: {name}", build, 0))


_HEADER = struct.pack(">2I5B", 60_000, 60_000, 8, 6, 0, 0, 0)
_picture(
    "a PNG of 60,000 x 60,000",
    b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + b"IHDR" + _HEADER + struct.pack(">I", zlib.crc32(b"IHDR" + _HEADER)),
    "image/png",
)
_picture("a JPEG cut off", b"\xff\xd8\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0\xff\xdb\0", "image/jpeg")
_picture("no picture at all", b"<html>", "image/jpeg")
_picture("nothing", b"", "image/png")
_picture(
    "an SVG with scripts",
    b'<svg xmlns="http://www.w3.org/2000/svg"><script>x</script><image href="http://127.0.0.1:9/x"/></svg>',
    "image/svg+xml",
)


@case(0)
def a_hostile_lexicon(place: Place) -> str:
    laughs = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    lexemes = "<lexeme><grapheme>&b;</grapheme><phoneme>x</phoneme></lexeme>" * n(10_000)
    data = f'<?xml version="1.0"?>{laughs}<lexicon xmlns="http://www.w3.org/2005/01/pronunciation-lexicon">{lexemes}</lexicon>'
    item = '<item id="l" href="l.pls" media-type="application/pls+xml"/>'
    return epub(place, {"a.xhtml": PROSE}, manifest=item, extra={"OEBPS/l.pls": data})
