"""Who may speak: keys by their SHA-256, with names and allowances, in a TOML file; what each has used this month.

    [[key]]
    name = "the reading app"
    sha256 = "5e88..."           # of the key; `narrate serve --new-key NAME` makes one
    characters = 500000          # a month (UTC); leave it out for no end
    at_once = 8                  # requests and sessions at once

Keys are 256 random bits, so a plain hash hides them; they are compared in constant time, and never written anywhere.
The file is read when the server starts. Characters are noted before they are spoken, and given back when there was no
speech: nobody pays for a failure of the server or for a text that it refuses.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import threading
import time
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from narrate.database import Connection, Database, Tables
from narrate.errors import JobError, shown
from narrate.settings import guess
from narrate.wire.serving import Fault

QUOTA = "insufficient_quota"
"""OpenAI's code for an allowance that is spent."""

LONGEST_NAME = 100
"""Characters of a key's name."""

_NAME = f"name must be a text of 1 to {LONGEST_NAME} characters"
_FIELDS = ("name", "sha256", "characters", "at_once")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_OF_NOTHING = hashlib.sha256(b"").hexdigest()
_TABLES = Tables(
    statements=(
        "CREATE TABLE used (name TEXT NOT NULL, month TEXT NOT NULL, characters INTEGER NOT NULL, "
        "PRIMARY KEY (name, month))",
    ),
    application=0x6E617275,
    version=1,
    name="record of usage",
)
_CHARGE = """INSERT INTO used (name, month, characters) VALUES (?, ?, ?)
ON CONFLICT (name, month) DO UPDATE SET characters = characters + excluded.characters"""
_REFUND = "UPDATE used SET characters = max(0, characters - ?) WHERE name = ? AND month = ?"


@dataclass(frozen=True, slots=True)
class Key:
    """Who asks. ``characters`` a month and requests ``at_once``; None: no end."""

    name: str
    characters: int | None = None
    at_once: int | None = None


ANYONE = Key("")


class Keys:
    """The keys of a file; without one, everybody is ANYONE, and usage is counted while the server runs."""

    def __init__(
        self, file: Path | None, report: Callable[[str], None], clock: Callable[[], float] = time.time
    ) -> None:
        self._known = _read(file) if file else {}
        self._open = file is None
        self._clock = clock
        self._usage = Database(file.with_suffix(".usage.sqlite3"), _TABLES, report) if file else None
        self._counted: Counter[str] = Counter()
        self._busy: Counter[str] = Counter()
        self._lock = threading.Lock()
        if self._usage:
            self._usage.open()

    @property
    def needed(self) -> bool:
        """Whether a key must be shown."""
        return not self._open

    def who(self, secret: str) -> Key:
        """Whose key ``secret`` is; Fault when it is nobody's. All hashes are compared, whichever is right."""
        if self._open:
            return ANYONE
        digest = hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()
        found = [key for known, key in self._known.items() if hmac.compare_digest(known, digest)]
        if not found:
            message = "Invalid API key." if secret else "There is no API key."
            raise Fault(message, "authentication_error", code="invalid_api_key")
        return found[0]

    @contextmanager
    def busy(self, key: Key) -> Iterator[None]:
        """One more request of ``key`` is in work; Fault beyond what it may have at once."""
        if key.at_once is not None and self._busy[key.name] >= key.at_once:
            raise Fault(f"this key may have {key.at_once} requests at once", "rate_limit_error", retry_after=1)
        self._busy[key.name] += 1
        try:
            yield
        finally:
            self._busy[key.name] -= 1

    def charge(self, key: Key, characters: int) -> None:
        """Note, before they are spoken, that ``key`` has used so many characters more; Fault where it may not.

        Blocks for a commit where there is a file of keys.
        """
        if self._usage is None:
            with self._lock:
                self._counted[key.name] += characters
            return
        month = self._month()

        def work(connection: Connection) -> int:
            if key.characters is not None and _used(connection, key.name, month) + characters > key.characters:
                return 0
            connection.execute(_CHARGE, (key.name, month, characters))
            return 1

        if not self._usage.write(work):
            raise Fault(
                f"the allowance of {key.characters:,} characters a month does not cover this request",
                "payment_required_error",
                code=QUOTA,
            )

    def refund(self, key: Key, characters: int) -> None:
        """Take back what was charged for speech that there was none of. Blocks as ``charge`` does."""
        if self._usage is None:
            with self._lock:
                self._counted[key.name] -= characters
            return
        month = self._month()
        self._usage.write(lambda connection: connection.execute(_REFUND, (characters, key.name, month)).rowcount)

    def used(self, key: Key) -> int:
        """Characters that ``key`` has used this month."""
        if self._usage is None:
            return self._counted[key.name]
        month = self._month()
        return self._usage.write(lambda connection: _used(connection, key.name, month))

    def close(self) -> None:
        """Let go of the record of usage."""
        if self._usage:
            self._usage.close()

    def _month(self) -> str:
        return time.strftime("%Y-%m", time.gmtime(self._clock()))


