"""A plain text to passages, with what was left out of it and how much text it holds."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from functools import cache

from narrate.book import Aside, Block, Mark, Skip, letters_and_digits, skip
from narrate.manuscript.apparatus import Apparatus, apparatus_of, asides_of, plain
from narrate.manuscript.headings import Headings, heading_text, headings_of, is_contents_heading
from narrate.manuscript.layout import Layout, Part, layout_of, parts_of, verse_lines
from narrate.manuscript.markdown import Sheet
from narrate.manuscript.pages import without_pages
from narrate.markup.mending import rejoined, vocabulary_of
from narrate.markup.passage import Passage, fold

_ORNAMENT = re.compile(r"[\s*·•~#=_+\-–—⁂❦.]+")
_HYPHEN = re.compile(r"[^\W\d_][-\u2010¬]$")
_LONGEST_WORD = 60  # characters
_DRAWING = 0.3  # of the signs are letters or digits: fewer, and the lines draw something
_GAP = re.compile(r"\s{3,}|\t+|\s*\|\s*")
_RULE = re.compile(r"[\s|+:=\-–—_]+")
_ENDS = (".", ",", ";", ":", "!", "?", "…")
_TRANSCRIBER = 40  # passages from either end of a text, where a transcriber says something

Vocabulary = Callable[[], Collection[str]]


def read_plain(text: str, name: str, number: int) -> Sheet:
    """Read a text whose line ends are "\\n" and which is NFC; form feeds end its pages."""
    lines, cuts = without_pages(list(enumerate(text.split("\n"), start=1)))
    layout = layout_of(lines)
    parts = parts_of(lines, layout)
    found = apparatus_of(parts, name)
    apart = {*found.notes, *found.captions, *found.inside, *found.transcriber}
    made = _Maker(parts, layout, found, headings_of(parts, apart), name, number, _vocabulary(text))
    skips = [skip(cut.reason, f"{name}:{cut.number}", cut.text) for cut in cuts]
    passages = made.passages()
    return Sheet(passages, [*skips, *made.skips], letters_and_digits(text), [])


def _vocabulary(text: str) -> Vocabulary:
    @cache
    def words() -> Collection[str]:
        return vocabulary_of(text.split("\n"))

    return words


class _Maker:
    def __init__(
        self,
        parts: Sequence[Part],
        layout: Layout,
        found: Apparatus,
        heads: Headings,
        name: str,
        number: int,
        vocabulary: Vocabulary,
    ) -> None:
        self._parts = parts
        self._layout = layout
        self._found = found
        self._heads = heads
        self._name = name
        self._number = number
        self._vocabulary = vocabulary
        self.skips: list[Skip] = []

    def passages(self) -> list[Passage]:
        made: list[Passage] = []
        for index in range(len(self._parts)):
            if index in self._heads.joined and made and made[-1].level:
                made[-1] = self._with_title(made[-1], index)
            else:
                made += self._made(index)
        return made

    def _made(self, index: int) -> list[Passage]:
        part = self._parts[index]
        anchor = f"{self._name}:{part.number}"
        if index in self._heads.contents:
            return self._contents(part)
        if index in self._heads.levels:
            text = plain(heading_text(part, underlined=index in self._heads.underlined))
            text, asides = asides_of(text, index, self._found)
            block = Block("heading", text, anchor, asides=asides)
            return [self._passage(block, level=self._heads.levels[index])] if text else []
        if index in self._found.captions or index in self._found.inside:
            return self._caption(index, anchor)
        joined = "".join(part.lines)
        if _ORNAMENT.fullmatch(joined):
            return [self._passage(Block("break", "", anchor))]
        if _is_drawing(part):
            if any(map(str.isalnum, joined)):
                self.skips.append(skip("drawing", anchor, part.text))
            return []
        if len(part.lines) >= 3 and _is_table(part) and index not in self._found.notes:
            return self._table(part)
        return self._block(index, anchor)

    def _block(self, index: int, anchor: str) -> list[Passage]:
        """A paragraph, a stanza, or a part of a note."""
        part = self._parts[index]
        note = self._found.notes.get(index, "")
        verse = not note and verse_lines(part, self._layout)
        text = "\n".join(fold(line) for line in part.lines) if verse else self._joined(part.lines)
        opening = text[: self._found.openings.get(index, 0)]
        text, asides = asides_of(plain(text[len(opening) :]), index, self._found)
        if note and text.endswith("]") and text.count("]") > text.count("["):
            text = text[:-1].rstrip()
        if verse:
            text, asides = _lines(text, asides)
        if opening:
            asides = (Aside(0, "note reference", opening.strip()), *asides)
        if not text:
            self.skips += [skip(aside.kind, anchor, aside.text) for aside in asides if letters_and_digits(aside.text)]
            return []
        kind = "note" if note else "verse" if verse and "\n" in text else "paragraph"
        transcriber = index in self._found.transcriber and _near_end(index, len(self._parts))
        block = Block(kind, text, anchor, note=note, asides=asides)  # type: ignore[arg-type]
        block = replace(block, within="transcriber's note") if transcriber else block
        return [replace(self._passage(block), transcriber=transcriber)]

    def _joined(self, lines: Sequence[str]) -> str:
        """Wrapped lines as one, words that were divided at a line's end whole again."""
        pieces = [lines[0].strip()]
        for line in lines[1:]:
            line = line.strip()
            head, blank, last = pieces[-1].rpartition(" ")
            if _HYPHEN.search(last) and line[:1].islower() and len(last) <= _LONGEST_WORD:
                pieces[-1] = head + blank
                first, space, rest = line.partition(" ")
                pieces.append(rejoined(last, first, self._vocabulary()) + space + rest)
                pieces[-2:] = ["".join(pieces[-2:])] if len(pieces[-2]) < _LONGEST_WORD else pieces[-2:]
            else:
                pieces.append(line)
        return fold("\n".join(pieces))

    def _caption(self, index: int, anchor: str) -> list[Passage]:
        """A picture's caption; a picture without one is listed."""
        text = self._parts[index].text
        opening = text[: self._found.captions.get(index, 0)]
        said = plain(text[len(opening) :]).strip()
        said = said.removesuffix("]").rstrip() if said.count("]") > said.count("[") else said
        if any(map(str.isalnum, said)):
            asides = (Aside(0, "image", opening.strip()),) if opening else ()
            return [self._passage(Block("caption", said, anchor, asides=asides))]
        self.skips += [skip("image", anchor, opening)] if opening else []
        return []

    def _contents(self, part: Part) -> list[Passage]:
        """Each line of a list of chapters, marked as contents."""
        made = []
        for place, line in enumerate(part.lines):
            text = plain(fold(line))
            if text and any(map(str.isalnum, text)):
                made.append(self._passage(Block("paragraph", text, f"{self._name}:{part.number + place}")))
        made = [replace(passage, kind="contents") for passage in made]
        if made and is_contents_heading(part):
            made[0] = replace(made[0], level=1, block=replace(made[0].block, kind="heading"))
        return made

    def _table(self, part: Part) -> list[Passage]:
        rows = [(place, line) for place, line in enumerate(part.lines) if not _RULE.fullmatch(line)]
        made = []
        for place, line in rows:
            cells = [plain(fold(cell)) for cell in _GAP.split(line.strip(" |")) if cell.strip()]
            text, marks = _row([cell for cell in cells if cell])
            if text:
                anchor = f"{self._name}:{part.number + place}"
                made.append(self._passage(Block("cell", text, anchor, marks=marks)))
        return made

    def _with_title(self, heading: Passage, index: int) -> Passage:
        """A chapter's number and its title are one heading."""
        title, asides = asides_of(plain(self._parts[index].text), index, self._found)
        number = heading.block.text
        stop = "" if number.endswith((*_ENDS, "。", "—", "–", "-")) or number[-1:] > "\u2e80" else "."
        text = f"{number}{stop} {title}"
        moved = tuple(replace(aside, at=aside.at + len(text) - len(title)) for aside in asides)
        return replace(heading, block=replace(heading.block, text=text, asides=(*heading.block.asides, *moved)))

    def _passage(self, block: Block, level: int = 0) -> Passage:
        return Passage(block, level=level, document=self._number)


