"""The hours in which a shelf is narrated: local time, as the clock on the wall shows it."""

from __future__ import annotations

import time
from dataclasses import dataclass

from narrate.schedules import is_within

Hour = tuple[int, int]
"""A time of the day: hour and minute."""


@dataclass(frozen=True, slots=True)
class Window:
    """Work goes on ``since`` one time of the day ``until`` another, over midnight if need be; None is no bound."""

    since: Hour | None = None
    until: Hour | None = None

    def is_open(self, now: float) -> bool:
        """Whether a run may begin at ``now`` (seconds since 1970)."""
        if self.since is None or self.until is None:
            return True
        clock = time.localtime(now)
        return is_within((clock.tm_hour, clock.tm_min), self.since, self.until)

    def end(self, now: float) -> float | None:
        """When a run that begins at ``now`` has to stop: the next moment at which the clock shows ``until``."""
        return _next(self.until, now) if self.until is not None else None

    def begin(self, now: float) -> float:
        """When a run may begin: ``now``, or the next moment at which the clock shows ``since``."""
        return now if self.since is None or self.is_open(now) else _next(self.since, now)

    def __str__(self) -> str:
        return " ".join(
            f"{word} {hour[0]:02}:{hour[1]:02}"
            for word, hour in (("from", self.since), ("until", self.until))
            if hour is not None
        )


def _next(hour: Hour, now: float) -> float:
    """The next moment after ``now`` at which the clock shows ``hour``."""
    clock = time.localtime(now)
    moments = (
        # mktime takes the 32nd of a month, and knows of summer time
        time.mktime((clock.tm_year, clock.tm_mon, clock.tm_mday + days, *hour, 0, 0, 0, -1))
        for days in (0, 1, 2)
    )
    return next(moment for moment in moments if moment > now)
