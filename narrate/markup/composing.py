"""Blocks in the order of the page: text and what stands in it go in, passages come out, each with an anchor of its own.

What is silent between blocks goes to a neighbour; pictures and formulas before any text of their block are blocks by
themselves when no text follows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from lxml import etree

from narrate.book import Aside, AsideKind, Block, letters_and_digits, skip
from narrate.markup.gathering import Gathered, State
from narrate.markup.initials import is_initial
from narrate.markup.lists import is_printed
from narrate.markup.passage import Flow, Passage, Place
from narrate.markup.shaping import LINE
from narrate.markup.states import Page

# So little text before an anchor in the same paragraph ("3. ", "CHAPTER") belongs to what the anchor names.
_SHORT_OPENING = 60


@dataclass(frozen=True, slots=True)
class _Picture:
    """A picture or a formula that stands before any text of its block: set apart, if none follows."""

    kind: Literal["image", "formula"]
    text: str
    said: str
    state: State
    key: str


class Composer:
    """Gathers one block at a time. ``vocabulary`` are the words of the page, for drop caps."""

    def __init__(self, page: Page, body: etree._Element, vocabulary: Callable[[], Mapping[str, int]]) -> None:
        self.flow: list[Flow] = []
        self.open: Gathered | None = None
        self.block_id = ""  # of the element whose text is read
        self.line = ""  # of the source, where anchors are lines
        self.label = ""  # of the list item whose text comes next
        self.turned = False  # a page break came, and no text since
        self._page = page
        self._vocabulary = vocabulary
        self._ids = {key for key in (element.get("id") for element in body.iter("{*}*")) if key}
        self._used: dict[str, int] = {}
        self._blocks = 0
        self._held: list[Place] = []  # places that belong before the block being gathered
        self._pending: list[Aside] = []  # asides that wait for a block
        self._pictures: list[_Picture] = []
        self._headed: set[int] = set()

    @property
    def size(self) -> int:
        """How much raw text the open block has."""
        return self.open.size if self.open is not None else 0

    def begin(self, state: State) -> Gathered:
        """Open a block."""
        opened = Gathered(state, self._anchor(), self.label, self.turned)
        opened.asides += self._pending
        opened.asides += [Aside(0, picture.kind, picture.text, picture.said) for picture in self._pictures]
        self._pending, self._pictures, self.label = [], [], ""
        self.open = opened
        return opened

    def put(self, sign: str) -> None:
        """White space or a parting sign, where a block is open."""
        if self.open is not None:
            self.open.put(sign)

    def aside(self, kind: AsideKind, text: str, said: str = "", target: str = "") -> None:
        """What is silent stands here."""
        text = " ".join(text.split())
        if not (text or said or target):
            return
        if self.open is not None:
            self.open.asides.append(Aside(self.open.size, kind, text, said, target))
        else:
            self._pending.append(Aside(0, kind, text, said, target))

    def picture(self, kind: Literal["image", "formula"], text: str, said: str, state: State, key: str) -> None:
        """A picture or a formula stands here."""
        if self.open is not None or state.row:
            self.aside(kind, text, said)
        elif text or said:
            self._pictures.append(_Picture(kind, text, said, state, key))

    def place(self, key: str | None) -> None:
        """Note where a wanted id stands: in a heading at its start, in a paragraph where it divides it."""
        if key is None or key not in self._page.wanted:
            return
        if self.open is None:
            self.flow.append(Place(key))
            return
        line = "".join(self.open.pieces).rpartition(LINE)[2]
        if self.open.state.block == "heading" or (line.strip() and letters_and_digits(line) <= _SHORT_OPENING):
            self._held.append(Place(key))
            return
        self.flush()
        self.flow.append(Place(key))

    def rule(self, state: State) -> None:
        """A scene break, but among notes a mere line."""
        self.flush()
        if state.block != "note":
            self._emit(Block("break", "", self._anchor()), state)

    def flush(self) -> None:
        """Close the block being gathered."""
        opened, self.open = self.open, None
        self.flow.extend(self._held)
        self._held.clear()
        if opened is None:
            self._emit_pictures()
            return
        closed = opened.close(self._vocabulary, self._headed)
        self._pending += [replace(aside, at=0) for aside in closed.loose]  # they begin the next block
        if closed.kind == "break":
            self._emit(Block("break", "", opened.anchor), opened.state)
        elif closed.text:
            label = opened.label if closed.kind == "item" and not is_printed(opened.label, closed.text) else ""
            block = Block(
                closed.kind, closed.text, opened.anchor, closed.language, label, "", closed.within, opened.state.note,
                closed.marks, closed.asides,
            )  # fmt: skip
            self._emit(block, opened.state, opened.linked, broken=opened.broken)

    def settle(self) -> None:
        """What is still without a block goes to the last one; on a page without any it is skipped."""
        self.flush()
        waiting, self._pending = self._pending, []
        for number in reversed(range(len(self.flow))):
            passage = self.flow[number]
            if waiting and isinstance(passage, Passage) and passage.block.kind != "break":
                asides = (*passage.block.asides, *(replace(aside, at=len(passage.block.text)) for aside in waiting))
                self.flow[number] = replace(passage, block=replace(passage.block, asides=asides))
                return
        where = f"{self._page.name}:{self.line or 1}" if self._page.by_line else f"{self._page.name}#p1"
        self.flow += [skip(aside.kind, where, aside.text) for aside in waiting if letters_and_digits(aside.text)]

    def _emit_pictures(self) -> None:
        pictures, self._pictures = self._pictures, []
        for picture in pictures:
            state = picture.state
            block = Block(
                picture.kind, picture.text, self._anchor(picture.key), state.language, "", picture.said, state.within,
                state.note,
            )  # fmt: skip
            self._emit(block, state)

    def _emit(self, block: Block, state: State, linked: int = 0, *, broken: bool = False) -> None:
        if self._pending and block.kind != "break":
            block = replace(block, asides=(*(replace(aside, at=0) for aside in self._pending), *block.asides))
            self._pending = []
        if block.within == "byline" and not self._follows_heading():
            block = replace(block, within="")
        level = (state.level or 6) if state.block == "heading" else 0
        transcriber = state.within == "transcriber's note"
        initial = state.initial and is_initial(block.text)
        self.flow.append(
            Passage(
                block,
                state.kind,
                state.role,
                level,
                linked,
                self._page.number,
                transcriber,
                state.around,
                broken,
                initial,
            )
        )

    def _follows_heading(self) -> bool:
        last = next((item for item in reversed(self.flow) if isinstance(item, Passage)), None)
        return last is not None and (last.block.kind == "heading" or last.block.within == "byline")

    def _anchor(self, key: str = "") -> str:
        """An anchor that no other block of the page has."""
        self._blocks += 1
        own = key or self.block_id
        if self._page.by_line:
            wished = f"{self._page.name}:{self.line or 1}"
        else:
            wished = f"{self._page.name}#{own or f'p{self._blocks}'}"
        taken = not own and f"p{self._blocks}" in self._ids and not self._page.by_line
        anchor, number = wished, self._used.get(wished, 1)
        while taken or anchor in self._used:
            number += 1
            anchor, taken = f"{wished}.{number}", False
        self._used.setdefault(anchor, 1)
        if wished in self._used:
            self._used[wished] = max(number, self._used[wished])  # what was tried need not be tried again
        return anchor
