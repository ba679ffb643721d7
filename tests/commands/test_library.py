"""`narrate library`, `status` and `watch` as a user, cron and systemd start them."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import shutil
import signal
import socket
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import click
import pytest
from click.testing import CliRunner, Result

from narrate.cli import narrate
from narrate.commands import library, watch
from narrate.library.making import Said
from narrate.library.orders import Listing
from narrate.library.outcome import Outcome
from narrate.library.shelf import Shelf, read_shelf
from narrate.library.sight import records_of
from narrate.locks import only_run
from tests.library.shelves import book, files, shelf_file
from tests.speech_server import KEY, SpeechServer

CONFIGS = Path(__file__).parent.parent.parent / "configs"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    book(tmp_path / "books" / "a.md", "Alpha", chapters=2)
    shelf_file(tmp_path)
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(narrate, arguments, catch_exceptions=False)


def test_a_shelf_from_first_to_last(folder: Path) -> None:
    listed = run("library", "shelf.toml", "--dry-run")
    assert (listed.exit_code, listed.stdout) == (0, "due: books/a.md: new\nshelf: 1 due\n")
    assert not (folder / "out").exists()

    made = run("library", "shelf.toml", "--log", "log.txt", "--log-json", "log.jsonl")
    assert made.exit_code == 0
    assert made.stderr == "", "cron would mail it"
    assert "shelf: 1 made" in made.stdout
    assert "Alpha, A. Writer  2 chapters  0:00:" in made.stdout
    events = [json.loads(line)["event"] for line in (folder / "log.jsonl").read_text().splitlines()]
    assert [event for event in events if event not in ("spoken", "message")] == [
        *("shelf_started", "due", "book_started", "chapter", "chapter", "book_done", "shelf_done")
    ]
    assert "1 made" in (folder / "log.txt").read_text()

    before = files(folder)
    again = run("library", "shelf.toml")
    assert (again.exit_code, again.stdout, again.stderr) == (0, "", "")
    assert files(folder) == before

    shown = run("status", "shelf.toml")
    assert "current" in shown.stdout
    assert "Alpha" in shown.stdout
    assert "shelf: 1 current; 0:00:" in shown.stdout
    status = json.loads(run("status", "shelf.toml", "--json").stdout)
    assert status["books"][0]["state"] == "current"
    assert status["books"][0]["chapters"] == 2
    assert (status["running"], status["problems"]) == (False, [])
    assert files(folder) == before

    forced = json.loads(run("library", "shelf.toml", "--again", "--json").stdout)
    assert (len(forced["made"]), forced["requests"], forced["exit_code"]) == (1, 0, 0)
    assert forced["made"][0]["manifest"]["title"] == "Alpha"


def test_a_failure_is_told_once_and_stays_one(folder: Path) -> None:
    (folder / "books" / "bad.epub").write_text("no book")
    first = run("library", "shelf.toml", "--quiet")
    assert first.exit_code == 6
    assert "bad.epub" in first.stdout
    assert run("library", "shelf.toml").exit_code == 6
    assert run("library", "shelf.toml").stdout == ""
    shown = run("status", "shelf.toml", "--state", "unreadable")
    assert "when it changes" in shown.stdout
    assert "Alpha" not in shown.stdout


def test_a_second_start_says_so_and_ends_with_75(folder: Path) -> None:
    shelf = read_shelf(folder / "shelf.toml")
    with only_run(shelf.place, records_of(shelf).path.name, "the shelf"):
        # the lock is this process's own: another one has to try
        second = [sys.executable, "-m", "narrate", "library", "shelf.toml"]
        done = subprocess.run(second, capture_output=True, text=True, cwd=folder)
        assert done.returncode == 75
        assert "another run is working on this shelf (process " in done.stderr
        assert "running" not in run("status", "shelf.toml").stdout
        quiet = subprocess.run([*second, "--quiet"], capture_output=True, text=True, cwd=folder)
        assert (quiet.returncode, quiet.stderr) == (75, "")
        assert json.loads(run("status", "shelf.toml", "--json").stdout)["running"]
        waiting = subprocess.Popen([*second, "--wait"], stdout=subprocess.PIPE, text=True, cwd=folder)
        with pytest.raises(subprocess.TimeoutExpired):
            waiting.wait(1.0)
    assert "1 made" in waiting.communicate(timeout=60)[0]
    assert waiting.returncode == 0


def test_status_says_when_a_book_will_be_made(folder: Path) -> None:
    assert " now " in run("status", "shelf.toml").stdout
    now = time.time()
    later, end = (time.localtime(now + hours * 3600) for hours in (2, 4))
    shelf = (folder / "shelf.toml").read_text()
    hours = f'from = "{time.strftime("%H:%M", later)}"\nuntil = "{time.strftime("%H:%M", end)}"\n'
    (folder / "shelf.toml").write_text(hours + shelf)
    assert time.strftime("%a %H:%M", later) in run("status", "shelf.toml").stdout
    book = json.loads(run("status", "shelf.toml", "--json").stdout)["books"][0]
    assert abs(book["next_due"] - time.time() - 2 * 3600) < 120


def test_outside_its_hours_it_does_nothing(folder: Path) -> None:
    now = time.time()
    before, after = (time.strftime("%H:%M", time.localtime(now + hours * 3600)) for hours in (-4, -2))
    closed = run("library", "shelf.toml", "--from", before, "--until", after)
    assert (closed.exit_code, closed.output) == (0, "")
    assert not (folder / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["library", "none.toml"], 3, "no such shelf file"),
        (["library", "shelf.toml", "--from", "22:00"], 3, "--until"),
        (["library", "shelf.toml", "--until", "half past six"], 3, "06:00"),
        (["library"], 2, "Missing argument"),
        (["status", "none.toml"], 3, "no such shelf file"),
        (["status", "shelf.toml", "--state", "odd"], 2, "odd"),
        (["watch", "none"], 4, "no such folder"),
        (["watch", "books", "-o", "books"], 3, "drop folder itself"),
        (["library", "shelf.toml", "--log", "none/../books"], 1, "books"),
    ],
)
def test_mistakes_are_one_sentence(folder: Path, arguments: list[str], code: int, words: str) -> None:
    done = subprocess.run([sys.executable, "-m", "narrate", *arguments], capture_output=True, text=True, cwd=folder)
    assert done.returncode == code, done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_one_bad_shelf_does_not_stop_the_others(folder: Path) -> None:
    (folder / "bad.toml").write_text("[[books]]\n")
    done = run("library", "bad.toml", "shelf.toml", "none.toml")
    assert done.exit_code == 3
    assert "1 made" in done.stdout
    assert "bad.toml" in done.stderr


def test_the_example_is_a_shelf_and_its_schema_takes_it(tmp_path: Path) -> None:
    import tomllib

    import jsonschema

    schema = json.loads((CONFIGS / "shelf.schema.json").read_text(encoding="utf-8"))
    assert schema == json.loads(run("job", "schema", "--shelf").stdout)
    validator = jsonschema.Draft7Validator(schema)
    validator.validate(tomllib.loads((CONFIGS / "shelf.toml").read_text(encoding="utf-8")))
    plain = [line.removeprefix("# ") for line in (CONFIGS / "shelf.toml").read_text(encoding="utf-8").splitlines()]
    settings = [
        line for line in plain if line.startswith(("[[", "at_once", "from", "until", "list", "feed", "calibre"))
    ]
    assert len(settings) > 12
    for wrong in ({"books": [{}]}, {"books": [{"source": "a", "feed": "b"}]}, {"bookz": []}, {"until": "6"}):
        assert not validator.is_valid(wrong), wrong
    found = run("library", str(CONFIGS / "shelf.toml"), "--dry-run")
    assert found.stdout.endswith("shelf: 2 due\n")


@pytest.fixture
def told(tmp_path: Path) -> Iterator[list[str]]:
    """What systemd is told, as it comes: its socket holds ten messages."""
    messages: list[str] = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))

        def listen() -> None:
            while message := listener.recv(4096):
                messages.append(message.decode())

        listening = threading.Thread(target=listen)
        listening.start()
        yield messages
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as last:
            last.sendto(b"", str(tmp_path / "notify"))
        listening.join()


def test_systemd_is_told(folder: Path, told: list[str]) -> None:
    environment = {**os.environ, "NOTIFY_SOCKET": str(folder / "notify"), "WATCHDOG_USEC": "200000"}
    command = [sys.executable, "-m", "narrate", "library", "shelf.toml"]
    subprocess.run(command, check=True, cwd=folder, env=environment, capture_output=True)
    assert "READY=1" in told[0]
    for words in ("WATCHDOG=1", "STATUS=1 of 1 books made", "STOPPING=1"):
        assert any(words in message for message in told), words


def test_status_can_be_watched(folder: Path) -> None:
    command = [sys.executable, "-m", "narrate", "status", "shelf.toml", "--watch", "--every", "0.1"]
    watching = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=folder)
    assert watching.stdout is not None
    lines = [watching.stdout.readline() for _ in range(9)]
    assert sum(line.startswith("shelf: 1 due") for line in lines) >= 2
    watching.send_signal(signal.SIGINT)
    watching.communicate(timeout=20)
    assert watching.returncode == 130


def test_a_drop_folder_is_emptied(folder: Path) -> None:
    job = folder / "job.toml"
    job.write_text('engine = "tone"\noutput = "heard"\nstore = "store"\ndone = "inbox/done"\nfailed = "inbox/failed"\n')
    inbox = folder / "inbox"
    book(inbox / "a.md", "Alpha")
    (inbox / "x.pdf").write_text("no book")
    done = run("watch", "inbox", "--job", "job.toml", "--settle", "0", "--once")
    assert done.exit_code == 6
    assert "Alpha: 0:00:" in done.stdout
    left = {str(path.relative_to(inbox)) for path in inbox.rglob("*") if path.is_file()}
    assert left == {"done/a.md", "failed/x.pdf", "failed/x.pdf.why.txt"}
    assert (folder / "heard" / "A. Writer" / "Alpha" / "Alpha.mp3").exists()


def test_what_is_copied_into_a_watched_folder_is_narrated(folder: Path) -> None:
    inbox = folder / "inbox"
    inbox.mkdir()
    flags = ["--engine", "tone", "-o", "heard", "--store", "store", "--done", "kept", "--settle", "0.2"]
    command = [sys.executable, "-m", "narrate", "watch", "inbox", *flags]
    watching = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=folder)
    assert watching.stdout is not None
    assert watching.stderr is not None
    assert "watching inbox" in watching.stderr.readline()
    shutil.copy(folder / "books" / "a.md", inbox / "a.md.part")
    (inbox / "a.md.part").rename(inbox / "a.md")
    assert "Alpha" in watching.stdout.readline()
    watching.send_signal(signal.SIGTERM)
    watching.communicate(timeout=20)
    assert watching.returncode == 143
    assert (folder / "heard" / "A. Writer" / "Alpha" / "Alpha.mp3").exists()


def test_what_the_command_line_says_holds_for_all_shelves_together(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf = (folder / "shelf.toml").read_text().replace('"tone"', '"lmnt"')
    for name in ("one", "two"):
        book(folder / name / "a.md", name, paragraphs=9)
        (folder / f"{name}.toml").write_text(shelf.replace("books/*", f"{name}/*"))
    with SpeechServer() as server:
        monkeypatch.setenv("LMNT_API_KEY", KEY)
        monkeypatch.setenv("LMNT_BASE_URL", server.url)
        done = run("library", "one.toml", "two.toml", "--max-requests", "3")
    assert done.exit_code == 6
    assert sum(count for body, count in server.counts.items() if body) == 3


def test_no_shelf_is_begun_after_the_hour_at_which_all_are_to_stop(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy("shelf.toml", "second.toml")
    clock, begun = [time.time()], []

    def until_the_end(shelf: Shelf, *_: object, until: float, **how: object) -> Outcome:
        begun.append(shelf.name)
        clock[0] = until + 1
        return Outcome(shelf, Listing(()), ())

    monkeypatch.setattr(library, "time", SimpleNamespace(time=lambda: clock[0]))
    monkeypatch.setattr("narrate.library.run.run_shelf", until_the_end)
    assert run("library", "shelf.toml", "second.toml", "--until", "06:00").output == ""
    assert begun == ["shelf"]


def test_a_hook_that_fails_is_told_also_when_nothing_is_due(folder: Path) -> None:
    text = (folder / "shelf.toml").read_text()
    (folder / "shelf.toml").write_text(f'{text}\n[[hooks]]\ncommand = ["false"]\non = ["nothing-due"]\n')
    assert run("library", "shelf.toml").exit_code == 0
    told = run("library", "shelf.toml", "--quiet")
    assert told.exit_code == 0
    assert "hooks that failed:" in told.stdout


def test_a_drop_folder_is_not_looked_at_for_ever_where_nothing_can_be_written(folder: Path) -> None:
    (folder / "heard").write_text("a file")
    command = [sys.executable, "-m", "narrate", "watch", "books", "-o", "heard", "--engine", "tone", "--once"]
    done = subprocess.run([*command, "--settle", "0"], capture_output=True, text=True, cwd=folder, timeout=20)
    assert done.returncode == 7
    assert len(done.stderr.splitlines()) == 1


def test_what_goes_wrong_at_every_look_is_told_once() -> None:
    told: list[str] = []
    drop = watch._Drop(None, None, None, None, SimpleNamespace(report=told.append))  # type: ignore[arg-type]
    for sentences in (["away"], ["away"], [], ["away", "full"]):
        drop._complain(sentences)
    assert told == ["away", "away", "full"]


def test_a_watched_status_fits_its_terminal(folder: Path) -> None:
    book(folder / "books" / "b.md", "Beta")
    (folder / "books" / "b.narrate.toml").write_text(f"{'x' * 90} = 1\n")
    run("library", "shelf.toml")
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 10, 40, 0, 0))
    command = [sys.executable, "-m", "narrate", "status", "shelf.toml", "--watch"]
    environment = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
    watching = subprocess.Popen(command, stdout=theirs, stderr=subprocess.DEVNULL, cwd=folder, env=environment)
    shown = b""
    while b"shelf: 1 failed" not in shown:
        shown += os.read(ours, 4096)
    watching.terminate()
    watching.wait(20)
    os.close(ours)
    os.close(theirs)
    lines = [line for line in shown.decode().splitlines() if line.startswith(("failed", "current"))]
    assert len(lines) == 2
    assert max(map(len, lines)) == 40


def test_a_book_that_is_done_is_no_longer_shown_at_work() -> None:
    watcher = library._Watcher(True, SimpleNamespace(say=print), print)  # type: ignore[arg-type]
    told: list[str] = []
    watcher._bar = SimpleNamespace(
        set_postfix_str=lambda text, refresh: told.append(text.strip()), update=print, write=lambda *_, **how: None
    )
    for what, fields in (("planned", {"chunks": 2}), ("spoken", {"chunks": 2}), ("failed", {"error": "x"})):
        watcher.sees("Alpha", Said("a", what, fields))
    assert told == ["Alpha 100%", ""]


def test_a_long_book_in_a_drop_folder_is_not_taken_for_a_hang(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While books are made, the watchdog's pulse is felt at every turn."""
    from narrate import systemd
    from narrate.library import run as running

    beats: list[str] = []
    monkeypatch.setattr(systemd.Pulse, "beat", lambda pulse: beats.append("beat"))

    def run_shelf(*_: object, tick: Callable[[], None], **__: object) -> None:
        before = len(beats)
        tick()
        assert len(beats) == before + 1
        raise KeyboardInterrupt

    monkeypatch.setattr(running, "run_shelf", run_shelf)
    with pytest.raises(click.Abort):
        narrate.main(["watch", "books", "-o", "heard", "--engine", "tone", "--quiet"], standalone_mode=False)
    assert beats
