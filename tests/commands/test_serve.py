"""``narrate serve`` from the outside: what it prints where, what it logs, and what it says to wrong options."""

from __future__ import annotations

import json
import signal
import socket
import sys
import threading
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner

from narrate.cli import narrate
from narrate.commands import serve
from narrate.errors import JobError, NarrateError
from tests.server.processes import command
from tests.server.servers import eventually, key_file
from tests.test_signals import finish

ASKED = {"text": "The treasure lies under the third oak.", "voice": "leah", "format": "wav"}


def ended(*arguments: str) -> tuple[int, str]:
    """The exit code of a server that does not even begin, and the sentence that it says."""
    import subprocess

    process = subprocess.Popen(
        [sys.executable, "-m", "narrate", "serve", "--engine", "tone", *arguments],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    return finish(process)


def test_the_address_is_the_first_line_and_the_log_is_on_standard_error(tmp_path: Path) -> None:
    log = tmp_path / "logs" / "access.jsonl"
    with command("--log-json", str(log), folder=tmp_path) as running:
        assert running.url.startswith("http://127.0.0.1:")
        key = {"X-API-Key": "sk-nobody-may-read-this"}
        answer = httpx.post(f"{running.url}/v1/ai/speech/bytes", json=ASKED, headers=key, trust_env=False)
        assert answer.content.startswith(b"RIFF")
        assert eventually(lambda: log.read_text().count("\n") == 1)
        running.signals(signal.SIGINT)
        assert running.ends() == 130
        assert running.process.stdout is not None
        assert running.process.stdout.read() == ""
    speaking, openai, line, last = running.said.splitlines()
    assert speaking == f"speaking with tone; LMNT_BASE_URL={running.url}"
    assert openai == f"OPENAI_BASE_URL={running.url}/v1"
    assert last == "narrate: SIGINT: everything that was being spoken is spoken"
    assert log.read_text() == f"{line}\n"
    told = json.loads(line)
    assert told["request_id"] == answer.headers["request-id"]
    assert (told["status"], told["path"], told["characters"]) == (200, "/v1/ai/speech/bytes", len(ASKED["text"]))
    assert "treasure" not in running.said and "nobody" not in running.said


def test_quiet_says_only_how_it_ended(tmp_path: Path) -> None:
    with command("--quiet", folder=tmp_path) as running:
        httpx.get(f"{running.url}/healthz", trust_env=False)
        running.signals(signal.SIGTERM)
        assert running.ends() == 143
    assert running.said.count("\n") == 1


def test_a_port_that_is_taken_and_a_host_that_is_none(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        code, said = ended("--port", str(other.getsockname()[1]))
    assert code == NarrateError.exit_code == 1
    assert said.count("\n") == 1 and said.startswith("narrate: port ") and "choose another --port" in said
    code, said = ended("--host", "127.0.0.300", "--keys", str(key_file(tmp_path, app="a-key")))
    assert code == JobError.exit_code == 3
    assert said.count("\n") == 1 and said.startswith("narrate: --host 127.0.0.300: is no address")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--allow-origin", "reader.example"), "--allow-origin reader.example: write it as a browser does"),
        (("--allow-origin", "https://reader.example/"), "write it as a browser does"),
        (("--allow-origin", "*"), "write it as a browser does"),
        (("--alias", "leah"), "--alias leah: write it as NAME=VOICE"),
        (("--alias", "leah=nobody"), "there is no voice 'nobody'"),
        (("--tls-cert", "cert.pem"), "--tls-cert and --tls-key go together"),
        (("--host", "0.0.0.0"), "keys are needed"),
        (("--engine", "gramophone"), "gramophone"),
        (("--set", "speed"), "--set speed: write it as NAME=VALUE"),
        (("--faults", "x"), "x"),
        (("--keys", "no-such-file.toml"), "no-such-file.toml: the keys cannot be read"),
    ],
)
def test_options_that_cannot_be(tmp_path: Path, arguments: tuple[str, ...], sentence: str) -> None:
    environment = {"XDG_DATA_HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path)}
    result = CliRunner(env=environment).invoke(narrate, ["serve", "--engine", "tone", "--port", "0", *arguments])
    assert isinstance(result.exception, JobError)
    assert sentence in str(result.exception)


def test_a_log_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(NarrateError, match="the log cannot be written"), serve._Log(tmp_path / "file" / "log", True):
        pass


class Stuck:
    """Standard error through a pipe, whose reader has stopped to read, or has left."""

    def __init__(self) -> None:
        self.goes_on = threading.Event()
        self.gone = False
        self.text = ""

    def write(self, text: str) -> int:
        self.goes_on.wait(10)
        if self.gone:
            raise BrokenPipeError
        self.text += text
        return len(text)

    def flush(self) -> None:
        pass

    def isatty(self) -> bool:
        return False


@pytest.fixture
def stuck(monkeypatch: pytest.MonkeyPatch) -> Stuck:
    found = Stuck()
    monkeypatch.setattr(serve.click, "echo", lambda text, err: found.write(f"{text}\n"))
    return found


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_a_log_that_nobody_reads_holds_nobody_up(stuck: Stuck, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serve, "_MOST_LINES", 100)
    with serve._Log(None, quiet=False) as log:
        for number in range(150):
            log.write({"number": number})
        stuck.goes_on.set()
        assert eventually(lambda: len(stuck.text.splitlines()) >= 100)
        log.write({"number": 150})
    found = lines(stuck.text)
    assert [line["number"] for line in found[:100]] == list(range(100))
    assert found[-1]["number"] == 150
    assert sum(line.get("lines_left_out", 0) for line in found) == 151 - len(found)


def test_the_end_waits_for_the_last_lines_but_not_for_ever(stuck: Stuck, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serve, "_LAST_LINES_S", 0.05)
    with serve._Log(None, quiet=False) as log:
        log.write({"number": 1})
    assert stuck.text == ""
    stuck.goes_on.set()
    assert eventually(lambda: bool(stuck.text))


def test_standard_error_that_is_gone_leaves_the_file(stuck: Stuck, tmp_path: Path) -> None:
    stuck.gone = True
    stuck.goes_on.set()
    file = tmp_path / "log.jsonl"
    with serve._Log(file, quiet=False) as log:
        for number in range(3):
            log.write({"number": number, "odd": "\ud800\n"})
    found = lines(file.read_text(encoding="ascii"))
    assert [line["number"] for line in found] == [0, 1, 2]
    assert found[0]["time"].endswith("Z")
