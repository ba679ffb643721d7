"""Another process that holds something, until it is killed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

CODE = """
import sys, time
from pathlib import Path
{imports}
with {hold}:
    print("held", flush=True)
    time.sleep(60)
"""


@contextmanager
def holding(imports: str, hold: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A process inside ``with <hold>:``; ``arguments`` are its ``sys.argv[1:]``."""
    code = CODE.format(imports=imports, hold=hold)
    process = subprocess.Popen([sys.executable, "-c", code, *arguments], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
