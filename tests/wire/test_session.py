from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from narrate.wire.session import (
    FORMATS,
    KINDS,
    LONGEST_FRAME,
    ClientSide,
    Finish,
    Flush,
    Message,
    Opening,
    Reset,
    ServerSide,
    SessionFault,
    Text,
    Timed,
)

KEY = "lm-3f9a1c77d2e0"
HELLO = [Timed("Hello", 0.0, 0.335), Timed(".", 0.335, 0.15)]
AGAIN = [Timed("Again", 0.485, 0.3), Timed(".", 0.785, 0.15)]

TYPED = (
    '{"X-API-Key": "lm-3f9a1c77d2e0", "lmnt-version": "1.2", "voice": "leah", "format": "pcm_s16le", '
    '"language": "en", "return_timestamps": true, "sample_rate": 16000}'
)
COMMANDS = (
    '{"X-API-Key": "lm-3f9a1c77d2e0", "voice": "leah", "protocol_version": 2, "format": "pcm_s16le", '
    '"language": "en", "sample_rate": "16000", "return_extras": "True"}'
)
PLAIN = (
    '{"X-API-Key": "lm-3f9a1c77d2e0", "voice": "leah", "format": "pcm_s16le", "language": "en", '
    '"sample_rate": 16000, "send_extras": true}'
)
BARE = {"X-API-Key": KEY, "voice": "leah"}


def opened(message: str | dict[str, Any]) -> ServerSide:
    side = ServerSide()
    side.received(message if isinstance(message, str) else json.dumps(message))
    return side


def read(message: str | bytes | None) -> Any:
    assert isinstance(message, str)
    return json.loads(message)


# --- the three dialects, word for word ----------------------------------------------------------------------------


def test_a_typed_session() -> None:
    side = ServerSide()
    assert side.opening is None
    asked = side.received(TYPED)
    assert asked == side.opening == Opening(KEY, "leah", "pcm_s16le", 16000, "en", True, "typed", (1, 2))
    assert KEY not in repr(asked)
    assert read(side.ready("req_1")) == {"type": "ready", "request_id": "req_1"}
    assert side.received('{"type": "text", "text": "Hel"}') == Text("Hel")
    assert side.received('{"type": "flush", "nonce": 1}') == Flush(1)
    assert [read(side.timestamps(entries)) for entries in (HELLO, AGAIN)] == [
        {
            "type": "timestamps",
            "timestamps": [
                {"text": "Hello", "start": 0.0, "duration": 0.335},
                {"text": ".", "start": 0.335, "duration": 0.15},
            ],
        },
        {
            "type": "timestamps",
            "timestamps": [
                {"text": "Again", "start": 0.485, "duration": 0.3},
                {"text": ".", "start": 0.785, "duration": 0.15},
            ],
        },
    ]
    assert side.timestamps([], buffer_empty=True) is None
    assert read(side.flush_complete(1)) == {"type": "flush_complete", "nonce": 1}
    assert side.received('{"type": "reset", "nonce": 2}') == Reset(2)
    assert read(side.reset_complete(2)) == {"type": "reset_complete", "nonce": 2}
    assert side.received('{"type": "finish"}') == Finish()
    assert read(side.error("not_found_error", "no such voice", "req_1")) == {
        "type": "error",
        "error": {"type": "not_found_error", "message": "no such voice"},
        "request_id": "req_1",
    }
    assert read(side.error("surprise", "oh", ""))["error"]["type"] == "internal_server_error"


