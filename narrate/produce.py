"""The straight line, on one page: a job in, a finished audiobook out."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from filelock import FileLock, Timeout

from narrate.assemble import assemble
from narrate.audio.languages import bcp_47
from narrate.checks.book import check_book
from narrate.errors import Busy, JobError, NarrateError, SegmentDamaged, SourceError, SpeechIncomplete
from narrate.job import Job, chosen_chapters, with_metadata
from narrate.lexicons import lexicon_for
from narrate.load import load
from narrate.naming import book_folder
from narrate.plan import plan
from narrate.publish import publish
from narrate.speak import Outcome, complete, speak
from narrate.studio import Report, Studio, open_studio

if TYPE_CHECKING:
    from narrate.audiobook import Audiobook, Published
    from narrate.book import Book
    from narrate.script import Script


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


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a script would cost now: ``stored`` chunks cost nothing; ``amount`` is None where the price is unknown."""

    stored: int
    requests: int
    characters: int
    amount: float | None
    currency: str
    speech_seconds: float

    @property
    def cost(self) -> str:
        """The price for people."""
        return "unknown" if self.amount is None else f"{self.amount:.2f} {self.currency}" if self.amount else "nothing"


@dataclass(slots=True)
class Tally:
    """What was asked of the engine, and what the store had, so far. Chunks of equal text count once."""

    bought: int = 0
    bought_characters: int = 0
    stored: int = 0
    stored_characters: int = 0

    def count(self, outcomes: Iterable[Outcome]) -> Iterator[Outcome]:
        """Count ``outcomes`` while passing them on."""
        for outcome in outcomes:
            if outcome.segment is not None and outcome.bought:
                self.bought += 1
                self.bought_characters += outcome.characters
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


def produce(
    job: Job, console: Console, approve: Callable[[Estimate], bool], made: Mapping[Path, str] | None = None
) -> Production:
    """Make the audiobook that ``job`` orders. ``approve`` sees the price before anything is spent.

    ``made`` are the folders that this very run has filled, with their sources: another book may not take their place.

    Raises what the verbs raise; whatever was spoken until then is stored, and a second call goes on from there.
    """
    script, studio = prepare(job, console.report, console.retry)
    if job.chapters:
        # a part of a book has a name of its own, or it would take the place of the whole one
        meta = script.book.meta
        named = replace(meta, title=f"{meta.title} (chapters {job.chapters.replace(' ', '')})")
        script = replace(script, book=replace(script.book, meta=named))
    with contextlib.closing(studio):
        folder = book_folder(script.book.meta, job.output)
        if made and folder in made:
            raise JobError(
                f"{job.source}: has the author and title of {made[folder]}, and would take its place in {folder}; "
                "give it another title in a job file, or another folder with -o"
            )
        with _only_run(job.output, folder):
            expected = estimate(script, studio)
            console.report(_expectation(script, expected))
            _afford(expected, job, approve)
            tally = Tally()
            audiobook = replace(_make(script, studio, console, tally), narrator=studio.narrator)
            files = publish(audiobook, studio.writers, folder)
    return Production(folder, files, audiobook, script, expected, tally)


def _make(script: Script, studio: Studio, console: Console, tally: Tally) -> Audiobook:
    """Speak and assemble. A stored segment that proves damaged has been set aside: it is spoken anew, and the rest
    is there already. Each round heals at least one.
    """
    for _ in script.chunks:
        outcomes = tally.count(speak(script, studio.engine, studio.store, studio.speakers))
        shown = console.watch(outcomes, len(script.chunks), lambda outcome: _title(script, outcome))
        try:
            return assemble(
                script, complete(shown), studio.store, studio.masters, studio.mastering, warn=console.report
            )
        except SegmentDamaged as error:
            console.report(f"{error}; it is spoken anew")
            tally.stored = tally.stored_characters = 0
    raise SegmentDamaged(f"{studio.store.folder}: segments keep being damaged; check the disk")


