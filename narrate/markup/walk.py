"""A page's tree to passages: what is read, in reading order, and what is left out, each with its reason.

The walk is iterative, so nesting cannot exhaust the stack. Every letter of the page's text is in a passage or in a
Skip (P1); ``count_text`` counts the same text by an independent way.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Set
from dataclasses import dataclass, field, replace
from typing import Literal

from lxml import etree

from narrate.book import Block, BlockKind, ChapterKind, Role, letters_and_digits, skip
from narrate.markup import elements as el
from narrate.markup.joining import join_cells, join_heading, looks_like_verse
from narrate.markup.passage import Flow, Passage, Place, fold

# So little text before an anchor in the same paragraph ("3. ", "CHAPTER") belongs to what the anchor names.
_SHORT_OPENING = 60
_ORNAMENTS = frozenset("*⁂✱✲✳✶✷✸✻❋❖❦❧☙~•·∙◆◇◊○●■□★☆†‡#_=+^-–—―| ")
_CELL, _LINE = "\x1d", "\x1e"  # between cells and between lines: characters no XML can hold
_SOFT_IN_ROW = {"p", "div", "section", "center"}
_CODE_CLASSES = {"code", "programlisting", "screen", "highlight", "sourcecode", "listing"}
_CODE_NAMES = {"code", "samp", "kbd"}
_BLOCK_KINDS: dict[str, BlockKind] = {
    **dict.fromkeys(el.HEADINGS, "heading"),
    "hgroup": "heading",
    "li": "item",
    "dt": "item",
    "dd": "item",
    "figcaption": "caption",
    "caption": "caption",
    "legend": "caption",
}


@dataclass(frozen=True, slots=True)
class Page:
    """What the walk needs to know of a page: its name for anchors, its number, and what stands in it."""

    name: str
    number: int = 0
    wanted: frozenset[str] = frozenset()
    references: Set[etree._Element] = frozenset()
    notes: Set[etree._Element] = frozenset()
    by_line: bool = False  # anchors are line numbers, which the elements carry as data-line


@dataclass(frozen=True, slots=True)
class _State:
    """What an element passes on to what it holds."""

    block: BlockKind = "paragraph"
    kind: ChapterKind | Literal[""] = ""
    role: Role | Literal[""] = ""
    level: int = 0
    language: str = ""
    verse: bool = False
    lines: bool = False  # inside a stanza each block is a line
    row: bool = False
    group: bool = False  # inside a heading made of several elements
    link: bool = False
    transcriber: bool = False


@dataclass(slots=True)
class _Open:
    """The block being gathered."""

    state: _State
    anchor: str
    text: list[str] = field(default_factory=list)
    languages: Counter[str] = field(default_factory=Counter)
    linked: int = 0


def walk(root: etree._Element, page: Page) -> list[Flow]:
    """Read the page; passages, places and skips come in reading order."""
    return _Walk(body_of(root), page).read()


def body_of(root: etree._Element) -> etree._Element:
    """The element that holds the page's text."""
    if el.name_of(root) == "body":
        return root
    return next((child for child in root if el.name_of(child) == "body"), root)


def count_text(root: etree._Element) -> int:
    """The letters and digits of a page's text, counted apart from the walk."""
    return letters_and_digits(el.text_of(body_of(root)))


