"""Lists of books: one row, one book. CSV as spreadsheets write it, and JSON, an object a line.

A column, or a name in an object, is ``source`` (also ``path`` or ``file``), any setting of a job, anything of its
metadata (``title``, ``authors``, ``series_number``), or a name in one of a job's tables: ``reading.notes``,
``pauses.chapter``, ``settings.speed``. ``language`` is the job's own setting; a book's is ``metadata.language``. Empty
cells are not set. Several authors or subjects stand in one cell with ";" between them, authors also with "&".

Cells become what their setting takes where that can be; what remains a text is refused where all settings are checked.
"""

from __future__ import annotations

import codecs
import csv
import io
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, NoReturn

from narrate.book import Metadata
from narrate.bounds import MEBIBYTE
from narrate.catalogues.listed import Listed
from narrate.disk import NotAFile, open_regular
from narrate.errors import JobError, shown
from narrate.job import Job
from narrate.jobs import readers
from narrate.policy import KINDS
from narrate.settings import guess

LARGEST = 64 * MEBIBYTE
"""Bytes of a list: 10,000 books with a description each take ten million."""
_SEPARATORS = ",;\t"
_SOURCE = ("source", "path", "file")
_SAME = {"author": "metadata.authors", **dict.fromkeys(_SOURCE, "source")}
"""What some columns are called beside their own name."""
_NUMBER = re.compile(r"[+-]?(?:\d{1,15}|\d{0,15}\.\d{1,15}|\d{1,15}\.)")
_COMMA = re.compile(r"([+-]?\d{0,15}),(\d{1,15})")
_SWITCH = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_UNSEEN = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")

Convert = Callable[[str], Any]
Book = Callable[[], Listed]
"""A row, to be read; JobError when it is no book."""


@dataclass(frozen=True, slots=True)
class _Column:
    """Where a value goes: ``table`` of the settings ("" for the job's own), ``name``, and what its text becomes."""

    table: str
    name: str
    convert: Convert


def read_list(path: Path) -> tuple[tuple[Listed, ...], tuple[str, ...]]:
    """The books of a list, read by its suffix, and sentences on rows that are none: they name the line, and what was
    likely meant. JobError when the whole of it is no list.
    """
    kinds = {
        **dict.fromkeys((".csv", ".tsv"), read_csv),
        **dict.fromkeys((".jsonl", ".ndjson"), read_jsonl),
        ".json": read_json,
    }
    reader = kinds.get(path.suffix.lower())
    if reader is None:
        raise JobError(f"{path}: is no list of books; a list is a .csv, a .tsv, a .jsonl or a .json file")
    found, wrong = [], []
    for book in reader(path):
        try:
            found.append(book())
        except JobError as error:
            wrong.append(str(error))
    return tuple(found), tuple(wrong)


def read_csv(path: Path) -> Iterator[Book]:
    """The books of a table: its first row names the columns, and commas, semicolons or tabs stand between cells."""
    text, separator = _separator(_text(path))
    rows = _rows(path, text, separator)
    line, header = next(rows, (1, []))
    if not header:
        raise JobError(f"{path}: is empty; the first row names the columns, at least 'source'")
    columns = _columns(f"{path} line {line}", header, decimal_comma=separator != ",")
    return (partial(_row, path.parent, f"{path} line {line}", columns, cells) for line, cells in rows)


def read_jsonl(path: Path) -> Iterator[Book]:
    """The books of a file with a JSON object on every line; tables may be nested, and null is not set."""
    lines = ((f"{path} line {number}", line) for number, line in enumerate(_text(path).split("\n"), 1))
    return (partial(_line, path.parent, where, line) for where, line in lines if line.strip())


def read_json(path: Path) -> Iterator[Book]:
    """The books of a file that is one JSON list of objects."""
    found = _json(str(path), _text(path))
    if not isinstance(found, list):
        raise JobError(f'{path}: must be a list of books, such as [{{"source": "dune.epub"}}]')
    return (partial(_object, path.parent, f"{path} entry {number}", item) for number, item in enumerate(found, 1))


def _text(path: Path) -> str:
    """The file's text. Excel's "Unicode text" is UTF-16 with a mark; of what has none, UTF-8 alone is believed."""
    try:
        with open_regular(path) as file:
            data = file.read(LARGEST + 1)
    except FileNotFoundError as error:
        raise JobError(f"{path}: there is no such list") from error
    except NotAFile as error:
        raise JobError(f"{path}: is no list of books: {error}") from error
    except (OSError, ValueError) as error:
        raise JobError(f"{path}: the list cannot be read: {getattr(error, 'strerror', None) or error}") from error
    if len(data) > LARGEST:
        raise JobError(f"{path}: is larger than {LARGEST // MEBIBYTE} MiB; it is no list of books")
    wide = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        return data.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError as error:
        where = f"{path} line {data.count(bytes([10]), 0, error.start) + 1}"
        raise JobError(f"{where}: is not UTF-8; save the list again as UTF-8 (in Excel: CSV UTF-8)") from error


