"""HOOK: a check that is told of every run, and raises the alarm when one fails or never comes (healthchecks.io's way).

    start                 POST <address>/start
    done, nothing-due     POST <address>
    failed                POST <address>/fail
    chapter               POST <address>/log, for those who want it

The body is the text, which such services show. What stands behind a ``?`` in the address stays there. Where a service
knows only one address, as Uptime Kuma does, ``on = ["done", "nothing-due"]`` asks only for that.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urlsplit, urlunsplit

from narrate.hooks import Event, Hook, Notice, Undelivered
from narrate.hooks.posting import address, post
from narrate.hooks.wording import text

LONGEST_BODY = 10_000
"""Characters that are sent; healthchecks.io keeps 100 kB."""

_ENDINGS: dict[Event, str] = {"start": "/start", "done": "", "nothing-due": "", "failed": "/fail", "chapter": "/log"}
_IGNORED = re.compile(rb"OK \((not found|rate limited)\)")
"""healthchecks.io's successes that are none."""


def deliver(hook: Hook, notice: Notice, env: Mapping[str, str]) -> None:
    """Tell the check, once. Undelivered says why it was not taken."""
    url = at(address(hook, env), notice.event)
    body = text(notice)[:LONGEST_BODY].encode()
    ignored = _IGNORED.match(post(hook, url, body, {"Content-Type": "text/plain; charset=utf-8"}))
    if ignored:
        raise Undelivered(f"the check's server ignored it: {ignored[1].decode()}", heals=ignored[1] == b"rate limited")


def at(url: str, event: Event) -> str:
    """Where ``event`` is told to the check at ``url``."""
    parts = urlsplit(url)
    ending = _ENDINGS[event]
    path = parts.path.rstrip("/") + ending if ending else parts.path
    return urlunsplit((parts.scheme, parts.netloc, path, parts.query, ""))