def test_a_session_of_commands() -> None:
    side = ServerSide()
    assert side.received(COMMANDS) == Opening(KEY, "leah", "pcm_s16le", 16000, "en", True, "commands", (1, 0))
    assert side.ready("req_1") is None
    assert side.received('{"text": "Hel"}') == Text("Hel")
    assert side.received('{"command": "flush", "nonce": 1}') == Flush(1)
    assert read(side.timestamps(AGAIN, buffer_empty=True)) == {
        "durations": [
            {"text": "Again", "start": 0.0, "duration": 0.3},
            {"text": ".", "start": 0.3, "duration": 0.15},
        ],
        "buffer_empty": True,
    }
    assert side.timestamps([]) is None
    assert read(side.flush_complete(1)) == {"complete": "flush", "nonce": 1}
    assert side.received('{"command": "reset", "nonce": 2}') == Reset(2)
    assert read(side.reset_complete(2)) == {"complete": "reset", "nonce": 2}
    assert side.received('{"command": "eof"}') == Finish()
    assert read(side.error("not_found_error", "no such voice", "req_1")) == {"error": "no such voice"}


def test_a_plain_session() -> None:
    side = ServerSide()
    assert side.received(PLAIN) == Opening(KEY, "leah", "pcm_s16le", 16000, "en", True, "plain", (1, 0))
    assert side.ready("req_1") is None
    assert side.received('{"text": "Hel"}') == Text("Hel")
    assert side.received('{"flush": true}') == Flush(None)
    assert read(side.timestamps(AGAIN[:1])) == {
        "durations": [{"text": "Again", "start": 0.0, "duration": 0.3}],
        "buffer_empty": False,
    }
    assert side.flush_complete(None) is side.reset_complete(None) is None
    assert side.received('{"eof": true}') == Finish()
    assert read(side.error("authentication_error", "bad key", "req_1")) == {"error": "bad key"}


@pytest.mark.parametrize("message", [TYPED, COMMANDS, PLAIN])
@pytest.mark.parametrize(
    ("later", "event"),
    [
        ('{"type": "text", "text": "a"}', Text("a")),
        ('{"text": "a"}', Text("a")),
        ('{"text": ""}', Text("")),
        ('{"type": null, "text": "a", "flush": false}', Text("a")),
        ('{"type": "flush", "nonce": 7}', Flush(7)),
        ('{"type": "flush"}', Flush(None)),
        ('{"command": "flush", "nonce": 7}', Flush(7)),
        ('{"flush": true}', Flush(None)),
        ('{"type": "reset", "nonce": 7, "more": []}', Reset(7)),
        ('{"command": "reset", "nonce": -7}', Reset(-7)),
        ('{"type": "finish"}', Finish()),
        ('{"command": "eof"}', Finish()),
        ('{"eof": true}', Finish()),
    ],
)
def test_every_form_is_understood_in_every_dialect(message: str, later: str, event: object) -> None:
    assert opened(message).received(later) == event


@pytest.mark.parametrize(
    ("fields", "dialect"),
    [
        ({}, "plain"),
        ({"return_extras": "True"}, "plain"),
        ({"protocol_version": 1}, "plain"),
        ({"protocol_version": 2}, "commands"),
        ({"protocol_version": "2"}, "commands"),
        ({"type": "init"}, "typed"),
        ({"lmnt-version": "1.1"}, "typed"),
        ({"return_timestamps": False}, "typed"),
    ],
)
def test_the_opening_message_tells_the_dialect(fields: dict[str, Any], dialect: str) -> None:
    opening = opened({**BARE, **fields}).opening
    assert opening is not None
    assert opening.dialect == dialect


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, {"format": "mp3", "sample_rate": 24000, "language": "auto", "timestamps": False, "version": (1, 0)}),
        ({"type": "init"}, {"version": (1, 2)}),
        ({"lmnt-version": "1.1"}, {"version": (1, 1)}),
        ({"lmnt-version": "2.10"}, {"version": (2, 10)}),
        ({"lmnt-version": "2025-09-25"}, {"version": (1, 0)}),
        ({"format": "ulaw"}, {"sample_rate": 8000}),
        ({"format": "ulaw", "sample_rate": 16000.0}, {"sample_rate": 16000}),
        ({"sample_rate": "8000"}, {"sample_rate": 8000}),
        ({"format": None, "sample_rate": None, "language": None, "return_timestamps": None}, {"timestamps": False}),
        ({"return_extras": "False"}, {"timestamps": False}),
        ({"return_extras": "true"}, {"timestamps": True}),
        ({"X-API-Key": None}, {"key": ""}),
        ({"voice": "le\ud800ah"}, {"voice": "le\ufffdah"}),
        ({"speed": 2, "unheard of": {}}, {"voice": "leah"}),
    ],
)
def test_options_are_read_in_all_their_shapes(fields: dict[str, Any], expected: dict[str, Any]) -> None:
    opening = opened({**BARE, **fields}).opening
    assert {name: getattr(opening, name) for name in expected} == expected


