"""Job files as layers of settings: the house's first, then the file that extends it, the file next to a book, flags.

Of two layers the later wins, key by key in [settings], [pauses], [metadata], [deadlines] and [bounds]; [reading],
[[places]], lexicons and hooks add up. Whatever is wrong is a JobError that names file, setting and likely meaning.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from narrate.bounds import Bounds
from narrate.errors import JobError
from narrate.job import Job, check
from narrate.jobs.slips import without_keys
from narrate.jobs.table import SETTINGS
from narrate.jobs.toml import parsed
from narrate.jobs.values import houses_of, values_of
from narrate.script import Pauses

MOST_FILES = 32
"""Files that one job may be made of, by ``extends``."""
OVERRIDES = frozenset(("policy", "reading", "places", "lexicons", "metadata", "language"))
"""What a file next to a book may settle: what the book is and how it is read, not where speech comes from."""


@dataclass(frozen=True, slots=True)
class Layer:
    """Settings from one place: a Job's field -> its checked value, paths made relative to the file's folder.

    What joins key by key is held as pairs. ``origin`` is how messages name the place.
    """

    origin: str
    values: Mapping[str, Any]


@dataclass(slots=True)
class Survey:
    """Files as far as they can be read, and all that is wrong with them. ``apart`` is what was taken out unread."""

    layers: list[Layer] = field(default_factory=list)
    mistakes: list[JobError] = field(default_factory=list)
    apart: dict[str, Any] = field(default_factory=dict)


def read_job(path: Path, env: Mapping[str, str] = os.environ) -> Job:
    """Read a job file. Paths in it are relative to the file; ``source`` must be there."""
    layers, _ = read_layers(path, env=env)
    return job_of(layers, str(path))


def job_of(layers: Iterable[Layer], where: str) -> Job:
    """The job that ``layers`` make; ``where`` names them in messages."""
    values = merged(layers)
    if "source" not in values:
        raise JobError(f"{where}: 'source' is missing; name the book, the folder or the document to be read")
    return check(Job(**values), where)


def with_overrides(job: Job) -> Job:
    """``job`` with what a file next to its source says (``beside``); of two rules for the same thing its own wins."""
    own = beside(job.source)
    if own is None:
        return job
    values = {name: _joined(name, getattr(job, name), value) for name, value in own.values.items()}
    return check(replace(job, **values), own.origin)


def beside(source: Path) -> Layer | None:
    """What a file next to a book says: ``book.narrate.toml`` beside ``book.epub`` or ``book/``.

    It settles the reading policy, lexicons, language and metadata of this one book. It may have come with the book, so
    it names no variables of the environment.
    """
    try:
        path = source.resolve().with_suffix("") if source.is_file() else source.resolve()
        path = path.with_name(f"{path.name}.narrate.toml")
        if not path.is_file():
            return None
    except (OSError, ValueError, RuntimeError):  # links in a circle, names no system knows: the loader says so
        return None
    table = parsed(path, "file of overrides")
    for name in table:
        if name not in OVERRIDES and (name in SETTINGS or name == "extends"):
            raise JobError(
                f"{path}: {name!r} belongs in a job file; next to a book stand {', '.join(sorted(OVERRIDES))}"
            )
    return layer(str(path), table, path.parent, {})


def read_layers(
    path: Path, what: str = "job file", env: Mapping[str, str] = os.environ, apart: Iterable[str] = ()
) -> tuple[tuple[Layer, ...], dict[str, Any]]:
    """The layers of a file, those that it ``extends`` first, and a table of what is kept ``apart``.

    ``apart`` names keys at the top that are no settings of a job: they are handed back as they stand; those of files
    that are extended are passed over.
    """
    found = survey(path, what, env, apart)
    if found.mistakes:
        raise found.mistakes[0]
    return tuple(found.layers), found.apart


def survey(
    path: Path, what: str = "job file", env: Mapping[str, str] = os.environ, apart: Iterable[str] = ()
) -> Survey:
    """As ``read_layers``, but with all mistakes instead of the first."""
    found = Survey()
    found.apart = _Chain(found, env, frozenset(apart)).read(path, what)
    return found


class _Chain:
    """Reads files that extend each other. A file that is reached twice counts once, at its first place."""

    def __init__(self, found: Survey, env: Mapping[str, str], apart: frozenset[str]) -> None:
        self._found = found
        self._env = env
        self._apart = apart
        self._read: set[Path] = set()

    def read(self, path: Path, what: str, above: tuple[Path, ...] = ()) -> dict[str, Any]:
        """Add the layers of ``path``; what of it is kept apart. ``above`` are the files that extend it."""
        try:
            if not self._is_new(path, above):
                return {}
            table = parsed(path, what, str(above[-1]) if above else "")
        except JobError as error:
            self._found.mistakes.append(error)
            return {}
        where, mistakes = str(path), self._found.mistakes
        table = without_keys(where, table, mistakes)
        for house in houses_of(where, table.pop("extends", []), path.parent, self._env, mistakes):
            self.read(house, "file", (*above, path))
        apart = {name: table.pop(name) for name in self._apart & table.keys()}
        self._found.layers.append(Layer(where, values_of(where, table, path.parent, self._env, mistakes)))
        return apart

    def _is_new(self, path: Path, above: tuple[Path, ...]) -> bool:
        try:
            real = path.resolve()
            if real in {file.resolve() for file in above}:
                raise JobError(f"{above[-1]}: 'extends' leads in a circle, back to {path}")
        except (OSError, RuntimeError) as error:
            raise JobError(f"{path}: cannot be read: {error}") from error
        if real in self._read:
            return False
        self._read.add(real)
        if len(self._read) > MOST_FILES:
            raise JobError(f"{path}: 'extends' leads to more than {MOST_FILES} files; a job is made of a few")
        return True


def layer(origin: str, table: Mapping[str, Any], folder: Path, env: Mapping[str, str] = os.environ) -> Layer:
    """One table of settings, such as an entry of a shelf; its paths are relative to ``folder``."""
    mistakes: list[JobError] = []
    table = without_keys(origin, table, mistakes)
    if "extends" in table:
        mistakes.append(JobError(f"{origin}: 'extends' must stand at the top of a file"))
        del table["extends"]
    values = values_of(origin, table, folder, env, mistakes)
    if mistakes:
        raise mistakes[0]
    return Layer(origin, values)


def merged(layers: Iterable[Layer]) -> dict[str, Any]:
    """What ``layers`` say together, the later over the earlier: values for a Job's fields."""
    values = joined(layers)
    for name, kind in (("pauses", Pauses), ("bounds", Bounds)):
        if name in values:
            values[name] = kind(**dict(values[name]))
    return values


def joined(layers: Iterable[Layer]) -> dict[str, Any]:
    """As ``merged``, but as one layer's values, so that more can be joined to them."""
    values: dict[str, Any] = {}
    for part in layers:
        for name, value in part.values.items():
            values[name] = _joined(name, values.get(name, ()), value)
    return values


def _joined(name: str, earlier: Any, later: Any) -> Any:
    joins = SETTINGS[name].joins
    if joins == "replace":
        return later
    if joins == "add":
        return (*earlier, *later)
    pairs = tuple({**dict(earlier), **dict(later)}.items())
    return tuple(sorted(pairs)) if name == "settings" else pairs


def origins(layers: Iterable[Layer]) -> dict[str, str]:
    """Where each setting's value comes from; keys of tables as "pauses.verse", the rest by the setting's name."""
    found: dict[str, str] = {}
    for part in layers:
        for name, value in part.values.items():
            if SETTINGS[name].joins == "replace":
                found[name] = part.origin
            elif name == "reading" or SETTINGS[name].joins == "by key":
                found.update((f"{name}.{key}", part.origin) for key, _ in value)
            elif value:
                before = [found[name]] if name in found else []
                found[name] = ", ".join(dict.fromkeys((*before, part.origin)))
    return found
