"""A shelf's run: what is due is made, the longest first, and what became of it is kept and told. What cron calls.

One run at a time works on a shelf. Whatever ends it (a signal, the time, the money, a crash), the next run goes on from
there, and nothing is spoken twice.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from narrate import notices
from narrate.errors import Busy, LimitReached, NarrateError, shown
from narrate.events import EventLog
from narrate.job import Job
from narrate.library.due import Standing
from narrate.library.lengths import length
from narrate.library.making import Making, Said
from narrate.library.orders import Listing, orders_of
from narrate.library.outcome import Outcome, Result
from narrate.library.purse import Spending
from narrate.library.records import Record, Records, State
from narrate.library.report import payload
from narrate.library.shelf import Shelf
from narrate.library.sight import records_of, standings_of
from narrate.library.sighting import outputs, with_digests
from narrate.library.telling import HURRY_S, Told
from narrate.locks import only_run

AT_ONCE = 4
"""Books made at the same time where nobody says how many, and cores allow."""
KOKORO_CORES = 4
"""Cores that one book has to itself when the embedded voice speaks: each process holds the model (0.8 GB)."""
MOST_JOBS = 64
"""Requests in flight, of all books together, where nobody says how many."""


class Watcher(Protocol):
    """Who is shown how a run goes."""

    def begins(self, due: int) -> None:
        """So many books are due."""

    def sees(self, book: str, said: Said) -> None:
        """What the process of a book says."""

    def report(self, sentence: str) -> None:
        """A sentence for people."""


def run_shelf(
    shelf: Shelf,
    watcher: Watcher,
    log: EventLog,
    *,
    again: bool = False,
    only: Callable[[Standing], bool] = lambda standing: True,
    wait: float = 0.0,
    until: float | None = None,
    tick: Callable[[], None] = lambda: None,
    quiet: bool = False,
    spending: Spending | None = None,
    now: Callable[[], float] = time.time,
) -> Outcome:
    """Make what is due. Busy when another run works on this shelf for ``wait`` seconds more.

    ``only`` says which of the due books. ``until`` is the moment, in seconds since 1970, at which it stops. ``tick`` is
    called at least once a second. ``quiet``: that nothing is due is told to nobody, as suits who looks all the time.
    ``spending`` is what several shelves may spend together.
    """
    began = now()
    listing = orders_of(shelf)
    records = records_of(shelf)
    told = Told(shelf, watcher.report, log)
    try:
        standings = standings_of(shelf, listing, records.read(), again=again)
        outcome = None
        if _due(standings, only):
            with _alone(shelf, records, wait):
                # another run may have made them while we waited
                known = records.read()
                standings = standings_of(shelf, listing, known, again=again)
                if due := _due(standings, only):
                    run = _Run(shelf, watcher, log, told, records, spending, now)
                    outcome = run.make(listing, standings, due, known, until, tick)
        if outcome is None:
            _restamp(shelf, standings, records)
            outcome = Outcome(shelf, listing, standings)
            if not outcome.news and not quiet:
                log.event("nothing_due", shelf=str(shelf.path), books=len(standings), seconds=round(now() - began, 3))
    except BaseException:
        told.close(HURRY_S)
        raise
    outcome = replace(outcome, took=max(0.0, now() - began))
    if outcome.news or not quiet:
        told.finish(outcome)
    told.close()
    if outcome.news:
        log.event("shelf_done", **_figures(outcome))
    return replace(outcome, hook_failures=tuple(told.failures))


def _figures(outcome: Outcome) -> dict[str, Any]:
    figures = payload(outcome)
    lists = ("made", "failed", "paused")
    return {
        **{name: len(figures[name]) for name in lists},
        **{name: figures[name] for name in ("shelf", "skipped", "duration_ms", "requests", "seconds", "exit_code")},
        "cost": figures["costs"].get(outcome.shelf.currency, 0.0),
        "currency": outcome.shelf.currency,
    }


def _due(standings: tuple[Standing, ...], only: Callable[[Standing], bool]) -> list[Standing]:
    return [each for each in standings if each.state == "due" and only(each)]


@contextmanager
def _alone(shelf: Shelf, records: Records, wait: float) -> Iterator[None]:
    with only_run(shelf.place, records.path.name, str(shelf.path), wait=wait, doing="working on this shelf"):
        yield


def _restamp(shelf: Shelf, standings: tuple[Standing, ...], records: Records) -> None:
    """Put new times of unchanged files on record, so that the files are not read again and again."""
    stale = [each for each in standings if each.restamped]
    if not stale:
        return
    try:
        with _alone(shelf, records, 0):
            for each in stale:
                if each.record is not None:
                    records.add(replace(each.record, inputs=each.sighting.inputs))
    except NarrateError:
        return  # it is for speed alone


class _Run:
    """One run, under the shelf's lock."""

    def __init__(
        self,
        shelf: Shelf,
        watcher: Watcher,
        log: EventLog,
        told: Told,
        records: Records,
        together: Spending | None,
        now: Callable[[], float],
    ) -> None:
        self._shelf, self._watcher, self._log, self._told = shelf, watcher, log, told
        self._records, self._now = records, now
        self._cores = shelf.cores or os.cpu_count() or 1
        self._spending = Spending(shelf.limits, shelf.currency, together)
        self._due: dict[str, Standing] = {}
        self._begun: dict[str, float] = {}
        self._titles: dict[str, str] = {}
        self._results: list[Result] = []

    def make(
        self,
        listing: Listing,
        standings: tuple[Standing, ...],
        due: list[Standing],
        known: Mapping[str, Record],
        until: float | None,
        tick: Callable[[], None],
    ) -> Outcome:
        """Make what is ``due`` of ``standings``, until the moment ``until``; ``known`` is what is on record."""
        due = sorted(due, key=length, reverse=True)
        self._due = {each.order.id: each for each in due}
        self._records.tidy(known.values())
        places = self._places(due)
        making = Making(places, self._spending, self._folders(listing, known))
        self._log.event(
            "shelf_started",
            shelf=str(self._shelf.path),
            books=len(standings),
            due=len(due),
            problems=len(listing.problems),
        )
        for each in due:
            self._log.event("due", book=each.order.id, why=each.why)
        self._watcher.begins(len(due))
        self._told.begin(due)
        over = ""

        def look_at_the_clock() -> None:
            nonlocal over
            tick()
            if not over and until is not None and self._now() >= until:
                over = f"it is {time.strftime('%H:%M', time.localtime(until))}, when this run was to stop"
                making.stop()

        try:
            jobs = ((each.order.id, partial(self._job_of, each, places)) for each in due)
            with closing(making.run(jobs, look_at_the_clock)) as all_said:
                for said in all_said:
                    self._hear(said)
        except BaseException:
            with suppress(NarrateError):  # what ended in good order goes on record all the same, and what it cost
                for said in making.unheard():
                    self._hear(said)
            raise
        done = {result.standing.order.id for result in self._results}
        left = tuple(each for each in due if each.order.id not in done)
        return Outcome(self._shelf, listing, standings, tuple(self._results), left, over or self._spending.over)

    def _folders(self, listing: Listing, known: Mapping[str, Record]) -> dict[str, str]:
        """The folders that books of this shelf have: nobody else may take their place."""
        return {
            str((self._shelf.output / known[order.id].folder).absolute()): order.id
            for order in listing.orders
            if order.id in known and known[order.id].folder
        }

    def _places(self, due: list[Standing]) -> int:
        """How many books are made at the same time."""
        embedded = any(each.order.settings.get("engine", "kokoro") == "kokoro" for each in due)
        usual = max(1, self._cores // KOKORO_CORES) if embedded else min(AT_ONCE, self._cores)
        return max(1, min(self._shelf.at_once or usual, self._shelf.requests or len(due), len(due)))

    def _job_of(self, each: Standing, places: int) -> Job:
        """The job of a book, with its share of what goes on in so many ``places`` at once."""
        made = each.order.job(self._shelf)
        share = max(1, (self._shelf.requests or MOST_JOBS) // places)
        alone = places == 1 and not self._shelf.requests
        jobs = made.jobs if alone else min(made.jobs or share, share)
        return replace(made, jobs=jobs, cores=made.cores or max(1, self._cores // places))

    # --- what is said ---

    def _title(self, each: Standing) -> str:
        return self._titles.get(each.order.id, each.order.id)

    def _hear(self, said: Said) -> None:
        each = self._due[said.id]
        handler = getattr(self, f"_on_{said.what}", None)
        if handler is not None:
            handler(each, said.fields)
        self._watcher.sees(self._title(each), said)

    def _on_started(self, each: Standing, fields: Mapping[str, Any]) -> None:
        self._begun[each.order.id] = self._now()
        older = each.record or Record(each.order.id, "making", 0.0)
        self._records.add(replace(older, state="making", at=self._now()))
        self._log.event("book_started", book=each.order.id, why=each.why)

    def _on_named(self, each: Standing, fields: Mapping[str, Any]) -> None:
        self._titles[each.order.id] = Path(str(fields["folder"])).name

    def _on_planned(self, each: Standing, fields: Mapping[str, Any]) -> None:
        self._told.ring(each, notices.of_start(each.order.id, self._title(each), fields))

    def _on_spoken(self, each: Standing, fields: Mapping[str, Any]) -> None:
        self._log.event("spoken", book=each.order.id, key=fields.get("key"), bought=fields.get("bought"))

    def _on_message(self, each: Standing, fields: Mapping[str, Any]) -> None:
        self._log.event("message", book=each.order.id, text=fields.get("text"))

    def _on_retry(self, each: Standing, fields: Mapping[str, Any]) -> None:
        self._log.event("retry", book=each.order.id, text=fields.get("text"))

    def _on_chapter(self, each: Standing, fields: Mapping[str, Any]) -> None:
        number, of, title = int(fields["number"]), int(fields["of"]), str(fields["title"])
        self._log.event("chapter", book=each.order.id, chapter=number, chapters=of, title=title)
        self._told.ring(each, notices.of_chapter(each.order.id, self._title(each), number, of, title))

    def _on_done(self, each: Standing, fields: Mapping[str, Any]) -> None:
        folder = Path(str(fields["folder"]))
        record = Record(
            id=each.order.id,
            state="made",
            at=self._now(),
            made_at=self._now(),
            settings=each.order.settings,
            inputs=with_digests(each.sighting.inputs, each.order.names),
            folder=_below(folder, self._shelf.output),
            outputs=outputs(folder, fields["files"]),
            **{name: fields[name] for name in ("title", "chapters", "duration_ms", "took")},
            authors=tuple(fields["authors"]),
            **self._spent(each, fields),
        )
        book = notices.summary(folder)
        self._keep(each, record, book)
        self._log.event(
            "book_done",
            book=each.order.id,
            files=[str(folder / name) for name in fields["files"]],
            duration_ms=record.duration_ms,
            requests=record.requests,
            chunks_bought=fields["chunks_bought"],
            chunks_stored=fields["chunks_stored"],
            cost=record.cost,
            currency=record.currency,
            seconds=record.took,
        )
        counts = {"requests": record.requests, "characters": record.characters, "cost": record.cost}
        told = f"{record.title}: {record.chapters} chapters, in {folder}"
        self._told.ring(each, notices.of_success(each.order.id, book, told, **counts, currency=record.currency))

    def _on_failed(self, each: Standing, fields: Mapping[str, Any]) -> None:
        error, code = shown(str(fields["error"])), int(fields["exit_code"])
        waits = (self._spending.over and self._spending.over in error) or code == Busy.exit_code
        if waits:  # for money, or for another run of this book
            self._pause(each, self._spending.over or error, fields)
            return
        self._keep(each, self._without_sound(each, "failed", error, code, fields))
        self._log.event("book_failed", book=each.order.id, error=error, exit_code=code)
        self._told.ring(each, notices.of_failure(each.order.id, self._title(each), error, code))

    _on_crashed = _on_failed

    def _on_stopped(self, each: Standing, fields: Mapping[str, Any]) -> None:
        self._pause(each, "it was stopped; the next run goes on", fields)

    def _pause(self, each: Standing, why: str, fields: Mapping[str, Any]) -> None:
        self._keep(each, self._without_sound(each, "paused", why, LimitReached.exit_code, fields))
        self._log.event("book_paused", book=each.order.id, why=why)

    def _spent(self, each: Standing, fields: Mapping[str, Any]) -> dict[str, Any]:
        """What a book cost this time, and all times together."""
        known = {"requests": 0, "characters": 0, "cost": 0.0, "currency": "USD"}
        found = {name: fields.get(name, usual) for name, usual in known.items()}
        before = each.record.spent if each.record and each.record.currency == found["currency"] else 0.0
        return {**found, "spent": round(before + (found["cost"] or 0.0), 8)}

    def _without_sound(self, each: Standing, state: State, reason: str, code: int, fields: Mapping[str, Any]) -> Record:
        """The record of a book that was not made; what an older run made of it is still there."""
        older = each.record or Record(each.order.id, state, 0.0)
        return replace(
            older,
            state=state,
            at=self._now(),
            settings=each.order.settings,
            inputs=with_digests(each.sighting.inputs, each.order.names),
            **self._spent(each, fields),
            took=round(max(0.0, self._now() - self._begun.get(each.order.id, self._now())), 3),
            reason=reason,
            exit_code=code,
        )

    def _keep(self, each: Standing, record: Record, payload: Mapping[str, Any] | None = None) -> None:
        self._records.add(record)
        self._results.append(Result(each, record, payload or {}))


def _below(folder: Path, output: Path) -> str:
    """``folder`` relative to ``output`` where it lies below it."""
    try:
        return folder.absolute().relative_to(output.absolute()).as_posix()
    except ValueError:
        return str(folder.absolute())
