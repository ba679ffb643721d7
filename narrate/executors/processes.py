"""Work done by other processes: for what keeps a core busy in Python, away from the threads that speak."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool

from narrate.errors import NarrateError
from narrate.executors import Item, Result

LOOKAHEAD = 1000
"""Items submitted beyond those at work. Items are small; what produces them must not wait for the results."""


class Processes:
    """``workers`` processes, started with the first item.

    ``preload`` names modules that are imported once and shared by all of them. Workers come from a fork server (where
    there is one): forking a process that has threads is unsafe. They ignore Ctrl-C: the parent decides.
    """

    def __init__(self, workers: int, *, preload: tuple[str, ...] = ()) -> None:
        self.workers = max(1, workers)
        self._preload = preload

    def map(self, work: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """Yield results in order of completion; ``work`` and items must be picklable, ``work`` a module's function."""
        method = "spawn" if os.name == "nt" else "forkserver"
        context = multiprocessing.get_context(method)
        if method == "forkserver":
            context.set_forkserver_preload(list(self._preload))
        pool = ProcessPoolExecutor(self.workers, mp_context=context, initializer=_start_worker)
        pending: set[Future[Result]] = set()
        finished = False
        try:
            for item in items:
                pending.add(pool.submit(work, item))
                done = {future for future in pending if future.done()}
                if len(pending) > LOOKAHEAD:
                    done, _ = wait(pending, return_when=FIRST_COMPLETED)
                pending -= done
                yield from (future.result() for future in done)
            while pending:
                done, pending = wait(pending, return_when=FIRST_COMPLETED)
                yield from (future.result() for future in done)
            finished = True
        except BrokenProcessPool as error:
            raise NarrateError(
                "a worker process ended unexpectedly (out of memory?); nothing stored is lost, run again"
            ) from error
        finally:
            _shut_down(pool, kill=not finished)


def _start_worker() -> None:
    """Leave interrupts to the parent, and do not outlive it: a killed one cannot send workers home."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_follow, daemon=True, name="follow the parent").start()


def _follow() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _shut_down(pool: ProcessPoolExecutor, *, kill: bool) -> None:
    workers = list((pool._processes or {}).values())
    if kill:
        # what they write appears only when complete, so they may be killed at any moment
        for worker in workers:
            worker.kill()
    pool.shutdown(wait=True, cancel_futures=True)
