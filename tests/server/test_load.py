"""The short form of benchmarks/serving.py: a full house for two seconds, without an error and with nobody left out."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parent.parent.parent / "benchmarks" / "serving.py"


def test_a_full_house_is_served_without_an_error() -> None:
    arguments = ("--seconds", "2", "--sessions", "40", "--requests", "60")
    done = subprocess.run([sys.executable, str(SCRIPT), *arguments], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "ERROR" not in done.stdout
    assert "the server ended with 143" in done.stdout
    for kind in ("requests", "sessions"):
        found = re.search(rf"^{kind} +(\d+)", done.stdout, re.MULTILINE)
        assert found is not None
        assert int(found[1]) >= 40
    first = re.search(r"^requests .*?(\d+) ms +(\d+) ms", done.stdout, re.MULTILINE)
    assert first is not None
    assert int(first[1]) <= int(first[2]) < 10_000
