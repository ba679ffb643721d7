from __future__ import annotations

import json
import logging
import traceback
from collections.abc import Iterator
from email.utils import formatdate

import pytest

from narrate.audiobook import Word
from narrate.bounds import Deadlines
from narrate.engines import Account, Price, VoiceInfo, lmnt
from narrate.engines.lmnt import Lmnt
from narrate.engines.retrying import Retrying
from narrate.engines.verified import Verified
from narrate.errors import EngineClosed, EngineError, EngineRefused, EngineUnavailable, JobError
from narrate.http import Client
from narrate.script import Voice
from tests.engines.peers import TEXT, Time, chunk, lmnt_env, patient
from tests.speech_server import (
    CUT,
    DROP,
    EMPTY,
    HALF,
    HANG,
    HTML,
    JSON,
    KEY,
    SILENT,
    TWICE,
    WRONG_RATE,
    Reply,
    SpeechServer,
    error,
    throttled,
)
from tests.suites.engine_suite import EngineSuite, sound

LONG = " ".join([TEXT] * 3)  # long enough that a tenth of its sound is too little


@pytest.fixture
def server() -> Iterator[SpeechServer]:
    with SpeechServer() as server:
        yield server


@pytest.fixture
def client(server: SpeechServer) -> Iterator[Client]:
    _, client = lmnt.engine(lmnt_env(server))
    yield client
    client.close()


def leah(server: SpeechServer, language: str = "en", **settings: str) -> Voice:
    return lmnt.voice("", language, settings, lmnt_env(server))


class TestLmnt(EngineSuite):
    @pytest.fixture
    def engine(self, client: Client) -> Lmnt:
        return Lmnt(client)

    @pytest.fixture
    def voice(self, server: SpeechServer) -> Voice:
        return leah(server)


class TestLmntWithTimings(TestLmnt):
    @pytest.fixture
    def engine(self, client: Client) -> Lmnt:
        return Lmnt(client, timings=True)


class TestWrappedLmnt(TestLmnt):
    @pytest.fixture
    def engine(self, client: Client) -> Retrying:
        return Retrying(Verified(Lmnt(client)))


# --- what goes over the wire --------------------------------------------------------------------------------------


def test_a_request_is_as_the_reference_has_it(server: SpeechServer, client: Client) -> None:
    speaker = leah(server, "de-AT", sample_rate="16000", temperature="0.7", top_p="0.80")
    speech = Lmnt(client).speak(chunk(speaker, "Grüße, „Welt“."))
    request = server.requests[0]
    assert request.path == "/v1/ai/speech/bytes"
    assert request.body.decode() == (
        '{"text":"Grüße, „Welt“.","voice":"leah","format":"wav","sample_rate":16000,'
        '"language":"de","model":"blizzard","temperature":0.7,"top_p":0.8}'
    )
    expected = {
        "x-api-key": KEY,
        "lmnt-version": "1.2",
        "content-type": "application/json",
        "accept": "application/octet-stream",
        "accept-encoding": "identity",
    }
    assert expected.items() <= request.headers.items()
    assert (speech.format, speech.rate) == ("wav", 16000)
    assert speech.request_id == f"req_{request.number:016x}"


def test_timings_come_from_the_detailed_endpoint(server: SpeechServer, client: Client) -> None:
    speech = Lmnt(client, timings=True).speak(chunk(leah(server), "Hello, world."))
    request = server.requests[0]
    assert request.path == "/v1/ai/speech"
    assert request.fields["return_timestamps"] is True
    assert request.headers["accept"] == "application/json"
    assert speech.words == (Word("Hello", 0, 300), Word("world", 420, 720))


@pytest.mark.parametrize("name", lmnt.wire.FORMATS)
def test_every_format_decodes(server: SpeechServer, client: Client, name: str) -> None:
    speech = Verified(Lmnt(client)).speak(chunk(leah(server, format=name)))
    samples, rate = sound(speech)
    assert rate == {"ulaw": 8000, "webm": 48000}.get(name, 24000)
    assert len(samples) / rate == pytest.approx(len(TEXT) * 0.06, abs=0.1)


def test_float_samples_that_are_cut_off_may_heal() -> None:
    with SpeechServer([Reply(body=bytes(4003), chunked=True)]) as server:
        engine, client = lmnt.engine(lmnt_env(server))
        with pytest.raises(EngineUnavailable, match="lmnt: the 32-bit samples are cut off after 4003 bytes"):
            engine.speak(chunk(leah(server, format="pcm_f32le")))
        client.close()


