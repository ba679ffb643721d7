"""Connections below ASGI, on raw sockets: who holds one without using it is cut off, and nobody else."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import uvicorn

from narrate.server import connections
from narrate.server.connections import protocols, stalled, transport_of
from narrate.wire.session import PATH
from tests.server.servers import eventually

HEADERS_S = 0.15
STALL_S = 0.2
HANDSHAKE = (
    f"GET {PATH} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)
MEGABYTE = b"x" * (1 << 20)


class House:
    """A small app behind ``protocols``: it sends as much as it is asked for, and tells of what became of it."""

    def __init__(self) -> None:
        self.stalled: list[bool] = []
        self.messages: list[Any] = []
        self.sockets: list[socket.socket] = []
        config = uvicorn.Config(
            self, lifespan="off", log_config=None, ws_per_message_deflate=False, timeout_graceful_shutdown=1,
            **protocols(HEADERS_S, STALL_S),  # type: ignore[arg-type]
        )  # fmt: skip
        self.server = uvicorn.Server(config)

    @property
    def port(self) -> int:
        return int(self.server.servers[0].sockets[0].getsockname()[1])

    def connections(self) -> int:
        return len(self.server.server_state.connections)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.sockets.append(transport_of(scope).get_extra_info("socket"))
        try:
            if scope["type"] == "websocket":
                await self._converse(receive, send)
            else:
                await self._answer(scope["path"], receive, send)
        finally:
            self.stalled.append(stalled(scope))

    async def _answer(self, path: str, receive: Any, send: Any) -> None:
        if path == "/waits":
            await receive()
            await receive()  # until the client leaves
            return
        megabytes = int(path.rpartition("/")[2] or 0)
        length = [(b"content-length", b"%d" % (megabytes << 20))]
        await send({"type": "http.response.start", "status": 200, "headers": length})
        if megabytes == 1:  # in one piece, behind which nothing is waited for
            await send({"type": "http.response.body", "body": MEGABYTE})
            return
        for _ in range(megabytes):
            await send({"type": "http.response.body", "body": MEGABYTE, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    async def _converse(self, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        while True:
            message = await receive()
            self.messages.append(message)
            if message["type"] == "websocket.disconnect":
                return


@pytest.fixture(scope="module")
def running() -> Iterator[House]:
    house = House()
    thread = threading.Thread(target=house.server.run)
    thread.start()
    assert eventually(lambda: house.server.started)
    yield house
    house.server.should_exit = True
    thread.join()


@pytest.fixture
def house(running: House, caplog: pytest.LogCaptureFixture) -> Iterator[House]:
    """Behind every test nobody is connected, and asyncio has seen nothing that it did not expect."""
    caplog.set_level(logging.WARNING, "asyncio")
    for noted in (running.stalled, running.messages, running.sockets):
        noted.clear()
    yield running
    assert eventually(lambda: running.connections() == 0)
    assert [record.getMessage() for record in caplog.records if record.name == "asyncio"] == []


class Wire:
    """A connection on which nothing is understood. ``unread``: bytes that it takes in without being read."""

    def __init__(self, house: House, *, unread: int = 0) -> None:
        self.socket = socket.socket()
        if unread:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, unread)
        self.socket.connect(("127.0.0.1", house.port))
        self.socket.settimeout(10)

    def __enter__(self) -> Wire:
        return self

    def __exit__(self, *unused: object) -> None:
        self.socket.close()

    def sends(self, data: str | bytes) -> Wire:
        self.socket.sendall(data.encode() if isinstance(data, str) else data)
        return self

    def reads(self, enough: Callable[[bytes], bool] = lambda data: False) -> bytes:
        """Everything until the end, or until there is enough."""
        data = b""
        while not enough(data):
            try:
                piece = self.socket.recv(65536)
            except ConnectionResetError:
                break
            if not piece:
                break
            data += piece
        return data

    def upgrades(self, more: str = "") -> Wire:
        self.sends(f"{HANDSHAKE}{more}\r\n")
        assert b"101 Switching" in self.reads(lambda data: data.endswith(b"\r\n\r\n"))
        return self


def frame(opcode: int, payload: bytes = b"", *, last: bool = True) -> bytes:
    """A client's frame, whose mask changes nothing."""
    size = len(payload)
    length = bytes([0x80 | size]) if size < 126 else b"\xfe" + struct.pack("!H", size)
    return bytes([opcode | (0x80 if last else 0)]) + length + bytes(4) + payload


