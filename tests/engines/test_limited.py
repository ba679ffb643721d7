from __future__ import annotations

import threading
import time as real_time
from collections.abc import Callable
from typing import Any

import pytest

from narrate.engines import Speech
from narrate.engines.limited import Limited, limited
from narrate.engines.retrying import Retrying
from narrate.engines.tone import Tone, voice
from narrate.errors import (
    EngineClosed,
    EngineDown,
    EngineError,
    EngineRefused,
    EngineUnavailable,
    Interrupted,
    LimitReached,
    NarrateError,
    StoreError,
)
from narrate.pacing.circuit import Circuit
from narrate.pacing.gate import Gate, Stop
from narrate.pacing.limiter import Limiter
from narrate.script import Chunk, Voice
from tests.engines.peers import Scripted, Time, chunk, unavailable
from tests.suites.engine_suite import EngineSuite

VOICE = voice("", "", {}, {})
ASK = chunk(VOICE)
SILENCE = Speech(b"\0\0", "pcm_s16le", 24000)
REFUSED_CONNECTION = "tone: 127.0.0.1 cannot be reached: connection refused"


class TestLimitedTone(EngineSuite):
    @pytest.fixture
    def engine(self) -> Limited:
        return limited(Tone(), most=4)

    @pytest.fixture
    def voice(self) -> Voice:
        return VOICE


class Calling:
    """An engine that does what it is told."""

    def __init__(self, answer: Callable[[Chunk], Any]) -> None:
        self.traits = Tone().traits
        self._answer = answer
        self.asked: list[str] = []
        self.most = self._now = 0
        self._lock = threading.Lock()

    def speak(self, chunk: Chunk) -> Any:
        with self._lock:
            self.asked.append(chunk.text)
            self._now += 1
            self.most = max(self.most, self._now)
        try:
            return self._answer(chunk)
        finally:
            with self._lock:
                self._now -= 1


def timed(
    engine: Any, time: Time, *, patience: float | None = 60.0, told: list[str] | None = None, **more: Any
) -> Limited:
    """A Limited that waits in ``time``, from one thread."""
    return Limited(
        engine,
        limiter=Limiter(8),
        circuit=Circuit(patience=patience, probes=4, random=lambda: 0.0),
        gate=Gate(lambda: 0.5),
        sleep=time.sleep,
        clock=time.clock,
        report=(told if told is not None else []).append,
        **more,
    )


def failing(engine: Limited, number: int, kind: type[NarrateError] = EngineUnavailable) -> list[NarrateError]:
    errors = []
    for index in range(number):
        with pytest.raises(kind) as caught:
            engine.speak(chunk(VOICE, f"text {index}"))
        errors.append(caught.value)
    return errors


def in_threads(work: Callable[[int], object], number: int) -> list[threading.Thread]:
    threads = [threading.Thread(target=work, args=(index,), daemon=True) for index in range(number)]
    for thread in threads:
        thread.start()
    return threads


def joined(threads: list[threading.Thread], seconds: float) -> bool:
    """Whether all ended within ``seconds``."""
    until = real_time.monotonic() + seconds
    for thread in threads:
        thread.join(max(0.0, until - real_time.monotonic()))
    return not any(thread.is_alive() for thread in threads)


def until(condition: Callable[[], bool], seconds: float = 5.0) -> None:
    end = real_time.monotonic() + seconds
    while not condition():
        assert real_time.monotonic() < end
        real_time.sleep(0.002)


# --- the gate ---


def test_one_wait_that_the_server_asks_for_holds_everybody() -> None:
    time = Time()
    engine = Scripted(unavailable(retry_after=10.0, throttled=True))
    waiting = timed(engine, time)
    failing(waiting, 1)
    waiting.speak(ASK)
    assert sum(time.slept) == 10
    assert engine.asked == 2


@pytest.mark.parametrize("failure", [{"throttled": True}, {"retry_after": 10.0}])
def test_neither_load_without_a_wait_nor_a_wait_without_load_does(failure: dict[str, Any]) -> None:
    time = Time()
    waiting = timed(Scripted(unavailable(**failure)), time)
    failing(waiting, 1)
    waiting.speak(ASK)
    assert sum(time.slept) < 0.1