def test_a_prefix_in_the_address_is_kept(server: SpeechServer) -> None:
    env = lmnt_env(server) | {"LMNT_BASE_URL": f"{server.url}/proxy/"}
    engine, client = lmnt.engine(env)
    with pytest.raises(EngineClosed):
        engine.speak(chunk(leah(server)))
    assert server.requests[0].path == "/proxy/v1/ai/speech/bytes"
    client.close()


def test_the_limit_holds_in_bytes_too(server: SpeechServer, client: Client) -> None:
    with pytest.raises(EngineRefused, match="5000 bytes") as caught:
        Lmnt(client).speak(chunk(leah(server), "ü" * 2501))
    assert caught.value.sent is False
    assert server.requests == []
    traits = Lmnt(client).traits
    assert (traits.max_chars, traits.max_bytes) == (5000, 5000)


# --- the voice ----------------------------------------------------------------------------------------------------


def test_a_voice_holds_all_that_changes_the_sound_and_no_key() -> None:
    env = {"LMNT_API_KEY": KEY}
    speaker = lmnt.voice("brandon", "zh-CN", {"temperature": "1.0"}, env)
    settings = (("format", "wav"), ("sample_rate", "24000"), ("temperature", "1"))
    assert speaker == Voice("lmnt", "blizzard", "brandon", "zh", settings)
    assert lmnt.voice("", "", {"format": "ulaw", "model": "aurora"}, env) == Voice(
        "lmnt", "aurora", "leah", "", (("format", "ulaw"), ("sample_rate", "8000"))
    )


def test_a_local_server_is_the_same_voice_after_a_restart() -> None:
    here = [lmnt.voice("", "en", {}, {"LMNT_BASE_URL": f"http://{host}"}) for host in ("localhost:1", "127.0.0.1:2")]
    assert here[0] == here[1]
    assert here[0].setting("server") == "localhost"
    there = lmnt.voice("", "en", {}, {"LMNT_BASE_URL": "https://tts.example:8443"})
    assert there.setting("server") == "tts.example:8443"
    assert lmnt.voice("", "en", {}, {}).setting("server", "none") == "none"


@pytest.mark.parametrize(
    ("language", "settings", "sentence"),
    [
        ("en", {"temprature": "1"}, "unknown setting 'temprature'; did you mean 'temperature'"),
        ("en", {"format": "raw"}, "setting 'format' must be one of wav, mp3"),
        ("en", {"sample_rate": "44100"}, "setting 'sample_rate' must be one of 8000, 16000, 24000"),
        ("en", {"top_p": "2"}, "setting 'top_p' must be a number from 0 to 1"),
        ("en", {"server": "x"}, "unknown setting 'server'"),
        ("la", {}, "lmnt: does not speak 'la'"),
    ],
)
def test_what_a_voice_cannot_be(language: str, settings: dict[str, str], sentence: str) -> None:
    with pytest.raises(JobError, match=sentence):
        lmnt.voice("leah", language, settings, {})


def test_a_missing_key_is_said_in_one_sentence() -> None:
    with pytest.raises(EngineClosed) as caught:
        lmnt.engine({})
    assert caught.value.sent is False
    assert str(caught.value) == (
        "lmnt: there is no key; put it into LMNT_API_KEY, or into a file named in LMNT_API_KEY_FILE"
    )


def test_the_price_is_known_for_the_service_itself_only(server: SpeechServer) -> None:
    for env, price in (({"LMNT_API_KEY": KEY}, Price(50.0)), (lmnt_env(server), None)):
        engine, client = lmnt.engine(env)
        assert engine.traits.price == price
        client.close()


def test_the_list_price_is_known_anywhere(server: SpeechServer, client: Client) -> None:
    engine, other = lmnt.engine(lmnt_env(server))
    assert (engine.traits.price, engine.traits.list_price) == (None, Price(50.0))
    other.close()


def test_the_account_is_read_once(server: SpeechServer, client: Client) -> None:
    assert Lmnt(client).account() == Account("indie", 538, 200_000)
    assert [(request.method, request.path) for request in server.requests] == [("GET", "/v1/account")]
    server.state.account = {"plan": {"type": "enterprise", "character_limit": None}, "usage": {"characters": 7}}
    assert Lmnt(client).account() == Account("enterprise", 7, None)


