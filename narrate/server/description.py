"""What the server answers over HTTP, as an OpenAPI 3.1 document: for clients, and for those who test it."""

from __future__ import annotations

from typing import Any

from narrate import __version__
from narrate.wire import openai, serving, speech
from narrate.wire.failures import STATUS_OF_KIND
from narrate.wire.session import PATH as SESSIONS

_ERRORS = {
    "400": "wrong in itself", "401": "no key, or a wrong one", "402": "the allowance is spent",
    "403": "not yours, or from a page that may not", "404": "not found", "408": "the body came too slowly",
    "413": "too large", "429": "too many at once", "500": "the server failed", "503": "not now",
}  # fmt: skip
_REQUEST_ID = {"request-id": {"required": True, "schema": {"type": "string", "pattern": "^req_[0-9a-f]{32}$"}}}
_TAGS = {"type": "array", "items": {"type": "string", "maxLength": 100}, "maxItems": 50}


def description(engine: str, *, keys: bool = False) -> dict[str, Any]:
    """The document; ``engine`` is the one that speaks. ``keys``: one is needed."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "narrate",
            "version": __version__,
            "description": f"LMNT's Speech API {speech.VERSION} and OpenAI's speech endpoint, spoken by {engine}. "
            f"Speech Sessions (WebSocket) are at {SESSIONS}.",
        },
        "paths": {**_lmnt(), **_openai(), **_own()},
        "components": {
            "securitySchemes": {
                "lmnt": {"type": "apiKey", "in": "header", "name": speech.KEY_HEADER},
                "openai": {"type": "http", "scheme": "bearer"},
            },
            "schemas": _schemas(),
        },
        "security": [*([] if keys else [{}]), {"lmnt": []}, {"openai": []}],
    }


def _lmnt() -> dict[str, Any]:
    voice, named = _ref("Voice"), [{"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}]
    listed = [
        _query("owner", {"enum": ["system", "me", "all"], "default": "all"}),
        _query("starred", {"enum": ["true", "false"]}),
    ]
    sound: dict[str, Any] = {form.content_type: {} for form in speech.FORMATS.values()}
    create = {
        "type": "object",
        "required": ["file", "name"],
        "properties": {
            "file": {"type": "string", "format": "binary", "description": ", ".join(sorted(serving.SAMPLE_TYPES))},
            **_voice_texts("string"),
            "tags": _TAGS,
        },
    }
    changed = {"type": "object", "properties": {"voice": voice}, "required": ["voice"]}
    done = {"type": "object", "properties": {"success": {"type": "boolean"}}, "required": ["success"]}
    return {
        speech.SPEECH_BYTES: {"post": _call("Speech as audio", sound, body=_ref("LmntSpeech"))},
        speech.SPEECH: {"post": _call("Speech with times", _json(_ref("Detailed")), body=_ref("LmntSpeech"))},
        speech.VOICES: {
            "get": _call("All voices", _json({"type": "array", "items": voice}), parameters=listed),
        },
        serving.LMNT_VOICE: {
            "post": _call("Define a voice", _json(voice), body=create, media="multipart/form-data"),
        },
        f"{serving.LMNT_VOICE}/{{id}}": {
            "get": _call("One voice", _json(voice), parameters=named),
            "put": _call("Change a voice", _json(changed), parameters=named, body=_ref("VoiceChanges")),
            "delete": _call("Forget a voice", _json(done), parameters=named),
        },
        speech.ACCOUNT: {"get": _call("What this key has used", _json(_ref("Account")))},
    }


def _openai() -> dict[str, Any]:
    sound: dict[str, Any] = {form.content_type: {} for form in openai.FORMATS.values()} | {"text/event-stream": {}}
    names = _object(["voices"], voices={"type": "array", "items": {"type": "string"}})
    listed = _object(["object", "data"], object={"const": "list"}, data={"type": "array", "items": _ref("Model")})
    named = [{"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}]
    return {
        openai.SPEECH: {"post": _call("Speech as audio", sound, body=_ref("OpenAiSpeech"))},
        openai.VOICES: {"get": _call("The names of all voices", _json(names))},
        serving.OPENAI_MODELS: {"get": _call("All models", _json(listed))},
        f"{serving.OPENAI_MODELS}/{{id}}": {"get": _call("One model", _json(_ref("Model")), parameters=named)},
    }


def _own() -> dict[str, Any]:
    health = _object(["status", "engine"], status={"const": "ok"}, engine={"type": "string"})
    to_all: dict[str, Any] = {"security": []}
    return {
        "/healthz": {"get": _call("Whether requests are taken", _json(health)) | to_all},
        "/metrics": {"get": _call("For Prometheus", {"text/plain": {}})},
        "/openapi.json": {"get": _call("This document", _json({"type": "object"})) | to_all},
    }


def _call(
    summary: str,
    content: dict[str, Any],
    *,
    body: dict[str, Any] | None = None,
    media: str = "application/json",
    parameters: list[dict[str, Any]] | None = None,
) -> dict[str, Any]:
    answers: dict[str, Any] = {"200": {"description": "done", "content": content}}
    answers |= {status: {"description": told, "content": _json(_ref("Error"))} for status, told in _ERRORS.items()}
    answers = {status: {**answer, "headers": _REQUEST_ID} for status, answer in answers.items()}
    call: dict[str, Any] = {"summary": summary, "responses": answers}
    if body:
        call["requestBody"] = {"required": True, "content": {media: {"schema": body}}}
    if parameters:
        call["parameters"] = parameters
    return call


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


def _ref(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}"}


def _query(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "query", "schema": {"type": "string", **schema}}


def _text(longest: int) -> dict[str, Any]:
    # one that holds nothing that can be read is refused as well, which no pattern tells
    return {"type": "string", "minLength": 1, "maxLength": longest, "pattern": r"\S"}


def _number(least: float, most: float) -> dict[str, Any]:
    return {"type": ["number", "null"], "minimum": least, "maximum": most}


def _choice(names: object, default: str) -> dict[str, Any]:
    return {"enum": [*names, None], "default": default}  # type: ignore[misc]


def _voice_texts(kind: object) -> dict[str, Any]:
    """A voice's name, description and gender as they are sent; ``kind`` is their type."""
    longest = {name: {"type": kind, "maxLength": most} for name, most in serving.VOICE_TEXTS.items()}
    return longest | {"name": {**longest["name"], "minLength": 1, "pattern": r"\S"}}


