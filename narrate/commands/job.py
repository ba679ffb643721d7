"""``narrate job``: job files: checked, drafted from a book, shown with where each setting comes from."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from narrate.commands.options import flag_layer, layers_of, production_options
from narrate.errors import JobError, NarrateError, SourceError, shown

if TYPE_CHECKING:
    from narrate.job import Job


@click.group()
def job() -> None:
    """Job files: everything a run needs, in one place.

    \b
    narrate job new book.epub -o book.toml
    narrate job check book.toml
    narrate job show book.toml --engine tone
    narrate run book.toml
    """


@job.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE...")
@click.option("--house", is_flag=True, help="They are for others to extend, and need no source.")
def check(files: tuple[Path, ...], house: bool) -> None:
    """Check job files, and tell every mistake in them: settings, sources, lexicons, voices. Nothing is spoken.

    Exits 3 when there is a mistake, 4 when only sources are missing.

    \b
    narrate job check configs/*.toml
    narrate job check --house house.toml
    """
    failures: list[NarrateError] = []
    for path in files:
        wrong, summary = _examined(path, house)
        for error in wrong:
            click.echo(f"narrate: {shown(str(error))}", err=True)
        if not wrong:
            click.echo(shown(f"{path}: {summary}"))
        failures += wrong
    if failures:
        jobs = [error for error in failures if isinstance(error, JobError)]
        raise click.exceptions.Exit((jobs or failures)[0].exit_code)


@job.command()
@click.argument("book", type=click.Path(path_type=Path), metavar="BOOK")
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="FILE", help="A new file, ending in .toml.")
def new(book: Path, output: Path | None) -> None:
    """Write a job for BOOK: what it says of itself, its chapters, and every setting with its default, as comments.

    As it stands the job makes the same audiobook as the book alone. It goes to standard output, or to a new file.

    \b
    narrate job new book.epub
    narrate job new book.epub -o jobs/book.toml
    """
    from narrate.jobs.draft import draft
    from narrate.load import load

    if output is not None and output.suffix != ".toml":
        raise JobError(f"{output}: a job file ends in .toml, or `narrate run` takes it for a book")
    if output is not None and os.path.lexists(output):
        raise JobError(f"{output}: is there already, and is not written over; name another file")
    text = draft(load(book), _named(book, output))
    try:
        text.encode()
    except UnicodeEncodeError:
        raise JobError(f"{book}: its name is no Unicode, and cannot stand in a job file; rename it") from None
    if output is None:
        click.echo(text, nl=False)
        return
    try:
        with output.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise JobError(f"{output}: cannot be written: {error.strerror}") from error
    click.echo(shown(f"{output}: now `narrate run {output}`"))


@job.command()
@click.argument("file", metavar="FILE")
@production_options
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def show(file: str, as_json: bool, **flags: Any) -> None:
    """Show every setting that a run with FILE and these flags would have, and where it comes from.

    \b
    narrate job show book.toml
    narrate job show book.toml --engine tone --json
    """
    from narrate.jobs.files import beside, job_of, origins
    from narrate.jobs.sources import books_at

    layers, where = layers_of(file)
    given = flag_layer(flags)
    ordered = job_of((*layers, given), where)
    try:
        books = books_at(ordered.source)
    except SourceError as error:
        click.echo(f"warning: {shown(str(error))}", err=True)
        books = ()
    own = beside(books[0]) if len(books) == 1 else None
    layers = (*layers, own, given) if own else (*layers, given)
    found = origins(layers)
    if own:
        found = {name: origin.replace(own.origin, "the file next to the book") for name, origin in found.items()}
    rows = list(_rows(job_of(layers, where), found))
    if as_json:
        settings = [{"name": name, "value": value, "from": origin} for name, value, origin in rows]
        # escaped, since names of files may be no Unicode
        click.echo(json.dumps({"schema": 1, "books": list(map(str, books)), "settings": settings}, indent=1))
        return
    for name, value, origin in rows:
        click.echo(shown(f"{name:<24} {_for_people(value):<28} {origin}"))
    if len(books) > 1:
        click.echo(f"\n{len(books):,} books; files next to them are looked at when they are made")


@job.command()
@click.option("--shelf", is_flag=True, help="The schema of shelf files, for `narrate library`.")
def schema(shelf: bool) -> None:
    """Print the JSON Schema of job files, for editors.

    An editor with Taplo (VS Code: Even Better TOML) completes and checks a file that names it in its first line:

    \b
    narrate job schema > narrate.schema.json
    #:schema ./narrate.schema.json
    """
    from narrate.jobs.schema import schema_text
    from narrate.library.schema import shelf_schema_text

    click.echo(shelf_schema_text() if shelf else schema_text(), nl=False)


def _named(book: Path, output: Path | None) -> str:
    """How a job file names a book: relative to itself where that is possible."""
    place = book.parent.resolve() / book.name if book.name not in ("", "..") else book.resolve()
    if output is None:
        return str(place)
    try:
        relative = os.path.relpath(place, output.parent.resolve()).replace(os.sep, "/")
    except ValueError:  # another drive
        return str(place)
    return f"./{relative}" if relative.startswith("~") else relative


def _examined(path: Path, house: bool) -> tuple[list[NarrateError], str]:
    """All that is wrong with a job file, and when nothing is, what it is for."""
    from narrate.job import Job, problems
    from narrate.jobs.files import merged, survey

    found = survey(path)
    wrong: list[NarrateError] = [*found.mistakes]
    if not found.layers:
        return wrong, ""
    values = merged(found.layers)
    named = "source" in values
    if not named and not house and not any("'source'" in str(error) for error in wrong):
        wrong.append(
            JobError(
                f"{path}: 'source' is missing; name what is to be read (or check it with --house, if others extend it)"
            )
        )
    ordered = Job(**{"source": Path(), **values})
    wrong += problems(ordered, str(path))
    wrong += _voice_problems(ordered, str(path))
    wrong += _lexicon_problems(ordered)
    books = _books(ordered, str(path), wrong) if named else 0
    what = f"{books:,} book{'' if books == 1 else 's'}" if named else "a house style"
    return wrong, f"{what}; {ordered.engine or 'an embedded voice'}; {', '.join(ordered.formats)}"


def _books(ordered: Job, where: str, wrong: list[NarrateError]) -> int:
    """How many books there are; what is wrong with them, and in files next to them."""
    from narrate.job import Job, not_for_many
    from narrate.jobs.files import with_overrides
    from narrate.jobs.sources import books_at

    try:
        books = books_at(ordered.source)
    except SourceError as error:
        wrong.append(error)
        return 0
    wrong += not_for_many(ordered, len(books), where)
    for book in books:
        try:
            wrong += _lexicon_problems(with_overrides(Job(book)))
        except NarrateError as error:
            wrong.append(error)
    return len(books)


def _lexicon_problems(ordered: Job) -> Iterator[NarrateError]:
    from narrate.lexicons import read_lexicon

    for path in ordered.lexicons:
        try:
            read_lexicon(path)
        except NarrateError as error:
            yield error


def _voice_problems(ordered: Job, where: str) -> Iterator[NarrateError]:
    """What keeps the voice from being found; nothing is spoken, and nobody is asked."""
    from narrate.book import LANGUAGE_TAG
    from narrate.job import ENGINES
    from narrate.studio import cast_for

    settings = {**dict(ordered.settings), **({"model": ordered.model} if ordered.model else {})}
    language = ordered.language if LANGUAGE_TAG.fullmatch(ordered.language) else ""
    primary = language.partition("-")[0].lower()
    if ordered.engine in ENGINES:
        engines = [ordered.engine]
    elif ordered.engine:
        return
    elif primary:
        engines = ["kokoro" if primary == "en" else "espeak"]
    else:  # the language of the book decides
        engines = ["kokoro", "espeak"]
    failures = []
    for engine in engines:
        try:
            cast_for(engine, ordered.voice, language, settings)
        except NarrateError as error:
            failures.append(error)
    if len(failures) == len(engines):
        yield JobError(f"{where}: {failures[0]}")


def _rows(ordered: Job, origins: dict[str, str]) -> Iterator[tuple[str, Any, str]]:
    """(name, value, origin) of every setting, tables key by key."""
    from narrate.jobs.table import HOMES, SETTINGS

    for name in SETTINGS:
        value = getattr(ordered, name)
        if name not in HOMES or name in ("places", "hooks"):
            yield name, _as_json(name, value), origins.get(name, "default")
            continue
        if name in ("pauses", "bounds"):
            pairs = asdict(value)
        else:
            pairs = asdict(ordered.waits) if name == "deadlines" else dict(value)
        timed = origins.get("timeout", "default") if name == "deadlines" else "default"
        if not pairs:
            yield name, {}, "default"
        for key, item in pairs.items():
            usual = "default" if key == "connect" else timed
            yield f"{name}.{key}", _as_json(name, item), origins.get(f"{name}.{key}", usual)


def _as_json(name: str, value: Any) -> Any:
    if name == "hooks":  # their addresses open doors
        return [{"kind": hook.kind, "on": list(hook.on), "per": hook.per} for hook in value]
    if name == "places":
        return [{"where": place.where, "read": place.read, "say": place.say} for place in value]
    if name == "loudness" and value is None:
        return "off"
    if isinstance(value, tuple):
        return [_as_json("", item) for item in value]
    return str(value) if isinstance(value, Path) else value


def _for_people(value: Any) -> str:
    from narrate.jobs.toml import written

    return "-" if value in (None, "", [], {}) else written(value)