class _Walk:
    def __init__(self, body: etree._Element, page: Page) -> None:
        self._body = body
        self._page = page
        self._out: list[Flow] = []
        self._open: _Open | None = None
        self._states = [_State(language=el.language_of(body) or _inherited_language(body))]
        self._ids = {key for key in (element.get("id") for element in body.iter("{*}*")) if key}
        self._used: set[str] = set()
        self._blocks = 0
        self._block_id = ""
        self._line = ""
        self._soft = False  # a paragraph of a cell has ended: more text in the cell is another block
        self._skipped = False  # something silent stood just before
        self._held: list[Place] = []  # places that belong before the block being gathered

    def read(self) -> list[Flow]:
        events = etree.iterwalk(self._body, events=("start", "end"))
        for event, element in events:
            if event == "end":
                self._leave(element)
            elif not self._enter(element):
                events.skip_subtree()
        self._flush()
        return self._out

    def _enter(self, element: etree._Element) -> bool:
        """Open an element; False when what it holds is not read."""
        name, types, classes = el.name_of(element), el.types_of(element), el.classes_of(element)
        state = self._states[-1]
        self._line = element.get("data-line") or self._line
        if name in el.UNREAD:
            for child in element:  # XHTML lets elements stand there, and their text is text
                self._skip("hidden text", child)
            self._states.append(state)
            return False
        reason = "" if element is self._body else el.silence(element, types, classes)
        if element in self._page.references:
            reason = "note reference"
        key = element.get("id") or (element.get("name") if name == "a" else None)
        if reason:
            self._place(key)
            self._skip(reason, element)
            self._states.append(state)
            return False
        inner = self._inner(element, name, types, classes, state)
        self._boundary(name, inner, classes, opening=True)
        if name in el.BLOCKS:
            self._block_id = element.get("id") or ""
        self._place(key)
        self._states.append(inner)
        self._add(element.text)
        return True

    def _leave(self, element: etree._Element) -> None:
        name, classes = el.name_of(element), el.classes_of(element)
        inner = self._states.pop()
        if name in el.BLOCKS and name != "hr":
            self._boundary(name, inner, classes, opening=False)
            self._block_id = ""
        if element is not self._body:
            self._add(element.tail)

    def _inner(self, element: etree._Element, name: str, types: set[str], classes: set[str], state: _State) -> _State:
        """What holds inside ``element``, given what holds around it."""
        changes: dict[str, object] = {}
        language = el.language_of(element)
        if language is not None and language != state.language:
            changes["language"] = language
        if types or classes:
            changes |= _said(types, classes, state)
        if name == "a" and element.get("href"):
            changes["link"] = True
        if name in el.BLOCKS:
            changes |= _shape(element, name, types, classes, state)
        note = state.block == "note" or element in self._page.notes or el.is_note(name, types, classes)
        if note or changes.get("kind") == "notes":
            changes["block"] = "note"
        return replace(state, **changes) if changes else state  # type: ignore[arg-type]

    def _boundary(self, name: str, inner: _State, classes: set[str], *, opening: bool) -> None:
        """Divide at the edge of ``element``: blocks part, cells and lines stay in one block."""
        outer = self._states[-1]
        if name == "br":
            self._break_line()
        elif name in {"td", "th"} and outer.row:
            if opening and self._open is not None:
                self._open.text.append(_CELL)
            self._soft = False
        elif name == "hr":
            self._flush()
            if "footnotes-sep" not in classes:
                self._rule()
        elif name not in el.BLOCKS:
            return
        elif outer.group:
            if self._open is not None:
                self._open.text.append(_CELL)
        elif outer.lines and not classes & el.LINE_GROUPS:
            if self._open is not None:
                self._open.text.append(_LINE)
        elif outer.row and name in _SOFT_IN_ROW and not inner.verse:
            self._soft = self._open is not None and bool(fold(self._open.text[-1].replace(_CELL, "")))
        else:
            self._flush()

    def _break_line(self) -> None:
        if self._open is None:
            return
        tail = "".join(self._open.text[-2:])
        if self._open.state.block == "paragraph" and _LINE in tail and not tail.rpartition(_LINE)[2].strip():
            self._flush()  # an empty line divides as a paragraph does
        else:
            self._open.text.append(_LINE)

    def _add(self, text: str | None) -> None:
        if not text:
            return
        blank = not text.strip()
        if self._soft and not blank:
            self._flush()
        if self._open is None:
            if blank:
                return
            self._open = _Open(self._states[-1], self._anchor())
        opened = self._open
        if self._skipped and text[0] in ".,;:!?)" and opened.text:
            opened.text[-1] = opened.text[-1].rstrip(" \t\r\n")
        self._skipped = False
        opened.text.append(text)
        if not blank:
            state = self._states[-1]
            opened.languages[state.language] += len(text)
            if state.link:
                opened.linked += letters_and_digits(text)

    def _skip(self, reason: str, element: etree._Element) -> None:
        text = el.text_of(element)
        if not text.strip():
            return
        anchor = self._open.anchor if self._open else f"{self._page.name}#{element.get('id') or f'p{self._blocks + 1}'}"
        if self._page.by_line:
            anchor = f"{self._page.name}:{self._line or 1}"
        self._out.append(skip(reason, anchor, text))
        self._skipped = True

    def _place(self, key: str | None) -> None:
        """Note where a wanted id stands: in a heading at its start, in a paragraph where it divides it."""
        if key is None or key not in self._page.wanted:
            return
        if self._open is None:
            self._out.append(Place(key))
            return
        line = "".join(self._open.text).rpartition(_LINE)[2]
        if self._open.state.block == "heading" or (line.strip() and letters_and_digits(line) <= _SHORT_OPENING):
            self._held.append(Place(key))
            return
        self._flush()
        self._out.append(Place(key))

    def _anchor(self) -> str:
        self._blocks += 1
        if self._page.by_line:
            wished = f"{self._page.name}:{self._line or 1}"
        else:
            wished = f"{self._page.name}#{self._block_id or f'p{self._blocks}'}"
        taken = not self._block_id and f"p{self._blocks}" in self._ids and not self._page.by_line
        anchor, number = wished, 1
        while taken or anchor in self._used:
            number += 1
            anchor, taken = f"{wished}.{number}", False
        self._used.add(anchor)
        return anchor

    def _rule(self) -> None:
        if self._states[-1].block != "note":
            self._emit(Block("break", "", self._anchor()), self._states[-1], 0)

    def _flush(self) -> None:
        """Close the block being gathered."""
        opened, self._open = self._open, None
        self._soft = self._skipped = False
        self._out.extend(self._held)
        self._held.clear()
        if opened is None:
            return
        kind, text = _shaped("".join(opened.text), opened.state)
        if kind == "break":
            self._emit(Block("break", "", opened.anchor), opened.state, 0)
        elif text:
            language = opened.languages.most_common(1)[0][0]
            self._emit(Block(kind, text, opened.anchor, language), opened.state, opened.linked)

    def _emit(self, block: Block, state: _State, linked: int) -> None:
        level = (state.level or 6) if state.block == "heading" else 0
        self._out.append(Passage(block, state.kind, state.role, level, linked, self._page.number, state.transcriber))


