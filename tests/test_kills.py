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

from tests.crashing import Campaign, Kill, by_command, farmed, in_memory, spread
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
def test_killed_at_any_file_system_call_and_run_again() -> None:
    chance = random.Random(4)
    with SpeechServer() as server, farmed() as run, in_memory() as folder:
        campaign = Campaign(folder, server, run, chapters=2, paragraphs=2)
        for turn, kill in enumerate(spread(campaign.calls, 16, chance)):
            again = spread(campaign.calls, 1, chance) if turn % 4 == 0 else []
            campaign.trial([kill, *again], replacing=turn % 2 == 1)
    assert campaign.figures.sound, campaign.figures
    assert campaign.figures.kills >= 8  # some come too late
    assert len(campaign.figures.by_kind) >= 4, "many kinds of calls are killed at"


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL is POSIX")
def test_the_command_with_its_processes_killed_and_run_again(tmp_path: Path) -> None:
    with SpeechServer(latency=(0.0, 0.02)) as server:
        campaign = Campaign(tmp_path, server, by_command, chapters=2, paragraphs=3)
        calls = len(campaign.calls)
        campaign.trial([Kill(calls // 3), Kill(seconds=campaign.seconds / 2)], replacing=False)
        campaign.trial([Kill(2 * calls // 3, after=True, group=False)], replacing=True)
    assert campaign.figures.sound, campaign.figures
    assert campaign.figures.kills >= 2


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_p12_stops_cleanly_and_goes_on(tmp_path: Path, speech_server: SpeechServer) -> None:
    (tmp_path / "book.md").write_text(BOOK)
    process = subprocess.Popen(
        command(tmp_path), env=environment(speech_server), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    while len(speech_server.spoken) < 10:
        time.sleep(0.02)
        assert process.poll() is None
    started = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 130
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