# --- who does not ask -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("begun", ["", "GET / HT", "GET / HTTP/1.1\r\nHost: x\r\nX-Long: "])
def test_who_never_completes_a_request_is_cut_off(house: House, begun: str) -> None:
    before = time.monotonic()
    with Wire(house) as wire:
        assert wire.sends(begun).reads() == b""
    assert HEADERS_S * 0.8 < time.monotonic() - before < 5


def test_headers_that_come_byte_by_byte_do_not_buy_time(house: House) -> None:
    with Wire(house) as wire, pytest.raises((ConnectionResetError, BrokenPipeError)):
        for _ in range(1000):
            wire.sends("X")
            time.sleep(0.01)


def test_a_connection_that_is_kept_alive_is_not_cut_off_between_requests(house: House) -> None:
    with Wire(house) as wire:
        for _ in range(2):
            assert b"200 OK" in wire.sends("GET /0 HTTP/1.1\r\nHost: x\r\n\r\n").reads(lambda data: b"\r\n\r\n" in data)
            time.sleep(HEADERS_S * 1.5)


def test_a_request_that_begins_behind_another_is_waited_for_as_the_first(house: House) -> None:
    with Wire(house) as wire:
        assert b"200 OK" in wire.sends("GET /0 HTTP/1.1\r\nHost: x\r\n\r\nGET / HT").reads()


def test_a_body_that_nobody_wants_any_more_is_not_read_for_ever(house: House) -> None:
    with Wire(house) as wire:
        wire.sends("POST /0 HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n")
        assert b"200 OK" in wire.reads(lambda data: b"\r\n\r\n" in data)
        with pytest.raises((ConnectionResetError, BrokenPipeError)):
            for _ in range(1000):
                wire.sends("X")
                time.sleep(0.01)


# --- who does not read ----------------------------------------------------------------------------------------------


def test_who_does_not_read_is_cut_off(house: House) -> None:
    with Wire(house, unread=4096) as wire:
        wire.sends("GET /64 HTTP/1.1\r\nHost: x\r\n\r\n")
        assert eventually(lambda: house.stalled == [True])
        assert eventually(lambda: house.connections() == 0)
        assert len(wire.reads()) < 64 << 20


@pytest.mark.parametrize("more", ["", "Connection: close\r\n"])
def test_an_answer_that_waits_behind_its_end_is_not_kept_for_ever(house: House, more: str) -> None:
    with Wire(house, unread=4096) as wire:  # the app is done at once, and the answer lies in the connection
        wire.sends(f"GET /1 HTTP/1.1\r\nHost: x\r\n{more}\r\n")
        assert eventually(lambda: house.stalled == [False])
        assert eventually(lambda: house.connections() == 0)