def test_a_session_takes_the_streamed_formats() -> None:
    assert frozenset({"mp3", "webm", "ulaw", "pcm_s16le", "pcm_f32le"}) == FORMATS


# --- what cannot stand --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"voice": None}, "voice is required"),
        ({"voice": " "}, "voice is required"),
        ({"voice": 7}, "voice must be a string"),
        ({"X-API-Key": 7}, "X-API-Key must be a string"),
        ({"X-API-Key": [KEY]}, "X-API-Key must be a string"),
        ({"type": "text"}, "first message"),
        ({"type": ["init"]}, "first message"),
        ({"format": "wav"}, "format must be one of mp3, "),
        ({"format": KEY}, "format must be one of"),
        ({"format": ["mp3"]}, "format must be a string"),
        ({"sample_rate": 44100}, "sample_rate must be one of 8000, 16000, 24000"),
        ({"sample_rate": True}, "sample_rate"),
        ({"sample_rate": float("nan")}, "sample_rate"),
        ({"sample_rate": KEY}, "sample_rate"),
        ({"language": "xx"}, "language must be auto or one of ar, as, "),
        ({"language": {}}, "language must be a string"),
        ({"return_timestamps": 1}, "return_timestamps must be true or false"),
        ({"return_timestamps": True, "return_extras": "maybe"}, "return_extras must be true or false"),
        ({"lmnt-version": "newest"}, "lmnt-version must be a version"),
        ({"lmnt-version": 1.2}, "lmnt-version must be a string"),
    ],
)
def test_openings_that_cannot_stand(fields: dict[str, Any], complaint: str) -> None:
    with pytest.raises(SessionFault, match=complaint) as told:
        opened({**BARE, **fields})
    assert told.value.kind == "invalid_request_error"
    assert told.value.__context__ is None
    assert KEY not in str(told.value)


@pytest.mark.parametrize(
    "message",
    [
        "",
        "{",
        "[]",
        "7",
        "null",
        '"text"',
        KEY,
        "[" * 100_000,
        '{"voice": ' * 100_000,
        '{"nonce": ' + "7" * 10_000 + "}",
        b"",
        b'{"type": "text", "text": "a"}',
    ],
)
def test_what_is_no_message(message: str | bytes) -> None:
    for side in (ServerSide(), opened(TYPED)):
        with pytest.raises(SessionFault) as told:
            side.received(message)
        assert told.value.__context__ is None  # it would hold the message, and so the key
        assert KEY not in str(told.value)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"type": "speak"},
        {"type": "speak", "text": "a"},
        {"type": 7},
        {"type": "init", **BARE},
        BARE,
        {"command": "text", "text": 7},
        {"command": []},
        {"type": "text"},
        {"type": "text", "text": None},
        {"text": 7},
        {"text": ["a"]},
        {"text": "a", "flush": True},
        {"flush": True, "eof": True},
        {"flush": False},
        {"eof": "true"},
        {"type": "flush", "nonce": True},
        {"type": "flush", "nonce": 1.5},
        {"type": "reset", "nonce": "1"},
        {"command": "reset", "nonce": {}},
    ],
)
def test_later_messages_that_cannot_stand(fields: dict[str, Any]) -> None:
    with pytest.raises(SessionFault) as told:
        opened(TYPED).received(json.dumps(fields))
    assert told.value.kind == "invalid_request_error"
    assert KEY not in str(told.value)


