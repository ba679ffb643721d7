"""The pages of an EPUB to passages: which are read, in which order, and where the places stand that contents name."""

from __future__ import annotations

import posixpath
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from lxml import etree

from narrate.book import ChapterKind, Skip, letters_and_digits, skip
from narrate.epub.container import Container, Excess
from narrate.epub.contents import Entry
from narrate.epub.package import Package
from narrate.errors import SourceError
from narrate.markup.elements import classes_of, name_of, text_of
from narrate.markup.mending import joined, vocabulary_of
from narrate.markup.notes import find_notes
from narrate.markup.parse import parse_page
from narrate.markup.passage import Flow, Passage, Place, fold, same_words
from narrate.markup.walk import Page, body_of, count_text, walk
from narrate.outline.kinds import kinds_of_names

# A page that holds the contents is not read, unless it holds more than this beside them.
_BESIDE_CONTENTS = 1_000
# Lists of contents whose share of the pages differs by less than this lead to the same text.
_ABOUT_EQUAL = 0.1
# The navigation document goes before the NCX while it has this share of the places that the NCX names.
_ENOUGH = 0.8
_SHOWN = 3
_MAX_WRAPPERS = 4  # boxes around a whole page
_COUNT = etree.XPath("count(//*)")
_IDS = etree.XPath("//@id | //*[local-name()='a']/@name")
_LINKED_LEXICONS = etree.XPath("//*[local-name()='link' and contains(concat(' ', @rel, ' '), ' pronunciation ')]/@href")
_MAX_LEXICONS = 32  # a lexicon for each language and each part of a large book

Pages = dict[str, etree._Element]


@dataclass(slots=True)
class Reading:
    """What reading the pages has brought together."""

    passages: list[Passage] = field(default_factory=list)
    skips: list[Skip] = field(default_factory=list)
    places: dict[tuple[str, str], int] = field(default_factory=dict)  # (member, fragment) -> the passage it is before
    firsts: dict[str, int] = field(
        default_factory=dict
    )  # member -> its first passage, or the next page's if it has none
    filled: dict[str, int] = field(default_factory=dict)  # the same, of the pages that hold text
    hints: dict[int, frozenset[ChapterKind]] = field(default_factory=dict)  # number of a page -> what its names hint at
    counted: int = 0


def parse_pages(package: Package, container: Container, warnings: list[str]) -> Pages:
    """The trees of all pages that can be read, in reading order; the others become warnings."""
    pages: Pages = {}
    lost: list[str] = []
    for item in package.spine:
        if not item.member:
            lost.append(f"{item.href} is missing from the book; its text is not read")
        else:
            _parse(item.member, container, pages, warnings, lost)
    warnings.extend(lost)
    if not pages:
        reason = lost[0] if lost else "its reading order is empty"
        raise SourceError(f"{container.path}: holds no page that can be read: {_inside(reason, container)}")
    return pages


def _inside(sentence: str, container: Container) -> str:
    return sentence.replace(f"{container.path}: ", "")


def _parse(member: str, container: Container, pages: Pages, warnings: list[str], lost: list[str]) -> None:
    try:
        data = container.read(member)
        if data.startswith((b"%PDF", b"PK\3\4", b"\xff\xd8\xff", b"\x89PNG", b"GIF8")):
            lost.append(f"{member} is no page of text; it is not read")
            return
        parsed = parse_page(data, member, container.bounds)
    except Excess:
        raise
    except SourceError as error:
        lost.append(f"{_inside(str(error), container)}; its text is not read")
        return
    warnings.extend(parsed.warnings)
    pages[member] = parsed.root
    container.elements += int(float(str(_COUNT(parsed.root))))
    if container.elements > container.bounds.elements:
        limit = f"{container.bounds.elements:,}"
        raise Excess(f"{container.path}: its pages have more than {limit} elements; it is no readable book")


def choose_contents(package: Package, pages: Mapping[str, etree._Element], container: Container) -> tuple[Entry, ...]:
    """Of several lists of contents the one that leads to more of the text, or to more places; else the first."""
    if len(package.contents) < 2:
        return package.entries
    ids = {member: frozenset(map(str, _list(_IDS(root)))) for member, root in pages.items()}
    sizes = {member: container.size(member) for member in {*pages, *package.pages}}
    best, worth = package.contents[0], _worth(package.contents[0], ids, sizes)
    for entries in package.contents[1:]:
        other = _worth(entries, ids, sizes)
        further = other[0] > worth[0] + _ABOUT_EQUAL
        if further or (other[0] >= worth[0] - _ABOUT_EQUAL and worth[1] < _ENOUGH * other[1]):
            best, worth = entries, other
    return best


def _list(found: object) -> Iterable[object]:
    return found if isinstance(found, list) else ()


def _worth(entries: Sequence[Entry], ids: Mapping[str, Collection[str]], sizes: Mapping[str, int]) -> tuple[float, int]:
    """(share of the pages that are named, places that can be told apart by where they are and what they are called)."""
    named = {entry.member for entry in entries if entry.member in sizes}
    places = {
        (entry.member, entry.fragment if entry.fragment in ids.get(entry.member, ()) else "")
        for entry in entries
        if entry.member in sizes
    }
    labels = {entry.title for entry in entries if entry.title}
    return sum(sizes[member] for member in named) / max(1, sum(sizes.values())), min(len(places), len(labels))


