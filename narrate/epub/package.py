"""The package document: metadata, manifest, reading order, contents and cover.

What a damaged book lacks becomes a warning here, as long as there is text to read.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from lxml import etree

from narrate.book import Cover, Metadata
from narrate.epub.container import Container
from narrate.epub.contents import Entry, Landmark, read_nav, read_ncx
from narrate.epub.metadata import Named, ask_ebooklib, metas, read_metadata
from narrate.errors import SourceError
from narrate.markup.parse import parse_page, parse_xml

_PAGE_TYPES = {"application/xhtml+xml", "text/html", "application/x-dtbook+xml", "text/x-oeb1-document", "text/xml"}
_NCX_TYPE = "application/x-dtbncx+xml"
_PICTURES = {b"\xff\xd8\xff": "image/jpeg", b"\x89PNG\r\n\x1a\n": "image/png"}
_DATA_PICTURE = re.compile(r"data:image/(?:jpe?g|png);base64,(.+)", re.DOTALL)
_XLINK_HREF = "{http://www.w3.org/1999/xlink}href"


@dataclass(frozen=True, slots=True)
class Item:
    """A page of the reading order. ``member`` is "" when the file is missing; ``href`` is what the book calls it."""

    href: str
    member: str
    linear: bool = True
    is_contents: bool = False


@dataclass(frozen=True, slots=True)
class Package:
    """What the package says of the book."""

    meta: Metadata
    spine: tuple[Item, ...]
    entries: tuple[Entry, ...]
    landmarks: tuple[Landmark, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Item:
    key: str
    href: str
    media_type: str
    properties: frozenset[str]
    member: str


def read_package(container: Container) -> Package:
    """Read the package of an open EPUB; SourceError when there is none that can be read."""
    name = container.package_name()
    root = parse_xml(container.read(name), f"{container.path}: {name}")
    notes: list[str] = []
    manifest = {item.key: item for item in _manifest(root, name, container)}
    spine = tuple(_spine(root, manifest, notes))
    values = ask_ebooklib(root, notes)
    entries, landmarks = _contents(root, manifest, container, notes)
    guide = _guide(root, name, container)
    cover = _cover(values, manifest, guide, container)
    meta = read_metadata(values, cover, container.path.stem)
    return Package(meta, spine, entries, landmarks + guide, tuple(notes))


def _manifest(root: etree._Element, package: str, container: Container) -> Iterator[_Item]:
    for element in root.iter("{*}item"):
        key, href = element.get("id"), element.get("href")
        if key and href:
            place = container.resolve(package, href)
            properties = frozenset((element.get("properties") or "").split())
            media_type = (element.get("media-type") or "").strip().lower()
            yield _Item(key, href, media_type, properties, place[0] if place else "")


def _spine(root: etree._Element, manifest: Mapping[str, _Item], notes: list[str]) -> Iterator[Item]:
    seen: set[str] = set()
    references = [element.get("idref") or "" for element in root.iter("{*}itemref")]
    linear = {element.get("idref") or "": element.get("linear") != "no" for element in root.iter("{*}itemref")}
    if not references:
        notes.append("the package has no reading order; pages are read in the order of its manifest")
        references = [item.key for item in manifest.values() if item.media_type in _PAGE_TYPES]
    for key in references:
        item = manifest.get(key)
        if item is None:
            notes.append(f"the reading order names “{key}”, which the manifest does not know; it was left out")
        elif item.href in seen:
            notes.append(f"{item.href} stands twice in the reading order; it is read once")
        elif item.media_type.startswith("image/"):
            continue
        else:
            seen.add(item.href)
            yield Item(item.href, item.member, linear.get(key, True), "nav" in item.properties)


def _contents(
    root: etree._Element, manifest: Mapping[str, _Item], container: Container, notes: list[str]
) -> tuple[tuple[Entry, ...], tuple[Landmark, ...]]:
    """The navigation document if it has entries, else the NCX; a broken one is a warning."""
    landmarks: tuple[Landmark, ...] = ()
    spine = next(root.iter("{*}spine"), None)
    ncx = manifest.get((spine.get("toc") or "") if spine is not None else "")
    candidates = [item for item in manifest.values() if "nav" in item.properties]
    candidates += [ncx] if ncx else []
    candidates += [item for item in manifest.values() if item.media_type == _NCX_TYPE and item is not ncx]
    for item in candidates:
        what = f"{container.path}: {item.href}"
        if not item.member:
            notes.append(f"{item.href}: the contents are missing")
            continue
        try:
            data = container.read(item.member)
            if "nav" in item.properties:
                entries, landmarks = read_nav(parse_page(data, what).root, item.member, container)
            else:
                entries = read_ncx(parse_page(data, what).root, item.member, container)
        except SourceError as error:
            notes.append(str(error))
            continue
        if any(entry.member for entry in entries):
            return entries, landmarks
    return (), landmarks


def _guide(root: etree._Element, package: str, container: Container) -> tuple[Landmark, ...]:
    return tuple(
        Landmark(frozenset((element.get("type") or "").lower().split()), place[0])
        for element in root.iter("{*}reference")
        if (place := container.resolve(package, element.get("href") or ""))
    )


def _cover(
    values: Named,
    manifest: Mapping[str, _Item],
    guide: Sequence[Landmark],
    container: Container,
) -> Cover | None:
    named = [attributes.get("content", "") for _, attributes in metas(values) if attributes.get("name") == "cover"]
    candidates = [item.member for item in manifest.values() if "cover-image" in item.properties]
    candidates += [item.member for key in named for item in manifest.values() if key in (item.key, item.href)]
    candidates += [mark.member for mark in guide if "cover" in mark.types]
    candidates += [
        item.member
        for item in manifest.values()
        if item.media_type.startswith("image/") and item.key.lower() in {"cover", "cover-image", "coverimage"}
    ]
    for member in dict.fromkeys(filter(None, candidates)):
        try:
            cover = _picture(container.read(member)) or _picture_in(member, container)
        except SourceError:
            continue  # a book without its cover is still a book
        if cover:
            return cover
    return None


def _picture(data: bytes) -> Cover | None:
    return next((Cover(data, kind) for start, kind in _PICTURES.items() if data.startswith(start)), None)


def _picture_in(member: str, container: Container) -> Cover | None:
    """The first picture shown by a cover page or drawn in an SVG cover, in the file or beside it."""
    root = parse_page(container.read(member), member).root
    for element in root.iter("{*}img", "{*}image"):
        href = element.get("src") or element.get(_XLINK_HREF) or element.get("href") or element.get("xlink:href") or ""
        inside = _DATA_PICTURE.fullmatch(href.strip())
        place = None if inside else container.resolve(member, href)
        try:
            data = base64.b64decode(inside.group(1)) if inside else container.read(place[0]) if place else b""
        except binascii.Error:
            continue
        cover = _picture(data)
        if cover:
            return cover
    return None
