"""Where a feed is, as far as it may be known: its folder, sentences about it, and the login that goes along."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import SplitResult, urlsplit, urlunsplit

from narrate import web
from narrate.catalogues.articles import digest_of
from narrate.naming import safe_name
from narrate.wire.secrets import cut_out

NAME = 80
"""Bytes of a title or an address in the name of a file, before its digest."""
_PASSWORD = re.compile(r"^(\w+://[^/:@]*):[^/]*@")


def identity_of(url: str, called: str) -> str:
    """What a feed is known by. Another password, or another secret in a variable, does not make it another feed: the
    chapters of a serial that the feed has forgotten are in its folder alone.
    """
    return digest_of(called or _PASSWORD.sub(r"\1@", url))


def folder_name(url: str, called: str) -> str:
    """The folder of a feed: to be recognised by people, and by a digest; nothing that may be secret is in it."""
    parts = urlsplit(web.named(url).removesuffix("?…"))
    path = "" if called else parts.path
    return f"{safe_name(f'{parts.netloc}{path}'.rstrip('/'), NAME)}-{identity_of(url, called)[:8]}"


def harmless(sentences: Iterable[str], url: str, called: str) -> tuple[str, ...]:
    """``sentences`` without what leads to the feed at ``url``."""
    try:
        parts = urlsplit(url)
        secrets = parts.path.strip("/"), parts.query
    except ValueError:
        secrets = url, ""
    return tuple(cut_out(sentence.replace(web.named(url), called), secrets) for sentence in sentences)


def with_login(address: str, url: str) -> str:
    """``address`` with the name and password of ``url``, if it is on the same server."""
    own, there = urlsplit(url), urlsplit(address)
    login, at, server = own.netloc.rpartition("@")
    if not at or "@" in there.netloc or (own.scheme, server) != (there.scheme, there.netloc):
        return address
    return urlunsplit(SplitResult(there.scheme, f"{login}@{server}", there.path, there.query, ""))
