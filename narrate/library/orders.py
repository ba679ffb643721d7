"""A shelf's entries as orders, one for each book: where it lies, and what decides on it. Its job is made when needed.

Ten thousand books are listed in a fraction of a second because nothing of a book is opened here, and because books
that share their settings share one fingerprint.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from narrate.errors import NarrateError, SourceError
from narrate.job import Job, check
from narrate.jobs.files import Layer, beside, layer, merged
from narrate.jobs.sources import books_at, is_pattern, plain_part
from narrate.library.shelf import Entry, Shelf

if TYPE_CHECKING:
    from narrate.catalogues.listed import Listed

IMMATERIAL = frozenset(
    (
        "source", "output", "store", "jobs", "cores", "attempts", "max_wait", "timeout", "deadlines", "patience",
        "price", "currency", "max_cost", "max_characters", "max_requests", "hooks", "key_variable", "done", "failed",
    )
)  # fmt: skip
"""Settings that change neither what is heard nor how the files are called. (What is published elsewhere than before is
missed where it is looked for.)"""


@dataclass(frozen=True, slots=True)
class Order:
    """One book of a shelf. ``id`` is its source, relative to the shelf file's folder.

    ``names`` are its inputs, each as (name on record, path): the source first, then the file next to it and lexicons.
    ``settings`` is what decides on its sound and files, for comparison. ``listed`` is its row in a list.
    """

    id: str
    source: str
    names: tuple[tuple[str, str], ...]
    settings: Mapping[str, str]
    layers: tuple[Layer, ...]
    origin: str
    listed: Listed | None = None

    def job(self, shelf: Shelf) -> Job:
        """The book's job. JobError for what its row or the file next to it says wrong."""
        layers = self.layers
        if self.listed is not None:
            layers = (*layers, layer(self.listed.origin, self.listed.settings, self.listed.folder))
        own = beside(Path(self.source))
        values = merged((*layers, own) if own else layers)
        values.setdefault("output", shelf.output)
        hooks = tuple(hook for hook in values.pop("hooks", ()) if hook.per == "book")
        where = self.listed.origin if self.listed is not None else self.origin
        return check(Job(**{**values, "source": Path(self.source), "hooks": hooks}), where)


@dataclass(frozen=True, slots=True)
class Listing:
    """All orders of a shelf, and what went wrong in finding them: (origin, sentence), the rest of it notwithstanding.
    ``notes`` are sentences that are no failures.
    """

    orders: tuple[Order, ...]
    problems: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()


def orders_of(shelf: Shelf, *, ask: bool = True) -> Listing:
    """List the books of ``shelf``. An entry that fails is a problem of its own, and the others are listed. Feeds are
    asked for what is new, unless only what they have brought is to be seen.

    A book that several entries find is one order: what a later entry says is added to what an earlier one says.
    """
    listing = _Listing(shelf, ask)
    for entry in shelf.entries:
        try:
            _LISTERS[entry.kind](listing, entry)
        except NarrateError as error:
            listing.problems.append((entry.origin, str(error)))
    return Listing(tuple(listing.found.values()), tuple(listing.problems), tuple(listing.notes))


class _Listing:
    """What has been found so far, and what is known of the folders that were looked into."""

    def __init__(self, shelf: Shelf, ask: bool) -> None:
        self.shelf = shelf
        self.ask = ask
        self.root = f"{os.path.abspath(shelf.path.parent)}{os.sep}"  # noqa: PTH100 (keeps links as they are named)
        self.found: dict[str, Order] = {}
        self.problems: list[tuple[str, str]] = []
        self.notes: list[str] = []
        self._outside: dict[str, str] = {}
        self._beside: dict[str, frozenset[str]] = {}
        self._shared: dict[tuple[int, ...], tuple[Mapping[str, str], tuple[tuple[str, str], ...]]] = {}

    def add(self, entry: Entry, source: str, listed: Listed | None = None) -> None:
        """Note that ``entry`` names the book at ``source``."""
        name = self.name(source)
        before = self.found.get(name)
        layers = (*before.layers, entry.settings) if before else (*self.shelf.layers, entry.settings)
        settings, lexicons = self._of(layers)
        if listed is not None and listed.settings:
            settings = {**settings, **dict(_flat(listed.settings))}
        elif before is not None and before.listed is not None:
            listed = before.listed
            settings = {**settings, **dict(_flat(listed.settings))}
        own = self._own(source)
        inputs = dict(((name, source), *own, *lexicons, *self._lexicons_of(source, listed, bool(own))))
        self.found[name] = Order(name, source, tuple(inputs.items()), settings, layers, entry.origin, listed)

    def name(self, path: str) -> str:
        """How a path is put on record: relative to the shelf file's folder, with "/"."""
        path = os.path.abspath(path)  # noqa: PTH100
        if path.startswith(self.root):
            return path[len(self.root) :].replace(os.sep, "/")
        folder, _, name = path.rpartition(os.sep)
        if folder not in self._outside:
            self._outside[folder] = os.path.relpath(folder or os.sep, self.root).replace(os.sep, "/")
        return f"{self._outside[folder]}/{name}"

    def _of(self, layers: tuple[Layer, ...]) -> tuple[Mapping[str, str], tuple[tuple[str, str], ...]]:
        """The fingerprint of settings, and the lexicons among the inputs: worked out once for each set of layers."""
        key = tuple(map(id, layers))
        if key not in self._shared:
            job = check(Job(Path(), **merged(layers)), layers[-1].origin)
            lexicons = tuple((self.name(str(path)), str(path)) for path in job.lexicons)
            self._shared[key] = fingerprint(job), lexicons
        return self._shared[key]

    def _own(self, source: str) -> tuple[tuple[str, str], ...]:
        """The file next to a book, where there is one: of a link it lies next to what it leads to (``beside``)."""
        if os.path.islink(source):  # noqa: PTH114
            source = os.path.realpath(source)
        folder, _, name = source.rpartition("/")
        if folder not in self._beside:
            try:
                with os.scandir(folder or ".") as entries:
                    self._beside[folder] = frozenset(
                        entry.name for entry in entries if entry.name.endswith(".narrate.toml")
                    )
            except OSError:
                self._beside[folder] = frozenset()
        if not self._beside[folder]:
            return ()
        for stem in (name, name.rpartition(".")[0]):
            own = f"{stem}.narrate.toml"
            if own in self._beside[folder]:
                path = f"{folder}/{own}" if folder else own
                return ((self.name(path), path),)
        return ()

    def _lexicons_of(self, source: str, listed: Listed | None, has_own: bool) -> Iterator[tuple[str, str]]:
        """The lexicons that a row, or the file next to a book, names for that book alone."""
        found: list[Path] = []
        if listed is not None and "lexicons" in listed.settings:
            named = listed.settings["lexicons"]
            found += [listed.folder / str(each) for each in ([named] if isinstance(named, str) else named)]
        if has_own:
            with suppress(NarrateError):  # a mistake in it is told when the book is made
                own = beside(Path(source))
                found += own.values.get("lexicons", ()) if own else ()
        return ((self.name(str(path)), str(path)) for path in found)


