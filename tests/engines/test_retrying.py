from __future__ import annotations

import threading
import time as real_time

import pytest

from narrate.engines.retrying import Retrying, Waiting
from narrate.engines.tone import Tone, voice
from narrate.errors import (
    EngineClosed,
    EngineDown,
    EngineError,
    EngineRefused,
    EngineUnavailable,
    Interrupted,
    LimitReached,
)
from narrate.script import Voice
from tests.engines.peers import Scripted, Time, chunk, patient, unavailable
from tests.suites.engine_suite import EngineSuite

ASK = chunk(voice("", "", {}, {}))


class TestRetryingTone(EngineSuite):
    @pytest.fixture
    def engine(self) -> Retrying:
        return Retrying(Tone())

    @pytest.fixture
    def voice(self) -> Voice:
        return voice("", "", {}, {})


def test_what_may_heal_is_asked_for_again() -> None:
    engine, time = Scripted(unavailable(), unavailable()), Time()
    assert patient(engine, time).speak(ASK).rate == 24000
    assert engine.asked == 3


@pytest.mark.parametrize("error", [EngineRefused("no", engine="tone"), EngineClosed("no", engine="tone")])
def test_what_is_for_good_is_not(error: EngineError) -> None:
    engine, time = Scripted(error), Time()
    with pytest.raises(type(error)) as caught:
        patient(engine, time).speak(ASK)
    assert caught.value is error
    assert engine.asked == 1
    assert time.slept == []


def test_the_window_doubles_up_to_its_cap_and_the_wait_is_drawn_from_all_of_it() -> None:
    for draw in (0.0, 0.25, 1.0):
        engine, time = Scripted(*[unavailable()] * 9), Time()
        patient(engine, time, attempts=10, random=lambda draw=draw: draw).speak(ASK)
        windows = (0.5, 1, 2, 4, 8, 16, 30, 30, 30)
        assert time.slept == [draw * window for window in windows if draw]


def test_attempts_end_and_the_last_failure_is_told() -> None:
    engine, time = Scripted(*[unavailable(f"busy {number}", request_id=f"r{number}") for number in range(9)]), Time()
    with pytest.raises(EngineUnavailable) as caught:
        patient(engine, time, attempts=3).speak(ASK)
    assert engine.asked == 3
    assert str(caught.value) == "busy 2; given up after 3 attempts"
    assert caught.value.request_id == "r2"


def test_resting_ends_before_a_wait_that_would_be_too_much() -> None:
    engine, time = Scripted(*[unavailable()] * 50), Time()
    with pytest.raises(EngineUnavailable):
        patient(engine, time, attempts=50, rest=20).speak(ASK)
    assert sum(time.slept) <= 20
    assert engine.asked == 7  # 0.25 + 0.5 + 1 + 2 + 4 + 8, and 15 more would be too much


def test_retry_after_is_a_floor() -> None:
    engine, time = Scripted(unavailable(retry_after=3.0), *[unavailable(retry_after=0.1)] * 6), Time()
    patient(engine, time).speak(ASK)
    assert time.slept[0] == 3.25  # the floor, and half of the spread
    assert time.slept[-1] == 15  # a longer wait of our own is not shortened


@pytest.mark.parametrize("throttled", [True, False])
def test_a_wait_beyond_the_limit_is_final(throttled: bool) -> None:
    engine, time = Scripted(unavailable(retry_after=3600.0, throttled=throttled)), Time()
    with pytest.raises(EngineUnavailable) as caught:
        patient(engine, time, max_wait=60).speak(ASK)
    assert str(caught.value) == "the server is busy; it asks for a wait of 3600 s, and 60 s are allowed (max_wait)"
    assert time.slept == []


def test_every_wait_is_told() -> None:
    told: list[Waiting] = []
    engine, time = Scripted(unavailable(), unavailable("slow down", throttled=True)), Time()
    patient(engine, time, watch=told.append).speak(ASK)
    assert told == [Waiting(1, 0.25, "the server is busy", False), Waiting(2, 0.5, "slow down", True)]


def test_stopping_ends_a_wait_at_once() -> None:
    stop = threading.Event()
    engine = Scripted(unavailable(retry_after=60.0))
    retrying = Retrying(engine, stop=stop, watch=lambda waiting: stop.set())
    started = real_time.monotonic()
    with pytest.raises(Interrupted):
        retrying.speak(ASK)
    assert real_time.monotonic() - started < 5
    assert engine.asked == 1


def test_after_stopping_nothing_is_asked() -> None:
    stop = threading.Event()
    stop.set()
    engine = Scripted()
    with pytest.raises(Interrupted):
        Retrying(engine, stop=stop).speak(ASK)
    assert engine.asked == 0


def test_what_nobody_need_wait_for_is_passed_on_as_it_is() -> None:
    down = EngineDown("tone: nothing has answered for 60 s", engine="tone")
    limit = LimitReached("the limit is reached")
    for error in (down, limit):
        engine, time = Scripted(unavailable(), error), Time()
        with pytest.raises(type(error)) as caught:
            patient(engine, time).speak(ASK)
        assert caught.value is error
        assert engine.asked == 2


def test_whether_anything_was_sent_is_passed_on() -> None:
    with pytest.raises(EngineUnavailable) as caught:
        patient(Scripted(unavailable(sent=False)), Time(), attempts=1).speak(ASK)
    assert not caught.value.sent


def test_a_wait_that_is_allowed_is_waited_for_however_long() -> None:
    time = Time()
    engine = Scripted(unavailable(retry_after=1800.0, throttled=True))
    assert patient(engine, time, max_wait=1800.0, random=lambda: 1.0).speak(ASK).rate == 24000
    assert time.slept == [1800.5]
