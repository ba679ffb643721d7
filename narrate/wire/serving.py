"""The server's half of both HTTP surfaces as data: bodies in, orders out; voices, accounts and errors as JSON.

LMNT's Speech API 1.2 and OpenAI's speech endpoint ask for the same things by other names; an ``Order`` is what either
asked for. Where LMNT's documentation is silent this follows its reference's recommendations. Nothing opens a socket.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from narrate.settings import guess
from narrate.wire import openai, speech
from narrate.wire.failures import STATUS_OF_KIND
from narrate.wire.session_messages import Timed

Surface = Literal["lmnt", "openai"]

LMNT_VOICE = "/v1/ai/voice"
OPENAI_MODELS = "/v1/models"
MODELS = ("blizzard", "aurora")
LONGEST_BODY = 256 * 1024
"""Bytes of a speech request: 5,000 characters at twelve bytes each when all are escaped as pairs, and the rest."""
LONGEST_SAMPLE = 250 * 1024 * 1024
"""Bytes of a recording that a voice is made of (LMNT's own limit)."""
SAMPLE_TYPES = frozenset(("wav", "mp3", "mp4", "m4a", "webm"))

_OPENAI_KINDS = frozenset(openai.FORMATS)
_OPENAI_SPEEDS = (0.25, 4.0)
_LMNT_SPEEDS = (0.25, 2.0)
VOICE_TEXTS = {"name": 200, "description": 2000, "gender": 100}
"""Characters of what is said of a voice, at the most."""


class Fault(Exception):
    """A request that is not answered with what it asked for: one of LMNT's seven kinds, a sentence, a status.

    ``field`` is the request's field at fault, ``code`` OpenAI's name for the case, ``retry_after`` seconds.
    """

    def __init__(
        self,
        message: str,
        kind: str = "invalid_request_error",
        *,
        status: int = 0,
        field: str = "",
        code: str = "",
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message, self.kind, self.field, self.code = message, kind, field, code
        self.status = status or STATUS_OF_KIND[kind]
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class Order:
    """Speech that was asked for. ``kind`` is an encoding of ``narrate.audio.streams``, ``rate`` in Hz.

    ``streamed``: sent while it is made. ``language`` is a primary subtag or tag, "" where the text decides. ``speed``
    is a factor. ``settings`` are what only some engines know: temperature and top_p. ``events``: as server-sent
    events (OpenAI's ``stream_format``). ``durations`` are the timestamps by the name that LMNT's API 1.0 gave them, and
    ``seed`` is a field of that time: it is given back, and does nothing.
    """

    text: str
    voice: str
    kind: str
    rate: int
    streamed: bool
    content_type: str
    language: str = ""
    speed: float = 1.0
    settings: tuple[tuple[str, str], ...] = ()
    timestamps: bool = False
    durations: bool = False
    seed: int | None = None
    events: bool = False


# --- what is asked --------------------------------------------------------------------------------------------------


def lmnt_order(body: bytes) -> Order:
    """The order in the body of ``/v1/ai/speech`` and ``/v1/ai/speech/bytes``; Fault for what the API does not allow."""
    fields = json_body(body)
    text = _text(fields, "text", speech.MAX_CHARS)
    voice = _string(fields, "voice", required=True)
    name = _one_of(fields, "format", speech.FORMATS, "mp3")
    form = speech.FORMATS[name]
    rate = _rate(fields.get("sample_rate"), form.rate)
    _one_of(fields, "model", MODELS, "blizzard")
    _flag(fields, "debug")  # there is no library of clips here that it could be put into
    return Order(
        text=text,
        voice=voice,
        kind=name,
        rate=rate,
        streamed=form.streamed,
        content_type=form.content_type,
        language=speech.subtag(_one_of(fields, "language", {"auto", *speech.LANGUAGES}, "auto")),
        speed=_number(fields, "speed", *_LMNT_SPEEDS, 1.0),
        settings=_settings(fields),
        timestamps=_flag(fields, "return_timestamps"),
        durations=_flag(fields, "return_durations"),
        seed=_seed(fields.get("seed")),
    )


def openai_order(body: bytes, knows_model: Callable[[str], bool]) -> Order:
    """The order in the body of OpenAI's ``/v1/audio/speech``."""
    fields = json_body(body)
    model = _string(fields, "model", required=True)
    if not knows_model(model):
        raise Fault(
            f"The model {_short(model)} does not exist here; GET {OPENAI_MODELS} lists what does.",
            "not_found_error",
            field="model",
            code="model_not_found",
        )
    text = _text(fields, "input", openai.MAX_CHARS)
    voice = fields.get("voice")
    if isinstance(voice, Mapping):  # a custom voice: {"id": ...}
        fields = {**fields, "voice": voice.get("id")}
    name = _one_of(fields, "response_format", _OPENAI_KINDS, "mp3")
    _string(fields, "instructions")
    form = openai.FORMATS[name]
    return Order(
        text=text,
        voice=_string(fields, "voice", required=True),
        kind="pcm_s16le" if name == "pcm" else name,
        rate=24000,
        streamed=name not in ("wav", "flac"),  # the sizes in their headers are known only at the end
        content_type=form.content_type,
        speed=_number(fields, "speed", *_OPENAI_SPEEDS, 1.0),
        events=_one_of(fields, "stream_format", ("audio", "sse"), "audio") == "sse",
    )


def json_body(body: bytes) -> Mapping[str, Any]:
    """The JSON object of a request's body."""
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError):
        raise Fault("The body is not JSON.") from None
    if not isinstance(fields, dict):
        raise Fault("The body must be a JSON object.")
    return fields


def voice_changes(body: bytes) -> dict[str, Any]:
    """The fields of ``PUT /v1/ai/voice/{id}`` that are to change, checked."""
    fields = json_body(body)
    changes: dict[str, Any] = {}
    for name in ("name", "description", "gender"):
        if fields.get(name) is not None:
            changes[name] = voice_text(fields, name)
    if fields.get("starred") is not None:
        changes["starred"] = _flag(fields, "starred")
    if fields.get("tags") is not None:
        changes["tags"] = voice_tags(fields["tags"])
    return changes


def voice_text(fields: Mapping[str, Any], name: str) -> str:
    """A voice's name, description or gender; only the name must be there."""
    text = _string(fields, name, required=name == "name", longest=VOICE_TEXTS[name])
    if name == "name" and not text.strip():
        raise Fault("name is empty", field=name)
    return text


def voice_tags(tags: object) -> tuple[str, ...]:
    """At most 50 tags of 100 characters."""
    if not isinstance(tags, list | tuple) or not all(isinstance(tag, str) for tag in tags):
        raise Fault("tags must be a list of strings", field="tags")
    if len(tags) > 50 or any(len(tag) > 100 for tag in tags):
        raise Fault("there may be 50 tags of 100 characters each", field="tags")
    return tuple(map(_whole, tags))


def _text(fields: Mapping[str, Any], name: str, longest: int) -> str:
    text = _string(fields, name, required=True, longest=longest)
    if not text.strip():
        raise Fault(f"{name} is empty", field=name)
    return text


def _string(fields: Mapping[str, Any], name: str, *, required: bool = False, longest: int = 5000) -> str:
    value = fields.get(name)
    if value is None:
        if required:
            raise Fault(f"{name} is required", field=name)
        return ""
    if not isinstance(value, str):
        raise Fault(f"{name} must be a string", field=name)
    if required and not value:
        raise Fault(f"{name} is required", field=name)
    if len(value) > longest:
        raise Fault(f"{name} is longer than {longest:,} characters", field=name)
    return _whole(value)


def _whole(text: str) -> str:
    """Halves of characters, which no file can hold, become U+FFFD."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _one_of(fields: Mapping[str, Any], name: str, known: Collection[str], default: str) -> str:
    value = fields.get(name)
    if value is None:
        return default
    if not isinstance(value, str) or value not in known:
        hint = guess(value, known) if isinstance(value, str) else f"known are {', '.join(sorted(known))}"
        raise Fault(f"invalid {name} {_short(value)}; {hint}", field=name)
    return value


def _rate(value: object, default: int) -> int:
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int | float) or value not in speech.RATES:
        raise Fault(f"sample_rate must be one of {', '.join(map(str, speech.RATES))}", field="sample_rate")
    return int(value)  # to JSON 8000.0 is the same number as 8000


def _seed(value: object) -> int | None:
    if value is not None and (isinstance(value, bool) or not isinstance(value, int | float) or value != value // 1):
        raise Fault("seed must be a whole number", field="seed")
    return None if value is None else int(value)


def _number(fields: Mapping[str, Any], name: str, least: float, most: float, default: float) -> float:
    value = fields.get(name)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise Fault(f"{name} must be a number from {least:g} to {most:g}", field=name)
    return float(value)


def _flag(fields: Mapping[str, Any], name: str) -> bool:
    value = fields.get(name)
    if value is not None and not isinstance(value, bool):
        raise Fault(f"{name} must be true or false", field=name)
    return bool(value)


def _settings(fields: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    temperature = _number(fields, "temperature", 0.0, 5.0, math.nan)
    top_p = _number(fields, "top_p", 0.0, 1.0, math.nan)
    given = (("temperature", temperature), ("top_p", top_p))
    return tuple((name, f"{value:g}") for name, value in given if not math.isnan(value))


def _short(value: object) -> str:
    text = " ".join(str(value).split())
    return repr(text if len(text) <= 60 else f"{text[:59]}…")


# --- what is answered -----------------------------------------------------------------------------------------------


def error_body(fault: Fault, surface: Surface) -> bytes:
    """LMNT's envelope; OpenAI's has two fields more."""
    error: dict[str, Any] = {"type": fault.kind, "message": fault.message}
    if surface == "openai":
        error |= {"param": fault.field or None, "code": fault.code or None}
    return written({"error": error})


def written(message: object) -> bytes:
    """Compact JSON in UTF-8."""
    return json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def timestamps(entries: Collection[Timed]) -> list[dict[str, Any]]:
    """Times in seconds, as the detailed answer of the Speech API gives them."""
    return [
        {"text": entry.text, "start": round(entry.start, 6), "duration": round(entry.duration, 6)} for entry in entries
    ]


def account(plan: str, allowance: int | None, used: int, voices: int | None = None) -> dict[str, Any]:
    """LMNT's account. ``usage.characters`` is what was used: its own description changed (see ``speech.account``).

    ``voices``, of one's own, are told to clients of API 1.0, whose types ask for them.
    """
    message: dict[str, Any] = {
        "plan": {"type": plan, "character_limit": allowance, "commercial_use_allowed": True},
        "usage": {"characters": used},
    }
    if voices is not None:
        message["plan"] |= {"instant_voice_limit": None, "professional_voice_limit": 0}
        message["usage"] |= {"instant_voices": voices, "professional_voices": 0}
    return message


def models(names: Collection[str]) -> dict[str, Any]:
    """OpenAI's list of models."""
    return {"object": "list", "data": [model(name) for name in names]}


def model(name: str) -> dict[str, Any]:
    """One of OpenAI's models. They were all made on one day, since the list must not change by itself."""
    return {"id": name, "object": "model", "created": 1_767_225_600, "owned_by": "narrate"}
