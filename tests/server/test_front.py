"""The front door over real connections: ids, names, origins, what is noted of a visit, and what never is."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from narrate.errors import EngineRefused
from narrate.server.answers import Bounds
from narrate.wire import speech
from narrate.wire.session import PATH as SESSIONS
from tests.server.servers import Served, eventually, key_file, serving
from tests.server.talks import Talk, gated

ID = re.compile(r"req_[0-9a-f]{32}")
SECRET = "sk-a-secret-that-nobody-may-read-0123456789"
TEXT = "The treasure lies under the third oak, and nobody else may know it."
ORIGIN = "https://reader.example"


@pytest.fixture(scope="module")
def server() -> Iterator[Served]:
    with serving(origins=(ORIGIN,)) as served:
        yield served


def ask(server: Served, method: str, path: str, **more: Any) -> httpx.Response:
    with httpx.Client(base_url=server.url, trust_env=False) as http:
        return http.request(method, path, **more)


def asked(**changes: Any) -> dict[str, Any]:
    return {"text": TEXT, "voice": "leah", "format": "pcm_s16le", **changes}


def shakes_hands(server: Served, path: str = SESSIONS, **headers: str) -> httpx.Response:
    """The answer to a WebSocket's handshake, whatever it is."""
    usual = {
        "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Host": f"127.0.0.1:{server.port}",
    }  # fmt: skip
    lines = "".join(f"{name}: {value}\r\n" for name, value in {**usual, **headers}.items())
    with socket.create_connection(("127.0.0.1", server.port)) as wire:
        wire.settimeout(10)
        wire.sendall(f"GET {path} HTTP/1.1\r\n{lines}\r\n".encode())
        data = b""
        while piece := wire.recv(65536):
            data += piece
            if data.startswith(b"HTTP/1.1 101") and data.endswith(b"\r\n\r\n"):
                break
    head, _, body = data.partition(b"\r\n\r\n")
    status, *fields = head.decode().split("\r\n")
    found = [(name, value) for name, _, value in (field.partition(": ") for field in fields)]
    return httpx.Response(int(status.split()[1]), headers=found, content=body)


# --- ids ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/healthz", None, 200),
        ("GET", "/metrics", None, 200),
        ("GET", "/openapi.json", None, 200),
        ("GET", "/nothing/here", None, 404),
        ("PUT", speech.SPEECH_BYTES, None, 405),
        ("POST", speech.SPEECH_BYTES, "{", 400),
        ("POST", speech.SPEECH_BYTES, "x" * 300_000, 413),
        ("POST", speech.SPEECH_BYTES, json.dumps(asked()), 200),
        ("POST", speech.SPEECH, json.dumps(asked(voice="nobody")), 404),
    ],
)
def test_every_answer_has_an_id_and_a_line(
    server: Served, method: str, path: str, body: str | None, status: int
) -> None:
    answer = ask(server, method, path, content=body)
    assert answer.status_code == status
    assert ID.fullmatch(answer.headers["request-id"])
    line = server.line(answer)
    assert {"event": "request", "method": method, "path": path, "status": status, "client": "127.0.0.1"}.items() <= (
        line.items()
    )
    assert line["ms"] >= 0
    assert line["bytes"] == len(answer.content)


def test_ids_are_new_each_time(server: Served) -> None:
    assert len({ask(server, "GET", "/healthz").headers["request-id"] for _ in range(5)}) == 5


def test_a_session_has_an_id_from_its_handshake_on(server: Served) -> None:
    with connect(server.sessions_url, proxy=None) as client:
        assert client.response is not None
        client.send(json.dumps({"X-API-Key": "", "lmnt-version": "1.2", "voice": "leah"}))
        assert json.loads(client.recv())["request_id"] == client.response.headers["request-id"]