def _lines(text: str, asides: Sequence[Aside]) -> tuple[str, tuple[Aside, ...]]:
    """Verse whose lines are clean and not empty, its asides at the same words."""
    clean = "\n".join(filter(None, (fold(line) for line in text.split("\n"))))
    if clean == text:
        return text, tuple(asides)
    places = [sum(not character.isspace() for character in text[: aside.at]) for aside in asides]
    return clean, tuple(replace(aside, at=_after(clean, seen)) for aside, seen in zip(asides, places, strict=True))


def _after(text: str, count: int) -> int:
    """The place in ``text`` behind its first ``count`` characters that are no blanks."""
    for place, character in enumerate(text):
        if count == 0:
            return place
        count -= not character.isspace()
    return len(text)


def _is_drawing(part: Part) -> bool:
    """Lines made of signs: a picture of typewriter characters. A rule under a line of text draws nothing."""
    signs = "".join("".join(line for line in part.lines if not _ORNAMENT.fullmatch(line)).split())
    return len(part.lines) >= 3 and sum(map(str.isalnum, signs)) < _DRAWING * len(signs)


def _is_table(part: Part) -> bool:
    """Two signs: columns divided on most lines, and as many on each."""
    lines = [line for line in part.lines if not _RULE.fullmatch(line)]
    counts = [len([cell for cell in _GAP.split(line.strip(" |")) if cell.strip()]) for line in lines]
    if len(lines) < 2 or sum(count >= 2 for count in counts) < 0.8 * len(lines):
        return False
    usual = max(set(counts), key=counts.count)
    barred = sum(line.count("|") >= 2 for line in lines) >= 0.8 * len(lines)
    return counts.count(usual) >= 0.7 * len(lines) and (barred or usual >= 3 or len(lines) < len(part.lines))


def _row(cells: Sequence[str]) -> tuple[str, tuple[Mark, ...]]:
    text = ""
    marks = []
    for cell in cells:
        if text:
            text += " " if text.endswith(_ENDS) else ". "
        marks.append(Mark(len(text), len(text) + len(cell), "cell"))
        text += cell
    return text, tuple(marks)


def _near_end(index: int, count: int) -> bool:
    return index < _TRANSCRIBER or index >= count - _TRANSCRIBER