# CSV


def _separator(text: str) -> tuple[str, str]:
    """The text and what stands between its cells: what Excel's own first line says ("sep=;"), else what makes most
    columns of the header.
    """
    first, _, rest = text.partition("\n")
    if first.strip().lower().startswith("sep=") and len(first.strip()) == len("sep=;"):
        return "\n" + rest, first.strip()[-1]  # the line stays, empty, so that lines are counted as editors do
    header = re.sub(r'"[^"]*"', "", next((line for line in text.splitlines() if line.strip()), ""))
    return text, max(_SEPARATORS, key=header.count)


def _rows(path: Path, text: str, separator: str) -> Iterator[tuple[int, list[str]]]:
    """The rows that are not empty, each with the line it begins on."""
    # newlines are left to csv, since cells may hold them
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True, skipinitialspace=True)
    line = 1
    while True:
        try:
            cells = next(reader, None)
        except csv.Error as error:
            raise JobError(
                f"{path} line {line}: is no row of a table: {error}; quotes in a cell are written twice"
            ) from error
        if cells is None:
            return
        if any(map(str.strip, cells)):
            yield line, cells
        line = reader.line_num + 1


def _columns(where: str, header: Sequence[str], *, decimal_comma: bool) -> list[_Column | None]:
    columns: list[_Column | None] = []
    for number, title in enumerate(header, 1):
        name = re.sub(r"[\s-]+", "_", title.strip().lower())
        column = _column(f"{where} column {number}", name, shown(title.strip(), 100), decimal_comma) if name else None
        if column is not None and any(old and (old.table, old.name) == (column.table, column.name) for old in columns):
            raise JobError(f"{where} column {number}: {title.strip()!r} is there twice")
        columns.append(column)
    if not any(column and column.name == "source" for column in columns):
        raise JobError(f"{where}: no column is called 'source'; it holds the path of each book")
    return columns


def _row(folder: Path, where: str, columns: Sequence[_Column | None], cells: Sequence[str]) -> Listed:
    settings: dict[str, Any] = {}
    source = ""
    if len(cells) > len(columns) and any(map(str.strip, cells[len(columns) :])):
        raise JobError(
            f"{where}: has {len(cells)} cells, and the first row names {len(columns)}; "
            "put quotes round a cell that holds what stands between cells"
        )
    for number, (column, cell) in enumerate(zip(columns, cells, strict=False), 1):
        text = cell.strip()
        if not text:
            continue
        if column is None:
            raise JobError(f"{where} column {number}: {text!r} stands in a column without a name")
        if column.name == "source" and not column.table:
            source = text
        else:
            _put(settings, column, column.convert(text))
    return Listed(_path(folder, where, source), settings, where, folder)


# JSON


def _json(where: str, text: str) -> Any:
    def refuse(name: str) -> NoReturn:
        raise ValueError(f"{name} is no number")

    try:
        return json.loads(text, parse_constant=refuse)
    except RecursionError as error:
        raise JobError(f"{where}: is nested too deeply; a book is one object") from error
    except ValueError as error:  # JSONDecodeError is one
        raise JobError(f"{where}: is not valid JSON: {error}") from error


def _line(folder: Path, where: str, line: str) -> Listed:
    return _object(folder, where, _json(where, line))


def _object(folder: Path, where: str, found: object) -> Listed:
    if not isinstance(found, dict):
        raise JobError(f'{where}: a book is an object, such as {{"source": "dune.epub"}}')
    settings: dict[str, Any] = {}
    source: object = ""
    for name, value in found.items():
        if value is None:
            continue
        if name in _SOURCE:
            source = value
        elif name in _TABLES:
            if not isinstance(value, dict):
                raise JobError(f"{where}: {name!r} must be an object, not {shown(repr(value), 60)}")
            for key, item in value.items():
                if item is not None:
                    _put_value(where, settings, f"{name}.{key}", item)
        elif name in _JOB and name not in _FLAT:  # a table that no cell could hold, such as places
            settings[name] = value
        else:
            _put_value(where, settings, name, value)
    if not isinstance(source, str):
        raise JobError(f"{where}: 'source' must be a path, not {shown(repr(source), 60)}")
    return Listed(_path(folder, where, source.strip()), settings, where, folder)


def _put_value(where: str, settings: dict[str, Any], name: str, value: object) -> None:
    """JSON has numbers and lists of its own: only a text that stands for several is taken apart."""
    column = _known(name) or _column(where, name, name, decimal_comma=False)
    several = isinstance(value, str) and column.convert in (_people, _things, _words)
    _put(settings, column, column.convert(str(value)) if several else value)


