"""BRICK: the fields at the top of a text file (YAML, TOML, JSON, pandoc's title block, lines of "Name: value"), as
metadata; and the tables that go with a folder. PyYAML's one door.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import yaml

from narrate.book import LANGUAGE_TAG, Cover, Metadata, cover_of
from narrate.bounds import BOUNDS, Bounds
from narrate.errors import SourceError
from narrate.files import inside, read_file
from narrate.markup.passage import fold

Fields = dict[str, object]

MAX_FRONT_MATTER = 64 * 1024  # characters; a page of fields has 1,000
MAX_TABLE = 256 * 1024  # characters of a book.toml or a mkdocs.yml; the longest have 30,000
_YAML = re.compile(r"\A(?:[ \t]*\n)*---[ \t]*\n(.*?)^(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE)
_TOML = re.compile(r"\A(?:[ \t]*\n)*\+\+\+[ \t]*\n(.*?)^\+\+\+[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE)
_JSON = re.compile(r"\A\s*(\{\s*\"[^\n]*\n?(?:.*?\n)??\})[ \t]*(?:\n[ \t]*\n|\n?\Z)", re.DOTALL)
# pandoc's title block: title, authors and date, each behind a percent sign and continued by indented lines
_PERCENT = re.compile(
    r"\A%(?!%)[ \t]*([^\n]*(?:\n[ \t]+\S[^\n]*)*)\n(?:%[ \t]*([^\n]*(?:\n[ \t]+\S[^\n]*)*)\n)?(?:%([^\n]*)\n)?"
)
# MultiMarkdown's: lines of "Name: value" up to the first empty line
_NAMED_LINE = re.compile(r"([A-Za-z][\w -]{0,30}):[ \t]*(\S[^\n]*)?")
_NAMED_LINES = 30
_FEW = 2  # so many of the names must be known, one of them the title
# What each piece of metadata is called, in order of preference.
_NAMES: dict[str, tuple[str, ...]] = {
    "title": ("title",),
    "subtitle": ("subtitle",),
    "authors": ("author", "authors", "creator", "by"),
    "translators": ("translator", "translators"),
    "language": ("lang", "language"),
    "publisher": ("publisher",),
    "date": ("date", "year", "published"),
    "description": ("description", "summary", "abstract"),
    "rights": ("rights", "license", "licence", "copyright"),
    "identifier": ("identifier", "isbn"),
    "series": ("series", "collection"),
    "number": ("series_index", "series_number", "volume"),
    "subjects": ("subjects", "tags", "keywords", "categories"),
    "cover": ("cover", "cover-image", "cover_image"),
}


def split_front_matter(text: str) -> tuple[Fields, str, int, str]:
    """(fields, the text after them, how many lines they took, what was wrong with them); line ends are "\\n"."""
    for pattern, parse in _FORMS:
        match = pattern.match(text)
        if match is None or len(match.group(1)) > MAX_FRONT_MATTER:
            continue
        if pattern is _YAML and not _looks_like_fields(match.group(1)):
            continue  # two rules with text between them
        rest, lines = text[match.end() :], match.group().count("\n")
        parsed, problem = _parsed(match.group(1), parse)
        if problem and pattern is not _JSON:
            return {}, rest, lines, f"the front matter cannot be read ({problem})"
        if isinstance(parsed, dict):
            return _lower(parsed), rest, lines, ""
    fields, rest = _plain_fields(text[:MAX_FRONT_MATTER], text)
    return fields, rest, text[: len(text) - len(rest)].count("\n"), ""


def read_table(text: str, suffix: str) -> Fields:
    """The fields of a YAML, TOML or JSON file (by its suffix), or {} when they cannot be read.

    Tags of a tool's own ("!!python/name:...") are passed over, not obeyed.
    """
    parse = {".toml": tomllib.loads, ".json": json.loads}.get(suffix.lower(), _tolerant)
    if len(text) > MAX_TABLE:
        return {}
    parsed, _ = _parsed(text, parse)
    return _lower(parsed) if isinstance(parsed, dict) else {}


class _Tolerant(yaml.SafeLoader):
    """YAML whose unknown tags are nothing."""


_Tolerant.add_multi_constructor("", lambda loader, suffix, node: None)


def _tolerant(text: str) -> object:
    return yaml.load(text, Loader=_Tolerant)  # a safe loader that knows less, not more


_FORMS: tuple[tuple[re.Pattern[str], Callable[[str], object]], ...] = (
    (_YAML, yaml.safe_load),
    (_TOML, tomllib.loads),
    (_JSON, json.loads),
)


def _parsed(text: str, parse: Callable[[str], object]) -> tuple[object, str]:
    try:
        return parse(text), ""
    except (yaml.YAMLError, ValueError, RecursionError, OverflowError, AttributeError, TypeError) as error:
        # PyYAML lets a few slips through as TypeError or AttributeError (a list as a key, a broken date)
        return None, (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")


def _lower(table: Mapping[object, object]) -> Fields:
    return {str(name).lower(): value for name, value in table.items()}


def _looks_like_fields(text: str) -> bool:
    """Whether the first line that says anything is a name and a colon."""
    lines = (line for line in text.split("\n") if line.strip() and not line.lstrip().startswith("# "))
    return re.match(r"[\w\"'][^:#]{0,60}:(?:\s|$)|\{", next(lines, "")) is not None


def _plain_fields(head: str, text: str) -> tuple[Fields, str]:
    """Pandoc's title block, or lines of names and values."""
    block = _PERCENT.match(head)
    if block and block.group(1).strip():
        title, authors, date = (fold(part or "") for part in block.groups())
        names = [fold(name) for name in re.split(r"[;\n]", block.group(2) or "") if name.strip()]
        return {"title": title, "author": names if authors else [], "date": date}, text[block.end() :]
    fields: Fields = {}
    taken = 0
    for line in head.split("\n", _NAMED_LINES)[:_NAMED_LINES]:
        match = _NAMED_LINE.fullmatch(line)
        if match is None:
            break
        fields[match.group(1).lower()] = (match.group(2) or "").strip()
        taken += len(line) + 1
    known = {name for name in fields if any(name in names for names in _NAMES.values())}
    ended = taken >= len(text) or text[taken : taken + 1] == "\n" or not text[taken:].split("\n", 1)[0].strip()
    if "title" in known and len(known) >= _FEW and ended:
        return fields, text[taken:]
    return {}, text


