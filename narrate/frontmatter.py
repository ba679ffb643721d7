"""BRICK: the fields at the top of a Markdown file (YAML or TOML), as metadata. PyYAML's one door."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import yaml

from narrate.book import Cover, Metadata
from narrate.errors import SourceError
from narrate.files import inside, read_file
from narrate.markup.passage import fold

Fields = dict[str, object]

MAX_FRONT_MATTER = 64 * 1024  # characters; a page of fields has 1,000
_YAML = re.compile(r"\A---[ \t]*\r?\n(.*?)^(?:---|\.\.\.)[ \t]*(?:\r?\n|\Z)", re.DOTALL | re.MULTILINE)
_TOML = re.compile(r"\A\+\+\+[ \t]*\r?\n(.*?)^\+\+\+[ \t]*(?:\r?\n|\Z)", re.DOTALL | re.MULTILINE)
_PICTURES = {b"\xff\xd8\xff": "image/jpeg", b"\x89PNG\r\n\x1a\n": "image/png"}
_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8})*")
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
    """(fields, the text after them, how many lines they took, what was wrong with them)."""
    for pattern, parse in ((_YAML, yaml.safe_load), (_TOML, tomllib.loads)):
        match = pattern.match(text)
        if match is None or len(match.group(1)) > MAX_FRONT_MATTER:
            continue
        rest, lines = text[match.end() :], match.group().count("\n")
        try:
            parsed = parse(match.group(1))
        except (yaml.YAMLError, tomllib.TOMLDecodeError, ValueError, RecursionError) as error:
            return {}, rest, lines, f"the front matter cannot be read ({str(error).splitlines()[0]})"
        if isinstance(parsed, dict):
            return {str(name).lower(): value for name, value in parsed.items()}, rest, lines, ""
    return {}, text, 0, ""


def metadata(fields: Mapping[str, object], title: str, folder: Path) -> Metadata:
    """The fields as metadata; ``title`` is used when they give none, a cover is looked for below ``folder``."""
    said = {name: _first_of(fields, names) for name, names in _NAMES.items()}
    one = {name: next(_texts(value), "") for name, value in said.items()}
    authors = tuple(dict.fromkeys(_texts(said["authors"])))
    translators = [(name, "trl") for name in _texts(said["translators"])]
    return Metadata(
        title=one["title"] or title,
        authors=authors,
        language=one["language"].replace("_", "-") if _LANGUAGE.fullmatch(one["language"].replace("_", "-")) else "",
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
        cover=_cover(one["cover"], folder),
    )


def number_of(fields: Mapping[str, object], names: Sequence[str]) -> float | None:
    """The first of the fields ``names`` that is a number."""
    value = _first_of(fields, names)
    try:
        return float(str(value)) if isinstance(value, (int, float, str)) else None
    except ValueError:
        return None


def _first_of(fields: Mapping[str, object], names: Sequence[str]) -> object:
    return next((fields[name] for name in names if fields.get(name) not in (None, "", [])), None)


def _texts(value: object) -> Iterator[str]:
    """Plain values of a field: a scalar, a list of them, or pandoc's and Quarto's tables with a name or text."""
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, Mapping):
            item = item.get("name") or item.get("text")
        if isinstance(item, (list, Mapping)) or item is None:
            continue
        text = fold(str(item))
        if text:
            yield text


def _cover(name: str, folder: Path) -> Cover | None:
    path = inside(folder, name) if name else None
    if path is None:
        return None
    try:
        data = read_file(path)
    except SourceError:
        return None  # a book without its cover is still a book
    return next((Cover(data, kind) for start, kind in _PICTURES.items() if data.startswith(start)), None)
