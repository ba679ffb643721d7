"""P10 at the command line: no book ends in a traceback, a hang, 500 MiB, a connection, or a write outside."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.hostile import containers, manuscripts, packages, pages, places, texts
from tests.hostile.cases import CASES, SECRET, Case, Place

# each of these registers its cases
assert all((containers, pages, packages, manuscripts, texts, places))

ROOT = Path(__file__).parent.parent.parent
# What a terminal obeys: controls but for the line's end, and what turns the direction of what follows.
_DRIVES = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_LINES = 60
_SENTENCE = 1_500  # characters of a line on standard error


@dataclass(frozen=True)
class Done:
    code: int
    seconds: float
    peak: int
    stdout: str
    stderr: str


class Desk:
    """The process that runs the command line."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.hostile.desk"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, folder: Path, *arguments: str) -> Done:
        assert self._process.stdin
        assert self._process.stdout
        out, err = folder.parent / "out", folder.parent / "err"
        request = {
            "folder": str(folder),
            "arguments": arguments,
            "stdout": str(out),
            "stderr": str(err),
            "environment": {
                "XDG_CACHE_HOME": str(folder.parent / "cache"),
                "PYTHONIOENCODING": "utf-8:surrogateescape",
            },
        }
        print(json.dumps(request), file=self._process.stdin, flush=True)
        answer = json.loads(self._process.stdout.readline())
        texts = [path.read_bytes().decode("utf-8", "replace") for path in (out, err)]
        return Done(answer["code"], answer["seconds"], answer["peak"], *texts)

    def close(self) -> None:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        self._process.wait(10)
        self._process.stdout.close()


@pytest.fixture(scope="module")
def desk() -> Iterator[Desk]:
    made = Desk()
    yield made
    made.close()


@pytest.fixture(scope="module")
def calls() -> Iterator[tuple[int, list[str]]]:
    """A server nobody should call: its port, and who did."""
    heard: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

        def listen() -> None:
            while True:
                connection, address = server.accept()
                with connection:
                    if address[1] == closing[0]:
                        return
                    heard.append(str(address))

        closing = [0]
        thread = threading.Thread(target=listen)
        thread.start()
        yield port, heard
        with socket.socket() as last:
            last.bind(("127.0.0.1", 0))
            closing[0] = last.getsockname()[1]
            last.connect(("127.0.0.1", port))
            thread.join()


def tree(folder: Path) -> dict[str, tuple[int, int]]:
    """Every entry below ``folder`` with its size and time."""
    found = {}
    for here, folders, files in os.walk(folder):
        for name in (*folders, *files):
            status = os.lstat(os.path.join(here, name))  # noqa: PTH118 - names that no Path would keep
            found[os.path.join(here, name)] = status.st_size, status.st_mtime_ns  # noqa: PTH118
    return found


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_hostile(case: Case, desk: Desk, calls: tuple[int, list[str]], tmp_path: Path) -> None:
    port, heard = calls
    folder = tmp_path / "desk"
    folder.mkdir()
    secret = tmp_path / "secret.md"
    secret.write_text(f"{SECRET}\n")
    source = case.build(Place(folder, secret, port))
    before = tree(folder)
    done = desk.run(folder, "plan", source)

    assert done.code in ((0, 4) if case.code is None else (case.code,)), done.stderr[-2_000:]
    assert "Traceback" not in done.stderr
    assert "internal error" not in done.stderr
    assert len(done.stderr.splitlines()) <= _LINES
    assert all(len(line) <= _SENTENCE for line in done.stderr.splitlines()), done.stderr[:3_000]
    if done.code == 4:
        assert done.stderr.strip().splitlines()[-1].startswith("narrate: ")
    assert done.seconds <= case.seconds
    for said in (done.stdout, done.stderr):
        driving = _DRIVES.search(said)
        assert not driving, repr(said[max(0, driving.start() - 60) : driving.end() + 60])
        assert SECRET not in said
    assert tree(folder) == before
    assert not (tmp_path / "cache").exists() or not list((tmp_path / "cache").rglob("*.*"))
    assert not heard, "the network was used"


def test_the_bound_on_memory_is_kept(tmp_path: Path, desk: Desk) -> None:
    """The desk's bound bites: a book within the bounds of a job that allows far more is stopped by it."""
    (tmp_path / "desk").mkdir()
    (tmp_path / "desk" / "book.txt").write_bytes(b"word " * (30 << 20))
    (tmp_path / "desk" / "job.toml").write_text('source = "book.txt"\n[bounds]\nfile = 999999999\n')
    done = desk.run(tmp_path / "desk", "plan", "job.toml")
    assert done.code != 0
    assert done.peak < 1 << 30