@pytest.mark.parametrize(
    "reply",
    [
        error(404, "not_found_error", "no such address"),
        error(405, "x", "no"),
        error(429, "rate_limit_error", "later", retry_after="600"),
        error(402, "payment_required_error", "spent"),
        error(500, "x", "oops"),
        error(200, "authentication_error", "odd"),
        Reply(302, (("Location", "http://127.0.0.1:1/"),)),
        DROP,
        HTML,
        JSON,
        EMPTY,
        Reply(body=b"[" * 50_000),
        Reply(body=b'{"plan": {"type": "indie", "character_limit": "many"}, "usage": {"characters": 5}}'),
        Reply(body=b'{"plan": {"type": "indie", "character_limit": 5}, "usage": {"characters": -5}}'),
        Reply(body=b'{"plan": {"type": "indie", "character_limit": 5}, "usage": {"characters": Infinity}}'),
        Reply(body=b'{"plan": "indie", "usage": 5}'),
    ],
)
def test_an_account_that_is_not_told_stops_nothing(reply: Reply) -> None:
    with SpeechServer([reply]) as server:
        engine, client = lmnt.engine(lmnt_env(server))
        assert engine.account() is None
        assert len(server.requests) == 1
        client.close()


def test_an_account_that_does_not_come_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lmnt, "ACCOUNT_WITHIN_S", 0.1)
    with SpeechServer([HANG, Reply(drip=0.02)]) as server:
        engine, client = lmnt.engine(lmnt_env(server))
        assert engine.account() is None
        assert engine.account() is None
        client.close()


def test_a_key_that_nobody_knows_is_told_before_anything_is_spoken() -> None:
    answers = [error(401, "authentication_error", "no such key"), error(403, "permission_error", "not for you")]
    with SpeechServer(answers) as server:
        engine, client = lmnt.engine(lmnt_env(server))
        with pytest.raises(EngineClosed, match="no such key"):
            engine.account()
        assert engine.account() is None  # it may be allowed to speak
        client.close()


def test_voices_come_from_the_account_or_are_the_well_known_ones(server: SpeechServer) -> None:
    assert lmnt.voices(lmnt_env(server)) == (
        VoiceInfo("leah", "", "Leah, female"),
        VoiceInfo("brandon", "", "Brandon, female"),
        VoiceInfo("elowen", "", "Elowen, female"),
    )
    assert [info.name for info in lmnt.voices({})] == ["leah", "brandon", "elowen"]


@pytest.mark.parametrize(("reply", "kind"), [(HTML, EngineUnavailable), (error(401, "x", "no"), EngineClosed)])
def test_a_voice_list_that_does_not_come(reply: Reply, kind: type[EngineError]) -> None:
    with SpeechServer([reply]) as server, pytest.raises(kind):
        lmnt.voices(lmnt_env(server))


# --- what goes wrong, through all the wrappers ----------------------------------------------------------------------


def spoken(server: SpeechServer, time: Time, *, timings: bool = False, first_byte: float = 60, **more: str) -> bytes:
    engine, client = lmnt.engine(lmnt_env(server), timings=timings, deadlines=Deadlines(first_byte=first_byte))
    try:
        return patient(Verified(engine), time).speak(chunk(leah(server, **more), LONG)).audio
    finally:
        client.close()


@pytest.mark.parametrize(
    "reply",
    [
        error(500, "internal_server_error", "oops"),
        error(502, "internal_server_error", "oops"),
        error(503, "internal_server_error", "oops"),
        error(408, "x", "slow"),
        error(409, "x", "conflict"),
        error(425, "x", "early"),
        error(400, "ThrottlingException", "Rate exceeded"),
        error(200, "internal_server_error", "oops"),
        error(418, "x", "y", x_should_retry="true"),
        throttled(1),
        DROP,
        CUT,
        Reply(cut=0),
        Reply(chunked=True, cut=5000),
        HTML,
        JSON,
        EMPTY,
        Reply(status=204),
        SILENT,
        WRONG_RATE,
        HALF,
        TWICE,
    ],
)
@pytest.mark.parametrize("timings", [False, True])
def test_what_may_heal_is_asked_for_again_and_heals(reply: Reply, timings: bool) -> None:
    with SpeechServer() as calm:
        undisturbed = spoken(calm, Time(), timings=timings)
    with SpeechServer([reply, reply]) as server:
        assert spoken(server, Time(), timings=timings) == undisturbed
        assert [*server.counts.values()] == [3]


