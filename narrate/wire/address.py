"""A server's address, as a user gives it: checked, and told whether it is on this machine. Nothing is looked up."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from narrate.errors import JobError


@dataclass(frozen=True, slots=True)
class Address:
    """A server's address, checked. ``url`` has no trailing slash; ``variable`` is where the user gave it."""

    url: str
    host: str
    loopback: bool
    plain: bool
    variable: str

    @property
    def server(self) -> str:
        """The server's name in a voice: host, port and path.

        A loopback address is "localhost" without a port, since a local server that was started anew speaks as before.
        """
        parts = urlsplit(self.url)
        return ("localhost" if self.loopback else parts.netloc.lower()) + parts.path


def address(env: Mapping[str, str], variable: str, default: str) -> Address:
    """The address in ``variable``, or ``default``; a path in it is kept. JobError when it is not one."""
    text = env.get(variable, "").strip() or default
    parts = http_parts(text)
    if parts is None or any(sign.isspace() for sign in text):
        raise JobError(f"{variable} must be an http or https address, such as http://localhost:8880")
    if parts.username is not None or parts.query or parts.fragment:
        raise JobError(f"{variable} must be an address alone: no password, query or fragment in it")
    url = f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"
    host = parts.hostname or ""
    return Address(url, host, is_loopback(host), parts.scheme == "http", variable)


def http_parts(text: str) -> SplitResult | None:
    """An http or https address in its parts; None for what is none, or names a server that nobody can look up."""
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname or "", parts.port
        host.encode("idna").decode("idna")  # UnicodeError, a ValueError: names like a..b
    except ValueError:
        return None
    return parts if parts.scheme in ("http", "https") and host else None


def allows_http(env: Mapping[str, str]) -> bool:
    """Whether the user says that the network is his own, so that plain http may go to another machine."""
    return env.get("NARRATE_ALLOW_HTTP", "") == "1"


def exposed(where: Address, what: str = "the key and the texts") -> str:
    """Why ``what`` must not go to ``where`` unless the user allows it, in a sentence; "" where nobody could listen."""
    if not where.plain or where.loopback:
        return ""
    return (
        f"{what} would travel unencrypted to {where.host}; use https in {where.variable}, "
        "or set NARRATE_ALLOW_HTTP=1 if that network is yours"
    )


def is_loopback(host: str) -> bool:
    """Whether ``host`` is this machine by its name alone; nothing is looked up."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    with suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return False
