"""Find note references and the bodies of notes where only the links tell: a mark that links to a place that links back.

What the source marks itself (epub:type, role, class) needs no finding; see ``elements``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from lxml import etree

from narrate.book import letters_and_digits
from narrate.markup.elements import (
    BLOCKS,
    HEADINGS,
    NOTE_REFERENCE_CLASSES,
    NOTE_REFERENCE_TYPES,
    classes_of,
    name_of,
    text_of,
    types_of,
)

# The longest note body that is recognised by a reference alone: about five minutes of reading.
MAX_NOTE = 4000  # letters and digits
MAX_NOTE_ELEMENTS = 500

_MARK = re.compile(
    r"[\[(]?\s*(?:\d{1,4}|[*†‡§¶‖#⁂]{1,4}|[a-z]|[ivxlc]{1,6}|[A-Z]|note \d{1,4})\s*[\])]?\.?", re.IGNORECASE
)
_BODIES = {"li", "p", "div", "aside", "dd", "td"}

Resolve = Callable[[str, str], tuple[str, str] | None]


@dataclass(frozen=True, slots=True)
class Notes:
    """The elements found: note references to leave out, and note bodies. They are compared by identity."""

    references: frozenset[etree._Element]
    bodies: frozenset[etree._Element]


@dataclass(frozen=True, slots=True)
class _Link:
    element: etree._Element
    target: etree._Element
    marked: bool


def find_notes(pages: Mapping[str, etree._Element], resolve: Resolve) -> Notes:
    """Look through all pages of a book, in reading order; ``resolve`` is (page, href) -> (page, fragment) or None."""
    links = list(_links(pages, resolve))
    order = {element: number for number, element in enumerate(_anchors(pages.values()))}
    sources: dict[etree._Element, list[etree._Element]] = {}
    for link in links:
        sources.setdefault(link.target, []).append(link.element)
    references, bodies = set(), set()
    for link in links:
        back = _links_back(link, sources)
        first = back is not None and order[link.element] < order[back]
        if not link.marked and not (first and _looks_like_reference(link.element)):
            continue
        if link.element in bodies:
            continue
        references.add(link.element)
        body = _body(link.target)
        if body is not None and body not in link.element.iterancestors():
            bodies.add(body)
    return Notes(frozenset(references), frozenset(bodies))


def _anchors(roots: Iterable[etree._Element]) -> Iterator[etree._Element]:
    for root in roots:
        yield from root.iter("{*}a")


def _links(pages: Mapping[str, etree._Element], resolve: Resolve) -> Iterator[_Link]:
    """Links that look like note references and lead to a place in the book."""
    found = []
    for document, root in pages.items():
        for element in root.iter("{*}a"):
            href = element.get("href") or ""
            marked = bool(types_of(element) & NOTE_REFERENCE_TYPES or classes_of(element) & NOTE_REFERENCE_CLASSES)
            if "#" not in href or not (marked or _MARK.fullmatch(text_of(element).strip())):
                continue
            place = resolve(document, href)
            if place is not None:
                found.append((element, place, marked))
    wanted = {place for _, place, _ in found}
    places = {place: element for place, element in _places(pages) if place in wanted}
    for element, place, marked in found:
        if place in places:
            yield _Link(element, places[place], marked)


def _places(pages: Mapping[str, etree._Element]) -> Iterator[tuple[tuple[str, str], etree._Element]]:
    for document, root in pages.items():
        for element in root.iter("{*}*"):
            key = element.get("id") or (element.get("name") if name_of(element) == "a" else None)
            if key:
                yield (document, key), element


def _links_back(link: _Link, sources: Mapping[etree._Element, Sequence[etree._Element]]) -> etree._Element | None:
    """The place ``link`` leads to, when what stands there links back to the link or to what holds it."""
    body = _body(link.target)
    if body is None:
        return None
    around: list[etree._Element] = [link.element, *_inline_parents(link.element), *link.element.iter("{*}*")]
    backs = {source for element in around for source in sources.get(element, ())}
    inside = [element for element in body.iter("{*}a") if element in backs]
    if inside:
        return inside[0]
    # an arrow (↩, "back") is no mark, so it is not among the links that were gathered
    keys = {element.get("id") or element.get("name") for element in around} - {None}
    for element in body.iter("{*}a"):
        if (element.get("href") or "").rpartition("#")[2] in keys and element not in around:
            return element
    return None


def _inline_parents(element: etree._Element) -> list[etree._Element]:
    found = []
    parent = element.getparent()
    while parent is not None and name_of(parent) not in BLOCKS:
        found.append(parent)
        parent = parent.getparent()
    return found


def _looks_like_reference(element: etree._Element) -> bool:
    """Raised, or bracketed, or an asterisk and its kin: a number that is merely linked may belong to the sentence."""
    text = text_of(element).strip()
    raised = any(name_of(near) == "sup" for near in (*_inline_parents(element), *element.iter("{*}*")))
    return raised or not text[:1].isalnum()


def _body(target: etree._Element) -> etree._Element | None:
    """The element that holds the whole note at ``target``, or None when that is too much to be a note."""
    body: etree._Element | None = target
    while body is not None and name_of(body) not in _BODIES:
        body = body.getparent() if name_of(body) not in BLOCKS else None
    if body is None:
        return None
    if name_of(body) == "p" and body.getparent() is not None and _alone(body):
        body = body.getparent()
    return body if body is not None and _may_be_note(body) else None


def _may_be_note(body: etree._Element) -> bool:
    """Whether the element is small enough for a note and holds no heading."""
    letters = 0
    for number, element in enumerate(body.iter("{*}*")):
        letters += letters_and_digits(element.text or "") + letters_and_digits(element.tail or "")
        if number > MAX_NOTE_ELEMENTS or letters > MAX_NOTE or name_of(element) in HEADINGS:
            return False
    return True


def _alone(paragraph: etree._Element) -> bool:
    """Whether the paragraph is the first thing in an item or box of its own, which then is the note."""
    parent = paragraph.getparent()
    return parent is not None and name_of(parent) in {"li", "aside", "dd"} and parent[0] is paragraph
