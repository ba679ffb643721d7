"""The plan of faults by itself: what it promises of any request, and how it is read from the command line.

What each kind does to an answer is seen in tests/test_faults.py and in test_rehearsal.py.
"""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from narrate.errors import JobError
from narrate.server.faults import (
    ALL,
    BY_LENGTH,
    KINDS,
    SECRETIVE,
    SESSION_KINDS,
    Faults,
    Received,
    error,
    read_plan,
    throttled,
)

BODY = json.dumps({"text": "A word and another word. " * 20, "voice": "leah"}).encode()


def post(body: bytes) -> Received:
    return Received("POST", "/v1/ai/speech/bytes", {}, body)


def test_what_a_request_meets_is_fixed_for_all_time() -> None:
    """Seeds are written down: in the notes of whoever found something with one."""
    plan = Faults(7, 0.3)
    met = {(number, seen): plan.kind(b'{"text":"Line %d"}' % number, seen) for number in range(9) for seen in (0, 1)}
    assert {place: name for place, name in met.items() if name} == {
        (0, 0): "504",
        (5, 1): "dropped before the headers",
        (6, 1): "nothing",
        (7, 1): "500",
    }


@given(
    st.binary(max_size=80)
    | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(json.dumps).map(str.encode)
)
def test_a_body_that_asks_for_nothing_is_no_crash(body: bytes) -> None:
    plan = Faults(3, 1.0)
    assert plan.kind(body, 0) in KINDS
    assert plan(post(body), 0) is not None


@pytest.mark.parametrize(
    "body",
    [b"", b"{}", b"[]", b'"text"', b'{"text": 5}', b'{"text": ["a"]}', b"[" * 100_000, b"\xff\xfe{", b"1" * 5000],
)
def test_a_body_without_a_text_counts_as_short(body: bytes) -> None:
    given = {Faults(seed, 1.0).kind(body, 0) for seed in range(300)}
    assert given
    assert not given & BY_LENGTH


def test_only_what_is_posted_goes_wrong() -> None:
    plan = Faults(1, 1.0)
    assert plan(post(BODY), 0) is not None
    assert plan(Received("GET", "/v1/account", {}, b""), 0) is None


def test_a_kind_that_needs_a_long_text_leaves_a_short_one_alone() -> None:
    plan = Faults(1, 1.0, kinds=["half as long"])
    assert plan.kind(b'{"text":"Hm."}', 0) == ""
    assert plan.kind(BODY, 0) == "half as long"


def test_sessions_go_wrong_by_seed_and_number() -> None:
    plan = Faults(5, 0.4)
    met = [plan.session_kind(number) for number in range(400)]
    assert met == [Faults(5, 0.4).session_kind(number) for number in range(400)]
    assert met != [Faults(6, 0.4).session_kind(number) for number in range(400)]
    assert set(met) == {"", *SESSION_KINDS}
    assert sum(map(bool, met)) / 400 == pytest.approx(0.4, abs=0.08)


def test_sessions_are_left_alone_by_a_plan_for_requests_and_the_other_way_round() -> None:
    assert not any(map(Faults(1, 1.0, kinds=["429"]).session_kind, range(50)))
    assert Faults(1, 1.0, kinds=["session late"]).kind(BODY, 0) == ""


def test_every_kind_has_a_name_that_the_command_line_can_hold() -> None:
    assert not [name for name in (*KINDS, *SESSION_KINDS) if "," in name or ":" in name or name != name.strip()]
    assert not set(KINDS) & set(SESSION_KINDS)
    assert set(ALL) == {*KINDS, *SESSION_KINDS} - SECRETIVE


def test_a_wait_is_asked_for_in_a_header() -> None:
    assert ("retry-after", "2.5") in throttled(2.5).headers
    assert json.loads(error(500, "internal_server_error", "no").body or b"")["error"]["type"] == "internal_server_error"


# --- the command line -----------------------------------------------------------------------------------------------


def test_a_plan_is_read() -> None:
    plan, bodies = read_plan("7:0.3"), [b'{"text":"Line %d"}' % number for number in range(200)]
    assert (plan.seed, plan.share) == (7, 0.3)
    assert [plan.kind(body, 0) for body in bodies] == [Faults(7, 0.3).kind(body, 0) for body in bodies]


def test_a_plan_may_name_its_kinds() -> None:
    plan = read_plan(" 7 : 1 : 429, silence ,session late")
    assert {plan.kind(b"%d" % number, 0) for number in range(50)} == {"429", "silence"}
    assert plan.session_kind(0) == "session late"


def test_minutes_are_waited_for_by_those_who_ask_for_it() -> None:
    assert read_plan("7:1:429 in minutes").kind(BODY, 0) == "429 in minutes"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("7", "SEED:SHARE"),
        ("", "SEED:SHARE"),
        ("7:", "SEED:SHARE"),
        ("x:0.3", "the seed must be a whole number"),
        ("-1:0.3", "the seed must be a whole number"),
        ("7:half", "the share must be a number from 0 to 1, not 'half'"),
        ("7:30", "the share must be a number from 0 to 1, not '30'"),
        ("7:nan", "the share must be a number from 0 to 1"),
        ("7:1:silense", r"perhaps 'silence'"),
        ("7:1:429,xyzzy", "a kind of fault must be one of late, never, 408"),
    ],
)
def test_a_plan_that_cannot_be_read_says_why(text: str, told: str) -> None:
    with pytest.raises(JobError, match=told) as caught:
        read_plan(text)
    assert str(caught.value).startswith("--faults: ")
    assert not str(caught.value).endswith(".")
