"""A service and its timer for systemd, of the user's own or of the whole system.

What a unit of the user's own cannot have without privileges (private folders, read-only folders) is left out there.
"""

from __future__ import annotations

import re

from narrate.schedules import DAYS, Schedule, Unit, comment, ranges

_PLAIN = re.compile(r"[A-Za-z0-9@+=:,./_-]+")
_NO_PROGRAM = re.compile(r"""[$'"\\]""")
"""What systemd takes in no program's path, however it is written; behind a shell it is a word like all others."""
_ALL_DAYS = 7

_RUNNING = """\
# narrate tells systemd when it has begun, what it is at, and that it gets on. Should it get on no more, it is ended;
# what is spoken by then is kept, and the next run goes on.
Type=notify
NotifyAccess=main
TimeoutStartSec=2min
WatchdogSec=15min
WatchdogSignal=SIGTERM
# When it is stopped, it waits up to 15 s for answers that are paid for, and sends its own children home.
KillMode=mixed
TimeoutStopSec=30s
# No failures: 75, a run begun by hand has the shelf, and does what is due; 143, it was stopped.
SuccessExitStatus=75 143
# It takes what others leave of the machine.
Nice=10
IOSchedulingClass=best-effort
IOSchedulingPriority=7
# Nothing it starts gains rights. A hook that calls sudo or a set-uid sendmail needs NoNewPrivileges=no.
NoNewPrivileges=yes
LockPersonality=yes
RestrictRealtime=yes
"""
_WALLS = """\
# The system is read-only to it, /home, /srv and what is mounted are not: books come from there and go there.
# Closer: ProtectSystem=strict, and ReadWritePaths= with the output, the store and the folder of the logs.
ProtectSystem=full
ProtectControlGroups=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectClock=yes
ProtectHostname=yes
PrivateDevices=yes
"""
_TEMPORARY = ("/tmp", "/var/tmp")


def units(schedule: Schedule) -> tuple[Unit, ...]:
    """The service, which is one run, and the timer, which starts it."""
    return Unit(f"{schedule.name}.service", _service(schedule)), Unit(f"{schedule.name}.timer", _timer(schedule))


def _service(schedule: Schedule) -> str:
    name = schedule.name
    folder, systemctl, journal = _places(schedule)
    configuration = "/etc" if schedule.owner else "~/.config"
    about = comment(
        f"{folder}/{name}.service",
        f"narrate keeps the shelf {schedule.shelf}: {schedule.said}, started by {name}.timer.",
        *schedule.hours,
        "",
        f"Install both files there (narrate schedule print ... -o {folder}), then:",
        f"  {systemctl} daemon-reload",
        f"  {systemctl} enable --now {name}.timer",
        *(() if schedule.owner else ("  loginctl enable-linger       (so that it runs while you are not logged in)",)),
        f"Run it now:   {systemctl} start --no-block {name}.service",
        f"Look at it:   {systemctl} list-timers {name}.timer;  {systemctl} status {name};  {journal} -u {name}",
    )
    return about + "\n".join(
        [
            "",
            "[Unit]",
            f"Description=narrate keeps a shelf narrated ({name})",
            *(
                ("After=network-online.target", "Wants=network-online.target")
                if schedule.owner
                else ("# A unit of the user's own cannot wait for the network; hosted engines are asked again.",)
            ),
            "# A unit of yours that is started when books failed, for example to send mail:",
            "#OnFailure=",
            "",
            "[Service]",
            *((f"User={schedule.owner}",) if schedule.owner else ()),
            f"ExecStart={' '.join(_quoted(word, expanded=True) for word in _started(schedule))}",
            *(f"Environment={_quoted(f'{key}={value}')}" for key, value in schedule.environment),
            f"# More variables, as NAME=value lines: LMNT_API_KEY_FILE=/path/of/a/key. %E is {configuration}.",
            "EnvironmentFile=-%E/narrate/narrate.env",
            _RUNNING + (_walls(schedule) if schedule.owner else ""),
        ]
    )


def _timer(schedule: Schedule) -> str:
    folder, _, _ = _places(schedule)
    about = comment(f"{folder}/{schedule.name}.timer", f"Starts {schedule.name}.service {schedule.said}.")
    lines = [
        "",
        "[Unit]",
        f"Description=narrate keeps a shelf narrated ({schedule.name})",
        "",
        "[Timer]",
        "# Local time; `systemd-analyze calendar` explains it. While a run goes on, no other is started.",
        f"OnCalendar={_calendar(schedule)}",
        *_made_up(schedule),
        "AccuracySec=1min" if not schedule.every or schedule.every > 1 else "AccuracySec=1s",
        f"Unit={schedule.name}.service",
        "",
        "[Install]",
        "WantedBy=timers.target",
        "",
    ]
    return about + "\n".join(lines)


def _made_up(schedule: Schedule) -> tuple[str, ...]:
    if not schedule.made_up:
        # made up at nine in the morning, it would go on until that time of the next day
        return (
            f"# A missed run is not made up, since it would begin after {schedule.until}: the next does what is due.",
            "Persistent=false",
        )
    late = "; outside of its hours it does nothing" if schedule.since else ""
    made_up = (f"# A run that was missed while the machine was off is made up{late}.", "Persistent=true")
    if schedule.every or schedule.since:  # whose hours may be few
        return made_up
    return (
        *made_up,
        "# Not to the second when everybody's does; the same delay each time.",
        "RandomizedDelaySec=5min",
        "FixedRandomDelay=yes",
    )


def _places(schedule: Schedule) -> tuple[str, str, str]:
    """Where the files go, and how systemd and its journal are spoken to."""
    if schedule.owner:
        return "/etc/systemd/system", "systemctl", "journalctl"
    return "~/.config/systemd/user", "systemctl --user", "journalctl --user"


def _walls(schedule: Schedule) -> str:
    seen = any(word.startswith(f"{folder}/") for folder in _TEMPORARY for word in schedule.words)
    return _WALLS + ("" if seen else "PrivateTmp=yes\n")


def _calendar(schedule: Schedule) -> str:
    """``OnCalendar``; systemd's week begins on Monday too."""
    names = [day.capitalize() for day in DAYS]
    runs = [
        names[first] if first == last else f"{names[first]}..{names[last]}" for first, last in ranges(schedule.days)
    ]
    days = "" if len(schedule.days) == _ALL_DAYS else ",".join(runs) + " "
    if not schedule.every:
        return f"{days}*-*-* {schedule.at}:00"
    if schedule.every < 60:
        return f"{days}*-*-* *:{_step(schedule.every)}:00"
    return f"{days}*-*-* {_step(schedule.every // 60)}:00:00"


def _step(step: int) -> str:
    return "*" if step == 1 else f"00/{step}"


def _started(schedule: Schedule) -> tuple[str, ...]:
    if _NO_PROGRAM.search(schedule.command[0]):
        return ("/bin/sh", "-c", 'exec "$@"', "sh", *schedule.words)
    return schedule.words


def _quoted(word: str, *, expanded: bool = False) -> str:
    """``word`` for a unit file; ``expanded`` where systemd puts variables in (ExecStart)."""
    if _PLAIN.fullmatch(word):
        return word
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{escaped.replace("$", "$$") if expanded else escaped}"'
