"""Time and memory to load and plan a book, beside reading its bytes and unzipping them (the floor).

python benchmarks/planning.py [BOOK ...]        default: the samples, and Frankenstein where the corpus is at hand
"""

from __future__ import annotations

import resource
import subprocess
import sys
import time
import zipfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
DEFAULT = [*sorted((ROOT / "samples").glob("*.epub")), ROOT.parent / "shared" / "corpus" / "frankenstein.epub"]


def floor(path: Path) -> float:
    """Seconds to read and inflate the book."""
    started = time.perf_counter()
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                archive.read(name)
    else:
        path.read_bytes()
    return time.perf_counter() - started


def measure(path: Path) -> None:
    """In a process of its own, so that the peak of memory is this book's."""
    lowest = floor(path)
    started = time.perf_counter()
    from narrate.engines.tone import Tone, voice
    from narrate.load import load
    from narrate.plan import plan
    from narrate.script import Cast

    imported = time.perf_counter() - started
    book = load(path)
    loaded = time.perf_counter() - started
    script = plan(book, Cast(voice("", "en", {}, {})), Tone().traits)
    total = time.perf_counter() - started
    words = sum(chapter.words for chapter in script.chapters)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{path.name}: {words:,} words, {len(script.chunks):,} chunks; imports {imported:.2f} s, "
        f"load {loaded - imported:.2f} s, plan {total - loaded:.2f} s, in all {total:.2f} s "
        f"({total / max(lowest, 1e-6):.0f} x unzipping); peak {peak:.0f} MiB"
    )


if __name__ == "__main__":
    books = [Path(name) for name in sys.argv[1:]] or [path for path in DEFAULT if path.exists()]
    if len(books) == 1:
        measure(books[0])
    else:
        for book in books:
            subprocess.run([sys.executable, __file__, str(book)], check=True)
