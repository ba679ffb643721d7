"""What every executor promises."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from narrate.executors import Executor


def double(item: int) -> int:
    return 2 * item


def fail_at_five(item: int) -> int:
    if item == 5:
        raise ValueError("five")
    return item


class ExecutorSuite:
    """Subclass it with a fixture ``executor``; ``lookahead`` is the most it may take before it is asked again."""

    lookahead = 100

    def test_every_item_once(self, executor: Executor) -> None:
        assert sorted(executor.map(double, range(50))) == [2 * item for item in range(50)]

    def test_no_items(self, executor: Executor) -> None:
        assert list(executor.map(double, [])) == []

    def test_errors_reach_the_caller(self, executor: Executor) -> None:
        with pytest.raises(ValueError, match="five"):
            list(executor.map(fail_at_five, range(50)))

    def test_an_error_of_the_items_reaches_the_caller(self, executor: Executor) -> None:
        def items() -> Iterator[int]:
            yield 1
            raise KeyError("items")

        with pytest.raises(KeyError):
            list(executor.map(double, items()))

    def test_items_are_taken_lazily(self, executor: Executor) -> None:
        taken = itertools.count()
        results = executor.map(double, (next(taken) * 0 + 1 for _ in range(10_000)))
        next(results)
        results.close() if hasattr(results, "close") else None
        assert next(taken) <= self.lookahead

    def test_usable_again(self, executor: Executor) -> None:
        assert sorted(executor.map(double, [1])) == [2]
        assert sorted(executor.map(double, [2])) == [4]
