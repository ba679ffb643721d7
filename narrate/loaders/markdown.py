"""Markdown: one file whose headings are chapters, or a folder whose files are.

What people write is rendered to HTML, and the same walk that reads an EPUB's pages reads that; HTML inside Markdown
needs no rules of its own. Anchors are line numbers of the source.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from narrate.book import Book, Skip, skip
from narrate.bounds import BOUNDS, MEBIBYTE, Bounds
from narrate.errors import SourceError
from narrate.files import read_file
from narrate.frontmatter import Fields, is_off, metadata, split_front_matter
from narrate.manuscript.languages import guess_language
from narrate.manuscript.markdown import read_markdown
from narrate.manuscript.order import INDEXES, Entry, chapter_named, named, order_of
from narrate.markup.parse import decode_text
from narrate.markup.passage import Passage, fold
from narrate.outline.chapters import Start, build_chapters, starts_by_headings
from narrate.outline.matter import Known

SUFFIXES = (".md", ".markdown", ".mdown", ".mkd", ".mkdn", ".mdwn", ".mdx", ".qmd", ".rmd")

_FIELD_HEADING = re.compile(
    r"(title|subtitle|author|authors|by|year|date|language|publisher|translator|series)\s*:\s*(.+)", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class _File:
    """A file read: its fields, what it holds, how much text that is, and what to tell the user."""

    name: str
    fields: Fields
    passages: list[Passage]
    skips: list[Skip]
    counted: int
    warnings: tuple[str, ...]


@dataclass(slots=True)
class _Reading:
    """A folder being read."""

    passages: list[Passage] = field(default_factory=list)
    skips: list[Skip] = field(default_factory=list)
    starts: list[Start] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    languages: Counter[str] = field(default_factory=Counter)
    counted: int = 0
    bytes: int = 0
    title: str = ""  # of the folder's index


def load(path: Path, bounds: Bounds = BOUNDS) -> Book:
    """Read the Markdown file at ``path``, or the folder as one book."""
    return _load_folder(path, bounds) if path.is_dir() else _load_file(path, bounds)


def _load_file(path: Path, bounds: Bounds) -> Book:
    file = _read(path, path.name, 0, bounds)
    found, passages, titles = _field_headings(file.passages)
    fields = {**found, **file.fields}
    if not any(passage.letters for passage in passages):
        raise SourceError(f"{path}: holds no text to read")
    starts = starts_by_headings(passages)
    heading = passages[starts[0].index] if starts else None
    sole = heading is not None and sum(passage.level == heading.level for passage in passages) == 1
    title = heading.block.text if heading is not None and sole and starts[0].index == 0 else named(path)
    meta = metadata(fields, title, path.parent, bounds)
    chapters = build_chapters(passages, starts, Known(meta.title, meta.authors), meta.language)
    return Book(meta, chapters, (*titles, *file.skips), file.counted, str(path), file.warnings)


def _load_folder(folder: Path, bounds: Bounds) -> Book:
    order = order_of(folder, SUFFIXES, bounds)
    reading = _Reading(warnings=order.warnings)
    waiting: list[Entry] = []
    for entry in order.entries:
        if entry.path is None:
            waiting.append(entry)
            continue
        labels = [label for label in waiting if label.level < entry.level]
        waiting.clear()
        reading.starts += [Start(len(reading.passages), label.title, label.level) for label in labels]
        _add(entry, entry.path, folder, reading, bounds)
    if not any(passage.letters for passage in reading.passages):
        raise SourceError(f"{folder}: holds no text to read")
    for path, reason in order.left_out:
        _leave_out(path, reason, folder, reading, bounds)
    meta = metadata(order.fields, reading.title or named(folder), folder, bounds)
    known = [language for language, _ in reading.languages.most_common() if language]
    meta = replace(meta, language=meta.language or (known[0] if known else ""))
    chapters = build_chapters(reading.passages, reading.starts, Known(meta.title, meta.authors), meta.language)
    return Book(meta, chapters, tuple(reading.skips), reading.counted, str(folder), tuple(reading.warnings))


def _add(entry: Entry, path: Path, folder: Path, reading: _Reading, bounds: Bounds) -> None:
    """Read one file of a folder as a chapter; one that cannot be read is left out with a warning."""
    try:
        file = _read(path, _within_folder(path, folder), len(reading.starts), bounds)
        reading.bytes += path.stat().st_size
    except (SourceError, OSError) as error:
        reading.warnings.append(f"{error}; it is left out")
        return
    if reading.bytes > bounds.total:
        raise SourceError(
            f"{folder}: holds more than {bounds.total // MEBIBYTE} MiB of text; name the folder of one book"
        )
    meta = metadata(file.fields, "", folder, bounds)
    language = meta.language
    if language and is_off(file.fields, ("untranslated",), when=True):
        language = guess_language(" ".join(passage.block.text for passage in file.passages)) or language
    heading = next((passage.block.text for passage in file.passages if passage.level), "")
    title = entry.title or meta.title or heading or chapter_named(path)
    if path.stem.lower() in INDEXES and not reading.passages:
        reading.title = heading
    reading.starts.append(Start(len(reading.passages), fold(title), entry.level))
    reading.passages += [_spoken_in(passage, language) for passage in file.passages]
    reading.skips += file.skips
    reading.warnings += file.warnings
    reading.counted += file.counted
    reading.languages[meta.language] += 1


def _within_folder(path: Path, folder: Path) -> str:
    here = folder if path.is_relative_to(folder) else folder.resolve()
    return path.relative_to(here).as_posix()


def _leave_out(path: Path, reason: str, folder: Path, reading: _Reading, bounds: Bounds) -> None:
    """List a file that is no part of the book."""
    try:
        text, _ = decode_text(read_file(path, bounds), str(path))
    except SourceError:
        return
    left = skip(reason, _within_folder(path, folder), text)
    if left.characters:
        reading.skips.append(left)
        reading.counted += left.characters


def _read(path: Path, name: str, number: int, bounds: Bounds) -> _File:
    text, warnings = decode_text(read_file(path, bounds), str(path))
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\f", "\n")
    fields, body, offset, problem = split_front_matter(text)
    if problem:
        warnings.append(f"{path}: {problem}; the front matter is not used")
    sheet = read_markdown(body, name, number, bounds, offset)
    warnings += [f"{path}: {warning}" for warning in sheet.warnings]
    lost = skip("metadata", f"{name}:1", text[: len(text) - len(body)]) if problem else None
    if lost is not None and lost.characters:
        sheet = replace(sheet, skips=[*sheet.skips, lost], counted=sheet.counted + lost.characters)
    return _File(name, fields, sheet.passages, sheet.skips, sheet.counted, tuple(warnings))


def _field_headings(passages: Sequence[Passage]) -> tuple[Fields, list[Passage], list[Skip]]:
    """Headings at the very top that are fields ("Title: ...", "Author: ..."): what they say, and what is left."""
    fields: Fields = {}
    skips = []
    rest = list(passages)
    while rest and (rest[0].block.kind == "break" or rest[0].level) and not rest[0].block.asides:
        match = _FIELD_HEADING.fullmatch(rest[0].block.text)
        if match:
            fields.setdefault(match.group(1).lower(), match.group(2).strip())
            skips.append(skip("metadata", rest[0].block.anchor, rest[0].block.text))
        elif rest[0].level:
            break
        rest.pop(0)
    return (fields, rest, skips) if fields else ({}, list(passages), [])


def _spoken_in(passage: Passage, language: str) -> Passage:
    if passage.block.language or not language:
        return passage
    return replace(passage, block=replace(passage.block, language=language))
