"""Shelves for tests: small books, a watcher that keeps what it is told, and what lies in an output."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from narrate.events import EventLog
from narrate.library.making import Said
from narrate.library.outcome import Outcome
from narrate.library.run import run_shelf
from narrate.library.shelf import read_shelf


class Watching:
    """A watcher that remembers."""

    def __init__(self) -> None:
        self.due = 0
        self.said: list[Said] = []
        self.told: list[str] = []

    def begins(self, due: int) -> None:
        self.due = due

    def sees(self, book: str, said: Said) -> None:
        self.said.append(said)

    def report(self, sentence: str) -> None:
        self.told.append(sentence)

    def of(self, what: str) -> list[str]:
        """The books of which this was said, in order."""
        return [said.id for said in self.said if said.what == what]


def book(path: Path, title: str, chapters: int = 1, paragraphs: int = 2, words: str = "") -> Path:
    """A small book in Markdown, its title and author in the front matter."""
    parts = [f"---\ntitle: {title}\nauthor: A. Writer\n---\n"]
    for number in range(1, chapters + 1):
        parts.append(f"# Chapter {number}\n")
        parts += [f"Paragraph {line} of chapter {number} of {title} {words}.\n" for line in range(paragraphs)]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(parts), encoding="utf-8")
    return path


def shelf_file(folder: Path, text: str = "", engine: str = "tone") -> Path:
    """A shelf of ``books/*`` with a store of its own; ``text`` stands at its top."""
    path = folder / "shelf.toml"
    path.write_text(f'{text}\noutput = "out"\nstore = "store"\nengine = "{engine}"\n[[books]]\nsource = "books/*"\n')
    return path


def run(path: Path, watching: Watching | None = None, **how: Any) -> Outcome:
    """A run of the shelf at ``path``."""
    with EventLog(None) as log:
        return run_shelf(read_shelf(path), watching or Watching(), log, **how)


def files(folder: Path) -> dict[str, tuple[int, int]]:
    """Everything below ``folder`` with its size and time of change."""
    return {str(path.relative_to(folder)): (path.stat().st_size, path.stat().st_mtime_ns) for path in folder.rglob("*")}


def ids(results: Any) -> set[str]:
    """The books among results or standings."""
    return {getattr(each, "standing", each).order.id for each in results}
