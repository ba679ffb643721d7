"""The server as a process: it opens, listens, and ends in good order, whatever signal it is sent."""

from __future__ import annotations

import asyncio
import json
import shutil
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect as async_connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from narrate.errors import JobError, NarrateError
from narrate.job import Job
from narrate.server import run
from narrate.server.answers import Bounds
from narrate.server.run import Ended, Serving, opened, serve
from narrate.wire import speech
from tests.server.processes import Command, command
from tests.server.servers import eventually

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")

TEXT = "word " * 60
"""A minute of tone a word: what a client that has stopped to read is in the middle of."""
LOUD = ("--set", "ms_per_char=1000", "--quiet")
SAMPLES = 2 * 24000 * 299


@contextmanager
def unread(running: Command) -> Iterator[socket.socket]:
    """A request whose answer nobody reads yet."""
    body = json.dumps({"text": TEXT, "voice": "leah", "format": "pcm_s16le"}).encode()
    with socket.create_connection(("127.0.0.1", running.port)) as wire:
        wire.settimeout(20)
        head = f"POST {speech.SPEECH_BYTES} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
        wire.sendall(head.encode() + body)
        assert wire.recv(4).startswith(b"HTTP")
        yield wire


def rest(wire: socket.socket) -> bytes:
    data = b""
    while piece := wire.recv(1 << 20):
        data += piece
        if data.endswith(b"\r\n0\r\n\r\n"):
            break
    return data


@contextmanager
def talking(running: Command, *, finishes: bool = False) -> Iterator[Any]:
    """A session in mid-speech, of which nobody reads beyond the first sound."""
    with connect(running.sessions_url, proxy=None, max_queue=1, compression=None, max_size=None) as client:
        end = {"eof": True} if finishes else {"flush": True}
        for message in ({"X-API-Key": "", "voice": "leah", "format": "pcm_s16le"}, {"text": TEXT}, end):
            client.send(json.dumps(message))
        assert isinstance(client.recv(10), bytes)
        yield client


def heard(client: Any) -> tuple[int, int]:
    """Bytes until the close, and its code."""
    size = 0
    try:
        while True:
            size += len(client.recv(20))
    except ConnectionClosed as closed:
        assert closed.rcvd is not None
        return size, closed.rcvd.code


def is_leaving(running: Command) -> bool:
    return httpx.get(f"{running.url}/healthz", trust_env=False).status_code == 503


# --- signals --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_what_is_being_spoken_is_spoken_and_nothing_new_begins(tmp_path: Path, number: signal.Signals) -> None:
    with command(*LOUD, folder=tmp_path) as running, unread(running) as wire:
        with talking(running) as open_one, talking(running, finishes=True) as finished_one:
            running.signals(number)
            assert eventually(lambda: is_leaving(running))
            refused = httpx.post(f"{running.url}{speech.SPEECH_BYTES}", json={"text": "New.", "voice": "leah"})
            assert refused.status_code == 503
            assert int(refused.headers["retry-after"]) > 0
            with pytest.raises(InvalidStatus) as handshake, connect(running.sessions_url, proxy=None):
                pass
            assert handshake.value.response.status_code == 503
            assert handshake.value.response.headers["retry-after"]
            open_one.send('{"text": "New."}')
            open_one.send('{"eof": true}')
            sound = rest(wire)
            assert len(sound) > SAMPLES
            assert sound.endswith(b"\r\n0\r\n\r\n")
            size, code = heard(finished_one)
            assert (size > SAMPLES - 96_000, code) == (True, 1000)
            size, code = heard(open_one)  # whose last text was not taken
            assert (size > SAMPLES - 96_000, code) == (True, 1001)
        assert running.ends() == 128 + number
        assert running.said == f"narrate: {number.name}: everything that was being spoken is spoken\n"


def test_a_session_that_says_nothing_does_not_hold_the_end_up(tmp_path: Path) -> None:
    with command(folder=tmp_path) as running, connect(running.sessions_url, proxy=None) as client:
        client.send('{"X-API-Key": "", "voice": "leah", "format": "pcm_s16le"}')
        client.send('{"text": "Said in the end"}')
        assert eventually(lambda: b"narrate_sessions_open 1.0" in httpx.get(f"{running.url}/metrics").content)
        running.signals(signal.SIGTERM)
        size, code = heard(client)
        assert size > 0
        assert code == 1001
        assert running.ends() == 143


def test_a_second_signal_ends_at_once(tmp_path: Path) -> None:
    with command(*LOUD, folder=tmp_path) as running, unread(running):
        running.signals(signal.SIGTERM)
        assert eventually(lambda: is_leaving(running))
        running.signals(signal.SIGTERM)  # the same one, passed on
        assert not eventually(lambda: running.process.poll() is not None, run.ECHO_S)
        running.signals(signal.SIGINT)
        assert running.ends() == 143
        assert running.said == "narrate: SIGTERM: what was being spoken is cut short\n"


def test_the_end_takes_no_longer_than_it_may(tmp_path: Path) -> None:
    with command(*LOUD, "--drain", "0.1", folder=tmp_path) as running, unread(running) as wire:
        running.signals(signal.SIGTERM)
        assert running.ends() == 143
        assert "cut short" in running.said
        assert not rest(wire).endswith(b"\r\n0\r\n\r\n")


def test_signals_that_were_turned_off_stay_so() -> None:
    with server() as (found, _):
        before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
        try:
            with found.capture_signals():
                assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
                assert signal.getsignal(signal.SIGTERM) == found.handle_exit
        finally:
            signal.signal(signal.SIGHUP, before)


