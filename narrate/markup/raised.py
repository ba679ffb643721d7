"""Raised numbers and marks without a link: which are note references or numbers of verses, and which are not.

Two signs are asked for: where a number stands (behind a word or a stop, not behind a figure or a unit), and that the
numbers run on through the page. Powers, units, ordinals and chemical formulae have neither.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from lxml import etree

from narrate.book import AsideKind
from narrate.markup.elements import BLOCKS, key_of, name_of, text_of
from narrate.markup.senses import sense_of

_NUMBER = re.compile(r"\s*[\[(]?\s*(\d{1,3})\s*[\])]?[.,]?\s*")
_DAGGERS = re.compile(r"\s*[\[(]?(?:[*∗⁎†‡§¶‖]{1,3}|\*\s\*)[\])]?\s*")
# Behind a word of three letters or more, or behind a stop or a closing mark; a bracket must close on words.
_BEHIND = re.compile(r"(?:[^\W\d_]{3,}|[.,;:!?…”’\"'»›“]|[^\W\d_]{3,}[.…”’\"']{0,3}[)\]])\Z")
_UNIT = re.compile(
    r"(?:\b(?:[kcdmµ]?m|ft|in|yd|sec|mi|mile|miles|cos|sin|tan|cot|sec|csc|log|exp|lim)\.?|\d)\Z", re.IGNORECASE
)
_YEAR = re.compile(r"\b(?:1[0-9]|20)\d\d\Z")
_LOOK_BACK = 40  # characters before a raised number
_LOOK_ELEMENTS = 20  # the same, of elements beside it
_RUN = 2  # numbers that follow each other, to be note references
_VERSES = 3  # the same, to be numbers of verses
_BODIES = {"p", "li", "div", "dd", "td", "aside"}
_SIZES = {"super", "top", "text-top"}


@dataclass(frozen=True, slots=True)
class Raised:
    """What was found: (element, kind, key of the note or ""), and the bodies of notes with their keys."""

    references: Sequence[tuple[etree._Element, AsideKind, str]]
    bodies: Mapping[etree._Element, str]


@dataclass(slots=True)
class _Found:
    element: etree._Element
    number: int
    place: str  # "behind" a word, "before" a word, "opens" a block
    block: etree._Element | None


@dataclass(slots=True)
class _Page:
    name: str
    marks: list[etree._Element] = field(default_factory=list)
    numbers: list[_Found] = field(default_factory=list)


def find_raised(pages: Mapping[str, etree._Element], alive: Collection[etree._Element] = ()) -> Raised:
    """Look through all pages, in reading order, for raised numbers and marks that no link explains.

    ``alive`` are the links that lead somewhere; where the notes are missing from the book, theirs do not.
    """
    references: list[tuple[etree._Element, AsideKind, str]] = []
    bodies: dict[etree._Element, str] = {}
    last = 0
    for name, root in pages.items():
        page = _look(name, root, alive)
        references += [(element, "note reference", "") for element in page.marks]
        behind = [found for found in page.numbers if found.place == "behind"]
        notes = _running(behind, _RUN, last)
        opened = _bodies(page, notes)
        bodies |= dict(opened.values())
        for found in notes:
            references.append(
                (found.element, "note reference", opened[found.number][1] if found.number in opened else "")
            )
            last = found.number
        for number, (block, _) in opened.items():
            mark = next(one.element for one in page.numbers if one.block is block and one.number == number)
            references.append((mark, "link back from a note", ""))
        verses = [found for found in page.numbers if found.place in ("before", "opens") and found.block not in bodies]
        references += [(found.element, "line number", "") for found in _running(verses, _VERSES, None)]
    return Raised(references, bodies)


def _look(name: str, root: etree._Element, alive: Collection[etree._Element]) -> _Page:
    page = _Page(name)
    for element in root.iter("{*}sup", "{*}a"):
        text = text_of(element)
        bare = name_of(element) == "a"
        if len(text) > 12 or sense_of(element).silent or _is_linked(element, alive):
            continue
        if bare and (element.get("href") is None or _is_raised(element)):
            continue
        if not bare and _DAGGERS.fullmatch(text):
            page.marks.append(element)
            continue
        number = _NUMBER.fullmatch(text)
        if number is None:
            continue
        before, block = _before(element)
        place = _place(before, element.tail or "")
        if not bare or place == "behind":
            page.numbers.append(_Found(element, int(number[1]), place, block))
    return page


def _place(before: str, after: str) -> str:
    if not before.strip():
        return "opens"
    if before[-1].isspace():
        return "before" if after.lstrip()[:1].isalpha() or after[:1] in "“‘\"'«" else ""
    word = _BEHIND.search(before) and not _UNIT.search(before)
    return "behind" if (word or _YEAR.search(before)) and not after[:1].isalnum() else ""


def _running(found: Sequence[_Found], least: int, last: int | None) -> list[_Found]:
    """Those whose numbers follow each other one by one, in runs of at least ``least``.

    A run that goes on from ``last``, the last number on the pages before, may be shorter.
    """
    kept: list[_Found] = []
    run: list[_Found] = []

    def close() -> None:
        goes_on = bool(run) and last and run[0].number == last + 1
        if len(run) >= least or goes_on:
            kept.extend(run)

    for one in found:
        if run and one.number not in (run[-1].number, run[-1].number + 1):
            close()
            run = []
        run.append(one)
    close()
    return kept


def _bodies(page: _Page, notes: Iterable[_Found]) -> dict[int, tuple[etree._Element, str]]:
    """The blocks behind the references that open with the same raised numbers, each with its key."""
    referred = {found.number: found for found in notes}
    order = {id(found): number for number, found in enumerate(page.numbers)}
    opened: dict[int, tuple[etree._Element, str]] = {}
    for found in page.numbers:
        reference = referred.get(found.number)
        if found.place != "opens" or found.block is None or reference is None or found.number in opened:
            continue
        if order[id(found)] > order[id(reference)] and name_of(found.block) in _BODIES:
            opened[found.number] = (found.block, f"{page.name}#{key_of(found.block) or f'note-{found.number}'}")
    return opened


def _is_linked(element: etree._Element, alive: Collection[etree._Element]) -> bool:
    """Whether a link that leads somewhere stands in it or around it: then the link tells what it is."""
    return any(one in alive for one in (*element.iter("{*}a"), *_inline_parents(element)))


def _is_raised(link: etree._Element) -> bool:
    return any(True for _ in link.iter("{*}sup")) or any(name_of(one) == "sup" for one in _inline_parents(link))


def _inline_parents(element: etree._Element) -> Iterator[etree._Element]:
    for parent in element.iterancestors("{*}*"):
        if name_of(parent) in BLOCKS:
            return
        yield parent


def _before(element: etree._Element) -> tuple[str, etree._Element | None]:
    """The text before the element in its block, at most its last characters; and the block."""
    text = ""
    seen = 0
    at: etree._Element | None = element
    while at is not None and name_of(at) not in BLOCKS:
        before = at.getprevious()
        while before is not None and len(text) < _LOOK_BACK and seen < _LOOK_ELEMENTS:
            seen += 1
            if name_of(before) in BLOCKS:
                return text, at.getparent()
            text = (_end_of(before) + (before.tail or "")[-_LOOK_BACK:]) + text
            before = before.getprevious()
        at = at.getparent()
        if at is not None and len(text) < _LOOK_BACK:
            text = (at.text or "")[-_LOOK_BACK:] + text
    return text[-_LOOK_BACK:], at


def _end_of(element: etree._Element) -> str:
    """The end of the text inside an element of a line; a line break is white space."""
    if name_of(element) == "br":
        return "\n"
    return text_of(element)[-_LOOK_BACK:]
