"""narrate schedule print: the right unit for this installation and shelf, or what is wrong with the wish."""

from __future__ import annotations

import os
import plistlib
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from narrate.commands import schedule as room
from narrate.commands.schedule import schedule
from narrate.errors import JobError, NarrateError


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A shelf in the folder we are in; nothing in the environment."""
    for name in (*room._TAKEN_ALONG, *room._NOT_TAKEN_ALONG, "TZ", "SUDO_USER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my shelf.toml").write_text('output = "out"\n[[books]]\nsource = "books/*"\n')
    return tmp_path / "my shelf.toml"


def run(*words: str) -> Result:
    result = CliRunner().invoke(schedule, ["print", "my shelf.toml", *words])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def printed(*words: str) -> str:
    result = run(*words)
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    return result.stdout


def test_a_line_for_cron(shelf: Path) -> None:
    line = printed("--cron", "--narrate", "/opt/narrate", "--at", "2:05", "--days", "mon-fri").splitlines()[-1]
    assert line == f"5 2 * * 1-5 nice -n 10 /opt/narrate library '{shelf}'"


def test_what_is_asked_for_is_passed_on(shelf: Path) -> None:
    flags = ("--until", "6:00", "--max-cost", "2.50", "-j", "4", "--log", "my log", "--log-json", "e.jsonl", "--quiet")
    text = printed("--launchd", *flags, "--env", "LMNT_API_KEY_FILE=/k")
    read = plistlib.loads(text.encode())
    assert read["ProgramArguments"][1:] == [
        *("library", str(shelf), "--from", "01:30", "--until", "06:00", "--max-cost", "2.5", "--jobs", "4"),
        *("--log", str(shelf.parent / "my log"), "--log-json", str(shelf.parent / "e.jsonl"), "--quiet"),
    ]
    assert read["EnvironmentVariables"] == {"LMNT_API_KEY_FILE": "/k"}
    assert "works from 01:30 until 06:00" in text


def test_the_shelf_is_found_from_anywhere(shelf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (shelf.parent / "there").mkdir()
    monkeypatch.chdir("there")
    made = CliRunner().invoke(schedule, ["print", "../my shelf.toml", "--cron"])
    assert f"'{shelf}'" in made.stdout


def test_systemd_s_two_files_are_told_apart(shelf: Path) -> None:
    text = printed("--systemd", "--every", "6h")
    assert re.findall("^# (~.*)$", text, re.M) == [
        "~/.config/systemd/user/narrate-my-shelf.service",
        "~/.config/systemd/user/narrate-my-shelf.timer",
    ]
    assert "OnCalendar=*-*-* 00/6:00:00" in text
    assert "User=" not in text


def test_a_unit_of_the_system_runs_as_who_printed_it(shelf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUDO_USER", "jane")
    assert "\nUser=jane\n" in printed("--systemd", "--system")
    assert "User=" not in printed("--systemd", "--user")


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not installed")
@pytest.mark.parametrize("kind", ["--user", "--system"])
def test_what_is_written_passes_systemd_s_own_check(shelf: Path, kind: str) -> None:
    written = printed("--systemd", kind, "--until", "06:00", "-o", "units").splitlines()
    assert written == ["units/narrate-my-shelf.service", "units/narrate-my-shelf.timer"]
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", kind, *(str(Path(path).resolve()) for path in written)],
        env={**os.environ, "XDG_RUNTIME_DIR": str(shelf.parent)},
        capture_output=True,
        text=True,
    )
    if "Failed to initialize manager" in done.stderr:
        pytest.skip("systemd-analyze cannot work here")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_job_for_kubernetes(shelf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    monkeypatch.setenv("XDG_CACHE_HOME", "/of/this/machine")
    job = [*yaml.safe_load_all(printed("--k8s", "--image", "example.org/narrate:1", "--name", "Night Shelf"))][-1]
    assert job["metadata"]["name"] == "narrate-night-shelf"
    assert job["spec"]["timeZone"] == "Europe/Berlin"
    (container,) = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    assert container["command"] == ["narrate"]
    assert "/of/this/machine" not in {variable["value"] for variable in container["env"]}
    zoned = printed("--k8s", "--image", "x", "--timezone", "Asia/Tokyo")
    assert [*yaml.safe_load_all(zoned)][-1]["spec"]["timeZone"] == "Asia/Tokyo"


# Which narrate.


def test_this_installation_is_started(shelf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (shelf.parent / "real").write_text("#!/bin/sh\n")
    (shelf.parent / "real").chmod(0o755)
    (shelf.parent / "bin").mkdir()
    (shelf.parent / "bin" / "narrate").symlink_to("../real")
    monkeypatch.setattr(sys, "argv", ["bin/narrate", "schedule"])
    assert room._command("cron", None) == (str(shelf.parent / "bin" / "narrate"),), "links stay"


def test_python_starts_it_where_there_is_no_program(shelf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", [str(Path(room.__file__).parent.parent / "__main__.py")])
    monkeypatch.setattr(room.sysconfig, "get_path", lambda _: str(shelf.parent))
    assert room._command("cron", None) == (sys.executable, "-m", "narrate")
    assert f"nice -n 10 {sys.executable} -m narrate library " in printed("--cron")


# What the run needs of this terminal.


def test_a_run_finds_the_same_keys_and_the_same_store(shelf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/big/cache")
    monkeypatch.setenv("LMNT_API_KEY_FILE", "/home/me/key")
    assert plistlib.loads(printed("--launchd").encode())["EnvironmentVariables"] == {
        "LMNT_API_KEY_FILE": "/home/me/key",
        "XDG_CACHE_HOME": "/big/cache",
    }
    changed = printed("--launchd", "--env", "XDG_CACHE_HOME=~/cache").encode()
    assert plistlib.loads(changed)["EnvironmentVariables"]["XDG_CACHE_HOME"] == str(Path.home() / "cache")


def test_keys_and_proxies_are_not_written_down_but_named(shelf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LMNT_API_KEY", "sk-very-secret")
    monkeypatch.setenv("HTTPS_PROXY", "http://me:secret@proxy")
    result = run("--systemd")
    assert result.exit_code == 0
    assert "secret" not in result.output
    key, proxy = result.stderr.splitlines()
    assert key.endswith("put it into a file, and add --env LMNT_API_KEY_FILE=FILE")
    assert proxy.startswith("HTTPS_PROXY is set here, and will not be there")
    result = run("--systemd", "--env", "LMNT_API_KEY_FILE=/k", "--env", "HTTPS_PROXY=http://proxy")
    assert result.stderr == ""


@pytest.mark.parametrize("name", ["LMNT_API_KEY", "SMTP_PASSWORD", "hook_secret", "TOKEN"])
def test_a_key_in_a_schedule_is_refused_without_saying_it(shelf: Path, name: str) -> None:
    result = run("--cron", "--env", f"{name}=sk-very-private")
    assert result.exit_code == 2
    assert f"{name}_FILE=FILE" in " ".join(result.stderr.split())
    assert "private" not in result.output


# Wishes that cannot be.


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ((), "name one kind"),
        (("--cron", "--systemd"), "name only one kind"),
        (("--cron", "--at", "25:00"), "'25:00' is no time of the day; write it as 01:30"),
        (("--cron", "--every", "7m"), "'7m' does not divide the day"),
        (("--cron", "--days", "mo-fr"), "'mo' is no day of the week"),
        (("--cron", "--at", "1:00", "--every", "1h"), "choose one of them"),
        (("--cron", "--from", "22:00"), "say with --until when it is to stop"),
        (("--cron", "--at", "9:00", "--from", "22:00", "--until", "6:00"), "but from 22:00 until 06:00"),
        (("--cron", "--user"), "--system or --user does not go with --cron"),
        (("--cron", "--image", "x"), "--image does not go with --cron"),
        (("--systemd", "--timezone", "Asia/Tokyo"), "--timezone does not go with --systemd"),
        (("--k8s",), "--k8s needs --image"),
        (("--k8s", "--image", "x", "--log", "y"), "--log does not go with --k8s"),
        (("--cron", "--env", "no value"), "write it as NAME=VALUE"),
        (("--cron", "--env", "A B=1"), "write it as NAME=VALUE"),
    ],
)
def test_what_cannot_be_is_said(shelf: Path, words: tuple[str, ...], why: str) -> None:
    result = run(*words)
    assert result.exit_code == 2
    assert why in result.stderr


def test_midnight_is_a_time(shelf: Path) -> None:
    assert printed("--cron", "--at", "00:00").splitlines()[-1].startswith("0 0 * * * ")


def test_a_shelf_that_is_not_there_or_cannot_be_named(shelf: Path) -> None:
    result = CliRunner().invoke(schedule, ["print", "none.toml", "--cron"], catch_exceptions=False)
    assert result.exit_code == 0
    assert result.stderr == f"{shelf.parent / 'none.toml'}: is not there yet; a run fails until it is\n"
    shelf.write_text(shelf.read_text() + "speeed = 2\n")
    with pytest.raises(JobError, match="speeed"):
        run("--cron")
    (shelf.parent / "two\nlines.toml").touch()
    with pytest.raises(JobError, match="control characters"):
        CliRunner().invoke(schedule, ["print", "two\nlines.toml", "--cron"], catch_exceptions=False)


# The hours of a run.


def test_a_run_that_is_late_does_nothing(shelf: Path) -> None:
    text = printed("--systemd", "--at", "22:15", "--until", "6:00")
    assert " --from 22:15 --until 06:00\n" in text
    assert "\nPersistent=true\n" in text
    assert "RandomizedDelaySec" not in text, "it may be all there is of the hours"
    assert "Persistent=false" in printed("--systemd", "--every", "1h", "--until", "6:00")
    often = printed("--cron", "--every", "15m", "--from", "22:00", "--until", "6:00")
    assert often.endswith(" --from 22:00 --until 06:00\n")


@pytest.mark.parametrize("kind", [("--cron",), ("--systemd",), ("--launchd",), ("--k8s", "--image", "x")])
def test_the_hours_of_the_shelf_are_told(shelf: Path, kind: tuple[str, ...]) -> None:
    shelf.write_text(f'from = "20:00"\nuntil = "24:00"\n{shelf.read_text()}')
    text = printed(*kind, "--timezone", "Europe/Berlin") if "--k8s" in kind else printed(*kind)
    assert "works from 20:00 until 00:00" in text
    assert "every day at 20:00" in text, "at half past one nothing would be narrated"
    assert "--until" not in text
    with_flags = printed(*kind, "--at", "21:00", "--until", "23:00")
    assert "works from 20:00 until 23:00" in with_flags
    assert "--until" in with_flags


def test_a_shelf_that_has_an_end_alone(shelf: Path) -> None:
    shelf.write_text(f'until = "6:00"\n{shelf.read_text()}')
    text = printed("--systemd")
    assert " --from 01:30\n" in text
    assert "works from 01:30 until 06:00" in text


def test_variables_of_the_shelf_are_named(shelf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shelf.write_text(
        'output = "${OUT}"\n[[hooks]]\nwebhook = "${HOOK_URL}"\nsecret_variable = "HOOK_SECRET"\n'
        '[[books]]\nfeed = "${FEED_URL}"\n'
    )
    with pytest.raises(JobError, match="OUT"):
        run("--cron")
    for name in ("HOOK_URL", "HOOK_SECRET", "FEED_URL"):
        monkeypatch.setenv(name, "https://example.org/private")
    result = run("--cron", "--env", "OUT=/out")
    assert result.exit_code == 0
    assert "private" not in result.output
    assert [line.partition(" ")[0] for line in result.stderr.splitlines()] == ["HOOK_SECRET", "HOOK_URL", "FEED_URL"]
    named = ("--env", "HOOK_SECRET_FILE=/s", "--env", "HOOK_URL=http://h", "--env", "FEED_URL=http://f")
    assert run("--cron", "--env", "OUT=/out", *named).stderr == ""


# Files.


def test_files_are_written_and_those_of_others_are_left_alone(shelf: Path) -> None:
    assert printed("--cron", "-o", "here") == "here/narrate-my-shelf.cron\n"
    path = shelf.parent / "here" / "narrate-my-shelf.cron"
    assert path.read_text() == printed("--cron")
    assert printed("--cron", "-o", "here") == "here/narrate-my-shelf.cron\n", "the same again is no trouble"
    path.write_text("mine\n")
    with pytest.raises(NarrateError, match=r"narrate-my-shelf\.cron: is there, and says otherwise"):
        run("--cron", "-o", "here")
    assert path.read_text() == "mine\n"


def test_of_two_files_neither_is_written_when_one_is_in_the_way(shelf: Path) -> None:
    (shelf.parent / "narrate-my-shelf.timer").write_text("mine\n")
    with pytest.raises(NarrateError, match=r"\.timer: is there"):
        run("--systemd", "-o", ".")
    assert not (shelf.parent / "narrate-my-shelf.service").exists()


def test_a_folder_that_cannot_be_written_is_one_error(shelf: Path) -> None:
    with pytest.raises(NarrateError, match="cannot be written"):
        run("--cron", "-o", f"{shelf.name}/below")
