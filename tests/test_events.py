"""Logs: the contract of events, whole lines whatever happens, and files that roll over without losing any."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from narrate import events
from narrate.errors import NarrateError
from narrate.events import EVENTS, EventLog, RollingFile, TextLog

NOON = 1_767_268_800.0  # 2026-01-01T12:00:00Z
POSIX = pytest.mark.skipif(os.name == "nt", reason="POSIX files")


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().split(b"\n")[:-1]]


def all_lines(path: Path) -> list[bytes]:
    """Of a log and what it was before, oldest first; every one of them has its end."""
    files = sorted(path.parent.glob(f"{path.name}.*"), key=lambda file: -int(file.suffix[1:]))
    text = b"".join(file.read_bytes() for file in (*files, path))
    assert text.endswith(b"\n")
    return text.split(b"\n")[:-1]


def test_an_event_is_a_line_of_json_with_the_time_first(tmp_path: Path) -> None:
    with EventLog(tmp_path / "log" / "events.jsonl", clock=lambda: NOON) as log:
        log.event("started", source="book.md")
        log.event("done", source="book.md", files=["a.mp3"], requests=3)
    first, second = (tmp_path / "log" / "events.jsonl").read_text().splitlines()
    assert first == '{"time": "2026-01-01T12:00:00Z", "event": "started", "source": "book.md"}'
    assert list(json.loads(second)) == ["time", "event", "source", "files", "requests"]


def test_what_was_there_stays(tmp_path: Path) -> None:
    path = tmp_path / "log"
    for source in ("a", "b"):
        with EventLog(path) as log:
            log.event("started", source=source)
    assert [event["source"] for event in read(path)] == ["a", "b"]


def test_names_and_fields_nobody_was_told_of_are_refused(tmp_path: Path) -> None:
    for path in (None, tmp_path / "log"):
        with EventLog(path) as log:
            with pytest.raises(ValueError, match="'begun' is no event; known are started, message"):
                log.event("begun", source="x")
            with pytest.raises(ValueError, match="'started' has no sauce"):
                log.event("started", sauce="x")
    assert (tmp_path / "log").read_bytes() == b""


def test_the_table_is_the_contract() -> None:
    one_book = ("started", "message", "retry", "spoken", "done", "failed")
    books = ("due", "book_started", "chapter", "book_done", "book_failed", "book_paused", "hook_failed")
    assert {*one_book, *books, "shelf_started", "nothing_due", "shelf_done"} <= set(EVENTS)
    for name, kind in EVENTS.items():
        assert re.fullmatch("[a-z_]+", name)
        assert kind.says
        assert len(set(kind.fields)) == len(kind.fields)
        assert not {"time", "event"} & set(kind.fields)


@given(text=st.text())
def test_any_text_is_one_line_to_every_reader(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.getbasetemp() / "any"
    path.unlink(missing_ok=True)
    with EventLog(path) as log:
        log.event("message", text=text)
    (line,) = path.read_bytes().decode().removesuffix("\n").splitlines()
    assert json.loads(line)["text"] == text


def test_what_is_no_json_is_logged_as_text(tmp_path: Path) -> None:
    with EventLog(tmp_path / "log") as log:
        log.event("started", source=Path("a/b"))
        log.event("started", source="no unicode \udcff")
    assert [event["source"] for event in read(tmp_path / "log")] == [str(Path("a/b")), "no unicode \udcff"]


def test_sentences_have_their_time_and_stay_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Kolkata")
    time.tzset()
    try:
        with TextLog(tmp_path / "log", clock=lambda: NOON) as log:
            log.say("shelf: 2 books\n\n  emma \x1b[31m failed")
    finally:
        monkeypatch.undo()
        time.tzset()
    assert (tmp_path / "log").read_text() == (
        "2026-01-01 17:30:00+0530 shelf: 2 books\n2026-01-01 17:30:00+0530   emma \\x1b[31m failed\n"
    )


def test_without_a_path_nothing_is_written() -> None:
    with EventLog(None) as log, TextLog(None) as text:
        log.event("started", source="x")
        text.say("x")
        assert (log.lost, text.lost) == (0, 0)


@pytest.mark.parametrize("kind", [EventLog, TextLog])
def test_a_log_that_cannot_be_opened_is_one_error(tmp_path: Path, kind: type[EventLog] | type[TextLog]) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path, tmp_path / "file" / "log", tmp_path / "\0"):
        with pytest.raises(NarrateError, match="the log cannot be written: "), kind(path):
            pass


# Rolling over.


def fill(path: Path, lines: int, **settings: int) -> None:
    log = RollingFile(path, **settings)
    log.open()
    for number in range(lines):
        log.append(b"line %05d\n" % number, lambda lost: b"lost\n")
    log.close()


def test_a_log_rolls_over_and_the_oldest_goes(tmp_path: Path) -> None:
    path = tmp_path / "log"
    fill(path, 100, rotate_bytes=110, keep=3)  # ten lines are 110 bytes
    assert sorted(file.name for file in tmp_path.iterdir()) == ["log", "log.1", "log.2", "log.3"]
    assert all_lines(path) == [b"line %05d" % number for number in range(60, 100)]
    assert {file.stat().st_size for file in tmp_path.iterdir()} == {110}


def test_a_line_longer_than_a_file_may_be_is_written_whole(tmp_path: Path) -> None:
    fill(tmp_path / "log", 3, rotate_bytes=5, keep=5)
    assert all_lines(tmp_path / "log") == [b"line 00000", b"line 00001", b"line 00002"]
    assert len(list(tmp_path.iterdir())) == 3


@POSIX
def test_a_log_stays_as_private_as_it_was_and_a_link_leads_to_it(tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    (tmp_path / "far" / "log").touch(0o600)
    (tmp_path / "link").symlink_to(tmp_path / "far" / "log")
    fill(tmp_path / "link", 20, rotate_bytes=110, keep=3)
    assert (tmp_path / "link").is_symlink()
    assert sorted(file.name for file in (tmp_path / "far").iterdir()) == ["log", "log.1"]
    assert {stat.S_IMODE(file.stat().st_mode) for file in (tmp_path / "far").iterdir()} == {0o600}


def test_threads_do_not_tear_each_others_lines(tmp_path: Path) -> None:
    with EventLog(tmp_path / "log", rotate_bytes=20_000, keep=50) as log:
        threads = [
            threading.Thread(target=lambda who=who: [log.event("spoken", key=f"{who}-{n}") for n in range(200)])
            for who in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    keys = [json.loads(line)["key"] for line in all_lines(tmp_path / "log")]
    assert sorted(keys) == sorted(f"{who}-{n}" for who in range(8) for n in range(200))
    assert len(list(tmp_path.iterdir())) > 4


_WRITER = """
import sys
from pathlib import Path
from narrate.events import EventLog
with EventLog(Path(sys.argv[1]), rotate_bytes=4_000, keep=200) as log:
    sys.stdin.readline()
    for number in range(400):
        log.event("spoken", key=f"{sys.argv[2]}-{number}" + "x" * (number % 90))
    assert log.lost == 0
