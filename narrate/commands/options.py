"""The flags that ``run`` and ``plan`` share, and how they make a job; flags win over a job file."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from narrate.job import Job
    from narrate.jobs.files import Layer

COMMAND_LINE = "the command line"
"""How messages name flags, and what is given without a job file."""

_WHOLE = re.compile("[0-9]{1,1000}")

Command = TypeVar("Command", bound=Callable[..., Any])


class _Place(click.Path):
    """A path, but not the empty one that a variable without a value leaves: it would mean the folder we are in."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if value == "":
            self.fail("is empty; name a path, or leave it out", param, ctx)
        return super().convert(value, param, ctx)


_PLACE = _Place(path_type=Path)

lexicon_option = click.option(
    "--lexicon",
    "lexicons",
    multiple=True,
    type=_PLACE,
    metavar="FILE",
    help="How words are said: a PLS file or a table (.toml, .csv); repeatable, the last wins.",
)

_VOICE_OPTIONS = (
    click.option("--voice", help="A voice of the engine; see `narrate voices`."),
    click.option("--model", help="The engine's model, where it has several."),
    click.option("--set", "settings", multiple=True, metavar="NAME=VALUE", help="An engine's setting: speed=1.1."),
)
_store_option = click.option("--store", type=_PLACE, help="Where speech is kept.  [default: the user's cache]")

_OPTIONS = (
    click.option("--output", "-o", type=_PLACE, help="Where audiobooks go.  [default: output]"),
    click.option("--engine", help="kokoro (embedded), espeak, lmnt, openai or tone.  [default: by the language]"),
    *_VOICE_OPTIONS,
    click.option(
        "--key-variable", metavar="NAME", help="The variable that holds the engine's key, if not the usual one."
    ),
    click.option("--language", help="BCP 47 tag of the text, where the book is silent or wrong."),
    click.option(
        "--format", "-f", "formats", multiple=True, help="mp3, m4b, chapters or feed; repeatable.  [default: mp3]"
    ),
    click.option("--policy", help="What is read: listener, complete or bare.  [default: listener]"),
    click.option("--read", "reading", multiple=True, metavar="KIND=HOW", help="Change it by kind: notes=chapter."),
    lexicon_option,
    click.option("--chapters", help="Only these, as numbered by `narrate plan`: 1-3,7."),
    click.option("--bitrate", type=int, help="In kbit/s.  [default: 96 for MP3, 64 for M4B at 24 kHz]"),
    click.option("--loudness", help="Target in LUFS, or off.  [default: -19]"),
    click.option("--segments", help="flac, or mp3: keep an engine's MP3 and join it uncut.  [default: flac]"),
    click.option("--serial/--no-serial", default=None, help="A book that grows: its chapters keep numbers and names."),
    click.option(
        "--feed-url", metavar="URL", help="Where players will find the audiobook's folder, for the format feed."
    ),
    click.option(
        "--meta", "metadata", multiple=True, metavar="NAME=VALUE", help='In place of the book\'s own: title="Emma".'
    ),
    click.option("--pause", "pauses", multiple=True, metavar="KIND=MS", help="Silence in milliseconds: paragraph=800."),
    click.option("--jobs", "-j", type=int, help="Requests in flight at the most.  [default: by the engine]"),
    click.option("--cores", type=int, help="Cores that may be busy at once.  [default: all]"),
    click.option("--attempts", type=int, help="Tries for one chunk.  [default: 8]"),
    click.option("--max-wait", type=float, help="Longest wait, in seconds, a server may ask for.  [default: 120]"),
    click.option("--timeout", type=float, help="Seconds without a byte until a request has failed.  [default: 60]"),
    click.option(
        "--patience", type=float, help="Seconds to wait for a server that is down.  [default: --attempts tries]"
    ),
    click.option("--price", type=float, help="Of a million characters, where the engine's own list does not hold."),
    click.option("--currency", help="Of --price and --max-cost.  [default: USD]"),
    click.option("--max-cost", type=float, help="Stop before more than this is spent, in all, and keep everything."),
    click.option("--max-characters", type=int, help="Stop before more than these are sent."),
    click.option("--max-requests", type=int, help="Stop before more than these are made, repeated ones too."),
    _store_option,
)


