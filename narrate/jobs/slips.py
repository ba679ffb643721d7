"""What a wrong name in a job file most likely means, and what must never stand in one."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from typing import Any

from narrate.errors import JobError
from narrate.job import did_you_mean, one_slip
from narrate.jobs.table import HOMES, SETTINGS

_FLAGS = {
    "format": "formats",
    "lexicon": "lexicons",
    "chapter": "chapters",
    "set": "[settings]",
    "read": "[reading]",
    "pause": "[pauses]",
    "meta": "[metadata]",
    "place": "[[places]]",
    "hook": "[[hooks]]",
    "extend": "extends",
    "book": "source",
    "input": "source",
    "file": "source",
    "url": "feed_url",
}
"""Flags, and what else is written for a setting of another name."""
_NO_SETTINGS = ("yes", "quiet", "log_json", "wait", "json", "debug")
SHELFS = ("books", "at_once", "from", "until", "downloads")
"""The settings of a shelf that are none of a job."""
_KEY = re.compile(r"(?:.*_)?(?:api_?key|token|password|passwd|secret|credentials?)|(?:.*_)?key", re.IGNORECASE)
_LOOKS_LIKE_A_KEY = re.compile(
    r"\b(?:sk|rk|pk)[-_][A-Za-z0-9_-]{16,}|\bwhsec_[A-Za-z0-9+/=]{8,}|\bgh[pousr]_[A-Za-z0-9]{20,}|\bxox[abprs]-[\w-]{10,}"
    r"|\bAKIA[A-Z0-9]{16}\b|\bAIza[\w-]{30,}|\bBearer\s+\S{8,}"
)

_INSTEAD = (
    "never stand in files or commands: put it into a variable of the environment, and name that with key_variable "
    "where it is not LMNT_API_KEY or OPENAI_API_KEY"
)


def unknown_setting(where: str, name: str) -> JobError:
    """The sentence for a name at the top of a file that is no setting."""
    plain = name.replace("-", "_").lower()
    if plain in SHELFS:
        return JobError(f"{where}: {_written(plain)} belongs to a shelf; use `narrate library {where}`")
    if plain in ("words", "entry"):
        return JobError(f'{where}: {name!r} belongs to a lexicon; name that file in a job: lexicons = ["…"]')
    if plain in _NO_SETTINGS:
        return JobError(f"{where}: {name!r} is a flag of the command line, and no setting")
    return JobError(f"{where}: unknown setting {name!r}; {_meant(plain)}")


def _written(name: str) -> str:
    return "[[books]]" if name == "books" else repr(name)


def _meant(name: str) -> str:
    if name in SETTINGS:  # but for dashes and capitals
        return did_you_mean([repr(name)])
    flag = _FLAGS.get(name, "")
    same = [*([flag if "[" in flag else repr(flag)] if flag else []), *_labels(name)]
    near = [label for label, known in _everywhere() if one_slip(name, known)]
    if same:  # it has a meaning: then only a setting that begins alike is as likely
        near = [repr(known) for known in SETTINGS if known[0] == name[0] and one_slip(name, known)]
    if same or near:
        return did_you_mean(dict.fromkeys((*same, *near)))
    names = {known: label for label, known in reversed(list(_everywhere()))}
    close = difflib.get_close_matches(name, names, n=1)
    return did_you_mean([names[close[0]]]) if close else f"known are {', '.join(SETTINGS)}"


def _labels(name: str) -> list[str]:
    """How to tell of a name's homes."""
    return [label for label, known in _everywhere() if known == name and "[" in label]


def _everywhere() -> Iterator[tuple[str, str]]:
    """Every name that has a meaning somewhere, each with the way it is told of."""
    yield "'extends'", "extends"
    yield from ((repr(name), name) for name in SETTINGS)
    for table, names in HOMES.items():
        shown = f"[[{table}]]" if table in ("places", "hooks") else f"[{table}]"
        yield from ((f"{shown} {name}", name) for name in names)


def astray(where: str, table: str, key: str) -> JobError | None:
    """The sentence for a key of a table that belongs elsewhere, None when it does not.

    In TOML all that stands below a table's header belongs to that table, which is easily forgotten.
    """
    plain = key.replace("-", "_").lower()
    home = HOMES[table]
    header = f"[[{table}]]" if table in ("places", "hooks") else f"[{table}]"
    if plain in home:
        return None
    near = [repr(known) for known in home if known[0] == plain[:1] and one_slip(plain, known)]
    if plain in SETTINGS or plain == "extends":
        perhaps = f", or {did_you_mean(near)}" if near else ""
        return JobError(f"{where}: {plain!r} stands below {header}; move it above the first table{perhaps}")
    others = _labels(plain)
    if near or table in ("hooks", "places") or not others:
        return None
    return JobError(f"{where}: {key!r} stands below {header}; {did_you_mean(others)}")


def looks_like_a_key(text: str) -> bool:
    """Whether ``text`` holds what only a key looks like."""
    return bool(_LOOKS_LIKE_A_KEY.search(text))


def without_keys(where: str, table: Mapping[str, Any], mistakes: list[JobError], inside: str = "") -> dict[str, Any]:
    """``table`` without what would hold a key (P9), of which ``mistakes`` are told. Values are never repeated."""
    kept: dict[str, Any] = {}
    for name, value in table.items():
        path = f"{inside}{name}"
        told = len(mistakes)
        if looks_like_a_key(name):
            mistakes.append(JobError(f"{where}: a name in it looks like a key, and keys {_INSTEAD}"))
        # hooks know better what to do
        elif _KEY.fullmatch(name.replace("-", "_")) and not inside.startswith("hooks."):
            mistakes.append(JobError(f"{where}: {path!r} would hold a key or a password, and those {_INSTEAD}"))
        elif isinstance(value, dict):
            value = without_keys(where, value, mistakes, f"{path}.")
            told = len(mistakes)
        elif isinstance(value, list) and any(isinstance(item, dict | list) for item in value):
            found = [without_keys(where, {name: item}, mistakes, inside) for item in value]
            value = [item[name] for item in found if item]
            told = len(mistakes)
        elif looks_like_a_key(str(value)):
            mistakes.append(JobError(f"{where}: what stands in {path!r} looks like a key, and keys {_INSTEAD}"))
        if len(mistakes) == told:
            kept[name] = value
    return kept
