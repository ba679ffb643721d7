"""Work done right here, one item after the other: for tests, and where order matters more than time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from narrate.executors import Item, Result


class Inline:
    """An executor of one, without threads."""

    def map(self, work: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """Yield ``work(item)`` for each item, in order."""
        return map(work, items)