def add_named_pages(
    pages: Pages, entries: Sequence[Entry], package: Package, container: Container, warnings: list[str]
) -> Pages:
    """The pages with those that only the contents name, each behind the page named before it; the unnamed are told."""
    order = list(pages)
    lost: list[str] = []
    before = ""
    for entry in entries:
        member = entry.member
        if member in package.pages and member not in pages and member not in package.aside:
            _parse(member, container, pages, warnings, lost)
            if member in pages:
                order.insert(order.index(before) + 1 if before else len(order), member)
                warnings.append(
                    f"{member} stands in the contents but not in the reading order; it is read all the same"
                )
        before = member if member in pages else before
    warnings.extend(lost)
    spine = {item.member for item in package.spine}
    unread = sorted(package.pages - pages.keys() - spine - package.aside - {entry.member for entry in entries})
    if unread:
        shown = ", ".join(unread[:_SHOWN]) + (", …" if len(unread) > _SHOWN else "")
        count = "1 page is" if len(unread) == 1 else f"{len(unread):,} pages are"
        warnings.append(f"{count} neither in the reading order nor in the contents and not read: {shown}")
    return {member: pages[member] for member in order}


def read_lexicons(
    package: Package, pages: Mapping[str, etree._Element], container: Container, warnings: list[str]
) -> tuple[tuple[str, bytes], ...]:
    """The pronunciation lexicons that the manifest lists or pages link to, as (name, document)."""
    named = dict.fromkeys(package.lexicons)
    for member, root in pages.items():
        for href in _list(_LINKED_LEXICONS(root)):
            place = container.resolve(member, str(href))
            if place is not None:
                named.setdefault(place[0])
    found = []
    for name in list(named)[:_MAX_LEXICONS]:
        try:
            found.append((name, container.read(name)))
        except Excess:
            raise
        except SourceError as error:
            warnings.append(f"a pronunciation lexicon cannot be used: {_inside(str(error), container)}")
    return tuple(found)


def read_pages(
    pages: Mapping[str, etree._Element], entries: Sequence[Entry], package: Package, container: Container
) -> Reading:
    """Walk the pages; a sentence that the edge of a file cuts in two is joined, unless the contents lead there."""
    notes = find_notes(pages, container.resolve)
    wanted: dict[str, set[str]] = {}
    for member, fragment in [
        *((entry.member, entry.fragment) for entry in entries),
        *((mark.member, mark.fragment) for mark in package.landmarks),
    ]:
        if fragment:
            wanted.setdefault(member, set()).add(fragment)
    contents = {item.member for item in package.spine if item.is_contents}
    reading = Reading()
    flows: list[tuple[str, list[Flow]]] = []
    for number, (member, root) in enumerate(pages.items()):
        page = Page(member, number, frozenset(wanted.get(member, ())), notes.references, notes.bodies)
        reading.counted += count_text(root)
        reading.hints[number] = kinds_of_names(_names(root))
        flows.append((member, _flow(root, page, is_contents=member in contents)))
    named = {entry.member for entry in entries if not entry.fragment}
    words = _vocabulary(flows)
    for member, flow in flows:
        _gather(flow, member, reading, None if member in named else words)
    return reading


def _vocabulary(flows: Sequence[tuple[str, Sequence[Flow]]]) -> Callable[[], Collection[str]]:
    """The book's words, found when they are first asked for."""
    found: list[Collection[str]] = []

    def words() -> Collection[str]:
        if not found:
            texts = (item.block.text for _, flow in flows for item in flow if isinstance(item, Passage))
            found.append(vocabulary_of(texts))
        return found[0]

    return words


def _flow(root: etree._Element, page: Page, *, is_contents: bool) -> list[Flow]:
    flow = walk(root, page)
    beside = sum(item.letters for item in flow if isinstance(item, Passage))
    if is_contents and beside <= _BESIDE_CONTENTS:
        text = text_of(body_of(root))
        return [skip("contents", page.name, text)] if letters_and_digits(text) else []
    return flow


def _gather(flow: Sequence[Flow], member: str, reading: Reading, words: Callable[[], Collection[str]] | None) -> None:
    at_edge = words is not None
    reading.firsts[member] = len(reading.passages)
    for item in flow:
        if isinstance(item, Passage):
            whole = joined(reading.passages[-1], item, words) if at_edge and words and reading.passages else None
            at_edge = False
            if whole is not None:
                reading.passages[-1] = whole
                reading.firsts[member] = len(reading.passages)
            else:
                reading.passages.append(item)
        elif isinstance(item, Skip):
            reading.skips.append(item)
        elif isinstance(item, Place):
            at_edge = False
            reading.places.setdefault((member, item.name), len(reading.passages))
    if len(reading.passages) > reading.firsts[member]:
        reading.filled[member] = reading.firsts[member]


def _names(root: etree._Element) -> list[str]:
    """Classes and ids of the body and of what wraps the whole page."""
    element = body_of(root)
    names: list[str] = []
    for _ in range(_MAX_WRAPPERS):
        names += [*classes_of(element), element.get("id") or ""]
        inside = list(element)
        if len(inside) != 1 or name_of(inside[0]) not in {"div", "section", "article", "main", "header", "aside"}:
            break
        element = inside[0]
    return names


def page_titles(pages: Mapping[str, etree._Element], book: str) -> dict[str, str]:
    """The pages' own titles, as far as they tell the pages apart; the name of the page's file is no title."""
    found = {member: next(root.iter("{*}title"), None) for member, root in pages.items()}
    titles = {member: fold((title.text if title is not None else "") or "") for member, title in found.items()}
    often = Counter(titles.values())
    return {
        member: title
        for member, title in titles.items()
        if often[title] == 1 and not same_words(title, book) and title not in (posixpath.basename(member), member)
    }
