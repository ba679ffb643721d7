"""``narrate live``: speech from text as it is written."""

from __future__ import annotations

import codecs
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from narrate.commands import clock
from narrate.commands.options import job_from, lexicon_option
from narrate.errors import Interrupted, JobError, NarrateError, SourceError, shown

if TYPE_CHECKING:
    from narrate.booth import Booth
    from narrate.live import Live
    from narrate.outlets import Outlet
    from narrate.speak import Outcome
    from narrate.story import Story

_ENCODINGS = ("mp3", "wav", "flac", "opus", "webm", "aac", "pcm_s16le")
_RATE = 24000
"""Hz of what leaves here: kokoro's own, and what every encoding knows."""


@click.command()
@click.argument("prompt", required=False)
@click.option("-o", "--output", metavar="FILE", help="A .mp3, .wav, .flac, .opus, .webm or .aac file; - for stdout.")
@click.option("--encoding", type=click.Choice(_ENCODINGS), default="mp3", show_default=True, help="Of standard output.")
@click.option("--play", is_flag=True, help="Play it on the speakers (needs the extra narrate[play]).")
@click.option("--llm", metavar="MODEL", help="Ask a language model: anthropic[:MODEL] or openai[:MODEL].")
@click.option("--prompt", "instructions", help="What the model is told: spoken, story, or a file of your own.")
@click.option("--text", type=click.Path(path_type=Path, dir_okay=False), help="Keep the text in a file as it comes.")
@click.option(
    "--book", metavar="TITLE", help="End as an audiobook with chapters (Markdown headings), under this title."
)
@click.option("--author", "authors", multiple=True, help="The book's author; repeatable.")
@click.option("--format", "-f", "formats", multiple=True, help="The book's: mp3, m4b or chapters.  [default: mp3]")
@click.option("--into", type=click.Path(path_type=Path, file_okay=False), help="Where books go.  [default: output]")
@click.option("--idle", default=2.0, show_default=True, type=click.FloatRange(0), help="Seconds of silence; 0: never.")
@click.option("--plain", is_flag=True, help="The text is no Markdown: read every sign as it stands.")
@click.option("--engine", default="kokoro", show_default=True, help="kokoro, espeak, lmnt, openai or tone.")
@click.option("--voice", help="A voice of the engine; see `narrate voices`.")
@click.option("--model", help="The engine's model, where it has several.")
@click.option("--set", "settings", multiple=True, metavar="NAME=VALUE", help="An engine's setting: speed=1.1.")
@click.option("--language", default="en", show_default=True, help="BCP 47 tag of the text.")
@lexicon_option
@click.option("--max-cost", type=float, help="Stop before more than this is spent on speech.")
@click.option("--store", type=click.Path(path_type=Path), help="Where speech is kept.  [default: the user's cache]")
@click.option("--quiet", "-q", is_flag=True, help="Only errors.")
def live(
    prompt: str | None,
    output: str | None,
    encoding: str,
    play: bool,
    llm: str | None,
    instructions: str | None,
    text: Path | None,
    book: str | None,
    idle: float,
    plain: bool,
    authors: tuple[str, ...],
    into: Path | None,
    quiet: bool,
    **flags: Any,
) -> None:
    """Speak text while it is being written: standard input as it arrives, or a language model's answer to PROMPT.

    The end of the input, or some silence, ends a turn. Ctrl-C interrupts what is being said, and the listening goes on;
    twice ends. What a model writes is always kept as text.

    \b
    some_program | narrate live -o out.mp3
    some_program | narrate live -o - | ffplay -nodisp -autoexit -
    narrate live --llm anthropic "What is a tide?" --play
    narrate live --llm openai "A long story of a lighthouse" --book "The Light" -f m4b
    """
    from narrate.book import Metadata
    from narrate.booth import Booth
    from narrate.live import Live
    from narrate.policy import Policy
    from narrate.story import Story

    _check(output, play, book, prompt, llm)
    report = _quiet if quiet else _report
    flags["output"] = into
    job = job_from("live", flags)
    pieces = _from_model(llm, prompt, instructions or ("story" if book else "spoken")) if llm else _from_input
    kept = text or (_beside(output, book, job.output) if llm or book else None)
    with _Transcript(kept, report) as transcript:
        booth = Booth(job, report, keep=True, title=book or "live speech")
        try:
            outlets = _outlets(output, encoding, play)
            cast = booth.cast(job.voice, job.language, ())
            story = Story(Metadata(book or "Live", authors, job.language), job.pauses)
            conversation = Live(
                booth,
                cast,
                outlets,
                story,
                idle_s=idle,
                markdown=not plain,
                policy=Policy() if not plain else job.reading_policy,
            )
            _tell_price(booth, report)
            threading.Thread(target=booth.warm, daemon=True, name="warm").start()
            source = _Source(conversation, pieces, transcript)
            with _interruptions(conversation) as signals:
                source.start()
                ending = conversation.run()
            source.over = True
            _summary(conversation, report)
            if book and story.chapters:
                _publish(story, booth, report)
        finally:
            booth.close()
    if signals:
        raise click.exceptions.Exit(128 + signals[-1])
    if source.failure is not None:
        raise source.failure
    if ending == "interrupted":
        raise Interrupted("interrupted; what was spoken is kept")
    if not conversation.heard.characters:
        raise SourceError("there was nothing to say: no text came that holds a letter or a digit")


