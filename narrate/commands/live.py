"""``narrate live``: speech from text as it is written."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from narrate.commands.options import job_from, voice_options
from narrate.errors import Interrupted, JobError, NarrateError, SourceError, SpeechIncomplete, shown
from narrate.figures import clock

if TYPE_CHECKING:
    from narrate.booth import Booth
    from narrate.job import Job
    from narrate.live.conversation import Live
    from narrate.live.listening import Pieces, Source, Transcript
    from narrate.live.outlets import Outlet
    from narrate.live.story import Story
    from narrate.speak import Outcome

Report = Callable[[str], None]

_ENCODINGS = ("mp3", "wav", "flac", "opus", "webm", "aac", "pcm_s16le")
_WARM_S = 10.0
"""Seconds that loading a voice may take at the end of a conversation that was over before it was loaded."""
_RATE = 24000
"""Hz of what leaves here: kokoro's own, and what every encoding knows."""


@click.command()
@click.argument("prompt", required=False)
@click.option("-o", "--output", metavar="FILE", help="A .mp3, .wav, .flac, .opus, .webm or .aac file; - for stdout.")
@click.option("--encoding", type=click.Choice(_ENCODINGS), default="mp3", show_default=True, help="Of standard output.")
@click.option("--play", is_flag=True, help="Play it on the speakers (needs the extra narrate[play]).")
@click.option("--llm", metavar="MODEL", help="Ask a language model: anthropic[:MODEL] or openai[:MODEL].")
@click.option("--prompt", "instructions", help="What the model is told: spoken, story, or a file of your own.")
@click.option("--text", type=click.Path(path_type=Path, dir_okay=False), help="Where the text is kept as it comes.")
@click.option(
    "--book", metavar="TITLE", help="End as an audiobook with chapters (Markdown headings), under this title."
)
@click.option("--author", "authors", multiple=True, help="The book's author; repeatable.")
@click.option("--format", "-f", "formats", multiple=True, help="The book's: mp3, m4b or chapters.  [default: mp3]")
@click.option("--into", type=click.Path(path_type=Path, file_okay=False), help="Where books go.  [default: output]")
@click.option("--idle", type=float, help="Seconds of silence that end a turn; 0: none do.  [default: 2; with --llm 0]")
@click.option("--plain", is_flag=True, help="The text is no Markdown: read every sign as it stands.")
@click.option("--engine", help="kokoro, espeak, lmnt, openai or tone.  [default: by the language]")
@voice_options
@click.option("--language", default="en", show_default=True, help="BCP 47 tag of the text.")
@click.option("--max-cost", type=float, help="Stop before more than this is spent on speech.")
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
    idle: float | None,
    plain: bool,
    authors: tuple[str, ...],
    into: Path | None,
    quiet: bool,
    **flags: Any,
) -> None:
    """Speak text while it is being written: standard input as it arrives, or a language model's answer to PROMPT.

    The end of the input, or some silence, ends a turn. Ctrl-C interrupts what is being said, and the listening goes on;
    twice ends. The text is always kept: in --text, beside the sound, or where it is told.

    \b
    some_program | narrate live -o out.mp3
    some_program | narrate live -o - | ffplay -nodisp -autoexit -
    narrate live --llm anthropic "What is a tide?" --play
    narrate live --llm openai "A long story of a lighthouse" --book "The Light" -f m4b
    """
    order = _Order(prompt, output, encoding, play, llm, instructions, text, book, authors, idle, plain)
    report = _quiet if quiet else _report
    order.check(flags)
    job = job_from("live", {**flags, "output": into})
    _speak(order, job, report)


@dataclass(frozen=True, slots=True)
class _Order:
    """What the command line asks for, apart from the job."""

    prompt: str | None
    output: str | None
    encoding: str
    play: bool
    llm: str | None
    instructions: str | None
    text: Path | None
    book: str | None
    authors: tuple[str, ...]
    idle: float | None
    plain: bool

    def check(self, flags: dict[str, Any]) -> None:
        """JobError for what makes no sense together."""
        if not (self.output or self.play or self.book):
            raise JobError("there is nowhere for the sound to go: give -o FILE, -o -, --play or --book TITLE")
        if self.prompt and not self.llm:
            start = f"{self.prompt[:40]!r} is a prompt"
            raise JobError(f"{start}, and there is no --llm to give it to; text is read from standard input")
        if self.book is not None and not self.book.strip():
            raise JobError("--book needs a title")
        if self.book is None and (flags.get("formats") or self.authors):
            raise JobError("--format and --author are a book's: name it with --book TITLE")
        if self.idle is not None and not 0 <= self.idle <= 86_400:
            raise JobError(f"--idle {self.idle:g}: must be between 0 and 86400 seconds")
        if self.text and self.output and self.text.resolve() == Path(self.output).resolve():
            raise JobError(f"--text {self.text}: is where the sound goes; name another file")
        if self.output == "-" and sys.stdout.isatty():
            raise JobError("-o -: standard output is a terminal, which plays no sound; pipe it on, or use --play")

    @property
    def idle_s(self) -> float:
        """A model's silence ends nothing: it is still writing."""
        from narrate.live.conversation import IDLE_S

        return (0.0 if self.llm else IDLE_S) if self.idle is None else self.idle


