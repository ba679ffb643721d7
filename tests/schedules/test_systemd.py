"""A service and its timer: systemd has nothing to say against them, and reads what was meant."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from narrate.schedules import Clock, Schedule, systemd
from tests.schedules.scheduled import NASTY, TIMES, names, says_its_words

pytestmark = pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not installed")


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(says_its_words(tmp_path_factory.mktemp("a 100% x") / "narrate"))


def verify(folder: Path, schedule: Schedule, level: str = "info") -> str:
    """All that systemd says of the units."""
    paths = []
    for unit in systemd.units(schedule):
        paths.append(folder / unit.name)
        paths[-1].write_text(unit.text, encoding="utf-8")
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", "--system" if schedule.owner else "--user", *map(str, paths)],
        env={**os.environ, "XDG_RUNTIME_DIR": str(folder), "SYSTEMD_LOG_LEVEL": level},
        capture_output=True,
        text=True,
    )
    if "Failed to initialize manager" in done.stderr:
        pytest.skip("systemd-analyze cannot work here")
    assert done.returncode == 0, done.stderr
    return done.stdout + ("" if level == "debug" else done.stderr)


def directive(text: str, name: str) -> list[str]:
    return re.findall(f"^{name}=(.*)$", text, re.M)


@pytest.mark.parametrize("owner", ["", "root"], ids=["of the user's own", "of the whole system"])
def test_systemd_has_nothing_to_say_against_them(tmp_path: Path, program: str, owner: str) -> None:
    variables = (("LMNT_API_KEY_FILE", "/etc/a b/100%"), ("HOME", "/h"))
    for schedule in (*TIMES, replace(TIMES[0], until=Clock(6, 0), flags=("--until", "06:00"), environment=variables)):
        assert verify(tmp_path, replace(schedule, command=(program,), owner=owner)) == ""


def test_it_would_have_something_to_say_against_others(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="is not executable"):
        verify(tmp_path, Schedule("/s", ("/there/is/none",)))


@pytest.mark.parametrize(
    "folder", ["plain", "two words", "it's", 'a "quoted"', "back\\", "100%", "$HOME", "😀 é", "a;b=c"]
)
def test_it_finds_narrate_wherever_that_is(tmp_path: Path, folder: str) -> None:
    (tmp_path / folder).mkdir()
    command = str(says_its_words(tmp_path / folder / "narrate"))
    assert command in read_back(tmp_path, Schedule("/s", (command,)))


@pytest.mark.parametrize("name", NASTY)
def test_it_reads_what_was_meant(tmp_path: Path, program: str, name: str) -> None:
    schedule = Schedule(f"/{name}", (program,), flags=("--log", f"/x/{name}"), environment=(("KEY_FILE", f"/{name}"),))
    assert read_back(tmp_path, schedule) == schedule.words


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(flags=st.lists(names, max_size=30).map(tuple))
def test_it_reads_whatever_was_meant(tmp_path: Path, program: str, flags: tuple[str, ...]) -> None:
    schedule = Schedule("/s", (program,), flags=flags)
    assert read_back(tmp_path, schedule) == schedule.words


def read_back(folder: Path, schedule: Schedule) -> tuple[str, ...]:
    """The command as systemd has read it: printed for a shell, and before it puts variables in.

    The variables are compared here.
    """
    dump = verify(folder, schedule, "debug")
    command = re.search(r"Command Line: (.*)$", dump, re.M)
    assert command
    words = shlex.split(re.sub(r"\\([$`])", r"\1", command[1]))
    variables = re.findall(r"^\t+Environment: (.*)$", dump, re.M)
    assert variables == [f"{name}={value}" for name, value in schedule.environment]
    # systemd makes one dollar of two; a single one would be a variable's
    assert all(len(dollars) % 2 == 0 for word in words[1:] for dollars in re.findall(r"\$+", word))
    return (words[0], *(word.replace("$$", "$") for word in words[1:]))


def test_narrate_says_when_it_is_ready_and_is_stopped_in_good_order() -> None:
    service, timer = systemd.units(Schedule("/s"))
    assert (service.name, timer.name) == ("narrate-shelf.service", "narrate-shelf.timer")
    for name, value in (
        ("Type", "notify"),
        ("NotifyAccess", "main"),
        ("KillMode", "mixed"),
        ("SuccessExitStatus", "75 143"),
        ("EnvironmentFile", "-%E/narrate/narrate.env"),
        ("User", None),
        ("ProtectSystem", None),
    ):
        assert directive(service.text, name) == ([value] if value else [])
    assert int(directive(service.text, "TimeoutStopSec")[0].removesuffix("s")) > 15
    assert directive(timer.text, "Unit") == [service.name]


def test_a_missed_run_is_made_up_unless_it_would_last_all_day() -> None:
    for since, until, made_up in (
        (None, None, "true"),
        (None, Clock(6, 0), "false"),
        (Clock(1, 30), Clock(6, 0), "true"),
    ):
        schedule = Schedule("/s", since=since, until=until)
        assert directive(systemd.units(schedule)[1].text, "Persistent") == [made_up]
    assert not directive(systemd.units(Schedule("/s", every=15))[1].text, "RandomizedDelaySec")


def test_walls_are_for_units_of_the_whole_system_and_leave_the_shelf_in_sight() -> None:
    service, _ = systemd.units(Schedule("/home/me/s.toml", owner="me"))
    assert directive(service.text, "User") == ["me"]
    assert directive(service.text, "ProtectSystem") == ["full"]
    assert directive(service.text, "PrivateTmp") == ["yes"]
    service, _ = systemd.units(Schedule("/tmp/s.toml", owner="me"))
    assert not directive(service.text, "PrivateTmp")