def test_a_hanging_server_is_left_and_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lmnt, "SECONDS_PER_CHARACTER_WAITED", 0)
    with SpeechServer([HANG]) as server:
        assert spoken(server, Time(), first_byte=0.2)
        assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("reply", "kind", "words"),
    [
        (error(401, "authentication_error", "Invalid API key."), EngineClosed, "Invalid API key"),
        (error(402, "payment_required_error", "quota spent"), EngineClosed, "quota spent"),
        (error(403, "permission_error", "not for you"), EngineClosed, "not for you"),
        (error(404, "not_found_error", "voice not found"), EngineClosed, "voice not found"),
        (error(429, "insufficient_quota", "buy more"), EngineClosed, "buy more"),
        (error(400, "invalid_request_error", "text holds a forbidden word"), EngineRefused, "forbidden word"),
        (error(413, "invalid_request_error", "too large"), EngineRefused, "too large"),
        (error(422, "invalid_request_error", "no"), EngineRefused, "no"),
        (error(500, "x", "y", x_should_retry="false"), EngineRefused, "y"),
    ],
)
def test_what_is_for_good_is_asked_for_once(reply: Reply, kind: type[EngineError], words: str) -> None:
    with SpeechServer([reply]) as server:
        with pytest.raises(kind, match=words) as caught:
            spoken(server, Time())
        assert len(server.requests) == 1
    assert type(caught.value) is kind
    assert caught.value.engine == "lmnt"


@pytest.mark.parametrize(
    ("name", "value", "seconds"),
    [
        ("retry-after", "7", 7.0),
        ("retry-after", "0.8", 0.8),
        ("retry-after-ms", "1500", 1.5),
        ("retry-after", formatdate(2_000_000_000, usegmt=True), 40.0),
    ],
)
def test_the_wait_that_the_server_asks_for_is_kept(name: str, value: str, seconds: float) -> None:
    headers = ((name, value), ("Date", formatdate(1_999_999_960, usegmt=True)))
    time = Time()
    with SpeechServer([Reply(429, headers, b"{}")]) as server:
        spoken(server, time)
    assert time.slept[0] == seconds + 0.25


def test_a_bad_key_is_said_and_not_shown(server: SpeechServer) -> None:
    wrong = "wrong-key-8c1f"
    engine, client = lmnt.engine(lmnt_env(server) | {"LMNT_API_KEY": wrong})
    with pytest.raises(EngineClosed, match=r"answered 401 \(authentication_error\): Invalid API key") as caught:
        Verified(engine).speak(chunk(leah(server)))
    assert wrong not in "".join(traceback.format_exception(caught.value))
    client.close()


def test_an_unknown_voice_is_said(server: SpeechServer, client: Client) -> None:
    nobody = lmnt.voice("nobody", "en", {}, lmnt_env(server))
    with pytest.raises(EngineClosed, match="voice 'nobody' not found"):
        Lmnt(client).speak(chunk(nobody))


@pytest.mark.parametrize(
    "reply",
    [
        error(401, "authentication_error", f"key {KEY} is not known"),
        error(400, "invalid_request_error", f"text of {KEY} is bad"),
        error(500, "internal_server_error", f"Traceback: X-API-Key={KEY[:14]}"),
        Reply(502, (), f"<html><title>{KEY}</title>".encode()),
        DROP,
        CUT,
        HTML,
    ],
)
def test_no_key_in_any_message_log_or_representation(reply: Reply, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with SpeechServer(lambda request, seen: reply) as server:
        engine, client = lmnt.engine(lmnt_env(server))
        wrapped = patient(Verified(engine), Time(), attempts=2)
        with pytest.raises(EngineError) as caught:
            wrapped.speak(chunk(leah(server)))
        client.close()
    shown = [
        *traceback.format_exception(caught.value),
        caplog.text,
        repr(caught.value.__dict__),
        *map(repr, (engine, client, wrapped, leah(server), vars(engine))),
    ]
    assert not any(KEY[:8] in text for text in shown)
    assert json.dumps(leah(server).settings).find(KEY) == -1
