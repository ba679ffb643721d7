"""``narrate run``: books or job files to finished audiobooks."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from narrate.commands.options import job_from, jobs_from, production_options
from narrate.errors import NarrateError, SourceError, shown
from narrate.figures import clock

if TYPE_CHECKING:
    from narrate.engines.metered import Budget
    from narrate.estimate import Estimate
    from narrate.events import EventLog
    from narrate.hooks.ringing import Hooks
    from narrate.job import Job
    from narrate.produce import Production
    from narrate.speak import Outcome

INTERRUPTED_S = 2.0
"""Seconds that hooks may take when the run was interrupted."""

_LIMITS = ("max_cost", "max_characters", "max_requests")


@click.command()
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@production_options
@click.option("--yes", is_flag=True, help="Spend money without asking.")
@click.option("--quiet", "-q", is_flag=True, help="Only errors.")
@click.option("--log-json", type=click.Path(dir_okay=False, path_type=Path), help="Append events, one JSON a line.")
def run(sources: tuple[str, ...], yes: bool, quiet: bool, log_json: Path | None, **flags: Any) -> None:
    """Make finished audiobooks of books (EPUB, Markdown, text, or a folder of these) or job files (.toml).

    A folder of Markdown or text is one book; of a folder of EPUBs, and of what a pattern finds, each is one.

    What is already spoken is never asked for again: after an interruption or an edit, run it again.

    \b
    narrate run book.epub
    narrate run book.epub -f mp3 -f m4b --voice bf_emma
    narrate run notes/ --engine openai --voice alloy --max-cost 2
    narrate run "books/**/*.epub" -f m4b
    narrate run configs/default.toml
    """
    from narrate.events import EventLog

    failures: list[NarrateError] = []
    made: dict[Path, str] = {}
    # a limit that is given here holds for all sources together; one in a job file for that job
    spent: list[Budget] | None = [] if any(flags[name] is not None for name in _LIMITS) else None
    with EventLog(log_json) as log:

        def fail(name: str, error: NarrateError, alone: bool) -> None:
            log.event("failed", source=name, error=str(error), exit_code=error.exit_code)
            if alone:
                raise error
            click.echo(f"narrate: {shown(str(error))}", err=True)
            failures.append(error)

        for source in sources:
            try:
                jobs = jobs_from(source, flags)
            except NarrateError as error:
                if isinstance(error, SourceError):
                    _not_there(source, flags, error, quiet, log)
                fail(source, error, len(sources) == 1)
                continue
            of_job: list[Budget] | None = [] if len(jobs) > 1 else None
            for job in jobs:
                name = source if len(jobs) == 1 else str(job.source)
                try:
                    folder = _run_one(job, yes, quiet, log, made, of_job if spent is None else spent)
                    made[folder] = name
                except NarrateError as error:
                    fail(name, error, len(sources) == len(jobs) == 1)
    if failures:
        code = failures[0].exit_code if len({error.exit_code for error in failures}) == 1 else NarrateError.exit_code
        raise click.exceptions.Exit(code)


def _run_one(
    job: Job, yes: bool, quiet: bool, log: EventLog, made: dict[Path, str], spent: list[Budget] | None
) -> Path:
    """Make one book, and tell its hooks."""
    from narrate import notices
    from narrate.hooks.ringing import Hooks

    console = _Console(quiet, log, str(job.source))
    console.hooks = hooks = Hooks(job.hooks, console.hook_failed, keep_back=(job.key_variable,))
    try:
        try:
            production = _produced(job, yes, console, log, made, spent)
        except NarrateError as error:
            hooks.tell(notices.of_failure(str(job.source), console.book, str(error), error.exit_code))
            hooks.close()
            raise
        told = _summary(production)
        counts = {"requests": production.budget.requests, "cost": production.budget.cost}
        hooks.tell(notices.of_success(str(job.source), notices.summary(production.folder), told, **counts))
        if not quiet:
            click.echo(told)
        hooks.close()
    except BaseException:  # an interruption, also one of hooks that take their time
        hooks.close(INTERRUPTED_S)
        raise
    return production.folder


def _not_there(source: str, flags: dict[str, Any], error: SourceError, quiet: bool, log: EventLog) -> None:
    """Tell the hooks of a job that its books are not where it says."""
    from narrate import notices
    from narrate.hooks.ringing import Hooks

    job = job_from(source, flags)
    hooks = Hooks(job.hooks, _Console(quiet, log, source).hook_failed, keep_back=(job.key_variable,))
    try:
        hooks.tell(notices.of_failure(str(job.source), source, str(error), error.exit_code))
        hooks.close()
    except BaseException:
        hooks.close(INTERRUPTED_S)
        raise


def _produced(
    job: Job, yes: bool, console: _Console, log: EventLog, made: dict[Path, str], spent: list[Budget] | None
) -> Production:
    from narrate.produce import produce

    log.event("started", source=str(job.source))

    def taken(folder: Path) -> str:
        console.book = folder.name
        return made.get(folder, "")

    def approve(estimate: Estimate) -> bool:
        console.starts(estimate)
        return yes or _approve(estimate)

    production = produce(job, console, approve, taken=taken, spent=spent)
    log.event(
        "done",
        source=str(job.source),
        files=[str(file.path) for file in production.files],
        duration_ms=production.audiobook.duration_ms,
        chunks_bought=production.tally.bought,
        chunks_stored=production.tally.stored,
        requests=production.budget.requests,
    )
    return production


def _approve(estimate: Estimate) -> bool:
    """Ask before money is spent, where there is somebody to ask."""
    if not estimate.amount or not (sys.stdin.isatty() and sys.stderr.isatty()):
        return True
    question = f"{estimate.requests:,} requests, {estimate.characters:,} characters, about {estimate.cost}: go on?"
    return click.confirm(question, err=True)


class _Console:
    """Progress and messages, on standard error; bars only on a terminal."""

    def __init__(self, quiet: bool, log: EventLog, source: str) -> None:
        self._quiet = quiet
        self._log = log
        self._source = self.book = source
        self.hooks: Hooks | None = None
        self._bar: Any = None
        self.retries = 0

    def report(self, sentence: str) -> None:
        """A sentence for the user, above the bar."""
        self._log.event("message", text=sentence)
        if self._quiet:
            return
        if self._bar is not None:
            self._bar.write(shown(sentence), file=sys.stderr)
        else:
            click.echo(shown(sentence), err=True)

    def retry(self, sentence: str) -> None:
        """A request that is made again: counted in the bar, told in the log."""
        self.retries += 1
        self._log.event("retry", text=sentence)

    def hook_failed(self, sentence: str) -> None:
        """A hook did not get through."""
        self._log.event("hook_failed", error=sentence)
        click.echo(f"narrate: {shown(sentence)}", err=True)

    def starts(self, expected: Estimate) -> None:
        """Speaking begins."""
        from narrate import notices

        if self.hooks is not None:
            figures = {"requests": expected.requests, "characters": expected.characters}
            seconds = round(expected.speech_seconds, 1)
            self.hooks.tell(notices.of_start(self._source, self.book, {**figures, "speech_seconds": seconds}))

    def chapter(self, number: int, of: int, title: str) -> None:
        """A chapter is finished."""
        from narrate import notices

        self._log.event("chapter", chapter=number, chapters=of, title=title)
        if self.hooks is not None:
            self.hooks.tell(notices.of_chapter(self._source, self.book, number, of, title))

    def watch(
        self, outcomes: Iterable[Outcome], chunks: int, chapter_of: Callable[[Outcome], str]
    ) -> Iterator[Outcome]:
        """Pass ``outcomes`` on, with a bar of chunks, characters, time left, chapter and retries."""
        from tqdm import tqdm

        characters = 0
        bar_format = "{desc}{percentage:3.0f}% |{bar}| {n_fmt}/{total_fmt} {remaining}{postfix}"
        hide = self._quiet or not sys.stderr.isatty()
        with tqdm(total=chunks, disable=hide, dynamic_ncols=True, bar_format=bar_format, file=sys.stderr) as bar:
            self._bar = None if hide else bar
            for outcome in outcomes:
                if outcome.segment is not None:
                    self._log.event("spoken", key=outcome.segment.key, bought=outcome.bought)
                yield outcome
                if not hide:
                    title, size = chapter_of(outcome), outcome.characters
                    characters += size
                    bar.set_description_str(f"{_cut(title, max(8, (bar.ncols or 60) // 4))} ", refresh=False)
                    retries = f" {self.retries} retries" if self.retries else ""
                    bar.set_postfix_str(f" {characters:,} ch{retries}", refresh=False)
                bar.update(len(outcome.indices))
        self._bar = None


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"


def _summary(production: Production) -> str:
    """What was made, for people: files, duration, chapters, characters stored and bought, price, what was skipped."""
    from narrate.figures import priced

    book, tally = production.audiobook, production.tally
    skipped: dict[str, int] = {}
    for item in production.script.skipped:
        skipped[item.reason] = skipped.get(item.reason, 0) + item.characters
    lines = [f"{book.meta.title}: {clock(book.duration_ms)}, {len(book.marks)} chapters"]
    lines += [f"  {file.path}  ({file.size / 1e6:.1f} MB)" for file in production.files]
    lines.append(
        f"  spoken: {tally.bought_characters:,} characters in {tally.bought} chunks; "
        f"from the store: {tally.stored_characters:,} in {tally.stored}"
    )
    budget = production.budget
    if budget.requests > tally.bought:
        lines.append(f"  requests: {budget.requests:,}, {budget.requests - tally.bought:,} of them asked again")
    if production.estimate.amount:
        spent = priced(budget.cost, production.estimate.currency)
        lines.append(f"  price: {spent} at the most, every request counted; see `narrate ledger`")
    if skipped:
        told = ", ".join(f"{reason} {count:,}" for reason, count in sorted(skipped.items(), key=lambda pair: -pair[1]))
        lines.append(f"  not spoken (letters and digits): {told}")
    return "\n".join(map(shown, lines))