def test_until_a_wait_beyond_the_limit_is_over_nobody_asks() -> None:
    time = Time()
    engine = Scripted(unavailable(retry_after=3600.0, throttled=True))
    waiting = timed(engine, time, max_wait=60)
    errors = failing(waiting, 5)
    assert engine.asked == 1
    assert str(errors[1]) == "tone takes no requests for another 3600 s"
    assert isinstance(errors[1], EngineUnavailable)
    assert not errors[1].sent
    time.now += 3590
    waiting.speak(ASK)
    assert engine.asked == 2


# --- the circuit ---


def test_a_server_that_is_gone_is_asked_ever_more_rarely_and_the_user_is_told() -> None:
    time, told = Time(), []
    gone = [unavailable(REFUSED_CONNECTION, sent=False) for _ in range(12)]
    engine = Scripted(*gone)
    waiting = timed(engine, time, patience=180.0, told=told)
    failing(waiting, 5)
    assert told == [
        "tone does not answer (127.0.0.1 cannot be reached: connection refused): "
        "asking again in 1 s, then ever more rarely, for up to 180 s"
    ]
    waiting.speak(ASK)
    assert engine.asked == 13
    assert [round(seconds, 3) for seconds in time.slept if seconds > 0.1] == [1, 2, 4, 8, 16, 32, 60, 57]
    assert told[1].startswith("tone has not answered for 63 s (127.0.0.1 cannot be reached")
    assert told[-1] == "tone answers again, after 180 s"
    assert len(told) == 4


@pytest.mark.parametrize(
    ("patience", "asked", "sentence"),
    [
        (20.0, 5 + 5, "tone: nothing has answered for 20 s (last: 127.0.0.1 cannot be reached: connection refused)"),
        (None, 5 + 4, "tone: nothing has answered for 15 s (last: 127.0.0.1 cannot be reached: connection refused)"),
        (0.0, 5, "tone: nothing answers (last: 127.0.0.1 cannot be reached: connection refused)"),
    ],
)
def test_patience_ends_for_everybody(patience: float | None, asked: int, sentence: str) -> None:
    time = Time()
    engine = Scripted(*[unavailable(REFUSED_CONNECTION, sent=False) for _ in range(99)])
    waiting = timed(engine, time, patience=patience)
    failing(waiting, 4)
    errors = [*failing(waiting, 1), *failing(waiting, 3, EngineDown)]
    assert {str(error) for error in errors[1:]} == {sentence}
    assert len(set(map(id, errors))) == len(errors), "each thread needs an error of its own"
    assert engine.asked == asked


def test_a_text_that_always_fails_fails_alone() -> None:
    time, told = Time(), []
    engine = Scripted(*[unavailable("tone answered 500") for _ in range(40)])
    waiting = timed(engine, time, told=told)
    for _ in range(40):
        with pytest.raises(EngineUnavailable):
            waiting.speak(ASK)
    assert waiting.speak(ASK) == SILENCE
    assert told == []


def test_a_refusal_is_an_answer() -> None:
    time, told = Time(), []
    outcomes = [*[unavailable() for _ in range(7)], EngineRefused("no", engine="tone")] * 3
    waiting = timed(Scripted(*outcomes), time, told=told)
    for index in range(24):
        with pytest.raises((EngineUnavailable, EngineRefused)):
            waiting.speak(chunk(VOICE, str(index)))
    assert told == []


def test_answers_that_are_doubted_are_answers() -> None:
    time, told = Time(), []
    doubted = [unavailable("the audio sounds for 9 s", doubted=True) for _ in range(40)]
    gone = [unavailable(REFUSED_CONNECTION, sent=False) for _ in range(5)]
    waiting = timed(Scripted(*doubted, *gone, unavailable(doubted=True)), time, told=told)
    failing(waiting, 40)
    assert told == []
    failing(waiting, 5)
    failing(waiting, 1)  # the probe
    assert told[-1] == "tone answers again, after 1 s"
    assert waiting.speak(ASK) == SILENCE


