"""OpenAI's speech endpoint, as its SDKs and the many clients of its like ask for it."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from narrate.delivery import Part
from narrate.server.answers import body_of, deliver, json_answer, premises
from narrate.server.keys import QUOTA
from narrate.wire import openai, serving
from narrate.wire.serving import Fault, Order

MODELS = ("tts-1", "tts-1-hd", "gpt-4o-mini-tts")
"""OpenAI's own names. All are the one engine that this server has."""


def _known(request: Request) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*MODELS, premises(request).engine, "narrate")))


def _knows(request: Request, name: str) -> bool:
    return name in _known(request) or name.startswith(f"{MODELS[-1]}-")  # OpenAI's dated ones


async def create_speech(request: Request) -> Response:
    """Audio, sent while it is made; or the same as server-sent events."""
    key = premises(request).who(request)
    order = serving.openai_order(await body_of(request), lambda name: _knows(request, name))
    try:
        return await deliver(request, key, order, (_events if order.events else None))
    except Fault as fault:
        raise _as_openai(fault) from None


def _as_openai(fault: Fault) -> Fault:
    """The statuses that differ: a voice is no address here but a field, and OpenAI counts money among the rates."""
    if fault.field == "voice":
        return Fault(fault.message, status=400, field="voice")
    if fault.code == QUOTA:
        return Fault(fault.message, fault.kind, status=429, code=QUOTA)
    return fault


async def _events(order: Order, parts: AsyncIterator[Part]) -> AsyncIterator[bytes]:
    """``stream_format: "sse"``. Tokens are no measure here: characters stand in for them."""
    async for audio, _ in parts:
        if audio:
            yield _event({"type": "speech.audio.delta", "audio": base64.b64encode(audio).decode()})
    used = {"input_tokens": len(order.text), "output_tokens": 0, "total_tokens": len(order.text)}
    yield _event({"type": "speech.audio.done", "usage": used})


def _event(message: object) -> bytes:
    return b"data: " + serving.written(message) + b"\n\n"


async def list_models(request: Request) -> Response:
    premises(request).who(request)
    return json_answer(serving.models(_known(request)))


async def retrieve_model(request: Request) -> Response:
    premises(request).who(request)
    name = request.path_params["id"]
    if not _knows(request, name):
        raise Fault(f"The model {name[:60]!r} does not exist here.", "not_found_error", code="model_not_found")
    return json_answer(serving.model(name))


async def list_voices(request: Request) -> Response:
    """Not OpenAI's own, but of several servers that follow it, narrate's client among their users."""
    premises(request).who(request)
    return json_answer({"voices": list(premises(request).voices.names())})


ROUTES = [
    Route(openai.SPEECH, create_speech, methods=["POST"]),
    Route(openai.VOICES, list_voices, methods=["GET"]),
    Route(serving.OPENAI_MODELS, list_models, methods=["GET"]),
    Route(f"{serving.OPENAI_MODELS}/{{id}}", retrieve_model, methods=["GET"]),
]
