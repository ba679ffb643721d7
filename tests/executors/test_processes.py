"""What processes promise beyond the family's suite: a worker that dies is told of, and none outlives its parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from multiprocessing.process import BaseProcess
from pathlib import Path

import psutil
import pytest

from narrate.errors import NarrateError
from narrate.executors.processes import Processes

pytestmark = pytest.mark.skipif(os.name == "nt", reason="POSIX signals")


def die_at_three(item: int) -> int:
    if item == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return item


def test_a_worker_whose_number_is_none_does_not_hide_why_it_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    kill = BaseProcess.kill

    def overflowing(process: BaseProcess) -> None:
        kill(process)
        raise OverflowError("signed integer is greater than maximum")

    monkeypatch.setattr(BaseProcess, "kill", overflowing)
    with pytest.raises(NarrateError, match="a worker process ended unexpectedly"):
        list(Processes(2).map(die_at_three, range(5)))


def test_a_worker_that_is_killed_is_one_sentence() -> None:
    with pytest.raises(NarrateError, match="a worker process ended unexpectedly"):
        list(Processes(2).map(die_at_three, range(8)))


def test_an_early_stop_leaves_no_worker() -> None:
    results = Processes(2).map(os.getpgid, [0] * 50)
    next(results)
    results.close()
    workers = [each for child in psutil.Process().children() for each in child.children()]
    assert not psutil.wait_procs(workers, timeout=5)[1]


def test_a_long_folder_for_temporary_files_is_no_obstacle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A socket's path has room for a hundred bytes only."""
    long = tmp_path / ("long" * 30)
    long.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(long))
    assert sorted(Processes(2).map(abs, [-1, -2])) == [1, 2]


def who(item: int) -> int:
    return os.getpid()


def test_workers_that_hang_when_all_is_done_hold_nobody_back() -> None:
    results = Processes(2).map(who, range(4))
    for worker in {next(results) for _ in range(4)}:
        os.kill(worker, signal.SIGSTOP)
    last = threading.Thread(target=list, args=(results,), daemon=True)
    last.start()
    last.join(10)
    assert not last.is_alive()


PARENT = """
import os, time
from narrate.executors.processes import Processes
from tests.executors.test_processes import pid_then_sleep
if __name__ == "__main__":
    for pid in Processes(2).map(pid_then_sleep, [0, 60]):
        print(pid, flush=True)
"""


def pid_then_sleep(seconds: int) -> int:
    time.sleep(seconds)
    return os.getpid()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_workers_end_with_a_parent_that_could_not_tell_them(number: signal.Signals) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", PARENT], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    process.stdout.readline()
    family = psutil.Process(process.pid).children(recursive=True)
    assert len(family) >= 3, "a tracker, a fork server, workers"
    process.send_signal(number)
    _, said = process.communicate(timeout=10)
    assert not psutil.wait_procs(family, timeout=5)[1]
    assert said == "", "not even of leaked semaphores"
