"""What threads promise beyond the family's suite: errors stop the rest, and nobody waits for a worker that hangs."""

from __future__ import annotations

import threading
import time

import pytest

from narrate.executors.threads import Threads


def test_an_early_stop_does_not_wait_for_what_hangs() -> None:
    release = threading.Event()
    told = threading.Event()

    def work(item: int) -> int:
        if item:
            release.wait(30)
        return item

    started = time.monotonic()
    results = Threads(4, grace=0.1, on_stop=told.set).map(work, range(8))
    assert next(results) == 0
    results.close()
    assert time.monotonic() - started < 5
    assert told.is_set()
    release.set()


def test_work_in_flight_may_finish_when_the_caller_stops() -> None:
    finished = threading.Event()
    begun = threading.Event()

    def work(item: int) -> int:
        if item:
            begun.set()
            time.sleep(0.05)
            finished.set()
        else:
            begun.wait(5)
        return item

    results = Threads(2).map(work, range(2))
    next(results)
    results.close()
    assert finished.is_set()


def test_as_many_at_once_as_workers() -> None:
    barrier = threading.Barrier(6, timeout=10)
    assert sorted(Threads(6).map(lambda item: barrier.wait() * 0 + item, range(6))) == list(range(6))


def test_an_error_ends_the_rest() -> None:
    done: list[int] = []

    def work(item: int) -> int:
        if item == 3:
            raise ValueError("three")
        done.append(item)
        return item

    with pytest.raises(ValueError, match="three"):
        list(Threads(1).map(work, range(1000)))
    assert len(done) < 10
