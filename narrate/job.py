"""A job: everything a run needs, validated; names and numbers only, no objects, no keys (P9).

A job file is TOML. Every setting stands, with its default, in ``configs/default.toml``. Unknown settings, wrong
types and values out of range are JobErrors that name the file, the setting and the likely meaning.
"""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from narrate.book import LANGUAGE_TAG, Metadata
from narrate.bounds import BOUNDS, Bounds, Deadlines, Limits
from narrate.errors import JobError
from narrate.policy import KINDS, POLICIES, SPEAK, PlaceRule, Policy
from narrate.script import Pauses
from narrate.settings import guess

ENGINES = ("kokoro", "espeak", "lmnt", "openai", "tone")
FORMATS = ("mp3", "m4b", "chapters")
BITRATES = (16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 192, 224, 256, 320)
"""kbit/s that Layer III knows at one rate or another; where one is too high for a rate, the next lower is used."""
DEFAULT_LOUDNESS = -19.0
"""LUFS, for one channel: the listening level of audio.md's survey (-16 stereo is -19 mono)."""


@dataclass(frozen=True, slots=True)
class Job:
    """One book's order. Empty values mean: decide from the book, the engine or the machine.

    ``bitrate`` is in kbit/s, ``loudness`` in LUFS (None: leave levels alone). ``max_wait``, ``timeout`` and
    ``patience`` are seconds: the longest wait that a server may ask for, the longest silence of a server, and how long
    one that is down is waited for (None: as many tries as one chunk is given). ``price`` is what a million characters
    cost where the engine's own list does not hold; it is in ``currency``, and so is ``max_cost``. ``segments`` is how
    answers are kept: "flac", or "mp3" to keep an engine's MP3 as it comes. ``policy`` names a reading policy, which
    ``reading`` changes by kind and ``places`` by place. Of ``lexicons``, PLS files or tables, a later one wins.
    ``bounds`` say how much of a source is read.
    """

    source: Path
    output: Path = Path("output")
    store: Path | None = None
    engine: str = ""
    voice: str = ""
    model: str = ""
    language: str = ""
    settings: tuple[tuple[str, str], ...] = ()
    formats: tuple[str, ...] = ("mp3",)
    chapters: str = ""
    bitrate: int | None = None
    loudness: float | None = DEFAULT_LOUDNESS
    segments: str = "flac"
    jobs: int = 0
    attempts: int = 8
    max_wait: float = 120.0
    timeout: float | None = None
    deadlines: tuple[tuple[str, float], ...] = ()
    patience: float | None = None
    price: float | None = None
    currency: str = "USD"
    max_cost: float | None = None
    max_characters: int | None = None
    max_requests: int | None = None
    pauses: Pauses = field(default_factory=Pauses)
    metadata: tuple[tuple[str, str | tuple[str, ...]], ...] = ()
    policy: str = "listener"
    reading: tuple[tuple[str, str], ...] = ()
    places: tuple[PlaceRule, ...] = ()
    lexicons: tuple[Path, ...] = ()
    bounds: Bounds = BOUNDS

    @property
    def reading_policy(self) -> Policy:
        """The named policy with the job's changes."""
        return Policy(self.policy, self.reading, self.places)

    @property
    def waits(self) -> Deadlines:
        """How long a server may take: ``timeout`` sets both kinds of silence, ``deadlines`` each alone. The whole takes
        as many times longer as usual, and not less than usual: else a long ``timeout`` would be of no use.
        """
        usual, named = Deadlines(), dict(self.deadlines)
        if self.timeout is None:
            return Deadlines(**named)
        total = max(usual.total, self.timeout * usual.total / usual.first_byte)
        return Deadlines(**{"first_byte": self.timeout, "between_bytes": self.timeout, "total": total, **named})

    @property
    def limits(self) -> Limits:
        """What the run may spend."""
        return Limits(self.max_cost, self.max_characters, self.max_requests)


_METADATA = {item.name for item in fields(Metadata)} - {"cover", "contributors"}
_MANY = {"authors", "subjects"}


_OVERRIDES = frozenset(("policy", "reading", "places", "lexicons", "metadata", "language"))
"""What a file next to a book may settle: what the book is and how it is read, not where speech comes from."""


