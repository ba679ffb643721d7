"""What is said in LMNT's Speech Sessions: the messages of all three dialects, read and written.

The words of ``session.py``, which see. Reading is liberal in form and strict in substance: a wrong type or value is a
SessionFault that never repeats what was sent, since the key may be in it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Literal, TypeGuard, get_args

from narrate.wire.speech import FORMATS as SPEECH_FORMATS
from narrate.wire.speech import KEY_HEADER, LANGUAGES, RATES, VERSION, VERSION_HEADER

PATH = "/v1/ai/speech/stream"
FORMATS = frozenset(name for name, form in SPEECH_FORMATS.items() if form.streamed)
LONGEST_FRAME = 1_048_576
"""Bytes of a message; at one more the official clients drop the connection without a word."""

Dialect = Literal["typed", "commands", "plain"]
Kind = Literal[
    "invalid_request_error",
    "authentication_error",
    "payment_required_error",
    "permission_error",
    "not_found_error",
    "rate_limit_error",
    "internal_server_error",
]
KINDS: frozenset[str] = frozenset(get_args(Kind))

_KIND_OF_STATUS: dict[object, Kind] = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "payment_required_error",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
}
_ABOUT_THE_KEY = re.compile(r"\bapi[ _-]?key\b|\bunauthori[sz]ed\b|\bauthenticat", re.I)
_LONGEST_S = 86_400
"""Times beyond a day make no sense."""


@dataclass(frozen=True, slots=True)
class Timed:
    """A piece of the text and when it sounds, in seconds; blanks and punctuation have pieces of their own."""

    text: str
    start: float
    duration: float


@dataclass(frozen=True, slots=True)
class Opening:
    """What a client asks for in its first message. ``key`` may be ""; whether that will do is the server's decision."""

    key: str = field(repr=False)
    voice: str
    format: str = "mp3"
    sample_rate: int = 24000
    language: str = "auto"
    timestamps: bool = False
    dialect: Dialect = "typed"
    version: tuple[int, int] = (1, 2)


@dataclass(frozen=True, slots=True)
class Text:
    """More text; it may begin or end inside a word, and is to be joined as it is."""

    text: str


@dataclass(frozen=True, slots=True)
class Flush:
    """Speak everything there is. ``nonce`` goes back with the acknowledgement; None where the client gave none."""

    nonce: int | None = None


@dataclass(frozen=True, slots=True)
class Reset:
    """Drop what is not spoken yet."""

    nonce: int | None = None


@dataclass(frozen=True, slots=True)
class Finish:
    """No more text: speak the rest, then close with 1000."""


class SessionFault(Exception):
    """A message that cannot stand, or the error that a server sent. ``kind`` is one of LMNT's seven error types."""

    def __init__(self, message: str, kind: Kind = "invalid_request_error", request_id: str = "") -> None:
        super().__init__(message)
        self.kind: Kind = kind
        self.message = message
        self.request_id = request_id


@dataclass(frozen=True, slots=True)
class Message:
    """What a server says. All but ``audio`` messages have no audio, so that joining ``.audio`` gives the whole sound.

    ``unknown``: a message that this client does not know, as a newer server may send; it may be ignored.
    """

    type: Literal["ready", "audio", "timestamps", "flush_complete", "reset_complete", "unknown"]
    audio: bytes = b""
    timestamps: tuple[Timed, ...] = ()
    nonce: int | None = None
    request_id: str = ""


def kind_of(fields: Mapping[str, Any], named: frozenset[str], words: str) -> Kind:
    """What an error is about. An error without a type is of API 1.0, where it meant a bad request or a bad key."""
    for kind in get_args(Kind):
        if kind in named:
            return kind  # type: ignore[no-any-return]
    status = fields.get("status")
    if is_count(status) and status in _KIND_OF_STATUS:
        return _KIND_OF_STATUS[status]
    if _ABOUT_THE_KEY.search(words):
        return "authentication_error"
    untyped = isinstance(fields.get("error"), str) and not named
    return "invalid_request_error" if untyped else "internal_server_error"


def json_object(message: str | bytes, kind: Kind = "invalid_request_error") -> dict[str, Any]:
    """The one thing a text message may be; anything else is a SessionFault of ``kind``."""
    if not isinstance(message, str):
        raise SessionFault("a binary message came where only text is allowed", kind)
    found: object = None
    with suppress(ValueError, RecursionError):  # left before the fault is raised: its context would hold the message
        found = json.loads(message)
    if not isinstance(found, dict):
        raise SessionFault("the message is not a JSON object, or nested too deeply", kind)
    return found


def dialect_of(fields: Mapping[str, Any]) -> Dialect:
    """What an opening message gives away: only newer clients name a version, a type or timestamps."""
    if fields.get("type") is not None or {VERSION_HEADER, "return_timestamps"} & fields.keys():
        return "typed"
    return "commands" if fields.get("protocol_version") in (2, "2") else "plain"