def test_after_finish_there_is_no_more_text_but_a_reset_may_cut_the_speech() -> None:
    side = opened(TYPED)
    side.received('{"type": "finish"}')
    assert side.received('{"type": "reset", "nonce": 1}') == Reset(1)
    assert side.received('{"type": "flush", "nonce": 2}') == Flush(2)
    assert side.received('{"type": "finish"}') == Finish()
    with pytest.raises(SessionFault, match="after finish"):
        side.received('{"text": "more"}')


@pytest.mark.parametrize(
    ("message", "envelope"),
    [
        ('{"protocol_version": 2}', {"error": "oh"}),
        (
            "no message",
            {"type": "error", "error": {"type": "internal_server_error", "message": "oh"}, "request_id": ""},
        ),
    ],
)
def test_a_bad_opening_is_answered_in_its_own_dialect(message: str, envelope: object) -> None:
    side = ServerSide()
    with pytest.raises(SessionFault):
        side.received(message)
    assert read(side.error("internal_server_error", "oh", "")) == envelope


# --- audio and times ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_before_version_1_2_times_start_again_with_every_message(version: str) -> None:
    side = opened({**BARE, "lmnt-version": version, "return_timestamps": True})
    assert [entry["start"] for entry in read(side.timestamps(AGAIN))["timestamps"]] == [0.0, 0.3]


@pytest.mark.parametrize("fields", [{"type": "init"}, {"protocol_version": 2}, {}])
def test_times_are_told_only_to_those_who_ask(fields: dict[str, Any]) -> None:
    side = opened({**BARE, **fields})
    assert side.timestamps(HELLO, buffer_empty=True) is None
    assert side.speech(b"sound", HELLO, buffer_empty=True) == (b"sound",)
    assert ServerSide().timestamps(HELLO) is None


def test_times_follow_their_audio_but_in_plain_sessions_precede_each_frame() -> None:
    long = bytes(LONGEST_FRAME + 1)
    assert [type(each) for each in opened(TYPED).speech(long, HELLO)] == [bytes, bytes, str]
    assert [type(each) for each in opened(COMMANDS).speech(b"a", HELLO)] == [bytes, str]
    assert opened(TYPED).speech(b"", HELLO) == (opened(TYPED).timestamps(HELLO),)
    first, front, second, back = opened(PLAIN).speech(long, HELLO, buffer_empty=True)
    assert (front, back) == (long[:LONGEST_FRAME], long[LONGEST_FRAME:])
    assert (len(read(first)["durations"]), read(first)["buffer_empty"]) == (2, False)
    assert read(second) == {"durations": [], "buffer_empty": True}


def test_an_empty_flush_of_a_plain_session_is_acknowledged_with_an_empty_frame() -> None:
    said, audio = opened(PLAIN).speech(b"", buffer_empty=True)
    assert (read(said), audio) == ({"durations": [], "buffer_empty": True}, b"")
    assert opened(PLAIN).speech(b"") == opened(TYPED).speech(b"", buffer_empty=True) == ()


