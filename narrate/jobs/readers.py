"""How each setting is read from TOML: (where, name, value) to what a Job holds, or a JobError that names both.

Tables of which each key stands for itself ([settings], [pauses], [metadata], [deadlines], [bounds]) are read as pairs,
so that layers can be joined key by key.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

from narrate.book import Metadata
from narrate.bounds import Bounds, Deadlines
from narrate.errors import JobError
from narrate.job import unknown
from narrate.policy import KINDS, SPEAK, PlaceRule
from narrate.script import Pauses

Reader = Callable[[str, str, Any], Any]
Pairs = tuple[tuple[str, Any], ...]

METADATA = tuple(item.name for item in fields(Metadata) if item.name not in ("cover", "contributors"))
MANY = ("authors", "subjects")
"""Metadata of which there may be several."""
PAUSES = tuple(item.name for item in fields(Pauses))
BOUNDS = tuple(item.name for item in fields(Bounds))
DEADLINES = tuple(item.name for item in fields(Deadlines))
PLACE = ("where", "read", "say")
KIND_NAMES = {kind.replace("'", "").replace(" ", "_"): kind for kind in KINDS}
"""How a kind of text is named in TOML and on the command line."""

ADDRESS = re.compile("[a-z][a-z0-9+.-]+://", re.IGNORECASE)

LONGEST_PAUSE_MS = 60_000
DEADLINE_S = (0.05, 86_400)


def text(where: str, name: str, value: Any) -> str:
    """A text."""
    if not isinstance(value, str):
        raise JobError(f"{where}: {name!r} must be a text in quotes, not {value}")  # a date as it was written
    return value


def truth(where: str, name: str, value: Any) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise JobError(f"{where}: {name!r} must be true or false, without quotes, not {value!r}")
    return value


def path(where: str, name: str, value: Any) -> Path:
    """A path; ~ is the user's folder."""
    given = plain_path(where, name, text(where, name, value))
    try:
        return Path(given).expanduser() if given.startswith("~") else Path(given)  # "./~" is a name
    except RuntimeError:
        raise JobError(
            f"{where}: {name!r} begins with {given.partition('/')[0]!r}, and there is no such user"
        ) from None


def plain_path(where: str, name: str, given: str) -> str:
    """A path as it is written."""
    if not given:
        raise JobError(f"{where}: {name!r} is empty; name a path, or leave it out")
    if ADDRESS.match(given):  # not repeated: a password may stand in it
        raise JobError(f"{where}: {name!r} is an address, and narrate reads files: download it, and name the file")
    if "\0" in given:
        raise JobError(f"{where}: {name!r} holds a sign that no path can (NUL)")
    return given


def paths(where: str, name: str, value: Any) -> tuple[Path, ...]:
    """Paths; one may stand alone."""
    return tuple(path(where, name, item) for item in texts(where, name, value))


def number(where: str, name: str, value: Any) -> float:
    """A number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise JobError(f"{where}: {name!r} must be a number, not {value!r}")
    try:
        return float(value)
    except OverflowError:  # TOML's whole numbers have no end
        return math.inf if value > 0 else -math.inf


def whole(where: str, name: str, value: Any) -> int:
    """A whole number."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise JobError(f"{where}: {name!r} must be a whole number, not {value!r}")
    return value


def loudness(where: str, name: str, value: Any) -> float | None:
    """LUFS, or "off"."""
    return None if value == "off" else number(where, name, value)


def texts(where: str, name: str, value: Any) -> tuple[str, ...]:
    """Texts; one may stand alone."""
    items = [value] if isinstance(value, str) else value
    if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
        raise JobError(f"{where}: {name!r} must be a list of texts, not {value!r}")
    return tuple(items)


def settings(where: str, name: str, value: Any) -> Pairs:
    """What an engine takes, as texts."""
    if not isinstance(value, dict) or not all(isinstance(item, str | int | float) for item in value.values()):
        raise JobError(f"{where}: {name!r} must be a table of texts and numbers, such as [settings] speed = 1.1")
    return tuple((key, str(item).lower() if isinstance(item, bool) else str(item)) for key, item in value.items())


