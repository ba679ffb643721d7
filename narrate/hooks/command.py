"""HOOK: a command is run, without a shell: JSON on standard input, the rest in its environment.

    NARRATE_EVENT, NARRATE_SUBJECT, NARRATE_TEXT, NARRATE_NOTICE (its id), and NARRATE_DATA_<NAME> for each text and
    number on top of the payload: NARRATE_DATA_TITLE

It does not get the keys of engines. What it writes is read and forgotten; its last line is told when it fails. Over its
time it is ended, with all that it started.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import tempfile
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO
from weakref import WeakSet

from narrate.errors import shown
from narrate.hooks import Hook, Notice, Undelivered
from narrate.hooks.environment import secret_variables, without_keys
from narrate.hooks.wording import as_json, lines, subject, text
from narrate.lastwords import LastWords, signal_name

LONGEST_VALUE = 4_000
"""Characters of a variable; what is longer stands in the JSON."""
GRACE_S = 1.0
"""Seconds that a command has to leave by itself."""

_NAME = re.compile("[A-Za-z][A-Za-z0-9_]*")
_running: dict[threading.Thread, subprocess.Popen[bytes]] = {}
_cut_off: WeakSet[threading.Thread] = WeakSet()


def deliver(hook: Hook, notice: Notice, env: Mapping[str, str]) -> None:
    """Run the command, once. Undelivered says how it ended, unless that was with 0."""
    name = shown(Path(hook.command[0]).name, 60)
    # from a file, which nobody waits for: a command need not read what it is told
    with tempfile.TemporaryFile() as given:
        given.write(as_json(notice))
        given.seek(0)
        process = _started(hook, name, given, _environment(hook, notice, env))
        thread = threading.current_thread()
        _running[thread] = process
        try:
            if thread in _cut_off:  # it was, while the command was being started
                _signal(process, "SIGKILL")
            assert process.stdout is not None
            words = LastWords(process.stdout)
            _wait(process, name, hook.timeout)
            if process.returncode:
                last = words.line()
                told = f"{name} {_ending(process.returncode)}"
                raise Undelivered(f"{told}: {last}" if last else told, heals=True)
        finally:
            del _running[thread]


def cut_off(thread: threading.Thread) -> None:
    """End what ``thread`` runs, and all that it will run: its deliverer then fails."""
    _cut_off.add(thread)
    process = _running.get(thread)
    if process is not None:
        _signal(process, "SIGKILL")


def _started(hook: Hook, name: str, told: IO[bytes], environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    program = hook.command[0]
    try:
        return subprocess.Popen(
            [os.path.expanduser(program) if program.startswith("~") else program, *hook.command[1:]],  # noqa: PTH111
            stdin=told,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,  # a group of its own, to be ended as one; and no terminal to ask a password on
        )
    except FileNotFoundError:
        reason = "there is no such command; name it by its path, or put its folder into PATH"
    except PermissionError:
        reason = "may not be run: make it executable (chmod +x)"
    except OSError as error:
        reason = f"cannot be run: {(error.strerror or str(error)).lower()}"
    except ValueError:
        reason = "cannot be run: its words or the environment hold what no command can"
    raise Undelivered(f"{name}: {reason}")


def _environment(hook: Hook, notice: Notice, env: Mapping[str, str]) -> dict[str, str]:
    data = {
        f"NARRATE_DATA_{name.upper()}": str(value)
        for name, value in notice.payload.items()
        if isinstance(name, str) and _NAME.fullmatch(name) and isinstance(value, str | int | float)
    }
    told = data | {
        "NARRATE_EVENT": notice.event,
        "NARRATE_SUBJECT": subject(notice),
        "NARRATE_TEXT": text(notice),
        "NARRATE_NOTICE": notice.id,
    }
    return without_keys(env, secret_variables((hook,))) | {
        name: lines(value, LONGEST_VALUE) for name, value in told.items()
    }


def _wait(process: subprocess.Popen[bytes], name: str, timeout: float) -> None:
    try:
        process.wait(timeout)
    except subprocess.TimeoutExpired:
        _signal(process, "SIGTERM")
        with suppress(subprocess.TimeoutExpired):
            process.wait(GRACE_S)
        _signal(process, "SIGKILL")
        process.wait()
        late = Undelivered(f"{name} did not end within {timeout:g} s, and was ended", heals=True)
    else:
        return
    raise late


def _signal(process: subprocess.Popen[bytes], name: str) -> None:
    """Send a signal to the process and all that it started and that did not leave its group."""
    with suppress(OSError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, getattr(signal, name))
        else:  # pragma: no cover (Windows)
            process.kill()


def _ending(code: int) -> str:
    return f"ended with {code}" if code > 0 else f"was ended by {signal_name(code)}"
