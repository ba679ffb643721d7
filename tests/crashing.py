"""Runs that are killed at their N-th file-system call, whoever makes it, and what must hold of them afterwards.

    python -m tests.crashing LOG '{"at": 120}' run book.md --engine tone

runs ``narrate run ...`` and kills it right before its 120th call, in whatever thread or worker process that is made
(the fields are those of ``Kill``). LOG gets one letter per call (``KINDS``), so that the log of an undisturbed run
tells what there is to kill. Calls made by native code (PyAV writes its containers itself) are not seen: kills at
random moments are for those.

    python -m tests.crashing --farm

reads such orders from standard input, as JSON, and carries out each in a fork of itself: everything is imported by
then, executors work inline, and a kill costs little more than the work it interrupts.
"""

from __future__ import annotations

import io
import json
import multiprocessing
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import FrameType
from typing import IO, Any

import psutil

from tests.speech_server import KEY, Received, SpeechServer

ROOT = Path(__file__).parent.parent

KINDS = {
    "o": ("open",),
    "w": ("write", "writelines", "pwrite", "writev", "sendfile", "copy_file_range", "flush"),
    "c": ("close",),
    "f": ("fsync", "fdatasync"),
    "r": ("rename", "replace"),
    "u": ("unlink", "remove", "rmdir"),
    "m": ("mkdir",),
    "l": ("link", "symlink", "flock", "lockf"),
    "t": ("truncate", "ftruncate", "utime", "chmod"),
    "q": ("execute", "executemany", "executescript", "commit", "rollback", "__exit__"),
}
"""Letters of the log, and the C functions and methods they stand for; q is SQLite."""

_LETTERS = {name: letter for letter, names in KINDS.items() for name in names}
_MODULES = {"posix", "nt", "fcntl", "io", "_io"}
_FILES = (io.IOBase,)
SIGKILL = int(getattr(signal, "SIGKILL", signal.SIGTERM))
_ORDER = "NARRATE_CRASH"
"""The environment variable that takes the order to worker processes."""


@dataclass(frozen=True)
class Kill:
    """Where a run is killed: at its call number ``at`` (from 1), or after ``seconds``; neither: not at all.

    Calls are counted where ``at`` is not 0, which takes time; -1 counts them and kills nothing.
    ``after`` kills when the call has returned, not before. ``group`` kills worker processes along with the run, as a
    power cut does; else only the process that makes the call, or, by time, the main process. Another ``number`` than
    SIGKILL goes to the main process, whoever makes the call.

    ``inject`` is for strace, whose words it is in ("fsync:error=EIO:when=3"): it counts each thread's system calls by
    themselves, sees those of native code too, and kills, or has a call fail, in one process alone.
    """

    at: int = 0
    after: bool = False
    seconds: float = 0.0
    group: bool = True
    number: int = SIGKILL
    inject: str = ""

    @property
    def kind(self) -> str:
        """What it is reported as, where no letter of the log says it."""
        return self.inject.rpartition(":when=")[0] or ("time" if self.seconds else "")


# --- in the process that is killed --------------------------------------------------------------------------------


class Crashing:
    """Counts the file-system calls of this process along with those of all others that share the log."""

    def __init__(self, log: str, kill: Kill, main: int) -> None:
        self._main = main
        self._log = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._kill = kill
        self._lock = threading.Lock()
        self._mine = threading.local()

    def install(self) -> None:
        """Watch this thread, and those that are started from now on."""
        threading.setprofile(self._watch)
        sys.setprofile(self._watch)

    def _watch(self, frame: FrameType, event: str, function: Any) -> None:
        if event == "c_call":
            letter = _LETTERS.get(function.__name__)
            if letter is None or not _is_file_system(function):
                return
            # appending and asking for the place is one step within a process, and atomic between processes
            with self._lock:
                os.write(self._log, letter.encode())
                number = os.lseek(self._log, 0, os.SEEK_CUR)
            if number == self._kill.at:
                if not self._kill.after:
                    self._end()
                self._mine.last = function.__name__
        elif event in ("c_return", "c_exception") and getattr(self._mine, "last", "") == function.__name__:
            self._mine.last = ""
            self._end()

    def _end(self) -> None:
        if self._kill.number != SIGKILL:
            os.kill(self._main, self._kill.number)
            return
        if self._kill.group:
            os.killpg(os.getpgrp(), signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGKILL)


