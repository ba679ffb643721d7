"""ZIP files that mean harm, and links and paths in them that lead out."""

# ruff: noqa: E501 - pieces of books read better whole
from __future__ import annotations

import os
import struct
import zipfile
import zlib

from tests.hostile.cases import PROSE, Place, case, epub, package, size, zip_of
from tests.loaders.builder import CONTAINER, page


@case()
def zip_bomb_as_page(place: Place) -> str:
    return epub(place, {"a.xhtml": page("<p>" + "0" * (size(200, 40) << 20) + "</p>").encode(), "b.xhtml": PROSE})


@case(4)
def zip_bomb_as_the_only_page(place: Place) -> str:
    return epub(place, {"a.xhtml": page("<p>" + "0" * (40 << 20) + "</p>").encode()})


@case()
def zip_bomb_of_many_pages(place: Place) -> str:
    data = page("<p>" + "word " * (5 << 18) + "</p>").encode()
    return epub(place, {f"{number}.xhtml": data for number in range(30)})


@case(0)
def zip_bomb_as_cover(place: Place) -> str:
    item = '<item id="c" href="c.jpg" media-type="image/jpeg" properties="cover-image"/>'
    data = b"\xff\xd8\xff" + b"\0" * (size(300, 40) << 20)
    return epub(place, {"a.xhtml": PROSE}, manifest=item, extra={"OEBPS/c.jpg": data})


@case(4)
def zip_bomb_as_package(place: Place) -> str:
    return zip_of(place, {"META-INF/container.xml": CONTAINER, "OEBPS/content.opf": b" " * (40 << 20)})


@case(4)
def zip_bomb_as_container(place: Place) -> str:
    return zip_of(place, {"META-INF/container.xml": b" " * (40 << 20), "OEBPS/content.opf": b"<package/>"})


@case(0)
def ten_megabytes_of_zeros_nobody_reads(place: Place) -> str:
    return epub(place, {"a.xhtml": PROSE}, extra={"OEBPS/z.bin": b"\0" * (10 << 20)})


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
    return epub(place, {"a.xhtml": data, "b.xhtml": PROSE}, extra={"OEBPS/z.zip": data})


@case()
def overlapping_entries(place: Place) -> str:
    """Thousands of entries of the central directory that all lead to one local file."""
    body = zlib.compress(page("<p>" + "word " * 200_000 + "</p>").encode(), 9)[2:-4]
    data = page("<p>" + "word " * 200_000 + "</p>").encode()
    local = (
        struct.pack("<4s5H3I2H", b"PK\3\4", 20, 0, 8, 0, 0, zlib.crc32(data), len(body), len(data), 1, 0) + b"a" + body
    )
    epub(place, {f"p{number}.xhtml": PROSE for number in range(3)})
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
        for number in range(size(200_000, 25_000)):
            archive.writestr(zipfile.ZipInfo(f"{number}"), b"")
    return "book.epub"


@case(4)
def truncated(place: Place) -> str:
    name = epub(place, {"a.xhtml": PROSE * 50})
    data = (place.folder / name).read_bytes()
    (place.folder / name).write_bytes(data[: len(data) // 2])
    return name


@case()
def path_traversal(place: Place) -> str:
    outside = os.path.relpath(place.secret, place.folder)
    items = {
        "a": "a.xhtml", "b": f"../../{outside}", "c": str(place.secret), "d": f"file://{place.secret}", "e": "%2e%2e/%2e%2e/x",
        "f": "..\\..\\x", "g": "../../../../../../../../etc/passwd", "h": "/etc/passwd",
    }  # fmt: skip
    members = {f"../../{outside}": page("<p>x</p>"), "/etc/passwd": page("<p>y</p>"), "OEBPS/../../x": page("<p>z</p>")}
    return zip_of(
        place,
        {
            "META-INF/container.xml": CONTAINER,
            "OEBPS/content.opf": package(items),
            "OEBPS/a.xhtml": page(PROSE),
            **members,
        },
    )


@case()
def symlinks_as_members(place: Place) -> str:
    items = {"a": "a.xhtml", "b": "b.xhtml"}
    members = {"META-INF/container.xml": CONTAINER, "OEBPS/content.opf": package(items), "OEBPS/a.xhtml": page(PROSE)}
    return zip_of(place, {**members, "OEBPS/b.xhtml": str(place.secret)}, {"OEBPS/b.xhtml": 0o120777})