# --- who may come in ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LOCALHOST:8080", "[::1]:80", "[::1]", "127.0.0.1:1"])
def test_names_of_this_machine_are_known(server: Served, host: str) -> None:
    assert ask(server, "GET", "/healthz", headers={"Host": host}).status_code == 200
    assert shakes_hands(server, Host=host).status_code == 101


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8080",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "127.0.0.1@evil",
        "",
        ":80",
    ],
)
def test_a_name_that_was_bound_to_this_machine_from_outside_is_not(server: Served, host: str) -> None:
    """DNS rebinding: a page's own name, which leads here."""
    answer = ask(server, "POST", speech.SPEECH_BYTES, json=asked(), headers={"Host": host})
    assert answer.status_code == 403
    assert answer.json()["error"]["type"] == "permission_error"
    refused = shakes_hands(server, Host=host)
    assert refused.status_code == 403
    assert refused.json()["error"]["type"] == "permission_error"
    assert ID.fullmatch(refused.headers["request-id"])


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost:3000", f"{ORIGIN}.evil.example"])
def test_pages_of_other_origins_are_turned_away(server: Served, origin: str) -> None:
    answer = ask(server, "POST", speech.SPEECH_BYTES, json=asked(), headers={"Origin": origin})
    assert answer.status_code == 403
    assert "--allow-origin" in answer.json()["error"]["message"]
    assert shakes_hands(server, Origin=origin).status_code == 403
    assert "access-control-allow-origin" not in answer.headers


def test_pages_of_an_allowed_origin_may_come_in_and_read_the_answer(server: Served) -> None:
    asks = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "x-api-key"}
    preflight = ask(server, "OPTIONS", speech.SPEECH_BYTES, headers={"Origin": ORIGIN, **asks})
    assert preflight.status_code == 200
    answer = ask(server, "POST", speech.SPEECH_BYTES, json=asked(), headers={"Origin": ORIGIN})
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    assert "request-id" in answer.headers["access-control-expose-headers"]
    assert shakes_hands(server, Origin=ORIGIN).status_code == 101


def test_names_are_not_asked_for_where_the_network_is_let_in(tmp_path: Path) -> None:
    with serving(host="0.0.0.0", keys=key_file(tmp_path, app=SECRET)) as served:
        served.url = f"http://127.0.0.1:{served.port}"
        assert ask(served, "GET", "/healthz", headers={"Host": "speech.lan"}).status_code == 200


def test_sessions_elsewhere_are_not_found(server: Served) -> None:
    refused = shakes_hands(server, "/v1/ai/speech/streams")
    assert refused.status_code == 404
    assert refused.json()["error"]["type"] == "not_found_error"
    with pytest.raises(InvalidStatus), connect(f"{server.sessions_url}s", proxy=None):
        pass
    assert server.metric("narrate_sessions_total") >= 2
    assert eventually(lambda: any(line["status"] == 404 and line["event"] == "session" for line in server.lines))


# --- what is noted --------------------------------------------------------------------------------------------------


def test_neither_texts_nor_keys_are_noted(tmp_path: Path) -> None:
    with serving(keys=key_file(tmp_path, app=SECRET)) as served:
        for secret in (SECRET, f"{SECRET}-wrong"):
            for headers in ({"X-API-Key": secret}, {"Authorization": f"Bearer {secret}"}):
                ask(served, "POST", speech.SPEECH_BYTES, json=asked(), headers=headers)
                ask(served, "POST", f"{speech.SPEECH}?key={secret}&text={TEXT}", json=asked(text=""), headers=headers)
                ask(served, "GET", f"/v1/ai/voice/{secret}", headers=headers)
                ask(served, "GET", f"/v1/ai/voice/{TEXT}", headers=headers)
                ask(served, "GET", f"/{secret}/{TEXT}", headers=headers)
            with Talk(served, **{"X-API-Key": secret}) as talk:
                talk.text(TEXT).finish().end()
            with Talk(served, **{"X-API-Key": secret}) as talk:
                talk.sends(f'{{"type": "{TEXT}", "key": "{secret}"}}').end()
        assert eventually(lambda: len(served.lines) == 24)
        log = repr(served.lines) + repr(served.reports)
        page = served.premises.metrics.page()[0].decode()
    for told in (log, page):
        assert not any(secret[at : at + 8] in told for secret in (SECRET, TEXT) for at in range(len(secret) - 8))
    assert {line["key"] for line in served.lines if "key" in line} == {"app"}