def test_who_reads_slowly_is_served(house: House) -> None:
    with Wire(house, unread=131072) as wire:
        wire.sends("GET /8 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        read, until = 0, time.monotonic() + 4 * STALL_S
        while time.monotonic() < until:  # longer than patience is, with pauses
            read += len(wire.socket.recv(65536))
            time.sleep(STALL_S / 8)
        read += len(wire.reads())
    assert read > 8 << 20
    assert house.stalled == [False]


def test_who_pings_and_never_reads_is_cut_off(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "MOST_UNSENT", 64 << 10)
    pings = frame(9, b"p" * 125) * 1000
    with Wire(house, unread=4096).upgrades() as wire:
        wire.socket.settimeout(0.01)
        until = time.monotonic() + 10
        with pytest.raises((ConnectionResetError, BrokenPipeError)):
            while time.monotonic() < until:
                try:
                    wire.socket.send(pings)
                except TimeoutError:
                    continue


# --- nonsense -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("nonsense", ["\x16\x03\x01\r\n\r\n", "GET / FTP/1.1\r\n\r\n", "GET /\r\n\r\n", "A" * 70_000])
def test_what_is_no_request_is_told_so_with_an_id(house: House, nonsense: str) -> None:
    with Wire(house) as wire:
        head, _, body = wire.sends(nonsense).reads().partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400")
    assert b"\r\nrequest-id: req_" in head
    assert json.loads(body)["error"]["type"] == "invalid_request_error"


def test_nonsense_behind_a_request_in_work_ends_the_connection(house: House) -> None:
    with Wire(house) as wire:
        wire.sends("POST /waits HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        wire.sends("nonsense\r\n")
        assert wire.reads().startswith(b"HTTP/1.1 400")


def test_nonsense_while_an_answer_is_sent_ends_the_connection(house: House) -> None:
    with Wire(house, unread=4096) as wire:
        wire.sends("POST /64 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        wire.reads(lambda data: b"200 OK" in data)
        wire.sends("nonsense\r\n")
        assert len(wire.reads()) < 64 << 20


@pytest.mark.parametrize("more", [f"X-Long: {'x' * 9000}\r\n", "".join(f"X-{each}: 1\r\n" for each in range(200))])
def test_a_handshake_that_the_websocket_does_not_take_is_answered(house: House, more: str) -> None:
    with Wire(house) as wire:
        assert wire.sends(f"{HANDSHAKE}{more}\r\n").reads().startswith(b"HTTP/1.1 400")


def test_messages_in_countless_parts_are_put_together(house: House) -> None:
    with Wire(house).upgrades() as wire:
        parts = [frame(1, b"a", last=False), *[frame(0, last=False)] * 20_000, *[frame(0, b"b", last=False)] * 300]
        wire.sends(b"".join(parts))
        [connection] = house.server.server_state.connections
        assert connection.transport.max_size == connections.AT_ONCE  # type: ignore[union-attr, attr-defined]
        assert eventually(lambda: sum(map(len, connection.frames)) == 301)  # type: ignore[union-attr]
        assert len(connection.frames) <= connections.MOST_FRAGMENTS  # type: ignore[union-attr]
        wire.sends(frame(0, b"c") + frame(2, b"\x00", last=False) + frame(0, b"\x01"))
        assert eventually(lambda: len(house.messages) == 2)
    assert house.messages[0]["text"] == f"a{'b' * 300}c"
    assert house.messages[1]["bytes"] == b"\x00\x01"


# --- who vanishes ---------------------------------------------------------------------------------------------------


@pytest.mark.skipif(os.name == "nt", reason="names of Linux")
def test_the_system_looks_after_clients_that_vanish(house: House) -> None:
    with Wire(house).upgrades():
        assert eventually(lambda: bool(house.sockets))
        [sock] = house.sockets
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        if hasattr(socket, "TCP_KEEPIDLE"):
            assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) <= 60


@pytest.mark.parametrize("path", ["/waits", "/64"])
def test_who_leaves_in_the_middle_is_noticed(house: House, path: str) -> None:
    with Wire(house, unread=4096) as wire:
        wire.sends(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n")
        assert eventually(lambda: bool(house.sockets))
    assert eventually(lambda: house.connections() == 0)


def test_protocols_are_made_once_for_the_same_patience() -> None:
    assert protocols(1.0, 2.0) is protocols(1.0, 2.0)
    assert asyncio.iscoroutinefunction(protocols(1.0, 2.0)["ws"].send)  # type: ignore[attr-defined]
