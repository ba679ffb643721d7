"""The raw text of a block to its clean text, with the place of everything that stands in it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from narrate.book import Aside, Block, BlockKind, Mark
from narrate.markup.folding import Edit, built_fractions, composed, edited, folded
from narrate.markup.joining import between_cells, between_lines, looks_like_verse

# Between cells, between lines, and at the end of an element that is a line: characters no page can hold.
CELL, LINE, LINE_END = "\x01", "\x02", "\x03"

ORNAMENTS = frozenset("*⁂✱✲✳✶✷✸✻❋❖❦❧☙~•·∙◆◇◊○●■□★☆†‡#_=+^-–—―| ")
_PARTED = re.compile(f" ?[{CELL}{LINE}{LINE_END}][ {CELL}{LINE}{LINE_END}]*")
_BRACKETS = {"[": "]", "(": ")", "{": "}"}
_LONGEST_BLANK = 80  # characters of white space that are looked at beside something silent


@dataclass(frozen=True, slots=True)
class Manner:
    """How a block's text is shaped: its kind as far as the elements tell, and whether its lines are lines of verse."""

    block: BlockKind = "paragraph"
    row: bool = False
    verse: bool = False
    lines: bool = False


@dataclass(frozen=True, slots=True)
class Shaped:
    """A clean text, what kind of block it makes, and where the asked-for places of the raw text have gone."""

    kind: BlockKind
    text: str
    places: Sequence[int]


def shaped(raw: str, manner: Manner, places: Sequence[int] = (), silent: Sequence[tuple[int, bool]] = ()) -> Shaped:
    """Shape ``raw``. ``silent`` are the places, in order, where something was taken out of the line, each with whether
    it takes the brackets around it along.
    """
    if manner.block == "code":
        return _code(raw, places)
    if manner.lines and not _holds_lines(raw):
        raw = raw.replace("\n", LINE)  # preformatted: its own line ends are the lines
    text, places = edited(raw, _closed_up(raw, silent), places) if silent else (raw, places)
    text, places = folded(text, places)
    parts = list(_PARTED.finditer(text)) if _is_parted(text) else []
    lines = _lines(text, parts)
    if not lines:
        return Shaped(manner.block, "", [0] * len(places))
    kind = _kind(manner, lines)
    if kind == "break":
        return Shaped(kind, "", [0] * len(places))
    edits = [(part.start(), part.end(), _between(part[0], kind, line)) for part, line in _with_lines(text, parts)]
    text, places = edited(text, edits, places)
    text, places = edited(text, _edges(text), places)
    text, places = composed(*edited(text, built_fractions(text), places))
    return Shaped(kind, text, places)


def spliced(block: Block, edits: Sequence[Edit]) -> Block:
    """The block with its text edited, and its marks and asides where they belong then."""
    places = [place for mark in block.marks for place in (mark.start, mark.end)]
    text, moved = edited(block.text, edits, [*places, *(aside.at for aside in block.asides)])
    marks = [
        replace(mark, start=moved[2 * number], end=moved[2 * number + 1]) for number, mark in enumerate(block.marks)
    ]
    asides = [replace(aside, at=at) for aside, at in zip(block.asides, moved[len(places) :], strict=True)]
    return replace(block, text=text, marks=tuple(marks), asides=tuple(asides))


def shifted(marks: Sequence[Mark], asides: Sequence[Aside], by: int) -> tuple[tuple[Mark, ...], tuple[Aside, ...]]:
    """The marks and asides of a text before which ``by`` characters were put."""
    return (
        tuple(replace(mark, start=mark.start + by, end=mark.end + by) for mark in marks),
        tuple(replace(aside, at=aside.at + by) for aside in asides),
    )


def _code(raw: str, places: Sequence[int]) -> Shaped:
    text = raw.translate({ord(CELL): " ", ord(LINE): "\n", ord(LINE_END): "\n"})
    body = text.strip("\r\n")
    start = text.find(body) if body else 0
    edits: list[Edit] = [(0, start, "")] if start else []
    if start + len(body) < len(text):
        edits.append((start + len(body), len(text), ""))
    return Shaped("code", *composed(*edited(text, edits, places)))


def _is_parted(text: str) -> bool:
    return CELL in text or _holds_lines(text)


def _holds_lines(text: str) -> bool:
    return LINE in text or LINE_END in text


def _lines(text: str, parts: Sequence[re.Match[str]]) -> list[str]:
    """What stands between the parting signs."""
    starts = [0, *(part.end() for part in parts)]
    ends = [*(part.start() for part in parts), len(text)]
    return [line for line in (text[start:end].strip() for start, end in zip(starts, ends, strict=True)) if line]


def _with_lines(text: str, parts: Sequence[re.Match[str]]) -> list[tuple[re.Match[str], str]]:
    """Each parting sign with the line before it, "" where there is none or nothing follows."""
    found = []
    at = 0
    for part in parts:
        last = part.end() == len(text)
        found.append((part, "" if last else text[at : part.start()].strip()))
        at = part.end()
    return found


def _between(parting: str, kind: BlockKind, line: str) -> str:
    """What is written between ``line`` and the next."""
    if not line:
        return ""
    if kind == "verse":
        return "\n"
    if CELL in parting and kind in ("heading", "cell"):
        return between_cells(line)
    return between_lines(line) if kind == "heading" else " "


def _kind(manner: Manner, lines: Sequence[str]) -> BlockKind:
    if all(ORNAMENTS.issuperset(line) for line in lines):
        return "break"
    if manner.block != "paragraph":
        return manner.block
    if manner.row and not manner.verse:
        return "cell"
    return "verse" if manner.verse or looks_like_verse(lines) else "paragraph"


def _edges(text: str) -> list[Edit]:
    """White space at both ends."""
    body = text.strip()
    start = len(text) - len(text.lstrip())
    edits: list[Edit] = [(0, start, "")] if start else []
    if start + len(body) < len(text):
        edits.append((start + len(body), len(text), ""))
    return edits


def _closed_up(raw: str, silent: Sequence[tuple[int, bool]]) -> list[Edit]:
    """Nothing is left of a mark that was taken out: no blank before a comma, no empty brackets."""
    edits: list[Edit] = []
    done = 0
    for place, bracketed in silent:
        start, end = place, place
        while start > max(done, place - _LONGEST_BLANK) and raw[start - 1] in " \t\r\n\xa0":
            start -= 1
        while end < min(len(raw), place + _LONGEST_BLANK) and raw[end] in " \t\r\n":
            end += 1
        closes = _BRACKETS.get(raw[start - 1]) if bracketed and start > done else None
        if closes and raw[end : end + 1] == closes:
            start -= 1
            while raw[end + 1 : end + 2] in tuple(".,;:!?)") and start > max(done, place - _LONGEST_BLANK):
                if raw[start - 1] not in " \t\r\n\xa0":
                    break
                start -= 1
            edits.append((start, end + 1, ""))
        elif start < place and raw[place : place + 1] in tuple(".,;:!?)"):
            edits.append((start, place, ""))
        else:
            continue
        done = edits[-1][1]
    return edits