def _check(output: str | None, play: bool, book: str | None, prompt: str | None, llm: str | None) -> None:
    if not (output or play or book):
        raise JobError("there is nowhere for the sound to go: give -o FILE, -o -, --play or --book TITLE")
    if prompt and not llm:
        raise JobError(
            f"{prompt[:40]!r} is a prompt, and there is no --llm to give it to; text is read from standard input"
        )
    if book is not None and not book.strip():
        raise JobError("--book needs a title")


def _report(sentence: str) -> None:
    click.echo(shown(sentence), err=True)


def _quiet(sentence: str) -> None:
    """Nothing but errors is told."""


def _outlets(output: str | None, encoding: str, play: bool) -> list[Outlet]:
    from narrate.outlets import File, Speakers, Stream

    outlets: list[Outlet] = []
    if output == "-":
        outlets.append(Stream(sys.stdout.buffer, encoding, _RATE))  # type: ignore[arg-type]
    elif output:
        outlets.append(File(Path(output), _RATE))
    if play:
        outlets.append(Speakers(_RATE))
    return outlets


def _tell_price(booth: Booth, report: Callable[[str], None]) -> None:
    """How long a text will be nobody knows yet; what it costs is known (P11)."""
    price = booth.studio.price
    if price is not None and price.amount:
        report(f"{booth.traits.name}: {price.amount:g} {price.currency} per million characters; see --max-cost")


def _beside(output: str | None, book: str | None, folder: Path) -> Path:
    """Where the text is kept when nobody said: beside the sound, or in the folder of books."""
    from narrate.naming import safe_name

    if output and output != "-":
        return Path(output).with_suffix(".md")
    return folder / f"{safe_name(book or 'live')}.md"


# --- where text comes from ------------------------------------------------------------------------------------------

Cancelled = Callable[[], bool]
Pieces = Callable[[Cancelled], Iterator[str]]