def test_metrics_know_addresses_by_what_answers_there(server: Served) -> None:
    for name in range(5):
        ask(server, "GET", f"/made/up/{name}")
        ask(server, "GET", f"/v1/ai/voice/made-up-{name}")
    page = ask(server, "GET", "/metrics").text
    assert "made/up" not in page and "made-up" not in page
    assert 'path="other"' in page
    assert 'path="retrieve_voice"' in page


def test_the_wait_for_the_first_byte_is_in_the_log_and_in_the_metrics(server: Served) -> None:
    before = server.metric("narrate_first_byte_seconds_count")
    line = server.line(ask(server, "POST", speech.SPEECH_BYTES, json=asked()))
    assert 0 <= line["first_byte_ms"] <= line["ms"]
    assert line["characters"] == len(TEXT)
    assert server.metric("narrate_first_byte_seconds_count") == before + 1
    assert server.metric("narrate_requests_in_flight") == 0


def test_an_answer_that_fails_in_the_middle_is_not_taken_for_a_whole_one(server: Served) -> None:
    stage = server.premises.stage
    real = stage.booth.take
    texts: list[str] = []

    def take(line: Any, tempo: float = 1.0) -> Any:
        texts.append(line.text)
        if len(texts) > 1:
            raise EngineRefused("tone: refused")
        return real(line, tempo)

    stage.booth.take = take  # type: ignore[method-assign]
    try:
        with pytest.raises(httpx.RemoteProtocolError):
            ask(server, "POST", speech.SPEECH_BYTES, json=asked(text=f"{TEXT} " * 20))
    finally:
        del stage.booth.take
    assert len(texts) > 1
    assert eventually(lambda: server.lines[-1].get("error") is not None)
    assert "treasure" not in repr(server.lines)
    assert eventually(lambda: server.metric("narrate_requests_in_flight") == 0)


# --- too many, too slow ---------------------------------------------------------------------------------------------


def test_more_requests_than_there_may_be_are_told_to_come_again() -> None:
    with serving(bounds=Bounds(requests=1)) as served, gated(served) as gate, ThreadPoolExecutor(1) as another:
        with Talk(served) as talk:  # sessions are counted for themselves
            talk.until("ready")
            first = another.submit(ask, served, "POST", speech.SPEECH_BYTES, json=asked())
            assert eventually(lambda: bool(gate.texts))
            second = ask(served, "POST", speech.SPEECH_BYTES, json=asked())
        assert second.status_code == 429
        assert int(second.headers["retry-after"]) >= 1
        assert second.json()["error"]["type"] == "rate_limit_error"
        assert ask(served, "GET", "/healthz").status_code == 200
        gate.open()
        assert first.result().status_code == 200
        assert ask(served, "POST", speech.SPEECH_BYTES, json=asked()).status_code == 200


def test_who_does_not_read_is_cut_off_and_noted() -> None:
    with serving(settings={"ms_per_char": "1000"}, bounds=Bounds(stall_s=0.2)) as served:
        body = json.dumps(asked(text="word " * 900)).encode()
        with socket.socket() as wire:
            wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            wire.connect(("127.0.0.1", served.port))
            head = f"POST {speech.SPEECH_BYTES} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
            wire.sendall(head.encode() + body)
            assert eventually(lambda: len(served.lines) == 1)
        assert served.lines[0]["error"] == "the client does not read"
        with socket.socket() as wire:  # a session just so
            wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            wire.connect(("127.0.0.1", served.port))
            wire.sendall(
                f"GET {SESSIONS} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
            )
            wire.recv(100)
            for message in ({"voice": "leah", "format": "pcm_s16le"}, {"text": "word " * 900}, {"eof": True}):
                data = json.dumps(message).encode()
                wire.sendall(b"\x81\xfe" + len(data).to_bytes(2, "big") + bytes(4) + data)
            assert eventually(lambda: len(served.lines) == 2)
        assert served.lines[1]["error"] == "the client does not read"
        assert served.lines[1]["end"] == "gone"
        assert served.premises.open == 0