"""


@POSIX
def test_processes_neither_tear_lines_nor_lose_files(tmp_path: Path) -> None:
    path = tmp_path / "log"
    writers = [
        subprocess.Popen([sys.executable, "-c", _WRITER, str(path), str(who)], stdin=subprocess.PIPE)
        for who in range(4)
    ]
    for writer in writers:
        assert writer.stdin
        writer.stdin.write(b"go\n")
        writer.stdin.close()
    assert [writer.wait(30) for writer in writers] == [0, 0, 0, 0]
    keys = [json.loads(line)["key"].rstrip("x") for line in all_lines(path)]
    assert sorted(keys) == sorted(f"{who}-{number}" for who in range(4) for number in range(400))
    for who in range(4):  # and each one's in the order of its writing
        assert [key for key in keys if key.startswith(f"{who}-")] == [f"{who}-{number}" for number in range(400)]
    assert len(list(tmp_path.iterdir())) > 20


@POSIX
def test_a_forked_process_opens_the_log_itself(tmp_path: Path) -> None:
    log = RollingFile(tmp_path / "log")
    log.open()
    log.append(b"parent\n", lambda lost: b"")
    mine = os.fstat(log._handle)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        log.append(b"child\n", lambda lost: b"")
        os.write(writing, b"%d" % log._process)
        os._exit(0)
    os.waitpid(child, 0)
    log.append(b"parent\n", lambda lost: b"")
    assert int(os.read(reading, 20)) == child
    assert os.path.samestat(mine, os.fstat(log._handle))
    for handle in (reading, writing):
        os.close(handle)
    log.close()
    assert all_lines(tmp_path / "log") == [b"parent", b"child", b"parent"]


@POSIX
@pytest.mark.parametrize("how", ["moved away", "removed", "emptied"])
def test_a_log_that_others_rotate_goes_on(tmp_path: Path, how: str) -> None:
    path = tmp_path / "log"
    with EventLog(path) as log:
        log.event("started", source="before")
        if how == "moved away":
            path.rename(tmp_path / "old")
        elif how == "removed":
            path.unlink()
        else:
            os.truncate(path, 0)
        log.event("started", source="after")
    assert [event["source"] for event in read(path)] == ["after"]


# When things go wrong.


def test_a_half_line_of_a_killed_process_stays_alone(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b'{"time": "2026-01-0')
    with EventLog(path) as log:
        log.event("started", source="x")
        log.event("started", source="y")
    torn, first, second = path.read_bytes().split(b"\n")[:-1]
    assert torn == b'{"time": "2026-01-0'
    assert (json.loads(first)["source"], json.loads(second)["source"]) == ("x", "y")


@POSIX
def test_a_full_disk_costs_lines_and_not_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "log"
    real = os.write
    room = [20]

    def write(handle: int, data: bytes) -> int:
        """As a disk that takes some of it, and then no more."""
        if not room[0]:
            raise OSError(28, "No space left on device")
        size = real(handle, data[: room[0]])
        room[0] -= size
        return size

    with EventLog(path) as log:
        log.event("started", source="before")
        monkeypatch.setattr(events.os, "write", write)
        log.event("started", source="lost")
        log.event("started", source="lost too")
        assert log.lost == 2
        monkeypatch.undo()
        log.event("started", source="after")
        assert log.lost == 0
    before, gap, after = read(path)
    assert (before["source"], after["source"]) == ("before", "after")
    assert (gap["event"], gap["lines"]) == ("gap", 2)


@POSIX
def test_a_log_whose_folder_vanishes_and_comes_back(tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    with TextLog(folder / "log") as log:
        (folder / "log").unlink()
        folder.rmdir()
        log.say("one\ntwo")
        assert log.lost == 2
        folder.mkdir()
        log.say("three")
        assert log.lost == 0
    assert [line.split(" ", 2)[2] for line in (folder / "log").read_text().splitlines()] == [
        "2 lines could not be written",
        "three",
    ]


@POSIX
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_what_is_no_file_is_only_written_to() -> None:
    with EventLog(Path("/dev/full"), rotate_bytes=1) as log:
        log.event("started", source="x")
        assert log.lost == 1
    with EventLog(Path("/dev/null"), rotate_bytes=1) as log:
        log.event("started", source="x")
        assert log.lost == 0
    assert not Path("/dev/null.1").exists()


@POSIX
def test_a_pipe_is_written_to(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    found: list[str] = []
    reader = threading.Thread(target=lambda: found.append((tmp_path / "pipe").read_text()))
    reader.start()
    with EventLog(tmp_path / "pipe", rotate_bytes=1) as log:
        log.event("started", source="x")
        log.event("started", source="y")
    reader.join()
    assert len(found[0].splitlines()) == 2
    assert [file.name for file in tmp_path.iterdir()] == ["pipe"]


@POSIX
def test_a_pipe_that_nobody_reads_keeps_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("narrate.events._READER_S", 0.02)
    monkeypatch.setattr("narrate.events._PATIENCE_S", 0.02)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(NarrateError, match="the log cannot be written: nobody reads from it"):
        TextLog(pipe).__enter__()
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    began = time.monotonic()
    with EventLog(pipe) as log:
        for _ in range(100):
            log.event("started", source="x" * 5_000)
        assert log.lost > 50, "a pipe takes 64 KiB"
        assert time.monotonic() - began < 1
        said = os.read(reader, 1_000_000)
        log.event("started", source="again")
    said += os.read(reader, 1_000_000)
    os.close(reader)
    lines = said.splitlines()
    whole = [json.loads(line) for line in lines if line.endswith(b"}")]
    assert len(lines) - len(whole) <= 1, "at most the line at which it stopped reading is half"
    assert [line["event"] for line in whole[-2:]] == ["gap", "started"]
    assert whole[-1]["source"] == "again"


@POSIX
def test_one_that_was_stopped_while_it_held_the_log_keeps_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import fcntl

    path = tmp_path / "log"
    monkeypatch.setattr(events, "_PATIENCE_S", 0.005)
    with path.open("ab") as other, EventLog(path, rotate_bytes=200) as log:
        fcntl.flock(other, fcntl.LOCK_EX)
        for number in range(20):
            log.event("spoken", key=str(number))
        assert log.lost == 0
        assert [event["key"] for event in read(path)] == [str(number) for number in range(20)]
        fcntl.flock(other, fcntl.LOCK_UN)
        log.event("spoken", key="20")
    assert [event["key"] for event in read(path)] == ["20"], "it rolls over when it can be locked again"
    assert (tmp_path / "log.1").exists()


@POSIX
def test_where_there_are_no_locks_lines_are_still_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "fcntl", None)
    monkeypatch.setattr(events, "_PATIENCE_S", 0.0)
    fill(tmp_path / "log", 100, rotate_bytes=110)
    assert all_lines(tmp_path / "log") == [b"line %05d" % number for number in range(100)]
    assert len(list(tmp_path.iterdir())) == 1
