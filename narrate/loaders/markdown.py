"""Markdown: one file whose headings are chapters, or a folder whose files are.

markdown-it-py renders to HTML, and the same walk that reads an EPUB's pages reads that; HTML inside Markdown needs no
rules of its own. Anchors are line numbers of the source.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lxml import etree
from markdown_it import MarkdownIt
from mdit_py_plugins.deflist import deflist_plugin
from mdit_py_plugins.footnote import footnote_plugin

from narrate.book import Book, Skip, skip
from narrate.errors import SourceError
from narrate.files import inside, read_file, text_files
from narrate.frontmatter import Fields, metadata, number_of, split_front_matter
from narrate.markup.matter import Known
from narrate.markup.notes import find_notes
from narrate.markup.outline import Start, build_chapters, starts_by_headings
from narrate.markup.parse import decode_text, parse_html
from narrate.markup.passage import Passage, fold
from narrate.markup.walk import Page, count_text, walk

SUFFIXES = (".md", ".markdown", ".mdown", ".mkd")

_MAX_NESTING = 60  # of lists and quotations; what is deeper is not parsed
_INDEXES = {"index", "_index", "readme"}
_SUMMARY = "SUMMARY.md"
_ORDER_FIELDS = ("order", "weight", "nav_order", "sidebar_position")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
# Kramdown's attribute lists ({: .class}) and template tags that fill a line are markup, not text.
_ATTRIBUTES = re.compile(r"\{:[^{}\n]*\}")
_TEMPLATE_LINE = re.compile(r"\s*(?:\{%.*?%\}|\{\{[<%].*?[>%]\}\})\s*")
_MARKDOWN_INSIDE = re.compile(r"<[^>]+\smarkdown\s*=", re.IGNORECASE)
_FIELD_HEADING = re.compile(
    r"(title|subtitle|author|authors|by|year|date|language|publisher|translator|series)\s*:\s*(.+)", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class _File:
    """A file read: its fields, its text as a tree, and what to tell the user."""

    name: str
    fields: Fields
    root: etree._Element
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Line:
    """A line of the order of a folder: a file and the title it has there, or a label without a file."""

    path: Path | None
    title: str = ""
    level: int = 1


def load(path: Path) -> Book:
    """Read the Markdown file at ``path``, or the folder as one book."""
    return _load_folder(path) if path.is_dir() else _load_file(path)


def _load_file(path: Path) -> Book:
    file = _read(path, path.name)
    passages, skips = _walk(file, 0)
    found, passages, titles = _field_headings(passages)
    fields = {**found, **file.fields}
    if not any(passage.letters for passage in passages):
        raise SourceError(f"{path}: holds no text to read")
    starts = starts_by_headings(passages)
    heading = passages[starts[0].index] if starts else None
    sole = heading is not None and sum(passage.level == heading.level for passage in passages) == 1
    title = heading.block.text if heading is not None and sole and starts[0].index == 0 else _named(path)
    meta = metadata(fields, title, path.parent)
    chapters = build_chapters(passages, starts, Known(meta.title, meta.authors), meta.language)
    return Book(meta, chapters, (*titles, *skips), count_text(file.root), str(path), file.warnings)


def _load_folder(folder: Path) -> Book:
    lines, fields, warnings = _order(folder)
    passages: list[Passage] = []
    skips: list[Skip] = []
    starts: list[Start] = []
    languages: Counter[str] = Counter()
    counted = 0
    waiting: list[_Line] = []
    for line in lines:
        if line.path is None:
            waiting.append(line)
            continue
        try:
            file = _read(line.path, line.path.relative_to(folder).as_posix())
        except SourceError as error:
            warnings.append(f"{error}; it is left out")
            continue
        found, left = _walk(file, len(starts))
        language = metadata(file.fields, "", folder).language
        found = [_spoken_in(passage, language) for passage in found]
        heading = next((passage.block.text for passage in found if passage.level), "")
        title = line.title or metadata(file.fields, heading or _named(line.path), folder).title
        starts += [Start(len(passages), label.title, label.level) for label in waiting if label.level < line.level]
        waiting.clear()
        starts.append(Start(len(passages), title, line.level))
        passages += found
        skips += left
        warnings += file.warnings
        counted += count_text(file.root)
        languages[language] += 1
    if not any(passage.letters for passage in passages):
        raise SourceError(f"{folder}: holds no text to read")
    meta = metadata(fields, _named(folder), folder)
    meta = replace(meta, language=meta.language or languages.most_common(1)[0][0])
    chapters = build_chapters(passages, starts, Known(meta.title, meta.authors), meta.language)
    return Book(meta, chapters, tuple(skips), counted, str(folder), tuple(warnings))


def _read(path: Path, name: str) -> _File:
    text, warnings = decode_text(read_file(path), str(path))
    fields, body, offset, problem = split_front_matter(text)
    if problem:
        warnings.append(f"{path}: {problem}; the front matter is not used")
    root = parse_html(f"<html><body>{_render(body, offset)}</body></html>", str(path))
    return _File(name, fields, root, tuple(warnings))


def _render(text: str, offset: int) -> str:
    """HTML whose elements carry the line of the source they begin at, as ``data-line``."""
    parser = MarkdownIt("commonmark", {"html": True, "maxNesting": _MAX_NESTING})
    parser.enable(["table", "strikethrough"]).use(footnote_plugin).use(deflist_plugin)
    env: dict[str, Any] = {}
    tokens = parser.parse(_without_attributes(text), env)
    for token in tokens:
        if token.map is None:
            continue
        line = token.map[0] + 1 + offset
        if token.type == "html_block":
            inside = _MARKDOWN_INSIDE.search(token.content)
            content = parser.renderInline(token.content, env) if inside else token.content
            token.content = f'<span data-line="{line}"></span>{content}'
        elif token.nesting >= 0:
            token.attrSet("data-line", str(line))
    rendered: str = parser.renderer.render(tokens, parser.options, env)
    return rendered


def _without_attributes(text: str) -> str:
    """Without attribute lists and template lines, except in fenced code; the number of lines stays."""
    fence = ""
    lines = []
    for line in text.split("\n"):
        mark = _FENCE.match(line)
        if mark and not fence:
            fence = mark.group(1)
        elif mark and mark.group(1).startswith(fence) and not line[mark.end() :].strip():
            fence = ""
        elif not fence:
            line = "" if _TEMPLATE_LINE.fullmatch(line) else _ATTRIBUTES.sub("", line)
        lines.append(line)
    return "\n".join(lines)


def _walk(file: _File, number: int) -> tuple[list[Passage], list[Skip]]:
    notes = find_notes({file.name: file.root}, _within)
    page = Page(file.name, number, frozenset(), notes.references, notes.bodies, by_line=True)
    flow = walk(file.root, page)
    return (
        [item for item in flow if isinstance(item, Passage)],
        [item for item in flow if isinstance(item, Skip)],
    )


def _within(name: str, href: str) -> tuple[str, str] | None:
    """Notes of a Markdown file are in the file."""
    return (name, href[1:]) if href.startswith("#") else None


def _field_headings(passages: Sequence[Passage]) -> tuple[Fields, list[Passage], list[Skip]]:
    """Headings at the very top that are fields ("Title: ...", "Author: ..."): what they say, and what is left."""
    fields: Fields = {}
    skips = []
    rest = list(passages)
    while rest and (rest[0].block.kind == "break" or rest[0].level):
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


def _order(folder: Path) -> tuple[list[_Line], Fields, list[str]]:
    """The files of a folder in reading order, the fields of the book, and warnings.

    An mdBook's SUMMARY.md decides, else the order the files give themselves, else their names in natural order.
    """
    fields, source = _mdbook(folder)
    summary = inside(source, _SUMMARY)
    if summary is not None:
        lines, warnings = _summary(summary, source)
        if any(line.path for line in lines):
            return lines, fields, warnings
    files = text_files(folder, SUFFIXES)
    if not files:
        raise SourceError(f"{folder}: holds no Markdown file")
    keys = {path: _place(path, number) for number, path in enumerate(files)}
    for path in files:
        if path.stem.lower() in _INDEXES and path.parent == folder and not fields:
            fields = _index_fields(path)
    return [_Line(path) for path in sorted(files, key=lambda path: keys[path])], fields, []


def _place(path: Path, number: int) -> tuple[bool, bool, float, int]:
    """Sorting key: an index first, then files with an order of their own, then the others by name."""
    try:
        text, _ = decode_text(read_file(path), str(path))
    except SourceError:
        return (True, True, 0, number)
    own = number_of(split_front_matter(text)[0], _ORDER_FIELDS)
    is_index = path.stem.lower() in _INDEXES and own is None
    return (not is_index, own is None, own or 0, number)


def _index_fields(path: Path) -> Fields:
    """A folder's index speaks for the book."""
    try:
        file = _read(path, path.name)
    except SourceError:
        return {}
    heading = next((fold("".join(map(str, h1.itertext()))) for h1 in file.root.iter("h1")), "")
    return {"title": heading, **file.fields} if heading else dict(file.fields)


