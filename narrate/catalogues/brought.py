"""What a feed has brought so far, in a folder of its own: how it was asked last, its entries, the chapters of a serial.

``feed.json`` may be lost: then all is asked for again. A chapter may not, since its feed soon forgets it: each is a
file of its own, whose name begins with its number, and is written once unless the feed corrects it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from narrate import disk
from narrate.catalogues.articles import Article

_VERSION = 1
_STATE = "feed.json"
_CHAPTERS = "chapters"
_CHAPTER = re.compile(r"(\d{5,9})-([0-9a-f]{12})\.json")


@dataclass(slots=True)
class PageSeen:
    """A page as it was last time: what it is asked for with, how many entries it had, and where it led."""

    etag: str = ""
    modified: str = ""
    entries: int = 0
    following: str = ""


@dataclass(slots=True)
class Held:
    """An entry whose file is here. ``updated`` is what the feed said then; ``book``: it is a catalogue's."""

    file: str
    about: dict[str, Any]
    updated: str = ""
    book: bool = False


@dataclass(slots=True)
class Kept:
    """All that is known of a feed between two runs. ``taken`` says how it was to be taken; ``serial`` is the file of
    the one book, "" when there is none; ``held`` are the entries by their identity.
    """

    title: str = ""
    authors: list[str] = field(default_factory=list)
    language: str = ""
    serial: str = ""
    taken: str = ""
    pages: list[PageSeen] = field(default_factory=list)
    held: dict[str, Held] = field(default_factory=dict)


def read_kept(home: Path) -> Kept:
    """What is known of the feed in ``home``; nothing where that is damaged, or another version's."""
    try:
        table = json.loads((home / _STATE).read_text(encoding="utf-8"))
        if table.pop("version") == _VERSION:
            kept = Kept(**table)
            kept.pages = [PageSeen(**page) for page in table["pages"]]
            kept.held = {str(identity): Held(**item) for identity, item in table["held"].items()}
            if _is_sound(kept):
                return kept
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        pass  # whatever damage may look like: no file, no JSON, other fields
    return Kept()


def _is_sound(kept: Kept) -> bool:
    pages = [text for page in kept.pages for text in (page.etag, page.modified, page.following)]
    held = [text for item in kept.held.values() for text in (item.file, item.updated, item.about["title"])]
    texts = (kept.title, kept.language, kept.serial, kept.taken, *kept.authors, *pages, *held)
    names = (kept.serial, *(item.file for item in kept.held.values()))
    lists = all(isinstance(item.about.get("authors", []), list) for item in kept.held.values())
    whole = all(isinstance(text, str) for text in texts) and all(isinstance(page.entries, int) for page in kept.pages)
    return whole and lists and all(Path(name).name == name for name in names)


def write_kept(home: Path, kept: Kept) -> None:
    """Note what is known, whole or not at all."""
    disk.replace_file(home / _STATE, json.dumps({"version": _VERSION, **asdict(kept)}, indent=1))


def keep_chapters(home: Path, fresh: Sequence[tuple[Article, int | None]]) -> None:
    """Keep articles, as a feed lists them, as chapters of its serial: in place of those that are there, or behind them.

    Among themselves new ones are in the order of their moments; where one has none, the last that is listed is first,
    since feeds begin with what is new.
    """
    folder = home / _CHAPTERS
    disk.make_folder(folder)
    there = {digest: path for _, digest, path in _files(folder)}
    number = max((number for number, _, _ in _files(folder)), default=0)
    ordered = list(reversed(fresh))
    if all(moment is not None for _, moment in fresh):
        ordered.sort(key=lambda chapter: chapter[1] or 0)
    for article, _ in ordered:
        path = there.get(article.digest)
        if path is None:
            number += 1
            path = there[article.digest] = folder / f"{number:05}-{article.digest}.json"
        disk.update_file(path, json.dumps(asdict(article), ensure_ascii=False, indent=1).encode("utf-8", "replace"))


def chapters(home: Path) -> tuple[list[Article], list[str]]:
    """All chapters in their order, and sentences about files that are damaged."""
    found, damaged = [], []
    for _, digest, path in sorted(_files(home / _CHAPTERS)):
        article = _article(path)
        if article is not None and article.digest == digest:
            found.append(article)
        else:
            damaged.append(f"{path}: is damaged; its chapter is left out until the feed brings it again")
    return found, damaged


def _article(path: Path) -> Article | None:
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
        article = Article(**{**table, "authors": tuple(map(str, table["authors"]))})
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    texts = (article.identity, article.title, article.body, article.date, article.language)
    return article if all(isinstance(text, str) for text in texts) else None


def _files(folder: Path) -> Iterator[tuple[int, str, Path]]:
    with suppress(FileNotFoundError):
        for path in folder.iterdir():
            named = _CHAPTER.fullmatch(path.name)
            if named:
                yield int(named[1]), named[2], path
