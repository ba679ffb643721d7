"""A shelf at work, each book in a process of its own: what is due is made, once, and one bad book stops nothing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from narrate.bounds import Limits
from narrate.errors import Busy
from narrate.job import Job
from narrate.library import making, report
from narrate.library import run as running
from narrate.library.making import Making
from narrate.library.purse import Spending
from narrate.library.records import Records
from narrate.library.shelf import Shelf, read_shelf
from narrate.library.sight import records_of, sight_of
from narrate.locks import only_run
from tests.library.shelves import Watching, book, files, ids, run, shelf_file
from tests.speech_server import KEY, SpeechServer


def asked(server: SpeechServer) -> int:
    """Requests for speech (the account is asked for as well, without a body)."""
    return sum(count for body, count in server.counts.items() if body)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    book(tmp_path / "books" / "a.md", "Alpha", chapters=3)
    book(tmp_path / "books" / "b.md", "Beta")
    (tmp_path / "books" / "bad.epub").write_text("no book")
    return tmp_path


def test_the_life_of_a_shelf(folder: Path) -> None:
    shelf = shelf_file(folder)
    watching = Watching()
    first = run(shelf, watching)
    assert (ids(first.of("made")), ids(first.of("failed"))) == ({"books/a.md", "books/b.md"}, {"books/bad.epub"})
    assert "books/a.md" in watching.of("started")[:2], "the longest come first, two at once"
    assert first.exit_code == 6
    told = report.text(first)
    for words in (
        "2 made, 1 failed",
        "Alpha, A. Writer",
        "3 chapters",
        "bad.epub",
        "is not a ZIP file",
        "sounds: 0:00",
    ):
        assert words in told
    made = next(each for each in first.of("made") if each.record.id == "books/a.md")
    assert made.payload["title"] == "Alpha"
    assert made.payload["chapters"] == 3

    # nothing is due: nothing is made, asked or touched
    before = files(folder)
    again = run(shelf)
    assert (again.news, again.exit_code, files(folder)) == (False, 6, before)
    assert ids(again.unreadable) == {"books/bad.epub"}

    # a touched book is no edited one; it is read once, and that is noted
    os.utime(folder / "books" / "a.md", (1, 1))
    assert not run(shelf).news
    assert records_of(read_shelf(shelf)).read()["books/a.md"].inputs[0].stamp.split(".")[1] == "1000000000"

    # one edited, one voice changed, one added, one removed, one mended: exactly those are due
    book(folder / "books" / "a.md", "Alpha", chapters=3, words="today")
    (folder / "books" / "b.narrate.toml").write_text('[metadata]\ntitle = "Second"\n')
    book(folder / "books" / "c.md", "Gamma")
    book(folder / "books" / "bad.md", "Mended")
    (folder / "books" / "bad.epub").unlink()
    changed = run(shelf)
    whys = {result.standing.order.id: result.standing.why for result in changed.of("made")}
    assert whys == {
        "books/a.md": "books/a.md changed",
        "books/b.md": "books/b.narrate.toml is new",
        "books/c.md": "new",
        "books/bad.md": "new",
    }
    assert changed.exit_code == 0
    (folder / "books" / "c.md").unlink()
    shelf.write_text(shelf.read_text() + '[[books]]\nsource = "books/a.md"\n[books.settings]\nms_per_char = 9\n')
    other = run(shelf)
    assert ids(other.of("made")) == {"books/a.md"}
    assert other.of("made")[0].standing.why.startswith("settings: default -> ")
    assert (folder / "out" / "A. Writer" / "Gamma" / "Gamma.mp3").exists(), "what was made of it is kept"
    assert sight_of(read_shelf(shelf)).removed == ("books/c.md",)

    # an audiobook that was altered or deleted is made again, and asks for nothing
    (folder / "out" / "A. Writer" / "Alpha" / "Alpha.mp3").unlink()
    mended = run(shelf)
    assert (ids(mended.of("made")), mended.of("made")[0].record.requests) == ({"books/a.md"}, 0)
    assert not run(shelf).news


def test_two_books_of_one_title_do_not_take_each_others_place(tmp_path: Path) -> None:
    for name in ("a.md", "b.md"):
        book(tmp_path / "books" / name, "The Same", words=name)
    outcome = run(shelf_file(tmp_path, "at_once = 2"))
    assert (len(outcome.of("made")), len(outcome.of("failed"))) == (1, 1)
    assert "would take its place" in outcome.of("failed")[0].record.reason
    assert len(run(shelf_file(tmp_path, "at_once = 2")).of("failed")) == 1, "it is tried again: the other may be gone"


def test_one_run_at_a_time(folder: Path) -> None:
    shelf = read_shelf(shelf_file(folder))
    with (
        only_run(shelf.place, records_of(shelf).path.name, "the shelf"),
        pytest.raises(Busy, match="working on this shelf"),
    ):
        run(shelf.path)
    assert not files(folder / "out").keys() & {"A. Writer"}


def test_what_all_books_may_spend_is_never_passed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with SpeechServer() as server:
        monkeypatch.setenv("LMNT_API_KEY", KEY)
        monkeypatch.setenv("LMNT_BASE_URL", server.url)
        shelf = shelf_file(folder, "max_requests = 5\nat_once = 2", engine="lmnt")
        outcome = run(shelf)
        assert asked(server) == 5
        assert "max_requests" in outcome.over
        assert outcome.exit_code == 6
        assert ids(outcome.of("paused")) | ids(outcome.left) >= {"books/a.md"}
        shelf.write_text(shelf.read_text().replace("max_requests = 5", ""))
        rest = run(shelf)
        assert ids(rest.of("made")) == {"books/a.md", "books/b.md"} - ids(outcome.of("made"))
        assert max(count for body, count in server.counts.items() if body) == 1, "nothing is asked for twice"


def test_the_time_is_over(folder: Path) -> None:
    outcome = run(shelf_file(folder, "at_once = 1"), until=time.time() - 1)
    assert "when this run was to stop" in outcome.over
    assert outcome.exit_code == 6
    assert not outcome.of("made")
    assert len(outcome.left) + len(outcome.of("paused")) == 3
    assert len(run(shelf_file(folder, "at_once = 1")).of("made")) == 2


def test_a_process_that_crashes_is_one_failed_book(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = "import os, sys; print('the last words', file=sys.stderr, flush=True); os.kill(os.getpid(), 11)"
    monkeypatch.setattr(making, "command", lambda: ([sys.executable, "-c", code], dict(os.environ)))
    book(tmp_path / "books" / "a.md", "Alpha")
    outcome = run(shelf_file(tmp_path))
    reason = outcome.of("failed")[0].record.reason
    assert "SIGSEGV" in reason
    assert "the last words" in reason
    monkeypatch.undo()
    assert run(shelf_file(tmp_path)).of("made")[0].standing.why == "failed before"


def test_a_process_that_says_nonsense_does_no_harm(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = ["{", "[]", "17", '{"what": "odd"}', '{"what": "failed", "error": "x", "exit_code": 4}', ""]
    code = f"import sys; sys.stdout.write({chr(10).join(lines)!r})"
    monkeypatch.setattr(making, "command", lambda: ([sys.executable, "-c", code], dict(os.environ)))

    said = list(Making(1, Spending(Limits(), "USD"), {}).run([("a", lambda: Job(Path("a.md")))], lambda: None))
    assert [(each.what, each.id) for each in said if each.what] == [("started", "a"), ("odd", "a"), ("failed", "a")]


SHELF = "at_once = 2\njobs = 4"


def narrate(folder: Path, server: SpeechServer, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "narrate", *arguments],
        cwd=folder,
        env={**os.environ, "LMNT_API_KEY": KEY, "LMNT_BASE_URL": server.url},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_killed_in_mid_shelf_and_started_again_nothing_is_asked_for_twice(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        book(tmp_path / "books" / f"{name}.md", name.upper(), chapters=2, paragraphs=12)
    shelf_file(tmp_path, SHELF, engine="lmnt")
    with SpeechServer(latency=(0.02, 0.05)) as server:
        killed = narrate(tmp_path, server, "library", "shelf.toml")
        while asked(server) < 25:
            assert killed.poll() is None
            time.sleep(0.01)
        killed.send_signal(signal.SIGKILL)
        killed.communicate()
        again = narrate(tmp_path, server, "library", "shelf.toml", "--json", "--wait", "30")
        told, wrong = again.communicate(timeout=60)
        assert again.returncode == 0, wrong
        summary = json.loads(told)
        assert len(summary["made"]) == 3
        # what was in flight at the kill may have been asked for once more
        assert sum(count - 1 for body, count in server.counts.items() if body) <= 4
        before = asked(server)
        third = narrate(tmp_path, server, "library", "shelf.toml")
        assert third.communicate(timeout=30) == ("", "")
        assert third.returncode == 0
        assert asked(server) == before


def test_p12_interrupted_it_ends_within_seconds_with_its_books(tmp_path: Path) -> None:
    for name in ("a", "b"):
        book(tmp_path / "books" / f"{name}.md", name.upper(), paragraphs=40)
    shelf = shelf_file(tmp_path, SHELF, engine="lmnt")
    with SpeechServer(latency=(0.2, 0.3)) as server:
        running = narrate(tmp_path, server, "library", "shelf.toml")
        while asked(server) < 6:
            assert running.poll() is None
            time.sleep(0.02)
        running.send_signal(signal.SIGTERM)
        began = time.monotonic()
        _, told = running.communicate(timeout=30)
        assert time.monotonic() - began < 12
        assert running.returncode == 143
        assert "run again to go on" in told
        before = asked(server)
        time.sleep(0.3)
        assert asked(server) == before, "no process is left that goes on asking"
    kept = records_of(read_shelf(shelf)).read().values()
    assert {record.state for record in kept} == {"paused"}
    assert sum(record.requests for record in kept) == before, "what was spent is on record"


def test_requests_in_flight_are_bounded_for_all_books_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a", "b", "c"):
        book(tmp_path / "books" / f"{name}.md", name.upper(), paragraphs=4)
    shelf = shelf_file(tmp_path, "at_once = 3\njobs = 1", engine="lmnt")
    with SpeechServer(latency=(0.05, 0.05)) as server:
        monkeypatch.setenv("LMNT_API_KEY", KEY)
        monkeypatch.setenv("LMNT_BASE_URL", server.url)
        assert len(run(shelf).of("made")) == 3
        assert server.seen.most == 1


def test_what_a_book_cost_that_was_stopped_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    book(tmp_path / "books" / "a.md", "Alpha", paragraphs=60)
    shelf = shelf_file(tmp_path, "jobs = 2", engine="lmnt")
    with SpeechServer(latency=(0.05, 0.05)) as server:
        monkeypatch.setenv("LMNT_API_KEY", KEY)
        monkeypatch.setenv("LMNT_BASE_URL", server.url)
        outcome = run(shelf, until=100.0, now=lambda: 100.0 if asked(server) > 4 else 0.0)
    (stopped,) = outcome.of("paused")
    assert stopped.record.requests == asked(server)
    assert stopped.record.spent > 0


def test_a_source_that_is_away_for_a_while_is_no_other_one(tmp_path: Path) -> None:
    book(tmp_path / "disk" / "a.md", "Alpha")
    (tmp_path / "list.csv").write_text("source\ndisk/a.md\n")
    shelf = shelf_file(tmp_path)
    shelf.write_text(shelf.read_text().replace('source = "books/*"', 'list = "list.csv"'))
    assert len(run(shelf).of("made")) == 1
    (tmp_path / "disk").rename(tmp_path / "away")
    before = files(tmp_path)
    assert not run(shelf).news
    assert files(tmp_path) == before
    (tmp_path / "away").rename(tmp_path / "disk")
    assert not run(shelf).news


def test_what_another_run_made_while_we_waited_is_not_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "books" / "bad.epub").unlink()
    alone = running._alone

    @contextmanager
    def later(shelf: Shelf, records: Records, wait: float) -> Iterator[None]:
        monkeypatch.setattr(running, "_alone", alone)
        run(shelf.path)
        with alone(shelf, records, wait):
            yield

    monkeypatch.setattr(running, "_alone", later)
    watching = Watching()
    watching.due = -1
    assert not run(shelf_file(folder), watching).news
    assert watching.due == -1


def test_processes_that_a_crashed_one_leaves_are_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    code = "import os, subprocess; subprocess.Popen(['sleep', '6'], stdout=2); os.kill(os.getpid(), 9)"
    monkeypatch.setattr(making, "command", lambda: ([sys.executable, "-c", code], dict(os.environ)))
    began = time.monotonic()
    said = list(Making(1, Spending(Limits(), "USD"), {}).run([("a", lambda: Job(Path("a.md")))], lambda: None))
    assert said[-1].what == "crashed"
    assert said[-1].fields["cost"] is None, "nobody knows"
    assert time.monotonic() - began < 4
