"""Every refusal a server can utter, and the failure it amounts to."""

from __future__ import annotations

import json
from email.utils import formatdate
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from narrate.errors import EngineClosed, EngineError, EngineRefused, EngineUnavailable
from narrate.wire.failures import failure, is_error, retry_after, understood

CLOSED, REFUSED, UNAVAILABLE = EngineClosed, EngineRefused, EngineUnavailable


def fail(status: int, body: Any = b"", headers: dict[str, str] | None = None, **more: Any) -> EngineError:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return failure(status, headers or {}, raw, "lmnt", **more)


def lmnt(kind: str, message: str = "no") -> dict[str, Any]:
    return {"error": {"type": kind, "message": message}}


def openai(message: str, **more: Any) -> dict[str, Any]:
    return {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": None, **more}}


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (401, lmnt("authentication_error"), CLOSED),
        (402, lmnt("payment_required_error"), CLOSED),
        (403, lmnt("permission_error"), CLOSED),
        (404, lmnt("not_found_error", "voice 'x' not found"), CLOSED),
        (405, b"", CLOSED),
        (301, b"", CLOSED),
        (400, lmnt("invalid_request_error", "text is required"), REFUSED),
        (400, lmnt("invalid_request_error", "text must be at most 5000 characters"), REFUSED),
        (400, b"", REFUSED),
        (413, b"", REFUSED),
        (422, {"detail": [{"loc": ["body", "text"], "msg": "too long", "type": "value_error"}]}, REFUSED),
        (422, {"detail": [{"loc": ["body", "voice"], "msg": "field required", "type": "missing"}]}, CLOSED),
        (400, lmnt("invalid_request_error", "invalid format: raw"), CLOSED),
        (400, {"error": "unknown voice 'x'"}, CLOSED),
        (400, {"detail": {"error": "validation_error", "message": "Voice 'x' not found. Available: y"}}, CLOSED),
        (400, openai("The model 'tts-9' does not exist", code="model_not_found"), CLOSED),
        (400, openai("Unsupported value", param="voice"), CLOSED),
        (400, openai("Bad request", param="input"), REFUSED),
        (400, openai("[{'type': 'enum', 'loc': ('body', 'voice'), 'msg': 'Input should be ...'}]"), CLOSED),
        (400, openai("[{'type': 'too_long', 'loc': ('body', 'input'), 'msg': 'at most 4096'}]"), REFUSED),
        (400, lmnt("invalid_request_error", "invalid input for the model: unsupported signs"), REFUSED),
        (408, b"", UNAVAILABLE),
        (409, b"", UNAVAILABLE),
        (425, b"", UNAVAILABLE),
        (429, lmnt("rate_limit_error"), UNAVAILABLE),
        (429, openai("You exceeded your current quota", type="insufficient_quota", code="insufficient_quota"), CLOSED),
        (500, lmnt("internal_server_error"), UNAVAILABLE),
        (502, b"<html><title>Bad gateway</title>", UNAVAILABLE),
        (503, b"", UNAVAILABLE),
        (504, b"", UNAVAILABLE),
        (529, b"", UNAVAILABLE),
        (400, {"__type": "ThrottlingException", "message": "Rate exceeded"}, UNAVAILABLE),
        (400, {"message": "Too many requests"}, UNAVAILABLE),
        (400, lmnt("TooManyRequestsException", ""), UNAVAILABLE),
        (400, lmnt("invalid_request_error", "sample rate must be 8000, 16000 or 24000"), CLOSED),
        (204, b"", UNAVAILABLE),
        (200, lmnt("authentication_error"), CLOSED),
        (200, lmnt("rate_limit_error"), UNAVAILABLE),
        (200, {"audio": "", "error": "synthesis failed"}, UNAVAILABLE),
    ],
)
def test_which_failure_it_is(status: int, body: Any, kind: type[EngineError]) -> None:
    assert type(fail(status, body)) is kind


@pytest.mark.parametrize(
    ("status", "told", "kind"),
    [
        (400, "true", UNAVAILABLE),
        (401, "TRUE", UNAVAILABLE),
        (500, "false", REFUSED),
        (429, "false", CLOSED),
        (503, "maybe", UNAVAILABLE),
    ],
)
def test_the_server_may_say_whether_to_ask_again(status: int, told: str, kind: type[EngineError]) -> None:
    assert type(fail(status, headers={"x-should-retry": told})) is kind


@pytest.mark.parametrize(
    ("status", "headers", "throttled"),
    [(429, {}, True), (503, {}, False), (503, {"retry-after": "1"}, True), (500, {"retry-after": "1"}, False)],
)
def test_what_is_about_load(status: int, headers: dict[str, str], throttled: bool) -> None:
    error = fail(status, headers=headers)
    assert isinstance(error, EngineUnavailable)
    assert error.throttled is throttled