def read_job(path: Path) -> Job:
    """Read a job file. Paths in it are relative to the file; ``source`` must be there."""
    values = _read_file(path, "job file")
    if "source" not in values:
        raise JobError(f"{path}: 'source' is missing; name the book, the folder or the document to be read")
    return check(Job(**values), str(path))


def with_overrides(job: Job) -> Job:
    """``job`` with what a file next to its source says: ``book.narrate.toml`` beside ``book.epub`` or ``book/``.

    It settles the reading policy, lexicons, language and metadata of this one book; of two rules for the same thing
    its own wins.
    """
    try:
        path = job.source.resolve().with_suffix("") if job.source.is_file() else job.source.resolve()
        path = path.with_name(f"{path.name}.narrate.toml")
        if not path.is_file():
            return job
    except (OSError, ValueError, RuntimeError):  # links in a circle, names no system knows: the loader says so
        return job
    values = _read_file(path, "file of overrides")
    for name in values:
        if name not in _OVERRIDES:
            raise JobError(
                f"{path}: {name!r} belongs in a job file; next to a book stand {', '.join(sorted(_OVERRIDES))}"
            )
    for name in ("reading", "places", "lexicons", "metadata"):
        if name in values:
            values[name] = getattr(job, name) + values[name]
    return check(replace(job, **values), str(path))


