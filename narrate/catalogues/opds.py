"""OPDS 2: a catalogue of books as JSON. Nothing in it is believed to be of the type that it should be."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from narrate.catalogues.entries import LONGEST, MOST, Document, Entry, day_of, joined, language_of, open_book
from narrate.catalogues.plain import fold, plain
from narrate.errors import SourceError


def read_publications(body: bytes, url: str) -> Document:
    """The catalogue in ``body``, which came from ``url``. SourceError, a clause without a subject, when it is none."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise SourceError("is no feed: it begins like JSON, and is none") from error
    groups = [found, *_tables(found, "groups")]
    books = [book for group in groups for book in _tables(group, "publications")]
    sections = [(_text(item, "title"), joined(url, _one(item, "href"))) for item in _tables(found, "navigation")]
    if not isinstance(found, dict) or not ("publications" in found or "groups" in found or "navigation" in found):
        raise SourceError("is no feed (RSS, Atom or OPDS)")
    about = _table(found, "metadata")
    return Document(
        title=_text(about, "title"),
        language=language_of(_one(about, "language")),
        catalogue=True,
        entries=tuple(_entry(book, url) for book in books[:MOST]),
        following=next((joined(url, href) for relation, _, href in _links(found) if relation == "next"), ""),
        sections=tuple(section for section in sections if section[1]),
    )


def _entry(book: dict[str, Any], url: str) -> Entry:
    about = _table(book, "metadata")
    links = list(_links(book))
    itself = next((href for relation, _, href in links if relation == "self"), "")
    belongs = _table(about, "belongsTo")
    series: Any = next(iter(_many(belongs, "series")), {})
    return Entry(
        identity=_one(about, "identifier") or itself or open_book(links, url),
        title=_text(about, "title"),
        authors=tuple(dict.fromkeys(filter(None, map(_name, _many(about, "author"))))),
        date=day_of(_one(about, "published")),
        updated=_one(about, "modified"),
        language=language_of(_one(about, "language")),
        publisher=next(filter(None, map(_name, _many(about, "publisher"))), ""),
        series=_name(series),
        series_number=str(series.get("position", ""))[:20] if isinstance(series, dict) else "",
        book=open_book(links, url),
    )


def _table(table: object, name: str) -> dict[str, Any]:
    value = table.get(name) if isinstance(table, dict) else None
    return value if isinstance(value, dict) else {}


def _tables(table: object, name: str) -> list[dict[str, Any]]:
    return [item for item in _many(table, name) if isinstance(item, dict)]


def _many(table: object, name: str) -> list[Any]:
    """What stands there, one or a list of several."""
    value = table.get(name) if isinstance(table, dict) else None
    return value if isinstance(value, list) else [] if value is None else [value]


def _one(table: object, name: str) -> str:
    return next((item for item in _many(table, name) if isinstance(item, str)), "")


def _text(table: object, name: str) -> str:
    """A text, or the first of a text in several languages."""
    value = next(iter(_many(table, name)), "")
    if isinstance(value, dict):
        value = next(iter(value.values()), "")
    return plain(value)[:LONGEST] if isinstance(value, str) else ""


def _name(person: object) -> str:
    return fold(person)[:LONGEST] if isinstance(person, str) else _text(person, "name")


def _links(table: object) -> Iterator[tuple[str, str, str]]:
    """The links as (relation, media type, address); one with several relations as often."""
    for link in _tables(table, "links"):
        for relation in _many(link, "rel") or [""]:
            if isinstance(relation, str) and _one(link, "href"):
                yield relation, _one(link, "type"), _one(link, "href")