@given(st.binary(max_size=50), st.booleans(), st.sampled_from([HELLO, AGAIN, []]))
def test_plain_sessions_are_pairs(audio: bytes, empty: bool, entries: list[Timed]) -> None:
    sent = opened(PLAIN).speech(audio, entries, buffer_empty=empty)
    assert [type(each) for each in sent] == [str, bytes] * (len(sent) // 2)
    assert b"".join(each for each in sent if isinstance(each, bytes)) == audio


# --- the client ---------------------------------------------------------------------------------------------------


def test_the_client_speaks_the_typed_dialect() -> None:
    side = ClientSide()
    assert json.loads(side.opening(key=KEY, voice="leah")) == {
        "X-API-Key": KEY,
        "lmnt-version": "1.2",
        "voice": "leah",
    }
    assert json.loads(
        side.opening(key="", voice="leah", format="ulaw", sample_rate=8000, language="de", timestamps=True)
    ) == {
        "X-API-Key": "",
        "lmnt-version": "1.2",
        "voice": "leah",
        "format": "ulaw",
        "language": "de",
        "return_timestamps": True,
        "sample_rate": 8000,
    }
    assert json.loads(side.text("a\ud800b")) == {"type": "text", "text": "a\ufffdb"}
    assert [(nonce, json.loads(message)) for nonce, message in (side.flush(), side.reset(), side.flush())] == [
        (1, {"type": "flush", "nonce": 1}),
        (2, {"type": "reset", "nonce": 2}),
        (3, {"type": "flush", "nonce": 3}),
    ]
    assert json.loads(side.finish()) == {"type": "finish"}


@pytest.mark.parametrize(
    ("said", "message"),
    [
        (b"sound", Message("audio", audio=b"sound")),
        ('{"type": "ready", "request_id": "req_1"}', Message("ready", request_id="req_1")),
        ('{"type": "ready", "request_id": 7}', Message("ready")),
        ('{"type": "ready"}', Message("ready")),
        (
            '{"type": "timestamps", "timestamps": [{"text": "a", "start": 0, "duration": 0.5, "more": 1}]}',
            Message("timestamps", timestamps=(Timed("a", 0.0, 0.5),)),
        ),
        ('{"type": "timestamps", "timestamps": [{"text": "a", "start": -1, "duration": 1}]}', Message("timestamps")),
        ('{"type": "timestamps", "timestamps": [{"text": "a", "start": NaN, "duration": 1}]}', Message("timestamps")),
        ('{"type": "timestamps", "timestamps": [{"text": "a"}]}', Message("timestamps")),
        ('{"type": "timestamps", "timestamps": 7}', Message("timestamps")),
        ('{"type": "timestamps"}', Message("timestamps")),
        ('{"type": "flush_complete", "nonce": 7}', Message("flush_complete", nonce=7)),
        ('{"type": "reset_complete", "nonce": true}', Message("reset_complete")),
        ('{"type": "song", "error": null}', Message("unknown")),
        ('{"type": 7}', Message("unknown")),
        ("{}", Message("unknown")),
    ],
)
def test_the_client_understands(said: str | bytes, message: Message) -> None:
    assert ClientSide().received(said) == message


@pytest.mark.parametrize(
    ("said", "kind", "words", "request_id"),
    [
        *(
            (
                json.dumps({"type": "error", "error": {"type": kind, "message": "oh no"}, "request_id": "req_7"}),
                kind,
                "oh no",
                "req_7",
            )
            for kind in sorted(KINDS)
        ),
        ('{"type": "error", "error": {"type": "new_error", "message": "oh"}}', "internal_server_error", "oh", ""),
        ('{"type": "error"}', "internal_server_error", "no reason given", ""),
        ('{"type": "error", "request_id": 7, "error": {}}', "internal_server_error", "no reason given", ""),
        ('{"error": "voice is odd"}', "invalid_request_error", "voice is odd", ""),
        ('{"type": "error", "error": "Invalid API key"}', "authentication_error", "Invalid API key", ""),
        ('{"message": "no", "status": 401}', "authentication_error", "no", ""),
        ('{"error": "no", "status": 402}', "payment_required_error", "no", ""),
        (
            '{"detail": [{"loc": ["body", "voice"], "msg": "missing", "type": "x"}]}',
            "internal_server_error",
            "voice: missing",
            "",
        ),
        ("no JSON", "internal_server_error", "not a JSON object", ""),
        ("[]", "internal_server_error", "not a JSON object", ""),
        ("[" * 100_000, "internal_server_error", "too deeply", ""),
    ],
)
def test_errors_of_every_age_are_raised(said: str, kind: str, words: str, request_id: str) -> None:
    with pytest.raises(SessionFault, match=words) as told:
        ClientSide().received(said)
    assert (told.value.kind, told.value.request_id) == (kind, request_id)


def test_a_key_that_a_server_repeats_is_cut_out() -> None:
    side = ClientSide()
    side.opening(key=KEY, voice="leah")
    said = {
        "type": "error",
        "error": {"type": "authentication_error", "message": f"{KEY} is bad"},
        "request_id": f"r-{KEY}",
    }
    with pytest.raises(SessionFault, match="is bad") as told:
        side.received(json.dumps(said))
    assert KEY not in f"{told.value} {told.value.request_id}"


# --- properties ---------------------------------------------------------------------------------------------------


@given(st.text(), st.lists(st.integers(0, 200)))
def test_a_text_cut_anywhere_is_the_same_text(text: str, cuts: list[int]) -> None:
    client, server = ClientSide(), opened(TYPED)
    places = [0, *sorted(cut % (len(text) + 1) for cut in cuts), len(text)]
    pieces = [server.received(client.text(text[a:b])) for a, b in itertools.pairwise(places)]
    assert "".join(piece.text for piece in pieces if isinstance(piece, Text)) == text


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)
NAMES = (
    st.sampled_from(["type", "text", "nonce", "command", "flush", "eof", "voice", "format", "sample_rate", "language"])
    | st.sampled_from(["X-API-Key", "lmnt-version", "protocol_version", "return_extras", "return_timestamps"])
    | st.sampled_from(["error", "message", "status", "detail", "request_id", "timestamps"])
)
VALUES = st.sampled_from(["text", "flush", "reset", "finish", "eof", "init", "error", "timestamps", "ready", 2, "1.2"])
MESSAGES = (
    st.text() | st.binary() | JSON.map(json.dumps) | st.dictionaries(NAMES, VALUES | JSON, max_size=6).map(json.dumps)
)