def fingerprint(job: Job) -> dict[str, str]:
    """What decides on a job's sound and files: each setting that is not the default, as a text."""
    usual = Job(Path())
    found = {}
    for item in fields(Job):
        value = getattr(job, item.name)
        if item.name not in IMMATERIAL and value != getattr(usual, item.name):
            found[item.name] = _text(value)
    if job.lexicons:  # their bytes are inputs; here their order counts
        found["lexicons"] = " ".join(path.name for path in job.lexicons)
    return found


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if is_dataclass(value) and not isinstance(value, type):
        usual = type(value)()
        value = {name: item for name, item in asdict(value).items() if item != getattr(usual, name)}
    return json.dumps(value, default=_plain, sort_keys=True)


def _plain(item: Any) -> Any:
    return asdict(item) if is_dataclass(item) and not isinstance(item, type) else str(item)


def _flat(table: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, str]]:
    for name, value in table.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{before}{name}.")
        elif name not in IMMATERIAL:
            yield f"{before}{name}", value if isinstance(value, str) else json.dumps(value, default=str)


# --- the kinds of entries ---


def _list_sources(listing: _Listing, entry: Entry) -> None:
    where = Path(entry.where)
    if not is_pattern(where) and not where.exists():
        listing.add(entry, entry.where)
        return
    try:
        found = books_at(where)
    except SourceError as error:
        # a folder that is empty today is none of a shelf's troubles; one that is not there is
        if not is_pattern(where) or not plain_part(where).is_dir():
            raise
        listing.notes.append(str(error))
        return
    for path in found:
        listing.add(entry, str(path))


def _list_drops(listing: _Listing, entry: Entry) -> None:
    from narrate.catalogues.dropped import dropped

    for path in dropped(Path(entry.where), entry.extra["apart"]):
        listing.add(entry, str(path))


def _list_rows(listing: _Listing, entry: Entry) -> None:
    from narrate.catalogues.lists import read_list

    found, wrong = read_list(Path(entry.where))
    listing.problems.extend((entry.origin, sentence) for sentence in wrong)
    _add_all(listing, entry, found)


def _list_calibre(listing: _Listing, entry: Entry) -> None:
    from narrate.catalogues.calibre import read_calibre

    found, passed_over = read_calibre(Path(entry.where), **entry.extra)
    listing.notes.extend(passed_over)
    _add_all(listing, entry, found)


def _list_feed(listing: _Listing, entry: Entry) -> None:
    from narrate.catalogues.feeds import brought_by, read_feed
    from narrate.hooks.environment import expanded, variables

    url, folder = expanded(entry.where, os.environ), listing.shelf.downloads
    called = entry.where if variables(entry.where) else ""  # an address in a variable is a secret
    serial = bool(entry.settings.values.get("serial"))
    if listing.ask:
        feed = read_feed(url, folder, as_serial=serial, called=called, **entry.extra)
    else:
        feed = brought_by(url, folder, called)
    listing.problems.extend((entry.origin, sentence) for sentence in feed.problems)
    listing.notes.extend(feed.passed_over)
    _add_all(listing, entry, feed.listed)


def _add_all(listing: _Listing, entry: Entry, found: Sequence[Listed]) -> None:
    for listed in found:
        if is_pattern(listed.source):
            try:
                paths = books_at(listed.source)
            except SourceError as error:
                listing.problems.append((entry.origin, f"{listed.origin}: {error}"))
                continue
            for path in paths:
                listing.add(entry, str(path), listed)
        else:
            listing.add(entry, str(listed.source), listed)


_LISTERS = {
    "drops": _list_drops,
    "source": _list_sources,
    "list": _list_rows,
    "calibre": _list_calibre,
    "feed": _list_feed,
}
