"""The straight line, on one page: a job in, a finished audiobook out."""

from __future__ import annotations

import contextlib
import hashlib
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from narrate.assemble import assemble
from narrate.audio.languages import bcp_47
from narrate.checks.book import check_book
from narrate.errors import JobError, SegmentDamaged, SourceError, SpeechIncomplete
from narrate.estimate import Estimate, account_warnings, estimate, expectation, limit_warnings
from narrate.job import Job, chosen_chapters, part_title, with_metadata
from narrate.lexicons import lexicon_for
from narrate.load import load
from narrate.locks import only_run
from narrate.naming import book_folder
from narrate.plan import plan
from narrate.publish import publish
from narrate.speak import Outcome, complete, speak
from narrate.studio import Report, Studio, open_studio

if TYPE_CHECKING:
    from narrate.audiobook import Audiobook, Published
    from narrate.book import Book
    from narrate.engines.metered import Budget, Purse
    from narrate.script import Script


ENOUGH_CHUNKS = 20
"""From how many on the speed of a run is remembered."""


class Console(Protocol):
    """Who is told how it goes."""

    def report(self, sentence: str) -> None:
        """A sentence for the user."""

    def retry(self, sentence: str) -> None:
        """A request is made again."""

    def watch(
        self, outcomes: Iterable[Outcome], chunks: int, chapter_of: Callable[[Outcome], str]
    ) -> Iterator[Outcome]:
        """Pass on ``outcomes``, showing progress through ``chunks``."""
        ...

    def chapter(self, number: int, of: int, title: str) -> None:
        """A chapter is finished: the ``number``-th, counted from 1, of so many."""


@dataclass(slots=True)
class Tally:
    """What the engine gave, and what the store had, so far. Chunks of equal text count once."""

    bought: int = 0
    bought_characters: int = 0
    seconds: float = 0.0
    stored: int = 0
    stored_characters: int = 0

    def count(self, outcomes: Iterable[Outcome]) -> Iterator[Outcome]:
        """Count ``outcomes`` while passing them on; ``seconds`` grow with what is bought."""
        since = time.monotonic()
        for outcome in outcomes:
            if outcome.segment is not None and outcome.bought:
                self.bought += 1
                self.bought_characters += outcome.characters
                now = time.monotonic()
                self.seconds, since = self.seconds + now - since, now
            elif outcome.segment is not None:
                self.stored += 1
                self.stored_characters += outcome.characters
            yield outcome


@dataclass(frozen=True, slots=True)
class Production:
    """A finished run."""

    folder: Path
    files: tuple[Published, ...]
    audiobook: Audiobook
    script: Script
    estimate: Estimate
    tally: Tally
    budget: Budget


def produce(
    job: Job,
    console: Console,
    approve: Callable[[Estimate], bool],
    *,
    taken: Callable[[Path], str] = lambda folder: "",
    spent: list[Budget] | None = None,
    purse: Purse | None = None,
    wait: float = 0.0,
) -> Production:
    """Make the audiobook that ``job`` orders. ``approve`` sees the price before anything is spent.

    ``taken`` says which other source has filled a folder, in this very run or on the same shelf: its place may not be
    taken. ``spent`` are the budgets of the books before this one, where one limit holds for all; this one's is added.
    ``purse`` is what books that are made at the same time spend from. ``wait`` is how many seconds a folder that
    another run works on is waited for.

    Raises what the verbs raise; whatever was spoken until then is stored, and a second call goes on from there.
    """
    script, studio = prepare(job, console.report, console.retry, spent=tuple(spent or ()), purse=purse)
    if spent is not None:
        spent.append(studio.budget)
    script = part_of(script, job)
    with contextlib.closing(studio):
        folder = book_folder(script.book.meta, job.output)
        if other := taken(folder):
            raise JobError(
                f"{job.source}: has the author and title of {other}, and would take its place in {folder}; "
                "give it another title in a job file, or another output folder (-o)"
            )
        with only_run_in(job.output, folder, wait):
            expected = estimate(script, studio, folder)
            console.report(expectation(script, expected))
            for warning in (*limit_warnings(expected, job, studio), *account_warnings(expected, studio)):
                console.report(f"warning: {warning}")
            if not approve(expected):
                raise SpeechIncomplete("nothing was spent; run again when you like")
            tally = Tally()
            audiobook, files = make(script, studio, console, tally, folder)
    return Production(folder, files, audiobook, script, expected, tally, studio.budget)