@lru_cache(1_000)
def _known(name: str) -> _Column | None:
    """The column of that name, worked out once for ten thousand books; None for what is none."""
    try:
        return _column("", name, name, decimal_comma=False)
    except JobError:
        return None


# both


def _put(settings: dict[str, Any], column: _Column, value: Any) -> None:
    if column.table:
        settings.setdefault(column.table, {})[column.name] = value
    else:
        settings[column.name] = value


def _path(folder: Path, where: str, source: str) -> Path:
    if not source:
        raise JobError(f"{where}: 'source' is empty; it is the path of the book")
    if _UNSEEN.search(source):
        raise JobError(f"{where}: 'source' holds a character that no path has: {source!r}")
    if readers.ADDRESS.match(source):
        raise JobError(f"{where}: 'source' must be a path, not an address; fetch the book, or name its feed in a shelf")
    if source.startswith("~"):
        try:
            return Path(source).expanduser()
        except RuntimeError as error:
            raise JobError(f"{where}: 'source' names a home folder that is not known: {source!r}") from error
    return Path(os.path.join(folder, source))  # noqa: PTH118 (one path for each of ten thousand books, not two)


def _column(where: str, name: str, title: str, decimal_comma: bool) -> _Column:
    """What the column ``name`` is; JobError with a guess when it is nothing."""
    name = _SAME.get(name, name)
    table, dot, key = name.partition(".")
    if dot and table in _TABLES:
        known = _TABLES[table]
        if known and key not in known:
            raise JobError(f"{where}: unknown name {key!r} in {table!r}; {guess(key, known)}")
        if not key:
            raise JobError(f"{where}: {title!r} names nothing in {table!r}; write for example 'settings.speed'")
        return _Column(table, key, _converter(table, key, decimal_comma))
    if name == "source" or name in _FLAT:
        return _Column("", name, _converter("", name, decimal_comma))
    if name in _METADATA:
        return _Column("metadata", name, _converter("metadata", name, decimal_comma))
    if name in _JOB:
        example = "'reading.notes' or 'pauses.chapter'"
        raise JobError(f"{where}: {title!r} is a table and fits in no cell; name what is in it, such as {example}")
    raise JobError(f"{where}: unknown column {title!r}; {guess(name, {'source', *_FLAT, *_METADATA})}")


def _converter(table: str, name: str, decimal_comma: bool) -> Convert:
    kinds = {"": _JOB.get(name, ""), "metadata": _METADATA.get(name, ""), "deadlines": "float"}
    kind = kinds.get(table, "int" if table in ("pauses", "bounds") else "")
    number = _number_with_comma if decimal_comma else _number
    if name in ("authors", "subjects"):
        return _people if name == "authors" else _things
    if kind.startswith("tuple[str"):
        return _words
    if kind.startswith("tuple[Path"):
        return _things
    if kind.startswith("bool"):
        return lambda text: _SWITCH.get(text.lower(), text)
    if kind.startswith(("int", "float")):
        return number
    return _decimal_point if table == "settings" and decimal_comma else str


def _number(text: str) -> Any:
    if not (text.isascii() and _NUMBER.fullmatch(text)):
        return text
    return float(text) if "." in text else int(text)


def _number_with_comma(text: str) -> Any:
    return _number(_decimal_point(text))


def _decimal_point(text: str) -> str:
    """What a spreadsheet writes where half a unit is 0,5: there no comma stands between cells."""
    found = _COMMA.fullmatch(text)
    return f"{found[1]}.{found[2]}" if found else text


def _people(text: str) -> list[str]:
    return _parts(re.split(r";|\s&\s", text))


def _things(text: str) -> list[str]:
    return _parts(text.split(";"))


def _words(text: str) -> list[str]:
    return _parts(re.split(r"[\s,;]+", text))


def _parts(parts: Iterable[str]) -> list[str]:
    return [part.strip() for part in parts if part.strip()]


def _kinds(kind: type) -> Mapping[str, str]:
    return {item.name: str(item.type) for item in fields(kind)}


_JOB = {name: kind for name, kind in _kinds(Job).items() if name != "source"}
_METADATA = {name: kind for name, kind in _kinds(Metadata).items() if name in readers.METADATA}
_PLAIN = ("str", "int", "float", "bool", "Path", "tuple[str, ...]", "tuple[Path, ...]")
_FLAT = frozenset(name for name, kind in _JOB.items() if kind.removesuffix(" | None") in _PLAIN)
"""The settings of a job that one cell can hold."""
_TABLES: Mapping[str, frozenset[str]] = {
    "metadata": frozenset(readers.METADATA),
    "pauses": frozenset(readers.PAUSES),
    "bounds": frozenset(readers.BOUNDS),
    "deadlines": frozenset(readers.DEADLINES),
    "reading": frozenset((*KINDS, *readers.KIND_NAMES)),
    "settings": frozenset(),
}
"""The tables of a job, and what may stand in each; any name where that is for the engine to say."""
