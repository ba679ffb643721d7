"""Build small EPUBs: sound by default, and damaged in exactly one way where a test asks for it."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

CONTAINER = (
    '<?xml version="1.0"?><container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
    '<rootfile full-path="OEBPS/content.opf" media-type="application/oebps-package+xml"/></rootfiles></container>'
)
METADATA = (
    '<dc:identifier id="uid">urn:uuid:1</dc:identifier><dc:title>A Book</dc:title>'
    "<dc:creator>An Author</dc:creator><dc:language>en</dc:language>"
)
PROSE = "It was a quiet morning, and nothing in the village stirred except the miller's dog. " * 3


def page(body: str, title: str = "", attributes: str = "") -> str:
    """A page of XHTML."""
    return (
        '<?xml version="1.0" encoding="utf-8"?><html xmlns="http://www.w3.org/1999/xhtml" '
        f'xmlns:epub="http://www.idpf.org/2007/ops"><head><title>{title}</title></head><body {attributes}>{body}</body>'
        "</html>"
    )


def nav(entries: str, others: str = "") -> str:
    """A navigation document; ``entries`` are list items."""
    return page(f'<nav epub:type="toc"><ol>{entries}</ol></nav>{others}')


def ncx(points: str) -> str:
    """An NCX; ``points`` are navPoints."""
    return f'<ncx xmlns="http://www.daisy.org/z3986/2005/ncx/" version="2005-1"><navMap>{points}</navMap></ncx>'


def point(title: str, target: str, inner: str = "") -> str:
    """A line of an NCX."""
    return f'<navPoint><navLabel><text>{title}</text></navLabel><content src="{target}"/>{inner}</navPoint>'


def make_epub(
    path: Path,
    pages: Mapping[str, str | bytes],
    *,
    nav: str | None = None,
    ncx: str | None = None,
    metadata: str = METADATA,
    spine: Sequence[str] | None = None,
    manifest: str = "",
    guide: str = "",
    spine_attributes: str = "",
    extra: Mapping[str, str | bytes] | None = None,
    leave_out: Sequence[str] = (),
    version: str = "3.0",
) -> Path:
    """Write an EPUB. ``pages`` are bodies or whole documents by file name, in reading order unless ``spine`` is given.

    ``leave_out`` names members that the package lists and the file lacks; ``extra`` are members it does not list.
    """
    members: dict[str, str | bytes] = {"META-INF/container.xml": CONTAINER}
    items, references = [], []
    for number, (name, content) in enumerate(pages.items()):
        key = f"p{number}"
        items.append(f'<item id="{key}" href="{name}" media-type="application/xhtml+xml"/>')
        whole = content if isinstance(content, bytes) or content.lstrip().startswith("<?xml") else page(content)
        members[f"OEBPS/{name}"] = whole
        references.append((name, key))
    if nav is not None:
        items.append('<item id="nav" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>')
        members["OEBPS/nav.xhtml"] = nav
        references.append(("nav.xhtml", "nav"))
    if ncx is not None:
        items.append('<item id="ncx" href="toc.ncx" media-type="application/x-dtbncx+xml"/>')
        members["OEBPS/toc.ncx"] = ncx
        spine_attributes += ' toc="ncx"'
    order = list(spine) if spine is not None else list(pages)
    keys = dict(references)
    itemrefs = "".join(f'<itemref idref="{keys.get(name, name)}"/>' for name in order)
    members["OEBPS/content.opf"] = (
        '<?xml version="1.0"?><package xmlns="http://www.idpf.org/2007/opf" '
        f'version="{version}" unique-identifier="uid">'
        '<metadata xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:opf="http://www.idpf.org/2007/opf">'
        f"{metadata}</metadata><manifest>{''.join(items)}{manifest}</manifest>"
        f"<spine{spine_attributes}>{itemrefs}</spine>{guide}</package>"
    )
    members |= extra or {}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", "application/epub+zip", compress_type=zipfile.ZIP_STORED)
        for name, content in members.items():
            if name not in leave_out:
                archive.writestr(name, content)
    return path
