"""Debian's cron daemon in a name space of its own, with a spool of its own: nothing of the machine's is touched.

Its clock may go faster (libfaketime): a minute of cron's is then ``60 / speed`` seconds. What it starts lives in real
time. Jobs get cron's environment: HOME, LOGNAME, PATH, SHELL, and what the crontab sets.
"""

from __future__ import annotations

import ctypes.util
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_APART = """
set -e
mount --make-rprivate /
mount --bind "$1/spool" /var/spool/cron
chgrp crontab /var/spool/cron/crontabs
chmod 1730 /var/spool/cron/crontabs
mount --bind "$1/none" /etc/cron.d
mount --bind /dev/null /etc/crontab
mount -t tmpfs none /dev/shm
mount -t tmpfs none /run
crontab "$1/crontab"
crontab -l > "$1/installed"
if [ "$3" = 1 ]; then exec cron -f; fi
FAKETIME="+0 x$3" LD_PRELOAD="$2" exec cron -f
"""


@contextmanager
def cron(folder: Path, speed: int) -> Iterator[None]:
    """The daemon at work on ``folder``/crontab. What it says is in ``folder``/errors. Skips where it cannot be had."""
    if sys.platform != "linux" or os.geteuid() != 0 or not shutil.which("cron"):
        pytest.skip("needs Linux, root and Debian's cron")
    if speed != 1 and not _faketime():
        pytest.skip("needs libfaketime")
    if subprocess.run(["unshare", "-m", "-p", "-f", "true"], capture_output=True).returncode != 0:
        pytest.skip("may not make a name space")
    (folder / "spool" / "crontabs").mkdir(parents=True)
    (folder / "none").mkdir()
    command = ["unshare", "-m", "-p", "-f", "--kill-child", "sh", "-c", _APART, "sh", str(folder), _faketime()]
    with (folder / "errors").open("wb") as errors:
        daemon = subprocess.Popen([*command, str(speed)], stderr=errors, stdout=errors)
    try:
        yield
    finally:
        daemon.kill()
        daemon.wait()


def _faketime() -> str:
    found = sorted(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
    return str(found[0]) if found else ctypes.util.find_library("faketime") or ""
