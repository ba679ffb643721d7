"""ENGINE: any server that speaks ``POST /v1/audio/speech``: OpenAI, Kokoro-FastAPI, LocalAI, Speaches and others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from narrate.bounds import Deadlines
from narrate.engines import Price, Speech, Traits, VoiceInfo
from narrate.errors import EngineClosed, EngineRefused, EngineUnavailable
from narrate.http import DEADLINES, Client, key
from narrate.script import Chunk, Voice
from narrate.settings import number, one_of, settled, words
from narrate.wire import openai as wire
from narrate.wire.address import Address, address, allows_http
from narrate.wire.speech import body

NAME = "openai"
BASE_URL = f"https://{wire.HOST}"
VOICE = "alloy"
MODEL = "tts-1"
"""The one model name that OpenAI and most servers that follow it understand."""
FORMAT = "wav"

SECONDS_PER_CHARACTER = (0.03, 0.25)
"""Plausible per letter; measured voices lie between 0.05 and 0.1."""

SECONDS_PER_CHARACTER_WAITED = 0.02
"""Added to the wait for the first byte: many local servers send nothing until everything is spoken."""

TRAITS = Traits(name=NAME, max_chars=wire.MAX_CHARS, seconds_per_character=SECONDS_PER_CHARACTER)

_SETTINGS = {
    "model": words(200),
    "format": one_of(*wire.FORMATS),
    "sample_rate": one_of("8000", "11025", "12000", "16000", "22050", "24000", "32000", "44100", "48000"),
    "speed": number(0.25, 4),
    "instructions": words(4096),
}


class OpenAI:
    """An Engine. It has no field for a language: the server hears it from the text, or the voice implies it."""

    def __init__(self, client: Client, *, price: Price | None = None, list_price: Price | None = None) -> None:
        self._client = client
        self.traits = replace(TRAITS, price=price, list_price=list_price or price)

    def speak(self, chunk: Chunk) -> Speech:
        """One request, never repeated here.

        The rate of the answer is the server's choice: 0, no promise, unless the voice has a ``sample_rate`` or the
        format is headerless PCM (24 kHz).
        """
        text, voice = chunk.text, chunk.voice
        if len(text) > wire.MAX_CHARS:
            raise EngineRefused(f"openai: a text may have {wire.MAX_CHARS} characters at most", engine=NAME, sent=False)
        form = wire.FORMATS[voice.setting("format", FORMAT)]
        answer = self._client.post(
            wire.SPEECH,
            body(_fields(text, voice)),
            {"Content-Type": "application/json", "Accept": form.content_type},
            first_byte_s=self._client.deadlines.first_byte + SECONDS_PER_CHARACTER_WAITED * len(text),
        )
        self._client.check(answer)
        rate = int(voice.setting("sample_rate") or form.rate)
        return Speech(answer.body, form.answered, rate, request_id=self._client.request_id(answer))


def _fields(text: str, voice: Voice) -> dict[str, Any]:
    speed = voice.setting("speed")
    return {
        "model": voice.model or MODEL,
        "input": text,
        "voice": voice.name,
        "response_format": voice.setting("format", FORMAT),
        "speed": float(speed) if speed else None,
        "instructions": voice.setting("instructions") or None,
    }


def engine(
    env: Mapping[str, str], *, model: str = MODEL, connections: int = 8, deadlines: Deadlines = DEADLINES
) -> tuple[OpenAI, Client]:
    """The engine and the client to close, from OPENAI_API_KEY, OPENAI_BASE_URL and NARRATE_ALLOW_HTTP.

    ``model`` decides the price, which only OpenAI's own service is known to ask.
    """
    where = _address(env)
    amount = wire.PRICES.get(model)
    listed = None if amount is None else Price(amount)
    client = _client(env, where, connections=connections, deadlines=deadlines)
    return OpenAI(client, price=None if _foreign(where) else listed, list_price=listed), client


def voice(name: str, language: str, settings: Mapping[str, str], env: Mapping[str, str]) -> Voice:
    """The voice ``name`` ("" is alloy). Settings: model, format, sample_rate (expected), speed, instructions.

    ``language`` is not part of a request, so it is not part of the voice either.
    """
    given = settled(NAME, settings, _SETTINGS)
    model = given.pop("model", MODEL)
    given.setdefault("format", FORMAT)
    where = _address(env)
    if _foreign(where):
        given["server"] = where.server
    return Voice(NAME, model, name or VOICE, "", tuple(sorted(given.items())))


def voices(env: Mapping[str, str]) -> tuple[VoiceInfo, ...]:
    """The server's voices where it lists them, else the names that OpenAI documents."""
    where = _address(env)
    known = tuple(VoiceInfo(name, "", "OpenAI's") for name in wire.KNOWN_VOICES)
    if not _foreign(where):
        return known
    client = _client(env, where, connections=1, deadlines=DEADLINES)
    try:
        answer = client.get(wire.VOICES, {"Accept": "application/json"})
        if answer.status in (404, 405):
            return known
        client.check(answer)
        listed = wire.voice_list(answer.body)
        return tuple(VoiceInfo(client.cut_out(each.id), "", client.cut_out(each.description)) for each in listed)
    except (ValueError, RecursionError) as error:
        raise EngineUnavailable(f"openai: {error}", engine=NAME) from None
    finally:
        client.close()


def _address(env: Mapping[str, str]) -> Address:
    """OPENAI_BASE_URL, which is customarily given with its /v1."""
    where = address(env, "OPENAI_BASE_URL", BASE_URL)
    return replace(where, url=where.url.removesuffix("/v1"))


def _foreign(where: Address) -> bool:
    return where.host != wire.HOST


def _client(env: Mapping[str, str], where: Address, *, connections: int, deadlines: Deadlines) -> Client:
    secret = key(env, "OPENAI_API_KEY", NAME)
    if not secret and not _foreign(where):
        raise EngineClosed(
            "openai: there is no key; put it into OPENAI_API_KEY, or into a file named in OPENAI_API_KEY_FILE",
            engine=NAME,
            sent=False,
        )
    return Client(
        where,
        engine=NAME,
        headers={"Authorization": f"Bearer {secret}"} if secret else {},
        secrets=(secret,) if secret else (),
        connections=connections,
        deadlines=deadlines,
        allow_http=allows_http(env),
    )
