"""Files that are no EPUB, that lie, or that are broken in one place: refused in a sentence, or read with a warning."""

from __future__ import annotations

import os
import struct
import time
import zipfile
from pathlib import Path

import pytest

from narrate.bounds import Bounds
from narrate.errors import SourceError
from narrate.load import load as load_any
from narrate.loaders.epub import load
from tests.loaders.builder import CONTAINER, METADATA, PROSE, make_epub, nav, page
from tests.suites.loader_suite import check_loader, check_refuses, spoken

PAGES: dict[str, str | bytes] = {"a.xhtml": f"<p>{PROSE}</p>", "b.xhtml": "<p>Fine.</p>"}


def whole(tmp_path: Path, name: str = "whole.epub", **options: object) -> Path:
    return make_epub(tmp_path / name, PAGES, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (b"\0" * 60 + b"BOOKMOBI" + b"\0" * 60, "Kindle"),
        (b"%PDF-1.7\n", "PDF"),
        (b"<!DOCTYPE html><html><body>text</body></html>", "web page"),
        (b"Rar!\x1a\x07", "another kind than ZIP"),
        (b"PK\3\4" + b"\0" * 500, "cut off"),
        (b"PK\5\6" + b"\0" * 3, "not a ZIP"),
        (b"PK\5\6" + b"\0" * 18, "no EPUB"),
    ],
)
def test_other_files_are_named_for_what_they_are(tmp_path: Path, data: bytes, word: str) -> None:
    path = tmp_path / "book.epub"
    path.write_bytes(data)
    check_refuses(load, path, word)


def test_pipes_devices_and_folders_are_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.epub")
    (tmp_path / "folder.epub").mkdir()
    (tmp_path / "device.epub").symlink_to("/dev/zero")
    for name in ("pipe.epub", "folder.epub", "device.epub"):
        check_refuses(load, tmp_path / name, "cannot be opened")
    check_refuses(load_any, tmp_path / "pipe.epub", "pipe")
    check_refuses(load_any, tmp_path / "device.epub", "device")


def test_millions_of_members_are_refused_before_their_names_are_read(tmp_path: Path) -> None:
    entry = struct.pack("<4s6H3L5H2L", b"PK\1\2", 20, 20, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0) + b"x"
    for count, claim in ((300_000, 0xFFFF), (300_000, 3)):
        directory = entry * count
        end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, claim, claim, len(directory), 0, 0)
        path = tmp_path / "many.epub"
        path.write_bytes(directory + end)
        started = time.perf_counter()
        check_refuses(load, path, "more than 20,000")
        assert time.perf_counter() - started < 20  # a guard against what never ends


def test_a_sparse_book_of_five_gigabytes_reads_fine(tmp_path: Path) -> None:
    path = tmp_path / "large.epub"
    size = 5 << 30
    info = zipfile.ZipInfo("OEBPS/film.mp4")
    info.file_size, info.compress_size, info.CRC = size, size, 0
    with path.open("wb") as out:
        out.write(info.FileHeader(zip64=True))
        info.header_offset = 0
        out.truncate(size + out.tell())
    small = whole(tmp_path, manifest='<item id="v" href="film.mp4" media-type="video/mp4"/>')
    with zipfile.ZipFile(path, "a") as archive, zipfile.ZipFile(small) as source:
        for name in source.namelist():
            archive.writestr(name, source.read(name))
        archive.filelist.append(info)
    assert path.stat().st_size > size
    assert "Fine." in spoken(check_loader(load, path))


def test_a_bomb_that_is_only_the_cover_costs_the_cover(tmp_path: Path) -> None:
    manifest = '<item id="c" href="c.png" media-type="image/png" properties="cover-image"/>'
    path = whole(tmp_path, manifest=manifest, extra={"OEBPS/c.png": b"\x89PNG\r\n\x1a\n" + bytes(20 << 20)})
    book = check_loader(load, path)
    assert book.meta.cover is None
    assert "cover" in book.warnings[0]
    assert "Fine." in spoken(book)


def test_a_large_cover_does_not_use_up_what_the_text_may_have(tmp_path: Path) -> None:
    manifest = '<item id="c" href="c.jpg" media-type="image/jpeg" properties="cover-image"/>'
    path = whole(tmp_path, manifest=manifest, extra={"OEBPS/c.jpg": b"\xff\xd8\xff" + os.urandom(9_000)})
    book = load(path, Bounds(total=6_000))
    assert book.meta.cover is not None


