"""Every setting of a job, named once: how it is read, what it does, what it may be, and how layers of it join."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from narrate.bounds import Deadlines
from narrate.hooks.settings import SCHEMA as HOOK
from narrate.hooks.settings import read_hooks
from narrate.job import BITRATES, CURRENCY, ENGINES, FORMATS, RANGES, SEGMENTS, VARIABLE
from narrate.jobs import readers
from narrate.jobs.readers import DEADLINE_S, LONGEST_PAUSE_MS, Reader
from narrate.policy import KINDS, POLICIES

Joins = Literal["replace", "by key", "add"]
"""How a later layer joins an earlier one: it takes its place, or that of each of its keys, or comes behind it."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting. ``says`` is a line for people; ``schema`` what it may be, as JSON Schema; ``example`` a value as
    TOML, where the default is none at all. A setting that ``names_files`` may name variables of the environment, and
    its paths are relative to the file it stands in.
    """

    read: Reader
    says: str
    schema: Mapping[str, Any]
    example: str = ""
    joins: Joins = "replace"
    names_files: bool = False


ENGINE_SETTINGS: dict[str, tuple[str, str]] = {
    "speed": ("1.0", "kokoro, espeak: 0.5 to 2; openai: 0.25 to 4"),
    "temperature": ("0.3", "lmnt: the higher, the freer"),
    "top_p": ("0.9", "lmnt: the lower, the steadier"),
    "timestamps": ("true", "lmnt: keep the time of each word"),
    "instructions": ('"calm"', "openai: how it is to be spoken"),
    "sample_rate": ("24000", "lmnt, openai: Hz"),
    "format": ('"wav"', "lmnt, openai: what answers are asked for in"),
    "model": ('""', "lmnt, openai: as 'model' above"),
    "ms_per_char": ("60", "tone: how long a character sounds"),
    "max_chars": ("1000", "tone: the longest text it takes"),
}
"""What engines take beside voice and model: an example as TOML, and what it does. Their own tables are in engines/."""


def _text(**more: Any) -> dict[str, Any]:
    return {"type": "string", **more}


def _one_of(known: tuple[str, ...]) -> dict[str, Any]:
    return {"type": "string", "enum": list(known)}


def _some(item: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [item, {"type": "array", "items": item}]}


def _figure(name: str, kind: str = "number") -> dict[str, Any]:
    least, most = RANGES[name]
    return {"type": kind, "minimum": least, "maximum": int(most) if kind == "integer" else most}


def _table(keys: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": False, "properties": dict(keys)}


def _kinds() -> dict[str, Any]:
    """Kinds of text under both of their names: as keys without quotes, and as `narrate plan` writes them."""
    names = {**readers.KIND_NAMES, **{kind: kind for kind in KINDS}}
    return {
        name: {"description": KINDS[kind].meaning, "enum": list(KINDS[kind].actions)} for name, kind in names.items()
    }


_WHOLE = {"type": "integer", "minimum": 1}
_PAUSE = {"type": "integer", "minimum": 0, "maximum": LONGEST_PAUSE_MS}
_DEADLINE = {"type": "number", "minimum": DEADLINE_S[0], "maximum": DEADLINE_S[1]}
_PLACE = {**_table({"where": _text(minLength=1), "read": _one_of(("speak", "skip")), "say": _text()})}

SETTINGS: dict[str, Setting] = {
    "source": Setting(
        readers.path,
        "what to read: an EPUB, Markdown or text file, a folder of one book, or a folder or pattern of many",
        _text(minLength=1),
        names_files=True,
    ),
    "output": Setting(
        readers.path,
        "where audiobooks go, as <Author>/<Title>/; default: output, where narrate is started",
        _text(minLength=1),
        names_files=True,
    ),
    "store": Setting(
        readers.path,
        "where speech is kept, so that nothing is asked for twice; default: the user's cache",
        _text(minLength=1),
        '"store"',
        names_files=True,
    ),
    "done": Setting(
        readers.path,
        "where `narrate watch` moves a book that it has narrated; default: it stays",
        _text(minLength=1),
        '"done"',
        names_files=True,
    ),
    "failed": Setting(
        readers.path,
        "where `narrate watch` moves a book that cannot be read, with the reason; default: it stays",
        _text(minLength=1),
        '"failed"',
        names_files=True,
    ),
    "engine": Setting(
        readers.text,
        "who speaks: kokoro, espeak, lmnt, openai or tone; default: an embedded voice, by the language",
        _one_of(("", *ENGINES)),
    ),
    "voice": Setting(readers.text, "a voice of the engine; `narrate voices` lists them", _text()),
    "model": Setting(readers.text, "the engine's model, where it has several", _text()),
    "language": Setting(
        readers.text,
        "BCP 47 tag of the text, where the book is silent or wrong",
        _text(pattern="^([A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*)?$"),
    ),
    "key_variable": Setting(
        readers.text,
        "the variable that holds the engine's key, where it is not LMNT_API_KEY or OPENAI_API_KEY",
        _text(pattern=f"^({VARIABLE.pattern})?$"),
    ),
    "formats": Setting(
        readers.texts,
        "what is written: mp3 (one file with chapters), m4b (the same for audiobook players), chapters (a file for "
        "each), feed (a podcast of the chapters)",
        {"anyOf": [_one_of(FORMATS), {"type": "array", "minItems": 1, "items": _one_of(FORMATS)}]},
    ),
    "chapters": Setting(
        readers.text, "only these, as numbered by `narrate plan`: 1-3,7", _text(pattern=r"^[\s0-9,-]*$")
    ),
    "bitrate": Setting(
        readers.whole,
        "kbit/s; default: 96 for MP3 and 64 for M4B at 24 kHz",
        {"type": "integer", "enum": list(BITRATES)},
        "96",
    ),
    "loudness": Setting(
        readers.loudness, 'LUFS, or "off"', {"anyOf": [_figure("loudness"), {"type": "string", "enum": ["off"]}]}
    ),
    "segments": Setting(
        readers.text,
        '"mp3": keep an engine\'s MP3 as it comes, and join it without a second encoding',
        _one_of(SEGMENTS),
    ),
    "serial": Setting(
        readers.truth, "a book that grows: its chapters keep their numbers and file names", {"type": "boolean"}
    ),
    "feed_url": Setting(
        readers.text,
        "where players will find the audiobook's folder, for the format feed; {folder} stands for <Author>/<Title>",
        _text(pattern="^(https?://.+)?$"),
    ),
    "policy": Setting(readers.text, "what is read: listener, complete or bare", _one_of(tuple(POLICIES))),
    "lexicons": Setting(
        readers.paths,
        "how words are said: PLS files or tables; of two entries for a word the later file's wins",
        _some(_text(minLength=1)),
        joins="add",
        names_files=True,
    ),
    "jobs": Setting(
        readers.whole, "requests in flight at the most; 0: as many as the engine bears", _figure("jobs", "integer")
    ),
    "cores": Setting(readers.whole, "cores that may be busy at once; 0: all", _figure("cores", "integer")),
    "attempts": Setting(readers.whole, "tries for one chunk", _figure("attempts", "integer")),
    "max_wait": Setting(readers.number, "longest wait, in seconds, that a server may ask for", _figure("max_wait")),
    "timeout": Setting(
        readers.number,
        "longest silence of a server, in seconds; [deadlines] sets each kind alone",
        _figure("timeout"),
        f"{Deadlines().first_byte:g}",
    ),
    "patience": Setting(
        readers.number,
        "seconds to wait for a server that is down; default: as many tries as one chunk is given",
        _figure("patience"),
        "600",
    ),
    "price": Setting(
        readers.number, "of a million characters, where the engine's own list does not hold", _figure("price"), "15.0"
    ),
    "currency": Setting(readers.text, "of price and max_cost", _text(pattern=f"^{CURRENCY.pattern}$")),
    "max_cost": Setting(readers.number, "stop before more than this is spent", _figure("max_cost"), "5.0"),
    "max_characters": Setting(
        readers.whole, "stop before more than these are sent", _figure("max_characters", "integer"), "200000"
    ),
    "max_requests": Setting(
        readers.whole, "stop before more than these are made", _figure("max_requests", "integer"), "1000"
    ),
    "settings": Setting(
        readers.settings,
        "whatever else the engine takes",
        _table(
            {
                name: {"description": says, "type": ["string", "number", "boolean"]}
                for name, (_, says) in ENGINE_SETTINGS.items()
            }
        ),
        joins="by key",
    ),
    "pauses": Setting(
        readers.pauses,
        "silence behind each kind of boundary, in milliseconds; changing it costs no speech",
        _table(dict.fromkeys(readers.PAUSES, _PAUSE)),
        joins="by key",
    ),
    "metadata": Setting(
        readers.metadata,
        "in place of what the book says of itself",
        _table({name: _some(_text()) if name in readers.MANY else _text() for name in readers.METADATA}),
        joins="by key",
    ),
    "reading": Setting(readers.reading, "changes of the policy, by kind of text", _table(_kinds()), joins="add"),
    "places": Setting(
        readers.places,
        "changes of the policy, by place: an anchor of the source, * for any characters, or a chapter's title",
        {"type": "array", "items": {**_PLACE, "required": ["where"]}},
        joins="add",
    ),
    "deadlines": Setting(
        readers.deadlines,
        "how long a server may take, in seconds",
        _table(dict.fromkeys(readers.DEADLINES, _DEADLINE)),
        joins="by key",
    ),
    "bounds": Setting(
        readers.bounds,
        "how much of a source is read before it counts as broken or hostile; sizes in bytes",
        _table(dict.fromkeys(readers.BOUNDS, _WHOLE)),
        joins="by key",
    ),
    "hooks": Setting(read_hooks, "who is told how it goes", {"type": "array", "items": HOOK}, joins="add"),
}
"""Every setting; scalars first, since in TOML what stands below a table belongs to it."""

EXTENDS = Setting(
    readers.paths,
    "a file whose settings hold where this one is silent, or several: of two the later wins",
    _some(_text(minLength=1)),
    '"house.toml"',
    names_files=True,
)
"""Stands in a file beside the settings; it is none of a job."""

HOMES: dict[str, tuple[str, ...]] = {
    "settings": tuple(ENGINE_SETTINGS),
    "metadata": readers.METADATA,
    "pauses": readers.PAUSES,
    "reading": tuple(readers.KIND_NAMES),
    "places": readers.PLACE,
    "deadlines": readers.DEADLINES,
    "bounds": readers.BOUNDS,
    "hooks": tuple(HOOK["properties"]),
}
"""The settings that are tables, and what stands in them."""
