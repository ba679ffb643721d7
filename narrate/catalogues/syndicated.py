"""What a feed says: RSS and Atom in all their dialects, and catalogues of books in Atom (OPDS 1). feedparser's door.

feedparser, because feeds are broken in more ways than a week's work would mend: it knows the dialects, the dates and
the encodings, and its time grows with the size of a feed, whatever is in it. It is given bytes in memory and nothing to
fetch: of a name in bytes, or of an address, it would open what is there.
"""

from __future__ import annotations

import calendar
import html
import io
import re
from collections.abc import Iterator
from typing import Any

from narrate.catalogues.articles import paragraphs
from narrate.catalogues.entries import (
    ACQUISITION,
    LONGEST,
    MOST,
    Document,
    Entry,
    day_of,
    joined,
    language_of,
    open_book,
)
from narrate.catalogues.plain import fold, plain
from narrate.errors import SourceError, shown

Said = dict[str, Any]
"""What feedparser makes of an element."""
ELEMENTS = 200_000
"""Elements of one page, those of HTML that it quotes among them: a hundred long articles have a tenth. feedparser takes
ten microseconds for each, and more for one that is not closed.
"""
ATTRIBUTES = 400_000
_CATALOGUE = "profile=opds-catalog"
_ENTRIES = (b"item", b"entry")
_ROOTS = (b"channel", b"rss", b"feed", b"rdf:RDF")
_OPENED = re.compile(rb"<[A-Za-z]")
_ATTRIBUTE = re.compile(rb"""=\s?["']""")
_ALTERNATE = re.compile(r"<link\b([^<>]{0,500})>", re.IGNORECASE)
_HREF = re.compile(r"""href\s{0,9}=\s{0,9}["']?([^"'\s<>]{1,300})""", re.IGNORECASE)
_FEED_TYPE = re.compile(r"application/(?:rss|atom)\+xml", re.IGNORECASE)


def read_document(body: bytes, url: str, media_type: str = "", charset: str = "") -> Document:
    """The feed in ``body``, which came from ``url``. SourceError, a clause without a subject, when it is none."""
    if len(_OPENED.findall(body)) > ELEMENTS or len(_ATTRIBUTE.findall(body)) > ATTRIBUTES:
        raise SourceError(f"has more than {ELEMENTS:,} elements or {ATTRIBUTES:,} attributes; it is no feed")
    found = _parsed(body, url, media_type, charset)
    if not found.get("version"):
        raise SourceError(_what_it_is(body, url))
    if _is_cut_off(body):
        raise SourceError("breaks off in the middle of an entry")
    feed, entries = found["feed"], found["entries"][:MOST]
    links = list(_links(feed))
    catalogue = any(_is_of_catalogue(link) for entry in entries for link in _links(entry)) or any(
        _CATALOGUE in link.get("type", "") for link in links if link.get("rel") in ("self", "start")
    )
    return Document(
        title=_title(feed),
        authors=_authors(feed),
        language=language_of(_said(feed, "language")),
        catalogue=catalogue,
        entries=tuple(_entry(entry, url) for entry in entries if not (catalogue and _leads_on(entry))),
        following=next((joined(url, link["href"]) for link in links if link.get("rel") == "next"), ""),
        sections=tuple((_title(entry), _leads_on(entry)) for entry in entries if catalogue and _leads_on(entry)),
    )


def _is_cut_off(body: bytes) -> bool:
    """Whether the last entry is half of one, which would be taken for the whole until the feed changes."""
    last = max((body.rfind(b"<" + name + sign) for name in _ENTRIES for sign in (b">", b" ")), default=-1)
    return last >= 0 and not any(body.find(b"</" + name, last) >= 0 for name in (*_ENTRIES, *_ROOTS))


def _parsed(body: bytes, url: str, media_type: str, charset: str) -> Said:
    import feedparser

    kind = f"{media_type}; charset={charset}" if charset else media_type
    headers = {"content-location": url} | ({"content-type": kind} if kind else {})
    try:
        # never the bytes themselves: those it would take for the name of a file
        found: Said = feedparser.parse(
            io.BytesIO(body), response_headers=headers, sanitize_html=False, resolve_relative_uris=False
        )
    except (ValueError, TypeError, KeyError, AttributeError, IndexError, RecursionError, LookupError) as error:
        # it promises to raise nothing; on what nobody has tried yet it may slip
        raise SourceError(f"cannot be read as a feed ({type(error).__name__})") from error
    return found