def _speak(order: _Order, job: Job, report: Report) -> None:
    from narrate.book import Metadata
    from narrate.booth import EVERYTHING, Booth
    from narrate.live.conversation import Live
    from narrate.live.listening import Source
    from narrate.live.story import Story
    from narrate.policy import Policy

    pieces = _pieces(order, report)
    story = Story(Metadata(order.book or "Live", order.authors, job.language), job.pauses)
    with ExitStack() as stack:
        stack.enter_context(_only_run(order, job, story))
        booth = Booth(job, report, keep=True, title=order.book or "live speech")
        warming = threading.Thread(target=booth.warm, daemon=True, name="warm")
        afterwards = stack.enter_context(ExitStack())  # when what is in flight is cut off
        afterwards.callback(_join, warming)
        stack.callback(booth.close)
        transcript = stack.enter_context(_transcript(order, job, report))
        outlets = _outlets(order, report)
        conversation = Live(
            booth,
            booth.studio.cast,
            outlets,
            story,
            idle_s=order.idle_s,
            markdown=not order.plain,
            policy=EVERYTHING if order.plain else Policy(),
            report=report,
        )
        _tell_price(booth, report)
        warming.start()
        source = Source(pieces, transcript, conversation.hear, conversation.end)
        try:
            with _interruptions(conversation) as signals:
                source.start()
                if not order.llm and sys.stdin.isatty():
                    report("listening: write, and Ctrl-D when it is over; Ctrl-C interrupts, twice ends")
                ending = conversation.run()
        except NarrateError as error:
            _keep_on(source, transcript, error, order)
            raise
        finally:
            source.over = True
            afterwards.callback(conversation.wait)
        _summary(conversation, report)
        if order.book and not signals:
            _publish(order, conversation, booth, report)
    _judge(conversation, source, ending, signals)


def _join(warming: threading.Thread) -> None:
    """A process should not end in the middle of native code."""
    if warming.is_alive():
        warming.join(_WARM_S)


def _judge(conversation: Live, source: Source, ending: str, signals: list[int]) -> None:
    """The exit code of a conversation in which nothing failed outright."""
    if signals:
        click.echo("narrate: terminated; what was spoken is kept", err=True)
        raise click.exceptions.Exit(128 + signals[-1])
    if ending == "interrupted":
        raise Interrupted("interrupted; what was spoken is kept")
    if source.failure is not None:
        raise source.failure
    if conversation.failures:
        failures = conversation.failures
        count = f"{len(failures)} pieces of the text were" if len(failures) > 1 else "a piece of the text was"
        raise SpeechIncomplete(f"{count} not spoken: {failures[0].reason}", tuple(failures))
    if not conversation.heard.characters and not conversation.heard.interruptions:
        raise SourceError("there was nothing to say: no text came that holds a letter or a digit to be read")


def _keep_on(source: Source, transcript: Transcript, error: NarrateError, order: _Order) -> None:
    """Speech has failed; the text that still comes is kept, unless it is being typed."""
    if source.open and (order.llm or not sys.stdin.isatty()):
        _report(f"{error}; the text that still comes is kept in {transcript.path} (Ctrl-C ends)")
        source.wait()


def _report(sentence: str) -> None:
    click.echo(shown(sentence), err=True)


def _quiet(sentence: str) -> None:
    """Nothing but errors is told."""


def _only_run(order: _Order, job: Job, story: Story) -> AbstractContextManager[None]:
    """The book's folder is nobody else's from now on: whoever comes second is told before a word is spoken."""
    from narrate.naming import book_folder
    from narrate.produce import only_run_in

    return only_run_in(job.output, book_folder(story.meta, job.output)) if order.book else nullcontext()


def _outlets(order: _Order, report: Report) -> list[Outlet]:
    """The speakers first: where there are none, nothing is left behind."""
    from narrate.live.outlets import File, Speakers, Stream

    outlets: list[Outlet] = [Speakers(_RATE)] if order.play else []
    if order.output == "-":
        outlets.insert(0, Stream(sys.stdout.buffer, order.encoding, _RATE))  # type: ignore[arg-type]
    elif order.output:
        outlets.insert(0, File(Path(order.output), _RATE, report))
    return outlets