def _is_file_system(function: Any) -> bool:
    owner = function.__self__
    if isinstance(owner, io.IOBase):
        return owner not in (sys.stdout, sys.stderr, sys.__stderr__)
    if isinstance(owner, sqlite3.Connection | sqlite3.Cursor):
        return True
    return getattr(owner, "__name__", "") in _MODULES


def _obey(order: str) -> None:
    asked = json.loads(order)
    Crashing(asked["log"], Kill(**asked["kill"]), asked["main"]).install()


def main(arguments: list[str]) -> None:
    """Run one command, to be killed as ordered."""
    log, kill, *command = arguments
    order = json.dumps({"log": log, "kill": json.loads(kill), "main": os.getpid()})
    os.environ[_ORDER] = order
    # a killed group leaves its semaphores behind: under a name by which they can be found
    multiprocessing.current_process()._config["semprefix"] = semaphores(os.getpid())  # type: ignore[attr-defined]
    sys.argv = ["narrate", *command]
    from narrate import cli

    _obey(order)
    cli.main()


def semaphores(pid: int) -> str:
    """The prefix of the names of a run's semaphores."""
    return f"/narrate{pid}"


def farm(orders: IO[str], answers: IO[str]) -> None:
    """Carry out orders until their end: ``{"arguments", "environment", "log", "kill", "errors"}``, a line each. An
    answer is the exit code, negative for a signal.
    """
    _warm_up()
    for line in orders:
        child = os.fork()
        if child == 0:
            os.setpgid(0, 0)
            _carry_out(json.loads(line))
        answers.write(f"{os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])}\n")
        answers.flush()


def _warm_up() -> None:
    """Import what a run imports, without starting a thread, and put executors to work inline."""
    from importlib import import_module

    for name in ("cli", "produce", "studio", "mastering", "engines.lmnt", "audio.codec", "audio.container"):
        import_module(f"narrate.{name}")
    for path in sorted((ROOT / "narrate").rglob("*.py")):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        if not name.endswith(("__main__", "kokoro", "espeak_worker")):
            import_module(name)
    for name in ("httpx", "httpcore", "tqdm", "av", "lameenc", "mutagen.mp4", "mutagen.id3", "pyebur128", "soxr"):
        import_module(name)
    from narrate.executors import inline, processes, threads

    processes.Processes = lambda *unused, **also: inline.Inline()  # type: ignore[assignment, misc]
    threads.Threads = lambda *unused, **also: inline.Inline()  # type: ignore[assignment, misc]


def _carry_out(order: dict[str, Any]) -> None:
    from narrate import cli

    code = 70
    try:
        with Path(order["errors"]).open("wb") as errors:
            os.dup2(errors.fileno(), 1)
            os.dup2(errors.fileno(), 2)
        os.environ.update(order["environment"])
        sys.argv = ["narrate", *order["arguments"]]
        if order["kill"]["at"]:
            Crashing(order["log"], Kill(**order["kill"]), os.getpid()).install()
        cli.main()
    except SystemExit as end:
        code = int(end.code or 0)
    finally:
        sys.stderr.flush()
        os._exit(code)


# --- who has it killed --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Ended:
    """A run that is over: its exit code (negative: a signal), what it said, its calls as letters."""

    code: int
    said: str
    calls: str


Runner = Callable[[Sequence[str], dict[str, str], Path, Kill], Ended]
"""Runs ``narrate`` with arguments and more environment, leaving its traces in a folder; killed as told."""


def by_command(arguments: Sequence[str], environment: dict[str, str], traces: Path, kill: Kill) -> Ended:
    """The real command, in a process group of its own."""
    log, errors = traces / "calls", traces / "errors"
    log.write_bytes(b"")
    module = ["tests.crashing", str(log), json.dumps(asdict(kill))] if kill.at else ["narrate"]
    command = [*_strace(kill.inject), sys.executable, "-m", *module, *arguments]
    with errors.open("wb") as said:
        process = subprocess.Popen(
            command, cwd=ROOT, env={**os.environ, **environment}, stdout=said, stderr=said, start_new_session=True
        )
    try:
        code = process.wait(kill.seconds or 120)
    except subprocess.TimeoutExpired:
        (os.killpg if kill.group or not kill.seconds else os.kill)(process.pid, signal.SIGKILL)
        code = process.wait()
        if not kill.seconds:
            code = 124  # it hung: as timeout(1) has it
    _await_group(process.pid)
    for left in Path("/dev/shm").glob(f"sem.{semaphores(process.pid)[1:]}*"):
        left.unlink(missing_ok=True)
    return Ended(code, errors.read_text(), log.read_text())


