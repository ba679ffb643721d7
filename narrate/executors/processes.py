"""Work done by other processes: for what keeps a core busy in Python, away from the threads that speak."""

from __future__ import annotations

import multiprocessing
import os
import signal
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from multiprocessing import forkserver, resource_tracker
from multiprocessing.context import BaseContext

from narrate.errors import NarrateError
from narrate.executors import Item, Result

LOOKAHEAD = 1000
"""Items submitted beyond those at work. Items are small; what produces them must not wait for the results."""

LONGEST_TEMPDIR = 60
"""Bytes. The fork server's socket lies 33 bytes below it, and a socket's path may have 103 (macOS) or 107 (Linux)."""


class Processes:
    """``workers`` processes, started with the first item.

    ``preload`` names modules that are imported once and shared by all of them. Workers come from a fork server (where
    there is one): forking a process that has threads is unsafe. They ignore Ctrl-C: the parent decides, and they end
    when it does.
    """

    def __init__(self, workers: int, *, preload: tuple[str, ...] = ()) -> None:
        self.workers = max(1, workers)
        self._preload = preload

    def map(self, work: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """Yield results in order of completion; ``work`` and items must be picklable, ``work`` a module's function."""
        pool = ProcessPoolExecutor(self.workers, mp_context=_context(self._preload), initializer=_start_worker)
        pending: set[Future[Result]] = set()
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
        except (BrokenProcessPool, OSError, EOFError) as error:
            # submitting at the very moment of the death finds the pool's pipes closed or broken
            if not (isinstance(error, BrokenProcessPool | ConnectionError | EOFError) or pool._broken):
                raise
            raise NarrateError(
                "a worker process ended unexpectedly (out of memory?); nothing stored is lost, run again"
            ) from error
        finally:
            _shut_down(pool)


def _context(preload: tuple[str, ...]) -> BaseContext:
    """How workers are started. The processes that serve them are started here, so that no signal finds them unready."""
    if os.name == "nt" or len(os.fsencode(tempfile.gettempdir())) > LONGEST_TEMPDIR:
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(preload))
    _start_tracker()
    # it would meet Ctrl-C with a traceback until it has imported everything; workers inherit the mask
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        forkserver.ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return context


def _start_tracker() -> None:
    """Start the process that removes semaphores after us, which is what we want of it, and no news."""
    warnings = os.environ.get("PYTHONWARNINGS")
    os.environ["PYTHONWARNINGS"] = ",".join(filter(None, (warnings, "ignore:resource_tracker")))
    try:
        resource_tracker.ensure_running()
    finally:
        if warnings is None:
            del os.environ["PYTHONWARNINGS"]
        else:
            os.environ["PYTHONWARNINGS"] = warnings


def _start_worker() -> None:
    """Leave interrupts to the parent, and do not outlive it: a killed one cannot send workers home."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_follow, daemon=True, name="follow the parent").start()


def _follow() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _shut_down(pool: ProcessPoolExecutor) -> None:
    """Kill the workers: what they write appears only when it is complete, and whoever has its results needs no more.

    Asking them to go would wait without end for a worker that died at that very moment, holding the queue's lock.
    """
    for worker in list((pool._processes or {}).values()):
        # one that was being started while another died may have been told a number that is no process's (seen once)
        with suppress(OverflowError, ProcessLookupError):
            worker.kill()
    pool.shutdown(wait=True, cancel_futures=True)
