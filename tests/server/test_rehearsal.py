"""A real server in front of a small app: over the wire goes what each fault's name says, and nothing else."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import socket
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, closing, suppress
from dataclasses import replace
from typing import Any

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from narrate.audio import codec
from narrate.bounds import Deadlines
from narrate.engines import Speech, lmnt
from narrate.engines.verified import Verified
from narrate.errors import NarrateError
from narrate.script import Chunk
from narrate.server.connections import protocols
from narrate.server.faults import ALL, KINDS, OTHER, STALE, Faults, Pace, Received, Reply
from narrate.server.rehearsal import LONGEST_REQUEST, Rehearsal
from tests.engines.peers import Time, patient
from tests.server.servers import eventually
from tests.speech_sound import speech_of, timestamps

TEXT = "The clock in the hall had stopped at noon, and nobody wound it up again. " * 3
PACE = Pace(late=0.05, fraction=0.01, drip=0.02)
AUDIO = b"\x01\x02" * 400


# --- the small app --------------------------------------------------------------------------------------------------


async def speak(request: Request) -> Response:
    fields = await request.json()
    audio = speech_of(7, fields["text"], fields.get("format", "mp3"), 24000)
    if request.url.path.endswith("/bytes"):
        return Response(audio, media_type="audio/wav", headers={"request-id": "req_app"})
    message: dict[str, Any] = {"audio": base64.b64encode(audio).decode()}
    if fields.get("return_timestamps"):
        message["timestamps"] = timestamps(fields["text"])
    return JSONResponse(message)


async def speak_in_pieces(request: Request) -> Response:
    fields = await request.json()
    audio = speech_of(7, fields["input"], fields.get("response_format", "mp3"), 24000)

    async def pieces() -> AsyncIterator[bytes]:
        for at in range(0, len(audio), 4000):
            yield audio[at : at + 4000]

    return StreamingResponse(pieces())


async def echo(request: Request) -> Response:
    return JSONResponse({"bytes": len(await request.body())})


async def converse(session: WebSocket) -> None:
    await session.accept()
    await session.receive_json()
    await session.send_json({"type": "ready", "request_id": "req_1"})
    while (await session.receive_json())["type"] == "text":
        await session.send_bytes(AUDIO)
    await session.close(1000)


APP = Starlette(
    routes=[
        Route("/v1/ai/speech/bytes", speak, methods=["POST"]),
        Route("/v1/ai/speech", speak, methods=["POST"]),
        Route("/v1/audio/speech", speak_in_pieces, methods=["POST"]),
        Route("/v1/account", echo, methods=["GET", "POST"]),
        WebSocketRoute("/v1/ai/speech/stream", converse),
    ]
)


class Errors(logging.Handler):
    """What uvicorn complains of."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.told: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.told.append(f"{record.getMessage()}: {record.exc_info}")


class Stage:
    """One server for all plays."""

    def __init__(self) -> None:
        self.play(Faults(0, 0.0))
        self.errors = Errors()
        config = uvicorn.Config(
            self, host="127.0.0.1", port=0, lifespan="off", log_config=None, timeout_graceful_shutdown=1, **protocols()
        )
        self.server = uvicorn.Server(config)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.app(scope, receive, send)

    def play(self, plan: Faults, *, patience: float = 5.0, app: Any = APP) -> None:
        self.told: Counter[str] = Counter()
        told = self.told
        self.app = Rehearsal(app, plan, told=lambda name: told.update([name]), patience=patience)

    @property
    def port(self) -> int:
        port: int = self.server.servers[0].sockets[0].getsockname()[1]
        return port

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def idle(self, within: float = 10) -> bool:
        return eventually(lambda: not self.server.server_state.tasks, within)


@pytest.fixture(scope="module")
def running() -> Iterator[Stage]:
    stage = Stage()
    log = logging.getLogger("uvicorn.error")
    log.addHandler(stage.errors)
    thread = threading.Thread(target=stage.server.run)
    thread.start()
    assert eventually(lambda: stage.server.started)
    yield stage
    stage.server.should_exit = True
    thread.join()
    log.removeHandler(stage.errors)


@pytest.fixture
def stage(running: Stage) -> Iterator[Stage]:
    """The server; behind every test nothing is left over, and uvicorn has seen nothing that it did not understand."""
    running.errors.told.clear()
    yield running
    assert running.idle()
    assert running.errors.told == []


