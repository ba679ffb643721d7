"""LMNT's Speech API 1.2 as data: the request's body, the detailed answer, the voice list, the formats.

Nothing here opens a socket. Absent fields are left out of a body and never sent as null.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeGuard

from narrate.audiobook import Word

SPEECH = "/v1/ai/speech"
SPEECH_BYTES = "/v1/ai/speech/bytes"
VOICES = "/v1/ai/voice/list"
ACCOUNT = "/v1/account"

VERSION = "1.2"
VERSION_HEADER = "lmnt-version"
KEY_HEADER = "X-API-Key"

MAX_CHARS = 5000
"""Per request, blanks included. Whether code points, UTF-16 units or bytes is not documented: stay below in all."""

_SUBTAGS = "ar as bn cs da de en es fi fr hi id it ja ko ml mr nl pl pt ru sk sv ta te th tr uk ur vi zh"
LANGUAGES = frozenset(_SUBTAGS.split())
RATES = (8000, 16000, 24000)

_LONGEST_S = 86_400
"""Seconds; times beyond a day make no sense (and neither do those that are no numbers)."""

SYSTEM_VOICES = ("leah", "brandon", "elowen")
"""The ids that the service's own examples use."""

Answered = Literal["pcm_s16le", "wav", "mp3", "aac", "webm", "ulaw"]


@dataclass(frozen=True, slots=True)
class Format:
    """A value of ``format``: what arrives (``answered``), at which rate if none is asked for, and how.

    ``streamed``: sent while it is being made. The others wait until all of it exists, so their first byte is late.
    ``float32``: 32-bit float samples, which become ``answered`` on arrival.
    """

    answered: Answered
    content_type: str
    rate: int = 24000
    streamed: bool = True
    float32: bool = False


FORMATS: dict[str, Format] = {
    "wav": Format("wav", "audio/wav", streamed=False),
    "mp3": Format("mp3", "audio/mpeg"),
    "pcm_s16le": Format("pcm_s16le", "application/octet-stream"),
    "pcm_f32le": Format("pcm_s16le", "application/octet-stream", float32=True),
    "ulaw": Format("ulaw", "audio/wav", rate=8000),
    "webm": Format("webm", "audio/webm"),
    "aac": Format("aac", "audio/aac", streamed=False),
}


def body(fields: Mapping[str, Any]) -> bytes:
    """The request as it goes over the wire: compact JSON in UTF-8, without the fields that are None.

    Lone surrogates, which UTF-8 cannot hold, become U+FFFD.
    """
    given = {name: value for name, value in fields.items() if value is not None}
    text = json.dumps(given, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()


def detailed(answer: bytes) -> tuple[bytes, tuple[Word, ...]]:
    """The audio and the words' times of an answer of ``/v1/ai/speech``; ValueError says what is wrong with it.

    Entries for blanks, punctuation and silence are no words and are left out. Times that make no sense cost the
    times, not the speech. ``durations`` is the name API 1.0 gave to ``timestamps``.
    """
    try:
        message = json.loads(answer)
    except (ValueError, RecursionError) as error:
        raise ValueError("the answer is not JSON") from error
    encoded = message.get("audio") if isinstance(message, dict) else None
    if not encoded or not isinstance(encoded, str):
        raise ValueError("the answer holds no audio")
    try:
        audio = base64.b64decode("".join(encoded.split()), validate=True)
    except binascii.Error as error:
        raise ValueError("the audio in the answer is not base64") from error
    return audio, words(message.get("timestamps") or message.get("durations"))


def words(entries: object) -> tuple[Word, ...]:
    """Timestamps (seconds) as words (milliseconds); () when any entry is not as documented or runs backwards."""
    found: list[Word] = []
    for entry in entries if isinstance(entries, list) else []:
        match entry:
            case {"text": str(text), "start": int() | float() as start, "duration": int() | float() as duration}:
                pass
            case _:
                return ()
        if not (0 <= start <= _LONGEST_S and 0 <= duration <= _LONGEST_S):
            return ()
        if not any(map(str.isalnum, text)):
            continue
        word = Word(text.strip(), round(start * 1000), round((start + duration) * 1000))
        if found and word.start_ms < found[-1].start_ms:
            return ()
        found.append(word)
    return tuple(found)


def account(answer: bytes) -> tuple[str, int, int | None]:
    """The plan's name, the characters used in this period and those it includes (None: no end); ValueError when the
    answer is something else.

    LMNT's own description of ``usage.characters`` changed from used to remaining without a new version of the API;
    here it is taken as used. Whoever acts on it must ask whether it can be.
    """
    try:
        message = json.loads(answer)
    except RecursionError as error:
        raise ValueError("the account is nested too deeply") from error
    match message:
        case {"plan": {"type": str(plan), **limits}, "usage": {"characters": used}}:
            limit: Any = limits.get("character_limit")
            if _counts(used) and (limit is None or _counts(limit)):
                return plan, int(used), None if limit is None else int(limit)
    raise ValueError("the account is not as documented")


def _counts(number: object) -> TypeGuard[int | float]:
    return isinstance(number, int | float) and not isinstance(number, bool) and 0 <= number <= 1e15


@dataclass(frozen=True, slots=True)
class Listed:
    """A voice of the voice list."""

    id: str
    description: str


def voice_list(answer: bytes) -> tuple[Listed, ...]:
    """The voices that can speak now, of a bare JSON array; ValueError when it is something else."""
    message = json.loads(answer)
    if not isinstance(message, list):
        raise ValueError("the voice list is not a list")  # noqa: TRY004 - the answer is wrong, not a type
    return tuple(
        Listed(item["id"], described(item))
        for item in message
        if isinstance(item, dict) and isinstance(item.get("id"), str) and item.get("state", "ready") == "ready"
    )


def described(item: Mapping[str, Any]) -> str:
    """What a voice list says of one voice, on one line."""
    said = (item.get("name"), item.get("gender"), item.get("description"))
    return ", ".join(" ".join(text.split()) for text in said if isinstance(text, str) and text.strip())


def subtag(language: str) -> str:
    """The primary subtag of a BCP 47 tag, as the service wants it: zh-CN is zh; "" for none, und and auto."""
    primary = language.replace("_", "-").partition("-")[0].strip().lower()
    return "" if primary in ("und", "auto", "mul", "zxx") else primary
