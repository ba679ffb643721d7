"""FAMILY: work on items, wherever and whenever it suits. Executors know nothing of speech."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class Executor(Protocol):
    """Who decides when and where work is done."""

    def map(self, work: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """Yield ``work(item)`` in order of completion, taking ``items`` lazily with a bounded lookahead.

        An exception of ``work`` is raised at the caller's ``next``; what is in flight then is waited for briefly or
        abandoned, never awaited without end. Closing the iterator does the same.
        """
        ...
