"""What became of a shelf's run, book by book."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from narrate.library.due import Standing
from narrate.library.orders import Listing
from narrate.library.records import Record
from narrate.library.shelf import Shelf


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a book that was due, and ``why`` it was. ``payload`` is its manifest's summary."""

    standing: Standing
    record: Record
    payload: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Outcome:
    """A shelf's run. ``took`` is seconds. ``left`` are the books that were due and not begun, ``over`` says why.

    ``news`` says whether anything happened: else nobody needs to be told.
    """

    shelf: Shelf
    listing: Listing
    standings: tuple[Standing, ...]
    results: tuple[Result, ...] = ()
    left: tuple[Standing, ...] = ()
    over: str = ""
    took: float = 0.0
    hook_failures: tuple[str, ...] = ()

    def of(self, state: str) -> tuple[Result, ...]:
        """The results of one state: made, failed, paused."""
        return tuple(result for result in self.results if result.record.state == state)

    @property
    def unreadable(self) -> tuple[Standing, ...]:
        """Books that cannot be read, as was told before."""
        return tuple(each for each in self.standings if each.state == "unreadable")

    @property
    def news(self) -> bool:
        """Whether anything was made, tried or found wrong."""
        return bool(self.results or self.left or self.listing.problems)

    @property
    def failed(self) -> bool:
        """Whether anything is wrong: now, or still."""
        return bool(self.of("failed") or self.listing.problems or self.unreadable)

    @property
    def exit_code(self) -> int:
        """0, or 6 where a book failed or is left for the next run."""
        return 6 if self.failed or self.left or self.of("paused") else 0