def _said(types: set[str], classes: set[str], state: _State) -> dict[str, object]:
    """What the element's types and classes say of all it holds."""
    changes: dict[str, object] = {}
    kind, role = el.kind_of(types, classes), el.role_of(types)
    if kind:
        changes["kind"] = kind
    if role:
        changes["role"] = role
    if types & el.VERSE_TYPES or classes & el.VERSE_CLASSES or classes & el.LINE_GROUPS:
        changes["verse"] = True
    if classes & el.LINE_GROUPS:
        changes["lines"] = True
    if classes & el.TRANSCRIBER_CLASSES:
        changes["transcriber"] = True
    return changes


def _shape(element: etree._Element, name: str, types: set[str], classes: set[str], state: _State) -> dict[str, object]:
    """What kind of block the element makes of its text."""
    changes: dict[str, object] = {}
    if name in el.HEADINGS:
        changes["level"] = el.HEADINGS[name]
    elif name == "hgroup":
        changes["group"] = True
        changes["level"] = min((el.HEADINGS.get(el.name_of(child), 6) for child in element), default=6)
    if name in _BLOCK_KINDS:
        changes["block"] = _BLOCK_KINDS[name]
    elif name == "p" and types & el.TITLE_TYPES:
        changes["block"] = "heading"
    elif name == "p" and "caption" in classes:
        changes["block"] = "caption"
    elif name == "pre":
        code = classes & _CODE_CLASSES or any(el.name_of(inner) in _CODE_NAMES for inner in element.iter("{*}*"))
        changes |= {"block": "code"} if code else {"verse": True, "lines": True}
    elif name == "table":
        changes["row"] = False
    elif name == "tr":
        changes["row"] = True
    return changes


def _shaped(raw: str, state: _State) -> tuple[BlockKind, str]:
    """The kind and the clean text of a gathered block; "" when it holds nothing at all."""
    if state.block == "code":
        return "code", unicodedata.normalize("NFC", raw.replace(_LINE, "\n").replace(_CELL, " ").strip("\r\n"))
    if state.lines and _LINE not in raw:
        raw = raw.replace("\n", _LINE)  # preformatted: its own line ends are the lines
    cells = [_lines(cell) for cell in raw.split(_CELL)]
    lines = [line for cell in cells for line in cell]
    kind = state.block
    if not lines:
        return kind, ""
    if all(character in _ORNAMENTS for line in lines for character in line):
        return "break", " "
    if kind == "heading":
        return kind, join_cells([join_heading(cell) for cell in cells])
    if state.row and kind == "paragraph" and not state.verse:
        return "cell", join_cells([" ".join(cell) for cell in cells])
    if kind == "paragraph" and (state.verse or looks_like_verse(lines)):
        return "verse", "\n".join(lines)
    return kind, " ".join(lines)


def _lines(raw: str) -> list[str]:
    return [line for line in (unicodedata.normalize("NFC", fold(part)) for part in raw.split(_LINE)) if line]


def _inherited_language(element: etree._Element) -> str:
    parent = element.getparent()
    return (el.language_of(parent) or "") if parent is not None else ""
