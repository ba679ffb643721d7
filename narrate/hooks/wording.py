"""A notice in words and as JSON, fit to travel: titles may hold anything, and break no header, line or program."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from narrate.errors import shown
from narrate.hooks import Notice

LONGEST_SUBJECT = 150
"""Characters of a subject."""
LONGEST_TEXT = 20_000
"""Characters of a text."""

_HALVES = re.compile("[\ud800-\udfff]")
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def subject(notice: Notice) -> str:
    """One line, harmless and not too long."""
    return shown(notice.subject, LONGEST_SUBJECT).strip()


def text(notice: Notice) -> str:
    """Lines for people, without what drives a terminal; the subject where there are none."""
    return lines(notice.text).strip() or subject(notice)


def lines(given: str, longest: int = LONGEST_TEXT) -> str:
    """``given``, cut to ``longest`` characters: of all controls only ends of lines and tabs stay."""
    cut = given if len(given) <= longest else f"{given[: longest - 1]}…"
    return _CONTROLS.sub(" ", whole(cut).replace("\r\n", "\n").replace("\r", "\n"))


def whole(given: str) -> str:
    """``given`` with U+FFFD in place of halves of characters, which no encoding takes."""
    return _HALVES.sub("�", given)


def as_json(notice: Notice) -> bytes:
    """The envelope that Standard Webhooks recommend, in ASCII: ``type`` is the event, ``data`` the payload.

    ``text`` makes it a message to those that only know messages (Slack and its kind).
    """
    said = {
        "type": notice.event,
        "timestamp": datetime.fromtimestamp(notice.at, UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "subject": subject(notice),
        "text": "\n".join(dict.fromkeys((subject(notice), text(notice)))),
        "data": _plain(notice.payload),
    }
    return json.dumps(said, allow_nan=False).encode("ascii")


def _plain(value: Any) -> Any:
    """``value`` as something that JSON has; what it has not, as text."""
    if isinstance(value, bool | int | None):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {whole(str(key)): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    return whole(str(value))
