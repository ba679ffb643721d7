"""A crontab's lines: POSIX fields and a command that means the same to every cron and every sh.

Crons disagree about a backslash: all make ``\\%`` a percent sign, and some make two backslashes one. So none of a path
is followed by either here. A command is at most 998 bytes long: Debian's cron takes no more.
"""

from __future__ import annotations

import re

from narrate.errors import JobError
from narrate.schedules import Schedule, Unit, comment

LONGEST = 998
_PLAIN = re.compile(r"[A-Za-z0-9@+=:,./_-]+")


def units(schedule: Schedule) -> tuple[Unit, ...]:
    """One file: comments and one line, to be added to a crontab."""
    about = comment(
        f"narrate keeps the shelf {schedule.shelf}: {schedule.said}.",
        "",
        "Install it beside what your crontab holds (take an older line of this shelf out first, with crontab -e):",
        f"  (crontab -l 2>/dev/null; cat {schedule.name}.cron) | crontab -",
        "",
        "cron mails what is printed to the owner of the crontab, or to whom MAILTO names; nothing is printed when",
        "nothing was due. MAILTO, PATH and SHELL are for all lines below them, so they are only proposed here:",
        "  MAILTO=you@example.org",
        "The line itself needs nothing of the environment but sh. Where hooks call other programs, cron's own",
        "PATH=/usr/bin:/bin may be too short for them; where SHELL is not /bin/sh, set it back:",
        "  PATH=/usr/local/bin:/usr/bin:/bin",
        "  SHELL=/bin/sh",
        "Keys have no place in a crontab: put one into a file that only you can read (chmod 600), and print this",
        "again with --env LMNT_API_KEY_FILE=/path/of/that/file.",
        *schedule.hours,
        "Times are the machine's own (restart cron after its time zone was changed). A run that was missed while the",
        "machine was off is not made up by cron, but all that was due then is done by the next one.",
    )
    return (Unit(f"{schedule.name}.cron", f"{about}{schedule.cron_fields} {_command(schedule)}\n"),)


def _command(schedule: Schedule) -> str:
    variables = [f"{name}={_quoted(value)}" for name, value in schedule.environment]
    command = " ".join([*variables, "nice -n 10", *map(_quoted, schedule.words)])
    size = len(command.encode())
    if size > LONGEST:
        raise JobError(
            f"{schedule.shelf}: the command is {size:,} bytes long, and cron takes {LONGEST}; "
            "put the command into a script, or move the shelf to a shorter path"
        )
    return command


def _quoted(word: str) -> str:
    """``word`` for sh, inside a crontab."""
    if _PLAIN.fullmatch(word):
        return word
    # after a backslash the quotes are closed and opened again, so that no cron takes it together with what follows
    return "'" + word.replace("'", "'\"'\"'").replace("\\", "\\''").replace("%", "\\%") + "'"
