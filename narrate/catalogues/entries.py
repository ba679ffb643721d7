"""NOUNS: a page of a feed and its entries, whatever dialect it is in; and what all dialects have in common."""

from __future__ import annotations

import email.utils
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

from narrate import web
from narrate.audio.languages import bcp_47
from narrate.book import LANGUAGE_TAG

if TYPE_CHECKING:
    from narrate.catalogues.articles import Article

MOST = 10_000
"""Entries of one page of a feed."""
LONGEST = 500
"""Characters of a title or a name."""
EPUB = "application/epub+zip"
ACQUISITION = "http://opds-spec.org/acquisition"
OPEN = (f"{ACQUISITION}/open-access", ACQUISITION)
"""How catalogues mark what anybody may have; the other ways are to buy, to borrow, or to have a part."""
_DAY = re.compile(r"\s*(\d{4}(?:-\d\d(?:-\d\d)?)?)(?:[T ]|\s*$)")


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry. ``identity`` is its GUID or ``atom:id``, else its address, "" when it has neither. ``moment`` is when
    it was published, in seconds, None when it does not say. ``updated`` changes when the entry does. ``html`` is the
    whole of what it says; ``book`` the address of its EPUB, in a catalogue.
    """

    identity: str
    title: str = ""
    authors: tuple[str, ...] = ()
    date: str = ""
    moment: int | None = None
    updated: str = ""
    language: str = ""
    publisher: str = ""
    series: str = ""
    series_number: str = ""
    html: str = ""
    book: str = ""


@dataclass(frozen=True, slots=True)
class Document:
    """A page of a feed. ``following`` is the address of the next one, "" for none. ``sections`` are the lists that the
    front page of a catalogue leads to, as (title, address).
    """

    title: str
    authors: tuple[str, ...] = ()
    language: str = ""
    catalogue: bool = False
    entries: tuple[Entry, ...] = ()
    following: str = ""
    sections: tuple[tuple[str, str], ...] = ()


def newest(document: Document, most: int) -> tuple[Entry, ...]:
    """The latest entries where all say when they came; else the first, since feeds begin with what is new."""
    entries = document.entries
    if not document.catalogue and all(entry.moment is not None for entry in entries):
        entries = tuple(sorted(entries, key=lambda entry: -(entry.moment or 0)))
    return entries[:most]


def language_of(written: str) -> str:
    """A BCP 47 tag, "" for what is none."""
    tag = bcp_47(written)
    return tag if LANGUAGE_TAG.fullmatch(tag) and tag.lower() not in ("und", "mul", "zxx") else ""


def day_of(written: str, when: object = None) -> str:
    """The day, month or year of a date as it is written, where its writer lives; of other forms the day in UTC."""
    found = _DAY.match(written)
    if found:
        return found[1]
    parts = email.utils.parsedate(written) or when
    if not isinstance(parts, tuple) or len(parts) < 3 or not 0 < parts[0] < 10_000:
        return ""
    return f"{parts[0]:04}-{parts[1]:02}-{parts[2]:02}"


def open_book(offers: Iterable[tuple[str, str, str]], base: str) -> str:
    """The address of an EPUB that anybody may have, of offers as (relation, media type, address); "" for none.

    What is got only in steps has another type at first, and is not taken.
    """
    found = tuple(offers)
    for wanted in OPEN:
        for relation, kind, href in found:
            if relation == wanted and kind.partition(";")[0].strip().lower() == EPUB:
                return joined(base, href)
    return ""


def joined(base: str, href: str) -> str:
    """``href`` as an address, "" for one that is no http or https address."""
    try:
        url = urljoin(base, href.strip()) if href.strip() else ""
    except ValueError:
        return ""
    return url if url.startswith(("http://", "https://")) else ""


def about_article(article: Article) -> dict[str, Any]:
    """What a shelf says of an article."""
    return {
        "title": article.title,
        "authors": list(article.authors),
        "date": article.date,
        "language": article.language,
    }


def about_book(entry: Entry) -> dict[str, Any]:
    """What a shelf says of a catalogue's book."""
    return {
        "title": entry.title or web.named(entry.identity),
        "authors": list(entry.authors),
        "date": entry.date if entry.moment is None else "",  # in Atom it may be the day on which the list was made
        "language": entry.language,
        "publisher": entry.publisher,
        "series": entry.series,
        "series_number": entry.series_number,
    }
