"""Of all that want a key one has it, over threads and processes; who dies lets go (P3)."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from narrate import claims
from narrate.claims import claimed, claimed_if_free
from tests.holders import holding
from tests.speech_server import KEY, SpeechServer

BOOK = "\n\n".join(
    f"# Chapter {part}\n\nParagraph {part} says little.\n\nAnd then no more of {part}." for part in range(4)
)


@pytest.fixture
def holder(tmp_path: Path):
    with holding("from narrate.claims import claimed", 'claimed(Path(sys.argv[1]), "ab")', str(tmp_path)) as process:
        yield process


def test_threads_take_turns(tmp_path: Path) -> None:
    inside, most = [], []

    def work() -> None:
        for _ in range(20):
            with claimed(tmp_path, "ab"):
                inside.append(1)
                most.append(len(inside))
                inside.pop()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(most) == 160
    assert max(most) == 1


def test_different_keys_do_not_wait(tmp_path: Path) -> None:
    with claimed(tmp_path, "ab"), claimed(tmp_path, "cd"), claimed(tmp_path / ".", "ef"):
        pass


def test_a_folder_known_by_two_paths_is_one(tmp_path: Path) -> None:
    other = tmp_path.parent / f"{tmp_path.name} link"
    other.symlink_to(tmp_path)
    with claimed(tmp_path, "ab"), claimed_if_free(other, "ab") as free:
        assert not free
    with claimed_if_free(other, "ab") as free:
        assert free


def test_another_process_is_waited_for_and_its_death_frees(tmp_path: Path, holder: subprocess.Popen[str]) -> None:
    pauses: list[float] = []

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 12:
            holder.send_signal(signal.SIGKILL)
            holder.wait()

    with claimed_if_free(tmp_path, "ab") as free:
        assert not free
    with claimed(tmp_path, "cd"):
        pass
    with claimed(tmp_path, "ab", sleep):
        pass
    assert pauses == sorted(pauses)
    assert pauses[0] == 0.02
    assert pauses[-1] == 0.5
    assert len(pauses) == 12


def test_other_descriptors_of_the_store_are_not_kept(tmp_path: Path) -> None:
    for number in range(20):
        (tmp_path / str(number)).mkdir()
        with claimed(tmp_path / str(number), "ab"):
            pass
    assert len(claims._known) <= 2


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_a_forked_process_holds_nothing_and_frees_nothing(tmp_path: Path) -> None:
    with claimed(tmp_path, "ab"):
        child = os.fork()
        if not child:
            with claimed_if_free(tmp_path, "ab") as taken, claimed_if_free(tmp_path, "cd") as free:
                os._exit(0 if free and not taken else 1)
        assert os.waitpid(child, 0)[1] == 0
        done = subprocess.run([sys.executable, "-c", TRY, str(tmp_path)], capture_output=True, text=True, check=True)
        assert done.stdout == "False\n"


TRY = """
import sys
from pathlib import Path
from narrate.claims import claimed_if_free
from tests.holders import holding
with claimed_if_free(Path(sys.argv[1]), "ab") as free:
    print(free)
"""


@pytest.mark.parametrize("obstacle", ["folder", "no locks"])
def test_where_the_system_has_no_locks_the_process_keeps_order_alone(
    tmp_path: Path, obstacle: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if obstacle == "folder":
        (tmp_path / "locks").mkdir()
    else:
        monkeypatch.setattr(claims, "fcntl", None)
    with claimed(tmp_path, "ab"):
        with claimed_if_free(tmp_path, "ab") as free:
            assert not free
        with claimed_if_free(tmp_path, "cd") as free:
            assert free


def test_a_claim_costs_little(tmp_path: Path) -> None:
    start = time.perf_counter()
    for _ in range(200):
        with claimed(tmp_path, "ab"):
            pass
    assert (time.perf_counter() - start) / 200 < 0.001, "a tenth of this where the machine is not busy"


def command(folder: Path, output: str) -> list[str]:
    run = [sys.executable, "-m", "narrate", "run", str(folder / "book.md"), "--engine", "lmnt", "--yes"]
    return [*run, "-o", str(folder / output), "--store", str(folder / "store"), "--jobs", "4"]


def made(folder: Path, output: str) -> dict[str, bytes]:
    files = (path for path in (folder / output).rglob("*") if path.is_file() and ".narrate" not in path.parts)
    return {str(path.relative_to(folder / output)): path.read_bytes() for path in files}


def asked(server: SpeechServer) -> dict[bytes, int]:
    return {body: count for body, count in server.counts.copy().items() if body}


@pytest.mark.parametrize("killed", [False, True])
def test_two_runs_that_want_the_same_ask_once(tmp_path: Path, killed: bool) -> None:
    """Whoever waits for a run that is killed while it asks takes over."""
    (tmp_path / "book.md").write_text(BOOK, encoding="utf-8")
    with SpeechServer(latency=(0.8, 1.0) if killed else (0.05, 0.2)) as server:
        environment = {**os.environ, "LMNT_BASE_URL": server.url, "LMNT_API_KEY": KEY}
        runs = [
            subprocess.Popen(command(tmp_path, name), env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            for name in ("one", "two")
        ]
        if killed:
            while sum(asked(server).values()) < 2:
                time.sleep(0.01)
            runs[0].kill()
        told = [run.communicate(timeout=60)[0].decode() for run in runs]
        counts = asked(server)
    assert runs[1].returncode == 0, told[1]
    assert len(counts) == 12
    if killed:
        assert sum(counts.values()) <= 12 + 4, "no more than what was in flight is asked for again"
    else:
        assert runs[0].returncode == 0, told[0]
        assert set(counts.values()) == {1}
        assert made(tmp_path, "one") == made(tmp_path, "two")