def test_many_workers_outlive_an_outage() -> None:
    """Everybody waits, one probes, nobody's attempts are used up, and all are served in the end."""
    up = threading.Event()
    told: list[str] = []

    def answer(chunk: Chunk) -> Speech:
        if not up.is_set():
            raise unavailable(REFUSED_CONNECTION, sent=False)
        return SILENCE

    engine = Calling(answer)
    inner = limited(engine, most=16, patience=30.0, report=told.append, random=lambda: 0.0)
    stack = Retrying(inner, attempts=3, random=lambda: 0.1, sleep=inner.rest)
    done: list[Speech] = []
    threads = in_threads(lambda index: done.append(stack.speak(chunk(VOICE, f"text {index}"))), 40)
    until(lambda: len(told) == 1)
    asked = len(engine.asked)
    assert asked <= 16 + 5
    up.set()
    assert joined(threads, 5)
    assert len(done) == 40
    assert told[-1].startswith("tone answers again")


# --- the end ---


@pytest.mark.parametrize(
    "error",
    [EngineClosed("bad key", engine="tone"), LimitReached("1.00 USD are spent"), EngineDown("gone", engine="x")],
)
def test_what_ends_the_asking_is_told_to_all_without_a_request(error: NarrateError) -> None:
    asking, release = threading.Event(), threading.Event()

    def answer(chunk: Chunk) -> Speech:
        if chunk.text == "text 0":
            asking.set()
            release.wait(5)
            raise error
        if chunk.text == "in flight":
            flying.set()
            landed.wait(5)
        return SILENCE

    flying, landed = threading.Event(), threading.Event()
    engine = Calling(answer)
    waiting = limited(engine, most=2, adapt=False)
    spoken: list[Speech] = []
    last = in_threads(lambda index: spoken.append(waiting.speak(chunk(VOICE, "in flight"))), 1)
    assert flying.wait(5)
    caught: list[BaseException] = []

    def work(index: int) -> None:
        try:
            waiting.speak(chunk(VOICE, f"text {index}"))
        except NarrateError as failure:
            caught.append(failure)

    first = in_threads(work, 1)
    assert asking.wait(5)
    others = in_threads(lambda index: work(index + 1), 100)
    real_time.sleep(0.05)
    release.set()
    assert joined(first + others, 2)
    assert len(caught) == 101
    assert {(type(failure), str(failure)) for failure in caught} == {(type(error), str(error))}
    assert sum(failure is error for failure in caught) == 1
    assert engine.asked == ["in flight", "text 0"]
    landed.set()
    assert joined(last, 2)
    assert spoken == [SILENCE]
    started = real_time.monotonic()
    waiting.rest(30)
    assert real_time.monotonic() - started < 1, "nobody rests where nothing more can be asked"


@pytest.mark.parametrize(
    "outcomes",
    [
        [EngineClosed("bad key", engine="tone")],
        [unavailable(REFUSED_CONNECTION, sent=False) for _ in range(5)],
    ],
)
def test_a_server_tries_again_what_a_run_would_give_up(outcomes: list[EngineError]) -> None:
    time = Time()
    engine = Scripted(*outcomes)
    waiting = timed(engine, time, patience=0.0, forgets=10.0)
    failing(waiting, len(outcomes), type(outcomes[0]))
    asked = engine.asked
    failing(waiting, 3, EngineDown if len(outcomes) > 1 else EngineClosed)
    assert engine.asked == asked, "until then nobody asks"
    time.now += 9.9
    failing(waiting, 1, EngineDown if len(outcomes) > 1 else EngineClosed)
    time.now += 0.2
    waiting.speak(ASK)
    assert engine.asked == asked + 1
    waiting.rest(0)
    assert not waiting._over.is_set(), "those who come back after a while are waited for again"


def test_a_limit_is_never_forgotten() -> None:
    time = Time()
    waiting = timed(Scripted(LimitReached("1.00 USD are spent")), time, forgets=10.0)
    failing(waiting, 1, LimitReached)
    time.now += 100.0
    failing(waiting, 1, LimitReached)


def test_the_end_wakes_those_who_rest_between_attempts() -> None:
    failed = threading.Event()

    def answer(chunk: Chunk) -> Speech:
        if chunk.text == "last":
            failed.wait(5)
            raise EngineClosed("bad key", engine="tone")
        raise unavailable()

    inner = limited(Calling(answer), most=8)
    stack = Retrying(inner, random=lambda: 1.0, sleep=inner.rest, watch=lambda waiting: failed.set())
    started = real_time.monotonic()
    caught: list[str] = []

    def work(index: int) -> None:
        try:
            stack.speak(chunk(VOICE, ("other", "last")[index]))
        except EngineClosed as error:
            caught.append(str(error))

    assert joined(in_threads(work, 2), 2)
    assert caught == ["bad key"] * 2
    assert real_time.monotonic() - started < 0.45, "the first wait alone would be half a second"