def _object(required: list[str], **properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "required": required, "properties": properties}


def _schemas() -> dict[str, Any]:
    text, number = {"type": "string"}, {"type": "number", "minimum": 0}
    maybe = {"type": ["string", "null"]}
    flag = {"type": ["boolean", "null"]}
    times = {
        "type": "array",
        "items": _object(["text", "start", "duration"], text=text, start=number, duration=number),
    }
    error = _object(["type", "message"], type={"enum": list(STATUS_OF_KIND)}, message=text, param=maybe, code=maybe)
    whole = {"type": ["integer", "null"], "minimum": 0}
    plan = _object(
        ["type", "character_limit", "commercial_use_allowed"],
        type=text,
        character_limit=whole,
        commercial_use_allowed={"type": "boolean"},
    )
    usage = _object(["characters"], characters={"type": "integer", "minimum": 0})
    voice = {"type": "string", "minLength": 1, "maxLength": 5000, "examples": ["leah"]}
    return {
        "LmntSpeech": _object(
            ["text", "voice"],
            text=_text(speech.MAX_CHARS),
            voice=voice,
            format=_choice(speech.FORMATS, "mp3"),
            sample_rate={"enum": [*speech.RATES, None]},
            language=_choice(["auto", *sorted(speech.LANGUAGES)], "auto"),
            model=_choice(serving.MODELS, "blizzard"),
            temperature=_number(0, 5),
            top_p=_number(0, 1),
            speed=_number(0.25, 2),
            debug=flag,
            return_timestamps=flag,
            return_durations=flag,
            seed={"type": ["integer", "null"]},
        ),
        "OpenAiSpeech": _object(
            ["model", "input", "voice"],
            model={"type": "string", "minLength": 1, "maxLength": 5000, "examples": ["tts-1"]},
            input=_text(openai.MAX_CHARS),
            voice={"anyOf": [voice, _object(["id"], id=voice)]},
            response_format=_choice(openai.FORMATS, "mp3"),
            speed=_number(0.25, 4),
            instructions={"type": ["string", "null"], "maxLength": 5000},
            stream_format=_choice(("audio", "sse"), "audio"),
        ),
        "VoiceChanges": _object(
            [], **_voice_texts(["string", "null"]), starred=flag, tags={**_TAGS, "type": ["array", "null"]}
        ),
        "Voice": _object(
            ["id", "name", "owner", "state"],
            id=text,
            name=text,
            owner={"enum": ["system", "me", "other"]},
            state={"enum": ["ready"]},
            type=text,
            description=maybe,
            gender=maybe,
            starred={"type": "boolean"},
            tags=_TAGS,
            preview_url=maybe,
        ),
        "Detailed": _object(["audio"], audio=text, timestamps=times, durations=times, seed={"type": "integer"}),
        "Account": _object(["plan", "usage"], plan=plan, usage=usage),
        "Model": _object(
            ["id", "object", "created", "owned_by"],
            id=text,
            object={"const": "model"},
            created={"type": "integer"},
            owned_by=text,
        ),
        "Error": _object(["error"], error=error),
    }
