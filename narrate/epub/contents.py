"""The contents of an EPUB: the EPUB 3 navigation document, or the NCX, and the landmarks or guide.

Read here and not by ebooklib, which loses labels without a link and fails on entries without a target.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lxml import etree

from narrate.epub.container import Container
from narrate.markup.elements import name_of, types_of
from narrate.markup.passage import fold

# Entries and depth beyond these are the work of a hostile book or a broken generator.
MAX_ENTRIES = 20_000
MAX_LEVEL = 32


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


def read_nav(root: etree._Element, member: str, container: Container) -> tuple[tuple[Entry, ...], tuple[Landmark, ...]]:
    """Entries and landmarks of a navigation document."""
    navs = list(root.iter("{*}nav"))
    contents = next((nav for nav in navs if types_of(nav) & {"toc", "doc-toc"}), None)
    if contents is None:
        contents = next((nav for nav in navs if not types_of(nav)), None)
    landmarks = next((nav for nav in navs if "landmarks" in types_of(nav)), None)
    entries = list(_nav_entries(contents, member, container)) if contents is not None else []
    marks = [
        Landmark(frozenset(types_of(link)), place[0])
        for link in (landmarks.iter("{*}a") if landmarks is not None else ())
        if (place := container.resolve(member, link.get("href") or ""))
    ]
    return tuple(entries), tuple(marks)


def _nav_entries(nav: etree._Element, member: str, container: Container) -> Iterator[Entry]:
    for number, item in enumerate(nav.iter("{*}li")):
        if number >= MAX_ENTRIES:
            return
        level = 0
        parent = item.getparent()
        while parent is not None and parent is not nav:
            level += name_of(parent) in {"ol", "ul"}
            parent = parent.getparent()
        label = next((child for child in item if name_of(child) not in {"ol", "ul"}), None)
        if label is None:
            continue
        title = fold(_label(label)) or fold(label.get("title") or "")
        link = label if name_of(label) == "a" else next(label.iter("{*}a"), None)
        href = (link.get("href") or "") if link is not None else ""
        yield from _entry(title, level, href, member, container)


def _label(element: etree._Element) -> str:
    """The text of a label; a picture of a title speaks by its alternative text."""
    text = "".join(map(str, element.itertext()))
    return text if text.strip() else " ".join(image.get("alt") or "" for image in element.iter("{*}img"))


def read_ncx(root: etree._Element, member: str, container: Container) -> tuple[Entry, ...]:
    """Entries of an NCX, in the order in which it lists them."""
    entries: list[Entry] = []
    for point in list(root.iter("{*}navPoint"))[:MAX_ENTRIES]:
        level = 1
        parent = point.getparent()
        while parent is not None and name_of(parent) == "navpoint":
            level += 1
            parent = parent.getparent()
        label = point.find("{*}navLabel")
        content = point.find("{*}content")
        title = fold("".join(map(str, label.itertext()))) if label is not None else ""
        href = (content.get("src") or "") if content is not None else ""
        entries.extend(_entry(title, level, href, member, container))
    return tuple(entries)


def _entry(title: str, level: int, href: str, member: str, container: Container) -> Iterator[Entry]:
    level = min(max(level, 1), MAX_LEVEL)
    place = container.resolve(member, href) if href else None
    if place is not None:
        yield Entry(title, level, place[0], place[1])
    elif title:
        yield Entry(title, level, missing=href)
