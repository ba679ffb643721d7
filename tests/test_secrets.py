"""P9: what runs leave behind and say, against servers that repeat the key wherever they can, holds no key."""

from __future__ import annotations

import base64
import html
import json
import logging
import os
import pickle
import subprocess
import sys
import time
import traceback
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import psutil
import pytest

from narrate.engines import lmnt
from narrate.errors import EngineError
from narrate.script import Chunk
from tests.speech_server import Received, Reply, SpeechServer

SECRET = "sK-9/q+Zr7_x~Wv!pL3&m<t2Qd"
"""With every sign that one form of writing or another escapes."""

BOOK = "\n\n".join(
    f"# Chapter {part}\n\n" + "\n\n".join(f"Paragraph {number} of part {part} says little." for number in range(4))
    for part in range(1, 3)
)


def disguises(secret: str) -> set[bytes]:
    """What none may find: the key, both of its ends, and its usual disguises."""
    raw = secret.encode()
    forms = {
        raw,
        raw[::-1],
        raw.swapcase(),
        raw.lower(),
        raw[:8],
        raw[-8:],
        raw.hex().encode(),
        raw.hex().encode()[:16],
    }
    forms |= {quote(secret, safe="").encode(), html.escape(secret).encode(), json.dumps(secret)[1:-1].encode()}
    return forms | {base64.b64encode(b"\0" * before + raw)[4:-4] for before in range(3)}


NEEDLES = disguises(SECRET)


def found(where: str, said: bytes) -> list[str]:
    """Where ``said`` gives the key away."""
    return [f"{where}: {needle!r}" for needle in NEEDLES if needle in said]


def left_behind(folder: Path) -> Iterator[str]:
    """The same of all files and names under ``folder``."""
    for path in folder.rglob("*"):
        yield from found("a name", os.fsencode(path.relative_to(folder)))
        if path.is_symlink():
            yield from found(f"the link {path}", os.fsencode(path.readlink()))
        elif path.is_file():
            yield from found(str(path.relative_to(folder)), path.read_bytes())


@dataclass
class Watched:
    """A process that has ended: what it said, and every command line of it and its children."""

    code: int
    out: bytes
    err: bytes
    lines: set[bytes] = field(default_factory=set)

    @property
    def told(self) -> list[str]:
        """Where it gave the key away."""
        seen = found("standard output", self.out) + found("standard error", self.err)
        return seen + [place for line in self.lines for place in found(f"the command line {line[:80]!r}", line)]