def _read_file(path: Path, what: str) -> dict[str, Any]:
    """The settings in a TOML file; its paths are made relative to it."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise JobError(f"{path}: there is no such {what}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise JobError(f"{path}: the {what} cannot be read: {error}") from error
    except ValueError as error:  # TOMLDecodeError is one, and so is a number of thousands of digits
        raise JobError(f"{path}: is not valid TOML: {error}") from error
    values = _read_table(str(path), table)
    for name in ("source", "output", "store"):
        if values.get(name) is not None:
            values[name] = path.parent / values[name]
    if "lexicons" in values:
        values["lexicons"] = tuple(path.parent / name for name in values["lexicons"])
    return values


def _read_table(where: str, table: Mapping[str, Any]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, value in table.items():
        reader = _READERS.get(name)
        if reader is None:
            raise JobError(unknown(where, "setting", name, _READERS))
        values[name] = reader(where, name, value)
    return values


def unknown(where: str, what: str, name: str, known: Iterable[str]) -> str:
    """The sentence for a name that is none of ``known``, with a guess when one is near."""
    return f"{where}: unknown {what} {name!r}; {guess(name, known)}"


def _text(where: str, name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise JobError(f"{where}: {name!r} must be a text in quotes, not {value!r}")
    return value


def _path(where: str, name: str, value: Any) -> Path:
    return Path(_text(where, name, value)).expanduser()


def _number(where: str, name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise JobError(f"{where}: {name!r} must be a number, not {value!r}")
    try:
        return float(value)
    except OverflowError:  # TOML's whole numbers have no end
        return math.inf if value > 0 else -math.inf


def _whole(where: str, name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise JobError(f"{where}: {name!r} must be a whole number, not {value!r}")
    return value


def _loudness(where: str, name: str, value: Any) -> float | None:
    return None if value == "off" else _number(where, name, value)


def _texts(where: str, name: str, value: Any) -> tuple[str, ...]:
    items = [value] if isinstance(value, str) else value
    if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
        raise JobError(f"{where}: {name!r} must be a list of texts, not {value!r}")
    return tuple(items)


def _settings(where: str, name: str, value: Any) -> tuple[tuple[str, str], ...]:
    if not isinstance(value, dict) or not all(isinstance(item, str | int | float) for item in value.values()):
        raise JobError(f"{where}: {name!r} must be a table of texts and numbers, such as [settings] speed = 1.1")
    return tuple(
        sorted((key, str(item).lower() if isinstance(item, bool) else str(item)) for key, item in value.items())
    )


def _figures(where: str, name: str, value: Any, kind: type, noun: str, example: str) -> dict[str, Any]:
    """A table of figures whose names are the fields of ``kind``."""
    if not isinstance(value, dict):
        raise JobError(f"{where}: {name!r} must be a table of {example}")
    known = {item.name for item in fields(kind)}
    for key in value:
        if key not in known:
            raise JobError(unknown(where, noun, key, known))
    return value


def _pauses(where: str, name: str, value: Any) -> Pauses:
    found = _figures(where, name, value, Pauses, "pause", "milliseconds, such as [pauses] paragraph = 650")
    for key, item in found.items():
        if not 0 <= _whole(where, f"pauses.{key}", item) <= 60_000:
            raise JobError(f"{where}: 'pauses.{key}' must be between 0 and 60000 milliseconds, not {item}")
    return Pauses(**found)


def _metadata(where: str, name: str, value: Any) -> tuple[tuple[str, str | tuple[str, ...]], ...]:
    if not isinstance(value, dict):
        raise JobError(f'{where}: {name!r} must be a table, such as [metadata] title = "Dune"')
    pairs: list[tuple[str, str | tuple[str, ...]]] = []
    for key, item in value.items():
        if key not in _METADATA:
            raise JobError(unknown(where, "metadata", key, _METADATA))
        read = _texts if key in _MANY else _text
        pairs.append((key, read(where, f"metadata.{key}", item)))
    return tuple(pairs)


_KIND_NAMES = {kind.replace("'", "").replace(" ", "_"): kind for kind in KINDS}
"""How a kind of text is named in TOML and on the command line."""


def reading_change(where: str, name: str, action: Any) -> tuple[str, str]:
    """One change of the reading policy, checked."""
    kind = name if name in KINDS else _KIND_NAMES.get(name.replace("-", "_"))
    if kind is None:
        raise JobError(unknown(where, "kind of text", name, _KIND_NAMES))
    if action not in KINDS[kind].actions:
        wanted = ", ".join(map(repr, KINDS[kind].actions))
        raise JobError(f"{where}: {name!r} is read in one of the ways {wanted}, not {action!r}")
    return kind, action


def _reading(where: str, name: str, value: Any) -> tuple[tuple[str, str], ...]:
    if not isinstance(value, dict):
        raise JobError(f'{where}: {name!r} must be a table of kinds of text, such as [reading] notes = "chapter"')
    return tuple(reading_change(where, key, action) for key, action in value.items())


def _places(where: str, name: str, value: Any) -> tuple[PlaceRule, ...]:
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise JobError(
            f'{where}: {name!r} must be tables, each such as [[places]] where = "text/ads.xhtml" read = "skip"'
        )
    rules = []
    for item in value:
        for key, text in item.items():
            if key not in ("where", "read", "say"):
                raise JobError(unknown(where, "setting of a place", key, ("where", "read", "say")))
            _text(where, f"places.{key}", text)
        if not item.get("where"):
            raise JobError(f"{where}: a place needs 'where': an anchor that `narrate plan --json` shows, or a title")
        if item.get("read", SPEAK) not in ("speak", "skip"):
            raise JobError(f"{where}: a place is read 'speak' or 'skip', not {item['read']!r}")
        rules.append(PlaceRule(**item))
    return tuple(rules)


def _paths(where: str, name: str, value: Any) -> tuple[Path, ...]:
    return tuple(Path(item).expanduser() for item in _texts(where, name, value))


def _bounds(where: str, name: str, value: Any) -> Bounds:
    found = _figures(where, name, value, Bounds, "bound", "numbers, such as [bounds] members = 50000")
    for key, item in found.items():
        if _whole(where, f"bounds.{key}", item) < 1:
            raise JobError(f"{where}: 'bounds.{key}' must be at least 1, not {item}")
    return Bounds(**found)


def _deadlines(where: str, name: str, value: Any) -> tuple[tuple[str, float], ...]:
    found = _figures(where, name, value, Deadlines, "deadline", "seconds, such as [deadlines] first_byte = 90")
    for key, item in found.items():
        if not 0.05 <= _number(where, f"deadlines.{key}", item) <= 86_400:
            raise JobError(f"{where}: 'deadlines.{key}' must be between 0.05 and 86400 seconds, not {item}")
    return tuple((key, float(item)) for key, item in found.items())


_READERS: dict[str, Callable[[str, str, Any], Any]] = {
    "source": _path,
    "output": _path,
    "store": _path,
    "engine": _text,
    "voice": _text,
    "model": _text,
    "language": _text,
    "settings": _settings,
    "formats": _texts,
    "chapters": _text,
    "bitrate": _whole,
    "loudness": _loudness,
    "segments": _text,
    "jobs": _whole,
    "attempts": _whole,
    "max_wait": _number,
    "timeout": _number,
    "deadlines": _deadlines,
    "patience": _number,
    "price": _number,
    "currency": _text,
    "max_cost": _number,
    "max_characters": _whole,
    "max_requests": _whole,
    "pauses": _pauses,
    "metadata": _metadata,
    "policy": _text,
    "reading": _reading,
    "places": _places,
    "lexicons": _paths,
    "bounds": _bounds,
}


def check(job: Job, where: str) -> Job:
    """``job``, if its values make sense together; ``where`` names their origin in messages."""
    if job.engine and job.engine not in ENGINES:
        raise JobError(unknown(where, "engine", job.engine, ENGINES))
    for name in job.formats:
        if name not in FORMATS:
            raise JobError(unknown(where, "format", name, FORMATS))
    if not job.formats:
        raise JobError(f"{where}: 'formats' is empty; name at least one of {', '.join(FORMATS)}")
    if job.bitrate is not None and job.bitrate not in BITRATES:
        near = min(BITRATES, key=lambda known: abs(known - (job.bitrate or 0)))
        raise JobError(f"{where}: 'bitrate' {job.bitrate} is none that MP3 knows; the nearest is {near}")
    if job.segments not in ("flac", "mp3"):
        raise JobError(unknown(where, "kind of segments", job.segments, ("flac", "mp3")))
    for name, value, least, most in (
        ("jobs", job.jobs, 0, 1024),
        ("attempts", job.attempts, 1, 100),
        ("max_wait", job.max_wait, 0, 86_400),
        ("timeout", job.timeout, 0.05, 86_400),
        ("patience", job.patience, 0, 30 * 86_400),
        ("loudness", job.loudness, -40, -5),
        ("price", job.price, 0, 1e9),
        ("max_cost", job.max_cost, 0, 1e9),
        ("max_characters", job.max_characters, 0, 1e12),
        ("max_requests", job.max_requests, 0, 1e12),
    ):
        if value is not None and not least <= value <= most:
            raise JobError(f"{where}: '{name}' must be between {least:g} and {most:g}, not {_brief(value)}")
    if not re.fullmatch("[A-Z]{3}", job.currency):
        raise JobError(f"{where}: 'currency' must be a code of three capitals, such as USD, not {job.currency!r}")
    if job.language and not LANGUAGE_TAG.fullmatch(job.language):
        raise JobError(f"{where}: language {job.language!r} is no language tag; write for example en or pt-BR")
    if job.policy not in POLICIES:
        raise JobError(unknown(where, "reading policy", job.policy, POLICIES))
    chosen_chapters(job.chapters, where)
    return job


def _brief(value: float) -> str:
    """A number for people; of whole numbers beyond all floats only how they begin."""
    return f"{value:g}" if abs(value) < 1e300 or isinstance(value, float) else f"{str(value)[:12]}…"


def chosen_chapters(text: str, where: str = "--chapters") -> frozenset[int] | None:
    """Chapter numbers from a list such as "1-3,7"; None for an empty one, which means all."""
    if not text.strip():
        return None
    numbers: set[int] = set()
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if not first.strip().isdecimal() or (dash and not last.strip().isdecimal()):
            raise JobError(f"{where}: {part.strip()!r} is no chapter number or range; write for example 1-3,7")
        low, high = int(first), int(last) if dash else int(first)
        if not 1 <= low <= high <= 100_000:
            raise JobError(f"{where}: {part.strip()!r} is not a range of chapters; they count from 1 upwards")
        numbers.update(range(low, high + 1))
    return frozenset(numbers)


def with_metadata(meta: Metadata, changes: Iterable[tuple[str, str | tuple[str, ...]]]) -> Metadata:
    """``meta`` with a job's own values in place of the book's."""
    return replace(meta, **dict(changes))  # type: ignore[arg-type]
