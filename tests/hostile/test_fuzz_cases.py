"""What fuzzing found once, small: ``tests/cases/fuzz`` holds a file for each, named for what it was about."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
CASES = sorted((ROOT / "tests" / "cases" / "fuzz").iterdir())


@pytest.fixture(scope="module")
def check(request: pytest.FixtureRequest):
    sys.path.insert(0, str(ROOT / "benchmarks"))
    request.addfinalizer(lambda: sys.path.remove(str(ROOT / "benchmarks")))
    import fuzzing

    return fuzzing.Worker


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_what_was_found_holds(path: Path, check, tmp_path: Path) -> None:
    kind = {".epub": "epub", ".md": "markdown", ".txt": "plain", ".folder": "folder"}[path.suffix]
    worker = check(kind, tmp_path.resolve(), thorough=True)
    signature = worker.try_input(path.read_bytes())
    told = "".join(story.read_text() for story in tmp_path.glob("found/*.txt"))
    assert not signature, told