@given(st.lists(MESSAGES, max_size=4))
@example(['{"X-API-Key": "", "voice": "\\ud800"}', '{"text": "\\udc00"}'])
def test_nothing_but_a_fault_is_ever_raised(messages: list[str | bytes]) -> None:
    for side in (ServerSide(), opened(TYPED), opened(COMMANDS), opened(PLAIN)):
        for message in messages:
            try:
                event = side.received(message)
                str(event).encode()  # no halves of characters are let in
            except SessionFault as fault:
                assert fault.kind in KINDS
            assert read(side.error("internal_server_error", "oh", "req"))
    for message in messages:
        try:
            assert isinstance(ClientSide().received(message), Message)
        except SessionFault as fault:
            assert fault.kind in KINDS
            str(fault).encode()


@given(
    st.text(min_size=1).filter(str.strip),
    st.sampled_from(sorted(FORMATS)),
    st.sampled_from([8000, 16000, 24000, None]),
    st.sampled_from(["auto", "en", "zh", None]),
    st.booleans(),
    st.text(),
)
def test_what_the_client_asks_the_server_hears(
    voice: str, form: str, rate: int | None, language: str | None, timestamps: bool, key: str
) -> None:
    server = ServerSide()
    server.received(
        ClientSide().opening(
            key=key, voice=voice, format=form, sample_rate=rate, language=language, timestamps=timestamps
        )
    )
    default = 8000 if form == "ulaw" else 24000
    assert server.opening == Opening(key, voice, form, rate or default, language or "auto", timestamps, "typed", (1, 2))


@given(st.lists(st.builds(Timed, st.text(), st.floats(0, 1000), st.floats(0, 1000)), min_size=1), st.integers())
def test_what_the_server_says_the_client_hears(entries: list[Timed], nonce: int) -> None:
    server, client = opened(TYPED), ClientSide()
    said = [
        server.ready("req_1"),
        server.timestamps(entries),
        server.flush_complete(nonce),
        server.reset_complete(nonce),
    ]
    heard = [client.received(message) for message in said if message is not None]
    rounded = tuple(Timed(each.text, round(each.start, 6), round(each.duration, 6)) for each in entries)
    assert heard == [
        Message("ready", request_id="req_1"),
        Message("timestamps", timestamps=rounded),
        Message("flush_complete", nonce=nonce),
        Message("reset_complete", nonce=nonce),
    ]
