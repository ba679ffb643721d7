"""BRICK: what a process that was started wrote last, and which signal ended it: for the case that it fails."""

from __future__ import annotations

import os
import signal
import threading
from contextlib import suppress
from typing import IO

from narrate.errors import shown

LAST_BYTES = 4_096
"""Bytes of what it wrote last that are kept."""
GRACE_S = 1.0
"""Seconds that what it wrote has to arrive, once it has ended."""


class LastWords:
    """Reads what a process writes to ``pipe``, so that it never waits, and keeps the end of it.

    What the process leaves running in the background may write on: then this reads on, and holds up nobody.
    """

    def __init__(self, pipe: IO[bytes]) -> None:
        self._end = b""
        self._pipe = pipe
        self._thread = threading.Thread(target=self._read, name="last words", daemon=True)
        self._thread.start()

    def _read(self) -> None:
        with self._pipe, suppress(OSError, ValueError):
            while piece := os.read(self._pipe.fileno(), 65_536):
                self._end = (self._end + piece)[-LAST_BYTES:]

    def line(self) -> str:
        """The last line that is not empty; "" when there is none."""
        self._thread.join(GRACE_S)
        written = [line for line in self._end.decode("utf-8", "replace").splitlines() if line.strip()]
        return shown(written[-1].strip(), 200) if written else ""


def signal_name(code: int) -> str:
    """The signal that a negative exit code stands for: "SIGKILL"."""
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"
