"""A shelf file: settings for all books, and tables that say where the books are.

Every setting of a job may stand at the top, for all books, and in a table ``[[books]]``, for those. What stands at the
top of what one run may spend and how much goes on at once holds for all books together.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from narrate.bounds import Limits
from narrate.errors import JobError
from narrate.hooks import Hook
from narrate.job import Job, check
from narrate.jobs.files import Layer, layer, merged, read_layers
from narrate.jobs.slips import SHELFS
from narrate.library.window import Hour, Window

SOURCES = ("source", "list", "calibre", "feed")
"""What a table ``[[books]]`` may name, one of them."""
_EXTRA = {"calibre": ("tags", "authors", "series"), "feed": ("newest",)}
_TOGETHER = ("max_cost", "max_characters", "max_requests", "jobs", "cores")
"""Settings that hold for all books together when they stand at the top."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A table ``[[books]]``: ``kind`` is one of SOURCES, ``where`` the path or the address, ``settings`` what it says
    of its books, ``extra`` what narrows the list down. ``origin`` is how messages name it.
    """

    kind: str
    where: str
    settings: Layer
    extra: Mapping[str, Any]
    origin: str


@dataclass(frozen=True, slots=True)
class Shelf:
    """A shelf, read and checked. ``layers`` are the settings for all books; ``entries`` where the books are.

    ``limits``, ``requests`` and ``cores`` (0: as many as there are) hold for all books together, ``at_once`` is how
    many are made at the same time (0: as suits the machine). A run works within ``window``. ``hooks`` are told of the
    run. ``downloads`` is where books of feeds are kept.
    """

    path: Path
    output: Path
    layers: tuple[Layer, ...]
    entries: tuple[Entry, ...]
    limits: Limits = field(default_factory=Limits)
    currency: str = "USD"
    requests: int = 0
    cores: int = 0
    at_once: int = 0
    window: Window = field(default_factory=Window)
    hooks: tuple[Hook, ...] = ()
    downloads: Path = Path()

    @property
    def name(self) -> str:
        """How people call it."""
        return self.path.stem

    @property
    def place(self) -> Path:
        """Where its lock, its records and what it downloads lie."""
        return self.output / ".narrate"


def read_shelf(path: Path, env: Mapping[str, str] = os.environ) -> Shelf:
    """Read a shelf file. JobError names file, setting and what to do.

    Where no output is named it lies beside the file: cron starts a shelf in another folder than people do. A file that
    names a ``source`` at the top is a job file: a shelf of its own books.
    """
    layers, own = read_layers(path, "shelf file", env, apart=SHELFS)
    values = merged(layers)
    if "source" in values and "books" not in own:
        tables: list[Any] = [{"source": str(values["source"].absolute())}]
    else:
        tables = _tables(path, own)
    if "source" in values and "books" in own:
        raise JobError(f"{path}: 'source' stands at the top of a shelf; put it into a table [[books]]")
    output = values.get("output", path.parent / "output")
    check(Job(Path(), **{name: values[name] for name in _TOGETHER if name in values}), str(path))
    common = tuple(without(part, ("source", *_TOGETHER)) for part in layers)
    entries = tuple(_entry(path, number, table, env) for number, table in enumerate(tables, 1))
    for entry in entries:  # what is wrong in the file itself is told before anything is made
        check(Job(Path(), **merged((*common, entry.settings))), entry.origin)
    return Shelf(
        path=path,
        output=output,
        layers=common,
        entries=entries,
        limits=Limits(values.get("max_cost"), values.get("max_characters"), values.get("max_requests")),
        currency=values.get("currency", "USD"),
        requests=values.get("jobs", 0),
        cores=values.get("cores", 0),
        at_once=_at_once(path, own.get("at_once", 0)),
        window=_window(path, own),
        hooks=tuple(hook for hook in values.get("hooks", ()) if hook.per == "run"),
        downloads=_downloads(path, own, output),
    )


def with_flags(shelf: Shelf, **flags: Any) -> Shelf:
    """``shelf`` with what the command line says; None says nothing."""
    given = {name: value for name, value in flags.items() if value is not None}
    values = {"jobs" if name == "requests" else name: value for name, value in given.items() if name != "at_once"}
    check(Job(Path(), **values), "the command line")
    limits = {name.removeprefix("max_"): given.pop(name) for name in list(given) if name.startswith("max_")}
    return replace(shelf, limits=replace(shelf.limits, **limits), **given)


def _tables(path: Path, own: Mapping[str, Any]) -> list[Any]:
    tables = own.get("books", [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise JobError(f"{path}: 'books' must be tables, each such as [[books]] source = \"books/*.epub\"")
    if not tables:
        raise JobError(f'{path}: names no books; add a table [[books]] with source = "books/*.epub"')
    return tables


def _entry(path: Path, number: int, table: Mapping[str, Any], env: Mapping[str, str]) -> Entry:
    origin = f"{path}: [[books]] {number}"
    kinds = [kind for kind in SOURCES if kind in table]
    if len(kinds) != 1:
        what = "names no books" if not kinds else f"names {' and '.join(map(repr, kinds))}; write two tables"
        raise JobError(f"{origin}: {what}; give it one of {', '.join(SOURCES)}")
    kind = kinds[0]
    where = table[kind]
    if not isinstance(where, str) or not where:
        raise JobError(f"{origin}: {kind!r} must be a text in quotes, not {where!r}")
    extra = {name: table[name] for name in _EXTRA.get(kind, ()) if name in table}
    rest = {name: value for name, value in table.items() if name not in extra and name not in SOURCES}
    if kind == "feed":
        settings = layer(origin, rest, path.parent, env)
    else:  # all of them are paths: variables and ~ are known to them
        settings = layer(origin, {**rest, "source": where}, path.parent, env)
        where = str(settings.values["source"])
    return Entry(kind, where, for_books(without(settings, ("source",))), extra, origin)


def for_books(part: Layer) -> Layer:
    """``part`` with hooks that are told of each book."""
    if "hooks" not in part.values:
        return part
    hooks = tuple(replace(hook, per="book") for hook in part.values["hooks"])
    return Layer(part.origin, {**part.values, "hooks": hooks})


def without(part: Layer, names: tuple[str, ...]) -> Layer:
    """``part`` without the settings of these names."""
    return Layer(part.origin, {name: value for name, value in part.values.items() if name not in names})


def _at_once(path: Path, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 256:
        raise JobError(f"{path}: 'at_once' must be a whole number from 0 to 256, not {value!r}")
    return value


def _downloads(path: Path, own: Mapping[str, Any], output: Path) -> Path:
    value = own.get("downloads")
    if value is None:
        return output / ".narrate" / "downloads"
    if not isinstance(value, str):
        raise JobError(f"{path}: 'downloads' must be a path in quotes, not {value!r}")
    return path.parent / Path(value).expanduser()


def _window(path: Path, own: Mapping[str, Any]) -> Window:
    found = {name: time_of_day(own[name], f"{path}: {name!r}") for name in ("from", "until") if name in own}
    if "from" in found and "until" not in found:
        raise JobError(f"{path}: 'from' says when a run may begin; say with 'until' when it is to stop")
    return Window(found.get("from"), found.get("until"))


def time_of_day(value: Any, where: str) -> Hour:
    """ "06:00" as (6, 0). JobError for what is no time."""
    found = re.fullmatch(r"(\d{1,2}):(\d{2})", value) if isinstance(value, str) else None
    if found is None or not (int(found[1]) <= 24 and int(found[2]) <= 59) or (int(found[1]) == 24 and found[2] != "00"):
        raise JobError(f"{where} must be a time such as 06:00, not {value!r}")
    return int(found[1]) % 24, int(found[2])
