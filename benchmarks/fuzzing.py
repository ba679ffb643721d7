"""Spoiled books by the thousand, to find the one that ends in a traceback, a hang or a lost word.

    python benchmarks/fuzzing.py [--minutes 1] [--seed 1] [--only epub|markdown|plain|folder]... [--findings FOLDER]
    python benchmarks/fuzzing.py --reproduce FILE...

Each input is loaded, read by several policies and planned, in a process of its own kind that has 500 MiB above what
it needs to start, no network, and a scratch folder. What must hold:

- nothing but SourceError is raised, and that is one sentence which names the file;
- letters and digits of the source are spoken or skipped (P1), after loading and under every policy;
- what is read leads back into the book; what is planned can be written as UTF-8 and fits the engine;
- the same input gives the same book and the same script (P2);
- it takes no longer than its size allows, and nothing is written, connected to or started (P10).

With atheris (in the extra ``dev``) inputs that reach new code are kept and spoiled further; without it the seeds are.
Findings are made small and written to the folder with their tracebacks; the exit code is 1 when there are any.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(Path(__file__).resolve().parent), str(ROOT)]

from mutations import LARGEST, SUFFIXES, members_of, mutate, zipped  # noqa: E402
from promises import Broken, check  # noqa: E402

MEMORY = 500 << 20  # bytes of address space above what the imports take (P10)
HANG = 30.0  # seconds without a word from a worker
MINIMISING = 40.0  # seconds for each finding
FAST = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # a disk would be most of the time
REPORTED = 300  # files kept of findings that only differ in how they came about: one is enough, this bounds the rest


# --- a worker: one process, many inputs ---------------------------------------------------------------------------


@dataclass(slots=True)
class Worker:
    """Tries inputs of one kind in the folder ``scratch``; findings are files in ``scratch/found``."""

    kind: str
    scratch: Path
    thorough: bool = False  # every input, not one in four
    counts: dict[str, int] = field(default_factory=dict)
    _told: float = 0.0

    def try_input(self, data: bytes) -> str:
        """The finding's signature, or "" when every promise holds."""
        if not data:
            return ""
        (self.scratch / "current").write_bytes(data)
        thorough = self.thorough or hashlib.sha256(data).digest()[0] < 64
        path, size = self._unpack(data)
        try:
            result, signature, story = check(path, size, thorough=thorough), "", ""
        except BaseException as error:
            if isinstance(error, (KeyboardInterrupt, SystemExit)):
                raise
            signature, story = signature_of(error), "".join(traceback.format_exception(error))
            result = "found"
        self.counts[result] = self.counts.get(result, 0) + 1
        if signature:
            self._keep(signature, data, story)
        if time.monotonic() - self._told > 1:
            self._told = time.monotonic()
            self.tell()
        return signature

    def tell(self) -> None:
        (self.scratch / "counts.json").write_text(json.dumps(self.counts))

    def _unpack(self, data: bytes) -> tuple[Path, int]:
        if self.kind != "folder":
            path = self.scratch / f"book{SUFFIXES[self.kind]}"
            path.write_bytes(data)
            size = sum(map(len, (members_of(data) or {}).values())) if self.kind == "epub" else len(data)
            return path, max(size, len(data))
        folder = self.scratch / "book"
        _remove(folder)
        folder.mkdir()
        for name, content in (members_of(data) or {}).items():
            with contextlib.suppress(OSError, ValueError):
                target = folder / name
                if ".." not in target.parts and target.is_relative_to(folder):
                    target.parent.mkdir(parents=True, exist_ok=True)
                    target.write_bytes(content)
        return folder, len(data)

    def _keep(self, signature: str, data: bytes, story: str) -> None:
        name = hashlib.sha256(signature.encode()).hexdigest()[:12]
        found = self.scratch / "found"
        kept = found / f"{name}.bin"
        if kept.exists() and kept.stat().st_size <= len(data):
            return
        found.mkdir(exist_ok=True)
        kept.write_bytes(data)
        (found / f"{name}.txt").write_text(f"{signature}\n\n{story}", encoding="utf-8", errors="replace")


