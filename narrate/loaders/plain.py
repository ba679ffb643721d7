"""Plain text: paragraphs, verse, notes and chapters, told by form alone. Anchors are line numbers of the source."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from narrate.book import Book, Metadata, Skip, in_nfc, skip
from narrate.bounds import BOUNDS, MEBIBYTE, Bounds
from narrate.errors import SourceError
from narrate.files import read_file, text_files
from narrate.manuscript.languages import guess_language, language_named
from narrate.manuscript.markdown import Sheet, form_of_file, read_html, read_markdown
from narrate.manuscript.order import chapter_named, is_repository, named
from narrate.manuscript.plain import read_plain
from narrate.markup.parse import decode_text
from narrate.markup.passage import Passage, fold
from narrate.outline.chapters import Start, build_chapters, starts_by_headings
from narrate.outline.gutenberg import mark_licence
from narrate.outline.matter import Known

SUFFIXES = (".txt", ".text")

_FIELD = re.compile(r"^(Title|Author|Language|Release Date):[ \t]*(.+)$", re.MULTILINE | re.IGNORECASE)
_OLD_TITLE = re.compile(
    r"Project Gutenberg(?:'s|’s)? (?:e-?book|e-?text)? ?(?:of )?_?(.{2,120}?)_?,? by ([A-Z][^\n*#]{2,80})",
    re.IGNORECASE,
)
_BY = re.compile(r"_*(?:by|von|par|di|por|door)_*:?\s+(.{3,60})", re.IGNORECASE)
_HEADER = 5_000  # characters: where a header's fields are looked for
_TITLE = 80  # characters: a longer first line is no title


@dataclass(slots=True)
class _Reading:
    """A text, or a folder of them, being read."""

    passages: list[Passage] = field(default_factory=list)
    skips: list[Skip] = field(default_factory=list)
    starts: list[Start] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    counted: int = 0
    bytes: int = 0
    first: str = ""


def load(path: Path, bounds: Bounds = BOUNDS) -> Book:
    """Read the text at ``path``, a file or a folder of files in natural order."""
    folder = path.is_dir()
    files = text_files(path, SUFFIXES, bounds) if folder else [path]
    if not files:
        raise SourceError(f"{path}: holds no text file")
    reading = _Reading()
    for file in files:
        name = file.relative_to(path).as_posix() if folder else file.name
        _add(file, name, reading, bounds, several=len(files) > 1)
        if reading.bytes > bounds.total:
            raise SourceError(f"{path}: holds more than {bounds.total // MEBIBYTE} MiB; name the folder of one book")
    if not any(passage.letters for passage in reading.passages):
        raise SourceError(f"{path}: holds no text to read")
    meta = _metadata(reading, path)
    known = Known(meta.title, meta.authors)
    chapters = build_chapters(reading.passages, reading.starts, known, meta.language)
    return Book(meta, chapters, tuple(reading.skips), reading.counted, str(path), tuple(reading.warnings))


def _add(file: Path, name: str, reading: _Reading, bounds: Bounds, *, several: bool) -> None:
    try:
        data = read_file(file, bounds)
        text, notes = decode_text(data, str(file))
    except SourceError as error:
        if not several:
            raise
        reading.warnings.append(f"{error}; it is left out")
        return
    reading.bytes += len(data)
    reading.warnings += notes
    text = in_nfc(text.replace("\r\n", "\n").replace("\r", "\n"))
    if several and is_repository(file):
        left = skip("repository file", name, text)
        reading.skips += [left] if left.characters else []
        reading.counted += left.characters
        return
    sheet = _read(text, file, name, len(reading.starts), bounds)
    reading.first = reading.first or text[:_HEADER]
    sheet = replace(sheet, passages=[_without_level(passage) for passage in mark_licence(sheet.passages)])
    reading.starts += _starts(sheet.passages, len(reading.passages), file if several else None)
    reading.passages += sheet.passages
    reading.skips += sheet.skips
    reading.counted += sheet.counted
    reading.warnings += sheet.warnings


def _read(text: str, file: Path, name: str, number: int, bounds: Bounds) -> Sheet:
    form = form_of_file(text)
    if not form:
        return read_plain(text, name, number)
    what = "HTML" if form == "html" else "Markdown"
    sheet = read_html(text, name, number, bounds) if form == "html" else read_markdown(text, name, number, bounds)
    return replace(sheet, warnings=[f"{file}: is {what} by its form, and is read as that", *sheet.warnings])


def _without_level(passage: Passage) -> Passage:
    """The sections of a licence are no chapters."""
    if passage.kind != "licence" or not passage.level:
        return passage
    return replace(passage, level=0, block=replace(passage.block, kind="paragraph"))


def _starts(found: Sequence[Passage], offset: int, file: Path | None) -> list[Start]:
    if file is not None:
        heading = next((passage.block.text for passage in found[:3] if passage.level), "")
        return [Start(offset, heading or chapter_named(file))]
    return _without_contents(starts_by_headings(found), found)


def _without_contents(starts: Sequence[Start], passages: Sequence[Passage]) -> list[Start]:
    """A list of chapters at the front looks like chapters without text: only those later named again begin one."""
    later: set[str] = set()
    kept = []
    for number in reversed(range(len(starts))):
        start = starts[number]
        end = starts[number + 1].index if number + 1 < len(starts) else len(passages)
        empty = not any(passage.letters for passage in passages[start.index + 1 : end])
        if empty and start.title.casefold() in later:
            continue
        later.add(start.title.casefold())
        kept.append(start)
    return kept[::-1]


def _metadata(reading: _Reading, path: Path) -> Metadata:
    fields = {name.lower(): fold(value) for name, value in reversed(_FIELD.findall(reading.first))}
    old = _OLD_TITLE.search(reading.first)
    title, author = (fold(old.group(1)), fold(old.group(2)).rstrip(".")) if old else _title_page(reading.passages)
    author = fields.get("author") or author
    sample = " ".join(passage.block.text[:2_000] for passage in reading.passages[:400] if passage.kind != "licence")
    return Metadata(
        title=fields.get("title") or title or named(path),
        authors=(author,) if author else (),
        language=language_named(fields.get("language", "")) or guess_language(sample),
        date=re.sub(r"\s*\[.*", "", fields.get("release date", "")),
    )


def _title_page(passages: Sequence[Passage]) -> tuple[str, str]:
    """(title, author) where a text begins with a short line and a line that says by whom it is."""
    texts = [passage.block.text for passage in passages[:4] if passage.block.text]
    for place, text in enumerate(texts[1:], start=1):
        lines = text.split("\n")
        match = _BY.fullmatch(" ".join(lines)) if len(lines) <= 2 else None
        if match and len(texts[place - 1]) <= _TITLE and "\n" not in texts[place - 1]:
            return texts[0] if len(texts[0]) <= _TITLE else texts[place - 1], match.group(1).strip("_ .")
        if len(lines) > 1 and (match := _BY.fullmatch(lines[1])) and len(lines[0]) <= _TITLE:
            return lines[0], match.group(1).strip("_ .")
    return "", ""
