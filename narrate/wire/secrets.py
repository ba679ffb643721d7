"""Keys are cut out of whatever a server says: whole, in part, in another case, or in one of the usual disguises."""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Iterable
from functools import lru_cache
from urllib.parse import quote

LONGEST_MESSAGE = 200
"""Characters of a server's own words that are passed on."""
LOOKED_AT = 5_000
"""Characters of them that are looked at for keys; what lies behind is not passed on."""
TELLING = 6
"""So many characters of a key, one after another, are not shown."""
SHORTEST = 4
"""Characters of a key; what is shorter hides nothing, and would be found in every word."""
ENDS = 3
"""So many characters at an end of a key, next to stars or dots, are its shortened form."""

MARK = "[key]"

_SHORTENED = re.compile(r"([\w+/=-]*)(?:[*•.…]{2,}|…|•)([\w+/=-]*)")


def redacted(text: str, secrets: Iterable[str], longest: int = LONGEST_MESSAGE) -> str:
    """``text`` without the secrets, cut to ``longest`` characters."""
    clean = cut_out(text[:LOOKED_AT], secrets)
    return clean if len(clean) <= longest else clean[: longest - 1] + "…"


def cut_out(text: str, secrets: Iterable[str]) -> str:
    """``text`` with MARK in place of each secret, of any TELLING characters of one, and of its shortened forms.

    Case does not count. A secret is also found as it looks in an address, in base64 (alone or inside something
    longer), in JSON, in HTML and in hexadecimal digits.
    """
    for secret in secrets:
        if len(secret) < SHORTEST:
            continue
        text = _without_pieces(text, *_pieces(secret))
        low = secret.lower()
        text = _SHORTENED.sub(lambda found, low=low: MARK if _shortens(found, low) else found[0], text)  # type: ignore[misc]
    return text


def _without_pieces(text: str, pieces: frozenset[str], width: int) -> str:
    low = text.lower()
    if len(low) != len(text):  # İ and its like have a longer small letter: no key has any, and the places must agree
        low = "".join(sign.lower() if len(sign.lower()) == 1 else sign for sign in text)
    kept: list[str] = []
    done, place = 0, 0
    while place <= len(low) - width:
        if low[place : place + width] not in pieces:
            place += 1
            continue
        end = place + width
        while low[end - width + 1 : end + 1] in pieces:
            end += 1
        kept += [text[done:place], MARK]
        done = place = end
    return "".join(kept) + text[done:]


@lru_cache(64)
def _pieces(secret: str) -> tuple[frozenset[str], int]:
    """All runs of characters, in small letters, that give a key away, and how long they are."""
    width = min(TELLING, len(secret))
    looks = (look.lower() for look in (_looks(secret) if len(secret) >= TELLING else (secret,)))
    return frozenset(look[at : at + width] for look in looks for at in range(len(look) - width + 1)), width


def _looks(secret: str) -> Iterable[str]:
    raw = secret.encode("utf-8", "replace")
    yield from (secret, secret[::-1], quote(secret, safe=""), html.escape(secret), repr(secret)[1:-1])
    yield from (json.dumps(secret)[1:-1], json.dumps(secret)[1:-1].replace("/", "\\/"), raw.hex())
    for before in range(3):  # the digits depend on where in a group of three a byte stands
        for coded in (base64.b64encode(b"\0" * before + raw), base64.urlsafe_b64encode(b"\0" * before + raw)):
            first = (before * 8 + 5) // 6
            yield coded.decode().rstrip("=")[first : (before + len(raw)) * 8 // 6]


def _shortens(found: re.Match[str], secret: str) -> bool:
    head, tail = found[1].lower(), found[2].lower()
    begins = len(head) >= ENDS and secret.startswith(head)
    ends = len(tail) >= ENDS and secret.endswith(tail)
    return begins or ends