def _remove(folder: Path) -> None:
    """Remove a folder of ours."""
    if folder.is_dir():
        for path in sorted(folder.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
        folder.rmdir()


def signature_of(error: BaseException) -> str:
    """What makes two findings the same: the promise, or the exception and where in the house it came from."""
    if isinstance(error, Broken):
        return str(error)
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if "/narrate/" in frame.filename or "loader_suite" in frame.filename]
    where = f"{Path(own[-1].filename).name}:{own[-1].name}" if own else "elsewhere"
    line = f" ({own[-1].line})" if own and isinstance(error, AssertionError) else ""
    return f"{type(error).__name__} in {where}{line}"


def confine(scratch: Path) -> None:
    """No more memory than allowed, no socket, no process, no write outside ``scratch``."""
    import resource

    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    allowed = str(scratch)
    forbidden = ("socket.connect", "socket.getaddrinfo", "subprocess.Popen", "os.system", "os.exec", "os.posix_spawn")

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        if event in forbidden:
            raise Broken(f"P10: {event}")
        if event == "open" and isinstance(arguments[0], (str, bytes)):
            path, writes = os.fsdecode(arguments[0]), arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
            if writes and not path.startswith((allowed, "/dev/null")) and "__pycache__" not in path:
                raise Broken(f"P10: writes {Path(path).name}")
            if not writes and path.startswith(("/etc/passwd", "/etc/shadow")):
                raise Broken("P10: reads /etc/passwd")

    sys.addaudithook(watch)


def work(kind: str, scratch: Path, seconds: float, seed: int, guided: bool) -> None:
    """The worker's process: spoil and try until the time is over. The seeds lie in ``scratch/corpus``."""
    started = time.monotonic()
    corpus = scratch / "corpus"
    seeds = [path.read_bytes() for path in sorted(corpus.iterdir())]
    worker = Worker(kind, scratch)
    if guided:
        import atheris

        with atheris.instrument_imports(include=["narrate"]):
            _import_all()
        confine(scratch)

        def spoiled(data: bytes, most: int, number: int) -> bytes:
            return mutate(kind, data, seeds, Random(number))[:most]

        flags = ["-timeout=1000", "-rss_limit_mb=0", "-verbosity=0", "-print_final_stats=0", "-detect_leaks=0"]
        limits = [f"-max_total_time={max(1, int(seconds))}", f"-max_len={2 * LARGEST}", f"-seed={seed}", "-reload=0"]
        atheris.Setup(
            ["fuzzing", *flags, *limits, f"-artifact_prefix={scratch}/", str(corpus)],
            worker.try_input,
            custom_mutator=spoiled,
        )
        atheris.Fuzz()
        return
    _import_all()
    confine(scratch)
    rng = Random(seed)
    while time.monotonic() - started < seconds:
        worker.try_input(mutate(kind, rng.choice(seeds), seeds, rng))
    worker.tell()


def _import_all() -> None:
    """Everything an input may need: later imports would count as its memory."""
    import narrate.commands.plan
    import narrate.load
    import narrate.loaders.epub
    import narrate.loaders.markdown
    import narrate.loaders.plain
    import narrate.plan
    import narrate.produce
    import narrate.text
    import narrate.tracing
    import tests.suites.loader_suite  # noqa: F401

    narrate.text.normalise("In 1999, 3 km for $5 on July 4th.", "en")
    for language in ("de", "fr", "ja", "ru"):
        narrate.text.normalise("Am 3. Mai 1999, 15 km", language)


# --- the driver ---------------------------------------------------------------------------------------------------