class Scripted(Faults):
    """What is to happen, in turn; then all is well."""

    def __init__(self, *replies: Reply) -> None:
        super().__init__(0, 0.0)
        self._waiting = list(replies)

    def __call__(self, request: Received, seen: int) -> Reply | None:
        return self._waiting.pop(0) if self._waiting else None


def scripted(kind: str, pace: Pace = PACE) -> Scripted:
    """The fault ``kind``, once."""
    return Scripted(replace(KINDS[kind](pace), name=kind))


# --- raw clients ----------------------------------------------------------------------------------------------------


class Wire:
    """A connection on which nothing is understood."""

    def __init__(self, stage: Stage) -> None:
        self._socket = socket.create_connection(("127.0.0.1", stage.port))
        self.data = b""
        self.closed = False

    def ask(self, text: str = TEXT, path: str = "/v1/ai/speech/bytes", more: str = "") -> Wire:
        body = json.dumps({"text": text, "format": "wav"}).encode()
        head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n{more}\r\n"
        self._socket.sendall(head.encode() + body)
        return self

    def read(self, seconds: float, enough: Callable[[Wire], bool] = lambda wire: False) -> Wire:
        """Whatever comes within so many seconds, until the end or until there is enough."""
        until = time.monotonic() + seconds
        while not enough(self) and (left := until - time.monotonic()) > 0:
            self._socket.settimeout(left)
            try:
                data = self._socket.recv(65536)
            except TimeoutError:
                break
            if not data:
                self.closed = True
                break
            self.data += data
        return self

    @property
    def head(self) -> bytes:
        return self.data.partition(b"\r\n\r\n")[0].lower()

    @property
    def body(self) -> bytes:
        return self.data.partition(b"\r\n\r\n")[2]

    @property
    def promised(self) -> int:
        return int(self.head.partition(b"content-length: ")[2].split(b"\r\n")[0])

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def wire(stage: Stage) -> Iterator[Wire]:
    with closing(Wire(stage)) as wire:
        yield wire


def healthy(text: str = TEXT) -> bytes:
    return speech_of(7, text, "wav", 24000)


# --- requests -------------------------------------------------------------------------------------------------------


def ask(stage: Stage, path: str = "/v1/ai/speech/bytes", **fields: Any) -> httpx.Response:
    fields = {"text": TEXT, "input": TEXT, "format": "wav", "response_format": "wav", **fields}
    return httpx.post(stage.url + path, json=fields, timeout=3, trust_env=False)


@pytest.mark.parametrize("path", ["/v1/ai/speech/bytes", "/v1/ai/speech", "/v1/audio/speech"])
def test_what_is_healthy_is_untouched(stage: Stage, path: str) -> None:
    stage.play(Faults(1, 0.0))
    answer = ask(stage, path)
    assert answer.status_code == 200
    assert answer.headers.get("request-id") == ("req_app" if path.endswith("bytes") else None)
    assert (answer.headers.get("transfer-encoding") == "chunked") == (path == "/v1/audio/speech")
    audio = base64.b64decode(answer.json()["audio"]) if path == "/v1/ai/speech" else answer.content
    assert audio == healthy()
    assert not stage.told


def test_a_share_goes_wrong_whoever_asks_when(stage: Stage) -> None:
    bodies = [f"Number {number}." for number in range(40)]
    plan = Faults(3, 0.4, kinds=["429", "500"])
    expected = [plan.kind(httpx.Request("POST", "http://x", json={"text": text}).content, 0) for text in bodies]
    assert {"", "429", "500"} == set(expected)

    def statuses(texts: list[str]) -> list[int]:
        stage.play(plan)
        with httpx.Client(base_url=stage.url, trust_env=False) as client:
            return [client.post("/v1/ai/speech/bytes", json={"text": text}).status_code for text in texts]

    assert statuses(bodies) == [int(kind or 200) for kind in expected]
    assert stage.told == Counter(filter(None, expected))
    assert statuses(bodies[::-1]) == [int(kind or 200) for kind in expected[::-1]]


def test_asked_again_it_is_another_draw(stage: Stage) -> None:
    plan = Faults(3, 0.5, kinds=["503"])
    stage.play(plan)
    found = [ask(stage, text="Again.") for _ in range(12)]
    assert [answer.status_code == 503 for answer in found] == [
        bool(plan.kind(found[0].request.content, seen)) for seen in range(12)
    ]
    assert stage.told == {"503": sum(answer.status_code == 503 for answer in found)} != {"503": 12}


