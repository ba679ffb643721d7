"""A shelf's own settings as JSON Schema, beside those of a job: for editors."""

from __future__ import annotations

import json
from typing import Any

from narrate.jobs.schema import schema

_TIME = {"type": "string", "pattern": "^[0-9]{1,2}:[0-9]{2}$"}
_TEXTS = {"type": "array", "items": {"type": "string"}}


def shelf_schema() -> dict[str, Any]:
    """The schema of a shelf file. Every setting of a job may stand at its top and in its tables ``[[books]]``."""
    settings = schema()["properties"]
    found = schema(_own(settings))
    return {
        **found,
        "title": "narrate: a shelf",
        "description": "What `narrate library` needs to keep many books narrated.",
    }


def shelf_schema_text() -> str:
    """The schema as it stands in its file."""
    return json.dumps(shelf_schema(), indent=1, ensure_ascii=False) + "\n"


def _own(settings: dict[str, Any]) -> dict[str, Any]:
    of_books = {name: value for name, value in settings.items() if name != "extends"}
    return {
        "books": {
            "description": "Where books are: one of source, list, calibre and feed, and settings for these books alone",
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "additionalProperties": False,
                "properties": {**of_books, **_SOURCES},
                "oneOf": [{"required": [name]} for name in ("source", "list", "calibre", "feed")],
            },
        },
        "at_once": {
            "description": "Books made at the same time; 0: as suits the machine",
            "type": "integer",
            "minimum": 0,
            "maximum": 256,
        },
        "from": {"description": "The time of the day before which no run begins; with 'until'", **_TIME},
        "until": {"description": "The time of the day at which a run stops; the next one goes on", **_TIME},
        "downloads": {
            "description": "Where books of feeds are kept; default: in the output's folder .narrate",
            "type": "string",
            "minLength": 1,
        },
    }


_SOURCES: dict[str, Any] = {
    "source": {"description": "A book, a folder of books, or a pattern such as books/**/*.epub", "type": "string"},
    "list": {"description": "A CSV or JSONL file, a book a row, with settings of its own", "type": "string"},
    "calibre": {"description": "The folder of a Calibre library; it is only read", "type": "string"},
    "feed": {"description": "The address of an OPDS catalogue, or of an RSS or Atom feed", "type": "string"},
    "tags": {"description": "Calibre: only books with one of these tags", **_TEXTS},
    "authors": {"description": "Calibre: only books by one of these", **_TEXTS},
    "series": {"description": "Calibre: only books of one of these series", **_TEXTS},
    "newest": {"description": "Feed: only so many of the newest entries", "type": "integer", "minimum": 1},
}
