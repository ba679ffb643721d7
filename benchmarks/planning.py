"""Time and memory to load and plan a book: books of any length, or the ladder that shows whether the cost is linear.

    python benchmarks/planning.py BOOK ...      these books, beside reading their bytes and unzipping them (the floor)
    python benchmarks/planning.py [--words 100000 300000 1000000] [--only epub|markdown|plain]

Without books it makes some: 100,000, 300,000 and 1,000,000 words as EPUB, Markdown and plain text, from sentences of
the samples, varied, in an order that a seed decides. The target for the longest is 20 s and 400 MiB, and as much time
for a word as in the shortest. Every measurement is a process of its own, with an engine that needs all normalised;
what counts is the processor's time, so that whatever else the machine does makes no difference.
"""

from __future__ import annotations

import argparse
import json
import re
import resource
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
LADDER = (100_000, 300_000, 1_000_000)
SECONDS, MEMORY = 20.0, 400.0
"""The target for a million words: seconds, and MiB at the peak."""
CHAPTER, PARAGRAPH = 3_500, 70
"""Words of a chapter and of a paragraph, as novels have them."""

_TAG = re.compile(r"<[^>]+>")
_FIGURES = (
    "On July 4th, 1851, at half past 12, Dr. Brown paid £3 10s. for it.",
    "He ran 3½ miles in 25 minutes; see pp. 12–15 of vol. II.",
    "Henry VIII reigned from 1509 to 1547, nearly 38 years.",
    "“It cost $1,250.75,” said Mrs. J. R. Smith, “and 15% more in 1999.”",
)


def floor(path: Path) -> float:
    """Seconds to read and inflate the book."""
    started = time.process_time()
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                archive.read(name)
    else:
        path.read_bytes()
    return time.process_time() - started


