"""Addresses on the web: checked, told apart, and shown without what is not for everybody. Nothing is looked up."""

from __future__ import annotations

import ipaddress
import socket
from contextlib import suppress
from dataclasses import dataclass, field, replace
from urllib.parse import SplitResult, unquote, urljoin, urlsplit, urlunsplit

from narrate.errors import shown
from narrate.web.answers import WebError
from narrate.wire.address import http_parts, is_loopback


@dataclass(frozen=True, slots=True)
class Place:
    """An address, checked: ``url`` without its login and fragment, and the login, if it has one."""

    url: str
    host: str
    login: tuple[str, str] | None = field(default=None, repr=False)

    @property
    def parts(self) -> SplitResult:
        """Scheme, server, path and query."""
        return urlsplit(self.url)

    @property
    def origin(self) -> tuple[str, str]:
        """Whose it is: what is meant for one origin is not for another."""
        return self.parts.scheme, self.parts.netloc.lower()


def _split(url: str) -> SplitResult | None:
    """``url`` in its parts; None when it is no http or https address."""
    parts = http_parts(url)
    wrong = parts is None or any(not sign.isprintable() for sign in url) or " " in parts.netloc
    return None if wrong else parts


def checked(url: str, name: str = "") -> Place:
    """``url`` as a place; WebError, which calls it ``name``, when it is no http or https address."""
    parts = _split(url.strip())
    if parts is None:
        raise WebError(f"{name or named(url)}: is no http or https address")
    login = (unquote(parts.username or ""), unquote(parts.password or "")) if "@" in parts.netloc else None
    bare = urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, parts.query, ""))
    return Place(bare, parts.hostname or "", login)


def redirected(first: Place, place: Place, location: str) -> Place:
    """Where ``place`` sends whoever asked for ``first``; the login of ``first`` goes along only to its own server.

    WebError where that must not be followed.
    """
    try:
        following = checked(urljoin(place.url, location))
    except (ValueError, WebError):
        raise WebError(f"{named(place.url)}: is redirected to what is no http or https address") from None
    if place.url.startswith("https:") and not following.url.startswith("https:"):
        raise WebError(
            f"{named(place.url)}: is redirected from https to http, where anybody may have written the answer"
        )
    if leads_inside(following.url) and not leads_inside(first.url):
        raise WebError(f"{named(place.url)}: is redirected into the network of this machine, which is not followed")
    return replace(following, login=first.login if following.origin == first.origin else None)


def named(url: str) -> str:
    """``url`` as it may be shown: without password, query and fragment, on one line."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "the address"
    if not parts.netloc:  # what is no address may still hold a password
        return shown(url.partition("?")[0].rpartition("@")[2], 200)
    netloc = parts.netloc.rpartition("@")[2]
    return shown(urlunsplit((parts.scheme, netloc, parts.path, "", "")) + ("?…" if parts.query else ""), 200)


def leads_inside(url: str) -> bool:
    """Whether ``url`` names this machine or an address of a private network: strangers must not send us there."""
    host = ((_split(url) or SplitResult("", "", "", "", "")).hostname or "").rstrip(".")
    if is_loopback(host):
        return True
    with suppress(OSError, UnicodeError):  # 127.1, 2130706433 and 0x7f000001 are this machine to those who look it up
        host = socket.inet_ntoa(socket.inet_aton(host))
    with suppress(ValueError):
        return not ipaddress.ip_address(host.partition("%")[0]).is_global
    return host.endswith((".local", ".internal", ".lan", ".home.arpa"))