def _strace(inject: str) -> list[str]:
    """The words in front of a command that is to meet ``inject``."""
    if not inject:
        return []
    return ["strace", "-f", "--seccomp-bpf", "-qqq", "-o", os.devnull, f"-einject={inject}", "-esignal=none"]


def system_calls(campaign: Campaign) -> list[tuple[str, int]]:
    """The system calls of an undisturbed run that concern its own files: their names, and which of its kind each was
    in its thread.
    """
    place = campaign.folder / "newer"
    log = place / "strace"
    shutil.rmtree(place / "out")
    shutil.rmtree(place / "store")
    subprocess.run(
        [
            *("strace", "-f", "-y", "--seccomp-bpf", "-qqq", "-o", str(log), f"-etrace={','.join(SYSTEM_CALLS)}"),
            *("-esignal=none", sys.executable, "-m", "narrate", *campaign.arguments(place)),
        ],
        cwd=ROOT,
        env={**os.environ, **campaign.environment(place)},
        capture_output=True,
        check=True,
    )
    seen: Counter[tuple[str, str]] = Counter()
    found = []
    for line in log.read_text(errors="replace").splitlines():
        thread, _, rest = line.partition(" ")
        name = rest.strip().partition("(")[0]
        if name in SYSTEM_CALLS:
            seen[thread, name] += 1
            if str(place) in rest:
                found.append((name, seen[thread, name]))
    return found


SYSTEM_CALLS = (
    *("write", "pwrite64", "fsync", "fdatasync", "rename", "link", "unlink", "unlinkat", "mkdir", "rmdir", "ftruncate"),
)


def _await_group(group: int, seconds: float = 10.0) -> None:
    """Wait until no process of a group is left: workers end when their parent does."""
    until = time.monotonic() + seconds
    while any(_is_of(each, group) for each in psutil.process_iter()):
        assert time.monotonic() < until, "processes of a run that is over are still there"
        time.sleep(0.02)


def _is_of(process: psutil.Process, group: int) -> bool:
    """Whether a process is of a group and at work; whoever adopts the dead may take a second to bury them."""
    with suppress(psutil.Error, ProcessLookupError):
        return os.getpgid(process.pid) == group and process.status() != psutil.STATUS_ZOMBIE
    return False


