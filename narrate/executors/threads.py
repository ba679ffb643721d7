"""Work done by threads: for what waits (requests) and for native code that releases the interpreter lock."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from narrate.executors import Item, Result


@dataclass(frozen=True, slots=True)
class _Done:
    result: Any
    error: BaseException | None


FAILURE_GRACE = 12


class Threads:
    """``workers`` daemon threads with as many items again waiting for them.

    Daemon threads, and not ``concurrent.futures``: its workers are joined when the interpreter ends, so one hanging
    request would hold back Ctrl-C. Here, when the caller stops early, work in flight is given ``grace`` seconds to
    finish (a paid answer should reach the store) and is then abandoned; FAILURE_GRACE times as long when some work
    failed and nobody is in a hurry. ``on_stop`` is called first, so that whoever only waits can be told to give up.
    """

    def __init__(self, workers: int, *, grace: float = 5.0, on_stop: Callable[[], None] = lambda: None) -> None:
        self.workers = max(1, workers)
        self._grace = grace
        self._on_stop = on_stop

    def map(self, work: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """Yield results in order of completion. An exception of ``work`` is raised here and ends the rest."""
        todo: queue.SimpleQueue[Any] = queue.SimpleQueue()
        done: queue.SimpleQueue[_Done] = queue.SimpleQueue()
        stopping = threading.Event()
        end = object()

        def labour() -> None:
            while (item := todo.get()) is not end:
                if stopping.is_set():
                    return
                try:
                    done.put(_Done(work(item), None))
                except BaseException as error:  # handed to the caller, whatever it is
                    done.put(_Done(None, error))

        threads: list[threading.Thread] = []
        waiting = iter(items)
        pending = 0
        exhausted = finished = False
        grace = self._grace
        try:
            while True:
                while not exhausted and pending < 2 * self.workers:
                    try:
                        todo.put(next(waiting))
                    except StopIteration:
                        exhausted = True
                        break
                    pending += 1
                    if len(threads) < min(pending, self.workers):
                        threads.append(threading.Thread(target=labour, daemon=True, name=f"worker-{len(threads)}"))
                        threads[-1].start()
                if pending == 0:
                    finished = True
                    return
                answer = done.get()
                pending -= 1
                if answer.error is not None:
                    grace *= FAILURE_GRACE
                    raise answer.error
                yield answer.result
        finally:
            stopping.set()
            if not finished:
                self._on_stop()
            for _ in threads:
                todo.put(end)
            deadline = time.monotonic() + grace
            for thread in threads:
                if thread.is_alive():  # an interrupt may have come before the last one was started
                    thread.join(max(0.0, deadline - time.monotonic()))
