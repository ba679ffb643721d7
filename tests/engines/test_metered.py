"""No limit is passed, whatever comes in whatever order; what was sent is noted before it is sent."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from narrate.bounds import Limits
from narrate.engines import Price, Speech
from narrate.engines.metered import Budget, Metered
from narrate.engines.tone import Tone
from narrate.errors import (
    EngineClosed,
    EngineRefused,
    EngineUnavailable,
    Interrupted,
    LimitReached,
    NarrateError,
    StoreError,
)
from narrate.ledger import FILE, Ledger, Request, Ticket
from narrate.script import Chunk, Voice

VOICE = Voice("lmnt", "blizzard", "leah")
SPEECH = Speech(b"\0\0", "pcm_s16le", 24_000, request_id="req-1")
PRICE = Price(15.0)


class Fake:
    """Counts what reaches it, and does as it is told."""

    def __init__(self, *answers: Speech | BaseException, gate: Callable[[], object] = lambda: None) -> None:
        self.answers = list(answers)
        self.gate = gate
        self.lock = threading.Lock()
        self.sent: list[int] = []
        self.traits = replace(Tone().traits, name="lmnt")

    def speak(self, chunk: Chunk) -> Speech:
        with self.lock:
            self.sent.append(len(chunk.text))
            answer = self.answers.pop(0) if self.answers else SPEECH
        self.gate()
        if isinstance(answer, BaseException):
            if getattr(answer, "sent", True) is False:
                with self.lock:
                    self.sent.remove(len(chunk.text))
            raise answer
        return answer


def chunk(characters: int) -> Chunk:
    return Chunk("x" * characters, VOICE, 0)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = Ledger(tmp_path / FILE)
    yield opened
    opened.close()


def metered(engine: Fake, budget: Budget | None = None, ledger: Ledger | None = None, **more: object) -> Metered:
    return Metered(engine, budget or Budget(Limits(), PRICE), ledger, book="Dune", run="r1", **more)  # type: ignore[arg-type]


# --- the budget


def test_a_limit_that_is_exactly_the_price_is_enough() -> None:
    for price, cost, characters in (
        (0.1, 0.3, 3_000_000),
        (15.0, 0.0045, 300),
        (3.0, 1e-06, 0),
        (1e-07, 0.7, 7 * 10**12),
    ):
        budget = Budget(Limits(cost=cost), Price(price))
        budget.reserve(characters)
        with pytest.raises(LimitReached):
            budget.reserve(1)
        assert budget.characters == characters


def test_one_limit_holds_for_several_books() -> None:
    first = Budget(Limits(cost=0.3), Price(0.1))
    first.reserve(1_000_000)
    second = Budget(Limits(cost=0.3), Price(0.1), [first])
    second.reserve(2_000_000)
    with pytest.raises(LimitReached, match=r"0\.30 USD is reached: 0\.30 are spent"):
        Budget(Limits(cost=0.3), Price(5.0), [first, second]).reserve(2_000)
    with pytest.raises(LimitReached, match="3,000,000 were sent, and the next request has 1"):
        Budget(Limits(characters=3_000_000), None, [first, second]).reserve(1)
    with pytest.raises(LimitReached, match="2 were sent"):
        Budget(Limits(requests=2), None, [first, second]).reserve(1)
    assert second.requests == 1  # its own


def test_many_small_requests_do_not_drift() -> None:
    budget = Budget(Limits(cost=0.1), Price(0.1))  # a million characters, in thirds
    for _ in range(300_000):
        budget.reserve(3)
    budget.reserve(100_000)
    assert budget.cost == pytest.approx(0.1)
    with pytest.raises(LimitReached):
        budget.reserve(1)


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        (Limits(cost=0.003), ("0.0030 USD", "0.0015 are spent", "would cost 0.0030", "--max-cost", "max_cost")),
        (Limits(characters=250), ("250 characters", "100 were sent", "has 200", "--max-characters", "max_characters")),
        (Limits(requests=1), ("1 requests", "1 were sent", "--max-requests", "max_requests")),
    ],
)
def test_the_sentence_says_which_limit_what_is_spent_and_what_to_do(limits: Limits, words: tuple[str, ...]) -> None:
    budget = Budget(limits, PRICE)
    budget.reserve(100)
    with pytest.raises(LimitReached) as caught:
        budget.reserve(200)
    for word in words:
        assert word in str(caught.value)
    assert "\n" not in str(caught.value)


def test_after_the_first_refusal_everything_is_refused() -> None:
    budget = Budget(Limits(characters=100), PRICE)
    budget.reserve(50)
    for size in (51, 1, 0):
        with pytest.raises(LimitReached, match="has 51;"):
            budget.reserve(size)
    budget.release(50)
    with pytest.raises(LimitReached):
        budget.reserve(1)
    assert (budget.requests, budget.characters, budget.cost) == (0, 0, 0)


@pytest.mark.parametrize("price", [None, Price(float("nan")), Price(float("inf"))])
def test_a_limit_of_money_without_a_price_lets_nothing_pass(price: Price | None) -> None:
    with pytest.raises(LimitReached, match="max-cost"):
        Budget(Limits(cost=5.0), price).reserve(1)


@pytest.mark.parametrize("limits", [Limits(), Limits(cost=float("inf")), Limits(cost=0.0)])
def test_what_is_free_meets_no_limit_of_money(limits: Limits) -> None:
    budget = Budget(limits, Price(0.0))
    budget.reserve(10**9)
    assert budget.cost == 0


def test_nothing_may_be_spent_where_the_limit_is_zero() -> None:
    with pytest.raises(LimitReached):
        Budget(Limits(cost=0.0), PRICE).reserve(1)


def test_without_a_price_the_cost_is_unknown() -> None:
    budget = Budget(Limits(), None)
    budget.reserve(5)
    assert (budget.requests, budget.characters, budget.cost) == (1, 5, None)


FAILURES: tuple[Callable[[], BaseException], ...] = (
    lambda: EngineRefused("no"),
    lambda: EngineUnavailable("late"),
    lambda: EngineUnavailable("slower", throttled=True),
    lambda: EngineUnavailable("no way there", sent=False),
    lambda: Interrupted("stopped"),
)


@settings(max_examples=60, deadline=None)
@given(
    sizes=st.lists(st.integers(0, 400), min_size=1, max_size=40),
    answers=st.lists(st.sampled_from([None, *FAILURES]), max_size=40),
    cost=st.none() | st.floats(0, 0.2),
    characters=st.none() | st.integers(0, 8000),
    requests=st.none() | st.integers(0, 40),
    price=st.floats(0.01, 100),
    workers=st.integers(1, 12),
)
def test_no_interleaving_passes_a_limit(
    sizes: list[int],
    answers: list[Callable[[], BaseException] | None],
    cost: float | None,
    characters: int | None,
    requests: int | None,
    price: float,
    workers: int,
) -> None:
    engine = Fake(*(SPEECH if make is None else make() for make in answers))
    limits = Limits(cost, characters, requests)
    budget = Budget(limits, Price(price))
    wrapped = metered(engine, budget)

    def work(size: int) -> bool:
        """Whether it was turned away before it was sent."""
        for _ in range(3):
            try:
                wrapped.speak(chunk(size))
            except LimitReached:
                return True
            except NarrateError:
                continue
            break
        return False

    with ThreadPoolExecutor(workers) as pool:
        turned_away = list(pool.map(work, sizes))
    assert cost is None or sum(engine.sent) * Decimal(repr(price)) <= Decimal(repr(cost)) * 1_000_000
    assert characters is None or sum(engine.sent) <= characters
    assert requests is None or len(engine.sent) <= requests
    assert budget.characters == sum(engine.sent)
    assert budget.requests == len(engine.sent)
    assert any(turned_away) or limits == Limits() or len(engine.sent) >= 1


def test_what_is_in_flight_counts() -> None:
    gate = threading.Barrier(2, timeout=10)
    engine = Fake(gate=gate.wait)
    wrapped = metered(engine, Budget(Limits(characters=150), PRICE))
    with ThreadPoolExecutor(1) as pool:
        flying = pool.submit(wrapped.speak, chunk(100))
        while not engine.sent:
            pass
        with pytest.raises(LimitReached):
            wrapped.speak(chunk(100))
        gate.wait()
        assert flying.result() == SPEECH
    assert engine.sent == [100]


# --- what is noted


@pytest.mark.parametrize(
    ("error", "state", "billed", "counted"),
    [
        (EngineRefused("no", request_id="id"), "refused", 0, 10),
        (EngineClosed("key", request_id="id"), "refused", 0, 10),
        (EngineUnavailable("429", throttled=True, request_id="id"), "throttled", 0, 10),
        (EngineUnavailable("late", request_id="id"), "failed", None, 10),
        (EngineUnavailable("no route", sent=False, request_id="id"), "unsent", 0, 0),
        (EngineClosed("no key", sent=False, request_id="id"), "unsent", 0, 0),
        (Interrupted("stopped"), "failed", None, 10),
        (KeyboardInterrupt(), "failed", None, 10),
        (RuntimeError("our fault"), "failed", None, 10),
    ],
)
def test_a_failure_is_noted_for_what_it_is(
    ledger: Ledger, error: BaseException, state: str, billed: int | None, counted: int
) -> None:
    budget = Budget(Limits(), PRICE)
    with pytest.raises(type(error)) as caught:
        metered(Fake(error), budget, ledger).speak(chunk(10))
    assert caught.value is error
    (record,) = ledger.requests()
    assert (record.state, record.billed) == (state, billed)
    assert record.request_id == getattr(error, "request_id", "")
    assert budget.characters == counted


def test_an_answer_is_noted_with_all_that_it_was_for(ledger: Ledger) -> None:
    now = iter([100.0, 102.5])
    asked = chunk(12)
    wrapped = metered(Fake(), ledger=ledger, source="dune.epub", clock=lambda: next(now))
    assert wrapped.speak(asked) == SPEECH
    assert wrapped.traits.name == "lmnt"
    (record,) = ledger.requests()
    assert (record.state, record.billed, record.request_id, record.seconds) == ("spoken", 12, "req-1", 2.5)
    assert (record.book, record.source, record.run, record.key) == ("Dune", "dune.epub", "r1", asked.key)
    assert (record.engine, record.model, record.voice) == ("lmnt", "blizzard", "leah")
    assert (record.price, record.currency, record.attempt) == (15.0, "USD", 1)
    assert asked.text.encode() not in ledger.path.read_bytes()


def test_it_is_noted_before_it_is_sent(ledger: Ledger) -> None:
    seen: list[list[str]] = []
    engine = Fake(gate=lambda: seen.append([record.state for record in ledger.requests()]))
    metered(engine, ledger=ledger).speak(chunk(5))
    assert seen == [["in flight"]]


def test_what_cannot_be_noted_is_not_sent(ledger: Ledger) -> None:
    ledger.path.mkdir()
    engine, budget = Fake(), Budget(Limits(), PRICE)
    with pytest.raises(StoreError):
        metered(engine, budget, ledger).speak(chunk(5))
    assert engine.sent == []
    assert (budget.requests, budget.characters) == (0, 0)


def test_past_a_limit_nothing_is_noted(ledger: Ledger) -> None:
    with pytest.raises(LimitReached):
        metered(Fake(), Budget(Limits(requests=0), PRICE), ledger).speak(chunk(5))
    assert not ledger.path.exists()


class Unsettling(Ledger):
    """Its disk fills up after the reservation."""

    def settle(self, ticket: Ticket, state: object, request_id: str = "", seconds: float | None = None) -> None:
        raise StoreError(f"{self.path}: the ledger cannot be written: disk full")


def test_a_paid_answer_outlives_a_ledger_that_fails(tmp_path: Path) -> None:
    ledger, said = Unsettling(tmp_path / FILE), list[str]()
    wrapped = metered(Fake(SPEECH, SPEECH, EngineRefused("no")), ledger=ledger, report=said.append)
    assert wrapped.speak(chunk(5)) == SPEECH
    assert wrapped.speak(chunk(6)) == SPEECH
    with pytest.raises(EngineRefused):
        wrapped.speak(chunk(7))
    assert len(said) == 1
    assert "possibly billed" in said[0]
    assert [record.state for record in ledger.requests()] == ["in flight"] * 3
    ledger.close()


def test_without_a_ledger_the_budget_is_kept_all_the_same() -> None:
    engine = Fake()
    wrapped = metered(engine, Budget(Limits(requests=2), None))
    wrapped.speak(chunk(1))
    wrapped.speak(chunk(1))
    with pytest.raises(LimitReached):
        wrapped.speak(chunk(1))
    assert engine.sent == [1, 1]


def test_an_unknown_price_is_noted_as_unknown(ledger: Ledger) -> None:
    metered(Fake(), Budget(Limits(), None), ledger).speak(chunk(5))
    (record,) = ledger.requests()
    assert (record.price, record.currency, record.cost) == (None, None, None)


def test_what_the_budget_only_guesses_is_noted_as_unknown(ledger: Ledger) -> None:
    budget = Budget(Limits(cost=1.0), PRICE)
    metered(Fake(), budget, ledger, price=None).speak(chunk(5))
    metered(Fake(), budget, ledger, price=Price(1.0, "EUR")).speak(chunk(5))
    assert [(record.price, record.currency) for record in ledger.requests()] == [(None, None), (1.0, "EUR")]


def test_a_budget_is_shared_by_books(ledger: Ledger) -> None:
    budget = Budget(Limits(characters=10), PRICE)
    first = Metered(Fake(), budget, ledger, book="One", run="r1")
    second = Metered(Fake(), budget, ledger, book="Two", run="r1")
    first.speak(chunk(6))
    with pytest.raises(LimitReached):
        second.speak(chunk(6))
    assert [item.group for item in ledger.spending(("book",))] == [("One",)]


def test_a_request_is_all_the_ledger_is_told() -> None:
    """No field could hold a text or a key of an account."""
    assert set(Request.__slots__) == {
        "run", "book", "engine", "model", "voice", "key", "characters", "price", "currency", "source",
    }  # fmt: skip
