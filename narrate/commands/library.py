"""``narrate library``: a shelf of books that keeps itself narrated. What cron calls."""

from __future__ import annotations

import json
import os
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from narrate.errors import Busy, JobError, NarrateError, shown

if TYPE_CHECKING:
    from narrate.events import EventLog, TextLog
    from narrate.library.making import Said
    from narrate.library.outcome import Outcome
    from narrate.library.purse import Spending
    from narrate.library.shelf import Shelf
    from narrate.systemd import Notifier


LONG_S = 7 * 86_400.0
"""Seconds that ``--wait`` waits by itself."""
STILL_S = 3600.0
"""Seconds without a turn of the run, which takes one each second, after which the watchdog is no longer told that all
is well: feeds that hardly answer take a while.
"""


@click.command()
@click.argument("shelves", nargs=-1, required=True, metavar="SHELF...", type=click.Path(path_type=Path))
@click.option("--from", "since", metavar="HH:MM", help="Begin nothing before this time of the day; with --until.")
@click.option("--until", metavar="HH:MM", help="Stop at this time of the day; the next run goes on.")
@click.option("--max-cost", type=float, help="Stop before more than this is spent on all books together.")
@click.option("--max-characters", type=int, help="Stop before more than these are sent for all books together.")
@click.option("--max-requests", type=int, help="Stop before more than these are made for all books together.")
@click.option("--jobs", "-j", "requests", type=int, help="Requests in flight at the most, of all books together.")
@click.option("--cores", type=int, help="Cores that may be busy.  [default: all]")
@click.option(
    "--at-once", type=click.IntRange(0, 256), help="Books made at the same time.  [default: as suits the machine]"
)
@click.option(
    "--wait",
    type=click.FloatRange(0),
    default=0.0,
    is_flag=False,
    flag_value=LONG_S,
    metavar="[SECONDS]",
    help="Wait for another run of this shelf to end: so long, or as long as it takes.",
)
@click.option("--again", is_flag=True, help="Make every book again, changed or not: what is stored costs nothing.")
@click.option("--dry-run", "-n", is_flag=True, help="Only list what is due, and why; feeds are not asked.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
@click.option("--quiet", "-q", is_flag=True, help="Print nothing unless something is wrong.")
@click.option(
    "--log", "log_path", type=click.Path(dir_okay=False, path_type=Path), help="Append messages to this file."
)
@click.option("--log-json", type=click.Path(dir_okay=False, path_type=Path), help="Append events, one JSON a line.")
def library(
    shelves: tuple[Path, ...],
    since: str | None,
    until: str | None,
    wait: float,
    again: bool,
    dry_run: bool,
    as_json: bool,
    quiet: bool,
    log_path: Path | None,
    log_json: Path | None,
    **flags: Any,
) -> None:
    """Narrate what is due of a shelf: what is new, what changed, what failed before.

    A shelf is a TOML file that names books, by file, folder, glob, list, Calibre library or feed. When nothing is due,
    nothing is printed and nothing is touched. One run works on a shelf at a time; a second one ends with 75. Several
    shelves are narrated one after the other; what --max-... and --until say holds for all of them together. Made for
    cron and systemd: see `narrate schedule`.

    \b
    narrate library shelf.toml
    narrate library shelf.toml --dry-run
    narrate library shelf.toml --until 06:00 --max-cost 5 --log-json shelf.jsonl
    narrate library night/*.toml --wait 600
    """
    from narrate.events import EventLog, TextLog
    from narrate.systemd import Notifier

    notifier = Notifier.from_environment(os.environ)
    began = time.time()
    together = None
    with ExitStack() as stack:
        logs = stack.enter_context(EventLog(log_json)), stack.enter_context(TextLog(log_path))
        notifier.ready()  # systemd takes an end before this for a failure
        stack.callback(notifier.stopping)
        codes = set()
        for path in shelves:
            try:
                shelf = _with_flags(path, since, until, flags)
                together = together or _together(shelf, flags)
                ends = shelf.window.end(time.time() if shelf.window.since else began)
                if dry_run:
                    codes.add(_list_due(shelf, again, as_json))
                elif not shelf.window.is_open(time.time()) or (ends is not None and time.time() >= ends):
                    _note(f"{shelf.name}: is narrated {shelf.window}")
                else:
                    outcome = _run(shelf, wait, again, quiet, logs, notifier, until=ends, spending=together)
                    _print(outcome, as_json, quiet)
                    codes.add(outcome.exit_code)
            except NarrateError as error:
                if len(shelves) == 1 and not (quiet and isinstance(error, Busy)):
                    raise
                if not (quiet and isinstance(error, Busy)):
                    click.echo(f"narrate: {shown(str(error))}", err=True)
                codes.add(error.exit_code)
    if codes := codes - {0}:
        raise click.exceptions.Exit(codes.pop() if len(codes) == 1 else NarrateError.exit_code)


def _with_flags(path: Path, since: str | None, until: str | None, flags: dict[str, Any]) -> Shelf:
    """The shelf, with what the command line says, which wins."""
    from narrate.library.shelf import read_shelf, time_of_day, with_flags

    shelf = with_flags(read_shelf(path), **flags)
    given = {"since": time_of_day(since, "--from")} if since else {}
    given |= {"until": time_of_day(until, "--until")} if until else {}
    window = replace(shelf.window, **given)
    if window.since and not window.until:
        raise JobError("--from says when a run may begin; say with --until when it is to stop")
    return replace(shelf, window=window)


def _together(shelf: Shelf, flags: dict[str, Any]) -> Spending:
    """What the command line lets all shelves spend."""
    from narrate.bounds import Limits
    from narrate.library.purse import Spending

    return Spending(Limits(flags["max_cost"], flags["max_characters"], flags["max_requests"]), shelf.currency)


def _note(sentence: str) -> None:
    """A word to whoever looks on: not to cron, for which it would be a mail."""
    if sys.stdout.isatty():
        click.echo(shown(sentence))


def _run(
    shelf: Shelf,
    wait: float,
    again: bool,
    quiet: bool,
    logs: tuple[EventLog, TextLog],
    notifier: Notifier,
    **bounds: Any,
) -> Outcome:
    from narrate.library import report
    from narrate.library.run import run_shelf
    from narrate.systemd import Pulse

    log, text = logs
    watcher = _Watcher(quiet, text, notifier.status)
    pulse = Pulse(STILL_S + wait)
    with notifier.watch(pulse):
        try:
            outcome = run_shelf(shelf, watcher, log, again=again, wait=wait, tick=pulse.beat, **bounds)
        finally:
            watcher.close()
    if outcome.news:
        text.say(report.text(outcome))
    return outcome


def _print(outcome: Outcome, as_json: bool, quiet: bool) -> None:
    """The summary: nothing when nothing happened, unless somebody looks on."""
    from narrate.library import report

    if as_json:
        click.echo(json.dumps(report.payload(outcome), ensure_ascii=False))
        return
    if quiet and not ((outcome.news and outcome.failed) or outcome.hook_failures):
        return
    if outcome.news or outcome.hook_failures:
        click.echo(report.text(outcome))
    else:
        _note(report.text(outcome))


def _list_due(shelf: Shelf, again: bool, as_json: bool) -> int:
    """What is due, and why. 6 where something is wrong in finding that out."""
    from narrate.library.report import of_standing
    from narrate.library.sight import sight_of

    sight = sight_of(shelf, again=again)
    standings, listing = sight.standings, sight.listing
    if as_json:
        problems = [{"where": where, "error": sentence} for where, sentence in listing.problems]
        due = [of_standing(each) for each in standings if each.state == "due"]
        click.echo(json.dumps({"shelf": str(shelf.path), "due": due, "problems": problems}, ensure_ascii=False))
        return 6 if problems else 0
    for each in standings:
        if each.state in ("due", "unreadable"):
            click.echo(shown(f"{each.state}: {each.order.id}: {each.why}"))
    for _, sentence in listing.problems:
        click.echo(shown(f"problem: {sentence}"))
    for sentence in listing.notes:
        click.echo(shown(f"note: {sentence}"))
    states = Counter(each.state for each in standings)
    told = ", ".join(f"{number:,} {state}" for state, number in sorted(states.items()))
    click.echo(f"{shelf.name}: {told or 'no books'}")
    return 6 if listing.problems else 0


class _Watcher:
    """Progress on a terminal; elsewhere silence, for the summary tells it all."""

    def __init__(self, quiet: bool, log: TextLog, status: Callable[[str], object]) -> None:
        self._shown = not quiet and sys.stderr.isatty()
        self._log = log
        self._status = status
        self._bar: Any = None
        self._due = self._done = 0
        self._chunks: dict[str, list[int]] = {}

    def begins(self, due: int) -> None:
        """So many books are due."""
        self._due = due
        self._log.say(f"{due} due")
        self._status(f"0 of {due} books made")
        if self._shown:
            from tqdm import tqdm

            layout = "{desc}{percentage:3.0f}% |{bar}| {n_fmt}/{total_fmt} books{postfix}"
            self._bar = tqdm(total=due, bar_format=layout, dynamic_ncols=True, file=sys.stderr)

    def sees(self, book: str, said: Said) -> None:
        """What the process of a book says."""
        handler = getattr(self, f"_on_{said.what}", None)
        if handler is not None:
            handler(book, said.fields)

    def report(self, sentence: str) -> None:
        """A sentence for people, above the bar."""
        sentence = shown(sentence)
        self._log.say(sentence)
        if self._bar is not None:
            self._bar.write(sentence, file=sys.stderr)
        elif self._shown:
            click.echo(sentence, err=True)

    def close(self) -> None:
        """No more progress."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def _on_planned(self, book: str, fields: dict[str, Any]) -> None:
        self._chunks[book] = [0, int(fields["chunks"])]

    def _on_spoken(self, book: str, fields: dict[str, Any]) -> None:
        if book in self._chunks:
            self._chunks[book][0] += int(fields["chunks"])
            self._postfix()

    def _postfix(self) -> None:
        if self._bar is not None:
            told = ", ".join(
                f"{book[:24]} {100 * done // max(1, of)}%" for book, (done, of) in list(self._chunks.items())[:2]
            )
            self._bar.set_postfix_str(f" {told}", refresh=False)
            self._bar.update(0)

    def _on_message(self, book: str, fields: dict[str, Any]) -> None:
        self._log.say(f"{book}: {fields.get('text')}")

    def _on_done(self, book: str, fields: dict[str, Any]) -> None:
        from narrate.figures import clock

        self._ended(book, f"{fields['title']}: {clock(fields['duration_ms'])}")

    def _on_failed(self, book: str, fields: dict[str, Any]) -> None:
        self._ended(book, f"failed: {fields['error']}")

    _on_crashed = _on_failed

    def _ended(self, book: str, sentence: str) -> None:
        self._chunks.pop(book, None)
        self._postfix()
        self._done += 1
        self._status(f"{self._done} of {self._due} books made")
        self.report(sentence)
        if self._bar is not None:
            self._bar.update(1)
