"""Commands: real ones, also such that hang, flood, hide and misbehave."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
from hypothesis import HealthCheck, given, settings

from narrate.hooks import Hook, Notice, Undelivered
from narrate.hooks import command as family
from narrate.hooks.command import cut_off, deliver
from tests.hooks.notices import NASTY, TITLES, notice

pytestmark = pytest.mark.skipif(os.name == "nt", reason="commands of a POSIX shell")

ENV = {"PATH": os.environ["PATH"]}


def shell(script: str, *words: str, **more: Any) -> Hook:
    return Hook("command", ("done",), command=("sh", "-c", script, "sh", *words), **{"timeout": 10.0, **more})


def fails(hook: Hook, told: Notice | None = None) -> Undelivered:
    with pytest.raises(Undelivered) as caught:
        deliver(hook, told or notice(), ENV)
    return caught.value


def gone(process: int) -> bool:
    """Whether it is dead, at the latest in a moment."""
    for _ in range(200):
        if not psutil.pid_exists(process) or psutil.Process(process).status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.005)
    return False


def test_it_is_told_everything(tmp_path: Path) -> None:
    told = notice(chapters=5, authors=["a"], cost=1.5, folder="/out put")
    out = tmp_path / "out"
    deliver(shell('cat > "$1"; env > "$1.env"', str(out)), told, {**ENV, "LMNT_API_KEY": "key-1", "OTHER": "x"})
    said = json.loads(out.read_bytes())
    assert (said["type"], said["data"]["chapters"]) == ("done", 5)
    env = dict(line.partition("=")[::2] for line in Path(f"{out}.env").read_text().splitlines())
    assert env["NARRATE_EVENT"] == "done"
    assert env["NARRATE_SUBJECT"] == "done: Dune"
    assert env["NARRATE_NOTICE"] == told.id
    assert env["NARRATE_DATA_TITLE"] == "Dune"
    assert (env["NARRATE_DATA_CHAPTERS"], env["NARRATE_DATA_COST"]) == ("5", "1.5")
    assert env["NARRATE_DATA_FOLDER"] == "/out put"
    assert "NARRATE_DATA_AUTHORS" not in env
    assert env["OTHER"] == "x"
    assert "LMNT_API_KEY" not in env


def test_no_shell_looks_at_its_words(tmp_path: Path) -> None:
    script = tmp_path / "tell"
    script.write_text(f'#!{sys.executable}\nimport sys, json; open(sys.argv[1], "w").write(json.dumps(sys.argv[2:]))')
    script.chmod(0o755)
    words = ("$HOME", "a b", "; touch x", "*", "")
    deliver(Hook("command", (), command=(str(script), str(tmp_path / "out"), *words)), notice(), ENV)
    assert json.loads((tmp_path / "out").read_text()) == list(words)


def test_home_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "tell").write_text("#!/bin/sh\ntouch ~/told\n")
    (tmp_path / "tell").chmod(0o755)
    deliver(Hook("command", (), command=("~/tell",)), notice(), {**ENV, "HOME": str(tmp_path)})
    assert (tmp_path / "told").exists()


@pytest.mark.parametrize(
    ("script", "sentence"),
    [
        ("exit 3", "sh ended with 3"),
        ("echo first; echo the last one; echo; exit 1", "sh ended with 1: the last one"),
        ("echo no room >&2; exit 1", "sh ended with 1: no room"),
        ("printf 'a\\033[31mb\\000c\\377\\n'; exit 1", "sh ended with 1: a\\x1b[31mb\\x00c\ufffd"),
        ("kill -9 $$", "sh was ended by SIGKILL"),
    ],
)
def test_how_it_ended(script: str, sentence: str) -> None:
    error = fails(shell(script))
    assert str(error) == sentence
    assert error.heals


def test_a_long_last_line_is_cut() -> None:
    assert len(str(fails(shell("head -c 100000 /dev/zero | tr '\\0' a; exit 1")))) < 300


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("no-such-command-at-all",), "there is no such command"),
        (("/etc/passwd",), "may not be run: make it executable"),
        (("/",), "may not be run"),
        (("sh", "a\0b"), "hold what no command can"),
    ],
)
def test_what_cannot_be_run(words: tuple[str, ...], sentence: str) -> None:
    error = fails(Hook("command", (), command=words))
    assert sentence in str(error)
    assert not error.heals


def test_a_script_without_its_first_line(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("echo")
    (tmp_path / "x").chmod(0o755)
    assert "x: cannot be run: exec format error" in str(fails(Hook("command", (), command=(str(tmp_path / "x"),))))


def test_one_that_does_not_read_is_not_waited_for() -> None:
    deliver(shell("exec <&-; exit 0"), notice(more=["x" * 1_000] * 2_000), ENV)
    deliver(shell("exit 0"), notice(more=["x" * 1_000] * 2_000), ENV)


def test_a_flood_takes_no_memory_and_ends() -> None:
    before = psutil.Process().memory_info().rss
    began = time.monotonic()
    error = fails(shell("yes a flood of words", timeout=0.3))
    assert "sh did not end within 0.3 s, and was ended" in str(error)
    assert time.monotonic() - began < 2
    assert psutil.Process().memory_info().rss - before < 30_000_000


def test_over_its_time_it_is_ended_with_its_children(tmp_path: Path) -> None:
    error = fails(shell('sleep 60 & echo $! $$ > "$1"; sleep 60; :', str(tmp_path / "pids"), timeout=0.6))
    assert error.heals
    for process in (tmp_path / "pids").read_text().split():
        assert gone(int(process))


def test_one_that_does_not_listen_is_ended_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(family, "GRACE_S", 0.1)
    fails(shell('trap "" TERM; echo $$ > "$1"; while :; do sleep 0.02; done', str(tmp_path / "pid"), timeout=0.6))
    assert gone(int((tmp_path / "pid").read_text()))


def test_what_it_leaves_in_the_background_holds_up_nobody(tmp_path: Path) -> None:
    began = time.monotonic()
    deliver(shell('sleep 60 & echo $! > "$1"', str(tmp_path / "pid")), notice(), ENV)
    assert time.monotonic() - began < 2
    left = int((tmp_path / "pid").read_text())
    assert psutil.pid_exists(left)
    os.kill(left, signal.SIGKILL)


def test_it_can_be_cut_off_from_outside(tmp_path: Path) -> None:
    caught: list[Undelivered] = []
    thread = threading.Thread(target=lambda: caught.append(fails(shell('echo > "$1"; sleep 60', str(tmp_path / "on")))))
    thread.start()
    while not (tmp_path / "on").exists():
        time.sleep(0.005)
    cut_off(thread)
    thread.join(5)
    assert "was ended by SIGKILL" in str(caught[0])
    cut_off(thread)  # what does not run any more is left alone


def test_what_is_cut_off_while_it_starts_is_ended_too() -> None:
    caught: list[Undelivered] = []
    thread = threading.Thread(target=lambda: caught.append(fails(shell("sleep 60"))))
    cut_off(thread)
    thread.start()
    thread.join(5)
    assert "was ended by SIGKILL" in str(caught[0])


def test_it_has_no_terminal() -> None:
    deliver(shell("! true < /dev/tty"), notice(), ENV)


def test_its_own_secrets_are_kept_back() -> None:
    hook = shell('test -z "$SIGNING"', secret_variable="SIGNING")
    deliver(hook, notice(), {**ENV, "SIGNING": "x"})


@pytest.mark.parametrize("title", NASTY)
def test_hostile_titles_stay_titles(title: str, tmp_path: Path) -> None:
    deliver(shell('cd "$1" && cat > out', str(tmp_path)), notice(title=title), ENV)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert json.loads((tmp_path / "out").read_bytes())["type"] == "done"


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(TITLES)
def test_any_title_can_be_told(title: str) -> None:
    deliver(
        Hook("command", (), command=("true",), timeout=10.0), notice(title=title, **{"a=b": title, "x": title}), ENV
    )


def test_a_process_that_is_gone_needs_no_ending() -> None:
    process = subprocess.Popen(["true"])
    process.wait()
    family._signal(process, "SIGKILL")
