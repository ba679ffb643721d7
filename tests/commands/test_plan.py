"""``narrate plan`` as it is typed: decisions, overrides next to the book, words, offsets."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from narrate.errors import JobError
from tests.commands.test_run import run

TEXT = """# One

Dr. Worcester read[^1] it in 1887, https://example.org/a/very/long/address/that/nobody/wants.html he said.

| Name | Age |
|------|-----|
| Ada  | 36  |

3. third
4. fourth

[^1]: The note.
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "book.md").write_text(TEXT)
    return tmp_path


def planned(*flags: str) -> dict[str, Any]:
    done = run("plan", "book.md", "--json", "--text", *flags)
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = json.loads(done.stdout)
    assert found["source_characters"] == found["spoken_characters"] + found["skipped_characters"]
    return found


def spoken(*flags: str) -> str:
    return "\n".join(chapter.get("text", "") for chapter in planned("--engine", "tone", *flags)["chapters"])


def test_the_listeners_policy(folder: Path) -> None:
    text = spoken()
    assert "example.org he said." in text
    assert "Name: Ada. Age: 36" in text
    assert "3. third" in text
    assert "The note." not in text


def test_every_decision_is_listed_for_people_and_for_programs(folder: Path) -> None:
    listed = {(item["kind"], item["read"]): item for item in planned("--engine", "tone")["decisions"]}
    assert listed["notes", "skip"]["preview"] == "The note."
    assert listed["list number", "speak"]["count"] == 2
    shown = run("plan", "book.md", "--engine", "tone").stdout
    for words in ("notes: 1 x", "note reference: 1 x", "table = headers: 2 x", "list number = speak: 2 x, '3.'"):
        assert words in shown


def test_flags_change_the_policy_by_kind(folder: Path) -> None:
    assert "The note." in spoken("--read", "notes=paragraph")
    assert "Ada. 36" in spoken("--read", "table=cells")
    assert "third" in spoken("--read", "list_number=skip")
    assert "The note." in spoken("--policy", "complete")


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (("--read", "note=skip"), "unknown kind of text 'note'; did you mean 'notes'?"),
        (("--read", "notes"), "'notes' is read in one of the ways"),
        (("--policy", "lstener"), "unknown reading policy 'lstener'"),
        (("--lexicon", "none.toml"), "there is no such lexicon"),
        (("--lexicon", "book.md"), "a lexicon must end in"),
    ],
)
def test_mistakes_are_one_sentence(folder: Path, flags: tuple[str, ...], says: str) -> None:
    with pytest.raises(JobError, match=re.escape(says)):
        run("plan", "book.md", "--engine", "tone", *flags)


def test_a_file_next_to_the_book_overrides_kinds_and_places(folder: Path) -> None:
    (folder / "names.csv").write_text("word,said\nAda,Ayda\n")
    (folder / "book.narrate.toml").write_text(
        'policy = "listener"\nlexicons = ["names.csv"]\n[reading]\nnotes = "chapter"\n'
        '[[places]]\nwhere = "book.md:9"\nsay = "The third."\n[metadata]\ntitle = "Mine"\n'
    )
    found = planned("--engine", "tone")
    text = found["chapters"][0]["text"]
    assert found["title"] == "Mine"
    assert "The note." in text
    assert "Name: Ayda." in text
    assert "The third." in text
    assert "third\n" not in text.replace("The third.\n", "")


def test_a_place_that_is_not_there_is_told(folder: Path) -> None:
    (folder / "book.narrate.toml").write_text('[[places]]\nwhere = "book.md:900"\nread = "skip"\n')
    assert any("book.md:900" in warning for warning in planned("--engine", "tone")["warnings"])


def test_what_does_not_belong_next_to_a_book_is_refused(folder: Path) -> None:
    (folder / "book.narrate.toml").write_text('engine = "tone"\n')
    with pytest.raises(JobError, match="'engine' belongs in a job file"):
        run("plan", "book.md")


def test_words_with_what_is_said_and_what_is_of_no_use(folder: Path) -> None:
    (folder / "names.toml").write_text('[words]\n"Worcester" = "/ˈwʊstə/"\n"Nobody" = "no body"\n')
    found = json.loads(run("plan", "book.md", "--words", "--json", "--lexicon", "names.toml").stdout)
    rows = {row["word"]: row for row in found["words"]}
    assert rows["Worcester"]["said"] == "/ˈwʊstə/"
    assert rows["Worcester"]["lexicon"].startswith("names.toml")
    assert [item["word"] for item in found["unused"]] == ["Nobody"]
    shown = run("plan", "book.md", "--words", "--lexicon", "names.toml").stdout
    assert "*Worcester" in shown
    assert "never used: 'Nobody'" in shown


def test_a_lexicon_changes_only_the_chunks_that_hold_its_words(folder: Path) -> None:
    (folder / "names.csv").write_text("word,said\nAda,Ayda\n")
    before, after = spoken().splitlines(), spoken("--lexicon", "names.csv").splitlines()
    assert [(a, b) for a, b in zip(before, after, strict=True) if a != b] == [
        ("Name: Ada. Age: 36", "Name: Ayda. Age: 36")
    ]


def test_offsets_lead_to_the_written_words(folder: Path) -> None:
    found = planned("--engine", "kokoro", "--offsets")
    chunk = next(chunk for chunk in found["spoken"] if "Doctor" in chunk["text"])
    places = {chunk["text"][start:end]: (anchor, first, last) for start, end, anchor, first, last in chunk["words"]}
    assert places["Doctor"][0] == "book.md:3"
    assert places["Doctor"][2] - places["Doctor"][1] == len("Dr.")
    assert run("plan", "book.md", "--offsets").exit_code == 2


def test_a_title_that_standard_output_cannot_hold_is_shown_as_far_as_it_goes(tmp_path: Path) -> None:
    (tmp_path / "book.md").write_text("---\ntitle: Sea 🌊\n---\n\nIt is blue.\n", encoding="utf-8")
    command = [sys.executable, "-m", "narrate", "plan", "book.md", "--engine", "tone", "--json"]
    environment = {**os.environ, "PYTHONIOENCODING": "latin-1", "PYTHONUTF8": "0"}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["title"] == "Sea 🌊"