def make(
    script: Script, studio: Studio, console: Console, tally: Tally, folder: Path
) -> tuple[Audiobook, tuple[Published, ...]]:
    """Speak, assemble and publish in ``folder``, whose lock the caller holds."""
    audiobook = replace(_assembled(script, studio, console, tally), narrator=studio.narrator, serial=studio.serial)
    return audiobook, publish(audiobook, studio.writers, folder)


def _assembled(script: Script, studio: Studio, console: Console, tally: Tally) -> Audiobook:
    """Speak and assemble. A stored segment that proves damaged has been set aside: it is spoken anew, and the rest
    is there already. Each round heals at least one.
    """
    for _ in script.chunks:
        # closed here, whatever happens, and not when a traceback is let go of: what is in flight then has its grace
        with contextlib.closing(speak(script, studio.engine, studio.store, studio.speakers)) as outcomes:
            counted = tally.count(outcomes)
            shown = _shown(counted, script, console)
            try:
                return assemble(
                    script,
                    complete(shown),
                    studio.store,
                    studio.masters,
                    studio.mastering,
                    warn=console.report,
                    finished=console.chapter,
                )
            except SegmentDamaged as error:
                console.report(f"{error}; it is spoken anew")
                for _ in _shown(counted, script, console):  # what is being spoken is spoken to the end
                    pass
                tally.stored = tally.stored_characters = 0
            finally:
                _note_speed(studio, tally)
    raise SegmentDamaged(f"{studio.store.folder}: segments keep being damaged; check the disk")


def _shown(outcomes: Iterable[Outcome], script: Script, console: Console) -> Iterator[Outcome]:
    return console.watch(outcomes, len(script.chunks), lambda outcome: _title(script, outcome))


def prepare(
    job: Job,
    report: Report,
    retry: Report = lambda sentence: None,
    *,
    silent: bool = False,
    spent: tuple[Budget, ...] = (),
    purse: Purse | None = None,
) -> tuple[Script, Studio]:
    """Read the book, open the studio for its language, and plan. Nothing is spoken. The caller closes the studio.

    A ``silent`` studio is for planning alone, and needs no key.
    """
    book = load(job.source, job.bounds)
    meta = with_metadata(book.meta, job.metadata)
    book = replace(book, meta=replace(meta, language=bcp_47(job.language or meta.language)))
    studio = open_studio(job, book.meta, report, retry, silent=silent, spent=spent, purse=purse)
    try:
        return _script(book, job, studio, report), studio
    except BaseException:
        studio.close()
        raise


def _script(book: Book, job: Job, studio: Studio, report: Report) -> Script:
    lexicon, doubts = lexicon_for(book, job.lexicons)
    chosen = chosen_chapters(job.chapters)
    script = plan(book, studio.cast, studio.traits, job.pauses, chosen, job.reading_policy, lexicon)
    script = replace(script, warnings=(*script.warnings, *doubts))
    if not script.chunks and job.chapters:
        raise JobError(f"{job.source}: --chapters {job.chapters} names none of its chapters; see `narrate plan`")
    if not script.chunks:
        raise SourceError(f"{job.source}: it holds no text to speak; see `narrate plan`")
    for notice in script.notices:
        report(notice)
    for found in check_book(book):
        report(f"{found.severity}: {found.code}: {found.where}: {found.message}")
    return script


def part_of(script: Script, job: Job) -> Script:
    """``script`` under the name it is published by."""
    meta = script.book.meta
    named = replace(meta, title=part_title(meta.title, job.chapters))
    return replace(script, book=replace(script.book, meta=named))


def _note_speed(studio: Studio, tally: Tally) -> None:
    """Remember how fast speech came, for the next estimate. A few chunks say nothing."""
    if tally.bought >= ENOUGH_CHUNKS and tally.seconds > 0:
        narrator = studio.cast.narrator
        studio.ledger.note_speed(narrator.engine, narrator.model, tally.bought_characters, tally.seconds)


def _title(script: Script, outcome: Outcome) -> str:
    return script.chapters[script.chunks[outcome.indices[0]].chapter].title


def only_run_in(output: Path, folder: Path, wait: float = 0.0) -> contextlib.AbstractContextManager[None]:
    """Hold the lock of an output folder; where another run has it, wait so many seconds for it."""
    name = hashlib.sha256(str(folder.relative_to(output)).encode()).hexdigest()[:16]
    return only_run(output / ".narrate", name, str(folder), wait=wait)
