"""OpenAI's surface, by its official SDK, unmodified, and by plain requests where the SDK hides what matters."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import openai
import pytest

from narrate.server.voices import ALIASES
from narrate.wire import openai as wire
from tests.server.servers import Served, decoded, key_file, serving

TEXT = "Hello there, all of you."
KINDS: tuple[Any, ...] = tuple(wire.FORMATS)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    keys = key_file(tmp_path_factory.mktemp("keys"), reader="one", poor="two characters=30")
    with serving(keys=keys) as served:
        yield served


@pytest.fixture(scope="module")
def client(server: Served) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(api_key="one", base_url=f"{server.url}/v1", max_retries=0) as sdk:
        yield sdk


@pytest.fixture(scope="module")
def plain(server: Served) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, headers={"authorization": "Bearer one"}, trust_env=False) as http:
        yield http


def asked(text: str = TEXT, **changes: Any) -> dict[str, Any]:
    return {"model": "tts-1", "voice": "alloy", "input": text, **changes}


def said(client: openai.OpenAI, text: str = TEXT, **changes: Any) -> bytes:
    return client.audio.speech.create(**asked(text, **changes)).content


# --- speech ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_every_format_decodes(client: openai.OpenAI, kind: Any) -> None:
    samples, rate = decoded(said(client, response_format=kind), kind, 24000)
    assert rate == (48000 if kind == "opus" else 24000)
    assert len(samples) / rate == pytest.approx(0.24, abs=0.15)
    assert np.abs(samples.astype(int)).max() > 4000


@pytest.mark.parametrize("kind", KINDS)
def test_a_stream_is_the_same_bytes(client: openai.OpenAI, kind: Any, tmp_path: Path) -> None:
    text = "One sentence. And another. " * 20
    with client.audio.speech.with_streaming_response.create(**asked(text, response_format=kind)) as response:
        pieces = list(response.iter_bytes())
        assert response.headers["content-type"] == wire.FORMATS[kind].content_type
        assert ("content-length" in response.headers) == (kind in ("wav", "flac"))
    assert b"".join(pieces) == said(client, text, response_format=kind)
    client.audio.speech.create(**asked(text, response_format=kind)).write_to_file(tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == b"".join(pieces)


@pytest.mark.parametrize("kind", KINDS)
def test_events_carry_the_same_bytes(plain: httpx.Client, kind: Any) -> None:
    fields = asked(response_format=kind)
    response = plain.post(wire.SPEECH, json={**fields, "stream_format": "sse"})
    assert response.headers["content-type"].startswith("text/event-stream")
    *deltas, done = [json.loads(event.removeprefix("data: ")) for event in response.text.strip().split("\n\n")]
    assert {event["type"] for event in deltas} == {"speech.audio.delta"}
    audio = b"".join(base64.b64decode(event["audio"]) for event in deltas)
    assert audio == plain.post(wire.SPEECH, json={**fields, "stream_format": "audio"}).content
    used = {"input_tokens": len(TEXT), "output_tokens": 0, "total_tokens": len(TEXT)}
    assert done == {"type": "speech.audio.done", "usage": used}


def test_the_sdk_reads_events(client: openai.OpenAI) -> None:
    with client.audio.speech.with_streaming_response.create(**asked(stream_format="sse")) as response:
        lines = [line for line in response.iter_lines() if line]
    assert lines[-1].startswith('data: {"type":"speech.audio.done"')


@pytest.mark.parametrize("speed", [0.25, 0.5, 1, 1.5, 4])
def test_speed_changes_the_length(client: openai.OpenAI, speed: float) -> None:
    text = TEXT * 10
    usual = len(said(client, text, response_format="pcm"))
    assert len(said(client, text, response_format="pcm", speed=speed)) == pytest.approx(usual / speed, rel=0.05)


@pytest.mark.parametrize("voice", sorted({*wire.KNOWN_VOICES, "marin", "cedar"}))
def test_openais_voices_are_there(client: openai.OpenAI, voice: Any) -> None:
    assert voice in ALIASES
    assert said(client, "Hi.", voice=voice)


def test_a_voice_may_be_named_by_an_object(client: openai.OpenAI, plain: httpx.Client) -> None:
    assert plain.post(wire.SPEECH, json=asked(voice={"id": "high"})).content == said(client, voice="high")


@pytest.mark.parametrize(
    "model", ["tts-1", "tts-1-hd", "gpt-4o-mini-tts", "gpt-4o-mini-tts-2025-12-15", "tone", "narrate"]
)
def test_all_models_are_the_one_there_is(client: openai.OpenAI, model: str) -> None:
    assert said(client, model=model, instructions="Gently.") == said(client)
    assert client.models.retrieve(model).id == model


def test_models_are_listed(client: openai.OpenAI) -> None:
    listed = list(client.models.list())
    assert [model.id for model in listed] == ["tts-1", "tts-1-hd", "gpt-4o-mini-tts", "tone", "narrate"]
    assert {(model.object, model.owned_by) for model in listed} == {("model", "narrate")}


def test_voices_are_listed(plain: httpx.Client) -> None:
    assert {"alloy", "leah", "mid"} <= set(plain.get(wire.VOICES).json()["voices"])


def test_the_address_may_come_from_the_environment(server: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", f"{server.url}/v1/")
    monkeypatch.setenv("OPENAI_API_KEY", "one")
    with openai.OpenAI(max_retries=0) as sdk:
        assert said(sdk)


async def spoken_asynchronously(server: Served) -> bytes:
    async with openai.AsyncOpenAI(api_key="one", base_url=f"{server.url}/v1", max_retries=0) as sdk:
        return (await sdk.audio.speech.create(**asked())).content


def test_the_asynchronous_client(server: Served, client: openai.OpenAI) -> None:
    import asyncio

    assert asyncio.run(spoken_asynchronously(server)) == said(client)


# --- refusals -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "kind", "param", "code"),
    [
        ({"voice": "nobody"}, openai.BadRequestError, "voice", None),
        ({"voice": ""}, openai.BadRequestError, "voice", None),
        ({"model": "whisper-1"}, openai.NotFoundError, "model", "model_not_found"),
        ({"model": "gpt-4o-mini-ttsx"}, openai.NotFoundError, "model", "model_not_found"),
        ({"input": "a" * 4097}, openai.BadRequestError, "input", None),
        ({"input": ""}, openai.BadRequestError, "input", None),
        ({"input": "..."}, openai.BadRequestError, None, None),
        ({"response_format": "webm"}, openai.BadRequestError, "response_format", None),
        ({"speed": 4.5}, openai.BadRequestError, "speed", None),
        ({"stream_format": "x"}, openai.BadRequestError, "stream_format", None),
    ],
)
def test_refusals_become_their_classes(
    client: openai.OpenAI, changes: dict[str, Any], kind: type[openai.APIStatusError], param: Any, code: Any
) -> None:
    with pytest.raises(openai.APIStatusError) as caught:
        client.audio.speech.create(**asked(**changes))
    error = caught.value
    assert type(error) is kind
    assert (error.param, error.code) == (param, code)
    assert error.response.headers["request-id"].startswith("req_")


def test_a_text_of_the_longest_length(client: openai.OpenAI) -> None:
    assert said(client, "e" * 4096)
    assert said(client, "𝒳" * 4096)


@pytest.mark.parametrize("key", ["wrong", "sk-proj-abc"])
def test_a_wrong_key(client: openai.OpenAI, key: str) -> None:
    other = client.with_options(api_key=key)
    for call in (lambda: said(other), other.models.list, lambda: other.models.retrieve("tts-1")):
        with pytest.raises(openai.AuthenticationError) as caught:
            call()
        assert caught.value.code == "invalid_api_key"
        assert key not in str(caught.value)


def test_an_unknown_model_is_not_found(client: openai.OpenAI) -> None:
    for name in ("whisper-1", "Zoë", "gpt-4o-mini-ttsx"):
        with pytest.raises(openai.NotFoundError) as caught:
            client.models.retrieve(name)
        assert caught.value.code == "model_not_found"


def test_other_endpoints_are_not_found(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError):
        client.audio.transcriptions.create(model="whisper-1", file=("a.wav", b"RIFF"))
    with pytest.raises(openai.NotFoundError):
        client.chat.completions.create(model="gpt-4o", messages=[])


def test_a_spent_allowance_is_not_asked_for_again(server: Served, client: openai.OpenAI) -> None:
    """OpenAI counts money among the rates: 429, which its SDK would try again if it were not told otherwise."""
    before = len(server.lines)
    with pytest.raises(openai.RateLimitError) as caught:
        said(client.with_options(api_key="two", max_retries=2), TEXT * 2)
    assert caught.value.code == "insufficient_quota"
    assert len(server.lines) <= before + 1
    assert said(client.with_options(api_key="two"))  # what was refused was not charged


def test_errors_wear_openais_envelope_everywhere_below_its_addresses(plain: httpx.Client) -> None:
    for response in (
        plain.get("/v1/models/nothing"),
        plain.get("/v1/audio/nothing"),
        plain.get(wire.SPEECH),
        plain.post(wire.SPEECH, content=b"no JSON"),
        plain.get(wire.VOICES, headers={"authorization": "Bearer wrong"}),
    ):
        assert response.status_code >= 400
        assert set(response.json()["error"]) == {"type", "message", "param", "code"}
