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


def test_three_hundred_workers_that_hang_hold_nobody_back() -> None:
    release = threading.Event()
    begun = threading.Semaphore(0)

    def work(item: int) -> int:
        if item:
            begun.release()
            release.wait(30)
        return item

    started = time.monotonic()
    results = Threads(300, grace=0.2).map(work, range(10_000))
    assert next(results) == 0
    for _ in range(300):
        begun.acquire(timeout=10)
    results.close()
    release.set()
    assert time.monotonic() - started < 20


def test_no_more_threads_than_items() -> None:
    before = threading.active_count()
    counts = list(Threads(300).map(lambda item: threading.active_count(), range(3)))
    assert max(counts) <= before + 3


def test_what_was_finished_but_never_fetched_was_done_all_the_same() -> None:
    """A worker stores what it was paid for; whether somebody takes the result makes no difference (P3)."""
    kept: list[int] = []
    all_done = threading.Barrier(5, timeout=10)

    def work(item: int) -> int:
        kept.append(item)
        if item < 5:
            all_done.wait()
        return item

    results = Threads(5).map(work, range(5))
    next(results)
    results.close()
    assert sorted(kept) == [0, 1, 2, 3, 4]


def test_an_interrupt_before_a_thread_has_started_is_that_interrupt(monkeypatch: pytest.MonkeyPatch) -> None:
    start = threading.Thread.start

    def interrupted(thread: threading.Thread) -> None:
        if thread.name == "worker-2":
            raise KeyboardInterrupt
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", interrupted)
    with pytest.raises(KeyboardInterrupt):
        list(Threads(4).map(lambda item: item, range(8)))