@pytest.mark.parametrize(
    "kind", [name for name in KINDS if KINDS[name](PACE).status != 200 or KINDS[name](PACE).body is not None]
)
def test_what_has_a_body_of_its_own_is_answered_with_it(stage: Stage, kind: str) -> None:
    reply = KINDS[kind](PACE)
    stage.play(scripted(kind))
    answer = ask(stage)
    assert (answer.status_code, answer.content) == (reply.status, reply.body)
    assert answer.headers["request-id"].startswith("req_")
    for name, value in reply.headers:
        dates = [line for line in answer.headers.get_list(name) if line]
        assert len(dates) == 1, name
        assert dates == [value] or "GMT" in value
    assert stage.told == {kind: 1}
    assert ask(stage).content == healthy()


def test_a_wait_until_a_date_is_told_by_the_clock_of_the_answer(stage: Stage) -> None:
    stage.play(scripted("429 until a date"))
    headers = ask(stage).headers
    assert headers.get_list("date") == [headers["date"]]
    told, until = (
        time.mktime(time.strptime(headers[name], "%a, %d %b %Y %H:%M:%S GMT")) for name in ("date", "retry-after")
    )
    assert until - told == PACE.whole


def test_an_answer_is_late_and_otherwise_as_it_was(stage: Stage) -> None:
    stage.play(scripted("late"))
    started = time.monotonic()
    answer = ask(stage, "/v1/audio/speech")
    assert time.monotonic() - started >= PACE.late
    assert answer.content == healthy()
    assert answer.headers["transfer-encoding"] == "chunked"


def test_no_answer_comes_until_the_server_has_had_enough(stage: Stage, wire: Wire) -> None:
    stage.play(scripted("never"), patience=0.3)
    assert not wire.ask().read(0.05).closed
    assert wire.read(5).closed
    assert wire.data == b""


@pytest.mark.parametrize("kind", ["never", "too little", "byte by byte", "headers byte by byte"])
def test_nobody_is_waited_for_who_has_left(stage: Stage, wire: Wire, kind: str) -> None:
    stage.play(scripted(kind), patience=60)
    wire.ask()
    assert eventually(lambda: bool(stage.told))
    assert not stage.idle(0.03)
    wire.close()
    assert stage.idle()


def test_nobody_is_answered_late_who_has_left(stage: Stage, wire: Wire) -> None:
    stage.play(scripted("late", Pace(late=60)))
    wire.ask()
    assert eventually(lambda: bool(stage.told))
    wire.close()
    assert stage.idle()


def test_a_connection_is_dropped_before_the_headers(stage: Stage, wire: Wire) -> None:
    stage.play(scripted("dropped before the headers"))
    assert wire.ask().read(5).closed
    assert wire.data == b""


def test_a_connection_is_dropped_in_the_headers(stage: Stage, wire: Wire) -> None:
    stage.play(scripted("dropped in the headers"))
    assert wire.ask().read(5).closed
    assert wire.data.startswith(b"HTTP/1.1 200 OK\r\n")
    assert len(wire.data) == 30
    assert b"\r\n\r\n" not in wire.data


@pytest.mark.parametrize(("text", "arrives"), [(TEXT, 1000), ("A", None)])
def test_a_connection_is_dropped_in_the_body(stage: Stage, wire: Wire, text: str, arrives: int | None) -> None:
    short = Reply(body=b"0123456789", cut=1000)
    stage.play(scripted("dropped in the body") if arrives else Scripted(short))
    assert wire.ask(text).read(5).closed
    expected, arrives = (healthy(text), arrives) if arrives else (b"0123456789", 5)
    assert wire.promised == len(expected)
    assert wire.body == expected[:arrives]
    assert b"connection: close" not in wire.head


@pytest.mark.parametrize("path", ["/v1/ai/speech/bytes", "/v1/ai/speech"])
def test_a_connection_is_dropped_in_a_chunked_body(stage: Stage, wire: Wire, path: str) -> None:
    stage.play(scripted("dropped in a chunked body"))
    assert wire.ask(path=path).read(5).closed
    assert b"transfer-encoding: chunked" in wire.head
    assert b"content-length" not in wire.head
    assert len(wire.body) == 1000
    assert wire.body.startswith(b"4000\r\n")
    assert b"\r\n0\r\n" not in wire.body


def test_a_connection_is_dropped_behind_the_answer_without_notice(stage: Stage, wire: Wire) -> None:
    stage.play(scripted("dropped after the body"))
    assert wire.ask().read(5).closed
    assert wire.body == healthy()
    assert wire.promised == len(wire.body)
    assert b"connection: close" not in wire.head


