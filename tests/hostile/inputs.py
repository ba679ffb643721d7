"""Books that mean harm, or look like it, built on the fly. Each builder writes into a folder and names the source.

The sizes are those of the attack; where that would take long to build or to read, the default suite uses the slim one
(``NARRATE_HOSTILE=full`` for the whole).
"""

# ruff: noqa: E501 - pieces of books read better whole
from __future__ import annotations

import os
import struct
import zipfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.loaders.builder import CONTAINER, METADATA, make_epub, nav, ncx, page

FULL = os.environ.get("NARRATE_HOSTILE") == "full"
SECRET = "canary7f3a"
PROSE = "It was a quiet morning, and nothing in the village stirred except the miller's dog. "


@dataclass(frozen=True)
class Place:
    """Where a book is built: its folder, a file with SECRET that it must not read, and a port it must not call."""

    folder: Path
    secret: Path
    port: int


Build = Callable[[Place], str]


@dataclass(frozen=True)
class Case:
    """A hostile source; ``code`` is what must come of it: 0 read, 4 refused, None either. ``seconds`` of processor."""

    name: str
    build: Build
    code: int | None = None
    seconds: float = 3.0


CASES: list[Case] = []


def size(full: int, slim: int) -> int:
    return full if FULL else slim


def n(count: int) -> int:
    """So many times, or in the default suite a tenth: what takes the square of its size shows there too."""
    return count if FULL else count // 10


def case(code: int | None = None, seconds: float = 40.0 if FULL else 3.0) -> Callable[[Build], Build]:
    """Register a builder under its name."""

    def register(build: Build) -> Build:
        CASES.append(Case(build.__name__.strip("_").replace("_", " "), build, code, seconds))
        return build

    return register


def texts(
    suffix: str,
    cases: Mapping[str, Callable[[], str | bytes]],
    code: int | None,
    seconds: float = 40.0 if FULL else 3.0,
) -> None:
    """Register sources that are one file of text."""
    for name, make in cases.items():

        def build(place: Place, make: Callable[[], str | bytes] = make) -> str:
            made = make()
            data = made.encode("utf-8", "surrogatepass") if isinstance(made, str) else made
            (place.folder / f"book{suffix}").write_bytes(data)
            return f"book{suffix}"

        CASES.append(Case(f"{suffix[1:]}: {name}", build, code, seconds))


def bodies(
    cases: Mapping[str, Callable[[], str | bytes]], code: int | None, seconds: float = 40.0 if FULL else 3.0
) -> None:
    """Register EPUBs of one page with such a body."""
    for name, make in cases.items():

        def build(place: Place, make: Callable[[], str | bytes] = make) -> str:
            made = make()
            whole = made if isinstance(made, bytes) else page(f"<h1>One</h1><p>{PROSE}</p>{made}").encode()
            return _stored(_epub(place, {"a.xhtml": whole}), place)

        CASES.append(Case(f"page: {name}", build, code, seconds))


def _epub(place: Place, pages: Mapping[str, str | bytes], **options: object) -> str:
    make_epub(place.folder / "book.epub", pages, **options)  # type: ignore[arg-type]
    return "book.epub"


def _stored(name: str, place: Place) -> str:
    """Without compression: a page of one thing 100,000 times shall not pass for a ZIP bomb."""
    path = place.folder / name
    with zipfile.ZipFile(path) as archive:
        members = {info.filename: archive.read(info) for info in archive.infolist()}
    with zipfile.ZipFile(path, "w") as archive:
        for member, data in members.items():
            archive.writestr(member, data)
    return name


def _long_name(place: Place) -> str:
    return f"http://127.0.0.1:{place.port}/x"


# ZIP files


@case()
def zip_bomb_as_page(place: Place) -> str:
    return _epub(place, {"a.xhtml": page("<p>" + "0" * (size(200, 60) << 20) + "</p>").encode(), "b.xhtml": PROSE})


@case(4)
def zip_bomb_as_the_only_page(place: Place) -> str:
    return _epub(place, {"a.xhtml": page("<p>" + "0" * (40 << 20) + "</p>").encode()})


@case()
def zip_bomb_of_many_pages(place: Place) -> str:
    data = page("<p>" + "word " * (5 << 18) + "</p>").encode()
    return _epub(place, {f"{number}.xhtml": data for number in range(30)})


@case(0)
def zip_bomb_as_cover(place: Place) -> str:
    item = '<item id="c" href="c.jpg" media-type="image/jpeg" properties="cover-image"/>'
    data = b"\xff\xd8\xff" + b"\0" * (size(300, 60) << 20)
    return _epub(place, {"a.xhtml": PROSE}, manifest=item, extra={"OEBPS/c.jpg": data})


@case(4)
def zip_bomb_as_package(place: Place) -> str:
    return _zip(place, {"META-INF/container.xml": CONTAINER, "OEBPS/content.opf": b" " * (40 << 20)})


@case(4)
def zip_bomb_as_container(place: Place) -> str:
    return _zip(place, {"META-INF/container.xml": b" " * (40 << 20), "OEBPS/content.opf": b"<package/>"})


@case(0)
def ten_megabytes_of_zeros_nobody_reads(place: Place) -> str:
    return _epub(place, {"a.xhtml": PROSE}, extra={"OEBPS/z.bin": b"\0" * (10 << 20)})


@case()
def zip_in_zip_in_zip(place: Place) -> str:
    inner = place.folder / "inner.zip"
    for _ in range(5):
        data = inner.read_bytes() if inner.exists() else b"\0" * (10 << 20)
        with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as archive:
            for number in range(10):
                archive.writestr(f"{number}.zip", data)
    data = inner.read_bytes()
    inner.unlink()
    return _epub(place, {"a.xhtml": data, "b.xhtml": PROSE}, extra={"OEBPS/z.zip": data})


