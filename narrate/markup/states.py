"""What an element passes on to what it holds: the kind of its blocks, and what is said of their text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from lxml import etree

from narrate.markup import elements as el
from narrate.markup import senses
from narrate.markup.gathering import State, Telling
from narrate.markup.joining import VERSE_LINE
from narrate.markup.notes import Reference
from narrate.markup.senses import Sense
from narrate.markup.silence import short_text
from narrate.markup.tables import Cell

_PH = "{http://www.w3.org/2001/10/synthesis}ph"
_ALPHABET = "{http://www.w3.org/2001/10/synthesis}alphabet"
_CODE_NAMES = {"code", "samp", "kbd"}
_LOOK = 50  # elements of a listing or a poem that are looked at
_SECTIONS = {"section", "article", "div", "main"}
_LISTS = {"ul", "ol", "dl", "menu", "dir", "div", "table"}
_CONTENTS_LINKS = 3  # links, to be a list of contents
_CONTENTS_SHARE = 0.6  # of the letters of a list that says it is one of contents
_RAISED = re.compile(r"\s*[+\-−–]?\d{1,4}[+\-−–]?\s*")
_LOWERED = re.compile(r"\s*\d{1,4}\s*")
_MARKS_ONLY = re.compile(r"[\s\d,;.*†‡§¶‖()\[\]–-]{1,40}")
_CAST_TYPES = {"z3998:dramatis-personae", "dramatis-personae"}


@dataclass(frozen=True, slots=True)
class Page:
    """What the walk needs to know of a page: its name for anchors, its number, and what stands in it.

    ``references`` and ``notes`` are what ``find_notes`` has found in all pages; ``wanted`` are the ids the contents
    lead to.
    """

    name: str
    number: int = 0
    wanted: frozenset[str] = frozenset()
    references: Mapping[etree._Element, Reference] = field(default_factory=dict)
    notes: Mapping[etree._Element, str] = field(default_factory=dict)
    by_line: bool = False  # anchors are line numbers, which the elements carry as data-line


def inner_state(
    element: etree._Element, sense: Sense, state: State, page: Page, cell: Cell | None, number: int
) -> State:
    """What holds inside ``element``, the ``number``-th of the page, given what holds around it."""
    changes: dict[str, object] = {}
    name = sense.name
    language = el.language_of(element)
    if language is not None and language != state.language:
        changes["language"] = language
    if sense.types or sense.classes or sense.within:
        _named(name, sense, state, changes)
    if sense.is_block:
        home = changes.get("language", state.language)
        if home != state.home:
            changes["home"] = home
        _shape(element, sense, state, changes)
    elif name == "a" and element.get("href"):
        changes["link"] = True
    elif name == "span" and sense.classes & senses.LINE_CLASSES:
        changes["verse"] = True
    elif name in ("sup", "sub"):
        changes["raised"] = _raising(element, name)
    _note(element, sense, state, page, changes)
    tellings = _tellings(element, sense, state, cell, number, changes)
    if tellings:
        kinds = {telling.kind for telling in tellings}
        changes["tellings"] = (*(telling for telling in state.tellings if telling.kind not in kinds), *tellings)
    return replace(state, **changes) if changes else state  # type: ignore[arg-type]


def _named(name: str, sense: Sense, state: State, changes: dict[str, object]) -> None:
    """What types and classes say of all that the element holds."""
    types, classes = sense.types, sense.classes
    kind = el.kind_of(types, classes)
    whole = name in _SECTIONS or name == "body"
    if kind is None and whole and not state.sectioned:
        kind = el.whole_kind_of(types)
    if kind:
        changes["kind"] = kind
    role = el.role_of(types)
    if role:
        changes["role"] = role
    if whole and types - el.ROLES.keys() - {"part", "doc-part", "volume", "division"}:
        changes["sectioned"] = name != "body" or state.sectioned
    if types & senses.VERSE_TYPES or classes & (senses.VERSE_CLASSES | senses.LINE_GROUPS):
        changes["verse"] = True
    if classes & senses.LINE_GROUPS:
        changes["lines"] = True
    if types & _CAST_TYPES:
        changes["cast"] = True
    if sense.within:
        changes["within"] = sense.within
    elif sense.is_block and classes & senses.BYLINE_CLASSES and not state.within:
        changes["within"] = "byline"


def _shape(element: etree._Element, sense: Sense, state: State, changes: dict[str, object]) -> None:
    """What kind of block the element makes of its text."""
    name, classes = sense.name, sense.classes
    if name in el.HEADINGS:
        changes["level"] = el.HEADINGS[name]
    elif name == "hgroup":
        changes["group"] = True
        changes["level"] = min((el.HEADINGS.get(el.name_of(child), 6) for child in element), default=6)
    if name in senses.BLOCK_KINDS:
        changes["block"] = senses.BLOCK_KINDS[name]
    elif name == "p" and sense.types & senses.TITLE_TYPES:
        changes["block"] = "heading"
    elif name == "p" and "caption" in classes:
        changes["block"] = "caption"
    elif name == "pre":
        code = classes & senses.CODE_CLASSES or _holds_code(element)
        changes |= {"block": "code"} if code else {"verse": True, "lines": True}
    elif name == "table":
        changes["row"] = False
    elif name == "tr":
        changes["row"] = True
    if "verse" in changes and not changes.get("lines") and _has_paragraphs_for_lines(element):
        changes["lines"] = True
    if classes & senses.LINE_CLASSES and name in ("p", "div"):
        changes["verse"] = True
    if classes & senses.DROP_CAP_CLASSES:
        changes["initial"] = True
    if name in senses.CONTAINERS:
        changes["around"] = f"{state.around} {name}"[-80:].strip()
    if name in _LISTS and not state.listed:
        changes["listed"] = name != "div"
        if _is_contents(element, sense):
            changes["within"] = "contents list"


def _note(element: etree._Element, sense: Sense, state: State, page: Page, changes: dict[str, object]) -> None:
    key = page.notes.get(element) if page.notes else None
    is_note = key is not None or sense.is_note
    if not (is_note or state.block == "note" or changes.get("kind") == "notes"):
        return
    changes["block"] = "note"
    if is_note:
        own = el.key_of(element)
        key = key or state.note or (f"{page.name}#{own}" if own else "")
        if key != state.note:
            changes["note"] = key


def _tellings(
    element: etree._Element, sense: Sense, state: State, cell: Cell | None, number: int, changes: dict[str, object]
) -> list[Telling]:
    """What the element says of the text inside it."""
    found: list[Telling] = []
    if cell is not None:
        found.append(Telling(cell.kind, cell.header, number))
    if (sense.mark == "stage direction" and not _holds(state, "stage direction")) or (
        sense.mark == "speaker" and not state.cast and not _holds(state, "speaker", "stage direction")
    ):
        found.append(Telling(sense.mark, "", number))
    if sense.name in ("abbr", "acronym"):
        title = " ".join((element.get("title") or "").split())
        if title and title.casefold() != short_text(element, len(title)).strip().casefold():
            found.append(Telling("abbreviation", title, number))
    elif sense.classes & senses.DROP_CAP_CLASSES and not sense.is_block:
        found.append(Telling("drop cap", "", number))
    alphabet = element.get(_ALPHABET) or element.get("ssml:alphabet")
    if alphabet:
        changes["alphabet"] = alphabet.strip().lower()
    spelled = (element.get(_PH) or element.get("ssml:ph") or "").strip()
    if spelled:
        found.append(Telling("phonemes", f"{changes.get('alphabet', state.alphabet)}:{spelled}", number))
    return found


def _holds(state: State, *kinds: str) -> bool:
    return any(telling.kind in kinds for telling in state.tellings)


def _raising(element: etree._Element, name: str) -> str:
    """How the text of a raised or lowered element is written in a line."""
    text = short_text(element, 40)
    if name == "sub":
        return "sub" if _LOWERED.fullmatch(text) else ""
    if _RAISED.fullmatch(text):
        return "sup"
    return "marks" if _MARKS_ONLY.fullmatch(text) and next(element.iter("{*}a"), None) is not None else ""


def _holds_code(element: etree._Element) -> bool:
    return any(el.name_of(inner) in _CODE_NAMES for inner, _ in zip(element.iter("{*}*"), range(_LOOK), strict=False))


def _has_paragraphs_for_lines(poem: etree._Element) -> bool:
    """Whether each paragraph of a poem is one line: several, all short, and no line breaks anywhere."""
    paragraphs = [child for child in poem if el.name_of(child) in ("p", "div")]
    if len(paragraphs) < 2:
        return False
    for paragraph in paragraphs[:_LOOK]:
        inner = [el.name_of(child) for child, _ in zip(paragraph.iter("{*}*"), range(_LOOK), strict=False)][1:]
        if "br" in inner or any(name in el.BLOCKS for name in inner):
            return False
        text = short_text(paragraph, VERSE_LINE + 40)
        if len(" ".join(text.split())) > VERSE_LINE or "\n" in text.strip():
            return False
        if any(set((child.get("class") or "").lower().split()) & senses.LINE_CLASSES for child in paragraph):
            return False
    return True


def _is_contents(element: etree._Element, sense: Sense) -> bool:
    """Whether a list is one of contents: it says so and holds links, or every item leads to a place on the page."""
    named = bool(sense.signs & senses.CONTENTS_CLASSES)
    if not named and sense.name in ("div", "table"):
        return False
    links = [link for link in element.iter("{*}a") if link.get("href")]
    if len(links) < _CONTENTS_LINKS or (not named and not all((link.get("href") or "#")[0] == "#" for link in links)):
        return False
    total = sum(map(len, map(str.strip, map(str, element.itertext()))))
    linked = sum(sum(map(len, map(str.strip, map(str, link.itertext())))) for link in links)
    return linked >= (_CONTENTS_SHARE if named else 0.95) * total > 0