def test_too_little_comes_and_the_connection_stays(stage: Stage, wire: Wire) -> None:
    stage.play(scripted("too little"), patience=0.3)
    wire.ask().read(5, lambda wire: len(wire.body) >= 500)
    assert not wire.closed
    assert wire.promised == len(healthy())
    assert wire.body == healthy()[:500]
    assert wire.read(5).closed
    assert wire.body == healthy()[:500]


@pytest.mark.parametrize("kind", ["too much", "too much in chunks"])
def test_too_much_comes_and_the_connection_goes_on(stage: Stage, wire: Wire, kind: str) -> None:
    stage.play(scripted(kind))
    wire.ask().read(5, lambda wire: wire.data.endswith(STALE))
    assert not wire.closed
    assert wire.data.endswith(STALE)
    assert (b"transfer-encoding: chunked" in wire.head) == ("chunks" in kind)
    if "chunks" not in kind:
        assert wire.body == healthy() + STALE
    wire.data = b""
    other = healthy("Another text.")
    wire.ask("Another text.").read(5, lambda wire: len(wire.body) >= len(other))
    assert wire.body == other
    assert stage.told == {kind: 1}


def test_too_much_comes_even_where_the_connection_is_to_be_closed(stage: Stage, wire: Wire) -> None:
    stage.play(scripted("too much"))
    assert wire.ask(more="Connection: close\r\n").read(5).closed
    assert wire.body == healthy() + STALE


@pytest.mark.parametrize("kind", ["byte by byte", "headers byte by byte"])
def test_an_answer_drips(stage: Stage, wire: Wire, kind: str) -> None:
    stage.play(scripted(kind))
    started = time.monotonic()
    wire.ask().read(5, lambda wire: len(dripped(wire)) >= 4)
    assert not wire.closed
    assert 4 <= len(dripped(wire)) <= (time.monotonic() - started) / PACE.drip + 1


def dripped(wire: Wire) -> bytes:
    """What came byte by byte: the body, or, where no head has come at once, everything."""
    return wire.body if len(wire.head) > 30 else wire.data


@pytest.mark.parametrize("drip", [{"drip": 0.001}, {"drip_headers": 0.0005}])
def test_what_drips_comes_to_an_end(stage: Stage, wire: Wire, drip: dict[str, float]) -> None:
    stage.play(Scripted(Reply(body=b"0123456789", **drip)))
    assert wire.ask().read(5).closed
    assert wire.body == b"0123456789"
    assert b"connection: close" in wire.head


@pytest.mark.parametrize("path", ["/v1/ai/speech/bytes", "/v1/ai/speech", "/v1/audio/speech"])
@pytest.mark.parametrize("kind", sorted(name for name in KINDS if KINDS[name](PACE).speech))
def test_the_sound_is_wrong(stage: Stage, kind: str, path: str) -> None:
    stage.play(scripted(kind))
    answer = ask(stage, path)
    audio = base64.b64decode(answer.json()["audio"]) if path == "/v1/ai/speech" else answer.content
    assert stage.told == {kind: 1}
    right, _ = codec.decode(healthy(), "wav", 0)
    if kind == "a truncated file":
        assert audio == healthy()[: int(len(healthy()) * 0.6)]
        return
    samples, rate = codec.decode(audio, "wav", 0)
    assert rate == (16000 if kind == "another rate" else 24000)
    assert bool(samples.any()) == (kind != "silence")
    sounds = {"half as long": 0.45, "ten times as long": 10, "another utterance": len(OTHER) / len(TEXT)}
    assert samples.size / rate == pytest.approx(sounds.get(kind, 1) * right.size / 24000, rel=0.01)


def test_a_refusal_is_no_sound_to_change(stage: Stage) -> None:
    async def refuse(scope: Any, receive: Any, send: Any) -> None:
        await Response(healthy(), 402)(scope, receive, send)

    stage.play(scripted("silence"), app=refuse)
    answer = ask(stage)
    assert (answer.status_code, answer.content) == (402, healthy())


def test_other_requests_pass_through(stage: Stage) -> None:
    stage.play(Faults(1, 1.0))
    assert httpx.get(f"{stage.url}/v1/account", trust_env=False).json() == {"bytes": 0}
    assert httpx.post(f"{stage.url}/v1/account", content=b"12345", trust_env=False).json() == {"bytes": 5}
    assert not stage.told


