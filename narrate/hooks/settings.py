"""The tables ``[[hooks]]`` of a job or a shelf: read, checked, and described for editors.

    [[hooks]]
    webhook = "${HOOK_URL}"
    on = ["done", "failed"]
    secret_variable = "HOOK_SECRET"

Each table is one hook, and holds one of ``command``, ``webhook``, ``heartbeat`` and ``email``, which says what it is.
Addresses may name variables; secrets only stand in variables. What is wrong is a JobError that never repeats an
address, since who knows it may use it.
"""

from __future__ import annotations

import math
import re
import shlex
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

from narrate.errors import JobError
from narrate.hooks import EVENTS, KINDS, Event, Hook, Kind
from narrate.hooks.environment import without_variables
from narrate.settings import guess

DEFAULT_ON: dict[Kind, tuple[Event, ...]] = {
    "command": ("start", "done", "failed"),
    "webhook": ("start", "done", "failed"),
    "heartbeat": ("start", "done", "failed", "nothing-due"),
    "email": ("done", "failed"),
}
"""The events that a hook wants when its table does not say."""

SERVER = "localhost"
"""Who takes mail when nothing is said: the mail server of this machine."""

_LONGEST_TRY_S = 3_600.0
_MOST_ATTEMPTS = 20

_EVERY = ("kind", "on", "per", "timeout", "attempts")
_OWN: dict[Kind, tuple[str, ...]] = {
    "command": ("command",),
    "webhook": ("webhook", "secret_variable"),
    "heartbeat": ("heartbeat",),
    "email": ("email", "sender", "server", "user", "password_variable"),
}
_KNOWN = frozenset((*_EVERY, *(name for names in _OWN.values() for name in names)))

_SECRETS = re.compile("(?:.*_)?(?:secret|key|token)|.*whsec.*", re.I)
_PASSWORDS = re.compile("(?:.*_)?(?:password|passwd|pass|pwd)", re.I)
_MEANT = {
    "url": 'webhook = "https://..." or heartbeat = "https://..."',
    "to": 'email = "someone@example.org"',
    "mail": 'email = "someone@example.org"',
    "from": "sender",
    "event": "on",
    "events": "on",
    "smtp": "server",
    "host": "server",
    "username": "user",
    "ping": "heartbeat",
    "retries": "attempts",
}
"""What other programs call it."""

_VARIABLE = re.compile("(?!whsec_)[A-Za-z_][A-Za-z0-9_]*")
_MAILBOX = re.compile(r"[^\s@<>,;:\"()\[\]\\\x00-\x20\x7f-\U0010ffff]+@[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?")
_SERVER = re.compile(r"(?:smtps?://)?(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)(?::\d{1,5})?/?")


def read_hooks(where: str, name: str, value: Any) -> tuple[Hook, ...]:
    """The hooks in the tables ``value``, as TOML gives them; ``where`` is their file, ``name`` their key in it."""
    if not isinstance(value, list) or not all(isinstance(table, dict) for table in value):
        raise JobError(
            f'{where}: {name!r} must be tables, each such as [[{name}]] webhook = "https://example.org/done"'
        )
    return tuple(_hook(f"{where}: {name}, table {number}", table) for number, table in enumerate(value, 1))


def rooted(hooks: Iterable[Hook], folder: Path) -> tuple[Hook, ...]:
    """``hooks`` with commands that are named by a relative path ("./tell.sh") made relative to ``folder``."""
    return tuple(
        replace(hook, command=(str(folder / hook.command[0]), *hook.command[1:]))
        if hook.command and "/" in hook.command[0] and not hook.command[0].startswith(("/", "~"))
        else hook
        for hook in hooks
    )


def _hook(where: str, table: dict[str, Any]) -> Hook:
    for key in table:
        if key not in _KNOWN:
            raise JobError(f"{where}: {_unknown(key)}")
    kind = _kind(where, table)
    for key in table:
        if key not in _EVERY and key not in _OWN[kind]:
            of = next(other for other, names in _OWN.items() if key in names)
            raise JobError(f"{where}: {key!r} is for hooks of kind {of!r}; this one is of kind {kind!r}")
    hook = Hook(
        kind,
        on=_events(where, table["on"]) if "on" in table else DEFAULT_ON[kind],
        per=_one_of(where, "per", table.get("per", "run"), ("book", "run")),  # type: ignore[arg-type]
        # a command may do half of its work before it fails: whether it may be run again, only its owner knows
        attempts=_whole(where, "attempts", table.get("attempts", 1 if kind == "command" else 4), _MOST_ATTEMPTS),
        timeout=_seconds(where, "timeout", table.get("timeout", 60.0 if kind == "command" else 30.0)),
    )
    if kind == "command":
        return replace(hook, command=_command(where, table["command"]))
    if kind == "email":
        return _mail(where, hook, table)
    return replace(hook, url=_url(where, kind, table[kind]), secret_variable=_variable(where, "secret_variable", table))


