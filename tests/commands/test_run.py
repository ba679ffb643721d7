"""`narrate run`, `plan` and `check` as a user types them."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from pathlib import Path
from urllib.parse import unquote, urlsplit

import psutil
import pytest
from click.testing import CliRunner, Result

from narrate.cli import narrate
from narrate.errors import SourceError
from tests.speech_server import KEY, SpeechServer

BOOK = "# One\n\nA first paragraph.\n\nA second.[^1]\n\n[^1]: A note.\n\n# Two\n\nThe end.\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "book.md").write_text(BOOK, encoding="utf-8")
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(narrate, [*arguments, "--store", "store"], catch_exceptions=False)


def test_a_run_ends_with_a_summary(folder: Path) -> None:
    done = run("run", "book.md", "--engine", "tone", "-f", "mp3", "-f", "m4b")
    assert done.exit_code == 0
    for words in ("book", "2 chapters", "Book.mp3", "Book.m4b", "spoken:", "from the store: 0", "not spoken", "note"):
        assert words.lower() in done.stdout.lower(), words
    assert "price nothing" in done.stderr
    again = run("run", "book.md", "--engine", "tone")
    assert "spoken: 0 characters in 0 chunks" in again.stdout


def test_quiet_leaves_only_errors(folder: Path) -> None:
    done = run("run", "book.md", "--engine", "tone", "--quiet")
    assert (done.stdout, done.stderr) == ("", "")


def test_events_are_logged_without_texts_or_keys(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with SpeechServer() as server:
        monkeypatch.setenv("LMNT_API_KEY", KEY)
        monkeypatch.setenv("LMNT_BASE_URL", server.url)
        done = run("run", "book.md", "--engine", "lmnt", "--log-json", "log/events.jsonl")
    assert done.exit_code == 0, done.stderr
    events = [json.loads(line) for line in (folder / "log" / "events.jsonl").read_text().splitlines()]
    assert events[0]["event"] == "started"
    assert events[-1]["event"] == "done"
    assert sum(event["event"] == "spoken" for event in events) == 5
    for path in folder.rglob("*"):
        if path.is_file():
            assert KEY.encode() not in path.read_bytes(), path


@pytest.mark.parametrize("title", ["Moby-Dick", "50% off? #1 & more 🎉", "learning.xml"])
@pytest.mark.parametrize("part", [[], ["--chapters", "2"]])
def test_a_feed_leads_to_where_its_files_are(folder: Path, title: str, part: list[str]) -> None:
    url = "https://books.example/{folder}"
    done = run("run", "book.md", "--engine", "tone", "-f", "feed", "--feed-url", url, "--meta", f"title={title}", *part)
    assert done.exit_code == 0, done.stderr
    (feed,) = folder.rglob("feed.xml")
    addresses = [one.get("url") or one.get("href") or "" for one in ET.parse(feed).getroot().iter() if one.attrib]
    found = [urlsplit(address) for address in addresses if address]
    assert len(found) == (2 if part else 3), "the feed itself and its chapters"
    for address in found:
        assert (address.netloc, address.query, address.fragment) == ("books.example", "", "")
        assert (folder / "output" / unquote(address.path).lstrip("/")).is_file(), address


def test_hooks_are_told_that_a_source_is_gone(folder: Path) -> None:
    tell = [sys.executable, "-c", "import sys; open('told.json', 'wb').write(sys.stdin.buffer.read())"]
    (folder / "job.toml").write_text(f'source = "gone/*.epub"\n[[hooks]]\ncommand = {json.dumps(tell)}\n')
    done = CliRunner().invoke(narrate, ["run", "job.toml", "--store", "store"])
    assert isinstance(done.exception, SourceError)
    told = json.loads((folder / "told.json").read_text())
    assert (told["type"], told["data"]["error"]) == ("failed", str(done.exception))


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_an_interrupted_run_leaves_no_hook_behind(folder: Path) -> None:
    wait = [sys.executable, "-c", "import os, time; open('pid', 'w').write(f'{os.getpid()}\\n'); time.sleep(60)"]
    (folder / "job.toml").write_text(
        f'source = "book.md"\nengine = "tone"\nstore = "store"\n[[hooks]]\ncommand = {json.dumps(wait)}\non = "done"\n'
    )
    with subprocess.Popen(
        [sys.executable, "-m", "narrate", "run", "job.toml", "--quiet"], stderr=subprocess.PIPE
    ) as going:
        ends = time.monotonic() + 30
        while not (folder / "pid").exists() or not (folder / "pid").read_text().endswith("\n"):
            assert time.monotonic() < ends
            time.sleep(0.02)
        going.send_signal(signal.SIGINT)
        going.communicate(timeout=20)
    assert going.returncode == 130
    with contextlib.suppress(psutil.NoSuchProcess):  # dead, and perhaps nobody has looked yet
        assert psutil.Process(int((folder / "pid").read_text())).status() == psutil.STATUS_ZOMBIE


def test_a_limit_holds_for_all_sources_together(folder: Path) -> None:
    (folder / "one.md").write_text("# One\n\nGood morning.\n")
    (folder / "two.md").write_text("# Two\n\nGood evening.\n")
    priced = ("--engine", "tone", "--price", "1e6", "--yes")  # a unit of money for each character
    done = run("run", "one.md", "two.md", *priced, "--max-cost", "20")
    assert done.exit_code == 6
    assert "--max-cost 20, of which 4 are left, is enough for about 25% of this" in done.stderr
    assert re.search(r"the limit of 20.00 USD is reached: 1[69].00 are spent at the most", done.stderr)
    report = json.loads(run("ledger", "--json").stdout)
    assert report["total"]["billed_characters"] in (16, 19)  # whichever chunk of the second came first
    # a job's own limit is that job's
    for name in ("one", "two"):
        (folder / f"{name}.toml").write_text(f'source = "{name}.md"\nvoice = "high"\nmax_cost = 20.0\n')
    assert run("run", "one.toml", "two.toml", *priced).exit_code == 0


def test_names_that_are_no_unicode_are_logged(folder: Path) -> None:
    name = os.fsdecode(b"b\xffok.md")
    Path(name).write_text(BOOK)
    done = run("run", name, "--engine", "tone", "--log-json", "log")
    assert done.exit_code == 0, done.stderr
    assert json.loads(Path("log").read_text().splitlines()[0])["source"] == name


def test_the_doctor_shows_no_password(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "https://me:hunter2@speech.example/v1")
    monkeypatch.setattr("narrate.studio.audition", lambda name: "speaks")
    said = run("doctor").output
    assert "OPENAI_BASE_URL must be an address alone" in said
    assert "hunter2" not in said


def test_a_job_file_equals_the_flags(folder: Path) -> None:
    (folder / "job.toml").write_text('source = "book.md"\nengine = "tone"\nvoice = "high"\nformats = ["m4b"]\n')
    assert run("run", "job.toml", "-o", "one").exit_code == 0
    assert run("run", "book.md", "--engine", "tone", "--voice", "high", "-f", "m4b", "-o", "two").exit_code == 0
    one, two = (sorted(path for path in Path(name).rglob("*.m4b")) for name in ("one", "two"))
    assert [path.read_bytes() for path in one] == [path.read_bytes() for path in two] != []
    assert run("run", "job.toml", "--voice", "low", "-o", "three").exit_code == 0
    assert next(Path("three").rglob("*.m4b")).read_bytes() != one[0].read_bytes()


def test_plan_keeps_its_contract(folder: Path) -> None:
    done = run("plan", "book.md", "--engine", "tone", "--json", "--text")
    plan = json.loads(done.stdout)
    assert set(plan) == {
        *("schema", "title", "authors", "language", "source_characters", "spoken_characters", "skipped_characters"),
        *("chapters", "skipped", "warnings", "chunks", "cached_chunks", "characters_to_send", "requests", "cost"),
        *("speech_seconds", "seconds", "seconds_measured", "edit", "decisions"),
    }
    assert plan["schema"] == 1
    assert plan["source_characters"] == plan["spoken_characters"] + plan["skipped_characters"]
    assert set(plan["chapters"][0]) == {"title", "level", "role", "spoken", "words", "chunks", "text"}
    assert set(plan["skipped"][0]) == {"reason", "where", "characters", "preview"}
    assert plan["chunks"] == plan["requests"] == 5
    assert plan["cost"] == {"currency": "USD", "amount": 0.0}
    assert "A second." in plan["chapters"][0]["text"]
    assert "text" not in json.loads(run("plan", "book.md", "--engine", "tone", "--json").stdout)["chapters"][0]


def test_plan_counts_what_is_stored(folder: Path) -> None:
    run("run", "book.md", "--engine", "tone")
    plan = json.loads(run("plan", "book.md", "--engine", "tone", "--json").stdout)
    assert (plan["cached_chunks"], plan["requests"], plan["characters_to_send"]) == (5, 0, 0)


def test_plan_tells_the_price_without_a_key(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_API_KEY_FILE"):
        monkeypatch.delenv(name, raising=False)
    done = run("plan", "book.md", "--engine", "openai", "--model", "tts-1", "--json")
    plan = json.loads(done.stdout)
    assert plan["cost"]["amount"] == pytest.approx(15e-6 * plan["characters_to_send"])


def test_plan_for_people_names_what_is_skipped(folder: Path) -> None:
    shown = run("plan", "book.md", "--engine", "tone").stdout
    for words in ("One", "Two", "not spoken", "notes: 1 x", "A note.", "5 chunks"):
        assert words in shown


def test_check_measures_and_finds_nothing_wrong(folder: Path) -> None:
    run("run", "book.md", "--engine", "tone")
    path = str(next(Path("output").rglob("*.mp3")))
    done = CliRunner().invoke(narrate, ["check", path])
    assert done.exit_code == 0, done.stdout
    for words in ("2 chapters", "LUFS", "24000 Hz", "peak"):
        assert words in done.stdout
    failed = CliRunner().invoke(narrate, ["check", path, "--spec", "acx"])
    assert failed.exception is not None
    assert "x-005" in failed.stdout
