"""Whom a shelf's run tells of itself and of its books, and what became of that."""

from __future__ import annotations

import time
from collections.abc import Callable

from narrate import notices
from narrate.errors import NarrateError
from narrate.events import EventLog
from narrate.figures import count
from narrate.hooks import Event, Hook, Notice
from narrate.hooks.ringing import Hooks
from narrate.library.due import Standing
from narrate.library.outcome import Outcome
from narrate.library.report import payload, subject, text
from narrate.library.shelf import Shelf
from narrate.library.variables import named_by

HOOKS_S = 60.0
"""Seconds that hooks may take after all is done."""
HURRY_S = 2.0
"""Seconds that they may take when the run was interrupted."""


class Told:
    """The hooks of a run and of its books, and what became of them."""

    def __init__(self, shelf: Shelf, report: Callable[[str], None], log: EventLog) -> None:
        self._shelf, self._tell, self._log = shelf, report, log
        self._kept_back = named_by(shelf)
        self._run = Hooks(shelf.hooks, self._report, keep_back=self._kept_back)
        self._books: dict[str, Hooks] = {}
        self._alike: dict[tuple[tuple[Hook, ...], str], Hooks] = {}
        self.failures: list[str] = []

    def _report(self, sentence: str) -> None:
        self.failures.append(sentence)
        self._log.event("hook_failed", error=sentence)
        self._tell(sentence)

    def begin(self, due: list[Standing]) -> None:
        """The run begins."""
        books = [{"source": each.order.id, "why": each.why} for each in due]
        subject = f"{self._shelf.name}: {count(len(due), 'book')} to narrate"
        self._run.tell(notices.notice("start", subject, shelf=str(self._shelf.path), due=books))

    def ring(self, each: Standing, notice: Notice) -> None:
        """Tell the hooks of a book."""
        name = each.order.id
        if name not in self._books:
            try:
                job = each.order.job(self._shelf)
                self._books[name] = self._shared(job.hooks, job.key_variable)
            except NarrateError:
                self._books[name] = self._shared((), "")
        self._books[name].tell(notice)
        if notice.event == "chapter":
            self._run.tell(notice)

    def _shared(self, hooks: tuple[Hook, ...], key_variable: str) -> Hooks:
        """Books with equal hooks share them: then they are told in order, and equal failures are counted."""
        key = hooks, key_variable
        if key not in self._alike:
            self._alike[key] = Hooks(hooks, self._report, keep_back=(*self._kept_back, key_variable))
        return self._alike[key]

    def finish(self, outcome: Outcome) -> None:
        """Tell of the whole run."""
        wrong = bool(outcome.of("failed") or outcome.listing.problems)
        event: Event = "failed" if wrong else "done" if outcome.news else "nothing-due"
        self._run.tell(notices.notice(event, subject(outcome), text(outcome), **payload(outcome)))

    def close(self, seconds: float = HOOKS_S) -> None:
        """Wait until all are told, but no longer than so."""
        ends = time.monotonic() + seconds
        for hooks in (*self._alike.values(), self._run):
            hooks.close(max(0.1, ends - time.monotonic()))