def opening_of(fields: Mapping[str, Any], dialect: Dialect) -> Opening:
    """The first message, whose options may have the names and types of any dialect."""
    if fields.get("type") not in (None, "init"):
        raise SessionFault("the first message must open the session: a key and a voice")
    voice = _string(fields, "voice", "")
    if not voice.strip():
        raise SessionFault("voice is required")
    form = _string(fields, "format", "mp3")
    if form not in FORMATS:
        raise SessionFault(f"format must be one of {', '.join(sorted(FORMATS))} in a session")
    language = _string(fields, "language", "auto")
    if language not in {"auto", *LANGUAGES}:
        raise SessionFault(f"language must be auto or one of {', '.join(sorted(LANGUAGES))}")
    flags = [_flag(fields, name) for name in ("return_timestamps", "return_extras", "send_extras")]
    return Opening(
        key=_string(fields, KEY_HEADER, ""),
        voice=voice,
        format=form,
        sample_rate=_rate(fields.get("sample_rate"), SPEECH_FORMATS[form].rate),
        language=language,
        timestamps=any(flags),
        dialect=dialect,
        version=_version(fields, dialect),
    )


def _version(fields: Mapping[str, Any], dialect: Dialect) -> tuple[int, int]:
    """As (major, minor). The first version was named by its date, before versions had numbers."""
    told = _string(fields, VERSION_HEADER, VERSION if dialect == "typed" else "1.0")
    found = re.fullmatch(r"([0-9]{1,3})\.([0-9]{1,3})", told)
    if found:
        return int(found[1]), int(found[2])
    if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", told):
        return 1, 0
    raise SessionFault(f"{VERSION_HEADER} must be a version, such as {VERSION}")


def _rate(told: object, otherwise: int) -> int:
    """The old SDKs send the rate as a string."""
    if told is None:
        return otherwise
    for rate in RATES:
        if told == str(rate) or (told == rate and isinstance(told, int | float)):
            return rate
    raise SessionFault(f"sample_rate must be one of {', '.join(map(str, RATES))}")


def _flag(fields: Mapping[str, Any], name: str) -> bool:
    """The old SDKs send a flag as Python's word for it."""
    told = fields.get(name)
    plain = told.lower() if isinstance(told, str) else told
    if plain is None or plain is False or plain == "false":
        return False
    if plain is True or plain == "true":
        return True
    raise SessionFault(f"{name} must be true or false")


def _string(fields: Mapping[str, Any], name: str, otherwise: str) -> str:
    told = fields.get(name)
    if told is None:
        return otherwise
    if not isinstance(told, str):
        raise SessionFault(f"{name} must be a string")
    return whole(told)


def event_of(fields: Mapping[str, Any]) -> Text | Flush | Reset | Finish:
    """Any later message, in the form of any dialect."""
    match _form(fields):
        case "text":
            if not isinstance(fields.get("text"), str):
                raise SessionFault("text must be a string")
            return Text(whole(fields["text"]))
        case "flush":
            return Flush(_nonce(fields))
        case "reset":
            return Reset(_nonce(fields))
        case "finish" | "eof":
            return Finish()
        case "init":
            raise SessionFault("the session is open already")
    raise SessionFault("the message is none of text, flush, reset and finish")


def _form(fields: Mapping[str, Any]) -> str:
    """Which message this is, by its type, its command or the one field it has; "" for none, or for several at once."""
    for name in ("type", "command"):
        told = fields.get(name)
        if told is not None:
            return told if isinstance(told, str) else ""
    forms = [name for name in ("flush", "eof") if fields.get(name) is True]
    forms += ["text"] if fields.get("text") is not None else []
    return forms[0] if len(forms) == 1 else ""


def _nonce(fields: Mapping[str, Any]) -> int | None:
    nonce = fields.get("nonce")
    if nonce is None or is_count(nonce):
        return nonce
    raise SessionFault("nonce must be an integer")


def is_count(number: object) -> TypeGuard[int]:
    """Whether ``number`` is an integer; true and false are none."""
    return isinstance(number, int) and not isinstance(number, bool)


def times_of(entries: object) -> tuple[Timed, ...]:
    """A server's timestamps; () when any of them makes no sense."""
    found: list[Timed] = []
    for entry in entries if isinstance(entries, list) else []:
        match entry:
            case {"text": str(text), "start": int() | float() as start, "duration": int() | float() as duration}:
                if 0 <= start <= _LONGEST_S and 0 <= duration <= _LONGEST_S:
                    found.append(Timed(whole(text), float(start), float(duration)))
                    continue
        return ()
    return tuple(found)


def whole(text: str) -> str:
    """``text`` with U+FFFD for halves of characters, which UTF-8 cannot hold."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def written(**fields: Any) -> str:
    """A message as it goes over the wire: JSON in ASCII."""
    return json.dumps(fields, allow_nan=False)
