"""The package document: metadata, manifest, reading order, contents, lexicons and cover.

What a damaged book lacks becomes a warning here, as long as there is text to read.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from lxml import etree

from narrate.book import Metadata
from narrate.epub.container import PAGE_SUFFIXES, Container, Excess
from narrate.epub.contents import Entry, Landmark, read_links, read_nav, read_ncx
from narrate.epub.cover import find_cover
from narrate.epub.metadata import Named, ask_ebooklib, metas, read_metadata
from narrate.errors import SourceError
from narrate.markup.parse import decode, parse_page, parse_xml

_PAGE_TYPES = {"application/xhtml+xml", "text/html", "application/x-dtbook+xml", "text/x-oeb1-document", "text/xml"}
_NCX_TYPE = "application/x-dtbncx+xml"
_LEXICON_TYPE = "application/pls+xml"
# What a media type says that no page has, whatever the suffix.
_NO_PAGE = ("image/", "audio/", "video/", "font/", "application/pdf", "text/css", "application/vnd")
_MAX_FALLBACKS = 8
_XML_LANG = "{http://www.w3.org/XML/1998/namespace}lang"


@dataclass(frozen=True, slots=True)
class Item:
    """A page of the reading order. ``member`` is "" when the file is missing; ``href`` is what the book calls it."""

    href: str
    member: str
    is_contents: bool = False


@dataclass(frozen=True, slots=True)
class Package:
    """What the package says of the book.

    ``contents`` holds each list of contents that leads somewhere, the navigation document's first. ``pages`` are the
    members that could be read as pages, in the reading order or not; ``aside`` those that hold contents or the cover
    and are no loss where the reading order leaves them out.
    """

    meta: Metadata
    spine: tuple[Item, ...]
    contents: tuple[tuple[Entry, ...], ...]
    landmarks: tuple[Landmark, ...]
    pages: frozenset[str]
    aside: frozenset[str]
    lexicons: tuple[str, ...]
    warnings: tuple[str, ...]

    @property
    def entries(self) -> tuple[Entry, ...]:
        """The first list of contents."""
        return self.contents[0] if self.contents else ()


@dataclass(frozen=True, slots=True)
class _Item:
    key: str
    href: str
    media_type: str
    properties: frozenset[str]
    member: str
    fallback: str

    @property
    def is_page(self) -> bool:
        if self.media_type in _PAGE_TYPES:
            return True
        named = self.href.partition("#")[0].lower().endswith(PAGE_SUFFIXES[:-1])
        return (named or "html" in self.media_type) and not self.media_type.startswith(_NO_PAGE)


Manifest = Mapping[str, _Item]


def read_package(container: Container) -> Package:
    """Read the package of an open EPUB; of several the first that can be read and flows, SourceError without any."""
    fixed: Package | None = None
    troubles: list[SourceError] = []
    for name in container.packages():
        try:
            root, notes = _root(container, name)
            package = _package(root, name, container, notes)
        except Excess:
            raise
        except SourceError as error:
            troubles.append(error)
            continue
        package = replace(package, warnings=(*map(_told, troubles), *package.warnings)) if troubles else package
        if not _is_fixed(root):
            return package
        fixed = fixed or package  # pages laid out as pictures of paper are the worst of several renditions
    if fixed is not None:
        return fixed
    raise troubles[0]


def _told(error: SourceError) -> str:
    return f"{error}; another package is read"


def _root(container: Container, name: str) -> tuple[etree._Element, list[str]]:
    """The tree of the package and what had to be repaired."""
    what = f"{container.path}: {name}"
    data = container.read(name)
    notes: list[str] = []
    try:
        root = parse_xml(data, what, container.bounds)
    except SourceError as error:
        root = _repaired(data, what, container, error)
        notes.append(f"{name} is damaged and was read as far as it goes: {error}".replace(f"{what}: ", ""))
    if next(root.iter("{*}manifest"), None) is None:
        raise SourceError(f"{what}: names no files; the book is damaged")
    return root, notes


def _repaired(data: bytes, what: str, container: Container, error: SourceError) -> etree._Element:
    """What can be made of a package that is not well-formed; ``error`` when that is nothing."""
    parser = etree.XMLParser(recover=True, resolve_entities=False, no_network=True, load_dtd=False)
    text = decode(data, what)[0].lstrip("\ufeff \r\n\t")
    text = text.partition("?>")[2] if text.startswith("<?xml") else text
    try:
        found = etree.fromstring(text.encode("utf-8", "replace"), parser)
    except etree.XMLSyntaxError:
        found = None  # there is nothing in it
    if found is not None and next(found.iter("{*}item"), None) is not None:
        return found
    if "<item" not in text:
        raise error
    return parse_page(data, what, container.bounds).root  # what is closed too early ends an XML document for good


def _package(root: etree._Element, name: str, container: Container, notes: list[str]) -> Package:
    items = list(_manifest(root, name, container))
    manifest: dict[str, _Item] = {}
    for item in sorted(items, key=lambda item: not item.is_page):  # of two with one key the page
        manifest.setdefault(item.key, item)
    spine = tuple(_spine(root, items, manifest, notes))
    container.refuse_protected([item.member for item in spine])
    values = ask_ebooklib(root, notes)
    guide = _guide(root, name, container)
    contents, landmarks = _contents(root, items, manifest, guide, container, notes)
    cover = find_cover(_covers(values, items, guide), container, notes)
    meta = read_metadata(values, cover, container.path.stem, root.get("unique-identifier") or "")
    if not meta.language:
        meta = replace(meta, language=root.get(_XML_LANG) or "")
    pages = frozenset(item.member for item in items if item.is_page and item.member)
    aside = {item.member for item in _candidates(root, items, manifest)}
    aside |= {mark.member for mark in (*landmarks, *guide) if mark.types & {"cover", "toc"}}
    lexicons = tuple(item.member for item in items if item.media_type == _LEXICON_TYPE and item.member)
    return Package(meta, spine, contents, landmarks + guide, pages, frozenset(aside), lexicons, tuple(notes))


def _is_fixed(root: etree._Element) -> bool:
    """Whether the pages are laid out like paper."""
    return any(
        element.get("property") == "rendition:layout" and (element.text or "").strip() == "pre-paginated"
        for element in root.iter("{*}meta")
    )


def _manifest(root: etree._Element, package: str, container: Container) -> Iterator[_Item]:
    for element in root.iter("{*}item"):
        key, href = element.get("id"), element.get("href")
        if href:
            place = container.resolve(package, href)
            properties = frozenset((element.get("properties") or "").lower().split())
            media_type = (element.get("media-type") or "").strip().lower()
            fallback = element.get("fallback") or ""
            yield _Item(key or href, href, media_type, properties, place[0] if place else "", fallback)


def _spine(root: etree._Element, items: Sequence[_Item], manifest: Manifest, notes: list[str]) -> Iterator[Item]:
    found = list(_ordered(root, items, manifest, notes))
    if not found:
        notes.append("the package has no reading order; pages are read in the order of its manifest")
        found = [Item(item.href, item.member) for item in items if item.is_page and "nav" not in item.properties]
    seen: set[str] = set()
    twice: dict[str, None] = {}
    for item in found:
        if (item.member or item.href) not in seen:
            seen.add(item.member or item.href)
            yield item
        elif "#" not in item.href:  # one file in pieces is the same file each time
            twice[item.href] = None
    if twice:
        rest = f" and {len(twice) - 1:,} others stand" if len(twice) > 1 else " stands"
        notes.append(f"{next(iter(twice))}{rest} twice in the reading order; each is read once")


def _ordered(root: etree._Element, items: Sequence[_Item], manifest: Manifest, notes: list[str]) -> Iterator[Item]:
    hrefs = {item.href: item for item in reversed(items)}
    for element in root.iter("{*}itemref"):
        key = element.get("idref") or ""
        named = manifest.get(key) or hrefs.get(key)
        if named is None:
            notes.append(f"the reading order names “{key}”, which the manifest does not know; it was left out")
            continue
        item = _readable(named, manifest)
        if item.is_page or (item.media_type == "" and item.member):
            yield Item(item.href, item.member, "nav" in item.properties)
        elif not item.media_type.startswith("image/"):
            notes.append(f"{item.href} is no page of text ({item.media_type}); it was left out")


def _readable(item: _Item, manifest: Manifest) -> _Item:
    """The item itself if it is a page, else the first page among what the book offers in its place."""
    offered: _Item | None = item
    for _ in range(_MAX_FALLBACKS):
        if offered is None or offered.is_page:
            break
        offered = manifest.get(offered.fallback)
    return offered if offered is not None and offered.is_page else item


def _contents(
    root: etree._Element,
    items: Sequence[_Item],
    manifest: Manifest,
    guide: Sequence[Landmark],
    container: Container,
    notes: list[str],
) -> tuple[tuple[tuple[Entry, ...], ...], tuple[Landmark, ...]]:
    """Every list of contents that leads somewhere; a broken one is a warning. Links of a page only where all fail."""
    found: list[tuple[Entry, ...]] = []
    landmarks: tuple[Landmark, ...] = ()
    for item in _candidates(root, items, manifest):
        if not item.member:
            notes.append(f"{item.href}: the contents are missing")
            continue
        tree = _tree(item.member, container, notes)
        if tree is None:
            continue
        if item.is_page:
            entries, marks = read_nav(tree, item.member, container)
            landmarks = landmarks or marks
        else:
            entries = read_ncx(tree, item.member, container)
        if any(entry.member for entry in entries):
            found.append(entries)
    pages = [mark.member for mark in guide if "toc" in mark.types] if not found else []
    for member in pages:
        tree = _tree(member, container, notes)
        entries = read_links(tree, member, container) if tree is not None else ()
        if len(entries) > 1:
            found.append(entries)
    return tuple(found), landmarks


def _candidates(root: etree._Element, items: Sequence[_Item], manifest: Manifest) -> list[_Item]:
    """Navigation documents, then NCX files, the one named by the spine first."""
    spine = next(root.iter("{*}spine"), None)
    ncx = manifest.get((spine.get("toc") or "") if spine is not None else "")
    found = [item for item in items if "nav" in item.properties]
    if not found:
        names = {"nav", "navigation", "toc"}
        found = [item for item in items if item.is_page and _stem(item.href) in names and item.member]
    found += [ncx] if ncx and not ncx.is_page else []
    found += [item for item in items if item.media_type == _NCX_TYPE or item.href.lower().endswith(".ncx")]
    return list(dict.fromkeys(found))


def _stem(href: str) -> str:
    return posixpath.splitext(posixpath.basename(href))[0].lower()


def _tree(member: str, container: Container, notes: list[str]) -> etree._Element | None:
    try:
        return parse_page(container.read(member), f"{container.path}: {member}", container.bounds).root
    except Excess:
        raise
    except SourceError as error:
        notes.append(str(error))
        return None


def _guide(root: etree._Element, package: str, container: Container) -> tuple[Landmark, ...]:
    return tuple(
        Landmark(frozenset((element.get("type") or "").lower().split()), *place)
        for element in root.iter("{*}reference")
        if (place := container.resolve(package, element.get("href") or ""))
    )


def _covers(values: Named, items: Sequence[_Item], landmarks: Sequence[Landmark]) -> Iterator[str]:
    """The members that may be the cover or show it, the surest first."""
    named = [attributes.get("content", "") for _, attributes in metas(values) if attributes.get("name") == "cover"]
    yield from (item.member for item in items if "cover-image" in item.properties)
    yield from (item.member for key in named for item in items if key and key in (item.key, item.href))
    yield from (mark.member for mark in landmarks if mark.types & {"cover", "other.ms-coverimage-standard"})
    pictures = [item for item in items if item.media_type.startswith("image/")]
    yield from (item.member for item in pictures if item.key.lower() in {"cover", "cover-image", "coverimage"})