def new_key(name: str) -> tuple[str, str]:
    """A key nobody has seen, and the lines that let it in; JobError for a name that the file could not hold."""
    if not name.strip() or len(name) > LONGEST_NAME or not name.isprintable():
        raise JobError(f"--new-key {shown(name, 40)!r}: {_NAME}, without control characters")
    secret = f"nk_{secrets.token_urlsafe(32)}"
    digest = hashlib.sha256(secret.encode()).hexdigest()
    quoted = name.replace("\\", "\\\\").replace('"', '\\"')
    # the empty line in front: the file they are added to may end without one
    return (
        secret,
        f'\n[[key]]\nname = "{quoted}"\nsha256 = "{digest}"\n# characters = 500000   # a month\n# at_once = 8\n',
    )


def _used(connection: Connection, name: str, month: str) -> int:
    row = connection.execute("SELECT characters FROM used WHERE name = ? AND month = ?", (name, month)).fetchone()
    return int(row[0]) if row else 0


def _read(file: Path) -> dict[str, Key]:
    """The keys by their hash."""
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise JobError(f"{file}: the keys cannot be read: {error.strerror or error}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise JobError(f"{file}: is no TOML: {error}") from error
    entries = table.get("key")
    if set(table) - {"key"} or not isinstance(entries, list) or not entries:
        raise JobError(
            f"{file}: must hold [[key]] tables, each with a name and a sha256; see `narrate serve --new-key`"
        )
    keys: dict[str, Key] = {}
    for number, entry in enumerate(entries, 1):
        digest, key = _entry(entry, f"{file}: key {number}")
        if digest in keys or key.name in {known.name for known in keys.values()}:
            raise JobError(f"{file}: key {number} ({key.name!r}) stands there twice")
        keys[digest] = key
    return keys


def _entry(entry: object, where: str) -> tuple[str, Key]:
    if not isinstance(entry, Mapping):
        raise JobError(f"{where}: must be a [[key]] table with a name and a sha256")
    for field in entry:
        if field not in _FIELDS:
            raise JobError(f"{where}: unknown setting {field!r}; {guess(field, _FIELDS)}")
    name: Any = entry.get("name")
    digest: Any = entry.get("sha256")
    if not isinstance(name, str) or not name.strip() or len(name) > LONGEST_NAME:
        raise JobError(f"{where}: {_NAME}")
    if not isinstance(digest, str) or not _DIGEST.fullmatch(digest.lower()):
        raise JobError(f"{where} ({name!r}): sha256 must be the 64 hexadecimal digits of the key's SHA-256")
    if digest.lower() == _OF_NOTHING:
        raise JobError(f"{where} ({name!r}): sha256 is that of an empty key, which everybody knows")
    for limit in ("characters", "at_once"):
        value = entry.get(limit)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
            raise JobError(f"{where} ({name!r}): {limit} must be a whole number from 1")
    return digest.lower(), Key(name, entry.get("characters"), entry.get("at_once"))
