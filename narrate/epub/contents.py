"""The contents of an EPUB: the EPUB 3 navigation document, the NCX, or a page of links; the landmarks or guide.

Read here and not by ebooklib, which loses labels without a link and fails on entries without a target.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from lxml import etree

from narrate.epub.container import Container
from narrate.markup.elements import name_of, types_of
from narrate.markup.passage import fold

# Entries and depth beyond these are the work of a hostile book or a broken generator.
MAX_ENTRIES = 20_000
MAX_LEVEL = 32
# Longer labels are whole paragraphs that a broken generator put there.
_MAX_LABEL = 400
_LISTS = {"ol", "ul"}


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the contents: its label, depth from 1, and where it leads.

    ``member`` is "" for a label without a link; ``missing`` is the href of a link that leads nowhere.
    """

    title: str
    level: int
    member: str = ""
    fragment: str = ""
    missing: str = ""


@dataclass(frozen=True, slots=True)
class Landmark:
    """A place the book names by its type: cover, toc, bodymatter, ..."""

    types: frozenset[str]
    member: str
    fragment: str = ""


def read_nav(root: etree._Element, member: str, container: Container) -> tuple[tuple[Entry, ...], tuple[Landmark, ...]]:
    """Entries and landmarks of a navigation document."""
    navs = list(root.iter("{*}nav"))
    contents = next((nav for nav in navs if types_of(nav) & {"toc", "doc-toc"}), None)
    if contents is None:
        contents = next((nav for nav in navs if not types_of(nav)), None)
    landmarks = next((nav for nav in navs if "landmarks" in types_of(nav)), None)
    entries = list(_nav_entries(contents, member, container)) if contents is not None else []
    marks = [
        Landmark(frozenset(types_of(link)), *place)
        for link in (landmarks.iter("{*}a") if landmarks is not None else ())
        if (place := container.resolve(member, link.get("href") or ""))
    ]
    return tuple(entries), tuple(marks)


def read_links(root: etree._Element, member: str, container: Container) -> tuple[Entry, ...]:
    """Entries of a page of links, where a book has no other contents: every link that leads into another page."""
    entries = []
    for number, link in enumerate(root.iter("{*}a")):
        if number >= MAX_ENTRIES:
            break
        place = container.resolve(member, link.get("href") or "")
        title = _label((link,))
        if place is not None and place[0] != member and any(map(str.isalnum, title)):
            entries.append(Entry(title, 1, *place))
    return tuple(entries)


def _nav_entries(nav: etree._Element, member: str, container: Container) -> Iterator[Entry]:
    for number, item in enumerate(nav.iter("{*}li")):
        if number >= MAX_ENTRIES:
            return
        level = 0
        parent = item.getparent()
        while parent is not None and parent is not nav:
            level += name_of(parent) in _LISTS
            parent = parent.getparent()
        parts = [child for child in item if name_of(child) not in _LISTS]
        links = [link for part in parts for link in part.iter("{*}a") if link.get("href") is not None]
        title = fold(item.text or "") or ""
        title = fold(f"{title} {_label(parts)}") or fold(next((part.get("title") or "" for part in parts), ""))
        href = (links[0].get("href") or "") if links else ""
        if parts or title:
            yield from _entry(title, level, href, member, container)


def _label(elements: Iterable[etree._Element]) -> str:
    """The text of a label; a picture of a title speaks by its alternative text."""
    elements = list(elements)
    text = fold(" ".join("".join(map(str, element.itertext())) + " " + (element.tail or "") for element in elements))
    return text or fold(" ".join(image.get("alt") or "" for element in elements for image in element.iter("{*}img")))


def read_ncx(root: etree._Element, member: str, container: Container) -> tuple[Entry, ...]:
    """Entries of an NCX, in the order in which it lists them."""
    entries: list[Entry] = []
    # the lenient parser writes names in lower case
    for point in list(root.iter("{*}navPoint", "{*}navpoint"))[:MAX_ENTRIES]:
        level = 1
        parent = point.getparent()
        while parent is not None and name_of(parent) == "navpoint":
            level += 1
            parent = parent.getparent()
        label = next((child for child in point if name_of(child) == "navlabel"), None)
        content = next((child for child in point if name_of(child) == "content"), None)
        title = fold(" ".join(map(str, label.itertext()))) if label is not None else ""
        href = (content.get("src") or "") if content is not None else ""
        entries.extend(_entry(title, level, href, member, container))
    return tuple(entries)


def _entry(title: str, level: int, href: str, member: str, container: Container) -> Iterator[Entry]:
    level = min(max(level, 1), MAX_LEVEL)
    if len(title) > _MAX_LABEL:
        title = title[:_MAX_LABEL].rpartition(" ")[0] or title[:_MAX_LABEL]
    place = container.resolve(member, href) or container.nearest(href) if href else None
    if place is not None:
        yield Entry(title, level, place[0], place[1])
    elif title:
        yield Entry(title, level, missing=href)