def fuzz(
    kind: str, seconds: float, seed: int, findings: Path, more: list[Path], keep: Path | None
) -> tuple[int, set[str]]:
    """Let workers try inputs of ``kind``; how many they tried, and the signatures of what they found."""
    tried, signatures = 0, set()
    until = time.monotonic() + seconds
    with tempfile.TemporaryDirectory(prefix="fuzzing-", dir=FAST) as made:
        scratch = Path(made).resolve()
        corpus = scratch / "corpus"
        corpus.mkdir()
        for data in {*seeds(kind), *(path.read_bytes() for path in more if path.suffix == SUFFIXES[kind] != "")}:
            (corpus / hashlib.sha256(data).hexdigest()[:16]).write_bytes(data)
        if keep and (keep / kind).is_dir():
            for path in (keep / kind).iterdir():
                (corpus / path.name).write_bytes(path.read_bytes())
        while (left := until - time.monotonic()) > 1:
            counts, lost = _run_worker(kind, scratch, left, seed)
            tried += sum(counts.values())
            seed += 1
            if lost:
                Worker(kind, scratch)._keep(lost, (scratch / "current").read_bytes(), "the process was lost\n")
                for path in corpus.iterdir():  # an input that kills is no seed
                    if path.read_bytes() == (scratch / "current").read_bytes():
                        path.unlink()
        if keep:
            (keep / kind).mkdir(parents=True, exist_ok=True)
            for path in corpus.iterdir():
                (keep / kind / path.name).write_bytes(path.read_bytes())
        for story in sorted((scratch / "found").glob("*.txt"))[:REPORTED]:
            signature = story.read_text(encoding="utf-8").split("\n")[0]
            signatures.add(signature)
            data = story.with_suffix(".bin").read_bytes()
            small = minimise(kind, data, signature)
            findings.mkdir(parents=True, exist_ok=True)
            suffix = SUFFIXES[kind] or ".folder"
            (findings / f"{story.stem}{suffix}").write_bytes(small)
            (findings / f"{story.stem}{suffix}.txt").write_text(story.read_text(encoding="utf-8"), encoding="utf-8")
    return tried, signatures


def _run_worker(kind: str, scratch: Path, seconds: float, seed: int) -> tuple[dict[str, int], str]:
    """One worker until its time is over or it is lost; its counts, and how it was lost."""
    current = scratch / "current"
    current.write_bytes(b"")
    counts = scratch / "counts.json"
    counts.write_text("{}")
    command = [sys.executable, __file__, "--work", kind, str(scratch), str(seconds), str(seed)]
    with (scratch / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=scratch)
        lost = ""
        while process.poll() is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(1)
            patience = HANG if current.stat().st_size else 5 * HANG  # nothing yet: it is still importing
            if process.returncode is None and time.time() - current.stat().st_mtime > patience:
                process.kill()
                process.wait()
                lost = "hang"
    if not lost and process.returncode:
        tail = (scratch / "log").read_bytes()[-2000:].decode("utf-8", "replace")
        if current.stat().st_size == 0:
            raise SystemExit(f"the worker does not start:\n{tail}")
        lost = f"lost: exit {process.returncode}"
        sys.stderr.write(tail)
    return json.loads(counts.read_text() or "{}"), lost


def seeds(kind: str) -> Iterator[bytes]:
    """Small books of every sort: samples, what the tests build, and findings of former runs."""
    from seeds import EPUBS, FOLDERS, MARKDOWN, PLAIN

    suffix = SUFFIXES[kind]
    yield from {"epub": EPUBS, "markdown": MARKDOWN, "plain": PLAIN, "folder": FOLDERS}[kind]()
    former = ROOT / "tests" / "cases" / "fuzz"
    for path in sorted(former.glob(f"*{suffix}" if suffix else "*.folder")):
        yield path.read_bytes()