def metadata(fields: Mapping[str, object], title: str, folder: Path, bounds: Bounds = BOUNDS) -> Metadata:
    """The fields as metadata; ``title`` is used when they give none, a cover is looked for below ``folder``."""
    said = {name: _first_of(fields, names) for name, names in _NAMES.items()}
    one = {name: next(_texts(value), "") for name, value in said.items()}
    authors = tuple(dict.fromkeys(_texts(said["authors"])))
    translators = [(name, "trl") for name in _texts(said["translators"])]
    return Metadata(
        title=one["title"] or title,
        authors=authors,
        language=one["language"].replace("_", "-") if LANGUAGE_TAG.fullmatch(one["language"].replace("_", "-")) else "",
        subtitle=one["subtitle"],
        contributors=(*((name, "aut") for name in authors), *translators),
        publisher=one["publisher"],
        date=one["date"],
        identifier=one["identifier"],
        description=one["description"],
        series=one["series"],
        series_number=one["number"],
        rights=one["rights"],
        subjects=tuple(dict.fromkeys(_texts(said["subjects"]))),
        cover=_cover(one["cover"], folder, bounds),
    )


def number_of(fields: Mapping[str, object], names: Sequence[str]) -> float | None:
    """The first of the fields ``names`` that is a number."""
    value = _first_of(fields, names)
    try:
        return float(str(value)) if isinstance(value, (int, float, str)) else None
    except ValueError:
        return None


def is_off(fields: Mapping[str, object], names: Sequence[str], *, when: bool) -> bool:
    """Whether one of the fields ``names`` is plainly ``when`` (true or false, or those words)."""
    return any(str(fields.get(name, "")).strip().lower() == str(when).lower() for name in names)


def _first_of(fields: Mapping[str, object], names: Sequence[str]) -> object:
    return next((fields[name] for name in names if fields.get(name) not in (None, "", [])), None)


def _texts(value: object) -> Iterator[str]:
    """Plain values of a field: a scalar, a list of them, or pandoc's and Quarto's tables with a name or text."""
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, Mapping):
            item = item.get("name") or item.get("text")
        if isinstance(item, (list, Mapping, bool)) or item is None:
            continue
        text = fold(str(item))
        if text:
            yield text


def _cover(name: str, folder: Path, bounds: Bounds) -> Cover | None:
    path = inside(folder, name) if name else None
    if path is None:
        return None
    try:
        data = read_file(path, bounds)
    except SourceError:
        return None  # a book without its cover is still a book
    return cover_of(data)
