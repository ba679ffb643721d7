"""A source looked through for what in it is made for the eye, before anybody is asked about it.

What is Markdown is kept sign for sign; any other book is written as Markdown first.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from narrate.book import Book, letters_and_digits
from narrate.bounds import BOUNDS, Bounds
from narrate.files import inside, read_file, text_files
from narrate.frontmatter import Fields, metadata, split_front_matter
from narrate.load import LOADERS, load
from narrate.manuscript.languages import guess_language
from narrate.manuscript.order import order_of
from narrate.manuscript.visual import KINDS, Place, made_for_the_eye
from narrate.manuscript.written import written
from narrate.markup.parse import decode_text

_MARKDOWN = (*(suffix for suffix, loader in LOADERS.items() if loader == "markdown"), ".mdx", ".qmd", ".rmd")
_BESIDE = (".toml", ".yml", ".yaml", ".json", ".txt", ".jpg", ".jpeg", ".png", ".pls")
"""Files that go along with a folder: its order, its covers, its lexicons."""
_LINES = re.compile(r"[^\r\n\f]*(?:\r\n|\r|\n|\f)|[^\r\n\f]+\Z")
_LOOK = 50_000  # characters from which a language is guessed
_COVERS = ("cover", "cover-image", "cover_image")


@dataclass(frozen=True, slots=True)
class Sheet:
    """One text: its name before and after, its lines with their ends, what in it is asked about, and its language."""

    before: str
    after: str
    lines: tuple[str, ...]
    places: tuple[Place, ...]
    language: str


@dataclass(frozen=True, slots=True)
class Draft:
    """A source that has been looked through; ``name`` is its own, without a suffix.

    ``is_written`` says that the source was no Markdown; ``left_out`` then counts what the Markdown lacks, by reason.
    ``beside`` are files that go along: the name in the result, and a path or bytes.
    """

    name: str
    sheets: tuple[Sheet, ...]
    is_written: bool = False
    beside: tuple[tuple[str, Path | bytes], ...] = ()
    left_out: Mapping[str, int] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    @property
    def blocks(self) -> Iterator[tuple[Sheet, Place]]:
        """Everything that is asked about, in reading order."""
        return ((sheet, place) for sheet in self.sheets for place in sheet.places)


def survey(source: Path, kinds: frozenset[str] = frozenset(KINDS), bounds: Bounds = BOUNDS) -> Draft:
    """Look through the book at ``source``, whatever ``load`` reads, for blocks of ``kinds``."""
    book = load(source, bounds)
    if source.is_dir():
        name = source.resolve().name
        if text_files(source, _MARKDOWN, bounds):
            return _folder(source, name, book, kinds, bounds)
    else:
        name = source.resolve().stem
        if source.suffix.lower() in _MARKDOWN:
            return _file(source, name, book, kinds, bounds)
    cover = book.meta.cover
    picture = "" if cover is None else f"{name}.cover.{'png' if cover.media_type.endswith('png') else 'jpg'}"
    made = written(book, picture)
    sheet = _sheet(f"{name}.md", f"{name}.spoken.md", made.text, source.parent, book, kinds, bounds)
    beside = ((picture, cover.data),) if cover is not None else ()
    return Draft(name, (sheet,), True, beside, made.left_out, book.warnings)


def told(place: Place) -> str:
    """A block's kind and lines, for people."""
    lines = f"line {place.first}" if place.first == place.last else f"lines {place.first}-{place.last}"
    return f"{place.kind}, {lines}"


def size(place: Place) -> int:
    """The letters and digits of a block."""
    return letters_and_digits(place.text)


def _file(source: Path, name: str, book: Book, kinds: frozenset[str], bounds: Bounds) -> Draft:
    text = _text(source, bounds)
    after = f"{name}.spoken{source.suffix}"
    sheet = _sheet(source.resolve().name, after, text, source.parent, book, kinds, bounds)
    picture = _picture(split_front_matter(_plain(text))[0])
    cover = inside(source.parent, picture) if picture else None
    return Draft(name, (sheet,), beside=((picture, cover),) if cover else (), warnings=book.warnings)


def _picture(fields: Fields) -> str:
    """The cover's name, where it leads into no other folder's neighbour."""
    name = next((str(fields[each]) for each in _COVERS if fields.get(each)), "")
    path = Path(name)
    return name if not path.is_absolute() and ".." not in path.parts else ""


def _folder(folder: Path, name: str, book: Book, kinds: frozenset[str], bounds: Bounds) -> Draft:
    parts = dict.fromkeys(entry.path for entry in order_of(folder, _MARKDOWN, bounds).entries if entry.path is not None)
    sheets = []
    for path in parts:
        inner = path.resolve().relative_to(folder.resolve()).as_posix()
        after = f"{name}.spoken/{inner}"
        sheets.append(_sheet(f"{name}/{inner}", after, _text(path, bounds), folder, book, kinds, bounds))
    taken = {sheet.after for sheet in sheets}
    others = (
        (f"{name}.spoken/{path.relative_to(folder).as_posix()}", path)
        for path in text_files(folder, _MARKDOWN + _BESIDE, bounds)
    )
    beside = tuple((other, path) for other, path in others if other not in taken)
    return Draft(name, tuple(sheets), beside=beside, warnings=book.warnings)


def _sheet(
    before: str, after: str, text: str, folder: Path, book: Book, kinds: frozenset[str], bounds: Bounds
) -> Sheet:
    fields, body, offset, _ = split_front_matter(_plain(text))
    language = metadata(fields, "", folder, bounds).language or book.meta.language or guess_language(body[:_LOOK])
    places = tuple(place for place in made_for_the_eye(body, offset) if place.kind in kinds)
    return Sheet(before, after, tuple(_LINES.findall(text)), places, language)


def _text(path: Path, bounds: Bounds) -> str:
    """The text of a file, every sign of it; what is no UTF-8 is decoded as the loader does."""
    data = read_file(path, bounds)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return decode_text(data, str(path))[0]


def _plain(text: str) -> str:
    """As the loader reads it, line by line the same."""
    return re.sub(r"\r\n|\r|\f", "\n", text.removeprefix("\ufeff"))
