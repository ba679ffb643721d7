"""EPUB 2 and 3: the reading order is the spine, the chapters come from the contents, nested and by fragment."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from lxml import etree

from narrate.book import Book, ChapterKind, Skip, letters_and_digits, skip
from narrate.epub import Container, Entry, Item, Landmark, Package, read_package
from narrate.errors import SourceError
from narrate.markup.elements import GUIDE_KINDS, text_of
from narrate.markup.matter import Known
from narrate.markup.notes import find_notes
from narrate.markup.outline import Start, build_chapters, starts_by_headings
from narrate.markup.parse import parse_page
from narrate.markup.passage import Flow, Passage, Place, fold, same_words
from narrate.markup.walk import Page, body_of, count_text, walk

# Contents that lead to less than this share of the text are no contents; headings divide the book instead.
MIN_COVERAGE = 0.3
# So much text (letters and digits) may stand in a page before the first place the contents name in it and still belong
# to what follows: a part's title, a motto. More is the end of the chapter before.
_LEAD = 300
_LEAD_BLOCK = 120
# A page that holds the contents is not read, unless it holds more than this beside them.
_BESIDE_CONTENTS = 1_000


@dataclass(slots=True)
class _Reading:
    """What reading the pages has brought together."""

    passages: list[Passage]
    skips: list[Skip]
    places: dict[tuple[str, str], int]  # (member, fragment) -> the passage it stands before
    firsts: dict[str, int]  # member -> its first passage, or the next page's when it holds no text
    filled: dict[str, int]  # the same, of the pages that hold text
    counted: int = 0


def load(path: Path) -> Book:
    """Read the EPUB at ``path``."""
    with Container.open(path) as container:
        package = read_package(container)
        warnings = list(package.warnings)
        pages = _pages(package.spine, container, warnings)
        reading = _read(package, pages, container)
    if not any(passage.letters for passage in reading.passages):
        raise SourceError(f"{path}: holds no text to read; it may be a book of pictures")
    starts = _starts(package, reading, pages, warnings)
    known = Known(package.meta.title, package.meta.authors)
    chapters = build_chapters(reading.passages, starts, known, package.meta.language)
    return Book(package.meta, chapters, tuple(reading.skips), reading.counted, str(path), tuple(warnings))


def _pages(spine: Sequence[Item], container: Container, warnings: list[str]) -> dict[str, etree._Element]:
    """The trees of all pages that can be read, in reading order; the others become warnings."""
    pages: dict[str, etree._Element] = {}
    lost = []
    for item in spine:
        if not item.member:
            lost.append(f"{item.href} is missing from the book; its text is not read")
            continue
        try:
            parsed = parse_page(container.read(item.member), item.member)
        except SourceError as error:
            lost.append(f"{error}; its text is not read")
            continue
        warnings.extend(parsed.warnings)
        pages[item.member] = parsed.root
    warnings.extend(lost)
    if not pages:
        reason = lost[0] if lost else "its reading order is empty"
        raise SourceError(f"{container.path}: holds no page that can be read: {reason}")
    return pages


def _read(package: Package, pages: Mapping[str, etree._Element], container: Container) -> _Reading:
    notes = find_notes(pages, container.resolve)
    wanted: dict[str, set[str]] = {}
    for entry in package.entries:
        if entry.fragment:
            wanted.setdefault(entry.member, set()).add(entry.fragment)
    contents = {item.member for item in package.spine if item.is_contents}
    reading = _Reading([], [], {}, {}, {})
    for number, (member, root) in enumerate(pages.items()):
        page = Page(member, number, frozenset(wanted.get(member, ())), notes.references, notes.bodies)
        reading.counted += count_text(root)
        reading.firsts[member] = len(reading.passages)
        _gather(_flow(root, page, is_contents=member in contents), member, reading)
        if len(reading.passages) > reading.firsts[member]:
            reading.filled[member] = reading.firsts[member]
    return reading


def _flow(root: etree._Element, page: Page, *, is_contents: bool) -> list[Flow]:
    flow = walk(root, page)
    beside = sum(item.letters for item in flow if isinstance(item, Passage))
    if is_contents and beside <= _BESIDE_CONTENTS:
        text = text_of(body_of(root))
        return [skip("contents", page.name, text)] if letters_and_digits(text) else []
    return flow


def _gather(flow: Sequence[Flow], member: str, reading: _Reading) -> None:
    for item in flow:
        if isinstance(item, Passage):
            reading.passages.append(item)
        elif isinstance(item, Skip):
            reading.skips.append(item)
        elif isinstance(item, Place):
            reading.places.setdefault((member, item.name), len(reading.passages))


def _starts(
    package: Package, reading: _Reading, pages: Mapping[str, etree._Element], warnings: list[str]
) -> list[Start]:
    """Where divisions begin: each entry of the contents, and each page that no entry names."""
    titles = _page_titles(pages, package.meta.title)
    listed = _listed(package.entries, reading, warnings)
    if _coverage(listed, reading) < MIN_COVERAGE:
        if listed:
            warnings.append("the contents lead to little of the text; headings divide the book instead")
        listed = [(start, "") for start in starts_by_headings(reading.passages)]
        listed = listed or [(start, "") for start in _by_page(reading, titles)]
    starts = _with_leads([start for start, _ in listed], package, reading)
    begun = {start.index for start in starts}
    starts += [
        Start(first, titles.get(member, ""), listed=False)
        for member, first in reading.filled.items()
        if first not in begun
    ]
    kinds = _landmark_kinds(package.landmarks, reading)
    starts = [replace(start, kind=start.kind or kinds.get(start.index, "")) for start in starts]
    return _without_pictures(sorted(starts, key=lambda start: start.index), len(reading.passages))


def _without_pictures(starts: Sequence[Start], end: int) -> list[Start]:
    """Leave out entries that lead to a page without text, unless others stand below them."""
    following = [*starts[1:], None]
    return [
        start
        for start, after in zip(starts, following, strict=True)
        if start.index < (after.index if after else end) or (after is not None and after.level > start.level)
    ]


def _listed(entries: Sequence[Entry], reading: _Reading, warnings: list[str]) -> list[tuple[Start, str]]:
    """The entries that lead somewhere, in reading order, with their members; and labels above such entries."""
    found: list[tuple[Start, str]] = []
    waiting: list[Entry] = []  # labels without a link, until a linked entry below them is found
    seen: set[tuple[str, int]] = set()
    for entry in entries:
        while waiting and waiting[-1].level >= entry.level:
            waiting.pop()
        if not entry.member:
            if entry.missing:
                warnings.append(f"the contents name “{entry.title}”, but {entry.missing} is missing")
            waiting.append(entry)
            continue
        index = _index(entry, reading, warnings)
        if index is None:
            waiting.append(entry)
            continue
        title = entry.title or "Untitled"
        if (title, index) in seen:
            continue
        seen.add((title, index))
        found += [(Start(index, label.title, label.level), "") for label in waiting]
        waiting.clear()
        found.append((Start(index, title, entry.level), entry.member))
    return _headings_apart(sorted(found, key=lambda pair: pair[0].index), reading)


def _index(entry: Entry, reading: _Reading, warnings: list[str]) -> int | None:
    if entry.member not in reading.firsts:
        warnings.append(f"the contents name “{entry.title}”, but {entry.member} is not in the reading order")
        return None
    if not entry.fragment:
        return reading.firsts[entry.member]
    place = reading.places.get((entry.member, entry.fragment))
    if place is None:
        warnings.append(f"the contents name “{entry.title}”, but {entry.member} has no place “{entry.fragment}”")
        return reading.firsts[entry.member]
    return place


def _headings_apart(found: list[tuple[Start, str]], reading: _Reading) -> list[tuple[Start, str]]:
    """Where a part and its first chapter begin at the same place, the part's own heading stays with the part."""
    moved = list(found)
    for number in range(1, len(moved)):
        (before, member), (start, _) = moved[number - 1], moved[number]
        if not member or start.index != before.index or start.index >= len(reading.passages) - 1:
            continue
        heading, following = reading.passages[start.index], reading.passages[start.index + 1]
        if heading.level and following.level and same_words(heading.block.text, before.title):
            later = number
            while later < len(moved) and moved[later][0].index == before.index:
                moved[later] = (replace(moved[later][0], index=before.index + 1), moved[later][1])
                later += 1
    return moved


