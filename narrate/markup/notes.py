"""Find note references, the bodies of notes and the links back: which belongs to which, and what only links tell.

A mark that links to a place that links back is a note reference, whatever it is called. What the source marks itself
(epub:type, role, class) needs no finding, only its target; see ``senses``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from lxml import etree

from narrate.book import AsideKind, letters_and_digits
from narrate.markup.elements import BLOCKS, HEADINGS, key_of, name_of
from narrate.markup.raised import find_raised
from narrate.markup.senses import sense_of
from narrate.markup.silence import short_text, silent_kind

# The longest note body that is recognised by a reference alone: about five minutes of reading.
MAX_NOTE = 4000  # letters and digits
MAX_NOTE_ELEMENTS = 500
_MOST_BACKS = 100  # links to one place that are looked at, to find the one that leads back
_LONGEST_MARK = 20  # characters

_MARK = re.compile(
    r"[\[(]?\s*(?:\d{1,4}|[*†‡§¶‖#⁂]{1,4}|[a-z]|[ivxlc]{1,6}|[A-Z]|note \d{1,4})\s*[\])]?\.?", re.IGNORECASE
)
_BODIES = {"li", "p", "div", "aside", "dd", "td"}

Resolve = Callable[[str, str], tuple[str, str] | None]


@dataclass(frozen=True, slots=True)
class Reference:
    """What an element in a line is: a note reference with the key of its note, a link back, the number of a line."""

    kind: AsideKind = "note reference"
    target: str = ""


@dataclass(frozen=True, slots=True)
class Notes:
    """The elements found: what leads to a note and back, and the note bodies with their keys ("member#id").

    Elements are compared by identity.
    """

    references: Mapping[etree._Element, Reference]
    bodies: Mapping[etree._Element, str]


@dataclass(frozen=True, slots=True)
class _Link:
    element: etree._Element
    target: etree._Element
    key: str
    marked: bool


@dataclass(frozen=True, slots=True)
class _Target:
    """Where links lead: the body of the note there, if it can be one, and the links that lead away from it."""

    body: etree._Element | None
    anchors: frozenset[etree._Element]
    led: Mapping[str, etree._Element]  # fragment -> the first link to it
    is_marked: bool

    def holds(self, element: etree._Element) -> bool:
        """Whether the element stands in the body."""
        return element in self.anchors


def find_notes(pages: Mapping[str, etree._Element], resolve: Resolve) -> Notes:
    """Look through all pages of a book, in reading order; ``resolve`` is (page, href) -> (page, fragment) or None."""
    links = list(_links(pages, resolve))
    order = {element: number for number, element in enumerate(_anchors(pages.values()))}
    sources: dict[etree._Element, list[etree._Element]] = {}
    targets: dict[etree._Element, _Target] = {}
    for link in links:
        sources.setdefault(link.target, []).append(link.element)
        if link.target not in targets:
            targets[link.target] = _target(link.target)
    references: dict[etree._Element, Reference] = {}
    bodies: dict[etree._Element, str] = {}
    for link in links:
        target = targets[link.target]
        back = _links_back(link, target, sources)
        led_back = back is not None and order[link.element] < order[back]
        if not link.marked and not ((led_back or target.is_marked) and _looks_like_reference(link.element)):
            continue
        if link.element in bodies or link.element in references:
            continue
        key = link.key
        if target.body is not None and not target.holds(link.element):
            key = bodies.setdefault(target.body, key)
            if back is not None:
                references.setdefault(back, Reference("link back from a note"))
        references[link.element] = Reference(target=key)
    for link in links:  # a note that is referred to again leads back to one place only
        target = targets[link.target]
        if target.body is None or target.body not in bodies or link.element in references:
            continue
        if not target.holds(link.element) and _looks_like_reference(link.element):
            references[link.element] = Reference(target=bodies[target.body])
    raised = find_raised(pages, {link.element for link in links})
    references.update((element, Reference(kind, target)) for element, kind, target in raised.references)
    for element, key in raised.bodies.items():
        bodies.setdefault(element, key)
    return Notes(references, bodies)


def _target(element: etree._Element) -> _Target:
    body = _body(element)
    anchors = tuple(body.iter("{*}a")) if body is not None else ()
    led: dict[str, etree._Element] = {}
    for anchor in anchors:
        led.setdefault((anchor.get("href") or "").rpartition("#")[2], anchor)
    return _Target(body, frozenset(anchors), led, _is_in_note(element))


def _anchors(roots: Iterable[etree._Element]) -> Iterator[etree._Element]:
    for root in roots:
        yield from root.iter("{*}a")


def _links(pages: Mapping[str, etree._Element], resolve: Resolve) -> Iterator[_Link]:
    """Links that look like note references and lead to a place in the book."""
    found = []
    for document, root in pages.items():
        for element in root.iter("{*}a"):
            href = element.get("href") or ""
            marked = _is_marked(element)
            if "#" not in href or not (marked or _MARK.fullmatch(short_text(element, _LONGEST_MARK).strip())):
                continue
            place = resolve(document, href)
            if place is not None:
                found.append((element, place, marked))
    wanted = {place for _, place, _ in found}
    places = {place: element for place, element in _places(pages) if place in wanted}
    for element, place, marked in found:
        if place in places:
            yield _Link(element, places[place], "#".join(place), marked)


def _is_marked(element: etree._Element) -> bool:
    """Whether the source says that the link, or what directly holds it, is a note reference."""
    return any(
        one is not None and silent_kind(one, sense_of(one)) == "note reference"
        for one in (element, element.getparent())
    )


def _places(pages: Mapping[str, etree._Element]) -> Iterator[tuple[tuple[str, str], etree._Element]]:
    for document, root in pages.items():
        for element in root.iter("{*}*"):
            key = key_of(element)
            if key:
                yield (document, key), element


def _links_back(
    link: _Link, target: _Target, sources: Mapping[etree._Element, Sequence[etree._Element]]
) -> etree._Element | None:
    """The place ``link`` leads to, when what stands there links back to the link or to what holds it."""
    if target.body is None:
        return None
    parents = [link.element, *_inline_parents(link.element)]
    around = [*parents, *link.element.iter("{*}*"), *_empty_anchors_before(parents)]
    for element in around:
        for source in sources.get(element, ())[:_MOST_BACKS]:
            if source in target.anchors:
                return source
    # an arrow (↩, "back") is no mark, so it is not among the links that were gathered
    for element in around:
        back = target.led.get(key_of(element) or element.get("name") or "\0")
        if back is not None and back not in around:
            return back
    return None


def _empty_anchors_before(elements: Sequence[etree._Element]) -> Iterator[etree._Element]:
    """Anchors without text right before the elements: some producers put the name there and not on the link."""
    for element in elements:
        before = element.getprevious()
        if (
            before is not None
            and not (before.tail or "").strip()
            and not len(before)
            and not (before.text or "").strip()
        ):
            yield before


def _is_in_note(target: etree._Element) -> bool:
    """Whether the source marks what the link leads to, or what holds it, as a note."""
    return any(sense_of(around).is_note for around in (target, *_some_parents(target)))


def _some_parents(element: etree._Element) -> Iterator[etree._Element]:
    return (parent for parent, _ in zip(element.iterancestors("{*}*"), range(3), strict=False))


def _inline_parents(element: etree._Element) -> list[etree._Element]:
    found = []
    parent = element.getparent()
    while parent is not None and name_of(parent) not in BLOCKS:
        found.append(parent)
        parent = parent.getparent()
    return found


def _looks_like_reference(element: etree._Element) -> bool:
    """Raised, or bracketed, or an asterisk and its kin: a number that is merely linked may belong to the sentence."""
    text = short_text(element, _LONGEST_MARK).strip()
    before = element.getprevious()
    parent = element.getparent()
    leading = (before.tail if before is not None else parent.text if parent is not None else "") or ""
    if leading.rstrip()[-1:] in ("[", "(") and (element.tail or "").lstrip()[:1] in ("]", ")"):
        return leading.rstrip()[-1:] == "[" or not text.isalnum()
    raised = any(name_of(near) == "sup" for near in (*_inline_parents(element), *element.iter("{*}*")))
    return raised or not text[:1].isalnum()


def _body(target: etree._Element) -> etree._Element | None:
    """The element that holds the whole note at ``target``, or None when that is too much to be a note."""
    body: etree._Element | None = target
    if [name_of(part) for part in target] == ["dt", "dd"]:
        return target if _may_be_note(target) else None  # its number and the note
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
    if parent is None or parent[0] is not paragraph:
        return False
    return name_of(parent) in {"li", "aside", "dd"} or (name_of(parent) == "div" and sense_of(parent).is_note)