def test_a_signal_before_anybody_listens(tmp_path: Path) -> None:
    told: list[str] = []
    with server(lambda: told.append("listening")) as (found, sock):
        found.handle_exit(signal.SIGTERM, None)
        asyncio.run(found.serve(sockets=[sock]))
        assert found.ended() == Ended(signal.SIGTERM, whole=True)
    assert told == []


@contextmanager
def server(listening: Callable[[], None] = lambda: None) -> Iterator[tuple[run._Server, socket.socket]]:
    lines: list[dict[str, Any]] = []
    serving = Serving(Job(Path("serve"), engine="tone"), port=0, log=lines.append)
    with opened(serving, print) as premises, socket.create_server(("127.0.0.1", 0)) as sock:
        yield run._Server(serving, premises, listening), sock


# --- trouble --------------------------------------------------------------------------------------------------------


def test_what_goes_wrong_where_nobody_is_told_is_in_the_log_without_its_words() -> None:
    with server() as (found, _):
        lines: list[dict[str, Any]] = []
        found._premises.log = lines.append
        loop = asyncio.new_event_loop()
        found._note_trouble(loop, {"message": "Fatal error", "exception": ValueError("a text")})
        found._note_trouble(loop, {"message": "Fatal error", "exception": ConnectionResetError("gone")})
        found._note_trouble(loop, {"message": "Task was destroyed"})
        loop.close()
    assert lines == [
        {"event": "trouble", "error": "ValueError", "detail": "Fatal error"},
        {"event": "trouble", "error": "", "detail": "Task was destroyed"},
    ]


def cannot(kind: type[NarrateError], **changes: Any) -> str:
    with pytest.raises(kind) as failed:
        serve(Serving(Job(Path("serve"), engine="tone"), **{"port": 0, **changes}), print, print)
    return str(failed.value)


def test_a_port_that_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        sentence = cannot(NarrateError, port=other.getsockname()[1])
    assert "is taken by another program; choose another --port" in sentence


@pytest.mark.parametrize("host", ["127.0.0.300", "no-such-name.invalid", "a" * 300, "203.0.113.7", ""])
def test_an_address_that_is_none_of_this_machine(host: str, tmp_path: Path) -> None:
    keys = tmp_path / "keys.toml"
    keys.write_text(f'[[key]]\nname = "a"\nsha256 = "{"ab" * 32}"\n')
    assert f"--host {host}: is no address" in cannot(JobError, host=host, keys=keys)


def test_an_address_for_others_needs_keys() -> None:
    assert "keys are needed" in cannot(JobError, host="0.0.0.0")


async def _closed(url: str, trusting: ssl.SSLContext) -> int | None:
    """How a session over TLS ends. By one thread: before Python 3.13 two may not use one TLS connection."""
    async with async_connect(url, ssl=trusting, proxy=None) as client:
        for message in ('{"voice": "leah", "format": "pcm_s16le"}', '{"text": "Hello."}', '{"eof": true}'):
            await client.send(message)
        async for _ in client:
            pass
        return client.close_code


@pytest.mark.skipif(not shutil.which("openssl"), reason="openssl makes the certificates")
def test_certificates(tmp_path: Path) -> None:
    pair = {"certificate": tmp_path / "cert.pem", "private_key": tmp_path / "key.pem"}
    assert f"{pair['certificate']}: there is no such file" in cannot(JobError, **pair)
    make = ("openssl", "req", "-x509", "-newkey", "rsa:2048", "-days", "2", "-subj", "/CN=localhost")
    names = ("-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1")
    files = ("-keyout", str(pair["private_key"]), "-out", str(pair["certificate"]))
    subprocess.run([*make, *names, *files, "-passout", "pass:secret"], check=True, capture_output=True)
    assert "the key has a password" in cannot(JobError, **pair)  # and nobody is asked for it
    subprocess.run([*make, *names, *files, "-nodes"], check=True, capture_output=True)
    arguments = ("--tls-cert", str(pair["certificate"]), "--tls-key", str(pair["private_key"]))
    with command(*arguments, folder=tmp_path) as running:
        assert running.url.startswith("https://127.0.0.1:")
        trusting = ssl.create_default_context(cafile=str(pair["certificate"]))
        with httpx.Client(verify=trusting, trust_env=False) as http:
            asked = {"text": "Hello.", "voice": "leah", "format": "wav"}
            assert http.post(f"{running.url}{speech.SPEECH_BYTES}", json=asked).content.startswith(b"RIFF")
        assert asyncio.run(_closed(running.sessions_url, trusting)) == 1000
        assert "trouble" not in running.said
        with socket.create_connection(("127.0.0.1", running.port)) as wire:  # who speaks no TLS does no harm
            wire.sendall(b"GET / HTTP/1.1\r\n\r\n")
            wire.settimeout(10)
            wire.recv(100)
        running.signals(signal.SIGTERM)
        assert running.ends() == 143
        assert "Traceback" not in running.said


def test_as_many_files_may_be_open_as_there_are_connections() -> None:
    import resource

    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, before[1]))
        run._have_files(300)
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == 300
        run._have_files(100)
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == 300
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_bounds_reach_the_connections() -> None:
    with opened(serving := Serving(Job(Path("serve"), engine="tone"), bounds=Bounds(stall_s=7.0)), print) as premises:
        assert run.config(serving, premises).ws_max_size == 2 << 20
