"""The front door: request ids, who may come in at all, time limits, and one line in the log for each request."""

from __future__ import annotations

import re
import secrets
from collections.abc import Collection
from typing import Any

from starlette.requests import HTTPConnection, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from narrate.server.answers import Premises, now, refuse, surface_of
from narrate.server.connections import TRANSPORT, stalled
from narrate.wire.serving import Fault, error_body

_LONG = re.compile(r"[^/]{25,}")
"""What is no part of an address that is known here, and may be a key, or a text."""


class Front:
    """An ASGI app around the server's app. ``hosts`` are the names it may be called by (empty: any), ``origins`` the
    web pages that may use it: a page of any other is turned away, also where it could not read the answer.
    """

    def __init__(self, app: ASGIApp, premises: Premises, *, hosts: Collection[str], origins: Collection[str]) -> None:
        self._app = app
        self._premises = premises
        self._hosts = frozenset(hosts)
        self._origins = frozenset(origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let it in, and note how it went."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        visit = _Visit(scope, send, self._premises)
        try:
            self._admit(scope)
        except Fault as fault:
            await self._turn_away(fault, scope, receive, visit)
        else:
            await self._let_in(scope, receive, visit)
        finally:
            visit.over()

    def _admit(self, scope: Scope) -> None:
        headers = HTTPConnection(scope).headers
        if self._premises.leaving.is_set():
            raise Fault("the server is ending", "internal_server_error", status=503, retry_after=5)
        host = headers.get("host", "").lower()
        name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() and not host.endswith("]") else host
        if self._hosts and name not in self._hosts:
            raise Fault("this server is not known by that name", "permission_error")
        origin = headers.get("origin")
        if origin is not None and origin not in self._origins:
            raise Fault("pages of this origin may not use this server; see --allow-origin", "permission_error")

    async def _turn_away(self, fault: Fault, scope: Scope, receive: Receive, visit: _Visit) -> None:
        if scope["type"] == "websocket":
            await visit.refuse(fault)
        else:
            await (await refuse(Request(scope), fault))(scope, receive, visit.send)

    async def _let_in(self, scope: Scope, receive: Receive, visit: _Visit) -> None:
        try:
            await self._app(scope, receive, visit.send)
        except Exception as error:  # whatever it is: it is told by the app already, or the answer has begun
            visit.note.setdefault("error", type(error).__name__)
            if scope["type"] == "http" and visit.begun:
                visit.abort()  # so that nobody takes half an answer for a whole one
                return
            raise


class _Visit:
    """One request, or one session: what is sent of it, and what is noted."""

    def __init__(self, scope: Scope, send: Send, premises: Premises) -> None:
        self.note: dict[str, Any] = {}
        self.begun = False
        self._scope, self._send, self._premises = scope, send, premises
        self._since = now()
        self._bytes = 0
        self._first: float | None = None
        self._status = 0
        self.request_id = f"req_{secrets.token_hex(16)}"
        scope.setdefault("state", {}).update(note=self.note, request_id=self.request_id)
        if scope["type"] == "http":
            premises.metrics.in_flight.inc()

    async def send(self, message: Message) -> None:
        """Pass ``message`` on, with the request's id where there are headers."""
        match message["type"]:
            case "http.response.start" | "websocket.http.response.start" | "websocket.accept":
                self.begun = True
                self._status = message.get("status", 101)
                headers = [*message.get("headers", ()), (b"request-id", self.request_id.encode())]
                message = {**message, "headers": headers}
            case "http.response.body" if message.get("body"):
                self._count(len(message["body"]))
            case "websocket.send" if message.get("bytes"):
                self._count(len(message["bytes"]))
            case "websocket.close" if not self.begun:  # the app's way to say that there are no sessions there
                await self.refuse(Fault("there is nothing at this address", "not_found_error"))
                return
        await self._send(message)

    async def refuse(self, fault: Fault) -> None:
        """Answer a WebSocket's handshake as any other request: its client may read why."""
        self.note["error"] = fault.kind
        again = () if fault.retry_after is None else ((b"retry-after", b"%d" % fault.retry_after),)
        headers = [(b"content-type", b"application/json"), *again]
        body = error_body(fault, surface_of(self._scope["path"]))
        await self.send({"type": "websocket.http.response.start", "status": fault.status, "headers": headers})
        await self.send({"type": "websocket.http.response.body", "body": body})

    def abort(self) -> None:
        """Cut the connection."""
        transport = self._scope["state"].get(TRANSPORT)
        if transport is not None:
            transport.abort()

    def _count(self, size: int) -> None:
        if self._first is None:
            self._first = now() - self._since
        self._bytes += size

    def over(self) -> None:
        """Count it, and write its line."""
        endpoint = self._scope.get("endpoint")
        path = getattr(endpoint, "__name__", "other")
        if stalled(self._scope):
            self.note["error"] = "the client does not read"
        metrics = self._premises.metrics
        status = self._status or 499
        line: dict[str, Any] = {"event": "session" if self._scope["type"] == "websocket" else "request"}
        if self._scope["type"] == "http":
            metrics.in_flight.dec()
            metrics.requests.labels(path, str(status)).inc()
            if self._first is not None and status == 200 and "characters" in self.note:
                metrics.first_byte.labels(path).observe(self._first)
            line["method"] = self._scope["method"]
        elif status != 101:
            metrics.ended.labels("turned away").inc()
        client = self._scope.get("client")
        line |= {
            "status": status,
            "path": _LONG.sub("…", self._scope["path"][:200]),
            "ms": round((now() - self._since) * 1000),
            "bytes": self._bytes,
            "request_id": self.request_id,
            "client": client[0] if client else "",
            **self.note,
        }
        if self._first is not None:
            line["first_byte_ms"] = round(self._first * 1000)
        self._premises.log(line)
