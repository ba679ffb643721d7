"""How near the ideal the workers come: many chunks against a slow Speech API server on loopback.

The ideal is the sum of the server's own waits divided by the requests in flight. The server is a process of its own.

    python benchmarks/orchestration.py [--chunks 1000] [--jobs 32] [--latency 0.5:1.5]
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from tests.speech_server import KEY  # noqa: E402  (the test server is not installed)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chunks", type=int, default=1000)
    parser.add_argument("--jobs", type=int, default=32)
    parser.add_argument("--latency", default="0.5:1.5")
    options = parser.parse_args()
    server = subprocess.Popen(
        [sys.executable, str(ROOT / "tests" / "speech_server.py"), "--port", "0", "--latency", options.latency],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    try:
        assert server.stdout is not None
        url = server.stdout.readline().strip()
        with tempfile.TemporaryDirectory() as folder:
            measure(Path(folder), url, options.chunks, options.jobs)
    finally:
        server.terminate()


def measure(folder: Path, url: str, chunks: int, jobs: int) -> None:
    os.environ.update(LMNT_API_KEY=KEY, LMNT_BASE_URL=url)
    from narrate.book import Block, Book, Chapter, Metadata
    from narrate.job import Job
    from narrate.plan import plan
    from narrate.speak import complete, speak
    from narrate.studio import open_studio

    texts = [f"Paragraph number {number} of this book has about as many words as this one." for number in range(chunks)]
    blocks = tuple(Block("paragraph", text, f"book.md:{number}") for number, text in enumerate(texts))
    book = Book(Metadata("A Book", language="en"), (Chapter("One", blocks),), (), 0, "book.md")
    studio = open_studio(Job(folder, engine="lmnt", store=folder / "store", jobs=jobs), book.meta, print)
    script = plan(book, studio.cast, studio.traits)
    started, cpu = time.perf_counter(), time.process_time()
    spoken = sum(1 for _ in complete(speak(script, studio.engine, studio.store, studio.speakers)))
    wall, cpu = time.perf_counter() - started, time.process_time() - cpu
    studio.close()
    waited = float(httpx.get(f"{url}/stats").json()["latency"])
    ideal = waited / jobs
    print(f"{spoken} chunks, {jobs} in flight; the server waited {waited:.1f} s in all")
    print(f"ideal  {ideal:8.2f} s")
    print(f"wall   {wall:8.2f} s   {wall / ideal:.3f} x the ideal   ({cpu:.1f} s of CPU here)")


if __name__ == "__main__":
    main()
