"""Runs the command line many times without importing it many times: a process that forks for each request.

Each child is the real thing from ``narrate.cli.main`` on, in a folder of its own, with a bound on its memory and its
time that the kernel keeps. Started as ``python -m tests.hostile.desk``; speaks lines of JSON.
"""

from __future__ import annotations

import contextlib
import gc
import io
import json
import os
import resource
import signal
import sys
from pathlib import Path
from typing import Any, NoReturn

MEMORY = 500 << 20
"""Bytes of address space above what the imports take (issue: no input costs more than 500 MiB)."""
SECONDS = 90
"""Of the processor, and of the clock twice that: then the kernel ends it."""
SAMPLES = Path(__file__).parent.parent.parent / "samples"
_PRELOADED = (
    "narrate.cli", "narrate.produce", "narrate.loaders.epub", "narrate.loaders.markdown", "narrate.loaders.plain",
    "narrate.engines.kokoro", "narrate.engines.espeak", "narrate.engines.ensemble", "narrate.engines.retrying",
    "narrate.engines.verified", "narrate.writers.mp3", "narrate.lexicons", "narrate.executors.threads", "ebooklib.epub",
    "platformdirs",
)  # fmt: skip


def _child(request: dict[str, Any]) -> NoReturn:
    os.chdir(request["folder"])
    os.environ.update(request["environment"])
    for name, descriptor in (("stdout", 1), ("stderr", 2)):
        os.dup2(os.open(request[name], os.O_WRONLY | os.O_CREAT | os.O_TRUNC), descriptor)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    signal.alarm(2 * SECONDS)
    sys.argv = ["narrate", *request["arguments"]]
    from narrate.cli import main

    code: object = 1
    try:
        main()
    except SystemExit as done:
        code = done.code
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else 1)  # to take an interpreter apart costs more than most of the books


def _warm() -> None:
    """Import and compile what any book needs, once and for all children."""
    for name in _PRELOADED:
        __import__(name)
    from narrate.cli import narrate

    for sample in ("candide-two-chapters.epub", "lighthouse.md"):
        with contextlib.redirect_stdout(io.StringIO()):
            narrate.main(["plan", str(SAMPLES / sample)], standalone_mode=False)
    gc.collect()
    gc.freeze()


def _serve() -> None:
    _warm()
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            _child(json.loads(line))
        _, status, usage = os.wait4(child, 0)
        answer = {
            "code": os.waitstatus_to_exitcode(status),
            "seconds": usage.ru_utime + usage.ru_stime,
            "peak": usage.ru_maxrss << 10,
        }
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    _serve()