def _from_input(cancelled: Cancelled) -> Iterator[str]:
    """Standard input as it arrives, in whatever pieces."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    while data := os.read(sys.stdin.fileno(), 65_536):
        yield decoder.decode(data)
    yield decoder.decode(b"", final=True)


def _from_model(llm: str, prompt: str | None, instructions: str) -> Pieces:
    """What a model answers; settings are checked at once."""
    from narrate import llm as door
    from narrate.prompts import prompt_from

    asked, system = door.model(llm), prompt_from(instructions)
    question = prompt if prompt and prompt != "-" else sys.stdin.read()
    if not question.strip():
        raise JobError("--llm needs a prompt: as an argument, or on standard input")
    return lambda cancelled: door.stream(asked, system, question, env=os.environ, cancelled=cancelled)


class _Source:
    """Reads text in a thread of its own. What goes wrong there is kept in ``failure``; what came before is spoken."""

    def __init__(self, conversation: Live, pieces: Pieces, transcript: _Transcript) -> None:
        self._conversation, self._pieces, self._transcript = conversation, pieces, transcript
        self.failure: NarrateError | None = None
        self.over = False

    def start(self) -> None:
        threading.Thread(target=self._read, daemon=True, name="listen").start()

    def _read(self) -> None:
        try:
            for piece in self._pieces(lambda: self.over):
                self._transcript.add(piece)
                self._conversation.hear(piece)
        except Interrupted:
            pass
        except NarrateError as error:
            self.failure = error
        except OSError as error:
            self.failure = NarrateError(f"standard input cannot be read: {error.strerror}")
        finally:
            self._conversation.end()


class _Transcript:
    """The text, on disk as it comes: a listener's text is never only heard."""

    def __init__(self, path: Path | None, report: Callable[[str], None]) -> None:
        self._path = path
        self._report = report
        self._file: IO[str] | None = None

    def __enter__(self) -> _Transcript:
        if self._path is not None:
            try:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                self._file = self._path.open("w", encoding="utf-8", errors="backslashreplace")
            except OSError as error:
                raise NarrateError(f"{self._path}: the text cannot be kept: {error.strerror}") from error
            self._report(f"the text is kept in {self._path}")
        return self

    def __exit__(self, *_: object) -> None:
        file, self._file = self._file, None
        if file is not None:
            file.close()

    def add(self, piece: str) -> None:
        if self._file is not None:
            self._file.write(piece)
            self._file.flush()


# --- interruptions and the end --------------------------------------------------------------------------------------


@contextmanager
def _interruptions(conversation: Live) -> Iterator[list[int]]:
    """Ctrl-C interrupts; SIGTERM ends, and is noted."""
    signals: list[int] = []

    def ended(number: int, frame: object) -> None:
        signals.append(number)
        conversation.interrupt()
        conversation.interrupt()

    before = {
        signal.SIGINT: signal.signal(signal.SIGINT, lambda number, frame: conversation.interrupt()),
        signal.SIGTERM: signal.signal(signal.SIGTERM, ended),
    }
    try:
        yield signals
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _summary(conversation: Live, report: Callable[[str], None]) -> None:
    heard = conversation.heard
    first = f"; the first after {heard.first_s * 1000:.0f} ms" if heard.first_s is not None else ""
    report(
        f"{clock(round(heard.seconds * 1000))} of speech, {heard.characters:,} characters, "
        f"{heard.bought} chunks spoken, {heard.stored} from the store{first}"
    )
    left: dict[str, int] = {}
    for item in conversation.story.unspoken:
        left[item.reason] = left.get(item.reason, 0) + item.characters
    if any(left.values()):
        told = ", ".join(f"{reason} {count:,}" for reason, count in sorted(left.items()) if count)
        report(f"not spoken (letters and digits): {told}")


class _Console:
    """What ``produce.make`` tells."""

    def __init__(self, report: Callable[[str], None]) -> None:
        self.report = report

    def retry(self, sentence: str) -> None:
        """Nothing is asked for here that is not in the store."""

    def watch(
        self, outcomes: Iterable[Outcome], chunks: int, chapter_of: Callable[[Outcome], str]
    ) -> Iterator[Outcome]:
        """Quick enough without a bar."""
        return iter(outcomes)


def _publish(story: Story, booth: Booth, report: Callable[[str], None]) -> None:
    """The audiobook of what was said, from the store."""
    from narrate.naming import book_folder
    from narrate.produce import Tally, make, only_run_in

    script = story.script()
    folder = book_folder(script.book.meta, booth.job.output)
    with only_run_in(booth.job.output, folder):
        audiobook, files = make(script, booth.studio, _Console(report), Tally(), folder)
    click.echo(f"{audiobook.meta.title}: {clock(audiobook.duration_ms)}, {len(audiobook.marks)} chapters")
    for file in files:
        click.echo(f"  {file.path}")
