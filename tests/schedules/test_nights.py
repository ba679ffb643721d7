"""A real cron daemon starts a shelf every minute, for three minutes, while a run takes longer than one.

Twice: with a clock that goes twenty times as fast, and in real minutes (``pytest -m minutes``, which CI runs beside the
other tests).
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from narrate.cli import narrate
from tests.library.shelves import book, shelf_file
from tests.schedules.cron_daemon import cron
from tests.speech_server import KEY, SpeechServer

CHUNKS = 10


@pytest.mark.parametrize("speed", [20, pytest.param(1, marks=pytest.mark.minutes)])
def test_three_minutes_without_overlap(tmp_path: Path, speed: int) -> None:
    minute = 60 / speed
    for name in ("a", "b"):
        book(tmp_path / "books" / f"{name}.md", name.upper(), paragraphs=CHUNKS // 2 - 1)
    shelf = shelf_file(tmp_path, "at_once = 1\njobs = 1", engine="lmnt")
    (tmp_path / "key").write_text(KEY)
    with SpeechServer(latency=(1.3 * minute / CHUNKS,) * 2) as server:
        install(tmp_path, shelf, server.url)
        with cron(tmp_path, speed):
            began = time.monotonic()
            while time.monotonic() - began < 8 * minute + 30 and not enough(tmp_path):
                time.sleep(0.05)
    codes = lines(tmp_path / "codes")
    said = (tmp_path / "errors").read_text()
    assert enough(tmp_path), (said, codes, lines(tmp_path / "said"))
    assert set(codes) == {"0", "75"}, "who came while a run was at work went away again"
    assert any("another run is working on this shelf" in line for line in lines(tmp_path / "said"))
    assert lines(tmp_path / "told").count("shelf: 2 made") == 1, "one mail for one run, and none for nothing"
    at_work = 0
    for event in events(tmp_path):
        at_work += {"shelf_started": 1, "shelf_done": -1}.get(event, 0)
        assert at_work in (0, 1), "two runs at the same time"
    bodies = {body: count for body, count in server.counts.items() if body}
    # the books' only heading is the same
    assert (len(bodies), max(bodies.values())) == (CHUNKS - 1, 1), "nothing is asked for twice"


def install(folder: Path, shelf: Path, url: str) -> None:
    """The printed line as a crontab, of a narrate that notes how it ended."""
    program = folder / "narrate"
    call = f'"{sys.executable}" -m narrate "$@" >> "{folder}/told" 2>> "{folder}/said"'
    program.write_text(f'#!/bin/sh\n{call}\necho $? >> "{folder}/codes"\n')
    program.chmod(0o755)
    variables = [f"LMNT_BASE_URL={url}", f"LMNT_API_KEY_FILE={folder / 'key'}"]
    done = CliRunner().invoke(
        narrate,
        [
            *("schedule", "print", str(shelf), "--cron", "--every", "1m", "--narrate", str(program)),
            *("--log-json", str(folder / "log.jsonl")),
            *(word for variable in variables for word in ("--env", variable)),
        ],
        catch_exceptions=False,
    )
    assert done.exit_code == 0, done.output
    (folder / "crontab").write_text(f"HOME={folder}\n{done.stdout}")


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def events(folder: Path) -> list[str]:
    return [json.loads(line)["event"] for line in lines(folder / "log.jsonl")]


def enough(folder: Path) -> bool:
    """Three starts at least: a whole run, one that was turned away, and one that found nothing to do."""
    codes = lines(folder / "codes")
    return len(codes) >= 3 and "75" in codes and "nothing_due" in events(folder)
