"""``narrate serve`` as a process: started, asked, signalled, ended."""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PATIENCE = 30.0
"""Seconds for a process to start, and to end."""


class Command:
    """The process. ``url`` is what its first line said; ``said`` is all of standard error, once it has ended."""

    def __init__(self, *arguments: str, folder: Path, engine: str = "tone", **environment: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "narrate", "serve", "--port", "0", "--engine", engine, *arguments],
            env={**os.environ, "XDG_DATA_HOME": str(folder), "XDG_CACHE_HOME": str(folder), **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.said = ""
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().strip()

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    @property
    def sessions_url(self) -> str:
        return f"ws{self.url.removeprefix('http')}/v1/ai/speech/stream"

    def signals(self, number: int) -> None:
        self.process.send_signal(number)

    def ends(self) -> int:
        """The exit code."""
        code = self.process.wait(PATIENCE)
        self._reader.join()
        return code

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.said += line

    def over(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._reader.join()
        for pipe in (self.process.stdout, self.process.stderr):
            assert pipe is not None
            pipe.close()


@contextmanager
def command(*arguments: str, folder: Path, engine: str = "tone", **environment: str) -> Iterator[Command]:
    """A server that does not outlive its test."""
    running = Command(*arguments, folder=folder, engine=engine, **environment)
    try:
        yield running
    finally:
        running.over()
