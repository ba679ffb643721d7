"""A property list: what launchd reads is what was meant."""

from __future__ import annotations

import plistlib
import re

from hypothesis import given

from narrate.schedules import Clock, Schedule, launchd
from tests.schedules.scheduled import names


@given(shelf=names, value=names)
def test_any_path_is_read_as_it_is(shelf: str, value: str) -> None:
    schedule = Schedule(f"/{shelf}", flags=("--log", value), environment=(("KEY_FILE", value),), home=f"/{shelf}")
    (unit,) = launchd.units(schedule)
    read = plistlib.loads(unit.text.encode())
    assert read["ProgramArguments"] == list(schedule.words)
    assert read["EnvironmentVariables"] == {"KEY_FILE": value}
    assert read["StandardErrorPath"] == f"/{shelf}/Library/Logs/narrate-shelf.log"


def test_it_is_an_agent_that_takes_what_others_leave() -> None:
    (unit,) = launchd.units(Schedule("/s", name="narrate-night"))
    assert unit.name == "org.narrate.night.plist"
    read = plistlib.loads(unit.text.encode())
    assert read["Label"] == "org.narrate.night"
    assert read["ProcessType"] == "Background"
    assert read["RunAtLoad"] is False
    assert read["ExitTimeOut"] > 15
    assert "EnvironmentVariables" not in read


def test_comments_say_how_it_is_installed_and_why_it_is_so() -> None:
    (unit,) = launchd.units(Schedule("/a--b", since=Clock(1, 30), until=Clock(6, 0)))
    comments = re.findall("<!--(.*?)-->", unit.text, re.DOTALL)
    assert "launchctl bootstrap" in comments[0]
    assert "06:00" in comments[0]
    assert not any("--" in comment for comment in comments)
    assert [re.search(f"<!-- [^<]* -->\n\t<key>{key}</key>", unit.text) is not None for key in launchd._WHY] == [
        key != "EnvironmentVariables" for key in launchd._WHY
    ]
