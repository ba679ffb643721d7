"""Books through a server that answers three in ten wrongly: all finish, alike, and cost no more than the faults do.

    python benchmarks/faults.py --seeds 20 --chunks 600 --share 0.3

For every seed a book is made by the command line, from a real speech server on loopback that goes wrong by the seeded
plan of ``tests/faults.py``; with most seeds one thing more ails the whole server (its money ends, the key is revoked,
it is down, it asks for a wait of minutes, it limits concurrency or rate). A run that ends with exit 5 or 6 is put right
where the user could (money, key) and run again. Asserted for each: the files are those of an undisturbed run, byte by
byte; no more requests than the chunks, the faulty answers and two in a hundred; none for what was stored; and none at
all by one more run at the end. Every other book is asked for with word times.

Shortened, so that it takes minutes and not hours: answers are overdue after 0.5 s (and 0.02 s a character) and not 60,
in all after 2 s and not 300; servers ask for waits of 0.1 to 1 s, and in place of minutes for 6 s, where 5 are borne;
the audio has 8000 Hz.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.faults import LONG, Faults, Pace
from tests.speech_server import SpeechServer, State

PACE = Pace(late=0.2, whole=1, fraction=0.1, minutes=6, drip=1.0)
SPARE = 0.02
"""Of the chunks: requests beyond those and the faulty answers, such as for answers that came late."""
MOST_RUNS = 12
WORDS = ("the", "clock", "hall", "winter", "nobody", "wound", "stopped", "again", "river", "lamp", "under", "stairs")

AILING: tuple[tuple[str, dict[str, object]], ...] = (
    ("", {}),
    ("no money", {"money": 0.5}),
    ("", {}),
    ("key revoked", {"valid": 0.4}),
    ("", {}),
    ("down", {"outage": 0.3}),
    ("a wait of minutes", {"wait": 0.6}),
    ("limit of concurrency", {"concurrency": 5}),
    ("", {}),
    ("limit of rate", {"rate": 60.0, "burst": 10.0, "tells": True}),
)
"""What ails the whole server, seed by seed; shares are of the chunks."""

JOB = """
source = "book.md"
engine = "lmnt"
formats = ["mp3"]
output = "out"
store = "store"
jobs = {jobs}
attempts = 12
max_wait = 5
timeout = 0.5
patience = 30
deadlines = {{ total = 2.0, connect = 1.0 }}
settings = {{ sample_rate = 8000{more} }}
"""


def book(chunks: int, seed: int) -> str:
    """A Markdown book of so many chunks: headings, short paragraphs, and one in six long enough to be measured."""
    draw = random.Random(seed)
    blocks: list[str] = []
    for number in range(chunks):
        if number % 30 == 0:
            blocks.append(f"# Part {number // 30 + 1}")
            continue
        size = LONG + 20 if number % 6 == 0 else draw.randint(20, 60)
        text = f"Line {number}"
        while len(text) < size:
            text += f" {draw.choice(WORDS)}"
        blocks.append(f"{text}.")
    return "\n\n".join(blocks)


@dataclass
class Result:
    """What one seed came to."""

    seed: int
    ailing: str
    chunks: int
    runs: int = 0
    requests: int = 0
    seconds: float = 0.0
    faults: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    @property
    def faulty(self) -> int:
        return self.faults.total()

    @property
    def wasted(self) -> int:
        """Requests for which neither a chunk nor a fault of the server accounts."""
        return self.requests - self.chunks - self.faulty

    def line(self) -> str:
        return (
            f"seed {self.seed:3}  runs {self.runs}  requests {self.requests:5}  faulty {self.faulty:4} "
            f"({self.faulty / self.chunks:4.0%})  wasted {self.wasted:3} ({self.wasted / self.chunks:5.1%})  "
            f"{self.seconds:6.1f} s  {self.ailing}{'  WRONG: ' + '; '.join(self.wrong) if self.wrong else ''}"
        )


def make(folder: Path, server: SpeechServer) -> subprocess.CompletedProcess[str]:
    """One run of the command line."""
    env = {**os.environ, "LMNT_API_KEY": server.key or "", "LMNT_BASE_URL": server.url}
    command = [sys.executable, "-m", "narrate", "run", "job.toml", "--yes"]
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=600)


def finished(folder: Path) -> dict[str, bytes]:
    """The published files."""
    out = folder / "out"
    files = (path for path in out.rglob("*") if path.is_file() and ".narrate" not in path.parts)
    return {str(path.relative_to(out)): path.read_bytes() for path in files}


def stored(folder: Path) -> int:
    """Segments in the store."""
    return sum(path.is_file() for path in (folder / "store" / "segments").rglob("*"))


def prepare(folder: Path, text: str, jobs: int, timings: bool) -> None:
    folder.mkdir()
    (folder / "book.md").write_text(text)
    (folder / "job.toml").write_text(JOB.format(jobs=jobs, more=', timestamps = "true"' if timings else ""))


def state(ailing: dict[str, object], chunks: int) -> State:
    """The ailments, their shares as numbers of requests."""
    known = State()
    for name, value in ailing.items():
        share = isinstance(value, float) and name in ("money", "valid", "outage", "wait")
        number = int(value * chunks) if share else value  # type: ignore[operator]
        lasts = {"outage": 1.5, "wait": float(PACE.minutes)}
        setattr(known, name, (number, lasts[name]) if name in lasts else number)
    return known


def trial(folder: Path, text: str, clean: dict[str, bytes], result: Result, share: float, jobs: int) -> Result:
    """One seed: run until done."""
    prepare(folder, text, jobs, timings=result.seed % 2 == 1)
    kinds = Faults(result.seed, share, pace=PACE)
    started = time.monotonic()
    ails = dict(AILING[result.seed % len(AILING)][1])
    with SpeechServer(kinds, state=state(ails, result.chunks), keep=False) as server:
        while result.runs < MOST_RUNS:
            result.runs += 1
            missing, before = result.chunks - stored(folder), set(server.counts)
            counted = {body: server.counts[body] for body in before}
            done = make(folder, server)
            asked = sum(server.counts[body] > counted.get(body, 0) for body in server.counts if b'"text"' in body)
            if asked > missing:
                result.wrong.append(f"run {result.runs} asked for {asked} texts where {missing} were missing")
            if done.returncode not in (0, 5, 6):
                result.wrong.append(f"exit {done.returncode}: {done.stderr[-300:]}")
            if done.returncode in (0, 1, 2, 3, 4, 7, 8):
                break
            server.state.money = server.state.valid = None  # the user pays, and has a new key
        result.seconds = time.monotonic() - started
        result.requests = sum(number for body, number in server.counts.items() if b'"text"' in body)
        result.faults = Counter(server.seen.faults)
        if done.returncode:
            result.wrong.append(f"not finished after {result.runs} runs: {done.stderr[-300:]}")
        elif make(folder, server).returncode or sum(server.counts.values()) - server.counts[b""] > result.requests:
            result.wrong.append("one more run asked for something")
    if finished(folder) != clean:
        result.wrong.append("the files are not those of the undisturbed run")
    if result.wasted > SPARE * result.chunks:
        result.wrong.append(f"{result.wasted} requests too many")
    return result


def campaign(folder: Path, seeds: range, chunks: int, share: float, jobs: int) -> list[Result]:
    """All seeds; each line is printed as it is known."""
    text = book(chunks, 1)
    clean = {}
    with SpeechServer(keep=False) as server:
        for timings in (False, True):
            yardstick = folder / f"clean {timings}"
            prepare(yardstick, text, jobs, timings)
            done = make(yardstick, server)
            assert done.returncode == 0, done.stderr
            clean[timings] = finished(yardstick)
        least = len({body for body in server.counts if b'"text"' in body}) // 2
    print(f"{least} chunks; {share:.0%} of all answers faulty; {jobs} jobs")
    results = []
    for seed in seeds:
        result = Result(seed, AILING[seed % len(AILING)][0], least)
        trial(folder / f"seed {seed}", text, clean[seed % 2 == 1], result, share, jobs)
        print(result.line(), flush=True)
        results.append(result)
    return results


def summary(results: list[Result]) -> str:
    """All seeds in figures, and the kinds of faults that were given."""
    total = Result(0, "", sum(result.chunks for result in results))
    for result in results:
        total.requests += result.requests
        total.seconds += result.seconds
        total.faults += result.faults
    kinds = "\n".join(f"  {number:5}  {name}" for name, number in sorted(total.faults.items()))
    right = sum(not result.wrong for result in results)
    return (
        f"{right} of {len(results)} seeds right: {total.chunks} chunks, {total.requests} requests, {total.faulty} "
        f"faulty answers ({total.faulty / total.chunks:.1%} of the chunks), {total.wasted} wasted "
        f"({total.wasted / total.chunks:.2%}; allowed {SPARE:.0%}), {total.seconds:.0f} s\n{kinds}"
    )


def main() -> int:
    """Print a line for each seed and the figures of all; exit 1 when anything is wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--chunks", type=int, default=600)
    parser.add_argument("--share", type=float, default=0.3)
    parser.add_argument("--jobs", type=int, default=16)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        seeds = range(chosen.first, chosen.first + chosen.seeds)
        results = campaign(Path(folder), seeds, chosen.chunks, chosen.share, chosen.jobs)
    print(summary(results))
    return 1 if any(result.wrong for result in results) else 0


if __name__ == "__main__":
    sys.exit(main())
