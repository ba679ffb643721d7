"""BRICK: a book and a reading policy to what is read of it, block by block, and what is not. Pure.

Every letter of the book is read or in a Skip (P1). What is read keeps its place: a ``Stretch`` leads from what is said
back to the characters it was written with, also where something is said in their place or was left out between them.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from narrate.book import Aside, Block, Book, Chapter, Mark, Skip, letters_and_digits, skip
from narrate.markup.passage import bare
from narrate.policy import SKIP, SPEAK, PlaceRule, Policy
from narrate.script import Decision
from narrate.stretches import Edit, Stretch, addresses, apart, inside, spaced, stretches, verse_lines

_BLOCKS = {
    "heading": "heading",
    "verse": "verse",
    "cell": "table",
    "caption": "caption",
    "code": "code",
    "formula": "formula",
    "image": "image",
}
"""The kind of the policy that decides a block of this kind; what is not here is always read."""

_INLINE = {"speaker", "stage direction"}
"""Marks whose text is read or not, as the policy says."""

_SITE = re.compile(r"(?:[a-z]+://)?(?:www\.)?([^/?#:@]+)", re.IGNORECASE)
_OPENING = 4  # blocks at the start of a chapter among which its title is looked for
_SHORT_ADDRESS = 40  # characters: what a listener can follow
_BRACKETS = re.compile(r"\[[^\[\]]{1,500}\]")

_NOTE = {
    "de": "Anmerkung", "fr": "Note", "es": "Nota", "it": "Nota", "pt": "Nota", "nl": "Noot", "sv": "Not", "da": "Note",
    "nb": "Note", "no": "Note", "fi": "Viite", "pl": "Przypis", "cs": "Poznámka", "ru": "Примечание", "el": "Σημείωση",
    "ja": "注", "zh": "注", "ko": "주", "tr": "Not", "hu": "Jegyzet", "ro": "Notă", "uk": "Примітка", "ca": "Nota",
}  # fmt: skip
"""What is said before a note, by primary subtag; elsewhere "Note"."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """A block as it is read."""

    block: Block
    stretches: tuple[Stretch, ...]

    @property
    def text(self) -> str:
        return "".join(stretch.text for stretch in self.stretches)


@dataclass(slots=True)
class Reading:
    """What is read of each chapter (None: it is left out), what is not, and every decision."""

    chapters: list[list[Spoken] | None] = field(default_factory=list)
    skips: list[Skip] = field(default_factory=list)
    decisions: dict[tuple[str, str], Decision] = field(default_factory=dict)
    spoken_characters: int = 0
    characters: list[int] = field(default_factory=list)  # spoken, of each chapter
    unmet: list[PlaceRule] = field(default_factory=list)  # rules about places that are not in the book


def read(book: Book, policy: Policy, chosen: Collection[int] | None = None) -> Reading:
    """Apply ``policy`` to ``book``; of the chapters that are read only those numbered in ``chosen`` (from 1)."""
    return _Reader(book, policy, chosen).read()


class _Reader:
    def __init__(self, book: Book, policy: Policy, chosen: Collection[int] | None) -> None:
        self._book = book
        self._actions = policy.actions
        self._places = policy.places
        self._chosen = chosen
        self._reading = Reading(skips=list(book.skipped))
        self._notes = self._gathered_notes()
        self._told: set[str] = set()  # notes that are read already
        self._met: set[PlaceRule] = set()

    def _gathered_notes(self) -> dict[str, list[Block]]:
        notes: dict[str, list[Block]] = {}
        if self._actions["notes"] in ("paragraph", "chapter"):
            for chapter in self._book.chapters:
                for block in chapter.blocks:
                    if block.kind == "note" and block.note:
                        notes.setdefault(block.note, []).append(block)
        return notes

    def read(self) -> Reading:
        number = 0
        for chapter in self._book.chapters:
            reason = self._reason(chapter)
            number += not reason
            if not reason and self._chosen is not None and number not in self._chosen:
                reason = "chapter not chosen"
            before = self._reading.spoken_characters
            if reason:
                self._leave_out(chapter, reason)
            self._reading.chapters.append(None if reason else self._read(chapter))
            self._reading.characters.append(self._reading.spoken_characters - before)
        for key, blocks in self._notes.items():
            if key not in self._told:
                for block in blocks:
                    self._skip_block(block, "notes")
        self._reading.unmet = [rule for rule in self._places if rule not in self._met]
        return self._reading

    def _reason(self, chapter: Chapter) -> str:
        """Why a whole chapter is not read, "" when it is."""
        if chapter.kind == "chapter" or (chapter.kind == "bibliography" and chapter.role == "body"):
            action, kind = SPEAK, ""  # a list of works among the chapters is one of them
        elif chapter.kind == "notes":
            kind, action = "notes", SPEAK if self._actions["notes"] == "place" else SKIP
        else:
            kind, action = chapter.kind, self._actions[chapter.kind]
        rule = self._rule("\0", chapter.title)
        if rule is not None:
            action, kind = rule.read, kind if rule.read == action else "place rule"
        elif any(self._rule(block.anchor, "\0") for block in chapter.blocks):
            return ""  # a place inside has a rule of its own: each block decides
        if kind:
            text = " ".join(block.text for block in chapter.blocks[:4])
            size = sum(block.characters for block in chapter.blocks)
            where = chapter.blocks[0].anchor if chapter.blocks else chapter.title
            self._decide(kind, action, where, f"{chapter.title}: {text}", size)
        if action != SKIP:
            return ""
        return f"{kind} (a guess: {chapter.guess})" if chapter.guess else kind

    def _rule(self, anchor: str, title: str) -> PlaceRule | None:
        if not self._places:
            return None
        met = [rule for rule in self._places if rule.meets(anchor, title)]
        self._met.update(met)
        return met[-1] if met else None

    def _decide(self, kind: str, action: str, where: str, text: str, characters: int) -> None:
        made = self._reading.decisions.get((kind, action))
        if made is None:
            made = Decision(kind, action, 0, 0, where, skip("", where, text).preview)
        self._reading.decisions[kind, action] = replace(
            made, count=made.count + 1, characters=made.characters + characters
        )

    def _leave_out(self, chapter: Chapter, reason: str) -> None:
        """A chapter that is left out is one skip, but for what a reader would not have seen anyway."""
        blocks = [block for block in chapter.blocks if not (block.kind == "note" and block.note in self._notes)]
        where = next((block.anchor for block in blocks if block.text), "")
        self._skip_text(reason, where, "\n".join(block.text for block in blocks))
        for block in blocks:
            self._skip_inside(block)

    def _skip_block(self, block: Block, reason: str) -> None:
        self._skip_text(reason, block.anchor, block.text)
        self._skip_inside(block)

    def _skip_inside(self, block: Block) -> None:
        for aside in block.asides:
            self._skip_text(aside.kind, block.anchor, aside.text)
        for mark in block.marks:
            if mark.kind == "ruby":
                self._skip_text("ruby reading", block.anchor, mark.value)

    def _skip_text(self, reason: str, where: str, text: str) -> None:
        left_out = skip(reason, where, text)
        if left_out.characters:
            self._reading.skips.append(left_out)

    def _read(self, chapter: Chapter) -> list[Spoken]:
        spoken = list(self._titled(chapter))
        waiting: list[tuple[Aside, Block]] = []  # note references whose notes stand at the end of the chapter
        decided_here = (
            chapter.kind not in ("chapter", "notes")
            and bool(self._places)
            and (self._actions[chapter.kind] == SKIP and self._rule("\0", chapter.title) is None)
        )
        for number, block in enumerate(chapter.blocks):
            following = chapter.blocks[number + 1] if number + 1 < len(chapter.blocks) else None
            if block.kind == "note" and block.note in self._notes:
                continue  # read where its reference stands
            rule = self._rule(block.anchor, chapter.title)
            if rule is None and decided_here:
                self._skip_block(block, chapter.kind)
                continue
            kind, action = self._action(block, rule)
            if kind:
                self._decide(kind, action, block.anchor, block.text or block.said, block.characters)
            if action == SKIP:
                self._skip_block(block, kind)
                continue
            if action == "headers" and following is not None and _only_headers(block) and _under_headers(following):
                self._reading.spoken_characters += letters_and_digits(block.text)  # said with each of its cells
                self._skip_inside(block)
                continue
            spoken.append(self._spoken(block, action, rule))
            waiting += [(aside, block) for aside in block.asides if aside.target in self._notes]
            if self._actions["notes"] == "paragraph":
                spoken += self._told_notes(waiting)
                waiting = []
        return spoken + list(self._told_notes(waiting))

    def _titled(self, chapter: Chapter) -> Iterator[Spoken]:
        """The chapter's title, where its text does not begin with it and the policy wants it."""
        opening = bare(" ".join(block.text for block in chapter.blocks[:_OPENING]))
        if not chapter.title or bare(chapter.title) in opening:
            return
        anchor = chapter.blocks[0].anchor if chapter.blocks else chapter.title
        self._decide("chapter title", self._actions["chapter title"], anchor, chapter.title, 0)
        if self._actions["chapter title"] == SPEAK:
            yield Spoken(Block("heading", chapter.title, anchor), (Stretch(chapter.title, anchor, 0, 0),))

    def _action(self, block: Block, rule: PlaceRule | None) -> tuple[str, str]:
        """The kind that decides how a block is read, and how."""
        if rule is not None:
            return ("place rule", rule.read) if rule.read == SKIP or rule.say else ("", SPEAK)
        if block.kind == "note":
            return "notes", SPEAK if self._actions["notes"] == "place" else SKIP
        if block.within and self._actions[block.within] == SKIP:
            return block.within, SKIP
        kind = _BLOCKS.get(block.kind, "")
        if not kind:
            return (block.within, SPEAK) if block.within else ("", SPEAK)
        return kind, self._actions[kind]

    def _told_notes(self, waiting: Iterable[tuple[Aside, Block]]) -> Iterator[Spoken]:
        """The notes that ``waiting`` references lead to, each once, announced by its mark."""
        primary = self._book.meta.language.partition("-")[0].lower()
        for aside, at in waiting:
            if aside.target in self._told:
                continue
            self._told.add(aside.target)
            mark = "".join(filter(str.isalnum, aside.text))
            blocks = self._notes[aside.target]
            for number, block in enumerate(blocks):
                said = self._spoken(block, SPEAK, None)
                if number == 0:
                    words = f"{_NOTE.get(primary, 'Note')}{' ' + mark if mark else ''}: "
                    said = Spoken(block, (Stretch(words, at.anchor, 0, 0), *said.stretches))
                yield said
                self._decide("notes", self._actions["notes"], block.anchor, block.text, block.characters)

    def _spoken(self, block: Block, action: str, rule: PlaceRule | None) -> Spoken:
        if rule is not None and rule.say:
            self._reading.spoken_characters += letters_and_digits(block.text)
            self._skip_inside(block)
            return Spoken(block, (Stretch(rule.say, block.anchor, 0, len(block.text)),))
        if block.kind in ("image", "formula") and block.said:
            self._reading.spoken_characters += letters_and_digits(block.text)
            self._skip_inside(block)
            return Spoken(block, (Stretch(block.said, block.anchor, 0, len(block.text)),))
        edits = sorted(self._edits(block, action), key=lambda edit: (edit.start, edit.end > edit.start, -edit.end))
        said = tuple(stretches(block, edits))
        self._reading.spoken_characters += letters_and_digits(block.text)
        return Spoken(block, said)

    def _edits(self, block: Block, action: str) -> Iterator[Edit]:
        """Where the block is not read as it is written."""
        cuts = apart(self._cuts(block))
        for cut in cuts:
            text = block.text[cut.start : cut.end]
            self._skip_text(cut.kind, block.anchor, text)
            self._reading.spoken_characters -= letters_and_digits(text)
            yield cut
        if block.label and self._inline("list number", block, block.label, counts=False):
            yield Edit(0, 0, f"{block.label} ")
        for mark in block.marks:
            yield from self._marked(block, mark, action, cuts)
        for aside in block.asides:
            yield from self._aside(block, aside, cuts)
        longest = {"site": 0, "short": _SHORT_ADDRESS}.get(self._actions["address"])
        if longest is not None:
            for found in addresses(block.text):
                site = _SITE.match(found[0])
                if site and len(found[0]) > longest:
                    yield Edit(found.start(), found.end(), site[1])
        if block.kind == "verse":
            yield from verse_lines(block.text, action)

    def _cuts(self, block: Block) -> Iterator[Edit]:
        """What stands in the block's text and is not read. Every decision about such text is noted, also to read it."""
        for mark in block.marks:
            if mark.kind in _INLINE and not self._inline(mark.kind, block, block.text[mark.start : mark.end]):
                yield Edit(mark.start, mark.end, "", mark.kind)
        for kind, found in (
            *(("address", found) for found in addresses(block.text)),
            *(("brackets", found) for found in _BRACKETS.finditer(block.text)),
        ):
            if not self._inline(kind, block, found[0]):
                yield Edit(found.start(), found.end(), "", kind)

    def _inline(self, kind: str, block: Block, text: str, *, counts: bool = True) -> bool:
        """Note the decision for a kind inside a block; whether it is read."""
        action = self._actions[kind]
        self._decide(kind, action, block.anchor, text, letters_and_digits(text) if counts else 0)
        return action != SKIP

    def _marked(self, block: Block, mark: Mark, action: str, cuts: Sequence[Edit]) -> Iterator[Edit]:
        written = block.text[mark.start : mark.end]
        if mark.kind == "ruby":
            self._decide("ruby", self._actions["ruby"], block.anchor, f"{written} {mark.value}", 0)
            if self._actions["ruby"] == "reading" and mark.value.strip() and not inside(mark.start, mark.end, cuts):
                self._skip_text("ruby base", block.anchor, written)
                # what is said in its place has letters of its own
                self._reading.spoken_characters += letters_and_digits(mark.value) - letters_and_digits(written)
                yield Edit(mark.start, mark.end, mark.value)
            else:
                self._skip_text("ruby reading", block.anchor, mark.value)
        elif mark.kind == "abbreviation" and mark.value:
            self._decide("abbreviation", self._actions["abbreviation"], block.anchor, f"{written}: {mark.value}", 0)
            if self._actions["abbreviation"] == "meaning":
                yield Edit(mark.start, mark.end, mark.value)
        elif mark.kind == "cell" and action == "headers" and mark.value and written:
            yield Edit(mark.start, mark.start, f"{mark.value.rstrip(' :.')}: ")

    def _aside(self, block: Block, aside: Aside, cuts: Sequence[Edit]) -> Iterator[Edit]:
        kind, says = aside.kind, (aside.said or aside.text).strip()
        moved = kind == "note reference" and aside.target in self._notes and self._actions[kind] == SKIP
        spoken = not moved and self._inline(kind, block, aside.text or aside.said)
        if spoken and says and not inside(aside.at, aside.at, cuts):
            self._reading.spoken_characters += letters_and_digits(aside.text)
            yield Edit(aside.at, aside.at, spaced(block.text, aside.at, says))
        else:
            self._skip_text(kind, block.anchor, aside.text)


def _only_headers(block: Block) -> bool:
    cells = [mark for mark in block.marks if mark.kind in ("cell", "header cell")]
    return block.kind == "cell" and bool(cells) and all(mark.kind == "header cell" for mark in cells)


def _under_headers(block: Block) -> bool:
    return block.kind == "cell" and any(mark.kind == "cell" and mark.value for mark in block.marks)