@case()
def overlapping_entries(place: Place) -> str:
    """Thousands of entries of the central directory that all lead to one local file."""
    body = zlib.compress(page("<p>" + "word " * 200_000 + "</p>").encode(), 9)[2:-4]
    data = page("<p>" + "word " * 200_000 + "</p>").encode()
    local = (
        struct.pack("<4s5H3I2H", b"PK\3\4", 20, 0, 8, 0, 0, zlib.crc32(data), len(body), len(data), 1, 0) + b"a" + body
    )
    _epub(place, {f"p{number}.xhtml": PROSE for number in range(3)})
    whole = (place.folder / "book.epub").read_bytes()
    count = 2_000
    entries = b"".join(
        struct.pack(
            "<4s6H3I5H2I",
            b"PK\1\2",
            20,
            20,
            0,
            8,
            0,
            0,
            zlib.crc32(data),
            len(body),
            len(data),
            len(name),
            0,
            0,
            0,
            0,
            0,
            0,
        )
        + name
        for name in (f"OEBPS/p{number}.xhtml".encode() for number in range(count))
    )
    end = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, count, count, len(entries), len(local), 0)
    assert whole[:2] == b"PK"
    (place.folder / "book.epub").write_bytes(local + entries + end)
    return "book.epub"


@case()
def two_hundred_thousand_members(place: Place) -> str:
    with zipfile.ZipFile(place.folder / "book.epub", "w") as archive:
        archive.writestr("META-INF/container.xml", CONTAINER)
        for number in range(size(200_000, 30_000)):
            archive.writestr(zipfile.ZipInfo(f"{number}"), b"")
    return "book.epub"