def _figures(where: str, name: str, value: Any, known: tuple[str, ...], noun: str, example: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise JobError(f"{where}: {name!r} must be a table of {example}")
    for key in value:
        if key not in known:
            raise JobError(unknown(where, noun, key, known))
    return value


def pauses(where: str, name: str, value: Any) -> Pairs:
    """Milliseconds behind each kind of boundary."""
    found = _figures(where, name, value, PAUSES, "pause", "milliseconds, such as [pauses] paragraph = 650")
    for key, item in found.items():
        if not 0 <= whole(where, f"pauses.{key}", item) <= LONGEST_PAUSE_MS:
            raise JobError(f"{where}: 'pauses.{key}' must be between 0 and {LONGEST_PAUSE_MS} milliseconds, not {item}")
    return tuple(found.items())


def metadata(where: str, name: str, value: Any) -> Pairs:
    """What stands in place of what the book says of itself."""
    if not isinstance(value, dict):
        raise JobError(f'{where}: {name!r} must be a table, such as [metadata] title = "Dune"')
    pairs = []
    for key, item in value.items():
        if key not in METADATA:
            raise JobError(unknown(where, "metadata", key, METADATA))
        pairs.append((key, (texts if key in MANY else text)(where, f"metadata.{key}", item)))
    return tuple(pairs)


def reading_change(where: str, name: str, action: Any) -> tuple[str, str]:
    """One change of the reading policy, checked."""
    kind = name if name in KINDS else KIND_NAMES.get(name.replace("-", "_"))
    if kind is None:
        raise JobError(unknown(where, "kind of text", name, KIND_NAMES))
    if action not in KINDS[kind].actions:
        wanted = ", ".join(map(repr, KINDS[kind].actions))
        raise JobError(f"{where}: {name!r} is read in one of the ways {wanted}, not {action!r}")
    return kind, action


def reading(where: str, name: str, value: Any) -> Pairs:
    """Changes of the reading policy, by kind of text."""
    if not isinstance(value, dict):
        raise JobError(f'{where}: {name!r} must be a table of kinds of text, such as [reading] notes = "chapter"')
    return tuple(reading_change(where, key, action) for key, action in value.items())


def places(where: str, name: str, value: Any) -> tuple[PlaceRule, ...]:
    """Changes of the reading policy, by place."""
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise JobError(
            f'{where}: {name!r} must be tables, each such as [[places]] where = "text/ads.xhtml" read = "skip"'
        )
    rules = []
    for item in value:
        for key, said in item.items():
            if key not in PLACE:
                raise JobError(unknown(where, "setting of a place", key, PLACE))
            text(where, f"places.{key}", said)
        if not item.get("where"):
            raise JobError(f"{where}: a place needs 'where': an anchor that `narrate plan --json` shows, or a title")
        if item.get("read", SPEAK) not in ("speak", "skip"):
            raise JobError(f"{where}: a place is read 'speak' or 'skip', not {item['read']!r}")
        rules.append(PlaceRule(**item))
    return tuple(rules)


def bounds(where: str, name: str, value: Any) -> Pairs:
    """How much of a source is read."""
    found = _figures(where, name, value, BOUNDS, "bound", "numbers, such as [bounds] members = 50000")
    for key, item in found.items():
        if whole(where, f"bounds.{key}", item) < 1:
            raise JobError(f"{where}: 'bounds.{key}' must be at least 1, not {item}")
    return tuple(found.items())


def deadlines(where: str, name: str, value: Any) -> Pairs:
    """How long a server may take, in seconds."""
    found = _figures(where, name, value, DEADLINES, "deadline", "seconds, such as [deadlines] first_byte = 90")
    least, most = DEADLINE_S
    for key, item in found.items():
        if not least <= number(where, f"deadlines.{key}", item) <= most:
            raise JobError(f"{where}: 'deadlines.{key}' must be between {least:g} and {most:g} seconds, not {item}")
    return tuple((key, float(item)) for key, item in found.items())