@pytest.mark.parametrize("body", [b"", b"no JSON", b"[]", b'{"text": 5}'])
def test_a_request_for_nothing_goes_wrong_like_any_other(stage: Stage, body: bytes) -> None:
    stage.play(Faults(1, 1.0, kinds=["503", "another utterance"]))
    answer = httpx.post(f"{stage.url}/v1/ai/speech/bytes", content=body, trust_env=False)
    assert answer.status_code == 503


@pytest.mark.parametrize("more", [1, 30_000, 200_000, 3_000_000])
def test_what_is_too_long_for_speech_is_left_to_the_app(stage: Stage, more: int) -> None:
    app = Starlette(routes=[Route("/v1/ai/speech/bytes", echo, methods=["POST"])])
    stage.play(Faults(1, 1.0), app=app)
    size = LONGEST_REQUEST + more
    answer = httpx.post(f"{stage.url}/v1/ai/speech/bytes", content=bytes(size), trust_env=False)
    assert answer.json() == {"bytes": size}
    assert not stage.told


def test_who_leaves_while_asking_has_asked_for_nothing(stage: Stage) -> None:
    stage.play(Faults(1, 1.0))
    with socket.create_connection(("127.0.0.1", stage.port)) as client:
        client.sendall(b"POST /v1/ai/speech HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
        assert eventually(lambda: bool(stage.server.server_state.tasks))
    assert stage.idle()
    assert not stage.told


def test_a_body_that_never_ends_is_not_waited_for_for_ever(stage: Stage, wire: Wire) -> None:
    stage.play(Faults(0, 0.0), patience=0.1)
    wire._socket.sendall(b"POST /v1/ai/speech/bytes HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
    with suppress(ConnectionResetError):
        assert wire.read(10).closed


def test_a_server_without_the_protocols_is_told_so() -> None:
    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"{}"}

    async def send(message: Any) -> None:
        pytest.fail(f"sent {message}")

    scope = {"type": "http", "method": "POST", "path": "/v1/ai/speech", "headers": [], "http_version": "1.1"}
    with pytest.raises(NarrateError, match="without these protocols"):
        asyncio.run(Rehearsal(APP, scripted("dropped before the headers"))(scope, receive, send))


# --- sessions -------------------------------------------------------------------------------------------------------

OPENING = {"X-API-Key": "k", "lmnt-version": "1.2", "voice": "leah", "format": "pcm_s16le"}


@pytest.fixture
def talk(stage: Stage) -> Iterator[Callable[..., ClientConnection]]:
    with ExitStack() as opened:

        def to(kind: str, opening: dict[str, Any] = OPENING, texts: int = 2, finish: bool = True) -> ClientConnection:
            stage.play(Faults(1, 1.0, kinds=[kind], pace=PACE) if kind else Faults(1, 0.0))
            client = opened.enter_context(connect(session_url(stage), proxy=None, close_timeout=1))
            messages = [opening, *[{"type": "text", "text": "Hello."}] * texts, *[{"type": "finish"}] * finish]
            with suppress(ConnectionClosed):  # the server may be quicker
                for message in messages:
                    client.send(json.dumps(message))
            return client

        yield to


def session_url(stage: Stage) -> str:
    return stage.url.replace("http", "ws") + "/v1/ai/speech/stream"


def heard(client: ClientConnection) -> tuple[list[Any], ConnectionClosed]:
    """Every message, JSON read, and how it ended."""
    messages: list[Any] = []
    while True:
        try:
            message = client.recv(timeout=2)
        except ConnectionClosed as closed:
            return messages, closed
        messages.append(json.loads(message) if isinstance(message, str) else message)


READY = {"type": "ready", "request_id": "req_1"}


def test_a_healthy_session_is_untouched(stage: Stage, talk: Callable[..., ClientConnection]) -> None:
    messages, closed = heard(talk(""))
    assert messages == [READY, AUDIO, AUDIO]
    assert closed.rcvd is not None
    assert closed.rcvd.code == 1000
    assert not stage.told


def test_a_session_is_dropped_behind_its_first_audio(stage: Stage, talk: Callable[..., ClientConnection]) -> None:
    # what nobody reads any more would have the system drop what is under way, too
    messages, closed = heard(talk("session dropped", texts=1, finish=False))
    assert messages == [READY, AUDIO]
    assert closed.rcvd is None
    assert stage.told == {"session dropped": 1}


def test_a_session_breaks_in_place_of_its_audio(stage: Stage, talk: Callable[..., ClientConnection]) -> None:
    (ready, error), closed = heard(talk("session broken"))
    assert ready == READY
    assert (error["type"], error["error"]["type"]) == ("error", "internal_server_error")
    assert error["request_id"]
    assert closed.rcvd is not None
    assert closed.rcvd.code == 1000
    assert stage.told == {"session broken": 1}


def test_a_session_is_one_too_many(stage: Stage, talk: Callable[..., ClientConnection]) -> None:
    messages, closed = heard(talk("session limited"))
    assert [message["error"]["type"] for message in messages] == ["rate_limit_error"]
    assert closed.rcvd is not None
    assert closed.rcvd.code == 1000


def test_a_session_of_an_older_client_breaks_in_its_own_dialect(talk: Callable[..., ClientConnection]) -> None:
    (error,), _ = heard(talk("session limited", {"X-API-Key": "k", "voice": "leah", "protocol_version": 2}))
    assert error == {"error": "too many requests"}


def test_a_session_is_late(stage: Stage, talk: Callable[..., ClientConnection]) -> None:
    started = time.monotonic()
    messages, closed = heard(talk("session late"))
    assert time.monotonic() - started >= PACE.late
    assert messages == [READY, AUDIO, AUDIO]
    assert closed.rcvd is not None
    assert closed.rcvd.code == 1000
    assert stage.told == {"session late": 1}


def test_a_session_is_closed_without_a_word(stage: Stage, talk: Callable[..., ClientConnection]) -> None:
    messages, closed = heard(talk("session closed"))
    assert messages == []
    assert closed.rcvd is not None
    assert closed.rcvd.code == 1011
    assert stage.told == {"session closed": 1}


def test_sessions_go_wrong_in_the_order_of_the_plan(stage: Stage) -> None:
    plan = Faults(2, 0.5, kinds=["session closed"])
    expected = [plan.session_kind(number) for number in range(8)]
    assert {"", "session closed"} == set(expected)
    stage.play(plan)
    found = []
    for _ in expected:
        with connect(session_url(stage), proxy=None) as client:
            client.send(json.dumps(OPENING))
            with suppress(ConnectionClosed):  # it may be over already
                client.send(json.dumps({"type": "finish"}))
            found.append("" if heard(client)[0] else "session closed")
    assert found == expected


# --- by way of narrate's own client ---------------------------------------------------------------------------------

WAITS = Deadlines(first_byte=0.3, between_bytes=0.2, total=0.6)


def spoken(stage: Stage, texts: list[str], *, timings: bool = False) -> list[Speech]:
    env = {"LMNT_API_KEY": "test-key-3f9a1c77d2", "LMNT_BASE_URL": stage.url}
    engine, client = lmnt.engine(env, timings=timings, deadlines=WAITS)
    patiently = patient(Verified(engine), Time(), max_wait=600)
    voice = lmnt.voice("", "en", {}, env)
    try:
        return [replace(patiently.speak(Chunk(text, voice, 0)), request_id="") for text in texts]
    finally:
        client.close()


@pytest.mark.parametrize("timings", [False, True])
@pytest.mark.parametrize("kind", sorted(KINDS))
def test_each_fault_costs_one_request_at_most_and_changes_no_sound(
    stage: Stage, kind: str, timings: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lmnt, "SECONDS_PER_CHARACTER_WAITED", 0)
    asked: Counter[str] = Counter()

    async def counted(scope: Any, receive: Any, send: Any) -> None:
        asked[scope["path"]] += 1
        await APP(scope, receive, send)

    stage.play(Faults(0, 0.0))
    undisturbed = spoken(stage, [TEXT], timings=timings)
    stage.play(scripted(kind, replace(PACE, drip=0.1)), app=counted)
    assert spoken(stage, [TEXT], timings=timings) == undisturbed
    assert asked.total() <= 2
    assert stage.told == {kind: 1}


def test_a_storm_changes_no_sound(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lmnt, "SECONDS_PER_CHARACTER_WAITED", 0)
    texts = [f"{number} hours later, {TEXT}" for number in range(24)]
    stage.play(Faults(0, 0.0))
    undisturbed = spoken(stage, texts)
    plan = Faults(11, 0.4, kinds=ALL, pace=replace(PACE, drip=0.1))
    stage.play(plan)
    assert spoken(stage, texts) == undisturbed
    assert len(stage.told) >= 5