def test_throttling_told_as_400_is_about_load_too() -> None:
    error = fail(400, {"message": "Throttling"})
    assert isinstance(error, EngineUnavailable)
    assert error.throttled


NOW = 1_800_000_000.0


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "2"}, 2.0),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after-ms": "250", "retry-after": "2"}, 0.25),
        ({"retry-after-ms": "soon", "retry-after": "2"}, 2.0),
        ({"retry-after": "-3"}, 0.0),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "later"}, None),
        ({"retry-after": ""}, None),
        ({"retry-after": formatdate(NOW + 90, usegmt=True)}, 90.0),
        ({"retry-after": formatdate(NOW - 90, usegmt=True)}, 0.0),
        ({"retry-after": formatdate(NOW + 90, usegmt=True), "date": formatdate(NOW + 60, usegmt=True)}, 30.0),
    ],
)
def test_the_wait_a_server_asks_for(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers, NOW) == seconds


def test_a_date_needs_a_clock() -> None:
    assert retry_after({"retry-after": formatdate(NOW, usegmt=True)}) is None


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"error": {"type": "x", "message": "text is required"}}', "text is required"),
        (b'{"error": "text is required"}', "text is required"),
        (b'{"message": "Invalid key", "status": 401}', "Invalid key"),
        (b'{"detail": [{"loc": ["body", "text"], "msg": "too long", "type": "t"}]}', "text: too long"),
        (b'{"detail": [{"loc": [], "msg": "too long"}]}', "too long"),
        (b'{"detail": "Not Found"}', "Not Found"),
        (b'{"detail": {"error": "validation_error", "message": "no such voice"}}', "no such voice"),
        (b"upstream connect error", "upstream connect error"),
        (b"<html><title>502 Bad\nGateway</title></html>", "a web page titled '502 Bad Gateway'"),
        (b"<html></html>", "a web page"),
        (b"", ""),
        (b"{}", ""),
        (b"[]", ""),
        (b"{broken", "{broken"),
        (b'{"error": {"message": 7}}', ""),
        (b"a\x1b[31mred\x07\nword", "a [31mred word"),
    ],
)
def test_every_shape_of_error_is_understood(body: bytes, words: str) -> None:
    assert understood(body).words == words


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.sampled_from(["error", "message", "detail", "type", "loc", "msg"]), inner)
    ),
    max_leaves=8,
)


@given(st.integers(100, 599), JSON.map(lambda value: json.dumps(value).encode()) | st.binary(max_size=200))
def test_any_answer_is_one_of_the_three_failures_in_one_short_line(status: int, body: bytes) -> None:
    error = failure(status, {}, body, "lmnt")
    assert type(error) in (CLOSED, REFUSED, UNAVAILABLE)
    assert str(error).isprintable()
    assert len(str(error)) < 300
    is_error(body)


def test_the_message_says_who_answered_what() -> None:
    error = fail(401, lmnt("authentication_error", "Invalid API key."), {"request-id": "req_7"})
    assert str(error) == "lmnt answered 401 (authentication_error): Invalid API key.; check the key"
    assert error.engine == "lmnt"
    assert error.request_id == "req_7"


KEY = "sk-proj-4f9a1c77d2e85b63"


@pytest.mark.parametrize("repeated", [KEY, KEY[:12], KEY[-9:], KEY[:11] + "***" + KEY[-6:], f"Bearer {KEY}", KEY * 20])
def test_a_key_that_the_server_repeats_is_cut_out(repeated: str) -> None:
    text = str(fail(401, openai(f"Incorrect API key provided: {repeated}."), secrets=(KEY,)))
    assert not any(KEY[place : place + 6] in text for place in range(len(KEY) - 5))
    assert "[key]" in text


def test_a_key_is_cut_out_before_the_message_is_cut_short() -> None:
    text = str(fail(400, openai("x" * 150 + " " + KEY), secrets=(KEY,)))
    assert KEY[:6] not in text


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        (b'{"error": "no"}', True),
        (b'{"audio": "", "error": "no"}', True),
        (b'{"audio": "UklGRg==", "error": null}', False),
        (b'{"audio": "UklGRg==", "message": "fine"}', False),
        (b'{"status": "queued"}', False),
        (b"RIFF", False),
        (b"", False),
        (b"{\x00\x01", False),
        (b'{"error": "' + b"x" * 20_000 + b'"}', False),
    ],
)
def test_errors_told_with_status_200(body: bytes, wrong: bool) -> None:
    assert is_error(body) is wrong
