"""EPUB 2 and 3: the reading order is the spine, the chapters come from the contents, nested and by fragment.

Decided where books differ: an item with ``linear="no"`` is read where it stands, like any other; a page that only the
contents name is read too; a page that neither names is not, and a warning says so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from narrate.book import Book, Metadata
from narrate.bounds import BOUNDS, Bounds
from narrate.epub import Container, Entry, Reading, find_starts, read_package
from narrate.epub.metadata import language_tag
from narrate.epub.pages import add_named_pages, choose_contents, page_titles, parse_pages, read_lexicons, read_pages
from narrate.errors import SourceError
from narrate.markup.passage import Passage
from narrate.outline.chapters import build_chapters
from narrate.outline.heads import mark_running_heads
from narrate.outline.matter import Known

_LONGEST = 500  # characters of a message
_MOSTLY = 0.5  # share of the text in the language that a book without one is said to be in


def load(path: Path, bounds: Bounds = BOUNDS) -> Book:
    """Read the EPUB at ``path``."""
    try:
        return _load(path, bounds)
    except SourceError as error:
        raise SourceError(_one_line(str(error))) from error


def _one_line(sentence: str) -> str:
    """A sentence as users see it: names of files may hold line breaks, and be very long."""
    line = " ".join(sentence.split())
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…"


def _load(path: Path, bounds: Bounds) -> Book:
    with Container.open(path, bounds) as container:
        package = read_package(container)
        warnings = list(package.warnings)
        pages = parse_pages(package, container, warnings)
        entries = choose_contents(package, pages, container)
        pages = add_named_pages(pages, entries, package, container, warnings)
        lexicons = read_lexicons(package, pages, container, warnings)
        reading = read_pages(pages, entries, package, container)
    if not any(passage.letters for passage in reading.passages):
        raise SourceError(f"{path}: holds no text to read; it may be a book of pictures")
    meta = _with_language(package.meta, reading.passages)
    reading.passages = mark_running_heads(reading.passages, _names(meta), _titled(entries, reading))
    starts = find_starts(package, entries, reading, page_titles(pages, meta.title), warnings)
    known = Known(meta.title, meta.authors, hints=reading.hints)
    chapters = build_chapters(reading.passages, starts, known, meta.language)
    return Book(
        meta, chapters, tuple(reading.skips), reading.counted, str(path), tuple(map(_one_line, warnings)), lexicons
    )


def _names(meta: Metadata) -> list[str]:
    """What stands at the top of pages: the title, with the subtitle and without, who wrote it, and the series."""
    titles = [meta.title, meta.title.partition(":")[0], f"{meta.title} {meta.subtitle}", meta.series]
    both = [f"{author} {meta.title}" for author in meta.authors] + [f"{meta.title} {author}" for author in meta.authors]
    return [*titles, *meta.authors, *both, f"{meta.title} by {' and '.join(meta.authors)}"]


def _titled(entries: Sequence[Entry], reading: Reading) -> dict[int, set[str]]:
    """The contents' titles of each document."""
    numbers = {member: number for number, member in enumerate(reading.firsts)}
    titled: dict[int, set[str]] = {}
    for entry in entries:
        if entry.member in numbers:
            titled.setdefault(numbers[entry.member], set()).add(entry.title)
    return titled


def _with_language(meta: Metadata, passages: Sequence[Passage]) -> Metadata:
    """A book that does not say its language is in the one that most of its text is marked with."""
    if language_tag(meta.language):
        return meta
    sizes: Counter[str] = Counter()
    for passage in passages:
        sizes[language_tag(passage.block.language)] += passage.letters
    language, size = sizes.most_common(1)[0]
    return replace(meta, language=language if size >= _MOSTLY * sizes.total() else "")
