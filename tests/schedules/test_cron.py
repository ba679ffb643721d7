"""A crontab's line: taken by crontab, and what it starts is what was meant, whatever the paths hold."""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings

from narrate.errors import JobError
from narrate.schedules import Schedule, cron
from tests.schedules import cron_daemon
from tests.schedules.scheduled import NASTY, TIMES, names, says_its_words


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return says_its_words(tmp_path_factory.mktemp("it's 100% $x") / "narrate \\%\\")


def line(schedule: Schedule) -> str:
    (unit,) = cron.units(schedule)
    assert unit.name == f"{schedule.name}.cron"
    *comments, last = unit.text.removesuffix("\n").split("\n")
    assert all(comment.startswith("#") for comment in comments)
    assert last.startswith(f"{schedule.cron_fields} ")
    return last.removeprefix(f"{schedule.cron_fields} ")


def undone(command: str, dialect: str) -> str:
    """What sh gets of a command, by the rules of a cron; a percent sign that is left would be a line's end."""
    pattern = r"\\([%\\])|\\(.)|(%)" if dialect == "takes the backslash off % and backslash" else r"\\(%)|\\(.)|(%)"

    def one(found: re.Match[str]) -> str:
        assert found[3] is None, "the rest would be standard input"
        return found[1] or f"\\{found[2]}"

    return re.sub(pattern, one, command, flags=re.DOTALL)


def started(command: str) -> tuple[str, ...]:
    done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, env={"PATH": "/usr/bin:/bin"})
    assert not done.stderr
    return tuple(word.decode() for word in done.stdout.split(b"\0")[:-1])


@pytest.mark.parametrize("dialect", ["takes the backslash off % and backslash", "takes the backslash off %"])
@settings(max_examples=60, deadline=None)
@given(shelf=names, log=names)
def test_any_path_reaches_narrate_as_it_is(program: Path, dialect: str, shelf: str, log: str) -> None:
    schedule = Schedule(f"/{shelf}", (str(program),), flags=("--log", log), environment=(("KEY_FILE", shelf),))
    assert started(undone(line(schedule), dialect)) == schedule.words[1:]


@pytest.mark.parametrize("name", NASTY)
def test_variables_reach_narrate_too(name: str) -> None:
    schedule = Schedule("/s", ("/usr/bin/env",), environment=(("LMNT_API_KEY_FILE", f"/{name}"),))
    command = undone(line(schedule), "takes the backslash off %").replace(
        " /usr/bin/env library /s", " /usr/bin/env -0"
    )
    assert f"LMNT_API_KEY_FILE=/{name}" in started(command)


def test_what_is_plain_stays_readable() -> None:
    schedule = Schedule("/home/me/shelf.toml", flags=("--until", "06:00"))
    assert line(schedule) == "nice -n 10 /usr/bin/narrate library /home/me/shelf.toml --until 06:00"


def test_a_command_longer_than_cron_takes_is_refused_and_the_longest_is_not() -> None:
    room = cron.LONGEST - len(line(Schedule("/")).encode())
    longest = replace(TIMES[0], shelf="/" + "x" * room)
    assert len(line(longest).encode()) == cron.LONGEST
    accepts(cron.units(longest)[0].text)
    with pytest.raises(JobError, match=r"999 bytes long, and cron takes 998"):
        cron.units(replace(longest, shelf="/" + "x" * (room + 1)))
    with pytest.raises(JobError):
        cron.units(replace(longest, shelf="/" + "é" * (room // 2 + 1)))


@pytest.mark.parametrize(
    "schedule", [*TIMES, *(Schedule(f"/{name}") for name in NASTY)], ids=lambda it: it.shelf + it.said
)
def test_crontab_takes_it(schedule: Schedule) -> None:
    accepts(cron.units(schedule)[0].text)


def accepts(text: str) -> None:
    """Have crontab check it, which installs nothing."""
    if not shutil.which("crontab"):
        pytest.skip("crontab is not installed")
    done = subprocess.run(["crontab", "-n", "-"], input=text, capture_output=True, text=True)
    if "invalid option" in done.stderr:
        pytest.skip("this crontab cannot check without installing")
    assert done.returncode == 0, done.stderr


# The real daemon, with a spool of its own in a name space of its own: nobody's crontab is read or written, and it is
# gone with everything it started when the test ends. A minute of its clock is a second.


@pytest.fixture
def minutes(tmp_path: Path) -> Iterator[None]:
    """Debian's cron, running ``crontab``'s lines every second from now on."""
    with cron_daemon.cron(tmp_path, 60):
        yield


@pytest.fixture
def crontab(tmp_path: Path) -> Schedule:
    """Written before cron starts."""
    program = says_its_words(tmp_path / "it's 100% $x \\% 😀")
    program.write_text(program.read_text().replace('"$@"', f"\"$@\" >> '{tmp_path}/words'; echo >> '{tmp_path}/words'"))
    nasty = tuple(name for name in NASTY if name != "plain")
    schedule = Schedule("/a b", (str(program),), every=1, flags=nasty, environment=(("KEY_FILE", "\\%"),))
    text = cron.units(schedule)[0].text
    (tmp_path / "crontab").write_text(f"HOME={tmp_path}\n{text}")
    return schedule


def test_a_real_cron_starts_what_was_meant(tmp_path: Path, crontab: Schedule, minutes: None) -> None:
    words = tmp_path / "words"
    until = time.monotonic() + 20
    ended: list[bytes] = []
    while time.monotonic() < until and len(ended) < 2:
        time.sleep(0.02)
        with suppress(FileNotFoundError):
            ended = words.read_bytes().split(b"\0\n")[:-1]
    assert len(ended) >= 2, (tmp_path / "errors").read_text()
    assert (tmp_path / "installed").read_text().endswith((tmp_path / "crontab").read_text())
    assert {tuple(word.decode() for word in run.split(b"\0")) for run in ended} == {crontab.words[1:]}
