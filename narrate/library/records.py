"""What became of each book of a shelf, kept beside the audiobooks: one line of JSON for every time a book was made.

A journal: a line is appended and brought to the disk, never changed; the last one of a book counts, and a last line
that a crash tore is passed over. Whoever only reads touches nothing. Every so often the holder of the shelf's lock
writes it anew without what is out of date.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

from narrate import disk
from narrate.errors import StoreError

SCHEMA = 1
SUFFIX = ".shelf.jsonl"
SLACK = 200
"""Lines out of date, beyond as many as there are books, that a journal may hold before it is written anew."""

State = Literal["making", "made", "failed", "paused"]
_TEXTS = ("id", "folder", "title", "currency", "reason")
_COUNTS = ("chapters", "duration_ms", "requests", "characters", "exit_code")
_NUMBERS = ("at", "spent", "took")
_OR_NONE = ("cost", "made_at")
_MOST = 1e15
"""What no number of a record comes near: seconds, milliseconds, characters, money."""


class Input(NamedTuple):
    """A file that a book was made of: ``stamp`` is its size and times (see ``sighting``), "" when it was not there;
    ``digest`` is the SHA-256 of its bytes, "" where nobody read it.
    """

    name: str
    stamp: str
    digest: str


class Output(NamedTuple):
    """A published file, relative to the book's folder: its size in bytes and time of change in nanoseconds."""

    name: str
    size: int
    mtime_ns: int


@dataclass(frozen=True, slots=True)
class Record:
    """What became of the book ``id`` the last time it was due.

    ``at`` is in seconds since 1970, ``took`` in seconds. ``settings`` are what decided on the sound and the files,
    ``inputs`` what the book was made of. ``outputs`` lie in ``folder``, which is relative to the shelf's output where
    it can be, and are of the last time that it was made: a failure keeps them. ``reason`` and ``exit_code`` are of the
    failure, or of the pause. ``cost`` is what was spent that time, at the most; None where no price is known; ``spent``
    is what all times together cost. "making" is the state of a book that was begun: its end has not come to be known.
    """

    id: str
    state: State
    at: float
    settings: Mapping[str, str] = field(default_factory=dict)
    inputs: tuple[Input, ...] = ()
    folder: str = ""
    outputs: tuple[Output, ...] = ()
    title: str = ""
    authors: tuple[str, ...] = ()
    chapters: int = 0
    duration_ms: int = 0
    requests: int = 0
    characters: int = 0
    cost: float | None = 0.0
    spent: float = 0.0
    currency: str = "USD"
    took: float = 0.0
    made_at: float | None = None
    reason: str = ""
    exit_code: int = 0


class Records:
    """The journal at ``path``. Nothing is made there before the first ``add``."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lines = 0

    def read(self) -> dict[str, Record]:
        """The last record of each book; {} where there is no journal. StoreError when it cannot be read."""
        try:
            with disk.open_regular(self.path) as file:
                lines = file.read().split(b"\n")
        except FileNotFoundError:
            lines = []
        except NotADirectoryError as error:
            raise StoreError(
                f"{self.path}: a file lies where a folder should; remove it, or name another output"
            ) from error
        except disk.NotAFile as error:
            raise StoreError(f"{self.path}: {error}; move it away and run again") from error
        except OSError as error:
            raise disk.trouble(self.path, error) from error
        self._lines = len(lines)
        found: dict[str, Record] = {}
        for line in lines:
            record = _record(line) if line else None
            if record is not None:
                found.pop(record.id, None)  # the order is that of the last time
                found[record.id] = record
        return found

    def add(self, record: Record) -> None:
        """Append ``record``, durably. The caller holds the shelf's lock."""
        try:
            disk.make_folder(self.path.parent)
            torn = self.path.exists() and not _ends_with_line(self.path)
            with self.path.open("ab") as file:
                # one write: a reader sees a whole line or none; what a crash tore is closed first
                file.write((b"\n" if torn else b"") + line_of(record))
                file.flush()
                disk.sync(file.fileno())
            self._lines += 1
        except OSError as error:
            raise _unwritable(self.path, error) from error

    def tidy(self, records: Iterable[Record]) -> None:
        """Write the journal anew when most of it is out of date. The caller holds the shelf's lock."""
        kept = list(records)
        if self._lines <= 2 * len(kept) + SLACK:
            return
        try:
            disk.replace_file(self.path, b"".join(map(line_of, kept)))
        except OSError as error:
            raise _unwritable(self.path, error) from error
        self._lines = len(kept)


def line_of(record: Record) -> bytes:
    """A record as a line of the journal."""
    text = json.dumps({"schema": SCHEMA, **asdict(record)}, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "backslashreplace") + b"\n"


def _record(line: bytes) -> Record | None:
    """A record from its line; None for what is none, or is from a version that this one does not know."""
    try:
        values: dict[str, Any] = json.loads(line)
        if values.pop("schema") != SCHEMA:
            return None
        values["inputs"] = tuple(Input(*map(str, item)) for item in values["inputs"])
        values["outputs"] = tuple(Output(str(name), int(size), int(time)) for name, size, time in values["outputs"])
        values["authors"] = tuple(map(str, values["authors"]))
        values["settings"] = {str(name): str(value) for name, value in values["settings"].items()}
        record = Record(**values)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        return None
    return record if _is_sound(record) else None


def _is_sound(record: Record) -> bool:
    """Whether a record holds what it should: one damaged byte makes another number of a number."""
    return (
        record.state in get_args(State)
        and all(isinstance(getattr(record, name), str) for name in _TEXTS)
        and all(isinstance(getattr(record, name), int) for name in _COUNTS)
        and all(_is_number(getattr(record, name)) for name in (*_COUNTS, *_NUMBERS))
        and all(getattr(record, name) is None or _is_number(getattr(record, name)) for name in _OR_NONE)
    )


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and -_MOST < value < _MOST


def _ends_with_line(path: Path) -> bool:
    with path.open("rb") as file:
        if file.seek(0, os.SEEK_END) == 0:
            return True
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"


def _unwritable(path: Path, error: OSError) -> StoreError:
    reason = (error.strerror or str(error)).lower()
    return StoreError(f"{path}: cannot be written: {reason}; make room or mend its folder, and run again")