def _tell_price(booth: Booth, report: Report) -> None:
    """How long a text will be nobody knows yet; what it costs is known (P11)."""
    price = booth.studio.price
    if price is not None and price.amount:
        report(f"{booth.traits.name}: {price.amount:g} {price.currency} per million characters; see --max-cost")


# --- where text comes from, and where it is kept --------------------------------------------------------------------


def _pieces(order: _Order, report: Report) -> Pieces:
    """Standard input, or what a model answers; its settings are checked at once."""
    from narrate.live.listening import from_file, read_all

    if not order.llm:
        return from_file(_stdin(), report)
    from narrate import llm as door
    from narrate.prompts import prompt_from

    asked = door.model(order.llm)
    system = prompt_from(order.instructions or ("story" if order.book else "spoken"))
    question = order.prompt if order.prompt and order.prompt != "-" else read_all(_stdin())
    if not question.strip():
        raise JobError("--llm needs a prompt: as an argument, or on standard input")
    return lambda cancelled: door.stream(asked, system, question, env=os.environ, cancelled=cancelled)


def _stdin() -> int:
    if sys.stdin is None:
        raise SourceError("standard input is closed; text is read from it")
    return sys.stdin.fileno()


def _transcript(order: _Order, job: Job, report: Report) -> Transcript:
    """Where the text is kept: as told, beside the sound, among the books, or with what else is the user's."""
    from narrate.live.listening import Transcript, check_transcript
    from narrate.naming import safe_name
    from narrate.studio import data_folder

    if order.text:
        check_transcript(order.text, None if order.llm else _stdin())
        return Transcript(order.text, report, exact=True)
    if order.output and order.output != "-":
        return Transcript(Path(order.output).with_suffix(".md"), report)
    if order.book:
        return Transcript(job.output / f"{safe_name(order.book)}.md", report)
    return Transcript(data_folder() / "live" / "live.md", report)


# --- interruptions and the end --------------------------------------------------------------------------------------


@contextmanager
def _interruptions(conversation: Live) -> Iterator[list[int]]:
    """Ctrl-C interrupts; SIGTERM, and a terminal that is closed, end, and are noted. What whoever started us has turned
    off stays so.
    """
    signals: list[int] = []

    def interrupted(number: int, frame: object) -> None:
        if sys.stderr.isatty():
            os.write(2, b"\n")  # behind the terminal's ^C
        conversation.interrupt()

    def ended(number: int, frame: object) -> None:
        signals.append(number)
        conversation.stop()

    wanted = {signal.SIGINT: interrupted, signal.SIGTERM: ended}
    if hasattr(signal, "SIGHUP"):
        wanted[signal.SIGHUP] = ended
    before = {number: signal.getsignal(number) for number in wanted}
    before = {number: handler for number, handler in before.items() if handler is not signal.SIG_IGN}
    for number in before:
        signal.signal(number, wanted[number])
    try:
        yield signals
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _summary(conversation: Live, report: Report) -> None:
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

    def __init__(self, report: Report) -> None:
        self.report = report

    def retry(self, sentence: str) -> None:
        """Nothing is asked for here that is not in the store."""

    def chapter(self, number: int, of: int, title: str) -> None:
        """They were heard one by one."""

    def watch(
        self, outcomes: Iterable[Outcome], chunks: int, chapter_of: Callable[[Outcome], str]
    ) -> Iterator[Outcome]:
        """Quick enough without a bar."""
        return iter(outcomes)


def _publish(order: _Order, conversation: Live, booth: Booth, report: Report) -> None:
    """The audiobook of what was said, from the store. What was cut short does not take an older one's place."""
    from narrate import manifest
    from narrate.naming import book_folder
    from narrate.produce import Tally, make

    if not conversation.heard.characters:
        return
    script = conversation.story.script()
    folder = book_folder(script.book.meta, booth.job.output)
    if conversation.ending != "whole" and (folder / manifest.NAME).exists():
        report(f"{folder}: the book that is there stays as it is, since this one was cut short")
        return
    if not script.chunks:
        return
    audiobook, files = make(script, booth.studio, _Console(report), Tally(), folder)
    if report is _quiet:
        return
    aside = order.output == "-"  # standard output is sound
    click.echo(
        shown(f"{audiobook.meta.title}: {clock(audiobook.duration_ms)}, {_chapters(len(audiobook.marks))}"), err=aside
    )
    for file in files:
        click.echo(f"  {file.path}", err=aside)


def _chapters(count: int) -> str:
    return f"{count} chapter" if count == 1 else f"{count} chapters"
