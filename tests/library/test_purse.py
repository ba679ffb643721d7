"""What all books of a run may spend together is never passed, whoever asks first."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from narrate.bounds import Limits
from narrate.job import Job
from narrate.library.purse import Spending


@given(
    st.lists(st.integers(0, 400), max_size=30), st.sampled_from([0.1, 15.0, 0.3]), st.sampled_from([0.001, 0.01, 0.1])
)
def test_money_is_exact(sizes: list[int], price: float, cost: float) -> None:
    spending = Spending(Limits(cost), "USD")
    spent = sum(size for size in sizes if not spending.take(size, price, "USD"))
    assert spent * Fraction(repr(price)) <= Fraction(repr(cost)) * 1_000_000


def test_many_threads_do_not_pass_a_limit() -> None:
    spending = Spending(Limits(requests=100), "USD")
    with ThreadPoolExecutor(8) as pool:
        allowed = sum(not over for over in pool.map(lambda _: spending.take(1, None, None), range(400)))
    assert allowed == 100


def test_the_first_that_would_pass_ends_it() -> None:
    spending = Spending(Limits(characters=10), "USD")
    assert spending.take(9, None, None) == ""
    assert "10 characters" in spending.take(2, None, None)
    assert spending.take(1, None, None) == spending.over != ""


def test_what_was_not_sent_is_given_back() -> None:
    spending = Spending(Limits(characters=10), "USD")
    spending.take(9, 1.0, "USD")
    spending.give_back(9, 1.0)
    assert spending.take(10, 1.0, "USD") == ""


@pytest.mark.parametrize(
    ("price", "currency", "why"), [(None, None, "unknown"), (1.0, "EUR", "in EUR"), (float("nan"), "USD", "unknown")]
)
def test_a_limit_in_money_that_cannot_be_kept_lets_nothing_through(
    price: float | None, currency: str | None, why: str
) -> None:
    assert why in Spending(Limits(5.0), "USD").take(1, price, currency)


def test_what_costs_nothing_is_not_limited_in_money() -> None:
    spending = Spending(Limits(0.0), "USD")
    assert spending.take(1000, 0.0, "USD") == ""
    assert spending.limited
    assert not Spending(Limits(), "USD").limited


def test_where_the_money_is_spent_what_costs_nothing_goes_on() -> None:
    spending = Spending(Limits(0.001), "USD")
    assert spending.take(10, 1000.0, "USD") != ""
    assert spending.take(10, 0.0, "USD") == ""
    assert spending.bars(Job(Path("a"), engine="openai"))
    assert spending.bars(Job(Path("a"), engine="tone", price=3.0))
    assert not spending.bars(Job(Path("a"), engine="tone"))
    assert spending.over


def test_at_a_limit_of_requests_nothing_goes_on() -> None:
    spending = Spending(Limits(requests=1), "USD")
    assert not spending.bars(Job(Path("a"), engine="tone"))
    assert (spending.take(1, 0.0, "USD"), spending.take(1, 0.0, "USD") != "") == ("", True)
    assert spending.bars(Job(Path("a"), engine="tone"))


def test_what_several_shelves_may_spend_together() -> None:
    together = Spending(Limits(requests=3), "USD")
    first, second = (Spending(Limits(requests=2), "USD", together) for _ in range(2))
    assert [bool(first.take(1, None, None)) for _ in range(3)] == [False, False, True]
    assert not second.over, "what one shelf alone may spend holds for it alone"
    assert second.limited
    assert second.take(1, None, None) == ""
    second.give_back(1, None)
    assert second.take(1, None, None) == ""
    assert "3 requests" in second.take(1, None, None)
    assert second.over
    assert Spending(Limits(), "USD", together).bars(Job(Path()))
