"""Load and plan every EPUB under a folder, zipped or unpacked: each must be read, or refused with one sentence.

python benchmarks/epub_suites.py FOLDER [--verbose]

Prints how many were loaded and refused, every refusal, every failure and the slowest books; --verbose also prints the
chapters and the warnings of each. Exit code 1 when anything but SourceError is raised, or a letter is lost (P1).
"""

from __future__ import annotations

import sys
import tempfile
import time
import traceback
import zipfile
from collections.abc import Iterator
from pathlib import Path

from narrate.book import Book
from narrate.checks.book import check_book
from narrate.engines.tone import Tone, voice
from narrate.errors import SourceError
from narrate.load import load
from narrate.plan import plan
from narrate.script import Cast

_SUFFIXES = {".epub", ".kepub"}
_SLOWEST = 5


def books(folder: Path, scratch: Path) -> Iterator[tuple[Path, Path]]:
    """(what it is called, an EPUB file) of everything under ``folder``; what is unpacked is zipped into ``scratch``."""
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in _SUFFIXES and path.is_file():
            yield path.relative_to(folder), path
        elif path.name == "META-INF" and path.is_dir():
            zipped = scratch / f"{abs(hash(path))}.epub"
            _zip(path.parent, zipped)
            yield path.parent.relative_to(folder), zipped


def _zip(folder: Path, target: Path) -> None:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.write(path, path.relative_to(folder).as_posix())


def try_book(path: Path) -> tuple[str, Book | None]:
    """("loaded" | "refused: ..." | "FAILED: ...", the book)."""
    try:
        book = load(path)
        plan(book, Cast(voice("", "en", {}, {})), Tone().traits)
    except SourceError as error:
        sentence = str(error).replace(f"{path}: ", "")
        return (f"refused: {sentence}" if "\n" not in sentence else f"FAILED: more than a sentence: {sentence}"), None
    except Exception:  # a benchmark of robustness reports whatever comes, and goes on
        return f"FAILED: {traceback.format_exc()}", None
    lost = [finding.message for finding in check_book(book) if finding.severity == "error" and finding.code != "b-003"]
    return (f"FAILED: {lost[0]}" if lost else "loaded"), book


def main(folder: Path, *, verbose: bool) -> int:
    outcomes: list[tuple[float, Path, str]] = []
    with tempfile.TemporaryDirectory() as scratch:
        for name, path in books(folder, Path(scratch)):
            started = time.perf_counter()
            outcome, book = try_book(path)
            outcomes.append((time.perf_counter() - started, name, outcome))
            if outcome != "loaded" or verbose:
                print(f"{name}: {outcome}")
            if book and verbose:
                for chapter in book.chapters:
                    guess = f" (a guess: {chapter.guess})" if chapter.guess else ""
                    print(f"    {'  ' * (chapter.level - 1)}{chapter.title} [{chapter.role} {chapter.kind}]{guess}")
                for warning in book.warnings:
                    print(f"    ! {warning}")
    count = {
        word: sum(outcome.startswith(word) for _, _, outcome in outcomes) for word in ("loaded", "refused", "FAILED")
    }
    print(f"{len(outcomes)} books: {count['loaded']} loaded, {count['refused']} refused, {count['FAILED']} failed")
    for seconds, name, _ in sorted(outcomes, key=lambda one: -one[0])[:_SLOWEST]:
        print(f"    {seconds:6.2f} s  {name}")
    return 1 if count["FAILED"] else 0


if __name__ == "__main__":
    arguments = [argument for argument in sys.argv[1:] if argument != "--verbose"]
    if len(arguments) != 1 or not Path(arguments[0]).is_dir():
        sys.exit(__doc__)
    sys.exit(main(Path(arguments[0]), verbose="--verbose" in sys.argv))