def _mdbook(folder: Path) -> tuple[Fields, Path]:
    """The fields and the source folder an mdBook's book.toml gives."""
    config = inside(folder, "book.toml")
    if config is None:
        src = folder / "src"
        return {}, src if inside(folder, _SUMMARY) is None and inside(folder, f"src/{_SUMMARY}") else folder
    text, _ = decode_text(read_file(config), str(config))
    parsed = split_front_matter(f"+++\n{text}\n+++\n")[0]
    book = parsed.get("book")
    fields: Fields = dict(book) if isinstance(book, Mapping) else {}
    source = folder / str(fields.get("src", "src"))
    return fields, source if source.resolve().is_relative_to(folder.resolve()) else folder


def _summary(path: Path, source: Path) -> tuple[list[_Line], list[str]]:
    """The chapters an mdBook's SUMMARY.md lists: links nested in lists, under headings that name parts."""
    text, _ = decode_text(read_file(path), str(path))
    lines: list[_Line] = []
    warnings = []
    depth = part = 0
    previous = ""
    for token in MarkdownIt("commonmark").parse(text):
        depth += {"list_item_open": 1, "list_item_close": -1}.get(token.type, 0)
        if token.type == "inline" and previous == "heading_open":
            title = _inline_text(token.children or ())
            if lines or title.lower() != "summary":
                lines.append(_Line(None, title, 1))
                part = 1
        for child in token.children or () if token.type == "inline" else ():
            if child.type != "link_open":
                continue
            title, href = _inline_text(token.children or ()), str(child.attrGet("href") or "")
            file = inside(source, href.partition("#")[0]) if href else None
            if href and file is None:
                warnings.append(f"{path}: names “{title}”, but {href} is missing")
            lines.append(_Line(file, title, max(1, depth) + part))
            break
        previous = token.type
    return lines, warnings


def _inline_text(tokens: Sequence[Any]) -> str:
    return fold("".join(token.content for token in tokens if token.type in {"text", "code_inline"}))


def _named(path: Path) -> str:
    """A title from a file's name."""
    words = re.sub(r"[-_\s]+", " ", path.resolve().stem).strip()
    return words[:1].upper() + words[1:] if words else path.name
