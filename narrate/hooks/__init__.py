"""FAMILY: who is told how narration went: a command, a webhook, a heartbeat, a mail.

A hook is told of an event by a notice; a hook that fails or hangs is reported, and never fails a book.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from narrate.errors import NarrateError

Event = Literal["start", "chapter", "done", "failed", "nothing-due"]
EVENTS: tuple[Event, ...] = ("start", "chapter", "done", "failed", "nothing-due")

Kind = Literal["command", "webhook", "heartbeat", "email"]
KINDS: tuple[Kind, ...] = ("command", "webhook", "heartbeat", "email")


@dataclass(frozen=True, slots=True)
class Hook:
    """One hook, as a job or a shelf names it. Secrets are never in it, only the names of variables that hold them.

    ``on`` are the events it wants. ``per`` says, in a shelf, whether it is told of each book or of the whole run.
    ``url`` and ``server`` stand as they were written: ``${NAME}`` in them is the environment's when the hook is rung.
    ``timeout`` is seconds for one try, ``attempts`` how many tries there are.
    """

    kind: Kind
    on: tuple[Event, ...]
    per: Literal["book", "run"] = "run"
    command: tuple[str, ...] = ()
    url: str = ""
    secret_variable: str = ""
    to: tuple[str, ...] = ()
    sender: str = ""
    server: str = ""
    user: str = ""
    password_variable: str = ""
    timeout: float = 30.0
    attempts: int = 4


def _new_id() -> str:
    return f"msg_{os.urandom(12).hex()}"


@dataclass(frozen=True, slots=True)
class Notice:
    """What is told: ``subject`` is one line for people, ``text`` a few; ``payload`` is JSON, the manifest's summary.

    ``id`` is the notice's own, the same at every try, so that who is told twice can know it; ``at`` is when it
    happened, in UNIX seconds.
    """

    event: Event
    subject: str
    text: str
    payload: Mapping[str, Any]
    id: str = field(default_factory=_new_id)
    at: float = field(default_factory=time.time)


class Undelivered(NarrateError):
    """A notice was not taken. ``heals``: another try may do better; ``retry_after`` is the wait that was asked for."""

    def __init__(self, message: str, *, heals: bool = False, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.heals = heals
        self.retry_after = retry_after


class Deliverer(Protocol):
    """The one function of a hook module: deliver ``notice`` as ``hook`` says, once; NarrateError says why not."""

    def __call__(self, hook: Hook, notice: Notice, env: Mapping[str, str]) -> None: ...
