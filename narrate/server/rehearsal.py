"""A server that goes wrong on purpose: in front of any ASGI app that speaks, as a plan of faults says.

    app = Rehearsal(app, read_plan("7:0.3"), told=metrics.fault)
    uvicorn.Config(app, **protocols())                          of narrate.server.connections

Requests for speech and Speech Sessions may go wrong; everything else passes through, and so does what the plan calls
healthy. ASGI cannot break off an answer in its headers, so the connection's transport is used, which those protocols
let travel in the scope. What has been written there past uvicorn ends its connection, since uvicorn does not know of
it; only a surplus, behind an answer that uvicorn itself has sent, leaves it open.

A connection that hangs or stalls is held for ``patience`` seconds, or until its client goes away. Bodies beyond
LONGEST_REQUEST ask for no speech: the app inside may refuse them.
"""

from __future__ import annotations

import asyncio
import hashlib
import http
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from narrate.server.connections import transport_of
from narrate.server.faults import Faults, Received, Reply
from narrate.server.spoiling import instead, spoiled
from narrate.wire import openai, session, speech

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

SURFACES = frozenset((speech.SPEECH, speech.SPEECH_BYTES, openai.SPEECH))
LONGEST_REQUEST = 1_000_000
"""Bytes."""
PATIENCE_S = 60.0