def measure(path: Path) -> dict[str, Any]:
    """In a process of its own, so that the peak of memory is this book's."""
    lowest = floor(path)
    started = time.process_time()
    from narrate.engines import Traits
    from narrate.load import load
    from narrate.plan import plan
    from narrate.script import Cast, Voice

    imported = time.process_time() - started
    book = load(path)
    loaded = time.process_time() - started
    traits = Traits(
        "kokoro", 400, min_words=3, languages=frozenset(("en",)), normalises=False, phonemes=frozenset(("ipa",))
    )
    script = plan(book, Cast(Voice("kokoro", "kokoro", "af_heart", "en")), traits)
    total = time.process_time() - started
    return {
        "name": path.name,
        "words": sum(chapter.words for chapter in script.chapters),
        "chunks": len(script.chunks),
        "imports": imported,
        "load": loaded - imported,
        "plan": total - loaded,
        "floor": lowest,
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def measured(path: Path) -> dict[str, Any]:
    """``measure`` in a fresh process."""
    done = subprocess.run(
        [sys.executable, __file__, "--measure", str(path)], check=True, capture_output=True, text=True
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def show(found: dict[str, Any]) -> str:
    total = found["load"] + found["plan"]
    return (
        f"{found['name']}: {found['words']:,} words, {found['chunks']:,} chunks; load {found['load']:.2f} s, "
        f"plan {found['plan']:.2f} s, {found['words'] / max(total, 1e-6):,.0f} words/s "
        f"({total / max(found['floor'], 1e-6):.0f} x unzipping; imports {found['imports']:.2f} s); "
        f"peak {found['peak']:.0f} MiB"
    )


def sentences() -> list[str]:
    """The sentences of the samples, and some with figures."""
    with zipfile.ZipFile(ROOT / "samples" / "candide-two-chapters.epub") as archive:
        pages = [archive.read(name).decode() for name in archive.namelist() if "chapter" in name]
    text = " ".join(_TAG.sub(" ", page.partition("<body")[2].partition(">")[2]) for page in pages)
    text = " ".join(text.split()).replace("&", "and")
    return [part for part in re.findall(r"[^.!?]+[.!?]+”?", text) if 3 < len(part.split()) < 60] + list(_FIGURES)


def varied(sentence: str, known: list[str], rng: Random) -> str:
    """The sentence with other words and figures in it: nothing remembered of one shall help with another."""

    def other(match: re.Match[str]) -> str:
        return rng.choice(known) if rng.random() < 0.25 else match[0]

    def figure(match: re.Match[str]) -> str:
        return str(rng.randrange(10 ** len(match[0]))) if rng.random() < 0.5 else match[0]

    return re.sub(r"(?<![\w.])[a-z]{4,}\b", other, re.sub(r"\d+", figure, sentence))


def chapters(words: int) -> Iterator[list[str]]:
    """The paragraphs of each chapter of a book of so many words."""
    rng, known = Random(words), sentences()
    vocabulary = sorted({word for sentence in known for word in re.findall(r"\b[a-z]{4,}\b", sentence)})
    made = 0
    while made < words:
        paragraphs: list[str] = []
        size = 0
        while size < CHAPTER and made + size < words:
            parts: list[str] = []
            while sum(len(part.split()) for part in parts) < PARAGRAPH:
                parts.append(varied(rng.choice(known).strip(), vocabulary, rng))
            paragraphs.append(" ".join(parts))
            size += sum(len(part.split()) for part in parts)
        made += size
        yield paragraphs


def make(kind: str, words: int, folder: Path) -> Path:
    """A book of so many words."""
    told = list(chapters(words))
    if kind == "plain":
        path = folder / f"{words}.txt"
        parts = [
            f"CHAPTER {number}\n\n" + "\n\n".join(map(_wrapped, paragraphs))
            for number, paragraphs in enumerate(told, 1)
        ]
        path.write_text("\n\n\n\n".join(parts) + "\n", encoding="utf-8")
        return path
    if kind == "markdown":
        path = folder / f"{words}.md"
        parts = [f"## Chapter {number}\n\n" + "\n\n".join(paragraphs) for number, paragraphs in enumerate(told, 1)]
        path.write_text("# A Long Book\n\n" + "\n\n".join(parts) + "\n", encoding="utf-8")
        return path
    sys.path.insert(0, str(ROOT))
    from tests.loaders.builder import make_epub, nav

    pages = {
        f"c{number}.xhtml": f"<h2>Chapter {number}</h2>" + "".join(f"<p>{text}</p>" for text in paragraphs)
        for number, paragraphs in enumerate(told, 1)
    }
    entries = "".join(f'<li><a href="{name}">Chapter {number}</a></li>' for number, name in enumerate(pages, 1))
    return make_epub(folder / f"{words}.epub", pages, nav=nav(entries))


def _wrapped(text: str) -> str:
    import textwrap

    return textwrap.fill(text, 70)


def climb(kinds: list[str], ladder: list[int]) -> bool:
    """Measure every rung; whether the longest book of each kind meets the target."""
    met = True
    with tempfile.TemporaryDirectory(prefix="planning-") as folder:
        for kind in kinds:
            rungs = []
            for words in ladder:
                rungs.append(measured(make(kind, words, Path(folder))))
                print(show(rungs[-1]), flush=True)
            pace = [(rung["load"] + rung["plan"]) / rung["words"] for rung in rungs]
            total, share = rungs[-1]["load"] + rungs[-1]["plan"], rungs[-1]["words"] / 1_000_000
            within = total <= SECONDS * max(1.0, share) and rungs[-1]["peak"] <= MEMORY
            met = met and within
            print(
                f"  {kind}: a word of the longest takes {pace[-1] / pace[0]:.2f} x one of the shortest; "
                f"target {SECONDS:.0f} s and {MEMORY:.0f} MiB: {'met' if within else 'MISSED'}",
                flush=True,
            )
    return met


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("books", nargs="*", type=Path)
    parser.add_argument("--words", nargs="+", type=int, default=list(LADDER))
    parser.add_argument("--only", action="append", choices=("epub", "markdown", "plain"))
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measure(options.measure)))
        return 0
    if options.books:
        for book in options.books:
            print(show(measured(book)))
        return 0
    return 0 if climb(options.only or ["epub", "markdown", "plain"], sorted(options.words)) else 1


if __name__ == "__main__":
    raise SystemExit(main())
