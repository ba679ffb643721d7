"""Hooks are rung beside the work: telling one never waits and never fails; what goes wrong becomes a sentence.

Each hook has a queue, and a thread while there is something in it, so that a slow one holds up neither the book nor the
others, and is told everything in order.
"""

from __future__ import annotations

import os
import random as randomness
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

from narrate.errors import NarrateError, shown
from narrate.hooks import Deliverer, Event, Hook, Kind, Notice, Undelivered
from narrate.hooks.environment import expanded, secret_variables, without_keys

WAITS_S = (1.0, 4.0, 15.0, 60.0)
"""Seconds before the second try and the next, each drawn from three quarters to five quarters of it."""
LONGEST_WAIT_S = 60.0
"""Seconds that a hook may ask us to wait; one that asks for more is not asked again."""
LONGEST_QUEUE = 1_000
"""Notices that wait for one hook. Beyond, the oldest of what matters least is left out."""

_WEIGHT: dict[Event, int] = {"chapter": 0, "start": 1, "nothing-due": 1, "done": 2, "failed": 3}
_ROOMS: dict[Kind, str] = {"command": "command", "webhook": "webhook", "heartbeat": "heartbeat", "email": "mail"}


class Hooks:
    """The hooks of a run. ``report`` gets a sentence, from another thread, for whatever a hook was not told.

    ``keep_back`` names variables that commands do not get, beside engines' keys and what the hooks themselves need.
    ``sleep`` replaces waiting between tries. Without hooks all of it costs nothing.
    """

    def __init__(
        self,
        hooks: Iterable[Hook],
        report: Callable[[str], None],
        env: Mapping[str, str] = os.environ,
        *,
        keep_back: Iterable[str] = (),
        sleep: Callable[[float], object] | None = None,
        random: Callable[[], float] = randomness.random,
    ) -> None:
        hooks = tuple(hooks)
        kept_back = (*secret_variables(hooks), *keep_back)
        self._bells = tuple(
            _Bell(hook, report, without_keys(env, kept_back) if hook.kind == "command" else env, sleep, random)
            for hook in hooks
        )

    def tell(self, notice: Notice) -> None:
        """Have every hook told that wants it. Never waits, never fails."""
        for bell in self._bells:
            if notice.event in bell.hook.on:
                bell.put(notice)

    def close(self, grace_s: float = 60.0) -> None:
        """Wait until all are told, for at most ``grace_s`` seconds in all; then say who was given up."""
        ends = time.monotonic() + grace_s
        for bell in self._bells:
            bell.finish(max(0.0, ends - time.monotonic()), grace_s)


class _Bell:
    """One hook, its queue and its thread."""

    def __init__(
        self,
        hook: Hook,
        report: Callable[[str], None],
        env: Mapping[str, str],
        sleep: Callable[[float], object] | None,
        random: Callable[[], float],
    ) -> None:
        self.hook = hook
        self._say, self._env, self._random = report, env, random
        self._changed = threading.Condition()
        self._queue: list[Notice] = []
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()
        self._sleep = sleep or self._stop.wait
        self._closed = False
        self._failing = False
        self._left_out = 0
        self._said, self._repeated = "", 0

    def put(self, notice: Notice) -> None:
        """Queue ``notice``, and see that somebody works at the queue."""
        with self._changed:
            if self._closed:
                return
            self._queue.append(notice)
            if len(self._queue) > LONGEST_QUEUE:
                least = min(range(len(self._queue)), key=lambda at: _WEIGHT[self._queue[at].event])
                del self._queue[least]
                self._left_out += 1
            if self._thread is None:
                self._start()

    def finish(self, wait_s: float, grace_s: float) -> None:
        """Take no more, wait for what is queued, and say what has not been said yet."""
        if self._stop.is_set():
            return
        with self._changed:
            self._closed = True
            if self._queue and self._thread is None:  # there was no thread to be had; perhaps there is now
                self._start()
            self._changed.wait_for(lambda: self._thread is None, timeout=wait_s)
            waiting, thread = len(self._queue), self._thread
            self._queue.clear()
            self._stop.set()
        if thread is not None and self.hook.kind == "command":
            from narrate.hooks import command

            command.cut_off(thread)
        if thread is not None or waiting:
            more = f"; {waiting} more {'notice was' if waiting == 1 else 'notices were'} not told" if waiting else ""
            self._report(f"given up after {grace_s:g} s{more}")
        self._catch_up()
        if self._left_out:
            self._report(f"was too slow, and not told of {self._left_out} things, of chapters first")
            self._left_out = 0

    def _start(self) -> None:
        self._thread = threading.Thread(target=self._work, name="a hook", daemon=True)
        try:
            self._thread.start()
        except RuntimeError:  # no more threads: it is tried again with the next notice
            self._thread = None

    def _work(self) -> None:
        while True:
            with self._changed:
                if not self._queue:
                    self._thread = None
                    self._changed.notify_all()
                    return
                notice = self._queue.pop(0)
            self._ring(notice)

    def _ring(self, notice: Notice) -> None:
        try:
            self._patiently(notice)
            self._failing = False
        except Exception as error:  # whatever it is, a hook never fails a book
            self._failing = True
            known = isinstance(error, NarrateError)
            sentence = str(error) if known else f"failed in a way that nobody thought of ({type(error).__name__})"
            if not self._stop.is_set():  # else it has been told that this hook was given up
                self._fail(notice, sentence)

    def _patiently(self, notice: Notice) -> None:
        deliver = cast(Deliverer, import_module(f"narrate.hooks.{_ROOMS[self.hook.kind]}").deliver)
        attempt = 0
        while True:
            attempt += 1
            try:
                return deliver(self.hook, notice, self._env)
            except Undelivered as error:
                if not error.heals or attempt >= self._attempts() or (error.retry_after or 0) > LONGEST_WAIT_S:
                    raise
                wait = WAITS_S[min(attempt, len(WAITS_S)) - 1] * (0.75 + self._random() / 2)
                self._sleep(max(wait, error.retry_after or 0))
                if self._stop.is_set():
                    raise

    def _attempts(self) -> int:
        """One alone where the last notice failed and others wait: else one that is down is never caught up with."""
        return 1 if self._failing and self._queue else self.hook.attempts

    def _fail(self, notice: Notice, sentence: str) -> None:
        if sentence == self._said:
            self._repeated += 1
            return
        self._catch_up()
        self._said = sentence
        self._report(f'not told of "{notice.event}": {sentence}')

    def _catch_up(self) -> None:
        """Say how often the last failure came again."""
        if self._repeated:
            self._report(f"the same {self._repeated} more time{'s' if self._repeated > 1 else ''}: {self._said}")
        self._said, self._repeated = "", 0

    def _report(self, sentence: str) -> None:
        try:
            self._say(shown(f'hook "{named(self.hook, self._env)}": {sentence}', 600))
        except Exception:  # the reporter's trouble (a closed terminal, a full disk) must not end this thread
            return


def named(hook: Hook, env: Mapping[str, str]) -> str:
    """The hook in words. Of an address only the host: who knows the rest may use it."""
    if hook.kind == "command":
        return f"command {Path(hook.command[0]).name}"
    if hook.kind == "email":
        others = len(hook.to) - 1
        return f"email to {hook.to[0]}" + (f" and {others} more" if others else "")
    try:
        host = urlsplit(expanded(hook.url, env).strip()).hostname
    except (Undelivered, ValueError):
        host = ""
    return f"{hook.kind} to {host or 'an unknown address'}"
