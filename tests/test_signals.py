"""Interrupted runs (P12): one sentence, the right exit code, everything stored kept, no process left behind."""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from narrate import stopping as ends
from tests.crashing import Campaign, farmed, in_memory, published, spread, stored
from tests.speech_server import HANG, KEY, SpeechServer

pytestmark = pytest.mark.skipif(os.name == "nt", reason="POSIX signals")


def book(folder: Path, chapters: int, paragraphs: int) -> Path:
    path = folder / "book.md"
    parts = (
        f"# Part {part}\n\n" + "\n\n".join(f"Paragraph {number} of part {part}." for number in range(paragraphs))
        for part in range(chapters)
    )
    path.write_text("\n\n".join(parts) + "\n")
    return path


def start(folder: Path, *more: str, **environment: str) -> subprocess.Popen[str]:
    where = ("-o", str(folder / "out"), "--store", str(folder / "store"))
    return subprocess.Popen(
        [sys.executable, "-m", "narrate", "run", str(folder / "book.md"), *where, *more],
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def finish(process: subprocess.Popen[str]) -> tuple[int, str]:
    _, said = process.communicate(timeout=60)
    return process.returncode, said


def until(true: Callable[[], bool], process: subprocess.Popen[str], seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < end
        time.sleep(0.01)


def family(process: subprocess.Popen[str]) -> list[psutil.Process]:
    return psutil.Process(process.pid).children(recursive=True)


@pytest.fixture
def hanging() -> Iterator[SpeechServer]:
    """A server that answers for the first part of the book, and then holds every request."""
    first = re.compile("part 0|Part")
    with SpeechServer(plan=lambda request, seen: None if first.search(request.fields["text"]) else HANG) as server:
        yield server


def start_hanging(folder: Path, server: SpeechServer) -> tuple[subprocess.Popen[str], set[str], list[psutil.Process]]:
    """A run with two hundred requests in flight and worker processes; what it has stored; its child processes."""
    book(folder, 16, 15)
    process = start(folder, "--engine", "lmnt", "--jobs", "300", LMNT_API_KEY=KEY, LMNT_BASE_URL=server.url)
    until(lambda: server.seen.in_flight >= 200 and any((folder / "store" / "blobs").glob("*/*")), process)
    return process, stored(folder / "store"), family(process)


def test_p12_terminated_with_hundreds_of_requests_in_flight(tmp_path: Path, hanging: SpeechServer) -> None:
    process, kept, children = start_hanging(tmp_path, hanging)
    started = time.monotonic()
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 143
    assert time.monotonic() - started < 12
    assert said.splitlines()[-1] == "narrate: terminated; everything spoken so far is stored, run again to go on"
    assert "on their way" in said
    assert "Traceback" not in said
    assert len(kept) >= 15
    assert stored(tmp_path / "store") >= kept
    assert not psutil.wait_procs(children, timeout=5)[1]


def test_p12_a_second_ctrl_c_ends_at_once(tmp_path: Path, hanging: SpeechServer) -> None:
    process, kept, children = start_hanging(tmp_path, hanging)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does it: to all of them
    time.sleep(2 * ends._ECHO)
    assert process.poll() is None
    started = time.monotonic()
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert time.monotonic() - started < 3
    assert process.returncode == 130
    assert said.splitlines()[-1] == "narrate: interrupted; everything spoken so far is stored, run again to go on"
    assert not re.search("Traceback|Exception|leaked", said)
    assert stored(tmp_path / "store") >= kept
    assert not psutil.wait_procs(children, timeout=5)[1]


def test_interrupted_at_any_call_and_run_again() -> None:
    """Reading, planning, speaking, mastering, publishing: each of them is full of file-system calls."""
    chance = random.Random(12)
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    with SpeechServer() as server, farmed() as run, in_memory() as folder:
        campaign = Campaign(folder, server, run, chapters=2, paragraphs=2)
        for turn, kill in enumerate(spread(campaign.calls, 9, chance)):
            campaign.trial([replace(kill, number=int(numbers[turn % 3]))], replacing=turn % 2 == 1)
    assert campaign.figures.sound, campaign.figures
    assert campaign.figures.kills >= 3  # some come too late


def test_interrupted_while_it_is_still_being_imported() -> None:
    code = (
        "import os, signal, sys\n"
        "class Interrupting:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'narrate.cli': os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, Interrupting())\n"
        "from narrate.__main__ import main\n"
        "main()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    # a shell tells of this as 130
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, "", "")


def test_interrupted_at_the_question_whether_to_pay(tmp_path: Path) -> None:
    pty = pytest.importorskip("pty")
    book(tmp_path, 1, 2)
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "narrate", "run", str(tmp_path / "book.md"), "--engine", "lmnt", "--price", "1e6"]
    process = subprocess.Popen(
        [*command, "--store", str(tmp_path / "store"), "-o", str(tmp_path / "out")],
        env={**os.environ, "LMNT_API_KEY": KEY, "LMNT_BASE_URL": "http://127.0.0.1:9"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    said = b""
    while b"go on?" not in said:
        said += os.read(ours, 4096)
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 130
    said = os.read(ours, 4096)
    assert b"narrate: interrupted" in said
    assert b"Traceback" not in said
    os.close(ours)


def test_a_worker_that_is_killed_is_one_sentence_and_the_next_run_is_right(tmp_path: Path) -> None:
    undisturbed, disturbed = tmp_path / "undisturbed", tmp_path / "disturbed"
    undisturbed.mkdir()
    disturbed.mkdir()
    book(undisturbed, 16, 20)
    assert finish(start(undisturbed, "--engine", "tone", "--quiet")) == (0, "")
    book(disturbed, 16, 20)
    process = start(disturbed, "--engine", "tone", "--quiet")
    workers: list[psutil.Process] = []
    until(lambda: bool(workers.extend(_workers(process)) or workers), process)
    workers[0].kill()
    code, said = finish(process)
    assert code == 1
    assert said.splitlines()[-1].startswith("narrate: a worker process ended unexpectedly")
    assert "Traceback" not in said
    assert published(disturbed / "out") == {}
    assert finish(start(disturbed, "--engine", "tone", "--quiet")) == (0, "")
    assert published(disturbed / "out") == published(undisturbed / "out")


def _workers(process: subprocess.Popen[str]) -> list[psutil.Process]:
    """The fork server's children."""
    return [each for child in psutil.Process(process.pid).children() for each in child.children()]


# --- the listener itself ------------------------------------------------------------------------------------------


@pytest.fixture
def handlers() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in ends.ENDED}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("handlers")
def test_a_signal_that_was_turned_off_stays_off() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    stopping = ends.Stopping()
    stopping.listen()
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    assert signal.getsignal(signal.SIGTERM) == stopping._end
    stopping.over()
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


@pytest.mark.usefixtures("handlers")
def test_one_ctrl_c_that_comes_twice_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever started us passes on what the terminal has sent to all already."""
    ended: list[signal.Signals] = []
    now = [100.0]
    monkeypatch.setattr(ends, "_end_at_once", lambda number, tell: ended.append(number))
    monkeypatch.setattr(ends.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(threading.Thread, "start", lambda self: None)
    stopping = ends.Stopping()
    with pytest.raises(ends.Stopped):
        stopping._end(signal.SIGINT, None)
    now[0] += 0.01
    stopping._end(signal.SIGINT, None)
    assert not ended
    now[0] += 1
    stopping._end(signal.SIGTERM, None)
    assert ended == [signal.SIGTERM]


def test_an_end_that_hangs_is_cut_short() -> None:
    """Say an interrupt was swallowed by somebody's callback: the run ends all the same."""
    code = (
        "import os, signal, time\n"
        "from narrate import stopping as ends\n"
        "ends._NOTICE, ends._PATIENCE = 0.1, 0.2\n"
        "ends.Stopping().listen()\n"
        "try:\n"
        "    os.kill(os.getpid(), signal.SIGTERM); time.sleep(5)\n"
        "except ends.Stopped:\n"
        "    time.sleep(20)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=15)
    assert done.returncode == 143
    assert done.stderr.splitlines()[-1] == "narrate: terminated; everything spoken so far is stored, run again to go on"
