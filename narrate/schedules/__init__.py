"""FAMILY: a schedule -> the files that have a shelf narrated by it. One file per kind: cron, systemd, launchd, k8s.

Each has ``units(schedule)``, and is pure text: no clock, no environment, nothing is read or written. Whatever a path
holds reaches narrate unchanged; what a format cannot carry at all is refused (``Schedule.check``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from narrate.errors import JobError, shown

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_WEEK = tuple(range(7))
_MINUTES = (1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30)
_HOURS = (1, 2, 3, 4, 6, 8, 12)
"""What divides an hour and a day, so that it can be said as times of the day: cron knows no other intervals."""
_UNSAYABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
"""A crontab's line ends at a line's end, XML knows no controls, and a unit is UTF-8."""


@dataclass(frozen=True, slots=True, order=True)
class Clock:
    """A time of the day, local to whoever starts the run."""

    hour: int
    minute: int

    def __str__(self) -> str:
        return f"{self.hour:02d}:{self.minute:02d}"


Moment = TypeVar("Moment", Clock, tuple[int, int])


@dataclass(frozen=True, slots=True)
class Schedule:
    """When ``narrate library`` is started, for which shelf, and how."""

    shelf: str
    """An absolute path."""
    command: tuple[str, ...] = ("/usr/bin/narrate",)
    """How narrate is started here: an absolute path, and what must follow it."""
    name: str = "narrate-shelf"
    """Of the unit; see ``unit_name``."""
    at: Clock = Clock(1, 30)
    every: int = 0
    """Minutes; 0: once a day, ``at`` that time."""
    days: tuple[int, ...] = _WEEK
    """Days of the week, Monday is 0, in order."""
    flags: tuple[str, ...] = ()
    """Of ``narrate library``, after the shelf."""
    since: Clock | None = None
    until: Clock | None = None
    """The hours of a run, by its flags or its shelf: outside of them one does nothing, and at their end it ends."""
    environment: tuple[tuple[str, str], ...] = ()
    """Variables of the run; never a key, but the name of a file that holds one."""
    home: str = "/root"
    """The home of the user whose shelf it is; launchd keeps a log there."""
    owner: str = ""
    """The user whom a unit of the whole system runs as; "": a unit of the user's own (systemd)."""
    image: str = ""
    """The container image that holds narrate (k8s)."""
    zone: str = "Etc/UTC"
    """The time zone of ``at`` and ``until`` (k8s)."""

    @property
    def words(self) -> tuple[str, ...]:
        """The run, word by word."""
        return (*self.command, "library", self.shelf, *self.flags)

    @property
    def said(self) -> str:
        """When it is, for people: "every day at 01:30", "every 15 minutes on mon-fri"."""
        days = "" if self.days == _WEEK else ",".join(_said(ranges(self.days)))
        if not self.every:
            return f"{days or 'every day'} at {self.at}"
        number, unit = (self.every, "minute") if self.every < 60 else (self.every // 60, "hour")
        often = f"every {unit}" if number == 1 else f"every {number} {unit}s"
        return f"{often} on {days}" if days else often

    @property
    def hours(self) -> tuple[str, ...]:
        """Lines about ``since`` and ``until``, for comments."""
        if self.until is None:
            return ()
        if self.since is None:
            return (f"A run that is at work at {self.until} ends in good order; the next goes on.",)
        return (
            f"A run works from {self.since} until {self.until}. One that is started outside of these hours does",
            "nothing, and one that is at work at their end ends in good order; the next goes on.",
        )

    @property
    def made_up(self) -> bool:
        """Whether a run that was missed may be started late: without ``since`` it would go on for a day."""
        return self.until is None or self.since is not None

    @property
    def cron_fields(self) -> str:
        """The five fields of cron: minute, hour, day, month, day of the week (0 is Sunday)."""
        days = "*" if self.days == _WEEK else ",".join(_numbers(ranges((day + 1) % 7 for day in self.days)))
        if not self.every:
            return f"{self.at.minute} {self.at.hour} * * {days}"
        if self.every < 60:
            return f"{_step(self.every)} * * * {days}"
        return f"0 {_step(self.every // 60)} * * {days}"

    def check(self) -> Schedule:
        """This schedule; JobError names what no schedule can carry."""
        texts = (*self.words, self.name, self.home, self.owner, self.image, self.zone)
        for text in (*texts, *(value for _, value in self.environment)):
            if _UNSAYABLE.search(text):
                raise JobError(f"{shown(text)}: holds control characters, which no schedule can say; rename it")
        return self


@dataclass(frozen=True, slots=True)
class Unit:
    """A file of a schedule: what it is called, and its text."""

    name: str
    text: str


def clock(text: str) -> Clock:
    """A time of the day, as 01:30 or 23:05; ValueError says how it is written."""
    found = re.fullmatch(r"([01]?\d|2[0-3]):([0-5]\d)", text.strip(), re.ASCII)
    if found is None:
        raise ValueError(f"{shown(text)!r} is no time of the day; write it as 01:30")
    return Clock(int(found[1]), int(found[2]))


def is_within(moment: Moment, since: Moment, until: Moment) -> bool:
    """Whether a time of the day lies in these hours, which may go over midnight."""
    return since <= moment < until if since < until else moment >= since or moment < until


def interval(text: str) -> int:
    """Minutes of an interval, as 15m or 2h; ValueError names those there are."""
    found = re.fullmatch(r"(\d{1,3})\s*(m|min|h)", text.strip().lower(), re.ASCII)
    minutes = int(found[1]) * (60 if found[2] == "h" else 1) if found else 0
    if minutes not in _MINUTES and minutes not in {hours * 60 for hours in _HOURS}:
        known = f"{', '.join(map(str, _MINUTES))} m or {', '.join(map(str, _HOURS))} h"
        raise ValueError(f"{shown(text)!r} does not divide the day: write 15m or 2h; there are {known}")
    return minutes


def weekdays(text: str) -> tuple[int, ...]:
    """Days of the week, as mon-fri or sat,sun (fri-mon goes over the weekend); ValueError names what is none."""
    found: set[int] = set()
    for part in text.lower().split(","):
        first, dash, last = (end.strip() for end in part.partition("-"))
        start, end = _day(first), _day(last if dash else first)
        found |= {(start + step) % 7 for step in range((end - start) % 7 + 1)}
    return tuple(sorted(found))


def unit_name(stem: str) -> str:
    """A name every kind of schedule takes: "narrate-" and what is plain ASCII in a shelf's name."""
    plain = re.sub("[^a-z0-9]+", "-", stem.lower()).strip("-")[:40].strip("-")
    return f"narrate-{plain or 'shelf'}"


def ranges(numbers: Iterable[int]) -> list[tuple[int, int]]:
    """Runs of neighbours: 0 1 2 5 6 is (0, 2), (5, 6)."""
    runs: list[tuple[int, int]] = []
    for number in sorted(numbers):
        if runs and runs[-1][1] == number - 1:
            runs[-1] = (runs[-1][0], number)
        else:
            runs.append((number, number))
    return runs


def comment(*lines: str) -> str:
    """``lines`` behind hashes, harmless whatever they name, and with their ends."""
    return "".join(f"# {shown(line)}".rstrip() + "\n" for line in lines)


def _day(text: str) -> int:
    if text[:3] in DAYS and _FULL[DAYS.index(text[:3])].startswith(text):
        return DAYS.index(text[:3])
    raise ValueError(f"{shown(text)!r} is no day of the week; write mon-fri or sat,sun")


_FULL = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def _said(runs: Sequence[tuple[int, int]]) -> list[str]:
    return [DAYS[first] if first == last else f"{DAYS[first]}-{DAYS[last]}" for first, last in runs]


def _numbers(runs: Sequence[tuple[int, int]]) -> list[str]:
    return [str(first) if first == last else f"{first}-{last}" for first, last in runs]


def _step(step: int) -> str:
    return "*" if step == 1 else f"*/{step}"
