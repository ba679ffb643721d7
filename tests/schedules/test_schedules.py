"""Times, intervals and days as they are written; and that all kinds of schedule mean the same moments."""

from __future__ import annotations

import os
import plistlib
import re
import shutil
import subprocess
from itertools import product
from typing import Any

import pytest
import yaml

from narrate.errors import JobError
from narrate.schedules import Clock, Schedule, clock, cron, interval, k8s, launchd, ranges, systemd, unit_name, weekdays
from tests.schedules.scheduled import TIMES

Moment = tuple[int, int, int]
"""Day of the week (0 is Sunday), hour, minute."""
NO_SYSTEMD = pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not installed")


@pytest.mark.parametrize(
    ("text", "time"), [("01:30", (1, 30)), ("1:30", (1, 30)), ("23:59", (23, 59)), ("0:00", (0, 0))]
)
def test_times(text: str, time: tuple[int, int]) -> None:
    assert clock(text) == Clock(*time)
    assert str(clock(text)) == f"{time[0]:02d}:{time[1]:02d}"


@pytest.mark.parametrize("text", ["", "24:00", "1:60", "0130", "1:3", "noon", "-1:00", "01:30:00", "١:٣٠"])
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(ValueError, match="write it as 01:30"):
        clock(text)


@pytest.mark.parametrize(("text", "minutes"), [("1m", 1), ("15m", 15), ("15 min", 15), ("60m", 60), ("2H", 120)])
def test_intervals(text: str, minutes: int) -> None:
    assert interval(text) == minutes


@pytest.mark.parametrize("text", ["", "7m", "90m", "0m", "5h", "24h", "1d", "15", "-15m", "1.5h"])
def test_intervals_that_do_not_divide_the_day(text: str) -> None:
    with pytest.raises(ValueError, match="write 15m or 2h"):
        interval(text)


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("mon", (0,)),
        ("mon-fri", (0, 1, 2, 3, 4)),
        ("Sat, SUN", (5, 6)),
        ("fri-mon", (0, 4, 5, 6)),
        ("tue,tuesday,Thurs", (1, 3)),
        ("mon-sun", tuple(range(7))),
    ],
)
def test_days(text: str, days: tuple[int, ...]) -> None:
    assert weekdays(text) == days


@pytest.mark.parametrize("text", ["", "m", "mond-", "montag", "1-5", "mon--fri", "mon fri", "sunny"])
def test_what_is_no_day(text: str) -> None:
    with pytest.raises(ValueError, match="no day of the week"):
        weekdays(text)


@pytest.mark.parametrize(
    ("stem", "name"),
    [
        ("shelf", "narrate-shelf"),
        ("My Shelf (2)", "narrate-my-shelf-2"),
        ("Книги", "narrate-shelf"),
        ("x" * 80, "narrate-" + "x" * 40),
        ("--", "narrate-shelf"),
    ],
)
def test_names_of_units(stem: str, name: str) -> None:
    assert unit_name(stem) == name


def test_runs_of_neighbours() -> None:
    assert ranges([6, 0, 2, 1]) == [(0, 2), (6, 6)]


def test_what_people_are_told() -> None:
    assert [schedule.said for schedule in TIMES] == [
        "every day at 01:30",
        "mon-fri at 23:05",
        "sat-sun at 00:00",
        "mon,wed,sun at 06:30",
        "every minute",
        "every 15 minutes",
        "every hour",
        "every 20 minutes on fri-sun",
        "every 6 hours on sun",
    ]


@pytest.mark.parametrize("odd", ["two\nlines", "tab\t", "\x1b[31m", "\x85", "no unicode \udcff", "\ufffe"])
def test_what_no_schedule_can_carry_is_refused(odd: str) -> None:
    for schedule in (
        Schedule(f"/{odd}.toml"),
        Schedule("/s.toml", command=(f"/{odd}/narrate",)),
        Schedule("/s.toml", flags=("--log", odd)),
        Schedule("/s.toml", environment=(("LMNT_API_KEY_FILE", odd),)),
    ):
        with pytest.raises(JobError, match="control characters") as refused:
            schedule.check()
        assert "\n" not in str(refused.value)
        assert "\x1b" not in str(refused.value)


# All kinds mean the same moments.


def of_cron(fields: str) -> set[Moment]:
    """What the five fields mean, as far as we write them."""
    minute, hour, day, month, weekday = fields.split()
    assert (day, month) == ("*", "*")
    return set(product(of_field(weekday, 7), of_field(hour, 24), of_field(minute, 60)))


def of_field(field: str, end: int) -> set[int]:
    found: set[int] = set()
    for part in field.split(","):
        scope, _, step = part.partition("/")
        first, _, last = (scope if scope != "*" else f"0-{end - 1}").partition("-")
        found |= set(range(int(first), int(last or first) + 1, int(step or 1)))
    return found


def of_launchd(schedule: Schedule) -> set[Moment]:
    (unit,) = launchd.units(schedule)
    found: set[Moment] = set()
    for entry in plistlib.loads(unit.text.encode())["StartCalendarInterval"]:
        parts = (("Weekday", 7), ("Hour", 24), ("Minute", 60))
        found |= set(product(*([entry[name]] if name in entry else range(end) for name, end in parts)))
    return found


def expected(schedule: Schedule) -> set[Moment]:
    days = {(day + 1) % 7 for day in schedule.days}
    times = (
        {divmod(minute, 60) for minute in range(0, 24 * 60, schedule.every)}
        if schedule.every
        else {(schedule.at.hour, schedule.at.minute)}
    )
    return {(day, *time) for day in days for time in times}


@pytest.mark.parametrize("schedule", TIMES, ids=lambda schedule: schedule.said)
def test_cron_launchd_and_kubernetes_mean_the_same_moments(schedule: Schedule) -> None:
    (crontab,) = cron.units(schedule)
    (job,) = k8s.units(schedule)
    fields = crontab.text.splitlines()[-1].split(" nice ")[0]
    assert of_cron(fields) == expected(schedule)
    assert [*yaml.safe_load_all(job.text)][-1]["spec"]["schedule"] == fields
    assert of_launchd(schedule) == expected(schedule)


@NO_SYSTEMD
@pytest.mark.parametrize("schedule", TIMES, ids=lambda schedule: schedule.said)
def test_systemd_means_them_too(schedule: Schedule) -> None:
    calendar = re.search("^OnCalendar=(.*)$", systemd.units(schedule)[1].text, re.M)
    assert calendar
    said = analyze("calendar", "--base-time=2026-01-03 23:58:30", "--iterations=30", calendar[1])
    days = ("Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat")
    found = [
        (days.index(day), int(hour), int(minute))
        for day, hour, minute in re.findall(r": (\w{3}) \d{4}-\d\d-\d\d (\d\d):(\d\d):00 UTC$", said, re.M)
    ]
    # the third was a Saturday: after its last two minutes comes the week
    wanted = sorted(expected(schedule))
    start = sum(moment < (6, 23, 59) for moment in wanted)
    assert found == [(wanted[start:] + wanted * 30)[number] for number in range(30)]


def analyze(*words: str, **environment: Any) -> str:
    done = subprocess.run(
        ["systemd-analyze", *words], capture_output=True, text=True, env={**os.environ, "TZ": "UTC", **environment}
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
