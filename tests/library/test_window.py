"""The hours of a shelf: local time, over midnight and over the ends of summer time."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from narrate.library.window import Window

hours = st.tuples(st.integers(0, 23), st.integers(0, 59))
moments = st.integers(1_700_000_000, 1_900_000_000)


@pytest.fixture(scope="module", autouse=True, params=["UTC", "Europe/Berlin", "Australia/Lord_Howe"])
def zone(request: pytest.FixtureRequest) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", request.param)
        time.tzset()
        yield
    time.tzset()


@given(moments, hours)
def test_the_end_is_the_next_time_that_the_clock_shows_it(now: int, until: tuple[int, int]) -> None:
    end = Window(until=until).end(now)
    assert end is not None
    assert now < end <= now + 26 * 3600
    shown = time.localtime(end)
    # (an hour that a spring night leaves out is shown as the one after it)
    assert (shown.tm_hour, shown.tm_min) == until or abs(
        shown.tm_hour * 60 + shown.tm_min - until[0] * 60 - until[1]
    ) <= 60


@given(moments, hours, hours)
def test_a_run_that_may_begin_ends_before_the_window_closes(
    now: int, since: tuple[int, int], until: tuple[int, int]
) -> None:
    window = Window(since, until)
    clock = time.localtime(now)
    inside = window.is_open(now)
    assert inside != Window(until, since).is_open(now) or since == until
    if since <= (clock.tm_hour, clock.tm_min) < until:
        assert inside


@pytest.mark.parametrize(
    ("since", "until", "hour", "is_open"),
    [
        ((22, 0), (6, 0), "23:30", True),
        ((22, 0), (6, 0), "05:59", True),
        ((22, 0), (6, 0), "06:00", False),
        ((22, 0), (6, 0), "12:00", False),
        ((1, 30), (6, 0), "01:30", True),
        ((1, 30), (6, 0), "00:10", False),
        (None, (6, 0), "12:00", True),
    ],
)
def test_hours(since: tuple[int, int] | None, until: tuple[int, int], hour: str, is_open: bool) -> None:
    now = time.mktime(time.strptime(f"2026-11-27 {hour}", "%Y-%m-%d %H:%M"))
    assert Window(since, until).is_open(now) == is_open


@given(moments, hours, hours)
def test_when_it_may_begin_it_is_open(now: int, since: tuple[int, int], until: tuple[int, int]) -> None:
    window = Window(since, until)
    begin = window.begin(now)
    assert begin == now if window.is_open(now) else now < begin <= now + 26 * 3600


def test_without_hours_it_is_always_open() -> None:
    assert Window().is_open(0)
    assert Window().end(0) is None
    assert str(Window((22, 0), (6, 0))) == "from 22:00 until 06:00"
