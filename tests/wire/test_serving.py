"""Bodies in, orders out: what the server's half of the wire takes, what it refuses and in which words."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from narrate.wire import openai, serving, speech
from narrate.wire.serving import Fault, Order
from narrate.wire.session_messages import Timed

HELLO = {"text": "Hello.", "voice": "leah"}
HEY = {"model": "tts-1", "input": "Hello.", "voice": "alloy"}


def lmnt(**changes: Any) -> Order:
    return serving.lmnt_order(json.dumps({**HELLO, **changes}).encode())


def openai_(**changes: Any) -> Order:
    return serving.openai_order(json.dumps({**HEY, **changes}).encode(), {"tts-1", "narrate"}.__contains__)


# --- LMNT -----------------------------------------------------------------------------------------------------------


def test_lmnt_defaults() -> None:
    assert lmnt() == Order("Hello.", "leah", "mp3", 24000, True, "audio/mpeg")
    nulls = dict.fromkeys(["format", "sample_rate", "language", "model", "temperature", "top_p", "speed", "debug"])
    assert lmnt(**nulls, return_timestamps=None, return_durations=None, seed=None) == lmnt()


@pytest.mark.parametrize(("name", "form"), speech.FORMATS.items())
def test_lmnt_formats(name: str, form: speech.Format) -> None:
    order = lmnt(format=name)
    assert (order.kind, order.rate) == (name, 8000 if name == "ulaw" else 24000)
    assert order.streamed == (name not in ("wav", "aac"))
    assert order.content_type == form.content_type
    assert [lmnt(format=name, sample_rate=rate).rate for rate in speech.RATES] == [8000, 16000, 24000]


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"language": "de"}, {"language": "de"}),
        ({"language": "auto"}, {"language": ""}),
        ({"model": "aurora"}, {}),
        ({"speed": 0.5}, {"speed": 0.5}),
        ({"speed": 2}, {"speed": 2.0}),
        ({"sample_rate": 8000.0}, {"rate": 8000}),
        ({"temperature": 0}, {"settings": (("temperature", "0"),)}),
        ({"top_p": 1, "temperature": 0.3}, {"settings": (("temperature", "0.3"), ("top_p", "1"))}),
        ({"return_timestamps": True}, {"timestamps": True}),
        ({"return_durations": True, "seed": 7}, {"durations": True, "seed": 7}),
        ({"seed": -1.0}, {"seed": -1}),
        ({"debug": True, "top_k": 4, "conversational": "x", "anything": [1]}, {}),
        ({"text": "a" * 5000}, {"text": "a" * 5000}),
        ({"text": "𝒳" * 5000}, {"text": "𝒳" * 5000}),
        ({"text": "a\ud800b"}, {"text": "a\ufffdb"}),
        ({"text": "\ud83d\ude00"}, {"text": "😀"}),
        ({"voice": "Zoë 🎙"}, {"voice": "Zoë 🎙"}),
    ],
)
def test_what_lmnt_takes(changes: dict[str, Any], found: dict[str, Any]) -> None:
    order = lmnt(**changes)
    expected = lmnt() if not found else order
    assert order == expected
    assert {name: getattr(order, name) for name in found} == found


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"text": None}, "text", "text is required"),
        ({"text": ""}, "text", "text is required"),
        ({"text": " \n\t "}, "text", "text is empty"),
        ({"text": 5}, "text", "text must be a string"),
        ({"text": ["a"]}, "text", "text must be a string"),
        ({"text": "a" * 5001}, "text", "text is longer than 5,000 characters"),
        ({"text": "𝒳" * 5001}, "text", "text is longer than 5,000 characters"),
        ({"voice": None}, "voice", "voice is required"),
        ({"voice": ""}, "voice", "voice is required"),
        ({"voice": {}}, "voice", "voice must be a string"),
        ({"format": "opus"}, "format", "invalid format 'opus'; known are"),
        ({"format": "mp33"}, "format", "did you mean 'mp3'?"),
        ({"format": ["mp3"]}, "format", "invalid format"),
        ({"sample_rate": 44100}, "sample_rate", "sample_rate must be one of 8000, 16000, 24000"),
        ({"sample_rate": "8000"}, "sample_rate", "sample_rate must be one of"),
        ({"sample_rate": True}, "sample_rate", "sample_rate must be one of"),
        ({"language": "xx"}, "language", "invalid language 'xx'"),
        ({"model": "tts-1"}, "model", "invalid model 'tts-1'; known are aurora, blizzard"),
        ({"temperature": -0.1}, "temperature", "temperature must be a number from 0 to 5"),
        ({"temperature": float("nan")}, "temperature", "temperature must be a number"),
        ({"temperature": "1"}, "temperature", "temperature must be a number"),
        ({"top_p": 1.01}, "top_p", "top_p must be a number from 0 to 1"),
        ({"top_p": True}, "top_p", "top_p must be a number from 0 to 1"),
        ({"speed": 0.2}, "speed", "speed must be a number from 0.25 to 2"),
        ({"speed": float("inf")}, "speed", "speed must be a number"),
        ({"speed": 10**400}, "speed", "speed must be a number"),
        ({"debug": "yes"}, "debug", "debug must be true or false"),
        ({"return_timestamps": 1}, "return_timestamps", "return_timestamps must be true or false"),
        ({"return_durations": "true"}, "return_durations", "return_durations must be true or false"),
        ({"seed": 0.5}, "seed", "seed must be a whole number"),
        ({"seed": "7"}, "seed", "seed must be a whole number"),
        ({"seed": float("inf")}, "seed", "seed must be a whole number"),
    ],
)
def test_what_lmnt_refuses(changes: dict[str, Any], field: str, words: str) -> None:
    with pytest.raises(Fault) as caught:
        lmnt(**changes)
    fault = caught.value
    assert (fault.status, fault.kind, fault.field) == (400, "invalid_request_error", field)
    assert words in fault.message


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "The body is not JSON."),
        (b"{", "The body is not JSON."),
        (b"\xff\xfe\x00", "The body is not JSON."),
        (b'{"text": "\xff"}', "The body is not JSON."),
        (b"[" * 200_000, "The body is not JSON."),
        (b"1" * 5000, "The body is not JSON."),
        (b"text=Hello&voice=leah", "The body is not JSON."),
        (b"[]", "The body must be a JSON object."),
        (b'"text"', "The body must be a JSON object."),
        (b"null", "The body must be a JSON object."),
    ],
)
def test_a_body_that_is_no_object(body: bytes, words: str) -> None:
    for read in (serving.lmnt_order, serving.voice_changes, lambda body: serving.openai_order(body, bool)):
        with pytest.raises(Fault, match=words):
            read(body)


# --- OpenAI ---------------------------------------------------------------------------------------------------------


def test_openai_defaults() -> None:
    assert openai_() == Order("Hello.", "alloy", "mp3", 24000, True, "audio/mpeg")
    nulls = dict.fromkeys(["response_format", "speed", "instructions", "stream_format"])
    assert openai_(**nulls) == openai_()


@pytest.mark.parametrize("name", openai.FORMATS)
def test_openai_formats(name: str) -> None:
    order = openai_(response_format=name)
    assert (order.kind, order.rate) == ("pcm_s16le" if name == "pcm" else name, 24000)
    assert order.content_type == openai.FORMATS[name].content_type
    assert order.streamed == (name not in ("wav", "flac"))


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"speed": 0.25}, {"speed": 0.25}),
        ({"speed": 4}, {"speed": 4.0}),
        ({"voice": {"id": "mine"}}, {"voice": "mine"}),
        ({"instructions": "Gently.", "model": "narrate"}, {}),
        ({"stream_format": "audio"}, {"events": False}),
        ({"stream_format": "sse"}, {"events": True}),
        ({"input": "𝒳" * 4096}, {"text": "𝒳" * 4096}),
    ],
)
def test_what_openai_takes(changes: dict[str, Any], found: dict[str, Any]) -> None:
    order = openai_(**changes)
    assert {name: getattr(order, name) for name in found} == found
    assert found or order == openai_()


@pytest.mark.parametrize(
    ("changes", "field", "words", "status"),
    [
        ({"input": ""}, "input", "input is required", 400),
        ({"input": "a" * 4097}, "input", "input is longer than 4,096 characters", 400),
        ({"voice": None}, "voice", "voice is required", 400),
        ({"voice": {"id": 5}}, "voice", "voice must be a string", 400),
        ({"voice": {}}, "voice", "voice is required", 400),
        ({"model": None}, "model", "model is required", 400),
        ({"model": 5}, "model", "model must be a string", 400),
        ({"model": "whisper-1"}, "model", "The model 'whisper-1' does not exist here", 404),
        ({"model": "x" * 4000}, "model", "does not exist here", 404),
        ({"response_format": "webm"}, "response_format", "invalid response_format 'webm'", 400),
        ({"speed": 0.2}, "speed", "speed must be a number from 0.25 to 4", 400),
        ({"speed": 4.1}, "speed", "speed must be a number from 0.25 to 4", 400),
        ({"instructions": ["x"]}, "instructions", "instructions must be a string", 400),
        ({"stream_format": "text"}, "stream_format", "invalid stream_format 'text'", 400),
    ],
)
def test_what_openai_refuses(changes: dict[str, Any], field: str, words: str, status: int) -> None:
    with pytest.raises(Fault) as caught:
        openai_(**changes)
    fault = caught.value
    assert (fault.status, fault.field) == (status, field)
    assert words in fault.message
    assert len(fault.message) < 300


# --- voices ---------------------------------------------------------------------------------------------------------


def changes(**fields: Any) -> dict[str, Any]:
    return serving.voice_changes(json.dumps(fields).encode())


def test_only_what_is_given_changes() -> None:
    assert changes() == changes(name=None, starred=None, tags=None, id="x", owner="me") == {}
    given_: dict[str, Any] = {"name": "Zoë", "description": "", "gender": "", "starred": False}
    assert changes(**given_, tags=[]) == {**given_, "tags": ()}
    assert changes(tags=["a", "\ud800"]) == {"tags": ("a", "\ufffd")}


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"name": ""}, "name is required"),
        ({"name": "  "}, "name is empty"),
        ({"name": "x" * 201}, "name is longer than 200 characters"),
        ({"name": 5}, "name must be a string"),
        ({"description": "x" * 2001}, "description is longer than 2,000 characters"),
        ({"gender": "x" * 101}, "gender is longer than 100 characters"),
        ({"starred": "true"}, "starred must be true or false"),
        ({"tags": "a"}, "tags must be a list of strings"),
        ({"tags": ["a", 1]}, "tags must be a list of strings"),
        ({"tags": {"a": 1}}, "tags must be a list of strings"),
        ({"tags": ["a"] * 51}, "there may be 50 tags of 100 characters each"),
        ({"tags": ["a" * 101]}, "there may be 50 tags of 100 characters each"),
    ],
)
def test_what_a_voice_cannot_be(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(Fault, match=words):
        changes(**fields)


# --- whatever comes -------------------------------------------------------------------------------------------------

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
LIKELY = st.sampled_from(["Hello.", "leah", "mp3", "tts-1", 24000, 1, True, "de", "auto", 0.5, ["a"], "sse"])
NAMES = [
    "text",
    "voice",
    "format",
    "sample_rate",
    "language",
    "model",
    "temperature",
    "top_p",
    "speed",
    "debug",
    "return_timestamps",
    "return_durations",
    "seed",
    "input",
    "response_format",
    "instructions",
    "stream_format",
    "name",
    "description",
    "gender",
    "starred",
    "tags",
]
FIELDS = st.dictionaries(st.sampled_from(NAMES), VALUES | LIKELY)


@given(FIELDS | VALUES)
def test_whatever_is_asked_is_an_order_or_a_fault(message: Any) -> None:
    body = json.dumps(message).encode()
    for read in (serving.lmnt_order, serving.voice_changes, lambda body: serving.openai_order(body, bool)):
        try:
            found = read(body)
        except Fault as fault:
            assert fault.status in (400, 404)
            assert json.loads(serving.error_body(fault, "openai"))["error"]["message"]
            continue
        if isinstance(found, Order):
            assert found.text.strip()
            assert found.text.encode()
            assert 0.25 <= found.speed <= 4
            assert found.rate in speech.RATES


@given(st.binary(max_size=60))
def test_whatever_bytes_come_are_an_order_or_a_fault(body: bytes) -> None:
    for read in (serving.lmnt_order, serving.voice_changes):
        try:
            read(body)
        except Fault as fault:
            assert fault.status == 400


# --- what is answered -----------------------------------------------------------------------------------------------


def test_errors_in_both_envelopes() -> None:
    fault = Fault("voice is required", field="voice", code="c")
    assert serving.error_body(fault, "lmnt") == (
        b'{"error":{"type":"invalid_request_error","message":"voice is required"}}'
    )
    assert json.loads(serving.error_body(fault, "openai"))["error"] == {
        "type": "invalid_request_error",
        "message": "voice is required",
        "param": "voice",
        "code": "c",
    }
    assert serving.error_body(Fault("half \ud800 a sign"), "lmnt").decode()


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("invalid_request_error", 400),
        ("authentication_error", 401),
        ("payment_required_error", 402),
        ("permission_error", 403),
        ("not_found_error", 404),
        ("rate_limit_error", 429),
        ("internal_server_error", 500),
    ],
)
def test_each_kind_has_its_status(kind: str, status: int) -> None:
    assert Fault("no", kind).status == status
    assert Fault("no", kind, status=418).status == 418


def test_times_are_seconds() -> None:
    entry = Timed("Hello", 1 / 3, 0.1)
    assert serving.timestamps([entry]) == [{"text": "Hello", "start": 0.333333, "duration": 0.1}]


def test_the_account_can_be_read_back() -> None:
    assert speech.account(serving.written(serving.account("local", 5000, 12))) == ("local", 12, 5000)
    assert speech.account(serving.written(serving.account("local", None, 0))) == ("local", 0, None)
    old = serving.account("local", None, 3, voices=2)
    assert old["usage"] == {"characters": 3, "instant_voices": 2, "professional_voices": 0}


def test_models_are_as_openai_lists_them() -> None:
    listed = serving.models(["tts-1", "kokoro"])
    assert listed["object"] == "list"
    assert listed["data"][1] == serving.model("kokoro")
    assert set(listed["data"][0]) == {"id", "object", "created", "owned_by"}
