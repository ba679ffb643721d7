"""BRICK: signals that end a run in good order, and at once when they come again."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import NoReturn

ENDED = {signal.SIGINT: "interrupted", signal.SIGTERM: "terminated"}
if hasattr(signal, "SIGHUP"):
    ENDED[signal.SIGHUP] = "the terminal was closed"
"""The signals that end a run in good order, and what is said then. The exit code is 128 + the signal's number."""

KEPT = "everything spoken so far is stored, run again to go on"
_ECHO = 0.3
"""Seconds in which a second signal is the same one, passed on by whoever started us; no human is as quick."""
_HEEDED = 0.25
"""Seconds in which a signal is heeded, unless the main thread sleeps through it."""
_NOTICE = 1.0
"""Seconds until it is said why the end takes so long: answers that are paid for are waited for."""
_PATIENCE = 15.0
"""Seconds that the end may take. In good order it takes 6 at most (``Threads.grace``, ``http.Client.close``)."""


class Stopped(BaseException):
    """A signal to end, raised where the main thread happens to be, as KeyboardInterrupt is."""

    def __init__(self, number: signal.Signals) -> None:
        super().__init__(number)
        self.number = number


def tell(sentence: str) -> None:
    """A line on standard error, past everything that may be locked while a signal is handled."""
    with suppress(OSError):
        os.write(2, f"{chr(10) if os.isatty(2) else ''}narrate: {sentence}\n".encode())


class Stopping:
    """The first signal ends the run in good order (``Stopped`` is raised), a second one ends the process at once.

    Nothing stored is lost either way: what is written appears only when it is complete. Should the end in good order
    hang, it is cut short.
    """

    def __init__(self, tell: Callable[[str], None] = tell) -> None:
        self._first: float | None = None
        self._tell = tell

    def listen(self) -> None:
        """From now on. Signals that whoever started us has turned off stay so (``nohup``, a shell's ``&``)."""
        for number in ENDED:
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._end)
        if not hasattr(signal, "pthread_kill"):  # pragma: no cover (Windows)
            return
        ours, theirs = os.pipe()
        os.set_blocking(theirs, False)
        signal.set_wakeup_fd(theirs, warn_on_full_buffer=False)
        main = threading.get_ident()
        threading.Thread(target=self._insist, args=(ours, main), daemon=True, name="insist on the end").start()

    def _insist(self, signals: int, main: int) -> None:
        """A signal that comes just before the main thread begins to wait (for a key, say) would be heeded only when
        that ends: send it again until it is.
        """
        while came := os.read(signals, 1):
            while came[0] in ENDED and self._unheeded(came[0]):
                time.sleep(_HEEDED)
                if self._unheeded(came[0]):
                    signal.pthread_kill(main, came[0])

    def _unheeded(self, number: int) -> bool:
        """Whether a signal is still to be heeded here, and not by somebody (a server) who has taken it over."""
        return self._first is None and signal.getsignal(number) == self._end

    def over(self) -> None:
        """The run has ended: what is left is done by Python, which would show an interrupt as a traceback."""
        signal.set_wakeup_fd(-1)
        if self._first is None:
            for number in ENDED:
                if signal.getsignal(number) is not signal.SIG_IGN:
                    signal.signal(number, signal.SIG_DFL)

    def _end(self, signum: int, frame: FrameType | None) -> None:
        number, now = signal.Signals(signum), time.monotonic()
        if self._first is None:
            self._first = now
            threading.Thread(target=self._follow, args=(number,), daemon=True, name="follow the end").start()
            raise Stopped(number)
        if now - self._first > _ECHO:
            _end_at_once(number, self._tell)

    def _follow(self, number: signal.Signals) -> None:
        time.sleep(_NOTICE)
        self._tell("waiting a few seconds for answers that are on their way; once more ends at once")
        time.sleep(_PATIENCE - _NOTICE)
        _end_at_once(number, self._tell)


def _end_at_once(number: signal.Signals, tell: Callable[[str], None]) -> NoReturn:
    """Without cleaning up: child processes follow this one, and the next run clears away what it left."""
    tell(f"{ENDED[number]}; {KEPT}")
    os._exit(128 + number)
