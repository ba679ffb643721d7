"""A page's tree to passages, in reading order: what is read, with marks and asides for a policy to decide about later.

The walk is iterative, so nesting cannot exhaust the stack. Every letter of the page's text is in a passage or, on a
page without any, in a Skip (P1); ``count_text`` counts the same text by an independent way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from lxml import etree

from narrate.book import AsideKind, letters_and_digits
from narrate.markup import elements as el
from narrate.markup import senses
from narrate.markup.composing import Composer
from narrate.markup.folding import fold
from narrate.markup.formulas import is_display, said_of
from narrate.markup.gathering import State
from narrate.markup.initials import pictured_initial
from narrate.markup.lists import Numbering
from narrate.markup.mending import join_broken, vocabulary_of
from narrate.markup.passage import Flow
from narrate.markup.ruby import Ruby
from narrate.markup.scenes import is_scene_break
from narrate.markup.senses import Sense, sense_of
from narrate.markup.shaping import CELL, LINE, LINE_END
from narrate.markup.silence import (
    is_formula,
    is_image,
    said_of_drawing,
    said_of_image,
    said_of_page,
    silent_kind,
)
from narrate.markup.states import Page as Page
from narrate.markup.states import inner_state
from narrate.markup.tables import Cell, cells_of
from narrate.markup.verse import without_line_numbers

_SOFT_IN_ROW = {"p", "div", "section", "center"}
_LISTS = {"ol", "ul", "menu", "dir"}
_NOT_IN_LINES = tuple("{*}" + name for name in ("br", "p", "div", "ul", "ol", "table", "blockquote", "pre"))
_SUPERSCRIPTS = str.maketrans("0123456789+-−–", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁻")
_SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


def walk(root: etree._Element, page: Page) -> list[Flow]:
    """Read the page; passages, places and skips come in reading order."""
    flow = _Walk(body_of(root), page).read()
    return without_line_numbers(join_broken(flow))


def body_of(root: etree._Element) -> etree._Element:
    """The element that holds the page's text."""
    if el.name_of(root) == "body":
        return root
    return next((child for child in root if el.name_of(child) == "body"), root)


def count_text(root: etree._Element) -> int:
    """The letters and digits of a page's text, counted apart from the walk; and of drop caps that are pictures."""
    body = body_of(root)
    pictured = sum(letters_and_digits(pictured_initial(image)) for image in body.iter("{*}img"))
    return letters_and_digits(el.text_of(body)) + pictured


