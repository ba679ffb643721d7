"""A table of settings to checked values. Mistakes are collected, so that all of them can be told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from narrate.errors import JobError
from narrate.hooks.settings import rooted
from narrate.jobs.slips import astray, unknown_setting
from narrate.jobs.table import EXTENDS, HOMES, SETTINGS, Setting
from narrate.jobs.variables import expanded


def values_of(
    where: str, table: Mapping[str, Any], folder: Path, env: Mapping[str, str], mistakes: list[JobError]
) -> dict[str, Any]:
    """The settings in ``table``. What is wrong is told to ``mistakes``, and left out."""
    values: dict[str, Any] = {}
    for name, value in table.items():
        setting = SETTINGS.get(name)
        if setting is None:
            mistakes.append(unknown_setting(where, name))
            continue
        for found in _read(where, name, setting, value, folder, env, mistakes):
            # the parts of a table come one by one
            values[name] = found if setting.joins == "replace" else (*values.get(name, ()), *found)
        if value in ({}, []) and setting.joins != "replace":
            values[name] = ()
    return values


def houses_of(
    where: str, value: Any, folder: Path, env: Mapping[str, str], mistakes: list[JobError]
) -> tuple[Path, ...]:
    """The files that a file ``extends``."""
    return next(_read(where, "extends", EXTENDS, value, folder, env, mistakes), ())


def _read(
    where: str,
    name: str,
    setting: Setting,
    value: Any,
    folder: Path,
    env: Mapping[str, str],
    mistakes: list[JobError],
) -> Iterator[Any]:
    """One setting, in the parts that can be right or wrong by themselves."""
    for part in _parts(name, value):
        try:
            _all_at_home(where, name, part)
            if setting.names_files:
                part = _with_variables(where, name, part, env)
            found = setting.read(where, name, part)
        except JobError as error:
            mistakes.append(error)
            continue
        if isinstance(found, Path):
            found = folder / found
        elif setting.names_files:
            found = tuple(folder / each for each in found)
        elif name == "hooks":
            found = rooted(found, folder.absolute())  # "./tell.sh" in this very folder would be sought in PATH
        yield found


def _parts(name: str, value: Any) -> list[Any]:
    if name in HOMES and isinstance(value, dict):
        return [{key: item} for key, item in value.items()]
    if name == "places" and isinstance(value, list):
        return [[item] for item in value]
    return [value]  # hooks are told by their number, so they are read together


def _all_at_home(where: str, name: str, part: Any) -> None:
    tables = part if isinstance(part, list) else [part]
    for table in tables if name in HOMES else ():
        for key in table if isinstance(table, dict) else ():
            wrong = astray(where, name, key)
            if wrong is not None:
                raise wrong


def _with_variables(where: str, name: str, value: Any, env: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return expanded(where, name, value, env)
    if isinstance(value, list):
        return [_with_variables(where, name, item, env) for item in value]
    return value
