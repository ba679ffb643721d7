"""A feed as a list of books: a catalogue's EPUBs, the articles of a blog, or a serial that grows by its entries.

What a feed has brought is kept in a folder of its own, and listed whether or not the feed still names it or answers at
all: a night that was missed does no harm. ``feed.json`` there holds what the server is asked with, so that what has not
changed is not sent again, and what the entries are; when it is damaged, all is fetched anew, and files that come out
the same are left alone. An entry is known by its GUID, ``atom:id`` or address, never by its title.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from itertools import chain, count
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from narrate import disk, web
from narrate.catalogues.articles import Article, cleaned, digest_of, write_article, write_serial
from narrate.catalogues.brought import Held, Kept, PageSeen, chapters, keep_chapters, read_kept, write_kept
from narrate.catalogues.entries import Document, Entry, about_article, about_book, newest
from narrate.catalogues.listed import Listed
from narrate.catalogues.opds import read_publications
from narrate.catalogues.syndicated import read_document
from narrate.catalogues.whereabouts import NAME, folder_name, harmless, identity_of, with_login
from narrate.errors import JobError, NarrateError, SourceError, shown
from narrate.locks import only_run
from narrate.naming import safe_name

PAGES = 50
"""Pages of a catalogue that are read."""
LARGEST = 6_000_000
"""Bytes of one page of a feed; the whole articles of ten years have half of it."""
LARGEST_BOOK = 500_000_000
"""Bytes of a book of a catalogue: many are mostly pictures."""
PATIENCE = 3
"""So many books that cannot be had one after another, and the others are left for the next run."""
VISIT_S = 600.0
"""Seconds after which no other book of a catalogue is begun: those that are here are waiting to be narrated."""
ASKING = web.Patience(attempts=2, longest_wait=30.0)
DOWNLOADING = web.Patience(total=900.0, attempts=2, longest_wait=30.0)
"""A shelf waits for its feeds before it does anything, and asks again the next night."""
LOCKED_S = 30.0
"""Seconds for which another run may keep the chapters of a serial to itself: it needs a moment."""
ACCEPT = "application/atom+xml, application/rss+xml, application/opds+json, application/xml;q=0.9, */*;q=0.5"
_TOLD = 5  # of entries that were passed over, so many are named


class Fetch(Protocol):
    """``narrate.web.fetch``."""

    def __call__(self, url: str, *, etag: str, modified: str, accept: str, limit: int) -> web.Page: ...


class Download(Protocol):
    """``narrate.web.download``."""

    def __call__(self, url: str, path: Path, *, limit: int) -> web.Page: ...


_FETCH: Fetch = partial(web.fetch, patience=ASKING)
_DOWNLOAD: Download = partial(web.download, patience=DOWNLOADING)


@dataclass(frozen=True, slots=True)
class Feed:
    """What a feed has brought, now and before. ``problems`` are sentences on what could not be had this time, and will
    be tried again; ``passed_over`` on what a feed holds and narrate does not take.
    """

    title: str
    listed: tuple[Listed, ...] = ()
    problems: tuple[str, ...] = ()
    passed_over: tuple[str, ...] = ()


def read_feed(
    url: str,
    folder: Path,
    *,
    as_serial: bool = False,
    newest: int = 0,
    called: str = "",
    fetch: Fetch = _FETCH,
    download: Download = _DOWNLOAD,
) -> Feed:
    """Ask the feed at ``url`` for what is new, keep it below ``folder``, and list all that is there.

    ``as_serial`` makes one book of all entries, oldest first; a catalogue's books stay books. ``newest`` takes no more
    than so many of the entries that a feed holds (0: all). Catalogues are read page by page, other feeds as far as they
    go in one. A feed that cannot be read is a problem, and what it brought before is listed. Where a feed is ``called``
    something else, its address is a secret, and in no name and no sentence is more of it than its host.
    """
    name = called or web.named(url)
    if isinstance(newest, bool) or not isinstance(newest, int) or newest < 0:
        raise JobError(f"{name}: 'newest' must be a whole number, 0 for all, not {newest!r}")
    home = folder / folder_name(url, called)
    kept = read_kept(home)
    before = asdict(kept)
    asking = _Asking(url, name, identity_of(url, called), home, kept, as_serial, newest, fetch, download)
    try:
        asking.ask()
    except NarrateError as error:
        asking.problems.append(str(error))
    except OSError as error:
        asking.problems.append(f"{home}: cannot be written: {(error.strerror or str(error)).lower()}")
    if asking.left:
        asking.problems.append(f"{name}: {asking.left} more books are left for the next run")
    kept.held = {identity: held for identity, held in kept.held.items() if (home / held.file).is_file()}
    if asdict(kept) != before:
        with suppress(OSError):  # the next run asks for everything again, which does no harm
            write_kept(home, kept)
    told = [asking.problems, asking.passed_over()]
    problems, passed_over = (harmless(sentences, url, called) if called else tuple(sentences) for sentences in told)
    return Feed(kept.title, tuple(_listed(name, home, kept)), problems, passed_over)


def brought_by(url: str, folder: Path, called: str = "") -> Feed:
    """What the feed at ``url`` has brought so far. Nobody is asked, and nothing is written."""
    home = folder / folder_name(url, called)
    kept = read_kept(home)
    kept.held = {identity: held for identity, held in kept.held.items() if (home / held.file).is_file()}
    return Feed(kept.title, tuple(_listed(called or web.named(url), home, kept)))


def _listed(name: str, home: Path, kept: Kept) -> Iterable[Listed]:
    if kept.serial:
        about = {"title": kept.title, "authors": kept.authors, "language": kept.language}
        if (home / kept.serial).is_file():
            yield Listed(home / kept.serial, {"serial": True, "metadata": _said(about)}, name, home)
        return
    for held in kept.held.values():
        about = held.about if held.book else {"series": kept.title, **held.about}
        if not held.book and not about.get("authors"):
            about["authors"] = [kept.title]  # two feeds may well have an entry of the same title
        origin = f"{name}: {shown(held.about['title'], 100)}"
        yield Listed(home / held.file, {"metadata": _said(about)}, origin, home)


def _said(about: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in about.items() if value}


# asking


@dataclass(slots=True)
class _Asking:
    """One visit of a feed."""

    url: str
    name: str
    identity: str
    home: Path
    kept: Kept
    as_serial: bool
    newest: int
    fetch: Fetch
    download: Download
    problems: list[str] = field(default_factory=list)
    passed: list[tuple[str, str]] = field(default_factory=list)  # (entry, why)
    failed: int = 0  # books in a row
    left: int = 0  # books that were not even asked for
    names: dict[str, str] = field(default_factory=dict)  # digest -> file that is there
    titles: dict[tuple[str, ...], str] = field(default_factory=dict)  # what a folder is named after -> whose it is
    ends: float = field(default_factory=lambda: time.monotonic() + VISIT_S)

    def ask(self) -> None:
        """Fetch the pages that changed, and what they name."""
        kept = self.kept
        taken = f"serial={self.as_serial} newest={self.newest}"
        whole = all((self.home / held.file).is_file() for held in kept.held.values())
        if kept.taken != taken or not whole or (kept.serial and not (self.home / kept.serial).is_file()):
            kept.pages, kept.taken = [], taken  # what was left out then, or is gone, is not sent if nothing changed
        old, kept.pages = kept.pages, []
        address, counted, visited = self.url, 0, set[str]()
        try:
            while len(kept.pages) < PAGES and address not in visited:
                visited.add(address)
                seen = self._page(address, self._before(address, old), counted)
                counted += seen.entries
                kept.pages.append(seen)
                address = "" if self.newest and counted >= self.newest else seen.following
                if not address:
                    break
        finally:
            kept.pages += old[len(kept.pages) :] if address else []  # which were not come to

    def _before(self, address: str, old: list[PageSeen]) -> PageSeen:
        """What is known of the page at ``address``: where the one before it leads elsewhere now, nothing."""
        place = len(self.kept.pages)
        same = place < len(old) and (place == 0 or old[place - 1].following == address)
        return old[place] if same else PageSeen()

    def _page(self, address: str, before: PageSeen, counted: int) -> PageSeen:
        first = not self.kept.pages
        place = address if first else with_login(address, self.url)
        page = self.fetch(place, etag=before.etag, modified=before.modified, accept=ACCEPT, limit=LARGEST)
        if page.unchanged:
            return before
        try:
            document = _read_document(page)
        except SourceError as error:
            raise SourceError(f"{web.named(address)}: {error}") from error
        if document.catalogue and first and document.sections and not document.entries:
            lists = ", ".join(f"{name} ({web.named(where)})" for name, where in document.sections[:_TOLD])
            raise SourceError(f"{web.named(address)}: is the front page of a catalogue; name one of its lists: {lists}")
        if first:
            self._introduce(document)
            disk.make_folder(self.home)
            disk.clear_scratch(self.home, disk.SCRATCH)
            self.names = {path.stem.rpartition("-")[2]: path.name for path in sorted(self.home.glob("[!.]*-*.epub"))}
            held = self.kept.held.items()
            self.titles = {_apart(item.about["title"], item.about): identity for identity, item in held}
        if not document.catalogue:
            document = replace(document, entries=tuple(self._once(document.entries)))
        entries = newest(document, self.newest - counted) if self.newest else document.entries
        if self.kept.serial:
            whole = self._take_chapters(entries, document)
        else:
            whole = sum(self._take(entry, document) for entry in entries) == len(entries)
        following = self._following(document, page.url)
        # of a page that was not taken as a whole nothing is noted: it must be sent again
        etag, modified = (page.etag, page.modified) if whole else ("", "")
        return PageSeen(etag, modified, len(document.entries), following)

    def _introduce(self, document: Document) -> None:
        kept = self.kept
        kept.title = document.title or kept.title or urlsplit(web.named(self.url)).netloc
        kept.authors, kept.language = list(document.authors), document.language
        if self.as_serial and not document.catalogue:
            kept.serial = kept.serial or f"{safe_name(kept.title, NAME)}.epub"
        else:
            kept.serial = ""

    def _following(self, document: Document, url: str) -> str:
        """The next page of a catalogue, on the same server: whose the others are is not known."""
        if not document.catalogue or not document.following:
            return ""
        here, there = urlsplit(url), urlsplit(document.following)
        if (here.scheme, here.netloc) != (there.scheme, there.netloc):
            self.problems.append(
                f"{web.named(url)}: its next page is on another server ({there.hostname}), and is not read"
            )
            return ""
        return document.following

    def _take_chapters(self, entries: Iterable[Entry], document: Document) -> bool:
        """Keep what ``entries`` say, and make the one book of all that ever came."""
        found = [(self._article(entry, document), entry.moment) for entry in entries]
        kept = self.kept
        # two runs at once would give one chapter two numbers, for ever
        about = "keeping the chapters of this feed"
        with only_run(self.home.parent, self.home.name, self.name, wait=LOCKED_S, doing=about):
            keep_chapters(self.home, [(article, moment) for article, moment in found if article])
            bound, damaged = chapters(self.home)
            self.problems += damaged
            if bound:
                path, authors = self.home / kept.serial, tuple(kept.authors)
                write_serial(path, self.identity, kept.title, authors, kept.language, bound)
        return True

    def _once(self, entries: Iterable[Entry]) -> Iterator[Entry]:
        """The first of those with the same id: both would be one book, another with every visit."""
        first: dict[str, Entry] = {}
        for entry in entries:
            before = first.setdefault(entry.identity, entry) if entry.identity else entry
            if before is entry:
                yield entry
            elif before.html != entry.html:
                self.passed.append((_called(entry), "has the id of another entry"))

    def _take(self, entry: Entry, document: Document) -> bool:
        """Keep what ``entry`` holds; False when that failed and is to be tried again."""
        if document.catalogue:
            return self._take_book(entry)
        article = self._article(entry, document)
        if article:
            path = self.home / self._file_name(entry)
            write_article(path, article)
            self.kept.held[entry.identity] = Held(path.name, self._told_apart(entry.identity, about_article(article)))
        return True

    def _told_apart(self, identity: str, about: dict[str, Any]) -> dict[str, Any]:
        """What is said of an entry, its title told apart from those of the others: where each is "Links", the second
        would take the place of the first.
        """
        titles = [about["title"]]
        if about["date"] not in titles[0]:
            titles.append(f"{titles[0]}, {about['date']}")
        for title in chain(titles, (f"{titles[-1]} ({number})" for number in count(2))):
            if self.titles.setdefault(_apart(title, about), identity) == identity:
                break
        return {**about, "title": title}

    def _article(self, entry: Entry, document: Document) -> Article | None:
        why = "" if entry.identity else "has neither an id nor an address"
        body = ""
        with suppress(SourceError):  # of what is hostile there is nothing to be read
            body = cleaned(entry.html)
        if why or not body:
            self.passed.append((_called(entry), why or "has no text to be read"))
            return None
        return Article(
            entry.identity,
            entry.title or entry.date or "untitled",
            body,
            entry.authors or document.authors,
            entry.date,
            entry.language or document.language,
        )

    def _take_book(self, entry: Entry) -> bool:
        why = ""
        if not entry.identity:
            why = "has neither an id nor an address"
        elif not entry.book:
            why = "is not offered as an EPUB that anybody may have"
        elif web.leads_inside(entry.book) and not web.leads_inside(self.url):
            why = "leads into the network of this machine, which is not followed"
        if why:
            self.passed.append((_called(entry), why))
            return True
        held = self.kept.held.get(entry.identity)
        file = self._file_name(entry)
        if held is None or held.updated != entry.updated or not (self.home / file).is_file():
            if self.failed >= PATIENCE or time.monotonic() > self.ends:
                self.left += 1
                return False
            try:
                self._fetch_book(with_login(entry.book, self.url), self.home / file)
            except NarrateError as error:
                self.problems.append(str(error))
                self.failed += 1
                return False
            self.failed = 0
        about = self._told_apart(entry.identity, about_book(entry))
        self.kept.held[entry.identity] = Held(file, about, entry.updated, book=True)
        return True

    def _fetch_book(self, url: str, path: Path) -> None:
        """Download a book; the file stays as it is when the same comes again."""
        fresh = disk.scratch_for(path)
        try:
            self.download(url, fresh, limit=LARGEST_BOOK)
            with fresh.open("rb") as file:
                if file.read(4) != b"PK\3\4":
                    raise SourceError(f"{web.named(url)}: is no EPUB, whatever the catalogue says")
            if not _same(fresh, path):
                fresh.replace(path)
                disk.sync_folder(path.parent)
        finally:
            fresh.unlink(missing_ok=True)

    def _file_name(self, entry: Entry) -> str:
        """The name of an entry's file: the one it was first given, though its title may be another by now."""
        held, digest = self.kept.held.get(entry.identity), digest_of(entry.identity)
        return held.file if held else self.names.get(digest, f"{safe_name(entry.title, NAME)}-{digest}.epub")

    def passed_over(self) -> list[str]:
        """A sentence for each reason, with the entries that are meant."""
        reasons: dict[str, list[str]] = {}
        for name, why in self.passed:
            reasons.setdefault(why, []).append(name)
        return [f"{self.name}: {_enumerated(names)}: {why}" for why, names in reasons.items()]


def _called(entry: Entry) -> str:
    return shown(entry.title or web.named(entry.identity), 100) or "an entry"


def _enumerated(names: list[str]) -> str:
    more = f" and {len(names) - _TOLD} more" if len(names) > _TOLD else ""
    return ", ".join(names[:_TOLD]) + more


def _read_document(page: web.Page) -> Document:
    if page.body.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        return read_publications(page.body, page.url)
    return read_document(page.body, page.url, page.media_type, page.charset)


def _same(one: Path, other: Path) -> bool:
    with suppress(OSError):
        if one.stat().st_size == other.stat().st_size:
            return one.read_bytes() == other.read_bytes()
    return False


def _apart(title: str, about: dict[str, Any]) -> tuple[str, ...]:
    """What tells the folders of two books apart."""
    return safe_name(title).casefold(), *map(str, about.get("authors") or ())