@pytest.mark.parametrize("error", [StoreError("the ledger cannot be written"), Interrupted("stopped")])
def test_what_says_nothing_of_the_server_gives_its_permit_back(error: NarrateError) -> None:
    engine = Scripted(*[error] * 20)
    waiting = limited(engine, most=1)
    failing(waiting, 20, type(error))
    assert waiting.speak(ASK) == SILENCE


def test_a_probe_that_is_cut_off_does_not_keep_the_others_from_probing() -> None:
    time = Time()
    gone = [unavailable(REFUSED_CONNECTION, sent=False) for _ in range(5)]
    waiting = timed(Scripted(*gone, StoreError("full")), time)
    failing(waiting, 5)
    failing(waiting, 1, StoreError)
    assert waiting.speak(ASK) == SILENCE


# --- stopping ---


@pytest.mark.parametrize("where", ["permit", "gate", "circuit"])
def test_hundreds_who_wait_end_at_once(where: str) -> None:
    stop, release = Stop(), threading.Event()
    failures = {
        "gate": [unavailable(retry_after=60.0, throttled=True)],
        "circuit": [unavailable(REFUSED_CONNECTION, sent=False) for _ in range(6)],
    }.get(where, [])

    def answer(chunk: Chunk) -> Speech:
        if failures:
            raise failures.pop()
        release.wait(5)
        return SILENCE

    waiting = limited(Calling(answer), most=1, adapt=False, stop=stop, patience=600.0)
    for _ in range(min(len(failures), 5)):
        with pytest.raises(EngineUnavailable):
            waiting.speak(ASK)
    caught: list[NarrateError] = []

    def work(index: int) -> None:
        try:
            waiting.speak(chunk(VOICE, f"text {index}"))
        except NarrateError as error:
            caught.append(error)

    threads = in_threads(work, 300)
    real_time.sleep(0.05)
    started = real_time.monotonic()
    stop.set()
    until(lambda: len(caught) >= 299)
    assert real_time.monotonic() - started < 1
    release.set()
    assert joined(threads, 2)
    assert all(isinstance(error, Interrupted) for error in caught)


def test_after_stopping_nothing_is_asked() -> None:
    stop, engine = Stop(), Scripted()
    stop.set()
    with pytest.raises(Interrupted):
        limited(engine, most=4, stop=stop).speak(ASK)
    assert engine.asked == 0


# --- in flight ---


def test_no_more_than_the_most_are_in_flight_and_those_who_came_first_go_first() -> None:
    release = threading.Event()
    first = threading.Event()

    def answer(chunk: Chunk) -> Speech:
        if chunk.text == "first":
            first.set()
            release.wait(5)
        return SILENCE

    engine = Calling(answer)
    waiting = limited(engine, most=1, adapt=False)
    threads = in_threads(lambda index: waiting.speak(chunk(VOICE, "first")), 1)
    assert first.wait(5)
    for index in range(20):
        threads += in_threads(lambda _, index=index: waiting.speak(chunk(VOICE, f"{index:02}")), 1)
        until(lambda index=index: len(waiting._queue) == index + 1)
    release.set()
    assert joined(threads, 5)
    assert engine.asked[1:] == sorted(engine.asked[1:])
    assert engine.most == 1


def test_waiting_in_line_costs_next_to_nothing() -> None:
    """10,000 chunks of an engine that answers at once, by 64 threads: well under a second of this process."""
    engine = Calling(lambda chunk: SILENCE)
    waiting = limited(engine, most=64)
    left = list(range(10_000))

    def work(index: int) -> None:
        while left:
            try:
                left.pop()
            except IndexError:
                return
            waiting.speak(ASK)

    started = real_time.process_time()
    assert joined(in_threads(work, 64), 20)
    assert real_time.process_time() - started < 3
    assert len(engine.asked) == 10_000
