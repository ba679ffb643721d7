"""Connections, below ASGI: uvicorn's own protocols, with what a server in the open needs and uvicorn leaves out.

Who opens a connection without ever completing a request, who sends a body that nobody reads, and who takes in nothing
of what is sent to it, does not hold the connection for ever. A connection's transport and outlet travel in the state of
its requests. What is written waits for the client to take in all that was written before: so much, and no more, is in
memory for a client that reads slowly.
"""

from __future__ import annotations

import asyncio
import functools
import secrets
import socket
from contextlib import suppress
from typing import Any

from starlette.types import Scope

from narrate.errors import NarrateError
from narrate.wire.serving import Fault, error_body

TRANSPORT = "narrate.transport"
"""The name under which a connection's transport travels in ``scope["state"]``."""
OUTLET = "narrate.outlet"
"""The name under which its Outlet does."""
HEADERS_S = 20.0
"""Seconds that the headers of a request may take."""
STALL_S = 60.0
"""Seconds in which a client must have taken in something, while there is something for it."""
MOST_UNSENT = 4 << 20
"""Bytes that may wait to be sent: more can only be answers to the pings of a client that never reads one."""
AT_ONCE = 16 << 10
"""Bytes of messages that are read at a time: asyncio's 256 KiB, full of the smallest, keep everybody else waiting for a
fifth of a second."""
MOST_FRAGMENTS = 64
"""Parts of a message that are kept as they come: each takes room beyond its length."""
UNREAD = 128 << 10
"""Bytes that the system may hold for a client. It tells of room only when a third is free, and lets the rest grow to
megabytes where nobody says otherwise: minutes of sound, in which a client that listens as it reads would seem dead."""
_PROBES = (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3))
"""A client that vanished is noticed after a minute, also while nothing is sent to it. WebSocket's own pings cannot
tell: they wait behind the sound that a slow client has not listened to yet."""


def transport_of(scope: Scope) -> asyncio.Transport:
    """The transport under ``scope``'s connection; NarrateError where the server does not use ``protocols``."""
    transport = scope.get("state", {}).get(TRANSPORT)
    if transport is None:
        raise NarrateError("a connection cannot be cut off by a server without these protocols")
    found: asyncio.Transport = transport
    return found


def stalled(scope: Scope) -> bool:
    """Whether ``scope``'s connection was cut because its client did not read."""
    outlet = scope.get("state", {}).get(OUTLET)
    return outlet is not None and outlet.stalled


