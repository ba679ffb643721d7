"""The block that is being gathered on the walk: its raw text, and what stands in it, until it is closed."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from narrate.book import Aside, AsideKind, BlockKind, ChapterKind, Mark, MarkKind, Role, Within
from narrate.markup.folding import Edit, edited
from narrate.markup.initials import belongs, is_initial
from narrate.markup.mending import Vocabulary
from narrate.markup.shaping import Manner, shaped

_BRACKETED: frozenset[AsideKind] = frozenset(
    ("note reference", "page number", "line number", "link back from a note", "ruby bracket")
)
"""What takes the brackets around it along."""

_BEHIND_NUMBER = re.compile(r"[.:)\]]+ ?")  # what stands behind the number of a note
_NEARLY_ALL = 0.8  # of a block's text in one language make it the block's


@dataclass(frozen=True, slots=True)
class Telling:
    """What an element says of the text inside it; ``number`` tells one element from the next that says the same."""

    kind: MarkKind | Literal["drop cap"]
    value: str = ""
    number: int = 0


@dataclass(frozen=True, slots=True)
class State:
    """What an element passes on to what it holds."""

    block: BlockKind = "paragraph"
    kind: ChapterKind | Literal[""] = ""
    role: Role | Literal[""] = ""
    level: int = 0
    language: str = ""
    home: str = ""  # the language of the block
    verse: bool = False
    lines: bool = False  # inside a stanza each block is a line
    row: bool = False
    group: bool = False  # inside a heading made of several elements
    link: bool = False
    sectioned: bool = False  # inside a section that says what it is
    within: Within | Literal[""] = ""
    note: str = ""
    around: str = ""
    alphabet: str = "ipa"
    raised: Literal["", "sup", "sub", "marks"] = ""  # "marks": raised marks of notes, and what parts them
    cast: bool = False  # in a list of the characters of a play
    listed: bool = False
    initial: bool = False
    tellings: tuple[Telling, ...] = ()


@dataclass(frozen=True, slots=True)
class Closed:
    """A gathered block in its clean form. ``loose`` are asides and readings that found no text to stand in."""

    kind: BlockKind
    text: str
    language: str
    within: Within | Literal[""]
    marks: tuple[Mark, ...]
    asides: tuple[Aside, ...]
    loose: tuple[Aside, ...] = ()


@dataclass(slots=True)
class Gathered:
    """The block being gathered; places are those of its raw text."""

    state: State
    anchor: str
    label: str = ""
    broken: bool = False
    pieces: list[str] = field(default_factory=list)
    size: int = 0
    serial: int = 0
    runs: list[tuple[int, int, int, tuple[Telling, ...], str]] = field(default_factory=list)
    asides: list[Aside] = field(default_factory=list)
    readings: list[tuple[int, int, str]] = field(default_factory=list)
    languages: Counter[str] = field(default_factory=Counter)
    linked: int = 0
    told: bool = False

    def add(self, text: str, state: State) -> None:
        """Text that is read, said by elements as ``state`` tells."""
        self.serial += 1
        self.told = self.told or bool(state.tellings)
        self.runs.append((self.serial, self.size, self.size + len(text), state.tellings, state.language))
        self.languages[state.language] += len(text)
        self.put(text)

    def put(self, text: str) -> None:
        """White space or a parting sign."""
        self.pieces.append(text)
        self.size += len(text)

    def close(self, vocabulary: Vocabulary, headed: set[int]) -> Closed:
        """Shape what was gathered; ``headed`` are the numbers of the cells whose header was named before."""
        state = self.state
        manner = Manner(state.block, state.row, state.verse, state.lines)
        raw = "".join(self.pieces)
        language = self._language()
        spans = [*self._spans(language), *((start, end, Telling("ruby", value)) for start, end, value in self.readings)]
        places = [place for start, end, _ in spans for place in (start, end)] + [aside.at for aside in self.asides]
        silent = [(aside.at, aside.kind in _BRACKETED) for aside in self.asides if aside.kind != "image"]
        done = shaped(raw, manner, places, silent)
        text, moved = done.text, done.places
        numbered = state.block == "note" and any(
            aside.kind == "link back from a note" and not at
            for aside, at in zip(self.asides, moved[2 * len(spans) :], strict=True)
        )
        if numbered and (stop := _BEHIND_NUMBER.match(text)):
            text, moved = edited(text, [(0, stop.end(), "")], moved)
        joins = list(_drop_caps(text, spans, moved, vocabulary))
        if joins:
            text, moved = edited(text, joins, moved)
        if not text:
            return Closed(done.kind, "", language, state.within, (), (), self._homeless())
        marks, lost = _marks(text, spans, moved, headed)
        behind = moved[2 * len(spans) :]
        asides = [replace(aside, at=at) for aside, at in zip(self.asides, behind, strict=True)] + lost
        within = state.within
        directions = [mark for mark in marks if mark.kind == "stage direction"]
        if len(directions) == 1 and not any(map(str.isalnum, text[: directions[0].start] + text[directions[0].end :])):
            within = "stage direction"
            marks.remove(directions[0])
        ordered = tuple(sorted(asides, key=lambda aside: aside.at))
        return Closed(done.kind, text, language, within, tuple(sorted(marks, key=_order)), ordered)

    def _language(self) -> str:
        """That of nearly all the text, else the block's own."""
        if not self.languages:
            return self.state.language
        most, size = self.languages.most_common(1)[0]
        nearly_all = size >= _NEARLY_ALL * self.languages.total()
        return most if nearly_all or self.state.home not in self.languages else self.state.home

    def _spans(self, language: str) -> Iterable[tuple[int, int, Telling]]:
        """The stretches of raw text that each telling is about, whole where they touch."""
        if not self.told and len(self.languages) < 2:
            return []
        primary = language.partition("-")[0].lower()
        spans: list[tuple[int, int, Telling]] = []
        last: dict[Telling, tuple[int, int]] = {}  # -> the serial number of its last text, its place in spans
        for serial, start, end, tellings, spoken in self.runs:
            said = list(tellings)
            if spoken and spoken.partition("-")[0].lower() != primary:
                said.append(Telling("language", spoken))
            for telling in said:
                before, place = last.get(telling, (-2, 0))
                if before == serial - 1 or (before >= 0 and telling.kind in ("cell", "header cell")):
                    spans[place] = (spans[place][0], end, telling)
                else:
                    place = len(spans)
                    spans.append((start, end, telling))
                last[telling] = (serial, place)
        return spans

    def _homeless(self) -> tuple[Aside, ...]:
        readings = [Aside(0, "ruby bracket", value) for _, _, value in self.readings]
        return (*self.asides, *readings)