def production_options(command: Command) -> Command:
    """Add the flags to a command."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def voice_options(command: Command) -> Command:
    """Add the flags of a command that speaks short texts: whose voice, how words are said, where speech is kept."""
    for option in reversed((*_VOICE_OPTIONS, lexicon_option, _store_option)):
        command = option(command)
    return command


def job_from(source: str, flags: dict[str, Any]) -> Job:
    """The job of a source (a book, or a ``.toml`` job file) with the flags that were given on the command line."""
    from narrate.jobs.files import job_of

    layers, where = layers_of(source)
    given = flag_layer(flags)
    return _for_book(layers, given, job_of((*layers, given), where).source, where)


def jobs_from(source: str, flags: dict[str, Any]) -> tuple[Job, ...]:
    """The jobs of a source, one for each book: it is a book, a folder or a pattern of books, or a job file that names
    one of these.
    """
    from narrate.job import not_for_many
    from narrate.jobs.files import job_of
    from narrate.jobs.sources import books_at

    layers, where = layers_of(source)
    given = flag_layer(flags)
    job = job_of((*layers, given), where)
    books = books_at(job.source)
    for wrong in not_for_many(job, len(books), where):
        raise wrong
    return tuple(_for_book(layers, given, book, where) for book in books)


def one_job_from(source: str, flags: dict[str, Any]) -> Job:
    """As ``jobs_from``, for a command that shows one book."""
    from narrate.errors import JobError

    jobs = jobs_from(source, flags)
    if len(jobs) > 1:
        raise JobError(f"{source}: is {len(jobs):,} books; name one of them, for example {jobs[0].source}")
    return jobs[0]


def layers_of(source: str) -> tuple[tuple[Layer, ...], str]:
    """The layers of a source without those next to its books, and how messages name them."""
    from narrate.jobs.files import Layer, read_layers
    from narrate.jobs.readers import plain_path

    path = Path(plain_path(COMMAND_LINE, "source", source))
    if path.suffix == ".toml":
        return read_layers(path)[0], source
    return (Layer(COMMAND_LINE, {"source": path}),), COMMAND_LINE


def _for_book(layers: tuple[Layer, ...], given: Layer, book: Path, where: str) -> Job:
    """The job of one of the books. What stands next to it wins over the job file, and flags win over all."""
    from narrate.jobs.files import Layer, beside, job_of

    own = beside(book)
    if own is not None:
        layers, where = (*layers, own), own.origin
    return job_of((*layers, Layer(where, {"source": book}), given), where)


def flag_layer(flags: dict[str, Any]) -> Layer:
    """What was given on the command line, as a layer. JobError for what cannot be meant."""
    from narrate.errors import JobError
    from narrate.jobs.files import Layer
    from narrate.jobs.slips import without_keys

    given = {name: value for name, value in flags.items() if value not in (None, ())}
    mistakes: list[JobError] = []
    without_keys(COMMAND_LINE, {name: str(value) for name, value in given.items()}, mistakes)
    if mistakes:
        raise mistakes[0]
    read: dict[str, Callable[[Any], Any]] = {
        "loudness": _loudness,
        "settings": _settings,
        "reading": _reading,
        "pauses": _pauses,
        "metadata": _metadata,
    }
    return Layer(COMMAND_LINE, {name: read[name](value) if name in read else value for name, value in given.items()})


def _loudness(text: str) -> float | None:
    from narrate.errors import JobError

    if text == "off":
        return None
    try:
        return float(text)
    except ValueError:
        raise JobError(f"--loudness {text}: is neither a number of LUFS, such as -19, nor 'off'") from None


def _settings(given: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    from narrate.jobs.slips import without_keys

    pairs = dict(_pairs("--set", given, "NAME=VALUE, for example speed=1.1"))
    mistakes: list[Any] = []
    without_keys("--set", pairs, mistakes)
    if mistakes:
        raise mistakes[0]
    return tuple(sorted(pairs.items()))


def _reading(given: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    from narrate.jobs.readers import reading_change

    changes = [change.partition("=") for change in given]
    return tuple(reading_change("--read", name, how) for name, _, how in changes)


def _pauses(given: tuple[str, ...]) -> tuple[tuple[str, Any], ...]:
    from narrate.jobs.readers import pauses

    pairs = _pairs("--pause", given, "KIND=MS, for example paragraph=800")
    return pauses("--pause", "pauses", {name: int(ms) if _WHOLE.fullmatch(ms) else ms for name, ms in pairs})


def _metadata(given: tuple[str, ...]) -> tuple[tuple[str, Any], ...]:
    """Of what there may be several, each is given apart."""
    from narrate.jobs.readers import MANY, metadata

    found: dict[str, Any] = {}
    for name, value in _pairs("--meta", given, 'NAME=VALUE, for example title="Emma"'):
        found[name] = [*found.get(name, []), value] if name in MANY else value
    return metadata("--meta", "metadata", found)


def _pairs(flag: str, given: tuple[str, ...], how: str) -> list[tuple[str, str]]:
    from narrate.errors import JobError

    pairs = [one.partition("=") for one in given]
    for name, sign, _ in pairs:
        if not sign or not name:
            raise JobError(f"{flag} {name}: write it as {how}")
    return [(name, value) for name, _, value in pairs]