def _coverage(listed: Sequence[tuple[Start, str]], reading: _Reading) -> float:
    """The share of the text that stands in pages the contents lead to."""
    named = {member for _, member in listed if member}
    numbers = {number for number, member in enumerate(reading.firsts) if member in named}
    total = sum(passage.letters for passage in reading.passages)
    return sum(passage.letters for passage in reading.passages if passage.document in numbers) / max(1, total)


def _with_leads(starts: list[Start], package: Package, reading: _Reading) -> list[Start]:
    """What little stands in a page before the first place named in it belongs to that place, not to the page before."""
    starts = list(starts)
    named = {start.index for start in starts}
    for first in reading.filled.values():
        if first in named:
            continue
        document = reading.passages[first].document
        lead: list[Passage] = []
        for passage in reading.passages[first:]:
            if first + len(lead) in named or passage.document != document:
                break
            lead.append(passage)
        index = first + len(lead)
        ends_in_page = index < len(reading.passages) and reading.passages[index].document == document
        short = sum(passage.letters for passage in lead) <= _LEAD and all(
            passage.letters <= _LEAD_BLOCK for passage in lead
        )
        if not ends_in_page or not short:
            continue
        text = " ".join(passage.block.text for passage in lead)
        if same_words(text, package.meta.title) or any(same_words(text, part) for part in _titles(package)):
            evidence = "the book's title and nothing else, before a chapter's heading"
            starts.append(Start(first, listed=False, kind="halftitle", guess=evidence))
        else:
            starts = [replace(start, index=first) if start.index == index else start for start in starts]
    return starts


def _titles(package: Package) -> list[str]:
    """The main title by itself, where the metadata put the subtitle behind it."""
    return [package.meta.title.split(mark)[0] for mark in (":", ";", "/", " or ", ",") if mark in package.meta.title]


def _by_page(reading: _Reading, titles: Mapping[str, str]) -> list[Start]:
    """Without contents and headings each page is a chapter, by its own title if it has one."""
    if len(reading.filled) < 2:
        return []
    return [
        Start(first, titles.get(member) or str(number))
        for number, (member, first) in enumerate(reading.filled.items(), start=1)
    ]


def _page_titles(pages: Mapping[str, etree._Element], book: str) -> dict[str, str]:
    """The pages' own titles, as far as they tell the pages apart."""
    titles = {}
    for member, root in pages.items():
        title = next(root.iter("{*}title"), None)
        titles[member] = fold(title.text or "") if title is not None else ""
    often = Counter(titles.values())
    return {member: title for member, title in titles.items() if often[title] == 1 and not same_words(title, book)}


def _landmark_kinds(landmarks: Sequence[Landmark], reading: _Reading) -> dict[int, ChapterKind]:
    """What the landmarks or the guide say of whole pages."""
    kinds: dict[int, ChapterKind] = {}
    for mark in landmarks:
        for kind in sorted(mark.types):
            if kind in GUIDE_KINDS and mark.member in reading.filled:
                kinds.setdefault(reading.filled[mark.member], GUIDE_KINDS[kind])
    return kinds
