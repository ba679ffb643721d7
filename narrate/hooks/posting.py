"""Where a hook's address leads, and posting to it: what webhooks and heartbeats share."""

from __future__ import annotations

from collections.abc import Mapping

from narrate.hooks import Hook, Undelivered
from narrate.hooks.environment import expanded


def address(hook: Hook, env: Mapping[str, str]) -> str:
    """The hook's address, its variables looked up. Undelivered when it is none, or others could listen on the way."""
    from narrate.wire.address import Address, allows_http, exposed, http_parts, is_loopback

    url = expanded(hook.url, env).strip()
    parts = http_parts(url)
    if parts is None:
        raise Undelivered("its address is no http or https address")
    host = parts.hostname or ""
    where = Address(url, host, is_loopback(host), parts.scheme == "http", "its address")
    open_to_all = exposed(where, "what is told")
    if open_to_all and not allows_http(env):
        raise Undelivered(open_to_all)
    return url


def post(hook: Hook, url: str, body: bytes, headers: Mapping[str, str], secrets: tuple[str, ...] = ()) -> bytes:
    """Send ``body``, once; the answer's beginning. Undelivered when it is no success."""
    from narrate import web

    try:
        return web.post(url, body, headers, timeout=hook.timeout, secrets=secrets).body
    except web.WebError as error:
        told = Undelivered(str(error), heals=error.heals, retry_after=error.retry_after)
    raise told
