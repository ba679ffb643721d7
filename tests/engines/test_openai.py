from __future__ import annotations

from collections.abc import Iterator

import pytest

from narrate.engines import Price, openai
from narrate.engines.openai import OpenAI
from narrate.engines.retrying import Retrying
from narrate.engines.verified import Verified
from narrate.errors import EngineClosed, EngineError, EngineRefused, EngineUnavailable, JobError
from narrate.http import Client
from narrate.script import Voice
from tests.engines.peers import TEXT, Time, chunk, openai_env, patient
from tests.speech_server import (
    CUT,
    DROP,
    EMPTY,
    HTML,
    JSON,
    KEY,
    SILENT,
    Reply,
    SpeechServer,
    error,
    throttled,
)
from tests.speech_sound import tone, wav
from tests.suites.engine_suite import EngineSuite, sound


@pytest.fixture
def server() -> Iterator[SpeechServer]:
    with SpeechServer() as server:
        yield server


@pytest.fixture
def client(server: SpeechServer) -> Iterator[Client]:
    _, client = openai.engine(openai_env(server))
    yield client
    client.close()


def alloy(server: SpeechServer, **settings: str) -> Voice:
    return openai.voice("", "en", settings, openai_env(server))


class TestOpenAI(EngineSuite):
    @pytest.fixture
    def engine(self, client: Client) -> OpenAI:
        return OpenAI(client)

    @pytest.fixture
    def voice(self, server: SpeechServer) -> Voice:
        return alloy(server)


class TestWrappedOpenAI(TestOpenAI):
    @pytest.fixture
    def engine(self, client: Client) -> Retrying:
        return Retrying(Verified(OpenAI(client)))


@pytest.mark.parametrize("suffix", ["", "/", "/v1", "/v1/"])
def test_a_request_with_the_address_given_either_way(server: SpeechServer, suffix: str) -> None:
    engine, client = openai.engine(openai_env(server) | {"OPENAI_BASE_URL": server.url + suffix})
    engine.speak(chunk(alloy(server, model="kokoro", speed="1.50", instructions="softly"), "Hé."))
    request = server.requests[0]
    assert request.path == "/v1/audio/speech"
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert request.body.decode() == (
        '{"model":"kokoro","input":"Hé.","voice":"alloy","response_format":"wav","speed":1.5,"instructions":"softly"}'
    )
    client.close()


def test_what_is_not_given_is_not_sent(server: SpeechServer, client: Client) -> None:
    OpenAI(client).speak(chunk(alloy(server)))
    assert list(server.requests[0].fields) == ["model", "input", "voice", "response_format"]


@pytest.mark.parametrize("name", openai.wire.FORMATS)
def test_every_format_decodes(server: SpeechServer, client: Client, name: str) -> None:
    samples, rate = sound(Verified(OpenAI(client)).speak(chunk(alloy(server, format=name))))
    assert rate == (48000 if name == "opus" else 24000)
    assert len(samples) / rate == pytest.approx(len(TEXT) * 0.06, abs=0.1)


@pytest.mark.parametrize("size", [0xFFFFFFFF, 0])
def test_streamed_wav_has_no_length(size: int) -> None:
    pcm = tone(48_000, 80, 8000)
    with SpeechServer([Reply(body=wav(pcm, 24000, size), chunked=True)]) as server:
        engine, client = openai.engine(openai_env(server))
        assert Verified(engine).speak(chunk(alloy(server))).audio == pcm
        client.close()


def test_the_rate_is_the_servers_choice_unless_one_is_expected() -> None:
    piper = Reply(body=wav(tone(44_100, 70, 8000), 22050))
    with SpeechServer([piper, piper, piper]) as server:
        engine, client = openai.engine(openai_env(server))
        verified = Verified(engine)
        assert verified.speak(chunk(alloy(server))).rate == 22050
        assert verified.speak(chunk(alloy(server, sample_rate="22050"))).rate == 22050
        with pytest.raises(EngineUnavailable, match="22050 Hz where 24000 Hz"):
            verified.speak(chunk(alloy(server, sample_rate="24000")))
        client.close()


def test_a_local_server_needs_no_key_and_gets_none() -> None:
    with SpeechServer(key=None) as server:
        engine, client = openai.engine({"OPENAI_BASE_URL": server.url})
        assert engine.speak(chunk(alloy(server))).audio
        assert "authorization" not in server.requests[0].headers
        client.close()


def test_openai_itself_needs_one() -> None:
    with pytest.raises(EngineClosed) as caught:
        openai.engine({})
    assert str(caught.value) == (
        "openai: there is no key; put it into OPENAI_API_KEY, or into a file named in OPENAI_API_KEY_FILE"
    )


@pytest.mark.parametrize(("model", "price"), [("tts-1", Price(15.0)), ("tts-1-hd", Price(30.0)), ("of-tomorrow", None)])
def test_prices_are_openais_own(model: str, price: Price | None, server: SpeechServer) -> None:
    for env, expected in (({"OPENAI_API_KEY": KEY}, price), (openai_env(server), None)):
        engine, client = openai.engine(env, model=model)
        assert (engine.traits.price, engine.traits.list_price) == (expected, price)
        client.close()


def test_a_voice_holds_all_that_changes_the_sound() -> None:
    speaker = openai.voice("af_heart", "en-GB", {"speed": "1.0"}, {"OPENAI_BASE_URL": "http://localhost:8880/v1"})
    settings = (("format", "wav"), ("server", "localhost"), ("speed", "1"))
    assert speaker == Voice("openai", "tts-1", "af_heart", "", settings)
    assert openai.voice("", "en", {}, {}) == Voice("openai", "tts-1", "alloy", "", (("format", "wav"),))
    with pytest.raises(JobError, match="unknown setting 'sped'; did you mean 'speed'"):
        openai.voice("", "en", {"sped": "1"}, {})


def test_voices_come_from_the_server_or_are_the_known_ones(server: SpeechServer) -> None:
    assert [info.name for info in openai.voices(openai_env(server))] == ["alloy", "nova", "af_heart"]
    assert "shimmer" in [info.name for info in openai.voices({})]
    with SpeechServer([error(404, "not_found_error", "no")]) as other:
        assert openai.voices(openai_env(other)) == openai.voices({})
    with SpeechServer([HTML]) as other, pytest.raises(EngineUnavailable):
        openai.voices(openai_env(other))


@pytest.mark.parametrize(
    "reply",
    [throttled(2), error(500, "x", "y"), DROP, CUT, HTML, JSON, EMPTY, SILENT, Reply(cut=9000, chunked=True)],
)
def test_what_may_heal_heals(reply: Reply) -> None:
    with SpeechServer([reply, reply]) as server:
        engine, client = openai.engine(openai_env(server))
        assert patient(Verified(engine), Time()).speak(chunk(alloy(server))).audio
        assert [*server.counts.values()] == [3]
        client.close()


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (error(401, "invalid_request_error", "Incorrect API key provided"), EngineClosed),
        (error(429, "insufficient_quota", "You exceeded your current quota"), EngineClosed),
        (error(400, "invalid_request_error", "Voice 'x' not found"), EngineClosed),
        (error(400, "invalid_request_error", "input is bad"), EngineRefused),
    ],
)
def test_what_is_for_good_is_asked_for_once(reply: Reply, kind: type[EngineError]) -> None:
    with SpeechServer([reply]) as server:
        engine, client = openai.engine(openai_env(server))
        with pytest.raises(kind) as caught:
            patient(Verified(engine), Time()).speak(chunk(alloy(server)))
        assert len(server.requests) == 1
        assert KEY not in str(caught.value)
        client.close()