def minimise(kind: str, data: bytes, signature: str) -> bytes:
    """``data`` with whatever can be left out and the same promise stays broken. Takes at most a minute."""
    until = time.monotonic() + MINIMISING

    def still(candidate: bytes) -> bool:
        return time.monotonic() < until and reproduce(kind, candidate) == signature

    if signature in ("hang",) or signature.startswith("lost") or not still(data):
        return data
    members = members_of(data) if kind in ("epub", "folder") else None
    if members is None:
        return _shrunk(data, still)
    whole = zipped(members)
    if not still(whole):
        return data
    for name in list(members):
        rest = {other: content for other, content in members.items() if other != name}
        if still(zipped(rest)):
            members = rest
    for name in list(members):
        members[name] = _shrunk(members[name], lambda part, name=name: still(zipped({**members, name: part})))
    return zipped(members)


def _shrunk(data: bytes, still: Callable[[bytes], bool]) -> bytes:
    """Delta debugging: leave out halves, quarters, ... down to single bytes, from the end."""
    size = max(1, len(data) // 2)
    while size >= 1:
        at = len(data)
        while at > 0:
            start = max(0, at - size)
            candidate = data[:start] + data[at:]
            if still(candidate):
                data = candidate
            at = start
        size = size // 2 if len(data) < 2_000 or size > 8 else 0
    return data


def reproduce(kind: str, data: bytes) -> str:
    """Try one input in a child of this process; its finding's signature, or ""."""
    out, into = os.pipe()
    child = os.fork()
    if child == 0:
        with contextlib.suppress(BaseException), tempfile.TemporaryDirectory(prefix="fuzzing-", dir=FAST) as made:
            scratch = Path(made).resolve()
            _import_all()
            confine(scratch)
            os.write(into, Worker(kind, scratch, thorough=True).try_input(data).encode()[:4000])
        os._exit(0)
    os.close(into)
    with os.fdopen(out, "rb") as answers:
        signal.alarm(0)
        answer = _answer(answers.fileno(), child)
    os.waitpid(child, 0)
    return answer


def _answer(descriptor: int, child: int) -> str:
    import select

    ready, _, _ = select.select([descriptor], [], [], HANG)
    if not ready:
        os.kill(child, signal.SIGKILL)
        return "hang"
    return os.read(descriptor, 4000).decode("utf-8", "replace")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", action="append", choices=SUFFIXES, help="repeatable; default: all kinds")
    parser.add_argument("--findings", type=Path, default=Path("findings"))
    parser.add_argument("--seeds", type=Path, nargs="*", default=[], help="more books to spoil")
    parser.add_argument("--keep", type=Path, help="folder for the corpus, taken up again by the next run")
    parser.add_argument("--reproduce", type=Path, nargs="+", help="try these files instead, and show what breaks")
    parser.add_argument("--work", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        kind, scratch, seconds, seed = options.work
        work(kind, Path(scratch), float(seconds), int(seed), guided=_has_atheris())
        return 0
    if options.reproduce:
        _import_all()
        known = {suffix or ".folder": kind for kind, suffix in SUFFIXES.items()}
        found = {path: reproduce(known[path.suffix], path.read_bytes()) for path in options.reproduce}
        for path, signature in found.items():
            print(f"{path}: {signature or 'holds'}")
        return int(any(found.values()))
    kinds = options.only or list(SUFFIXES)
    seconds = 60 * options.minutes / len(kinds)
    total: dict[str, set[str]] = {}
    _import_all()
    for kind in kinds:
        started = time.monotonic()
        tried, total[kind] = fuzz(kind, seconds, options.seed, options.findings, options.seeds, options.keep)
        pace = tried / (time.monotonic() - started)
        guided = "guided by coverage" if _has_atheris() else "unguided"
        print(f"{kind}: {tried:,} inputs, {pace:.0f} a second, {guided}; {len(total[kind])} findings", flush=True)
        for signature in sorted(total[kind]):
            print(f"  {signature}", flush=True)
    return int(any(total.values()))


def _has_atheris() -> bool:
    from importlib.util import find_spec

    return find_spec("atheris") is not None and "FUZZING_UNGUIDED" not in os.environ


if __name__ == "__main__":
    raise SystemExit(main())
