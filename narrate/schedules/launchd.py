"""A property list for launchd, of the user's own (a LaunchAgent)."""

from __future__ import annotations

import plistlib
from itertools import product
from typing import Any

from narrate.schedules import Schedule, Unit

_WHY = {
    "ProgramArguments": "The run, word by word; there is no shell in between.",
    "EnvironmentVariables": "Never a key: LMNT_API_KEY_FILE names the file that holds it.",
    "StartCalendarInterval": "Local times (Weekday 0 is Sunday). After a sleep, what was missed is made up once.",
    "ProcessType": "It takes what others leave of the machine.",
    "ExitTimeOut": "When it is stopped, it waits up to 15 s for answers that are paid for.",
    "StandardOutPath": "What was made, and what failed. Empty when nothing was due.",
}


def units(schedule: Schedule) -> tuple[Unit, ...]:
    """One file, an agent."""
    label = f"org.narrate.{schedule.name.removeprefix('narrate-')}"
    log = f"{schedule.home}/Library/Logs/{schedule.name}.log"
    contents: dict[str, Any] = {
        "Label": label,
        "ProgramArguments": list(schedule.words),
        "EnvironmentVariables": dict(schedule.environment),
        "StartCalendarInterval": _times(schedule),
        "RunAtLoad": False,
        "ProcessType": "Background",
        "LowPriorityIO": True,
        "Nice": 10,
        "ExitTimeOut": 30,
        "StandardOutPath": log,
        "StandardErrorPath": log,
    }
    if not schedule.environment:
        del contents["EnvironmentVariables"]
    return (Unit(f"{label}.plist", _commented(plistlib.dumps(contents, sort_keys=False).decode(), label, schedule)),)


def _times(schedule: Schedule) -> list[dict[str, int]]:
    """Every moment of a week or a day: launchd has no steps. An unnamed part is any."""
    days: list[dict[str, int]] = [{}]
    if len(schedule.days) < len(range(7)):
        days = [{"Weekday": (day + 1) % 7} for day in schedule.days]
    if not schedule.every:
        times = [{"Hour": schedule.at.hour, "Minute": schedule.at.minute}]
    elif schedule.every == 1:
        times = [{}]
    elif schedule.every <= 60:
        times = [{"Minute": minute} for minute in range(0, 60, schedule.every)]
    else:
        times = [{"Hour": hour, "Minute": 0} for hour in range(0, 24, schedule.every // 60)]
    return [{**day, **time} for day, time in product(days, times)]


def _commented(text: str, label: str, schedule: Schedule) -> str:
    """``text`` with comments; nothing of a path is in them, since XML comments know no escapes."""
    hours = "".join(f"\n  {line}" for line in schedule.hours)
    if not schedule.made_up:
        hours += "\n  One that is made up after a sleep goes on until then, even by day."
    about = (
        f"<!--\n  narrate keeps a shelf narrated: {schedule.said}.\n"
        f"  Install: copy this file to ~/Library/LaunchAgents/{label}.plist, then\n"
        f"    launchctl bootstrap gui/$(id -u) ~/Library/LaunchAgents/{label}.plist\n"
        f"  Run it now:   launchctl kickstart gui/$(id -u)/{label}\n"
        f"  Take it away: launchctl bootout gui/$(id -u)/{label}{hours}\n-->\n"
    )
    text = text.replace("<plist ", f"{about}<plist ", 1)
    for key, why in _WHY.items():
        # a value cannot look like this: its < is escaped
        text = text.replace(f"\t<key>{key}</key>\n", f"\t<!-- {why} -->\n\t<key>{key}</key>\n", 1)
    return text