def _what_it_is(body: bytes, url: str) -> str:
    head = body[:200_000].decode("utf-8", "replace")
    if not head.strip():
        return "is empty, and no feed"
    if not re.search(r"<(?:!doctype\s+html|html|head|body)\b", head[:5_000], re.IGNORECASE):
        return "is no feed (RSS, Atom or OPDS)"
    links = [found[1] for found in _ALTERNATE.finditer(head) if _FEED_TYPE.search(found[1])]
    feeds = [joined(url, found[1]) for found in map(_HREF.search, links) if found]
    named = f"; the feeds it names are {', '.join(shown(feed, 200) for feed in feeds[:3])}" if any(feeds) else ""
    return f"is a web page, and no feed{named}"


def _entry(entry: Said, base: str) -> Entry:
    # dict.get, since feedparser's own looks in other places too, and warns that it will not for ever
    when = dict.get(entry, "published_parsed") or dict.get(entry, "updated_parsed")
    written = _said(entry, "published") or _said(entry, "updated")
    series = dict.get(entry, "schema_series")
    series = series if isinstance(series, dict) else {}
    return Entry(
        identity=(_said(entry, "id") or _said(entry, "link")).strip(),
        title=_title(entry),
        authors=_authors(entry),
        date=day_of(written, when),
        moment=_moment(when),
        updated=_said(entry, "updated") or _said(entry, "published"),
        language=language_of(_said(entry, "dcterms_language") or _said(entry, "dc_language") or _language(entry)),
        publisher=fold(_said(entry, "dcterms_publisher") or _said(entry, "publisher"))[:LONGEST],
        series=fold(str(series.get("name", "")))[:LONGEST],
        series_number=fold(str(series.get("position", "")))[:20],
        html=_content(entry),
        book=_book(entry, base),
    )


def _said(entry: Said, name: str) -> str:
    value = dict.get(entry, name)
    return value if isinstance(value, str) else ""


def _title(entry: Said) -> str:
    detail = dict.get(entry, "title_detail") or {}
    title = _said(entry, "title")
    return (fold(title) if detail.get("type") == "text/plain" else plain(title))[:LONGEST]


def _authors(entry: Said) -> tuple[str, ...]:
    people = dict.get(entry, "authors") or []
    names = (fold(str(person.get("name") or "")) for person in people if isinstance(person, dict))
    return tuple(dict.fromkeys(name[:LONGEST] for name in names if name and "@" not in name))


def _content(entry: Said) -> str:
    """The longest text of an entry: the whole article where the feed has it, else its summary."""
    summary = dict.get(entry, "summary_detail")
    texts = []
    for item in [*(dict.get(entry, "content") or []), *([summary] if summary else [])]:
        value, kind = str(item.get("value") or ""), str(item.get("type") or "text/html").lower()
        if kind == "text/plain":
            texts.append(paragraphs(value))
        elif "html" in kind:
            texts.append(value if "<" in value else paragraphs(html.unescape(value)))
    return max(texts, key=len, default="")


def _language(entry: Said) -> str:
    details = [*(dict.get(entry, "content") or []), dict.get(entry, "title_detail") or {}]
    return next((str(item["language"]) for item in details if item.get("language")), "")


def _moment(when: Any) -> int | None:
    try:
        return calendar.timegm(when) if when else None
    except (ValueError, OverflowError, TypeError):
        return None


# catalogues


def _links(entry: Said) -> Iterator[dict[str, str]]:
    for link in dict.get(entry, "links") or []:
        if isinstance(link, dict) and isinstance(link.get("href"), str):
            yield link


def _is_of_catalogue(link: dict[str, str]) -> bool:
    return link.get("rel", "").startswith(ACQUISITION) or _CATALOGUE in link.get("type", "").replace(" ", "")


def _leads_on(entry: Said) -> str:
    """Where an entry leads that is a list of books and no book; "" for a book."""
    links = list(_links(entry))
    if any(link.get("rel", "").startswith(ACQUISITION) for link in links):
        return ""
    onward = (link for link in links if _is_of_catalogue(link) and "type=entry" not in link.get("type", ""))
    return next((link["href"] for link in onward), "")


def _book(entry: Said, base: str) -> str:
    offers = [(link.get("rel", ""), link.get("type", ""), link["href"]) for link in _links(entry)]
    return open_book(offers, base)