class Outlet:
    """Watches what waits to be sent, and cuts the connection when nothing of it left for ``patience`` seconds."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop, patience: float) -> None:
        self._transport, self._loop, self._patience = transport, loop, patience
        self._left = 0
        self._since = 0.0
        self._look: asyncio.TimerHandle | None = None
        self.stalled = False

    def watch(self) -> None:
        """Be told from now on whenever something waits, be it already."""
        self._transport.set_write_buffer_limits(high=1, low=0)  # at 0 TLS would pause with nothing to wait for

    def wait(self) -> None:
        """Something waits from now on."""
        self._left, self._since = self._transport.get_write_buffer_size(), self._loop.time()
        if self._look is None:
            self._look_later()

    def calm(self) -> None:
        """Nothing waits."""
        if self._look is not None:
            self._look.cancel()
            self._look = None

    def _look_later(self) -> None:
        self._look = self._loop.call_later(self._patience / 4, self._look_now)

    def _look_now(self) -> None:
        self._look = None
        left = self._transport.get_write_buffer_size()
        if left < self._left:
            self._since = self._loop.time()
        self._left = left
        if left and self._loop.time() - self._since >= self._patience:
            self.stalled = True
            self._transport.abort()
        elif left:
            self._look_later()


@functools.cache
def protocols(headers_s: float = HEADERS_S, stall_s: float = STALL_S) -> dict[str, type[asyncio.Protocol]]:
    """``http`` and ``ws`` for uvicorn.Config."""
    import h11
    from uvicorn.protocols.http.h11_impl import H11Protocol
    from uvicorn.protocols.websockets import websockets_sansio_impl as sansio

    class Watched:
        """What both have in common, in front of uvicorn's own."""

        loop: asyncio.AbstractEventLoop
        app_state: dict[str, Any]
        outlet: Outlet

        def connection_made(self, transport: Any) -> None:
            _set_up(transport)
            # a session takes over the outlet of the request that it began as
            self.outlet = self.app_state.get(OUTLET) or Outlet(transport, self.loop, stall_s)
            self.app_state = {**self.app_state, TRANSPORT: transport, OUTLET: self.outlet}
            super().connection_made(transport)  # type: ignore[misc]
            self.outlet.watch()  # only now: TLS, which has tickets to send, pauses us at once

        def connection_lost(self, exc: Exception | None) -> None:
            self.outlet.calm()
            super().connection_lost(exc)  # type: ignore[misc]

        def pause_writing(self) -> None:
            self.outlet.wait()
            super().pause_writing()  # type: ignore[misc]

        def resume_writing(self) -> None:
            self.outlet.calm()
            super().resume_writing()  # type: ignore[misc]

    class Http(Watched, H11Protocol):
        _late: asyncio.TimerHandle | None = None

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            self._watch()

        def data_received(self, data: bytes) -> None:
            try:
                super().data_received(data)
            except h11.LocalProtocolError:  # nonsense behind a request that is being answered
                self.transport.abort()
            self._watch()

        def connection_lost(self, exc: Exception | None) -> None:
            self._calm()
            super().connection_lost(exc)

        def on_response_complete(self) -> None:
            super().on_response_complete()
            self._watch()

        def _watch(self) -> None:
            """Wait for headers while there is part of them, or nothing yet; and for the rest of a body that is not
            wanted any more.
            """
            unwanted = self.conn.our_state is h11.DONE and self.conn.their_state is h11.SEND_BODY
            begun = self.conn.their_state is h11.IDLE and (self.cycle is None or bool(self.conn.trailing_data[0]))
            if self.transport.is_closing() or not (unwanted or begun):
                self._calm()
            elif self._late is None:
                self._late = self.loop.call_later(headers_s, self.transport.abort)

        def _calm(self) -> None:
            if self._late is not None:
                self._late.cancel()
                self._late = None

        def send_400_response(self, msg: str) -> None:
            """As every other answer: an envelope, and an id."""
            if self.conn.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
                self.transport.abort()
                return
            if self.cycle is not None:  # an app that is still at work must not answer as well
                self.cycle.disconnected = True
                self.cycle.message_event.set()
            body = error_body(Fault("this is no HTTP request"), "lmnt")
            headers = [("content-type", "application/json"), ("content-length", str(len(body)))]
            headers += [("connection", "close"), ("request-id", f"req_{secrets.token_hex(16)}")]
            answer = (h11.Response(status_code=400, headers=headers), h11.Data(data=body), h11.EndOfMessage())
            self.transport.write(b"".join(self.conn.send(part) or b"" for part in answer))
            self.transport.close()

    class WebSocket(Watched, sansio.WebSocketsSansIOProtocol):
        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            if hasattr(transport, "max_size"):  # asyncio's own, and told nowhere
                transport.max_size = AT_ONCE

        def data_received(self, data: bytes) -> None:
            try:
                super().data_received(data)
            except sansio.InvalidState:  # type: ignore[attr-defined]  # letters that are none, behind the close
                self.transport.abort()
            if not self.handshake_initiated and self.conn.handshake_exc is not None:
                # a header that its parser does not take, and h11 did: uvicorn would wait for ever
                self.transport.write(b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")
                self.transport.close()

        def handle_cont(self, event: Any) -> None:
            if len(self.frames) >= MOST_FRAGMENTS:
                self.frames = [b"".join(self.frames)]
            super().handle_cont(event)

        def handle_ping(self) -> None:
            super().handle_ping()
            if self.transport.get_write_buffer_size() > MOST_UNSENT:
                self.transport.abort()

    return {"http": Http, "ws": WebSocket}


def _set_up(transport: asyncio.Transport) -> None:
    """Have the system hold no more than it should, and find out whether the client is still there."""
    sock = transport.get_extra_info("socket")
    if sock is None:
        return
    with suppress(OSError):  # a client that has left already
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, UNREAD)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in _PROBES:
            if hasattr(socket, name):
                sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
