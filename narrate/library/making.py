"""Books made side by side, each in a process of its own, the longest first: one bad book never stops the others."""

from __future__ import annotations

import json
import pickle
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import IO, Any

from narrate.errors import NarrateError
from narrate.job import Job
from narrate.lastwords import LastWords, signal_name
from narrate.library.maker import Task, command
from narrate.library.purse import Spending

GRACE_S = 14.0
"""Seconds that a process has to end in good order; what is in flight, and perhaps paid for, is stored meanwhile."""


@dataclass(frozen=True, slots=True)
class Said:
    """What the process that makes the book ``id`` tells: ``what``, with ``fields``."""

    id: str
    what: str
    fields: dict[str, Any]


class Making:
    """Books being made. ``run`` yields what is said of them until all are done, or it is told to ``stop``.

    ``spending`` is what they may spend together. ``folders`` are those that other books of the shelf have: path -> id.
    """

    def __init__(self, at_once: int, spending: Spending, folders: dict[str, str]) -> None:
        self._at_once = max(1, at_once)
        self._spending = spending
        self._folders = folders
        self._lock = threading.Lock()
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._said: SimpleQueue[Said | None] = SimpleQueue()
        self._stopping = False

    def run(
        self, jobs: Iterable[tuple[str, Callable[[], Job]]], tick: Callable[[], None]
    ) -> Generator[Said, None, None]:
        """Make the books, each (id, what makes its job), in this order. The last that is said of each is "done",
        "failed", "stopped" or "crashed". ``tick`` is called at least once a second.

        Closing the iterator stops what is being made.
        """
        todo = deque(jobs)
        slots = [
            threading.Thread(target=self._work, args=(todo,), daemon=True, name=f"book-{number}")
            for number in range(min(self._at_once, len(todo)))
        ]
        for slot in slots:
            slot.start()
        left = len(slots)
        try:
            while left:
                tick()
                with suppress(Empty):
                    said = self._said.get(timeout=1.0)
                    if said is None:
                        left -= 1
                    else:
                        yield said
        finally:
            if left:
                self.stop()
                self._wait(slots)

    def unheard(self) -> Generator[Said, None, None]:
        """What is said of books that ended after ``run`` was closed."""
        while not self._said.empty():
            if (said := self._said.get()) is not None:
                yield said

    def stop(self) -> None:
        """Begin no other book, and have those that are being made end in good order."""
        with self._lock:
            self._stopping = True
            running = list(self._running.values())
        for process in running:
            with suppress(OSError):
                process.terminate()

    def _wait(self, slots: list[threading.Thread]) -> None:
        ends = time.monotonic() + GRACE_S
        for slot in slots:
            slot.join(max(0.0, ends - time.monotonic()))
        with self._lock:
            for process in self._running.values():
                process.kill()

    def _work(self, todo: deque[tuple[str, Callable[[], Job]]]) -> None:
        """One slot: a book after the other."""
        try:
            while not self._stopping:
                try:
                    name, job = todo.popleft()
                except IndexError:
                    return
                self._make(name, job)
        finally:
            self._said.put(None)

    def _make(self, name: str, job: Callable[[], Job]) -> None:
        process = None
        try:
            task = Task(job(), asks=self._spending.limited)
            if self._spending.bars(task.job):
                return
            process = self._start(name)
            if process is None:
                return
            what, fields = self._follow(name, process, task)
            self._say(name, what, **fields)
        except NarrateError as error:
            self._say(name, "failed", error=str(error), exit_code=error.exit_code)
        except OSError as error:
            self._say(name, "failed", error=f"its process cannot be started: {error.strerror or error}", exit_code=1)
        except Exception as error:  # the others are to be made all the same: say that it is our fault
            self._say(name, "failed", error=f"internal error: {type(error).__name__}: {error}", exit_code=1)
        finally:
            if process is not None:
                with self._lock:
                    del self._running[name]

    def _start(self, name: str) -> subprocess.Popen[bytes] | None:
        arguments, environment = command()
        with self._lock:
            if self._stopping:
                return None
            process = subprocess.Popen(
                arguments,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,  # Ctrl-C is ours to pass on
            )
            self._running[name] = process
        self._say(name, "started")
        return process

    def _say(self, name: str, what: str, /, **fields: Any) -> None:
        self._said.put(Said(name, what, fields))

    def _follow(self, name: str, process: subprocess.Popen[bytes], task: Task) -> tuple[str, dict[str, Any]]:
        """Pass on what a process says until it ends; the last word of it."""
        assert process.stdin and process.stdout and process.stderr
        words = LastWords(process.stderr)
        last: tuple[str, dict[str, Any]] | None = None
        with suppress(BrokenPipeError), process.stdin as answers, process.stdout as lines:
            _write(answers, pickle.dumps(task))
            for line in lines:
                fields = _parsed(line)
                what = str(fields.pop("what", ""))
                if what in ("done", "failed", "stopped"):
                    last = what, fields
                elif not self._answered(name, what, fields, answers):
                    self._say(name, what, **fields)
        code = process.wait()
        if last is not None:
            return last
        if self._stopping or code in (129, 130, 143):
            return "stopped", {"cost": None}
        return "crashed", {"error": _crash(code, words.line()), "exit_code": 1, "cost": None}

    def _answered(self, name: str, what: str, fields: dict[str, Any], answers: IO[bytes]) -> bool:
        """Answer what is a question; whether it was one."""
        if what == "folder":
            answer = self._taken(name, fields["folder"])
            self._say(name, "named", folder=fields["folder"])
        elif what == "take":
            answer = self._spending.take(fields["characters"], fields["price"], fields["currency"])
        elif what == "give_back":
            self._spending.give_back(fields["characters"], fields["price"])
            return True
        else:
            return False
        _write(answers, json.dumps(answer).encode() + b"\n")
        return True

    def _taken(self, name: str, folder: str) -> str:
        with self._lock:
            owner = self._folders.setdefault(str(Path(folder).absolute()), name)
        return "" if owner == name else owner


def _write(answers: IO[bytes], data: bytes) -> None:
    """Send ``data``; to a process that has ended it is no use, and what that said before is read all the same."""
    with suppress(BrokenPipeError):
        answers.write(data)
        answers.flush()


def _parsed(line: bytes) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _crash(code: int, last: str) -> str:
    """What to tell of a process that ended without a word."""
    how = f"exit code {code}" if code >= 0 else signal_name(code)
    said = f"; its last words: {last}" if last else ""
    memory = " (out of memory?)" if code == -9 else ""
    return f"the process that made this book crashed: {how}{memory}{said}"