@contextmanager
def farmed() -> Iterator[Runner]:
    """A runner that forks: fast, with executors inline, and one process to a run."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.crashing", "--farm"],
        cwd=ROOT,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        orders, answers = process.stdin, process.stdout
        assert answers is not None

        def run(arguments: Sequence[str], environment: dict[str, str], traces: Path, kill: Kill) -> Ended:
            log, errors = traces / "calls", traces / "errors"
            log.write_bytes(b"")
            order = {"arguments": list(arguments), "environment": environment, "log": str(log), "errors": str(errors)}
            orders.write(json.dumps({**order, "kill": asdict(kill)}) + "\n")
            orders.flush()
            return Ended(int(answers.readline()), errors.read_text(), log.read_text())

        yield run
        orders.close()


# --- what must hold -----------------------------------------------------------------------------------------------


@dataclass
class Figures:
    """What a campaign found. All from ``asked_again`` on must be nothing."""

    kills: int = 0
    by_kind: Counter[str] = field(default_factory=Counter)
    missed: int = 0
    runs: int = 0
    requests: int = 0
    minimum: int = 0
    in_flight: int = 0
    found: Counter[str] = field(default_factory=Counter)
    asked_again: int = 0
    differing: int = 0
    failed: list[str] = field(default_factory=list)

    @property
    def sound(self) -> bool:
        """Whether nothing was lost, paid twice or wrong."""
        return not (self.asked_again or self.differing or self.failed)


class Campaign:
    """Kills of runs that make one book, in ``folder``, by ``run``, against ``server``.

    An older edition of the book has been made before, with another text, so that what it published can be in the place
    of what a killed run was to publish.
    """

    def __init__(self, folder: Path, server: SpeechServer, run: Runner, *, chapters: int = 4, paragraphs: int = 6):
        self.folder, self.server, self.run = folder, server, run
        self.figures = Figures()
        self._shape = (chapters, paragraphs)
        self._trials = 0
        self.calls, self.seconds = "", 0.0  # of an undisturbed run; counting calls takes time, so it is not counted
        self.older = self._edition("older", "was", Kill())
        self._before = len(server.spoken)
        self.newer = self._edition("newer", "is", Kill(at=-1))
        manifest = json.loads(next(data for name, data in self.newer.items() if name.endswith("manifest.json")))
        self.keys = {cue["text"]: cue["key"] for cue in manifest["cues"]}
        assert {request.fields["text"] for request in server.spoken[self._before :]} == set(self.keys)

    def _edition(self, name: str, verb: str, kill: Kill) -> dict[str, bytes]:
        """The files of an undisturbed run."""
        place = self.folder / name
        self._prepare(place, verb)
        started = time.monotonic()
        ended = self._narrate(place, kill)
        assert ended.code == 0, ended.said
        self.calls, self.seconds = ended.calls or self.calls, self.seconds or time.monotonic() - started
        return published(place / "out")

    def _prepare(self, place: Path, verb: str) -> None:
        place.mkdir()
        chapters, paragraphs = self._shape
        parts = (
            f"# Part {_NUMBERS[part]}\n\n"
            + "\n\n".join(f"{_NUMBERS[at]} {verb if part % 2 else 'has'} {_NUMBERS[part]}." for at in range(paragraphs))
            for part in range(chapters)
        )
        (place / "book.md").write_text("---\ntitle: Killed\nauthor: Nobody\n---\n\n" + "\n\n".join(parts) + "\n")

    def arguments(self, place: Path) -> list[str]:
        """The command that makes the book in ``place``."""
        formats = ("-f", "mp3", "-f", "m4b", "-f", "chapters")
        where = ("-o", str(place / "out"), "--store", str(place / "store"))
        return ["run", str(place / "book.md"), "--engine", "lmnt", *formats, *where, "--jobs", "4", "--yes"]

    def environment(self, place: Path) -> dict[str, str]:
        """What the command needs besides; the keys are the loopback server's."""
        return {"LMNT_API_KEY": KEY, "LMNT_BASE_URL": self.server.url, "TMPDIR": str(place)}

    def _narrate(self, place: Path, kill: Kill) -> Ended:
        self.figures.runs += 1
        ended = self.run(self.arguments(place), self.environment(place), place, kill)
        self._settle()
        return ended

    def _settle(self) -> None:
        """Wait until the server is done with what a killed run had sent."""
        time.sleep(0.03)
        while self.server.seen.in_flight:
            time.sleep(0.005)

    def trial(self, kills: Sequence[Kill], *, replacing: bool) -> None:
        """Make the book, killed at each of ``kills`` in turn and begun again; ``replacing`` an older edition."""
        place = self.folder / f"trial-{self._trials}"
        self._trials += 1
        self._prepare(place, "is")
        if replacing:
            shutil.copytree(self.folder / "older" / "out", place / "out")
        begun = len(self.server.spoken)
        cut_off = 0
        for kill in kills:
            before, asked = stored(place / "store"), len(self.server.spoken)
            ended = self._narrate(place, kill)
            self._count(kill, ended)
            cut_off += self._check_requests(before, asked, place, done=ended.code == 0)
            self._check_published(place, replacing)
        before, asked = stored(place / "store"), len(self.server.spoken)
        ended = self._narrate(place, Kill())
        where = f"trial {self._trials - 1}, {kills}"
        if ended.code != 0:
            self.figures.failed.append(f"{where}: exit {ended.code}: {ended.said.strip()}")
        self._check_requests(before, asked, place, done=True)
        if published(place / "out") != self.newer:
            self.figures.differing += 1
            self.figures.failed.append(f"{where}: other files than an undisturbed run's")
        self.figures.requests += len(self._since(begun))
        self.figures.minimum += len(self.keys)
        self.figures.in_flight += cut_off
        self._check_store(place, where)
        own = place / "out" / ".narrate"
        hidden = [path for path in (place / "out").rglob(".*") if path != own and own not in path.parents]
        if hidden:
            self.figures.failed.append(f"{where}: {hidden} was left behind")
        shutil.rmtree(place)

    def _since(self, asked: int) -> list[Received]:
        """The requests from the one numbered ``asked`` on; one that was cut short by a kill never was one."""
        return [each for each in self.server.spoken[asked:] if str(len(each.body)) == each.headers["content-length"]]

    def _count(self, kill: Kill, ended: Ended) -> None:
        if ended.code == 0:
            self.figures.missed += 1
            return
        self.figures.kills += 1
        self.figures.by_kind[kill.kind or ended.calls[kill.at - 1 : kill.at]] += 1
        complaint = complaint_about(kill, ended)
        if complaint:
            self.figures.failed.append(f"{kill}: {complaint}: exit {ended.code}: {ended.said.strip()}")

    def _check_requests(self, before: set[str], asked: int, place: Path, *, done: bool) -> int:
        """That nothing stored was asked for, and, once ``done``, all else was, once; how many answers were not kept."""
        requests = [self.keys[request.fields["text"]] for request in self._since(asked)]
        self.figures.asked_again += sum(key in before for key in requests) + len(requests) - len(set(requests))
        if done and set(requests) != set(self.keys.values()) - before:
            self.figures.failed.append(f"{len(requests)} requests, {len(self.keys) - len(before)} were missing")
        return len(set(requests) - stored(place / "store"))

    def _check_published(self, place: Path, replacing: bool) -> None:
        """That each file there is whole: of the older edition, or of the newer."""
        there = published(place / "out")
        for name, data in there.items():
            if data not in (self.older.get(name) if replacing else None, self.newer.get(name)):
                self.figures.failed.append(f"{name}: neither the older nor the newer edition's")
        self.figures.found[self._edition_of(there)] += 1

    def _edition_of(self, there: dict[str, bytes]) -> str:
        if not there:
            return "nothing"
        if there == self.newer:
            return "newer"
        if there == self.older:
            return "older"
        manifest = next((data for name, data in there.items() if name.endswith("manifest.json")), None)
        return f"between, {'older' if manifest is not None else 'no'} manifest"

    def _check_store(self, place: Path, where: str) -> None:
        verified = self.run(["store", "verify", "--store", str(place / "store")], {}, place, Kill())
        if verified.code != 0:
            self.figures.failed.append(f"{where}: store verify: exit {verified.code}: {verified.said.strip()}")
        if (place / "store" / "bad").exists() or stored(place / "store") != set(self.keys.values()):
            self.figures.failed.append(f"{where}: the store holds other segments than an undisturbed run's")