def watched(command: list[str], environment: dict[str, str], folder: Path) -> Watched:
    """Run ``command`` in ``folder`` and look at its processes as long as it runs."""
    lines: set[bytes] = set()
    with subprocess.Popen(
        command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        parent = psutil.Process(process.pid)
        deadline = time.monotonic() + 60
        while process.poll() is None and time.monotonic() < deadline:
            for each in (parent, *_children(parent)):
                try:
                    lines.add(Path(f"/proc/{each.pid}/cmdline").read_bytes())
                except OSError:
                    continue
            time.sleep(0.05)
        process.kill()
        out, err = process.communicate()
    return Watched(process.returncode, out, err, lines)


def _children(parent: psutil.Process) -> Iterable[psutil.Process]:
    try:
        return list(parent.children(recursive=True))
    except psutil.Error:
        return []


def key_of(request: Received) -> str:
    return request.headers.get("x-api-key") or request.headers.get("authorization", "").removeprefix("Bearer ")


def repeating(request: Received, seen: int) -> Reply | None:
    """An answer that repeats the key; which one, the text and the number of requests decide."""
    key = key_of(request)
    header = (("request-id", f"req-{key}"), ("x-request-id", key), ("X-Key", key))
    as_json = (("Content-Type", "application/json"), *header)
    error = {"type": "internal_server_error", "message": f"key {key} ({key[:10]}..., {key.swapcase()}, {quote(key)})"}
    coded = {"error": {"type": key, "code": key, "message": base64.b64encode(f"Bearer {key}".encode()).decode()}}
    replies = (
        Reply(500, as_json, json.dumps({"error": error}).encode()),
        Reply(503, header, f"<html><title>{html.escape(key)} and {key}</title></html>".encode()),
        Reply(429, (*as_json, ("Retry-After", "0.01")), json.dumps(coded).encode()),
        Reply(200, as_json, json.dumps({"error": {**error, "message": key[::-1]}}).encode()),
        Reply(200, header, key.encode()),
        Reply(200, (*header, (f"bad {key}", "x")), b""),
        Reply(400, as_json, json.dumps({"error": {"type": "invalid_request_error", "message": f"{key}!"}}).encode()),
    )
    if request.method == "GET" and "voice" in request.path:
        voice = {"id": f"leah-{key}", "name": key, "state": "ready", "description": f"{key[:9]}…"}
        return Reply(200, as_json, json.dumps([voice]).encode())
    if request.method == "GET":
        account = {"plan": {"type": key, "character_limit": 10}, "usage": {"characters": 9}}
        return Reply(200, as_json, json.dumps(account).encode())
    return replies[(request.number + seen) % len(replies)] if seen < 2 else Reply(headers=header)


def turning_away(request: Received, seen: int) -> Reply:
    """A server that knows nobody, and says whom."""
    key = key_of(request)
    body = json.dumps({"error": {"type": "authentication_error", "message": f"Incorrect API key provided: {key}"}})
    return Reply(401, (("request-id", key), ("WWW-Authenticate", key)), body.encode())


@pytest.fixture
def scene(tmp_path: Path) -> Path:
    """A folder with a book and homes for everything a process may write."""
    for name in ("work", "home", "tmp", "cache", "config", "state"):
        (tmp_path / "scene" / name).mkdir(parents=True)
    (tmp_path / "scene" / "work" / "book.md").write_text(BOOK)
    return tmp_path / "scene"


def environment(scene: Path, server: SpeechServer, *, file: Path | None = None) -> dict[str, str]:
    """The key in the variables, or in ``file``; nothing else of this process's own."""
    known = {name: value for name, value in os.environ.items() if name in ("PATH", "LANG", "VIRTUAL_ENV", "PYTHONPATH")}
    homes = {"HOME": "home", "TMPDIR": "tmp", "XDG_CACHE_HOME": "cache", "XDG_CONFIG_HOME": "config"}
    known |= {name: str(scene / folder) for name, folder in (homes | {"XDG_STATE_HOME": "state"}).items()}
    known |= {"LMNT_BASE_URL": server.url, "OPENAI_BASE_URL": f"{server.url}/v1"}
    if file is None:
        return known | {"LMNT_API_KEY": SECRET, "OPENAI_API_KEY": SECRET}
    return known | {"LMNT_API_KEY_FILE": str(file), "OPENAI_API_KEY_FILE": str(file)}


def commands(engine: str) -> list[tuple[str, ...]]:
    common = ("--engine", engine, "--store", "../store")
    every = [
        ("run", "book.md", *common, "-o", "../out", "--yes", "--log-json", "../log.jsonl", "--jobs", "4"),
        ("plan", "book.md", *common, "--json"),
        ("say", "A word.", "--engine", engine, "-o", "../word.wav"),
        ("voices", "--engine", engine),
        ("doctor",),
    ]
    return every if engine == "lmnt" else [every[0], every[3]]


@pytest.mark.slow
@pytest.mark.parametrize(("engine", "by_file"), [("lmnt", False), ("openai", True)])
def test_no_run_leaves_the_key_anywhere(scene: Path, engine: str, by_file: bool) -> None:
    file = scene.parent / "key"
    file.write_text(f"{SECRET}\n")
    codes: dict[str, list[int]] = {}
    for plan in (turning_away, repeating):
        with SpeechServer(plan, key=SECRET) as server:
            known = environment(scene, server, file=file if by_file else None)
            for arguments in commands(engine) if plan is repeating else commands(engine)[:1]:
                done = watched([sys.executable, "-m", "narrate", "--debug", *arguments], known, scene / "work")
                assert done.told == [], done.err.decode()
                assert done.lines
                codes.setdefault(arguments[0], []).append(done.code)
            if plan is repeating:  # what was refused is asked for again, and now comes
                done = watched(
                    [sys.executable, "-m", "narrate", "--debug", *commands(engine)[0]], known, scene / "work"
                )
                assert done.told == []
                codes["run"].append(done.code)
            assert any(SECRET in key_of(request) for request in server.requests), (codes, done.err.decode())
    assert codes["run"][0] == 5
    assert codes["run"][-1] == 0, codes
    assert list((scene / "out").rglob("manifest.json"))
    assert [*left_behind(scene)] == []


def test_the_search_finds_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    for number, form in enumerate(sorted(NEEDLES)):
        (tmp_path / "a" / f"{number}.bin").write_bytes(b"\0\1" + form + b"\2")
    (tmp_path / "a" / SECRET[:8].replace("/", "_")).touch()
    places = [*left_behind(tmp_path)]
    assert {place.split(":")[0] for place in places} >= {f"a/{number}.bin" for number in range(len(NEEDLES))}
    (tmp_path / f"x{SECRET[-8:]}").touch()
    assert any(place.startswith("a name") for place in left_behind(tmp_path))
    code = "import sys, time; print(sys.argv[1]); print(sys.argv[1], file=sys.stderr); time.sleep(0.3)"
    done = watched([sys.executable, "-c", code, SECRET], dict(os.environ), tmp_path)
    assert {place.split(":")[0].split(" b'")[0] for place in done.told} == {
        "standard output",
        "standard error",
        "the command line",
    }
    quiet = watched([sys.executable, "-c", "print('nothing')"], dict(os.environ), tmp_path)
    assert quiet.told == []


@pytest.mark.parametrize("timings", [False, True])
def test_neither_errors_nor_logs_nor_representations_hold_the_key(
    timings: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """httpx and httpcore log every header of an answer at DEBUG; a server may repeat the key there."""
    caplog.set_level(logging.DEBUG)
    shown: list[str] = []
    with SpeechServer(repeating, key=SECRET) as server:
        env = {"LMNT_API_KEY": SECRET, "LMNT_BASE_URL": server.url}
        engine, client = lmnt.engine(env, timings=timings)
        voice = lmnt.voice("", "en", {}, env)
        for number in range(30):
            try:
                speech = engine.speak(Chunk(f"Text number {number % 10}.", voice, 0))
                shown += [repr(speech.request_id), repr(speech.words)]
            except EngineError as error:
                assert error.__cause__ is None
                assert error.__context__ is None
                shown += traceback.format_exception(error)
                shown += [repr(vars(error)), repr(pickle.dumps(error)), error.request_id]
        shown += [repr(engine), repr(client), repr(vars(engine)), repr(engine.account())]
        shown += [repr(lmnt.voices(env))]
        client.close()
    assert "httpcore" in {record.name.split(".")[0] for record in caplog.records}
    shown += [record.getMessage() for record in caplog.records]
    assert [place for text in shown for place in found(text[:200], text.encode())] == []


def test_what_is_logged_is_looked_at_only_while_a_client_is_open() -> None:
    names = ("httpx", "httpcore.http11")
    before = [len(logging.getLogger(name).filters) for name in names]
    with SpeechServer() as server:
        _, client = lmnt.engine({"LMNT_API_KEY": SECRET, "LMNT_BASE_URL": server.url})
        client.close()
    assert [len(logging.getLogger(name).filters) for name in names] == before