def _unknown(key: str) -> str:
    if _PASSWORDS.fullmatch(key):
        return f"{key!r} must not stand in a file; put it into a variable, and its name here as password_variable"
    if _SECRETS.fullmatch(key):
        return f"{key!r} must not stand in a file; put it into a variable, and its name here as secret_variable"
    if key in _MEANT:
        return f"unknown setting {key!r}; did you mean {_MEANT[key]}?"
    return f"unknown setting {key!r}; {guess(key, _KNOWN)}"


def _kind(where: str, table: dict[str, Any]) -> Kind:
    there = [kind for kind in KINDS if kind in table]
    told = table.get("kind")
    if told is not None:
        _one_of(where, "kind", told, KINDS)
        if told not in there:
            raise JobError(f"{where}: {told!r} is missing; write {_EXAMPLES[cast(Kind, told)]}")
    if not there:
        raise JobError(f"{where}: says nobody to tell; name one of {', '.join(KINDS)}")
    if len(there) > 1:
        raise JobError(f"{where}: {' and '.join(map(repr, there))} are two hooks; give each its own [[hooks]]")
    return there[0]


_EXAMPLES: dict[Kind, str] = {
    "command": 'command = ["notify-send", "narrate"]',
    "webhook": 'webhook = "https://example.org/done", or "${HOOK_URL}" to name a variable',
    "heartbeat": 'heartbeat = "https://hc-ping.com/your-check", or "${CHECK_URL}" to name a variable',
    "email": 'email = "someone@example.org"',
}


def _events(where: str, value: Any) -> tuple[Event, ...]:
    found = _texts(where, "on", value, 'events, such as ["done", "failed"]')
    for event in found:
        if event not in EVENTS:
            raise JobError(f"{where}: unknown event {event!r} in 'on'; {guess(event, EVENTS)}")
    return tuple(event for event in EVENTS if event in found)


def _command(where: str, value: Any) -> tuple[str, ...]:
    """A list is taken as it is; a text is split as a shell would, and nothing else that a shell does is done."""
    try:
        found = tuple(shlex.split(value)) if isinstance(value, str) else _texts(where, "command", value, "texts")
    except ValueError as error:
        raise JobError(f"{where}: 'command' cannot be split into words ({error}); write it as a list") from None
    if not found or not found[0]:
        raise JobError(f"{where}: 'command' is empty; write {_EXAMPLES['command']}")
    if any("\0" in word for word in found):
        raise JobError(f"{where}: 'command' holds a sign that no command can (NUL)")
    return found


def _url(where: str, kind: Kind, value: Any) -> str:
    wrong = JobError(f"{where}: {kind!r} must be an http or https address: write {_EXAMPLES[kind]}")
    if not isinstance(value, str) or any(sign.isspace() or not sign.isprintable() for sign in value):
        raise wrong
    if value.startswith("${") and "}" in value:  # the variable holds the beginning, and its value is not looked at here
        return value
    try:
        parts = urlsplit(without_variables(value, "1"))
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise wrong from None
    if parts.scheme not in ("http", "https") or not host:
        raise wrong
    password = urlsplit(without_variables(value, "")).password
    if password:
        raise JobError(
            f"{where}: a password stands in {kind!r}; put it into a variable and write ${{NAME}} in its place"
        )
    return value


def _mail(where: str, hook: Hook, table: dict[str, Any]) -> Hook:
    to = _texts(where, "email", table["email"], 'addresses, such as "someone@example.org"')
    sender = _text(where, "sender", table.get("sender", ""))
    for key, mailbox in (*(("email", each) for each in to), *((("sender", sender),) if sender else ())):
        if not _MAILBOX.fullmatch(mailbox):
            raise JobError(f"{where}: {key!r} must be an address alone, such as someone@example.org, not {mailbox!r}")
    server = _text(where, "server", table.get("server", SERVER))
    if not _SERVER.fullmatch(without_variables(server, "1")) and not server.startswith("${"):
        raise JobError(
            f"{where}: 'server' must name a mail server, such as smtp.example.org:587 or smtps://smtp.example.org:465"
        )
    user = _text(where, "user", table.get("user", ""))
    password = _variable(where, "password_variable", table)
    if bool(user) != bool(password):
        missing, there = ("password_variable", "user") if user else ("user", "password_variable")
        raise JobError(f"{where}: {missing!r} is missing: {there!r} alone lets nobody in")
    return replace(hook, to=to, sender=sender, server=server, user=user, password_variable=password)