def complaint_about(kill: Kill, ended: Ended) -> str:
    """What is wrong with how a killed run ended, or ""."""
    if any(sign in ended.said for sign in ("Traceback", "Exception", "leaked", "internal error")):
        return "shows what nobody can use"
    if "error=" in kill.inject:
        sentences = [line for line in ended.said.splitlines() if line.startswith("narrate: ")]
        return "" if ended.code in (1, 6, 7, 8) and len(sentences) == 1 else "does not end in good order"
    if kill.number != SIGKILL:
        lines = [line for line in ended.said.splitlines() if line.startswith("narrate: ")]
        return "" if ended.code == 128 + kill.number and len(lines) == 1 else "does not end in good order"
    # a lone worker that is killed must be told of; anything else dies with the signal
    alone = ended.code == 1 and (kill.inject or not kill.group) and "worker process" in ended.said
    return "" if ended.code == -SIGKILL or alone else "did not die"


_NUMBERS = ("Alpha", "Bravo", "Charlie", "Delta", "Echo", "Foxtrot", "Golf", "Hotel", "India", "Juliett")


@contextmanager
def in_memory() -> Iterator[Path]:
    """A folder on no disk, where there is such a thing: what a killed process has written, the system has."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None) as folder:
        yield Path(folder)


def published(out: Path) -> dict[str, bytes]:
    """What lies in an output folder for all to see, and whatever a finished run should not have left there."""
    files = (path for path in out.rglob("*") if path.is_file())
    named = ((path.relative_to(out), path) for path in files)
    return {
        name.as_posix(): path.read_bytes()
        for name, path in named
        if not any(part.startswith(".") for part in name.parts)
    }


def stored(store: Path) -> set[str]:
    """The keys of the segments that are stored."""
    return {path.name for path in (store / "segments").rglob("*") if path.is_file()}


def spread(calls: str, count: int, chance: random.Random) -> list[Kill]:
    """``count`` kills over the calls of a run: every kind of call in turn, each anywhere among its like."""
    places: dict[str, list[int]] = {}
    for number, letter in enumerate(calls, 1):
        places.setdefault(letter, []).append(number)
    kinds = sorted(places)
    return [Kill(chance.choice(places[kinds[turn % len(kinds)]]), after=chance.random() < 0.5) for turn in range(count)]


if __name__ == "__main__":
    farm(sys.stdin, sys.stdout) if sys.argv[1:] == ["--farm"] else main(sys.argv[1:])
elif __name__ == "__mp_main__" and _ORDER in os.environ:
    _obey(os.environ[_ORDER])