@pytest.mark.parametrize(
    ("bounds", "word"),
    [
        (Bounds(members=3), "more than 3"),
        (Bounds(total=1_000), "of text"),
        (Bounds(member=100), "larger than"),
        (Bounds(elements=5), "elements"),
    ],
)
def test_bounds_are_settable(tmp_path: Path, bounds: Bounds, word: str) -> None:
    path = whole(tmp_path)
    with pytest.raises(SourceError, match=word):
        load_any(path, bounds)


def test_a_wrong_checksum_loses_its_page_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "crc.epub"
    with zipfile.ZipFile(whole(tmp_path)) as source, zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as target:
        for name in source.namelist():
            target.writestr(name, source.read(name))
    data = path.read_bytes().replace(b"quiet morning", b"rowdy morning", 1)
    path.write_bytes(data)
    book = check_loader(load, path)
    assert spoken(book) == "Fine."
    assert "CRC" in book.warnings[0]


def test_symlinks_and_climbing_names_are_no_members(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("OEBPS/b.xhtml")
    link.external_attr = 0o120777 << 16
    path = whole(tmp_path, leave_out=["OEBPS/b.xhtml"], extra={"../evil.xhtml": "x", "/etc/x.xhtml": "x"})
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(link, "/etc/passwd")
    book = check_loader(load, path)
    assert "b.xhtml is missing" in " ".join(book.warnings)
    assert "root:" not in spoken(book)


def test_names_with_backslashes_and_slashes_in_front_are_found(tmp_path: Path) -> None:
    path = tmp_path / "odd.epub"
    with zipfile.ZipFile(whole(tmp_path)) as source, zipfile.ZipFile(path, "w") as target:
        for name in source.namelist():
            target.writestr("/" + name if "xhtml" in name else name.replace("/", "\\"), source.read(name))
    assert "Fine." in spoken(check_loader(load, path))


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_of_two_members_with_one_name_the_later_counts(tmp_path: Path) -> None:
    path = whole(tmp_path)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("OEBPS/b.xhtml", page("<p>Newer.</p>"))
    assert "Newer." in spoken(check_loader(load, path))


def test_a_password_is_told(tmp_path: Path) -> None:
    path = whole(tmp_path)
    data = bytearray(path.read_bytes())
    for sign, at in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        place = -1
        while (place := data.find(sign, place + 1)) >= 0:
            if b"xhtml" in data[place : place + 80]:
                data[place + at] |= 1
    path.write_bytes(bytes(data))
    check_refuses(load, path, "password")


@pytest.mark.parametrize(
    ("name", "rights", "scheme"),
    [
        ("META-INF/rights.xml", '<adept:rights xmlns:adept="http://ns.adobe.com/adept"/>', "Adobe ADEPT"),
        ("META-INF/sinf.xml", '<fairplay:sinf xmlns:fairplay="http://itunes.apple.com/ns/epub"/>', "Apple FairPlay"),
        ("META-INF/license.lcpl", '{"encryption": {"profile": "http://readium.org/lcp/basic-profile"}}', "Readium LCP"),
        ("META-INF/rights.xml", "<rights><kdrm><type>x</type></kdrm></rights>", "Kobo"),
    ],
)
def test_protection_is_called_by_its_name(tmp_path: Path, name: str, rights: str, scheme: str) -> None:
    encryption = (
        '<encryption xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><EncryptedData xmlns="http://www.w3.org/'
        '2001/04/xmlenc#"><EncryptionMethod Algorithm="http://www.w3.org/2001/04/xmlenc#aes128-cbc"/><CipherData>'
        '<CipherReference URI="{}"/></CipherData></EncryptedData></encryption>'
    )
    extra: dict[str, str | bytes] = {name: rights, "META-INF/encryption.xml": encryption.format("OEBPS/a.xhtml")}
    check_refuses(load, whole(tmp_path, extra=extra), scheme)
    extra["META-INF/encryption.xml"] = encryption.format("OEBPS/fonts/x.otf")
    assert "Fine." in spoken(load(whole(tmp_path, extra=extra))), "a font that is locked locks no page"


def test_a_broken_container_or_package_is_read_around(tmp_path: Path) -> None:
    for broken in ("<container><rootfiles>", "", "not xml at all"):
        path = whole(tmp_path, extra={"META-INF/container.xml": broken})
        assert "Fine." in spoken(check_loader(load, path))
    path = whole(tmp_path, metadata=METADATA + "<dc:description>a & b <unclosed> &nbsp;</dc:description>")
    book = check_loader(load, path)
    assert "Fine." in spoken(book)
    assert book.meta.title == "A Book"
    assert "damaged" in book.warnings[0]


def test_of_several_packages_the_first_that_flows_is_read(tmp_path: Path) -> None:
    def package(layout: str, page_name: str) -> str:
        return (
            '<package xmlns="http://www.idpf.org/2007/opf" version="3.0"><metadata xmlns:dc="http://purl.org/dc/'
            f'elements/1.1/"><dc:title>{layout}</dc:title><meta property="rendition:layout">{layout}</meta></metadata>'
            f'<manifest><item id="p" href="{page_name}" media-type="application/xhtml+xml"/></manifest>'
            '<spine><itemref idref="p"/></spine></package>'
        )

    container = CONTAINER.replace(
        "<rootfiles>",
        '<rootfiles><rootfile full-path="gone.opf" media-type="application/oebps-package+xml"/><rootfile '
        'full-path="broken.opf" media-type="application/oebps-package+xml"/><rootfile full-path="fixed.opf" '
        'media-type="application/oebps-package+xml"/><rootfile full-path="flows.opf" '
        'media-type="application/oebps-package+xml"/>',
    )
    extra = {
        "META-INF/container.xml": container,
        "broken.opf": "nothing",
        "fixed.opf": package("pre-paginated", "OEBPS/a.xhtml"),
        "flows.opf": package("reflowable", "OEBPS/b.xhtml"),
    }
    book = check_loader(load, whole(tmp_path, extra=extra))
    assert (book.meta.title, spoken(book)) == ("reflowable", "Fine.")
    assert "another package" in book.warnings[0]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-8-sig"])
def test_a_package_in_another_encoding(tmp_path: Path, encoding: str) -> None:
    path = whole(tmp_path, metadata=METADATA.replace("A Book", "Ein Büchlein"))
    with zipfile.ZipFile(path) as archive:
        package = archive.read("OEBPS/content.opf").decode()
    declared = package.replace('version="1.0"?>', 'version="1.0" encoding="utf-16"?>' if "16" in encoding else "?>", 1)
    again = whole(tmp_path, "again.epub", extra={"OEBPS/content.opf": declared.encode(encoding)})
    assert check_loader(load, again).meta.title == "Ein Büchlein"


def test_an_epub_inside_a_zip_is_told(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "outer.epub", "w") as archive:
        archive.write(whole(tmp_path), "inner.epub")
    check_refuses(load, tmp_path / "outer.epub", "inner.epub", "unzip")


def test_what_is_no_page_in_the_reading_order_is_left_out(tmp_path: Path) -> None:
    manifest = (
        '<item id="pdf" href="x.pdf" media-type="application/pdf" fallback="c"/>'
        '<item id="c" href="c.xhtml" media-type="application/xhtml+xml"/>'
        '<item id="lone" href="y.pdf" media-type="application/pdf"/>'
        '<item id="lie" href="z.xhtml" media-type="application/xhtml+xml"/>'
    )
    extra: dict[str, str | bytes] = {
        "OEBPS/c.xhtml": page("<p>In its place.</p>"),
        "OEBPS/x.pdf": b"%PDF",
        "OEBPS/y.pdf": b"%PDF",
    }
    extra["OEBPS/z.xhtml"] = b"%PDF-1.4 words that are none"
    book = check_loader(load, whole(tmp_path, manifest=manifest, spine=["a.xhtml", "pdf", "lone", "lie"], extra=extra))
    assert "In its place." in spoken(book)
    assert "words that are none" not in spoken(book)
    assert {"y.pdf", "z.xhtml"} <= {word.rpartition("/")[2] for warning in book.warnings for word in warning.split()}


def test_lexicons_come_along(tmp_path: Path) -> None:
    manifest = '<item id="l" href="en.pls" media-type="application/pls+xml"/>'
    linked = page("<p>Words.</p>").replace("</head>", '<link rel="pronunciation" href="fr.pls"/></head>')
    pages: dict[str, str | bytes] = {"a.xhtml": linked, "b.xhtml": "<p>More.</p>"}
    path = make_epub(
        tmp_path / "b.epub",
        pages,
        manifest=manifest,
        extra={"OEBPS/en.pls": "<lexicon/>", "OEBPS/fr.pls": "<lexicon xml:lang='fr'/>"},
        nav=nav('<li><a href="a.xhtml">A</a></li>'),
    )
    book = check_loader(load, path)
    assert book.lexicons == (("OEBPS/en.pls", b"<lexicon/>"), ("OEBPS/fr.pls", b"<lexicon xml:lang='fr'/>"))