def _variable(where: str, key: str, table: dict[str, Any]) -> str:
    value = table.get(key, "")
    if value == "":
        return ""
    if not isinstance(value, str) or not _VARIABLE.fullmatch(value):
        raise JobError(
            f"{where}: {key!r} must be the name of a variable of the environment, such as HOOK_SECRET; "
            "what it holds never stands in a file"
        )
    return value


def _text(where: str, key: str, value: Any) -> str:
    if not isinstance(value, str):
        raise JobError(f"{where}: {key!r} must be a text in quotes, not {value!r}")
    return value


def _texts(where: str, key: str, value: Any, what: str) -> tuple[str, ...]:
    items = [value] if isinstance(value, str) else value
    if not isinstance(items, list) or not items or not all(isinstance(item, str) for item in items):
        raise JobError(f"{where}: {key!r} must be a list of {what}")
    return tuple(items)


def _one_of(where: str, key: str, value: Any, known: tuple[str, ...]) -> str:
    if value not in known:
        sentence = guess(value, known) if isinstance(value, str) else f"known are {', '.join(known)}"
        raise JobError(f"{where}: unknown value {value!r} of {key!r}; {sentence}")
    return cast(str, value)


def _whole(where: str, key: str, value: Any, most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
        raise JobError(f"{where}: {key!r} must be a whole number from 1 to {most}")
    return value


def _seconds(where: str, key: str, value: Any) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not 0.05 <= value <= _LONGEST_TRY_S or math.isnan(value):
        raise JobError(f"{where}: {key!r} must be between 0.05 and {_LONGEST_TRY_S:g} seconds")
    return float(value)


_TEXT_OR_TEXTS = {
    "anyOf": [{"type": "string", "minLength": 1}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]
}
_ADDRESS = {"type": "string", "pattern": r"^(https?://|\$\{)\S+$"}
_NAME = {"type": "string", "pattern": "^(?!whsec_)[A-Za-z_][A-Za-z0-9_]*$"}
_EVENT = {"enum": list(EVENTS)}


def _described(words: str, form: dict[str, Any], default: Any = None) -> dict[str, Any]:
    return {"description": words, **form} | ({} if default is None else {"default": default})


SCHEMA: dict[str, Any] = {
    "type": "object",
    "description": "Who is told how narration went: a command, a webhook, a heartbeat or a mail.",
    "additionalProperties": False,
    "oneOf": [{"required": [kind]} for kind in KINDS],
    "allOf": [
        {"if": {"required": [kind]}, "then": {"propertyNames": {"enum": sorted((*_EVERY, *names))}}}
        for kind, names in _OWN.items()
    ],
    "dependentRequired": {"user": ["password_variable"], "password_variable": ["user"]},
    "properties": {
        "kind": _described("What the hook is; the setting of that name says so already.", {"enum": list(KINDS)}),
        "command": _described("A command and its arguments, run without a shell; JSON on stdin.", _TEXT_OR_TEXTS),
        "webhook": _described("Where JSON is posted, signed as Standard Webhooks say. May be ${NAME}.", _ADDRESS),
        "heartbeat": _described("A check's address: /start and /fail are added. May be ${NAME}.", _ADDRESS),
        "email": _described("Who gets a mail: an address or several.", _TEXT_OR_TEXTS),
        "on": _described(
            "The events it is told of.",
            {"anyOf": [_EVENT, {"type": "array", "items": _EVENT, "minItems": 1, "uniqueItems": True}]},
        ),
        "per": _described("In a shelf: told of each book, or of the whole run.", {"enum": ["book", "run"]}, "run"),
        "secret_variable": _described("The variable that holds the webhook's secret (whsec_...).", _NAME),
        "sender": _described("Who the mail is from; narrate@ this machine when not given.", {"type": "string"}),
        "server": _described(
            "The mail server: smtp.example.org:587, or smtps://smtp.example.org:465. May be ${NAME}.",
            {"type": "string", "minLength": 1},
            SERVER,
        ),
        "user": _described("Who logs in at the mail server.", {"type": "string", "minLength": 1}),
        "password_variable": _described("The variable that holds the password of 'user'.", _NAME),
        "timeout": _described(
            "Seconds for one try (60 for a command).",
            {"type": "number", "minimum": 0.05, "maximum": _LONGEST_TRY_S},
            30,
        ),
        "attempts": _described(
            "How many tries there are (1 for a command).",
            {"type": "integer", "minimum": 1, "maximum": _MOST_ATTEMPTS},
            4,
        ),
    },
}
"""One table of ``[[hooks]]`` as JSON Schema (2020-12)."""
