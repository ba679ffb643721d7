"""What a server's refusal means: the one place where statuses and error messages become our three failures."""

from __future__ import annotations

import json
import math
import re
import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

from narrate.errors import EngineClosed, EngineError, EngineRefused, EngineUnavailable
from narrate.wire.secrets import redacted

_HEALING = frozenset({408, 409, 425, 429})  # and 5xx
_CLOSING = {
    401: "check the key",
    402: "the account has no money or quota left",
    403: "the key may not do this",
    404: "check the voice, the model and the server's address",
    405: "this server does not offer speech at this address",
    407: "the proxy wants a password",
    410: "this server does not offer speech at this address any more",
}
STATUS_OF_KIND = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "payment_required_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "rate_limit_error": 429,
    "internal_server_error": 500,
}
"""LMNT's seven error types, each with its status: also for servers that report an error with status 200."""

_NO_MONEY = frozenset(
    {"insufficient_quota", "payment_required_error", "billing_hard_limit_reached", "billing_not_active"}
)
_THROTTLED = re.compile(
    r"throttl|too ?many ?requests|rate[ _-]?limit|rate[ _-]?exceeded|request rate|slow ?down|overloaded", re.I
)
_SETTINGS = frozenset(
    {"model", "voice", "format", "response_format", "sample_rate", "language", "temperature", "top_p", "speed"}
)
_TEXT = frozenset({"text", "input"})
_SETTING = r"(?:model|voice|(?:response |response_)?format|sample[ _]?rate)s?"
_BAD_SETTING = re.compile(
    rf"\b(?:unknown|unsupported|invalid|no such|bad|missing) {_SETTING}\b"
    rf"|\b{_SETTING}\b[^.]{{0,60}}?\b(?:not found|not exist|not supported|not available|not valid|is not one of"
    rf"|is unknown|is invalid|is required|must be)",
    re.I,
)
_LOCATED = re.compile(r"'loc': \('body', '(\w+)'")
"""OpenAI passes its validator's own report on as a message, with the field inside."""


@dataclass(frozen=True, slots=True)
class Said:
    """What an error body says: in words, under which names (types and codes), and of which field of the request."""

    words: str
    kinds: frozenset[str] = frozenset()
    field: str = ""


def failure(
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    engine: str,
    *,
    now: float | None = None,
    secrets: tuple[str, ...] = (),
) -> EngineError:
    """The failure that an answer other than speech amounts to.

    ``headers`` have lower-case names. ``now`` (UNIX seconds) is needed to understand a Retry-After that is a date.
    ``secrets`` are cut out of the message. ``x-should-retry`` wins over the status; a status of 200 with an error in
    the body is judged by the error's type.
    """
    said = understood(body)
    answered = status
    if status < 300:
        status = next((STATUS_OF_KIND[kind] for kind in sorted(said.kinds) if kind in STATUS_OF_KIND), 502)
    named = ", ".join(sorted(said.kinds)[:2])
    head = f"{engine} answered {answered}" + (f" ({named})" if named else "")
    words = redacted(f"{head}: {said.words}" if said.words else head, secrets)
    request_id = request_id_of(headers, secrets)
    wait = retry_after(headers, now)
    told = headers.get("x-should-retry", "").strip().lower()
    throttled = status == 429 or (status == 503 and wait is not None) or _names_throttling(status, said)

    if told == "true" or (told != "false" and _may_heal(status, said, throttled)):
        return EngineUnavailable(words, engine=engine, request_id=request_id, retry_after=wait, throttled=throttled)
    if status in _CLOSING or 300 <= status < 400 or status == 429 or _about_settings(status, said):
        hint = _hint(status, said)
        return EngineClosed(f"{words}; {hint}" if hint else words, engine=engine, request_id=request_id)
    return EngineRefused(words, engine=engine, request_id=request_id)


def _may_heal(status: int, said: Said, throttled: bool) -> bool:
    return not (said.kinds & _NO_MONEY) and (status in _HEALING or status >= 500 or throttled)


def _names_throttling(status: int, said: Said) -> bool:
    """Some services report throttling as 400 with a name."""
    return status == 400 and bool(_THROTTLED.search(" ".join((said.words, *said.kinds))))


