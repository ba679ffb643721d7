"""BRICK: what a service tells the systemd that started it: ready, what it is at, that it gets on, that it ends.

The protocol is sd_notify(3): a datagram of NAME=value lines to the socket that NOTIFY_SOCKET names. It is small enough
to be written out here; the packages that do it are no longer kept up, or know nothing of the watchdog. Where systemd
did not start us, all of it does nothing; it never raises, and never waits for more than a second.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from narrate.errors import shown

_PATIENCE_S = 1.0
"""Seconds for which systemd may be too busy to take a datagram."""


class Notifier:
    """``address`` is a socket's path, or "@" and an abstract name; "" when there is nobody to tell.

    ``watchdog_s`` is how often, in seconds, the watchdog is to be told that we get on (half of what it allows), or
    None when none watches us.
    """

    def __init__(self, address: str = "", watchdog_s: float | None = None) -> None:
        self._address = address if address.startswith(("/", "@")) and hasattr(socket, "AF_UNIX") else ""
        self.watchdog_s = watchdog_s if self._address else None

    @classmethod
    def from_environment(cls, env: Mapping[str, str], process: int | None = None) -> Notifier:
        """What systemd says in ``env``. A watchdog of another process than ``process`` (this one) is none of ours."""
        watched = env.get("WATCHDOG_PID", "").strip()
        ours = not watched or watched == str(os.getpid() if process is None else process)
        allowed = env.get("WATCHDOG_USEC", "").strip()
        microseconds = int(allowed) if ours and allowed.isascii() and allowed.isdigit() else 0
        return cls(env.get("NOTIFY_SOCKET", ""), microseconds / 2e6 if microseconds else None)

    def __bool__(self) -> bool:
        """Whether there is somebody to tell."""
        return bool(self._address)

    def ready(self) -> bool:
        """Startup is over. Until this is said, systemd takes even a good end for a failed start: say it first."""
        return self._send("READY=1")

    def status(self, sentence: str) -> bool:
        """What we are at, for ``systemctl status``."""
        return self._send(f"STATUS={shown(sentence)}")

    def stopping(self) -> bool:
        """We are about to end in good order."""
        return self._send("STOPPING=1")

    def watchdog(self) -> bool:
        """We get on."""
        return self._send("WATCHDOG=1")

    @contextmanager
    def watch(self, alive: Callable[[], bool]) -> Iterator[None]:
        """Tell the watchdog for as long as the block runs and ``alive()`` is true; asked in a thread of its own.

        It is asked every ``watchdog_s`` seconds. One that is false, or fails, is told nothing of, which systemd
        answers by ending this process when that lasts.
        """
        if self.watchdog_s is None:
            yield
            return
        over = threading.Event()
        heart = threading.Thread(target=self._beat, args=(alive, self.watchdog_s, over), daemon=True, name="heart")
        heart.start()
        try:
            yield
        finally:
            over.set()
            heart.join(_PATIENCE_S)

    def _beat(self, alive: Callable[[], bool], every_s: float, over: threading.Event) -> None:
        while True:
            try:
                well = alive()
            except Exception:  # whatever it is that cannot be told: it is not well
                well = False
            if well:
                self.watchdog()
            if over.wait(every_s):
                return

    def _send(self, message: str) -> bool:
        """Whether it was handed over."""
        if not self._address:
            return False
        # an abstract name begins with a zero byte
        where = f"\0{self._address[1:]}" if self._address.startswith("@") else self._address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
                sender.settimeout(_PATIENCE_S)
                sender.sendto(message.encode(errors="replace"), os.fsencode(where))
        except (OSError, ValueError):
            return False
        return True


class Pulse:
    """Whether something has happened within the last ``patience_s`` seconds: an ``alive`` for ``Notifier.watch``."""

    def __init__(self, patience_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._patience_s = patience_s
        self._clock = clock
        self._last = clock()

    def beat(self) -> None:
        """Something happened, just now."""
        self._last = self._clock()

    def __call__(self) -> bool:
        return self._clock() - self._last < self._patience_s