def _order(mark: Mark) -> tuple[int, int, str]:
    return mark.start, -mark.end, mark.kind


def _marks(
    text: str, spans: Sequence[tuple[int, int, Telling]], moved: Sequence[int], headed: set[int]
) -> tuple[list[Mark], list[Aside]]:
    """The marks of a clean text without white space at their ends; and the readings that have no characters left."""
    marks: list[Mark] = []
    lost: list[Aside] = []
    for number, (_, _, telling) in enumerate(spans):
        start, end = moved[2 * number], moved[2 * number + 1]
        while start < end and text[start].isspace():
            start += 1
        while start < end and text[end - 1].isspace():
            end -= 1
        kind = telling.kind
        if kind == "drop cap":
            continue
        if start < end:
            again = kind == "cell" and telling.number in headed
            marks.append(Mark(start, end, kind, "" if again else telling.value))
            headed.add(telling.number)
        elif kind == "ruby":
            lost.append(Aside(start, "ruby bracket", telling.value))
    return _speakers_first(text, marks), lost


def _speakers_first(text: str, marks: list[Mark]) -> list[Mark]:
    """A speaker is named before the speech; a name in the middle of one is only a name."""
    starts = {mark.start for mark in marks if mark.kind in ("cell", "header cell")}
    return [
        mark
        for mark in marks
        if mark.kind != "speaker"
        or mark.start in starts
        or not any(map(str.isalnum, text[: mark.start]))
        or text[mark.start - 1] == "\n"
    ]


def _drop_caps(
    text: str, spans: Sequence[tuple[int, int, Telling]], moved: Sequence[int], vocabulary: Vocabulary
) -> Iterable[Edit]:
    """The blanks behind drop caps that only the source has."""
    done = 0
    for number, (_, _, telling) in enumerate(spans):
        if telling.kind != "drop cap":
            continue
        start, end = moved[2 * number], moved[2 * number + 1]
        letter = text[start:end].strip()
        at = start + len(text[start:end].rstrip())
        if start < done or start > 1 or not is_initial(letter) or text[at : at + 1] != " ":
            continue
        if belongs(letter, text[at + 1 : at + 80], vocabulary):
            done = at + 1
            yield at, at + 1, ""