def prepare(
    job: Job, report: Report, retry: Report = lambda sentence: None, *, silent: bool = False
) -> tuple[Script, Studio]:
    """Read the book, open the studio for its language, and plan. Nothing is spoken. The caller closes the studio.

    A ``silent`` studio is for planning alone, and needs no key.
    """
    book = load(job.source, job.bounds)
    meta = with_metadata(book.meta, job.metadata)
    book = replace(book, meta=replace(meta, language=bcp_47(job.language or meta.language)))
    studio = open_studio(job, book.meta.language, report, retry, silent=silent)
    try:
        return _script(book, job, studio, report), studio
    except BaseException:
        studio.close()
        raise


def _script(book: Book, job: Job, studio: Studio, report: Report) -> Script:
    lexicon, warnings = lexicon_for(book, job.lexicons)
    chosen = chosen_chapters(job.chapters)
    script = plan(book, studio.cast, studio.traits, job.pauses, chosen, job.reading_policy, lexicon)
    script = replace(script, warnings=(*script.warnings, *warnings))
    if not script.chunks and job.chapters:
        raise JobError(f"{job.source}: --chapters {job.chapters} names none of its chapters; see `narrate plan`")
    if not script.chunks:
        raise SourceError(f"{job.source}: it holds no text to speak; see `narrate plan`")
    for notice in script.notices:
        report(notice)
    for found in check_book(book):
        report(f"{found.severity}: {found.code}: {found.where}: {found.message}")
    return script


def estimate(script: Script, studio: Studio) -> Estimate:
    """Count what is stored and what is to be asked for, each text once."""
    chunks = {chunk.key: chunk for chunk in script.chunks}
    missing = {key: chunk for key, chunk in chunks.items() if studio.store.get("segments", key) is None}
    characters = sum(len(chunk.text) for chunk in missing.values())
    price = studio.traits.price
    amount = 0.0 if studio.traits.local else None if price is None else characters * price.amount / 1_000_000
    return Estimate(
        stored=sum(chunk.key not in missing for chunk in script.chunks),
        requests=len(missing),
        characters=characters,
        amount=amount,
        currency=price.currency if price else "USD",
        speech_seconds=studio.traits.pace * sum(len(chunk.text) for chunk in script.chunks)
        + sum(chunk.pause_ms for chunk in script.chunks) / 1000,
    )


def _expectation(script: Script, expected: Estimate) -> str:
    """What will be asked for and spent, said before it is."""
    minutes = expected.speech_seconds / 60
    asked = f"{expected.requests:,} requests, {expected.characters:,} characters, price {expected.cost}"
    return f"{script.book.meta.title}: about {minutes:.0f} min of speech; {expected.stored:,} chunks stored; {asked}"


def _afford(expected: Estimate, job: Job, approve: Callable[[Estimate], bool]) -> None:
    if job.max_cost is not None and expected.amount is None and expected.requests:
        raise JobError("--max-cost: the price of this engine and model is unknown, so no limit can be kept")
    if job.max_cost is not None and (expected.amount or 0) > job.max_cost:
        raise SpeechIncomplete(
            f"nothing was spent: this would cost about {expected.cost}, above the limit of {job.max_cost:.2f}; "
            "raise --max-cost or choose fewer --chapters"
        )
    if not approve(expected):
        raise SpeechIncomplete("nothing was spent; run again when you like")


def _title(script: Script, outcome: Outcome) -> str:
    return script.chapters[script.chunks[outcome.indices[0]].chapter].title


@contextlib.contextmanager
def _only_run(output: Path, folder: Path) -> Iterator[None]:
    """Hold the lock of an output folder. The system lets go of it when the process dies, however it dies."""
    name = hashlib.sha256(str(folder.relative_to(output)).encode()).hexdigest()[:16]
    try:
        locks = output / ".narrate"
        locks.mkdir(parents=True, exist_ok=True)
        lock = FileLock(locks / f"{name}.lock", timeout=0)
        lock.acquire()
    except Timeout as error:
        raise Busy(f"{folder}: another run is making this book; wait for it to end") from error
    except OSError as error:
        raise NarrateError(f"{output}: cannot be written: {error.strerror}; choose another folder with -o") from error
    try:
        yield
    finally:
        lock.release()
