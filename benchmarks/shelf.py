"""What it takes to find that nothing is due: a shelf of published books, of which none has changed.

    python benchmarks/shelf.py                  # 10,000 books: the target is under 1 s and 150 MiB
    python benchmarks/shelf.py --books 50000

The books are small files, published as a run would have: three files each, and a record with digests. The command is
the real one in a process of its own. The floor is a stat of every file that has to be looked at, in a process of its
own too, from a list that is given; it is measured in the same run.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from narrate.library.orders import orders_of
from narrate.library.records import Record, line_of
from narrate.library.shelf import Shelf, read_shelf
from narrate.library.sight import records_of
from narrate.library.sighting import look, outputs, with_digests

FILES = ("manifest.json", "Book.mp3", "Book.m4b")
FLOOR = "import os, sys\nfor path in open(sys.argv[1]).read().splitlines(): os.stat(path)\n"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--books", type=int, default=10_000)
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shelf = publish(folder, options.books)
        command = [sys.executable, "-m", "narrate", "library", str(shelf.path)]
        looked = folder / "looked.txt"
        looked.write_text("\n".join(map(str, seen(shelf))))
        floor = [sys.executable, "-c", FLOOR, str(looked)]
        took, memory = best(command, options.runs)
        least, _ = best(floor, options.runs)
        help_, _ = best([sys.executable, "-m", "narrate", "--help"], options.runs)
    print(f"{options.books:,} published books, none due: {took:.2f} s, {memory / 2**20:.0f} MiB at the peak")
    files = (len(FILES) + 1) * options.books
    print(f"a bare stat of the same {files:,} files: {least:.2f} s; `narrate --help`: {help_:.2f} s")
    print(f"ratio to both together: {took / (least + help_):.1f}")


def publish(folder: Path, books: int) -> Shelf:
    """A shelf whose ``books`` are all made, as far as a run can see."""
    (folder / "shelf.toml").write_text('output = "out"\nengine = "tone"\n[[books]]\nsource = "books/*/*.md"\n')
    for number in range(books):
        source = folder / "books" / f"{number // 100:03}" / f"book-{number:05}.md"
        source.parent.mkdir(parents=True, exist_ok=True)
        source.write_text(f"# Book {number}\n\nIts text.\n")
        for name in FILES:
            file = folder / "out" / f"Author {number // 100}" / f"Book {number}" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(name)
    shelf = read_shelf(folder / "shelf.toml")
    records = records_of(shelf)
    found = []
    for number, order in enumerate(orders_of(shelf).orders):
        where = f"Author {number // 100}/Book {number}"
        found.append(
            Record(
                order.id,
                "made",
                time.time(),
                order.settings,
                with_digests(look(order.names, None, "").inputs, order.names),
                where,
                outputs(shelf.output / where, FILES),
                title=f"Book {number}",
                authors=(f"Author {number // 100}",),
                chapters=12,
                duration_ms=3_600_000,
                made_at=time.time(),
            )
        )
    records.path.parent.mkdir(parents=True, exist_ok=True)
    # as ``Records.add`` would, but for bringing each line to the disk
    records.path.write_bytes(b"".join(map(line_of, found)))
    return shelf


def seen(shelf: Shelf) -> list[Path]:
    """All files that are looked at."""
    return [path for place in ("books", "out") for path in (shelf.path.parent / place).rglob("*.*") if path.is_file()]


def best(command: list[str], runs: int) -> tuple[float, int]:
    """Seconds of the quickest of ``runs``, and the most memory of any, in bytes."""
    times, memory = [], 0
    for _ in range(runs):
        began = time.perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.PIPE)
        told = process.stdout.read() if process.stdout else b""
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        times.append(time.perf_counter() - began)
        memory = max(memory, usage.ru_maxrss * 1024)
        assert process.returncode == 0, told
        assert "--help" in command or not told, told
    return min(times), memory


if __name__ == "__main__":
    main()