def _about_settings(status: int, said: Said) -> bool:
    """Whether a refusal is about what every chunk has in common, and not about this text."""
    if said.kinds & _NO_MONEY:
        return True
    if said.field in _SETTINGS | _TEXT:
        return said.field in _SETTINGS
    return 400 <= status < 500 and bool(_BAD_SETTING.search(said.words))


def _hint(status: int, said: Said) -> str:
    if said.kinds & _NO_MONEY:
        return _CLOSING[402]
    return _CLOSING.get(status, "" if status >= 400 else "check the server's address")


def retry_after(headers: Mapping[str, str], now: float | None = None) -> float | None:
    """The wait that a server asks for, in seconds, never negative; None when it asks for none that can be understood.

    ``retry-after-ms`` first, then ``Retry-After``: seconds, fractions of them, or a date. A date is measured against
    the server's own ``Date`` where it gives one, so that a wrong clock here does no harm, else against ``now``.
    """
    milliseconds = _seconds(headers.get("retry-after-ms", ""))
    if milliseconds is not None:
        return milliseconds / 1000
    asked = headers.get("retry-after", "")
    seconds = _seconds(asked)
    if seconds is not None:
        return seconds
    until = _date(asked)
    if until is None:
        return None
    server_now = _date(headers.get("date", ""))
    since = now if server_now is None else server_now
    return None if since is None else max(0.0, until - since)


def _seconds(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return max(0.0, number) if math.isfinite(number) else None


def _date(text: str) -> float | None:
    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None


def request_id_of(headers: Mapping[str, str], secrets: Iterable[str] = ()) -> str:
    """The provider's own id of a request, or ""; at most 200 printable characters, and no ``secrets`` among them."""
    return redacted(_plain(headers.get("request-id") or headers.get("x-request-id") or ""), secrets)


def understood(body: bytes) -> Said:
    """What an error body says, whatever its shape: LMNT's of 1.0 and 1.1, OpenAI's, FastAPI's, plain text, HTML."""
    text = body[:100_000].decode("utf-8", "replace").strip()
    if text[:1] in ("{", "["):
        try:
            return _from_json(json.loads(text))
        except (ValueError, RecursionError):
            pass
    if text[:1] == "<":
        title = re.search(r"<title[^>]*>([^<]{1,300})", text, re.I)
        return Said(f"a web page titled {_plain(title[1])!r}" if title else "a web page")
    return Said(_plain(text))


def is_error(body: bytes) -> bool:
    """Whether ``body``, sent with status 200, is an error message and no speech."""
    if len(body) > 10_000 or body.lstrip()[:1] != b"{":
        return False
    try:
        message = json.loads(body)
    except (ValueError, RecursionError):
        return False
    return not message.get("audio") and any(message.get(name) for name in ("error", "detail", "message"))


def _from_json(message: Any) -> Said:
    match message:
        case {"error": {} as error}:
            return _from_error(error)
        case {"error": str(words), "message": str(more)}:
            return Said(_plain(more), _kinds(words))
        case {"error": str(words)}:
            return Said(_plain(words))
        case {"detail": [{"msg": str(words)} as first, *_]}:
            where = first.get("loc")
            named = [part for part in where if isinstance(part, str)] if isinstance(where, list) else []
            field = named[-1] if named else ""
            return Said(_plain(f"{field}: {words}" if field else words), frozenset(), field)
        case {"detail": {} as detail}:
            return _from_json({"error": detail} if "error" not in detail else detail)
        case {"detail": str(words)}:
            return Said(_plain(words))
        case {"message": str()} | {"__type": str()}:
            return _from_error({**message, "type": message.get("__type") or message.get("type")})
    return Said("")


def _from_error(error: Mapping[str, Any]) -> Said:
    words, field = error.get("message"), error.get("param")
    words = _plain(words) if isinstance(words, str) else ""
    if not isinstance(field, str):
        located = _LOCATED.search(words)
        field = located[1] if located else ""
    return Said(words, _kinds(error.get("type"), error.get("code")), field)


def _kinds(*names: object) -> frozenset[str]:
    """Names that are names: a sentence in their place is none."""
    return frozenset(name for name in names if isinstance(name, str) and re.fullmatch(r"[\w.#-]{1,60}", name))


def _plain(text: str) -> str:
    """One line, without control characters: it will be printed to a terminal."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())


def is_untrusted(error: BaseException | None) -> bool:
    """Whether ``error`` came of a certificate that nobody here vouches for."""
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        error = error.__cause__ or error.__context__
    return False
