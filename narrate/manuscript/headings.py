"""Where the chapters of a plain text begin, and which of its parts only list them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from narrate.book import letters_and_digits
from narrate.manuscript.labels import is_named, is_numeral, label_of
from narrate.manuscript.layout import Part
from narrate.markup.passage import bare

_CAPITALS_MAX = 60  # a line in capitals longer than this is a line somebody shouts
_TITLE_MAX = 100  # characters of the title behind a label
_MIN_HEADINGS = 2  # of a doubtful kind, to be headings at all
_SHARE_TITLED = 0.6  # of the labels have a short line behind them: then the line is the title
_APART = 300  # letters and digits between two numbered headings; items of a list have fewer
_CENTRED = re.compile(r"[ \t]{10,}\S|\t{2,}\S")
_UNDERLINE = re.compile(r"\s*(={3,}|-{3,}|~{3,}|\*{3,}|—{3,})\s*")
_NUMBERED_TITLE = re.compile(r"(?:(\d{1,3})|([IVXLC]{1,7}))\s*[.):—–-]\s*(\S.{1,80})")
_LEADERS = re.compile(r"(?:\.[ .]{2,}|…+|\s{3,}|\t)\s*(?:\d{1,4}|[ivxlc]{1,7})\.?\s*$", re.IGNORECASE)
_CONTENTS = re.compile(
    r"(?:table of )?contents\.?|table des matières|inhalt(?:sverzeichnis)?|índice|indice|sommario|inhoud|содержание"
    r"|оглавление|目次|目录|目錄|list of illustrations|illustrations",
    re.IGNORECASE,
)
_LISTS = 5  # contents, illustrations, plates, maps: more lists no book has
_LISTED = 0.6  # of the lines under "Contents" name a chapter or end in a page number
_QUOTED = tuple('"“”‘«»„—–-*[(')
_SMALL = {
    "a",
    "an",
    "and",
    "as",
    "at",
    "by",
    "for",
    "from",
    "in",
    "of",
    "on",
    "or",
    "the",
    "to",
    "with",
    "de",
    "la",
    "le",
}


@dataclass(slots=True)
class Headings:
    """``levels``: the level of each part that is a heading. ``joined``: parts that are the title of the one before.

    ``contents`` are the parts that list chapters; ``underlined`` those whose last line only draws a rule.
    """

    levels: dict[int, int] = field(default_factory=dict)
    joined: set[int] = field(default_factory=set)
    contents: set[int] = field(default_factory=set)
    underlined: set[int] = field(default_factory=set)


def headings_of(parts: Sequence[Part], apart: frozenset[int] | set[int] = frozenset()) -> Headings:
    """Find the headings: labels first; without labels, numerals, numbered titles, or lines in capitals.

    ``apart`` are parts that are something else already: notes, captions.
    """
    found = Headings()
    short = [index for index, part in enumerate(parts) if len(part.lines) <= 3 and index not in apart]
    found.underlined = {index for index in short if _is_underlined(parts[index])}
    ranks = _ranks(parts, short, found)
    _find_contents(parts, ranks, found)
    for index in found.contents:
        ranks.pop(index, None)
    _join_titles(parts, ranks, found, apart)
    order = {rank: number for number, rank in enumerate(sorted(set(ranks.values())), start=1)}
    found.levels = {index: order[rank] for index, rank in ranks.items()}
    return found


def heading_text(part: Part, *, underlined: bool) -> str:
    """The text of a heading, without the rule under it."""
    lines = part.lines[:-1] if underlined else part.lines
    return Part(lines, part.number).text


def _ranks(parts: Sequence[Part], short: Sequence[int], found: Headings) -> dict[int, int]:
    """The rank of each heading: 1 volume, 2 part or act, 3 chapter, 4 scene."""
    ranks: dict[int, int] = {}
    for index in short:
        label = label_of(heading_text(parts[index], underlined=index in found.underlined))
        if label is not None:
            ranks[index] = label.rank
    chapters = any(rank >= 3 for rank in ranks.values())
    for index in short:
        if index not in ranks and (index in found.underlined or (ranks and is_named(parts[index].text))):
            ranks[index] = 3 if index not in found.underlined else _rule_rank(parts[index])
    if not chapters:
        for kind in (_numerals, _numbered_titles, _in_capitals):
            doubtful = kind(parts, [index for index in short if index not in ranks])
            if len(doubtful) >= _MIN_HEADINGS:
                named = [index for index in short if is_named(parts[index].text)] if not ranks else []
                ranks |= dict.fromkeys([*doubtful, *named], 3)
                break
    return ranks


def _rule_rank(part: Part) -> int:
    return 2 if part.lines[-1].strip()[:1] == "=" else 3


def _is_underlined(part: Part) -> bool:
    """A line with a rule of about its length under it, and nothing else."""
    if not 2 <= len(part.lines) <= 3 or not _UNDERLINE.fullmatch(part.lines[-1]):
        return False
    text = [line.strip() for line in part.lines[:-1]]
    rule = len(part.lines[-1].strip())
    longest = max(map(len, text))
    return any(map(str.isalnum, "".join(text))) and longest <= 80 and 0.5 * longest <= rule <= 2 * longest + 10


def _numerals(parts: Sequence[Part], short: Sequence[int]) -> list[int]:
    """Numbers alone on a line."""
    return [index for index in short if len(parts[index].lines) == 1 and is_numeral(parts[index].text)]


def _numbered_titles(parts: Sequence[Part], short: Sequence[int]) -> list[int]:
    """ "1. Loomings", "2. The Carpet-Bag": numbers that count up, with the text of a chapter between them."""
    kept: list[int] = []
    expected = 1
    for index in short:
        match = _NUMBERED_TITLE.fullmatch(parts[index].text)
        if match is None or len(parts[index].lines) > 2:
            continue
        value = int(match.group(1)) if match.group(1) else _roman(match.group(2))
        if value == expected and not match.group(3).endswith((",", ";")):
            kept.append(index)
            expected += 1
    between = [
        sum(letters_and_digits(part.text) for part in parts[one + 1 : other])
        for one, other in pairwise([*kept, len(parts)])
    ]
    long = sum(size >= _APART for size in between)
    return kept if long >= 0.7 * len(kept) else []


def _in_capitals(parts: Sequence[Part], short: Sequence[int]) -> list[int]:
    """Lines in capitals, or centred lines written as titles, that stand apart."""
    return [
        index for index in short if len(parts[index].lines) == 1 and parts[index].gap > 1 and _stands_out(parts[index])
    ]


def _stands_out(part: Part) -> bool:
    text = part.text
    if not 4 <= len(text) <= _CAPITALS_MAX or text[-1:] in "!?,;":
        return False
    return text.isupper() or (bool(_CENTRED.match(part.lines[0])) and _is_title_case(text))


def _is_title_case(text: str) -> bool:
    words = [word.strip("\"'“”‘’_*().,") for word in text.split()]
    words = [word for word in words if word[:1].isalpha()]
    large = [word for word in words if word.lower() not in _SMALL]
    return bool(large) and words[0][:1].isupper() and all(word[:1].isupper() for word in large)


def is_contents_heading(part: Part) -> bool:
    """Whether the part says that a list of contents follows."""
    return len(part.lines) == 1 and _CONTENTS.fullmatch(part.lines[0].strip("_*= \t")) is not None


def _find_contents(parts: Sequence[Part], ranks: dict[int, int], found: Headings) -> None:
    """A list of chapters: headed so, its lines naming chapters that come again or ending in page numbers."""
    names = {bare(parts[index].text) for index in ranks}
    lists = 0
    for index, part in enumerate(parts):
        if lists < _LISTS and is_contents_heading(part):
            lists += 1
            listed = list(_listed(parts, index, names))
            if listed:
                ranks.pop(index, None)
                found.contents |= {index, *listed}
        elif len(part.lines) >= 3 and _has_leaders(part):
            found.contents.add(index)


def _has_leaders(part: Part) -> bool:
    """Two signs: lines end in page numbers, and dots lead there."""
    paged = sum(bool(_LEADERS.search(line)) for line in part.lines)
    dotted = sum("..." in line or ". . ." in line for line in part.lines)
    return paged >= 0.8 * len(part.lines) and dotted >= 0.5 * len(part.lines)


def _listed(parts: Sequence[Part], index: int, names: set[str]) -> Iterator[int]:
    """The parts behind a heading "Contents" that are the list."""
    later = {bare(part.text) for part in parts[index + 1 :] if len(part.lines) <= 3}
    seen: set[str] = set()
    for place in range(index + 1, len(parts)):
        lines = parts[place].lines
        keys = {_key(line) for line in lines}
        named = sum(_names_chapter(line, later, names) for line in lines)
        if keys & seen or named < _LISTED * len(lines):
            return
        seen |= keys
        yield place


def _key(line: str) -> str:
    """What a line of a list and the heading it names have in common: the label, or without one the words."""
    text = _LEADERS.sub("", line).strip()
    label = label_of(text)
    return bare(text.removesuffix(label.title) if label is not None else text)


def _names_chapter(line: str, later: set[str], names: set[str]) -> bool:
    text = line.strip()
    unpaged = bare(_LEADERS.sub("", line))
    label = label_of(text) is not None or is_named(text) or is_numeral(text)
    return bool(_LEADERS.search(line)) or label or (bool(unpaged) and (unpaged in later or unpaged in names))


def _join_titles(
    parts: Sequence[Part], ranks: dict[int, int], found: Headings, apart: frozenset[int] | set[int]
) -> None:
    """The short line behind a label that holds no title of its own is its title."""
    bareheads = [index for index in ranks if _is_bare_label(parts[index]) and index not in found.underlined]
    behind = [index for index in bareheads if _may_be_title(parts, index + 1, ranks, apart)]
    usual = len(behind) >= 3 and len(behind) >= _SHARE_TITLED * len(bareheads)
    for index in behind:
        text = parts[index + 1].text
        if usual or text.isupper() or (_is_title_case(text.rstrip(".")) and not text.startswith(_QUOTED)):
            found.joined.add(index + 1)
            ranks.pop(index + 1, None)


def _is_bare_label(part: Part) -> bool:
    label = label_of(part.text)
    return (label is not None and not label.title) or (label is None and is_numeral(part.text))


def _may_be_title(parts: Sequence[Part], index: int, ranks: dict[int, int], apart: frozenset[int] | set[int]) -> bool:
    if index + 1 >= len(parts) or index in apart:
        return False
    part, text = parts[index], parts[index].text
    if len(part.lines) > 2 or len(text) > _TITLE_MAX or not any(map(str.isalpha, text)):
        return False
    if label_of(text) or is_numeral(text) or is_named(text) or text[-1:] in ",;:" or text[:1].islower():
        return False
    if text.startswith(('"', "“", "«", "—", "[")) and text[-1:] in '.!?"”»]':
        return False  # somebody speaks, or a caption
    return index not in ranks or parts[index].text.isupper()


def _roman(text: str) -> int:
    values = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100}
    total = 0
    for letter, following in zip(text, [*text[1:], ""], strict=True):
        value = values[letter]
        total += -value if values.get(following, 0) > value else value
    return total
