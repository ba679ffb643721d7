"""The settings as JSON Schema, for editors: Taplo and the extensions built on it complete and check with it.

Draft 7, and of that only what draft 4 reads alike, since Taplo promises no more. ``configs/narrate.schema.json`` is
this schema; a TOML file names it in its first line: ``#:schema ./narrate.schema.json``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from narrate.job import Job
from narrate.jobs.table import EXTENDS, SETTINGS, Setting


def schema(more: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The schema of a job file; ``more`` are settings beside those of a job, such as a shelf's, with their schemas.

    ``source`` is not asked for: a file that others extend has none.
    """
    usual = Job(Path())
    named = {item.name: getattr(usual, item.name) for item in fields(Job)}
    properties = {name: _described(setting, named[name]) for name, setting in SETTINGS.items()}
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "narrate: a job",
        "description": "What `narrate run` needs to make an audiobook.",
        "type": "object",
        "additionalProperties": False,
        "properties": {"extends": _described(EXTENDS, None), **properties, **(more or {})},
    }


def schema_text(more: Mapping[str, Any] | None = None) -> str:
    """The schema as it stands in its file."""
    return json.dumps(schema(more), indent=1, ensure_ascii=False) + "\n"


def _described(setting: Setting, usual: Any) -> dict[str, Any]:
    default = list(usual) if isinstance(usual, tuple) else usual
    plain = setting.joins == "replace" and isinstance(default, str | int | float | bool | list)
    return {
        "description": setting.says[:1].upper() + setting.says[1:],
        **setting.schema,
        **({"default": default} if plain and default not in ("", []) else {}),
    }
