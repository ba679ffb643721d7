"""The flags that ``run`` and ``plan`` share, and how they make a job; flags win over a job file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from narrate.job import Job

Command = TypeVar("Command", bound=Callable[..., Any])

lexicon_option = click.option(
    "--lexicon",
    "lexicons",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="How words are said: a PLS file or a table (.toml, .csv); repeatable, the last wins.",
)

_VOICE_OPTIONS = (
    click.option("--voice", help="A voice of the engine; see `narrate voices`."),
    click.option("--model", help="The engine's model, where it has several."),
    click.option("--set", "settings", multiple=True, metavar="NAME=VALUE", help="An engine's setting: speed=1.1."),
)
_store_option = click.option(
    "--store", type=click.Path(path_type=Path), help="Where speech is kept.  [default: the user's cache]"
)

_OPTIONS = (
    click.option("--output", "-o", type=click.Path(path_type=Path), help="Where audiobooks go.  [default: output]"),
    click.option("--engine", help="kokoro (embedded), espeak, lmnt, openai or tone.  [default: by the language]"),
    *_VOICE_OPTIONS,
    click.option("--language", help="BCP 47 tag of the text, where the book is silent or wrong."),
    click.option("--format", "-f", "formats", multiple=True, help="mp3, m4b or chapters; repeatable.  [default: mp3]"),
    click.option("--policy", help="What is read: listener, complete or bare.  [default: listener]"),
    click.option("--read", "reading", multiple=True, metavar="KIND=HOW", help="Change it by kind: notes=chapter."),
    lexicon_option,
    click.option("--chapters", help="Only these, as numbered by `narrate plan`: 1-3,7."),
    click.option("--bitrate", type=int, help="In kbit/s.  [default: 96 for MP3, 64 for M4B at 24 kHz]"),
    click.option("--loudness", help="Target in LUFS, or off.  [default: -19]"),
    click.option("--segments", help="flac, or mp3: keep an engine's MP3 and join it uncut.  [default: flac]"),
    click.option("--jobs", "-j", type=int, help="Requests in flight at the most.  [default: by the engine]"),
    click.option("--attempts", type=int, help="Tries for one chunk.  [default: 8]"),
    click.option("--max-wait", type=float, help="Longest wait, in seconds, a server may ask for.  [default: 120]"),
    click.option("--timeout", type=float, help="Seconds without a byte until a request has failed.  [default: 60]"),
    click.option(
        "--patience", type=float, help="Seconds to wait for a server that is down.  [default: --attempts tries]"
    ),
    click.option("--price", type=float, help="Of a million characters, where the engine's own list does not hold."),
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
    from narrate.errors import JobError
    from narrate.job import Job, check, read_job, reading_change, with_overrides

    path = Path(source)
    job = with_overrides(read_job(path) if path.suffix == ".toml" else Job(path))
    given = {name: value for name, value in flags.items() if value not in (None, ())}
    if "loudness" in given:
        given["loudness"] = _loudness(given["loudness"])
    if "settings" in given:
        pairs = [setting.partition("=") for setting in given["settings"]]
        for name, sign, _ in pairs:
            if not sign or not name:
                raise JobError(f"--set {name}: write it as NAME=VALUE, for example speed=1.1")
        given["settings"] = tuple(sorted({**dict(job.settings), **{name: value for name, _, value in pairs}}.items()))
    if "reading" in given:
        pairs = [change.partition("=") for change in given["reading"]]
        given["reading"] = job.reading + tuple(reading_change("--read", name, how) for name, _, how in pairs)
    if "lexicons" in given:
        given["lexicons"] = job.lexicons + given["lexicons"]
    return check(replace(job, **given), "the command line" if path.suffix != ".toml" else source)


def _loudness(text: str) -> float | None:
    from narrate.errors import JobError

    if text == "off":
        return None
    try:
        return float(text)
    except ValueError:
        raise JobError(f"--loudness {text}: is neither a number of LUFS, such as -19, nor 'off'") from None