@case(4)
def truncated(place: Place) -> str:
    name = _epub(place, {"a.xhtml": PROSE * 50})
    data = (place.folder / name).read_bytes()
    (place.folder / name).write_bytes(data[: len(data) // 2])
    return name


def _zip(place: Place, members: Mapping[str, str | bytes], modes: Mapping[str, int] | None = None) -> str:
    with zipfile.ZipFile(place.folder / "book.epub", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = (modes or {}).get(name, 0o644) << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, data)
    return "book.epub"


def _package(items: Mapping[str, str], spine: str = "", metadata: str = METADATA) -> str:
    listed = "".join(
        f'<item id="{key}" href="{href}" media-type="application/xhtml+xml"/>' for key, href in items.items()
    )
    refs = spine or "".join(f'<itemref idref="{key}"/>' for key in items)
    return (
        '<package xmlns="http://www.idpf.org/2007/opf" version="3.0"><metadata xmlns:dc="http://purl.org/dc/elements/1.1/" '
        f'xmlns:opf="http://www.idpf.org/2007/opf">{metadata}</metadata><manifest>{listed}</manifest><spine>{refs}</spine></package>'
    )


@case()
def path_traversal(place: Place) -> str:
    outside = os.path.relpath(place.secret, place.folder)
    items = {
        "a": "a.xhtml", "b": f"../../{outside}", "c": str(place.secret), "d": f"file://{place.secret}", "e": "%2e%2e/%2e%2e/x",
        "f": "..\\..\\x", "g": "../../../../../../../../etc/passwd", "h": "/etc/passwd",
    }  # fmt: skip
    members = {f"../../{outside}": page("<p>x</p>"), "/etc/passwd": page("<p>y</p>"), "OEBPS/../../x": page("<p>z</p>")}
    return _zip(
        place,
        {
            "META-INF/container.xml": CONTAINER,
            "OEBPS/content.opf": _package(items),
            "OEBPS/a.xhtml": page(PROSE),
            **members,
        },
    )


@case()
def symlinks_as_members(place: Place) -> str:
    items = {"a": "a.xhtml", "b": "b.xhtml"}
    members = {"META-INF/container.xml": CONTAINER, "OEBPS/content.opf": _package(items), "OEBPS/a.xhtml": page(PROSE)}
    return _zip(place, {**members, "OEBPS/b.xhtml": str(place.secret)}, {"OEBPS/b.xhtml": 0o120777})


# XML


@case()
def external_entities_everywhere(place: Place) -> str:
    doctype = (
        f'<!DOCTYPE x [<!ENTITY f SYSTEM "file://{place.secret}"><!ENTITY h SYSTEM "{_long_name(place)}">'
        f'<!ENTITY % p SYSTEM "{_long_name(place)}.dtd">%p;]>'
    )
    doctype_only = f'<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.1//EN" "{_long_name(place)}.dtd">'
    spoiled = page(f"<p>{PROSE}&f;&h;</p>").replace("?>", f"?>{doctype}", 1)
    package = f'<?xml version="1.0"?>{doctype}' + _package(
        {"a": "a.xhtml", "b": "b.xhtml"}, metadata="<dc:title>T &f;&h;</dc:title><dc:language>en</dc:language>"
    )
    container = CONTAINER.replace("?>", f"?>{doctype}", 1).replace("</rootfiles>", "&f;&h;</rootfiles>")
    pages = {"OEBPS/a.xhtml": spoiled, "OEBPS/b.xhtml": page(PROSE).replace("?>", f"?>{doctype_only}", 1)}
    encryption = f'<?xml version="1.0"?>{doctype}<encryption>&f;</encryption>'
    return _zip(
        place,
        {
            "META-INF/container.xml": container,
            "OEBPS/content.opf": package,
            "META-INF/encryption.xml": encryption,
            **pages,
        },
    )


@case()
def remote_resources_of_every_kind(place: Place) -> str:
    remote = _long_name(place)
    body = (
        f'<h1>One</h1><p>{PROSE}</p><img src="{remote}.png" alt="x"/><iframe src="{remote}"/><object data="{remote}"/>'
        f'<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="file://{place.secret}" parse="text"/>'
        f'<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="{remote}" parse="text"/><audio src="{remote}"/>'
        f'<a href="javascript:alert(1)">j</a><a href="data:text/html,&lt;p&gt;x&lt;/p&gt;">d</a><a href="{remote}">r</a>'
    )
    whole = page(body).replace("?>", f'?><?xml-stylesheet href="{remote}.xsl" type="text/xsl"?>', 1)
    whole = whole.replace("<head>", f'<head><base href="{remote}"/><link rel="stylesheet" href="{remote}.css"/>')
    item = f'<item id="c" href="{remote}.jpg" media-type="image/jpeg" properties="cover-image"/>'
    item += f'<item id="l" href="{remote}.pls" media-type="application/pls+xml"/>'
    entries = f'<li><a href="{remote}">R</a></li><li><a href="javascript:x">J</a></li><li><a href="a.xhtml">A</a></li>'
    return _epub(place, {"a.xhtml": whole}, manifest=item, nav=nav(entries))


def _doctype(declarations: str, use: str) -> bytes:
    return page(f"<h1>One</h1><p>{PROSE}{use}</p>").replace("?>", f"?><!DOCTYPE html [{declarations}]>", 1).encode()


bodies(
    {
        "billion laughs": lambda: _doctype(
            '<!ENTITY a0 "lol">' + "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 12)), "&a11;"
        ),
        "quadratic blowup": lambda: _doctype(f'<!ENTITY a "{"lol" * n(20_000)}">', "&a;" * n(20_000)),
        "entities in a circle": lambda: _doctype('<!ENTITY a "&b;"><!ENTITY b "&a;">', "&a;&b;"),
        "parameter entities": lambda: _doctype("<!ENTITY % a \"<!ENTITY b 'x'>\"> %a; %a;", "&b;"),
        "a million entities": lambda: (
            "<p>" + "&amp;" * n(300_000) + "&nbsp;" * n(300_000) + "&x;" * n(300_000) + "</p>"
        ),
        "a flood of declarations": lambda: _doctype(
            "".join(f'<!ENTITY e{n} "x{n}">' for n in range(n(100_000))), "&e5;"
        ),
        "an endless doctype": lambda: b"<?xml version='1.0'?><!DOCTYPE html [" + b"<!ENTITY a " * n(200_000),
        "many doctypes": lambda: b"<!DOCTYPE html>" * n(200_000) + page(PROSE).encode(),
        "a flood of comments": lambda: "<!-- c -->" * n(300_000) + "<!--" * n(100_000),
        "a flood of cdata": lambda: "<![CDATA[x]]>" * n(200_000) + "<![CDATA[" * n(100_000),
        "a flood of instructions": lambda: "<?a b?>" * n(300_000) + "<?" * n(100_000),
        "many xml declarations": lambda: b"<?xml version='1.0'?>" * n(100_000) + page(PROSE).encode(),
        "a declaration that never ends": lambda: b"<?xml " + b" encoding" * n(300_000) + page(PROSE).encode(),
    },
    None,
)
bodies(
    {
        "100,000 nested divs": lambda: "<div>" * n(100_000) + "x" + "</div>" * n(100_000),
        "900 nested divs": lambda: "<div>" * 900 + "x" + "</div>" * 900,
        "100,000 nested spans": lambda: "<p>" + "<span>" * n(100_000) + "x" + "</span>" * n(100_000) + "</p>",
        "900 nested spans with text": lambda: "<p>" + "<i>a " * 900 + "</i> b" * 900 + "</p>",
        "100,000 nested lists": lambda: "<ul><li>a" * n(100_000) + "</li></ul>" * n(100_000),
        "400 nested lists": lambda: "<ul><li>a" * 400 + "</li></ul>" * 400,
        "400 nested quotations": lambda: "<blockquote><p>a</p>" * 400 + "</blockquote>" * 400,
        "200 nested tables": lambda: "<table><tr><td>a" * 200 + "</td></tr></table>" * 200,
        "100,000 unclosed elements": lambda: "<b>x" * n(100_000),
        "100,000 unclosed paragraphs": lambda: "<p>x<b>y" * n(100_000),
        "100,000 ends of nothing": lambda: "</b></p></i>" * n(100_000),
        "crossed elements": lambda: "<p><b><i>x</b>y</i>" * n(20_000),
        "900 nested rubies": lambda: "<p>" + "<ruby>a<rt>b" * 400 + "</rt></ruby>" * 400 + "</p>",
        "900 nested formulas": lambda: "<p><math>" + "<mrow><mi>x</mi>" * 900 + "</mrow>" * 900 + "</math></p>",
        "900 nested sections": lambda: "<section><h2>x</h2>" * 900 + "</section>" * 900,
        "900 nested notes": lambda: '<aside epub:type="footnote" id="x"><p>n</p>' * 400 + "</aside>" * 400,
        "900 nested references": lambda: "<p>" + '<sup><a href="#x" id="y">1' * 400 + "</a></sup>" * 400 + "</p>",
    },
    None,
)
bodies(
    {
        "one long paragraph": lambda: f"<p>{PROSE * (size(30 << 20, 500_000) // len(PROSE))}</p>",
        "one long word": lambda: f"<p>{'a' * size(30 << 20, 500_000)}</p>",
        "a million empty paragraphs": lambda: "<p></p>" * size(500_000, 20_000),
        "a million short paragraphs": lambda: "<p>Word.</p>" * size(200_000, 8_000),
        "a million line breaks": lambda: "<p>x" + "<br/>" * size(500_000, 20_000) + "y</p>",
        "a million spans": lambda: "<p>" + "<i>word</i> " * size(200_000, 8_000) + "</p>",
        "an id 100,000 times": lambda: '<p id="x">a</p>' * size(100_000, 8_000),
        "many references to one note": lambda: (
            "<p>a"
            + '<a epub:type="noteref" href="#n">1</a>' * size(200_000, 8_000)
            + '</p><aside epub:type="footnote" id="n"><p>N</p></aside>'
        ),
        "as many notes as references": lambda: (
            "".join(f'<p>a<sup><a id="r{n}" href="#n{n}">{n}</a></sup></p>' for n in range(size(40_000, 3_000)))
            + "".join(f'<p id="n{n}"><a href="#r{n}">{n}</a> Note.</p>' for n in range(size(40_000, 3_000)))
        ),
        "an attribute of ten megabytes": lambda: f'<p class="{"x " * (5 << 20)}" id="{"y" * (5 << 20)}">a</p>',
        "100,000 attributes": lambda: "<p " + " ".join(f'a{n}="x"' for n in range(n(100_000))) + ">a</p>",
        "an unclosed quote": lambda: '<p class="' + "x > y " * n(500_000),
        "unclosed quotes": lambda: '<p class="x>' * n(200_000),
        "open brackets": lambda: "<" * n(1_000_000),
        "open tags": lambda: "<a " * n(500_000),
        "self-closed elements": lambda: "<p/><a/>" * n(200_000),
        "many headings": lambda: "<h2>x</h2>" * size(100_000, 5_000),
        "headings of one page": lambda: "".join(
            f"<h{n % 6 + 1}>x {n}</h{n % 6 + 1}><p>y</p>" for n in range(n(20_000))
        ),
        "a title of a megabyte": lambda: f"<h1>{'Title ' * n(200_000)}</h1>",
        "a wide table": lambda: (
            "<table><tr>" + "<th>h</th>" * n(10_000) + "</tr>" + "<tr>" + "<td>c</td>" * n(10_000) + "</tr></table>"
        ),
        "a table that claims to be wide": lambda: (
            '<table><tr><td colspan="999999999" rowspan="999999999">x</td></tr></table>' * 1000
        ),
        "a table of spans": lambda: (
            "<table>" + f"<tr>{'<td colspan=1000 rowspan=65534>x</td>' * 20}</tr>" * 200 + "</table>"
        ),
        "a long table": lambda: (
            "<table><tr><th>h</th><th>i</th></tr>" + "<tr><td>1</td><td>2</td></tr>" * n(30_000) + "</table>"
        ),
        "a long verse": lambda: '<p class="verse">' + "line<br/>" * n(50_000) + "</p>",
        "a list that claims to begin far on": lambda: (
            '<ol start="99999999999999999999999" type="I"><li value="-9">x</li></ol>' * 100
        ),
        "a roman list": lambda: '<ol type="I" start="1">' + "<li>x</li>" * n(20_000) + "</ol>",
        "many rubies": lambda: "<p>" + "<ruby>漢<rt>かん</rt></ruby>" * n(50_000) + "</p>",
        "many page breaks": lambda: '<p>a<span epub:type="pagebreak">5</span></p>' * n(30_000),
        "many words of another language": lambda: "<p>" + '<span xml:lang="fr">mot</span> word. ' * n(20_000) + "</p>",
        "many addresses": lambda: "<p>" + "http://a.b/c " * n(50_000) + "</p>",
        "many brackets": lambda: "<p>" + "[" * n(100_000) + "]" * n(100_000) + "[x] " * n(50_000) + "</p>",
        "an address without end": lambda: "<p>http://" + "a." * n(500_000) + "</p>",
        "many abbreviations explained": lambda: "<p>" + '<abbr title="Doctor">Dr.</abbr> ' * n(30_000) + "</p>",
        "many phonemes": lambda: "<p>" + '<span ssml:ph="wʊstə" ssml:alphabet="ipa">W</span> ' * n(20_000) + "</p>",
        "phonemes of a megabyte": lambda: f'<p><span ssml:ph="{"wʊ" * n(500_000)}" ssml:alphabet="ipa">W</span></p>',
        "controls": lambda: (
            "<p>\x01\x02\x1b[31m&#27;[2J\x07\x9b31m red&#x9b;0m \u202e evil \u2066 x</p><h2>\x1b]0;t\x07</h2>"
        ),
        "combining marks": lambda: "<p>a" + "\u0301" * n(300_000) + " b</p>",
        "a svg with scripts": lambda: (
            '<svg xmlns="http://www.w3.org/2000/svg"><script>x</script><text>t</text></svg>' * 1000
        ),
    },
    None,
    40.0 if FULL else 3.0,
)


# Packages and contents


@case(0, 40.0 if FULL else 3.0)
def seventy_thousand_entries(place: Place) -> str:
    entries = "".join(f'<li><a href="a.xhtml#p{n}">Entry {n}</a></li>' for n in range(size(70_000, 7_000)))
    return _epub(place, {"a.xhtml": PROSE}, nav=nav(entries))


@case(0, 40.0 if FULL else 3.0)
def as_many_entries_as_paragraphs(place: Place) -> str:
    count = size(30_000, 3_000)
    entries = "".join(f'<li><a href="a.xhtml#p{n}">Entry {n}</a></li>' for n in range(count))
    return _epub(place, {"a.xhtml": "".join(f'<p id="p{n}">Text.</p>' for n in range(count))}, nav=nav(entries))


@case(0, 40.0 if FULL else 3.0)
def many_pages(place: Place) -> str:
    count = size(9_000, 900)
    pages = {f"p{n}.xhtml": f"<h1>{n}</h1><p>Text.</p>" for n in range(count)}
    return _epub(place, pages, nav=nav("".join(f'<li><a href="{name}">{name}</a></li>' for name in pages)))


@case(0, 40.0 if FULL else 3.0)
def a_spine_that_repeats(place: Place) -> str:
    return _stored(_epub(place, {"a.xhtml": PROSE * 5}, spine=["a.xhtml"] * size(300_000, 20_000)), place)


@case(None)
def ten_thousand_levels_of_contents(place: Place) -> str:
    points = '<navPoint><navLabel><text>x</text></navLabel><content src="a.xhtml"/>' * n(10_000) + "</navPoint>" * n(
        10_000
    )
    return _epub(place, {"a.xhtml": PROSE}, ncx=ncx(points))


@case(None)
def three_hundred_levels_of_contents(place: Place) -> str:
    entries = '<li><a href="a.xhtml">x</a><ol>' * 300 + "<li><span>y</span></li>" + "</ol></li>" * 300
    return _epub(place, {"a.xhtml": PROSE}, nav=nav(entries))


@case(0)
def contents_in_a_circle(place: Place) -> str:
    entries = '<li><a href="nav.xhtml">N</a></li><li><a href="a.xhtml">A</a></li><li><a href="nav.xhtml#x">N</a></li>'
    item = '<item id="nav2" href="a.xhtml" media-type="application/xhtml+xml" properties="nav" fallback="nav"/>'
    return _epub(
        place, {"a.xhtml": nav('<li><a href="nav.xhtml">B</a></li>')[55:] + PROSE}, nav=nav(entries), manifest=item
    )


@case(0)
def fallbacks_in_a_circle(place: Place) -> str:
    items = '<item id="x" href="x.bin" media-type="a/b" fallback="y"/><item id="y" href="y.bin" media-type="a/b" fallback="x"/>'
    return _epub(place, {"a.xhtml": PROSE}, manifest=items, spine=["a.xhtml", "x", "y"])


@case(0)
def refinements_in_a_circle(place: Place) -> str:
    metas = '<meta id="m" refines="#n" property="role">aut</meta><meta id="n" refines="#m" property="role">aut</meta>'
    metas += '<meta refines="#m" property="belongs-to-collection" id="c">S</meta><meta refines="#c" id="c" property="x">y</meta>'
    return _epub(place, {"a.xhtml": PROSE}, metadata=METADATA + metas * 200)


@case(0, 40.0 if FULL else 3.0)
def a_flood_of_metadata(place: Place) -> str:
    count = size(50_000, 3_000)
    creators = "".join(
        f'<dc:creator id="c{n}">A {n}</dc:creator><meta refines="#c{n}" property="role">aut</meta>'
        for n in range(count)
    )
    return _epub(place, {"a.xhtml": PROSE}, metadata=METADATA + creators)


@case(0)
def names_that_would_drive_a_terminal(place: Place) -> str:
    metadata = (
        "<dc:title>A &#x9b;31m \x1b[2J\x07 \u202e Book\n/ ../../x &#x85; \u2066 😀</dc:title><dc:creator>A/B\\C: \u202ed\x1b]0;x\x07 😀</dc:creator>"
        "<dc:language>en</dc:language>"
    )
    return _epub(place, {"a.xhtml": f"<h1>T\u202e \x1b[31m &#x9b;1m &#27;[2J</h1><p>{PROSE}</p>"}, metadata=metadata)


@case(None)
def a_language_that_would_drive_a_terminal(place: Place) -> str:
    metadata = "<dc:title>T</dc:title><dc:creator>A</dc:creator><dc:language>\u202e&#x9b;31m-en</dc:language>"
    return _epub(place, {"a.xhtml": PROSE}, metadata=metadata)


@case(0)
def a_title_and_an_author_of_a_megabyte(place: Place) -> str:
    metadata = f"<dc:title>{'T ' * n(500_000)}</dc:title><dc:creator>{'A' * n(1_000_000)}</dc:creator><dc:language>{'e' * n(100_000)}</dc:language>"
    return _stored(_epub(place, {"a.xhtml": PROSE}, metadata=metadata), place)


@case()
def members_that_would_drive_a_terminal(place: Place) -> str:
    name = "a\x1b[31m\x9b\u202e\n.xhtml"
    items = {"a": "a&#x9b;\u202e&#10;.xhtml", "b": "gone\u202e&#x9b;31m.xhtml", "c": "c.xhtml"}
    return _zip(
        place,
        {
            "META-INF/container.xml": CONTAINER,
            "OEBPS/content.opf": _package(items),
            f"OEBPS/{name}": page(PROSE + "<b><i></b>"),
            "OEBPS/c.xhtml": page(f"<p>{PROSE}<b></p>"),
        },
    )


def _picture(name: str, data: bytes, media: str) -> None:
    def build(place: Place) -> str:
        item = f'<item id="c" href="c.img" media-type="{media}" properties="cover-image"/>'
        return _epub(place, {"a.xhtml": PROSE}, manifest=item, extra={"OEBPS/c.img": data})

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
    return _epub(place, {"a.xhtml": PROSE}, manifest=item, extra={"OEBPS/l.pls": data})


# Markdown


def _many(count: int, line: str) -> Callable[[], str]:
    return lambda: "# T\n\nText.\n\n" + line * count


texts(
    ".md",
    {
        "open brackets": _many(size(1_000_000, 100_000), "["),
        "brackets that close": lambda: "x\n\n" + "[" * n(50_000) + "a" + "]" * n(50_000),
        "links in links": lambda: "x\n\n" + "[a](" * n(50_000) + ")" * n(50_000),
        "open emphasis": _many(n(100_000), "*a_ "),
        "emphasis of every length": lambda: "x\n\n" + " ".join("*" * (n % 50 + 1) + "a" for n in range(n(20_000))),
        "underscores": _many(n(100_000), "_a__"),
        "open pictures": _many(n(100_000), "![["),
        "quotations": lambda: "x\n\n" + "> " * n(10_000) + "a",
        "lists in lists": lambda: "x\n\n" + "".join("  " * n + "- a\n" for n in range(n(1_000))),
        "many list marks in a line": lambda: "x\n\n" + "- " * n(10_000) + "a",
        "quotation and list by turns": lambda: "x\n\n" + "> - " * n(5_000) + "a",
        "a line of ten megabytes": lambda: "x\n\n" + PROSE * (size(10 << 20, 300_000) // len(PROSE)),
        "open tags": _many(size(1_000_000, 100_000), "<"),
        "tags that never end": _many(n(100_000), "<a "),
        "open comments": _many(n(100_000), "<!-- "),
        "open instructions": _many(n(100_000), "<?"),
        "open cdata": _many(n(100_000), "<![CDATA["),
        "backticks of rising length": lambda: "x\n\n" + " ".join("`" * n for n in range(1, size(3_000, 600))),
        "a backtick of many": lambda: "x\n\n" + "`a" * n(200_000),
        "a wide table": lambda: "x\n\n" + "|a" * n(10_000) + "\n" + "|-" * n(10_000) + "\n" + "|b" * n(10_000) + "\n",
        "a table of few and many cells": lambda: (
            "x\n\n" + "|a" * size(2_000, 100) + "\n" + "|-" * size(2_000, 100) + "\n" + "|b\n" * size(20_000, 500)
        ),
        "definitions of links": lambda: "x\n\n" + "".join(f"[a{n}]: http://x\n" for n in range(size(100_000, 5_000))),
        "definitions that never end": lambda: "x\n\n" + "[a]: <" * n(100_000),
        "uses of one link": lambda: "x\n\n[a]: http://x\n\n" + "[a] " * n(100_000),
        "notes": lambda: "x\n\n" + "".join(f"a[^{n}]\n\n[^{n}]: N {n}\n\n" for n in range(size(20_000, 2_000))),
        "references to one note": lambda: "x\n\n[^1]: N\n\n" + "a[^1] " * size(50_000, 5_000),
        "notes in notes": lambda: "x^[" * n(20_000) + "]" * n(20_000),
        "notes in a circle": lambda: "x[^1]\n\n[^1]: a[^2]\n\n[^2]: b[^1]\n",
        "escapes": _many(n(500_000), "\\*"),
        "entities": _many(size(300_000, 8_000), "&amp;&#0;&x;"),
        "dollars": _many(n(200_000), "$x"),
        "double dollars": _many(n(100_000), "$$\n"),
        "headings": _many(size(50_000, 3_000), "## x\n"),
        "setext lines": _many(n(20_000), "a\n===\n"),
        "rules": _many(n(50_000), "***\n\n"),
        "fences": _many(n(30_000), "```\nx\n"),
        "fences in quotations": _many(n(10_000), "> ```\n"),
        "divs": _many(n(20_000), '<div markdown="1">\n\n'),
        "colons": _many(n(10_000), "::: note\n"),
        "colons that rise": lambda: "".join(":" * (n % 300 + 3) + " x\n" for n in range(n(5_000))),
        "admonitions in admonitions": lambda: "".join("    " * n + "!!! note\n" for n in range(300)),
        "braces": _many(size(200_000, 5_000), "{% x {{ "),
        "open braces": _many(n(500_000), "{"),
        "attributes": _many(n(20_000), "# x {#a .b c=d\n"),
        "wiki links": _many(n(100_000), "[[a|"),
        "definition lists": _many(n(20_000), "a\n: b\n\n"),
        "pipes": _many(n(500_000), "|"),
        "tildes and signs": _many(n(100_000), "~a^b==c"),
        "addresses": _many(size(50_000, 2_000), "https://a.b/c_d_e "),
        "mails": _many(n(100_000), "a@b."),
        "quotes": _many(n(200_000), "\"'"),
        "tabs": lambda: "x\n\n" + "\t" * n(500_000) + "x\n" + " \t" * n(300_000) + "- x",
        "blanks": lambda: "x\n\n" + " " * n(1_000_000) + "x" + " " * n(1_000_000),
        "blank lines": lambda: "x\n" + "\n" * size(590_000, 100_000) + "y",
        "blank lines with blanks": lambda: "x\n" + " \n" * size(590_000, 100_000) + "y",
        "dashes": lambda: "x\n\n" + "- " * n(200_000) + "\n" + "-" * n(500_000),
        "hashes": lambda: "x\n\n" + "#" * n(500_000) + " x " + "#" * n(500_000),
        "equals": lambda: "x\n" + "=" * n(1_000_000),
        "numbers of lists": lambda: "x\n\n" + "1. " * n(5_000) + "\n" + "9" * n(1_000_000) + ". x",
        "nested html": lambda: "x\n\n" + "<b>" * n(100_000),
        "a script": lambda: (
            "# T\n\n<script>alert(1)</script>\n\n[x](javascript:alert(1))\n\n![y](file:///etc/passwd)\n\nText.\n"
        ),
        "YAML bomb": lambda: (
            "---\n"
            + "a0: &a0 [x,x,x,x,x,x,x,x,x]\n"
            + "".join(f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12))
            + "title: *a11\nauthor: *a11\n---\n\nText.\n"
        ),
        "YAML that runs": lambda: (
            '---\ntitle: !!python/object/apply:os.system ["touch owned"]\nauthor: !!python/name:os.system\n---\n\nText.\n'
        ),
        "YAML in a circle": lambda: "---\na: &a [*a]\ntitle: &b {x: *b}\nauthor: *a\n---\n\nText.\n",
        "YAML that is deep": lambda: "---\ntitle: " + "[" * n(50_000) + "\n---\n\nText.\n",
        "YAML that is long": lambda: "---\n" + "".join(f"k{n}: v\n" for n in range(n(20_000))) + "---\n\nText.\n",
        "YAML with a date": lambda: (
            "---\ntitle: 2001-99-99\ndate: 9999999-01-01\norder: .inf\nlang: !!binary x\n---\n\nText.\n"
        ),
        "YAML with a number": lambda: "---\norder: " + "9" * n(100_000) + "\ntitle: 1:59:59\n---\n\nText.\n",
        "YAML without end": lambda: "---\n" + "a: b\n" * n(100_000),
        "TOML that is deep": lambda: "+++\ntitle = " + "[" * n(50_000) + "\n+++\n\nText.\n",
        "TOML with deep tables": lambda: "+++\n[" + ".".join(["a"] * n(20_000)) + "]\nx = 1\n+++\n\nText.\n",
        "TOML with a number": lambda: "+++\ntitle = " + "9" * n(100_000) + "\n+++\n\nText.\n",
        "controls": lambda: "# T \x1b[31m\x9b\u202e\n\nText \x1b]0;x\x07 \u2066 \x85 \x00 y\n\n## \x1b[2J\n",
        "a title in front matter that drives": lambda: (
            '---\ntitle: "A\\x9b31m \\x1b[2J \\u202e B"\nauthor: "x\\e[1m"\n---\n\nText.\n'
        ),
        "null bytes": lambda: "# T\n\n" + "a\0" * n(10_000),
    },
    None,
    40.0 if FULL else 3.0,
)


# Plain text

_DIGITS = size(1_000_000, 60_000)
texts(
    ".txt",
    {
        "one line of 15 MB": lambda: PROSE * (size(15 << 20, 500_000) // len(PROSE)),
        "more than 16 MB": lambda: b"x" * (17 << 20),
        "newlines": lambda: b"\n" * size(15 << 20, 1 << 20) + b"x",
        "only newlines": lambda: b"\n" * (15 << 20),
        "only controls": lambda: bytes(range(1, 32)) * n(100_000),
        "only nulls": lambda: b"\0" * n(1_000_000),
        "lone surrogates in UTF-16": lambda: (
            b"\xff\xfe" + "Text. ".encode("utf-16-le") * 10 + b"\x00\xd8x\x00" * n(50_000)
        ),
        "half a character of UTF-16": lambda: b"\xff\xfeT\0e\0x\0t\0.",
        "surrogates in UTF-8": lambda: "Text. " + "\ud800" * n(10_000),
        "overlong UTF-8": lambda: b"Text. " + b"\xc0\xaf\xe0\x80\xaf" * n(10_000),
        "UTF-32 of nothing": lambda: b"\xff\xfe\0\0" + b"\xff\xff\xff\xff" * n(10_000),
        "UTF-7": lambda: b"+ADw-script+AD4-" * n(10_000),
        "overrides of direction": lambda: (
            "Text \u202e \u202d \u2066 \u2067 \u2068 \u2069 \u202a \u202b \u202c. " * n(20_000)
        ),
        "marks that combine": lambda: "a" + "\u0301\u0323" * n(300_000),
        "joiners": lambda: "👨\u200d" * n(200_000),
        "variation selectors": lambda: "a\ufe0f\U000e0100" * n(200_000),
        "jamo": lambda: "\u1100\u1161\u11a8" * n(200_000),
        "ligatures that grow": lambda: "ﷺ" * n(100_000) + "ﬃ" * n(100_000),
        "a sentence without end": lambda: "word, " * size(300_000, 30_000),
        "words without end": lambda: "word " * size(300_000, 30_000),
        "digits": lambda: "Text. " + "7" * _DIGITS,
        "digits with points": lambda: "Text. " + "1." * (_DIGITS // 2),
        "digits with commas": lambda: "Text. " + "1," * (_DIGITS // 2),
        "commas": lambda: "Text. " + "," * n(100_000),
        "groups of digits": lambda: "Text. 1" + ",000" * (_DIGITS // 4),
        "groups of digits with blanks": lambda: "Text. 1" + " 000" * (_DIGITS // 4),
        "fractions": lambda: "Text. " + "1/" * n(100_000),
        "ranges": lambda: "Text. " + "1-" * n(100_000) + " 1–2–" * n(50_000),
        "times": lambda: "Text. " + "12:" * n(100_000),
        "dates": lambda: "Text. " + "1/2/" * n(50_000) + " July 4, " * n(20_000) + "May " * n(50_000),
        "money": lambda: "Text. " + "$" * n(100_000) + "5$" * n(50_000) + "£1 " * n(10_000),
        "numbers of telephones": lambda: "Text. " + "555-" * n(50_000) + "+1 " * n(50_000),
        "Roman": lambda: "Text. " + "I" * n(100_000) + " " + "MDCLXVI" * n(20_000) + " I" * n(50_000),
        "capitals": lambda: "Text. " + "A" * n(100_000) + " STOP" * n(30_000),
        "full stops": lambda: "Text " + "." * n(100_000) + ". " * n(100_000),
        "titles": lambda: "Mr. " * n(50_000) + "St. " * n(50_000) + "e.g. " * n(30_000),
        "initials": lambda: "A. " * n(100_000) + "J.R." * n(50_000),
        "points and letters": lambda: "a." * n(100_000),
        "hyphens": lambda: "a-" * n(100_000) + "-" * n(100_000) + " - " * n(50_000),
        "hyphens at the ends of lines": lambda: "word-\n" * n(50_000),
        "dashes": lambda: "—" * n(100_000) + " — " * n(50_000) + "a—" * n(50_000),
        "apostrophes": lambda: "'" * n(100_000) + "a'" * n(50_000) + " 'tis" * n(20_000),
        "quotes": lambda: "“" * n(100_000) + "‘“" * n(50_000) + '"a' * n(50_000),
        "brackets": lambda: "(" * n(100_000) + ")" * n(100_000) + "[1]" * n(50_000),
        "addresses": lambda: "http://" * n(30_000) + "www." * n(50_000) + "a@" * n(50_000) + "x.y/" * n(50_000),
        "an address of a megabyte": lambda: "Text http://x.y/" + "a" * n(1_000_000),
        "a mail of a megabyte": lambda: "Text " + "a." * n(300_000) + "@" + "b." * n(300_000),
        "signs": lambda: (
            "%" * n(50_000) + "&" * n(50_000) + "#" * n(50_000) + "°" * n(50_000) + "§" * n(50_000) + "* " * n(50_000)
        ),
        "superscripts": lambda: "x" + "²" * n(100_000) + " ½" * n(50_000) + "1½" * n(30_000),
        "units": lambda: "5 km" * n(30_000) + "1°" * n(50_000) + "6'" * n(50_000),
        "ordinals": lambda: "1st" * n(50_000) + " 22nd " * n(20_000),
        "years": lambda: "1999" * n(50_000) + " 1999-" * n(50_000) + "'90s" * n(30_000),
        "verses of the Bible": lambda: "John 3:16" * n(30_000) + " 1 John 2:3-4, 5; " * n(10_000),
        "underscores": lambda: "_a" * n(100_000) + "_" * n(100_000),
        "stars": lambda: "Text.\n\n" + "*\n" * n(100_000) + "* * *\n\n" * n(20_000),
        "chapters": lambda: "CHAPTER I\n\nText.\n\n" * size(30_000, 3_000),
        "chapters without text": lambda: "CHAPTER I\n\n" * size(50_000, 3_000) + "Text.",
        "numerals alone": lambda: "I\n\n" * n(30_000) + "Text.",
        "capital lines": lambda: "\n\nTHE CAT\n\nText." * n(10_000),
        "a verse of many lines": lambda: "Text.\n\n" + "    line of verse\n" * n(50_000),
        "rising indents": lambda: "Text.\n\n" + "".join(" " * (n % 500) + "x\n" for n in range(n(10_000))),
        "licences": lambda: "*** START OF THE PROJECT GUTENBERG EBOOK X ***\n\nText.\n\n" * n(10_000),
        "ends of licences": lambda: "Text.\n\n" + "*** END OF THE PROJECT GUTENBERG EBOOK X ***\n\n" * n(10_000),
        "fields": lambda: "Title: " * n(50_000) + "\n" + "Author: x\n" * n(10_000),
        "illustrations": lambda: "[Illustration: " * n(50_000) + "]" * n(50_000),
        "words for numbers": lambda: "chapter " + "one hundred and " * n(30_000),
        "many scripts": lambda: "word 漢字 слово λόγος كلمة מילה शब्द คำ " * n(10_000),
        "Chinese without a stop": lambda: "漢" * n(300_000),
        "Thai without a blank": lambda: "ก" * n(200_000),
        "dandas": lambda: "शब्द।" * n(50_000),
        "ellipses": lambda: "…" * n(100_000) + ". . . " * n(50_000),
        "carriage returns": lambda: "a\r" * n(200_000),
        "form feeds": lambda: "a\f" * n(100_000) + "\f" * n(100_000),
        "separators": lambda: "a\u2028b\u2029c\x0bd\x1ce\x85" * n(30_000),
        "no blanks at all": lambda: "ab,cd.ef;gh" * n(30_000),
    },
    None,
    40.0 if FULL else 3.0,
)
texts(
    ".txt",
    {"escape codes": lambda: "\x1b[31mRed\x1b[0m \x9b31m \x07 text.\n\nCHAPTER \x1b[2J I\n\nMore. \u202e text\n"},
    0,
)


# Places


@case(4)
def a_pipe(place: Place) -> str:
    os.mkfifo(place.folder / "book.md")
    return "book.md"


@case(4)
def a_link_to_zeros(place: Place) -> str:
    (place.folder / "book.txt").symlink_to("/dev/zero")
    return "book.txt"


@case(4)
def a_link_to_itself(place: Place) -> str:
    (place.folder / "book.md").symlink_to("book.md")
    return "book.md"


@case(0)
def a_folder_that_holds_itself(place: Place) -> str:
    shelf = place.folder / "shelf"
    shelf.mkdir()
    (shelf / "a.md").write_text("# One\n\nText.\n")
    (shelf / "again").symlink_to(shelf)
    (shelf / "pipe.md").symlink_to("/dev/zero")
    (shelf / "out.md").symlink_to(place.secret)
    os.mkfifo(shelf / "wait.md")
    return "shelf"


@case(0)
def a_folder_whose_files_lead_out(place: Place) -> str:
    shelf = place.folder / "shelf"
    shelf.mkdir()
    out = os.path.relpath(place.secret, shelf)
    (shelf / "SUMMARY.md").write_text(
        f"# S\n\n- [A](a.md)\n- [X]({out})\n- [Y]({place.secret})\n- [Z](file://{place.secret})\n"
    )
    (shelf / "a.md").write_text(
        f"---\ncover: {out}\ncover-image: {place.secret}\n---\n# A\n\n{{{{#include {out}}}}}\n\n{{% include {out} %}}\n\n![x]({out})\n\n"
        f"<iframe src='{place.secret}'></iframe>\n\n!include {out}\n\n--8<-- \"{out}\"\n\nText.\n"
    )
    (shelf / "book.toml").write_text(f'[book]\nsrc = "{os.path.relpath(place.secret.parent, shelf)}"\ntitle = "T"\n')
    return "shelf"


@case()
def a_folder_that_is_deep(place: Place) -> str:
    here = place.folder / "shelf"
    for _ in range(100):
        here = here / "deeper"
    here.mkdir(parents=True)
    (here / "a.md").write_text("# One\n\nText.\n")
    return "shelf"


@case(4)
def a_folder_of_too_many_files(place: Place) -> str:
    shelf = place.folder / "shelf"
    shelf.mkdir()
    for number in range(n(5_100)):
        (shelf / f"{number}.md").touch()
    return "shelf"


@case()
def a_summary_in_a_circle(place: Place) -> str:
    shelf = place.folder / "shelf"
    shelf.mkdir()
    (shelf / "SUMMARY.md").write_text("- [S](SUMMARY.md)\n" * 100 + "- [A](a.md)\n" * n(5_000))
    (shelf / "a.md").write_text("# A\n\nText. {{#include a.md}} {{#include SUMMARY.md}}\n")
    return "shelf"


@case()
def a_file_whose_name_drives(place: Place) -> str:
    name = "a\x1b[31m\n\u202ebook\x07.md"
    (place.folder / name).write_text("# T\n\nText.\n")
    return name


@case(4)
def an_empty_file_whose_name_drives(place: Place) -> str:
    name = "a\x1b[31m\n\u202ebook\x07.epub"
    (place.folder / name).write_bytes(b"no book")
    return name


@case(4)
def a_missing_file_whose_name_drives(place: Place) -> str:
    return "gone\x1b[31m\n\u202e\x07.txt"


@case(None)
def a_name_that_is_not_unicode(place: Place) -> str:
    name = b"b\xff\xfe.md".decode("utf-8", "surrogateescape")
    (place.folder / name).write_text("Text.\n")
    return name