_PIECE = 16_384
"""Bytes of a chunk of a chunked body."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete answer, as it would be sent."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes


class Rehearsal:
    """An ASGI app around an ASGI app. ``told`` is called with the name of each fault when it is given."""

    def __init__(
        self,
        app: ASGIApp,
        plan: Faults,
        *,
        told: Callable[[str], None] = lambda name: None,
        patience: float = PATIENCE_S,
    ) -> None:
        self._app, self._plan, self._told, self._patience = app, plan, told, patience
        self._seen: Counter[bytes] = Counter()
        self._sessions = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or have the app inside answer."""
        if scope["type"] == "http" and scope["method"] == "POST" and scope["path"] in SURFACES:
            await self._answer(scope, receive, send)
        elif scope["type"] == "websocket" and scope["path"] == session.PATH:
            await self._converse(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    # --- requests ---------------------------------------------------------------------------------------------------

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            async with asyncio.timeout(self._patience):
                body, complete = await _read(receive)
        except TimeoutError:
            await _Client(scope, receive, send).cut_off()
            return
        if body is None:
            return
        request = Received("POST", scope["path"], _headers(scope), body)
        reply = self._judge(request) if len(body) <= LONGEST_REQUEST else None
        receive_again = _replayed(body, receive, complete)
        if reply is None:
            await self._app(scope, receive_again, send)
            return
        self._told(reply.name)
        client = _Client(scope, receive, send)
        if reply.hang:
            await client.leaves(self._patience)
        if reply.hang or reply.drop:
            await client.cut_off()
        elif await client.leaves(reply.delay):
            return
        elif replace(reply, delay=0.0, name="") == Reply():  # only late: what is streamed stays streamed
            await self._app(scope, receive_again, send)
        else:
            await self._deliver(client, await self._made(request, reply, scope, receive), reply)

    def _judge(self, request: Received) -> Reply | None:
        digest = hashlib.sha256(request.body).digest()[:16]
        self._seen[digest] += 1
        return self._plan(request, self._seen[digest] - 1)

    async def _made(self, request: Received, reply: Reply, scope: Scope, receive: Receive) -> Answer:
        """The answer in full: the reply's own, or the app's, its sound changed as the reply says."""
        if reply.status != 200 or reply.body is not None:
            named = _encoded((("request-id", f"req_{request.number:016x}"), *reply.headers))
            return Answer(reply.status, named, reply.body or b"")
        changes = dict(reply.speech)
        if other := changes.pop("instead", None):
            request = instead(request, other)
        answer = await _collected(self._app, _asking(scope, request.body), _replayed(request.body, receive))
        if changes and answer.status == 200:
            # codecs take their time, and the other connections should not wait
            answer = replace(answer, body=await asyncio.to_thread(spoiled, answer.body, request, changes))
        return replace(answer, headers=(*answer.headers, *_encoded(reply.headers)))

    async def _deliver(self, client: _Client, answer: Answer, reply: Reply) -> None:
        """Send ``answer`` as ``reply`` says."""
        if not _is_raw(reply, client):
            await client.answer(answer, chunked=reply.chunked)
            client.write(reply.surplus)
            return
        head, body = _serialised(answer, reply)
        if reply.cut is not None:  # however short the answer is: in its body
            body = body[: min(reply.cut, len(body) // 2)]
        if reply.cut_headers is not None:
            head, body = head[: reply.cut_headers], b""
        if reply.drip_headers or reply.drip:
            at_once = 0 if reply.drip_headers else len(head)
            await client.drip(head + body, at_once, reply.drip_headers or reply.drip)
        else:
            client.write(head + body + reply.surplus)
        if reply.stall:
            await client.leaves(self._patience)
        await client.close()

    # --- sessions ---------------------------------------------------------------------------------------------------

    async def _converse(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._sessions += 1
        kind = self._plan.session_kind(self._sessions - 1)
        if not kind:
            await self._app(scope, receive, send)
            return
        faulty = _Session(kind, self._plan.pace.late, scope, receive, send, self._told)
        try:
            await self._app(scope, faulty.receive, faulty.send)
        except Exception:  # whatever the app makes of a session that was cut off under its hands
            if not faulty.ended:
                raise


class _Client:
    """The other end of one request, whose body has been read."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._receive, self._send = receive, send
        self._scope = scope

    @property
    def stays(self) -> bool:
        """Whether it wants to use the connection again."""
        wish = _headers(self._scope).get("connection", "").lower()
        return self._scope["http_version"] == "1.1" and "close" not in wish

    async def leaves(self, seconds: float | None) -> bool:
        """Whether it goes away within so many seconds; None waits for that."""
        if seconds == 0:
            return False
        try:
            async with asyncio.timeout(seconds):
                while (await self._receive())["type"] != "http.disconnect":
                    pass
        except TimeoutError:
            return False
        return True

    async def answer(self, answer: Answer, *, chunked: bool) -> None:
        """The usual way, through uvicorn."""
        length = () if chunked else ((b"content-length", b"%d" % len(answer.body)),)
        headers = [*_without_length(answer.headers), *length]
        await self._send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await self._send({"type": "http.response.body", "body": answer.body})

    def write(self, data: bytes) -> None:
        """Past uvicorn."""
        if data and not transport_of(self._scope).is_closing():
            transport_of(self._scope).write(data)

    async def drip(self, data: bytes, at_once: int, pause: float) -> None:
        """Byte by byte from ``at_once`` on, until the client goes away."""
        self.write(data[:at_once])
        for place in range(at_once, len(data)):
            self.write(data[place : place + 1])
            if await self.leaves(pause):
                return

    async def close(self) -> None:
        """Close the connection behind what was written, and see to it that uvicorn knows before it looks."""
        transport_of(self._scope).close()
        await self.leaves(None)

    async def cut_off(self) -> None:
        """Close the connection at once."""
        transport_of(self._scope).abort()
        await self.leaves(None)


class _Session:
    """The two callables of a Speech Session that goes wrong in the way ``kind``; ``late`` in seconds."""

    def __init__(
        self, kind: str, late: float, scope: Scope, receive: Receive, send: Send, told: Callable[[str], None]
    ) -> None:
        self._kind, self._late, self._scope = kind, late, scope
        self._receive, self._send, self._told = receive, send, told
        self._side = session.ServerSide()  # errors are told in the client's own dialect
        self._given = self.ended = False

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "websocket.receive" and self._side.opening is None:
            with suppress(session.SessionFault):  # the app will find the same
                self._side.received(message.get("text") or message.get("bytes") or b"")
        return message

    async def send(self, message: Message) -> None:
        if self.ended:
            raise ConnectionResetError("the session was ended by the plan of faults")
        if self._given or message["type"] != "websocket.send" or not self._is_due(message):
            await self._send(message)
            return
        self._given = True
        self._told(self._kind)
        await self._go_wrong(message)

    def _is_due(self, message: Message) -> bool:
        """Whether it is time: with the first audio, or with the first message."""
        return message.get("bytes") is not None or self._kind not in ("session dropped", "session broken")

    async def _go_wrong(self, message: Message) -> None:
        if self._kind == "session late":
            await asyncio.sleep(self._late)
            await self._send(message)
            return
        self.ended = True
        if self._kind == "session dropped":
            await self._send(message)
            transport_of(self._scope).close()  # not before the audio is out, and without a closing frame
        elif self._kind == "session closed":
            await self._send({"type": "websocket.close", "code": 1011})
        elif self._kind == "session broken":
            await self._fail("internal_server_error", "out of order")
        else:
            await self._fail("rate_limit_error", "too many requests")

    async def _fail(self, kind: str, words: str) -> None:
        told = self._side.error(kind, words, "req_rehearsal")
        await self._send({"type": "websocket.send", "text": told})
        await self._send({"type": "websocket.close", "code": 1000})


# --- ASGI and bytes -------------------------------------------------------------------------------------------------


async def _read(receive: Receive) -> tuple[bytes | None, bool]:
    """The body, read until it is longer than LONGEST_REQUEST, and whether that is all; None for a client that left."""
    body = bytearray()
    while len(body) <= LONGEST_REQUEST:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None, False
        body += message.get("body", b"")
        if not message.get("more_body", False):
            return bytes(body), True
    return bytes(body), False


def _replayed(body: bytes, receive: Receive, complete: bool = True) -> Receive:
    """A ``receive`` that first gives ``body``, as if nobody had read it."""
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": not complete}]

    async def again() -> Message:
        return waiting.pop() if waiting else await receive()

    return again


def _asking(scope: Scope, body: bytes) -> Scope:
    """``scope`` for a request with another body."""
    return {**scope, "headers": [*_without_length(scope["headers"]), (b"content-length", b"%d" % len(body))]}


async def _collected(app: ASGIApp, scope: Scope, receive: Receive) -> Answer:
    """The answer of ``app``, once all of it is there."""
    status, headers, body = 500, tuple[tuple[bytes, bytes], ...](), bytearray()

    async def send(message: Message) -> None:
        nonlocal status, headers, body
        if message["type"] == "http.response.start":
            status, headers = message["status"], tuple(message.get("headers", ()))
        elif message["type"] == "http.response.body":
            body += message.get("body", b"")

    await app(scope, receive, send)
    return Answer(status, headers, bytes(body))


def _headers(scope: Scope) -> dict[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}


def _encoded(headers: tuple[tuple[str, str], ...]) -> tuple[tuple[bytes, bytes], ...]:
    return tuple((name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers)


def _without_length(headers: Any) -> list[tuple[bytes, bytes]]:
    return [(name, value) for name, value in headers if name.lower() not in (b"content-length", b"transfer-encoding")]


def _is_raw(reply: Reply, client: _Client) -> bool:
    """Whether uvicorn cannot send it: it would close the connection before a surplus, and tell a date of its own."""
    breaks = reply.cut is not None or reply.cut_headers is not None or reply.drop_after or reply.stall
    drips = reply.drip > 0 or reply.drip_headers > 0
    dated = any(name.lower() == "date" for name, _ in reply.headers)
    return breaks or drips or dated or (reply.surplus != b"" and not client.stays)


def _serialised(answer: Answer, reply: Reply) -> tuple[bytes, bytes]:
    """The head and the body as bytes. That the connection will be closed is told unless that is the fault."""
    phrase = http.HTTPStatus(answer.status).phrase.encode() if answer.status in set(http.HTTPStatus) else b"Answer"
    lines = [b"HTTP/1.1 %d %b" % (answer.status, phrase)]
    lines += [b"%b: %b" % header for header in _without_length(answer.headers)]
    body = answer.body
    if reply.chunked:
        lines.append(b"transfer-encoding: chunked")
        pieces = [body[at : at + _PIECE] for at in range(0, len(body), _PIECE)]
        body = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
    else:
        lines.append(b"content-length: %d" % len(body))
    if reply.cut is None and reply.cut_headers is None and not reply.drop_after:
        lines.append(b"connection: close")
    return b"\r\n".join(lines) + b"\r\n\r\n", body