class _Walk:
    def __init__(self, body: etree._Element, page: Page) -> None:
        self._body = body
        self._page = page
        self._blocks = Composer(page, body, self._vocabulary)
        self._states = [State(language=el.language_of(body) or _inherited_language(body))]
        self._elements = 0
        self._soft = self._filled = False  # a paragraph of a cell has ended: more text in it is another block
        self._line_run: etree._Element | None = None  # what holds the paragraphs that are lines of the open stanza
        self._lines: set[etree._Element] = set()
        self._lists: list[Numbering] = []
        self._ruby: list[Ruby] = []
        self._cells: dict[etree._Element, Cell] = {}
        self._words: Mapping[str, int] | None = None

    def read(self) -> list[Flow]:
        events = etree.iterwalk(self._body, events=("start", "end"))
        for event, element in events:
            if event == "end":
                self._leave(element)
            elif not self._enter(element):
                events.skip_subtree()
        self._blocks.settle()
        return self._blocks.flow

    # ---- elements

    def _enter(self, element: etree._Element) -> bool:
        """Open an element; False when what it holds is not read on."""
        sense, state = sense_of(element), self._states[-1]
        self._elements += 1
        if self._page.by_line:
            self._blocks.line = element.get("data-line") or self._blocks.line
        if sense.name in el.UNREAD:
            for child in element:  # XHTML lets elements stand there, and their text is text
                self._blocks.aside("hidden text", el.text_of(child))
            self._states.append(state)
            return False
        if element is not self._body and self._take(element, sense, state):
            self._states.append(state)
            return False
        inner = inner_state(element, sense, state, self._page, self._cells.get(element), self._elements)
        self._boundary(element, sense, inner, opening=True)
        if sense.is_block:
            self._blocks.block_id = element.get("id") or ""
        self._blocks.place(el.key_of(element))
        self._begin_special(element, sense)
        self._states.append(inner)
        self._add(element.text)
        return True

    def _leave(self, element: etree._Element) -> None:
        sense = sense_of(element)
        inner = self._states.pop()
        if sense.is_block and sense.name != "hr":
            self._boundary(element, sense, inner, opening=False)
            self._blocks.block_id = ""
        elif sense.name == "span":
            self._boundary(element, sense, inner, opening=False)
        self._end_special(sense.name)
        if element is not self._body:
            self._add(element.tail)

    def _begin_special(self, element: etree._Element, sense: Sense) -> None:
        name = sense.name
        if name in _LISTS:
            self._lists.append(Numbering.of(element))
            self._blocks.label = ""
        elif name == "li":
            self._blocks.label = self._lists[-1].label(element) if self._lists else ""
        elif name == "table":
            self._cells |= cells_of(element)
        elif name == "ruby":
            self._ruby.append(Ruby(self._blocks.size))
        elif name == "rb" and self._ruby:
            self._ruby[-1].close_base(self._blocks.size)
        elif is_scene_break(element, sense):
            self._flush()
            self._blocks.rule(self._states[-1])

    def _end_special(self, name: str) -> None:
        if name in _LISTS and self._lists:
            self._lists.pop()
            self._blocks.label = ""
        elif name == "li":
            self._blocks.label = ""
        elif name == "ruby" and self._ruby:
            ended = self._ruby.pop()
            if self._ruby and (ended.filled or ended.bases or ended.annotated):
                self._ruby[-1].filled = True
        elif name == "rb" and self._ruby:
            self._ruby[-1].close_base(self._blocks.size)

    # ---- what is not running text

    def _take(self, element: etree._Element, sense: Sense, state: State) -> bool:
        """Put the element aside when its text does not run on with the rest; whether that was so."""
        name = sense.name
        reference = self._page.references.get(element) if self._page.references else None
        kind = reference.kind if reference else silent_kind(element, sense)
        if kind is None and not is_image(name) and name not in ("rt", "rtc"):
            return False
        if sense.is_block and not state.row and not state.lines and not state.group:
            self._flush()
        elif sense.is_block:
            self._blocks.put(" ")
        self._blocks.place(el.key_of(element))
        if kind == "formula":
            self._formula(element, sense, state)
        elif kind == "picture text":
            self._drawing(element, state)
        elif kind is not None:
            said, target = self._said(kind, element, reference.target if reference else "")
            self._blocks.aside(kind, el.text_of(element), said, target)
            if kind == "page number" and (said or sense.types & senses.PAGE_TYPES or element.text or len(element)):
                self._blocks.turned = True  # what is empty and has no number only asks for a new sheet
        elif is_image(name):
            self._image(element, sense, state)
        else:
            self._reading(element)
        return True

    def _said(self, kind: AsideKind, element: etree._Element, target: str) -> tuple[str, str]:
        """What would be said of an aside, and the note it leads to."""
        if kind == "note reference" and not target:
            inner = (self._page.references.get(link) for link in element.iter("{*}a"))
            target = next((found.target for found in inner if found is not None and found.target), "")
        if kind == "page number" and not el.text_of(element).strip():
            return said_of_page(element), target
        return "", target

    def _image(self, image: etree._Element, sense: Sense, state: State) -> None:
        self._blocks.aside("picture text", el.text_of(image))  # no such element may hold text, but some do
        initial = pictured_initial(image)
        if initial:
            self._states.append(replace(state, initial=True))
            self._add(initial)
            self._states.pop()
            return
        said = said_of_image(image)
        if said:
            self._blocks.picture("formula" if is_formula(sense) else "image", "", said, state, el.key_of(image) or "")

    def _formula(self, math: etree._Element, sense: Sense, state: State) -> None:
        if sense.is_hidden:
            self._blocks.aside("hidden text", el.text_of(math))
            return
        apart = is_display(math) and not state.row and not state.group
        if apart:
            self._flush()
        self._blocks.picture("formula", fold(el.text_of(math)), said_of(math), state, el.key_of(math) or "")
        if apart:
            self._flush()

    def _drawing(self, drawing: etree._Element, state: State) -> None:
        said, text = said_of_drawing(drawing), el.text_of(drawing)
        if self._blocks.open is None and said:
            self._blocks.picture("image", "", said, state, el.key_of(drawing) or "")
            said = ""
        self._blocks.aside("picture text", text, said)

    def _reading(self, element: etree._Element) -> None:
        """A reading beside characters; without characters, or a second one, it is as silent as its brackets."""
        parts = [inner for inner in element if el.name_of(inner) == "rt"] if el.name_of(element) == "rtc" else []
        whole = "".join((element.text or "", *(part.tail or "" for part in element)))
        if not parts or len(parts) != len(element) or whole.strip():
            parts = [element]
        opened = self._blocks.open
        for part in parts:
            value = fold(el.text_of(part))
            base = self._ruby[-1].next_base(self._blocks.size) if self._ruby else None
            free = base is not None and opened is not None and all(base[0] >= end for _, end, _ in opened.readings[-4:])
            if value and base is not None and opened is not None and free:
                opened.readings.append((*base, value))
            elif value:
                self._blocks.aside("ruby bracket", value)

    # ---- blocks

    def _boundary(self, element: etree._Element, sense: Sense, inner: State, *, opening: bool) -> None:
        """Divide at the edge of ``element``: blocks part, cells and lines stay in one block."""
        name, outer = sense.name, self._states[-1]
        if name == "br":
            self._break_line()
        elif name in ("td", "th") and outer.row:
            if opening:
                self._blocks.put(CELL)
            self._soft = self._filled = False
        elif name == "hr":
            self._flush()
            if "footnotes-sep" not in sense.classes:
                self._blocks.rule(outer)
        elif not sense.is_block:
            if name == "span" and sense.classes & senses.LINE_CLASSES:
                self._blocks.put(LINE_END)
        elif outer.group:
            self._blocks.put(CELL)
        elif outer.lines and not sense.classes & senses.LINE_GROUPS:
            self._blocks.put(LINE)
        elif outer.row and name in _SOFT_IN_ROW and not inner.verse:
            self._soft = self._blocks.open is not None and self._filled
        elif opening and _is_line(element, sense):
            self._lines.add(element)
            if self._line_run is None or self._line_run is not element.getparent():
                self._flush()
            self._blocks.put(LINE)
            self._line_run = None
        elif not opening and element in self._lines:
            self._line_run = element.getparent()
        else:
            self._flush()

    def _break_line(self) -> None:
        opened = self._blocks.open
        if opened is None:
            return
        tail = "".join(opened.pieces[-2:])
        if opened.state.block == "paragraph" and LINE in tail and not tail.rpartition(LINE)[2].strip():
            self._flush()  # an empty line divides as a paragraph does
        else:
            opened.put(LINE)

    def _add(self, text: str | None) -> None:
        if not text:
            return
        state = self._states[-1]
        if text.isspace():
            self._blocks.put(text)
            return
        if self._soft or self._line_run is not None:
            self._flush()
        opened = self._blocks.open or self._blocks.begin(state)
        if state.raised:
            text = _on_the_line(text, state.raised, opened.pieces[-1][-1:] if opened.pieces else "")
        self._blocks.turned = False
        self._filled = True
        if self._ruby:
            self._ruby[-1].filled = True
        opened.add(text, state)
        if state.link:
            opened.linked += letters_and_digits(text)

    def _flush(self) -> None:
        self._soft, self._line_run = False, None
        self._blocks.flush()

    def _vocabulary(self) -> Mapping[str, int]:
        """The words of the page, and how often they occur."""
        if self._words is None:
            self._words = vocabulary_of([el.text_of(self._body)])
        return self._words


def _on_the_line(text: str, raised: str, before: str) -> str:
    """Raised and lowered digits by their own characters; nothing of the commas between the marks of notes."""
    if raised == "sub":
        return text.translate(_SUBSCRIPTS)
    if raised == "marks":
        return text if any(map(str.isalnum, text)) else " "
    return text.translate(_SUPERSCRIPTS) if before.isalnum() or before in tuple(")]}") else text


def _is_line(element: etree._Element, sense: Sense) -> bool:
    """Whether the paragraph is one line of verse: it says so, or it is in verse and a neighbour has the same class."""
    if sense.name not in ("p", "div") or not sense.classes & (senses.LINE_CLASSES | senses.VERSE_CLASSES):
        return False
    if next(element.iterdescendants(*_NOT_IN_LINES), None) is not None:
        return False
    if sense.classes & senses.LINE_CLASSES:
        return True
    beside = (element.getnext(), element.getprevious())
    return any(
        one is not None and one.tag == element.tag and one.get("class") == element.get("class") for one in beside
    )


def _inherited_language(element: etree._Element) -> str:
    parent = element.getparent()
    return (el.language_of(parent) or "") if parent is not None else ""
