"""A job as TOML: written out, or drafted from a book with every setting and its default as comments."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from narrate.book import Book
from narrate.bounds import BOUNDS, Deadlines
from narrate.errors import shown
from narrate.hooks import Hook
from narrate.job import Job
from narrate.jobs.readers import KIND_NAMES, METADATA
from narrate.jobs.table import ENGINE_SETTINGS, HOMES, SETTINGS
from narrate.jobs.toml import key_written, written
from narrate.jobs.variables import escaped
from narrate.policy import KINDS, PlaceRule, Policy
from narrate.reading import read
from narrate.script import Pauses

SECTIONS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("Where things lie.", ("output", "store", "done", "failed")),
    ("Who speaks.", ("engine", "voice", "model", "language", "key_variable")),
    ("What is read, and how words are said.", ("policy", "chapters", "lexicons")),
    ("What is written.", ("formats", "bitrate", "loudness", "segments", "serial", "feed_url")),
    ("How hard to try.", ("jobs", "cores", "attempts", "max_wait", "timeout", "patience")),
    (
        "What it costs, and what one run may spend.",
        ("price", "currency", "max_cost", "max_characters", "max_requests"),
    ),
)
"""Every setting that is no table, but ``source``."""
LONGEST = 100_000
"""Characters of a line: descriptions of books are long, and half of one would be no TOML."""
_WIDE = 28  # columns before a comment
_KIND_KEYS = {kind: name for name, kind in KIND_NAMES.items()}


def dump(job: Job) -> str:
    """``job`` as a job file: its source, and what is not the default. Paths stand as they are in the job."""
    usual = Job(Path())
    tables: list[str] = []
    lines = [f"source = {written(escaped(str(job.source)))}"]
    for name, setting in SETTINGS.items():
        value = getattr(job, name)
        if name == "source" or value == getattr(usual, name):
            continue
        if name in HOMES:
            tables += _table(name, value)
        elif setting.names_files:
            texts = [escaped(str(path)) for path in ([value] if isinstance(value, Path) else value)]
            lines.append(f"{name} = {written(texts[0] if isinstance(value, Path) else texts)}")
        else:
            lines.append(f"{name} = {_plain(name, value)}")
    return "\n".join([*lines, *tables]) + "\n"


def _plain(name: str, value: Any) -> str:
    return '"off"' if name == "loudness" and value is None else written(value)


def _table(name: str, value: Any) -> Iterator[str]:
    if name in ("places", "hooks"):
        for item in value:
            yield f"\n[[{name}]]"
            yield from _pairs(place_written(item) if isinstance(item, PlaceRule) else hook_written(item))
        return
    if isinstance(value, Pauses) or name == "bounds":
        usual = asdict(type(value)())
        value = tuple((key, item) for key, item in asdict(value).items() if item != usual[key])
    yield f"\n[{name}]"
    yield from _pairs({_KIND_KEYS.get(key, key) if name == "reading" else key: item for key, item in value})


def _pairs(table: Mapping[str, Any]) -> Iterator[str]:
    return (f"{key_written(key)} = {written(value)}" for key, value in table.items())


def place_written(place: PlaceRule) -> dict[str, Any]:
    """A place as a table ``[[places]]``."""
    return {key: item for key, item in asdict(place).items() if item or key == "where"}


def hook_written(hook: Hook) -> dict[str, Any]:
    """A hook as a table ``[[hooks]]``. No secret is in it, only the names of variables."""
    aim = {"command": hook.command, "email": hook.to}.get(hook.kind, hook.url)
    found = {hook.kind: aim, "on": hook.on, "per": hook.per, "timeout": hook.timeout, "attempts": hook.attempts}
    own = {item.name: getattr(hook, item.name) for item in fields(Hook)}
    extra = ("secret_variable", "sender", "server", "user", "password_variable")
    return found | {key: own[key] for key in extra if own[key]}


def draft(book: Book, source: str) -> str:
    """A job file for ``book``, commented: what the book says of itself, its chapters with their numbers, and every
    setting with its default. ``source`` is how the file is to name the book. As it stands the job makes the very
    audiobook that the book makes alone.
    """
    meta = book.meta
    by = f", by {', '.join(meta.authors)}" if meta.authors else ""
    lines = [
        *_comment(f"{meta.title or 'A book without a title'}{by}; language: {meta.language or 'not said'}."),
        "#",
        "# `narrate run` with this file makes its audiobook. A line that begins with # changes nothing: it shows the",
        "# default, or an example where there is none. Paths are relative to this file. Keys never belong here.",
        "",
        f"source = {written(escaped(source))}",
    ]
    for title, names in SECTIONS:
        lines += ["", f"# {title}"]
        for name in names:
            lines.append(_line(name, _default(name, book), SETTINGS[name].says))
            lines += _chapters(book) if name == "chapters" else ()
    for name in HOMES:
        lines += ["", f"# {SETTINGS[name].says[:1].upper()}{SETTINGS[name].says[1:]}.", *_commented_table(name, book)]
    return "\n".join(lines) + "\n"


def _comment(text: str) -> list[str]:
    return [f"# {shown(text)}"]


def _line(name: str, value: str, says: str) -> str:
    setting = shown(f"# {name} = {value}", LONGEST)
    return f"{setting:<{_WIDE}} # {shown(says)}" if says else setting


def _default(name: str, book: Book) -> str:
    if name == "language" and book.meta.language:
        return written(book.meta.language)
    usual = getattr(Job(Path()), name)
    if name == "lexicons":
        return '["house.pls"]'
    if name == "chapters":
        return '"1-3,7"'
    return SETTINGS[name].example or written(usual)


def _chapters(book: Book) -> Iterator[str]:
    """The chapters as `narrate plan` numbers them."""
    number = 0
    for chapter, spoken in zip(book.chapters, read(book, Policy()).chapters, strict=True):
        number += spoken is not None
        indent = "  " * (chapter.level - 1)
        mark = f"{number:4d}" if spoken is not None else "   -"
        yield shown(f"# {mark}  {indent}{chapter.title}{'' if spoken is not None else f'  (not read: {chapter.kind})'}")


def _commented_table(name: str, book: Book) -> Iterator[str]:
    if name == "places":
        yield from ("# [[places]]", '# where = "text/advertisement.xhtml*"', '# read = "skip"')
        return
    if name == "hooks":
        yield from ("# [[hooks]]", '# webhook = "${HOOK_URL}"', '# on = ["done", "failed"]')
        return
    yield f"[{name}]"
    yield from _ROWS[name](book)


def _metadata_rows(book: Book) -> Iterator[str]:
    return (_line(key, written(getattr(book.meta, key)), "") for key in METADATA)


def _reading_rows(book: Book) -> Iterator[str]:
    for key, kind in KIND_NAMES.items():
        first, *others = KINDS[kind].actions
        yield _line(key, written(first), f"or {', '.join(others)}: {KINDS[kind].meaning}")


_ROWS: dict[str, Callable[[Book], Iterator[str]]] = {
    "settings": lambda book: (_line(key, value, says) for key, (value, says) in ENGINE_SETTINGS.items()),
    "pauses": lambda book: (_line(key, written(value), "") for key, value in asdict(Pauses()).items()),
    "metadata": _metadata_rows,
    "reading": _reading_rows,
    "deadlines": lambda book: (_line(key, f"{value:g}", "") for key, value in asdict(Deadlines()).items()),
    "bounds": lambda book: (_line(key, written(value), "") for key, value in asdict(BOUNDS).items()),
}
