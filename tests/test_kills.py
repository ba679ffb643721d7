"""A killed run loses nothing (P3, P7, P12): killed with SIGKILL again and again, the book comes out the same.

The engine is a real Speech API server on loopback. Its answers depend on the text alone, so an undisturbed run's files
are the yardstick, byte for byte.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.speech_server import KEY, SpeechServer

BOOK = "\n\n".join(
    f"# Chapter {part}\n\n" + "\n\n".join(f"Paragraph {number} of chapter {part} says little." for number in range(12))
    for part in range(1, 5)
)


def command(folder: Path, *more: str) -> list[str]:
    return [
        *(
            sys.executable,
            "-m",
            "narrate",
            "run",
            str(folder / "book.md"),
            "--engine",
            "lmnt",
            "-f",
            "mp3",
            "-f",
            "m4b",
        ),
        *("-o", str(folder / "out"), "--store", str(folder / "store"), "--jobs", "4", *more),
    ]


def finished(folder: Path) -> dict[str, bytes]:
    out = folder / "out"
    hidden = (path for path in out.rglob("*") if path.is_file())
    return {str(path.relative_to(out)): path.read_bytes() for path in hidden if ".narrate" not in path.parts}


def stored(folder: Path) -> set[str]:
    return {path.name for path in (folder / "store" / "segments").rglob("*") if path.is_file()}


@pytest.fixture
def speech_server():
    with SpeechServer(latency=(0.01, 0.05)) as server:
        yield server


def environment(server: SpeechServer) -> dict[str, str]:
    return {**os.environ, "LMNT_API_KEY": KEY, "LMNT_BASE_URL": server.url}


def make(folder: Path, server: SpeechServer) -> subprocess.CompletedProcess[str]:
    folder.mkdir(exist_ok=True)
    (folder / "book.md").write_text(BOOK)
    return subprocess.run(command(folder), env=environment(server), capture_output=True, text=True, timeout=120)


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL is POSIX")
def test_killed_and_run_again_until_done(tmp_path: Path, speech_server: SpeechServer) -> None:
    undisturbed = make(tmp_path / "undisturbed", speech_server)
    assert undisturbed.returncode == 0, undisturbed.stderr

    undisturbed_requests = len(speech_server.spoken)
    folder = tmp_path / "killed"
    folder.mkdir()
    (folder / "book.md").write_text(BOOK)
    chance = random.Random(7)
    kills = 0
    for attempt in range(40):
        before, asked = stored(folder) if attempt else set(), len(speech_server.spoken)
        process = subprocess.Popen(
            command(folder),
            env=environment(speech_server),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            # the first kills come soon, later ones give the run time to get further each time
            _, errors = process.communicate(timeout=chance.uniform(0.3, 1.2) + 0.15 * attempt)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.communicate()
            kills += 1
            continue
        assert process.returncode == 0, errors
        # the last run asked exactly for what was not stored when it began
        assert len(speech_server.spoken) - asked == len(stored(folder)) - len(before)
        break
    assert kills >= 3
    assert finished(folder) == finished(tmp_path / "undisturbed")
    # a kill costs at most the requests in flight
    assert len(speech_server.spoken) - undisturbed_requests <= len(stored(folder)) + 4 * kills


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_p12_stops_cleanly_and_goes_on(
    tmp_path: Path, speech_server: SpeechServer, number: signal.Signals, code: int
) -> None:
    (tmp_path / "book.md").write_text(BOOK)
    process = subprocess.Popen(
        command(tmp_path), env=environment(speech_server), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    while len(speech_server.spoken) < 10:
        time.sleep(0.02)
        assert process.poll() is None
    started = time.monotonic()
    process.send_signal(number)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == code
    assert time.monotonic() - started < 10
    assert "run again" in errors
    assert "Traceback" not in errors
    assert finished(tmp_path) == {}
    kept = stored(tmp_path)
    assert kept
    asked = len(speech_server.spoken)
    assert make(tmp_path, speech_server).returncode == 0
    assert len(speech_server.spoken) - asked == len(stored(tmp_path)) - len(kept)


def test_two_runs_of_one_book_at_once(tmp_path: Path, speech_server: SpeechServer) -> None:
    (tmp_path / "book.md").write_text(BOOK)
    first = subprocess.Popen(command(tmp_path), env=environment(speech_server), stderr=subprocess.PIPE, text=True)
    while len(speech_server.spoken) < 1:
        time.sleep(0.02)
        assert first.poll() is None
    second = subprocess.run(command(tmp_path), env=environment(speech_server), capture_output=True, text=True)
    assert second.returncode == 75
    assert "another run is making this book" in second.stderr
    first.communicate(timeout=60)
    assert first.returncode == 0
