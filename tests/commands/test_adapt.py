"""``narrate adapt`` as it is typed, with the official SDKs against a real server on this machine."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from narrate.cli import narrate
from narrate.commands.adapt import adapt
from narrate.errors import EngineClosed, JobError, NarrateError, SpeechIncomplete
from tests.llm_server import CUT, CUT_OFF, REFUSED, Asked, LlmServer, failed

pytest.importorskip("anthropic")
pytest.importorskip("openai")

KEY = "sk-very-secret-0123456789"
TEXT = """---
title: Lamps
lang: en
---
# Lamps

- the old lamp
- the new lamp

| Lamp | Year |
|------|------|
| Old  | 1871 |

Some text between.

```sh
light --on
```
"""


def plain(asked: Asked) -> str:
    return "It says: " + " ".join(re.sub(r"[^\w\s]|_", " ", asked.prompt).split()) + "."


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LlmServer]:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "lamps.md").write_text(TEXT)
    with LlmServer(plain) as server:
        for name, value in server.env.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        yield server


def typed(*arguments: str, fails: type[NarrateError] | None = None) -> Result:
    done = CliRunner().invoke(adapt, [*arguments, "--store", "cache/store"])
    if fails is None:
        assert done.exit_code == 0, (done.output, done.exception)
    else:
        assert type(done.exception) is fails, done.output
    assert KEY not in done.output + str(done.exception)
    return done


@pytest.mark.parametrize("llm", ["anthropic:claude-test", "openai:gpt-test", "anthropic"])
def test_a_document_is_rewritten_and_runs(server: LlmServer, llm: str) -> None:
    done = typed("in/lamps.md", "--llm", llm)
    assert done.stderr.splitlines()[0].startswith("blocks of in/lamps.md go to 127.0.0.1 (")
    assert "3 blocks to ask about" in done.stderr
    assert done.stdout.splitlines() == ["lamps.spoken.md", "lamps.spoken.diff", "rewritten: code 1, list 1, table 1"]
    assert len(server.seen) == 3
    assert all("plain" in asked.system or "prose" in asked.system for asked in server.seen)
    assert Path("in/lamps.md").read_text() == TEXT
    planned = CliRunner().invoke(narrate, ["plan", "lamps.spoken.md", "--engine", "tone", "--json", "--text"])
    found = json.loads(planned.stdout)
    assert found["source_characters"] == found["spoken_characters"] + found["skipped_characters"]
    spoken = found["chapters"][0]["text"]
    assert "the old lamp the new lamp" in spoken and "light on" in spoken and "narrate adapt" not in spoken
    ran = CliRunner().invoke(narrate, ["run", "lamps.spoken.md", "--engine", "tone", "--store", "s"])
    assert ran.exit_code == 0, ran.output


def test_a_second_run_sends_nothing_and_writes_the_same(server: LlmServer) -> None:
    typed("in/lamps.md", "--llm", "anthropic")
    files = {path.name: path.read_bytes() for path in Path().glob("lamps.*")}
    assert (
        "0 blocks to ask about (0 characters); 3 are answered already"
        in typed("in/lamps.md", "--llm", "anthropic").stderr
    )
    assert {path.name: path.read_bytes() for path in Path().glob("lamps.*")} == files
    Path("in/lamps.md").write_text(TEXT.replace("1871", "1872"))
    typed("in/lamps.md", "--llm", "anthropic")
    assert len(server.seen) == 4


def test_a_dry_run_lists_and_sends_nothing(server: LlmServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    done = typed("in/lamps.md", "--llm", "anthropic", "--dry-run", "--kinds", "tables,code")
    lines = done.stdout.splitlines()
    assert [line.split()[:2] for line in lines[:-1]] == [["lamps.md:10-12", "table"], ["lamps.md:16-18", "code"]]
    assert all(line.endswith("letters  to ask") for line in lines[:-1])
    assert lines[-1].startswith("2 blocks") and "nothing was sent" in lines[-1]
    assert not server.seen
    assert not Path("cache").exists()


def test_what_stays_as_it_was_is_told_and_exits_6(server: LlmServer) -> None:
    server.plan = [REFUSED, CUT_OFF, CUT]
    done = typed("in/lamps.md", "--llm", "openai", "-j", "1", fails=SpeechIncomplete)
    assert done.exception is not None and SpeechIncomplete.exit_code == 6
    assert done.stdout.count("kept as it was: lamps.md: ") == 3
    assert "declined" in done.stdout and "cut off" in done.stdout and "broke off" in done.stdout
    assert Path("lamps.spoken.md").read_text() == TEXT
    typed("in/lamps.md", "--llm", "openai")
    assert "It says: light on" not in Path("in/lamps.md").read_text()
    assert len(server.seen) == 6


def test_a_bad_key_stops_at_once(server: LlmServer) -> None:
    server.plan = [failed(401, "authentication_error", f"invalid x-api-key {KEY}")] * 3
    done = typed("in/lamps.md", "--llm", "anthropic", "-j", "1", fails=EngineClosed)
    assert "check the key" in str(done.exception)
    assert len(server.seen) < 3
    assert not Path("lamps.spoken.md").exists()


def test_what_may_have_been_edited_is_written_over_only_by_force(server: LlmServer) -> None:
    typed("in/lamps.md", "--llm", "anthropic", "-o", "out")
    Path("out/lamps.spoken.md").write_text("mine")
    sent = len(server.seen)
    done = typed("in/lamps.md", "--llm", "anthropic", "-o", "out", fails=JobError)
    assert "--force" in str(done.exception) and Path("out/lamps.spoken.md").read_text() == "mine"
    typed("in/lamps.md", "--llm", "anthropic", "-o", "out", "--force")
    assert "It says" in Path("out/lamps.spoken.md").read_text()
    assert len(server.seen) == sent


def test_ones_own_instructions_are_sent(server: LlmServer) -> None:
    Path("mine.md").write_text("Rewrite this {kind} in {language} as a pirate, as plain prose.")
    typed("in/lamps.md", "--llm", "openai:x", "--prompt", "mine.md", "--kinds", "list")
    assert server.seen[0].system == "Rewrite this list in en as a pirate, as plain prose."


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["in/lamps.md", "--llm", "antropic"], "did you mean 'anthropic'"),
        (["in/lamps.md", "--llm", "openai", "--kinds", "table,lits"], "did you mean 'lists'"),
        (["in/lamps.md", "--llm", "openai", "--kinds", ","], "at least one"),
        (["in/lamps.md", "--llm", "openai", "--prompt", "none.md"], "neither a file nor a prompt"),
        (["in", "--llm", "openai", "-o", "in/out"], "lies inside"),
    ],
)
def test_wrong_orders_are_one_sentence(server: LlmServer, arguments: list[str], words: str) -> None:
    assert words in str(typed(*arguments, fails=JobError).exception)
    assert not server.seen


def test_a_text_without_such_blocks_is_left_alone(server: LlmServer) -> None:
    Path("in/lamps.md").write_text("# Lamps\n\nOnly text.\n")
    assert "holds nothing to rewrite" in typed("in/lamps.md", "--llm", "openai").stdout
    assert not server.seen and not Path("lamps.spoken.md").exists()
