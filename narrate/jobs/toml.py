"""TOML: a file read, with its mistakes explained by line; values written."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from narrate.errors import JobError

LARGEST = 1 << 20
"""Bytes of a file of settings; a job with every setting has 10,000."""

_AT = re.compile(r" \(at line (\d+), column \d+\)| \(at end of document\)")
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_SETTING = re.compile(r"[A-Za-z_.]{1,40}")  # and no key of somebody's in its place
_SHORT = {"\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r", '"': '\\"', "\\": "\\\\"}
_ESCAPED = re.compile('["\\\\\x00-\x1f\x7f]')


def parsed(path: Path, what: str, named_by: str = "") -> dict[str, Any]:
    """The table in a file. JobError for what is missing, unreadable or no TOML; ``named_by`` is who sent us there."""
    sent = f"; 'extends' in {named_by} names it" if named_by else ""
    try:
        if path.exists() and not path.is_file():
            raise JobError(f"{path}: is no file, so it is no {what}{sent}")
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except FileNotFoundError as error:
        raise JobError(f"{path}: there is no such {what}{sent}") from error
    except (OSError, ValueError) as error:
        raise JobError(
            f"{path}: the {what} cannot be read: {getattr(error, 'strerror', None) or error}{sent}"
        ) from error
    if len(data) > LARGEST:
        raise JobError(f"{path}: is larger than 1 MiB; it is no {what}{sent}")
    try:
        text = data.decode("utf-8-sig")
        table = tomllib.loads(text)
        repr(table)  # a number that Python will not write down could be told of nowhere
    except UnicodeDecodeError as error:
        raise JobError(f"{path}: the {what} cannot be read: it is not written in UTF-8{sent}") from error
    except RecursionError as error:
        raise JobError(f"{path}: is not valid TOML: it is nested too deeply") from error
    except ValueError as error:  # TOMLDecodeError is one, and so is a number of thousands of digits
        raise JobError(_told(path, text, str(error))) from error
    return table


def _told(path: Path, text: str, problem: str) -> str:
    """What the parser says, with the line in its usual place, and what is most likely meant."""
    at = _AT.search(problem)
    if at is None:
        endless = "digits" in problem
        return f"{path}: is not valid TOML: {'a number in it has thousands of digits' if endless else problem}"
    lines = text.removesuffix("\n").split("\n")
    number = min(int(at[1]), len(lines)) if at[1] else len(lines)
    said = problem[: at.start()]
    hint = _hint(lines[number - 1], said)
    return f"{path}:{number}: is not valid TOML: {said[:1].lower()}{said[1:]}{f'; {hint}' if hint else ''}"


def _hint(line: str, said: str) -> str:
    """What to do, from the line that could not be read. Its value is not repeated: it may be a key."""
    key, sign, value = (part.strip() for part in line.partition("="))
    if said.startswith(("Cannot overwrite", "Cannot declare", "Cannot mutate")):
        return "it stands there twice"
    if not sign:
        return 'write it as name = "value"' if re.match(r"\s*[\w-]+\s*:", line) else ""
    if value[:1] in ("“", "”", "‘", "’", "„", "«"):
        return 'quotes must be straight: "…"'
    if value.startswith('"') and "\\" in value:
        return "between double quotes a \\ begins an escape: write paths with /, or between single quotes"
    if value.lower() in ("true", "false"):
        return "true and false are written in small letters"
    if re.match(r"[A-Za-z./~_\\]", value):
        return f'texts stand in quotes: {key if _SETTING.fullmatch(key) else "name"} = "…"'
    return ""


def written(value: Any) -> str:
    """A value as TOML: texts, truths, numbers, lists and tables of these; paths as texts."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key_written(key)} = {written(item)}" for key, item in value.items()) + "}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "[" + ", ".join(map(written, value)) + "]"
    return '"' + _ESCAPED.sub(lambda found: _SHORT.get(found[0], f"\\u{ord(found[0]):04x}"), str(value)) + '"'


def key_written(key: str) -> str:
    """A key as TOML, in quotes where it needs them."""
    return key if _BARE.fullmatch(key) else written(key)
